/* Convolutions by products whose left side is read in place: the cells under a
** window are a few runs of neighbours, and from pixel to pixel they are a fixed
** step apart. The kernel is packed into panels. Where windows hang over the
** edge, the cells that some lines of pixels need are copied between zeros, once
** for all filters. The gradient of the image is a convolution of the cotangent
** with the kernel turned; with strides it is several, each of which makes the
** cells that the same taps see. Each number is one chain of multiply-adds in
** the order of taps and channels. */
#include "base/each_isa.h"
#include "kernels/micro.h"
#include "kernels/walk.h"

#include <string.h>

enum {
  WIDTH = MICRO_WIDTH,
  ROOM = 96 << 10, /* numbers that are copied for a band, at most */
  PIXELS = 256,    /* of a band, in the gradient of the kernel, and */
  ROWS = 128,      /* rows that are computed of it at a time */
  FILTERS = 128,   /* filters */
  LINE = 144,      /* their numbers for a pixel, and some that are apart */
  COLUMNS = 224,   /* of a band's lines */
  LINES = 64,      /* of a band */
  RUNS = 256,      /* under a window */
  FEW_COLUMNS = 14 /* as many as a tile has */
};

static int64_t divide_up(int64_t n, int64_t by) {
  return n <= 0 ? 0 : (n + by - 1) / by;
}

/* ---- what is computed of what ------------------------------------------- */

/* A walk of windows, whose pixels along an axis are every `step`th cell from
** `first` on, of as many as `cells`. All that is read and written has
** w.channels and `filters` numbers in a cell. `before` may be less than 0. */
typedef struct Direct {
  Window w;
  int64_t groups, filters;
  int64_t cells[3], first[3], step[3];
  bool hangs;   /* windows hang over the edge */
  bool in_runs; /* windows are read in runs; else tap by tap */
} Direct;

static int64_t taps_of(const Window *w) {
  return w->size[0] * w->size[1] * w->size[2];
}

static int64_t group_channels(const Direct *d) {
  return d->w.channels / d->groups;
}

static int64_t chain_of(const Direct *d) {
  return taps_of(&d->w) * group_channels(d);
}

static int64_t reach(const Window *w, int i) {
  return (w->size[i] - 1) * w->dilation[i] + 1;
}

/* ---- runs and room ------------------------------------------------------ */

/* Taps whose cells are neighbours, all channels of them. */
static int64_t run_taps(const Direct *d) {
  return d->groups == 1 && d->w.dilation[2] == 1 ? d->w.size[2] : 1;
}

static int64_t run_length(const Direct *d) {
  return run_taps(d) * group_channels(d);
}

static int64_t runs_of(const Direct *d) {
  return taps_of(&d->w) / run_taps(d);
}

/* As many pixels side by side as there is room for, with the cells under them:
** 0 when there is none. */
static int64_t columns_that_fit(const Window *w) {
  int64_t row = ROOM / (w->size[0] * w->channels) / reach(w, 1);
  return row < reach(w, 2) ? 0 : (row - reach(w, 2)) / w->stride[2] + 1;
}

/* Without room for a tile of pixels there are no runs. */
static bool goes_in_runs(const Direct *d) {
  return runs_of(d) <= RUNS &&
         (!d->hangs ||
          columns_that_fit(&d->w) >= least(d->w.out[2], FEW_COLUMNS));
}

/* Numbers of a row of cells under so many pixels side by side, of all planes
** that a window sees. */
static int64_t row_numbers(const Window *w, int64_t pixels) {
  return w->size[0] * ((pixels - 1) * w->stride[2] + reach(w, 2)) * w->channels;
}

/* ---- forward, and turned ------------------------------------------------ */

static bool hangs_over(const Window *w) {
  for (int i = 0; i < 3; i++)
    if (w->before[i] > 0 ||
        (w->out[i] - 1) * w->stride[i] - w->before[i] + reach(w, i) > w->in[i])
      return true;
  return false;
}

static Direct forward_of(const Conv *c) {
  Direct d = {.w = c->w, .groups = c->groups, .filters = c->filters};
  for (int i = 0; i < 3; i++) {
    d.cells[i] = c->w.out[i];
    d.step[i] = 1;
  }
  d.hangs = hangs_over(&c->w);
  d.in_runs = goes_in_runs(&d);
  return d;
}

static int64_t common_divisor(int64_t a, int64_t b) {
  while (b > 0) {
    int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/* Taps that see the same cells of an axis stand so far apart. */
static int64_t tap_step(const Window *w, int i) {
  return w->stride[i] / common_divisor(w->stride[i], w->dilation[i]);
}

/* The taps of an axis that are the first ones to see their cells. */
static int64_t first_taps(const Window *w, int i) {
  return least(w->size[i], tap_step(w, i));
}

/* Along axis i, the cells that tap t sees, and those tap_step after it: cell x
** has the pixel o with o stride + t dilation = x + before. From cell to cell of
** them it is the next pixel. The taps are taken from behind, so that pixels
** come in their order. */
static void turn_axis(Direct *d, const Window *w, int i, int64_t t) {
  int64_t stride = w->stride[i], step = tap_step(w, i);
  int64_t n = divide_up(w->size[i] - t, step);
  int64_t dilation = w->dilation[i] * step / stride;
  int64_t at = (t * w->dilation[i] - w->before[i]) % stride;
  d->first[i] = at < 0 ? at + stride : at;
  d->step[i] = stride;
  d->cells[i] = w->in[i];
  int64_t pixel =
      (d->first[i] + w->before[i] - t * w->dilation[i]) / stride;
  d->w.in[i] = w->out[i];
  d->w.out[i] = divide_up(w->in[i] - d->first[i], stride);
  d->w.size[i] = n;
  d->w.stride[i] = 1;
  d->w.dilation[i] = dilation;
  d->w.before[i] = (n - 1) * dilation - pixel;
}

/* Whether that reads cotangents that are not there. */
static bool turned_hangs(const Window *w) {
  for (int i = 0; i < 3; i++)
    if (w->size[i] > 1 || w->before[i] > 0 ||
        w->out[i] * w->stride[i] < w->in[i])
      return true;
  return false;
}

static Direct turned_at(const Conv *c, const int64_t *t) {
  Direct d = {.groups = c->groups, .filters = c->w.channels};
  d.w.batch = c->w.batch;
  d.w.channels = c->filters;
  for (int i = 0; i < 3; i++) turn_axis(&d, &c->w, i, t[i]);
  d.hangs = turned_hangs(&c->w);
  return d;
}

/* What makes the cells of the image that these taps are the first to see. All
** such walks go one way: that of the largest. */
static Direct turned_of(const Conv *c, const int64_t *t) {
  Direct largest = turned_at(c, (int64_t[3]){0}), d = turned_at(c, t);
  d.in_runs = goes_in_runs(&largest);
  return d;
}

/* The next taps that are the first ones; false after the last. */
static bool next_taps(const Window *w, int64_t *t) {
  for (int i = 2; i >= 0; i--) {
    if (++t[i] < first_taps(w, i)) return true;
    t[i] = 0;
  }
  return false;
}

/* ---- panels ------------------------------------------------------------- */

/* Those of one walk, one group after the other. */
static int64_t walk_panels(const Direct *d) {
  return d->groups * gemm_panels(chain_of(d), d->filters / d->groups);
}

#if ISA_FIRST
int64_t conv_panels(const Conv *c, bool turned) {
  int64_t t[3] = {0}, n = 0;
  Direct d = forward_of(c);
  if (!turned) return walk_panels(&d);
  do {
    d = turned_of(c, t);
    n += walk_panels(&d);
  } while (next_taps(&c->w, t));
  return n;
}
#endif

/* The taps of one walk, from behind, as rows of panels. */
static void pack_turned(const float *k, const Conv *c, const Direct *d,
                        const int64_t *t, float *panels) {
  int64_t channels = c->w.channels / c->groups, rows = c->filters / c->groups;
  int64_t each = gemm_panels(chain_of(d), channels), n = taps_of(&d->w);
  Product p = {.n = channels, .k = rows, .b_row = 1, .b_column = c->filters,
               .panel_rows = chain_of(d)};
  for (int64_t q = 0; q < n; q++) {
    int64_t at = 0, rest = n - 1 - q, place[3];
    for (int i = 2; i >= 0; i--) {
      place[i] = t[i] + rest % d->w.size[i] * tap_step(&c->w, i);
      rest /= d->w.size[i];
    }
    for (int i = 0; i < 3; i++) at = at * c->w.size[i] + place[i];
    for (int64_t g = 0; g < c->groups; g++) {
      p.b = k + at * channels * c->filters + g * rows;
      ISA(gemm_pack)(&p, q * rows, panels + g * each);
    }
  }
}

KERNEL(void, conv_pack, (const float *k, const Conv *c, bool turned,
                         float *panels)) {
  int64_t t[3] = {0};
  Direct d = forward_of(c);
  if (turned) {
    do {
      d = turned_of(c, t);
      pack_turned(k, c, &d, t, panels);
      panels += walk_panels(&d);
    } while (next_taps(&c->w, t));
    return;
  }
  int64_t width = c->filters / c->groups, rows = chain_of(&d);
  for (int64_t g = 0; g < c->groups; g++, panels += gemm_panels(rows, width))
    ISA(gemm_pack)(&(Product){.n = width, .k = rows, .b = k + g * width,
                                   .b_row = c->filters, .b_column = 1,
                                   .panel_rows = rows}, 0, panels);
}

/* ---- what a band reads -------------------------------------------------- */

/* The lines of a band. What the first pixel of each sees begins `from` numbers
** after a, which is 0 for the first line; what is computed for that pixel comes
** `to` after the beginning. The line is number `line` of all. */
typedef struct Lines {
  const float *a;
  int64_t n, column0, column1;
  int64_t from[LINES], to[LINES], line[LINES];
  int64_t pixel, tap[3]; /* numbers from one to the next */
} Lines;

static void clear(float *x, int64_t n) {
  if (n > 0) memset(x, 0, (size_t)n * sizeof *x);
}

/* The cells [first, end) of a row, zeros where there are none. NULL: no row. */
static void copy_cells(const Window *w, const float *row, int64_t first,
                       int64_t end, float *to) {
  int64_t n = w->channels, left = least(most(first, 0), end);
  int64_t right = most(least(end, w->in[2]), left);
  if (row == NULL) right = left = end;
  clear(to, (left - first) * n);
  to += (left - first) * n;
  if (right > left)
    memcpy(to, row + left * n, (size_t)((right - left) * n) * sizeof *to);
  clear(to + (right - left) * n, (end - right) * n);
}

/* The rows under the lines [j0, j1) of plane (b, i): of each row, all planes
** that the window sees. Returns the end. */
static float *copy_rows(const Direct *d, const float *x, const Lines *s,
                        int64_t b, int64_t i, int64_t j0, int64_t j1,
                        float *to) {
  const Window *w = &d->w;
  int64_t first = s->column0 * w->stride[2] - w->before[2];
  int64_t end = first + (s->column1 - s->column0 - 1) * w->stride[2] +
                reach(w, 2);
  int64_t row0 = j0 * w->stride[1] - w->before[1];
  int64_t row1 = row0 + (j1 - j0 - 1) * w->stride[1] + reach(w, 1);
  for (int64_t r = row0; r < row1; r++)
    for (int64_t t = 0; t < w->size[0]; t++) {
      int64_t p = i * w->stride[0] - w->before[0] + t * w->dilation[0];
      bool inside = p >= 0 && p < w->in[0] && r >= 0 && r < w->in[1];
      const float *row = x + ((b * w->in[0] + p) * w->in[1] + r) * w->in[2] *
                                 w->channels;
      copy_cells(w, inside ? row : NULL, first, end, to);
      to += (end - first) * w->channels;
    }
  return to;
}

/* The lines [j0, j1) of plane (b, i). Returns where more may be copied to. */
static float *add_lines(const Direct *d, const float *x, Lines *s, int64_t b,
                        int64_t i, int64_t j0, int64_t j1, float *room) {
  const Window *w = &d->w;
  int64_t row = w->in[2] * w->channels, at = room ? room - s->a : 0;
  for (int64_t j = j0; j < j1; j++, s->n++) {
    int64_t u = d->first[0] + i * d->step[0], v = d->first[1] + j * d->step[1];
    s->line[s->n] = (b * w->out[0] + i) * w->out[1] + j;
    s->to[s->n] = (((b * d->cells[0] + u) * d->cells[1] + v) * d->cells[2] +
                   d->first[2] + s->column0 * d->step[2]) * d->filters;
    if (room)
      s->from[s->n] = at + (j - j0) * w->stride[1] *
                               row_numbers(w, s->column1 - s->column0);
    else
      s->from[s->n] =
          ((b * w->in[0] + i * w->stride[0] - w->before[0]) * w->in[1] +
           j * w->stride[1] - w->before[1]) * row +
          (s->column0 * w->stride[2] - w->before[2]) * w->channels;
  }
  return room ? copy_rows(d, x, s, b, i, j0, j1, room) : NULL;
}

/* From tap to tap, in place or copied. */
static void set_steps(const Direct *d, Lines *s, bool copied) {
  const Window *w = &d->w;
  int64_t row = w->in[2] * w->channels, plane = w->in[1] * row;
  s->pixel = w->stride[2] * w->channels;
  if (copied) {
    row = row_numbers(w, s->column1 - s->column0);
    plane = row / w->size[0];
  }
  s->tap[0] = copied ? plane : w->dilation[0] * plane;
  s->tap[1] = w->dilation[1] * row;
  s->tap[2] = w->dilation[2] * w->channels;
}

/* Those pixels of the walk that are cells of the band. */
static void find_lines(Lines *s, const Direct *d, const float *x,
                       const ConvBand *b, float *room) {
  int64_t lines = d->cells[1];
  bool copied = d->in_runs && d->hangs;
  s->n = 0;
  s->a = copied ? room : x;
  s->column0 = divide_up(b->column0 - d->first[2], d->step[2]);
  s->column1 = divide_up(b->column1 - d->first[2], d->step[2]);
  if (s->column0 >= s->column1) return;
  set_steps(d, s, copied);
  for (int64_t l = b->line0, end; l < b->line1; l = end) {
    int64_t plane = l / lines, i = plane % d->cells[0] - d->first[0];
    end = least(b->line1, (plane + 1) * lines);
    int64_t j0 = divide_up(l - plane * lines - d->first[1], d->step[1]);
    int64_t j1 = divide_up(end - plane * lines - d->first[1], d->step[1]);
    if (i >= 0 && i % d->step[0] == 0 && j0 < j1)
      room = add_lines(d, x, s, plane / d->cells[0], i / d->step[0], j0, j1,
                       copied ? room : NULL);
  }
  if (s->n > 0) s->a += s->from[0];
  for (int64_t l = s->n - 1; l >= 0; l--) s->from[l] -= s->from[0];
}

static void find_runs(const Direct *d, const Lines *s, int64_t *run) {
  int64_t each = run_taps(d);
  for (int64_t t = 0; t < d->w.size[0]; t++)
    for (int64_t u = 0; u < d->w.size[1]; u++)
      for (int64_t v = 0; v < d->w.size[2]; v += each)
        *run++ = t * s->tap[0] + u * s->tap[1] + v * s->tap[2];
}

/* ---- tap by tap --------------------------------------------------------- */

/* The pixels of a line for which a tap is inside the image, and what the first
** of them sees. */
typedef struct Piece {
  int64_t first, end;
  const float *a;
} Piece;

/* The row of cells under a row of taps of a line of pixels, or NULL. */
static const float *row_at(const Window *w, const float *x, int64_t line,
                           int64_t taps) {
  int64_t j = line % w->out[1] * w->stride[1] - w->before[1] +
              taps % w->size[1] * w->dilation[1];
  int64_t i = line / w->out[1] % w->out[0] * w->stride[0] - w->before[0] +
              taps / w->size[1] * w->dilation[0];
  int64_t image = line / w->out[1] / w->out[0];
  if (i < 0 || i >= w->in[0] || j < 0 || j >= w->in[1]) return NULL;
  return x + ((image * w->in[0] + i) * w->in[1] + j) * w->in[2] * w->channels;
}

static Piece piece_of(const Direct *d, const float *x, const Lines *s,
                      int64_t l, int64_t tap) {
  const Window *w = &d->w;
  const float *row = row_at(w, x, s->line[l], tap / w->size[2]);
  int64_t at = s->column0 * w->stride[2] - w->before[2] +
               tap % w->size[2] * w->dilation[2];
  Span in = inside(at, w->stride[2], s->column1 - s->column0, 0, w->in[2]);
  if (row == NULL || in.first >= in.end) return (Piece){0};
  at += in.first * w->stride[2];
  return (Piece){in.first, in.end, row + at * w->channels};
}

/* ---- forward ------------------------------------------------------------ */

/* Tiles of as equal height as can be, of pixels side by side. */
static void multiply_pixels(int64_t pixels, int64_t columns, Micro m) {
  int64_t tiles = divide_up(pixels, MICRO_ROWS);
  const float *a = m.a;
  float *c = m.c;
  for (int64_t t = 0; t < tiles; t++) {
    int64_t p0 = pixels * t / tiles, p1 = pixels * (t + 1) / tiles;
    m.a = a + p0 * m.a_row;
    m.c = c + p0 * m.c_row;
    ISA_NAME(micro_panel)(p1 - p0, columns, &m);
  }
}

static void clear_pixels(float *y, int64_t pixels, int64_t step, int64_t n) {
  for (int64_t p = 0; p < pixels; p++) clear(y + p * step, n);
}

static void panel_by_taps(const Direct *d, const float *x, const Lines *s,
                          int64_t columns, Micro m) {
  const float *b = m.b;
  float *c = m.c;
  int64_t taps = taps_of(&d->w);
  m.k = group_channels(d);
  m.add = true;
  for (int64_t l = 0; l < s->n; l++) {
    clear_pixels(c + s->to[l], s->column1 - s->column0, m.c_row,
                 least(columns, WIDTH));
    for (int64_t t = 0; t < taps; t++) {
      Piece p = piece_of(d, x, s, l, t);
      m.a = p.a;
      m.b = b + t * m.k * WIDTH;
      m.c = c + s->to[l] + p.first * m.c_row;
      if (p.first < p.end) multiply_pixels(p.end - p.first, columns, m);
    }
  }
}

static void panel_by_runs(const Lines *s, int64_t columns, Micro m) {
  const float *a = m.a;
  float *c = m.c;
  for (int64_t l = 0; l < s->n; l++) {
    m.a = a + s->from[l];
    m.c = c + s->to[l];
    multiply_pixels(s->column1 - s->column0, columns, m);
  }
}

/* The filters [f0, f1), which are all of them when there are groups. */
static void multiply_band(const Direct *d, const float *x, const Lines *s,
                          const float *panels, float *y, int64_t f0,
                          int64_t f1) {
  int64_t run[RUNS], width = d->filters / d->groups, chain = chain_of(d);
  Micro m = {.k = run_length(d), .a_row = s->pixel, .a_column = 1,
             .b_row = WIDTH, .c_row = d->step[2] * d->filters};
  if (d->in_runs) {
    find_runs(d, s, run);
    m.run = run;
    m.runs = runs_of(d);
  }
  for (int64_t g = 0; g < d->groups; g++) {
    int64_t end = d->groups > 1 ? width : f1;
    for (int64_t j = d->groups > 1 ? 0 : f0; j < end; j += WIDTH) {
      m.b = panels + g * gemm_panels(chain, width) + j * chain;
      m.c = y + g * width + j;
      m.a = s->a + g * group_channels(d);
      if (d->in_runs)
        panel_by_runs(s, end - j, m);
      else
        panel_by_taps(d, x + g * group_channels(d), s, end - j, m);
    }
  }
}

KERNEL(void, conv_forward, (const float *x, const float *panels, float *y,
                            const Conv *c, const ConvBand *b, int64_t f0,
                            int64_t f1, void *scratch)) {
  Direct d = forward_of(c);
  Lines s;
  find_lines(&s, &d, x, b, scratch);
  multiply_band(&d, x, &s, panels, y, f0, f1);
}

/* ---- gradient of the image ---------------------------------------------- */

/* Whether there are cells that no tap sees. */
static bool has_gaps(const Window *w) {
  for (int i = 0; i < 3; i++)
    if (first_taps(w, i) < w->stride[i]) return true;
  return false;
}

KERNEL(void, conv_input_gradient,
       (const float *g, const float *panels, float *x, const Conv *c,
        const ConvBand *b, int64_t c0, int64_t c1, void *scratch)) {
  int64_t t[3] = {0}, n = c->w.channels;
  Lines s;
  if (has_gaps(&c->w))
    for (int64_t l = b->line0; l < b->line1; l++)
      clear_pixels(x + (l * c->w.in[2] + b->column0) * n + c0,
                   b->column1 - b->column0, n, c1 - c0);
  do {
    Direct d = turned_of(c, t);
    find_lines(&s, &d, g, b, scratch);
    if (s.n > 0) multiply_band(&d, g, &s, panels, x, c0, c1);
    panels += walk_panels(&d);
  } while (next_taps(&c->w, t));
}

/* ---- gradient of the kernel --------------------------------------------- */

/* The walk of the forward pass. Its cells are gathered where runs of pixels are
** short, or pixels so far apart that each is in a page of its own. */
static Direct kernel_of(const Conv *c) {
  enum { SHORT = 12, FAR = 512 };
  Direct d = forward_of(c);
  if (c->w.out[2] < SHORT || c->w.stride[2] * c->w.channels >= FAR)
    d.in_runs = false;
  d.hangs = d.hangs && d.in_runs; /* what is gathered needs no copy */
  return d;
}

/* Rows of the kernel: the channels [c0, c1) of a group under the taps
** [t0, t1). There is one tap, or all channels. What a band's pixels see of them
** is gathered as a line for each pixel. */
typedef struct Block {
  int64_t t0, t1, c0, c1;
} Block;

static int64_t channel_parts(const Direct *d) {
  return divide_up(group_channels(d), ROWS);
}

static int64_t blocks_of(const Direct *d) {
  int64_t parts = channel_parts(d), taps = taps_of(&d->w);
  return parts > 1 ? taps * parts
                   : divide_up(taps, ROWS / group_channels(d));
}

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
      const float *row = row_at(w, x, s->line[l], t / w->size[2]);
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
  find_runs(d, s, run);
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
        multiply_pixels(length, end - j, m);
      }
    }
  }
}

KERNEL(void, conv_kernel_gradient,
       (const float *x, const float *g, float *k, const Conv *c,
        const ConvBand *b, int64_t q0, int64_t q1, int64_t f0, int64_t f1,
        bool add, void *scratch)) {
  Direct d = kernel_of(c);
  Lines s;
  float *panel = scratch, *room = panel + PIXELS * GEMM_COLUMNS;
  find_lines(&s, &d, x, b, room);
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

/* ---- bands -------------------------------------------------------------- */

#if ISA_FIRST
/* Of several the one that needs the most room. */
static Direct walk_of(const Conv *c, ConvWay way) {
  return way == CONV_IMAGE    ? turned_of(c, (int64_t[3]){0})
         : way == CONV_KERNEL ? kernel_of(c)
                              : forward_of(c);
}

static int64_t lines_that_fit(const Window *w, int64_t columns) {
  int64_t rows = ROOM / row_numbers(w, columns);
  int64_t lines = rows < reach(w, 1) ? 1
                                     : (rows - reach(w, 1)) / w->stride[1] + 1;
  return least(lines, LINES);
}

/* Lines of some columns, or whole lines of a plane, or whole planes. */
static void divide(ConvBands *b, const Direct *d, int64_t pixels) {
  int64_t fit = COLUMNS, step = d->step[2];
  if (d->in_runs && d->hangs) fit = least(fit, columns_that_fit(&d->w));
  b->chunks = most(divide_up(b->columns, fit * step), 1);
  b->cuts = most(b->lines, 1);
  if (b->chunks > 1 || b->lines == 0 || b->columns == 0) return;
  int64_t most_columns = divide_up(b->columns, step);
  int64_t lines = lines_that_fit(&d->w, most_columns);
  lines = least(lines * d->step[1], most(pixels / b->columns, 1));
  b->cuts = divide_up(b->lines, lines);
  if (b->cuts > 1) return;
  int64_t rows = (divide_up(b->lines, d->step[1]) - 1) * d->w.stride[1] +
                 reach(&d->w, 1);
  int64_t row = row_numbers(&d->w, most_columns);
  b->together = least(ROOM / (rows * row), LINES / b->lines);
  b->together = least(b->together, pixels / (b->lines * b->columns));
  b->together = most(b->together, 1);
}

static int64_t count(const ConvBands *b) {
  return divide_up(b->planes, b->together) * b->cuts * b->chunks;
}

ConvBands conv_bands(const Conv *c, ConvWay way, int64_t wanted) {
  enum { MOST = 4096 };
  Direct d = walk_of(c, way);
  ConvBands b = {.planes = d.w.batch * d.cells[0], .lines = d.cells[1],
                 .columns = d.cells[2], .together = 1};
  divide(&b, &d, way == CONV_KERNEL ? PIXELS : MOST);
  if (count(&b) >= wanted) return b;
  b.together = most(b.planes / wanted, 1);
  int64_t more = divide_up(wanted, divide_up(b.planes, b.together) * b.cuts);
  if (b.chunks > 1)
    b.chunks = most(b.chunks, least(more, b.columns / CONV_ENOUGH));
  else if (b.together == 1)
    b.cuts = most(b.cuts, least(divide_up(wanted, b.planes),
                                b.lines * b.columns / CONV_ENOUGH));
  b.cuts = most(least(b.cuts, b.lines), 1);
  return b;
}

int64_t conv_band_count(const ConvBands *b) {
  return b->columns == 0 || b->lines == 0 ? 0 : count(b);
}

ConvBand conv_band(const ConvBands *b, int64_t q) {
  int64_t chunk = q % b->chunks, cut = q / b->chunks % b->cuts;
  int64_t plane = q / b->chunks / b->cuts * b->together;
  ConvBand s = {.line0 = plane * b->lines + b->lines * cut / b->cuts,
                .line1 = plane * b->lines + b->lines * (cut + 1) / b->cuts,
                .column0 = b->columns * chunk / b->chunks,
                .column1 = b->columns * (chunk + 1) / b->chunks};
  if (b->cuts == 1)
    s.line1 = least(plane + b->together, b->planes) * b->lines;
  s.pixel0 = s.line0 * b->columns + s.column0;
  s.pixel1 = (s.line1 - 1) * b->columns + s.column1;
  return s;
}
#endif

#if ISA_FIRST
int64_t conv_blocks(const Conv *c) {
  Direct d = kernel_of(c);
  return d.in_runs ? runs_of(&d) : blocks_of(&d);
}

int64_t conv_scratch(const Conv *c, ConvWay way) {
  Direct d = walk_of(c, way);
  int64_t n = d.hangs ? ROOM : 0;
  if (way == CONV_KERNEL)
    n = d.in_runs ? n + PIXELS * GEMM_COLUMNS : PIXELS * (LINE + FILTERS);
  return n * (int64_t)sizeof(float);
}

_Static_assert((ROOM + PIXELS * GEMM_COLUMNS) * sizeof(float) <=
                       CONV_MOST_SCRATCH && PIXELS * (LINE + FILTERS) <= ROOM,
               "what conv_scratch says at most");
#endif
