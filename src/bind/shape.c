/* Shapes and dtypes as scripts write them: {false, 3}, "int32". */

#include <string.h>

#include "bind/box.h"

void shape_push(lua_State *L, const Type *t) {
  lua_createtable(L, t->rank, 0);
  for (int i = 0; i < t->rank; i++) {
    if (t->dim[i] < 0)
      lua_pushboolean(L, 0);
    else
      lua_pushinteger(L, t->dim[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

static Type countable(lua_State *L, Type t, const char *name) {
  char text[TYPE_TEXT];
  if (!type_countable(&t))
    raise_error(L, "%s: no memory has so many numbers: %s", name,
                type_text(&t, text));
  return t;
}

Type shape_check(lua_State *L, int index, DType d, const char *name) {
  int64_t dim[MAX_RANK];
  int rank = 0;
  index = lua_absindex(L, index);
  if (lua_isinteger(L, index)) {
    if ((dim[0] = lua_tointeger(L, index)) < 0)
      raise_error(L, "%s: a size must be 0 or more, got %lld", name,
                  (long long)dim[0]);
    return countable(L, type_new(d, 1, dim), name);
  }
  if (!lua_istable(L, index))
    raise_error(L, "%s: a table of sizes is wanted, got %s", name,
                luaL_typename(L, index));
  lua_Unsigned n = lua_rawlen(L, index);
  if (n > MAX_RANK)
    raise_error(L, "%s: %llu sizes, tensors have at most %d axes", name,
                (unsigned long long)n, MAX_RANK);
  for (int i = 1; i <= (int)n; i++) {
    int whole;
    lua_rawgeti(L, index, i);
    int64_t size = lua_tointegerx(L, -1, &whole);
    if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
      size = UNKNOWN;
    else if (!whole || size < 0)
      raise_error(L, "%s: size %d must be a whole number >= 0 or false, got %s",
                  name, i, luaL_tolstring(L, -1, NULL));
    dim[rank++] = size;
    lua_pop(L, 1);
  }
  return countable(L, type_new(d, rank, dim), name);
}

DType shape_check_dtype(lua_State *L, int index) {
  DType d = F32;
  const char *name = lua_tostring(L, index);
  if (name && strncmp(name, "complex", 7) == 0)
    raise_error(L, "%s: there are no complex types; keep the real and the "
                   "imaginary part as two tensors", name);
  if (name == NULL || !dtype_find(name, &d))
    raise_error(L, "unknown dtype %s (float32, int32, bool, float16, bfloat16, "
                   "float64, int8, uint8, int64)",
                luaL_tolstring(L, index, NULL));
  return d;
}
