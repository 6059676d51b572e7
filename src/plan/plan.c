/* The plan itself, once it is made: shared, and run. A run borrows a lane and
** walks the steps; a step that is a loop runs the plan of its body. */

#include "plan/plan.h"

#include <string.h>

#include "base/float_mode.h"
#include "base/threads.h"
#include "plan/steps.h"
#include "scan/scan.h"

/* ---- making and freeing ------------------------------------------------- */

Plan *plan_empty(Account *account) {
  Plan *p = mem_new(account, 1, sizeof *p);
  if (p == NULL)
    return NULL;
  atomic_init(&p->refs, 1);
  lock_init(&p->lock);
  p->account = account;
  account_retain(account);
  return p;
}

void plan_retain(Plan *p) {
  atomic_fetch_add(&p->refs, 1);
}

void plan_release(Plan *p) {
  if (p == NULL || atomic_fetch_sub(&p->refs, 1) > 1)
    return;
  if (p->seconds && p->runs)
    profile_print(p);
  mem_free(p->seconds);
  lanes_drop(p);
  for (int i = 0; p->constant && i < p->nconstants; i++)
    tensor_drop(&p->constant[i]);
  for (int i = 0; p->variable && i < p->nvariables; i++)
    variable_release(p->variable[i]);
  plan_release(p->parts.part);
  plan_release(p->parts.rest);
  for (int i = 0; p->step && i < p->nsteps; i++) {
    plan_release(p->step[i].body);
    plan_release(p->step[i].parts.body);
    plan_release(p->step[i].parts.rest);
  }
  preparation_release(p->preparation);
  for (int i = 0; i < p->nmemory; i++)
    mem_free(p->memory[i]);
  mem_free(p->memory);
  mem_free(p->location);
  account_release(p->account);
  mem_free(p);
}

const Type *plan_input(const Plan *p, int i) {
  return &p->input[i];
}

const Type *plan_output(const Plan *p, int i) {
  return &p->output[i];
}

int64_t plan_arena_bytes(const Plan *p) {
  return p->parts.part ? plan_arena_bytes(p->parts.part) : p->arena;
}

int plan_steps(const Plan *p) {
  return p->parts.part ? plan_steps(p->parts.part) : p->nsteps;
}

/* Each thread has an arena for its part. */
static int64_t parts_bytes(const RowParts *r) {
  int64_t more = threads_count() - 1;
  if (r->part == NULL)
    return 0;
  return plan_bytes(r->part) + more * plan_arena_bytes(r->part) +
         (r->rest ? plan_bytes(r->rest) : 0);
}

int64_t plan_bytes(const Plan *p) {
  return p->bytes + p->arena + (int64_t)sizeof *p + parts_bytes(&p->parts);
}

/* ---- running ------------------------------------------------------------ */

/* What it took to make the weights goes, before they are prepared. */
static void trim_much(Account *a, size_t wanted) {
  if (account_report(a).cached >= TRIM_MUCH || wanted >= TRIM_MUCH)
    account_trim(a, wanted);
}

/* The room that it took to prepare goes, before the plan takes its own. */
static void end_preparing(Plan *p) {
  enum { LARGE = 1 << 20 };
  lanes_drop(p);
  if (p->arena > LARGE)
    account_trim(p->account, 0);
}

/* The weights as they are prepared now, counted; NULL with env->error. */
static Prepared *newest_prepared(const Plan *p, Env *env) {
  Preparation *k = p->preparation;
  Prepared *w = preparation_newest(k);
  if (preparation_is_new(k, w))
    return w;
  bool first = w == NULL;
  if (first)
    trim_much(p->account, preparation_bytes(k));
  prepared_release(w);
  w = prepared_new(k, p->account, env->error);
  if (w == NULL)
    return NULL;
  if (plan_run(preparation_plan(k), NULL, w->data, env)) {
    preparation_publish(k, w);
    if (first)
      end_preparing(preparation_plan(k));
    return w;
  }
  prepared_release(w);
  return NULL;
}

/* Shows the lane the weights as they are prepared now; or as they were for all
** lanes of a run. */
static bool take_prepared(const Plan *p, Lane *l, Prepared *given, Env *env) {
  if (p->preparation == NULL ||
      (given ? l->prepared == given
             : preparation_is_new(p->preparation, l->prepared)))
    return true;
  Prepared *w = given ? given : newest_prepared(p, env);
  if (w == NULL)
    return false;
  if (given)
    prepared_retain(given);
  prepared_release(l->prepared);
  l->prepared = w;
  for (int i = 0; i < p->npointers; i++) {
    Location at = p->location[i];
    if (at.base == PREPARED)
      l->pointer[i] = (char *)w->data[at.index] + at.offset;
  }
  return true;
}

typedef struct Job {
  const PlanStep *step;
  Run run;
} Job;

static void kernel_task(void *arg, int64_t task, void *scratch) {
  const Job *j = arg;
  Run run = j->run;
  run.local = scratch;
  if (!env_stopped(run.env))
    j->step->step.op->run(&j->step->step, &run, task);
}

/* The only task of a step needs no copy of the run. */
static void run_alone(Job *j, void *scratch) {
  j->run.local = scratch;
  if (!env_stopped(j->run.env))
    j->step->step.op->run(&j->step->step, &j->run, 0);
}

static void program_task(void *arg, int64_t task, void *scratch) {
  const Job *j = arg;
  if (env_stopped(j->run.env))
    return;
  program_run(j->step->program, j->run.epilogue_in, j->run.epilogue_out, task,
              j->step->tasks, scratch);
}

static void run_loop(const PlanStep *s, void **pointer, void *scratch,
                     Env *env);
static void run_abreast(const PlanStep *s, void **pointer, char *scratch,
                        Env *env);

static void run_step(const PlanStep *s, Lane *l, void *scratch, Env *env) {
  void **pointer = l->pointer;
  if (s->abreast) {
    run_abreast(s, pointer, scratch, env);
    return;
  }
  if (s->body) {
    run_loop(s, pointer, scratch, env);
    return;
  }
  if (s->band) {
    band_run(s, l, scratch, env);
    return;
  }
  Job j = {s, {.in = pointer + s->in, .out = pointer + s->out,
               .scratch = scratch,
               .epilogue_in = (const void *const *)pointer + s->program_in,
               .epilogue_out = pointer + s->program_out,
               .backwards = l->backwards, .env = env}};
  const Op *op = s->step.op;
  char *local = (char *)scratch + s->scratch;
  if (op && op->begin)
    op->begin(&s->step, &j.run);
  if (s->tasks != 1) /* of nothing there is none */
    threads_run(op ? kernel_task : program_task, &j, s->tasks, local);
  else if (op)
    run_alone(&j, local);
  else
    program_task(&j, 0, local);
  if (op && op->end)
    op->end(&s->step, &j.run);
}

static void run_moves(const Plan *p, Lane *l) {
  for (int i = 0; i < p->nmoves; i++) {
    const PlanMove *m = &p->move[i];
    if (m->via >= 0)
      memcpy(l->arena + m->via, l->pointer[m->from], (size_t)m->bytes);
  }
  for (int i = 0; i < p->nmoves; i++) {
    const PlanMove *m = &p->move[i];
    const void *from = m->via >= 0 ? l->arena + m->via : l->pointer[m->from];
    if (m->bytes > 0 && from != l->pointer[m->to])
      memcpy(l->pointer[m->to], from, (size_t)m->bytes);
  }
}

static bool fault_at(const PlanStep *s, Error *e) {
  if (s->step.op)
    op_prefix(e, s->step.op);
  if (s->step.origin)
    error_suffix(e, "; op at %s", s->step.origin);
  return false;
}

static int steps_together(const PlanStep *s) {
  return s->band ? s->band->n : s->abreast ? 2 : 1;
}

static void run_timed(Plan *p, Lane *l, Env *env, int i) {
  double start = clock_seconds();
  run_step(&p->step[i], l, l->arena + p->scratch, env);
  p->seconds[i] += clock_seconds() - start;
}

static bool run_steps(Plan *p, Lane *l, Env *env) {
  bool ok = true;
  FloatMode outside = float_mode_enter();
  for (int i = 0; ok && i < p->nsteps; i += steps_together(&p->step[i])) {
    if (p->seconds && l->timed)
      run_timed(p, l, env, i);
    else
      run_step(&p->step[i], l, l->arena + p->scratch, env);
    if (env->sums_begun)
      env->sums->go_on(env->sums->ud);
    if (env->error->set) /* what ran abreast has said where */
      ok = !p->step[i].abreast && fault_at(&p->step[i], env->error);
  }
  float_mode_leave(outside);
  return ok;
}

static bool run_lane(Plan *p, Lane *l, const void *const *in, void *const *out,
                     Prepared *given, Env *env) {
  bool ok = take_prepared(p, l, given, env);
  l->backwards = !l->backwards;
  lane_hold(p, l);
  lane_aim(p, l, in, out);
  ok = ok && run_steps(p, l, env);
  if (ok)
    run_moves(p, l);
  if (p->seconds && l->timed)
    p->runs++;
  lane_let_go(p, l);
  return ok;
}

/* ---- parts of the batch ------------------------------------------------- */

typedef struct RowsRun {
  const Plan *whole;
  const void *const *in;
  void *const *out;
  Prepared *prepared; /* for all parts; NULL: nothing is */
  Env *env;
} RowsRun;

/* What lies at row i of an array of this type. */
static void *at_row(const void *data, const Type *t, int64_t i) {
  int64_t row = type_span(t, 1, t->rank) * dtype_size((DType)t->dtype);
  return (char *)(uintptr_t)data + i * row;
}

/* One part, from the first step to the last. */
static void rows_task(void *arg, int64_t task, void *scratch) {
  const RowsRun *r = arg;
  const Plan *whole = r->whole;
  const RowParts *parts = &whole->parts;
  const void *in[MAX_INPUTS];
  void *out[MAX_OUTPUTS];
  int64_t first = task * parts->rows;
  Plan *p = first + parts->rows > parts->batch ? parts->rest : parts->part;
  Env own; /* a fault is its own until the end, as in a loop */
  Error e;
  (void)scratch;
  e.set = false;
  env_open(&own, &e);
  own.watch = r->env->watch;
  Lane *l = env_stopped(r->env) ? NULL : lane_borrow(p, &e);
  for (int i = 0; i < whole->ninputs; i++)
    in[i] = at_row(r->in[i], &whole->input[i], first);
  for (int i = 0; i < whole->noutputs; i++)
    out[i] = at_row(r->out[i], &whole->output[i], first);
  if (l) {
    l->timed = first == 0;
    run_lane(p, l, in, out, r->prepared, &own);
    lane_give_back(p, l);
  }
  if (e.set)
    run_error(&(Run){.env = r->env}, &e);
}

static bool run_parts(const Plan *p, const void *const *in, void *const *out,
                      Env *env) {
  const RowParts *parts = &p->parts;
  RowsRun r = {p, in, out, NULL, env};
  if (parts->part->preparation) {
    r.prepared = newest_prepared(parts->part, env);
    if (r.prepared == NULL)
      return false;
  }
  threads_run_long(rows_task, &r,
                   (parts->batch + parts->rows - 1) / parts->rows, NULL);
  prepared_release(r.prepared);
  return !env->error->set;
}

/* Prepares the weights for the first time, while no lane has its arena yet: a
** large model needs room for one or the other. */
static bool prepare_first(Plan *p, Env *env) {
  if (p->preparation == NULL ||
      atomic_load_explicit(&p->was_prepared, memory_order_relaxed))
    return true;
  Prepared *w = newest_prepared(p, env);
  if (w)
    atomic_store_explicit(&p->was_prepared, true, memory_order_relaxed);
  prepared_release(w);
  return w != NULL;
}

bool plan_run(Plan *p, const void *const *in, void *const *out, Env *env) {
  if (p->parts.part)
    return run_parts(p, in, out, env);
  if (!prepare_first(p, env))
    return false;
  Lane *l = lane_borrow(p, env->error);
  if (l == NULL)
    return false;
  bool ok = run_lane(p, l, in, out, NULL, env);
  lane_give_back(p, l);
  return ok;
}

/* ---- loops -------------------------------------------------------------- */

/* A body and the lane that it keeps from the first time step to the last. */
typedef struct Body {
  Plan *plan;
  Lane *lane;
} Body;

static void run_body(void *body, const void *const *in, void *const *out,
                     Env *env) {
  const Body *b = body;
  run_lane(b->plan, b->lane, in, out, NULL, env);
}

static void run_rows(Plan *body, const ScanRun *run, Env *env) {
  Body b = {body, lane_borrow(body, env->error)};
  if (b.lane == NULL)
    return;
  b.lane->timed = run->rows == NULL || run->rows->first == 0;
  scan_run(run_body, &b, run, env);
  lane_give_back(body, b.lane);
}

/* One part of a loop: all time steps for some rows. A fault is its own until
** the end, since others go on meanwhile. */
static void part_task(void *arg, int64_t task, void *scratch) {
  const Job *j = arg;
  const LoopParts *parts = &j->step->parts;
  ScanRows rows = parts->rows;
  Plan *body = parts->body;
  Env own;
  Error e;
  (void)scratch;
  e.set = false;
  env_open(&own, &e);
  own.watch = j->run.env->watch;
  rows.first = task * rows.count;
  if (rows.first + rows.count > rows.batch) {
    rows.count = rows.batch - rows.first;
    body = parts->rest;
  }
  run_rows(body,
           &(ScanRun){&j->step->step, j->step->states, &rows, j->run.in,
                      j->run.out, j->run.scratch}, &own);
  if (e.set)
    run_error(&j->run, &e);
}

static void run_loop(const PlanStep *s, void **pointer, void *scratch,
                     Env *env) {
  const ScanRows *rows = &s->parts.rows;
  Job j = {s, {.in = pointer + s->in, .out = pointer + s->out,
               .scratch = scratch, .env = env}};
  if (s->parts.body && threads_count() > 1)
    threads_run_long(part_task, &j,
                     (rows->batch + rows->count - 1) / rows->count, NULL);
  else
    run_rows(s->body,
             &(ScanRun){&s->step, s->states, NULL, j.run.in, j.run.out,
                        scratch}, env);
}

/* ---- two loops at the same time ------------------------------------------ */

typedef struct AbreastRun {
  const PlanStep *step;
  void **pointer;
  char *scratch;
  const Env *env; /* what each begins with */
  Error fault[2]; /* its own until the end: that of the first loop stands */
} AbreastRun;

static void abreast_task(void *arg, int64_t task, void *scratch) {
  AbreastRun *r = arg;
  Env own = *r->env;
  (void)scratch;
  own.error = &r->fault[task];
  if (!env_stopped(&own))
    run_loop(r->step + task, r->pointer,
             r->scratch + (task ? r->step->beside : 0), &own);
  if (own.error->set)
    fault_at(r->step + task, own.error);
}

static void run_abreast(const PlanStep *s, void **pointer, char *scratch,
                        Env *env) {
  const Env begun = *env;
  AbreastRun r = {.step = s, .pointer = pointer, .scratch = scratch,
                  .env = &begun};
  threads_run_long(abreast_task, &r, 2, NULL);
  for (int i = 0; i < 2; i++)
    if (r.fault[i].set)
      run_error(&(Run){.env = env}, &r.fault[i]);
}
