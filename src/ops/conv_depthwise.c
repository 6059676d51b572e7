/* Convolutions of a group for each channel: forward, and the gradient of the
** image, with their tasks. */

#include "ops/conv.h"

/* Rows of a depthwise convolution that are still in L2 when they are finished;
** of a long one a part. */
static int64_t depthwise_tile(const Conv *c) {
  enum { NUMBERS = 32 << 10 };
  int64_t pixels = NUMBERS / c->filters, row = c->w.out[2];
  if (pixels >= row && row > 0)
    return pixels / row * row;
  return pixels < 16 ? 16 : pixels;
}

void depthwise_pixels(const OpCall *s, const Run *r, const Conv *c, int64_t p0,
                      int64_t p1) {
  int64_t tile = depthwise_tile(c);
  Ending ending = {0};
  if (s->ending)
    ending = run_ending(s, r);
  for (int64_t p = p0, end; p < p1; p = end) {
    end = p + tile < p1 ? p + tile : p1;
    ISA(depthwise_forward)(r->in[0], r->in[1], r->out[0], c, p, end,
                           s->ending ? &ending : NULL);
    conv_finish(s, r, c->filters, p, end, 0, c->filters);
  }
}

void depthwise_run(const OpCall *s, const Run *r, const Conv *c, int64_t task) {
  int64_t pixels = c->w.batch * image_pixels(c), tile = depthwise_tile(c);
  int64_t tasks = depthwise_tasks(c), n = divide_up(pixels, tile);
  int64_t end = n * (task + 1) / tasks * tile;
  depthwise_pixels(s, r, c, n * task / tasks * tile,
                   end < pixels ? end : pixels);
}

int64_t depthwise_tasks(const Conv *c) {
  return parts_of(conv_worth_tasks(c, MOST_TASKS),
                  divide_up(c->w.batch * image_pixels(c), depthwise_tile(c)));
}

/* Tasks of depthwise ones: runs of images; when there are few, bands of each:
** windows that reach over the edge of a band are computed twice, so bands are
** much higher than windows. */
typedef struct Shares {
  int64_t runs, bands;
} Shares;

static Shares divide_images(const Conv *c) {
  int axis = window_band_axis(&c->w);
  int64_t wanted = conv_worth_tasks(c, MOST_TASKS), images = c->w.batch;
  int64_t reach = (c->w.size[axis] - 1) * c->w.dilation[axis] + 1;
  Shares s = {parts_of(wanted, images), 1};
  if (images < 8 && wanted > images) /* else the images are tasks enough */
    s.bands = parts_of(divide_up(wanted, s.runs), c->w.in[axis] / (4 * reach));
  return s;
}

int64_t depthwise_image_tasks(const Conv *c) {
  Shares d = divide_images(c);
  return d.runs * d.bands;
}

void depthwise_image_run(const OpCall *s, const Run *r, const Conv *c,
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
  conv_finish(s, r, c->w.channels, b0 * image + i0 * cell,
              (b1 - 1) * image + i1 * cell, 0, c->w.channels);
}

/* ---- gradient of the kernel --------------------------------------------- */

/* A task has full vectors of channels, the last one what is left. */
enum { VECTOR = 16 };

int64_t depthwise_kernel_tasks(const Conv *c) {
  return parts_of(conv_worth_tasks(c, MOST_TASKS), c->filters / VECTOR);
}

void depthwise_kernel_run(const Run *r, const Conv *c, int64_t task) {
  int64_t tasks = depthwise_kernel_tasks(c), n = c->filters;
  int64_t end = n * (task + 1) / tasks / VECTOR * VECTOR;
  ISA(depthwise_kernel_gradient)(r->in[0], r->in[1], r->out[0], c,
                                 n * task / tasks / VECTOR * VECTOR,
                                 task + 1 == tasks ? n : end);
}
