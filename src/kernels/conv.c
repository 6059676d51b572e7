/* Convolutions by products. The cells under a run of windows are gathered into
** a tile that stays in cache, some rows of the kernel at a time, and multiplied
** with them; the gradient of the kernel multiplies the same tiles with the
** cotangent, and the gradient of the image makes tiles by a product and adds
** them to the cells that they came from. A window of one cell needs no tile. */
#include "kernels/kernels.h"

#include <string.h>

enum {
  TILE_FLOATS = 1 << 16,
  BLOCK_ROWS = 320, /* of the kernel, about */
  TILE_PIXELS = 2048, /* at most */
  SHORT_RUN = 16    /* neighbouring numbers under a window */
};

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* ---- geometry ---------------------------------------------------------- */

static int64_t taps_of(const Conv *c) {
  return c->w.size[0] * c->w.size[1] * c->w.size[2];
}

static int64_t pixels_of(const Conv *c) { /* of one image */
  return c->w.out[0] * c->w.out[1] * c->w.out[2];
}

static int64_t cells_of(const Conv *c) {
  return c->w.in[0] * c->w.in[1] * c->w.in[2];
}

static int64_t group_channels(const Conv *c) {
  return c->w.channels / c->groups;
}

/* Windows are the cells themselves. */
static bool is_product(const Conv *c) {
  for (int i = 0; i < 3; i++)
    if (c->w.size[i] != 1 || c->w.stride[i] != 1 || c->w.before[i] != 0 ||
        c->w.in[i] != c->w.out[i])
      return false;
  return true;
}

/* Rows of the kernel: the channels [c0, c1) of a group under the taps
** [t0, t1). There is one tap, or all channels. */
typedef struct Block {
  int64_t t0, t1, c0, c1;
} Block;

static int64_t channel_parts(const Conv *c) {
  return (group_channels(c) + BLOCK_ROWS - 1) / BLOCK_ROWS;
}

int64_t conv_blocks(const Conv *c) {
  int64_t parts = channel_parts(c), taps = taps_of(c);
  if (parts > 1) return taps * parts;
  int64_t rows = most(taps * group_channels(c), 1);
  return most(least((rows + BLOCK_ROWS - 1) / BLOCK_ROWS, taps), 1);
}

static Block block_at(const Conv *c, int64_t q) {
  int64_t parts = channel_parts(c), channels = group_channels(c);
  if (parts > 1) {
    int64_t t = q / parts, part = q % parts;
    return (Block){t, t + 1, channels * part / parts,
                   channels * (part + 1) / parts};
  }
  int64_t taps = taps_of(c), blocks = conv_blocks(c);
  return (Block){taps * q / blocks, taps * (q + 1) / blocks, 0, channels};
}

static int64_t block_rows(Block b) { return (b.t1 - b.t0) * (b.c1 - b.c0); }

/* Number of the block's first row in the kernel (rows, filters). */
static int64_t first_row(const Conv *c, Block b) {
  return b.t0 * group_channels(c) + b.c0;
}

/* Blocks differ by one tap at most; the last is as large as any. */
static int64_t largest_block(const Conv *c) {
  return most(block_rows(block_at(c, conv_blocks(c) - 1)), 1);
}

int64_t conv_tile(const Conv *c) {
  int64_t n = least(TILE_FLOATS / largest_block(c), TILE_PIXELS);
  return n > 16 ? n / 16 * 16 : most(n, 1);
}

/* ---- pixels in a row --------------------------------------------------- */

/* n pixels side by side in a row of the output: the first is (b, i, j, k). */
typedef struct Segment {
  int64_t b, i, j, k, n;
} Segment;

static Segment segment_at(const Conv *c, int64_t p, int64_t end) {
  Segment s;
  s.k = p % c->w.out[2];
  s.n = least(end - p, c->w.out[2] - s.k);
  p /= c->w.out[2];
  s.j = p % c->w.out[1];
  p /= c->w.out[1];
  s.i = p % c->w.out[0];
  s.b = p / c->w.out[0];
  return s;
}

/* The part of the images that may be touched, and where it is in memory:
** images from b on, cells [first, end) of each axis. */
typedef struct Area {
  float *x;
  int64_t first[3], end[3];
} Area;

static Area whole_images(const Conv *c, const float *x) {
  Area a = {.x = (float *)(uintptr_t)x}; /* gathering does not write */
  for (int i = 0; i < 3; i++) a.end[i] = c->w.in[i];
  return a;
}

/* The row of cells under tap (t, u, .) of the segment's windows, at its cell
** 0 and channel 0; NULL when it is outside. */
INLINE float *image_row(const Conv *c, const Area *area, const Segment *s,
                        int64_t t, int64_t u) {
  const Window *w = &c->w;
  int64_t i = s->i * w->stride[0] - w->before[0] + t * w->dilation[0];
  int64_t j = s->j * w->stride[1] - w->before[1] + u * w->dilation[1];
  if (i < area->first[0] || i >= area->end[0] || j < area->first[1] ||
      j >= area->end[1])
    return NULL;
  return area->x +
         ((s->b * w->in[0] + i) * w->in[1] + j) * w->in[2] * w->channels;
}

/* ---- tiles ------------------------------------------------------------- */

/* A tile holds the cells under n pixels for one block of the kernel. A wide
** one (pixels, rows) is for long runs of cells under a window, a tall one
** (rows, pixels) for runs of windows. Either way it goes: to the tile, or back
** as a sum. */
typedef enum Way { GATHER, ADD } Way;

static bool is_wide(const Conv *c) {
  int64_t taps = c->w.dilation[2] == 1 ? c->w.size[2] : 1;
  return (c->groups == 1 ? taps : 1) * group_channels(c) >= SHORT_RUN;
}

INLINE void move_run(Way way, float *restrict tile, float *restrict x,
                     int64_t n) {
  if (way == GATHER)
    memcpy(tile, x, (size_t)n * sizeof *x);
  else
    for (int64_t i = 0; i < n; i++) x[i] += tile[i];
}

INLINE void clear_run(Way way, float *tile, int64_t n) {
  if (way == GATHER && n > 0) memset(tile, 0, (size_t)n * sizeof *tile);
}

/* `taps` cells of n numbers for one pixel: cell `at` of the row and its
** neighbours, as far as they are inside. */
INLINE void move_cells(Way way, float *tile, float *row, int64_t at,
                       int64_t taps, int64_t n, int64_t first, int64_t end) {
  int64_t left = least(most(first - at, 0), taps);
  int64_t right = most(least(end - at, taps), left);
  clear_run(way, tile, left * n);
  if (left < right)
    move_run(way, tile + left * n, row + (at + left) * n, (right - left) * n);
  clear_run(way, tile + right * n, (taps - right) * n);
}

/* Taps that go in one run: those of a row of the window that are neighbours. */
static int64_t run_taps(const Conv *c, Block b, int64_t t) {
  bool whole_cells = c->groups == 1 && b.c1 - b.c0 == c->w.channels;
  if (c->w.dilation[2] > 1 || !whole_cells) return 1;
  return least(c->w.size[2] - t % c->w.size[2], b.t1 - t);
}

INLINE void move_wide(Way way, const Conv *c, const Area *area, Block b,
                      int64_t channel, const Segment *s, float *tile) {
  const Window *w = &c->w;
  int64_t rows = block_rows(b), n = b.c1 - b.c0;
  for (int64_t t = b.t0, taps; t < b.t1; t += taps) {
    int64_t line = t / w->size[2], v = t % w->size[2];
    float *row =
        image_row(c, area, s, line / w->size[1], line % w->size[1]);
    taps = run_taps(c, b, t);
    if (row == NULL) {
      for (int64_t k = 0; k < s->n; k++)
        clear_run(way, tile + k * rows, taps * n);
    } else if (n == w->channels) {
      for (int64_t k = 0; k < s->n; k++)
        move_cells(way, tile + k * rows, row,
                   (s->k + k) * w->stride[2] - w->before[2] +
                       v * w->dilation[2],
                   taps, n, area->first[2], area->end[2]);
    } else {
      for (int64_t k = 0; k < s->n; k++) {
        int64_t at = (s->k + k) * w->stride[2] - w->before[2] +
                     v * w->dilation[2];
        if (at < area->first[2] || at >= area->end[2])
          clear_run(way, tile + k * rows, n);
        else
          move_run(way, tile + k * rows,
                   row + at * w->channels + channel + b.c0, n);
      }
    }
    tile += taps * n;
  }
}

/* The numbers k in [0, count) with first <= at + k step < end. */
typedef struct Span {
  int64_t first, end;
} Span;

static Span inside(int64_t at, int64_t step, int64_t count, int64_t first,
                   int64_t end) {
  Span s = {0, count};
  if (at < first) s.first = (first - at + step - 1) / step;
  if (at + (count - 1) * step >= end)
    s.end = at >= end ? 0 : (end - at + step - 1) / step;
  if (s.first > s.end) s.first = s.end;
  return s;
}

/* n numbers of a tile's row with those of the image that stand apart */
INLINE void move_apart(Way way, float *restrict tile, float *restrict x,
                       int64_t step, int64_t n) {
  if (step == 1)
    move_run(way, tile, x, n);
  else
    for (int64_t i = 0; i < n; i++)
      if (way == GATHER)
        tile[i] = x[i * step];
      else
        x[i * step] += tile[i];
}

INLINE void move_tall(Way way, const Conv *c, const Area *area, Block b,
                      int64_t channel, const Segment *s, float *tile,
                      int64_t pixels) {
  const Window *w = &c->w;
  int64_t step = w->stride[2] * w->channels;
  for (int64_t t = b.t0; t < b.t1; t++) {
    int64_t line = t / w->size[2], v = t % w->size[2];
    int64_t at = s->k * w->stride[2] - w->before[2] + v * w->dilation[2];
    float *row =
        image_row(c, area, s, line / w->size[1], line % w->size[1]);
    Span in = inside(at, w->stride[2], s->n, area->first[2], area->end[2]);
    if (row == NULL) in = (Span){0, 0};
    for (int64_t i = b.c0; i < b.c1; i++, tile += pixels) {
      clear_run(way, tile, in.first);
      if (in.first < in.end)
        move_apart(way, tile + in.first,
                   row + (at + in.first * w->stride[2]) * w->channels +
                       channel + i,
                   step, in.end - in.first);
      clear_run(way, tile + in.end, s->n - in.end);
    }
  }
}

INLINE void move_tile(Way way, const Conv *c, const Area *area, Block b,
                      int64_t group, int64_t p0, int64_t p1, float *tile) {
  int64_t channel = group * group_channels(c), rows = block_rows(b);
  bool wide = is_wide(c);
  for (int64_t p = p0; p < p1;) {
    Segment s = segment_at(c, p, p1);
    if (wide)
      move_wide(way, c, area, b, channel, &s, tile + (p - p0) * rows);
    else
      move_tall(way, c, area, b, channel, &s, tile + (p - p0), p1 - p0);
    p += s.n;
  }
}

KERNEL static void gather_tile(const Conv *c, const Area *area, Block b,
                               int64_t group, int64_t p0, int64_t p1,
                               float *tile) {
  move_tile(GATHER, c, area, b, group, p0, p1, tile);
}

KERNEL static void add_tile(const Conv *c, const Area *area, Block b,
                            int64_t group, int64_t p0, int64_t p1,
                            float *tile) {
  move_tile(ADD, c, area, b, group, p0, p1, tile);
}

/* ---- forward ----------------------------------------------------------- */

static void forward_product(const float *x, const float *k, float *y,
                            const Conv *c, int64_t p0, int64_t p1, int64_t f0,
                            int64_t f1) {
  int64_t channels = group_channels(c), width = (f1 - f0) / c->groups;
  for (int64_t g = 0; g < c->groups; g++)
    gemm(false, false, p1 - p0, width, channels,
         x + p0 * c->w.channels + g * channels, c->w.channels,
         k + f0 + g * width, c->filters, 0,
         y + p0 * c->filters + f0 + g * width, c->filters);
}

void conv_forward(const float *x, const float *k, float *y, const Conv *c,
                  int64_t p0, int64_t p1, int64_t f0, int64_t f1) {
  _Alignas(64) float tile[TILE_FLOATS];
  Area area = whole_images(c, x);
  int64_t n = conv_tile(c), blocks = conv_blocks(c);
  int64_t width = (f1 - f0) / c->groups;
  bool wide = is_wide(c);
  if (is_product(c)) {
    forward_product(x, k, y, c, p0, p1, f0, f1);
    return;
  }
  for (int64_t p = p0; p < p1; p += n) {
    int64_t pixels = least(n, p1 - p);
    for (int64_t g = 0; g < c->groups; g++)
      for (int64_t q = 0; q < blocks; q++) {
        Block b = block_at(c, q);
        int64_t rows = block_rows(b);
        gather_tile(c, &area, b, g, p, p + pixels, tile);
        gemm(!wide, false, pixels, width, rows, tile, wide ? rows : pixels,
             k + first_row(c, b) * c->filters + f0 + g * width, c->filters,
             q > 0, y + p * c->filters + f0 + g * width, c->filters);
      }
  }
}

/* ---- gradient of the image --------------------------------------------- */

int conv_band_axis(const Conv *c) {
  int i = 0;
  while (i < 2 && c->w.in[i] == 1 && c->w.out[i] == 1) i++;
  return i;
}

/* The windows along an axis that touch the cells [i0, i1). */
static Span touching(const Window *w, int axis, int64_t i0, int64_t i1) {
  int64_t stride = w->stride[axis], before = w->before[axis];
  int64_t reach = (w->size[axis] - 1) * w->dilation[axis] + 1;
  Span s = {0, least(w->out[axis], (i1 - 1 + before) / stride + 1)};
  if (i0 + before >= reach) s.first = (i0 + before - reach) / stride + 1;
  if (s.end < s.first) s.end = s.first;
  return s;
}

static void input_product(const float *g, const float *k, float *x,
                          const Conv *c, int64_t p0, int64_t p1) {
  int64_t channels = group_channels(c), width = c->filters / c->groups;
  for (int64_t i = 0; i < c->groups; i++)
    gemm(false, true, p1 - p0, channels, width,
         g + p0 * c->filters + i * width, c->filters, k + i * width,
         c->filters, 0, x + p0 * c->w.channels + i * channels, c->w.channels);
}

static void add_pixels(const float *g, const float *k, const Area *area,
                       const Conv *c, int64_t p0, int64_t p1, float *tile) {
  int64_t blocks = conv_blocks(c), width = c->filters / c->groups;
  int64_t pixels = p1 - p0;
  bool wide = is_wide(c);
  for (int64_t i = 0; i < c->groups; i++)
    for (int64_t q = 0; q < blocks; q++) {
      Block b = block_at(c, q);
      int64_t rows = block_rows(b);
      const float *part = k + first_row(c, b) * c->filters + i * width;
      const float *from = g + p0 * c->filters + i * width;
      if (wide)
        gemm(false, true, pixels, rows, width, from, c->filters, part,
             c->filters, 0, tile, rows);
      else
        gemm(false, true, rows, pixels, width, part, c->filters, from,
             c->filters, 0, tile, pixels);
      add_tile(c, area, b, i, p0, p1, tile);
    }
}

void conv_input_gradient(const float *g, const float *k, float *x,
                         const Conv *c, int64_t b0, int64_t b1, int64_t i0,
                         int64_t i1) {
  _Alignas(64) float tile[TILE_FLOATS];
  Area area = whole_images(c, x);
  int axis = conv_band_axis(c);
  int64_t of_cell = cells_of(c) / most(c->w.in[axis], 1);
  int64_t of_window = pixels_of(c) / most(c->w.out[axis], 1);
  int64_t band = (b1 - b0 - 1) * cells_of(c) + (i1 - i0) * of_cell;
  int64_t first = b0 * cells_of(c) + i0 * of_cell, n = conv_tile(c);
  if (b0 >= b1 || i0 >= i1) return;
  if (is_product(c)) {
    input_product(g, k, x, c, first, first + band);
    return;
  }
  memset(x + first * c->w.channels, 0,
         (size_t)(band * c->w.channels) * sizeof *x);
  Span windows = touching(&c->w, axis, i0, i1);
  area.first[axis] = i0;
  area.end[axis] = i1;
  int64_t p0 = b0 * pixels_of(c), p1 = b1 * pixels_of(c);
  if (b1 == b0 + 1) {
    p1 = p0 + windows.end * of_window;
    p0 += windows.first * of_window;
  }
  for (int64_t p = p0; p < p1; p += n)
    add_pixels(g, k, &area, c, p, least(p + n, p1), tile);
}

/* ---- gradient of the kernel -------------------------------------------- */

/* In an image's gradient every cell is one sum; here every row of the kernel
** is, over all pixels. */
static void kernel_block(const float *x, const float *g, float *k,
                         const Conv *c, Block b, int64_t f0, int64_t f1,
                         float *tile) {
  int64_t n = conv_tile(c), end = c->w.batch * pixels_of(c), p = 0;
  int64_t width = (f1 - f0) / c->groups, rows = block_rows(b);
  Area area = whole_images(c, x);
  bool wide = is_wide(c);
  for (int64_t i = 0; i < c->groups; i++, p = 0) {
    float *to = k + first_row(c, b) * c->filters + f0 + i * width;
    do {
      int64_t pixels = least(n, end - p);
      gather_tile(c, &area, b, i, p, p + pixels, tile);
      gemm(wide, false, rows, width, pixels, tile, wide ? rows : pixels,
           g + p * c->filters + f0 + i * width, c->filters, p > 0, to,
           c->filters);
      p += n;
    } while (p < end);
  }
}

static void kernel_product(const float *x, const float *g, float *k,
                           const Conv *c, Block b, int64_t f0, int64_t f1) {
  int64_t width = (f1 - f0) / c->groups, channels = group_channels(c);
  for (int64_t i = 0; i < c->groups; i++)
    gemm(true, false, block_rows(b), width, c->w.batch * pixels_of(c),
         x + i * channels + b.c0, c->w.channels, g + f0 + i * width,
         c->filters, 0, k + first_row(c, b) * c->filters + f0 + i * width,
         c->filters);
}

void conv_kernel_gradient(const float *x, const float *g, float *k,
                          const Conv *c, int64_t q0, int64_t q1, int64_t f0,
                          int64_t f1) {
  _Alignas(64) float tile[TILE_FLOATS];
  for (int64_t q = q0; q < q1; q++)
    if (is_product(c))
      kernel_product(x, g, k, c, block_at(c, q), f0, f1);
    else
      kernel_block(x, g, k, c, block_at(c, q), f0, f1, tile);
}
