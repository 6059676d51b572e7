/* Tensors joined along an axis, and one piece of what was joined: each other's
** gradient. */

#include "kernels/kernels.h"
#include "ops/build.h"
#include "ops/copy.h"

static bool concatenate_shape(Rule *r) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  if (r->nin == 0)
    return fail(r->error, "nothing to join");
  int64_t *axis = &r->attr[0].i[0];
  Type y = r->in[0];
  if (!check_axis(r, axis, y.rank))
    return false;
  for (int i = 1; i < r->nin; i++) {
    const Type *x = &r->in[i];
    bool fits = x->rank == y.rank;
    for (int k = 0; fits && k < y.rank; k++) {
      if (k == *axis)
        continue;
      fits = may_equal(x->dim[k], y.dim[k]);
      if (y.dim[k] == UNKNOWN)
        y.dim[k] = x->dim[k];
    }
    if (!fits)
      return fail(r->error, "%s and %s differ beside axis %lld",
                  type_text(&r->in[0], a), type_text(x, b),
                  (long long)*axis);
    y.dim[*axis] = y.dim[*axis] == UNKNOWN || x->dim[*axis] == UNKNOWN
                       ? UNKNOWN : y.dim[*axis] + x->dim[*axis];
    if (!type_countable(&y))
      return fail(r->error, "no memory has so many numbers: %s",
                  type_text(&y, a));
  }
  r->out[0] = y;
  return true;
}

static void concatenate_run(const OpCall *s, const Run *r, int64_t task) {
  (void)task;
  int64_t axis = s->attr[0].i[0], at = 0;
  for (int i = 0; i < s->nin; i++) {
    Copy k = copy_new(&s->out[0], &s->in[i], &s->in[i]);
    ISA(copy_strided)((char *)r->out[0] + at * k.to[axis] * k.item, k.to,
                      r->in[i], k.from, k.dim, k.rank, k.item);
    at += s->in[i].dim[axis];
  }
}

/* Part `index` of g, which is laid out as the joined xs: g, ~xs... */
enum { AXIS, PART };

static bool piece_fits(const Type *g, const Type *part, int64_t axis) {
  bool fits = part->rank == g->rank;
  for (int i = 0; fits && i < g->rank; i++)
    fits = i == axis || may_equal(part->dim[i], g->dim[i]);
  return fits;
}

static bool piece_shape(Rule *r) {
  const Type *g = &r->in[0];
  int64_t part = r->attr[PART].i[0], *axis = &r->attr[AXIS].i[0], sum = 0;
  char a[TYPE_TEXT], b[TYPE_TEXT];
  if (part < 0 || part >= r->nin - 1)
    return fail(r->error, "part %lld of %d", (long long)part, r->nin - 1);
  if (!check_axis(r, axis, g->rank))
    return false;
  for (int i = 1; i < r->nin; i++) {
    if (!piece_fits(g, &r->in[i], *axis))
      return fail(r->error, "%s is no part of %s", type_text(&r->in[i], b),
                  type_text(g, a));
    int64_t n = r->in[i].dim[*axis];
    sum = sum == UNKNOWN || n == UNKNOWN ? UNKNOWN : sum + n;
  }
  if (sum != UNKNOWN && g->dim[*axis] != UNKNOWN && sum != g->dim[*axis])
    return fail(r->error, "the parts have %lld places together, %s has %lld",
                (long long)sum, type_text(g, a), (long long)g->dim[*axis]);
  r->out[0] = r->in[1 + part];
  r->out[0].dtype = g->dtype;
  return true;
}

static int64_t piece_start(const OpCall *s) {
  int64_t at = 0;
  for (int i = 0; i < s->attr[PART].i[0]; i++)
    at += s->in[1 + i].dim[s->attr[AXIS].i[0]];
  return at;
}

static int64_t piece_view(const OpCall *s) {
  return s->attr[AXIS].i[0] == 0
             ? piece_start(s) * type_span(&s->in[0], 1, s->in[0].rank) *
                   dtype_size((DType)s->in[0].dtype)
             : -1;
}

static void piece_run(const OpCall *s, const Run *r, int64_t task) {
  Copy k = copy_new(&s->out[0], &s->in[0], &s->out[0]);
  int64_t first = piece_start(s) * k.from[s->attr[AXIS].i[0]];
  copy_part(s, &k, r->out[0], (const char *)r->in[0] + first * k.item, task);
}

static void concatenate_vjp(Context *c, const Node *n, const Val *dy,
                            Val *dx) {
  Val in[MAX_INPUTS];
  in[0] = dy[0];
  for (int i = 0; i < n->nin && i + 1 < MAX_INPUTS; i++)
    in[i + 1] = input(n, i);
  for (int i = 0; i < n->nin; i++)
    dx[i] = emit_op(c, "piece", in, n->nin + 1,
                    (Attr[]){n->attr[0], attr_int(i)});
}

static void piece_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val parts[MAX_INPUTS];
  for (int i = 0; i + 1 < n->nin; i++)
    parts[i] = i == n->attr[PART].i[0] ? dy[0]
               : zeros_like(c, input(n, i + 1));
  dx[0] = emit_op(c, "concatenate", parts, n->nin - 1, &n->attr[AXIS]);
}

const Op ops_join[] = {
  {"concatenate", "*xs, axis:int=0", MOVE, PROMOTE, concatenate_shape,
   .run = concatenate_run, .vjp = concatenate_vjp,
   .doc = "The tensors of a list one behind the other along an axis."},
  {"piece", "x, *likes, axis:int, index:int", MOVE, AS_IS, piece_shape,
   .tasks = copy_tasks, .run = piece_run, .view = piece_view,
   .vjp = piece_vjp, .shape_only = ~1u, .traits = HIDDEN,
   .doc = "One of the parts that were joined."},
  {0}
};
