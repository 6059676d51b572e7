/* The gradient of an image that has few channels: a panel of them would be
** nearly empty. What each pixel's cotangent adds to the cells under its window
** is made by a product, a tile of pixels at a time, and added to them. Tiles
** begin at fixed pixels, so that the order of sums depends on sizes alone. */
#include "base/each_isa.h"
#include "kernels/direct.h"
#include "kernels/micro.h"

enum { WIDTH = MICRO_WIDTH };

/* What is computed of the image: of one image the lines [j0, j1) and the cells
** [k0, k1) of them. x and g are that image's. */
typedef struct Place {
  const Conv *c;
  float *x;
  const float *g;
  int64_t j0, j1, k0, k1;
} Place;

/* x += z for the n pixels from p on: what they add under one tap */
INLINE void add_tap(float *restrict x, const float *restrict z, int64_t n,
                    int64_t step, int64_t line, int64_t channels) {
  for (int64_t p = 0; p < n; p++)
    for (int64_t i = 0; i < channels; i++) x[p * step + i] += z[p * line + i];
}

static void add_cells(float *x, const float *z, int64_t n, int64_t step,
                      int64_t line, int64_t channels) {
  if (channels == 1)
    add_tap(x, z, n, step, line, 1);
  else if (channels == 3)
    add_tap(x, z, n, step, line, 3);
  else
    add_tap(x, z, n, step, line, channels);
}

/* The pixels [p0, p1) of line j, whose products are z. */
static void add_tile(const Place *s, const float *z, int64_t line, int64_t j,
                     int64_t p0, int64_t p1) {
  const Window *w = &s->c->w;
  int64_t n = w->channels;
  for (int64_t u = 0; u < w->size[1]; u++) {
    int64_t row = j * w->stride[1] - w->before[1] + u * w->dilation[1];
    for (int64_t v = 0; row >= s->j0 && row < s->j1 && v < w->size[2]; v++) {
      int64_t at = p0 * w->stride[2] - w->before[2] + v * w->dilation[2];
      Span in = inside(at, w->stride[2], p1 - p0, s->k0, s->k1);
      int64_t cell = row * w->in[2] + at + in.first * w->stride[2];
      if (in.first < in.end)
        add_cells(s->x + cell * n,
                  z + in.first * line + (u * w->size[2] + v) * n,
                  in.end - in.first, w->stride[2] * n, line, n);
    }
  }
}

static void spread_place(const Place *s, const float *panels, float *z) {
  const Conv *c = s->c;
  const Window *w = &c->w;
  int64_t columns = spread_columns(c), tile = spread_tile(c);
  int64_t line = divide_up(columns, GEMM_COLUMNS) * GEMM_COLUMNS;
  Span lines = touching(w, 1, s->j0, s->j1);
  Span pixels = touching(w, 2, s->k0, s->k1);
  Micro m = {.k = c->filters, .a_row = c->filters, .a_column = 1,
             .b_row = WIDTH, .c_row = line};
  for (int64_t j = lines.first; j < lines.end; j++)
    for (int64_t p0 = pixels.first / tile * tile; p0 < pixels.end; p0 += tile) {
      int64_t p1 = least(p0 + tile, w->out[2]);
      for (int64_t i = 0; i < columns; i += WIDTH) {
        m.a = s->g + (j * w->out[2] + p0) * c->filters;
        m.b = panels + i * c->filters;
        m.c = z + i;
        ISA_NAME(micro_rows)(p1 - p0, WIDTH, &m);
      }
      add_tile(s, z, line, j, p0, p1);
    }
}

KERNEL(void, conv_spread, (const float *g, const float *panels, float *x,
                           const Conv *c, const ConvBand *b, void *scratch)) {
  int64_t lines = c->w.in[1], row = c->w.in[2] * c->w.channels;
  int64_t pixels = c->w.out[1] * c->w.out[2];
  for (int64_t l = b->line0, end; l < b->line1; l = end) {
    int64_t image = l / lines;
    end = least(b->line1, (image + 1) * lines);
    for (int64_t j = l; j < end; j++)
      clear(x + j * row + b->column0 * c->w.channels,
            (b->column1 - b->column0) * c->w.channels);
    spread_place(&(Place){.c = c, .x = x + image * lines * row,
                          .g = g + image * pixels * c->filters,
                          .j0 = l - image * lines, .j1 = end - image * lines,
                          .k0 = b->column0, .k1 = b->column1},
                 panels, scratch);
  }
}
