/* A frozen model for scripts of any state: a Function that shares its plans and
** weights, and the Lua class around it (lua/lunula/models/frozen.lua). */

#include <string.h>

#include "host/runtime.h"

#define HOLDER "lunula.FrozenModelHolder"

typedef struct PushJob {
  Job job;
  lunula_model *model;
} PushJob;

/* What keeps the model while the function is there: a userdata with a count. */
static int holder_gc(lua_State *L) {
  lunula_model **held = luaL_checkudata(L, 1, HOLDER);
  lunula_model_free(*held);
  *held = NULL;
  return 0;
}

static void push_holder(lua_State *L, lunula_model *m) {
  lunula_model **held = lua_newuserdatauv(L, sizeof *held, 0);
  *held = NULL;
  luaL_newmetatable(L, HOLDER); /* filled again if memory was out */
  lua_pushcfunction(L, holder_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  *held = lunula_model_retain(m);
}

/* The first values of its states, as a list of tensors. */
static void push_states(lua_State *L, State *s, const ModelStates *states) {
  Tensor t;
  lua_createtable(L, states->n, 0);
  for (int i = 0; i < states->n; i++) {
    const Type *type = &states->type[i];
    if (!tensor_new_of(&t, s->account, type, states->first + states->offset[i],
                       &s->c.error))
      raise_context(L, s);
    Val v = value_of(&s->c, t);
    if (s->c.error.set)
      raise_context(L, s);
    box_push(L, s, v);
    lua_rawseti(L, -2, i + 1);
  }
}

static void push_names(lua_State *L, const lunula_model *m, int n,
                       const char *(*name)(const lunula_model *m, int i)) {
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    lua_pushstring(L, name(m, i));
    lua_rawseti(L, -2, i + 1);
  }
}

static int push_job(lua_State *L) {
  PushJob *j = lua_touserdata(L, 1);
  lunula_model *m = j->model;
  State *s = protect_core(L);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "lunula.models.frozen");
  lua_call(L, 1, 1);
  push_holder(L, m);
  struct FunctionBox *b = function_push(L);
  lua_insert(L, -2);
  lua_setiuservalue(L, -2, 1);
  function_share(b, m->k);
  push_states(L, s, &m->states);
  push_names(L, m, m->ninputs, lunula_model_input_name);
  push_names(L, m, m->noutputs, lunula_model_output_name);
  lua_call(L, 4, 1);
  return 1;
}

lunula_status lunula_push_model(lua_State *L, lunula_model *m,
                                lunula_error *error) {
  PushJob job = {{LUNULA_OK}, m};
  if (L == NULL)
    return host_refuse_null(error, "Lua state");
  if (m == NULL)
    return host_refuse_null(error, "model");
  if (!m->frozen)
    return host_refuse(error, LUNULA_ARGUMENT,
                       "only a frozen model can be pushed: lunula_freeze makes "
                       "one of a script's");
  if (!lua_checkstack(L, 12))
    return host_refuse(error, LUNULA_MEMORY, "the Lua stack is full");
  lunula_runtime *rt = runtime_of(L);
  governor_begin(rt);
  lunula_status s = protect(L, push_job, &job, 1, error);
  lunula_status end = governor_end(rt, s, error);
  if (s == LUNULA_OK && end != LUNULA_OK)
    lua_pop(L, 1);
  return end;
}
