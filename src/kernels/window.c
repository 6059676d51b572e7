/* Windows that walk over an image: the patches under them, and the adjoint
** that adds patches back. A row of taps of one window is a run of the image;
** where runs are short it is the other way round, and one tap of all windows
** in a row of the output is moved at a time. */
#include "base/each_isa.h"
#include "kernels/walk.h"

#include <string.h>

enum { SHORT_RUN = 16 }; /* cells */

/* ---- geometry ---------------------------------------------------------- */

static int64_t image_size(const Window *w) {
  return w->in[0] * w->in[1] * w->in[2] * w->channels;
}

static int64_t patch_size(const Window *w) {
  return w->size[0] * w->size[1] * w->size[2] * w->channels;
}

/* Offset of the image row under taps (a, b) of the windows in row (i, j) of
** the output, or -1 when it hangs over. */
static int64_t image_row(const Window *w, int64_t i, int64_t j, int64_t a,
                         int64_t b) {
  int64_t y = i * w->stride[0] - w->before[0] + a * w->dilation[0];
  int64_t x = j * w->stride[1] - w->before[1] + b * w->dilation[1];
  if (y < 0 || y >= w->in[0] || x < 0 || x >= w->in[1]) return -1;
  return (y * w->in[1] + x) * w->in[2] * w->channels;
}

static bool runs_are_short(const Window *w) {
  return (w->dilation[2] == 1 ? w->size[2] : 1) * w->channels < SHORT_RUN;
}

/* ---- moving cells ------------------------------------------------------ */

/* The two directions are one walk: PATCHES sets the patch to the image, FOLD
** adds the patch to the image. */
typedef enum Move { PATCHES, FOLD } Move;

/* `count` cells of c numbers, which stand apart by steps */
INLINE void move_cells(Move move, float *restrict patch, int64_t patch_step,
                       float *restrict image, int64_t image_step,
                       int64_t count, int64_t c) {
  for (int64_t k = 0; k < count; k++)
    for (int64_t i = 0; i < c; i++)
      if (move == PATCHES)
        patch[k * patch_step + i] = image[k * image_step + i];
      else
        image[k * image_step + i] += patch[k * patch_step + i];
}

/* n numbers side by side */
INLINE void move_run(Move move, float *restrict patch, float *restrict image,
                     int64_t n) {
  if (move == PATCHES)
    memcpy(patch, image, (size_t)n * sizeof *patch);
  else
    for (int64_t k = 0; k < n; k++) image[k] += patch[k];
}

INLINE void pad_cells(Move move, float *patch, int64_t step, int64_t count,
                      int64_t c, float pad) {
  if (move == FOLD) return;
  for (int64_t k = 0; k < count; k++)
    for (int64_t i = 0; i < c; i++) patch[k * step + i] = pad;
}

/* Of `count` cells those in the span are in the image, cell k at origin +
** k step; a row that is NULL has none. */
INLINE void move_span(Move move, float *patch, int64_t patch_step, float *row,
                      int64_t origin, int64_t step, int64_t count, Span in,
                      int64_t c, float pad) {
  if (row == NULL || in.first == in.end) in = (Span){0, 0};
  pad_cells(move, patch, patch_step, in.first, c, pad);
  if (in.first < in.end)
    move_cells(move, patch + in.first * patch_step, patch_step,
               row + (origin + in.first * step) * c, step * c,
               in.end - in.first, c);
  pad_cells(move, patch + in.end * patch_step, patch_step, count - in.end, c,
            pad);
}

/* ---- one row of the output --------------------------------------------- */

/* Window by window: the taps of a row of the window are a run. */
INLINE void move_runs(Move move, float *patch, float *image, const Window *w,
                      int64_t i, int64_t j, float pad) {
  int64_t c = w->channels, d = w->dilation[2], taps = w->size[2];
  for (int64_t k = 0; k < w->out[2]; k++) {
    int64_t origin = k * w->stride[2] - w->before[2];
    Span in = inside(origin, d, taps, 0, w->in[2]);
    for (int64_t a = 0; a < w->size[0]; a++)
      for (int64_t b = 0; b < w->size[1]; b++) {
        int64_t at = image_row(w, i, j, a, b);
        float *row = at < 0 ? NULL : image + at;
        if (d == 1 && row != NULL && in.first == 0 && in.end == taps)
          move_run(move, patch, row + origin * c, taps * c);
        else
          move_span(move, patch, c, row, origin, d, taps, in, c, pad);
        patch += taps * c;
      }
  }
}

/* Tap by tap: the cells under one tap of all windows. */
INLINE void move_taps(Move move, float *patch, float *image, const Window *w,
                      int64_t i, int64_t j, int64_t c, float pad) {
  int64_t windows = w->out[2], patch_step = patch_size(w);
  for (int64_t a = 0; a < w->size[0]; a++)
    for (int64_t b = 0; b < w->size[1]; b++) {
      int64_t at = image_row(w, i, j, a, b);
      float *row = at < 0 ? NULL : image + at;
      for (int64_t t = 0; t < w->size[2]; t++) {
        int64_t origin = t * w->dilation[2] - w->before[2];
        Span in = inside(origin, w->stride[2], windows, 0, w->in[2]);
        move_span(move, patch, patch_step, row, origin, w->stride[2], windows,
                  in, c, pad);
        patch += c;
      }
    }
}

INLINE void move_row(Move move, float *patch, float *image, const Window *w,
                     int64_t i, int64_t j, float pad) {
  if (!runs_are_short(w))
    move_runs(move, patch, image, w, i, j, pad);
  else if (w->channels == 1)
    move_taps(move, patch, image, w, i, j, 1, pad);
  else if (w->channels == 3)
    move_taps(move, patch, image, w, i, j, 3, pad);
  else
    move_taps(move, patch, image, w, i, j, w->channels, pad);
}

INLINE void move_batches(Move move, float *patch, float *image,
                         const Window *w, float pad, int64_t b0, int64_t b1) {
  int64_t row = w->out[2] * patch_size(w);
  image += b0 * image_size(w);
  patch += b0 * w->out[0] * w->out[1] * row;
  for (int64_t b = b0; b < b1; b++) {
    if (move == FOLD)
      memset(image, 0, (size_t)image_size(w) * sizeof *image);
    for (int64_t i = 0; i < w->out[0]; i++)
      for (int64_t j = 0; j < w->out[1]; j++) {
        move_row(move, patch, image, w, i, j, pad);
        patch += row;
      }
    image += image_size(w);
  }
}

/* ---- the kernels ------------------------------------------------------- */

#if ISA_FIRST
int window_band_axis(const Window *w) {
  int i = 0;
  while (i < 2 && w->in[i] == 1 && w->out[i] == 1) i++;
  return i;
}
#endif

/* The walk is written for both directions, so it knows no const. */
static float *writable(const float *x) { return (float *)(uintptr_t)x; }

KERNEL(void, window_patches, (const float *x, float *y, const Window *w,
                              float pad, int64_t b0, int64_t b1)) {
  move_batches(PATCHES, y, writable(x), w, pad, b0, b1);
}

KERNEL(void, window_fold, (const float *patch, float *x, const Window *w,
                           int64_t b0, int64_t b1)) {
  move_batches(FOLD, writable(patch), x, w, 0.0f, b0, b1);
}
