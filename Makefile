# lunula. `make` alone builds build/lunula/core.so and build/liblunula.a; what
# runs tests sets up what is missing on a Debian system, where it may. It is GNU
# make's (gmake, where make is another one); the recipes are POSIX's.
#   make demo       the main example, from the installed rock
#   make rocks      the sister rocks (rocks/) whose libraries are there
#   make test       all specs and hosts; SPEC="paths" FILTER="pattern": a part
#   make asan       the same with every access and every leak watched
#   make lint       warnings of two compilers, luacheck
#   make floors     who links to whom, who requires whom
#   make isa        the specs under each lower instruction set; make clang: by clang
#   make blas       the specs and hosts with the products of OpenBLAS
#   make sweep      every allocation fails once
#   make lto        built with -flto, and the hosts run
#   make shared     build/liblunula.so, with a Lua inside, for hosts in other languages
#   make builds     what only predicts: -Os, -flto, clang, musl, another processor
#   make docs       the manual, in build/docs (spec/docs/README.md)
#   make packages   installed into a folder, and found by pkg-config and CMake
#   make nightly    every check in full, of which .ci/run takes a part
#   make bench      times; make bench-peers: beside other runtimes (spec/bench/peers)
#   make rock       the numbered rocks, as sources and built, each tried in an empty tree
#   make install, clean

LUA     = lua5.4
LUA_VERSION := $(or $(shell $(LUA) -e 'print((_VERSION:match "[%d.]+"))' 2>/dev/null),5.4)
PREFIX  = /usr/local
LUADIR  = $(PREFIX)/share/lua/$(LUA_VERSION)
LIBDIR  = $(PREFIX)/lib/lua/$(LUA_VERSION)
CLIBDIR = $(PREFIX)/lib
BUILD   = build
JOBS    = $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
CROSS   =
GCC    := $(if $(shell command -v $(CROSS)gcc 2>/dev/null),gcc,cc)
CC      = $(CROSS)$(GCC)
AR      = $(CROSS)ar
NM      = $(CROSS)nm
OBJCOPY = $(CROSS)objcopy
CFLAGS  = -O3
WARN    = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
          -Wwrite-strings -Wvla -Wpointer-arith -Wundef \
          -Wframe-larger-than=16384 \
          -Werror=implicit-function-declaration

# Where Lua's headers and OpenBLAS are: pkg-config knows, if it is there; systems
# write the number of Lua in three ways. The module lunula.blas is built when
# OpenBLAS is there; BLAS=none: never.
ask         = $(shell pkg-config $(1) 2>/dev/null)
LUA_PC     := $(firstword $(foreach name,lua$(LUA_VERSION) lua-$(LUA_VERSION) lua$(subst .,,$(LUA_VERSION)), \
                $(if $(call ask,--libs $(name)),$(name))))
LUA_INCDIR := $(or $(if $(LUA_PC),$(patsubst -I%,%,$(firstword $(call ask,--cflags-only-I $(LUA_PC))))),/usr/include/lua$(LUA_VERSION))
LUA_LIBS   := $(or $(if $(LUA_PC),$(call ask,--libs $(LUA_PC))),-llua$(LUA_VERSION))
BLAS_FLAGS := $(if $(wildcard $(OPENBLAS_INCDIR)/cblas.h),-I$(OPENBLAS_INCDIR)) $(call ask,--cflags openblas)
BLAS_DIR   := $(or $(if $(wildcard $(OPENBLAS_LIBDIR)/libopenblas.*),$(OPENBLAS_LIBDIR)), \
                $(call ask,--variable=libdir openblas),/usr/lib)
BLAS       := $(if $(filter none,$(BLAS)),none,$(if $(shell $(CC) $(BLAS_FLAGS) -include cblas.h \
                -E -x c /dev/null 2>/dev/null | grep openblas_get_corename),openblas,none))

# The sister rocks whose libraries are there; what each needs, its own Makefile says.
SISTERS     := hdf5 images mpi
said         = $(shell sed -n 's/^$(2) *= //p' rocks/$(1)/Makefile)
there        = $(shell $(CC) $(call ask,--cflags $(call said,$(1),PACKAGES)) \
                 $(patsubst %,-include %,$(call said,$(1),HEADERS)) -E -x c /dev/null >/dev/null 2>&1 && echo yes)
ROCKS       := $(foreach rock,$(SISTERS),$(if $(call there,$(rock)),$(rock)))
MISSING     := $(filter-out $(ROCKS),$(SISTERS))

# SCRIPTS=none: an archive for hosts that only predict, and nothing else; it is
# built without Lua. CROSS=aarch64-linux-gnu- is for another machine.
SCRIPTS =

# ---- nothing below needs to be changed -------------------------------------

# The compiler says for which system it is; it need not be this one. Linux has
# dlopen in a library of its own, before glibc 2.34. On macOS the linker has no
# scripts for versions, and joining objects hides what is not public.
says    = $(shell echo $(1) | $(CC) $(CFLAGS) -E -P - 2>/dev/null | grep -x 1)
APPLE  := $(call says,__APPLE__)
DL      = $(if $(call says,__linux__),-ldl)
LOADED  = $(if $(APPLE),-bundle -undefined dynamic_lookup,-shared)
LASTING = $(if $(APPLE),,-Wl$(comma)-z$(comma)nodelete)
ONLY_CORE = $(if $(APPLE),,-Wl$(comma)--version-script=src/bind/exports.map)

# What clang wants to hear otherwise. Products and sums may be fused, save where
# the source says that they may not: clang does not hear that with `fast`, and
# gcc takes `on` for `off`. AVX-512 vectors are halved unless they are asked for.
# It warns of loops over whole quotients, which are not vectorised, and of casts
# that compare a byte with what no byte is.
CLANG   := $(findstring clang,$(shell $(CC) --version 2>/dev/null))
CONTRACT = -ffp-contract=$(if $(CLANG),on,fast)
WIDE     = $(if $(CLANG),-mprefer-vector-width=512)
QUIET    = $(if $(CLANG),-Wno-pass-failed -Wno-tautological-constant-out-of-range-compare)
FLAGS   = -std=c11 -pthread -fPIC -fvisibility=hidden $(CONTRACT) \
          -fno-math-errno -fno-trapping-math -fno-asynchronous-unwind-tables -Isrc -I$(LUA_INCDIR) $(SETS) $(WARN) $(QUIET)
ASAN    = -O1 -g -fno-omit-frame-pointer -Wno-frame-larger-than \
          -fsanitize=address,undefined -fno-sanitize-recover=undefined
WATCH   = ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
# With -flto the objects become code here, and not later.
LTO_JOIN = -flinker-output=nolto-rel
VERSION := $(shell sed -n 's/.*LUNULA_VERSION "\(.*\)"/\1/p' src/host/lunula.h)
BLASSRC := $(sort $(wildcard src/blas/*.c))
SRC     := $(filter-out $(BLASSRC) src/host/shared.c,$(sort $(wildcard src/*/*.c)))

# Files of hot loops are compiled once more for each instruction set beyond what
# every processor has: kernels/conv.c becomes conv.o, conv.avx2.o, conv.avx512.o
# (src/base/each_isa.h).
X86     := $(call says,__x86_64__)
ISAS    := $(if $(X86),avx2 avx512)
SETS    := $(if $(X86),-DLUNULA_X86_SETS)
LOOPS   := $(shell grep -l '^#include "base/each_isa.h"' $(SRC))
# Whose loops wait for memory needs no form for AVX-512.
AVX2    := $(shell grep -l '^#define ISA_AVX2_SERVES' $(LOOPS))
# -O3 makes code half as large again, so what gains nothing by it goes without:
# loops, where there are several sets of them (all but the steps of Philox, which it
# unrolls); rules and adapters of ops, which have no loops; what compiles plans and
# does not run them. Nor do loops come twice, for strides of 1. What is left over by
# a loop's vectors goes by shorter ones, in code of its own, where rows are often
# short; in the plainest set there is next to nothing left.
PLAIN   := $(if $(ISAS),$(filter-out src/base/random.c,$(LOOPS))) \
           $(patsubst %,src/kernels/%.c,pool pool_back move window index sort fft_tables fft_length) src/ops/cast.c \
           $(filter-out $(LOOPS),$(wildcard src/ops/*.c)) \
           $(wildcard src/files/*.c src/graph/*.c src/host/*.c src/scan/*.c src/tensor/*.c) \
           $(filter-out %/plan.c %/lanes.c %/plan_cache.c %/prepared.c %/epoch.c,$(wildcard src/plan/*.c))
COMPACT  = $(if $(filter -O3,$(CFLAGS)),-O2 $(if $(CLANG),,-ftree-vectorize -fvect-cost-model=dynamic))
LONG    := $(patsubst %,src/kernels/%.c,fft fft_real index move sort tile) src/ops/cast.c
BRIEF    = $(if $(or $(filter $(LONG),$<),$(if $(ISAS),$(if $(1),,$(filter $(LOOPS),$<)))), \
           --param=vect-epilogues-nomask=0)
LEVEL    = $(if $(CLANG),,-fno-version-loops-for-strides $(BRIEF)) $(if $(filter $(PLAIN),$<),$(COMPACT))
FOR_avx2   = -DISA_OBJECT=avx2 -march=x86-64-v3
FOR_avx512 = -DISA_OBJECT=avx512 -march=x86-64-v4 $(WIDE)
OBJ     := $(SRC:src/%.c=$(BUILD)/obj/%.o) \
           $(foreach isa,$(ISAS),$(patsubst src/%.c,$(BUILD)/obj/%.$(isa).o, \
             $(if $(filter avx512,$(isa)),$(filter-out $(AVX2),$(LOOPS)),$(LOOPS))))
# What knows Lua, and what only that needs, say kernels of gradients: a host that
# only predicts links nothing of it (on macOS those kernels, as its linker wants
# every weak name to be somewhere).
LUASEE  := $(wildcard src/bind/*.c src/files/*_out.c $(if $(APPLE),,src/kernels/*_back.c)) src/plan/epoch.c \
           $(patsubst %,src/files/%.c,csv inflate) $(shell grep -l '^#include "host/runtime.h"' src/host/*.c)
LUAOBJ  := $(foreach see,$(LUASEE:src/%.c=$(BUILD)/obj/%),$(filter $(see).%,$(OBJ)))
# What knows OpenBLAS is a module of its own, which nothing else links.
BLASOBJ := $(if $(filter openblas,$(BLAS)),$(BLASSRC:src/%.c=$(BUILD)/obj/%.o))
WHOLE   := $(if $(filter none,$(SCRIPTS)),,yes)
# The library of all, with the static Lua of the system inside. Before 1.0 each
# second number is an interface of its own.
SONAME  := liblunula.so.$(basename $(VERSION))
LUA_ARCHIVE := $(patsubst -l%,lib%.a,$(firstword $(filter -llua%,$(LUA_LIBS))))
LUA_STATIC := $(firstword $(wildcard $(patsubst -L%,%/$(LUA_ARCHIVE),$(filter -L%,$(LUA_LIBS))) \
                $(shell $(CC) -print-file-name=$(LUA_ARCHIVE))))
SHARED  := $(if $(and $(WHOLE),$(LUA_STATIC),$(if $(APPLE),,ELF)),$(BUILD)/liblunula.so)
HOSTSRC := $(filter-out $(if $(SHARED),,%/shared.c) $(if $(APPLE),%/carried.c),$(sort $(wildcard spec/host/*.c)))
HOSTSEE := -Isrc/host $(if $(BLASOBJ),-DWITH_BLAS)
HOSTS   := $(HOSTSRC:spec/%.c=$(BUILD)/%)
LUASRC  := $(sort $(shell find lua -name '*.lua' -o -type d))  # a folder changes with its files
CORE    := $(BUILD)/lunula/core.so
ARCHIVE := $(BUILD)/liblunula.a
MODULE  := $(if $(BLASOBJ),$(BUILD)/lunula/blas.so)
BLASLIB := $(if $(BLASOBJ),$(BUILD)/liblunula_blas.a)
# What editors read: written by what is built, so not where that cannot run here.
EDITOR  := $(if $(CROSS)$(findstring sanitize,$(CFLAGS)),,$(BUILD)/lunula/meta.lua)
ROCK    := lunula-scm-1
TREE    := $(CURDIR)/$(BUILD)/rocks
# Lua's own variables for its paths carry its number: paths(of Lua files, of modules)
paths     = LUA_PATH_$(subst .,_,$(LUA_VERSION))='$(1)' LUA_CPATH_$(subst .,_,$(LUA_VERSION))='$(2)'
from      = $(call paths,$(1)/share/lua/$(LUA_VERSION)/?.lua;$(1)/share/lua/$(LUA_VERSION)/?/init.lua;;,$(1)/lib/lua/$(LUA_VERSION)/?.so;;)
HERE      = $(call paths,lua/?.lua;lua/?/init.lua;;,$(BUILD)/?.so;;)
LUAROCKS  = env -u MAKEFLAGS -u MAKELEVEL luarocks --lua-version $(LUA_VERSION)
PART      = $(SPEC)$(FILTER)

# SPEC=smoke: what must be seen under another instruction set or compiler, in
# half a minute.
SMOKE     = spec/ops_spec.lua spec/ops_random_spec.lua spec/numbers_spec.lua \
            spec/core/conv_spec.lua spec/core/winograd_spec.lua spec/core/endings_spec.lua \
            spec/core/scan_spec.lua spec/core/isa_spec.lua \
            spec/layers/golden_spec.lua spec/layers/rnn_training_spec.lua \
            spec/trainers/training_spec.lua
override SPEC := $(patsubst smoke,$(SMOKE),$(SPEC))
# What a check runs: SPEC=, or all but LEAVE=, say spec/examples_spec.lua; test and
# asan those of the rocks, too.
OURSPECS  = $(filter-out $(LEAVE),$(sort $(wildcard spec/*_spec.lua spec/*/*_spec.lua)))
SPECS     = $(or $(SPEC),$(OURSPECS))
ALLSPECS  = $(SPECS) $(if $(SPEC),,$(ROCKS:%=rocks/%/spec))
MAKEFLAGS += --no-print-directory
comma     = ,

all: $(if $(WHOLE),modules) $(ARCHIVE) $(BLASLIB) ; @:

# make rocks: the modules of the sister rocks, as far as they can be built.
rocks: modules
	@for rock in $(ROCKS); do $(MAKE) -C rocks/$$rock all || exit 1; done
	@$(foreach rock,$(MISSING),echo "without lunula-$(rock), which needs $(call said,$(rock),NEEDS)";) :
modules: $(CORE) $(MODULE) $(EDITOR)
	@$(if $(MODULE),:,echo "without the module lunula.blas, for OpenBLAS (cblas.h, libopenblas) is not found: OPENBLAS_DIR may say where"; \
	  rm -f $(BUILD)/lunula/blas.so $(BUILD)/liblunula_blas.a)

define compile
	@mkdir -p $(@D) && echo "cc $<$(1:%= for %)"
	@$(CC) $(FLAGS) $(CFLAGS) $(LEVEL) $(FOR_$(1)) -MMD -MP -c -o $@ $<
endef
# What is built for one Lua is built anew for another.
FOR_LUA  = $(BUILD)/for-lua-$(LUA_VERSION)
$(FOR_LUA):
	@mkdir -p $(@D) && rm -f $(BUILD)/for-lua-* && touch $@
$(LUAOBJ) $(BUILD)/code.c: $(FOR_LUA)

$(BUILD)/obj/%.o: src/%.c ; $(call compile,)
$(BUILD)/obj/%.avx2.o: src/%.c ; $(call compile,avx2)
$(BUILD)/obj/%.avx512.o: src/%.c ; $(call compile,avx512)

$(CORE): $(filter-out $(BUILD)/obj/host/%,$(OBJ)) $(BUILD)/code.o $(BUILD)/nothing.o src/bind/exports.map
	@mkdir -p $(@D) && echo "ld $@"
	@$(CC) $(LOADED) $(ONLY_CORE) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -lm -pthread

# Closing a Lua state must not unload it: other states may use it (macOS hears it
# from src/blas/module.c).
$(BUILD)/lunula/blas.so: $(BLASOBJ)
	@mkdir -p $(@D) && echo "ld $@"
	@$(CC) $(LOADED) $(LASTING) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(DL) -pthread
$(BUILD)/liblunula_blas.a: $(filter-out %/module.o,$(BLASOBJ))
	@echo "ar $@" && rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/obj/blas/%.o: override FLAGS += $(BLAS_FLAGS) -DOPENBLAS_DIR='"$(BLAS_DIR)"'

# Every name with its types and a line, from the declarations.
$(BUILD)/lunula/meta.lua: $(wildcard rocks/editor*.lua) $(CORE) $(LUASRC)
	@$(call paths,lua/?.lua;lua/?/init.lua,$(BUILD)/?.so) $(LUA) rocks/editor.lua $@

# The Lua files as bytecode, in both; their texts, in the archive alone.
$(BUILD)/code.c: src/bind/carry.lua $(LUASRC)
	@mkdir -p $(@D)
	@$(LUA) src/bind/carry.lua $@ $(BUILD)/texts.c lua $(filter %.lua,$(LUASRC))
$(BUILD)/texts.c: $(BUILD)/code.c ;
$(BUILD)/nothing.c: src/bind/carried.h
	@mkdir -p $(@D)
	@printf '#include "bind/carried.h"\nconst char *const carried_texts[] = {0};\n' >$@
$(BUILD)/code.o $(BUILD)/texts.o $(BUILD)/nothing.o: %.o: %.c src/bind/carried.h
	@$(CC) $(FLAGS) $(CFLAGS) -c -o $@ $<

# Two objects, in which only public names can be seen by a host: what predicts,
# and what needs Lua, which the linker leaves out when a host asks for nothing in
# it. Names of one that the other needs get a prefix; all others are hidden.
# The compiler joins the objects, for it knows the machine (-m32) and turns those
# of -flto into code: objcopy can hide nothing in them. On macOS, which has no
# objcopy, it is one object: a host that only predicts takes SCRIPTS=none.
JOIN = $(CC) $(CFLAGS) $(if $(findstring -flto,$(CFLAGS)),$(LTO_JOIN)) -r -nostdlib
PARTS = predict $(if $(and $(WHOLE),$(if $(APPLE),,two)),scripts)
$(ARCHIVE): $(if $(WHOLE),$(OBJ) $(BUILD)/code.o $(BUILD)/texts.o,$(filter-out $(LUAOBJ),$(OBJ)))
	@echo "ar $@"
	@$(JOIN) -o $(BUILD)/predict.o $(if $(filter scripts,$(PARTS)),$(filter-out $(LUAOBJ) %/code.o %/texts.o,$^),$^)
	@$(if $(filter scripts,$(PARTS)),$(JOIN) -o $(BUILD)/scripts.o $(LUAOBJ) $(BUILD)/code.o $(BUILD)/texts.o)
	@$(if $(APPLE),,$(hide_names))
	@rm -f $@ && $(AR) rcs $@ $(PARTS:%=$(BUILD)/%.o)
	@$(NM) -P -g $@ | awk 'NF > 1 && $$2 !~ /^[Uvw]$$/ && $$1 !~ /^_?(lunula_|luaopen_lunula_core$$)/ \
	  { print "visible: " $$1; bad = 1 } END { exit bad }'
define hide_names
for o in $(PARTS); do $(NM) -P -g $(BUILD)/$$o.o; done | awk '$$2 ~ /^[Uvw]$$/ { wanted[$$1] = 1; next } { there[$$1] = 1 } \
	  END { for (name in wanted) if (there[name] && name !~ /^lunula_/) print name, "lunula_in_" name }' >$(BUILD)/names && \
	for o in $(PARTS); do $(OBJCOPY) --redefine-syms=$(BUILD)/names $(BUILD)/$$o.o && \
	  $(OBJCOPY) --wildcard --keep-global-symbol='lunula_*' \
	    --keep-global-symbol=luaopen_lunula_core $(BUILD)/$$o.o || exit 1; done
endef

# All names of Lua are hidden in it, or a host that has another Lua would get them
# mixed up; some of libc's are taken from src/host/shared.c.
LUA_OWN = stdin stdout stderr dlopen dlerror
$(BUILD)/lua.o: $(LUA_STATIC)
	@$(CC) -r -nostdlib -o $@ -Wl,--whole-archive $< && \
	  $(OBJCOPY) $(foreach name,$(LUA_OWN),--redefine-sym $(name)=shared_$(name)) $@
$(BUILD)/shared.map: $(ARCHIVE) $(BLASLIB)
	@{ echo "{ global:"; $(NM) -P -g $^ | awk '$$2 != "U" && $$1 ~ /^lunula_/ && $$1 !~ /^lunula_in_/ \
	  { print $$1 ";" }'; echo "local: *; };"; } >$@
$(BUILD)/liblunula.so: $(BUILD)/shared.map $(BUILD)/lua.o $(BUILD)/obj/host/shared.o
	@echo "ld $@"
	@$(CC) -shared -Wl,--version-script=$(BUILD)/shared.map -Wl,-soname,$(SONAME) -Wl,-z,defs,-z,text \
	  $(CFLAGS) $(LDFLAGS) -o $(BUILD)/$(SONAME) -Wl,--whole-archive $(ARCHIVE) $(BLASLIB) \
	  -Wl,--no-whole-archive $(filter %.o,$^) -lm $(DL) -pthread
	@ln -sf $(SONAME) $@
shared: $(SHARED)
	@$(if $(SHARED),:,echo "$(if $(APPLE),macOS,no static Lua (Debian: liblua$(LUA_VERSION)-dev)): without liblunula.so")

# Every spec/host/*.c is one program: a C host that links the archive.
HOSTLIBS = $(ARCHIVE) $(BLASLIB)
$(BUILD)/host/%: spec/host/%.c $(ARCHIVE) $(BLASLIB)
	@mkdir -p $(@D) && echo "cc $<"
	@$(CC) $(FLAGS) $(CFLAGS) $(HOSTSEE) -MMD -MP -o $@ $< \
	  $(HOSTLIBS) $(LDFLAGS) $(LUA_LIBS) -lm $(DL) -pthread
hosts: $(HOSTS) ; @:

# Below a sanitizer, which has the names of the allocator, the linker puts the
# one of the sweep in front.
$(BUILD)/host/sweep: override LDFLAGS += $(if $(filter %asan,$(BUILD)), \
  $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc realloc posix_memalign free))

# These only predict: nothing of Lua is there to be linked.
PREDICTS = $(BUILD)/host/alone $(BUILD)/host/golden
$(PREDICTS): override LUA_LIBS =
$(PREDICTS): override HOSTLIBS = $(ARCHIVE)
$(PREDICTS): override HOSTSEE = -Isrc/host
$(BUILD)/host/alone: override LDFLAGS += $(if $(APPLE),,-no-pie)

# This one links the shared library, and finds it beside its own folder.
$(BUILD)/host/shared: $(SHARED)
$(BUILD)/host/shared: override LUA_LIBS =
$(BUILD)/host/shared: override HOSTLIBS = $(SHARED) -Wl,-rpath,'$$ORIGIN/..'

# Here it puts two functions of Lua's behind the host's.
$(BUILD)/host/carried: override LDFLAGS += -Wl,--wrap=lua_dump,--wrap=lua_load

# What lint compiles: everything, and links nothing.
$(BUILD)/obj/spec/host/%.o: spec/host/%.c
	@mkdir -p $(@D) && echo "cc $<"
	@$(CC) $(FLAGS) $(CFLAGS) $(HOSTSEE) -MMD -MP -c -o $@ $<
objects: $(OBJ) $(BLASOBJ) $(BUILD)/obj/host/shared.o $(HOSTSRC:%.c=$(BUILD)/obj/%.o) ; @:

-include $(OBJ:.o=.d) $(BLASOBJ:.o=.d) $(BUILD)/obj/host/shared.d $(HOSTS:=.d) $(HOSTSRC:%.c=$(BUILD)/obj/%.d)

# The main example, run from the installed rock in a folder from which the
# checkout cannot be seen.
demo:
	@.ci/setup build rock
	@$(MAKE) -j$(JOBS) all && $(MAKE) tree
	@cd $(BUILD)/empty && $(call from,$(TREE)) $(LUA) $(CURDIR)/examples/classifier.lua

# make test [SPEC="spec/layers ..."] [FILTER="name pattern"]
test:
	@{ .ci/setup build rock test && $(MAKE) -j$(JOBS) $(if $(PART),modules,all hosts) rocks && \
	  $(if $(PART),:,$(MAKE) tree-rocks); } || { echo "0 passed, 1 failed"; exit 1; }
	@$(LUA) spec/support/run.lua $(BUILD) spec='$(ALLSPECS)' filter='$(FILTER)' $(if $(PART),, \
	  $(HOSTS) "in=$(BUILD)/empty $(call from,$(TREE)) $(LUA) $(CURDIR)/spec/support/rock.lua")

# The same specs and hosts, with every access and every leak watched.
asan:
	@.ci/setup build test
	@$(MAKE) -j$(JOBS) BUILD=build/asan CFLAGS='$(ASAN)' LDFLAGS=-Wl,-z,nodelete \
	  $(if $(PART),modules,all hosts) rocks
	@$(LUA) spec/support/run.lua build/asan spec='$(ALLSPECS)' filter='$(FILTER)' jobs=$(JOBS) \
	  under="env $(WATCH) LD_PRELOAD=$$($(CC) -print-file-name=libasan.so)" \
	  $(if $(PART),,$(HOSTS:build/%='env $(WATCH) build/asan/%'))

# The specs and hosts under each instruction set of this machine but the best,
# which `test` takes. make isa [SPEC=smoke]
isa:
	@.ci/setup build test
	@$(MAKE) -j$(JOBS) $(if $(PART),modules,all hosts)
	@for isa in $$($(HERE) $(LUA) -e 'local isas = require( \
	    "lunula.core").build_info().isas  print(table.concat(isas, " ", 1, #isas - 1))'); do \
	  echo "== LUNULA_ISA=$$isa"; LUNULA_GEMM=native LUNULA_ISA=$$isa $(LUA) spec/support/run.lua $(BUILD) \
	    spec='$(SPECS)' filter='$(FILTER)' $(if $(PART),,$(HOSTS)) || exit 1; done

# The specs and hosts with the products of OpenBLAS, but for programs that do not
# bring it. make blas [SPEC=smoke]
blas:
	@.ci/setup build test
	@$(MAKE) -j$(JOBS) $(if $(PART),modules,all hosts)
	@if [ $(BLAS) = none ]; then echo "no OpenBLAS: nothing to test"; else \
	  LUNULA_GEMM=blas $(LUA) spec/support/run.lua $(BUILD) spec='$(SPECS)' \
	    filter='$(FILTER)' $(if $(PART),,$(filter-out %/example_pool %/example_predict,$(HOSTS))); fi

# All of it compiled by clang. make clang [SPEC=smoke]
clang:
	@.ci/setup build test clang
	@$(MAKE) -j$(JOBS) BUILD=build/clang CC=clang all hosts
	@$(LUA) spec/support/run.lua build/clang spec='$(SPECS)' filter='$(FILTER)' \
	  $(if $(PART),,$(HOSTS:build/%=build/clang/%))

# Both compile for real, because some warnings need the optimiser.
lint:
	@.ci/setup build clang lint
	@for cc in gcc clang; do $(MAKE) -j$(JOBS) BUILD=build/lint/$$cc CC=$$cc \
	  CFLAGS='-O2 -Werror' objects || exit 1; \
	  for rock in $(ROCKS); do $(MAKE) -C rocks/$$rock BUILD=build/lint/$$cc CC=$$cc \
	    CFLAGS='-O2 -Werror' objects || exit 1; done; done
	@luacheck -q --no-color src lua spec examples rocks $(wildcard rocks/*.rockspec rocks/*/*.rockspec)

# Every allocation fails once: an hour. `make test` takes a stride of it.
sweep:
	@.ci/setup build
	@$(MAKE) -j$(JOBS) all $(BUILD)/host/sweep
	@$(BUILD)/host/sweep full

# The manual, from the declarations and the live objects.
docs: modules
	@rm -rf $(BUILD)/docs
	@$(HERE) $(LUA) spec/docs/make.lua $(BUILD)/docs

# What the objects link to and what the Lua files require.
floors: modules
	@$(LUA) spec/support/floors.lua $(BUILD)

# The hosts with an archive that the linker has optimised as a whole.
lto:
	@.ci/setup build test
	@$(MAKE) -j$(JOBS) BUILD=build/lto CFLAGS='-O2 -flto=auto' all hosts
	@$(LUA) spec/support/run.lua build/lto spec=spec/core filter= $(HOSTS:build/%=build/lto/%)

# A host that only predicts, as others may want to build it: for size, optimised by
# the linker, by clang, static with musl, for another processor. It answers as the
# release did that wrote its file. make builds [BUILDS="flto musl"]
BUILDS = small flto clang-small musl aarch64
builds: $(BUILDS:%=build-%) ; @:
build-%:
	@.ci/setup build $(filter clang musl aarch64,$(subst -, ,$*))
	@echo "== $*" && $(MAKE) -j$(JOBS) SCRIPTS=none BLAS=none BUILD=build/$* $(AS_$*) build/$*/host/golden
	@$(if $(filter aarch64,$*),qemu-aarch64-static) build/$*/host/golden
AS_small       = CFLAGS=-Os
AS_flto        = CFLAGS='-O2 -flto=auto'
AS_clang-small = CC=clang CFLAGS=-Os
AS_musl        = CC=musl-gcc LDFLAGS=-static
AS_aarch64     = CROSS=aarch64-linux-gnu- LDFLAGS=-static

# What `make install` installs is found, and hosts are built with it.
PREFIX_BUILT = $(CURDIR)/$(BUILD)/prefix
packages:
	@.ci/setup build packages
	@$(MAKE) -j$(JOBS) all shared
	@rm -rf $(PREFIX_BUILT) && $(MAKE) -s install PREFIX=$(PREFIX_BUILT)
	@CC=$(CC) LUA=$(LUA) spec/packages/check $(PREFIX_BUILT)

# Everything in full, with ten times the fuzz: once for each issue.
NIGHTLY = test lint floors asan isa blas clang lto builds packages rock sweep
nightly:
	@broken=; for check in $(NIGHTLY); do echo "== make $$check"; \
	  LUNULA_FUZZ_COUNT=200000 $(MAKE) $$check </dev/null || broken="$$broken $$check"; done; \
	[ -z "$$broken" ] || { echo "failing:$$broken"; exit 1; }

bench: $(CORE) $(BUILD)/peers/tiny $(BUILD)/peers/load
	@env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(HERE) $(LUA) spec/bench/run.lua $(ARGS)

# lunula beside other runtimes, which stand in a virtual environment of Python.
# make bench-peers [PEERS=DIR] [ARGS="mlp lstm:32 --threads 1"]
PEERS = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/lunula-peers
bench-peers: all shared $(addprefix $(BUILD)/peers/,fma_peak fma_peak.so tiny)
	@spec/bench/peers/setup $(PEERS)
	@PYTHONDONTWRITEBYTECODE=1 PEERS_BUILD=$(BUILD)/peers PEERS_DATA=$(BUILD)/peers/data \
	  LUA=$(LUA) $(HERE) $(PEERS)/bin/python spec/bench/peers/run.py $(ARGS)
$(BUILD)/peers/fma_peak: spec/bench/peers/fma_peak.c
	@mkdir -p $(@D) && $(CC) -O3 -march=native $(CONTRACT) -pthread $(WARN) -o $@ $<
$(BUILD)/peers/fma_peak.so: spec/bench/peers/fma_peak.c
	@mkdir -p $(@D) && $(CC) -O3 -march=native $(CONTRACT) -pthread $(WARN) -DLUA_MODULE \
	  -I$(LUA_INCDIR) -fPIC -shared -o $@ $<
$(BUILD)/peers/load: override LUA_LIBS =
$(BUILD)/peers/tiny $(BUILD)/peers/load: $(BUILD)/peers/%: spec/bench/peers/%.c $(ARCHIVE)
	@mkdir -p $(@D) && $(CC) $(FLAGS) $(CFLAGS) -Isrc/host -o $@ $< $(ARCHIVE) \
	  $(LDFLAGS) $(LUA_LIBS) -lm -pthread

# For packagers: both forms of the library, the header, and how pkg-config and
# CMake find them. lunula-predict.pc is for hosts that only predict.
put     = install -d $(DESTDIR)$(dir $(3)) && install -m $(1) $(2) $(DESTDIR)$(3)
install: all $(if $(WHOLE),shared install-module)
	$(call put,644,$(ARCHIVE),$(CLIBDIR)/liblunula.a)
	$(if $(BLASLIB),$(call put,644,$(BLASLIB),$(CLIBDIR)/liblunula_blas.a))
	$(if $(SHARED),$(call put,755,$(BUILD)/$(SONAME),$(CLIBDIR)/$(SONAME)))
	$(if $(SHARED),ln -sf $(SONAME) $(DESTDIR)$(CLIBDIR)/liblunula.so)
	$(call put,644,src/host/lunula.h,$(PREFIX)/include/lunula.h)
	$(if $(WHOLE),sed '1s/lua5\.4/lua$(LUA_VERSION)/' rocks/lunula.lua >$(BUILD)/command)
	$(if $(WHOLE),$(call put,755,$(BUILD)/command,$(PREFIX)/bin/lunula))
	@mkdir -p $(DESTDIR)$(CLIBDIR)/pkgconfig $(DESTDIR)$(CLIBDIR)/cmake/lunula
	$(if $(WHOLE),$(call fill,lunula.pc,pkgconfig/lunula.pc,$(LUA_PC),$(if $(LUA_PC),,$(LUA_LIBS) )))
	$(call fill,lunula.pc,pkgconfig/lunula-predict.pc,,,-predict)
	$(call fill,config.cmake,cmake/lunula/lunula-config.cmake)
	$(call fill,version.cmake,cmake/lunula/lunula-config-version.cmake)
fill = sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(CLIBDIR)|; s|@VERSION@|$(VERSION)|; s|@SONAME@|$(SONAME)|; \
  s|@SERIES@|$(basename $(VERSION))|; s|@LUA_VERSION@|$(LUA_VERSION)|; \
  s|@ARCHIVE@|$(if $(APPLE),$${libdir}/,-l:)liblunula.a|; s|@REQUIRES@|$(3)|; s|@LIBS@|$(4)|; s|@PART@|$(5)|; \
  s|@INCLUDE@|'"$$($(call from_cmake,$(abspath $(PREFIX)/include)))"'|' \
  src/host/$(1).in >$(DESTDIR)$(CLIBDIR)/$(2)

# The way from where CMake looks to a path.
from_cmake = printf '%s/\n' $(abspath $(CLIBDIR)/cmake/lunula) $(1) | awk -F/ 'NR == 1 { n = split($$0, from) } \
  NR == 2 { for (i = 1; i < n && i < NF && from[i] == $$i; i++); for (k = i; k < n; k++) way = way "../"; \
    for (; i < NF; i++) way = way $$i (i < NF - 1 ? "/" : ""); print way }'

install-module: modules
	$(call put,755,$(CORE),$(LIBDIR)/lunula/core.so)
	$(if $(MODULE),$(call put,755,$(MODULE),$(LIBDIR)/lunula/blas.so))
	cd lua && find . -name '*.lua' | while read -r file; do install -d "$(DESTDIR)$(LUADIR)/$${file%/*}" && \
	  install -m 644 "$$file" "$(DESTDIR)$(LUADIR)/$$file" || exit 1; done
	$(if $(EDITOR),$(call put,644,$(EDITOR),$(LUADIR)/lunula/meta.lua))

# The rock, installed below build/.
tree: $(TREE)/installed ; @:
$(TREE)/installed: $(CORE) $(MODULE) $(EDITOR) $(LUASRC) rocks/$(ROCK).rockspec rocks/lunula.lua
	$(LUAROCKS) make --tree $(TREE) rocks/$(ROCK).rockspec
	@rm -rf $(BUILD)/empty && mkdir $(BUILD)/empty && touch $@

# The sister rocks beside it.
tree-rocks: tree rocks
	@for rock in $(ROCKS); do (cd rocks/$$rock && $(LUAROCKS) make --tree $(TREE) \
	  lunula-$$rock-scm-1.rockspec) || exit 1; done

# Both forms of the numbered rocks, in build/: their sources, and what they become.
# Each is installed into an empty tree and tried there, without the network. The
# first are zipped here, because luarocks wants the archive's place on this machine.
# The second say nothing of this machine.
RELEASE   = lunula-$(VERSION)
FROM_ROCK = cd $(BUILD)/empty && $(call from,$(CURDIR)/$(BUILD)/from-$(1)) \
              $(LUA) $(CURDIR)/spec/support/rock.lua
SAME_TAR  = $(if $(shell tar --version 2>/dev/null | grep GNU),--sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner)
rock:
	@.ci/setup build rock
	@rm -rf $(BUILD)/from-src $(BUILD)/from-binary $(BUILD)/*.rock && mkdir -p $(BUILD)/empty
	@rm -rf $(BUILD)/$(RELEASE) && mkdir $(BUILD)/$(RELEASE) && tar -cf - Makefile LICENSE README.md \
	  src lua rocks spec examples | (cd $(BUILD)/$(RELEASE) && tar -xf - && rm -rf rocks/*/build)
	@cd $(BUILD) && tar $(SAME_TAR) -cf - $(RELEASE) | gzip -n >$(RELEASE).tar.gz && rm -rf $(RELEASE)
	@sed 's,"scm-1","$(VERSION)-1",; s,build/$(ROCK),$(RELEASE),; s,dir = "lunula",dir = "$(RELEASE)",' \
	  rocks/$(ROCK).rockspec >$(BUILD)/$(RELEASE)-1.rockspec
	cd $(BUILD) && zip -Xq $(RELEASE)-1.src.rock $(RELEASE)-1.rockspec $(RELEASE).tar.gz
	cd $(BUILD) && $(LUAROCKS) --tree from-src install $(RELEASE)-1.src.rock
	@for rock in $(ROCKS); do $(MAKE) -C rocks/$$rock BUILD=build rock VERSION=$(VERSION) && \
	  mv rocks/$$rock/build/lunula-$$rock-$(VERSION)-1.src.rock $(BUILD) && (cd $(BUILD) && \
	  $(LUAROCKS) --tree from-src install lunula-$$rock-$(VERSION)-1.src.rock) || exit 1; done
	$(call FROM_ROCK,src)
	cd $(BUILD) && for rock in lunula $(ROCKS:%=lunula-%); do $(LUAROCKS) --tree from-src pack $$rock && \
	  $(LUAROCKS) --tree from-binary install $$rock-$(VERSION)-1.*-*.rock || exit 1; done
	$(call FROM_ROCK,binary)
	@rm -rf $(BUILD)/unzipped && mkdir $(BUILD)/unzipped && for rock in $(BUILD)/*-$(VERSION)-1.*-*.rock; do \
	  unzip -q $$rock -d $(BUILD)/unzipped/$${rock##*/} || exit 1; done
	@! find $(BUILD)/unzipped -type f -exec strings -a {} + | grep -F -e $(CURDIR) -e luarocks_ -e $(HOME)/

clean:
	rm -rf build $(SISTERS:%=rocks/%/build)

.PHONY: all modules rocks shared hosts objects docs demo test asan isa blas clang lint floors lto sweep \
  nightly bench bench-peers install install-module tree tree-rocks rock clean packages builds
