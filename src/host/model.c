/* Predictions: checks, a plan from the cache, a run. Any thread may be here;
** what is written while a model runs are lanes of its plan and a counter. */

#include <stdio.h>
#include <string.h>

#include "host/host.h"

/* ---- making and freeing ------------------------------------------------- */

lunula_model *model_new(PlanCache *k, uint64_t seed) {
  lunula_model *m = mem_new(plan_cache_account(k), 1, sizeof *m);
  if (m == NULL)
    return NULL;
  const Function *f = plan_cache_function(k);
  plan_cache_retain(k);
  atomic_init(&m->refs, 1);
  m->k = k;
  m->ninputs = f->ninputs;
  m->noutputs = f->noutputs;
  m->seed = seed;
  m->alone = f->hosts || function_updates(f) > 0;
  m->origins.seen.account = plan_cache_account(k);
  atomic_init(&m->draws, 0);
  atomic_init(&m->closed, false);
  atomic_flag_clear(&m->inside);
  return m;
}

lunula_model *lunula_model_retain(lunula_model *m) {
  if (m)
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
  return m;
}

static void forget_file(lunula_model *m) {
  for (int i = 0; i < m->nmeta; i++) {
    mem_free(m->meta[i].name);
    mem_free(m->meta[i].text);
  }
  for (int i = 0; i < m->classes; i++)
    mem_free(m->class_name[i]);
  for (int i = 0; m->test && i < m->ninputs + m->noutputs; i++)
    tensor_drop(&m->test[i]);
  mem_free(m->meta);
  mem_free(m->class_name);
  mem_free(m->test);
}

void lunula_model_free(lunula_model *m) {
  if (m == NULL ||
      atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) > 1)
    return;
  if (m->leave)
    m->leave(m);
  Account *account = plan_cache_account(m->k);
  account_retain(account); /* the last to hold it may be the cache */
  plan_cache_release(m->k);
  forget_file(m);
  for (int i = 0; m->name && i < m->ninputs + m->noutputs; i++)
    mem_free(m->name[i]);
  mem_free(m->name);
  mem_free(m->in_lua);
  mem_free(m->states.type);
  mem_free(m->states.offset);
  block_free(account, m->states.first, (size_t)m->states.bytes);
  texts_free(&m->origins);
  mem_free(m);
  account_release(account);
}

/* ---- what it takes ------------------------------------------------------ */

bool model_make_names(lunula_model *m) {
  size_t n = (size_t)(m->ninputs + m->noutputs) + 1;
  m->name = mem_new(plan_cache_account(m->k), n, sizeof *m->name);
  return m->name != NULL;
}

static int describe(const Val *v, int n, int i, lunula_view *view) {
  if (view && i >= 0 && i < n)
    view_fill(view, val_type(v[i]));
  return n;
}

int lunula_model_input(const lunula_model *m, int i, lunula_view *view) {
  return m ? describe(plan_cache_function(m->k)->inputs, m->ninputs, i, view)
           : 0;
}

int lunula_model_output(const lunula_model *m, int i, lunula_view *view) {
  return m ? describe(plan_cache_function(m->k)->outputs, m->noutputs, i, view)
           : 0;
}

static const char *name_of(const lunula_model *m, int first, int n, int i) {
  const char *name = m->name && i >= 0 && i < n ? m->name[first + i] : NULL;
  return name ? name : "";
}

const char *lunula_model_input_name(const lunula_model *m, int i) {
  return m ? name_of(m, 0, m->ninputs, i) : "";
}

const char *lunula_model_output_name(const lunula_model *m, int i) {
  return m ? name_of(m, m->ninputs, m->noutputs, i) : "";
}

/* ---- checks ------------------------------------------------------------- */

static bool type_fits(const Type *want, const Type *got) {
  if (want->dtype != got->dtype || want->rank != got->rank)
    return false;
  for (int i = 0; i < want->rank; i++)
    if (want->dim[i] != UNKNOWN && want->dim[i] != got->dim[i])
      return false;
  return true;
}

static bool mismatch(const char *what, int i, const Type *want,
                     const Type *got, Error *e) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  return fail(e, "%s %d is %s %s, the model %s %s %s", what, i,
              dtype_name((DType)got->dtype), type_text(got, b),
              *what == 'i' ? "takes" : "gives",
              dtype_name((DType)want->dtype), type_text(want, a));
}

static bool count_fits(const char *what, int want, int got, Error *e) {
  return want == got ||
         fail(e, "%d %s%s, the model has %d", got, what, got == 1 ? "" : "s",
              want);
}

static bool named(const char *what, int i, Error *e) {
  return error_prefix(e, "%s %d: ", what, i);
}

typedef bool Check(const lunula_view *view, Type *type, Error *e);

static bool check_inputs(const lunula_model *m, const lunula_view *in, int n,
                         Check *check, Type *type, Error *e) {
  const Function *f = plan_cache_function(m->k);
  if (!count_fits("input", m->ninputs, n, e))
    return false;
  for (int i = 0; i < n; i++) {
    const Type *want = val_type(f->inputs[i]);
    if (!check(in ? &in[i] : NULL, &type[i], e))
      return named("input", i, e);
    if (!type_fits(want, &type[i]))
      return mismatch("input", i, want, &type[i], e);
  }
  for (int i = 0; i < m->states.n; i++)
    type[n + i] = m->states.type[i];
  return true;
}

static bool check_outputs(const Plan *p, const lunula_view *out, int n,
                          Error *e) {
  Type got;
  for (int i = 0; i < n; i++) {
    if (!view_check(out ? &out[i] : NULL, &got, e))
      return named("output", i, e);
    if (!type_equal(&got, plan_output(p, i)))
      return mismatch("output", i, plan_output(p, i), &got, e);
    if (out[i].read_only)
      return fail(e, "output %d is read only", i);
  }
  return true;
}

/* ---- plans -------------------------------------------------------------- */

/* Whether the states have the same types after the run. */
static bool check_states(const lunula_model *m, const Plan *p, Error *e) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  for (int i = 0; i < m->states.n; i++) {
    const Type *want = &m->states.type[i];
    const Type *got = plan_output(p, m->noutputs + i);
    if (!type_equal(want, got))
      return fail(e, "a state is %s, and would be %s", type_text(want, a),
                  type_text(got, b));
  }
  return true;
}

static lunula_status plan_for(lunula_model *m, const ModelCall *call,
                              Check *check, Type *type, const Watch *watch,
                              Plan **plan, lunula_error *error) {
  Error e;
  e.set = false;
  if (!check_inputs(m, call->in, call->nin, check, type, &e) ||
      !count_fits("output", m->noutputs, call->nout, &e))
    return host_refuse(error, LUNULA_ARGUMENT, "%s", e.text);
  *plan = plan_cache_plan(m->k, type, watch, &e);
  if (*plan && check_states(m, *plan, &e))
    return LUNULA_OK;
  plan_release(*plan);
  return host_refuse_error(error, &e);
}

static lunula_status find_plan(lunula_model *m, const ModelCall *call,
                               Check *check, const Watch *watch, Plan **plan,
                               lunula_error *error) {
  Type few[FEW], *type = few;
  if (m == NULL)
    return host_refuse_null(error, "model");
  if (atomic_load_explicit(&m->closed, memory_order_relaxed))
    return host_refuse(error, LUNULA_ARGUMENT,
                       "the model's runtime was closed");
  int n = plan_cache_function(m->k)->ninputs;
  if (n > FEW && (type = mem_new(NULL, (size_t)n, sizeof *type)) == NULL)
    return host_refuse(error, LUNULA_MEMORY, "out of memory");
  lunula_status s = plan_for(m, call, check, type, watch, plan, error);
  if (type != few)
    mem_free(type);
  return s;
}

lunula_status lunula_prepare(lunula_model *m, const lunula_view *in, int nin,
                             lunula_view *out, int nout, lunula_error *error) {
  Plan *plan;
  ModelCall call = {.in = in, .nin = nin, .nout = nout};
  lunula_status s = find_plan(m, &call, view_type, NULL, &plan, error);
  if (s != LUNULA_OK)
    return s;
  for (int i = 0; out && i < nout; i++) {
    void *data = out[i].data; /* the caller's stays, if it has some already */
    view_fill(&out[i], plan_output(plan, i));
    out[i].data = data;
  }
  plan_release(plan);
  return LUNULA_OK;
}

/* ---- runs --------------------------------------------------------------- */

bool model_run(lunula_model *m, const ModelRun *run, Env *env) {
  env->seed = m->seed;
  if (plan_cache_function(m->k)->draws)
    env->draw = atomic_fetch_add(&m->draws, 1) + 1;
  return plan_run(run->plan, run->in, run->out, env);
}

static lunula_status run_alone(lunula_model *m, ModelRun *run, Watch *watch,
                               lunula_error *error) {
  if (atomic_flag_test_and_set(&m->inside))
    return host_refuse(error, LUNULA_BUSY,
                       "another thread is in this model, which enters Lua or "
                       "changes variables");
  lunula_status s = m->guard(m, run, watch, error);
  atomic_flag_clear(&m->inside);
  return s;
}

static lunula_status run_plan(lunula_model *m, ModelRun *run, Watch *watch,
                              lunula_error *error) {
  Error e;
  Env env;
  if (m->alone)
    return run_alone(m, run, watch, error);
  e.set = false;
  env_open(&env, &e);
  env.watch = watch;
  return model_run(m, run, &env) ? LUNULA_OK
                                 : host_refuse_error(error, &e);
}

static void aim(const lunula_model *m, const ModelCall *call, char *after,
                ModelRun *run) {
  const char *before = call->before ? call->before : m->states.first;
  for (int i = 0; i < call->nin; i++)
    run->in[i] = call->in[i].data;
  for (int i = 0; i < call->nout; i++)
    run->out[i] = call->out[i].data;
  for (int i = 0; i < m->states.n; i++) {
    run->in[call->nin + i] = before + m->states.offset[i];
    run->out[call->nout + i] = after + m->states.offset[i];
  }
}

static lunula_status run_call(lunula_model *m, const ModelCall *call,
                              ModelRun *run, Watch *watch,
                              lunula_error *error) {
  char *after = call->after, *room = NULL;
  Account *account = plan_cache_account(m->k);
  size_t bytes = (size_t)m->states.bytes;
  if (m->states.n > 0 && after == NULL) {
    after = room = block_new(account, bytes);
    if (room == NULL)
      return host_refuse(error, LUNULA_MEMORY, "out of memory");
  }
  aim(m, call, after, run);
  lunula_status s = run_plan(m, run, watch, error);
  block_free(account, room, bytes);
  return s;
}

static lunula_status predict(lunula_model *m, const ModelCall *call,
                             Watch *watch, lunula_error *error) {
  ModelRun run;
  lunula_status s = find_plan(m, call, view_check, watch, &run.plan, error);
  if (s != LUNULA_OK)
    return s;
  Error e;
  e.set = false;
  s = check_outputs(run.plan, call->out, call->nout, &e)
          ? run_call(m, call, &run, watch, error)
          : host_refuse(error, LUNULA_ARGUMENT, "%s", e.text);
  plan_cache_give(m->k, run.plan);
  return s;
}

/* ---- under a watch ------------------------------------------------------ */

_Static_assert(sizeof(atomic_bool) == sizeof((lunula_watch){0}.cancelled),
               "lunula.h: the flag of a watch is one byte");

void lunula_watch_cancel(lunula_watch *w) {
  if (w)
    atomic_store((atomic_bool *)&w->cancelled, true);
}

static lunula_status check_watch(const lunula_watch *w, lunula_error *error) {
  if (w->size < sizeof *w)
    return host_refuse(error, LUNULA_ARGUMENT, "size of the watch is not set");
  if (!host_knows(w, w->size, sizeof *w))
    return host_refuse(error, LUNULA_ARGUMENT, "the watch says more than "
                       "version " LUNULA_VERSION " knows: what is behind its "
                       "%d bytes must be zero", (int)sizeof *w);
  if (!(w->seconds >= 0))
    return host_refuse(error, LUNULA_ARGUMENT, "a watch of %g seconds",
                       w->seconds);
  return LUNULA_OK;
}

/* The flag stays where it is, unread: another thread may be setting it. */
lunula_status watch_open(const lunula_watch *w, Watch *ours,
                         lunula_error *error) {
  lunula_status s = check_watch(w, error);
  *ours = (Watch){.cancel = (const atomic_bool *)&w->cancelled};
  if (s == LUNULA_OK && w->seconds > 0)
    ours->deadline = clock_seconds() + w->seconds;
  return s;
}

lunula_status model_predict(lunula_model *m, const ModelCall *call,
                            const lunula_watch *watch, lunula_error *error) {
  if (watch == NULL)
    return predict(m, call, NULL, error);
  Watch ours;
  lunula_status s = watch_open(watch, &ours, error);
  return s == LUNULA_OK ? predict(m, call, &ours, error) : s;
}

lunula_status lunula_predict(lunula_model *m, const lunula_view *in, int nin,
                             const lunula_view *out, int nout,
                             lunula_error *error) {
  return predict(m, &(ModelCall){.in = in, .nin = nin, .out = out,
                                 .nout = nout}, NULL, error);
}

lunula_status lunula_predict_watched(lunula_model *m, const lunula_view *in,
                                     int nin, const lunula_view *out, int nout,
                                     const lunula_watch *watch,
                                     lunula_error *error) {
  return model_predict(m, &(ModelCall){.in = in, .nin = nin, .out = out,
                                       .nout = nout}, watch, error);
}
