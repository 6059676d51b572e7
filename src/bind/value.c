/* Fields, length and text of tensors and variables. */

#include <string.h>

#include "bind/state.h"

/* Metamethods are found by who looks for them: called on anything. */
static Val check_self(lua_State *L, State *s) {
  Val v = {s->c.dummy, 0};
  if (!get_value(L, s, 1, &v))
    raise_error(L, "a tensor is expected, got %s", luaL_typename(L, 1));
  return v;
}

static Variable *check_variable(lua_State *L) {
  Variable *v = to_variable(L, 1);
  if (v == NULL)
    raise_error(L, "a variable is expected, got %s", luaL_typename(L, 1));
  return v;
}

/* ---- metamethods -------------------------------------------------------- */

static int get_field(lua_State *L, State *s, const char *name) {
  Val v;
  char first = *name;
  if (first != 's' && first != 'd' && first != 'r' && first != 'm')
    return 0;
  if (strcmp(name, "mask") == 0) {
    lua_getiuservalue(L, 1, 1);
    return 1;
  }
  bool shape = strcmp(name, "shape") == 0, dtype = strcmp(name, "dtype") == 0;
  bool rank = strcmp(name, "rank") == 0, size = strcmp(name, "size") == 0;
  if (!(shape || dtype || rank || size) || !get_value(L, s, 1, &v))
    return 0;
  const Type *t = val_type(v);
  if (shape)
    push_shape(L, t);
  else if (dtype)
    lua_pushstring(L, dtype_name((DType)t->dtype));
  else if (rank)
    lua_pushinteger(L, t->rank);
  else if (type_elements(t) == UNKNOWN)
    lua_pushnil(L);
  else
    lua_pushinteger(L, type_elements(t));
  return 1;
}

/* A method by its name from upvalue 1. */
static int get_method(lua_State *L) {
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(1));
  return 1;
}

static int box_index(lua_State *L) {
  State *s = enter_state(L);
  if (lua_type(L, 2) != LUA_TSTRING)
    return tensor_index(L, s);
  int mark = context_mark(&s->c);
  int n = get_field(L, s, lua_tostring(L, 2));
  context_drain(&s->c, mark);
  return n ? n : get_method(L);
}

static int box_newindex(lua_State *L) {
  if (lua_type(L, 2) != LUA_TSTRING)
    return tensor_newindex(L);
  if (strcmp(lua_tostring(L, 2), "mask") != 0)
    return raise_error(L, "a tensor has no field \"%s\" to set",
                       lua_tostring(L, 2));
  if (!lua_isnil(L, 3) && !is_tensor(L, 3))
    return raise_error(L, "a mask is a tensor or nil, got %s",
                       luaL_typename(L, 3));
  lua_settop(L, 3);
  lua_setiuservalue(L, 1, 1);
  return 0;
}

/* A variable's value must not follow later changes of its source. */
static Val own_copy(State *s, Val v) {
  Tensor t;
  if (!tensor_readable(val_tensor(v), &s->c.error) ||
      !tensor_new(&t, s->account, val_type(v), &s->c.error))
    return v;
  memcpy(t.data, val_tensor(v)->data, (size_t)type_bytes(&t.type));
  return value_of(&s->c, t);
}

/* The plan that called this closure writes new values into the variables where
   they lie, so what is kept must not be that. */
static Val value_in_closure(State *s, Val v) {
  if (val_type(v)->dtype != F32)
    return own_copy(s, v);
  return emit_op(&s->c, "multiply", (Val[]){v, scalar_f32(&s->c, 1)}, 2,
                 NULL);
}

static int variable_value(lua_State *L, State *s, Variable *v) {
  Val value = variable_read(&s->c, v);
  if (s->calling && s->c.scope == NULL)
    value = value_in_closure(s, value);
  if (s->c.error.set)
    raise_context(L, s);
  push_value(L, s, value);
  return 1;
}

static int variable_index(lua_State *L) {
  State *s = enter_state(L);
  Variable *v = check_variable(L);
  if (lua_type(L, 2) != LUA_TSTRING)
    return tensor_index(L, s);
  const char *name = lua_tostring(L, 2);
  int mark = context_mark(&s->c);
  int n = 1;
  if (strcmp(name, "name") == 0)
    lua_pushstring(L, v->name);
  else if (strcmp(name, "trainable") == 0)
    lua_pushboolean(L, v->trainable);
  else if (strcmp(name, "version") == 0)
    lua_pushinteger(L, (lua_Integer)atomic_load(&v->version));
  else if (strcmp(name, "value") == 0)
    variable_value(L, s, v);
  else
    n = get_field(L, s, name);
  context_drain(&s->c, mark);
  return n ? n : get_method(L);
}

static int variable_newindex(lua_State *L) {
  Variable *v = check_variable(L);
  if (lua_type(L, 2) != LUA_TSTRING)
    return raise_error(L, "a variable is changed by assign");
  const char *name = lua_tostring(L, 2);
  if (strcmp(name, "trainable") == 0) {
    want_type(L, 3, LUA_TBOOLEAN, "trainable");
    v->trainable = lua_toboolean(L, 3);
    return 0;
  }
  if (strcmp(name, "name") != 0)
    return raise_error(L, "a variable has no field \"%s\" to set (assign gives "
                          "it a value)", name);
  want_type(L, 3, LUA_TSTRING, "a variable's name");
  const char *text = lua_tostring(L, 3);
  char *copy = mem_text(state_of(L)->account, text);
  if (copy == NULL)
    return raise_memory(L);
  mem_free(v->name);
  v->name = copy;
  return 0;
}

static int variable_assign_value(lua_State *L) {
  State *s = enter_state(L);
  Variable *v = check_variable(L);
  int mark = context_mark(&s->c);
  Val x = check_value(L, s, 2, (DType)v->tensor.type.dtype, "assign");
  if (!s->c.error.set && !val_symbolic(x))
    x = own_copy(s, x);
  bool ok = variable_assign(&s->c, v, x);
  context_drain(&s->c, mark);
  if (!ok)
    return raise_context(L, s);
  lua_settop(L, 1);
  return 1;
}

static int box_length(lua_State *L) {
  State *s = state_of(L);
  int mark = context_mark(&s->c);
  Val v = check_self(L, s);
  const Type *t = val_type(v);
  if (t->rank == 0)
    return raise_error(L, "a scalar has no length");
  if (t->dim[0] < 0)
    return raise_symbolic(L, v);
  lua_pushinteger(L, t->dim[0]);
  context_drain(&s->c, mark);
  return 1;
}

static int box_text(lua_State *L) {
  State *s = state_of(L);
  int mark = context_mark(&s->c);
  if (is_released(L, 1)) {
    lua_pushliteral(L, "tensor (released)");
    return 1;
  }
  Val v = check_self(L, s);
  Variable *variable = to_variable(L, 1);
  if (variable)
    lua_pushfstring(L, "variable \"%s\"", variable->name);
  push_text_of(L, variable ? lua_tostring(L, -1) : "tensor", v);
  context_drain(&s->c, mark);
  return 1;
}

static int core_variable(lua_State *L) {
  State *s = enter_state(L);
  want_type(L, 1, LUA_TTABLE, "variable: the argument {value =, name =}");
  lua_getfield(L, 1, "name");
  if (!lua_isnil(L, -1))
    want_type(L, -1, LUA_TSTRING, "variable: name");
  const char *name = luaL_optstring(L, -1, "variable");
  lua_getfield(L, 1, "trainable");
  bool trainable = lua_isnil(L, -1) || lua_toboolean(L, -1);
  lua_getfield(L, 1, "value");
  int mark = context_mark(&s->c);
  Val v = check_value(L, s, -1, DTYPE_COUNT, "value");
  if (s->c.error.set)
    raise_context(L, s);
  if (val_symbolic(v))
    raise_symbolic(L, v);
  v = own_copy(s, v);
  if (s->c.error.set)
    raise_context(L, s);
  Variable **box = push_variable_box(L);
  *box = variable_new(s->account, name, tensor_share(val_tensor(v)), trainable);
  context_drain(&s->c, mark);
  return *box ? 1 : raise_memory(L);
}

static void fill_metatable(lua_State *L, const char *name, const luaL_Reg *reg,
                           lua_CFunction index) {
  luaL_getmetatable(L, name);
  luaL_setfuncs(L, reg, 0);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.methods");
  lua_pushcclosure(L, index, 1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

void open_values(lua_State *L) {
  static const luaL_Reg box[] = {
    {"__newindex", box_newindex}, {"__len", box_length},
    {"__tostring", box_text}, {NULL, NULL}
  };
  static const luaL_Reg variable[] = {
    {"__newindex", variable_newindex}, {"__len", box_length},
    {"__tostring", box_text}, {NULL, NULL}
  };
  static const luaL_Reg core[] = {
    {"variable", core_variable}, {NULL, NULL}
  };
  fill_metatable(L, TENSOR, box, box_index);
  fill_metatable(L, VARIABLE_NAME, variable, variable_index);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.methods");
  lua_pushcfunction(L, variable_assign_value);
  lua_setfield(L, -2, "assign");
  lua_pushcfunction(L, tensor_get_element);
  lua_setfield(L, -2, "get");
  lua_pushcfunction(L, tensor_set_element);
  lua_setfield(L, -2, "set");
  lua_pop(L, 1);
  luaL_setfuncs(L, core, 0);
}
