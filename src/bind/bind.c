/* From a signature to a Lua function. One binder serves C rows and Lua
** composites, and the placeholders of the functional API. */

#include "bind/signature.h"

int bind_call(lua_State *L) {
  const Signature *s = lua_touserdata(L, lua_upvalueindex(1));
  State *st = state_enter(L);
  Slots none = signature_arrange(L, st, s);
  signature_constants(L, st, s);
  if (!s->unlisted && placeholder_among(L, s))
    return placeholder_call(L, st, s, none);
  return s->op ? row_call(L, st, s, none) : composite_call(L, st, s, none);
}

int bind_method(lua_State *L) {
  const Signature *s = lua_touserdata(L, lua_upvalueindex(1));
  if (lua_type(L, 1) != LUA_TUSERDATA)
    return raise_error(L, "a method is called with a colon: x:%s(…)", s->name);
  return bind_call(L);
}
