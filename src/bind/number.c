/* One element of a tensor as a number, boolean or string of Lua. */

#include "bind/box.h"

bool number_is(lua_State *L, int index) {
  int type = lua_type(L, index);
  return type == LUA_TNUMBER || type == LUA_TBOOLEAN;
}

bool number_fits(lua_State *L, int index, DType d) {
  return lua_isboolean(L, index) || (d == I64 && lua_isinteger(L, index)) ||
         dtype_holds(d, lua_tonumber(L, index));
}

void number_put(lua_State *L, const Tensor *t, int64_t i, int index) {
  if (lua_isboolean(L, index))
    tensor_put(t, i, lua_toboolean(L, index));
  else if (t->type.dtype == I64 && lua_isinteger(L, index))
    ((int64_t *)t->data)[i] = lua_tointeger(L, index);
  else
    tensor_put(t, i, lua_tonumber(L, index));
}

void number_push(lua_State *L, const Tensor *t, int64_t i) {
  switch ((DType)t->type.dtype) {
    case BOOL: lua_pushboolean(L, ((const uint8_t *)t->data)[i]); break;
    case I64: lua_pushinteger(L, ((const int64_t *)t->data)[i]); break;
    case STR: {
      const Str *str = (const Str *)t->data + i;
      lua_pushlstring(L, str->text, str->size);
      break;
    }
    case I32: case I8: case U8:
      lua_pushinteger(L, (lua_Integer)tensor_get(t, i));
      break;
    default: lua_pushnumber(L, tensor_get(t, i));
  }
}
