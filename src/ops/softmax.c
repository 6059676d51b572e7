/* Softmax and its logarithm: fused ops, one pass over each row in L1, and so
** are their gradients. The lowering to max, subtract, exp, sum and divide is
** written in the spec, which holds the kernels against it. */

#include "kernels/kernels.h"
#include "ops/build.h"

static bool softmax_shape(Rule *r) {
  r->out[0] = r->in[0];
  return check_axis(r, &r->attr[0].i[0], r->in[0].rank);
}

/* The kernels know the last axis only. */
static bool last_axis(Context *c, const Op *op, const Val *x, int nin,
                      const Attr *attr, Val *y) {
  (void)nin;
  int rank = val_type(x[0])->rank;
  int64_t axis = attr[0].i[0], order[MAX_RANK];
  if (axis < 0)
    axis += rank;
  if (axis < 0 || axis >= rank - 1)
    return false;
  for (int i = 0; i < rank; i++)
    order[i] = i;
  order[axis] = rank - 1;
  order[rank - 1] = axis;
  Val t = transposed(c, x[0], rank, order);
  Attr last = attr_int(-1);
  *y = transposed(c, emit(c, op, &t, 1, &last), rank, order);
  return true;
}

static int64_t row_tasks(const OpCall *s) {
  enum { GRAIN = 1 << 14 };
  int64_t n = s->in[0].dim[s->in[0].rank - 1];
  int64_t rows = type_span(&s->in[0], 0, s->in[0].rank - 1);
  int64_t tasks = rows * n / GRAIN;
  return tasks < 1 ? 1 : tasks > rows ? rows : tasks;
}

#define ROWS_RUN(name, kernel)                                        \
  static void name##_run(const OpCall *s, const Run *r, int64_t task) { \
    int64_t n = s->in[0].dim[s->in[0].rank - 1];                      \
    int64_t rows = type_span(&s->in[0], 0, s->in[0].rank - 1);        \
    int64_t tasks = row_tasks(s);                                     \
    ISA(kernel)(r->in[0], r->out[0], n, rows * task / tasks,          \
                rows * (task + 1) / tasks);                           \
  }
ROWS_RUN(softmax, softmax_rows)
ROWS_RUN(log_softmax, log_softmax_rows)

#define BACK_RUN(name, kernel)                                          \
  static void name##_back_run(const OpCall *s, const Run *r, int64_t task) { \
    int64_t n = s->in[0].dim[s->in[0].rank - 1];                        \
    int64_t rows = type_span(&s->in[0], 0, s->in[0].rank - 1);          \
    int64_t tasks = row_tasks(s);                                       \
    ISA(kernel)(r->in[0], r->in[1], r->out[0], n, rows * task / tasks,  \
                rows * (task + 1) / tasks);                             \
  }
BACK_RUN(softmax, softmax_rows_back)
BACK_RUN(log_softmax, log_softmax_rows_back)

/* ---- gradients ---------------------------------------------------------- */

static Val sum_last(Context *c, Val x) {
  Attr axes = {.kind = ATTR_AXES, .n = 1, .i = {-1}};
  return sum_axes(c, x, &axes, true);
}

static Val pair(Context *c, const char *name, Val y, Val g) {
  return emit_op(c, name, (Val[]){y, g}, 2, NULL);
}

static bool back_shape(Rule *r) {
  return like_first(r) && check_operand(r, 1, &r->in[0]);
}

static void softmax_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = pair(c, "softmax_back", result(n), dy[0]);
}

static void log_softmax_vjp(Context *c, const Node *n, const Val *dy,
                            Val *dx) {
  dx[0] = pair(c, "log_softmax_back", result(n), dy[0]);
}

/* y (g - sum g y) is symmetric in what g goes to. */
static void softmax_back_vjp(Context *c, const Node *n, const Val *dy,
                             Val *dx) {
  Val y = input(n, 0), g = input(n, 1), h = dy[0];
  Val gy = sum_last(c, mul(c, g, y)), hy = sum_last(c, mul(c, h, y));
  dx[0] = sub(c, mul(c, h, sub(c, g, gy)), mul(c, g, hy));
  dx[1] = pair(c, "softmax_back", y, h);
}

/* of g - exp(y) sum g */
static void log_softmax_back_vjp(Context *c, const Node *n, const Val *dy,
                                 Val *dx) {
  Val e = mul(c, dy[0], exp_of(c, input(n, 0)));
  dx[0] = neg(c, mul(c, e, sum_last(c, input(n, 1))));
  dx[1] = sub(c, dy[0], sum_last(c, e));
}

/* ---- losses of classes --------------------------------------------------- */

enum { LOGITS, IDS, LARGEST, REST, COTANGENT }; /* inputs */

static bool classes_fit(Rule *r) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  const Type *x = &r->in[LOGITS], *ids = &r->in[IDS];
  bool fits = x->rank == ids->rank + 1;
  for (int i = 0; fits && i < ids->rank; i++)
    fits = may_equal(x->dim[i], ids->dim[i]);
  if (!fits)
    return fail(r->error, "ids are %s, they should be as logits %s without the "
                          "last axis", type_text(ids, a), type_text(x, b));
  if (x->dtype != F32 || ids->dtype != I32)
    return fail(r->error, "logits are %s, ids %s: float32 and int32 are wanted",
                dtype_name((DType)x->dtype), dtype_name((DType)ids->dtype));
  return true;
}

static bool losses_shape(Rule *r) {
  if (!classes_fit(r))
    return false;
  Type row = r->in[LOGITS];
  row.dim[row.rank - 1] = 1;
  r->nout = 3;
  r->out[0] = r->in[IDS];
  r->out[0].dtype = F32;
  r->out[1] = r->out[2] = row;
  return true;
}

static bool losses_back_shape(Rule *r) {
  if (!classes_fit(r))
    return false;
  Type row = r->in[LOGITS];
  row.dim[row.rank - 1] = 1;
  r->out[0] = r->in[LOGITS];
  return check_operand(r, LARGEST, &row) && check_operand(r, REST, &row) &&
         check_operand(r, COTANGENT, &r->in[IDS]);
}

static void losses_run(const OpCall *s, const Run *r, int64_t task) {
  int64_t n = s->in[LOGITS].dim[s->in[LOGITS].rank - 1];
  int64_t rows = type_elements(&s->in[IDS]), tasks = row_tasks(s);
  const int32_t *ids = r->in[IDS];
  int64_t bad = ISA(class_losses)(r->in[LOGITS], ids, r->out[0], r->out[1],
                                  r->out[2], n, rows * task / tasks,
                                  rows * (task + 1) / tasks);
  if (bad < 0)
    return;
  /* the first axis is the batch: so many ids to a sample */
  int64_t samples = s->in[IDS].rank > 0 ? s->in[IDS].dim[0] : 1;
  run_fault(r, "index %d in sample %lld is out of range 0..%lld", ids[bad],
            (long long)run_sample(r, bad / (rows / samples), samples),
            (long long)n - 1);
}

static void losses_back_run(const OpCall *s, const Run *r, int64_t task) {
  int64_t n = s->in[LOGITS].dim[s->in[LOGITS].rank - 1];
  int64_t rows = type_elements(&s->in[IDS]), tasks = row_tasks(s);
  ISA(class_losses_back)(r->in[LOGITS], r->in[IDS], r->in[LARGEST],
                         r->in[REST], r->in[COTANGENT], r->out[0], n,
                         rows * task / tasks, rows * (task + 1) / tasks);
}

/* v of each row, beside x */
static Val beside(Context *c, Val v, Val x) {
  Attr last = {.kind = ATTR_AXES, .n = 1, .i = {val_type(x)->rank - 1}};
  return emit_op(c, "expand_like", (Val[]){v, x}, 2, &last);
}

static Val shares(Context *c, Val x, Val max, Val rest) {
  return exp_of(c, sub(c, sub(c, x, max), rest));
}

/* The largest is a constant: whatever it is, the loss is the same. */
static void losses_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val x = input(n, LOGITS);
  Val max = {(Node *)(uintptr_t)n, 1}, rest = {(Node *)(uintptr_t)n, 2};
  if (dy[2].node)
    dx[0] = mul(c, dy[2], shares(c, x, max, rest));
  if (dy[0].node) {
    Val in[] = {x, input(n, IDS), max, rest, dy[0]};
    Val d = emit_op(c, "class_losses_back", in, 5, NULL);
    dx[0] = dx[0].node ? add(c, dx[0], d) : d;
  }
}

/* Of g (p - 1 at the id), p = exp(x - max - rest). */
static void losses_back_vjp(Context *c, const Node *n, const Val *dy,
                            Val *dx) {
  Val x = input(n, LOGITS), ids = beside(c, input(n, IDS), x);
  Val p = shares(c, x, input(n, LARGEST), input(n, REST));
  Val hp = mul(c, dy[0], p);
  Val taken = emit_op(c, "take_along_axis", (Val[]){dy[0], ids}, 2,
                      (Attr[]){attr_int(-1), attr_bool(false)});
  dx[COTANGENT] = reshape_like(c, sub(c, sum_last(c, hp), taken),
                               input(n, COTANGENT));
  dx[LOGITS] = mul(c, hp, beside(c, input(n, COTANGENT), x));
  dx[REST] = neg(c, dx[LOGITS]);
}

const Op ops_softmax[] = {
  {"softmax", "x, axis:int=-1", ROWS, FLOATS, softmax_shape,
   .tasks = row_tasks, .run = softmax_run, .expand = last_axis,
   .vjp = softmax_vjp, .doc = "e ^ x over its sum along the axis."},
  {"log_softmax", "x, axis:int=-1", ROWS, FLOATS, softmax_shape,
   .tasks = row_tasks, .run = log_softmax_run, .expand = last_axis,
   .vjp = log_softmax_vjp, .doc = "The logarithm of softmax, without it."},
  {"softmax_back", "y, g", ROWS, FLOATS, back_shape,
   .tasks = row_tasks, .run = softmax_back_run, .vjp = softmax_back_vjp,
   .traits = HIDDEN, .doc = "y (g - sum g y) along the last axis."},
  {"log_softmax_back", "y, g", ROWS, FLOATS, back_shape,
   .tasks = row_tasks, .run = log_softmax_back_run,
   .vjp = log_softmax_back_vjp, .traits = HIDDEN,
   .doc = "g - e ^ y sum g along the last axis."},
  {"class_losses", "logits, ids", ROWS, COMPUTE, losses_shape,
   .tasks = row_tasks, .run = losses_run, .vjp = losses_vjp,
   .traits = FAULTS, .file_class = "lunula",
   .doc = "-log(softmax) of the class numbers in ids; the largest logits; the "
          "logarithms of the sums of e ^ (logits - largest)."},
  {"class_losses_back", "logits, ids, largest, rest, g", ROWS, COMPUTE,
   losses_back_shape, .tasks = row_tasks, .run = losses_back_run,
   .vjp = losses_back_vjp, .traits = HIDDEN,
   .doc = "g (softmax - 1 at the class): what g gives to logits."},
  {0}
};
