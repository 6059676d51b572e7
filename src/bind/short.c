/* The short way of a prediction: a model that takes one plain tensor and gives
** one has functions of its own in the place of its methods, which go from the
** user's call to the plan with no Lua, and no table, between. Whatever they do
** not serve goes the long way, which is the method; so does what fails, which
** is said there. */

#include "bind/core.h"
#include "bind/function.h"

typedef struct ShortWay {
  State *s;
  const struct FunctionBox *function;
  const void *self;   /* the model's address; upvalues keep what these mean */
  const void *tensor; /* of the metatable of tensors */
  int dtype, rank;    /* of its input */
  int64_t most;       /* rows; 0: any number of them */
  bool simple; /* the function calls no Lua and changes no variable */
} ShortWay;

enum { WAY = 1, FUNCTION, SELF, LIGHT, LONG_WAY, UPVALUES = LONG_WAY };

/* The tensor in the box at 2 if it is one that the way is for, else NULL. */
static const Val *find_input(lua_State *L, const ShortWay *w) {
  int n = lua_gettop(L);
  if ((n != 2 && (n != 3 || !lua_isnil(L, 3))) ||
      lua_topointer(L, 1) != w->self || w->s->account == NULL)
    return NULL;
  const Val *x = box_plain(L, 2, w->tensor);
  if (x == NULL || val_type(*x)->rank != w->rank)
    return NULL;
  int64_t rows = w->rank > 0 ? val_type(*x)->dim[0] : 0;
  return w->most == 0 || (rows > 0 && rows <= w->most) ? x : NULL;
}

static bool run_plan(State *s, PlanCache *k, Plan *p, const void *in,
                     void *out) {
  Error e;
  Env env;
  e.set = false;
  env_open(&env, &e);
  env.seed = s->c.seed;
  env.draw = s->c.draw + 1;
  env.watch = s->c.watch;
  if (!plan_run(p, &in, &out, &env))
    return false;
  if (plan_cache_function(k)->draws)
    s->c.draw = env.draw;
  return true;
}

/* Runs into the box, which is on top. */
static bool fill_box(lua_State *L, State *s, PlanCache *k, Plan *p,
                     const void *x, LightBox *y) {
  void *room = box_light_room(y, plan_output(p, 0));
  if (room) {
    if (!run_plan(s, k, p, x, room))
      return false;
    box_light_done(y);
    return true;
  }
  Node *n = value_room(&s->c, plan_output(p, 0));
  if (n && run_plan(s, k, p, x, n->out[0].data)) {
    box_light_hold(L, s, y, n);
    return true;
  }
  if (n)
    node_release(n);
  return false;
}

/* No Lua runs in here. */
static bool compute(lua_State *L, State *s, PlanCache *k, const Tensor *x,
                    LightBox *y) {
  Error e;
  e.set = false;
  if (!tensor_readable(x, &e))
    return false;
  Plan *p = plan_cache_plan(k, &x->type, s->c.watch, &e);
  if (p == NULL)
    return false;
  bool ok = fill_box(L, s, k, p, x->data, y);
  plan_cache_give(k, p);
  s->c.error.set = false;
  return ok;
}

/* Pushes the result for what is in x, a box at 2; false: it is to be had on
** another way. What may collect garbage, and so run finalizers that release x
** or the function, comes first. */
static bool run_short(lua_State *L, const ShortWay *w, const Val *x) {
  State *s = w->s;
  if (!w->simple || s->c.scope || s->c.error.set)
    return false;
  s->L = L;
  s->mark = context_mark(&s->c);
  memory_relieve(L, s, 0);
  LightBox *y = box_push_light(L, lua_upvalueindex(LIGHT));
  PlanCache *k = function_cache(w->function);
  if (k && x->node && val_type(*x)->dtype == w->dtype &&
      compute(L, s, k, val_tensor(*x), y))
    return true;
  lua_pop(L, 1);
  return false;
}

static int after_long_way(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  return lua_gettop(L);
}

/* Callbacks of the method may yield. */
static int go_long_way(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(LONG_WAY));
  lua_insert(L, 1);
  lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, after_long_way);
  return lua_gettop(L);
}

static int short_call(lua_State *L) {
  const ShortWay *w = lua_touserdata(L, lua_upvalueindex(WAY));
  const Val *x = find_input(L, w);
  if (x == NULL || w->s->c.scope) /* which refuses to predict in a trace */
    return go_long_way(L);
  if (run_short(L, w, x))
    return 1;
  lua_settop(L, 2);
  lua_pushvalue(L, lua_upvalueindex(FUNCTION));
  lua_replace(L, 1);
  return function_call(L);
}

/* short_way(function, model, most, method): what stands in the model for that
** method, for at most so many rows (0: any number of them). */
static int core_short_way(lua_State *L) {
  const Function *f = plan_cache_function(function_check(L, 1));
  want_type(L, 2, LUA_TTABLE, "short_way: the model");
  lua_Integer most = want_whole(L, 3, "short_way: the rows");
  want_callable(L, 4, "short_way: the method");
  if (f->ninputs != 1 || f->noutputs != 1)
    return raise_error(L, "short_way: a function of %d tensors that gives %d",
                       f->ninputs, f->noutputs);
  lua_settop(L, 4);
  ShortWay *w = lua_newuserdatauv(L, sizeof *w, 0);
  lua_insert(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, TENSOR);
  lua_rawgetp(L, LUA_REGISTRYINDEX, LIGHT_TENSOR);
  lua_replace(L, LIGHT);
  *w = (ShortWay){.s = state_of(L), .function = lua_touserdata(L, FUNCTION),
                  .self = lua_topointer(L, SELF),
                  .tensor = lua_topointer(L, -1),
                  .dtype = val_type(f->inputs[0])->dtype,
                  .rank = val_type(f->inputs[0])->rank, .most = most,
                  .simple = !f->hosts && function_updates(f) == 0};
  lua_pop(L, 1);
  lua_pushcclosure(L, short_call, UPVALUES);
  return 1;
}

void short_open(lua_State *L) {
  static const luaL_Reg core[] = {{"short_way", core_short_way}, {NULL, NULL}};
  luaL_setfuncs(L, core, 0);
}
