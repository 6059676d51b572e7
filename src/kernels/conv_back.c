/* The gradient of a convolution's kernel: each number is a sum over pixels. The
** left side of the products is read in place, a run of pixels for each line, or
** gathered where runs would be short. */
#include "base/each_isa.h"
#include "kernels/direct.h"
#include "kernels/micro.h"

#include <string.h>

enum { WIDTH = MICRO_WIDTH };

/* ---- gradient of the kernel --------------------------------------------- */

/* Rows of the kernel: the channels [c0, c1) of a group under the taps
** [t0, t1). There is one tap, or all channels. What a band's pixels see of them
** is gathered as a line for each pixel. */
typedef struct Block {
  int64_t t0, t1, c0, c1;
} Block;

static Block block_at(const Direct *d, int64_t q, int64_t blocks) {
  int64_t parts = channel_parts(d), channels = group_channels(d);
  int64_t taps = taps_of(&d->w), t = q / parts, part = q % parts;
  if (parts > 1)
    return (Block){t, t + 1, channels * part / parts,
                   channels * (part + 1) / parts};
  return (Block){taps * q / blocks, taps * (q + 1) / blocks, 0, channels};
}

/* Taps from t on that go in one run. */
static int64_t taps_together(const Direct *d, Block b, int64_t t) {
  if (run_taps(d) == 1 || b.c1 - b.c0 < group_channels(d)) return 1;
  return least(d->w.size[2] - t % d->w.size[2], b.t1 - t);
}

/* `taps` neighbouring cells for each of so many pixels, the first cell is `at`:
** n numbers of each, from `row` on. */
INLINE void gather_runs(const Window *w, const float *row, int64_t at,
                        int64_t pixels, int64_t taps, int64_t n, float *to) {
  for (int64_t p = 0; p < pixels; p++, at += w->stride[2], to += LINE) {
    int64_t left = least(most(-at, 0), taps);
    int64_t right = most(least(w->in[2] - at, taps), left);
    if (row == NULL) left = right = taps;
    clear(to, left * n);
    if (left < right)
      memcpy(to + left * n, row + (at + left) * w->channels,
             (size_t)((right - left) * n) * sizeof *to);
    clear(to + right * n, (taps - right) * n);
  }
}

/* The same for short runs: number by number, since a call would cost more. */
INLINE void gather_numbers(const Window *w, const float *row, int64_t at,
                           int64_t pixels, int64_t taps, int64_t n, float *to) {
  int64_t step = w->stride[2] * w->channels;
  for (int64_t v = 0; v < taps; v++, at++)
    for (int64_t i = 0; i < n; i++, to++) {
      Span in = inside(at, w->stride[2], pixels, 0, w->in[2]);
      if (row == NULL) in = (Span){0, 0};
      for (int64_t p = 0; p < in.first; p++) to[p * LINE] = 0;
      for (int64_t p = in.first; p < in.end; p++)
        to[p * LINE] = row[at * w->channels + i + p * step];
      for (int64_t p = in.end; p < pixels; p++) to[p * LINE] = 0;
    }
}

static void gather_row(const Window *w, const float *row, int64_t at,
                       int64_t pixels, int64_t taps, int64_t n, float *to) {
  enum { SHORT = 16 };
  if (taps * n < SHORT)
    gather_numbers(w, row, at, pixels, taps, n, to);
  else
    gather_runs(w, row, at, pixels, taps, n, to);
}

static void gather(const Direct *d, const float *x, const Lines *s, Block b,
                   int64_t channel, float *tile) {
  const Window *w = &d->w;
  int64_t n = b.c1 - b.c0, pixels = s->column1 - s->column0, taps;
  for (int64_t t = b.t0; t < b.t1; t += taps, tile += taps * n) {
    int64_t at = s->column0 * w->stride[2] - w->before[2] +
                 t % w->size[2] * w->dilation[2];
    taps = taps_together(d, b, t);
    for (int64_t l = 0; l < s->n; l++) {
      const float *row = direct_row(w, x, s->line[l], t / w->size[2]);
      gather_row(w, row ? row + channel + b.c0 : NULL, at, pixels, taps, n,
                 tile + l * pixels * LINE);
    }
  }
}

/* The cotangent of a band's pixels, from filter j on, and how panels of it lie;
** in place where little is computed of it. */
typedef struct Cotangent {
  const float *g;
  int64_t row, panel;
} Cotangent;

static Cotangent take_cotangent(const Direct *d, const float *g, int64_t pixels,
                                int64_t columns, float *panels) {
  if (chain_of(d) <= 2 * MICRO_ROWS && columns % WIDTH == 0)
    return (Cotangent){g, d->filters, WIDTH};
  ISA(gemm_pack)(&(Product){.n = columns, .k = pixels, .b = g,
                            .b_row = d->filters, .b_column = 1,
                            .panel_rows = pixels}, 0, panels);
  return (Cotangent){panels, WIDTH, pixels * WIDTH};
}

/* Some panels at a time, all of them for a tile of rows, which stays in the
** first cache; so they come as a stream. */
static void add_block(const Direct *d, const float *g, float *k, Block b,
                      int64_t pixels, int64_t f0, int64_t f1, bool add,
                      float *tile) {
  Micro m = {.k = pixels, .a_row = 1, .a_column = LINE, .c_row = d->filters,
             .add = add};
  int64_t rows = (b.t1 - b.t0) * (b.c1 - b.c0);
  int64_t tiles = divide_up(rows, MICRO_ROWS);
  k += (b.t0 * group_channels(d) + b.c0) * d->filters;
  for (int64_t j = f0; j < f1; j += FILTERS) {
    int64_t n = least(FILTERS, f1 - j);
    Cotangent s = take_cotangent(d, g + j, pixels, n, tile + PIXELS * LINE);
    m.b_row = s.row;
    for (int64_t t = 0; t < tiles; t++) {
      int64_t r0 = rows * t / tiles, r1 = rows * (t + 1) / tiles;
      m.a = tile + r0;
      for (int64_t i = 0; i < n; i += WIDTH) {
        m.b = s.g + i / WIDTH * s.panel;
        m.c = k + r0 * d->filters + j + i;
        ISA_NAME(micro_panel)(r1 - r0, n - i, &m);
      }
    }
  }
}

/* A block at a time, of cells that are gathered. */
static void gather_and_add(const Direct *d, const float *x, const float *g,
                           float *k, const Lines *s, int64_t q0, int64_t q1,
                           int64_t f0, int64_t f1, bool add, float *scratch) {
  int64_t width = d->filters / d->groups, blocks = blocks_of(d);
  int64_t pixels = s->n * (s->column1 - s->column0);
  for (int64_t i = 0; i < d->groups; i++)
    for (int64_t q = q0; q < q1; q++) {
      Block b = block_at(d, q, blocks);
      gather(d, x, s, b, i * group_channels(d), scratch);
      add_block(d, g, k, b, pixels, i * width + f0,
                d->groups > 1 ? (i + 1) * width : f1, add, scratch);
    }
}

/* The runs [q0, q1), of cells that are read in place: their pixels are a run
** for each line. */
static void add_runs(const Direct *d, const float *g, float *k, const Lines *s,
                     int64_t q0, int64_t q1, int64_t f0, int64_t f1, bool add,
                     float *panel) {
  int64_t run[RUNS], length = run_length(d), width = d->filters / d->groups;
  int64_t pixels = s->column1 - s->column0;
  Micro m = {.k = pixels, .a_row = 1, .a_column = s->pixel, .run = s->from,
             .runs = s->n, .c_row = d->filters, .add = add};
  direct_runs(d, s, run);
  for (int64_t i = 0; i < d->groups; i++) {
    int64_t end = d->groups > 1 ? (i + 1) * width : f1;
    for (int64_t j = i * width + f0; j < end; j += WIDTH) {
      Cotangent c = take_cotangent(d, g + j, s->n * pixels,
                                   least(WIDTH, end - j), panel);
      m.b = c.g;
      m.b_row = c.row;
      for (int64_t q = q0; q < q1; q++) {
        m.a = s->a + run[q] + i * group_channels(d);
        m.c = k + q * length * d->filters + j;
        ISA_NAME(micro_rows)(length, end - j, &m);
      }
    }
  }
}

KERNEL(void, conv_kernel_gradient,
       (const float *x, const float *g, float *k, const Conv *c,
        const ConvBand *b, int64_t q0, int64_t q1, int64_t f0, int64_t f1,
        bool add, void *scratch)) {
  Direct d = direct_kernel(c);
  Lines s;
  float *panel = scratch, *room = panel + PIXELS * GEMM_COLUMNS;
  direct_lines(&s, &d, x, b, room);
  g += b->pixel0 * c->filters;
  if (d.in_runs)
    add_runs(&d, g, k, &s, q0, q1, f0, f1, add, panel);
  else
    gather_and_add(&d, x, g, k, &s, q0, q1, f0, f1, add, scratch);
}

KERNEL(void, conv_add, (float *restrict k, const float *restrict more,
                        int64_t n)) {
  for (int64_t i = 0; i < n; i++) k[i] += more[i];
}
