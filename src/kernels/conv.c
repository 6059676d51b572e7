/* Convolutions by products whose left side is read in place: the cells under a
** window are a few runs of neighbours, and from pixel to pixel they are a fixed
** step apart. The kernel is packed into panels. Where windows hang over the
** edge, the cells that some lines of pixels need are copied between zeros, once
** for all filters. The gradient of the image is a convolution of the cotangent
** with the kernel turned; with strides it is several, each of which makes the
** cells that the same taps see. Each number is one chain of multiply-adds in
** the order of taps and channels. */
#include "base/each_isa.h"
#include "kernels/direct.h"
#include "kernels/micro.h"

enum { WIDTH = MICRO_WIDTH };

/* ---- panels ------------------------------------------------------------- */


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
      place[i] = t[i] + rest % d->w.size[i] * direct_tap_step(&c->w, i);
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
  Direct d = direct_forward(c);
  int64_t columns = spread_columns(c);
  if (turned && direct_spreads(c)) {
    ISA(gemm_pack)(&(Product){.n = columns, .k = c->filters, .b = k, .b_row = 1,
                              .b_column = c->filters,
                              .panel_rows = c->filters}, 0, panels);
    return;
  }
  if (turned) {
    do {
      d = direct_turned(c, t);
      pack_turned(k, c, &d, t, panels);
      panels += direct_panels(&d);
    } while (direct_next(&c->w, t));
    return;
  }
  int64_t width = c->filters / c->groups, rows = chain_of(&d);
  for (int64_t g = 0; g < c->groups; g++, panels += gemm_panels(rows, width))
    ISA(gemm_pack)(&(Product){.n = width, .k = rows, .b = k + g * width,
                                   .b_row = c->filters, .b_column = 1,
                                   .panel_rows = rows}, 0, panels);
}

/* ---- tap by tap --------------------------------------------------------- */

/* The pixels of a line for which a tap is inside the image, and what the first
** of them sees. */
typedef struct Piece {
  int64_t first, end;
  const float *a;
} Piece;

static Piece piece_of(const Direct *d, const float *x, const Lines *s,
                      int64_t l, int64_t tap) {
  const Window *w = &d->w;
  const float *row = direct_row(w, x, s->line[l], tap / w->size[2]);
  int64_t at = s->column0 * w->stride[2] - w->before[2] +
               tap % w->size[2] * w->dilation[2];
  Span in = inside(at, w->stride[2], s->column1 - s->column0, 0, w->in[2]);
  if (row == NULL || in.first >= in.end) return (Piece){0};
  at += in.first * w->stride[2];
  return (Piece){in.first, in.end, row + at * w->channels};
}

/* ---- forward ------------------------------------------------------------ */

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
      if (p.first < p.end) ISA_NAME(micro_rows)(p.end - p.first, columns, &m);
    }
  }
}

/* Two lines of so few pixels are one tile, where their results follow one
** another: then the panel is read half as often. But not where pixels are so far
** apart that the first cache has no places for those of two lines. */
static int64_t lines_together(const Lines *s, int64_t l, int64_t c_row) {
  int64_t pixels = s->column1 - s->column0;
  bool two = 2 * MICRO_TURN <= MICRO_ROWS && pixels == MICRO_TURN &&
             !gemm_is_apart(s->pixel) &&
             l + 1 < s->n && s->to[l + 1] - s->to[l] == pixels * c_row;
  return two ? 2 : 1;
}

static void panel_by_runs(const Lines *s, int64_t columns, Micro m) {
  const float *a = m.a;
  float *c = m.c;
  int64_t pixels = s->column1 - s->column0;
  for (int64_t l = 0, lines; l < s->n; l += lines) {
    lines = lines_together(s, l, m.c_row);
    m.a = a + s->from[l];
    m.c = c + s->to[l];
    m.end_row = s->to[l] / m.c_row;
    m.gap = lines > 1 ? s->from[l + 1] - s->from[l] - pixels * m.a_row : 0;
    ISA_NAME(micro_rows)(lines * pixels, columns, &m);
  }
}

/* Panels that the second cache does not keep from run to run: while all tiles
** go over one, the next one comes. */
static void fetch_next(const Direct *d, const Lines *s, Micro *m) {
  enum { FAR = 1 << 18 };
  int64_t lines = s->n > 0 ? lines_together(s, 0, m->c_row) : 1;
  int64_t tiles = divide_up(s->n, lines) *
                  divide_up(s->column1 - s->column0, MICRO_ROWS);
  m->ahead = direct_panels(d) > FAR ? m->b + WIDTH * chain_of(d) : NULL;
  m->ahead_step = divide_up(WIDTH, tiles);
}

/* The filters [f0, f1), which are all of them when there are groups. */
static void multiply_band(const Direct *d, const float *x, const Lines *s,
                          const float *panels, float *y, int64_t f0,
                          int64_t f1, const Ending *ending) {
  int64_t run[RUNS], width = d->filters / d->groups, chain = chain_of(d);
  Micro m = {.k = run_length(d), .a_row = s->pixel, .a_column = 1,
             .b_row = WIDTH, .c_row = d->step[2] * d->filters, .end = ending};
  if (d->in_runs) {
    direct_runs(d, s, run);
    m.run = run;
    m.runs = runs_of(d);
  }
  for (int64_t g = 0; g < d->groups; g++) {
    int64_t end = d->groups > 1 ? width : f1;
    for (int64_t j = d->groups > 1 ? 0 : f0; j < end; j += WIDTH) {
      m.b = panels + g * gemm_panels(chain, width) + j * chain;
      m.c = y + g * width + j;
      m.a = s->a + g * group_channels(d);
      m.ahead = NULL;
      m.end_column = g * width + j;
      if (end - j > WIDTH) fetch_next(d, s, &m);
      if (d->in_runs)
        panel_by_runs(s, end - j, m);
      else
        panel_by_taps(d, x + g * group_channels(d), s, end - j, m);
    }
  }
}

KERNEL(void, conv_forward, (const float *x, const float *panels, float *y,
                            const Conv *c, const ConvBand *b, int64_t f0,
                            int64_t f1, const Ending *end, void *scratch)) {
  Direct d = direct_forward(c);
  Lines s;
  direct_lines(&s, &d, x, b, scratch);
  multiply_band(&d, x, &s, panels, y, f0, f1, end);
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
  if (direct_spreads(c)) {
    ISA(conv_spread)(g, panels, x, c, b, scratch);
    return;
  }
  if (has_gaps(&c->w))
    for (int64_t l = b->line0; l < b->line1; l++)
      clear_pixels(x + (l * c->w.in[2] + b->column0) * n + c0,
                   b->column1 - b->column0, n, c1 - c0);
  do {
    Direct d = direct_turned(c, t);
    direct_lines(&s, &d, g, b, scratch);
    if (s.n > 0)
      multiply_band(&d, g, &s, panels, x + b->pixel0 * n, c0, c1, NULL);
    panels += direct_panels(&d);
  } while (direct_next(&c->w, t));
}

