/* The Lua files that are inside the library, where require finds them. */

#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bind/carried.h"
#include "bind/state.h"

/* ---- the host's Lua ----------------------------------------------------- */

static int compare_dump(lua_State *L, const void *piece, size_t n, void *ud) {
  Bytes *left = ud;
  (void)L;
  if (n > left->size || memcmp(left->at, piece, n) != 0)
    return 1;
  left->at += n;
  left->size -= n;
  return 0;
}

/* Does this Lua make the same bytecode as the one that made ours? */
static bool same_bytecode(lua_State *L) {
  Bytes left = carried_probe_code;
  if (luaL_loadbufferx(L, carried_probe.at, carried_probe.size, "@", "t") !=
      LUA_OK)
    return lua_error(L);
  bool same = lua_dump(L, compare_dump, &left, 0) == 0 && left.size == 0;
  lua_pop(L, 1);
  return same;
}

/* ---- bytecode as a function --------------------------------------------- */

typedef struct Dump {
  Bytes piece[4];
  int next;
} Dump;

static const char *read_dump(lua_State *L, void *ud, size_t *size) {
  Dump *d = ud;
  (void)L;
  if (d->next == COUNT_OF(d->piece)) {
    *size = 0;
    return NULL;
  }
  *size = d->piece[d->next].size;
  return d->piece[d->next++].at;
}

/* A size as it stands in bytecode, seven bits in a byte, the last one marked;
** returns where it begins in text[16]. */
static char *write_size(char *text, size_t size) {
  char *at = text + 16;
  *--at = (char)((size & 127) | 128);
  while (size >>= 7)
    *--at = (char)(size & 127);
  return at;
}

/* The status of lua_load. */
static int load_code(lua_State *L, const CarriedFile *f, const char *chunk) {
  char text[16];
  size_t n = strlen(chunk);
  char *size = write_size(text, n + 1);
  Dump dump = {{carried_head, {size, (size_t)(text + 16 - size)}, {chunk, n},
                f->code}, 0};
  return lua_load(L, read_dump, &dump, chunk, "b");
}

/* ---- inside a host ------------------------------------------------------ */

static int call_carried(lua_State *L, int status) {
  if (status != LUA_OK)
    return lua_error(L);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

/* upvalue: the file */
static int open_code(lua_State *L) {
  const CarriedFile *f = lua_touserdata(L, lua_upvalueindex(1));
  const char *chunk = lua_pushfstring(L, "@%s", f->path);
  return call_carried(L, load_code(L, f, chunk));
}

static int open_text(lua_State *L) {
  const CarriedFile *f = lua_touserdata(L, lua_upvalueindex(1));
  const char *chunk = lua_pushfstring(L, "@%s", f->path);
  return call_carried(L, luaL_loadbufferx(L, carried_texts[f - carried_files],
                                          f->size, chunk, "t"));
}

/* Stack: preload, loader. */
static void add_loader(lua_State *L, const char *module) {
  if (lua_getfield(L, -2, module) == LUA_TNIL) {
    lua_pushvalue(L, -2);
    lua_setfield(L, -4, module);
  }
  lua_pop(L, 2);
}

void carried_preload(lua_State *L, lua_CFunction core) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, core);
  add_loader(L, "lunula.core");
  if (carried_texts[0]) {
    lua_CFunction open = same_bytecode(L) ? open_code : open_text;
    for (int i = 0; i < carried_count; i++) {
      const CarriedFile *f = &carried_files[i];
      lua_pushlightuserdata(L, (void *)(uintptr_t)f);
      lua_pushcclosure(L, open, 1);
      add_loader(L, f->module);
    }
  }
  lua_pop(L, 1);
}

/* ---- beside the files --------------------------------------------------- */

enum { LANES = 4, PIECE = 8192 };

/* The next n bytes, filled up with zeros. Four numbers take turns, for each has
** to wait for its last product. */
static void hash(uint64_t h[LANES], const char *text, size_t n) {
  for (size_t i = 0; i < n; i += sizeof h[0] * LANES)
    for (int lane = 0; lane < LANES; lane++) {
      uint64_t word;
      memcpy(&word, text + i + sizeof word * (size_t)lane, sizeof word);
      word = (h[lane] ^ word) * 0x9E3779B97F4A7C15u;
      h[lane] = word ^ word >> 32;
    }
}

/* As much as there is room for; less ends a file. */
static size_t read_piece(int file, char *piece) {
  ssize_t got = read(file, piece, PIECE);
  size_t n = got > 0 ? (size_t)got : 0;
  memset(piece + n, 0, sizeof(uint64_t) * LANES);
  return n;
}

/* Is the file at the path what was compiled? Its time would not say. */
static bool unchanged(const char *path, const CarriedFile *f) {
  char piece[PIECE + sizeof(uint64_t) * LANES];
  uint64_t h[LANES] = {f->size, 1, 2, 3};
  size_t size = 0, n;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return false;
  do {
    n = read_piece(file, piece);
    hash(h, piece, n);
    size += n;
  } while (n == PIECE);
  close(file);
  return size == f->size && (h[0] ^ h[1] ^ h[2] ^ h[3]) == f->hash;
}

static int compare_module(const void *name, const void *file) {
  return strcmp(name, ((const CarriedFile *)file)->module);
}

static const CarriedFile *find_file(const char *module) {
  return bsearch(module, carried_files, (size_t)carried_count,
                 sizeof *carried_files, compare_module);
}

/* For package.searchers. What it does not answer, Lua's own ones do. */
static int find_code(lua_State *L) {
  const CarriedFile *f = find_file(luaL_checkstring(L, 1));
  const State *s = f ? state_of(L) : NULL;
  if (s == NULL)
    return 0;
  const char *chunk =
    lua_pushfstring(L, "%s%s", s->home, f->path + sizeof "lunula/" - 1);
  if (!unchanged(chunk + 1, f) || load_code(L, f, chunk) != LUA_OK)
    return 0;
  lua_pushstring(L, chunk + 1);
  return 2;
}

void carried_search(lua_State *L) {
  int top = lua_gettop(L);
  if (state_of(L)->home && same_bytecode(L) &&
      lua_getglobal(L, "package") == LUA_TTABLE &&
      lua_getfield(L, -1, "searchers") == LUA_TTABLE) {
    for (lua_Integer i = (lua_Integer)lua_rawlen(L, -1); i >= 2; i--) {
      lua_rawgeti(L, -1, i);
      lua_rawseti(L, -2, i + 1);
    }
    lua_pushcfunction(L, find_code);
    lua_rawseti(L, -2, 2);
  }
  lua_settop(L, top);
}
