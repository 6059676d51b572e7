/* From a signature to a Lua function. One binder serves C rows and Lua
** composites, and the placeholders of the functional API. */

#include "bind/signature.h"
#include "bind/state.h"

int call_bound(lua_State *L) {
  const Signature *s = lua_touserdata(L, lua_upvalueindex(1));
  State *st = enter_state(L);
  normalise_arguments(L, s);
  if (!s->unlisted && any_placeholder(L, s))
    return call_hook(L, s);
  return s->op ? call_row(L, st, s) : call_composite(L, st, s);
}
