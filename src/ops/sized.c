/* Sizes that are computed when the program runs: half of a length, what two
** lengths have in common. A size is a scalar that comes from `dim` and plain
** arithmetic. Where it is not known the shape rules here leave it open; as soon
** as the sizes under it are known, which is always so when a plan is made, the
** call becomes an op that takes plain numbers. So no row here has a kernel. */

#include "ops/build.h"

enum { DEEPEST = 100 }; /* steps of arithmetic behind one size */

/* ---- the number behind a scalar ----------------------------------------- */

static bool number_known(Context *c, Val v, int depth);

static bool inputs_known(Context *c, const Node *n, int depth) {
  for (int i = 0; i < n->nin; i++)
    if (op_shape_only(n->op, i) ? !type_known(val_type(n->in[i]))
                                : !number_known(c, n->in[i], depth - 1))
      return false;
  return true;
}

/* Computes the scalar now, if all that it depends on is known. */
static bool number_known(Context *c, Val v, int depth) {
  Node *n = v.node;
  if (val_tensor(v)->data)
    return true;
  if (depth == 0 || n->op->kind == LEAF || n->op->kind == CALL ||
      n->nout != 1 || val_type(v)->rank != 0 ||
      n->op->traits & (DRAWS | HOST | BODY))
    return false;
  return inputs_known(c, n, depth) && node_evaluate(c, n);
}

static bool read_size(Context *c, const Op *op, Val v, int64_t *size) {
  if (val_type(v)->rank != 0 || val_type(v)->dtype != I32 ||
      !number_known(c, v, DEEPEST) || c->error.set)
    return false; /* what is no size is for the shape rule to refuse */
  *size = (int64_t)tensor_get(val_tensor(v), 0);
  if (*size < 0)
    fail(&c->error, "%s: a size comes to %lld", op->name, (long long)*size);
  return *size >= 0;
}

/* Sizes x[first..nin); false: not yet, or the error is set. */
static bool read_sizes(Context *c, const Op *op, const Val *x, int first,
                       int nin, int64_t *size) {
  for (int i = first; i < nin; i++)
    if (i - first >= MAX_RANK || !read_size(c, op, x[i], &size[i - first]))
      return false;
  return true;
}

/* What `expand` answers when it did not come to a call: an error ends here. */
static bool not_yet(Context *c, Val *y) {
  *y = (Val){c->dummy, 0};
  return c->error.set;
}

static bool check_sizes(Rule *r, int first) {
  char text[TYPE_TEXT];
  for (int i = first; i < r->nin; i++)
    if (r->in[i].rank != 0 || r->in[i].dtype != I32)
      return fail(r->error, "a size is one whole number, got %s %s",
                  dtype_name((DType)r->in[i].dtype),
                  type_text(&r->in[i], text));
  return true;
}

/* ---- parts and borders along one axis ----------------------------------- */

enum { AXIS, KNOWN, VALUE }; /* KNOWN: the result's size there, or -1 */

static bool one_axis_shape(Rule *r) {
  r->out[0] = r->in[0];
  if (!check_sizes(r, 1) || !check_axis(r, &r->attr[AXIS].i[0], r->in[0].rank))
    return false;
  int64_t known = r->attr[KNOWN].i[0];
  r->out[0].dim[r->attr[AXIS].i[0]] = known < 0 ? UNKNOWN : known;
  return true;
}

static bool unslice_sized_shape(Rule *r) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  r->out[0] = r->in[1];
  r->out[0].dtype = r->in[0].dtype;
  if (r->in[0].rank != r->in[1].rank)
    return fail(r->error, "%s is no part of %s", type_text(&r->in[0], a),
                type_text(&r->in[1], b));
  return check_sizes(r, 2) &&
         check_axis(r, &r->attr[AXIS].i[0], r->in[0].rank);
}

/* A list for all axes, which says something of one. */
static Attr along(const Type *x, int64_t axis, int64_t here, int64_t others) {
  Attr a = {.kind = ATTR_INTS, .n = x->rank};
  for (int i = 0; i < x->rank; i++)
    a.i[i] = i == axis || i == axis + x->rank ? here : others;
  return a;
}

/* Does the result have the size that it was told to have? */
static Val with_size(Context *c, const Op *op, Val y, const Attr *attr) {
  const Type *t = val_type(y);
  int64_t axis = attr[AXIS].i[0], known = attr[KNOWN].i[0];
  if (c->error.set || known < 0)
    return y;
  axis += axis < 0 ? t->rank : 0;
  if (t->dim[axis] != known && t->dim[axis] != UNKNOWN)
    fail(&c->error, "%s: axis %lld comes to %lld elements, not %lld", op->name,
         (long long)axis, (long long)t->dim[axis], (long long)known);
  return y;
}

static bool axis_fits(Val x, const Attr *attr) {
  int64_t axis = attr[AXIS].i[0], rank = val_type(x)->rank;
  return axis >= -rank && axis < rank;
}

static bool expand_slice(Context *c, const Op *op, const Val *x, int nin,
                         const Attr *attr, Val *y) {
  int64_t size[MAX_RANK], axis = attr[AXIS].i[0];
  const Type *t = val_type(x[0]);
  if (!axis_fits(x[0], attr) || !read_sizes(c, op, x, 1, nin, size))
    return not_yet(c, y);
  Attr list[3] = {along(t, axis, size[0], 0), along(t, axis, 1, 1),
                  along(t, axis, size[1], -1)};
  *y = with_size(c, op, emit_op(c, "slice_steps", x, 1, list), attr);
  return true;
}

static bool expand_unslice(Context *c, const Op *op, const Val *x, int nin,
                           const Attr *attr, Val *y) {
  int64_t size[MAX_RANK], axis = attr[AXIS].i[0];
  const Type *t = val_type(x[1]);
  if (!axis_fits(x[0], attr) || !read_sizes(c, op, x, 2, nin, size))
    return not_yet(c, y);
  Attr list[2] = {along(t, axis, size[0], 0), along(t, axis, 1, 1)};
  *y = emit_op(c, "unslice", x, 2, list);
  return true;
}

static bool expand_pad(Context *c, const Op *op, const Val *x, int nin,
                       const Attr *attr, Val *y) {
  int64_t size[MAX_RANK], axis = attr[AXIS].i[0];
  const Type *t = val_type(x[0]);
  if (!axis_fits(x[0], attr) || !read_sizes(c, op, x, 1, nin, size))
    return not_yet(c, y);
  Attr list[4] = {along(t, axis, size[0], 0), along(t, axis, size[1], 0),
                  along(t, axis, 0, 0), attr[VALUE]};
  *y = with_size(c, op, emit_op(c, "pad_with", x, 1, list), attr);
  return true;
}

/* g from `start` on, as many elements along the axis as x has. */
static Val part_like(Context *c, Val g, Val start, Val x, const Attr *axis) {
  Val count = emit_op(c, "dim", &x, 1, axis);
  return emit_op(c, "slice_sized", (Val[]){g, start, count}, 3,
                 (Attr[]){*axis, attr_int(val_type(x)->dim[axis->i[0]])});
}

static void slice_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = emit_op(c, "unslice_sized",
                  (Val[]){dy[0], input(n, 0), input(n, 1)}, 3, &n->attr[AXIS]);
}

static void unslice_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = part_like(c, dy[0], input(n, 2), input(n, 0), &n->attr[AXIS]);
}

static void pad_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = part_like(c, dy[0], input(n, 1), input(n, 0), &n->attr[AXIS]);
}

/* ---- shapes ------------------------------------------------------------- */

/* The list with the operands' sizes; NULL: they are not known. False where it
** names an operand that is not there. */
static bool resolve(Attr *list, const int64_t *size, int n) {
  for (int i = 0; i < list->n; i++) {
    if (list->i[i] > SIZE_OPERAND)
      continue;
    int64_t k = SIZE_OPERAND - list->i[i];
    if (k >= n)
      return false;
    list->i[i] = size ? size[k] : UNKNOWN;
  }
  return true;
}

/* An operand and what reshape infers are both unknown, so that at most one
** -1 is left for the rule of reshape: its other sizes are checked in time. */
static bool sized_shape(Rule *r) {
  const Type *x = &r->in[0];
  Attr list = r->attr[0];
  if (!check_sizes(r, 1))
    return false;
  if (!resolve(&list, NULL, r->nin - 1))
    return fail(r->error, "a size that is not among the operands");
  r->out[0] = type_new((DType)x->dtype, list.n, list.i);
  for (int i = 0; i < list.n; i++) {
    int64_t *n = &r->out[0].dim[i];
    if (*n >= UNKNOWN)
      continue;
    if (*n < -1 - x->rank) /* -2 - i is the size of axis i */
      return fail(r->error, "size %lld in the new shape", (long long)*n);
    *n = x->dim[-2 - *n];
  }
  return true;
}

static bool expand_sized(Context *c, const Op *op, const char *plain,
                         const Val *x, int nin, const Attr *attr, Val *y) {
  int64_t size[MAX_RANK];
  Attr list = attr[0];
  if (!read_sizes(c, op, x, 1, nin, size) || !resolve(&list, size, nin - 1))
    return not_yet(c, y);
  *y = emit_op(c, plain, x, 1, &list);
  return true;
}

static bool expand_reshape(Context *c, const Op *op, const Val *x, int nin,
                           const Attr *attr, Val *y) {
  return expand_sized(c, op, "reshape", x, nin, attr, y);
}

static bool expand_broadcast(Context *c, const Op *op, const Val *x, int nin,
                             const Attr *attr, Val *y) {
  return expand_sized(c, op, "broadcast_to", x, nin, attr, y);
}

static void reshape_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = reshape_like(c, dy[0], input(n, 0));
}

/* The walk itself sums over what was repeated. */
static void broadcast_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  (void)c, (void)n;
  dx[0] = dy[0];
}

/* ---- one of two --------------------------------------------------------- */

/* The sizes that both have are those of the result. */
static bool choose_shape(Rule *r) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  const Type *x = &r->in[1], *other = &r->in[2];
  r->out[0] = *x;
  if (r->in[0].rank != 0)
    return fail(r->error, "the condition is one number, got %s",
                type_text(&r->in[0], a));
  if (x->rank != other->rank || x->dtype != other->dtype)
    return fail(r->error, "no choice between %s %s and %s %s",
                dtype_name((DType)x->dtype), type_text(x, a),
                dtype_name((DType)other->dtype), type_text(other, b));
  for (int i = 0; i < x->rank; i++)
    if (x->dim[i] != other->dim[i])
      r->out[0].dim[i] = UNKNOWN;
  return true;
}

static bool expand_choose(Context *c, const Op *op, const Val *x, int nin,
                          const Attr *attr, Val *y) {
  (void)op, (void)nin, (void)attr;
  if (val_type(x[0])->rank != 0 || !number_known(c, x[0], DEEPEST))
    return not_yet(c, y);
  *y = tensor_get(val_tensor(x[0]), 0) != 0 ? x[1] : x[2];
  return true;
}

static Val choose(Context *c, Val condition, Val a, Val b) {
  return emit_op(c, "choose_sized", (Val[]){condition, a, b}, 3, NULL);
}

static void choose_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val condition = input(n, 0);
  dx[1] = choose(c, condition, dy[0], zeros_like(c, input(n, 1)));
  dx[2] = choose(c, condition, zeros_like(c, input(n, 2)), dy[0]);
}

/* ---- rows --------------------------------------------------------------- */

const Op ops_sized[] = {
  {"slice_sized", "x, start, count, axis:int, known:int=-1", MOVE, AS_IS,
   one_axis_shape, .expand = expand_slice, .vjp = slice_vjp,
   .traits = SIZED, .file_class = "lunula",
   .doc = "`count` elements of an axis from `start`, both computed sizes; "
          "`known`: how many these will be."},
  {"unslice_sized", "x, like, start, axis:int", MOVE, AS_IS,
   unslice_sized_shape, .expand = expand_unslice, .vjp = unslice_vjp,
   .shape_only = 2, .traits = HIDDEN | SIZED,
   .doc = "Zeros of the shape of another tensor, x in the place of a slice."},
  {"pad_sized", "x, before, after, axis:int, known:int=-1, value:num=0", MOVE,
   AS_IS, one_axis_shape, .expand = expand_pad, .vjp = pad_vjp,
   .traits = SIZED, .file_class = "lunula",
   .doc = "A value before and after x along an axis, as often as computed "
          "sizes say."},
  {"reshape_sized", "x, *sizes, newshape:ints", MOVE, AS_IS, sized_shape,
   .expand = expand_reshape, .vjp = reshape_vjp, .traits = SIZED,
   .file_class = "lunula",
   .doc = "reshape, with computed sizes: -100 - i stands for number i, from "
          "0."},
  {"broadcast_sized", "x, *sizes, shape:ints", MOVE, AS_IS, sized_shape,
   .expand = expand_broadcast, .vjp = broadcast_vjp, .traits = SIZED,
   .file_class = "lunula",
   .doc = "broadcast_to, with computed sizes: -100 - i stands for number i, "
          "from 0."},
  {"choose_sized", "condition, x1, x2", MOVE, AS_IS, choose_shape,
   .expand = expand_choose, .vjp = choose_vjp, .traits = SIZED,
   .file_class = "lunula",
   .doc = "x1 where a computed size is not 0, else x2."},
  {0}
};
