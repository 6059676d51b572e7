/* From rows to tile programs, and one call run at once: what eager calls and
** the steps of a plan have in common. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/threads.h"
#include "graph/graph.h"

/* ---- programs ----------------------------------------------------------- */

void program_begin(TileProgram *p, const Type *domain) {
  p->rank = domain->rank;
  memcpy(p->dim, domain->dim, sizeof p->dim);
  p->nin = p->nout = p->ncode = p->nreg = 0;
}

TileRef program_input_part(TileProgram *p, const Type *domain, const Type *t,
                           const int64_t *stride) {
  TileOperand *o = &p->in[p->nin];
  memset(o->stride, 0, sizeof o->stride);
  o->item = dtype_size((DType)t->dtype);
  for (int i = 0; i < t->rank; i++)
    o->stride[domain->rank - t->rank + i] = t->dim[i] == 1 ? 0 : stride[i];
  return (TileRef){TILE_IN, p->nin++};
}

TileRef program_input(TileProgram *p, const Type *domain, const Type *t) {
  int64_t stride[MAX_RANK], n = 1;
  for (int i = t->rank - 1; i >= 0; i--) {
    stride[i] = n;
    n *= t->dim[i];
  }
  return program_input_part(p, domain, t, stride);
}

bool program_add(TileProgram *p, const OpCall *s, const TileRef *in, TileRef y) {
  Strip strip = s->op->pick ? s->op->pick(s)
              : s->in[0].dtype <= BOOL ? s->op->strip[s->in[0].dtype] : NULL;
  if (strip == NULL)
    return false;
  TileInstr *i = &p->code[p->ncode++];
  TileRef none = {TILE_NONE, 0};
  *i = (TileInstr){.strip = strip, .y = y, .a = in[0],
                   .b = s->nin > 1 ? in[1] : none,
                   .c = s->nin > 2 ? in[2] : none};
  if (s->op->constants)
    s->op->constants(s, i->imm);
  return true;
}

/* About 20 microseconds of work, so that a thread is worth waking. */
enum { GRAIN = 16 * TILE };

int64_t program_tasks(const TileProgram *p) {
  int64_t n = tile_elements(p) / GRAIN;
  return n < 1 ? 1 : n > 256 ? 256 : n;
}

void program_run(const TileProgram *p, const void *const *in, void *const *out,
                 int64_t task, int64_t tasks) {
  int64_t n = tile_elements(p);
  int64_t pieces = (n + TILE - 1) / TILE;
  int64_t first = pieces * task / tasks * TILE;
  int64_t last = pieces * (task + 1) / tasks * TILE;
  tile_run(p, in, out, first, last < n ? last : n);
}

/* ---- calls -------------------------------------------------------------- */

void env_open(Env *env, Error *error) {
  memset(env, 0, sizeof *env);
  env->error = error;
  atomic_flag_clear(&env->lock);
}

void run_error(const Run *r, const Error *e) {
  while (atomic_flag_test_and_set_explicit(&r->env->lock, memory_order_acquire))
    continue;
  fail_again(r->env->error, e);
  atomic_flag_clear_explicit(&r->env->lock, memory_order_release);
}

void run_fault(const Run *r, const char *format, ...) {
  va_list args;
  Error e = {.set = true};
  va_start(args, format);
  vsnprintf(e.text, sizeof e.text, format, args);
  va_end(args);
  run_error(r, &e);
}

int64_t run_sample(const Run *r, int64_t at, int64_t n) {
  const Env *env = r->env;
  if (env->rows != n)
    return at + 1;
  return 1 + (env->order ? env->order[env->first + at] : env->first + at);
}

typedef struct Job {
  const OpCall *call;
  Run run;
  const TileProgram *program;
  int64_t tasks;
} Job;

static void program_task(void *arg, int64_t task) {
  const Job *j = arg;
  program_run(j->program, (const void *const *)j->run.in, j->run.out, task,
              j->tasks);
}

static void kernel_task(void *arg, int64_t task) {
  const Job *j = arg;
  j->call->op->run(j->call, &j->run, task);
}

static bool run_elementwise(const OpCall *s, Job *j) {
  TileProgram p;
  TileRef in[4], y = {TILE_OUT, 0};
  program_begin(&p, &s->out[0]);
  for (int i = 0; i < s->nin; i++)
    in[i] = program_input(&p, &s->out[0], &s->in[i]);
  p.nout = 1;
  p.out_item[0] = dtype_size((DType)s->out[0].dtype);
  if (!program_add(&p, s, in, y))
    return fail(j->run.env->error, "no kernel for %s",
                dtype_name((DType)s->in[0].dtype));
  tile_collapse(&p);
  j->program = &p;
  j->tasks = program_tasks(&p);
  threads_run(program_task, j, j->tasks);
  return true;
}

bool opcall_run(const OpCall *s, void *const *in, void *const *out, Env *env,
              Account *account) {
  Job j = {.call = s, .run = {.in = in, .out = out, .env = env}};
  if (s->op->kind == ELEMENTWISE)
    return run_elementwise(s, &j);
  if (s->op->traits & BODY)
    return env->run_body(s, in, out, env, account);
  int64_t bytes = s->op->scratch ? s->op->scratch(s) : 0;
  if (bytes > 0 && !(j.run.scratch = block_new(account, (size_t)bytes)))
    return fail_memory(env->error, "out of memory");
  int64_t tasks = s->op->tasks ? s->op->tasks(s) : 1;
  if (tasks > 1)
    threads_run(kernel_task, &j, tasks);
  else if (tasks == 1)
    s->op->run(s, &j.run, 0);
  if (bytes > 0)
    block_free(account, j.run.scratch, (size_t)bytes);
  return !env->error->set;
}
