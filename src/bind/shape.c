/*
** Shapes and dtypes as scripts write them: {false, 3}, "int32". A shape that
** we give is a table with a metatable of its own, a Shape: it counts from the
** end too, is equal to a table of the same sizes, and prints as in Keras.
*/

#include <string.h>

#include "bind/box.h"
#include "bind/core.h"
#include "bind/raise.h"

#define SHAPE "lunula.Shape"

/* s[-1] is the last size. */
static int shape_index(lua_State *L) {
  lua_Integer i = lua_isinteger(L, 2) ? lua_tointeger(L, 2) : 0;
  lua_Integer n = (lua_Integer)lua_rawlen(L, 1);
  if (i < 0 && i >= -n)
    lua_rawgeti(L, 1, n + i + 1);
  else
    lua_pushnil(L);
  return 1;
}

static int shape_equal(lua_State *L) {
  lua_Unsigned n = lua_rawlen(L, 1);
  bool same = lua_rawlen(L, 2) == n;
  for (lua_Unsigned i = 1; same && i <= n; i++) {
    lua_rawgeti(L, 1, (lua_Integer)i);
    lua_rawgeti(L, 2, (lua_Integer)i);
    same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
  }
  lua_pushboolean(L, same);
  return 1;
}

/* (None, 3). What is no number is not known yet, a tensor in a trace too. */
static int shape_text(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_Unsigned n = lua_rawlen(L, 1);
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  luaL_addchar(&text, '(');
  for (lua_Unsigned i = 1; i <= n; i++) {
    if (lua_rawgeti(L, 1, (lua_Integer)i) == LUA_TNUMBER) {
      luaL_addvalue(&text);
    } else {
      lua_pop(L, 1);
      luaL_addstring(&text, "None");
    }
    luaL_addstring(&text, i < n ? ", " : n == 1 ? "," : "");
  }
  luaL_addchar(&text, ')');
  luaL_pushresult(&text);
  return 1;
}

/* core.shape(list): makes a list of sizes a Shape, in place. */
static int core_shape(lua_State *L) {
  want_type(L, 1, LUA_TTABLE, "shape: the list of sizes");
  lua_settop(L, 1);
  luaL_setmetatable(L, SHAPE);
  return 1;
}

/* __jsontype says that the table is plain data (lua/lunula/declare). */
void shape_open(lua_State *L) {
  static const luaL_Reg methods[] = {{"__index", shape_index},
                                     {"__eq", shape_equal},
                                     {"__tostring", shape_text},
                                     {NULL, NULL}};
  luaL_newmetatable(L, SHAPE);
  luaL_setfuncs(L, methods, 0);
  lua_pushliteral(L, "shape");
  lua_setfield(L, -2, "__jsontype");
  lua_pop(L, 1);
  lua_pushcfunction(L, core_shape);
  lua_setfield(L, -2, "shape");
}

void shape_push(lua_State *L, const Type *t) {
  lua_createtable(L, t->rank, 0);
  for (int i = 0; i < t->rank; i++) {
    if (t->dim[i] < 0)
      lua_pushboolean(L, 0);
    else
      lua_pushinteger(L, t->dim[i]);
    lua_rawseti(L, -2, i + 1);
  }
  luaL_setmetatable(L, SHAPE);
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
  lua_Unsigned n = want_length(L, index);
  if (n == 0 && want_finds_fields(L, index))
    raise_error(L, "%s: a table of sizes is wanted, got %s", name,
                lua_tostring(L, -1));
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
