/* The gradient walk. It goes from the loss back to the inputs in the reverse
** order of creation (inputs are older than what is made of them, so each node
** comes when its cotangent is complete) and asks each row's vjp for the
** cotangents of its inputs. The rules only call emit: on a tape the walk
** computes, in a trace it appends nodes. It knows no op but add and
** sum_like. */

#include <string.h>

#include "graph/graph.h"

/* Cotangents of the outputs of one node. */
typedef struct Slot {
  Val *dy;
  bool needed;
} Slot;

/* May the op have repeated an input, as broadcasting does? One that reads a
** single tensor has nothing to repeat it for. */
static bool may_repeat(const Node *n) {
  int read = 0;
  for (int i = 0; i < n->nin; i++)
    read += !op_shape_only(n->op, i);
  return read > 1 || n->op->role == REPEATS;
}

/* Broadcasting repeated `like` along some axes; its cotangent is the sum over
** them. This is done here for all ops, and by no rule. Which axes these are may
** be known only when the sizes are. */
static Val sum_to(Context *c, Val g, const Node *n, Val like) {
  const Type *from = val_type(g), *to = val_type(like);
  if (type_equal(from, to) && (type_known(to) || !may_repeat(n)))
    return g;
  return emit_op(c, "sum_like", (Val[]){g, like}, 2, NULL);
}

static Val add(Context *c, Val a, Val b) {
  return a.node == NULL ? b : emit_op(c, "add", (Val[]){a, b}, 2, NULL);
}

static void keep(Val *slot, Val v) {
  node_retain(v.node);
  if (slot->node)
    node_release(slot->node);
  *slot = v;
}

typedef struct Walk {
  Context *c;
  Node **nodes;
  int n;
  NodeMap index;
  Slot *slot;
  Val *dys;
} Walk;

/* Does the node depend on something that a gradient is wanted for? */
static bool reaches(const Walk *w, const Node *n) {
  for (int i = 0; i < n->nin; i++) {
    if (op_shape_only(n->op, i))
      continue;
    int k = nodemap_get(&w->index, n->in[i].node);
    if (k >= 0 && w->slot[k].needed)
      return true;
  }
  return false;
}

/* Lists the nodes behind ys and marks those on a way to xs: the others need no
** cotangent. */
static bool walk_open(Walk *w, Context *c, const Val *ys, int ny, const Val *xs,
                      int n) {
  *w = (Walk){.c = c, .index = {.account = c->account}};
  bool ok = nodes_needed(c->account, ys, ny, false, &w->nodes, &w->n);
  int outs = 0;
  for (int i = 0; i < w->n; i++)
    outs += w->nodes[i]->nout;
  w->slot = mem_new(c->account, (size_t)w->n + 1, sizeof *w->slot);
  w->dys = mem_new(c->account, (size_t)outs + 1, sizeof *w->dys);
  ok = ok && w->slot && w->dys;
  for (int i = 0, at = 0; ok && i < w->n; i++) {
    w->slot[i].dy = w->dys + at;
    at += w->nodes[i]->nout;
    int *k = nodemap_at(&w->index, w->nodes[i]);
    ok = k != NULL;
    if (ok)
      *k = i;
  }
  for (int i = 0; ok && i < n; i++) {
    int k = nodemap_get(&w->index, xs[i].node);
    if (k >= 0)
      w->slot[k].needed = true;
  }
  for (int i = 0; ok && i < w->n; i++)
    w->slot[i].needed = w->slot[i].needed || reaches(w, w->nodes[i]);
  return ok || fail_memory(&c->error, "out of memory");
}

static void walk_close(Walk *w) {
  for (int i = 0; w->dys && w->slot && i < w->n; i++)
    for (int k = 0; w->slot[i].dy && k < w->nodes[i]->nout; k++)
      if (w->slot[i].dy[k].node)
        node_release(w->slot[i].dy[k].node);
  mem_free(w->nodes);
  mem_free(w->slot);
  mem_free(w->dys);
  nodemap_free(&w->index);
}

/* dx is what node n has for its input x. */
static void accumulate(Walk *w, const Node *n, Val x, Val dx) {
  int k = nodemap_get(&w->index, x.node);
  /* whole numbers and booleans have no gradient */
  if (k < 0 || !w->slot[k].needed || !dtype_is_float((DType)val_type(x)->dtype))
    return;
  dx = sum_to(w->c, dx, n, x);
  Val *slot = &w->slot[k].dy[x.out];
  keep(slot, add(w->c, *slot, dx));
}

static bool has_cotangent(const Walk *w, int i) {
  for (int k = 0; k < w->nodes[i]->nout; k++)
    if (w->slot[i].dy[k].node)
      return true;
  return false;
}

static void step_back(Walk *w, int i) {
  const Node *n = w->nodes[i];
  Val dx[MAX_INPUTS];
  if (n->nin == 0 || n->op->traits & NO_GRADIENT || !reaches(w, n))
    return;
  if (n->op->vjp == NULL) {
    fail(&w->c->error, "%s has no gradient", n->op->name);
    return;
  }
  memset(dx, 0, (size_t)n->nin * sizeof *dx);
  n->op->vjp(w->c, n, w->slot[i].dy, dx);
  for (int k = 0; k < n->nin && !w->c->error.set; k++)
    if (dx[k].node)
      accumulate(w, n, n->in[k], dx[k]);
}

bool gradient_from(Context *c, const Val *ys, const Val *dys, int ny,
                   const Val *xs, int n, Val *dxs) {
  Walk w;
  if (c->error.set)
    return false;
  if (!walk_open(&w, c, ys, ny, xs, n)) {
    walk_close(&w);
    return false;
  }
  for (int i = 0; i < ny; i++) {
    Val *slot = &w.slot[nodemap_get(&w.index, ys[i].node)].dy[ys[i].out];
    if (dys[i].node)
      keep(slot, add(c, *slot, dys[i]));
  }
  for (int i = w.n - 1; i >= 0 && !c->error.set; i--) {
    /* what a rule made on the way is dropped here; the slots hold the rest */
    int mark = context_mark(c);
    if (w.slot[i].needed && has_cotangent(&w, i))
      step_back(&w, i);
    context_drain(c, mark);
  }
  for (int i = 0; i < n; i++) {
    int k = nodemap_get(&w.index, xs[i].node);
    dxs[i] = k < 0 ? (Val){NULL, 0} : w.slot[k].dy[xs[i].out];
    if (dxs[i].node)
      value_hold(c, dxs[i]);
  }
  walk_close(&w);
  return !c->error.set;
}

bool gradient(Context *c, Val loss, const Val *xs, int n, Val *dxs) {
  const Type *t = val_type(loss);
  char text[TYPE_TEXT];
  if (c->error.set)
    return false;
  if (type_elements(t) != 1)
    return fail(&c->error, "gradient: the loss must be one number, it is %s %s; "
                            "ops.mean or ops.sum makes one of it",
                type_text(t, text), dtype_name((DType)t->dtype));
  if (!dtype_is_float((DType)t->dtype))
    return fail(&c->error, "gradient: the loss must be a float, it is %s, which "
                "has no gradient", dtype_name((DType)t->dtype));
  Val one = emit_op(c, "ones_like", &loss, 1, NULL);
  return gradient_from(c, &loss, &one, 1, xs, n, dxs);
}
