/* What is compressed, for Lua: core.inflate, core.gunzip; checksums. */

#include "bind/box.h"
#include "bind/core.h"
#include "files/inflate.h"

static const char UNPACKED[] = "lunula.Unpacked";

/* What is unpacked belongs to a userdata while it is made a string of. */
static int unpacked_close(lua_State *L) {
  uint8_t **data = luaL_checkudata(L, 1, UNPACKED);
  mem_free(*data);
  *data = NULL;
  return 0;
}

static uint8_t **unpacked_new(lua_State *L) {
  uint8_t **data = lua_newuserdatauv(L, sizeof *data, 0);
  *data = NULL;
  luaL_setmetatable(L, UNPACKED);
  lua_toclose(L, -1);
  return data;
}

/* The file's name at 1 stands before what is wrong. */
static int fail_in(lua_State *L, Error *e) {
  error_prefix(e, "\"%s\": ", lua_tostring(L, 1));
  return raise_failure(L, e);
}

/* inflate(name, bytes, first, packed, size) -> the `size` bytes that are packed
** in those from the place `first` on */
static int core_inflate(lua_State *L) {
  State *s = state_enter(L);
  Error e = {.set = false};
  size_t n;
  want_type(L, 1, LUA_TSTRING, "inflate: the name");
  want_type(L, 2, LUA_TSTRING, "inflate: the bytes");
  const char *bytes = lua_tolstring(L, 2, &n);
  lua_Integer first = want_whole(L, 3, "inflate: the first byte");
  lua_Integer packed = want_whole(L, 4, "inflate: the packed bytes");
  lua_Integer size = want_whole(L, 5, "inflate: the size");
  if (first < 1 || packed < 0 || (lua_Unsigned)first - 1 > n ||
      (lua_Unsigned)packed > n - ((size_t)first - 1))
    return raise_error(L, "inflate: %lld bytes from %lld on of %zu",
                       (long long)packed, (long long)first, n);
  if (size < 0 || size / INFLATE_MOST > packed)
    return raise_error(L, "\"%s\": no %lld bytes become %lld",
                       lua_tostring(L, 1), (long long)packed, (long long)size);
  Unpacked out = {.account = s->account, .most = (size_t)size};
  uint8_t **held = unpacked_new(L);
  const uint8_t *at = (const uint8_t *)bytes + first - 1;
  bool ok = inflate(&out, &at, at + packed, &e);
  *held = out.data;
  if (ok && out.size != out.most)
    ok = fail(&e, "%zu bytes are packed, and not %zu", out.size, out.most);
  if (!ok)
    return fail_in(L, &e);
  lua_pushlstring(L, (const char *)out.data, out.size);
  return 1;
}

/* gunzip(name, bytes) -> what a .gz file holds */
static int core_gunzip(lua_State *L) {
  State *s = state_enter(L);
  Error e = {.set = false};
  size_t n;
  want_type(L, 1, LUA_TSTRING, "gunzip: the name");
  want_type(L, 2, LUA_TSTRING, "gunzip: the bytes");
  const char *bytes = lua_tolstring(L, 2, &n);
  Unpacked out = {.account = s->account, .most = n * INFLATE_MOST};
  uint8_t **held = unpacked_new(L);
  bool ok = gunzip(&out, (const uint8_t *)bytes, n, &e);
  *held = out.data;
  if (!ok)
    return fail_in(L, &e);
  lua_pushlstring(L, (const char *)out.data, out.size);
  return 1;
}

/* checksum(bytes, polynomial): nil is that of zip */
static int core_checksum(lua_State *L) {
  size_t n;
  want_type(L, 1, LUA_TSTRING, "checksum: the bytes");
  const char *bytes = lua_tolstring(L, 1, &n);
  lua_Integer polynomial =
      lua_isnoneornil(L, 2) ? (lua_Integer)CRC_32
                            : want_whole(L, 2, "checksum: the polynomial");
  lua_pushinteger(L, checksum((uint32_t)polynomial, (const uint8_t *)bytes, n));
  return 1;
}

void unpack_open(lua_State *L) {
  static const luaL_Reg core[] = {
    {"inflate", core_inflate}, {"gunzip", core_gunzip},
    {"checksum", core_checksum}, {NULL, NULL}
  };
  static const luaL_Reg meta[] = {
    {"__gc", unpacked_close}, {"__close", unpacked_close}, {NULL, NULL}
  };
  luaL_newmetatable(L, UNPACKED);
  luaL_setfuncs(L, meta, 0);
  lua_pop(L, 1);
  luaL_setfuncs(L, core, 0);
}
