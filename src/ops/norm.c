/* Layer and root-mean-square normalisation over the last axes: fused ops, one
** pass over each row, and one on the way back; and moments of columns. The
** lowering to means, squares and products is written in the spec, which holds
** the kernels against it; for other axes the composites of Lua are that lowering
** themselves. */

#include "kernels/kernels.h"
#include "ops/build.h"

enum { EPSILON, CENTRE };            /* attributes */
enum { X, GAMMA, BETA };             /* inputs, and the gradients' parts */
enum { MEAN = 2, SCALE, COTANGENT }; /* inputs of the way back */

/* ---- shapes ------------------------------------------------------------- */

/* The last axes of x are those of gamma. */
static bool fits(Rule *r, const Type *x, const Type *v, const char *name) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  bool ok = v->rank <= x->rank;
  for (int i = 0; ok && i < v->rank; i++)
    ok = may_equal(v->dim[i], x->dim[x->rank - v->rank + i]);
  return ok || fail(r->error, "%s is %s, it should have the last axes of x, %s",
                    name, type_text(v, a), type_text(x, b));
}

/* One number for each row of x: its last axes are 1. */
static Type of_rows(const Type *x, int axes) {
  Type t = *x;
  for (int i = x->rank - axes; i < x->rank; i++)
    t.dim[i] = 1;
  return t;
}

static bool norm_shape(Rule *r) {
  const Type *x = &r->in[X];
  r->nout = 3;
  r->out[0] = *x;
  r->out[1] = r->out[2] = of_rows(x, r->in[GAMMA].rank);
  return fits(r, x, &r->in[GAMMA], "gamma") && fits(r, x, &r->in[BETA], "beta");
}

/* ---- the work ----------------------------------------------------------- */

static Norm norm_of(const OpCall *s) {
  const Type *x = &s->in[X];
  return (Norm){type_span(x, x->rank - s->in[GAMMA].rank, x->rank),
                (float)s->attr[EPSILON].f, s->attr[CENTRE].i[0]};
}

static int64_t rows_of(const Type *x, const Type *gamma) {
  return type_span(x, 0, x->rank - gamma->rank);
}

/* About 20 microseconds each. */
static int64_t parts_of(int64_t rows, int64_t n, int64_t most) {
  enum { GRAIN = 1 << 15 };
  int64_t parts = rows * n / GRAIN;
  parts = parts > most ? most : parts;
  return parts > rows ? rows : parts < 1 ? 1 : parts;
}

static int64_t norm_tasks(const OpCall *s) {
  int64_t rows = rows_of(&s->in[X], &s->in[GAMMA]);
  return parts_of(rows, norm_of(s).n, rows);
}

static void norm_run(const OpCall *s, const Run *r, int64_t task) {
  Norm p = norm_of(s);
  int64_t rows = rows_of(&s->in[X], &s->in[GAMMA]), tasks = norm_tasks(s);
  ISA(normalize_rows)(&p, r->in[X], r->in[GAMMA], r->in[BETA], r->out[0],
                      r->out[1], r->out[2], rows * task / tasks,
                      rows * (task + 1) / tasks);
}

/* Each task of the way back has its own sums over rows, which are added up
** afterwards, so their number is part of the shape. */
enum { MOST_PARTS = 32 };

static int64_t back_parts(const Type *x, const Type *gamma) {
  int64_t rows = type_elements(x);
  if (rows == UNKNOWN)
    return UNKNOWN;
  int64_t n = type_elements(gamma);
  return parts_of(n > 0 ? rows / n : 0, n, MOST_PARTS);
}

static bool back_shape(Rule *r) {
  const Type *x = &r->in[X], *gamma = &r->in[GAMMA];
  Type parts = {.dtype = F32, .rank = gamma->rank + 1};
  if (gamma->rank == MAX_RANK)
    return fail(r->error, "too many axes");
  parts.dim[0] = back_parts(x, gamma);
  for (int i = 0; i < gamma->rank; i++)
    parts.dim[i + 1] = gamma->dim[i];
  r->nout = 3;
  r->out[X] = *x;
  r->out[GAMMA] = r->out[BETA] = parts;
  if (!fits(r, x, gamma, "gamma"))
    return false;
  Type rows = of_rows(x, gamma->rank);
  return check_operand(r, MEAN, &rows) && check_operand(r, SCALE, &rows) &&
         check_operand(r, COTANGENT, x);
}

static int64_t back_tasks(const OpCall *s) {
  return s->out[GAMMA].dim[0];
}

static void back_run(const OpCall *s, const Run *r, int64_t task) {
  Norm p = norm_of(s);
  int64_t rows = rows_of(&s->in[X], &s->in[GAMMA]), tasks = back_tasks(s);
  ISA(normalize_rows_back)(&p, r->in[X], r->in[GAMMA], r->in[MEAN],
                           r->in[SCALE], r->in[COTANGENT], r->out[X],
                           (float *)r->out[GAMMA] + task * p.n,
                           (float *)r->out[BETA] + task * p.n,
                           rows * task / tasks, rows * (task + 1) / tasks);
}

/* ---- gradients ---------------------------------------------------------- */

static Attr last_axes(const Type *x, const Type *gamma) {
  Attr a = {.kind = ATTR_AXES, .n = gamma->rank};
  for (int i = 0; i < gamma->rank; i++)
    a.i[i] = x->rank - gamma->rank + i;
  return a;
}

static Val row_mean(Context *c, Val v, Val gamma) {
  Attr axes = last_axes(val_type(v), val_type(gamma));
  Val n = emit_op(c, "count", &v, 1, &axes);
  return divide(c, sum_axes(c, v, &axes, true), n);
}

static Val sum_parts(Context *c, Val parts) {
  Attr first = {.kind = ATTR_AXES, .n = 1};
  return sum_axes(c, parts, &first, false);
}

static Val plus(Context *c, Val a, Val b) {
  return a.node == NULL ? b : b.node == NULL ? a : add(c, a, b);
}

/* mean and scale are results, too: a second derivative goes through them. */
static Val through_moments(Context *c, const Node *n, Val dmean, Val dscale) {
  Val x = input(n, X), gamma = input(n, GAMMA), dx = {NULL, 0};
  Val mean = {(Node *)(uintptr_t)n, 1}, scale = {(Node *)(uintptr_t)n, 2};
  Attr axes = last_axes(val_type(x), val_type(gamma));
  Val count = emit_op(c, "count", &x, 1, &axes);
  if (dscale.node) {
    Val cube = mul(c, scale, square(c, scale));
    dx = neg(c, mul(c, mul(c, dscale, divide(c, cube, count)),
                    sub(c, x, mean)));
  }
  if (dmean.node && n->attr[CENTRE].i[0])
    dx = plus(c, dx, broadcast_like(c, divide(c, dmean, count), x));
  return dx;
}

static void norm_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val x = input(n, X), gamma = input(n, GAMMA);
  dx[X] = through_moments(c, n, dy[1], dy[2]);
  if (dy[0].node == NULL)
    return;
  Val in[] = {x, gamma, {(Node *)(uintptr_t)n, 1}, {(Node *)(uintptr_t)n, 2},
              dy[0]};
  Node *back = emit_op(c, "layer_normalization_back", in, 5, n->attr).node;
  dx[X] = plus(c, (Val){back, X}, dx[X]);
  dx[GAMMA] = sum_parts(c, (Val){back, GAMMA});
  dx[BETA] = sum_parts(c, (Val){back, BETA});
}

/* Of dx, where h goes to it. z is the normalised x, u = g gamma. */
static void dx_vjp(Context *c, const Node *n, Val h, Val z, Val *dx) {
  Val gamma = input(n, GAMMA), scale = input(n, SCALE), g = input(n, COTANGENT);
  bool centre = n->attr[CENTRE].i[0];
  Val u = mul(c, g, gamma);
  Val uz = row_mean(c, mul(c, u, z), gamma);
  Val hz = row_mean(c, mul(c, h, z), gamma);
  Val of_h = sub(c, h, mul(c, z, hz)), of_u = sub(c, u, mul(c, z, uz));
  if (centre) {
    of_h = sub(c, of_h, row_mean(c, h, gamma));
    of_u = sub(c, of_u, row_mean(c, u, gamma));
  }
  Val du = mul(c, of_h, scale);
  dx[COTANGENT] = mul(c, du, gamma);
  dx[GAMMA] = mul(c, du, g);
  dx[SCALE] = mul(c, h, of_u);
  dx[X] = neg(c, mul(c, scale, add(c, mul(c, h, uz), mul(c, u, hz))));
}

/* The same goes to all parts of a sum. dx[X] is that of z until the end. */
static void back_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val x = input(n, X), g = input(n, COTANGENT), scale = input(n, SCALE);
  Val distance = sub(c, x, input(n, MEAN)), z = mul(c, distance, scale);
  Attr first = {.kind = ATTR_AXES, .n = 1};
  if (dy[X].node)
    dx_vjp(c, n, dy[X], z, dx);
  if (dy[GAMMA].node) {
    Val parts = emit_op(c, "count", &dy[GAMMA], 1, &first);
    Val h = divide(c, sum_parts(c, dy[GAMMA]), parts);
    dx[COTANGENT] = plus(c, dx[COTANGENT], mul(c, z, h));
    dx[X] = plus(c, dx[X], mul(c, g, h));
  }
  if (dy[BETA].node) {
    Val parts = emit_op(c, "count", &dy[BETA], 1, &first);
    Val h = divide(c, sum_parts(c, dy[BETA]), parts);
    dx[COTANGENT] = plus(c, dx[COTANGENT], broadcast_like(c, h, g));
  }
  if (dx[X].node == NULL)
    return;
  dx[SCALE] = plus(c, dx[SCALE], mul(c, dx[X], distance));
  dx[X] = mul(c, dx[X], scale);
  if (n->attr[CENTRE].i[0])
    dx[MEAN] = neg(c, dx[X]);
}

/* ---- moments of columns ------------------------------------------------- */

/* All axes but the first and the last. */
static Attr middle_axes(const Type *x) {
  Attr a = {.kind = ATTR_AXES};
  for (int i = 1; i < x->rank - 1; i++)
    a.i[a.n++] = i;
  return a;
}

static bool moments_shape(Rule *r) {
  char text[TYPE_TEXT];
  const Type *x = &r->in[X];
  Attr axes = middle_axes(x);
  r->nout = 2;
  r->out[0] = *x;
  for (int i = 0; i < axes.n; i++)
    r->out[0].dim[axes.i[i]] = 1;
  r->out[1] = r->out[0];
  return x->rank >= 3 || fail(r->error, "x must have 3 axes or more, got %s",
                              type_text(x, text));
}

/* Images first, then lines of cache of their channels. */
enum { COLUMNS = 16, MOMENTS_GRAIN = 1 << 15 };

typedef struct Division {
  int64_t outer, n, inner, runs, parts;
} Division;

static Division divide_columns(const Type *x) {
  Division d = {x->dim[0], type_span(x, 1, x->rank - 1), x->dim[x->rank - 1],
                1, 1};
  int64_t wanted = d.outer * d.n * d.inner / MOMENTS_GRAIN;
  d.runs = wanted < 1 ? 1 : wanted < d.outer ? wanted : d.outer;
  d.runs = d.runs < 1 ? 1 : d.runs;
  int64_t most = d.inner / COLUMNS, parts = wanted / d.runs;
  if (d.outer < 8 && parts > 1 && most > 1)
    d.parts = parts < most ? parts : most;
  return d;
}

static int64_t moments_tasks(const OpCall *s) {
  Division d = divide_columns(&s->in[X]);
  return d.runs * d.parts;
}

static void moments_run(const OpCall *s, const Run *r, int64_t task) {
  Division d = divide_columns(&s->in[X]);
  int64_t run = task / d.parts, part = task % d.parts;
  int64_t lines = (d.inner + COLUMNS - 1) / COLUMNS;
  int64_t i1 = lines * (part + 1) / d.parts * COLUMNS;
  ISA(column_moments)(r->in[X], r->out[0], r->out[1], d.n, d.inner,
                      d.outer * run / d.runs, d.outer * (run + 1) / d.runs,
                      lines * part / d.parts * COLUMNS,
                      i1 < d.inner ? i1 : d.inner);
}

static void moments_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val x = input(n, X), g = {NULL, 0};
  Attr axes = middle_axes(val_type(x));
  Val share = reciprocal(c, emit_op(c, "count", &x, 1, &axes));
  if (dy[1].node)
    g = mul(c, mul(c, dy[1], scaled(c, share, 2)), sub(c, x, result(n)));
  if (dy[0].node)
    g = plus(c, g, broadcast_like(c, mul(c, dy[0], share), x));
  dx[X] = g;
}

const Op ops_norm[] = {
  {"column_moments", "x", ROWS, FLOATS, moments_shape, .tasks = moments_tasks,
   .run = moments_run, .vjp = moments_vjp, .file_class = "lunula",
   .doc = "The means over all axes but the first and the last; the "
          "variances."},
  {"layer_normalization", "x, gamma, beta, epsilon:num, centre:bool=true",
   ROWS, FLOATS, norm_shape, .tasks = norm_tasks, .run = norm_run,
   .vjp = norm_vjp,
   .doc = "x with mean 0 and variance 1 over the last axes, times gamma plus "
          "beta; the means; the reciprocal deviations."},
  {"layer_normalization_back",
   "x, gamma, mean, scale, g, epsilon:num, centre:bool=true", ROWS, FLOATS,
   back_shape, .tasks = back_tasks, .run = back_run, .vjp = back_vjp,
   .traits = HIDDEN,
   .doc = "What g gives to x; to gamma and to beta, in parts to be added up."},
  {0}
};
