/* The plan itself: steps with pointers to be filled in, and the run. */

#include "plan/plan.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "plan/prog.h"

typedef struct PlanStep {
  Step step;                  /* op NULL: a program alone */
  const TileProgram *program; /* of a group */
  int in, out;                /* first pointers of the kernel */
  int program_in, program_out;
  int64_t tasks;
  int64_t scratch; /* bytes */
  Plan *body;      /* of a loop */
} PlanStep;

typedef struct PlanMove {
  int from, to; /* pointers */
  int64_t bytes, via;
} PlanMove;

/* What one running thread needs; kept for the next run. */
typedef struct Lane {
  struct Lane *next;
  char *arena;
  void **pointer;
} Lane;

struct Plan {
  atomic_int refs;
  Account *account;
  PlanStep *step;
  int nsteps;
  PlanMove *move;
  int nmoves;
  Place *place; /* of each pointer */
  int npointers;
  int *moving; /* the pointers that differ from run to run */
  int nmoving;
  int64_t arena;   /* with room for the largest scratch at its end */
  int64_t scratch; /* where that begins */
  int ninputs, noutputs, nvariables, nconstants;
  Type *input, *output;
  Variable **variable;
  Tensor *constant;
  void **memory; /* what is freed with the plan */
  int nmemory, memory_size;
  Lane *lanes;
  atomic_flag lock;
  double *seconds; /* of each step, when somebody wants to know */
  int64_t runs;
};

/* ---- building ----------------------------------------------------------- */

typedef struct Builder {
  Plan *plan;
  Prog *prog;
  int *constant; /* of each node: its number, -1 */
  bool failed;
  int pointers_size;
} Builder;

/* Memory that lives as long as the plan. */
static void *keep(Builder *b, size_t bytes) {
  Plan *p = b->plan;
  if (p->nmemory == p->memory_size) {
    int size = p->memory_size ? 2 * p->memory_size : 64;
    void **grown = realloc(p->memory, (size_t)size * sizeof *grown);
    if (grown == NULL) {
      b->failed = true;
      return NULL;
    }
    p->memory = grown;
    p->memory_size = size;
  }
  void *m = calloc(1, bytes ? bytes : 1);
  b->failed = b->failed || m == NULL;
  if (m)
    p->memory[p->nmemory++] = m;
  return m;
}

static int constant_number(Builder *b, int node) {
  if (b->constant[node] < 0) {
    Plan *p = b->plan;
    p->constant[p->nconstants] = tensor_share(&b->prog->node[node]->out[0]);
    b->constant[node] = p->nconstants++;
  }
  return b->constant[node];
}

static int add_pointer(Builder *b, Place at) {
  Plan *p = b->plan;
  if (p->npointers == b->pointers_size) {
    int size = b->pointers_size ? 2 * b->pointers_size : 256;
    Place *grown = realloc(p->place, (size_t)size * sizeof *grown);
    if (grown == NULL) {
      b->failed = true;
      return 0;
    }
    p->place = grown;
    b->pointers_size = size;
  }
  if (at.base == CONSTANT)
    at.index = constant_number(b, at.index);
  p->place[p->npointers] = at;
  return p->npointers++;
}

static int add_value(Builder *b, Val v) {
  Place none = {NOWHERE, 0, 0};
  return add_pointer(b, node_is_shape(v.node)
                            ? none : b->prog->place[prog_value(b->prog, v)]);
}

static const char *keep_text(Builder *b, const char *text) {
  if (text == NULL)
    return NULL;
  char *copy = keep(b, strlen(text) + 1);
  return copy ? strcpy(copy, text) : NULL;
}

/* The row and the types of a node, owned by the plan. */
static void fill_step(Builder *b, Step *s, const Node *n) {
  int nattr = op_nattr(n->op);
  Type *in = keep(b, (size_t)n->nin * sizeof *in);
  Type *out = keep(b, (size_t)n->nout * sizeof *out);
  Attr *attr = keep(b, (size_t)nattr * sizeof *attr);
  if (b->failed)
    return;
  for (int i = 0; i < n->nin; i++)
    in[i] = *val_type(n->in[i]);
  for (int i = 0; i < n->nout; i++)
    out[i] = n->out[i].type;
  if (nattr)
    memcpy(attr, n->attr, (size_t)nattr * sizeof *attr);
  *s = (Step){.op = n->op, .attr = attr, .nin = n->nin, .nout = n->nout,
              .in = in, .out = out, .origin = keep_text(b, n->origin)};
}

static void add_kernel(Builder *b, PlanStep *s, const Node *n) {
  fill_step(b, &s->step, n);
  s->in = b->plan->npointers;
  for (int i = 0; i < n->nin; i++)
    add_value(b, n->in[i]);
  s->out = b->plan->npointers;
  for (int i = 0; i < n->nout; i++)
    add_value(b, (Val){(Node *)(uintptr_t)n, i});
  if (b->failed)
    return;
  s->tasks = n->op->tasks ? n->op->tasks(&s->step) : 1;
  if (n->op->traits & BODY) {
    s->body = loop_plan(&s->step, b->plan->account, b->prog->passes,
                        b->prog->error);
    s->scratch = loop_scratch(&s->step);
  } else if (n->op->scratch) {
    s->scratch = n->op->scratch(&s->step);
  }
  if (b->plan->arena < b->plan->scratch + s->scratch)
    b->plan->arena = b->plan->scratch + s->scratch;
}

/* A single elementwise node is a group of one. */
static void add_elementwise(Builder *b, PlanStep *s, const Node *n) {
  TileProgram *p = keep(b, sizeof *p);
  TileRef in[4], y = {TILE_OUT, 0};
  Step step = {.op = NULL};
  fill_step(b, &step, n);
  if (b->failed)
    return;
  program_begin(p, &n->out[0].type);
  s->program_in = b->plan->npointers;
  for (int i = 0; i < n->nin; i++) {
    in[i] = program_input(p, &n->out[0].type, val_type(n->in[i]));
    add_value(b, n->in[i]);
  }
  s->program_out = add_value(b, (Val){(Node *)(uintptr_t)n, 0});
  p->nout = 1;
  p->out_item[0] = dtype_size((DType)n->out[0].type.dtype);
  if (!program_add(p, &step, in, y))
    fail(b->prog->error, "%s: no kernel for %s", n->op->name,
         dtype_name((DType)step.in[0].dtype));
  tile_collapse(p);
  s->program = p;
  s->tasks = program_tasks(p);
  s->step.origin = step.origin;
}

typedef struct GroupCode {
  const Group *group;
  const Type *domain;
  TileProgram *program;
  Val outside[TILE_OPERANDS];
  TileRef at[GROUP_NODES]; /* where each member's result is */
} GroupCode;

/* How an absorbed slice lies in its source: strides, and the first element. */
static int64_t slice_part(const Node *n, int64_t *stride) {
  const Type *x = val_type(n->in[0]);
  int64_t step = 1, first = 0;
  for (int i = x->rank - 1; i >= 0; i--) {
    stride[i] = step * n->attr[1].i[i];
    first += step * n->attr[0].i[i];
    step *= x->dim[i];
  }
  return first;
}

static int add_operand(Builder *b, Val v) {
  int64_t stride[MAX_RANK];
  if (!b->prog->absorbed[prog_number(b->prog, v.node)])
    return add_value(b, v);
  Place at = b->prog->place[prog_value(b->prog, v.node->in[0])];
  at.offset += slice_part(v.node, stride) *
               dtype_size((DType)val_type(v)->dtype);
  return add_pointer(b, at);
}

static TileRef operand(Builder *b, GroupCode *k, Val v) {
  const Group *g = k->group;
  int node = prog_number(b->prog, v.node);
  for (int m = 0; m < g->n; m++)
    if (g->member[m] == node)
      return k->at[m];
  for (int i = 0; i < k->program->nin; i++)
    if (val_same(k->outside[i], v))
      return (TileRef){TILE_IN, i};
  k->outside[k->program->nin] = v;
  if (!b->prog->absorbed[node])
    return program_input(k->program, k->domain, val_type(v));
  int64_t stride[MAX_RANK];
  slice_part(v.node, stride);
  return program_input_part(k->program, k->domain, val_type(v), stride);
}

/* Last use of each register decides when it is free again. */
static int last_use(const Prog *p, const Group *g, int m) {
  int last = m;
  for (int k = m + 1; k < g->n; k++) {
    const Node *n = p->node[g->member[k]];
    for (int i = 0; i < n->nin; i++)
      if (n->in[i].node == p->node[g->member[m]])
        last = k;
  }
  return last;
}

static int free_register(const GroupCode *k, const Prog *p, int m) {
  for (int r = 0; r < TILE_REGISTERS; r++) {
    bool busy = false;
    for (int i = 0; i < m; i++)
      busy = busy || (k->at[i].space == TILE_REG && k->at[i].index == r &&
                      last_use(p, k->group, i) >= m);
    if (!busy)
      return r;
  }
  return 0; /* not reached: a group has no more members than registers */
}

static void add_member(Builder *b, GroupCode *k, int m, int *out) {
  Prog *p = b->prog;
  const Node *n = p->node[k->group->member[m]];
  TileRef in[4];
  Step step = {.op = NULL};
  fill_step(b, &step, n);
  if (b->failed)
    return;
  for (int i = 0; i < n->nin; i++)
    in[i] = operand(b, k, n->in[i]);
  if (member_escapes(p, k->group, k->group->member[m])) {
    k->at[m] = (TileRef){TILE_OUT, k->program->nout};
    k->program->out_item[k->program->nout] =
        dtype_size((DType)n->out[0].type.dtype);
    out[k->program->nout++] = k->group->member[m];
  } else {
    int r = free_register(k, p, m);
    k->at[m] = (TileRef){TILE_REG, r};
    if (r >= k->program->nreg)
      k->program->nreg = r + 1;
  }
  if (!program_add(k->program, &step, in, k->at[m]))
    fail(p->error, "%s: no kernel for %s", n->op->name,
         dtype_name((DType)step.in[0].dtype));
}

static void add_group(Builder *b, PlanStep *s, const Group *g) {
  Prog *p = b->prog;
  int out[GROUP_NODES];
  GroupCode *k = keep(b, sizeof *k);
  TileProgram *program = keep(b, sizeof *program);
  if (b->failed)
    return;
  k->group = g;
  k->program = program;
  k->domain = &p->node[g->member[0]]->out[0].type;
  program_begin(program, k->domain);
  for (int m = 0; m < g->n; m++)
    add_member(b, k, m, out);
  Val host = {g->anchor >= 0 && g->host >= 0 ? p->node[g->host] : NULL, 0};
  s->program_in = b->plan->npointers;
  for (int i = 0; i < program->nin; i++)
    add_operand(b, host.node && k->outside[i].node == p->node[g->anchor]
                       ? host : k->outside[i]);
  s->program_out = b->plan->npointers;
  for (int i = 0; i < program->nout; i++)
    add_value(b, (Val){p->node[out[i]], 0});
  tile_collapse(program);
  s->program = program;
  s->tasks = program_tasks(program);
  s->step.origin = keep_text(b, p->node[g->member[0]]->origin);
  if (g->anchor < 0)
    return;
  add_kernel(b, s, p->node[g->anchor]);
  if (host.node)
    b->plan->place[s->out] = p->place[prog_value(p, host)];
  s->step.epilogue = program;
}

static void add_unit(Builder *b, Unit u) {
  Prog *p = b->prog;
  int64_t offset;
  PlanStep *s = &b->plan->step[b->plan->nsteps];
  if (u.node >= 0 && prog_view(p, u.node, &offset))
    return;
  b->plan->nsteps++;
  if (u.group >= 0)
    add_group(b, s, &p->groups[u.group]);
  else if (p->node[u.node]->op->kind == ELEMENTWISE)
    add_elementwise(b, s, p->node[u.node]);
  else
    add_kernel(b, s, p->node[u.node]);
}

static void add_moves(Builder *b) {
  Prog *p = b->prog;
  for (int i = 0; i < p->nmoves; i++) {
    const Move *m = &p->move[i];
    Place to = m->to;
    int64_t bytes = to.base == OUTPUT
        ? type_bytes(&b->plan->output[to.index])
        : type_bytes(&p->f->bindings[to.index].variable->tensor.type);
    b->plan->move[b->plan->nmoves++] = (PlanMove){
      add_pointer(b, p->place[m->value]), add_pointer(b, to), bytes, m->via
    };
  }
}

static void find_moving(Builder *b) {
  Plan *p = b->plan;
  p->moving = keep(b, (size_t)p->npointers * sizeof *p->moving);
  for (int i = 0; p->moving && i < p->npointers; i++)
    if (p->place[i].base == INPUT || p->place[i].base == OUTPUT ||
        p->place[i].base == VARIABLE)
      p->moving[p->nmoving++] = i;
}

static bool build(Builder *b) {
  Prog *g = b->prog;
  Plan *p = b->plan;
  const Function *f = g->f;
  p->ninputs = f->ninputs;
  p->noutputs = f->noutputs;
  p->nvariables = f->nbindings;
  p->arena = p->scratch = g->arena;
  p->input = keep(b, (size_t)f->ninputs * sizeof *p->input);
  p->output = keep(b, (size_t)f->noutputs * sizeof *p->output);
  p->variable = keep(b, (size_t)f->nbindings * sizeof(Variable *));
  p->constant = keep(b, (size_t)g->n * sizeof *p->constant);
  p->step = keep(b, (size_t)g->nunits * sizeof *p->step);
  p->move = keep(b, (size_t)g->nmoves * sizeof *p->move);
  b->constant = malloc(((size_t)g->n + 1) * sizeof *b->constant);
  if (b->failed || b->constant == NULL)
    return fail(g->error, "out of memory");
  for (int i = 0; i < g->n; i++)
    b->constant[i] = -1;
  for (int i = 0; i < f->ninputs; i++)
    p->input[i] = *val_type(g->in[i]);
  for (int i = 0; i < f->noutputs; i++)
    p->output[i] = *val_type(g->out[i]);
  for (int i = 0; i < f->nbindings; i++)
    p->variable[i] = variable_retain(f->bindings[i].variable);
  for (int i = 0; i < g->nunits && !b->failed; i++)
    add_unit(b, g->unit[i]);
  add_moves(b);
  find_moving(b);
  return (!b->failed || fail(g->error, "out of memory")) && !g->error->set;
}

/* ---- text --------------------------------------------------------------- */

static void place_text(Text *t, const Prog *p, Val v) {
  static const char *const name[] = {"none", "arena", "input", "output",
                                     "variable", "constant"};
  if (node_is_shape(v.node))
    return;
  Place at = p->place[prog_value(p, v)];
  text_add(t, at.base == ARENA ? " %%%d:%s+%lld" : " %%%d:%s%lld",
           prog_number(p, v.node), name[at.base],
           (long long)(at.base == ARENA ? at.offset : at.index));
}

static void plan_text(Text *t, const Prog *p) {
  text_add(t, "---- nodes\n");
  for (int i = 0; i < p->n; i++)
    node_text(t, p->node[i], &p->number);
  text_add(t, "---- steps, arena of %lld bytes\n", (long long)p->arena);
  for (int i = 0; i < p->nunits; i++) {
    Unit u = p->unit[i];
    int64_t offset;
    if (u.node >= 0 && prog_view(p, u.node, &offset))
      continue;
    text_add(t, "%3d ", i);
    if (u.node >= 0) {
      text_add(t, "%s:", p->node[u.node]->op->name);
      place_text(t, p, (Val){p->node[u.node], 0});
    } else {
      const Group *g = &p->groups[u.group];
      if (g->anchor >= 0)
        text_add(t, "%s (%%%d) then ", p->node[g->anchor]->op->name, g->anchor);
      for (int m = 0; m < g->n; m++)
        text_add(t, "%s%s", m ? " " : "", p->node[g->member[m]]->op->name);
      text_add(t, ":");
      for (int m = 0; m < g->n; m++)
        if (member_escapes(p, g, g->member[m]))
          place_text(t, p, (Val){p->node[g->member[m]], 0});
    }
    text_add(t, "\n");
  }
  for (int i = 0; i < p->nmoves; i++)
    text_add(t, "move value %d to %s %d\n", p->move[i].value,
             p->move[i].to.base == OUTPUT ? "output" : "variable",
             p->move[i].to.index);
}

/* ---- making and freeing ------------------------------------------------- */

static bool prog_open(Prog *g, const Function *f, Account *account,
                      unsigned passes, Text *debug, Error *e) {
  *g = (Prog){.f = f, .passes = passes, .error = e, .debug = debug};
  context_open(&g->c, account);
  g->c.rebuild = true;
  g->in = calloc((size_t)f->ninputs + 1, sizeof *g->in);
  g->out = calloc((size_t)f->noutputs + 1, sizeof *g->out);
  g->leaf = calloc((size_t)f->nbindings + 1, sizeof *g->leaf);
  g->update = calloc((size_t)f->nbindings + 1, sizeof *g->update);
  return (g->in && g->out && g->leaf && g->update) ||
         fail(e, "out of memory");
}

static void prog_close(Prog *g) {
  free(g->in);
  free(g->out);
  free(g->leaf);
  free(g->update);
  free(g->node);
  free(g->group);
  free(g->groups);
  free(g->absorbed);
  free(g->unit);
  free(g->first_value);
  free(g->place);
  free(g->move);
  nodemap_free(&g->number);
  context_close(&g->c);
}

Plan *plan_new(const Function *f, const Type *in, Account *account,
               unsigned passes, Text *debug, Error *e) {
  Prog g;
  Plan *p = calloc(1, sizeof *p);
  Builder b = {.plan = p, .prog = &g};
  bool ok = prog_open(&g, f, account, passes, debug, e);
  if (p == NULL)
    ok = fail(e, "out of memory");
  else {
    atomic_init(&p->refs, 1);
    atomic_flag_clear(&p->lock);
    p->account = account;
    account_retain(account);
  }
  ok = ok && specialise(&g, in) && fuse(&g) && place(&g) && build(&b);
  if (ok && debug)
    plan_text(debug, &g);
  free(b.constant);
  prog_close(&g);
  if (!ok && p)
    plan_release(p);
  return ok ? p : NULL;
}

void plan_retain(Plan *p) {
  atomic_fetch_add(&p->refs, 1);
}

static void lane_free(Plan *p, Lane *l) {
  block_free(p->account, l->arena, (size_t)p->arena);
  free(l->pointer);
  free(l);
}

static void print_profile(const Plan *p);

void plan_release(Plan *p) {
  if (p == NULL || atomic_fetch_sub(&p->refs, 1) > 1)
    return;
  if (p->seconds && p->runs)
    print_profile(p);
  free(p->seconds);
  while (p->lanes) {
    Lane *l = p->lanes;
    p->lanes = l->next;
    lane_free(p, l);
  }
  for (int i = 0; p->constant && i < p->nconstants; i++)
    tensor_drop(&p->constant[i]);
  for (int i = 0; p->variable && i < p->nvariables; i++)
    variable_release(p->variable[i]);
  for (int i = 0; p->step && i < p->nsteps; i++)
    plan_release(p->step[i].body);
  for (int i = 0; i < p->nmemory; i++)
    free(p->memory[i]);
  free(p->memory);
  free(p->place);
  account_release(p->account);
  free(p);
}

const Type *plan_input(const Plan *p, int i) {
  return &p->input[i];
}

const Type *plan_output(const Plan *p, int i) {
  return &p->output[i];
}

int64_t plan_arena_bytes(const Plan *p) {
  return p->arena;
}

int plan_steps(const Plan *p) {
  return p->nsteps;
}

/* ---- running ------------------------------------------------------------ */

static void lock(Plan *p) {
  while (atomic_flag_test_and_set_explicit(&p->lock, memory_order_acquire))
    sched_yield();
}

static void unlock(Plan *p) {
  atomic_flag_clear_explicit(&p->lock, memory_order_release);
}

static Lane *lane_new(Plan *p, Error *e) {
  Lane *l = calloc(1, sizeof *l);
  if (l) {
    l->arena = block_new(p->account, (size_t)p->arena);
    l->pointer = calloc((size_t)p->npointers + 1, sizeof *l->pointer);
  }
  if (l == NULL || l->arena == NULL || l->pointer == NULL) {
    fail(e, "out of memory: %lld bytes wanted for a plan's arena",
         (long long)p->arena);
    if (l)
      lane_free(p, l);
    return NULL;
  }
  for (int i = 0; i < p->npointers; i++) {
    Place at = p->place[i];
    if (at.base == ARENA)
      l->pointer[i] = l->arena + at.offset;
    else if (at.base == CONSTANT)
      l->pointer[i] = (char *)p->constant[at.index].data + at.offset;
  }
  return l;
}

static Lane *borrow(Plan *p, Error *e) {
  lock(p);
  Lane *l = p->lanes;
  if (l)
    p->lanes = l->next;
  unlock(p);
  return l ? l : lane_new(p, e);
}

static void give_back(Plan *p, Lane *l) {
  lock(p);
  l->next = p->lanes;
  p->lanes = l;
  unlock(p);
}

static void aim(const Plan *p, Lane *l, const void *const *in,
                void *const *out) {
  for (int i = 0; i < p->nmoving; i++) {
    int at = p->moving[i];
    Place place = p->place[at];
    char *base = place.base == INPUT ? (char *)(uintptr_t)in[place.index]
               : place.base == OUTPUT ? out[place.index]
                                      : p->variable[place.index]->tensor.data;
    l->pointer[at] = base + place.offset;
  }
}

typedef struct Job {
  const PlanStep *step;
  Run run;
} Job;

static void kernel_task(void *arg, int64_t task) {
  const Job *j = arg;
  j->step->step.op->run(&j->step->step, &j->run, task);
}

static void program_task(void *arg, int64_t task) {
  const Job *j = arg;
  program_run(j->step->program, j->run.epilogue_in, j->run.epilogue_out, task,
              j->step->tasks);
}

static void run_step(const PlanStep *s, void **pointer, void *scratch,
                     Env *env) {
  if (s->body) {
    loop_run(s->body, &s->step, pointer + s->in, pointer + s->out, scratch,
             env);
    return;
  }
  Job j = {s, {.in = pointer + s->in, .out = pointer + s->out,
               .scratch = scratch,
               .epilogue_in = (const void *const *)pointer + s->program_in,
               .epilogue_out = pointer + s->program_out, .env = env}};
  PoolTask task = s->step.op ? kernel_task : program_task;
  if (s->tasks > 1)
    pool_run(task, &j, s->tasks);
  else if (s->tasks == 1)
    task(&j, 0);
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
  Error what = *e;
  e->set = false;
  return fail(e, "%s: %s%s%s", s->step.op ? s->step.op->name : "elementwise",
              what.text, s->step.origin ? "; op at " : "",
              s->step.origin ? s->step.origin : "");
}

void plan_profile(Plan *p) {
  if (p->seconds == NULL)
    p->seconds = calloc((size_t)p->nsteps + 1, sizeof *p->seconds);
}

/* What each step took, on stderr: the names are the kernels', the lines the
** user's. */
static void print_profile(const Plan *p) {
  double all = 0;
  for (int i = 0; i < p->nsteps; i++)
    all += p->seconds[i];
  fprintf(stderr, "---- profile of %lld runs, %.1f us each\n",
          (long long)p->runs, 1e6 * all / (double)(p->runs ? p->runs : 1));
  for (int i = 0; i < p->nsteps; i++) {
    const PlanStep *s = &p->step[i];
    fprintf(stderr, "%3d %8.1f us %5.1f %%  %s%s%s  %s\n", i,
            1e6 * p->seconds[i] / (double)(p->runs ? p->runs : 1),
            100 * p->seconds[i] / (all > 0 ? all : 1),
            s->step.op ? s->step.op->name : "elementwise",
            s->step.op && s->program ? " + elementwise" : "",
            s->tasks > 1 ? " (shared)" : "",
            s->step.origin ? s->step.origin : "");
  }
}

static void run_timed(Plan *p, Lane *l, Env *env, int i) {
  double start = clock_seconds();
  run_step(&p->step[i], l->pointer, l->arena + p->scratch, env);
  p->seconds[i] += clock_seconds() - start;
}

bool plan_run(Plan *p, const void *const *in, void *const *out, Env *env) {
  Lane *l = borrow(p, env->error);
  if (l == NULL)
    return false;
  bool ok = true;
  aim(p, l, in, out);
  for (int i = 0; ok && i < p->nsteps; i++) {
    if (p->seconds)
      run_timed(p, l, env, i);
    else
      run_step(&p->step[i], l->pointer, l->arena + p->scratch, env);
    if (env->error->set)
      ok = fault_at(&p->step[i], env->error);
  }
  if (ok)
    run_moves(p, l);
  p->runs += p->seconds != NULL;
  give_back(p, l);
  return ok;
}
