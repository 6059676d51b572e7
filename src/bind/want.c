/* What a function of the core says of an argument that it does not want. */

#include <string.h>

#include "bind/raise.h"

void want_type(lua_State *L, int index, int type, const char *what) {
  if (lua_type(L, index) != type)
    raise_error(L, "%s must be a %s, got %s", what, lua_typename(L, type),
                luaL_typename(L, index));
}

const char *want_path(lua_State *L, int index, const char *what) {
  size_t n;
  want_type(L, index, LUA_TSTRING, what);
  const char *path = lua_tolstring(L, index, &n);
  if (strlen(path) != n)
    raise_error(L, "a path with a zero byte");
  return path;
}

bool want_is_callable(lua_State *L, int index) {
  if (lua_isfunction(L, index))
    return true;
  if (luaL_getmetafield(L, index, "__call") == LUA_TNIL)
    return false;
  lua_pop(L, 1);
  return true;
}

void want_callable(lua_State *L, int index, const char *what) {
  if (!want_is_callable(L, index))
    raise_error(L, "%s must be a function, got %s", what,
                luaL_typename(L, index));
}

bool want_is_whole(lua_State *L, int index, int64_t *v) {
  int whole = 0;
  *v = lua_type(L, index) == LUA_TNUMBER ? lua_tointegerx(L, index, &whole) : 0;
  return whole;
}

lua_Integer want_whole(lua_State *L, int index, const char *what) {
  int64_t n;
  if (!want_is_whole(L, index, &n))
    raise_error(L, "%s must be a whole number, got %s", what,
                luaL_tolstring(L, index, NULL));
  return (lua_Integer)n;
}

/* What lua_next finds behind the element that Lua takes for the last one are
** further ones, and then the fields. Nobody writes a thousand times nil. */
lua_Unsigned want_length(lua_State *L, int index) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, index), most = n + 1000;
  int table = lua_absindex(L, index);
  if (n > 0)
    lua_pushinteger(L, n);
  else
    lua_pushnil(L);
  while (lua_next(L, table)) {
    lua_Integer key = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
    if (key > n && key <= most)
      n = key;
    lua_pop(L, 1);
  }
  return (lua_Unsigned)n;
}

/* The field n is that of table.pack. */
bool want_finds_fields(lua_State *L, int index) {
  index = lua_absindex(L, index);
  if (want_length(L, index) > 0)
    return false;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    lua_pop(L, 1);
    if (lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), "n") == 0)
      continue;
    if (luaL_getmetafield(L, index, "__tostring") != LUA_TNIL)
      luaL_tolstring(L, index, NULL);
    else
      lua_pushfstring(L, "a table with the field \"%s\" and no elements",
                      luaL_tolstring(L, -1, NULL));
    return true;
  }
  return false;
}
