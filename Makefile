# lunula: build, test, install. `make` alone builds build/lunula/core.so and
# build/liblunula.a and needs no network; `make help` lists the rest.

VERSION = 0.1.0
PREFIX  = /usr/local
LUADIR  = $(PREFIX)/share/lua/5.4
LIBDIR  = $(PREFIX)/lib/lua/5.4
BUILD   = build
LUA     = lua5.4
CC      = gcc
CFLAGS  = -O3
LDFLAGS =
JOBS    = $(shell nproc 2>/dev/null || echo 1)

# Where Lua's headers and OpenBLAS are; pkg-config is asked when it is there.
LUA_INCDIR   =
PKG          = pkg-config 2>/dev/null
LUA_CFLAGS  := $(if $(LUA_INCDIR),-I$(LUA_INCDIR),$(or $(shell $(PKG) \
  --cflags lua5.4 || $(PKG) --cflags lua-5.4),-I/usr/include/lua5.4))
LUA_LIBS    := $(or $(shell $(PKG) --libs lua5.4 || $(PKG) --libs lua-5.4),-llua5.4)
BLAS_CFLAGS := $(shell $(PKG) --cflags openblas)
BLAS_LIBS   := $(or $(shell $(PKG) --libs openblas),-lopenblas)

WARN  = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wwrite-strings -Wvla -Wpointer-arith -Wundef
FLAGS = -std=c11 -ffp-contract=fast -fno-math-errno -fno-trapping-math \
        -fvisibility=hidden -fPIC -pthread -D_GNU_SOURCE -Isrc \
        $(LUA_CFLAGS) $(BLAS_CFLAGS) $(WARN)

# ---- nothing below needs changing -----------------------------------------

SRC     := $(sort $(wildcard src/*/*.c))
OBJ     := $(SRC:src/%.c=$(BUILD)/obj/%.o)
HOSTS   := $(patsubst spec/host/%.c,$(BUILD)/host/%,$(sort $(wildcard spec/host/*.c)))
LUASRC  := $(sort $(shell find lua -name '*.lua'))
CORE    := $(BUILD)/lunula/core.so
ARCHIVE := $(BUILD)/liblunula.a
ROCK    := rocks/lunula-scm-1.rockspec
TREE    := $(CURDIR)/$(BUILD)/rocks
LUAROCKS = env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS luarocks --lua-version 5.4
SUBMAKE  = $(MAKE) --no-print-directory
FROM_TREE = LUA_PATH_5_4='$(TREE)/share/lua/5.4/?.lua;$(TREE)/share/lua/5.4/?/init.lua;;' \
            LUA_CPATH_5_4='$(TREE)/lib/lua/5.4/?.so;;'
ASAN      = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
            -fno-sanitize-recover=undefined -DLUNULA_PLAIN
ASAN_ENV  = ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1

all: $(CORE) $(ARCHIVE)
	@:

$(BUILD)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	@echo "cc $<"
	@$(CC) $(FLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(CORE): $(OBJ) src/lua/exports.map
	@mkdir -p $(@D)
	@echo "ld $@"
	@$(CC) -shared -Wl,--version-script=src/lua/exports.map $(CFLAGS) $(LDFLAGS) \
	  -o $@ $(OBJ) $(BLAS_LIBS) -lm -pthread

$(BUILD)/carried.c: src/embed/carry.lua $(LUASRC)
	@mkdir -p $(@D)
	@echo "carry $@"
	@$(LUA) src/embed/carry.lua $@ lua $(LUASRC) -- dkjson

$(BUILD)/carried.o: $(BUILD)/carried.c src/embed/carried.h
	@$(CC) $(FLAGS) $(CFLAGS) -c -o $@ $<

# One object, in which only the public names are still visible to a host.
$(ARCHIVE): $(OBJ) $(BUILD)/carried.o
	@echo "ar $@"
	@ld -r -o $(BUILD)/liblunula.o $^
	@objcopy --wildcard --keep-global-symbol='lunula_*' \
	  --keep-global-symbol=luaopen_lunula_core $(BUILD)/liblunula.o
	@rm -f $@ && ar rcs $@ $(BUILD)/liblunula.o

# Every spec/host/*.c is one program: a C host that links the archive.
$(BUILD)/host/%: spec/host/%.c $(ARCHIVE)
	@mkdir -p $(@D)
	@echo "cc $<"
	@$(CC) $(FLAGS) $(CFLAGS) -Isrc/embed -MMD -MP $(LDFLAGS) -o $@ $< $(ARCHIVE) \
	  $(LUA_LIBS) $(BLAS_LIBS) -lm -pthread

-include $(OBJ:.o=.d) $(HOSTS:=.d)

hosts: $(HOSTS)
	@:

# ---- what a person runs ----------------------------------------------------

# Sets up what is missing, then runs the main example from the installed rock,
# in a folder from which the checkout cannot be seen.
demo:
	@.ci/setup build rock
	@$(SUBMAKE) -j$(JOBS) all
	@$(SUBMAKE) tree
	@cd $(BUILD)/empty && $(FROM_TREE) $(LUA) $(CURDIR)/examples/classifier.lua

# make test [SPEC="spec/layers ..."] [FILTER="name pattern"]
test:
	@.ci/setup build rock test || { echo "0 passed, 1 failed"; exit 1; }
	@$(SUBMAKE) -j$(JOBS) $(if $(SPEC)$(FILTER),$(CORE),all hosts) && \
	  $(if $(SPEC)$(FILTER),true,$(SUBMAKE) tree) || { echo "0 passed, 1 failed"; exit 1; }
	@$(LUA) spec/support/run.lua $(BUILD) spec='$(SPEC)' filter='$(FILTER)' \
	  $(if $(SPEC)$(FILTER),,$(HOSTS) \
	  "cd $(BUILD)/empty && $(FROM_TREE) $(LUA) $(CURDIR)/spec/support/rock.lua")

# The same specs and hosts with every access and every leak watched.
asan:
	@.ci/setup build test
	@$(SUBMAKE) -j$(JOBS) BUILD=build/asan CFLAGS='$(ASAN)' all hosts
	@$(LUA) spec/support/run.lua build/asan spec='$(SPEC)' filter='$(FILTER)' \
	  under="env LD_PRELOAD=$$($(CC) -print-file-name=libasan.so) $(ASAN_ENV)" \
	  $(if $(SPEC)$(FILTER),,$(HOSTS:$(BUILD)/%='env $(ASAN_ENV) build/asan/%'))

lint:
	@.ci/setup build lint
	@mkdir -p build && for cc in gcc clang; do printf '%s\n' $(SRC) $(wildcard spec/host/*.c) | \
	  xargs -P $(JOBS) -n 1 $$cc $(FLAGS) -Isrc/embed -O1 -Werror -fsyntax-only || exit 1; done
	@luacheck -q lua spec examples src rocks $(wildcard rocks/*.rockspec rocks/*/*.rockspec)

floors:
	@$(LUA) spec/support/floors.lua

bench: all
	@env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE \
	  LUA_PATH_5_4='lua/?.lua;lua/?/init.lua;;' LUA_CPATH_5_4='$(BUILD)/?.so;;' \
	  $(LUA) spec/bench/run.lua $(ARGS)

# ---- installing ------------------------------------------------------------

install: all install-module
	install -D -m 644 $(ARCHIVE) $(DESTDIR)$(PREFIX)/lib/liblunula.a
	install -D -m 644 src/embed/lunula.h $(DESTDIR)$(PREFIX)/include/lunula.h
	sed 's,@PREFIX@,$(PREFIX),; s,@VERSION@,$(VERSION),' src/embed/lunula.pc.in \
	  >$(BUILD)/lunula.pc
	install -D -m 644 $(BUILD)/lunula.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig/lunula.pc

install-module: $(CORE)
	install -D -m 755 $(CORE) $(DESTDIR)$(LIBDIR)/lunula/core.so
	cd lua && find . -name '*.lua' -exec install -D -m 644 {} $(DESTDIR)$(LUADIR)/{} \;

# The rock, installed below build/. LuaRocks does not see the Lua modules of
# the system, so dkjson is looked for here and not by LuaRocks.
tree: $(TREE)/installed
	@:
$(TREE)/installed: $(CORE) $(LUASRC) $(ROCK)
	@$(LUA) -e 'require "dkjson"'
	$(LUAROCKS) make --tree $(TREE) --deps-mode none $(ROCK)
	@rm -rf $(BUILD)/empty && mkdir $(BUILD)/empty && touch $@

# Both forms of the rock, in build/: sources, and what `tree` installed.
rock: tree
	tar -czf $(BUILD)/lunula-scm-1.tar.gz --transform 's,^,lunula/,' \
	  Makefile LICENSE $(wildcard README.md) src lua rocks spec examples
	sed 's,file://,file://$(CURDIR)/,' $(ROCK) >$(BUILD)/$(notdir $(ROCK))
	cd $(BUILD) && $(LUAROCKS) pack $(notdir $(ROCK)) && \
	  $(LUAROCKS) pack --tree $(TREE) lunula

clean:
	rm -rf build

help:
	@echo 'make [all] demo test lint floors asan bench install rock clean'

.PHONY: all hosts demo test asan lint floors bench install install-module tree rock clean help
