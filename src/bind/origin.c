/* Where a node was made, as its errors say: the user's line and the layer. */

#include "bind/state.h"

/* "train.lua:12", and the class of the layer that is being called, if any;
   kept by the registry for as long as the state lives: lines and classes are
   few, names of layers are not. */
static int origin_protected(lua_State *L) {
  const char **text = lua_touserdata(L, 1);
  push_where(L);
  size_t n;
  const char *where = lua_tolstring(L, -1, &n);
  if (n < 2)
    return 0;
  lua_pushlstring(L, where, n - 2); /* without ": " */
  const char *class = layer_class(L);
  if (*class) {
    lua_pushfstring(L, " in %s", class);
    lua_concat(L, 2);
  }
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.origins");
  lua_pushvalue(L, -2);
  if (lua_rawget(L, -2) == LUA_TNIL) { /* equal long strings are not one */
    lua_pushvalue(L, -3);
    lua_pushvalue(L, -4);
    lua_rawset(L, -4);
    lua_pushvalue(L, -3);
  }
  *text = lua_tostring(L, -1);
  return 0;
}

/* Protected, because no error of Lua may pass through those who ask. */
static const char *find_origin(void *ud) {
  State *s = ud;
  const char *text = NULL;
  if (!lua_checkstack(s->L, 8))
    return NULL;
  lua_pushcfunction(s->L, origin_protected);
  lua_pushlightuserdata(s->L, &text);
  if (lua_pcall(s->L, 1, 0, 0) != LUA_OK) {
    lua_pop(s->L, 1);
    return NULL;
  }
  return text;
}

/* Nodes below know no Lua: they ask through the context. */
void open_origins(lua_State *L) {
  State *s = state_of(L);
  s->c.origin = find_origin;
  s->c.origin_ud = s;
}
