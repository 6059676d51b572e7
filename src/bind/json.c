/* JSON for Lua: texts to tables, and single strings and numbers as text. The
** grammar is files/json.c; values are written by json_write.c. */

#include "files/json.h"
#include "bind/core.h"
#include "bind/raise.h"

static void push_string(lua_State *L, const JsonReader *r) {
  luaL_Buffer b;
  char *p = luaL_buffinitsize(L, &b, r->length);
  luaL_pushresultsize(&b, json_decode(r, p));
}

/* Pushes a scalar, a string or a new table with its metatable. */
static void push_piece(lua_State *L, const JsonReader *r, JsonKind kind) {
  switch (kind) {
  case JSON_NULL: lua_pushvalue(L, 2); break;
  case JSON_FALSE: case JSON_TRUE:
    lua_pushboolean(L, kind == JSON_TRUE);
    break;
  case JSON_INTEGER: lua_pushinteger(L, (lua_Integer)r->integer); break;
  case JSON_NUMBER: lua_pushnumber(L, r->number); break;
  case JSON_STRING: case JSON_NAME: push_string(L, r); break;
  default:
    lua_newtable(L);
    lua_pushvalue(L, kind == JSON_OBJECT ? 3 : 4);
    lua_setmetatable(L, -2);
  }
}

/* Puts the value on the top into the table below it: under the name between
** them, or at the end of a list. */
static void put(lua_State *L, const JsonReader *r, lua_Integer *count) {
  if (r->depth == 0)
    return;
  if (*r->open[r->depth - 1] == '[')
    lua_rawseti(L, -2, ++count[r->depth]);
  else
    lua_rawset(L, -3);
}

/* json_read(text, null, objects, arrays) -> value, or nil and what is wrong:
** null stands for null, the tables get the metatables. Open tables lie on the
** stack, each above its name. */
static int core_json_read(lua_State *L) {
  size_t n;
  JsonReader r;
  Error e = {0};
  lua_Integer count[JSON_DEPTH + 1];
  want_type(L, 1, LUA_TSTRING, "json_read: the text");
  const char *text = lua_tolstring(L, 1, &n);
  lua_settop(L, 4);
  luaL_checkstack(L, 2 * JSON_DEPTH + 8, NULL);
  json_begin(&r, text, n, &e);
  for (;;) {
    JsonKind kind = json_next(&r);
    if (kind == JSON_ERROR) {
      lua_pushnil(L);
      lua_pushstring(L, e.text);
      return 2;
    }
    if (kind == JSON_END)
      return 1;
    if (kind == JSON_ARRAY || kind == JSON_OBJECT)
      count[r.depth] = 0;
    if (kind != JSON_ARRAY_END && kind != JSON_OBJECT_END)
      push_piece(L, &r, kind);
    if (kind != JSON_ARRAY && kind != JSON_OBJECT && kind != JSON_NAME)
      put(L, &r, count);
  }
}

/* json_quote("a\n") -> "\"a\\n\"" */
static int core_json_quote(lua_State *L) {
  size_t n;
  luaL_Buffer b;
  want_type(L, 1, LUA_TSTRING, "json_quote: the text");
  const char *text = lua_tolstring(L, 1, &n);
  if (n > JSON_BYTES)
    raise_error(L, "json_quote: a text of more than 1 GB");
  char *p = luaL_buffinitsize(L, &b, 6 * n + 2);
  luaL_pushresultsize(&b, json_quote(p, text, n));
  return 1;
}

static int core_json_number(lua_State *L) {
  char text[JSON_NUMBER_TEXT];
  want_type(L, 1, LUA_TNUMBER, "json_number: the argument");
  size_t n = json_number(text, lua_tonumber(L, 1));
  lua_pushlstring(L, text, n);
  return 1;
}

void json_open(lua_State *L) {
  static const luaL_Reg json[] = {
    {"json_read", core_json_read}, {"json_quote", core_json_quote},
    {"json_number", core_json_number}, {NULL, NULL}
  };
  luaL_setfuncs(L, json, 0);
}
