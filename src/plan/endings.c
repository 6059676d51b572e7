/* Groups that are endings of their product: numbers added to its sums, and
** bounds, which it can do before it stores them (kernels/ending.h). They need no
** tile program, and nothing of the product is in memory before it is whole; so
** it may be written over what is added to it. */

#include <math.h>

#include "plan/prog.h"

typedef struct Ended {
  const Prog *p;
  Group *g;
  Val at; /* what is done so far */
} Ended;

static bool may_end(const Node *n, const Ending *ending, bool in_place) {
  Type in[CALL_INPUTS];
  OpCall call;
  if (n->op->ends == NULL || !prog_call(n, in, &call))
    return false;
  call.ending = ending;
  return n->op->ends(&call, in_place);
}

/* A number for each of the result, or for each of its columns. */
static bool add_plus(Ended *k, Val x) {
  const Prog *p = k->p;
  const Type *y = val_type(k->at), *t = val_type(x);
  Ending *e = &k->g->ending;
  int64_t n = y->dim[y->rank - 1];
  bool all = type_same_sizes(t, y);
  bool row = t->rank > 0 && t->dim[t->rank - 1] == n && type_elements(t) == n;
  int node = prog_number(p, x.node);
  if (e->clips || e->pluses == ENDING_PLUSES || t->dtype != F32 ||
      !(all || row) || p->absorbed[node] || node == k->g->anchor ||
      p->group[node] == p->group[k->g->member[0]])
    return false;
  k->g->plus[e->pluses] = x;
  e->plus_row[e->pluses++] = row ? 0 : n;
  return true;
}

/* No lower bound but 0, and no upper one alone: others are seldom. */
static bool add_bounds(Ended *k, const Node *n) {
  Ending *e = &k->g->ending;
  double most;
  if (n->op->role == RECTIFIES && !e->clips) {
    e->clips = true;
    e->low = 0;
    e->high = INFINITY;
    return true;
  }
  if (n->op->role != SMALLER_OF || !e->clips || e->high < INFINITY ||
      !val_same(n->in[0], k->at) || !simplify_number(n->in[1], &most))
    return false;
  e->high = (float)most;
  return true;
}

static bool add_node(Ended *k, int node) {
  const Node *n = k->p->node[node];
  bool first = val_same(n->in[0], k->at);
  bool ok = n->op->role == ADDS
                ? (first || val_same(n->in[1], k->at)) &&
                      add_plus(k, n->in[first ? 1 : 0])
                : first && add_bounds(k, n);
  k->at = (Val){(Node *)(uintptr_t)n, 0};
  return ok && n->out[0].type.dtype == F32;
}

/* Each member takes the one before it, and only the last is read elsewhere. */
static bool is_ending(const Prog *p, Group *g) {
  const Node *product = p->node[g->anchor];
  Ended k = {p, g, {(Node *)(uintptr_t)product, 0}};
  g->ending = (Ending){0};
  for (int m = 0; m < g->n; m++)
    if ((m + 1 < g->n && p->escapes[g->member[m]]) ||
        !add_node(&k, g->member[m]))
      return false;
  return may_end(product, &g->ending, false);
}

bool ending_splits(const Prog *p, int node, int member) {
  const Node *n = p->node[member];
  Val at = {p->node[node], 0};
  Group g = {.n = 1, .member = {member}, .anchor = node};
  Ended k = {p, &g, at};
  return p->passes & PASS_ENDINGS && n->op->role == ADDS &&
         val_same(n->in[0], at) != val_same(n->in[1], at) &&
         add_node(&k, member) && may_end(p->node[node], &g.ending, false);
}

void find_endings(Prog *p) {
  if (!(p->passes & PASS_ENDINGS))
    return;
  for (int i = 0; i < p->ngroups; i++) {
    Group *g = &p->groups[i];
    g->ends = g->n > 0 && g->anchor >= 0 && is_ending(p, g);
    g->in_place = g->ends && may_end(p->node[g->anchor], &g->ending, true);
  }
}
