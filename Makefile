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

all: $(CORE) $(ARCHIVE)

$(BUILD)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(CORE): $(OBJ) src/lua/exports.map
	@mkdir -p $(@D)
	$(CC) -shared -Wl,--version-script=src/lua/exports.map $(CFLAGS) $(LDFLAGS) \
	  -o $@ $(OBJ) $(BLAS_LIBS) -lm -pthread

$(BUILD)/carried.c: src/embed/carry.lua $(LUASRC)
	@mkdir -p $(@D)
	$(LUA) src/embed/carry.lua $@ lua $(LUASRC) -- dkjson

$(BUILD)/carried.o: $(BUILD)/carried.c src/embed/carried.h
	$(CC) $(FLAGS) $(CFLAGS) -c -o $@ $<

# One object, in which only the public names are still visible to a host.
$(ARCHIVE): $(OBJ) $(BUILD)/carried.o
	ld -r -o $(BUILD)/liblunula.o $^
	objcopy --wildcard --keep-global-symbol='lunula_*' \
	  --keep-global-symbol=luaopen_lunula_core $(BUILD)/liblunula.o
	rm -f $@
	ar rcs $@ $(BUILD)/liblunula.o

# Every spec/host/*.c is one program: a C host that links the archive.
$(BUILD)/host/%: spec/host/%.c $(ARCHIVE)
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(CFLAGS) -Isrc/embed -MMD -MP $(LDFLAGS) -o $@ $< $(ARCHIVE) \
	  $(LUA_LIBS) $(BLAS_LIBS) -lm -pthread

-include $(OBJ:.o=.d) $(HOSTS:=.d)

hosts: $(HOSTS)

clean:
	rm -rf build

.PHONY: all hosts clean
