/* Operators of tensors and variables: arithmetic calls the op of the same
** meaning, comparisons give the one boolean that Lua allows. */

#include <string.h>

#include "bind/box.h"
#include "bind/core.h"

static const struct {
  const char *event, *op;
} operators[] = {
  {"__add", "add"}, {"__sub", "subtract"}, {"__mul", "multiply"},
  {"__div", "divide"}, {"__idiv", "floor_divide"}, {"__mod", "mod"},
  {"__pow", "power"}, {"__band", "logical_and"}, {"__bor", "logical_or"},
};

static int operate(lua_State *L) { /* upvalue 1: the op's function */
  lua_settop(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 2, 1);
  return 1;
}

static int operate_alone(lua_State *L) {
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

/* Lua turns x > 0 into 0 < x: where the number stands first, that was meant. Of
   two tensors nobody can tell. */
static int refuse_comparison(lua_State *L, bool or_equal) {
  const char *end = or_equal ? "_equal" : "";
  if (lua_isnumber(L, 1))
    return raise_error(L, "a comparison gives one Lua boolean, not a tensor: "
                          "use k.ops.greater%s (and k.ops.where)", end);
  if (lua_isnumber(L, 2))
    return raise_error(L, "a comparison gives one Lua boolean, not a tensor: "
                          "use k.ops.less%s (and k.ops.where)", end);
  return raise_error(L, "a comparison gives one Lua boolean, not a tensor: use "
                        "k.ops.less%s or k.ops.greater%s (and k.ops.where)",
                     end, end);
}

/* Lua makes a boolean of what a comparison returns: only one number can. */
static int compare(lua_State *L) {
  State *st = state_enter(L);
  bool or_equal = lua_toboolean(L, lua_upvalueindex(1));
  double value[2];
  for (int i = 1; i <= 2; i++) {
    Val v;
    if (lua_isnumber(L, i)) {
      value[i - 1] = lua_tonumber(L, i);
      continue;
    }
    int mark = context_mark(&st->c);
    if (!box_value(L, st, i, &v))
      return raise_error(L, "a tensor is compared with a %s",
                         luaL_typename(L, i));
    if (val_symbolic(v) || type_elements(val_type(v)) != 1)
      return val_symbolic(v) && type_elements(val_type(v)) == 1
                 ? raise_symbolic(L, v)
                 : refuse_comparison(L, or_equal);
    if (!tensor_readable(val_tensor(v), &st->c.error))
      return raise_context(L, st);
    value[i - 1] = tensor_get(val_tensor(v), 0);
    context_drain(&st->c, mark);
  }
  lua_pushboolean(L, or_equal ? value[0] <= value[1] : value[0] < value[1]);
  return 1;
}

static bool bytes_equal(const Tensor *a, const Tensor *b) {
  return type_equal(&a->type, &b->type) &&
         (a->data == b->data ||
          memcmp(a->data, b->data, (size_t)type_bytes(&a->type)) == 0);
}

static int equals(lua_State *L) {
  State *st = state_enter(L);
  Val a, b;
  int mark = context_mark(&st->c);
  bool same = box_value(L, st, 1, &a) && box_value(L, st, 2, &b);
  if (same && (val_symbolic(a) || val_symbolic(b)))
    same = val_same(a, b) ||
           raise_error(L, "two traced tensors are compared with ==: use "
                          "k.ops.equal");
  else if (same && (!tensor_readable(val_tensor(a), &st->c.error) ||
                    !tensor_readable(val_tensor(b), &st->c.error)))
    raise_context(L, st);
  else if (same)
    same = bytes_equal(val_tensor(a), val_tensor(b));
  context_drain(&st->c, mark);
  lua_pushboolean(L, same);
  return 1;
}

static int joined_text(lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  luaL_tolstring(L, 2, NULL);
  lua_concat(L, 2);
  return 1;
}

/* Into the metatable on the top. */
static void set_operators(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.ops");
  for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
    lua_getfield(L, -1, operators[i].op);
    lua_pushcclosure(L, operate, 1);
    lua_setfield(L, -3, operators[i].event);
  }
  lua_getfield(L, -1, "negative");
  lua_pushcclosure(L, operate_alone, 1);
  lua_setfield(L, -3, "__unm");
  lua_getfield(L, -1, "logical_not");
  lua_pushcclosure(L, operate_alone, 1);
  lua_setfield(L, -3, "__bnot");
  lua_pop(L, 1);
  lua_pushboolean(L, 0);
  lua_pushcclosure(L, compare, 1);
  lua_setfield(L, -2, "__lt");
  lua_pushboolean(L, 1);
  lua_pushcclosure(L, compare, 1);
  lua_setfield(L, -2, "__le");
  lua_pushcfunction(L, equals);
  lua_setfield(L, -2, "__eq");
  lua_pushcfunction(L, joined_text);
  lua_setfield(L, -2, "__concat");
}

void operators_open(lua_State *L) {
  luaL_getmetatable(L, TENSOR);
  set_operators(L);
  lua_pop(L, 1);
  luaL_getmetatable(L, VARIABLE_NAME);
  set_operators(L);
  lua_pop(L, 1);
}
