/* Another shape: the elements stay in order, and are seen with other sizes or
** repeated. A view wherever no byte need move. */

#include <string.h>

#include "ops/build.h"
#include "ops/copy.h"

/* ---- the same elements -------------------------------------------------- */

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

/* What a target shape says of the sizes. */
typedef struct Target {
  int64_t known; /* the product of those that it gives */
  int infer;     /* the axis of -1, or -1 */
  bool open;     /* an input's size that is not known is among them */
} Target;

/* Fills y's sizes, but for what is inferred. */
static bool read_target(Rule *r, Type *y, Target *t) {
  char text[TYPE_TEXT];
  *t = (Target){.known = 1, .infer = -1};
  for (int i = 0; i < y->rank; i++) {
    bool copied = y->dim[i] < UNKNOWN;
    if (!resolve_size(r, &y->dim[i]))
      return false;
    if (y->dim[i] == UNKNOWN && copied) {
      t->open = true;
    } else if (y->dim[i] == UNKNOWN) {
      if (t->infer >= 0)
        return fail(r->error, "more than one size to infer in %s",
                    type_text(y, text));
      t->infer = i;
    } else if (__builtin_mul_overflow(t->known, y->dim[i], &t->known)) {
      return fail(r->error, "no memory has so many numbers: %s",
                  type_text(y, text));
    }
  }
  return true;
}

/* The product of x's sizes, as far as they are known. */
static int64_t known_elements(const Type *x) {
  int64_t n = 1;
  for (int i = 0; i < x->rank; i++)
    n *= x->dim[i] == UNKNOWN ? 1 : x->dim[i];
  return n;
}

/* Do n elements fill y? A size that is left to infer is set. */
static bool fill_target(int64_t n, const Target *t, Type *y) {
  if (t->infer < 0)
    return n == t->known;
  if (t->known == 0) { /* any size would do */
    y->dim[t->infer] = 0;
    return n == 0;
  }
  y->dim[t->infer] = n / t->known;
  return n % t->known == 0;
}

static bool reshape_shape(Rule *r) {
  const Type *x = &r->in[0];
  char from[TYPE_TEXT], to[TYPE_TEXT];
  int64_t n = type_elements(x), least = known_elements(x);
  Type y = type_new((DType)x->dtype, r->attr[0].n, r->attr[0].i);
  Target t;
  if (!read_target(r, &y, &t))
    return false;
  type_text(x, from);
  type_text(&y, to);
  if (n != UNKNOWN && !t.open && !fill_target(n, &t, &y))
    return fail(r->error, "%s has %lld elements, they do not fill %s", from,
                (long long)n, to);
  /* whatever x turns out to be, its count is a multiple of what is known */
  if (n == UNKNOWN && !t.open && t.infer < 0 && least > 0 &&
      t.known % least != 0)
    return fail(r->error, "the elements of %s do not fill %s", from, to);
  r->out[0] = y;
  return true;
}

static bool like_second(Rule *r) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  int64_t n = type_elements(&r->in[0]), m = type_elements(&r->in[1]);
  if (!may_equal(n, m))
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
  if (!may_equal(n, m)) {
    char a[TYPE_TEXT], b[TYPE_TEXT];
    return fail(r->error, "%s does not fill %s", type_text(&r->in[0], a),
                type_text(&r->out[0], b));
  }
  return true;
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

/* ---- bits --------------------------------------------------------------- */

/* Of what a boolean is made, not every number is one. */
static bool has_bits_of(DType from, DType to) {
  return from == to || (from != STR && to != STR && to != BOOL);
}

static bool bits_shape(Rule *r) {
  char text[TYPE_TEXT];
  Type *y = &r->out[0];
  DType from = (DType)r->in[0].dtype, to = (DType)r->attr[0].i[0];
  *y = r->in[0];
  y->dtype = to;
  if (!has_bits_of(from, to))
    return fail(r->error, "the bits of %s are no %s", dtype_name(from),
                dtype_name(to));
  int64_t old = dtype_size(from), new = dtype_size(to);
  if (old == new)
    return true;
  int64_t *last = y->rank > 0 ? &y->dim[y->rank - 1] : NULL;
  if (last == NULL || (*last != UNKNOWN && *last * old % new != 0))
    return fail(r->error, "the last axis of %s, %s, does not make whole "
                          "elements of %s", type_text(&r->in[0], text),
                dtype_name(from), dtype_name(to));
  *last = *last == UNKNOWN ? UNKNOWN : *last * old / new;
  return true;
}

/* Elements that are larger than those of x are copied: a part of x may begin
** where none of them may lie. */
static int64_t bits_view(const OpCall *s) {
  int64_t old = dtype_size((DType)s->in[0].dtype);
  return dtype_size((DType)s->out[0].dtype) > old ? -1 : 0;
}

static void bits_run(const OpCall *s, const Run *r, int64_t task) {
  (void)task;
  memcpy(r->out[0], r->in[0], (size_t)type_bytes(&s->out[0]));
}

/* ---- rows --------------------------------------------------------------- */

const Op ops_reshape[] = {
  {"reshape", "x, newshape:shape", MOVE, AS_IS, reshape_shape, .view = whole,
   .role = SAME_ELEMENTS, .vjp = reshape_vjp, .sized = "reshape_sized",
   .traits = STRINGS,
   .doc = "The same elements in another shape; -1 is what is left."},
  {"reshape_like", "x, like", MOVE, AS_IS, like_second, .view = whole,
   .role = SAME_ELEMENTS, .vjp = reshape_vjp, .shape_only = 2,
   .traits = STRINGS, .file_class = "lunula",
   .doc = "The elements of x in the shape of another tensor."},
  {"expand_like", "x, like, axis:axes", MOVE, AS_IS, expand_shape,
   .view = whole, .role = SAME_ELEMENTS, .vjp = reshape_vjp, .shape_only = 2,
   .traits = STRINGS, .file_class = "lunula",
   .doc = "x in the shape of another tensor with the axes reduced to 1."},
  {"assigned", "value, variable, number:int=-1", MOVE, AS_IS,
   assigned_shape, .view = whole,
   .role = ASSIGNS, .simpler = assigned_simpler,
   .vjp = reshape_vjp, .shape_only = 2, .traits = HIDDEN,
   .doc = "A value that must have the sizes of a variable."},
  {"view", "x, dtype:dtype", MOVE, AS_IS, bits_shape, .run = bits_run,
   .view = bits_view, .traits = NO_GRADIENT,
   .doc = "The bits of x as another type."},
  {"stop_gradient", "variable", MOVE, AS_IS, like_first, .view = whole,
   .role = SAME_ELEMENTS, .traits = NO_GRADIENT,
   .file_class = "core",
   .doc = "x, as a constant to gradients."},
  {"broadcast_to", "x, shape:shape", MOVE, AS_IS, broadcast_to_shape,
   .tasks = copy_tasks, .run = broadcast_run, .view = broadcast_view,
   .vjp = broadcast_vjp, .role = REPEATS, .sized = "broadcast_sized",
   .doc = "x repeated to the shape."},
  {"broadcast_like", "x, like", MOVE, AS_IS, broadcast_like_shape,
   .tasks = copy_tasks, .run = broadcast_run, .view = broadcast_view,
   .vjp = broadcast_vjp, .role = REPEATS, .shape_only = 2,
   .file_class = "lunula",
   .doc = "x repeated to the shape of another tensor."},
  {0}
};
