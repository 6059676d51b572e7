/* Another order: axes change places, or run backwards. Each is undone by its
** like, which is its gradient. */

#include <string.h>

#include "kernels/kernels.h"
#include "ops/build.h"
#include "ops/copy.h"

/* ---- transpose ---------------------------------------------------------- */

static bool transpose_shape(Rule *r) {
  const Type *x = &r->in[0];
  Attr *axes = &r->attr[0];
  char text[TYPE_TEXT];
  if (axes->kind == ATTR_NIL) {
    *axes = (Attr){.kind = ATTR_AXES, .n = x->rank};
    for (int i = 0; i < x->rank; i++)
      axes->i[i] = x->rank - 1 - i;
  }
  Attr sorted = *axes;
  if (!check_axes(r, &sorted, x->rank))
    return false;
  if (axes->n != x->rank)
    return fail(r->error, "%d axes for %s", axes->n, type_text(x, text));
  r->out[0] = *x;
  for (int i = 0; i < x->rank; i++) {
    axes->i[i] += axes->i[i] < 0 ? x->rank : 0;
    r->out[0].dim[i] = x->dim[axes->i[i]];
  }
  return true;
}

/* Nothing moves when only axes of size 1 change places. */
static int64_t transpose_view(const OpCall *s) {
  int64_t last = -1;
  for (int i = 0; i < s->attr[0].n; i++) {
    int64_t axis = s->attr[0].i[i];
    if (s->in[0].dim[axis] == 1)
      continue;
    if (axis < last)
      return -1;
    last = axis;
  }
  return 0;
}

static void transpose_run(const OpCall *s, const Run *r, int64_t task) {
  Copy k = copy_new(&s->out[0], &s->in[0], &s->out[0]);
  int64_t stride[MAX_RANK];
  memcpy(stride, k.from, sizeof stride);
  for (int i = 0; i < k.rank; i++)
    k.from[i] = stride[s->attr[0].i[i]];
  copy_part(s, &k, r->out[0], r->in[0], task);
}

static void transpose_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  int64_t inverse[MAX_RANK];
  const Attr *axes = &n->attr[0];
  for (int i = 0; i < axes->n; i++)
    inverse[axes->i[i]] = i;
  dx[0] = transposed(c, dy[0], axes->n, inverse);
}

/* Of two in a row one is enough, or none. */
static bool transpose_simpler(Context *c, const Node *n, Val *y) {
  const Node *x = n->in[0].node;
  const Attr *axes = &n->attr[0];
  int64_t both[MAX_RANK];
  bool moves = false;
  if (x->op != n->op)
    return false;
  for (int i = 0; i < axes->n; i++) {
    both[i] = x->attr[0].i[axes->i[i]];
    moves = moves || both[i] != i;
  }
  *y = moves ? transposed(c, x->in[0], axes->n, both) : x->in[0];
  return true;
}

/* ---- flip --------------------------------------------------------------- */

static bool flip_shape(Rule *r) {
  r->out[0] = r->in[0];
  return check_axes(r, &r->attr[0], r->in[0].rank);
}

static void flip_run(const OpCall *s, const Run *r, int64_t task) {
  (void)task;
  Copy k = copy_new(&s->out[0], &s->in[0], &s->out[0]);
  int64_t first = 0;
  if (type_elements(&s->out[0]) == 0)
    return;
  for (int i = 0; i < s->attr[0].n; i++) {
    int64_t axis = s->attr[0].i[i];
    first += (k.dim[axis] - 1) * k.from[axis];
    k.from[axis] = -k.from[axis];
  }
  ISA(copy_strided)(r->out[0], k.to, (const char *)r->in[0] + first * k.item,
                    k.from, k.dim, k.rank, k.item);
}

static void flip_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = emit_op(c, "flip", dy, 1, n->attr);
}

/* ---- rows --------------------------------------------------------------- */

const Op ops_turn[] = {
  {"transpose", "x, axes:axes=nil", MOVE, AS_IS, transpose_shape,
   .tasks = copy_tasks, .run = transpose_run, .view = transpose_view,
   .vjp = transpose_vjp, .simpler = transpose_simpler,
   .doc = "The axes in another order (None: reversed)."},
  {"flip", "x, axis:axes=nil", MOVE, AS_IS, flip_shape, .run = flip_run,
   .vjp = flip_vjp, .doc = "The elements in reverse order along the axes."},
  {0}
};
