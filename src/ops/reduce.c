/* Sums and extrema over axes, positions of extrema, running sums, and the
** sizes of axes as values. A kernel sees three axes: those before, those that
** are reduced, which must be neighbours, and those behind. */

#include <string.h>

#include "kernels/kernels.h"
#include "ops/build.h"

enum { AXES, KEEPDIMS };          /* attributes of the reductions */
enum { AXIS, REVERSE, EXCLUSIVE }; /* of cumsum */

/* ---- shapes ------------------------------------------------------------- */

static void drop_axes(Type *y, const Type *x, const Attr *axes, bool keepdims) {
  Type t = *x;
  bool gone[MAX_RANK] = {false};
  for (int i = 0; i < axes->n; i++)
    gone[axes->i[i]] = true;
  t.rank = 0;
  memset(t.dim, 0, sizeof t.dim);
  for (int i = 0; i < x->rank; i++)
    if (!gone[i] || keepdims)
      t.dim[t.rank++] = gone[i] ? 1 : x->dim[i];
  *y = t;
}

static bool reduce_shape(Rule *r) {
  if (!check_axes(r, &r->attr[AXES], r->in[0].rank))
    return false;
  drop_axes(&r->out[0], &r->in[0], &r->attr[AXES], r->attr[KEEPDIMS].i[0]);
  return true;
}

static bool arg_shape(Rule *r) {
  char text[TYPE_TEXT];
  if (!reduce_shape(r))
    return false;
  for (int i = 0; i < r->attr[AXES].n; i++)
    if (r->in[0].dim[r->attr[AXES].i[i]] == 0)
      return fail(r->error, "%s has no elements along the axis",
                  type_text(&r->in[0], text));
  r->out[0].dtype = I32;
  return true;
}

/* ---- how a reduction lies in memory ------------------------------------- */

typedef struct Span {
  int64_t outer, n, inner;
} Span;

/* Axes are neighbours: expand has seen to that. */
static Span span_of(const Type *x, const Attr *axes) {
  if (axes->n == 0)
    return (Span){type_elements(x), 1, 1};
  int first = (int)axes->i[0], last = first + axes->n;
  return (Span){type_span(x, 0, first), type_span(x, first, last),
                type_span(x, last, x->rank)};
}

static Span step_span(const OpCall *s) {
  return span_of(&s->in[0], &s->attr[AXES]);
}

/* Sums of axes that are not neighbours go one group after another, the last
** group first. */
static bool split_axes(Context *c, const Op *op, const Val *x, int nin,
                       const Attr *attr, Val *y) {
  (void)nin;
  Error e = {.set = false};
  Attr axes = attr[AXES];
  Rule r = {.op = op, .in = val_type(x[0]), .error = &e};
  if (!check_axes(&r, &axes, r.in->rank))
    return false;
  int last = axes.n - 1;
  while (last > 0 && axes.i[last - 1] == axes.i[last] - 1)
    last--;
  if (last <= 0)
    return false;
  Attr tail = axes, head = axes;
  tail.n = axes.n - last;
  memmove(tail.i, axes.i + last, (size_t)tail.n * sizeof *tail.i);
  head.n = last;
  for (int i = tail.n; i < MAX_RANK; i++) /* attributes compare by bytes */
    tail.i[i] = 0;
  for (int i = head.n; i < MAX_RANK; i++)
    head.i[i] = 0;
  *y = emit(c, op, x, 1, (Attr[]){tail, attr[KEEPDIMS]});
  *y = emit(c, op, y, 1, (Attr[]){head, attr[KEEPDIMS]});
  return true;
}

/* ---- kernels ------------------------------------------------------------ */

/* Elements of work for one task. */
enum { GRAIN = 1 << 15 };

static int64_t outer_tasks(Span p) {
  int64_t tasks = p.outer * p.n * p.inner / GRAIN;
  return tasks < 1 ? 1 : tasks > p.outer ? (p.outer ? p.outer : 1) : tasks;
}

/* Tall reductions share the columns instead, in lines of cache. */
enum { COLUMNS = 64 };

/* With few outer runs there would be few tasks; two lines of columns at least,
** or there is nothing to share. */
static bool by_columns(Span p) {
  return p.outer < 8 && p.inner >= 2 * COLUMNS;
}

static int64_t reduce_tasks(const OpCall *s) {
  Span p = step_span(s);
  if (!by_columns(p))
    return outer_tasks(p);
  int64_t most = p.inner / COLUMNS, tasks = p.outer * p.n * p.inner / GRAIN;
  return tasks < 1 ? 1 : tasks > most ? most : tasks;
}

static void reduce_part(Reduction kind, const OpCall *s, const Run *r,
                        int64_t task) {
  Span p = step_span(s);
  int64_t tasks = reduce_tasks(s), o0 = 0, o1 = p.outer, i0 = 0, i1 = p.inner;
  if (by_columns(p)) {
    int64_t lines = (p.inner + COLUMNS - 1) / COLUMNS;
    i0 = lines * task / tasks * COLUMNS;
    i1 = task + 1 == tasks ? p.inner : lines * (task + 1) / tasks * COLUMNS;
  } else {
    o0 = p.outer * task / tasks;
    o1 = p.outer * (task + 1) / tasks;
  }
  if (s->in[0].dtype == F32)
    ISA(reduce_f32)(kind, r->in[0], r->out[0], p.n, p.inner, o0, o1, i0, i1);
  else
    ISA(reduce_i32)(kind, r->in[0], r->out[0], p.n, p.inner, o0, o1, i0, i1);
}

#define REDUCE(name, kind)                                            \
  static void name##_run(const OpCall *s, const Run *r, int64_t task) { \
    reduce_part(kind, s, r, task);                                    \
  }
REDUCE(sum, REDUCE_SUM)
REDUCE(max, REDUCE_MAX)
REDUCE(min, REDUCE_MIN)
REDUCE(prod, REDUCE_PROD)

static int64_t arg_tasks(const OpCall *s) {
  return outer_tasks(step_span(s));
}

static void arg_part(bool smallest, const OpCall *s, const Run *r,
                     int64_t task) {
  Span p = step_span(s);
  int64_t tasks = arg_tasks(s);
  int64_t o0 = p.outer * task / tasks, o1 = p.outer * (task + 1) / tasks;
  if (s->in[0].dtype == F32)
    ISA(arg_f32)(smallest, r->in[0], r->out[0], p.n, p.inner, o0, o1);
  else
    ISA(arg_i32)(smallest, r->in[0], r->out[0], p.n, p.inner, o0, o1);
}

static void argmax_run(const OpCall *s, const Run *r, int64_t task) {
  arg_part(false, s, r, task);
}

static void argmin_run(const OpCall *s, const Run *r, int64_t task) {
  arg_part(true, s, r, task);
}

/* Positions count along one axis, or along all. */
static bool arg_axes_shape(Rule *r) {
  int n = r->attr[AXES].n;
  if (r->attr[AXES].kind == ATTR_AXES && n > 1 && n != r->in[0].rank)
    return fail(r->error, "one axis or nil, got %d axes", r->attr[AXES].n);
  return arg_shape(r);
}

/* ---- cumsum ------------------------------------------------------------- */

static bool cumsum_shape(Rule *r) {
  r->out[0] = r->in[0];
  return check_axis(r, &r->attr[AXIS].i[0], r->in[0].rank);
}

static Span axis_span(const OpCall *s) {
  Attr one = {.kind = ATTR_AXES, .n = 1, .i = {s->attr[AXIS].i[0]}};
  return span_of(&s->in[0], &one);
}

static int64_t cumsum_tasks(const OpCall *s) {
  return outer_tasks(axis_span(s));
}

static void cumsum_run(const OpCall *s, const Run *r, int64_t task) {
  Span p = axis_span(s);
  int64_t tasks = cumsum_tasks(s);
  int64_t o0 = p.outer * task / tasks, o1 = p.outer * (task + 1) / tasks;
  bool reverse = s->attr[REVERSE].i[0], exclusive = s->attr[EXCLUSIVE].i[0];
  if (s->in[0].dtype == F32)
    ISA(cumsum_f32)(r->in[0], r->out[0], p.n, p.inner, reverse, exclusive, o0,
                    o1);
  else
    ISA(cumsum_i32)(r->in[0], r->out[0], p.n, p.inner, reverse, exclusive, o0,
                    o1);
}

/* ---- recurrences -------------------------------------------------------- */

static bool recurrence_shape(Rule *r) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  r->out[0] = r->in[0];
  bool fits = r->in[0].rank == r->in[1].rank;
  for (int i = 0; fits && i < r->in[0].rank; i++) {
    fits = may_equal(r->in[0].dim[i], r->in[1].dim[i]);
    if (r->out[0].dim[i] == UNKNOWN)
      r->out[0].dim[i] = r->in[1].dim[i];
  }
  return (fits || fail(r->error, "a is %s, b is %s", type_text(&r->in[0], a),
                       type_text(&r->in[1], b))) &&
         check_axis(r, &r->attr[AXIS].i[0], r->in[0].rank);
}

static void recurrence_run(const OpCall *s, const Run *r, int64_t task) {
  Span p = axis_span(s);
  int64_t tasks = cumsum_tasks(s);
  int64_t o0 = p.outer * task / tasks, o1 = p.outer * (task + 1) / tasks;
  bool reverse = s->attr[REVERSE].i[0];
  if (s->in[0].dtype == F32)
    ISA(recurrence_f32)(r->in[0], r->in[1], r->out[0], p.n, p.inner, reverse,
                        o0, o1);
  else
    ISA(recurrence_i32)(r->in[0], r->in[1], r->out[0], p.n, p.inner, reverse,
                        o0, o1);
}

/* ---- sizes as values ---------------------------------------------------- */

static bool count_shape(Rule *r) {
  r->out[0] = type_new(F32, 0, NULL);
  return check_axes(r, &r->attr[0], r->in[0].rank);
}

static void count_run(const OpCall *s, const Run *r, int64_t task) {
  (void)task;
  double n = 1;
  for (int i = 0; i < s->attr[0].n; i++)
    n *= (double)s->in[0].dim[s->attr[0].i[i]];
  *(float *)r->out[0] = (float)n;
}

static bool size_shape(Rule *r) {
  r->out[0] = type_new(I32, 0, NULL);
  return check_axis(r, &r->attr[0].i[0], r->in[0].rank);
}

static void size_run(const OpCall *s, const Run *r, int64_t task) {
  (void)task;
  *(int32_t *)r->out[0] = (int32_t)s->in[0].dim[s->attr[0].i[0]];
}

/* ---- what was repeated, added up ---------------------------------------- */

static bool sum_like_shape(Rule *r) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  const Type *g = &r->in[0], *to = &r->in[1];
  int lead = g->rank - to->rank;
  bool fits = lead >= 0;
  for (int i = 0; fits && i < to->rank; i++)
    fits = to->dim[i] == 1 || may_equal(to->dim[i], g->dim[lead + i]);
  r->out[0] = *to;
  r->out[0].dtype = g->dtype;
  return fits || fail(r->error, "%s is no repeated %s", type_text(g, a),
                      type_text(to, b));
}

/* The sum over the axes that are not there, and over those of size 1. */
static bool expand_sum_like(Context *c, const Op *op, const Val *x, int nin,
                            const Attr *attr, Val *y) {
  (void)op, (void)nin, (void)attr;
  const Type *from = val_type(x[0]), *to = val_type(x[1]);
  int lead = from->rank - to->rank;
  Attr a[2] = {{.kind = ATTR_AXES}, attr_bool(true)};
  if (!type_known(to) || lead < 0)
    return false;
  for (int i = 0; i < from->rank; i++)
    if (i < lead || (to->dim[i - lead] == 1 && from->dim[i] != 1))
      a[0].i[a[0].n++] = i;
    else if (!may_equal(from->dim[i], to->dim[i - lead]))
      return false;
  *y = a[0].n > 0 ? emit_op(c, "sum", x, 1, a) : x[0];
  if (lead > 0)
    *y = reshape_like(c, *y, x[1]);
  return true;
}

static void sum_like_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = broadcast_like(c, dy[0], input(n, 0));
}

/* ---- gradients ---------------------------------------------------------- */

/* g with the reduced axes back as axes of size 1 */
static Val with_axes(Context *c, const Node *n, Val g) {
  const Type *x = val_type(input(n, 0));
  const Attr *axes = &n->attr[AXES];
  int64_t dim[MAX_RANK];
  if (n->attr[KEEPDIMS].i[0])
    return g;
  for (int i = 0; i < x->rank; i++)
    dim[i] = x->dim[i];
  for (int i = 0; i < axes->n; i++)
    dim[axes->i[i]] = 1;
  int unknown = 0; /* a reshape can infer one size, not two */
  for (int i = 0; i < x->rank; i++)
    unknown += dim[i] < 0;
  if (unknown <= 1)
    return reshaped(c, g, x->rank, dim);
  return emit_op(c, "expand_like", (Val[]){g, input(n, 0)}, 2, axes);
}

static void sum_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = broadcast_like(c, with_axes(c, n, dy[0]), input(n, 0));
}

/* Ties share the gradient evenly. */
static void extreme_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val x = input(n, 0), y = with_axes(c, n, result(n));
  Val hit = cast_as(c, equal(c, x, y), F32);
  Val share = divide(c, with_axes(c, n, dy[0]),
                     sum_axes(c, hit, &n->attr[AXES], true));
  dx[0] = mul(c, hit, share);
}

/* g times the product of the others: where there is one zero it alone gets
** the product of the rest, where there are two nobody gets anything. */
static void prod_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val x = input(n, 0), zero = scalar_f32(c, 0), one = scalar_f32(c, 1);
  Val g = with_axes(c, n, dy[0]);
  Val is_zero = equal(c, x, zero);
  Val safe = select_of(c, is_zero, one, x);
  Attr keep[2] = {n->attr[AXES], attr_bool(true)};
  Val product = emit_op(c, "prod", &safe, 1, keep);
  Val zeros = sum_axes(c, cast_as(c, is_zero, F32), &n->attr[AXES], true);
  Val others = cast_as(c, is_zero, F32);
  others = sub(c, zeros, others); /* zeros among the others */
  dx[0] = mul(c, g, select_of(c, equal(c, others, zero),
                              divide(c, product, safe), zero));
}

static void cumsum_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Attr a[3] = {n->attr[AXIS], attr_bool(!n->attr[REVERSE].i[0]),
               n->attr[EXCLUSIVE]};
  dx[0] = emit_op(c, "cumsum", dy, 1, a);
}

/* x one place on along the axis, a 0 coming in: x[k - 1], or x[k + 1]. */
static Val moved(Context *c, Val x, int64_t axis, bool back) {
  const Type *t = val_type(x);
  Attr none = {.kind = ATTR_INTS, .n = t->rank};
  Attr before = none, after = none, start = none;
  (back ? &after : &before)->i[axis] = 1;
  start.i[axis] = back;
  Val padded = emit_op(c, "pad_with", &x, 1,
                       (Attr[]){before, after, none, attr_num(0)});
  return emit_op(c, "slice_like", (Val[]){padded, x}, 2,
                 (Attr[]){start, {.kind = ATTR_NIL}});
}

/* The gradient runs against the walk, with the factor of the one before. */
static void recurrence_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  int64_t axis = n->attr[AXIS].i[0];
  bool reverse = n->attr[REVERSE].i[0];
  Val a = moved(c, input(n, 0), axis, !reverse);
  dx[1] = emit_op(c, "recurrence", (Val[]){a, dy[0]}, 2,
                  (Attr[]){n->attr[AXIS], attr_bool(!reverse)});
  dx[0] = mul(c, dx[1], moved(c, result(n), axis, reverse));
}

#define ROW(name, gradient, text, ...)                                        \
  {#name, "x, axis:axes=nil, keepdims:bool=false", REDUCE, COMPUTE,           \
   reduce_shape, .tasks = reduce_tasks, .run = name##_run,                    \
   .expand = split_axes, .vjp = gradient, .doc = text, __VA_ARGS__}

const Op ops_reduce[] = {
  ROW(sum, sum_vjp, "The sum over the axes (None: all).", .role = SUMS),
  ROW(max, extreme_vjp, "The largest over the axes (None: all).",
      .traits = TRUTHS),
  ROW(min, extreme_vjp, "The smallest over the axes (None: all).",
      .traits = TRUTHS),
  ROW(prod, prod_vjp, "The product over the axes (None: all).",
      .role = NO_ROLE),
  {"argmax", "x, axis:axes=nil, keepdims:bool=false", REDUCE, COMPUTE,
   arg_axes_shape, .tasks = arg_tasks, .run = argmax_run,
   .traits = NO_GRADIENT,
   .doc = "Position from 0 of the first largest along the axis (None: of "
          "all)."},
  {"argmin", "x, axis:axes=nil, keepdims:bool=false", REDUCE, COMPUTE,
   arg_axes_shape, .tasks = arg_tasks, .run = argmin_run,
   .traits = NO_GRADIENT,
   .doc = "Position from 0 of the first smallest along the axis (None: of "
          "all)."},
  {"cumsum", "x, axis:int, reverse:bool=false, exclusive:bool=false", REDUCE,
   COMPUTE, cumsum_shape, .tasks = cumsum_tasks, .run = cumsum_run,
   .vjp = cumsum_vjp, .doc = "Running sums along the axis."},
  {"recurrence", "a, b, axis:int, reverse:bool=false", REDUCE, PROMOTE,
   recurrence_shape, .tasks = cumsum_tasks, .run = recurrence_run,
   .vjp = recurrence_vjp, .file_class = "lunula",
   .doc = "y[k] = a[k] * y[k - 1] + b[k] along the axis, from 0."},
  {"sum_like", "x, like", REDUCE, COMPUTE, sum_like_shape,
   .expand = expand_sum_like, .vjp = sum_like_vjp, .shape_only = 2,
   .traits = SIZED, .file_class = "lunula",
   .doc = "The sum over whatever repeats another tensor's shape."},
  {"count", "x, axis:axes=nil", REDUCE, AS_IS, count_shape, .run = count_run,
   .shape_only = 1, .traits = NO_GRADIENT,
   .file_class = "lunula",
   .doc = "How many elements x has along the axes (None: all), as a number."},
  {"dim", "x, axis:int", REDUCE, AS_IS, size_shape, .run = size_run,
   .shape_only = 1, .traits = NO_GRADIENT,
   .file_class = "lunula",
   .doc = "The size of an axis, as a number."},
  {0}
};
