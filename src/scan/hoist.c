/* What a loop need not do in each step. Values of consts alone are computed
** once before it; products of a step with a const (and what is done to them
** element by element) for all steps at once, where they are one big product.
** So a cell written in Lua becomes what a hand-made LSTM is. */

#include <string.h>

#include "ops/build.h"
#include "scan/scan.h"

/* On what a value depends: nothing that changes; the step; the state. */
typedef enum Class { CONSTANT_VALUE, STEP_VALUE, STATE_VALUE } Class;

typedef struct Mover {
  Context *c;
  const Scan *s;
  Node **node;
  int n;
  NodeMap number;
  Class *class;
  int *input;  /* which input of the body the node is, or -1 */
  bool *moves;
  bool *read;  /* by somebody who stays in the loop */
  Val *outside; /* output 0 of what moved */
} Mover;

static Class class_of(const Mover *m, Val v) {
  return m->class[nodemap_get(&m->number, v.node)];
}

static bool is_matmul(const Node *n) {
  return n->op->role == MULTIPLIES_MATRICES;
}

/* Whether the op does the same to all steps at once, when its step operands
** have time as a further first axis. */
static bool lifts(const Mover *m, const Node *n) {
  int rank = n->out[0].type.rank;
  if (n->nout != 1 || rank >= MAX_RANK)
    return false;
  if (is_matmul(n))
    return class_of(m, n->in[0]) == STEP_VALUE &&
           class_of(m, n->in[1]) == CONSTANT_VALUE &&
           val_type(n->in[1])->rank == 2 && !n->attr[0].i[0];
  if (n->op->kind != ELEMENTWISE)
    return false;
  for (int i = 0; i < n->nin; i++)
    if (class_of(m, n->in[i]) == STEP_VALUE &&
        val_type(n->in[i])->rank != rank)
      return false;
  return true;
}

static Class classify(const Mover *m, const Node *n) {
  Class worst = CONSTANT_VALUE;
  if (n->scope == 0 || n->nin == 0)
    return CONSTANT_VALUE;
  if (n->op->traits & (DRAWS | HOST | BODY))
    return STATE_VALUE;
  for (int i = 0; i < n->nin; i++) {
    Class k = class_of(m, n->in[i]);
    worst = k > worst ? k : worst;
  }
  return worst == STEP_VALUE && !lifts(m, n) ? STATE_VALUE : worst;
}

static void classify_inputs(Mover *m) {
  const Function *f = m->s->body;
  for (int i = 0; i < f->ninputs; i++) {
    int k = nodemap_get(&m->number, f->inputs[i].node);
    if (k >= 0)
      m->input[k] = i;
    if (k >= 0)
      m->class[k] = i < m->s->n.consts ? CONSTANT_VALUE
                    : i < m->s->n.consts + m->s->n.carry ? STATE_VALUE
                                                         : STEP_VALUE;
  }
}

static bool is_input(const Mover *m, int x) {
  return m->input[x] >= 0;
}

/* Products move, what they need, and what is done to them at once. */
static bool choose(Mover *m) {
  bool any = false;
  for (int i = 0; i < m->n; i++) {
    const Node *n = m->node[i];
    if (is_input(m, i))
      continue;
    m->class[i] = classify(m, n);
    if (n->scope == 0 || n->nin == 0)
      continue;
    m->moves[i] = m->class[i] == CONSTANT_VALUE ||
                  (m->class[i] == STEP_VALUE && is_matmul(n));
    for (int k = 0; m->class[i] == STEP_VALUE && k < n->nin; k++) {
      int x = nodemap_get(&m->number, n->in[k].node);
      m->moves[i] = m->moves[i] ||
                    (m->class[x] == STEP_VALUE && m->moves[x]);
    }
    any = any || m->moves[i];
  }
  for (int i = m->n - 1; i >= 0; i--)
    for (int k = 0; m->moves[i] && k < m->node[i]->nin; k++) {
      int x = nodemap_get(&m->number, m->node[i]->in[k].node);
      if (m->node[x]->nin > 0 && m->node[x]->scope != 0 &&
          !is_input(m, x))
        m->moves[x] = true;
    }
  return any;
}

static Val moved(const Mover *m, Val v) {
  int x = nodemap_get(&m->number, v.node);
  if (is_input(m, x))
    return m->s->in[m->input[x]];
  return m->moves[x] ? m->outside[x] : v;
}

static void move_out(Mover *m) {
  Val in[MAX_INPUTS];
  for (int i = 0; i < m->n && !m->c->error.set; i++) {
    const Node *n = m->node[i];
    if (!m->moves[i])
      continue;
    for (int k = 0; k < n->nin; k++)
      in[k] = moved(m, n->in[k]);
    m->outside[i] = emit(m->c, n->op, in, n->nin, n->attr);
  }
}

static void find_read(Mover *m) {
  const Function *f = m->s->body;
  for (int i = 0; i < m->n; i++)
    for (int k = 0; !m->moves[i] && k < m->node[i]->nin; k++)
      m->read[nodemap_get(&m->number, m->node[i]->in[k].node)] = true;
  for (int i = 0; i < f->noutputs; i++)
    m->read[nodemap_get(&m->number, f->outputs[i].node)] = true;
}

/* The loop again, with what moved as further consts and sequences. */
static bool rebuild_with(Mover *m, Scan *s, Val *in, Val *from, Val *to) {
  Context *c = m->c;
  const Function *f = s->body;
  Scope scope;
  Val out[MAX_OUTPUTS];
  int n = 0, nin = 0, consts = 0, sequences = 0, states = s->n.consts;
  scope_open(c, &scope, true);
#define TAKE(inner, outer)                          \
  (from[n] = (inner), in[nin++] = (outer),          \
   to[n] = scope_input(c, val_type(inner)), n++)
  for (int i = 0; i < s->n.consts; i++, consts++)
    TAKE(f->inputs[i], s->in[i]);
  for (int i = 0; i < m->n && nin < MAX_INPUTS - 8; i++)
    if (m->moves[i] && m->class[i] == CONSTANT_VALUE && m->read[i]) {
      TAKE(((Val){m->node[i], 0}), m->outside[i]);
      consts++;
    }
  for (int i = 0; i < s->n.carry; i++)
    TAKE(f->inputs[states + i], s->in[states + i]);
  states += s->n.carry;
  for (int i = 0; i < s->n.sequences; i++, sequences++)
    TAKE(f->inputs[states + i], s->in[states + i]);
  for (int i = 0; i < m->n && nin < MAX_INPUTS - 8; i++)
    if (m->moves[i] && m->class[i] == STEP_VALUE && m->read[i]) {
      TAKE(((Val){m->node[i], 0}), m->outside[i]);
      sequences++;
    }
#undef TAKE
  copy_values(c, f->outputs, f->noutputs, from, to, n, out);
  Function *body = scope_finish(c, &scope, out, f->noutputs, NULL, NULL);
  if (body == NULL)
    return false;
  function_release(s->body);
  s->body = body;
  s->in = in;
  s->n.consts = consts;
  s->n.sequences = sequences;
  return true;
}

static bool rebuild(Mover *m, Scan *s, Val *in) {
  Val *from = mem_new(m->c->account, 4 * MAX_INPUTS, sizeof *from);
  bool ok = from ? rebuild_with(m, s, in, from, from + 2 * MAX_INPUTS)
                 : fail_memory(&m->c->error, "out of memory");
  mem_free(from);
  return ok;
}

bool scan_hoist(Context *c, Scan *s, Val *in) {
  Mover m = {.c = c, .s = s};
  Account *account = m.number.account = c->account;
  bool ok = nodes_needed(account, s->body->outputs, s->body->noutputs, true,
                         &m.node, &m.n);
  m.class = mem_new(account, (size_t)m.n + 1, sizeof *m.class);
  m.input = mem_new(account, (size_t)m.n + 1, sizeof *m.input);
  m.moves = mem_new(account, (size_t)m.n + 1, sizeof *m.moves);
  m.read = mem_new(account, (size_t)m.n + 1, sizeof *m.read);
  m.outside = mem_new(account, (size_t)m.n + 1, sizeof *m.outside);
  ok = ok && m.class && m.input && m.moves && m.read && m.outside;
  for (int i = 0; ok && i < m.n; i++) {
    int *number = nodemap_at(&m.number, m.node[i]);
    ok = number != NULL;
    if (ok) {
      *number = i;
      m.input[i] = -1;
    }
  }
  if (ok) {
    classify_inputs(&m);
    if (choose(&m)) {
      move_out(&m);
      find_read(&m);
      ok = rebuild(&m, s, in);
    }
  } else {
    fail_memory(&c->error, "out of memory");
  }
  mem_free(m.node);
  mem_free(m.class);
  mem_free(m.input);
  mem_free(m.moves);
  mem_free(m.read);
  mem_free(m.outside);
  nodemap_free(&m.number);
  return ok && !c->error.set;
}
