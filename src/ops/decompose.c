/* Matrices taken apart: singular values and vectors, eigenvalues and -vectors of
** symmetric matrices. LAPACK does it, one matrix a call (kernels/provider.h);
** batches are shared between threads. Gradients are products of the results. */

#include "kernels/provider.h"
#include "ops/build.h"

enum { FULL, VECTORS };    /* attributes of svd */
enum { U, S, VH };         /* its results */
enum { W, V };             /* results of eigh */

/* LAPACK counts in 32 bits: four times this squared. */
enum { MOST = 16384 };

/* ---- shapes ------------------------------------------------------------- */

static bool matrices(Rule *r) {
  char text[TYPE_TEXT];
  const Type *x = &r->in[0];
  if (x->rank < 2)
    return fail(r->error, "x has matrices in its last two axes, got %s",
                type_text(x, text));
  return (x->dim[x->rank - 1] <= MOST && x->dim[x->rank - 2] <= MOST) ||
         fail(r->error, "matrices of more than %d rows or columns: %s", MOST,
              type_text(x, text));
}

/* x with other matrices; columns < -1: with vectors of `rows`. */
static Type with_sides(const Type *x, int64_t rows, int64_t columns) {
  Type t = *x;
  t.dim[t.rank - 2] = rows;
  t.dim[t.rank - 1] = columns;
  t.rank -= columns < UNKNOWN;
  return t;
}

static int64_t least(int64_t a, int64_t b) {
  return a == 0 || b == 0               ? 0
         : a == UNKNOWN || b == UNKNOWN ? UNKNOWN
         : a < b                        ? a : b;
}

static bool svd_shape(Rule *r) {
  if (!matrices(r))
    return false;
  const Type *x = &r->in[0];
  int64_t m = x->dim[x->rank - 2], n = x->dim[x->rank - 1], k = least(m, n);
  Type s = with_sides(x, k, UNKNOWN - 1);
  r->out[0] = s;
  if (!r->attr[VECTORS].i[0])
    return true;
  bool full = r->attr[FULL].i[0];
  r->nout = 3;
  r->out[U] = with_sides(x, m, full ? m : k);
  r->out[S] = s;
  r->out[VH] = with_sides(x, full ? n : k, n);
  return true;
}

static bool eigh_shape(Rule *r) {
  char text[TYPE_TEXT];
  if (!matrices(r))
    return false;
  const Type *x = &r->in[0];
  int64_t m = x->dim[x->rank - 2], n = x->dim[x->rank - 1];
  if (!may_equal(m, n))
    return fail(r->error, "square matrices are needed, x is %s",
                type_text(x, text));
  n = n == UNKNOWN ? m : n;
  r->nout = 2;
  r->out[W] = with_sides(x, n, UNKNOWN - 1);
  r->out[V] = with_sides(x, n, n);
  return true;
}

/* ---- the work ----------------------------------------------------------- */

static const Provider *lapack(void) {
  Error e = {.set = false};
  return provider_lapack(NULL, NULL, &e); /* it was there for the rule */
}

static int64_t count_of(const OpCall *s) {
  return type_span(&s->in[0], 0, s->in[0].rank - 2);
}

/* A matrix may take long: each is a task, up to as many as threads could want. */
static int64_t tasks_of(const OpCall *s) {
  enum { MOST_TASKS = 64 };
  int64_t n = count_of(s);
  return n < 1 ? 1 : n > MOST_TASKS ? MOST_TASKS : n;
}

static int64_t side(const OpCall *s, int i) {
  return s->in[0].dim[s->in[0].rank - i];
}

static Vectors vectors_of(const OpCall *s) {
  return !s->attr[VECTORS].i[0] ? NO_VECTORS
         : s->attr[FULL].i[0]   ? ALL_VECTORS : FEW_VECTORS;
}

/* Bytes of one task, in whole lines of the cache. */
static int64_t lines(int64_t floats) {
  return (floats * (int64_t)sizeof(float) + 63) / 64 * 64;
}

static int64_t svd_bytes(const OpCall *s) {
  int64_t m = side(s, 2), n = side(s, 1);
  return least(m, n) ? lines(lapack()->svd_room(m, n, vectors_of(s))) : 0;
}

static int64_t svd_scratch(const OpCall *s) {
  return svd_bytes(s) * tasks_of(s);
}

/* What is left of matrices without elements: any orthogonal vectors. */
static void identity(float *y, int64_t n) {
  for (int64_t i = 0; i < n * n; i++)
    y[i] = i % (n + 1) == 0;
}

static void svd_one(const OpCall *s, const Run *r, int64_t i, float *room) {
  int64_t m = side(s, 2), n = side(s, 1), k = least(m, n);
  Vectors v = vectors_of(s);
  int64_t width = v == ALL_VECTORS ? m : k, height = v == ALL_VECTORS ? n : k;
  float *u = v ? (float *)r->out[U] + i * m * width : NULL;
  float *vh = v ? (float *)r->out[VH] + i * height * n : NULL;
  float *values = (float *)r->out[v ? S : 0] + i * k;
  if (k)
    lapack()->svd(m, n, v, (const float *)r->in[0] + i * m * n, u, values, vh,
                  room);
  else if (v == ALL_VECTORS)
    identity(u, m), identity(vh, n);
}

static void svd_run(const OpCall *s, const Run *r, int64_t task) {
  int64_t n = count_of(s), tasks = tasks_of(s);
  float *room = (float *)(void *)((char *)r->scratch + task * svd_bytes(s));
  lapack()->retain();
  for (int64_t i = n * task / tasks; i < n * (task + 1) / tasks; i++)
    if (!env_stopped(r->env))
      svd_one(s, r, i, room);
  lapack()->release();
}

static int64_t eigh_bytes(const OpCall *s) {
  return side(s, 1) ? lines(lapack()->eigh_room(side(s, 1))) : 0;
}

static int64_t eigh_scratch(const OpCall *s) {
  return eigh_bytes(s) * tasks_of(s);
}

static void eigh_run(const OpCall *s, const Run *r, int64_t task) {
  int64_t n = side(s, 1), count = count_of(s), tasks = tasks_of(s);
  float *room = (float *)(void *)((char *)r->scratch + task * eigh_bytes(s));
  const float *x = r->in[0];
  float *w = r->out[W], *v = r->out[V];
  int64_t last = n ? count * (task + 1) / tasks : 0;
  lapack()->retain();
  for (int64_t i = count * task / tasks; i < last; i++)
    if (!env_stopped(r->env))
      lapack()->eigh(n, x + i * n * n, w + i * n, v + i * n * n, room);
  lapack()->release();
}

/* ---- gradients ---------------------------------------------------------- */

/* v (..., n) beside each row (axis -1: each column) of the matrices like x. */
static Val laid(Context *c, Val v, Val x, int axis) {
  Attr a = {.kind = ATTR_AXES, .n = 1, .i = {val_type(x)->rank + axis}};
  return emit_op(c, "expand_like", (Val[]){v, x}, 2, &a);
}

static Val numbers(Context *c, Val x, int axis) {
  Attr a = attr_int(val_type(x)->rank + axis);
  return emit_op(c, "iota_like", &x, 1, &a);
}

/* v on the diagonal of x, whose own diagonal does not count. */
static Val with_diagonal(Context *c, Val x, Val v) {
  Val here = equal(c, numbers(c, x, -2), numbers(c, x, -1));
  return select_of(c, here, laid(c, v, x, -2), x);
}

/* 1 / x, and 0 where x is 0: of equal values the vectors are not determined. */
static Val inverse_or_0(Context *c, Val x) {
  Val none = equal(c, x, scalar_f32(c, 0));
  Val y = reciprocal(c, select_of(c, none, scalar_f32(c, 1), x));
  return select_of(c, none, scalar_f32(c, 0), y);
}

/* 1 / (v_j - v_i) in row i, column j of matrices like x. */
static Val gaps(Context *c, Val v, Val x) {
  return inverse_or_0(c, sub(c, laid(c, v, x, -2), laid(c, v, x, -1)));
}

static Val swapped(Context *c, Val x) {
  int64_t axes[MAX_RANK];
  int rank = val_type(x)->rank;
  for (int i = 0; i < rank; i++)
    axes[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
  return transposed(c, x, rank, axes);
}

static Val plus(Context *c, Val a, Val b) {
  return a.node == NULL ? b : b.node == NULL ? a : add(c, a, b);
}

static Val and_swapped(Context *c, Val x) {
  return add(c, x, swapped(c, x));
}

/* What the gradient of u lies beside the columns of u, over s: times vh. */
static Val beside_u(Context *c, Val u, Val s, Val vh, Val du) {
  Val d = mul(c, du, inverse_or_0(c, laid(c, s, u, -2)));
  Val out = sub(c, d, matmul_of(c, u, matmul_of(c, u, d, true, false), false,
                                false));
  return matmul_of(c, out, vh, false, false);
}

static Val beside_vh(Context *c, Val u, Val s, Val vh, Val dvh) {
  Val d = mul(c, dvh, inverse_or_0(c, laid(c, s, vh, -1)));
  Val out = sub(c, d, matmul_of(c, matmul_of(c, d, vh, false, true), vh, false,
                                false));
  return matmul_of(c, u, out, false, false);
}

/* The gradients between the vectors and of s, u . that . vh. */
static Val between(Context *c, Val u, Val s, Val vh, const Val *dy) {
  Val like = matmul_of(c, u, u, true, false), m = {NULL, 0};
  Val f = gaps(c, square(c, s), like);
  if (dy[U].node)
    m = mul(c, and_swapped(c, mul(c, f, matmul_of(c, u, dy[U], true, false))),
            laid(c, s, like, -2));
  if (dy[VH].node)
    m = plus(c, m, mul(c, and_swapped(c, mul(c, f, matmul_of(c, vh, dy[VH],
                                                            false, true))),
                       laid(c, s, like, -1)));
  m = m.node ? m : zeros_like(c, like);
  return with_diagonal(c, m, dy[S].node ? dy[S] : zeros_like(c, s));
}

static bool may_be_square(const Type *x) {
  return may_equal(x->dim[x->rank - 1], x->dim[x->rank - 2]);
}

static void svd_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val x = input(n, 0), given[] = {{NULL, 0}, dy[0], {NULL, 0}};
  Node *y = (Node *)(uintptr_t)n;
  const Val *d = dy;
  if (!n->attr[VECTORS].i[0]) {
    Attr few[] = {attr_bool(false), attr_bool(true)};
    y = emit_op(c, "svd", &x, 1, few).node;
    d = given;
  } else if (n->attr[FULL].i[0] && !may_be_square(val_type(x))) {
    fail(&c->error, "svd: with full_matrices, only square matrices have a "
                    "gradient: say full_matrices=false");
    return;
  }
  if (c->error.set)
    return;
  Val u = {y, U}, s = {y, S}, vh = {y, VH};
  dx[0] = matmul_of(c, matmul_of(c, u, between(c, u, s, vh, d), false, false),
                    vh, false, false);
  if (d[U].node)
    dx[0] = add(c, dx[0], beside_u(c, u, s, vh, d[U]));
  if (d[VH].node)
    dx[0] = add(c, dx[0], beside_vh(c, u, s, vh, d[VH]));
}

/* Only the lower triangle was read: the upper one's part goes to it. */
static Val lower_part(Context *c, Val g) {
  Val row = numbers(c, g, -2), column = numbers(c, g, -1);
  Val both = select_of(c, less(c, column, row), and_swapped(c, g), g);
  return select_of(c, less(c, row, column), scalar_f32(c, 0), both);
}

static void eigh_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val w = {(Node *)(uintptr_t)n, W}, v = {(Node *)(uintptr_t)n, V};
  Val m = zeros_like(c, v);
  if (dy[V].node)
    m = mul(c, gaps(c, w, v), matmul_of(c, v, dy[V], true, false));
  m = with_diagonal(c, m, dy[W].node ? dy[W] : zeros_like(c, w));
  dx[0] = lower_part(c, matmul_of(c, matmul_of(c, v, m, false, false), v, false,
                                  true));
}

const Op ops_decompose[] = {
  {"svd", "x, full_matrices:bool=true, compute_uv:bool=true", ROWS, FLOATS,
   svd_shape, .tasks = tasks_of, .run = svd_run, .scratch = svd_scratch,
   .vjp = svd_vjp, .traits = DECOMPOSES, .file_class = "linalg.SVD",
   .doc = "u, s, vh with x = u . s on a diagonal . vh: orthogonal vectors and "
          "falling singular values; s alone without compute_uv."},
  {"eigh", "x", ROWS, FLOATS, eigh_shape, .tasks = tasks_of, .run = eigh_run,
   .scratch = eigh_scratch, .vjp = eigh_vjp, .traits = DECOMPOSES,
   .file_class = "linalg",
   .doc = "Eigenvalues, rising, and eigenvectors, as columns, of symmetric "
          "matrices, by their lower triangle: two results."},
  {0}
};
