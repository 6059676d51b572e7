/* The adjoints of a convolution, in its image and in its kernel: tasks and
** adapters. */

#include <string.h>

#include "ops/conv.h"

/* ---- gradient of the image ---------------------------------------------- */

/* Of the transposed one the kernel may be packed. */
static Conv image_of(const OpCall *s, bool transpose) {
  const Attr *sizes = &s->attr[EXTRA + 1];
  Type k = s->in[1];
  if (k.rank == 1)
    k = type_new(F32, sizes->n, sizes->i);
  Walk w = transpose ? conv_walk_back(&k, s->attr) : conv_walk(&k, s->attr);
  return conv_of(&w, &s->out[0], &k, &s->in[0]);
}

static const float *panels_in(const OpCall *s, const Run *r) {
  return s->in[1].rank == 1 ? r->in[1] : r->scratch;
}

static int64_t image_tasks(const Conv *c) {
  if (is_depthwise(c))
    return depthwise_image_tasks(c);
  Division d = conv_divide(c, CONV_IMAGE);
  return d.runs * d.parts;
}

static void image_run(const OpCall *s, const Run *r, const Conv *c,
                      int64_t task) {
  if (is_depthwise(c)) {
    depthwise_image_run(s, r, c, task);
    return;
  }
  Division d = conv_divide(c, CONV_IMAGE);
  int64_t run = task / d.parts, part = task % d.parts;
  int64_t c0 = columns_begin(c->w.channels, part, d.parts);
  int64_t c1 = columns_begin(c->w.channels, part + 1, d.parts);
  int64_t q = d.n * run / d.runs, end = d.n * (run + 1) / d.runs;
  for (; q < end && !env_stopped(r->env); q++) {
    ConvBand b = conv_band(&d.bands, q);
    ISA(conv_input_gradient)(r->in[0], panels_in(s, r), r->out[0], c, &b, c0,
                             c1, r->local);
    conv_finish(s, r, c->w.channels, b.pixel0, b.pixel1, c0, c1);
  }
}

#define IMAGE_ROW(name, transpose)                               \
  int64_t name##_tasks(const OpCall *s) {                        \
    Conv c = image_of(s, transpose);                             \
    return image_tasks(&c);                                      \
  }                                                              \
  int64_t name##_local(const OpCall *s) {                        \
    Conv c = image_of(s, transpose);                             \
    return is_depthwise(&c) ? 0 : conv_scratch(&c, CONV_IMAGE);  \
  }                                                              \
  int64_t name##_room(const OpCall *s) {                         \
    Conv c = image_of(s, transpose);                             \
    bool packs = s->in[1].rank > 1 && !is_depthwise(&c);         \
    return packs ? 4 * conv_panels(&c, true) : 0;                \
  }                                                              \
  void name##_begin(const OpCall *s, const Run *r) {             \
    Conv c = image_of(s, transpose);                             \
    if (s->in[1].rank > 1 && !is_depthwise(&c))                  \
      ISA(conv_pack)(r->in[1], &c, true, r->scratch);            \
  }                                                              \
  void name##_run(const OpCall *s, const Run *r, int64_t task) { \
    Conv c = image_of(s, transpose);                             \
    image_run(s, r, &c, task);                                   \
  }
IMAGE_ROW(conv_image, false)
IMAGE_ROW(conv_transpose, true)

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
  int64_t wanted = conv_worth_tasks(c, ENOUGH);
  Slabs d = {.slabs = 1, .rows = 1, .parts = 1};
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

int64_t conv_kernel_tasks(const OpCall *s) {
  Conv c = kernel_of(s);
  if (is_depthwise(&c))
    return depthwise_kernel_tasks(&c);
  Slabs d = divide_kernel(&c);
  return d.slabs * d.rows * d.parts;
}

int64_t conv_kernel_local(const OpCall *s) {
  Conv c = kernel_of(s);
  return is_depthwise(&c) ? 0 : conv_scratch(&c, CONV_KERNEL);
}

int64_t conv_kernel_room(const OpCall *s) {
  Conv c = kernel_of(s);
  if (is_depthwise(&c))
    return 0;
  Slabs d = divide_kernel(&c);
  return 4 * (d.slabs - 1) * kernel_numbers(&c);
}

void conv_kernel_run(const OpCall *s, const Run *r, int64_t task) {
  Conv c = kernel_of(s);
  if (is_depthwise(&c)) {
    depthwise_kernel_run(r, &c, task);
    return;
  }
  Slabs d = divide_kernel(&c);
  int64_t part = task % d.parts, row = task / d.parts % d.rows;
  int64_t slab = task / d.parts / d.rows, blocks = conv_blocks(&c);
  float *k = slab == 0 ? r->out[0]
                       : (float *)r->scratch + (slab - 1) * kernel_numbers(&c);
  int64_t first = d.n * slab / d.slabs, end = d.n * (slab + 1) / d.slabs;
  for (int64_t q = first; q < end && !env_stopped(r->env); q++) {
    ConvBand b = conv_band(&d.bands, q);
    ISA(conv_kernel_gradient)(r->in[0], r->in[1], k, &c, &b,
                              blocks * row / d.rows,
                              blocks * (row + 1) / d.rows,
                              columns_begin(c.filters, part, d.parts),
                              columns_begin(c.filters, part + 1, d.parts),
                              q > first, r->local);
  }
}

void conv_kernel_end(const OpCall *s, const Run *r) {
  Conv c = kernel_of(s);
  if (is_depthwise(&c))
    return;
  Slabs d = divide_kernel(&c);
  float *k = r->out[0];
  const float *sums = r->scratch;
  int64_t n = kernel_numbers(&c);
  if (d.n == 0)
    memset(k, 0, (size_t)n * sizeof *k);
  for (int64_t i = 1; i < d.slabs; i++, sums += n)
    ISA(conv_add)(k, sums, n);
}

/* ---- gradients ---------------------------------------------------------- */

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

void conv_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val x = input(n, 0), k = input(n, 1);
  dx[0] = image_gradient(c, dy[0], k, x, n->attr);
  dx[1] = kernel_gradient(c, x, dy[0], k, n->attr);
}

void conv_image_vjp(Context *c, const Node *n, const Val *dy,
                               Val *dx) {
  Val g = input(n, 0), k = input(n, 1);
  dx[0] = conv_with(c, dy[0], k, n->attr);
  dx[1] = kernel_gradient(c, dy[0], g, k, n->attr);
}

void conv_kernel_vjp(Context *c, const Node *n, const Val *dy,
                                Val *dx) {
  Val x = input(n, 0), g = input(n, 1);
  dx[0] = image_gradient(c, g, dy[0], x, n->attr);
  dx[1] = conv_with(c, x, dy[0], n->attr);
}

/* Extra cells are fewer than a stride, so the windows of this walk are those
** of the transposed one. */
void conv_transpose_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val x = input(n, 0), k = input(n, 1);
  Attr walk[WALK_ATTRS] = {n->attr[STRIDES], n->attr[DILATION],
                           attr_bool(false), n->attr[BEFORE], n->attr[AFTER]};
  dx[0] = conv_with(c, dy[0], k, walk);
  dx[1] = kernel_gradient(c, dy[0], x, k, walk);
}
