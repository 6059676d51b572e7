/* Ops that move elements and compute nothing: other shapes, orders, parts.
** Each pair of rows here is the other's gradient. */

#include <string.h>

#include "kernels/kernels.h"
#include "ops/build.h"

/* ---- sharing the work --------------------------------------------------- */

typedef struct Copy {
  int rank, item;
  int64_t dim[MAX_RANK], to[MAX_RANK], from[MAX_RANK]; /* strides in items */
} Copy;

static void dense_strides(const Type *t, int64_t *stride) {
  int64_t n = 1;
  for (int i = t->rank - 1; i >= 0; i--) {
    stride[i] = n;
    n *= t->dim[i];
  }
}

/* Moves a block of `region`'s shape; strides start as those of dense y, x. */
static Copy copy_new(const Type *y, const Type *x, const Type *region) {
  Copy k = {.rank = region->rank, .item = dtype_size((DType)y->dtype)};
  memcpy(k.dim, region->dim, sizeof k.dim);
  dense_strides(y, k.to);
  dense_strides(x, k.from);
  return k;
}

static int widest_axis(const Type *y) {
  int axis = 0;
  while (axis + 1 < y->rank && y->dim[axis] == 1)
    axis++;
  return axis;
}

static int64_t copy_tasks(const OpCall *s) {
  enum { GRAIN = 1 << 18 };
  const Type *y = &s->out[0];
  int64_t tasks = type_bytes(y) / GRAIN;
  int64_t most = y->rank ? y->dim[widest_axis(y)] : 1;
  return tasks < 1 ? 1 : tasks > most ? most : tasks;
}

/* The task's share along the outermost axis that is not 1. */
static void copy_part(const OpCall *s, Copy *k, void *y, const void *x,
                      int64_t task) {
  if (k->rank > 0) {
    int axis = widest_axis(&s->out[0]);
    int64_t tasks = copy_tasks(s), n = k->dim[axis];
    int64_t first = n * task / tasks, last = n * (task + 1) / tasks;
    k->dim[axis] = last - first;
    y = (char *)y + first * k->to[axis] * k->item;
    x = (const char *)x + first * k->from[axis] * k->item;
  }
  ISA(copy_strided)(y, k->to, x, k->from, k->dim, k->rank, k->item);
}

/* ---- reshape ------------------------------------------------------------ */

/* A target size: itself, -1 what is left, -2-i the size of input axis i. */
static bool resolve_size(Rule *r, int64_t *size) {
  if (*size >= UNKNOWN)
    return true;
  int64_t axis = -2 - *size;
  if (axis >= r->in[0].rank)
    return fail(r->error, "size %lld in the new shape", (long long)*size);
  *size = r->in[0].dim[axis];
  return true;
}

static bool reshape_shape(Rule *r) {
  const Attr *target = &r->attr[0];
  char from[TYPE_TEXT], to[TYPE_TEXT];
  Type y = type_new((DType)r->in[0].dtype, target->n, target->i);
  int infer = -1, unknown = 0;
  int64_t known = 1;
  for (int i = 0; i < y.rank; i++) {
    bool copied = y.dim[i] < UNKNOWN;
    if (!resolve_size(r, &y.dim[i]))
      return false;
    if (y.dim[i] != UNKNOWN) {
      if (__builtin_mul_overflow(known, y.dim[i], &known))
        return fail(r->error, "no memory has so many numbers: %s",
                    type_text(&y, to));
    } else if (copied) {
      unknown++;
    } else if (infer >= 0) {
      return fail(r->error, "more than one size to infer in %s",
                  type_text(&y, to));
    } else {
      infer = i;
    }
  }
  int64_t n = type_elements(&r->in[0]);
  type_text(&r->in[0], from);
  type_text(&y, to);
  if (n != UNKNOWN && unknown == 0) {
    if (infer >= 0 && known > 0 && n % known == 0)
      y.dim[infer] = n / known;
    else if (infer >= 0 && known == 0 && n == 0)
      y.dim[infer] = 0;
    else if (infer >= 0 || n != known)
      return fail(r->error, "%s has %lld elements, they do not fill %s", from,
                  (long long)n, to);
  } else if (n == UNKNOWN && infer < 0 && unknown == 0) {
    int64_t rest = 1; /* what is known of x must divide y */
    for (int i = 0; i < r->in[0].rank; i++)
      rest *= r->in[0].dim[i] == UNKNOWN ? 1 : r->in[0].dim[i];
    if (rest > 0 && known % rest != 0)
      return fail(r->error, "the elements of %s do not fill %s", from, to);
  }
  r->out[0] = y;
  return true;
}

static bool like_second(Rule *r) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  int64_t n = type_elements(&r->in[0]), m = type_elements(&r->in[1]);
  if (n != m && n != UNKNOWN && m != UNKNOWN)
    return fail(r->error, "%s does not fill %s", type_text(&r->in[0], a),
                type_text(&r->in[1], b));
  r->out[0] = r->in[1];
  r->out[0].dtype = r->in[0].dtype;
  return true;
}

/* The value of a variable: see variable_assign. */
static bool assigned_shape(Rule *r) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  r->out[0] = r->in[1];
  r->out[0].dtype = r->in[0].dtype;
  return type_may_be(&r->in[0], &r->in[1]) ||
         fail(r->error, "the value is %s, the variable %s",
              type_text(&r->in[0], a), type_text(&r->in[1], b));
}

static bool assigned_simpler(Context *c, const Node *n, Val *y) {
  (void)c;
  *y = n->in[0];
  return type_equal(val_type(*y), &n->out[0].type);
}

static int64_t whole(const OpCall *s) {
  (void)s;
  return 0;
}

static void reshape_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = reshape_like(c, dy[0], input(n, 0));
}

/* x with axes of size 1 where `like` has others */
static bool expand_shape(Rule *r) {
  if (!check_axes(r, &r->attr[0], r->in[1].rank))
    return false;
  r->out[0] = r->in[1];
  r->out[0].dtype = r->in[0].dtype;
  for (int i = 0; i < r->attr[0].n; i++)
    r->out[0].dim[r->attr[0].i[i]] = 1;
  int64_t n = type_elements(&r->in[0]), m = type_elements(&r->out[0]);
  if (n != m && n != UNKNOWN && m != UNKNOWN) {
    char a[TYPE_TEXT], b[TYPE_TEXT];
    return fail(r->error, "%s does not fill %s", type_text(&r->in[0], a),
                type_text(&r->out[0], b));
  }
  return true;
}

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

/* ---- broadcast ---------------------------------------------------------- */

static bool broadcast_fits(Rule *r, Type *y) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  Type joined = *y;
  y->dtype = r->in[0].dtype;
  if (r->in[0].rank > y->rank || !broadcast_dims(&joined, &r->in[0], y))
    return fail(r->error, "%s does not broadcast to %s",
                type_text(&r->in[0], a), type_text(y, b));
  for (int i = 0; i < y->rank; i++)
    if (joined.dim[i] != y->dim[i] && y->dim[i] != UNKNOWN)
      return fail(r->error, "%s does not broadcast to %s",
                  type_text(&r->in[0], a), type_text(y, b));
  r->out[0] = *y;
  return true;
}

/* A target of -1 is x's own size. */
static bool broadcast_to_shape(Rule *r) {
  Type y = type_new(F32, r->attr[0].n, r->attr[0].i);
  char text[TYPE_TEXT];
  for (int i = 0; i < y.rank; i++) {
    int own = i - (y.rank - r->in[0].rank);
    if (y.dim[i] == UNKNOWN && own < 0)
      return fail(r->error, "%s has no axis whose size -1 could be",
                  type_text(&r->in[0], text));
    if (y.dim[i] == UNKNOWN)
      y.dim[i] = r->in[0].dim[own];
    else if (!resolve_size(r, &y.dim[i]))
      return false;
  }
  return broadcast_fits(r, &y);
}

static bool broadcast_like_shape(Rule *r) {
  Type y = r->in[1];
  return broadcast_fits(r, &y);
}

static int64_t broadcast_view(const OpCall *s) {
  return type_elements(&s->in[0]) == type_elements(&s->out[0]) ? 0 : -1;
}

static void broadcast_run(const OpCall *s, const Run *r, int64_t task) {
  const Type *x = &s->in[0], *y = &s->out[0];
  Copy k = copy_new(y, y, y);
  int64_t stride = 1;
  memset(k.from, 0, sizeof k.from);
  for (int i = x->rank - 1; i >= 0; i--) {
    k.from[y->rank - x->rank + i] = x->dim[i] == 1 ? 0 : stride;
    stride *= x->dim[i];
  }
  copy_part(s, &k, r->out[0], r->in[0], task);
}

/* The walk itself sums over what was repeated. */
static void broadcast_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  (void)c, (void)n;
  dx[0] = dy[0];
}

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
** A step beyond the end is made one to the end: strides are multiplied by it. */
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
    int64_t count = r->attr[COUNTS].kind == ATTR_NIL ? -1 : r->attr[COUNTS].i[i];
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
  if (type_elements(y) == 0)
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

static void pad_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Attr steps = n->attr[INTERIOR];
  for (int i = 0; i < steps.n; i++)
    steps.i[i]++;
  dx[0] = emit_op(c, "slice_like", (Val[]){dy[0], input(n, 0)}, 2,
                  (Attr[]){n->attr[BEFORE], steps});
}

/* ---- concatenation ------------------------------------------------------ */

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
      fits = x->dim[k] == y.dim[k] || x->dim[k] == UNKNOWN ||
             y.dim[k] == UNKNOWN;
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
    fits = i == axis || part->dim[i] == g->dim[i] || part->dim[i] == UNKNOWN ||
           g->dim[i] == UNKNOWN;
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

/* ---- flip, and the value itself ----------------------------------------- */

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

const Op ops_move[] = {
  {"reshape", "x, newshape:ints", MOVE, AS_IS, reshape_shape, .view = whole,
   .role = SAME_ELEMENTS, .vjp = reshape_vjp,
   .doc = "The same elements in another shape; -1 is what is left."},
  {"reshape_like", "x, like", MOVE, AS_IS, like_second, .view = whole,
   .role = SAME_ELEMENTS, .vjp = reshape_vjp, .shape_only = 2,
   .file_class = "lunula",
   .doc = "The elements of x in the shape of another tensor."},
  {"expand_like", "x, like, axis:axes", MOVE, AS_IS, expand_shape,
   .view = whole, .role = SAME_ELEMENTS, .vjp = reshape_vjp, .shape_only = 2,
   .file_class = "lunula",
   .doc = "x in the shape of another tensor with the axes reduced to 1."},
  {"stop_gradient", "variable", MOVE, AS_IS, like_first, .view = whole,
   .role = SAME_ELEMENTS, .traits = NO_GRADIENT,
   .file_class = "core",
   .doc = "x, as a constant to gradients."},
  {"assigned", "value, variable, number:int=-1", MOVE, AS_IS,
   assigned_shape, .view = whole,
   .role = ASSIGNS, .simpler = assigned_simpler,
   .vjp = reshape_vjp, .shape_only = 2, .traits = HIDDEN,
   .doc = "A value that must have the sizes of a variable."},
  {"transpose", "x, axes:axes=nil", MOVE, AS_IS, transpose_shape,
   .tasks = copy_tasks, .run = transpose_run, .view = transpose_view,
   .vjp = transpose_vjp,
   .doc = "The axes in another order (nil: reversed)."},
  {"broadcast_to", "x, shape:ints", MOVE, AS_IS, broadcast_to_shape,
   .tasks = copy_tasks, .run = broadcast_run, .view = broadcast_view,
   .vjp = broadcast_vjp, .role = REPEATS, .doc = "x repeated to the shape."},
  {"broadcast_like", "x, like", MOVE, AS_IS, broadcast_like_shape,
   .tasks = copy_tasks, .run = broadcast_run, .view = broadcast_view,
   .vjp = broadcast_vjp, .role = REPEATS, .shape_only = 2,
   .file_class = "lunula",
   .doc = "x repeated to the shape of another tensor."},
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
   MOVE, AS_IS, pad_shape, .run = pad_run, .vjp = pad_vjp,
   .file_class = "lunula",
   .doc = "A value around x, and between its elements."},
  {"concatenate", "*xs, axis:int=0", MOVE, PROMOTE, concatenate_shape,
   .run = concatenate_run, .vjp = concatenate_vjp,
   .doc = "The tensors of a list one behind the other along an axis."},
  {"piece", "x, *likes, axis:int, index:int", MOVE, AS_IS, piece_shape,
   .tasks = copy_tasks, .run = piece_run, .view = piece_view,
   .vjp = piece_vjp, .shape_only = ~1u, .traits = HIDDEN,
   .doc = "One of the parts that were joined."},
  {"flip", "x, axis:axes=nil", MOVE, AS_IS, flip_shape, .run = flip_run,
   .vjp = flip_vjp, .doc = "The elements in reverse order along the axes."},
  {0}
};
