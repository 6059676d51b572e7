/* Windows that walk over an image: the patches under them, and the adjoint
** that adds patches back. Both go through the same walk, which meets the taps
** of each window in order and knows, along the last axis, how many taps in a
** row are inside of the image. */
#include "kernels/kernels.h"

#include <string.h>

/* One window position: where its first tap is in the image. */
typedef struct Place {
  int64_t origin[3];
} Place;

static Place place_of(const Window *w, int64_t a, int64_t b, int64_t c) {
  return (Place){{a * w->stride[0] - w->before[0],
                  b * w->stride[1] - w->before[1],
                  c * w->stride[2] - w->before[2]}};
}

/* The first tap along the last axis that is inside, and the one after them:
** origin + t dilation in [0, n). */
static void inside_taps(const Window *w, int64_t origin, int64_t *first,
                        int64_t *end) {
  int64_t d = w->dilation[2], n = w->in[2], size = w->size[2];
  *first = origin >= 0 ? 0 : (-origin + d - 1) / d;
  *end = origin >= n ? 0 : (n - origin + d - 1) / d;
  if (*first > size) *first = size;
  if (*end > size) *end = size;
  if (*end < *first) *end = *first;
}

/* Offset of the image row under taps (a, b), or -1 when it hangs over. */
static int64_t image_row(const Window *w, const Place *p, int64_t a,
                         int64_t b) {
  int64_t i = p->origin[0] + a * w->dilation[0];
  int64_t j = p->origin[1] + b * w->dilation[1];
  if (i < 0 || i >= w->in[0] || j < 0 || j >= w->in[1]) return -1;
  return (i * w->in[1] + j) * w->in[2] * w->channels;
}

static int64_t image_size(const Window *w) {
  return w->in[0] * w->in[1] * w->in[2] * w->channels;
}

static int64_t patches_size(const Window *w) {
  return w->out[0] * w->out[1] * w->out[2] * w->size[0] * w->size[1] *
         w->size[2] * w->channels;
}

/* ---- patches ----------------------------------------------------------- */

static float *pad_cells(float *y, int64_t n, float pad) {
  for (int64_t i = 0; i < n; i++) y[i] = pad;
  return y + n;
}

static float *copy_cells(float *y, const float *x, int64_t n) {
  memcpy(y, x, (size_t)n * sizeof *y);
  return y + n;
}

/* The taps of one row of a window. */
static float *patch_row(float *y, const float *row, const Window *w,
                        int64_t origin, float pad) {
  int64_t c = w->channels, d = w->dilation[2], first, end;
  inside_taps(w, origin, &first, &end);
  y = pad_cells(y, first * c, pad);
  if (d == 1 && first < end)
    y = copy_cells(y, row + (origin + first) * c, (end - first) * c);
  else
    for (int64_t t = first; t < end; t++)
      y = copy_cells(y, row + (origin + t * d) * c, c);
  return pad_cells(y, (w->size[2] - end) * c, pad);
}

static float *patch(float *y, const float *x, const Window *w, const Place *p,
                    float pad) {
  for (int64_t a = 0; a < w->size[0]; a++)
    for (int64_t b = 0; b < w->size[1]; b++) {
      int64_t row = image_row(w, p, a, b);
      y = row < 0 ? pad_cells(y, w->size[2] * w->channels, pad)
                  : patch_row(y, x + row, w, p->origin[2], pad);
    }
  return y;
}

void window_patches(const float *x, float *y, const Window *w, float pad,
                    int64_t b0, int64_t b1) {
  y += b0 * patches_size(w);
  for (int64_t batch = b0; batch < b1; batch++)
    for (int64_t i = 0; i < w->out[0]; i++)
      for (int64_t j = 0; j < w->out[1]; j++)
        for (int64_t k = 0; k < w->out[2]; k++) {
          Place p = place_of(w, i, j, k);
          y = patch(y, x + batch * image_size(w), w, &p, pad);
        }
}

/* ---- fold -------------------------------------------------------------- */

KERNEL static void add_cells(float *restrict y, const float *restrict x,
                             int64_t n) {
  for (int64_t i = 0; i < n; i++) y[i] += x[i];
}

static void fold_row(float *row, const float *patch, const Window *w,
                     int64_t origin) {
  int64_t c = w->channels, d = w->dilation[2], first, end;
  inside_taps(w, origin, &first, &end);
  if (d == 1 && first < end)
    add_cells(row + (origin + first) * c, patch + first * c,
              (end - first) * c);
  else
    for (int64_t t = first; t < end; t++)
      add_cells(row + (origin + t * d) * c, patch + t * c, c);
}

static const float *fold(float *x, const float *patch, const Window *w,
                         const Place *p) {
  for (int64_t a = 0; a < w->size[0]; a++)
    for (int64_t b = 0; b < w->size[1]; b++) {
      int64_t row = image_row(w, p, a, b);
      if (row >= 0) fold_row(x + row, patch, w, p->origin[2]);
      patch += w->size[2] * w->channels;
    }
  return patch;
}

void window_fold(const float *patches, float *x, const Window *w, int64_t b0,
                 int64_t b1) {
  patches += b0 * patches_size(w);
  for (int64_t batch = b0; batch < b1; batch++) {
    float *image = x + batch * image_size(w);
    memset(image, 0, (size_t)image_size(w) * sizeof *image);
    for (int64_t i = 0; i < w->out[0]; i++)
      for (int64_t j = 0; j < w->out[1]; j++)
        for (int64_t k = 0; k < w->out[2]; k++) {
          Place p = place_of(w, i, j, k);
          patches = fold(image, patches, w, &p);
        }
  }
}
