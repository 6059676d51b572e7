/* Variables as scripts see them: fields, assign, core.variable. */

#include <string.h>

#include "bind/box.h"
#include "bind/core.h"

static Variable *check_variable(lua_State *L) {
  Variable *v = box_variable(L, 1);
  if (v == NULL)
    raise_error(L, "a variable is expected, got %s", luaL_typename(L, 1));
  return v;
}

/* A variable's value must not follow later changes of its source. */
static Val own_copy(State *s, Val v) {
  Tensor t;
  return tensor_copy(&t, val_tensor(v), s->account, &s->c.error)
             ? value_of(&s->c, t) : v;
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
  box_push(L, s, value);
  return 1;
}

/* The registry's table of fields that Lua knows: name -> function of the
   variable. */
static const char FIELDS[] = "lunula.variable_fields";

/* What Lua says of the field at 2; leaves nothing where it knows none. */
static bool lua_field(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, FIELDS);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, -2) == LUA_TNIL) {
    lua_pop(L, 2);
    return false;
  }
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return true;
}

/* variable_field(name, f): v[name] is f(v) from now on */
static int core_variable_field(lua_State *L) {
  want_type(L, 1, LUA_TSTRING, "variable_field: name");
  want_type(L, 2, LUA_TFUNCTION, "variable_field: the function");
  lua_settop(L, 2);
  lua_getfield(L, LUA_REGISTRYINDEX, FIELDS);
  lua_insert(L, 1);
  lua_rawset(L, 1);
  return 0;
}

/* The method at 2, where it is made already; leaves nothing where it is not. */
static bool method_at_hand(lua_State *L) {
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
    return true;
  lua_pop(L, 1);
  return false;
}

static int variable_index(lua_State *L) {
  State *s = state_enter(L);
  Variable *v = check_variable(L);
  if (lua_type(L, 2) != LUA_TSTRING)
    return element_index(L, s);
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
    n = field_get(L, s, name);
  context_drain(&s->c, mark);
  return n || method_at_hand(L) || lua_field(L) ? 1 : field_method(L);
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

/* Gives the variable the value x, or that with what `op` makes of its own and x
   where there is an op. Returns the variable. */
static int assign_through(lua_State *L, const char *name, const char *op) {
  State *s = state_enter(L);
  Variable *v = check_variable(L);
  int mark = context_mark(&s->c);
  Val x = operand_check(L, s, 2, (DType)v->tensor.type.dtype, name);
  if (op && !s->c.error.set) {
    Val now = variable_read(&s->c, v);
    if (!s->c.error.set)
      x = emit_op(&s->c, op, (Val[]){now, x}, 2, NULL);
  } else if (!s->c.error.set && !val_symbolic(x))
    x = own_copy(s, x);
  bool ok = variable_assign(&s->c, v, x);
  context_drain(&s->c, mark);
  if (!ok)
    return raise_context(L, s);
  lua_settop(L, 1);
  return 1;
}

/* Does nobody but the box at 2 have this value? Nor is its memory a file's or a
   host's. */
static bool is_its_own(const Val *x) {
  const Node *n = x->node;
  const Buffer *b = n->out[x->out].buffer;
  return n->refs == 1 && n->nout == 1 && n->in == NULL && b->account &&
         !b->release && !b->read_only &&
         atomic_load_explicit(&b->refs, memory_order_acquire) == 1;
}

/* hand_over(variable, tensor): assign, and the tensor is released. So its memory
   can become the variable's, where else it would be copied. */
static int core_hand_over(lua_State *L) {
  State *s = state_enter(L);
  Variable *v = check_variable(L);
  int mark = context_mark(&s->c);
  Val x = operand_check(L, s, 2, (DType)v->tensor.type.dtype, "hand_over");
  if (!s->c.error.set && !val_symbolic(x) && !is_its_own(&x))
    x = own_copy(s, x);
  bool ok = variable_assign(&s->c, v, x);
  context_drain(&s->c, mark);
  if (!ok)
    return raise_context(L, s);
  box_release(L, 2);
  return 0;
}

static int variable_assign_value(lua_State *L) {
  return assign_through(L, "assign", NULL);
}

static int variable_assign_add(lua_State *L) {
  return assign_through(L, "assign_add", "add");
}

static int variable_assign_sub(lua_State *L) {
  return assign_through(L, "assign_sub", "subtract");
}

/* x:numpy(): what x has now, as a tensor; later updates of a variable do not
   reach it. A tensor is that itself. */
static int value_numpy(lua_State *L) {
  State *s = state_enter(L);
  int mark = context_mark(&s->c);
  box_tensor(L, s, 1);
  Variable *v = box_variable(L, 1);
  if (v)
    box_push(L, s, own_copy(s, variable_read(&s->c, v)));
  context_drain(&s->c, mark);
  if (s->c.error.set)
    return raise_context(L, s);
  lua_settop(L, v ? 2 : 1);
  return 1;
}

/* lend(variable, value): see variable_lend. */
static int core_lend(lua_State *L) {
  State *s = state_enter(L);
  Variable *v = check_variable(L);
  int mark = context_mark(&s->c);
  Val x = operand_check(L, s, 2, (DType)v->tensor.type.dtype, "lend");
  bool ok = variable_lend(&s->c, v, x);
  context_drain(&s->c, mark);
  return ok ? 0 : raise_context(L, s);
}

static void free_zeros(void *ud, void *data) {
  (void)ud;
  mem_free(data);
}

/* Zeros of the table's shape and dtype, for a variable whose value is still to
** come: the system gives large records as zero pages, which cost nothing until
** they are touched. */
static Val zeros_of(lua_State *L, State *s) {
  DType d = F32;
  if (lua_getfield(L, 1, "dtype") != LUA_TNIL)
    d = shape_check_dtype(L, -1);
  if (d == STR)
    raise_error(L, "variable: dtype is string, a variable holds numbers");
  lua_getfield(L, 1, "shape");
  Type type = shape_check(L, -1, d, "variable: shape");
  lua_pop(L, 2);
  if (!type_known(&type))
    raise_error(L, "variable: shape has an unknown size");
  size_t bytes = (size_t)type_bytes(&type);
  memory_relieve(L, s, bytes);
  void *zeros = mem_new(s->account, bytes, 1);
  if (zeros == NULL)
    raise_memory(L);
  Tensor t;
  if (!tensor_on(&t, s->account, &type, zeros, free_zeros, NULL,
                 &s->c.error)) {
    mem_free(zeros);
    raise_context(L, s);
  }
  return value_of(&s->c, t);
}

/* The value that the table gives, as the variable's own. */
static Val first_value(lua_State *L, State *s) {
  Val v = operand_check(L, s, -1, DTYPE_COUNT, "value");
  if (s->c.error.set)
    raise_context(L, s);
  if (val_symbolic(v))
    raise_symbolic(L, v);
  if (val_type(v)->dtype == STR)
    raise_error(L, "variable: value is strings, a variable holds numbers");
  return own_copy(s, v);
}

/* variable{value = | shape =, dtype =, name =, trainable =} */
static int core_variable(lua_State *L) {
  State *s = state_enter(L);
  want_type(L, 1, LUA_TTABLE, "variable: the argument {value =, name =}");
  lua_getfield(L, 1, "name");
  if (!lua_isnil(L, -1))
    want_type(L, -1, LUA_TSTRING, "variable: name");
  const char *name = luaL_optstring(L, -1, "variable");
  lua_getfield(L, 1, "trainable");
  bool trainable = lua_isnil(L, -1) || lua_toboolean(L, -1);
  int mark = context_mark(&s->c);
  bool zeros = lua_getfield(L, 1, "value") == LUA_TNIL &&
               lua_getfield(L, 1, "shape") != LUA_TNIL;
  Val v = zeros ? zeros_of(L, s) : first_value(L, s);
  if (s->c.error.set)
    raise_context(L, s);
  Variable **box = box_push_variable(L);
  *box = variable_new(s->account, name, tensor_share(val_tensor(v)), trainable);
  context_drain(&s->c, mark);
  if (*box == NULL)
    return raise_memory(L);
  box_know_variable(L, *box);
  return 1;
}

void variable_open(lua_State *L) {
  field_metatable(L, VARIABLE_NAME, variable_index, variable_newindex);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.methods");
  const luaL_Reg methods[] = {
    {"assign", variable_assign_value}, {"assign_add", variable_assign_add},
    {"assign_sub", variable_assign_sub}, {"numpy", value_numpy}, {NULL, NULL}
  };
  luaL_setfuncs(L, methods, 0);
  lua_pop(L, 1);
  lua_newtable(L);
  lua_setfield(L, LUA_REGISTRYINDEX, FIELDS);
  const luaL_Reg doors[] = {
    {"variable", core_variable}, {"variable_field", core_variable_field},
    {"lend", core_lend}, {"hand_over", core_hand_over}, {NULL, NULL}
  };
  luaL_setfuncs(L, doors, 0);
}
