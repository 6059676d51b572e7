/* Traces, tapes and gradients as Lua sees them. Whatever a closure does, the
** context is put back when it ends or fails. */

#include <stdio.h>
#include <string.h>

#include "bind/core.h"
#include "bind/function.h"

/* Calls the function below its nargs arguments, then `leave`, then passes an
** error on. Returns the number of results. */
static int call_between(lua_State *L, int nargs,
                        void (*leave)(State *s, void *ud), void *ud) {
  State *s = state_of(L);
  int base = lua_gettop(L) - nargs - 1, layers = layer_stack(L)->n;
  int status = state_call(L, s, nargs, LUA_MULTRET, 0);
  leave(s, ud);
  if (status != LUA_OK) {
    layer_stack(L)->n = layers;
    lua_error(L);
  }
  return lua_gettop(L) - base;
}

/* ---- trace -------------------------------------------------------------- */

static Type read_spec(lua_State *L, int index, int i) {
  char name[32];
  snprintf(name, sizeof name, "trace: input %d", i);
  if (!lua_istable(L, index))
    raise_error(L, "%s: a table {shape =, dtype =} is wanted", name);
  lua_getfield(L, index, "dtype");
  DType d = lua_isnil(L, -1) ? F32 : shape_check_dtype(L, -1);
  lua_getfield(L, index, "shape");
  Type t = shape_check(L, -1, d, name);
  lua_pop(L, 2);
  return t;
}

typedef struct TraceJob {
  Type type[MAX_INPUTS];
  int n;
  Scope scope;
  bool open; /* the scope is still on the context */
  Function *f;
} TraceJob;

static void end_trace(lua_State *L, State *s, TraceJob *job, int first) {
  Val out[MAX_OUTPUTS];
  int n = lua_gettop(L) - first + 1;
  if (n > MAX_OUTPUTS)
    raise_error(L, "trace: more than %d results", MAX_OUTPUTS);
  for (int i = 0; i < n; i++) {
    if (!box_is_tensor(L, first + i) && !lua_isnumber(L, first + i))
      raise_error(L, "result %d of the traced function is %s, a tensor is "
                     "wanted", i + 1, luaL_typename(L, first + i));
    out[i] = operand_check(L, s, first + i, F32, "result");
  }
  job->open = false; /* whatever comes of it */
  job->f = scope_finish(&s->c, &job->scope, out, n, NULL, NULL);
}

/* upvalue-free, so that one pcall covers it: fn, job */
static int trace_protected(lua_State *L) {
  State *s = state_of(L);
  TraceJob *job = lua_touserdata(L, 2);
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  for (int i = 0; i < job->n; i++)
    box_push(L, s, scope_input(&s->c, &job->type[i]));
  lua_call(L, job->n, LUA_MULTRET);
  end_trace(L, s, job, 2);
  return 0;
}

static void end_hosts(lua_State *L, State *s, int64_t first) {
  if (s->c.scope == NULL)
    host_forget_since(L, s, first);
}

static int core_trace(lua_State *L) {
  State *s = state_of(L);
  want_type(L, 1, LUA_TTABLE, "trace: the list of inputs");
  want_callable(L, 2, "trace: the second argument");
  int layers = layer_stack(L)->n, mark = context_mark(&s->c);
  int64_t hosts = s->hosts;
  TraceJob *job = lua_newuserdatauv(L, sizeof *job, 0);
  memset(job, 0, sizeof *job);
  if (lua_rawlen(L, 1) > MAX_INPUTS)
    return raise_error(L, "trace: more than %d inputs", MAX_INPUTS);
  job->n = (int)lua_rawlen(L, 1);
  luaL_checkstack(L, job->n + 8, NULL);
  for (int i = 0; i < job->n; i++) {
    lua_rawgeti(L, 1, i + 1);
    job->type[i] = read_spec(L, lua_gettop(L), i + 1);
    lua_pop(L, 1);
  }
  struct FunctionBox *box = function_push(L);
  scope_open(&s->c, &job->scope, false);
  job->open = true;
  lua_pushcfunction(L, trace_protected);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, -4);
  int status = state_call(L, s, 2, 0, 0);
  if (job->open)
    scope_close(&s->c, &job->scope);
  context_drain(&s->c, mark);
  if (status != LUA_OK) {
    layer_stack(L)->n = layers;
    end_hosts(L, s, hosts);
    return lua_error(L);
  }
  if (job->f == NULL) {
    end_hosts(L, s, hosts);
    return raise_context(L, s);
  }
  function_fill(L, s, box, job->f);
  host_push_since(L, s, hosts);
  lua_setiuservalue(L, -2, 1);
  end_hosts(L, s, hosts);
  return 1;
}

static int core_tracing(lua_State *L) {
  lua_pushboolean(L, state_of(L)->c.scope != NULL);
  return 1;
}

static void resume_scope(State *s, void *ud) {
  s->c.scope = ud;
}

static int core_untraced(lua_State *L) {
  State *s = state_of(L);
  Scope *scope = s->c.scope;
  want_callable(L, 1, "untraced: the first argument");
  s->c.scope = NULL;
  return call_between(L, lua_gettop(L) - 1, resume_scope, scope);
}

/* ---- tapes -------------------------------------------------------------- */

static void stop_recording(State *s, void *ud) {
  s->c.recording = *(int *)ud;
}

static int core_record(lua_State *L) {
  State *s = state_of(L);
  want_callable(L, 1, "record: the first argument");
  int before = s->c.recording++;
  return call_between(L, lua_gettop(L) - 1, stop_recording, &before);
}

typedef struct RowsJob {
  BatchPlace before;
  int mark; /* above it the context holds the order */
} RowsJob;

static void leave_rows(State *s, void *ud) {
  const RowsJob *job = ud;
  set_batch_place(&s->c.env, job->before);
  context_drain(&s->c, job->mark);
}

/* batch_rows(order | nil, first, n, f, ...): f(...) on a batch of n rows of the
** data from `first` on, so that a fault in it names the row of the data. */
static int core_batch_rows(lua_State *L) {
  State *s = state_of(L);
  RowsJob job = {batch_place(&s->c.env), context_mark(&s->c)};
  lua_Integer first = want_whole(L, 2, "batch_rows: the first row");
  lua_Integer n = want_whole(L, 3, "batch_rows: the number of rows");
  want_callable(L, 4, "batch_rows: the fourth argument");
  BatchPlace p = {.first = first, .rows = n};
  if (first < 0 || n < 0)
    return raise_error(L, "batch_rows: %lld rows from %lld", (long long)n,
                       (long long)first);
  if (!lua_isnil(L, 1)) {
    Tensor order = box_tensor(L, s, 1);
    if (order.type.dtype != I32 || order.type.rank != 1 ||
        first > order.type.dim[0] || n > order.type.dim[0] - first)
      return raise_error(L, "batch_rows: order must be an int32 vector of all "
                            "rows");
    Val v;
    p.order = order.data;
    if (box_value(L, s, 1, &v)) /* f may release it */
      value_hold(&s->c, v);
  }
  set_batch_place(&s->c.env, p);
  return call_between(L, lua_gettop(L) - 4, leave_rows, &job);
}

static int core_watch(lua_State *L) {
  State *s = state_of(L);
  int mark = context_mark(&s->c);
  Val v = operand_check(L, s, 1, F32, "watch");
  box_push(L, s, value_watch(&s->c, v));
  context_drain(&s->c, mark);
  return 1;
}

/* The tape hangs on the loss: let it go when nobody records any more. */
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
  Val *xs = lua_newuserdatauv(L, 2 * ((size_t)n + 1) * sizeof *xs, 0);
  Val *dxs = xs + n;
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, list, i + 1);
    Variable *v = box_variable(L, -1);
    if (v)
      xs[i] = variable_leaf(&s->c, v);
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
  int results = call_between(L, n, stop_recording, &before);
  if (results < 1)
    return raise_error(L, "value_and_grad: the function returned nothing");
  lua_settop(L, n + 2);
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

void trace_open(lua_State *L) {
  static const luaL_Reg core[] = {
    {"trace", core_trace}, {"tracing", core_tracing},
    {"untraced", core_untraced}, {"record", core_record},
    {"batch_rows", core_batch_rows}, {"watch", core_watch}, {"grad", core_grad},
    {"value_and_grad", core_value_and_grad}, {NULL, NULL}
  };
  luaL_setfuncs(L, core, 0);
}
