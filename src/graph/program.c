/* From rows to tile programs, and one call run at once: what eager calls and
** the steps of a plan have in common. An eager elementwise call is a program of
** one instruction, so there is one way to run a strip. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/float_mode.h"
#include "base/isa.h"
#include "base/threads.h"
#include "graph/graph.h"
#include "kernels/kernels.h"

/* ---- programs ----------------------------------------------------------- */

void program_begin(TileProgram *p, const Type *domain) {
  p->rank = domain->rank;
  memcpy(p->dim, domain->dim, sizeof p->dim);
  p->nin = p->nout = p->ncode = p->nreg = p->nloop = 0;
  p->loop = NULL;
}

TileRef program_input_part(TileProgram *p, const Type *domain, const Type *t,
                           const int64_t *stride) {
  TileOperand *o = &p->in[p->nin];
  memset(o->stride, 0, sizeof o->stride);
  o->item = dtype_size((DType)t->dtype);
  for (int i = 0; i < t->rank; i++)
    /* shapes are aligned at their last axis; an axis of 1 is repeated */
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

bool program_add(TileProgram *p, const OpCall *s, const TileRef *in,
                 TileRef y) {
  const Strip *strip =
      s->op->pick ? s->op->pick(s)
      : s->in[0].dtype <= BOOL ? s->op->strip[s->in[0].dtype] : NULL;
  if (strip == NULL)
    return false;
  TileInstr *i = &p->code[p->ncode++];
  TileRef none = {TILE_NONE, 0};
  *i = (TileInstr){.strip = ISA(strip), .y = y, .a = in[0],
                   .b = s->nin > 1 ? in[1] : none,
                   .c = s->nin > 2 ? in[2] : none};
  if (s->op->constants)
    s->op->constants(s, i->imm);
  return true;
}

/* Nanoseconds that an element takes, about: its bytes from memory, and an
** instruction on it; a loop is one. */
static double cost_of_element(const TileProgram *p) {
  int bytes = 0;
  for (int i = 0; i < p->nin; i++)
    bytes += p->in[i].access == DENSE ? p->in[i].item : 0;
  for (int o = 0; o < p->nout; o++)
    bytes += p->out_item[o];
  return 0.05 * bytes + 0.2 * (p->loop ? 1 : p->ncode);
}

/* So that a task is worth some 30 us, which is worth waking a thread. */
int64_t program_tasks(const TileProgram *p) {
  enum { WORTH = 30 * 1000, MOST = 256 };
  double n = cost_of_element(p) * (double)tile_elements(p) / WORTH;
  return n < 1 ? 1 : n > MOST ? MOST : (int64_t)n;
}

void program_run(const TileProgram *p, const void *const *in, void *const *out,
                 int64_t task, int64_t tasks, void *local) {
  int64_t n = tile_elements(p);
  int64_t pieces = (n + TILE - 1) / TILE;
  int64_t first = pieces * task / tasks * TILE;
  int64_t last = pieces * (task + 1) / tasks * TILE;
  tile_run(p, in, out, first, last < n ? last : n, local);
}

/* ---- calls -------------------------------------------------------------- */

void env_open(Env *env, Error *error) {
  memset(env, 0, sizeof *env);
  env->error = error;
  lock_init(&env->lock);
}

static void env_fail(Env *env, const Error *e) {
  lock_take(&env->lock);
  fail_again(env->error, e);
  lock_leave(&env->lock);
}

bool env_stop(Env *env) {
  Error e;
  e.set = false;
  if (!watch_stopped(env->watch, &e))
    return false;
  env_fail(env, &e);
  return true;
}

void run_error(const Run *r, const Error *e) {
  env_fail(r->env, e);
}

bool op_prefix(Error *e, const Op *op) {
  return !(op->traits & HIDDEN) && error_prefix(e, "%s: ", op->name);
}

void run_fault(const Run *r, const char *format, ...) {
  va_list args;
  Error e = {.set = true};
  va_start(args, format);
  vsnprintf(e.text, sizeof e.text, format, args);
  va_end(args);
  run_error(r, &e);
}

/* A batch may be gathered from rows in another order: the user wants to know
** which row of the data it was. */
int64_t run_sample(const Run *r, int64_t at, int64_t n) {
  const Env *env = r->env;
  if (env->rows != n)
    return at + 1;
  return 1 + (env->order ? env->order[env->first + at] : env->first + at);
}

/* A worker has no more than this of its own. */
_Static_assert((int)CONV_MOST_SCRATCH <= (int)THREAD_SCRATCH &&
                   (int)TILE_MOST_SCRATCH <= (int)THREAD_SCRATCH,
               "a worker's scratch");

int64_t opcall_local(const OpCall *s, const TileProgram *p) {
  int64_t bytes = s->op && s->op->local ? s->op->local(s) : 0;
  int64_t more = p ? tile_scratch(p) : 0;
  return bytes > more ? bytes : more;
}

typedef struct Job {
  const OpCall *call;
  Run run;
  const TileProgram *program;
  int64_t tasks;
} Job;

static void program_task(void *arg, int64_t task, void *scratch) {
  const Job *j = arg;
  if (env_stopped(j->run.env))
    return;
  program_run(j->program, (const void *const *)j->run.in, j->run.out, task,
              j->tasks, scratch);
}

static void kernel_task(void *arg, int64_t task, void *scratch) {
  const Job *j = arg;
  Run run = j->run;
  run.local = scratch;
  if (!env_stopped(run.env))
    j->call->op->run(j->call, &run, task);
}

/* Memory for one step that is run now: small needs are met without an
** allocation, so that an operation on a few numbers stays cheap. */
typedef struct Room {
  _Alignas(64) char few[5 << 10];
  Account *account;
  void *block;
  int64_t bytes;
} Room;

static void *room_take(Room *r, Account *account, int64_t bytes) {
  r->account = account;
  r->block = NULL;
  r->bytes = bytes;
  if (bytes <= (int64_t)sizeof r->few)
    return r->few;
  return r->block = block_new(account, (size_t)bytes);
}

static void room_give(Room *r) {
  if (r->block)
    block_free(r->account, r->block, (size_t)r->bytes);
}

static bool run_elementwise(const OpCall *s, Job *j, Account *account) {
  TileProgram p;
  Room room;
  TileRef in[4], y = {TILE_OUT, 0};
  program_begin(&p, &s->out[0]);
  for (int i = 0; i < s->nin; i++)
    in[i] = program_input(&p, &s->out[0], &s->in[i]);
  p.nout = 1;
  p.out_item[0] = dtype_size((DType)s->out[0].dtype);
  if (!program_add(&p, s, in, y))
    return fail(j->run.env->error, "no kernel for %s",
                dtype_name((DType)s->in[0].dtype));
  tile_ready(&p);
  j->program = &p;
  j->tasks = program_tasks(&p);
  void *local = room_take(&room, account, tile_scratch(&p));
  if (local == NULL)
    return fail_memory(j->run.env->error, "out of memory");
  threads_run(program_task, j, j->tasks, local);
  room_give(&room);
  return !j->run.env->error->set;
}

static bool run_now(const OpCall *s, void *const *in, void *const *out,
                    Env *env, Account *account) {
  Job j = {.call = s, .run = {.in = in, .out = out, .env = env}};
  if (s->op->kind == ELEMENTWISE)
    return run_elementwise(s, &j, account);
  if (s->op->traits & BODY)
    return env->run_body(s, in, out, env, account);
  Room room;
  int64_t shared = s->op->scratch ? s->op->scratch(s) : 0;
  shared = (shared + 63) & ~(int64_t)63;
  j.run.scratch = room_take(&room, account, shared + opcall_local(s, NULL));
  if (j.run.scratch == NULL)
    return fail_memory(env->error, "out of memory");
  if (s->op->begin)
    s->op->begin(s, &j.run);
  threads_run(kernel_task, &j, s->op->tasks ? s->op->tasks(s) : 1,
              (char *)j.run.scratch + shared);
  if (s->op->end)
    s->op->end(s, &j.run);
  room_give(&room);
  return !env->error->set;
}

bool opcall_run(const OpCall *s, void *const *in, void *const *out, Env *env,
              Account *account) {
  FloatMode outside = float_mode_enter();
  bool ok = run_now(s, in, out, env, account);
  float_mode_leave(outside);
  return ok;
}
