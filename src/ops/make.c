/* Values out of sizes: constants, and positions along an axis. Those that end
** in _like take the sizes from a tensor, which may not know them yet. */

#include <math.h>

#include "kernels/kernels.h"
#include "ops/build.h"

enum { VALUE, DTYPE }; /* of full_like */

/* An int64 beyond 2^53 may have lost its last digits on the way here. */
static bool holds(Rule *r, DType d, double v) {
  return (dtype_holds(d, v) && (d != I64 || (v > -0x1p53 && v < 0x1p53))) ||
         fail(r->error, "%s cannot hold %.17g%s", dtype_name(d), v,
              d == I64 && dtype_holds(d, v) ? " here (a table can)" : "");
}

static bool full_like_shape(Rule *r) {
  r->out[0] = r->in[0];
  if (attr_given(&r->attr[DTYPE]))
    r->out[0].dtype = (int32_t)r->attr[DTYPE].i[0];
  return holds(r, (DType)r->out[0].dtype, r->attr[VALUE].f);
}

/* Between two tasks the run can end: what is large is made by many. */
enum { GRAIN = 1 << 18 };

static int64_t make_tasks(const OpCall *s) {
  int64_t tasks = type_elements(&s->out[0]) / GRAIN;
  return tasks < 1 ? 1 : tasks;
}

static void fill_run(const OpCall *s, const Run *r, int64_t task) {
  char item[8];
  Tensor one = {.type = type_new((DType)s->out[0].dtype, 0, NULL),
                .data = item};
  tensor_put(&one, 0, s->op->fill(s->attr));
  int64_t n = type_elements(&s->out[0]), tasks = make_tasks(s);
  int64_t first = n * task / tasks, last = n * (task + 1) / tasks;
  int size = dtype_size((DType)s->out[0].dtype);
  ISA(fill)((char *)r->out[0] + first * size, item, last - first, size);
}

static double full_like_fill(const Attr *attr) {
  return attr[VALUE].f;
}

static double zeros_fill(const Attr *attr) {
  (void)attr;
  return 0;
}

static double ones_fill(const Attr *attr) {
  (void)attr;
  return 1;
}

/* zeros_like and ones_like have the type alone as attribute */
static bool constant_like_shape(Rule *r) {
  r->out[0] = r->in[0];
  if (attr_given(&r->attr[0]))
    r->out[0].dtype = (int32_t)r->attr[0].i[0];
  return true;
}

static bool full_shape(Rule *r) {
  const Attr *said = &r->attr[2];
  DType d = said->kind == ATTR_NIL ? F32 : (DType)said->i[0];
  r->out[0] = type_new(d, r->attr[0].n, r->attr[0].i);
  for (int i = 0; i < r->attr[0].n; i++)
    if (r->attr[0].i[i] < UNKNOWN)
      return fail(r->error, "a size of %lld", (long long)r->attr[0].i[i]);
  if (!holds(r, d, r->attr[1].f))
    return false;
  return type_known(&r->out[0]) ||
         fail(r->error, "sizes must be known (ops.shape(x)[i] is, of a traced "
                        "tensor; full_like takes all from a tensor)");
}

static double full_fill(const Attr *attr) {
  return attr[1].f;
}

static bool iota_shape(Rule *r) {
  r->out[0] = r->in[0];
  r->out[0].dtype = I32;
  return check_axis(r, &r->attr[0].i[0], r->in[0].rank);
}

static void iota_run(const OpCall *s, const Run *r, int64_t task) {
  int axis = (int)s->attr[0].i[0];
  const Type *y = &s->out[0];
  int64_t n = y->dim[axis], inner = type_span(y, axis + 1, y->rank);
  int64_t all = type_elements(y), tasks = make_tasks(s);
  int64_t at = all * task / tasks, last = all * (task + 1) / tasks;
  if (all == 0)
    return;
  int64_t end = (at / inner + 1) * inner, i = at / inner % n;
  int32_t *y0 = r->out[0];
  for (; at < last; end += inner, i = i + 1 == n ? 0 : i + 1)
    for (int64_t stop = end < last ? end : last; at < stop; at++)
      y0[at] = (int32_t)i;
}

static bool arange_shape(Rule *r) {
  double start = r->attr[0].f, stop = r->attr[1].f, step = r->attr[2].f;
  if (step == 0 || step != step)
    return fail(r->error, "the step must not be 0");
  double n = (stop - start) / step;
  /* the bytes of less than 2^57 numbers fit an int64 */
  if (!(fabs(start) < INFINITY) || !(fabs(stop) < INFINITY) || !(n < 0x1p57))
    return fail(r->error, "no memory has so many numbers: from %g to %g in "
                          "steps of %g", start, stop, step);
  /* rounded up: a last step that is not whole is one more number */
  int64_t count = n <= 0 ? 0 : (int64_t)n + ((double)(int64_t)n < n);
  r->out[0] = type_new((DType)r->attr[3].i[0], 1, &count);
  return count == 0 ||
         (holds(r, (DType)r->attr[3].i[0], start) &&
          holds(r, (DType)r->attr[3].i[0], start + (double)(count - 1) * step));
}

static void arange_run(const OpCall *s, const Run *r, int64_t task) {
  Tensor y = {.type = s->out[0], .data = r->out[0]};
  int64_t n = s->out[0].dim[0], tasks = make_tasks(s);
  for (int64_t i = n * task / tasks; i < n * (task + 1) / tasks; i++)
    tensor_put(&y, i, s->attr[0].f + (double)i * s->attr[2].f);
}

const Op ops_make[] = {
  {"full_like", "x, fill_value:num, dtype:dtype=nil", MOVE, AS_IS,
   full_like_shape, .tasks = make_tasks, .run = fill_run, .shape_only = 1,
   .traits = NO_GRADIENT, .role = FILLS, .fill = full_like_fill,
   .file_called = "fill_value",
   .doc = "One number in the shape of x."},
  {"zeros_like", "x, dtype:dtype=nil", MOVE, AS_IS, constant_like_shape,
   .tasks = make_tasks, .run = fill_run, .shape_only = 1,
   .traits = NO_GRADIENT, .role = FILLS,
   .fill = zeros_fill,
   .doc = "Zeros in the shape of x."},
  {"ones_like", "x, dtype:dtype=nil", MOVE, AS_IS, constant_like_shape,
   .tasks = make_tasks, .run = fill_run, .shape_only = 1,
   .traits = NO_GRADIENT, .role = FILLS,
   .fill = ones_fill,
   .doc = "Ones in the shape of x."},
  {"full", "shape:ints, fill_value:num, dtype:dtype=nil", MOVE, AS_IS,
   full_shape, .tasks = make_tasks, .run = fill_run,
   .traits = NO_GRADIENT, .role = FILLS,
   .fill = full_fill,
   .doc = "A tensor of one number."},
  {"iota_like", "x, axis:int=-1", MOVE, AS_IS, iota_shape, .tasks = make_tasks,
   .run = iota_run,
   .shape_only = 1, .traits = NO_GRADIENT,
   .file_class = "lunula",
   .doc = "Positions from 0 along an axis, in the shape of x."},
  {"range", "start:num, stop:num, step:num=1, dtype:dtype=\"float32\"", MOVE,
   AS_IS, arange_shape, .tasks = make_tasks, .run = arange_run,
   .traits = NO_GRADIENT, .file_class = "lunula",
   .doc = "start, start + step, ... below stop."},
  {0}
};
