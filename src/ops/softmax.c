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

const Op ops_softmax[] = {
  {"softmax", "x, axis:int=-1", ROWS, FLOATS, softmax_shape,
   .tasks = row_tasks, .run = softmax_run, .expand = last_axis,
   .vjp = softmax_vjp, .doc = "e ^ x over its sum along the axis."},
  {"log_softmax", "x, axis:int=-1", ROWS, FLOATS, softmax_shape,
   .tasks = row_tasks, .run = log_softmax_run, .expand = last_axis,
   .vjp = log_softmax_vjp, .doc = "The logarithm of softmax, without it."},
  {"softmax_back", "y, g", ROWS, FLOATS, like_first,
   .tasks = row_tasks, .run = softmax_back_run, .vjp = softmax_back_vjp,
   .traits = HIDDEN, .doc = "y (g - sum g y) along the last axis."},
  {"log_softmax_back", "y, g", ROWS, FLOATS, like_first,
   .tasks = row_tasks, .run = log_softmax_back_run,
   .vjp = log_softmax_back_vjp, .traits = HIDDEN,
   .doc = "g - e ^ y sum g along the last axis."},
  {0}
};
