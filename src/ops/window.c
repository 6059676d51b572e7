/* Windows over images (batch, 1 to 3 spatial axes, channels): the cells under
** each window, and the adjoint. The semantic ground of every convolution and
** pooling. */

#include "kernels/kernels.h"
#include "ops/build.h"

/* Attributes of both rows. same: pad so that out = ceil(in / stride), the odd
** cell at the end; else `before` and `after` say. */
enum { SIZE, STRIDES, DILATION, SAME, PAD_BEFORE, PAD_AFTER, PAD_VALUE };

static int64_t spatial(const Attr *a, int axis, int64_t otherwise) {
  return a->kind == ATTR_NIL ? otherwise : a->i[a->n == 1 ? 0 : axis];
}

static int64_t out_size(const Attr *attr, int axis, int64_t n,
                        int64_t *before) {
  int64_t stride = spatial(&attr[STRIDES], axis, 1);
  int64_t reach = (spatial(&attr[SIZE], axis, 1) - 1) *
                      spatial(&attr[DILATION], axis, 1) + 1;
  *before = spatial(&attr[PAD_BEFORE], axis, 0);
  if (n == UNKNOWN)
    return UNKNOWN;
  if (attr[SAME].i[0]) {
    int64_t out = (n + stride - 1) / stride;
    int64_t total = (out - 1) * stride + reach - n;
    *before = total > 0 ? total / 2 : 0;
    return out;
  }
  int64_t room = n + *before + spatial(&attr[PAD_AFTER], axis, 0) - reach;
  return room < 0 ? 0 : room / stride + 1;
}

static bool check_window(Rule *r, const Type *x) {
  char text[TYPE_TEXT];
  int n = x->rank - 2;
  if (n < 1 || n > 3)
    return fail(r->error, "an image has a batch, 1 to 3 spatial axes and "
                          "channels; x is %s", type_text(x, text));
  for (int i = SIZE; i <= PAD_AFTER; i++)
    if (i != SAME && r->attr[i].kind != ATTR_NIL && r->attr[i].n != n &&
        r->attr[i].n != 1)
      return fail(r->error, "%d numbers for %d spatial axes", r->attr[i].n, n);
  for (int i = 0; i < n; i++)
    if (spatial(&r->attr[SIZE], i, 1) < 1 ||
        spatial(&r->attr[STRIDES], i, 1) < 1 ||
        spatial(&r->attr[DILATION], i, 1) < 1 ||
        spatial(&r->attr[PAD_BEFORE], i, 0) < 0 ||
        spatial(&r->attr[PAD_AFTER], i, 0) < 0)
      return fail(r->error, "sizes, strides and dilations are 1 or more, "
                            "padding 0 or more");
  return true;
}

static bool patches_type(Rule *r, const Type *x, Type *y) {
  int64_t cells = 1, before;
  if (!check_window(r, x))
    return false;
  *y = *x;
  for (int i = 0; i < x->rank - 2; i++) {
    y->dim[i + 1] = out_size(r->attr, i, x->dim[i + 1], &before);
    cells *= spatial(&r->attr[SIZE], i, 1);
  }
  int64_t *channels = &y->dim[x->rank - 1];
  *channels = *channels == UNKNOWN ? UNKNOWN : *channels * cells;
  return true;
}

static bool patches_shape(Rule *r) {
  return patches_type(r, &r->in[0], &r->out[0]);
}

static bool fold_shape(Rule *r) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  Type want;
  if (!patches_type(r, &r->in[1], &want))
    return false;
  for (int i = 0; i < want.rank; i++)
    if (want.rank != r->in[0].rank ||
        (want.dim[i] != r->in[0].dim[i] && want.dim[i] != UNKNOWN &&
         r->in[0].dim[i] != UNKNOWN))
      return fail(r->error, "patches %s, the windows give %s",
                  type_text(&r->in[0], a), type_text(&want, b));
  r->out[0] = r->in[1];
  r->out[0].dtype = F32;
  return true;
}

static Window window_of(const Type *x, const Attr *attr) {
  int n = x->rank - 2;
  Window w = {.batch = x->dim[0], .channels = x->dim[x->rank - 1]};
  for (int i = 0; i < 3; i++) {
    bool there = i < n;
    w.in[i] = there ? x->dim[i + 1] : 1;
    w.size[i] = there ? spatial(&attr[SIZE], i, 1) : 1;
    w.stride[i] = there ? spatial(&attr[STRIDES], i, 1) : 1;
    w.dilation[i] = there ? spatial(&attr[DILATION], i, 1) : 1;
    w.out[i] = 1;
    if (there)
      w.out[i] = out_size(attr, i, w.in[i], &w.before[i]);
  }
  return w;
}

static int64_t by_image(int64_t elements, int64_t images) {
  enum { GRAIN = 1 << 15 };
  int64_t tasks = elements / GRAIN;
  return tasks < 1 ? 1 : tasks > images ? images : tasks;
}

static int64_t patches_tasks(const Step *s) {
  return by_image(type_elements(&s->out[0]), s->out[0].dim[0]);
}

static void patches_run(const Step *s, const Run *r, int64_t task) {
  Window w = window_of(&s->in[0], s->attr);
  int64_t tasks = patches_tasks(s);
  window_patches(r->in[0], r->out[0], &w, (float)s->attr[PAD_VALUE].f,
                 w.batch * task / tasks, w.batch * (task + 1) / tasks);
}

static int64_t fold_tasks(const Step *s) {
  return by_image(type_elements(&s->in[0]), s->in[0].dim[0]);
}

static void fold_run(const Step *s, const Run *r, int64_t task) {
  Window w = window_of(&s->in[1], s->attr);
  int64_t tasks = fold_tasks(s);
  window_fold(r->in[0], r->out[0], &w, w.batch * task / tasks,
              w.batch * (task + 1) / tasks);
}

static void patches_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = emit(c, op_find("fold_patches"), (Val[]){dy[0], input(n, 0)}, 2,
               n->attr);
}

/* The adjoint of a walk that adds nothing at the edge pads with zeros. */
static void fold_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Attr a[PAD_VALUE + 1];
  for (int i = 0; i <= PAD_VALUE; i++)
    a[i] = n->attr[i];
  a[PAD_VALUE] = attr_num(0);
  dx[0] = emit(c, op_find("patches"), dy, 1, a);
}

#define WINDOW_OPTIONS                                                  \
  "size:ints, strides:ints=nil, dilation:ints=nil, same:bool=false, "   \
  "before:ints=nil, after:ints=nil, value:num=0"

const Op ops_window[] = {
  {"patches", "x, " WINDOW_OPTIONS, WINDOW, FLOATS, patches_shape,
   .tasks = patches_tasks, .run = patches_run, .vjp = patches_vjp,
   .doc = "The cells under each window, channels last: (batch, out..., cells * "
          "channels)."},
  {"fold_patches", "patches, like, " WINDOW_OPTIONS, WINDOW, FLOATS,
   fold_shape, .tasks = fold_tasks, .run = fold_run, .vjp = fold_vjp,
   .shape_only = 2,
   .doc = "The adjoint of patches: each cell is the sum of all patches that "
          "saw it."},
  {0}
};
