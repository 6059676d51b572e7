/* What is computed for all steps before a loop, and had better be computed step
** by step within it: products of so many rows a step that each is at full speed
** by itself. What they give is then used while it is in the cache; for all
** steps at once it would go through memory, twice. Inputs that nobody reads are
** dropped as well. */

#include "scan/sink.h"

#include <string.h>

enum {
  LEAST_ROWS = 16, /* of a step, for a product to be at full speed */
  SIDES = 1 << 17, /* numbers of all right sides together: in the second cache
                      there is room for them beside those of the loop */
  DEEP = 8 /* ops on the way from a product to the loop, at most */
};

/* ---- what sinks --------------------------------------------------------- */

/* Whether v has time as first axis, beside others of which there are as many
** as in what it makes. */
static bool has_time(const Sink *k, Val v, int rank) {
  const Type *t = val_type(v);
  return t->rank == rank && rank > 2 && t->dim[0] == k->length;
}

/* A product of each step with one matrix. */
static bool is_product(const Sink *k, const Node *x) {
  return x->op->role == MULTIPLIES_MATRICES && !x->attr[0].i[0] &&
         val_type(x->in[1])->rank == 2 &&
         has_time(k, x->in[0], x->out[0].type.rank);
}

/* Something that is done to each step alike, element by element. */
static bool is_elementwise(const Sink *k, const Node *x) {
  int rank = x->out[0].type.rank;
  if (x->op->kind != ELEMENTWISE)
    return false;
  for (int i = 0; i < x->nin; i++)
    if (!has_time(k, x->in[i], rank) && val_type(x->in[i])->rank >= rank)
      return false;
  return true;
}

/* Numbers on the right sides of the products that v is made of by such ops; 0:
** there are none, or they have too few rows. */
static int64_t sides_of(const Sink *k, Val v, int depth) {
  const Node *x = v.node;
  const Type *y = val_type(v);
  int64_t sides = 0;
  if (x->scope == 0 || x->nin == 0 || x->nout != 1 || depth == DEEP ||
      !has_time(k, v, y->rank))
    return 0;
  if (is_product(k, x))
    return type_span(y, 1, y->rank - 1) >= LEAST_ROWS
               ? type_elements(val_type(x->in[1])) : 0;
  if (!is_elementwise(k, x))
    return 0;
  for (int i = 0; i < x->nin; i++)
    if (has_time(k, x->in[i], y->rank))
      sides += sides_of(k, x->in[i], depth + 1);
  return sides;
}

static bool sinks(const Sink *k, Val v) {
  return sides_of(k, v, 0) > 0;
}

/* ---- inputs ------------------------------------------------------------- */

static void take(Sink *k, Val v, int first, int *n) {
  for (int i = first; i < *n; i++)
    if (val_same(k->outside[i], v))
      return;
  if (*n == MAX_INPUTS)
    fail(&k->c->error, "a loop with too many shared values");
  else
    k->outside[(*n)++] = v;
}

/* Takes what is needed to make v within the loop: what has time, or what has
** not. */
static void take_sources(Sink *k, Val v, bool time, int first, int *n) {
  const Node *x = v.node;
  for (int i = 0; i < x->nin; i++) {
    bool step = has_time(k, x->in[i], val_type(v)->rank);
    if (step && x->op->kind == ELEMENTWISE && sinks(k, x->in[i]))
      take_sources(k, x->in[i], time, first, n);
    else if (step == time)
      take(k, x->in[i], first, n);
  }
}

static void choose(Sink *k) {
  const Scan *s = k->s;
  int states = s->n.consts + s->n.carry;
  int64_t left = SIDES;
  for (int i = states; i < s->body->ninputs; i++) {
    int64_t sides = k->used[i] ? sides_of(k, s->in[i], 0) : 0;
    k->sinks[i] = sides > 0 && sides <= left;
    left -= k->sinks[i] ? sides : 0;
  }
}

/* Inputs [first, last) that the body still takes, and what those that sink are
** made of: with time, or without. */
static int take_all(Sink *k, int first, int last, bool time, int n) {
  const Scan *s = k->s;
  int begin = n;
  for (int i = first; i < last; i++)
    if (k->used[i] && !k->sinks[i])
      take(k, s->in[i], begin, &n);
  for (int i = 0; i < s->body->ninputs; i++)
    if (k->sinks[i])
      take_sources(k, s->in[i], time, begin, &n);
  return n;
}

bool sink_find(Sink *k) {
  const Scan *s = k->s;
  int states = s->n.consts + s->n.carry, all = s->body->ninputs, n;
  k->length = s->n.sequences ? val_type(s->in[states])->dim[0] : s->length;
  choose(k);
  n = take_all(k, 0, s->n.consts, false, 0);
  k->n = s->n;
  k->n.consts = n;
  for (int i = s->n.consts; i < states && n < MAX_INPUTS; i++)
    k->outside[n++] = s->in[i];
  k->n.sequences = -n;
  n = take_all(k, states, all, true, n);
  k->n.sequences += n;
  return n != all || memcmp(k->outside, s->in, (size_t)n * sizeof(Val)) != 0;
}

/* ---- in the body -------------------------------------------------------- */

void sink_make_inputs(Sink *k) {
  int states = k->n.consts + k->n.carry;
  for (int i = 0; i < states + k->n.sequences; i++) {
    Type t = *val_type(k->outside[i]);
    if (i >= states)
      t = scan_slice(&t);
    k->inside[i] = scope_input(k->c, &t);
  }
}

static Val find_inside(const Sink *k, Val v, int first, int n) {
  for (int i = first; i < first + n; i++)
    if (val_same(k->outside[i], v))
      return k->inside[i];
  return (Val){NULL, 0};
}

static Val const_inside(const Sink *k, Val v) {
  return find_inside(k, v, 0, k->n.consts);
}

static Val step_inside(const Sink *k, Val v) {
  return find_inside(k, v, k->n.consts + k->n.carry, k->n.sequences);
}

/* One step of v. */
static Val make_inside(Sink *k, Val v) {
  const Node *x = v.node;
  Val in[MAX_INPUTS];
  for (int i = 0; i < x->nin; i++) {
    bool step = has_time(k, x->in[i], val_type(v)->rank);
    if (step && x->op->kind == ELEMENTWISE && sinks(k, x->in[i]))
      in[i] = make_inside(k, x->in[i]);
    else
      in[i] = step ? step_inside(k, x->in[i]) : const_inside(k, x->in[i]);
  }
  Val y = emit(k->c, x->op, in, x->nin, x->attr);
  y.node->origin = x->origin;
  return y;
}

Val sink_input(Sink *k, int i) {
  const Scan *s = k->s;
  int carry = i - s->n.consts;
  if (k->sinks[i])
    return make_inside(k, s->in[i]);
  if (carry >= 0 && carry < s->n.carry)
    return k->inside[k->n.consts + carry];
  return carry < 0 ? const_inside(k, s->in[i]) : step_inside(k, s->in[i]);
}
