/* core.None: a value that says None where saying nothing means a default. It
** is a userdata of its own, kept in the registry, equal to itself alone. */

#include "bind/core.h"
#include "bind/state.h"

void none_push(lua_State *L, const State *st) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &st->none);
}

static int none_tostring(lua_State *L) {
  lua_pushliteral(L, "None");
  return 1;
}

static void none_make(lua_State *L, State *st) {
  st->none = lua_newuserdatauv(L, 1, 0);
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, none_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, "lunula.None");
  lua_setfield(L, -2, "__name");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &st->none);
}

void none_open(lua_State *L) {
  State *st = state_of(L);
  if (st->none == NULL)
    none_make(L, st);
  none_push(L, st);
  lua_setfield(L, -2, "None");
}
