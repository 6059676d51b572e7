/* Windows over images (batch, 1 to 3 spatial axes, channels): the cells under
** each window, and the adjoint. The semantic ground of every convolution and
** pooling. */

#include <string.h>

#include "ops/window.h"

enum { SIZE, STEPS, PAD_VALUE = STEPS + WALK_ATTRS }; /* attributes */

/* ---- walks -------------------------------------------------------------- */

int64_t walk_length(const Walk *w, int i, int64_t n, int64_t *before) {
  int64_t stride = option_at(w->strides, i, 1), reach = walk_reach(w, i);
  *before = option_at(w->before, i, 0);
  if (n == UNKNOWN)
    return UNKNOWN;
  if (w->same->i[0]) { /* the stride alone says how many, padding follows */
    int64_t out = (n + stride - 1) / stride;
    int64_t total = (out - 1) * stride + reach - n;
    *before = total > 0 ? total / 2 : 0;
    return out;
  }
  int64_t room = n + *before + option_at(w->after, i, 0) - reach;
  return room < 0 ? 0 : room / stride + 1;
}

bool walk_check(Rule *r, const Type *x, const Walk *w) {
  const Attr *all[] = {&w->size, w->strides, w->dilation, w->before, w->after};
  char text[TYPE_TEXT];
  int n = x->rank - 2;
  if (n < 1 || n > 3)
    return fail(r->error, "an image has a batch, 1 to 3 spatial axes and "
                          "channels; x is %s", type_text(x, text));
  for (int i = 0; i < COUNT_OF(all); i++)
    if (all[i]->kind != ATTR_NIL && all[i]->n != n && all[i]->n != 1)
      return fail(r->error, "%d numbers for %d spatial axes", all[i]->n, n);
  for (int i = 0; i < n; i++)
    if (option_at(&w->size, i, 1) < 1 || option_at(w->strides, i, 1) < 1 ||
        option_at(w->dilation, i, 1) < 1 || option_at(w->before, i, 0) < 0 ||
        option_at(w->after, i, 0) < 0)
      return fail(r->error, "sizes, strides and dilations are 1 or more, "
                            "padding 0 or more");
  for (int i = 0; i < COUNT_OF(all); i++)
    for (int k = 0; k < all[i]->n; k++)
      if (all[i]->i[k] > 1 << 20) /* so that no product of three overflows */
        return fail(r->error, "a window of %lld cells",
                    (long long)all[i]->i[k]);
  return true;
}

bool walk_check_room(Rule *r, const Type *x, const Walk *w, const char *name) {
  char text[TYPE_TEXT];
  for (int i = 0; i < x->rank - 2; i++) {
    int64_t n = x->dim[i + 1];
    /* `same` pads until there is room; of no cells the result is empty */
    if (w->same->i[0] || n == UNKNOWN || n == 0)
      continue;
    n += option_at(w->before, i, 0) + option_at(w->after, i, 0);
    if (n < walk_reach(w, i))
      return fail(r->error, "the %s spans %lld cells of axis %d, more than "
                            "there are: x is %s", name,
                  (long long)walk_reach(w, i), i + 1, type_text(x, text));
  }
  return true;
}

/* Zeros around the spatial axes, and nowhere else? */
static bool pads_spatially(const Node *n) {
  const Attr *a = n->attr;
  if (n->op->role != PADS || n->nin != 1 || n->out[0].type.dtype != F32 ||
      a[3].f != 0)
    return false;
  int last = n->out[0].type.rank - 1;
  for (int i = 0; i <= last; i++) {
    bool spatial = i > 0 && i < last;
    if (a[2].i[i] != 0 || (!spatial && (a[0].i[i] != 0 || a[1].i[i] != 0)))
      return false;
  }
  return type_known(&n->out[0].type);
}

/* What the walk itself has behind axis i. */
static int64_t walk_after(const Walk *w, int i, int64_t n, int64_t before) {
  int64_t stride = option_at(w->strides, i, 1);
  if (!w->same->i[0])
    return option_at(w->after, i, 0);
  int64_t total = ((n + stride - 1) / stride - 1) * stride + walk_reach(w, i) -
                  n;
  return total > 0 ? total - before : 0;
}

bool walk_unpad(Val image, const Attr *size, const Attr *options, Val *x,
                Attr *unpadded) {
  enum { STRIDES, DILATION, SAME, BEFORE, AFTER, MOST = 1 << 20 };
  const Node *pad = image.node;
  if (!pads_spatially(pad))
    return false;
  Walk w = walk_new(size, options);
  int n = val_type(image)->rank - 2;
  int64_t before[3], after[3];
  for (int i = 0; i < n; i++) {
    int64_t cells = val_type(image)->dim[i + 1];
    walk_length(&w, i, cells, &before[i]);
    after[i] = walk_after(&w, i, cells, before[i]) + pad->attr[1].i[i + 1];
    before[i] += pad->attr[0].i[i + 1];
    if (before[i] > MOST || after[i] > MOST)
      return false;
  }
  memcpy(unpadded, options, WALK_ATTRS * sizeof *options);
  unpadded[SAME] = (Attr){.kind = ATTR_BOOL, .n = 1};
  unpadded[BEFORE] = attr_ints(n, before);
  unpadded[AFTER] = attr_ints(n, after);
  *x = pad->in[0];
  return true;
}

/* Axes that are not there come first, so that the last one is innermost. */
Window walk_window(const Walk *w, const Type *x) {
  int n = x->rank - 2;
  Window k = {.batch = x->dim[0], .channels = x->dim[x->rank - 1]};
  for (int i = 0; i < 3; i++)
    k.in[i] = k.out[i] = k.size[i] = k.stride[i] = k.dilation[i] = 1;
  for (int i = 0; i < n; i++) {
    int at = 3 - n + i;
    k.in[at] = x->dim[i + 1];
    k.size[at] = option_at(&w->size, i, 1);
    k.stride[at] = option_at(w->strides, i, 1);
    k.dilation[at] = option_at(w->dilation, i, 1);
    k.out[at] = walk_length(w, i, k.in[at], &k.before[at]);
  }
  return k;
}

static int64_t inside(int64_t line, int64_t lines) {
  return line < 0 ? 0 : line > lines ? lines : line;
}

void window_lines(const Window *w, int64_t *first, int64_t *end) {
  int64_t reach = (w->size[1] - 1) * w->dilation[1] + 1, last = *end - 1;
  int64_t from = *first % w->out[1] * w->stride[1] - w->before[1];
  int64_t to = last % w->out[1] * w->stride[1] - w->before[1] + reach;
  *first = *first / w->out[1] * w->in[1] + inside(from, w->in[1]);
  *end = last / w->out[1] * w->in[1] + inside(to, w->in[1]);
}

/* ---- patches ------------------------------------------------------------ */

static Walk patches_walk(const Attr *attr) {
  return walk_new(&attr[SIZE], &attr[STEPS]);
}

static bool patches_type(Rule *r, const Type *x, Type *y) {
  Walk w = patches_walk(r->attr);
  int64_t cells = 1, before;
  if (!walk_check(r, x, &w))
    return false;
  *y = *x;
  for (int i = 0; i < x->rank - 2; i++) {
    y->dim[i + 1] = walk_length(&w, i, x->dim[i + 1], &before);
    cells *= option_at(&w.size, i, 1); /* each at most 2^20 */
  }
  int64_t *channels = &y->dim[x->rank - 1];
  if (*channels != UNKNOWN &&
      __builtin_mul_overflow(*channels, cells, channels))
    return fail(r->error, "windows of %lld cells", (long long)cells);
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
        !may_equal(want.dim[i], r->in[0].dim[i]))
      return fail(r->error, "patches %s, the windows give %s",
                  type_text(&r->in[0], a), type_text(&want, b));
  r->out[0] = r->in[1];
  r->out[0].dtype = F32;
  return true;
}

static Window window_of(const Type *x, const Attr *attr) {
  Walk w = patches_walk(attr);
  return walk_window(&w, x);
}

static int64_t by_image(int64_t elements, int64_t images) {
  enum { GRAIN = 1 << 15 };
  int64_t tasks = elements / GRAIN;
  return tasks < 1 ? 1 : tasks > images ? images : tasks;
}

static int64_t patches_tasks(const OpCall *s) {
  return by_image(type_elements(&s->out[0]), s->out[0].dim[0]);
}

/* The kernel moves four bytes at a time, whatever they are. */
static float pad_value(const OpCall *s) {
  float item;
  Tensor one = {.type = type_new((DType)s->in[0].dtype, 0, NULL),
                .data = &item};
  tensor_put(&one, 0, s->attr[PAD_VALUE].f);
  return item;
}

static void patches_run(const OpCall *s, const Run *r, int64_t task) {
  Window w = window_of(&s->in[0], s->attr);
  int64_t tasks = patches_tasks(s);
  ISA(window_patches)(r->in[0], r->out[0], &w, pad_value(s),
                      w.batch * task / tasks, w.batch * (task + 1) / tasks);
}

static int64_t fold_tasks(const OpCall *s) {
  return by_image(type_elements(&s->in[0]), s->in[0].dim[0]);
}

static void fold_run(const OpCall *s, const Run *r, int64_t task) {
  Window w = window_of(&s->in[1], s->attr);
  int64_t tasks = fold_tasks(s);
  ISA(window_fold)(r->in[0], r->out[0], &w, w.batch * task / tasks,
                   w.batch * (task + 1) / tasks);
}

static void patches_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = emit_op(c, "fold_patches", (Val[]){dy[0], input(n, 0)}, 2,
                  n->attr);
}

/* The adjoint of a walk that adds nothing at the edge pads with zeros. */
static void fold_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Attr a[PAD_VALUE + 1];
  for (int i = 0; i <= PAD_VALUE; i++)
    a[i] = n->attr[i];
  a[PAD_VALUE] = attr_num(0);
  dx[0] = emit_op(c, "patches", dy, 1, a);
}

#define PATCHES "size:ints, " WALK_OPTIONS ", value:num=0"

const Op ops_window[] = {
  {"patches", "x, " PATCHES, WINDOW, COMPUTE, patches_shape,
   .tasks = patches_tasks, .run = patches_run, .vjp = patches_vjp,
   .file_class = "lunula",
   .doc = "The cells under each window, channels last: (batch, out..., cells * "
          "channels)."},
  {"fold_patches", "patches, like, " PATCHES, WINDOW, FLOATS,
   fold_shape, .tasks = fold_tasks, .run = fold_run, .vjp = fold_vjp,
   .shape_only = 2,
   .file_class = "lunula",
   .doc = "The adjoint of patches: each cell is the sum of all patches that "
          "saw it."},
  {0}
};
