# lunula. `make` alone builds build/lunula/core.so and build/liblunula.a; demo
# and test set up what is missing on a Debian system, where they may. Other
# targets: lint floors asan bench install rock clean.

PREFIX  = /usr/local
LUADIR  = $(PREFIX)/share/lua/5.4
LIBDIR  = $(PREFIX)/lib/lua/5.4
BUILD   = build
JOBS    = $(shell nproc 2>/dev/null || echo 1)
LUA     = lua5.4
CC      = gcc
CFLAGS  = -O3
WARN    = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
          -Wwrite-strings -Wvla -Wpointer-arith -Wundef \
          -Wframe-larger-than=16384 \
          -Werror=implicit-function-declaration

# Where Lua's headers and OpenBLAS are: pkg-config knows, if it is there.
ask         = $(shell pkg-config $(1) 2>/dev/null)
LUA_INCDIR := $(or $(patsubst -I%,%,$(firstword $(call ask,--cflags-only-I lua5.4))),/usr/include/lua5.4)
LUA_LIBS   := $(or $(call ask,--libs lua5.4),-llua5.4)
BLAS_FLAGS := $(call ask,--cflags openblas)
BLAS_LIBS  := $(or $(call ask,--libs openblas),-lopenblas)

# ---- nothing below needs to be changed -------------------------------------

# Products and sums may be fused, save where the source says that they may not,
# which clang's plain `fast` would not hear.
CONTRACT := -ffp-contract=fast$(if $(findstring clang,$(shell $(CC) --version)),-honor-pragmas)
FLAGS   = -std=c11 -pthread -fPIC -fvisibility=hidden $(CONTRACT) \
          -fno-math-errno -fno-trapping-math -Isrc -I$(LUA_INCDIR) $(BLAS_FLAGS) $(WARN) $(SETS)
ASAN    = -O1 -g -fno-omit-frame-pointer -Wno-frame-larger-than \
          -fsanitize=address,undefined -fno-sanitize-recover=undefined
WATCH   = ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
VERSION := $(shell sed -n 's/.*LUNULA_VERSION "\(.*\)"/\1/p' src/host/lunula.h)
SRC     := $(sort $(wildcard src/*/*.c))

# Files of hot loops are compiled once more for each instruction set beyond what
# every processor has: kernels/conv.c becomes conv.o, conv.avx2.o, conv.avx512.o
# (src/base/each_isa.h).
X86     := $(filter x86_64%,$(shell $(CC) -dumpmachine))
ISAS    := $(if $(X86),avx2 avx512)
SETS    := $(if $(X86),-DLUNULA_X86_SETS)
LOOPS   := $(shell grep -l '^#include "base/each_isa.h"' $(SRC))
FOR_avx2   = -DISA_OBJECT=avx2 -march=x86-64-v3
FOR_avx512 = -DISA_OBJECT=avx512 -march=x86-64-v4
OBJ     := $(SRC:src/%.c=$(BUILD)/obj/%.o) \
           $(foreach isa,$(ISAS),$(LOOPS:src/%.c=$(BUILD)/obj/%.$(isa).o))
HOSTSRC := $(sort $(wildcard spec/host/*.c))
HOSTS   := $(HOSTSRC:spec/%.c=$(BUILD)/%)
LUASRC  := $(sort $(shell find lua -name '*.lua' -o -type d))  # a folder changes with its files
CORE    := $(BUILD)/lunula/core.so
ARCHIVE := $(BUILD)/liblunula.a
ROCK    := lunula-scm-1
TREE    := $(CURDIR)/$(BUILD)/rocks
FROM_TREE = LUA_PATH_5_4='$(TREE)/share/lua/5.4/?.lua;$(TREE)/share/lua/5.4/?/init.lua;;' \
            LUA_CPATH_5_4='$(TREE)/lib/lua/5.4/?.so;;'
LUAROCKS  = env -u MAKEFLAGS -u MAKELEVEL luarocks --lua-version 5.4
PART      = $(SPEC)$(FILTER)
MAKEFLAGS += --no-print-directory
comma     = ,

all: $(CORE) $(ARCHIVE) ; @:

define compile
	@mkdir -p $(@D) && echo "cc $<$(1:%= for %)"
	@$(CC) $(FLAGS) $(CFLAGS) $(FOR_$(1)) -MMD -MP -c -o $@ $<
endef
$(BUILD)/obj/%.o: src/%.c ; $(call compile,)
$(BUILD)/obj/%.avx2.o: src/%.c ; $(call compile,avx2)
$(BUILD)/obj/%.avx512.o: src/%.c ; $(call compile,avx512)

$(CORE): $(OBJ) src/bind/exports.map
	@mkdir -p $(@D) && echo "ld $@"
	@$(CC) -shared -Wl,--version-script=src/bind/exports.map $(CFLAGS) $(LDFLAGS) \
	  -o $@ $(OBJ) $(BLAS_LIBS) -lm -pthread

$(BUILD)/carried.c: src/host/carry.lua $(LUASRC)
	@mkdir -p $(@D)
	@$(LUA) src/host/carry.lua $@ lua $(filter %.lua,$(LUASRC))

# The objects and the Lua files as one object, in which only the public names
# can still be seen by a host.
$(ARCHIVE): $(OBJ) $(BUILD)/carried.c src/host/carried.h
	@echo "ar $@"
	@$(CC) $(FLAGS) -c -o $(BUILD)/carried.o $(BUILD)/carried.c
	@ld -r -o $(BUILD)/lunula.o $(OBJ) $(BUILD)/carried.o
	@objcopy --wildcard --keep-global-symbol='lunula_*' \
	  --keep-global-symbol=luaopen_lunula_core $(BUILD)/lunula.o
	@rm -f $@ && ar rcs $@ $(BUILD)/lunula.o

# Every spec/host/*.c is one program: a C host that links the archive.
$(BUILD)/host/%: spec/host/%.c $(ARCHIVE)
	@mkdir -p $(@D) && echo "cc $<"
	@$(CC) $(FLAGS) $(CFLAGS) -Isrc/host -MMD -MP -o $@ $< $(ARCHIVE) \
	  $(LDFLAGS) $(LUA_LIBS) $(BLAS_LIBS) -lm -pthread
hosts: $(HOSTS) ; @:

# Below a sanitizer, which has the names of the allocator, the linker puts the
# one of the sweep in front.
$(BUILD)/host/sweep: override LDFLAGS += $(if $(filter %asan,$(BUILD)), \
  $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc realloc posix_memalign free))

-include $(OBJ:.o=.d) $(HOSTS:=.d)

# The main example, run from the installed rock in a folder from which the
# checkout cannot be seen.
demo:
	@.ci/setup build rock
	@$(MAKE) -j$(JOBS) all && $(MAKE) tree
	@env -C $(BUILD)/empty $(FROM_TREE) $(LUA) $(CURDIR)/examples/classifier.lua

# make test [SPEC="spec/layers ..."] [FILTER="name pattern"]
test:
	@{ .ci/setup build rock test && $(MAKE) -j$(JOBS) $(if $(PART),$(CORE),all hosts) && \
	  $(if $(PART),:,$(MAKE) tree); } || { echo "0 passed, 1 failed"; exit 1; }
	@$(LUA) spec/support/run.lua $(BUILD) spec='$(SPEC)' filter='$(FILTER)' $(if $(PART),, \
	  $(HOSTS) "env -C $(BUILD)/empty $(FROM_TREE) $(LUA) $(CURDIR)/spec/support/rock.lua")

# The same specs and hosts, with every access and every leak watched.
asan:
	@.ci/setup build test
	@$(MAKE) -j$(JOBS) BUILD=build/asan CFLAGS='$(ASAN)' LDFLAGS=-Wl,-z,nodelete \
	  $(if $(PART),build/asan/lunula/core.so,all hosts)
	@$(LUA) spec/support/run.lua build/asan spec='$(SPEC)' filter='$(FILTER)' \
	  under="env $(WATCH) LD_PRELOAD=$$($(CC) -print-file-name=libasan.so)" \
	  $(if $(PART),,$(HOSTS:build/%='env $(WATCH) build/asan/%'))

# gcc compiles for real, because some of its warnings need the optimiser.
CHECK = printf '%s\n' $(SRC) $(HOSTSRC) | xargs -P $(JOBS) -n 1
lint:
	@.ci/setup build lint
	@$(CHECK) gcc $(FLAGS) -Isrc/host -Werror -O2 -DLUNULA_PLAIN -c -o /dev/null
	@$(CHECK) clang $(FLAGS) -Isrc/host -Werror -fsyntax-only \
	  -Wno-tautological-constant-out-of-range-compare
	@luacheck -q --no-color src lua spec examples rocks $(wildcard rocks/*.rockspec rocks/*/*.rockspec)

# Every allocation fails once: an hour. `make test` takes a stride of it.
sweep:
	@.ci/setup build
	@$(MAKE) -j$(JOBS) all $(BUILD)/host/sweep
	@$(BUILD)/host/sweep full

floors:
	@$(LUA) spec/support/floors.lua

bench: $(CORE)
	@env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE LUA_CPATH_5_4='$(BUILD)/?.so;;' \
	  LUA_PATH_5_4='lua/?.lua;lua/?/init.lua;;' $(LUA) spec/bench/run.lua $(ARGS)

install: all install-module
	install -D -m 644 $(ARCHIVE) $(DESTDIR)$(PREFIX)/lib/liblunula.a
	install -D -m 644 src/host/lunula.h $(DESTDIR)$(PREFIX)/include/lunula.h
	sed 's,@PREFIX@,$(PREFIX),; s,@VERSION@,$(VERSION),' src/host/lunula.pc.in >$(BUILD)/lunula.pc
	install -D -m 644 $(BUILD)/lunula.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig/lunula.pc

install-module: $(CORE)
	install -D -m 755 $(CORE) $(DESTDIR)$(LIBDIR)/lunula/core.so
	cd lua && find . -name '*.lua' -exec install -D -m 644 {} $(DESTDIR)$(LUADIR)/{} \;

# The rock, installed below build/.
tree: $(TREE)/installed ; @:
$(TREE)/installed: $(CORE) $(LUASRC) rocks/$(ROCK).rockspec
	$(LUAROCKS) make --tree $(TREE) rocks/$(ROCK).rockspec
	@rm -rf $(BUILD)/empty && mkdir $(BUILD)/empty && touch $@

# Both forms of the rock, in build/: its sources, and what `tree` installed.
rock: tree
	tar -czf $(BUILD)/$(ROCK).tar.gz --transform 's,^,lunula/,' Makefile LICENSE README.md \
	  src lua rocks spec examples
	sed 's,file://,file://$(CURDIR)/,' rocks/$(ROCK).rockspec >$(BUILD)/$(ROCK).rockspec
	cd $(BUILD) && $(LUAROCKS) pack $(ROCK).rockspec && $(LUAROCKS) pack --tree $(TREE) lunula

clean:
	rm -rf build

.PHONY: all hosts demo test asan lint floors sweep bench install install-module tree rock clean
