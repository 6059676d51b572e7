/* Convolutions by products. The cells under a run of windows are gathered into
** a tile that stays in cache, some rows of the kernel at a time, and multiplied
** with them; the gradient of the kernel multiplies the same tiles with the
** cotangent, and the gradient of the image makes tiles by a product and adds
** them to the cells that they came from (where each cell has one window of its
** own, the product is the gradient). */
#include "base/each_isa.h"
#include "kernels/walk.h"

#include <string.h>

enum {
  LINES = 168,   /* of a tile, at most */
  SHORT_RUN = 16 /* neighbouring numbers under a window */
};

/* A tile is made of lines of BLOCK_LINE numbers. A wide one has a line for
** each pixel, with the cells under its window: for long runs of cells. A tall
** one has a line for each of these cells, with the pixels: for runs of
** windows. A tile is far too large for the stack: it lies in the thread's
** scratch, and what block_product packs behind it. */

/* ---- geometry ---------------------------------------------------------- */

static int64_t taps_of(const Conv *c) {
  return c->w.size[0] * c->w.size[1] * c->w.size[2];
}

static int64_t group_channels(const Conv *c) {
  return c->w.channels / c->groups;
}

/* With several groups cells are never neighbours; then windows count as apart
** when all channels together are many. */
static bool is_wide(const Conv *c) {
  int64_t taps = c->w.dilation[2] == 1 ? c->w.size[2] : 1;
  return (c->groups == 1 ? taps : 1) * c->w.channels >= SHORT_RUN;
}

/* Rows of the kernel: the channels [c0, c1) of a group under the taps
** [t0, t1). There is one tap, or all channels. */
typedef struct Block {
  int64_t t0, t1, c0, c1;
} Block;

static int64_t most_rows(const Conv *c) {
  return is_wide(c) ? BLOCK_LINE : LINES;
}

static int64_t channel_parts(const Conv *c) {
  return most((group_channels(c) + most_rows(c) - 1) / most_rows(c), 1);
}

#if ISA_FIRST
int64_t conv_blocks(const Conv *c, int64_t wanted) {
  enum { FEW = 64 }; /* rows: the products of fewer are slower */
  int64_t parts = channel_parts(c), taps = taps_of(c);
  if (parts > 1) return taps * parts;
  int64_t together = most_rows(c) / group_channels(c);
  int64_t full = least(taps, taps * group_channels(c) / FEW);
  return most((taps + together - 1) / together, least(wanted, full));
}

int64_t conv_tile(const Conv *c) { return is_wide(c) ? LINES : BLOCK_LINE; }
#endif

/* Block q of so many. */
static Block block_at(const Conv *c, int64_t q, int64_t blocks) {
  int64_t parts = channel_parts(c), channels = group_channels(c);
  if (parts > 1) {
    int64_t t = q / parts, part = q % parts;
    return (Block){t, t + 1, channels * part / parts,
                   channels * (part + 1) / parts};
  }
  int64_t taps = taps_of(c);
  return (Block){taps * q / blocks, taps * (q + 1) / blocks, 0, channels};
}

static int64_t block_rows(Block b) { return (b.t1 - b.t0) * (b.c1 - b.c0); }

/* Number of the block's first row in the kernel (rows, filters). */
static int64_t first_row(const Conv *c, Block b) {
  return b.t0 * group_channels(c) + b.c0;
}

static int64_t all_pixels(const Conv *c) {
  return c->w.batch * pixels_of(&c->w);
}

static int64_t all_rows(const Conv *c) {
  return taps_of(c) * group_channels(c);
}

/* Numbers of a tile: as many lines as are ever used, and up to a multiple of
** what block_product reads. */
static int64_t tile_numbers(const Conv *c) {
  enum { READ_TOGETHER = 12 };
  int64_t lines = is_wide(c) ? all_pixels(c) : all_rows(c);
  lines = (lines + READ_TOGETHER - 1) / READ_TOGETHER * READ_TOGETHER;
  return least(LINES, lines) * BLOCK_LINE;
}

#if ISA_FIRST
/* The gradient of the image has two tiles. The columns of the products are
** filters, and in that gradient what stands in a line of the tile. */
int64_t conv_scratch(const Conv *c) {
  int64_t columns =
      most(c->filters, is_wide(c) ? all_rows(c) : all_pixels(c));
  int64_t numbers = 2 * tile_numbers(c) + block_panels(columns);
  return most(numbers * (int64_t)sizeof(float),
              gemm_scratch(c->w.channels, c->filters));
}

_Static_assert((2 * LINES + 96) * BLOCK_LINE * sizeof(float) <=
                   CONV_MOST_SCRATCH, "what conv_scratch says at most");
#endif

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

/* To the tile, or back as a sum. */
typedef enum Way { GATHER, ADD } Way;

INLINE void move_run(Way way, float *restrict tile, float *restrict x,
                     int64_t n) {
  if (way == ADD)
    for (int64_t i = 0; i < n; i++) x[i] += tile[i];
  else if (n >= SHORT_RUN)
    memcpy(tile, x, (size_t)n * sizeof *x);
  else
    for (int64_t i = 0; i < n; i++) tile[i] = x[i];
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
  int64_t n = b.c1 - b.c0;
  for (int64_t t = b.t0, taps; t < b.t1; t += taps) {
    int64_t line = t / w->size[2], v = t % w->size[2];
    float *row =
        image_row(c, area, s, line / w->size[1], line % w->size[1]);
    taps = run_taps(c, b, t);
    if (row == NULL) {
      for (int64_t k = 0; k < s->n; k++)
        clear_run(way, tile + k * BLOCK_LINE, taps * n);
    } else if (n == w->channels) {
      for (int64_t k = 0; k < s->n; k++)
        move_cells(way, tile + k * BLOCK_LINE, row,
                   (s->k + k) * w->stride[2] - w->before[2] +
                       v * w->dilation[2],
                   taps, n, area->first[2], area->end[2]);
    } else {
      for (int64_t k = 0; k < s->n; k++) {
        int64_t at = (s->k + k) * w->stride[2] - w->before[2] +
                     v * w->dilation[2];
        if (at < area->first[2] || at >= area->end[2])
          clear_run(way, tile + k * BLOCK_LINE, n);
        else
          move_run(way, tile + k * BLOCK_LINE,
                   row + at * w->channels + channel + b.c0, n);
      }
    }
    tile += taps * n;
  }
}

/* The n cells that stand `step` numbers apart, and one line of the tile for
** each of their numbers. */
INLINE void move_apart(Way way, float *restrict tile, float *restrict x,
                       int64_t step, int64_t n, int64_t numbers) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < numbers; j++)
      if (way == GATHER)
        tile[j * BLOCK_LINE + i] = x[i * step + j];
      else
        x[i * step + j] += tile[j * BLOCK_LINE + i];
}

/* Few numbers, neighbouring windows: the loops are unrolled for them. */
INLINE void move_lines(Way way, float *tile, float *x, int64_t step, int64_t n,
                       int64_t numbers) {
  if (step == 1)
    move_run(way, tile, x, n);
  else if (numbers == 3 && step == 3)
    move_apart(way, tile, x, 3, n, 3);
  else if (numbers == 3)
    move_apart(way, tile, x, step, n, 3);
  else if (numbers == 1)
    move_apart(way, tile, x, step, n, 1);
  else
    move_apart(way, tile, x, step, n, numbers);
}

INLINE void move_tall(Way way, const Conv *c, const Area *area, Block b,
                      int64_t channel, const Segment *s, float *tile) {
  const Window *w = &c->w;
  int64_t step = w->stride[2] * w->channels, numbers = b.c1 - b.c0;
  for (int64_t t = b.t0; t < b.t1; t++, tile += numbers * BLOCK_LINE) {
    int64_t line = t / w->size[2], v = t % w->size[2];
    int64_t at = s->k * w->stride[2] - w->before[2] + v * w->dilation[2];
    float *row =
        image_row(c, area, s, line / w->size[1], line % w->size[1]);
    Span in = inside(at, w->stride[2], s->n, area->first[2], area->end[2]);
    if (row == NULL) in = (Span){0, 0};
    for (int64_t i = 0; i < numbers; i++) {
      clear_run(way, tile + i * BLOCK_LINE, in.first);
      clear_run(way, tile + i * BLOCK_LINE + in.end, s->n - in.end);
    }
    if (in.first < in.end)
      move_lines(way, tile + in.first,
                 row + (at + in.first * w->stride[2]) * w->channels +
                     channel + b.c0,
                 step, in.end - in.first, numbers);
  }
}

INLINE void move_tile(Way way, const Conv *c, const Area *area, Block b,
                      int64_t group, int64_t p0, int64_t p1, float *tile) {
  int64_t channel = group * group_channels(c);
  bool wide = is_wide(c);
  for (int64_t p = p0; p < p1;) {
    Segment s = segment_at(c, p, p1);
    if (wide)
      move_wide(way, c, area, b, channel, &s, tile + (p - p0) * BLOCK_LINE);
    else
      move_tall(way, c, area, b, channel, &s, tile + (p - p0));
    p += s.n;
  }
}

static void gather_tile(const Conv *c, const Area *area, Block b,
                        int64_t group, int64_t p0, int64_t p1,
                        float *tile) {
  move_tile(GATHER, c, area, b, group, p0, p1, tile);
}

static void add_tile(const Conv *c, const Area *area, Block b, int64_t group,
                     int64_t p0, int64_t p1, float *tile) {
  move_tile(ADD, c, area, b, group, p0, p1, tile);
}

/* ---- forward ----------------------------------------------------------- */

KERNEL(void, conv_forward, (const float *x, const float *k, float *y,
                            const Conv *c, int64_t p0, int64_t p1, int64_t f0,
                            int64_t f1, void *scratch)) {
  float *tile = scratch, *panels = tile + tile_numbers(c);
  Area area = whole_images(c, x);
  int64_t n = conv_tile(c), blocks = conv_blocks(c, 1);
  int64_t width = (f1 - f0) / c->groups;
  for (int64_t p = p0; p < p1; p += n) {
    int64_t pixels = least(n, p1 - p);
    for (int64_t g = 0; g < c->groups; g++)
      for (int64_t q = 0; q < blocks; q++) {
        Block b = block_at(c, q, blocks);
        int64_t f = f0 + g * width;
        gather_tile(c, &area, b, g, p, p + pixels, tile);
        ISA(block_product)(is_wide(c), pixels, width, block_rows(b), tile,
                           k + first_row(c, b) * c->filters + f, c->filters, 1,
                           q > 0, y + p * c->filters + f, c->filters, panels);
      }
  }
}

/* ---- gradient of the image --------------------------------------------- */

/* Windows are the cells themselves, each cell has one. */
static bool is_product(const Conv *c) {
  for (int i = 0; i < 3; i++)
    if (c->w.size[i] != 1 || c->w.stride[i] != 1 || c->w.before[i] != 0 ||
        c->w.in[i] != c->w.out[i])
      return false;
  return true;
}

static void input_product(const float *g, const float *k, float *x,
                          const Conv *c, int64_t p0, int64_t p1, int64_t c0,
                          int64_t c1, void *scratch) {
  int64_t channels = group_channels(c), width = c->filters / c->groups;
  int64_t n = c->groups == 1 ? c1 - c0 : channels;
  for (int64_t i = 0; i < c->groups; i++)
    ISA(gemm)(&(Product){.m = p1 - p0, .n = n, .k = width,
                             .a = g + p0 * c->filters + i * width,
                             .a_row = c->filters, .a_column = 1,
                             .b = k + c0 * c->filters + i * width, .b_row = 1,
                             .b_column = c->filters,
                             .c = x + p0 * c->w.channels + c0 + i * channels,
                             .c_row = c->w.channels}, scratch);
}

/* lines of a tile = lines of x that stand apart */
static void copy_lines(float *tile, const float *x, int64_t apart,
                       int64_t lines, int64_t n) {
  for (int64_t i = 0; i < lines; i++)
    memcpy(tile + i * BLOCK_LINE, x + i * apart, (size_t)n * sizeof *x);
}

/* tile = the cotangents of the cells that one block of a group sees under the
** pixels [p0, p1): g (pixels, filters) . k (rows, filters) turned. The side
** that makes the tile's lines is copied to lines, some filters at a time. */
static void spread_pixels(const float *g, const float *k, const Conv *c,
                          Block b, int64_t group, int64_t p0, int64_t p1,
                          float *lines, float *tile, float *panels) {
  int64_t width = c->filters / c->groups, f = c->filters;
  g += p0 * f + group * width;
  k += first_row(c, b) * f + group * width;
  for (int64_t i = 0; i < width; i += BLOCK_LINE) {
    int64_t n = least(BLOCK_LINE, width - i);
    int64_t pixels = p1 - p0, rows = block_rows(b);
    copy_lines(lines, is_wide(c) ? g + i : k + i, f,
               is_wide(c) ? pixels : rows, n);
    if (is_wide(c))
      ISA(block_product)(true, pixels, rows, n, lines, k + i, 1, f, i > 0,
                         tile, BLOCK_LINE, panels);
    else
      ISA(block_product)(true, rows, pixels, n, lines, g + i, 1, f, i > 0,
                         tile, BLOCK_LINE, panels);
  }
}

/* What the pixels [p0, p1) add to the channels [c0, c1) of each group. */
static void add_pixels(const float *g, const float *k, const Area *area,
                       const Conv *c, int64_t p0, int64_t p1, int64_t c0,
                       int64_t c1, float *scratch) {
  float *lines = scratch, *tile = lines + tile_numbers(c);
  float *panels = tile + tile_numbers(c);
  bool all = c1 - c0 == group_channels(c);
  int64_t taps = taps_of(c), together = all ? most_rows(c) / (c1 - c0) : 1;
  together = most(together, 1);
  for (int64_t i = 0; i < c->groups; i++)
    for (int64_t t = 0; t < taps; t += together)
      for (int64_t j = c0; j < c1; j += most_rows(c)) {
        Block b = {t, least(t + together, taps), j,
                   least(j + most_rows(c), c1)};
        spread_pixels(g, k, c, b, i, p0, p1, lines, tile, panels);
        add_tile(c, area, b, i, p0, p1, tile);
      }
}

static void clear_cells(float *x, const Conv *c, int64_t first, int64_t cells,
                        int64_t c0, int64_t c1) {
  x += first * c->w.channels + c0;
  if (c1 - c0 == c->w.channels)
    memset(x, 0, (size_t)(cells * c->w.channels) * sizeof *x);
  else
    for (int64_t i = 0; i < cells; i++)
      memset(x + i * c->w.channels, 0, (size_t)(c1 - c0) * sizeof *x);
}

KERNEL(void, conv_input_gradient,
       (const float *g, const float *k, float *x, const Conv *c, int64_t b0,
        int64_t b1, int64_t i0, int64_t i1, int64_t c0, int64_t c1,
        void *scratch)) {
  Area area = whole_images(c, x);
  int axis = window_band_axis(&c->w);
  int64_t of_cell = cells_of(&c->w) / most(c->w.in[axis], 1);
  int64_t of_window = pixels_of(&c->w) / most(c->w.out[axis], 1);
  int64_t band = (b1 - b0 - 1) * cells_of(&c->w) + (i1 - i0) * of_cell;
  int64_t first = b0 * cells_of(&c->w) + i0 * of_cell, n = conv_tile(c);
  if (is_product(c)) {
    input_product(g, k, x, c, first, first + band, c0, c1, scratch);
    return;
  }
  clear_cells(x, c, first, band, c0, c1);
  Span windows = touching(&c->w, axis, i0, i1);
  area.first[axis] = i0;
  area.end[axis] = i1;
  int64_t p0 = b0 * pixels_of(&c->w), p1 = b1 * pixels_of(&c->w);
  if (b1 == b0 + 1) {
    p1 = p0 + windows.end * of_window;
    p0 += windows.first * of_window;
  }
  if (c->groups > 1) c1 = group_channels(c);
  for (int64_t p = p0; p < p1; p += n)
    add_pixels(g, k, &area, c, p, least(p + n, p1), c0, c1, scratch);
}

/* ---- gradient of the kernel -------------------------------------------- */

/* Every row of the kernel is one sum over all pixels. */
static void kernel_block(const float *x, const float *g, float *k,
                         const Conv *c, Block b, int64_t f0, int64_t f1,
                         float *scratch) {
  float *tile = scratch, *panels = tile + tile_numbers(c);
  int64_t n = conv_tile(c), end = c->w.batch * pixels_of(&c->w), p = 0;
  int64_t width = (f1 - f0) / c->groups;
  Area area = whole_images(c, x);
  for (int64_t i = 0; i < c->groups; i++, p = 0) {
    int64_t f = f0 + i * width;
    do {
      int64_t pixels = least(n, end - p);
      gather_tile(c, &area, b, i, p, p + pixels, tile);
      ISA(block_product)(!is_wide(c), block_rows(b), width, pixels, tile,
                         g + p * c->filters + f, c->filters, 1, p > 0,
                         k + first_row(c, b) * c->filters + f, c->filters,
                         panels);
      p += n;
    } while (p < end);
  }
}

KERNEL(void, conv_kernel_gradient,
       (const float *x, const float *g, float *k, const Conv *c, int64_t q0,
        int64_t q1, int64_t blocks, int64_t f0, int64_t f1, void *scratch)) {
  for (int64_t q = q0; q < q1; q++)
    kernel_block(x, g, k, c, block_at(c, q, blocks), f0, f1, scratch);
}
