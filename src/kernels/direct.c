/* Where the walks of convolutions go, how they are divided into bands, and what
** a band reads: all of it but the loops. */
#include "kernels/direct.h"

#include <string.h>

enum { FEW_COLUMNS = 14 /* as many as a tile has */ };

static int64_t reach(const Window *w, int i) {
  return (w->size[i] - 1) * w->dilation[i] + 1;
}

/* ---- runs and room ------------------------------------------------------ */

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

Direct direct_forward(const Conv *c) {
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

int64_t direct_tap_step(const Window *w, int i) {
  return w->stride[i] / common_divisor(w->stride[i], w->dilation[i]);
}

/* Along axis i, the cells that tap t sees, and those tap_step after it: cell x
** has the pixel o with o stride + t dilation = x + before. From cell to cell of
** them it is the next pixel. The taps are taken from behind, so that pixels
** come in their order. */
static void turn_axis(Direct *d, const Window *w, int i, int64_t t) {
  int64_t stride = w->stride[i], step = direct_tap_step(w, i);
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

bool direct_spreads(const Conv *c) {
  enum { FEW_CHANNELS = 8 };
  const Window *w = &c->w;
  bool flat = w->in[0] == 1 && w->out[0] == 1 && w->size[0] == 1 &&
              w->before[0] == 0;
  return flat && c->groups == 1 && w->channels <= FEW_CHANNELS &&
         taps_of(w) > 1 && spread_tile(c) > 0;
}

/* All such walks go one way: that of the largest. */
Direct direct_turned(const Conv *c, const int64_t *t) {
  Direct largest = turned_at(c, (int64_t[3]){0}), d = turned_at(c, t);
  d.in_runs = goes_in_runs(&largest);
  return d;
}

bool direct_next(const Window *w, int64_t *t) {
  for (int i = 2; i >= 0; i--) {
    if (++t[i] < first_taps(w, i)) return true;
    t[i] = 0;
  }
  return false;
}

/* The walk of the forward pass. Its cells are gathered where runs of pixels are
** short, or pixels so far apart that each is in a page of its own. */
Direct direct_kernel(const Conv *c) {
  enum { SHORT = 12, FAR = 512 };
  Direct d = direct_forward(c);
  if (c->w.out[2] < SHORT || c->w.stride[2] * c->w.channels >= FAR)
    d.in_runs = false;
  d.hangs = d.hangs && d.in_runs; /* what is gathered needs no copy */
  return d;
}

/* ---- what a band reads -------------------------------------------------- */

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

void direct_lines(Lines *s, const Direct *d, const float *x,
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
  for (int64_t l = s->n - 1; l >= 0; l--) {
    s->from[l] -= s->from[0];
    s->to[l] -= b->pixel0 * d->filters;
  }
}

void direct_runs(const Direct *d, const Lines *s, int64_t *run) {
  int64_t each = run_taps(d);
  for (int64_t t = 0; t < d->w.size[0]; t++)
    for (int64_t u = 0; u < d->w.size[1]; u++)
      for (int64_t v = 0; v < d->w.size[2]; v += each)
        *run++ = t * s->tap[0] + u * s->tap[1] + v * s->tap[2];
}


const float *direct_row(const Window *w, const float *x, int64_t line,
                           int64_t taps) {
  int64_t j = line % w->out[1] * w->stride[1] - w->before[1] +
              taps % w->size[1] * w->dilation[1];
  int64_t i = line / w->out[1] % w->out[0] * w->stride[0] - w->before[0] +
              taps / w->size[1] * w->dilation[0];
  int64_t image = line / w->out[1] / w->out[0];
  if (i < 0 || i >= w->in[0] || j < 0 || j >= w->in[1]) return NULL;
  return x + ((image * w->in[0] + i) * w->in[1] + j) * w->in[2] * w->channels;
}

/* ---- panels ------------------------------------------------------------- */

int64_t direct_panels(const Direct *d) {
  return d->groups * gemm_panels(chain_of(d), d->filters / d->groups);
}

int64_t conv_panels(const Conv *c, bool turned) {
  int64_t t[3] = {0}, n = 0;
  Direct d = direct_forward(c);
  if (!turned) return direct_panels(&d);
  if (direct_spreads(c)) return gemm_panels(c->filters, spread_columns(c));
  do {
    d = direct_turned(c, t);
    n += direct_panels(&d);
  } while (direct_next(&c->w, t));
  return n;
}

/* Of several the one that needs the most room. */
static Direct walk_of(const Conv *c, ConvWay way) {
  return way == CONV_IMAGE    ? direct_turned(c, (int64_t[3]){0})
         : way == CONV_KERNEL ? direct_kernel(c)
                              : direct_forward(c);
}

static int64_t lines_that_fit(const Window *w, int64_t columns) {
  int64_t rows = ROOM / row_numbers(w, columns);
  int64_t lines = rows < reach(w, 1) ? 1
                                     : (rows - reach(w, 1)) / w->stride[1] + 1;
  return least(lines, LINES);
}

bool conv_ends(const Conv *c) {
  return direct_forward(c).in_runs; /* tap by tap, sums wait in the result */
}

int64_t conv_lines_at_once(const Conv *c) {
  Direct d = direct_forward(c);
  int64_t fit = d.in_runs && d.hangs ? columns_that_fit(&d.w) : COLUMNS;
  return c->w.out[2] > least(fit, COLUMNS) ? 0
                                           : lines_that_fit(&d.w, c->w.out[2]);
}

/* Lines of some columns, or whole lines of a plane, or whole planes. */
static void divide(ConvBands *b, const Direct *d, int64_t pixels) {
  int64_t fit = COLUMNS, step = d->step[2];
  if (d->in_runs && d->hangs) fit = least(fit, columns_that_fit(&d->w));
  b->chunks = most(divide_up(b->columns, fit * step), 1);
  b->cuts = most(b->lines, 1);
  if (b->chunks > 1) return;
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

/* The pixels around a band are computed once more for the next one, so it is
** much larger than a window. */
static void divide_spread(ConvBands *b, const Window *w, int64_t wanted) {
  int64_t more = divide_up(wanted, b->planes);
  b->cuts = most(least(more, b->lines / (4 * reach(w, 1))), 1);
  b->chunks = b->lines == 1 ? least(more, b->columns / (4 * reach(w, 2))) : 1;
  b->chunks = most(b->chunks, 1);
}

ConvBands conv_bands(const Conv *c, ConvWay way, int64_t wanted) {
  enum { MOST = 4096 };
  Direct d = walk_of(c, way);
  ConvBands b = {.planes = d.w.batch * d.cells[0], .lines = d.cells[1],
                 .columns = d.cells[2], .together = 1, .cuts = 1,
                 .chunks = 1};
  if (conv_band_count(&b) == 0) return b;
  if (way == CONV_IMAGE && direct_spreads(c)) {
    divide_spread(&b, &c->w, wanted);
    return b;
  }
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
  /* of one height: if every other one had a line more, one of two threads would
     get all of those */
  b.cuts = divide_up(b.lines, divide_up(b.lines, b.cuts));
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

int64_t conv_blocks(const Conv *c) {
  Direct d = direct_kernel(c);
  return d.in_runs ? runs_of(&d) : blocks_of(&d);
}

/* What bands copy: no more than all there is. */
static int64_t copied_numbers(const Direct *d) {
  if (!d->hangs || !d->in_runs) return 0;
  double lines = (double)divide_up(d->cells[1], d->step[1]);
  double rows = (lines - 1) * (double)d->w.stride[1] + (double)reach(&d->w, 1);
  double planes = (double)d->w.batch * (double)d->cells[0];
  int64_t columns = divide_up(d->cells[2], d->step[2]);
  double all = planes * rows * (double)row_numbers(&d->w, columns);
  return all < ROOM ? (int64_t)all : ROOM;
}

int64_t conv_scratch(const Conv *c, ConvWay way) {
  Direct d = walk_of(c, way);
  int64_t n = copied_numbers(&d);
  if (way == CONV_IMAGE && direct_spreads(c))
    n = spread_tile(c) * (spread_columns(c) + GEMM_COLUMNS);
  if (way == CONV_KERNEL)
    n = d.in_runs ? n + PIXELS * GEMM_COLUMNS : PIXELS * (LINE + FILTERS);
  return n * (int64_t)sizeof(float);
}

_Static_assert((ROOM + PIXELS * GEMM_COLUMNS) * sizeof(float) <=
                       CONV_MOST_SCRATCH && PIXELS * (LINE + FILTERS) <= ROOM,
               "what conv_scratch says at most");
