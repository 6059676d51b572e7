/* Traced functions as userdata: calls, runs over rows, texts. A run puts the
** context aside only as far as host closures need it. */

#include <string.h>

#include "bind/core.h"
#include "bind/function.h"

typedef struct FunctionBox {
  PlanCache *k;
} FunctionBox;

const char FUNCTION_NAME[] = "lunula.Function";

PlanCache *function_check(lua_State *L, int index) {
  FunctionBox *b = userdata_test(L, index, FUNCTION_NAME);
  if (b == NULL)
    raise_error(L, "a traced function is expected, got %s",
                luaL_typename(L, index));
  if (b->k == NULL)
    raise_error(L, "this function was released");
  return b->k;
}

PlanCache *function_cache(const FunctionBox *b) {
  return b->k;
}

FunctionBox *function_push(lua_State *L) {
  FunctionBox *b = lua_newuserdatauv(L, sizeof *b, 1);
  b->k = NULL;
  userdata_mark(L, FUNCTION_NAME);
  return b;
}

/* The box is pushed before there is a function, which would be lost if Lua had
** no memory for a box. */
void function_fill(lua_State *L, State *s, FunctionBox *b, Function *f) {
  Error e;
  e.set = false;
  b->k = plan_cache_new(f, s->account, &e);
  function_release(f);
  if (b->k == NULL)
    raise_failure(L, &e);
}

void function_share(FunctionBox *b, PlanCache *k) {
  plan_cache_retain(k);
  b->k = k;
}

/* Also `release`, after which the finalizer finds nothing. */
static int function_gc(lua_State *L) {
  FunctionBox *b = luaL_checkudata(L, 1, FUNCTION_NAME);
  PlanCache *k = b->k;
  b->k = NULL;
  plan_cache_release(k);
  return 0;
}

/* ---- runs --------------------------------------------------------------- */

static void open_env(State *s, Env *env, Error *e, const Function *f,
                     HostRun *host) {
  env_open(env, e);
  env->seed = s->c.seed;
  env->draw = s->c.draw;
  env->watch = s->c.watch;
  *host = (HostRun){s, f->records, env, float_mode_get()};
  env->host = host_call;
  env->host_ud = host;
  env->sums = s->c.env.sums;
}

/* ---- in a trace ---------------------------------------------------------- */

static bool types_may_equal(const Type *a, const Type *b) {
  bool same = a->rank == b->rank;
  for (int i = 0; same && i < a->rank; i++)
    same = a->dim[i] == b->dim[i] || a->dim[i] == UNKNOWN ||
           b->dim[i] == UNKNOWN;
  return same;
}

/* The argument as input i, with a value or without. Sizes that are not known
** may turn out to be right. */
static Val symbolic_input(lua_State *L, State *s, const Function *f, int i) {
  const Type *want = val_type(f->inputs[i]);
  char a[TYPE_TEXT], b[TYPE_TEXT];
  Val v = operand_check(L, s, i + 2, F32, "input");
  v = value_as(&s->c, v, (DType)want->dtype);
  if (s->c.error.set)
    raise_context(L, s);
  if (!types_may_equal(val_type(v), want))
    raise_error(L, "input %d is %s, it should be %s", i + 1,
                type_text(val_type(v), a), type_text(want, b));
  return v;
}

/* What the function does is done by the trace, or the tape, that is open. */
static int call_here(lua_State *L, State *s, const Function *f) {
  int n = f->noutputs, m = f->ninputs, mark = context_mark(&s->c);
  size_t roots = (size_t)(n + f->nbindings);
  size_t sources = (size_t)(m + f->nbindings);
  /* Garbage of Lua's, because the checks below may raise. */
  Val *root = lua_newuserdatauv(L, (2 * roots + 2 * sources) * sizeof *root, 0);
  Val *out = root + roots, *from = out + roots, *to = from + sources;
  for (int i = 0; i < m; i++) {
    from[i] = f->inputs[i];
    to[i] = symbolic_input(L, s, f, i);
  }
  memcpy(root, f->outputs, (size_t)n * sizeof *root);
  for (int i = 0; i < f->nbindings; i++) {
    from[m + i] = f->bindings[i].leaf;
    to[m + i] = variable_read(&s->c, f->bindings[i].variable);
    root[n + i] = f->bindings[i].current;
  }
  bool ok = copy_values(&s->c, root, (int)roots, from, to, (int)sources, out);
  for (int i = 0; ok && i < f->nbindings; i++)
    if (!val_same(f->bindings[i].leaf, f->bindings[i].current))
      ok = variable_assign(&s->c, f->bindings[i].variable, out[n + i]);
  if (!ok)
    raise_context(L, s);
  luaL_checkstack(L, n + 8, NULL);
  for (int i = 0; i < n; i++)
    box_push(L, s, out[i]);
  context_drain(&s->c, mark);
  return n;
}

/* ---- runs of plans ------------------------------------------------------- */

/* Between these two the variables that the function updates are its own. */
static void begin_run(lua_State *L, State *s, PlanCache *k) {
  Error e;
  e.set = false;
  if (s->c.scope)
    raise_error(L, "a compiled function cannot run inside a trace");
  if (!plan_cache_own_variables(k, &e))
    raise_failure(L, &e);
}

static void end_run(State *s, PlanCache *k, const Env *env) {
  if (plan_cache_function(k)->draws)
    s->c.draw = env->draw;
  plan_cache_touch_variables(k);
}

/* A closure that the plan calls may release what the run works with: values
** are held by the context, the function by a count of its own. */
static Tensor held(State *s, Val v) {
  return *val_tensor(value_hold(&s->c, v));
}

/* The argument as input i: its type fits up to a cast. */
static Tensor read_input(lua_State *L, State *s, const Function *f, int i,
                         int index) {
  Val v = operand_check(L, s, index, F32, "input");
  DType want = (DType)val_type(f->inputs[i])->dtype;
  if ((want == STR) != (val_type(v)->dtype == STR))
    raise_error(L, "input %d is %s, %s", i + 1,
                dtype_name((DType)val_type(v)->dtype),
                want == STR ? "strings are wanted"
                            : "numbers are wanted: TextVectorization, "
                              "StringLookup and Hashing make them of strings");
  v = value_as(&s->c, v, want);
  if (s->c.error.set)
    raise_context(L, s);
  if (val_symbolic(v))
    raise_symbolic(L, v);
  if (!tensor_readable(val_tensor(v), &s->c.error))
    raise_context(L, s);
  Tensor t = held(s, v);
  if (s->c.error.set)
    raise_context(L, s);
  return t;
}

/* A tensor with a value, and no more than that. */
static Tensor held_tensor(lua_State *L, State *s, int index) {
  Val v;
  box_tensor(L, s, index);
  box_value(L, s, index, &v);
  Tensor t = held(s, v);
  if (s->c.error.set)
    raise_context(L, s);
  return t;
}

static Plan *get_plan(lua_State *L, PlanCache *k, const Type *in) {
  Error e;
  e.set = false;
  Plan *p = plan_cache_plan(k, in, state_of(L)->c.watch, &e);
  if (p == NULL)
    raise_failure(L, &e);
  return p;
}

/* Room for n types: `few` on the stack, or a userdata that is collected. */
static Type *type_room(lua_State *L, Type *few, int n) {
  return n <= FEW ? few : lua_newuserdatauv(L, (size_t)n * sizeof *few, 0);
}

int function_call(lua_State *L) {
  State *s = state_enter(L);
  PlanCache *k = function_check(L, 1);
  const Function *f = plan_cache_function(k);
  Type few[FEW];
  const void *pin[MAX_INPUTS];
  void *pout[MAX_OUTPUTS];
  Val out[MAX_OUTPUTS];
  int mark = context_mark(&s->c);
  if (lua_gettop(L) - 1 != f->ninputs)
    return raise_error(L, "%d inputs, the function takes %d",
                       lua_gettop(L) - 1, f->ninputs);
  if ((s->c.scope || s->c.recording) && !f->hosts)
    return call_here(L, s, f);
  Type *in = type_room(L, few, f->ninputs);
  for (int i = 0; i < f->ninputs; i++) {
    Tensor t = read_input(L, s, f, i, i + 2);
    in[i] = t.type;
    pin[i] = t.data;
  }
  begin_run(L, s, k);
  memory_relieve(L, s, 0); /* its finalizers may call this function */
  luaL_checkstack(L, f->noutputs + 8, NULL);
  Plan *p = get_plan(L, k, in); /* nothing may raise until it is released */
  for (int i = 0; i < f->noutputs; i++) {
    Tensor t;
    if (tensor_new(&t, s->account, plan_output(p, i), &s->c.error)) {
      out[i] = value_of(&s->c, t);
      pout[i] = t.data;
    }
    if (s->c.error.set) {
      plan_release(p);
      context_drain(&s->c, mark);
      return raise_context(L, s);
    }
  }
  Env env;
  HostRun host;
  Error e;
  e.set = false;
  open_env(s, &env, &e, f, &host);
  env.draw++; /* other random numbers than in the last call */
  int n = f->noutputs;
  plan_cache_retain(k);
  bool ok = plan_run(p, pin, pout, &env);
  plan_cache_give(k, p);
  end_run(s, k, &env);
  plan_cache_release(k);
  for (int i = 0; ok && i < n; i++)
    box_push(L, s, out[i]);
  context_drain(&s->c, mark);
  return ok ? n : raise_failure(L, &e);
}

static lua_Integer integer_field(lua_State *L, const char *name,
                                 lua_Integer otherwise) {
  int whole;
  if (lua_getfield(L, 2, name) == LUA_TNIL) {
    lua_pop(L, 1);
    return otherwise;
  }
  lua_Integer v = lua_tointegerx(L, -1, &whole);
  if (!whole)
    raise_error(L, "rows: %s must be a whole number", name);
  lua_pop(L, 1);
  return v;
}

/* The tensors of a list in the table at 2, left on the stack for the while. */
static int tensor_list(lua_State *L, State *s, const char *name, Tensor *list,
                       int want, const Function *f) {
  if (lua_getfield(L, 2, name) != LUA_TTABLE) {
    lua_pop(L, 1);
    return 0;
  }
  int at = lua_gettop(L), n = (int)lua_rawlen(L, at);
  if (n != want)
    raise_error(L, "rows: %d %s, the function has %d", n, name, want);
  luaL_checkstack(L, n + 4, NULL);
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, at, i + 1);
    list[i] = f ? read_input(L, s, f, i, lua_gettop(L))
                : held_tensor(L, s, lua_gettop(L));
  }
  return n;
}

static void check_rows(lua_State *L, const Epoch *r, const Tensor *order,
                       int nin, int nout) {
  int64_t n = -1;
  if (r->first < 0 || r->last < r->first || r->batch < 1)
    raise_error(L, "rows: first %lld, last %lld, batch %lld",
                (long long)r->first, (long long)r->last, (long long)r->batch);
  for (int i = 0; i < nin; i++) {
    const Type *t = &r->in[i].type;
    if (t->rank == 0 || (n >= 0 && t->dim[0] != n))
      raise_error(L, "rows: the inputs differ in their number of rows");
    n = t->dim[0];
  }
  int64_t most = order ? order->type.dim[0] : n;
  Error e;
  e.set = false;
  for (int i = 0; i < nout; i++)
    if (!tensor_writable(&r->out[i], &e))
      raise_error(L, "rows: output %d: %s", i + 1, e.text);
  for (int i = 0; i < nout; i++)
    if (r->out[i].type.rank == 0 || r->out[i].type.dim[0] < r->last)
      raise_error(L, "rows: output %d has too few rows", i + 1);
  if (nin > 0 && r->last > most)
    raise_error(L, "rows: %lld rows wanted of %lld", (long long)r->last,
                (long long)most);
  if (order == NULL)
    return;
  if (order->type.dtype != I32 || order->type.rank != 1)
    raise_error(L, "rows: order must be an int32 vector");
  /* Kernels cannot fail, so rows are looked at before the run. */
  for (int64_t i = r->first; i < r->last; i++)
    if (r->order[i] < 0 || r->order[i] >= n)
      raise_error(L, "rows: order names row %d of %lld", r->order[i],
                  (long long)n);
}

static int function_rows(lua_State *L) {
  State *s = state_enter(L);
  PlanCache *k = function_check(L, 1);
  const Function *f = plan_cache_function(k);
  Tensor out[MAX_OUTPUTS], order;
  want_type(L, 2, LUA_TTABLE, "rows: the options");
  lua_settop(L, 2);
  /* There may be too many of them for a frame. */
  Tensor *in = lua_newuserdatauv(L, (size_t)f->ninputs * sizeof *in, 0);
  int mark = context_mark(&s->c);
  Epoch r = {.in = in};
  int nin = tensor_list(L, s, "inputs", in, f->ninputs, f);
  int nout = tensor_list(L, s, "outputs", out, f->noutputs, NULL);
  if (nin != f->ninputs)
    return raise_error(L, "rows: inputs are missing");
  r.out = nout > 0 ? out : NULL;
  bool ordered = lua_getfield(L, 2, "order") != LUA_TNIL;
  if (ordered) {
    order = held_tensor(L, s, lua_gettop(L));
    r.order = order.data;
  }
  r.first = integer_field(L, "first", 0);
  r.last = integer_field(L, "last", nin ? in[0].type.dim[0] : 0);
  r.batch = integer_field(L, "batch", 32);
  lua_getfield(L, 2, "seconds");
  r.seconds = lua_tonumber(L, -1);
  check_rows(L, &r, ordered ? &order : NULL, nin, nout);
  begin_run(L, s, k);
  Env env;
  HostRun host;
  Error e;
  e.set = false;
  open_env(s, &env, &e, f, &host);
  plan_cache_retain(k);
  int64_t next = epoch_run(k, &r, &env, &e);
  end_run(s, k, &env); /* after a fault, too: the batches before it count */
  plan_cache_release(k);
  context_drain(&s->c, mark);
  if (next < 0)
    return raise_failure(L, &e);
  lua_pushinteger(L, next);
  return 1;
}

/* ---- fields ------------------------------------------------------------- */

static void push_specs(lua_State *L, const Val *v, int n) {
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    lua_createtable(L, 0, 2);
    shape_push(L, val_type(v[i]));
    lua_setfield(L, -2, "shape");
    lua_pushstring(L, dtype_name((DType)val_type(v[i])->dtype));
    lua_setfield(L, -2, "dtype");
    lua_rawseti(L, -2, i + 1);
  }
}

static int function_describe(lua_State *L) {
  const Function *f = plan_cache_function(function_check(L, 1));
  Text *t = print_buffer(L);
  function_text(t, f);
  if (t->failed)
    raise_memory(L);
  lua_pushlstring(L, t->data ? t->data : "", t->used);
  text_free(t);
  return 1;
}

/* memory{batch=}: bytes of the arena with unknown sizes set to batch, and the
** number of steps. memory(): bytes of the arenas of all plans that are kept. */
static int function_memory(lua_State *L) {
  PlanCache *k = function_check(L, 1);
  if (lua_isnoneornil(L, 2)) {
    lua_pushinteger(L, plan_cache_bytes(k));
    return 1;
  }
  const Function *f = plan_cache_function(k);
  Type few[FEW], *in = type_room(L, few, f->ninputs);
  want_type(L, 2, LUA_TTABLE, "memory: the options");
  lua_Integer batch = integer_field(L, "batch", 1);
  if (batch < 0 || batch > INT32_MAX)
    return raise_error(L, "memory: a batch of %lld", (long long)batch);
  for (int i = 0; i < f->ninputs; i++) {
    in[i] = *val_type(f->inputs[i]);
    for (int d = 0; d < in[i].rank; d++)
      if (in[i].dim[d] == UNKNOWN)
        in[i].dim[d] = batch;
  }
  Plan *p = get_plan(L, k, in);
  lua_pushinteger(L, plan_arena_bytes(p));
  lua_pushinteger(L, plan_steps(p));
  plan_release(p);
  return 2;
}

/* passes("naive"), passes("-fuse,-share"), passes(): all */
static int function_passes(lua_State *L) {
  PlanCache *k = function_check(L, 1);
  if (!lua_isnoneornil(L, 2))
    want_type(L, 2, LUA_TSTRING, "passes: the names");
  Error e;
  e.set = false;
  unsigned passes;
  if (!passes_of(lua_tostring(L, 2), &passes, &e))
    raise_failure(L, &e);
  plan_cache_set_passes(k, passes);
  lua_settop(L, 1);
  return 1;
}

static int function_index(lua_State *L) {
  const Function *f = plan_cache_function(function_check(L, 1));
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (strcmp(name, "outputs") == 0)
    push_specs(L, f->outputs, f->noutputs);
  else if (strcmp(name, "inputs") == 0)
    push_specs(L, f->inputs, f->ninputs);
  else if (strcmp(name, "updates") == 0)
    lua_pushinteger(L, function_updates(f));
  else {
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
  }
  return 1;
}

static int function_text_of(lua_State *L) {
  const Function *f = plan_cache_function(function_check(L, 1));
  lua_pushfstring(L, "function of %d inputs, %d outputs, %d updates",
                  f->ninputs, f->noutputs, function_updates(f));
  return 1;
}

void function_open(lua_State *L) {
  static const luaL_Reg meta[] = {
    {"__gc", function_gc}, {"__close", function_gc}, {"__call", function_call},
    {"__tostring", function_text_of}, {NULL, NULL}
  };
  static const luaL_Reg methods[] = {
    {"rows", function_rows}, {"describe", function_describe},
    {"memory", function_memory}, {"passes", function_passes},
    {"release", function_gc}, {NULL, NULL}
  };
  luaL_newmetatable(L, FUNCTION_NAME);
  userdata_keep(L, FUNCTION_NAME);
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods);
  lua_pushcclosure(L, function_index, 1);
  lua_setfield(L, -2, "__index");
  lua_pushstring(L, FUNCTION_NAME);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
