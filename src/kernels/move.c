/* Movement: one function that copies between two strided views. It turns the
** axes until the destination is walked in order, merges what can be merged,
** and then knows four inner loops: runs, repeats, transposes by blocks, and
** single items. */
#define ISA_AVX2_SERVES
#include "base/each_isa.h"
#include "kernels/kernels.h"

#include <string.h>

enum {
  SHORT_RUN = 8,  /* items below which a call of memcpy does not pay */
  BLOCK = 16      /* side of a transposed block: a line of 4-byte items */
};

/* ---- copy_scaled -------------------------------------------------------- */

KERNEL(void, copy_scaled, (float *y, const float *x, float by, int64_t n)) {
  for (int64_t i = 0; i < n; i++) y[i] = x[i] * by;
}

/* ---- fill -------------------------------------------------------------- */

KERNEL(void, fill, (void *y, const void *value, int64_t n, int item)) {
  switch (item) {
    case 1:
      memset(y, *(const unsigned char *)value, (size_t)n);
      break;
    case 2: {
      uint16_t v, *a = y;
      memcpy(&v, value, sizeof v);
      for (int64_t i = 0; i < n; i++) a[i] = v;
      break;
    }
    case 4: {
      uint32_t v, *a = y;
      memcpy(&v, value, sizeof v);
      for (int64_t i = 0; i < n; i++) a[i] = v;
      break;
    }
    default: {
      uint64_t v, *a = y;
      memcpy(&v, value, sizeof v);
      for (int64_t i = 0; i < n; i++) a[i] = v;
      break;
    }
  }
}

/* ---- inner loops over a plane of two axes ------------------------------ */

typedef struct Axis {
  int64_t n, to, from; /* size, stride in dst, stride in src (items) */
} Axis;

INLINE void copy_runs(char *y, const char *x, Axis rows, Axis run, int item) {
  for (int64_t r = 0; r < rows.n; r++)
    memcpy(y + r * rows.to * item, x + r * rows.from * item,
           (size_t)(run.n * item));
}

INLINE void copy_items(char *restrict y, const char *restrict x, Axis rows,
                       Axis run, int item) {
  for (int64_t r = 0; r < rows.n; r++) {
    char *a = y + r * rows.to * item;
    const char *b = x + r * rows.from * item;
    for (int64_t i = 0; i < run.n; i++)
      memcpy(a + i * run.to * item, b + i * run.from * item, (size_t)item);
  }
}

/* A block: run is dense in y, column is dense in x. */
INLINE void transpose_block(char *restrict y, const char *restrict x,
                            Axis column, Axis run, int item) {
  for (int64_t c = 0; c < column.n; c++)
    for (int64_t i = 0; i < run.n; i++)
      memcpy(y + (c * column.to + i) * item, x + (i * run.from + c) * item,
             (size_t)item);
}

#if defined(__GNUC__) && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define HAS_SHUFFLE 1
#endif
#endif

#ifdef HAS_SHUFFLE
typedef int32_t Four __attribute__((vector_size(16)));

INLINE void transpose_4x4(char *y, const char *x, int64_t y_row,
                          int64_t x_row) {
  Four a, b, c, d;
  memcpy(&a, x, 16);
  memcpy(&b, x + x_row, 16);
  memcpy(&c, x + 2 * x_row, 16);
  memcpy(&d, x + 3 * x_row, 16);
  Four p = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  Four q = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  Four r = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  Four s = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  a = __builtin_shufflevector(p, q, 0, 1, 4, 5);
  b = __builtin_shufflevector(p, q, 2, 3, 6, 7);
  c = __builtin_shufflevector(r, s, 0, 1, 4, 5);
  d = __builtin_shufflevector(r, s, 2, 3, 6, 7);
  memcpy(y, &a, 16);
  memcpy(y + y_row, &b, 16);
  memcpy(y + 2 * y_row, &c, 16);
  memcpy(y + 3 * y_row, &d, 16);
}

/* A whole block of 4-byte items. Its rows may all fall into one cache set, so
** it is read by whole lines, turned into a buffer, and written by lines. */
INLINE void transpose_whole(char *y, const char *x, int64_t y_row,
                            int64_t x_row) {
  char line[BLOCK * BLOCK * 4];
  for (int i = 0; i < BLOCK; i += 4)
    for (int c = 0; c < BLOCK; c += 4)
      transpose_4x4(line + (c * BLOCK + i) * 4, x + i * x_row + c * 4,
                    BLOCK * 4, x_row);
  for (int c = 0; c < BLOCK; c++)
    memcpy(y + c * y_row, line + c * BLOCK * 4, BLOCK * 4);
}
#endif

INLINE void transpose(char *restrict y, const char *restrict x, Axis column,
                      Axis run, int item) {
  for (int64_t i = 0; i < run.n; i += BLOCK)
    for (int64_t c = 0; c < column.n; c += BLOCK) {
      char *to = y + (c * column.to + i) * item;
      const char *from = x + (i * run.from + c) * item;
      Axis block_run = run, block_column = column;
      block_run.n = run.n - i < BLOCK ? run.n - i : BLOCK;
      block_column.n = column.n - c < BLOCK ? column.n - c : BLOCK;
#ifdef HAS_SHUFFLE
      if (item == 4 && block_run.n == BLOCK && block_column.n == BLOCK) {
        transpose_whole(to, from, column.to * item, run.from * item);
        continue;
      }
#endif
      transpose_block(to, from, block_column, block_run, item);
    }
}

INLINE void copy_plane(char *y, const char *x, Axis rows, Axis run, int item) {
  if (run.to == 1 && run.from == 1 &&
      (run.n >= SHORT_RUN || rows.n <= run.n)) {
    copy_runs(y, x, rows, run, item);
  } else if (run.to == 1 && run.from == 0 && run.n >= SHORT_RUN) {
    for (int64_t r = 0; r < rows.n; r++)
      ISA_NAME(fill)(y + r * rows.to * item, x + r * rows.from * item, run.n,
                     item);
  } else if (run.to == 1 && rows.from == 1 && run.n > 1) {
    transpose(y, x, rows, run, item);
  } else if (run.n < SHORT_RUN && run.n < rows.n) {
    copy_items(y, x, run, rows, item); /* the longer axis inside */
  } else if (run.to == 1 && run.from == -1) {
    copy_items(y, x, rows, (Axis){run.n, 1, -1}, item);
  } else {
    copy_items(y, x, rows, run, item);
  }
}

static void plane_1(char *y, const char *x, Axis rows, Axis run) {
  copy_plane(y, x, rows, run, 1);
}

static void plane_2(char *y, const char *x, Axis rows, Axis run) {
  copy_plane(y, x, rows, run, 2);
}

static void plane_4(char *y, const char *x, Axis rows, Axis run) {
  copy_plane(y, x, rows, run, 4);
}

static void plane_8(char *y, const char *x, Axis rows, Axis run) {
  copy_plane(y, x, rows, run, 8);
}

/* ---- the axes ---------------------------------------------------------- */

/* Axes of more than one item, the destination's widest first and forwards;
** moves the starting points of axes that run backwards. */
static int sort_axes(Axis *axis, const int64_t *to, const int64_t *from,
                     const int64_t *dim, int rank, int64_t *y, int64_t *x) {
  int n = 0;
  for (int d = 0; d < rank; d++) {
    Axis a = {dim[d], to[d], from[d]};
    if (a.n == 1) continue;
    if (a.to < 0) {
      *y += a.to * (a.n - 1);
      *x += a.from * (a.n - 1);
      a.to = -a.to;
      a.from = -a.from;
    }
    int k = n++;
    for (; k > 0 && axis[k - 1].to < a.to; k--) axis[k] = axis[k - 1];
    axis[k] = a;
  }
  return n;
}

static int merge_axes(Axis *axis, int rank) {
  int n = 0;
  for (int d = 0; d < rank; d++) {
    Axis a = axis[d];
    Axis *outer = n > 0 ? &axis[n - 1] : NULL;
    if (outer != NULL && outer->to == a.to * a.n && outer->from == a.from * a.n)
      *outer = (Axis){outer->n * a.n, a.to, a.from};
    else
      axis[n++] = a;
  }
  return n;
}

/* The axis that makes the best plane with the last one: where the source is
** dense, if the last one is not so there; else the next wider one. */
static void choose_rows(Axis *axis, int rank) {
  if (axis[rank - 1].from == 1) return;
  for (int d = rank - 2; d >= 0; d--)
    if (axis[d].from == 1) {
      Axis rows = axis[d];
      for (int e = d; e < rank - 2; e++) axis[e] = axis[e + 1];
      axis[rank - 2] = rows;
      return;
    }
}

KERNEL(void, copy_strided, (void *dst, const int64_t *dst_stride,
                            const void *src, const int64_t *src_stride,
                            const int64_t *dim, int rank, int item)) {
  Axis axis[MAX_RANK + 2];
  int64_t at[MAX_RANK + 2] = {0}, y0 = 0, x0 = 0;
  for (int d = 0; d < rank; d++)
    if (dim[d] <= 0) return;
  rank = sort_axes(axis, dst_stride, src_stride, dim, rank, &y0, &x0);
  rank = merge_axes(axis, rank);
  if (rank > 1) choose_rows(axis, rank);
  Axis one = {1, 0, 0};
  Axis run = rank > 0 ? axis[rank - 1] : (Axis){1, 1, 1};
  Axis rows = rank > 1 ? axis[rank - 2] : one;
  char *y = (char *)dst + y0 * item;
  const char *x = (const char *)src + x0 * item;
  for (;;) {
    switch (item) {
      case 1: plane_1(y, x, rows, run); break;
      case 2: plane_2(y, x, rows, run); break;
      case 4: plane_4(y, x, rows, run); break;
      default: plane_8(y, x, rows, run); break;
    }
    int d = rank - 3;
    for (; d >= 0; d--) { /* the next plane */
      y += axis[d].to * item;
      x += axis[d].from * item;
      if (++at[d] < axis[d].n) break;
      y -= axis[d].to * axis[d].n * item;
      x -= axis[d].from * axis[d].n * item;
      at[d] = 0;
    }
    if (d < 0) return;
  }
}
