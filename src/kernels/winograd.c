/* Convolutions whose windows are 3 x 3 and stand side by side, in the way that
** Winograd found: the four windows of a tile of 2 x 2 pixels see 4 x 4 cells, and
** 16 sums and differences of those, times 16 of the kernel's numbers, make up
** what windows one by one take 36 products for. Over channels and filters that
** is 16 products of matrices, whose rows are tiles. Their sums are shorter, and
** so no less exact. */
#include "base/each_isa.h"
#include "kernels/direct.h"
#include "kernels/micro.h"
#include "kernels/vector.h"
#include "kernels/winograd.h"

enum {
  WIDTH = MICRO_WIDTH,
  SIDE = 4, /* cells of a tile, */
  PARTS = SIDE * SIDE,
  BESIDE = 16  /* rows of tiles stand so much further apart than they are long:
                  else many of them were in one set of the cache */
};

#if ISA_FIRST
/* ---- sizes --------------------------------------------------------------- */

enum {
  MOST_CHANNELS = 512,
  NUMBERS = 4 << 10, /* of a block's tiles in each part; but where tiles have */
  FEWEST = 16,       /* many channels so many tiles, as a tile of a product; */
  MOST = 56          /* and no more than these */
};

static int64_t tiles_along(const Window *w, int i) {
  return (w->out[i] + 1) / 2;
}

int64_t winograd_tiles_at_once(const Conv *c) {
  return most(FEWEST, least(MOST, NUMBERS / c->w.channels));
}

/* Vectors are whole for every instruction set. Blocks have room for so many
** channels. With less to do, sums and differences cost more than they spare;
** and of an image with fewer tiles the kernel, which is 16/9 as large, is read
** more often than it is worth. */
bool winograd_pays(const Conv *c) {
  enum { WHOLE = 16, LEAST = 32, TILES = 32, PIXELS_EACH = 3 };
  const Window *w = &c->w;
  int64_t tiles = tiles_along(w, 1) * tiles_along(w, 2);
  for (int i = 0; i < 3; i++)
    if (w->size[i] != (i > 0 ? 3 : 1) || w->stride[i] != 1 ||
        w->dilation[i] != 1)
      return false;
  return c->groups == 1 && w->in[0] == 1 && w->out[0] == 1 &&
         w->channels % WHOLE == 0 && c->filters % WHOLE == 0 &&
         w->channels >= LEAST && c->filters >= LEAST &&
         w->channels <= MOST_CHANNELS && tiles >= TILES &&
         w->out[1] * w->out[2] >= PIXELS_EACH * tiles;
}

/* An image's blocks: `cuts` of its lines of tiles, or `chunks` of each. */
typedef struct Division {
  int64_t cuts, chunks;
} Division;

static Division divide(const Conv *c) {
  int64_t fit = winograd_tiles_at_once(c), wide = tiles_along(&c->w, 2);
  int64_t high = tiles_along(&c->w, 1), chunks = divide_up(wide, fit);
  return (Division){chunks > 1 ? high : divide_up(high, fit / wide), chunks};
}

int64_t winograd_blocks(const Conv *c) {
  Division d = divide(c);
  return c->w.batch * d.cuts * d.chunks;
}

WinogradBlock winograd_block(const Conv *c, int64_t q) {
  Division d = divide(c);
  int64_t chunk = q % d.chunks, cut = q / d.chunks % d.cuts;
  int64_t high = tiles_along(&c->w, 1), wide = tiles_along(&c->w, 2);
  return (WinogradBlock){.image = q / d.chunks / d.cuts,
                         .line0 = high * cut / d.cuts,
                         .line1 = high * (cut + 1) / d.cuts,
                         .column0 = wide * chunk / d.chunks,
                         .column1 = wide * (chunk + 1) / d.chunks};
}

int64_t winograd_panels(int64_t channels, int64_t filters) {
  return gemm_panels(PARTS * channels, filters);
}

int64_t winograd_scratch(const Conv *c) {
  int64_t row = c->w.channels + BESIDE, tiles = winograd_tiles_at_once(c);
  return (row + PARTS * tiles * (row + GEMM_COLUMNS)) * (int64_t)sizeof(float);
}

#define BYTES(tiles, channels) \
  (((PARTS * (tiles) + 1) * ((channels) + BESIDE) + \
    PARTS * (tiles) * GEMM_COLUMNS) * (int)sizeof(float))
_Static_assert(BYTES(FEWEST, MOST_CHANNELS) <= WINOGRAD_MOST_SCRATCH &&
                   BYTES(MOST, NUMBERS / MOST) <= WINOGRAD_MOST_SCRATCH,
               "what winograd_scratch says at most");
#endif

/* ---- the kernel -------------------------------------------------------- */

/* What three numbers are for four cells. */
#define TAP_PARTS(a, b, c, to)      \
  to(0) = (a);                      \
  to(1) = 0.5F * ((a) + (c) + (b)); \
  to(2) = 0.5F * ((a) + (c) - (b)); \
  to(3) = (c);

/* The 16 vectors of some filters and one channel. */
INLINE void pack_vector(const float *k, int64_t tap, float *to, int64_t part) {
  Vector t[SIDE][3];
  UNROLL(3)
  for (int j = 0; j < 3; j++) {
#define LINE_OF(i) t[i][j]
#define TAP(i) FROM(k + (3 * (i) + j) * tap)
    TAP_PARTS(TAP(0), TAP(1), TAP(2), LINE_OF)
#undef LINE_OF
  }
  UNROLL(4)
  for (int i = 0; i < SIDE; i++) {
#define PART(j) AT(to + (i * SIDE + (j)) * part)
    TAP_PARTS(t[i][0], t[i][1], t[i][2], PART)
#undef PART
  }
}

KERNEL(void, winograd_pack, (const float *k, int64_t channels, int64_t filters,
                             float *panels)) {
  int64_t part = channels * WIDTH;
  for (int64_t f = 0; f < filters; f += LANES)
    for (int64_t c = 0; c < channels; c++)
      pack_vector(k + c * filters + f, channels * filters,
                  panels + f / WIDTH * PARTS * part + c * WIDTH + f % WIDTH,
                  part);
}

/* ---- a block ------------------------------------------------------------- */

/* What is made of the cells is `in`: for each part the tiles, `row` numbers
** from one to the next. Their products with a panel are `sums`. */
typedef struct Block {
  const Conv *c;
  const WinogradBlock *place;
  const float *x, *panels;
  float *y, *zeros, *in, *sums;
  int64_t tiles, wide, row;
  Ending end;
} Block;

static Block block_of(const Conv *c, const WinogradBlock *place, float *room) {
  Block b = {.c = c, .place = place, .wide = place->column1 - place->column0,
             .row = c->w.channels + BESIDE};
  b.tiles = (place->line1 - place->line0) * b.wide;
  b.zeros = room;
  b.in = b.zeros + b.row;
  b.sums = b.in + PARTS * b.tiles * b.row;
  return b;
}

INLINE int64_t line_of(const Block *b, int64_t tile) {
  return 2 * (b->place->line0 + tile / b->wide);
}

INLINE int64_t column_of(const Block *b, int64_t tile) {
  return 2 * (b->place->column0 + tile % b->wide);
}

/* Where the cells of a tile are; of those that are not there, zeros. */
static void find_cells(const Block *b, int64_t tile, const float **cell) {
  const Window *w = &b->c->w;
  int64_t line = line_of(b, tile) - w->before[1];
  int64_t column = column_of(b, tile) - w->before[2];
  for (int i = 0; i < SIDE; i++)
    for (int j = 0; j < SIDE; j++) {
      bool there = line + i >= 0 && line + i < w->in[1] && column + j >= 0 &&
                   column + j < w->in[2];
      int64_t at = (b->place->image * w->in[1] + line + i) * w->in[2] +
                   column + j;
      cell[i * SIDE + j] = there ? b->x + at * w->channels : b->zeros;
    }
}

/* ---- of cells ------------------------------------------------------------ */

/* What four cells are for two pixels. */
#define CELL_PARTS(a, b, c, d, to) \
  to(0) = (a) - (c);               \
  to(1) = (b) + (c);               \
  to(2) = (c) - (b);               \
  to(3) = (b) - (d);

static void tile_in(const float *const *cell, int64_t channels, float *to,
                    int64_t part) {
  for (int64_t c = 0; c < channels; c += LANES) {
    Vector t[SIDE][SIDE];
    UNROLL(4)
    for (int j = 0; j < SIDE; j++) {
#define LINE_OF(i) t[i][j]
#define CELL(i) FROM(cell[(i) * SIDE + j] + c)
      CELL_PARTS(CELL(0), CELL(1), CELL(2), CELL(3), LINE_OF)
    }
    UNROLL(4)
    for (int i = 0; i < SIDE; i++) {
#define PART(j) AT(to + (i * SIDE + (j)) * part + c)
      CELL_PARTS(t[i][0], t[i][1], t[i][2], t[i][3], PART)
    }
  }
}

static void block_in(const Block *b) {
  int64_t channels = b->c->w.channels;
  const float *cell[PARTS];
  clear(b->zeros, channels);
  for (int64_t t = 0; t < b->tiles; t++) {
    find_cells(b, t, cell);
    tile_in(cell, channels, b->in + t * b->row, b->tiles * b->row);
  }
}

/* ---- to pixels ----------------------------------------------------------- */

static void multiply(const Block *b, int64_t f, int64_t filters) {
  int64_t channels = b->c->w.channels;
  Micro m = {.k = channels, .a_row = b->row, .a_column = 1,
             .b = b->panels + f * PARTS * channels, .b_row = WIDTH,
             .c = b->sums, .c_row = WIDTH};
  for (int part = 0; part < PARTS; part++, m.b += channels * WIDTH) {
    m.a = b->in + part * b->tiles * b->row;
    ISA_NAME(micro_rows)(b->tiles, filters, &m); /* c goes on */
  }
}

/* The first four of the parts m become the pixels, line after line. Returns 0s
** where they are finite. */
INLINE Vector tile_out(float *m, int64_t part) {
  Vector t[2][SIDE], y[4];
  UNROLL(4)
  for (int j = 0; j < SIDE; j++) {
    Vector a = FROM(m + j * part), b = FROM(m + (SIDE + j) * part);
    Vector c = FROM(m + (2 * SIDE + j) * part);
    t[0][j] = a + b + c;
    t[1][j] = b - c - FROM(m + (3 * SIDE + j) * part);
  }
  UNROLL(2)
  for (int i = 0; i < 2; i++) {
    y[2 * i] = t[i][0] + t[i][1] + t[i][2];
    y[2 * i + 1] = t[i][1] - t[i][2] - t[i][3];
  }
  Vector zero = {0};
  UNROLL(4)
  for (int q = 0; q < 4; q++) {
    AT(m + q * part) = y[q];
    zero += y[q] - y[q];
  }
  return zero;
}

static bool panel_out(const Block *b, int64_t filters) {
  Vector zero = {0};
  float sum = 0;
  for (int64_t t = 0; t < b->tiles; t++)
    for (int64_t l = 0; l < filters; l += LANES)
      zero += tile_out(b->sums + t * WIDTH + l, b->tiles * WIDTH);
  for (int i = 0; i < LANES; i++) sum += zero[i];
  return sum == 0;
}

/* A tap of a kernel in panels: from its parts. */
INLINE Vector tap_of(const float *k, int64_t part, int i, int j) {
  const float *at = k + ((i == 2 ? 3 : i) * SIDE + (j == 2 ? 3 : j)) * part;
  Vector tap = FROM(at);
  if (j == 1) tap -= FROM(at + part);
  if (i == 1) {
    Vector below = FROM(at + SIDE * part);
    if (j == 1) below -= FROM(at + (SIDE + 1) * part);
    tap -= below;
  }
  return tap;
}

/* The pixels of a tile that are not finite, windows one by one: an infinite cell
** is in several parts, whose difference is no number. (A cell is in no part that
** windows which do not see it are made of.) */
static void tile_again(const Block *b, int64_t tile, int64_t f, int64_t l) {
  int64_t channels = b->c->w.channels, part = channels * WIDTH;
  const float *cell[PARTS], *k = b->panels + f * PARTS * channels + l;
  Vector sum[4] = {0};
  find_cells(b, tile, cell);
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++)
      for (int64_t c = 0; c < channels; c++) {
        Vector tap = tap_of(k + c * WIDTH, part, i, j);
        for (int q = 0; q < 4; q++)
          sum[q] += SPLAT(cell[(i + q / 2) * SIDE + j + q % 2][c]) * tap;
      }
  for (int q = 0; q < 4; q++) {
    float *at = b->sums + (q * b->tiles + tile) * WIDTH + l;
    Vector y = FROM(at);
    AT(at) = CHOSEN((y - y) != 0, y, sum[q]);
  }
}

static APART void panel_again(const Block *b, int64_t f, int64_t filters) {
  for (int64_t t = 0; t < b->tiles; t++)
    for (int64_t l = 0; l < filters; l += LANES) tile_again(b, t, f, l);
}

INLINE Vector ended(Vector y, const Ending *e, int64_t pixel, int64_t filter) {
  for (int q = 0; q < e->pluses; q++)
    y += FROM(e->plus[q] + pixel * e->plus_row[q] + filter);
  if (e->clips) {
    Vector low = SPLAT(e->low), high = SPLAT(e->high);
    y += CLIP_ZERO(e->low);
    CLIP(y, low, high)
  }
  return y;
}

/* The pixels of a tile that are there. */
static void finish(const Block *b, int64_t tile, int64_t f, int64_t filters) {
  const Conv *c = b->c;
  int64_t line = line_of(b, tile), column = column_of(b, tile);
  int64_t pixel = (b->place->image * c->w.out[1] + line) * c->w.out[2] +
                  column - b->place->pixel0;
  for (int q = 0; q < 4; q++) {
    const float *sums = b->sums + (q * b->tiles + tile) * WIDTH;
    int64_t at = pixel + q / 2 * c->w.out[2] + q % 2;
    float *y = b->y + at * c->filters + f;
    if (line + q / 2 < c->w.out[1] && column + q % 2 < c->w.out[2])
      for (int64_t l = 0; l < filters; l += LANES)
        AT(y + l) = ended(FROM(sums + l), &b->end, at, f + l);
  }
}

KERNEL(void, winograd, (const float *x, const float *panels, float *y,
                        const Conv *c, const WinogradBlock *place, int64_t f0,
                        int64_t f1, const Ending *end, void *scratch)) {
  Block b = block_of(c, place, scratch);
  b.x = x;
  b.panels = panels;
  b.y = y;
  if (end) b.end = *end;
  block_in(&b);
  for (int64_t f = f0; f < f1; f += WIDTH) {
    int64_t n = least(WIDTH, f1 - f);
    multiply(&b, f, n);
    if (!panel_out(&b, n)) panel_again(&b, f, n);
    for (int64_t t = 0; t < b.tiles; t++) finish(&b, t, f, n);
  }
}
