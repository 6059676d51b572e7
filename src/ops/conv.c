/* Convolutions, channels last, as four rows that are closed under
** differentiation: the convolution, its adjoint in the image, once with the
** image's sizes given (a gradient) and once computed (the transposed
** convolution), and its adjoint in the kernel. A kernel is (size..., channels
** / groups, filters); the groups follow from the channels. The lowering of all
** four is patches and matmul; the spec holds the kernels against it. */

#include <string.h>

#include "ops/window.h"

/* Attributes: the walk's options; of the transposed one, three of them are
** resolved already, and `extra` cells that no window sees are at the end. */
enum { STRIDES, DILATION, BEFORE, AFTER, EXTRA };

/* ---- the walk of a convolution ------------------------------------------ */

static Attr kernel_size(const Type *k) {
  return attr_ints(k->rank > 2 ? k->rank - 2 : 0, k->dim);
}

static Walk conv_walk(const Type *k, const Attr *attr) {
  Attr size = kernel_size(k);
  return walk_new(&size, attr);
}

static const Attr not_same = {.kind = ATTR_BOOL, .n = 1};

static Walk transpose_walk(const Type *k, const Attr *attr) {
  return (Walk){kernel_size(k), &attr[STRIDES], &attr[DILATION], &not_same,
                &attr[BEFORE], &attr[AFTER]};
}

/* ---- shapes ------------------------------------------------------------- */

static bool same_rank(Rule *r, const Type *x, const Type *k) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  return x->rank == k->rank ||
         fail(r->error, "the kernel has rank %d, the image %d: kernel is %s, x "
                        "is %s", k->rank, x->rank, type_text(k, b),
              type_text(x, a));
}

static bool check_kernel(Rule *r, const Type *x, const Type *k) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  type_text(x, a);
  type_text(k, b);
  for (int i = 0; i < k->rank; i++)
    if (k->dim[i] == 0)
      return fail(r->error, "the kernel's sizes must not be 0, it is %s", b);
  int64_t channels = x->dim[x->rank - 1], per_group = k->dim[k->rank - 2];
  int64_t filters = k->dim[k->rank - 1];
  if (channels == UNKNOWN || per_group == UNKNOWN || filters == UNKNOWN)
    return true;
  if (channels % per_group != 0)
    return fail(r->error, "x has %lld channels, the kernel is for %lld, or a "
                          "multiple in groups: x is %s, kernel is %s",
                (long long)channels, (long long)per_group, a, b);
  int64_t groups = channels / per_group;
  if (groups == 0 || filters % groups != 0)
    return fail(r->error, "%lld filters do not divide into %lld groups: x is "
                          "%s, kernel is %s", (long long)filters,
                (long long)groups, a, b);
  return true;
}

static bool windows_known(const Type *k) {
  for (int i = 0; i < k->rank - 2; i++)
    if (k->dim[i] == UNKNOWN)
      return false;
  return true;
}

/* A convolution whose windows are not known: only "same" can tell how many
** there are, one for each stride. */
static bool open_conv_type(Rule *r, const Type *x, const Type *k, const Walk *w,
                           Type *y) {
  if (!check_kernel(r, x, k))
    return false;
  *y = *x;
  y->dtype = F32;
  y->dim[y->rank - 1] = k->dim[k->rank - 1];
  for (int i = 0; i < x->rank - 2; i++) {
    int64_t *n = &y->dim[i + 1], stride = option_at(w->strides, i, 1);
    if (!w->same->i[0] || stride < 1)
      *n = UNKNOWN;
    else if (*n != UNKNOWN)
      *n = *n / stride + (*n % stride > 0);
  }
  return true;
}

/* What a convolution of x with k is. */
static bool conv_type(Rule *r, const Type *x, const Type *k, const Walk *w,
                      Type *y) {
  int64_t before;
  if (k->rank == x->rank && k->rank > 2 && !windows_known(k))
    return open_conv_type(r, x, k, w, y);
  if (!same_rank(r, x, k) || !walk_check(r, x, w) || !check_kernel(r, x, k) ||
      !walk_check_room(r, x, w, "kernel"))
    return false;
  *y = *x;
  y->dtype = F32;
  for (int i = 0; i < x->rank - 2; i++)
    y->dim[i + 1] = walk_length(w, i, x->dim[i + 1], &before);
  y->dim[y->rank - 1] = k->dim[k->rank - 1];
  return true;
}

static bool conv_shape(Rule *r) {
  Walk w = conv_walk(&r->in[1], r->attr);
  return conv_type(r, &r->in[0], &r->in[1], &w, &r->out[0]);
}

static bool agree(Rule *r, const Type *g, const Type *want) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  bool ok = g->rank == want->rank;
  for (int i = 0; ok && i < g->rank; i++)
    ok = may_equal(g->dim[i], want->dim[i]);
  return ok || fail(r->error, "g is %s, the convolution gives %s",
                    type_text(g, a), type_text(want, b));
}

static bool input_gradient_shape(Rule *r) {
  Walk w = conv_walk(&r->in[1], r->attr);
  Type y;
  r->out[0] = r->in[2];
  r->out[0].dtype = F32;
  return conv_type(r, &r->in[2], &r->in[1], &w, &y) && agree(r, &r->in[0], &y);
}

static bool kernel_gradient_shape(Rule *r) {
  Walk w = conv_walk(&r->in[2], r->attr);
  Type y;
  r->out[0] = r->in[2];
  r->out[0].dtype = F32;
  return conv_type(r, &r->in[0], &r->in[2], &w, &y) && agree(r, &r->in[1], &y);
}

static bool transpose_shape(Rule *r) {
  const Type *x = &r->in[0], *k = &r->in[1];
  Walk w = transpose_walk(k, r->attr);
  char a[TYPE_TEXT], b[TYPE_TEXT];
  Type y = *x;
  if (!same_rank(r, x, k) || !walk_check(r, x, &w))
    return false;
  y.dim[y.rank - 1] = k->dim[k->rank - 2];
  if (!check_kernel(r, &y, k))
    return false;
  if (!may_equal(x->dim[x->rank - 1], k->dim[k->rank - 1]))
    return fail(r->error, "x has %lld channels, the kernel is for %lld: x is "
                          "%s, kernel is %s (sizes, filters, channels)",
                (long long)x->dim[x->rank - 1],
                (long long)k->dim[k->rank - 1], type_text(x, a),
                type_text(k, b));
  const Attr *extras = &r->attr[EXTRA];
  if (attr_given(extras) && extras->n != 1 && extras->n != y.rank - 2)
    return fail(r->error, "%d numbers for %d spatial axes", extras->n,
                y.rank - 2);
  for (int i = 0; i < y.rank - 2; i++) {
    int64_t stride = option_at(w.strides, i, 1), *n = &y.dim[i + 1];
    int64_t extra = option_at(extras, i, 0);
    if (extra < 0 || extra >= stride)
      return fail(r->error, "%lld extra cells after strides of %lld",
                  (long long)extra, (long long)stride);
    if (*n == UNKNOWN)
      continue;
    if ((double)*n * (double)stride > 0x1p60) /* the product below overflows */
      return fail(r->error, "strides of %lld for x of %s", (long long)stride,
                  type_text(x, a));
    *n = (*n - 1) * stride + walk_reach(&w, i) + extra -
         option_at(w.before, i, 0) - option_at(w.after, i, 0);
    if (*n < 0 || x->dim[i + 1] == 0) /* all is cut off, or there is no cell */
      *n = 0;
  }
  r->out[0] = y;
  r->out[0].dtype = F32;
  return true;
}

/* ---- the work ----------------------------------------------------------- */

/* What a kernel's walk does not need to know is left out: an axis that windows
** fill is part of the channels, and where each window is a cell, all cells are
** side by side. Nothing lies elsewhere for that; sums have the same order. */
static void join_filled_axes(Conv *c) {
  Window *w = &c->w;
  for (int n = 0; n < 3; n++) {
    if (c->groups > 1 || w->out[2] != 1 || w->size[2] != w->in[2] ||
        w->before[2] != 0 || (w->size[2] > 1 && w->dilation[2] > 1))
      return;
    w->channels *= w->in[2];
    int64_t *axes[] = {w->in, w->out, w->size, w->stride, w->dilation,
                       w->before};
    for (int k = 0; k < COUNT_OF(axes); k++) {
      axes[k][2] = axes[k][1];
      axes[k][1] = axes[k][0];
      axes[k][0] = axes[k] == w->before ? 0 : 1;
    }
  }
}

static void join_cells(Window *w) {
  int64_t cells = w->batch;
  for (int i = 0; i < 3; i++) {
    if (w->size[i] != 1 || w->stride[i] != 1 || w->before[i] != 0 ||
        w->in[i] != w->out[i])
      return;
    cells *= w->in[i];
  }
  for (int i = 0; i < 2; i++)
    w->in[i] = w->out[i] = 1;
  w->in[2] = w->out[2] = cells;
  w->batch = 1;
}

static bool is_depthwise(const Conv *c) {
  return c->groups == c->w.channels && c->groups > 1;
}

/* The convolution of images like x that gives images like y. */
static Conv conv_of(const Walk *w, const Type *x, const Type *k,
                    const Type *y) {
  Conv c = {.w = walk_window(w, x), .filters = k->dim[k->rank - 1]};
  c.groups = c.w.channels / k->dim[k->rank - 2];
  for (int i = 0; i < y->rank - 2; i++)
    c.w.out[5 - y->rank + i] = y->dim[i + 1];
  if (!is_depthwise(&c)) {
    join_filled_axes(&c);
    join_cells(&c.w);
  }
  return c;
}

static int64_t image_pixels(const Conv *c) {
  return c->w.out[0] * c->w.out[1] * c->w.out[2];
}

static double work_of(const Conv *c) {
  return 2.0 * (double)(c->w.size[0] * c->w.size[1] * c->w.size[2]) *
         (double)(c->w.channels / c->groups) * (double)c->filters *
         (double)(c->w.batch * image_pixels(c));
}

/* Tasks that are worth it, up to so many: some 40 us of operations each. Those
** of depthwise ones are slower. */
static int64_t worth_tasks(const Conv *c, int64_t most) {
  double worth = is_depthwise(c) ? 1e6 : 8e6;
  double tasks = work_of(c) / worth;
  return tasks < 1 ? 1 : tasks > (double)most ? most : (int64_t)tasks;
}

static int64_t divide_up(int64_t n, int64_t by) {
  return (n + by - 1) / by;
}

/* As many parts as are wanted, but not more than fit. */
static int64_t parts_of(int64_t wanted, int64_t most) {
  int64_t parts = wanted > most ? most : wanted;
  return parts < 1 ? 1 : parts;
}

/* Where part i of n begins that has panels of its own. */
static int64_t part_begin(int64_t n, int64_t i, int64_t parts) {
  return i == parts ? n : n * i / parts / GEMM_COLUMNS * GEMM_COLUMNS;
}

enum { MOST_TASKS = 64, ENOUGH = 16 /* for a few threads */ };

/* Tasks: runs of bands, and parts of the filters when there are too few bands:
** each of those copies cells again, and finishes its part of each pixel. Bands
** are not made smaller for the tasks' sake where the panels, which each of them
** reads, do not stay in cache. */
typedef struct Division {
  ConvBands bands;
  int64_t n, runs, parts;
} Division;

static Division divide_bands(const Conv *c, ConvWay way) {
  enum { PART = 128 /* filters, at least */, FEW_BANDS = 4, CACHED = 1 << 18 };
  int64_t wanted = worth_tasks(c, ENOUGH);
  bool image = way == CONV_IMAGE, cached = conv_panels(c, image) <= CACHED;
  int64_t columns = image ? c->w.channels : c->filters;
  Division d = {.bands = conv_bands(c, way, cached ? wanted : 1), .parts = 1};
  d.n = conv_band_count(&d.bands);
  d.runs = parts_of(worth_tasks(c, MOST_TASKS), d.n);
  if (c->groups == 1 && d.n > 0 && d.n < FEW_BANDS)
    d.parts = parts_of(divide_up(wanted / 2, d.n), columns / PART);
  return d;
}

static void finish(const OpCall *s, const Run *r, int64_t filters, int64_t p0,
                   int64_t p1, int64_t f0, int64_t f1) {
  if (s->epilogue == NULL)
    return;
  if (f1 - f0 == filters)
    tile_run(s->epilogue, r->epilogue_in, r->epilogue_out, p0 * filters,
             p1 * filters, r->local);
  else
    for (int64_t p = p0; p < p1; p++)
      tile_run(s->epilogue, r->epilogue_in, r->epilogue_out, p * filters + f0,
               p * filters + f1, r->local);
}

/* The kernel as panels: packed before, or by the caller before the tasks. */
static const float *panels_in(const OpCall *s, const Run *r) {
  return s->in[1].rank == 1 ? r->in[1] : r->scratch;
}

/* ---- forward ------------------------------------------------------------ */

enum { KERNEL = WALK_ATTRS }; /* its sizes, where it is packed */

static Type kernel_type(const Attr *sizes) {
  return type_new(F32, sizes->n, sizes->i);
}

static Conv forward_of(const OpCall *s) {
  Type k = s->in[1];
  if (k.rank == 1)
    k = kernel_type(&s->attr[KERNEL]);
  Walk w = conv_walk(&k, s->attr);
  return conv_of(&w, &s->in[0], &k, &s->out[0]);
}

/* Rows of a depthwise convolution that are still in L2 when they are finished;
** of a long one a part. */
static int64_t depthwise_tile(const Conv *c) {
  enum { NUMBERS = 32 << 10 };
  int64_t pixels = NUMBERS / c->filters, row = c->w.out[2];
  if (pixels >= row && row > 0)
    return pixels / row * row;
  return pixels < 16 ? 16 : pixels;
}

static void depthwise_run(const OpCall *s, const Run *r, const Conv *c,
                          int64_t task, int64_t tasks) {
  int64_t pixels = c->w.batch * image_pixels(c), tile = depthwise_tile(c);
  int64_t n = divide_up(pixels, tile);
  for (int64_t t = n * task / tasks; t < n * (task + 1) / tasks; t++) {
    int64_t p = t * tile;
    int64_t end = p + tile < pixels ? p + tile : pixels;
    ISA(depthwise_forward)(r->in[0], r->in[1], r->out[0], c, p, end);
    finish(s, r, c->filters, p, end, 0, c->filters);
  }
}

static int64_t depthwise_tasks(const Conv *c) {
  return parts_of(worth_tasks(c, MOST_TASKS),
                  divide_up(c->w.batch * image_pixels(c), depthwise_tile(c)));
}

static int64_t conv_tasks(const OpCall *s) {
  Conv c = forward_of(s);
  if (is_depthwise(&c))
    return depthwise_tasks(&c);
  Division d = divide_bands(&c, CONV_FORWARD);
  return d.runs * d.parts;
}

static int64_t conv_local(const OpCall *s) {
  Conv c = forward_of(s);
  return is_depthwise(&c) ? 0 : conv_scratch(&c, CONV_FORWARD);
}

static int64_t conv_room(const OpCall *s) {
  Conv c = forward_of(s);
  return is_depthwise(&c) ? 0 : 4 * conv_panels(&c, false);
}

static void conv_begin(const OpCall *s, const Run *r) {
  Conv c = forward_of(s);
  if (!is_depthwise(&c))
    ISA(conv_pack)(r->in[1], &c, false, r->scratch);
}

static void conv_run(const OpCall *s, const Run *r, int64_t task) {
  Conv c = forward_of(s);
  if (is_depthwise(&c)) {
    depthwise_run(s, r, &c, task, depthwise_tasks(&c));
    return;
  }
  Division d = divide_bands(&c, CONV_FORWARD);
  int64_t run = task / d.parts, part = task % d.parts;
  int64_t f0 = part_begin(c.filters, part, d.parts);
  int64_t f1 = part_begin(c.filters, part + 1, d.parts);
  int64_t q = d.n * run / d.runs, end = d.n * (run + 1) / d.runs;
  for (; q < end && !env_stopped(r->env); q++) {
    ConvBand b = conv_band(&d.bands, q);
    ISA(conv_forward)(r->in[0], panels_in(s, r), r->out[0], &c, &b, f0, f1,
                      r->local);
    finish(s, r, c.filters, b.pixel0, b.pixel1, f0, f1);
  }
}

/* ---- the kernel packed before ------------------------------------------- */

/* Panels are those of any image. */
static Conv packed_conv(const Type *k, int64_t groups) {
  Conv c = {.filters = k->dim[k->rank - 1], .groups = groups};
  for (int i = 0; i < 3; i++)
    c.w.in[i] = c.w.out[i] = c.w.size[i] = c.w.stride[i] = c.w.dilation[i] = 1;
  for (int i = 0; i < k->rank - 2; i++)
    c.w.size[i] = k->dim[i];
  c.w.channels = groups * k->dim[k->rank - 2];
  return c;
}

static bool conv_panels_shape(Rule *r) {
  const Type *k = &r->in[0];
  if (k->rank < 3 || k->rank > 5 || !type_known(k))
    return fail(r->error, "needs a kernel of known sizes");
  Conv c = packed_conv(k, r->attr[0].i[0]);
  int64_t n = conv_panels(&c, false);
  r->out[0] = type_new(F32, 1, &n);
  return true;
}

static void conv_panels_run(const OpCall *s, const Run *r, int64_t task) {
  (void)task;
  Conv c = packed_conv(&s->in[0], s->attr[0].i[0]);
  ISA(conv_pack)(r->in[0], &c, false, r->out[0]);
}

static bool panels_conv_shape(Rule *r) {
  Type k = kernel_type(&r->attr[KERNEL]);
  Walk w = conv_walk(&k, r->attr);
  return conv_type(r, &r->in[0], &k, &w, &r->out[0]);
}

static bool conv_prepare(Context *c, const Node *n, Val *y) {
  const Type *x = val_type(input(n, 0)), *k = val_type(input(n, 1));
  int64_t groups = x->dim[x->rank - 1] / k->dim[k->rank - 2];
  if (groups > 1 && groups == x->dim[x->rank - 1])
    return false;
  Attr one = attr_int(groups), all[KERNEL + 1];
  Val packed = emit_op(c, "convolution_panels", (Val[]){input(n, 1)}, 1, &one);
  memcpy(all, n->attr, WALK_ATTRS * sizeof *all);
  all[KERNEL] = attr_ints(k->rank, k->dim);
  *y = emit_op(c, "convolution_with_panels", (Val[]){input(n, 0), packed}, 2,
               all);
  return true;
}

/* ---- gradient of the image ---------------------------------------------- */

static Conv image_of(const OpCall *s, bool transpose) {
  Walk w = transpose ? transpose_walk(&s->in[1], s->attr)
                     : conv_walk(&s->in[1], s->attr);
  return conv_of(&w, &s->out[0], &s->in[1], &s->in[0]);
}

/* Tasks of depthwise ones: runs of images; when there are few, bands of each:
** windows that reach over the edge of a band are computed twice, so bands are
** much higher than windows. */
typedef struct Shares {
  int64_t runs, bands;
} Shares;

static Shares divide_images(const Conv *c) {
  int axis = window_band_axis(&c->w);
  int64_t wanted = worth_tasks(c, MOST_TASKS), images = c->w.batch;
  int64_t reach = (c->w.size[axis] - 1) * c->w.dilation[axis] + 1;
  Shares s = {parts_of(wanted, images), 1};
  if (images < 8 && wanted > images) /* else the images are tasks enough */
    s.bands = parts_of(divide_up(wanted, s.runs), c->w.in[axis] / (4 * reach));
  return s;
}

static void depthwise_image(const OpCall *s, const Run *r, const Conv *c,
                            int64_t task) {
  Shares d = divide_images(c);
  int axis = window_band_axis(&c->w);
  int64_t band = task % d.bands, run = task / d.bands, n = c->w.in[axis];
  int64_t b0 = c->w.batch * run / d.runs, b1 = c->w.batch * (run + 1) / d.runs;
  int64_t i0 = n * band / d.bands, i1 = n * (band + 1) / d.bands;
  if (b0 == b1 || i0 == i1)
    return;
  ISA(depthwise_input_gradient)(r->in[0], r->in[1], r->out[0], c, b0, b1, i0,
                                i1);
  int64_t image = c->w.in[0] * c->w.in[1] * c->w.in[2], cell = image / n;
  finish(s, r, c->w.channels, b0 * image + i0 * cell,
         (b1 - 1) * image + i1 * cell, 0, c->w.channels);
}

static int64_t image_tasks(const Conv *c) {
  if (is_depthwise(c)) {
    Shares d = divide_images(c);
    return d.runs * d.bands;
  }
  Division d = divide_bands(c, CONV_IMAGE);
  return d.runs * d.parts;
}

static void image_run(const OpCall *s, const Run *r, const Conv *c,
                      int64_t task) {
  if (is_depthwise(c)) {
    depthwise_image(s, r, c, task);
    return;
  }
  Division d = divide_bands(c, CONV_IMAGE);
  int64_t run = task / d.parts, part = task % d.parts;
  int64_t c0 = part_begin(c->w.channels, part, d.parts);
  int64_t c1 = part_begin(c->w.channels, part + 1, d.parts);
  int64_t q = d.n * run / d.runs, end = d.n * (run + 1) / d.runs;
  for (; q < end && !env_stopped(r->env); q++) {
    ConvBand b = conv_band(&d.bands, q);
    ISA(conv_input_gradient)(r->in[0], r->scratch, r->out[0], c, &b, c0, c1,
                             r->local);
    finish(s, r, c->w.channels, b.pixel0, b.pixel1, c0, c1);
  }
}

#define IMAGE_ROW(name, transpose)                                      \
  static int64_t name##_tasks(const OpCall *s) {                        \
    Conv c = image_of(s, transpose);                                    \
    return image_tasks(&c);                                             \
  }                                                                     \
  static int64_t name##_local(const OpCall *s) {                        \
    Conv c = image_of(s, transpose);                                    \
    return is_depthwise(&c) ? 0 : conv_scratch(&c, CONV_IMAGE);         \
  }                                                                     \
  static int64_t name##_room(const OpCall *s) {                         \
    Conv c = image_of(s, transpose);                                    \
    return is_depthwise(&c) ? 0 : 4 * conv_panels(&c, true);            \
  }                                                                     \
  static void name##_begin(const OpCall *s, const Run *r) {             \
    Conv c = image_of(s, transpose);                                    \
    if (!is_depthwise(&c))                                              \
      ISA(conv_pack)(r->in[1], &c, true, r->scratch);                   \
  }                                                                     \
  static void name##_run(const OpCall *s, const Run *r, int64_t task) { \
    Conv c = image_of(s, transpose);                                    \
    image_run(s, r, &c, task);                                          \
  }
IMAGE_ROW(input_gradient, false)
IMAGE_ROW(transpose, true)

/* ---- gradient of the kernel --------------------------------------------- */

static Conv kernel_of(const OpCall *s) {
  Walk w = conv_walk(&s->in[2], s->attr);
  return conv_of(&w, &s->in[0], &s->in[2], &s->in[1]);
}

/* Each number is one sum over all pixels, or, so that none is too long and a
** small kernel is shared, one for each of some slabs of them: the caller adds
** those up. Tasks are slabs, parts of the kernel's rows, parts of its
** filters: parts copy the same cells again. */
typedef struct Slabs {
  ConvBands bands;
  int64_t n, slabs, rows, parts;
} Slabs;

static int64_t kernel_numbers(const Conv *c) {
  return c->w.size[0] * c->w.size[1] * c->w.size[2] *
         (c->w.channels / c->groups) * c->filters;
}

static Slabs divide_kernel(const Conv *c) {
  enum { PART = 64, CHAIN = 16384, SMALL = 1 << 16 };
  int64_t wanted = worth_tasks(c, ENOUGH);
  Slabs d = {.slabs = 1, .rows = 1, .parts = 1};
  if (is_depthwise(c)) {
    d.parts = parts_of(worth_tasks(c, MOST_TASKS), c->filters / 16);
    return d;
  }
  d.bands = conv_bands(c, CONV_KERNEL, 1);
  d.n = conv_band_count(&d.bands);
  d.slabs = divide_up(c->w.batch * image_pixels(c), CHAIN);
  if (kernel_numbers(c) <= SMALL && d.slabs < wanted)
    d.slabs = wanted;
  d.slabs = parts_of(d.slabs, d.n);
  d.rows = parts_of(divide_up(wanted, d.slabs), conv_blocks(c));
  if (c->groups == 1)
    d.parts = parts_of(divide_up(wanted, d.slabs * d.rows), c->filters / PART);
  return d;
}

static int64_t kernel_gradient_tasks(const OpCall *s) {
  Conv c = kernel_of(s);
  Slabs d = divide_kernel(&c);
  return d.slabs * d.rows * d.parts;
}

static int64_t kernel_gradient_local(const OpCall *s) {
  Conv c = kernel_of(s);
  return is_depthwise(&c) ? 0 : conv_scratch(&c, CONV_KERNEL);
}

static int64_t kernel_gradient_room(const OpCall *s) {
  Conv c = kernel_of(s);
  Slabs d = divide_kernel(&c);
  return 4 * (d.slabs - 1) * kernel_numbers(&c);
}

static void kernel_gradient_run(const OpCall *s, const Run *r, int64_t task) {
  Conv c = kernel_of(s);
  Slabs d = divide_kernel(&c);
  int64_t part = task % d.parts, row = task / d.parts % d.rows;
  int64_t slab = task / d.parts / d.rows, blocks = conv_blocks(&c);
  if (is_depthwise(&c)) {
    ISA(depthwise_kernel_gradient)(r->in[0], r->in[1], r->out[0], &c,
                                   c.filters * part / d.parts / 16 * 16,
                                   part + 1 == d.parts
                                       ? c.filters
                                       : c.filters * (part + 1) / d.parts /
                                             16 * 16);
    return;
  }
  float *k = slab == 0 ? r->out[0]
                       : (float *)r->scratch + (slab - 1) * kernel_numbers(&c);
  int64_t first = d.n * slab / d.slabs, end = d.n * (slab + 1) / d.slabs;
  for (int64_t q = first; q < end && !env_stopped(r->env); q++) {
    ConvBand b = conv_band(&d.bands, q);
    ISA(conv_kernel_gradient)(r->in[0], r->in[1], k, &c, &b,
                              blocks * row / d.rows,
                              blocks * (row + 1) / d.rows,
                              part_begin(c.filters, part, d.parts),
                              part_begin(c.filters, part + 1, d.parts),
                              q > first, r->local);
  }
}

static void kernel_gradient_end(const OpCall *s, const Run *r) {
  Conv c = kernel_of(s);
  Slabs d = divide_kernel(&c);
  float *k = r->out[0];
  const float *sums = r->scratch;
  int64_t n = kernel_numbers(&c);
  if (d.n == 0 && !is_depthwise(&c))
    memset(k, 0, (size_t)n * sizeof *k);
  for (int64_t i = 1; i < d.slabs; i++, sums += n)
    ISA(conv_add)(k, sums, n);
}

/* ---- simpler forms ------------------------------------------------------ */

/* Padding is read, not made: the walk has it instead of the image. */
static bool without_padding(Context *c, const Node *n, const Type *kernel,
                            Val *y) {
  Attr size = kernel_size(kernel), walk[WALK_ATTRS];
  Val in[3];
  memcpy(in, n->in, (size_t)n->nin * sizeof *in);
  if (!walk_unpad(n->in[0], &size, n->attr, &in[0], walk))
    return false;
  *y = emit_op(c, n->op->name, in, n->nin, walk);
  if (!c->error.set)
    y->node->origin = n->origin;
  return true;
}

static bool conv_simpler(Context *c, const Node *n, Val *y) {
  return without_padding(c, n, val_type(n->in[1]), y);
}

static bool kernel_gradient_simpler(Context *c, const Node *n, Val *y) {
  return without_padding(c, n, val_type(n->in[2]), y);
}

/* ---- gradients ---------------------------------------------------------- */

static int conv_columns(const Node *n) {
  (void)n;
  return 1;
}

static Val conv_with(Context *c, Val x, Val k, const Attr *walk) {
  return emit_op(c, "convolution", (Val[]){x, k}, 2, walk);
}

static Val image_gradient(Context *c, Val g, Val k, Val like,
                          const Attr *walk) {
  return emit_op(c, "convolution_input_gradient", (Val[]){g, k, like}, 3,
                 walk);
}

static Val kernel_gradient(Context *c, Val x, Val g, Val like,
                           const Attr *walk) {
  return emit_op(c, "convolution_kernel_gradient", (Val[]){x, g, like},
                 3, walk);
}

static void conv_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val x = input(n, 0), k = input(n, 1);
  dx[0] = image_gradient(c, dy[0], k, x, n->attr);
  dx[1] = kernel_gradient(c, x, dy[0], k, n->attr);
}

static void input_gradient_vjp(Context *c, const Node *n, const Val *dy,
                               Val *dx) {
  Val g = input(n, 0), k = input(n, 1);
  dx[0] = conv_with(c, dy[0], k, n->attr);
  dx[1] = kernel_gradient(c, dy[0], g, k, n->attr);
}

static void kernel_gradient_vjp(Context *c, const Node *n, const Val *dy,
                                Val *dx) {
  Val x = input(n, 0), g = input(n, 1);
  dx[0] = image_gradient(c, g, dy[0], x, n->attr);
  dx[1] = conv_with(c, x, dy[0], n->attr);
}

/* Extra cells are fewer than a stride, so the windows of this walk are those
** of the transposed one. */
static void transpose_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val x = input(n, 0), k = input(n, 1);
  Attr walk[WALK_ATTRS] = {n->attr[STRIDES], n->attr[DILATION], not_same,
                           n->attr[BEFORE], n->attr[AFTER]};
  dx[0] = conv_with(c, dy[0], k, walk);
  dx[1] = kernel_gradient(c, dy[0], x, k, walk);
}

const Op ops_conv[] = {
  {"convolution", "x, kernel, " WALK_OPTIONS, WINDOW, FLOATS, conv_shape,
   .tasks = conv_tasks, .run = conv_run, .local = conv_local,
   .scratch = conv_room, .begin = conv_begin, .vjp = conv_vjp,
   .traits = EPILOGUE, .simpler = conv_simpler, .columns = conv_columns,
   .prepare = conv_prepare, .prepared = 1 << 1,
   .file_class = "lunula",
   .doc = "The products of each window of an image with a kernel (size..., "
          "channels / groups, filters)."},
  {"convolution_panels", "kernel, groups:int=1", WINDOW, FLOATS,
   conv_panels_shape, .run = conv_panels_run, .traits = HIDDEN | NO_GRADIENT,
   .doc = "A kernel as the panels that a convolution reads."},
  {"convolution_with_panels", "x, panels, " WALK_OPTIONS ", kernel:ints=nil",
   WINDOW, FLOATS, panels_conv_shape, .tasks = conv_tasks, .run = conv_run,
   .local = conv_local, .traits = EPILOGUE | HIDDEN | NO_GRADIENT,
   .doc = "The convolution with a kernel of these sizes that is packed."},
  {"convolution_input_gradient", "g, kernel, like, " WALK_OPTIONS, WINDOW,
   FLOATS, input_gradient_shape, .tasks = input_gradient_tasks,
   .run = input_gradient_run, .local = input_gradient_local,
   .scratch = input_gradient_room, .begin = input_gradient_begin,
   .vjp = input_gradient_vjp, .shape_only = 4, .traits = EPILOGUE,
   .file_class = "lunula",
   .doc = "The adjoint of a convolution in its image."},
  {"convolution_kernel_gradient", "x, g, like, " WALK_OPTIONS, WINDOW, FLOATS,
   kernel_gradient_shape, .tasks = kernel_gradient_tasks,
   .run = kernel_gradient_run, .local = kernel_gradient_local,
   .scratch = kernel_gradient_room, .end = kernel_gradient_end,
   .vjp = kernel_gradient_vjp, .shape_only = 4,
   .traits = HIDDEN, .simpler = kernel_gradient_simpler,
   .doc = "The adjoint of a convolution in its kernel."},
  {"transposed_convolution",
   "x, kernel, strides:ints=nil, dilation:ints=nil, before:ints=nil, "
   "after:ints=nil, extra:ints=nil", WINDOW, FLOATS, transpose_shape,
   .tasks = transpose_tasks, .run = transpose_run, .local = transpose_local,
   .scratch = transpose_room, .begin = transpose_begin,
   .vjp = transpose_vjp,
   .traits = EPILOGUE,
   .file_class = "lunula",
   .doc = "Each cell times a kernel (size..., filters, channels), added up "
          "where they overlap; `before` and `after` are cut off, `extra` cells "
          "are 0."},
  {0}
};
