/* Tapes and gradients as Lua sees them: eager ops are recorded while a function
** runs, and the walk back gives what grad and value_and_grad return. */

#include "bind/core.h"
#include "bind/function.h"

static void stop_recording(State *s, void *ud) {
  s->c.recording = *(int *)ud;
}

static int core_record(lua_State *L) {
  State *s = state_of(L);
  want_callable(L, 1, "record: the first argument");
  int before = s->c.recording++;
  return between_call(L, lua_gettop(L) - 1, stop_recording, &before);
}

static int core_watch(lua_State *L) {
  State *s = state_of(L);
  int mark = context_mark(&s->c);
  Val v = operand_check(L, s, 1, F32, "watch");
  box_push(L, s, value_watch(&s->c, v));
  context_drain(&s->c, mark);
  return 1;
}

/* The tape hangs on the loss, which the caller keeps: let it go when nobody
** records any more. In a trace the inputs are what the loss is made of. */
static void drop_tape(State *s, Val loss) {
  Node *n = loss.node;
  if (s->c.recording > 0 || n->scope != 0)
    return;
  for (int i = 0; i < n->nin; i++)
    node_release(n->in[i].node);
  n->nin = 0;
  n->tracked = false;
}

/* Gradients of the loss at `loss` with respect to the values listed by the
** table at `list`, appended as a table; false where there is none. */
static void push_gradients(lua_State *L, State *s, Val loss, int list) {
  int n = (int)lua_rawlen(L, list);
  /* Garbage of Lua's, because what follows may raise; the context holds the
  ** values themselves until the caller drains it. */
  Val *xs = lua_newuserdatauv(L, 2 * ((size_t)n + 1) * sizeof *xs, 0);
  Val *dxs = xs + n;
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, list, i + 1);
    Variable *v = box_variable(L, -1);
    if (v)
      xs[i] = variable_read(&s->c, v);
    else
      xs[i] = operand_check(L, s, -1, F32, "grad");
    lua_pop(L, 1);
  }
  if (!gradient(&s->c, loss, xs, n, dxs))
    raise_context(L, s);
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    if (dxs[i].node)
      box_push(L, s, dxs[i]);
    else
      lua_pushboolean(L, 0);
    lua_rawseti(L, -2, i + 1);
  }
  lua_remove(L, -2);
}

static int core_grad(lua_State *L) {
  State *s = state_of(L);
  int mark = context_mark(&s->c);
  Val loss = operand_check(L, s, 1, F32, "grad: loss");
  want_type(L, 2, LUA_TTABLE, "grad: the list of inputs");
  push_gradients(L, s, loss, 2);
  context_drain(&s->c, mark);
  return 1;
}

/* upvalues: f, list of variables or nil */
static int call_with_gradient(lua_State *L) {
  State *s = state_of(L);
  int n = lua_gettop(L), before = s->c.recording;
  lua_createtable(L, n, 0); /* n+1: what is differentiated */
  for (int i = 1; i <= n; i++) {
    /* Another box in its place: the caller's own tensor is not marked. */
    if (box_is_tensor(L, i) && !box_variable(L, i)) {
      int mark = context_mark(&s->c);
      Val v;
      box_value(L, s, i, &v);
      box_push(L, s, value_watch(&s->c, v));
      context_drain(&s->c, mark);
      lua_replace(L, i);
    }
    if (box_is_tensor(L, i)) {
      lua_pushvalue(L, i);
      lua_rawseti(L, n + 1, (lua_Integer)lua_rawlen(L, n + 1) + 1);
    }
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  for (int i = 1; i <= n; i++)
    lua_pushvalue(L, i);
  s->c.recording++;
  int results = between_call(L, n, stop_recording, &before);
  if (results < 1)
    return raise_error(L, "value_and_grad: the function returned nothing");
  lua_settop(L, n + 2); /* n+2: the loss, without further results */
  int mark = context_mark(&s->c);
  Val loss = operand_check(L, s, n + 2, F32, "value_and_grad: result");
  bool variables = lua_istable(L, lua_upvalueindex(2));
  lua_createtable(L, 0, 0); /* n+3: both lists in one walk */
  lua_Integer args = (lua_Integer)lua_rawlen(L, n + 1), all = 0;
  for (lua_Integer i = 1; i <= args; i++) {
    lua_rawgeti(L, n + 1, i);
    lua_rawseti(L, n + 3, ++all);
  }
  lua_Integer nv = variables ? (lua_Integer)lua_rawlen(L, lua_upvalueindex(2))
                             : 0;
  for (lua_Integer i = 1; i <= nv; i++) {
    lua_rawgeti(L, lua_upvalueindex(2), i);
    lua_rawseti(L, n + 3, ++all);
  }
  push_gradients(L, s, loss, n + 3); /* n+4 */
  drop_tape(s, loss);
  context_drain(&s->c, mark);
  lua_pushvalue(L, n + 2);
  lua_createtable(L, (int)args, 0);
  for (lua_Integer i = 1; i <= args; i++) {
    lua_rawgeti(L, n + 4, i);
    lua_rawseti(L, -2, i);
  }
  if (!variables)
    return 2;
  lua_createtable(L, (int)nv, 0);
  for (lua_Integer i = 1; i <= nv; i++) {
    lua_rawgeti(L, n + 4, args + i);
    lua_rawseti(L, -2, i);
  }
  return 3;
}

static int core_value_and_grad(lua_State *L) {
  want_callable(L, 1, "value_and_grad: the first argument");
  lua_settop(L, 2);
  if (!lua_isnil(L, 2))
    want_type(L, 2, LUA_TTABLE, "value_and_grad: the list of variables");
  lua_pushcclosure(L, call_with_gradient, 2);
  return 1;
}

void tape_open(lua_State *L) {
  static const luaL_Reg core[] = {
    {"record", core_record}, {"watch", core_watch}, {"grad", core_grad},
    {"value_and_grad", core_value_and_grad}, {NULL, NULL}
  };
  luaL_setfuncs(L, core, 0);
}
