/* From a model of a script to a model of the host. An anchor in the registry
** keeps the script's function alive, and tells the model when the state is
** closed. */

#include <string.h>

#include "host/runtime.h"

#define ANCHOR "lunula.Anchor"

typedef struct Anchor {
  lunula_model *model; /* NULL: none yet, or the host has freed it */
  lua_State *L;        /* the main thread */
  int reference;
} Anchor;

static int anchor_gc(lua_State *L) {
  Anchor *a = luaL_checkudata(L, 1, ANCHOR);
  if (a->model)
    atomic_store(&a->model->closed, true);
  a->model = NULL;
  return 0;
}

/* ---- models that enter Lua, or change variables ------------------------- */

/* What Lua does in the run is under both watches. One that ends it does not end
** the script around it. */
static bool run_watched(lunula_model *m, const ModelRun *run, Watch *watch,
                        State *s, Env *env) {
  lunula_runtime *rt = runtime_of(s->L);
  const Watch *around = s->c.watch;
  if (watch) {
    watch->outer = around;
    s->c.watch = watch;
  }
  bool ended = rt && rt->end.set;
  env->watch = s->c.watch;
  bool ok = plan_cache_own_variables(m->k, env->error) &&
            model_run(m, run, env);
  plan_cache_touch_variables(m->k);
  s->c.watch = around;
  Error e = {.set = false};
  if (rt && rt->end.set && !ended && around && !watch_stopped(around, &e) &&
      rt->end.kind == ERROR_CANCELLED)
    rt->end.set = false;
  return ok;
}

static lunula_status guard(lunula_model *m, ModelRun *run, Watch *watch,
                           lunula_error *error) {
  Anchor *a = m->guard_ud;
  if (!lua_checkstack(a->L, 8))
    return host_refuse(error, LUNULA_MEMORY, "the Lua stack is full");
  State *s = state_of(a->L);
  lunula_runtime *rt = runtime_of(a->L);
  Error e;
  Env env;
  HostRun host = {s, false, &env, float_mode_get()};
  e.set = false;
  env_open(&env, &e);
  env.host = host_call;
  env.host_ud = &host;
  governor_begin(rt);
  bool ok = run_watched(m, run, watch, s, &env);
  return governor_end(rt, ok ? LUNULA_OK : host_refuse_error(error, &e), error);
}

/* ---- making and freeing ------------------------------------------------- */

static void leave(lunula_model *m) {
  Anchor *a = m->guard_ud;
  if (atomic_load(&m->closed))
    return;
  a->model = NULL;
  if (lua_checkstack(a->L, 4))
    luaL_unref(a->L, LUA_REGISTRYINDEX, a->reference);
}

typedef struct ModelJob {
  Job job;
  lunula_model **model;
} ModelJob;

/* Where what is pushed of a model lies on the stack. */
enum { FUNCTION = 3, INPUT_NAMES, OUTPUT_NAMES, IN_LUA };

/* Pushes what the value at 2 computes when it predicts, as a Function, and two
** lists with the names of its inputs and outputs, or nil, and which layer has a
** step in Lua. */
static void push_function_of(lua_State *L, ModelJob *j) {
  if (luaL_testudata(L, 2, FUNCTION_NAME)) {
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    lua_settop(L, IN_LUA);
    return;
  }
  if (!lua_istable(L, 2))
    protect_refuse(L, j, LUNULA_ARGUMENT, "a model is wanted, got %s",
                   luaL_typename(L, 2));
  lua_getglobal(L, "require");
  lua_pushliteral(L, "lunula.models.served");
  lua_call(L, 1, 1);
  lua_pushvalue(L, 2);
  lua_call(L, 1, 4);
}

/* The names in the list at `index`, if there is one, as those from `first`
** on. */
static bool read_names(lua_State *L, int index, lunula_model *m, int first,
                       int n) {
  bool ok = true;
  for (int i = 0; ok && i < n && lua_istable(L, index); i++) {
    if (lua_rawgeti(L, index, i + 1) == LUA_TSTRING) {
      m->name[first + i] = mem_text(plan_cache_account(m->k),
                                    lua_tostring(L, -1));
      ok = m->name[first + i] != NULL;
    }
    lua_pop(L, 1);
  }
  return ok;
}

static bool read_in_lua(lua_State *L, lunula_model *m) {
  if (lua_type(L, IN_LUA) != LUA_TSTRING)
    return true;
  m->in_lua = mem_text(plan_cache_account(m->k), lua_tostring(L, IN_LUA));
  return m->in_lua != NULL;
}

static lunula_model *named_model(lua_State *L, PlanCache *k, uint64_t seed) {
  lunula_model *m = model_new(k, seed);
  if (m && model_make_names(m) &&
      read_names(L, INPUT_NAMES, m, 0, m->ninputs) &&
      read_names(L, OUTPUT_NAMES, m, m->ninputs, m->noutputs) &&
      read_in_lua(L, m))
    return m;
  lunula_model_free(m);
  return NULL;
}

static int model_job(lua_State *L) {
  ModelJob *j = lua_touserdata(L, 1);
  State *s = protect_core(L);
  push_function_of(L, j);
  PlanCache *k = function_check(L, FUNCTION);
  Anchor *a = lua_newuserdatauv(L, sizeof *a, 1);
  memset(a, 0, sizeof *a);
  luaL_newmetatable(L, ANCHOR); /* filled again if memory was out */
  lua_pushcfunction(L, anchor_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  a->L = lua_tothread(L, -1);
  lua_pop(L, 1);
  lua_pushvalue(L, FUNCTION);
  lua_setiuservalue(L, -2, 1);
  a->reference = luaL_ref(L, LUA_REGISTRYINDEX);
  a->model = named_model(L, k, s->c.seed);
  if (a->model == NULL) {
    luaL_unref(L, LUA_REGISTRYINDEX, a->reference);
    return protect_refuse(L, j, LUNULA_MEMORY, "out of memory");
  }
  a->model->guard = guard;
  a->model->leave = leave;
  a->model->guard_ud = a;
  *j->model = a->model;
  return 0;
}

lunula_status lunula_to_model(lua_State *L, int index, lunula_model **model,
                              lunula_error *error) {
  ModelJob job = {{LUNULA_OK}, model};
  if (model == NULL)
    return host_refuse_null(error, "place for the model");
  *model = NULL;
  if (L == NULL)
    return host_refuse_null(error, "Lua state");
  if (!lua_checkstack(L, 12))
    return host_refuse(error, LUNULA_MEMORY, "the Lua stack is full");
  lunula_runtime *rt = runtime_of(L);
  governor_begin(rt);
  lunula_status s = protect_value(L, index, model_job, &job, 0, error);
  s = governor_end(rt, s, error);
  if (s != LUNULA_OK && *model) { /* cancelled when it was made already */
    lunula_model_free(*model);
    *model = NULL;
  }
  return s;
}
