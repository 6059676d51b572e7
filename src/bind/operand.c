/* What a script gives where a tensor is wanted: one, or a variable, a number, a
** boolean, a nested table. */

#include <stdio.h>

#include "bind/box.h"

bool placeholder_is(lua_State *L, int index) {
  if (!lua_istable(L, index) || !lua_getmetatable(L, index))
    return false;
  lua_getfield(L, LUA_REGISTRYINDEX, "lunula.ktensor");
  bool same = lua_rawequal(L, -1, -2) && !lua_isnil(L, -1);
  lua_pop(L, 2);
  return same;
}

static bool is_whole(lua_State *L, int index) {
  return lua_isinteger(L, index) ||
         lua_tonumber(L, index) == (double)lua_tointeger(L, index);
}

/* All digits of a number for int64. */
static Val wide_integer(lua_State *L, State *s, int index) {
  Type type = type_new(I64, 0, NULL);
  Val v = memory_value(L, s, &type);
  number_put(L, val_tensor(v), 0, index);
  return v;
}

/* Of its own a number is what Lua has it for: 2 is int32, 2.0 is float32. Where
** a type is asked for, it is taken in that, if it has no fraction to lose. */
static Val plain_value(lua_State *L, State *s, int index, DType hint) {
  if (lua_isboolean(L, index))
    return scalar_bool(&s->c, lua_toboolean(L, index));
  if (hint == F32 || (hint == DTYPE_COUNT ? !lua_isinteger(L, index)
                                          : !is_whole(L, index)))
    return scalar_f32(&s->c, lua_tonumber(L, index));
  if (hint == I64)
    return wide_integer(L, s, index);
  if (!dtype_holds(I32, lua_tonumber(L, index)))
    raise_error(L, "int32 cannot hold %s (write %s.0 for the nearest float32)",
                luaL_tolstring(L, index, NULL), lua_tostring(L, -1));
  return scalar_i32(&s->c, lua_tointeger(L, index));
}

/* An operand is there or an error is raised: nothing is computed from one that
** could not be made. */
static Val check_plain(lua_State *L, State *s, int index, DType hint) {
  Val v = plain_value(L, s, index, hint);
  if (s->c.error.set && s->c.error.kind == ERROR_MEMORY) {
    s->c.error.set = false; /* once more with a clean house */
    memory_collect(L, s);
    v = plain_value(L, s, index, hint);
  }
  if (s->c.error.set)
    raise_context(L, s);
  return v;
}

Val operand_check(lua_State *L, State *s, int index, DType hint,
                  const char *name) {
  Val v = {s->c.dummy, 0};
  if (box_value(L, s, index, &v))
    return v;
  switch (lua_type(L, index)) {
    case LUA_TNUMBER: case LUA_TBOOLEAN:
      return check_plain(L, s, index, hint);
    case LUA_TTABLE:
      return table_value(L, s, index, DTYPE_COUNT, NULL);
    default:
      raise_error(L, "%s: a tensor, a number or a table of numbers is wanted, "
                     "got %s", name, luaL_typename(L, index));
      return v;
  }
}

int operand_list(lua_State *L, State *s, int index, const char *function,
                 const char *what, Val *list, int most) {
  char name[48];
  snprintf(name, sizeof name, "%s: the list of %ss", function, what);
  want_type(L, index, LUA_TTABLE, name);
  lua_Unsigned length = want_length(L, index);
  if (length > (lua_Unsigned)most)
    raise_error(L, "%s: %llu %ss, at most %d", function,
                (unsigned long long)length, what, most);
  int n = (int)length;
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, index, i + 1);
    snprintf(name, sizeof name, "%s: %s %d", function, what, i + 1);
    list[i] = value_hold(&s->c, operand_check(L, s, -1, F32, name));
    lua_pop(L, 1);
  }
  return n;
}
