/* From units to steps: each with its op, its types and its pointers, which
** are filled in when it runs. */

#include "plan/steps.h"

#include <string.h>

#include "plan/group_code.h"
#include "scan/scan.h"

/* ---- building ----------------------------------------------------------- */

typedef struct Builder {
  Plan *plan;
  Prog *prog;
  int *constant; /* of each node: its number, -1 */
  bool failed;
  int pointers_size;
  char *chunk; /* the one that is being filled */
  size_t left;
  GroupCode *code;
} Builder;

/* A record that is freed with the plan. */
static char *new_record(Builder *b, size_t bytes) {
  Plan *p = b->plan;
  if (p->nmemory == p->memory_size) {
    int size = p->memory_size ? 2 * p->memory_size : 64;
    void **grown = mem_resize(p->account, p->memory, (size_t)size,
                              sizeof *grown);
    if (grown == NULL)
      return NULL;
    p->memory = grown;
    p->memory_size = size;
  }
  char *m = mem_new(p->account, bytes, 1);
  if (m) {
    p->memory[p->nmemory++] = m;
    p->bytes += (int64_t)bytes;
  }
  return m;
}

enum { CHUNK = 32768 };

/* Memory that lives as long as the plan, zero; small pieces share records. */
static void *keep(Builder *b, size_t bytes) {
  bytes = (bytes + 15) & ~(size_t)15;
  if (bytes > CHUNK / 4) {
    char *own = new_record(b, bytes);
    b->failed = b->failed || own == NULL;
    return own;
  }
  if (b->left < bytes) {
    b->chunk = new_record(b, CHUNK);
    b->left = b->chunk ? CHUNK : 0;
    b->failed = b->failed || b->chunk == NULL;
  }
  if (b->chunk == NULL)
    return NULL;
  b->left -= bytes;
  return b->chunk + CHUNK - bytes - b->left;
}

static int constant_number(Builder *b, int node) {
  if (b->constant[node] < 0) {
    Plan *p = b->plan;
    p->constant[p->nconstants] = tensor_share(&b->prog->node[node]->out[0]);
    p->bytes += type_bytes(&p->constant[p->nconstants].type);
    b->constant[node] = p->nconstants++;
  }
  return b->constant[node];
}

static int add_pointer(Builder *b, Location at) {
  Plan *p = b->plan;
  if (p->npointers == b->pointers_size) {
    int size = b->pointers_size ? 2 * b->pointers_size : 256;
    Location *grown = mem_resize(p->account, p->location, (size_t)size,
                              sizeof *grown);
    if (grown == NULL) {
      b->failed = true;
      return 0;
    }
    p->location = grown;
    b->pointers_size = size;
  }
  if (at.base == CONSTANT)
    at.index = constant_number(b, at.index);
  p->location[p->npointers] = at;
  return p->npointers++;
}

static int add_value(Builder *b, Val v) {
  Location none = {NOWHERE, 0, 0};
  return add_pointer(b, node_is_shape(v.node)
                            ? none : b->prog->location[prog_value(b->prog, v)]);
}

static const char *keep_text(Builder *b, const char *text) {
  if (text == NULL)
    return NULL;
  char *copy = keep(b, strlen(text) + 1);
  return copy ? strcpy(copy, text) : NULL;
}

/* The row and the types of a node, owned by the plan. */
static void fill_step(Builder *b, OpCall *s, const Node *n) {
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
  *s = (OpCall){.op = n->op, .attr = attr, .nin = n->nin, .nout = n->nout,
              .in = in, .out = out, .origin = keep_text(b, n->origin),
              .often = b->prog->passes & IN_LOOP};
}

static int64_t bytes_of(const Plan *p) {
  return p ? plan_bytes(p) : 0;
}

static void settle(Builder *b, OpCall *s) {
  void *room = !b->failed && s->op->settle
                   ? keep(b, (size_t)s->op->settled) : NULL;
  if (room)
    s->op->settle(s, room);
  s->settled = room;
}

static void add_kernel(Builder *b, PlanStep *s, const Node *n) {
  fill_step(b, &s->step, n);
  s->in = b->plan->npointers;
  for (int i = 0; i < n->nin; i++)
    add_value(b, n->in[i]);
  s->out = b->plan->npointers;
  for (int i = 0; i < n->nout; i++)
    add_value(b, (Val){(Node *)(uintptr_t)n, i});
  settle(b, &s->step);
  if (b->failed)
    return;
  s->tasks = n->op->tasks ? n->op->tasks(&s->step) : 1;
  if (n->op->traits & BODY) {
    s->states = keep(b, sizeof *s->states);
    if (s->states == NULL || !b->prog->compile_loop(b->prog, s))
      return;
    scan_find_states(&s->step, s->states);
    b->plan->bytes += bytes_of(s->body) + bytes_of(s->parts.body) +
                      bytes_of(s->parts.rest);
    s->scratch = scan_scratch(&s->step);
  } else if (n->op->scratch) {
    s->scratch = n->op->scratch(&s->step);
  }
}

/* At the end of the arena each step has its scratch, and then as many bytes as
** the caller's thread needs for itself. */
static void make_room(Plan *p, PlanStep *s) {
  s->scratch = (s->scratch + 63) & ~(int64_t)63;
  int64_t end = p->scratch + s->scratch + opcall_local(&s->step, s->program);
  if (s > p->step && (s - 1)->abreast)
    end += (s - 1)->beside;
  if (p->arena < end)
    p->arena = end;
}

/* A copy without the room for code that it does not have, which is most. */
static const TileProgram *keep_program(Builder *b, const TileProgram *p) {
  size_t bytes = offsetof(TileProgram, code) +
                 (size_t)p->ncode * sizeof *p->code;
  void *copy = keep(b, bytes);
  if (copy)
    memcpy(copy, p, bytes);
  return copy;
}

/* A single elementwise node is a group of one. */
static void add_elementwise(Builder *b, PlanStep *s, const Node *n) {
  TileProgram *p = &b->code->program;
  TileRef in[4], y = {TILE_OUT, 0};
  program_begin(p, &n->out[0].type);
  s->program_in = b->plan->npointers;
  for (int i = 0; i < n->nin; i++) {
    in[i] = program_input(p, &n->out[0].type, val_type(n->in[i]));
    add_value(b, n->in[i]);
  }
  s->program_out = add_value(b, (Val){(Node *)(uintptr_t)n, 0});
  p->nout = 1;
  p->out_item[0] = dtype_size((DType)n->out[0].type.dtype);
  code_add(b->prog, p, n, in, y);
  tile_ready(p);
  s->program = keep_program(b, p);
  s->tasks = program_tasks(p);
  s->step.origin = keep_text(b, n->origin);
}

static int add_operand(Builder *b, Val v) {
  int64_t stride[MAX_RANK];
  if (!b->prog->absorbed[prog_number(b->prog, v.node)])
    return add_value(b, v);
  Location at = b->prog->location[prog_value(b->prog, v.node->in[0])];
  at.offset += code_slice_part(v.node, stride) *
               dtype_size((DType)val_type(v)->dtype);
  return add_pointer(b, at);
}

/* A group that the product does before it stores its sums. */
static void add_ended(Builder *b, PlanStep *s, const Group *g) {
  Ending *ending = keep(b, sizeof *ending);
  s->program_in = b->plan->npointers;
  for (int i = 0; i < g->ending.pluses; i++)
    add_value(b, g->plus[i]);
  add_kernel(b, s, b->prog->node[g->anchor]);
  if (b->failed)
    return;
  b->plan->location[s->out] = b->prog->location[
      prog_value(b->prog, (Val){b->prog->node[g->host], 0})];
  *ending = g->ending;
  s->step.ending = ending;
}

static void add_group(Builder *b, PlanStep *s, const Group *g) {
  Prog *p = b->prog;
  GroupCode *k = b->code;
  TileProgram *program = &k->program;
  code_group(k, g);
  Val host = {g->anchor >= 0 && g->host >= 0 ? p->node[g->host] : NULL, 0};
  s->program_in = b->plan->npointers;
  for (int i = 0; i < program->nin; i++)
    add_operand(b, host.node && k->outside[i].node == p->node[g->anchor]
                       ? host : k->outside[i]);
  s->program_out = b->plan->npointers;
  for (int i = 0; i < program->nout; i++)
    add_value(b, (Val){p->node[k->out[i]], 0});
  s->program = keep_program(b, program);
  s->tasks = program_tasks(program);
  s->step.origin = keep_text(b, p->node[g->member[0]]->origin);
  if (g->anchor < 0)
    return;
  add_kernel(b, s, p->node[g->anchor]);
  if (host.node && !b->failed)
    b->plan->location[s->out] = p->location[prog_value(p, host)];
  s->step.epilogue = s->program;
}

/* The loop of unit i runs at the same time as the one before it, if that is
** worth it. */
static void set_abreast(Builder *b, int i, const PlanStep *second) {
  PlanStep *first = &b->plan->step[b->plan->nsteps - 2];
  first->abreast = loops_pay_abreast(first, second);
  first->beside = first->abreast ? first->scratch : 0;
  b->prog->abreast[i - 1] = first->abreast;
}

static void add_unit(Builder *b, int i) {
  Prog *p = b->prog;
  Unit u = p->unit[i];
  int64_t offset;
  PlanStep *s = &b->plan->step[b->plan->nsteps];
  if (u.node >= 0 && prog_view(p, u.node, &offset))
    return;
  b->plan->nsteps++;
  s->pointers = b->plan->npointers;
  if (u.group >= 0 && p->groups[u.group].ends)
    add_ended(b, s, &p->groups[u.group]);
  else if (u.group >= 0)
    add_group(b, s, &p->groups[u.group]);
  else if (p->node[u.node]->op->kind == ELEMENTWISE)
    add_elementwise(b, s, p->node[u.node]);
  else
    add_kernel(b, s, p->node[u.node]);
  s->npointers = b->plan->npointers - s->pointers;
  if (b->failed || p->error->set)
    return;
  if (i > 0 && p->abreast[i - 1])
    set_abreast(b, i, s);
  make_room(b->plan, s);
}

static void add_band(Builder *b, PlanStep *first, const Band *band) {
  Band *copy = keep(b, sizeof *copy);
  if (copy)
    *copy = *band;
  first->band = copy;
}

static void add_moves(Builder *b) {
  Prog *p = b->prog;
  for (int i = 0; i < p->nmoves; i++) {
    const Move *m = &p->move[i];
    Location to = m->to;
    int64_t bytes = to.base == OUTPUT
        ? type_bytes(&b->plan->output[to.index])
        : type_bytes(&p->f->bindings[to.index].variable->tensor.type);
    b->plan->move[b->plan->nmoves++] = (PlanMove){
      add_pointer(b, p->location[m->value]), add_pointer(b, to), bytes, m->via
    };
  }
}

/* Notes the pointers with this base behind those that are noted already;
** returns how many there are. */
static int find_moving_of(Plan *p, Base base, int n) {
  int found = 0;
  for (int i = 0; i < p->npointers; i++)
    if (p->location[i].base == base)
      p->moving[n + found++] =
          (Moving){i, p->location[i].index, p->location[i].offset};
  return found;
}

static void find_moving(Builder *b) {
  Plan *p = b->plan;
  p->moving = keep(b, (size_t)p->npointers * sizeof *p->moving);
  if (p->moving == NULL)
    return;
  p->moving_in = find_moving_of(p, INPUT, 0);
  p->moving_out = find_moving_of(p, OUTPUT, p->moving_in);
  p->moving_variables =
      find_moving_of(p, VARIABLE, p->moving_in + p->moving_out);
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
  b->constant = mem_new(p->account, (size_t)g->n + 1, sizeof *b->constant);
  b->code = mem_new(p->account, 1, sizeof *b->code);
  if (b->code) {
    b->code->prog = g;
    b->code->member = mem_new(p->account, (size_t)g->n + 1, sizeof(int));
  }
  if (b->failed || b->constant == NULL || b->code == NULL ||
      b->code->member == NULL)
    return fail_memory(g->error, "out of memory");
  for (int i = 0; i < g->n; i++)
    b->constant[i] = -1;
  for (int i = 0; i < f->ninputs; i++)
    p->input[i] = *val_type(g->in[i]);
  for (int i = 0; i < f->noutputs; i++)
    p->output[i] = *val_type(g->out[i]);
  for (int i = 0; i < f->nbindings; i++)
    p->variable[i] = variable_retain(f->bindings[i].variable);
  for (int i = 0, band = 0; i < g->nunits && !b->failed; i++) {
    if (watch_stopped(g->watch, g->error))
      return false;
    PlanStep *s = &p->step[p->nsteps];
    add_unit(b, i);
    if (band < g->nbands && g->band[band].unit[0] == i)
      add_band(b, s, &g->band[band++]);
  }
  if (!b->failed)
    add_moves(b);
  if (!b->failed)
    find_moving(b);
  if (b->failed)
    fail_memory(g->error, "out of memory");
  return !g->error->set;
}

bool steps_build(Plan *p, Prog *g) {
  Builder b = {.plan = p, .prog = g};
  bool ok = build(&b);
  mem_free(b.constant);
  if (b.code)
    mem_free(b.code->member);
  mem_free(b.code);
  return ok;
}
