/* Every kernel, one page. Pointers and sizes only: no tensor, no allocation,
** no failure. All arrays are dense and row-major; shapes stand in the
** comments, outermost axis first. A function that takes a range [a, b)
** computes just that part of its result, so that callers can share the work,
** and each element is computed the same way whatever the range. y is the
** result, x the first input, g a cotangent; n elements, m k n in products,
** outer n inner in reductions. What is declared with SET exists once for each
** instruction set and is called as ISA(name)(...), see base/isa.h. */
#ifndef KERNELS_KERNELS_H
#define KERNELS_KERNELS_H

#include "base/isa.h"
#include "base/random.h"
#include "kernels/ending.h"

/* What only gradients call stands in files *_back.c. The archive has it beside
** what needs Lua: in a program that only predicts it is not there, and nobody
** calls it. */
#define BACK __attribute__((weak))

/* ---- products (gemm.c, panels.c, column.c) ------------------------------ */

/* c (m,n) = a (m,k) . b (k,n), all of them with numbers from row to row, a and b
** also from column to column, one of the two being 1. Or b as panels, which
** gemm_pack made of it with `panel_rows` rows; of them, b may be a range of
** columns that begins at a multiple of GEMM_COLUMNS. Each number of c is one
** chain of multiply-adds in the order of k (several, added up, when k is
** beyond GEMM_CHAIN). k = 0 gives 0. */
typedef struct Product {
  int64_t m, n, k;
  const float *a;
  int64_t a_row, a_column;
  const float *b;
  int64_t b_row, b_column;
  const float *panels; /* NULL: there are none */
  int64_t panel_rows;
  bool backwards; /* reads panels from the last one on: see Run.backwards */
  bool a_apart; /* rows of a, or columns of a turned one, are gemm_is_apart:
                   some of them at a time are copied */
  float *c;
  int64_t c_row;
  Ending end; /* with panels, where gemm_ends */
} Product;

enum {
  GEMM_COLUMNS = 32,
  GEMM_CHAIN = 16384, /* the longest chain of sums */
  GEMM_MOST_SCRATCH = 704 << 10,
  GEMM_MOST_COPIED = 120 << 10 /* the same with panels, of one chain: what is
                                  copied of a is all of it */
};

/* Works in as many bytes as gemm_scratch says, aligned to 64. */
extern void SET(gemm)(const Product *p, void *scratch);
int64_t gemm_scratch(int64_t n, int64_t k, bool a_apart);
/* Whether a product of m rows may have an ending; in_place: also one that reads
** what it is about to write over. */
bool gemm_ends(int64_t m, int64_t k, bool in_place);
/* Whether what is so many numbers from each other competes for the same places of
** the first cache. */
bool gemm_is_apart(int64_t step);
/* k rows of panels that have panel_rows, from their beginning or from `row` of
** them on = b of p, of which nothing else is read but k and n. They take
** gemm_panels(panel_rows, n) numbers, aligned to 64. */
extern void SET(gemm_pack)(const Product *p, int64_t row, float *panels);
int64_t gemm_panels(int64_t k, int64_t n);
/* c (m) = a (m,k) . b (k), c_row apart: for a b of one column, whatever the
** number of rows. A number of c is 64 chains, added up. */
extern void SET(gemm_column)(int64_t m, int64_t k, const float *a,
                             int64_t a_row, const float *b, float *c,
                             int64_t c_row);

/* ---- products of whole numbers (product_i32.c) -------------------------- */

/* c (m,n) = a (m,k) . b (k,n), or b (n,k) to be transposed. Numbers of a are
** a_step apart, its rows a_row. */
extern void SET(product_i32)(int64_t m, int64_t n, int64_t k, const int32_t *a,
                             int64_t a_row, int64_t a_step, const int32_t *b,
                             bool transpose_b, int32_t *c);

/* ---- Fourier transforms (fft.c and fft_*.c) ----------------------------- */

/* How rows of n numbers are transformed, by their length alone. */
typedef struct Fourier {
  int64_t n, n1, n2; /* n1 n2 = n */
  int64_t padded;    /* FOURIER_CHIRP: a power of two */
  enum { FOURIER_NONE, FOURIER_SHORT, FOURIER_LONG, FOURIER_CHIRP } way;
} Fourier;

Fourier fourier_of(int64_t n);
/* Floats of the tables, which all rows share, and of the room that each call
** needs; both aligned to 64. Filling the tables takes the room, too. */
int64_t fourier_tables(const Fourier *f);
int64_t fourier_room(const Fourier *f);
void fourier_fill(const Fourier *f, float *tables, float *room);
/* y_k = sum of x_j e ^ (-2 pi i j k / n) of each row of x = re + i im (rows,n),
** which may not overlap y. With both parts of x exchanged, and both of y, the
** sign is +: the inverse, n times. */
extern void SET(fourier_rows)(const Fourier *f, const float *re,
                              const float *im, float *y_re, float *y_im,
                              int64_t rows, const float *tables, float *room);

/* The same of real rows, whose y_k is y*_(n-k): k = 0 ... n / 2 are kept. */
typedef struct RealFourier {
  int64_t n;
  bool halves; /* n is even: neighbours are one complex number */
  Fourier inner;
} RealFourier;

RealFourier real_fourier_of(int64_t n);
int64_t real_fourier_tables(const RealFourier *f);
int64_t real_fourier_room(const RealFourier *f);
void real_fourier_fill(const RealFourier *f, float *tables, float *room);
/* y (rows,n/2+1) of x (rows,n), or the adjoint of the inverse. */
extern void SET(fourier_real)(const RealFourier *f, bool adjoint,
                              const float *x, float *re, float *im,
                              int64_t rows, const float *tables, float *room);
/* The inverse, x (rows,n) of y (rows,n/2+1), or the adjoint of the former. */
extern void SET(fourier_real_back)(const RealFourier *f, bool adjoint,
                                   const float *re, const float *im, float *x,
                                   int64_t rows, const float *tables,
                                   float *room);

/* ---- reductions (reduce.c) --------------------------------------------- */

typedef enum Reduction {
  REDUCE_SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_PROD
} Reduction;

/* y (outer, inner) of x (outer, n, inner); the part y[o0..o1)[i0..i1). Sums
** are taken in a fixed order that depends on n and inner alone.
** n = 0 gives 0, -inf, inf, 1 (integers: INT32_MIN, INT32_MAX). NaN wins in
** max and min, as in NumPy. */
extern void SET(reduce_f32)(Reduction r, const float *x, float *y, int64_t n,
                            int64_t inner, int64_t o0, int64_t o1, int64_t i0,
                            int64_t i1);
extern void SET(reduce_i32)(Reduction r, const int32_t *x, int32_t *y,
                            int64_t n, int64_t inner, int64_t o0, int64_t o1,
                            int64_t i0, int64_t i1);

/* y (outer, inner) = position of the first largest (smallest) of x. */
extern void SET(arg_f32)(bool smallest, const float *x, int32_t *y, int64_t n,
                         int64_t inner, int64_t o0, int64_t o1);
extern void SET(arg_i32)(bool smallest, const int32_t *x, int32_t *y, int64_t n,
                         int64_t inner, int64_t o0, int64_t o1);

/* running sums of x (outer, n, inner) along n, for outer in [o0, o1) */
extern void SET(cumsum_f32)(const float *x, float *y, int64_t n, int64_t inner,
                            bool reverse, bool exclusive, int64_t o0,
                            int64_t o1);
extern void SET(cumsum_i32)(const int32_t *x, int32_t *y, int64_t n,
                            int64_t inner, bool reverse, bool exclusive,
                            int64_t o0, int64_t o1);

/* y[k] = a[k] * y[k - 1] + b[k], the same way, from y[-1] = 0 */
extern void SET(recurrence_f32)(const float *a, const float *b, float *y,
                                int64_t n, int64_t inner, bool reverse,
                                int64_t o0, int64_t o1);
extern void SET(recurrence_i32)(const int32_t *a, const int32_t *b, int32_t *y,
                                int64_t n, int64_t inner, bool reverse,
                                int64_t o0, int64_t o1);

/* ---- softmax (softmax.c): x, y (rows, n), rows in [r0, r1) --------------- */

extern void SET(softmax_rows)(const float *x, float *y, int64_t n, int64_t r0,
                              int64_t r1);
extern void SET(log_softmax_rows)(const float *x, float *y, int64_t n,
                                  int64_t r0, int64_t r1);
/* The adjoints: dx (rows, n) of g and of y, which is what they gave. */
extern void SET(softmax_rows_back)(const float *y, const float *g, float *dx,
                                   int64_t n, int64_t r0, int64_t r1) BACK;
extern void SET(log_softmax_rows_back)(const float *y, const float *g,
                                       float *dx, int64_t n, int64_t r0,
                                       int64_t r1) BACK;

/* loss = log sum exp(x) - x[id] of each row; max and rest are what that sum
** comes to. Returns the first row in [r0, r1) whose id is out of range (its
** loss is 0), or -1. */
extern int64_t SET(class_losses)(const float *x, const int32_t *ids,
                                 float *loss, float *max, float *rest,
                                 int64_t n, int64_t r0, int64_t r1);
/* The adjoint: dx = g (exp(x - max - rest) - 1 at the id) */
extern void SET(class_losses_back)(const float *x, const int32_t *ids,
                                   const float *max, const float *rest,
                                   const float *g, float *dx, int64_t n,
                                   int64_t r0, int64_t r1) BACK;

/* ---- attention (attention.c) --------------------------------------------- */

/* y = softmax(scale q . k + bias) . v for each head: q (batch, queries, heads,
** size), k (batch, keys, key_heads, size), v (.., value_size), y and g like q
** with sizes of v. Several heads in a row share one of k and v. bias and mask
** have so many numbers from item to item, head to head, query to query and key
** to key; NULL: there is none. What is not seen, or behind the query's own
** place when `causal`, has the score `hidden`, or with `add` that much more. top
** and share (batch, heads, queries) are a row's largest score, and one over the
** sum of exponentials of scores less that. */
typedef struct Attention {
  int64_t batch, queries, keys, heads, key_heads, size, value_size;
  float scale, hidden;
  bool causal, add;
  bool one_q, one_k, one_v; /* there is one item, which all share */
  const float *q, *k, *v, *bias;
  const uint8_t *mask;
  int64_t bias_stride[4], mask_stride[4];
  float *y, *top, *share;
  const float *g;
  float *dq, *dk, *dv;
  float rate, more; /* 0: no weights are dropped; of those of all items, in */
  RandomKey key; /* order, those whose number by the key is below the rate are;
                    the others become so many times as large */
} Attention;

/* Rows that are best worked on in one call, and the largest size. */
enum { ATTENTION_GROUP = 256, ATTENTION_SIZE = 512 };

/* y, top, share of the rows [i0, i1), a group of them at most */
extern void SET(attend)(const Attention *a, int64_t item, int64_t head,
                        int64_t i0, int64_t i1, void *scratch);
/* The adjoint, of all heads that share one of k and v: dq, dk, dv of g */
extern void SET(attend_back)(const Attention *a, int64_t item,
                             int64_t key_head, void *scratch) BACK;
/* Bytes that they work in, aligned to 64. */
int64_t attend_scratch(const Attention *a);
int64_t attend_back_scratch(const Attention *a) BACK;

/* ---- normalisation (norm.c) ---------------------------------------------- */

typedef struct Norm {
  int64_t n; /* numbers of a row */
  float epsilon;
  bool centre; /* less the mean? or only over the root mean square */
} Norm;

/* y = (x - mean) scale gamma + beta, with mean and scale of each row: x, y
** (rows, n), gamma, beta (n), rows in [r0, r1) */
extern void SET(normalize_rows)
       (const Norm *p, const float *x, const float *gamma, const float *beta,
        float *y, float *mean, float *scale, int64_t r0, int64_t r1);
/* The adjoint: dx (rows, n), and what these rows give to dgamma, dbeta (n) */
extern void SET(normalize_rows_back)
       (const Norm *p, const float *x, const float *gamma, const float *mean,
        const float *scale, const float *g, float *dx, float *dgamma,
        float *dbeta, int64_t r0, int64_t r1) BACK;

/* mean, variance (outer, inner) of x (outer, n, inner) along n, NaN of none;
** the part [o0..o1)[i0..i1) of them */
extern void SET(column_moments)(const float *x, float *mean, float *variance,
                                int64_t n, int64_t inner, int64_t o0,
                                int64_t o1, int64_t i0, int64_t i1);

/* ---- movement (move.c) ------------------------------------------------- */

/* y = x by; n */
extern void SET(copy_scaled)(float *y, const float *x, float by, int64_t n);
/* dst[i . dst_stride] = src[i . src_stride] for all i below dim[0..rank);
** strides count items, may be 0 or negative. Serves transpose, slice, flip,
** pad, concatenate, broadcast. item is 1, 2, 4 or 8 bytes. Axes are
** collapsed where both sides allow, contiguous runs are memcpy'd, and
** transposes go by blocks. */
extern void SET(copy_strided)(void *dst, const int64_t *dst_stride,
                              const void *src, const int64_t *src_stride,
                              const int64_t *dim, int rank, int item);
/* y[0..n) = *value */
extern void SET(fill)(void *y, const void *value, int64_t n, int item);

/* ---- indexing (index.c) ------------------------------------------------ */

/* y (count, row) = table (rows, row)[ids], row given in bytes. Ids below 0
** count from the end. Returns the first position in [i0, i1) whose id is out
** of range (its row is zeroed), or -1. */
extern int64_t SET(gather_rows)(void *y, const void *table, const int32_t *ids,
                                int64_t rows, int64_t row_bytes, int64_t i0,
                                int64_t i1);
/* table (rows, row) += g (count, row) at ids, in order of position; only
** table rows in [r0, r1). Ids out of range are left out. */
extern void SET(scatter_add_rows_f32)
       (float *table, const float *g, const int32_t *ids, int64_t count,
        int64_t rows, int64_t row, int64_t r0, int64_t r1);
extern void SET(scatter_add_rows_i32)
       (int32_t *table, const int32_t *g, const int32_t *ids, int64_t count,
        int64_t rows, int64_t row, int64_t r0, int64_t r1);
/* The same, but a row of the table becomes the last of those that go there, the
** larger or smaller elements, or the product. */
enum { FOLD_LAST, FOLD_MAX, FOLD_MIN, FOLD_PRODUCT, FOLDS };
extern void SET(scatter_fold_rows_f32)
       (float *table, const float *g, const int32_t *ids, int64_t count,
        int64_t rows, int64_t row, int64_t r0, int64_t r1, int fold);
extern void SET(scatter_fold_rows_i32)
       (int32_t *table, const int32_t *g, const int32_t *ids, int64_t count,
        int64_t rows, int64_t row, int64_t r0, int64_t r1, int fold);
/* y (outer, m, inner) = x (outer, n, inner) at idx (outer, m, inner) along n;
** outer in [o0, o1). Returns the first flat position of an index out of range
** or -1. item is 1 or 4 bytes. */
extern int64_t SET(take_along)(void *y, const void *x, const int32_t *idx,
                               int64_t n, int64_t m, int64_t inner, int item,
                               int64_t o0, int64_t o1);
/* y (outer, n, inner) += g (outer, m, inner) at idx, outer in [o0, o1) */
extern void SET(put_add_f32)(float *y, const float *g, const int32_t *idx,
                             int64_t n, int64_t m, int64_t inner, int64_t o0,
                             int64_t o1);

/* ---- sorting (sort.c) -------------------------------------------------- */

/* Rows of n floats, or whole numbers, with a place for each number's value and
** one for where it was. Ascending, NaN last, or descending, NaN first; what is
** equal keeps its order. */
typedef struct Sort {
  int64_t n;
  bool real, descending;
  const int32_t *x; /* bits */
  int32_t *y, *place;
} Sort;

/* Row r alone, of whose results m are kept. */
INLINE Sort sort_row(const Sort *s, int64_t r, int64_t m) {
  Sort one = *s;
  one.x += r * s->n;
  one.y += r * m;
  one.place += r * m;
  return one;
}

/* Rows in [r0, r1); works in 2 n words. */
extern void SET(sort_rows)(const Sort *rows, int64_t r0, int64_t r1,
                           uint64_t *words);

/* A long row goes by rounds, which several may share: the range of its ranks;
** how many fall into each bucket; each to its bucket, from place[bucket] of
** words on; the words [i0, i1) of a bucket in order, and written. */
enum { SORT_BUCKET_BITS = 10, SORT_BUCKETS = 1 << SORT_BUCKET_BITS };
typedef struct SortCut {
  uint32_t least;
  int shift;
} SortCut;
extern void SET(sort_range)(const Sort *s, int64_t i0, int64_t i1,
                            uint32_t range[2]);
SortCut sort_cut(uint32_t least, uint32_t most);
extern void SET(sort_count)(const Sort *s, SortCut cut, int64_t i0, int64_t i1,
                            uint32_t *count);
extern void SET(sort_deal)(const Sort *s, SortCut cut, int64_t i0, int64_t i1,
                           uint32_t *place, uint64_t *words);
extern void SET(sort_bucket)(const Sort *s, SortCut cut, int64_t i0,
                             int64_t i1, uint64_t *words, uint64_t *spare);

/* words (k) = the largest of x[i0..i1) of a row, which are k or more; works in
** 2 TOP_ROOM(k) words. Then the first k of n words are written as a row's
** result. */
#define TOP_ROOM(k) (2 * (k) + 64)
extern void SET(top_words)(const Sort *s, int64_t k, int64_t i0, int64_t i1,
                           uint64_t *scratch, uint64_t *words);
extern void SET(top_write)(const Sort *s, int64_t k, int64_t n,
                           uint64_t *words, uint64_t *spare);

/* y[i] = how many of the sorted (n) are less than x[i], or not more (right);
** i in [i0, i1). Bits, as above. */
extern void SET(search_sorted)(const int32_t *sorted, int64_t n, bool real,
                               bool right, const int32_t *x, int32_t *y,
                               int64_t i0, int64_t i1);

/* ---- labels without times (ctc.c) --------------------------------------- */

/* The n labels of a sequence beside the log-probabilities of its frames; `room`
** is how many labels there could be, width = 2 room + 1 the states of a frame:
** blanks, of which there is one more, and labels. */
typedef struct Ctc {
  int64_t frames, classes, n, room, width;
  const float *logs;    /* (frames, classes) */
  const int32_t *label; /* (n), each less than classes */
  int32_t blank;
} Ctc;

/* -log of the probability of the labels; paths (frames, width) = the logarithm
** of that of all ways into each state. Both work in ctc_room(room) floats. */
extern float SET(ctc_forward)(const Ctc *p, float *paths, float *room);
int64_t ctc_room(int64_t labels);
/* d (frames, classes) += g times the gradient of loss, which is finite or of
** nobody's concern. */
extern void SET(ctc_backward)(const Ctc *p, const float *paths, float loss,
                              float g, float *d, float *room) BACK;

/* The `top` most probable sequences of labels of scores (frames, classes), by
** prefixes of which the best `width` are kept at each frame. */
typedef struct CtcBeams {
  int64_t frames, classes, width, top;
  int64_t room, path_step; /* numbers of a path, to the next path */
  int32_t blank;
} CtcBeams;

/* paths: `top` of room numbers, -1 behind the labels; logs (top), -inf of those
** that there are not. Works in so many bytes, aligned to 8. */
int64_t ctc_search_bytes(const CtcBeams *p);
void ctc_search(const CtcBeams *p, const float *scores, int32_t *paths,
                float *logs, void *room);

/* ---- windows (window.c) ------------------------------------------------ */

/* The geometry of a window walk over an image (batch, in..., channels). */
typedef struct Window {
  int64_t batch, channels;
  int64_t in[3], out[3], size[3], stride[3], dilation[3], before[3];
} Window; /* axes that are not there come first: all 1, before 0 */

/* The outermost axis that images have more than one cell of: where one is cut
** into bands. */
int window_band_axis(const Window *w);

/* y (batch, out..., size..., channels) = the cells under each window, `pad`
** where it hangs over the edge; batches in [b0, b1) */
extern void SET(window_patches)(const float *x, float *y, const Window *w,
                                float pad, int64_t b0, int64_t b1);
/* The adjoint: x (batch, in..., channels) = sum of the patches that saw it */
extern void SET(window_fold)(const float *patches, float *x, const Window *w,
                             int64_t b0, int64_t b1);

/* ---- convolutions (direct.c, conv.c, conv_back.c) ------------------------ */

/* x (batch, in..., channels), k (size..., channels / groups, filters),
** y (batch, out..., filters); each group has its channels and its filters. A
** pixel is a place in (batch, out...). */
typedef struct Conv {
  Window w;
  int64_t filters, groups;
} Conv;

typedef enum ConvWay { CONV_FORWARD, CONV_IMAGE, CONV_KERNEL } ConvWay;

/* How the work is divided: bands of whole planes of pixels, of lines of a plane
** or of columns of a line, whose cells are read together. In the gradient of
** the image the pixels are cells of the image. */
typedef struct ConvBands {
  int64_t planes, lines, columns; /* of all images, of a plane, of a line */
  int64_t together, cuts, chunks; /* planes; parts of a plane, of its lines */
} ConvBands;

/* The lines [line0, line1) of them all, if it is one line the columns [column0,
** column1) of it: the pixels from pixel0 to before pixel1. */
typedef struct ConvBand {
  int64_t line0, line1, column0, column1, pixel0, pixel1;
} ConvBand;

/* Bands that a thread has room for; more, if they would be fewer than wanted
** and can have CONV_ENOUGH pixels each. */
ConvBands conv_bands(const Conv *c, ConvWay way, int64_t wanted);
int64_t conv_band_count(const ConvBands *b);
ConvBand conv_band(const ConvBands *b, int64_t q);
enum { CONV_ENOUGH = 28 };

/* Bytes that each of the following works in, aligned to 64. */
int64_t conv_scratch(const Conv *c, ConvWay way);
enum { CONV_MOST_SCRATCH = 528 << 10 };

/* panels = k; turned: for the gradient of the image */
extern void SET(conv_pack)(const float *k, const Conv *c, bool turned,
                           float *panels);
int64_t conv_panels(const Conv *c, bool turned); /* numbers */

/* Whole lines of a plane that a band may have; 0: not one. */
int64_t conv_lines_at_once(const Conv *c);

/* y at the pixels of a band, the filters [f0, f1) of it, where f0 is a multiple
** of GEMM_COLUMNS; with several groups these must be all filters. x is all of
** the image, y and the ending begin with the band; there is one where conv_ends,
** or it is NULL. */
extern void SET(conv_forward)(const float *x, const float *panels, float *y,
                              const Conv *c, const ConvBand *b, int64_t f0,
                              int64_t f1, const Ending *end, void *scratch);
bool conv_ends(const Conv *c);
/* x = the adjoint of g, which is like y, in the same way; both are all there
** is */
extern void SET(conv_input_gradient)
       (const float *g, const float *panels, float *x, const Conv *c,
        const ConvBand *b, int64_t c0, int64_t c1, void *scratch);
/* k = the adjoint of x and g in a band, + k to `add`: the blocks [q0, q1) of
** its rows, the filters [f0, f1) of them as above */
extern void SET(conv_kernel_gradient)
       (const float *x, const float *g, float *k, const Conv *c,
        const ConvBand *b, int64_t q0, int64_t q1, int64_t f0, int64_t f1,
        bool add, void *scratch) BACK;
/* k += more */
extern void SET(conv_add)(float *k, const float *more, int64_t n) BACK;
int64_t conv_blocks(const Conv *c); /* of rows of the kernel */

/* ---- depthwise convolutions (depthwise.c) ------------------------------ */

/* The same where every channel is a group: filters / channels filters each. The
** ending, or NULL, adds numbers of filters alone. */
extern void SET(depthwise_forward)
       (const float *x, const float *k, float *y, const Conv *c, int64_t p0,
        int64_t p1, const Ending *end);
extern void SET(depthwise_input_gradient)
       (const float *g, const float *k, float *x, const Conv *c, int64_t b0,
        int64_t b1, int64_t i0, int64_t i1);
/* the filters [f0, f1) of k */
extern void SET(depthwise_kernel_gradient)
       (const float *x, const float *g, float *k, const Conv *c, int64_t f0,
        int64_t f1) BACK;

/* ---- pooling (pool.c, pool_back.c) --------------------------------------- */

/* x (batch, in..., channels), y, g (batch, out..., channels); cells outside
** are left out. A window is a place in (batch, out...). */

/* y = the largest under each window (NaN is), windows in [p0, p1) */
extern void SET(max_pool)(const float *x, float *y, const Window *w, int64_t p0,
                          int64_t p1);
/* y = h, which is like x, at the first largest of x under each window */
extern void SET(max_pool_pick)(const float *x, const float *h, float *y,
                               const Window *w, int64_t p0, int64_t p1);
/* The adjoint: dx = g in the place of the first largest under each window;
** images [b0, b1), or of one image the band [i0, i1) */
extern void SET(max_pool_scatter)(const float *x, const float *g, float *dx,
                                  const Window *w, int64_t b0, int64_t b1,
                                  int64_t i0, int64_t i1) BACK;

/* y = the mean of the cells under each window */
extern void SET(average_pool)(const float *x, float *y, const Window *w,
                              int64_t p0, int64_t p1);
/* The adjoint: dx = the sum of the windows' shares of g */
extern void SET(average_pool_scatter)
       (const float *g, float *dx, const Window *w, int64_t b0, int64_t b1,
        int64_t i0, int64_t i1) BACK;

#endif
