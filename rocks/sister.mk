# What the Makefiles of the sister rocks share. A rock's own says before it includes
# this:
#   ROCK      its name: lunula-ROCK is the rock, lunula.ROCK the module
#   PACKAGES  what pkg-config is asked for, and LINKED, what is linked where it is mute
#   HEADERS   which have to be found, and NEEDS, what is said where they are not
#   LENT      rocks.h, where the rock uses what lunula lends (src/bind/rocks.h)
#   LASTING   yes, where the module may not be unloaded
# It stands above the rocks in a checkout, and in the rock's own folder where its
# sources are alone (make rock): these have nothing above them.
#   make test       all specs; SPEC="paths" FILTER="pattern": a part
#   make install, rock, clean

LUA     = lua5.4
LUA_VERSION := $(or $(shell $(LUA) -e 'print((_VERSION:match "[%d.]+"))' 2>/dev/null),5.4)
PREFIX  = /usr/local
LUADIR  = $(PREFIX)/share/lua/$(LUA_VERSION)
LIBDIR  = $(PREFIX)/lib/lua/$(LUA_VERSION)
BUILD   = build
PYTHON  = python3
CC     := $(if $(shell command -v gcc 2>/dev/null),gcc,cc)
CFLAGS  = -O2
TOP     = ../..
WARN    = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
          -Wwrite-strings -Wvla -Wpointer-arith -Wundef \
          -Wframe-larger-than=16384 -Werror=implicit-function-declaration

# The compiler says for which system it is; on macOS modules are of a kind of their own.
comma   := ,
APPLE   := $(shell echo __APPLE__ | $(CC) -E -P - 2>/dev/null | grep -x 1)
LOADED  := $(if $(APPLE),-bundle -undefined dynamic_lookup,-shared $(LASTING:yes=-Wl$(comma)-z$(comma)nodelete))

ask         = $(shell pkg-config $(1) 2>/dev/null)
LUA_PC     := $(firstword $(foreach name,lua$(LUA_VERSION) lua-$(LUA_VERSION) lua$(subst .,,$(LUA_VERSION)), \
                $(if $(call ask,--libs $(name)),$(name))))
LUA_INCDIR := $(or $(if $(LUA_PC),$(patsubst -I%,%,$(firstword $(call ask,--cflags-only-I $(LUA_PC))))),/usr/include/lua$(LUA_VERSION))
LIB_FLAGS  := $(call ask,--cflags $(PACKAGES))
LIBS       := $(or $(call ask,--libs $(PACKAGES)),$(LINKED))

# A missing library is one sentence, not the compiler's hundred.
FOUND      := $(shell $(CC) $(LIB_FLAGS) $(HEADERS:%=-include %) -E -x c /dev/null >/dev/null 2>&1 && echo yes)

FLAGS   = -std=c11 -fPIC -fvisibility=hidden -Isrc $(LENT:%=-I$(TOP)/src/bind) \
          -isystem $(LUA_INCDIR) $(LIB_FLAGS:-I%=-isystem %) $(WARN)
SRC    := $(sort $(wildcard src/*.c))
OBJ    := $(SRC:src/%.c=$(BUILD)/obj/%.o)
CORE   := $(BUILD)/lunula/$(ROCK)/core.so

all: $(CORE) ; @:
objects: $(OBJ) ; @:

# What is built for one Lua is built anew for another.
FOR_LUA = $(BUILD)/for-lua-$(LUA_VERSION)
$(FOR_LUA):
	@mkdir -p $(@D) && rm -f $(BUILD)/for-lua-* && touch $@
$(OBJ): $(FOR_LUA) | found
found:
	@$(if $(FOUND),:,echo "lunula-$(ROCK) needs $(NEEDS)"; exit 1)

$(BUILD)/obj/%.o: src/%.c
	@mkdir -p $(@D) && echo "cc rocks/$(ROCK)/$<"
	@$(CC) $(FLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(CORE): $(OBJ)
	@mkdir -p $(@D) && echo "ld rocks/$(ROCK)/$@"
	@$(CC) $(LOADED) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lm

-include $(OBJ:.o=.d)

# The specs run with the lunula of the checkout above, which adds them to its own.
test: all
	@$(MAKE) --no-print-directory -C $(TOP) test \
	  SPEC='$(or $(SPEC:%=rocks/$(ROCK)/%),rocks/$(ROCK)/spec)' FILTER='$(FILTER)'

install: all install-module ; @:
install-module: all
	install -d $(DESTDIR)$(LIBDIR)/lunula/$(ROCK) && \
	  install -m 755 $(CORE) $(DESTDIR)$(LIBDIR)/lunula/$(ROCK)/core.so
	cd lua && find . -name '*.lua' | while read -r file; do install -d "$(DESTDIR)$(LUADIR)/$${file%/*}" && \
	  install -m 644 "$$file" "$(DESTDIR)$(LUADIR)/$$file" || exit 1; done

# The rock's sources, as its rockspec names them: of a checkout, or, as the rock above
# this folder has it made, with a number. make rock [VERSION=0.2.0]
VERSION = scm
NAME    = lunula-$(ROCK)-$(VERSION)
STAGE   = $(BUILD)/$(NAME)
rock:
	@rm -rf $(STAGE) && mkdir -p $(STAGE) && cp -R $(TOP)/LICENSE Makefile ../sister.mk README.md src lua spec $(STAGE) && \
	  $(if $(LENT),cp $(TOP)/src/bind/$(LENT) $(STAGE)/src,:)
	@sed 's,"scm-1","$(VERSION)-1",; s,build/lunula-$(ROCK)-scm-1,$(NAME),; s,dir = "lunula-$(ROCK)",dir = "$(NAME)",' \
	  lunula-$(ROCK)-scm-1.rockspec >$(STAGE)/$(NAME)-1.rockspec && cp $(STAGE)/$(NAME)-1.rockspec $(BUILD)
	cd $(BUILD) && tar -cf - $(NAME) | gzip >$(NAME).tar.gz && rm -rf $(NAME)
	cd $(BUILD) && rm -f $(NAME)-1.src.rock && zip -Xq $(NAME)-1.src.rock $(NAME)-1.rockspec $(NAME).tar.gz

clean:
	rm -rf $(BUILD)

.PHONY: all found objects test install install-module rock clean
