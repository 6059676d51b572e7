/* Parts: elements taken out in steps, and put into a larger shape with zeros or
** a value around them. Taking and putting are each other's gradient. */

#include <string.h>

#include "kernels/kernels.h"
#include "ops/build.h"
#include "ops/copy.h"
#include "ops/window.h"

/* ---- slices ------------------------------------------------------------- */

enum { STARTS, STEPS, COUNTS }; /* counts: of slice alone */

static bool check_lists(Rule *r, int lists) {
  char text[TYPE_TEXT];
  for (int i = 0; i < lists; i++)
    if (r->attr[i].kind != ATTR_NIL && r->attr[i].n != r->in[0].rank)
      return fail(r->error, "%d numbers in a list for %s", r->attr[i].n,
                  type_text(&r->in[0], text));
  if (r->attr[STEPS].kind == ATTR_NIL) {
    r->attr[STEPS] = (Attr){.kind = ATTR_INTS, .n = r->in[0].rank};
    for (int i = 0; i < r->in[0].rank; i++)
      r->attr[STEPS].i[i] = 1;
  }
  for (int i = 0; i < r->in[0].rank; i++)
    if (r->attr[STEPS].i[i] < 1)
      return fail(r->error, "steps must be 1 or more (flip turns an axis)");
  return true;
}

/* Elements along one axis of x from start in steps; all of them for count -1.
** A step beyond the end is made one to the end: strides are multiplied by it,
** and might not fit an int64. */
static bool slice_size(Rule *r, const Type *x, int axis, int64_t count,
                       int64_t *size) {
  int64_t n = x->dim[axis], start = r->attr[STARTS].i[axis];
  int64_t *step = &r->attr[STEPS].i[axis];
  char text[TYPE_TEXT];
  if (n == UNKNOWN) {
    *size = count;
    return start >= 0 ||
           fail(r->error, "axis %d has no known end to count from", axis);
  }
  bool inside = start >= 0 && start <= n;
  int64_t room = inside ? (n - start) / *step + ((n - start) % *step > 0) : -1;
  *size = count == -1 ? room : count;
  if (!inside || *size < 0 || *size > room)
    return fail(r->error,
                "%lld elements from %lld in steps of %lld do not lie in axis "
                "%d of %s", (long long)*size, (long long)start,
                (long long)*step, axis, type_text(x, text));
  if (*step > n)
    *step = n > 0 ? n : 1;
  return true;
}

static bool slice_shape(Rule *r) {
  if (!check_lists(r, 3))
    return false;
  r->out[0] = r->in[0];
  for (int i = 0; i < r->in[0].rank; i++) {
    int64_t count = attr_given(&r->attr[COUNTS]) ? r->attr[COUNTS].i[i] : -1;
    if (r->attr[STARTS].i[i] < 0 && r->in[0].dim[i] != UNKNOWN)
      r->attr[STARTS].i[i] += r->in[0].dim[i];
    if (count < -1)
      return fail(r->error, "%lld elements along axis %d", (long long)count, i);
    if (!slice_size(r, &r->in[0], i, count, &r->out[0].dim[i]))
      return false;
  }
  return true;
}

/* Does a part of `part`'s sizes lie in x? */
static bool part_lies_in(Rule *r, const Type *x, const Type *part) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  if (part->rank != x->rank)
    return fail(r->error, "%s is no part of %s: their ranks differ",
                type_text(part, b), type_text(x, a));
  for (int i = 0; i < x->rank; i++) {
    int64_t size;
    if (part->dim[i] != UNKNOWN && !slice_size(r, x, i, part->dim[i], &size))
      return false;
  }
  return true;
}

/* Both: x, like. */
static bool slice_like_shape(Rule *r) {
  r->out[0] = r->in[1];
  r->out[0].dtype = r->in[0].dtype;
  return check_lists(r, 2) && part_lies_in(r, &r->in[0], &r->in[1]);
}

static bool unslice_shape(Rule *r) {
  r->out[0] = r->in[1];
  r->out[0].dtype = r->in[0].dtype;
  return check_lists(r, 2) && part_lies_in(r, &r->in[1], &r->in[0]);
}

/* A run of leading rows is the same memory. */
static int64_t slice_view(const OpCall *s) {
  const Type *x = &s->in[0], *y = &s->out[0];
  if (type_elements(y) == 0) /* nothing is read, wherever it would lie */
    return 0;
  for (int i = 1; i < x->rank; i++)
    if (x->dim[i] != y->dim[i])
      return -1;
  if (x->rank && s->attr[STEPS].i[0] != 1 && y->dim[0] > 1)
    return -1;
  return x->rank ? s->attr[STARTS].i[0] * type_span(x, 1, x->rank) *
                       dtype_size((DType)x->dtype)
                 : 0;
}

/* The part of big that the lists name, as strides and a first element. */
static int64_t slice_strides(const OpCall *s, int64_t *stride) {
  int64_t first = 0;
  for (int i = 0; i < s->attr[STARTS].n; i++) {
    first += s->attr[STARTS].i[i] * stride[i];
    stride[i] *= s->attr[STEPS].i[i];
  }
  return first;
}

static void slice_run(const OpCall *s, const Run *r, int64_t task) {
  Copy k = copy_new(&s->out[0], &s->in[0], &s->out[0]);
  int64_t first = slice_strides(s, k.from);
  copy_part(s, &k, r->out[0], (const char *)r->in[0] + first * k.item, task);
}

/* Zeros of the shape of `like`, x at the places of the slice. */
static void unslice_run(const OpCall *s, const Run *r, int64_t task) {
  (void)task;
  Copy k = copy_new(&s->out[0], &s->in[0], &s->in[0]);
  int64_t first = slice_strides(s, k.to);
  memset(r->out[0], 0, (size_t)type_bytes(&s->out[0]));
  ISA(copy_strided)((char *)r->out[0] + first * k.item, k.to, r->in[0], k.from,
                    k.dim, k.rank, k.item);
}

static Val slice_pair(Context *c, const char *op, const Node *n, Val g,
                      Val like) {
  return emit_op(c, op, (Val[]){g, like}, 2,
                 (Attr[]){n->attr[STARTS], n->attr[STEPS]});
}

static void slice_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = slice_pair(c, "unslice", n, dy[0], input(n, 0));
}

static void unslice_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = slice_pair(c, "slice_like", n, dy[0], input(n, 0));
}

/* ---- padding ------------------------------------------------------------ */

enum { BEFORE, AFTER, INTERIOR, VALUE };

static bool pad_shape(Rule *r) {
  char text[TYPE_TEXT];
  const Type *x = &r->in[0];
  r->out[0] = *x;
  if (!dtype_holds((DType)x->dtype, r->attr[VALUE].f))
    return fail(r->error, "%s cannot hold %.17g", dtype_name((DType)x->dtype),
                r->attr[VALUE].f);
  if (r->attr[INTERIOR].kind == ATTR_NIL)
    r->attr[INTERIOR] = (Attr){.kind = ATTR_INTS, .n = x->rank};
  for (int i = 0; i < 3; i++)
    if (r->attr[i].n != x->rank)
      return fail(r->error, "%d numbers in a list for %s", r->attr[i].n,
                  type_text(x, text));
  for (int i = 0; i < x->rank; i++) {
    int64_t before = r->attr[BEFORE].i[i], after = r->attr[AFTER].i[i];
    int64_t *gap = &r->attr[INTERIOR].i[i], n = x->dim[i];
    if (before < 0 || after < 0 || *gap < 0)
      return fail(r->error, "negative padding (slice takes parts away)");
    if (before > INT32_MAX || after > INT32_MAX || *gap > INT32_MAX)
      return fail(r->error, "padding of more than %d", INT32_MAX);
    if (n == UNKNOWN)
      continue;
    if (n < 2)
      *gap = 0; /* there is nothing to stand between */
    else if ((double)n * (double)*gap > 0x1p60)
      return fail(r->error, "%lld cells between the elements of %s",
                  (long long)*gap, type_text(x, text));
    r->out[0].dim[i] = before + n + (n > 0 ? (n - 1) * *gap : 0) + after;
  }
  return true;
}

static void pad_run(const OpCall *s, const Run *r, int64_t task) {
  (void)task;
  Copy k = copy_new(&s->out[0], &s->in[0], &s->in[0]);
  int64_t first = 0;
  double value = s->attr[VALUE].f;
  char item[8];
  Tensor one = {.type = type_new((DType)s->out[0].dtype, 0, NULL),
                .data = item};
  tensor_put(&one, 0, value);
  for (int i = 0; i < k.rank; i++) {
    first += s->attr[BEFORE].i[i] * k.to[i];
    k.to[i] *= s->attr[INTERIOR].i[i] + 1;
  }
  ISA(fill)(r->out[0], item, type_elements(&s->out[0]), k.item);
  ISA(copy_strided)((char *)r->out[0] + first * k.item, k.to, r->in[0], k.from,
                    k.dim, k.rank, k.item);
}

/* Images with cells around them, and none between. */
static bool pad_lines_of(const OpCall *s, int64_t *first, int64_t *end) {
  const Type *x = &s->in[0], *y = &s->out[0];
  const int64_t *before = s->attr[BEFORE].i, *after = s->attr[AFTER].i;
  if (x->rank != 4 || x->dtype != F32 || before[0] + after[0] > 0 ||
      before[3] + after[3] > 0)
    return false;
  for (int i = 0; i < x->rank; i++)
    if (s->attr[INTERIOR].i[i] > 0)
      return false;
  Window w = {.in = {1, x->dim[1], 1}, .out = {1, y->dim[1], 1},
              .size = {1, 1, 1}, .stride = {1, 1, 1}, .dilation = {1, 1, 1},
              .before = {0, before[1], 0}};
  window_lines(&w, first, end);
  return true;
}

static void pad_lines(const OpCall *s, const Run *r, int64_t first,
                      int64_t end) {
  const Type *x = &s->in[0], *y = &s->out[0];
  const int64_t *before = s->attr[BEFORE].i, *after = s->attr[AFTER].i;
  int64_t row = x->dim[2] * x->dim[3], wide = y->dim[2] * y->dim[3];
  float value = (float)s->attr[VALUE].f, *to = r->out[0];
  for (int64_t l = first; l < end; l++) {
    int64_t line = l % y->dim[1] - before[1], left = before[2] * x->dim[3];
    bool there = line >= 0 && line < x->dim[1];
    const float *from = r->in[0];
    ISA(fill)(to + l * wide, &value, there ? left : wide, sizeof value);
    if (!there)
      continue;
    from += (l / y->dim[1] * x->dim[1] + line) * row;
    memcpy(to + l * wide + left, from, (size_t)row * sizeof *to);
    ISA(fill)(to + l * wide + left + row, &value, after[2] * x->dim[3],
              sizeof value);
  }
}

static void pad_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Attr steps = n->attr[INTERIOR];
  for (int i = 0; i < steps.n; i++)
    steps.i[i]++;
  dx[0] = emit_op(c, "slice_like", (Val[]){dy[0], input(n, 0)}, 2,
                  (Attr[]){n->attr[BEFORE], steps});
}

/* ---- rows --------------------------------------------------------------- */

const Op ops_slice[] = {
  {"slice_steps", "x, starts:ints, steps:ints=nil, counts:ints=nil", MOVE,
   AS_IS, slice_shape, .tasks = copy_tasks, .run = slice_run,
   .view = slice_view, .vjp = slice_vjp, .role = SLICES,
   .file_class = "lunula",
   .doc = "Along each axis `count` elements from `start` (from 0) in steps; "
          "a count of -1 goes to the end."},
  {"slice_like", "x, like, starts:ints, steps:ints=nil", MOVE, AS_IS,
   slice_like_shape, .tasks = copy_tasks, .run = slice_run,
   .view = slice_view, .vjp = slice_vjp, .shape_only = 2,
   .file_class = "lunula",
   .doc = "As many elements as another tensor has, from `starts` in steps."},
  {"unslice", "x, like, starts:ints, steps:ints=nil", MOVE, AS_IS,
   unslice_shape, .run = unslice_run, .vjp = unslice_vjp,
   .shape_only = 2, .traits = HIDDEN,
   .doc = "Zeros of the shape of another tensor, x in the places of a slice."},
  {"pad_with", "x, before:ints, after:ints, interior:ints=nil, value:num=0",
   MOVE, AS_IS, pad_shape, .run = pad_run, .lines = pad_lines,
   .lines_of = pad_lines_of, .vjp = pad_vjp, .role = PADS,
   .file_class = "lunula",
   .doc = "A value around x, and between its elements."},
  {0}
};
