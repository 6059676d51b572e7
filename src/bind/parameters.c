/* core.parameters: the names of a Lua function's parameters, which decide what
** the call of a layer or a Lambda is given. They are read from the function
** itself, so that it works in a sandbox without the debug library too. */

#include "bind/core.h"
#include "bind/raise.h"

/* parameters(fn) -> {"self", "x", "training"}, and whether it takes more (...).
** Of what has no names, which are C functions and code stripped of them: nil,
** and how many there are; 255 for C functions, which take any. */
static int core_parameters(lua_State *L) {
  lua_Debug info;
  want_type(L, 1, LUA_TFUNCTION, "parameters: the argument");
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  lua_getinfo(L, ">Su", &info);
  lua_pushnil(L);
  lua_pushinteger(L, *info.what == 'C' ? 255 : info.nparams);
  if (*info.what == 'C')
    return 2;
  lua_createtable(L, info.nparams, 0);
  for (int i = 1; i <= info.nparams; i++) {
    lua_pushvalue(L, 1); /* lua_getlocal takes the function from the top */
    const char *name = lua_getlocal(L, NULL, i);
    lua_settop(L, 4);
    if (name == NULL) {
      lua_settop(L, 3);
      return 2;
    }
    lua_pushstring(L, name);
    lua_rawseti(L, 4, i);
  }
  lua_pushboolean(L, info.isvararg);
  return 2;
}

void parameters_open(lua_State *L) {
  lua_pushcfunction(L, core_parameters);
  lua_setfield(L, -2, "parameters");
}
