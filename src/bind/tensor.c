/* Tensors as scripts see them: t.shape, t.mask, t[i], t:sum(). */

#include <string.h>

#include "bind/box.h"
#include "bind/core.h"

static int box_index(lua_State *L) {
  bool named = lua_type(L, 2) == LUA_TSTRING;
  if (named && !field_is(lua_tostring(L, 2)))
    return field_method(L);
  State *s = state_enter(L);
  if (!named)
    return element_index(L, s);
  int mark = context_mark(&s->c);
  int n = field_get(L, s, lua_tostring(L, 2));
  context_drain(&s->c, mark);
  return n ? n : field_method(L);
}

static int box_newindex(lua_State *L) {
  if (lua_type(L, 2) != LUA_TSTRING)
    return element_newindex(L);
  if (strcmp(lua_tostring(L, 2), "mask") != 0)
    return raise_error(L, "a tensor has no field \"%s\" to set",
                       lua_tostring(L, 2));
  if (!lua_isnil(L, 3) && !box_is_tensor(L, 3))
    return raise_error(L, "a mask is a tensor or nil, got %s",
                       luaL_typename(L, 3));
  lua_settop(L, 3);
  lua_setiuservalue(L, 1, 1);
  return 0;
}

void tensor_open(lua_State *L) {
  static const luaL_Reg methods[] = {
    {"get", element_get}, {"set", element_set}, {NULL, NULL}
  };
  field_metatable(L, TENSOR, box_index, box_newindex);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.methods");
  luaL_setfuncs(L, methods, 0);
  lua_pop(L, 1);
  lua_pushcfunction(L, element_refuse);
  lua_setfield(L, -2, "refuse_index");
}
