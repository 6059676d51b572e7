/* Frozen models: a function with its weights, prepared and immutable, in a
** world of its own. Knows no Lua. */

#include <string.h>

#include "host/host.h"

/* ---- making ------------------------------------------------------------- */

enum { ALIGNED = 64 };

/* The first values of the states become one block. */
static bool take_states(lunula_model *m, Account *account, const Tensor *t,
                        int n) {
  ModelStates *s = &m->states;
  s->type = mem_new(account, (size_t)n + 1, sizeof *s->type);
  s->offset = mem_new(account, (size_t)n + 1, sizeof *s->offset);
  if (s->type == NULL || s->offset == NULL)
    return false;
  for (int i = 0; i < n; i++) {
    s->type[i] = t[i].type;
    s->offset[i] = s->bytes;
    s->bytes += (type_bytes(&t[i].type) + ALIGNED - 1) / ALIGNED * ALIGNED;
  }
  s->first = n > 0 ? block_new(account, (size_t)s->bytes) : NULL;
  for (int i = 0; s->first && i < n; i++)
    memcpy(s->first + s->offset[i], t[i].data, (size_t)type_bytes(&t[i].type));
  s->n = n;
  m->ninputs -= n;
  m->noutputs -= n;
  return n == 0 || s->first;
}

static lunula_model *model_of(Function *f, uint64_t seed, Account *account,
                              const Tensor *state, int states, Error *e) {
  PlanCache *k = plan_cache_new(f, account, e);
  lunula_model *m = k ? model_new(k, seed) : NULL;
  plan_cache_release(k);
  if (m && take_states(m, account, state, states)) {
    m->frozen = true;
    return m;
  }
  lunula_model_free(m);
  fail_memory(e, "out of memory");
  return NULL;
}

lunula_model *frozen_new(Function *f, uint64_t seed, Account *account,
                         const Watch *watch, Error *e) {
  int n = function_updates(f);
  Tensor *state = mem_new(account, (size_t)n + 1, sizeof *state);
  if (state == NULL) {
    function_release(f);
    fail_memory(e, "out of memory");
    return NULL;
  }
  Function *frozen = function_freeze(f, account, watch, state, e);
  lunula_model *m = frozen ? model_of(frozen, seed, account, state, n, e)
                           : NULL;
  function_release(frozen);
  for (int i = 0; i < n; i++)
    tensor_drop(&state[i]);
  mem_free(state);
  account_trim(account, 0); /* what the weights went through */
  return m;
}

/* ---- of a script's model ------------------------------------------------ */

static lunula_status refuse_lua(const lunula_model *m, lunula_error *error) {
  return host_refuse(error, LUNULA_ARGUMENT,
                     "freeze: %s runs a Lua function when the model predicts, "
                     "and a frozen model has no Lua: write it in ops that can "
                     "be traced, without trace = false",
                     m->in_lua ? m->in_lua : "a step of the model");
}

static bool copy_names(lunula_model *to, const lunula_model *from) {
  if (from->name == NULL)
    return true;
  if (!model_make_names(to))
    return false;
  Account *account = plan_cache_account(to->k);
  for (int i = 0; i < to->ninputs + to->noutputs; i++)
    if (from->name[i] &&
        (to->name[i] = mem_text(account, from->name[i])) == NULL)
      return false;
  return true;
}

static lunula_model *freeze_in(const lunula_model *m, Account *account,
                               Error *e) {
  Context c;
  Texts origins = {.seen = {.account = account}};
  const Function *f = plan_cache_function(m->k);
  context_open(&c, account, f->catalogue);
  Function *own = c.error.set ? NULL : function_clone(&c, f, &origins);
  context_drain(&c, 0);
  lunula_model *frozen = own ? frozen_new(own, m->seed, account, NULL, e)
                             : NULL;
  if (own == NULL)
    fail_again(e, &c.error);
  context_close(&c);
  if (frozen == NULL) {
    texts_free(&origins);
    return NULL;
  }
  frozen->origins = origins;
  if (copy_names(frozen, m))
    return frozen;
  lunula_model_free(frozen);
  fail_memory(e, "out of memory");
  return NULL;
}

lunula_status lunula_freeze(lunula_model *m, lunula_model **frozen,
                            lunula_error *error) {
  Error e = {.set = false};
  if (frozen == NULL)
    return host_refuse_null(error, "place for the frozen model");
  *frozen = NULL;
  if (m == NULL)
    return host_refuse_null(error, "model");
  if (m->frozen) {
    *frozen = lunula_model_retain(m);
    return LUNULA_OK;
  }
  if (atomic_load(&m->closed))
    return host_refuse(error, LUNULA_ARGUMENT,
                       "the model's runtime was closed");
  if (plan_cache_function(m->k)->hosts)
    return refuse_lua(m, error);
  Account *account = account_new();
  if (account == NULL)
    return host_refuse(error, LUNULA_MEMORY, "out of memory");
  *frozen = freeze_in(m, account, &e);
  account_release(account);
  return *frozen ? LUNULA_OK : host_refuse_error(error, &e);
}
