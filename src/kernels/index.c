/* Rows and items picked by number, and the adjoints that add them back. The
** adjoints add in order of position, so that equal ids always meet in the
** same order. Nothing fails here: a number out of range is reported by its
** position, or left out. */
#define ISA_AVX2_SERVES
#include "base/each_isa.h"
#include "kernels/kernels.h"

#include <string.h>

/* The row that an id means, or -1. Ids below 0 count from the end. */
INLINE int64_t row_of(int32_t id, int64_t rows) {
  int64_t row = id < 0 ? id + rows : id;
  return row >= 0 && row < rows ? row : -1;
}

/* ---- rows -------------------------------------------------------------- */

INLINE int64_t gather(char *restrict y, const char *restrict table,
                      const int32_t *restrict ids, int64_t rows,
                      int64_t row_bytes, int64_t i0, int64_t i1) {
  int64_t bad = -1;
  for (int64_t i = i0; i < i1; i++) {
    int64_t row = row_of(ids[i], rows);
    if (row >= 0) {
      memcpy(y + i * row_bytes, table + row * row_bytes, (size_t)row_bytes);
    } else {
      memset(y + i * row_bytes, 0, (size_t)row_bytes);
      if (bad < 0) bad = i;
    }
  }
  return bad;
}

KERNEL(int64_t, gather_rows, (void *y, const void *table, const int32_t *ids,
                              int64_t rows, int64_t row_bytes, int64_t i0,
                              int64_t i1)) {
  switch (row_bytes) { /* of these a row is a move or two, no call */
    case 4: return gather(y, table, ids, rows, 4, i0, i1);
    case 8: return gather(y, table, ids, rows, 8, i0, i1);
    case 16: return gather(y, table, ids, rows, 16, i0, i1);
    case 32: return gather(y, table, ids, rows, 32, i0, i1);
    case 64: return gather(y, table, ids, rows, 64, i0, i1);
    default: return gather(y, table, ids, rows, row_bytes, i0, i1);
  }
}

static void add_row_f32(float *restrict y, const float *restrict x,
                               int64_t n) {
  for (int64_t i = 0; i < n; i++) y[i] += x[i];
}

/* Sums of integers wrap around. */
static void add_row_i32(int32_t *restrict y, const int32_t *restrict x,
                               int64_t n) {
  for (int64_t i = 0; i < n; i++)
    y[i] = (int32_t)((uint32_t)y[i] + (uint32_t)x[i]);
}

KERNEL(void, scatter_add_rows_f32,
       (float *table, const float *g, const int32_t *ids, int64_t count,
        int64_t rows, int64_t row, int64_t r0, int64_t r1)) {
  for (int64_t i = 0; i < count; i++) {
    int64_t r = row_of(ids[i], rows);
    if (r >= r0 && r < r1 && r >= 0)
      add_row_f32(table + r * row, g + i * row, row);
  }
}

KERNEL(void, scatter_add_rows_i32,
       (int32_t *table, const int32_t *g, const int32_t *ids, int64_t count,
        int64_t rows, int64_t row, int64_t r0, int64_t r1)) {
  for (int64_t i = 0; i < count; i++) {
    int64_t r = row_of(ids[i], rows);
    if (r >= r0 && r < r1 && r >= 0)
      add_row_i32(table + r * row, g + i * row, row);
  }
}

/* NaN is larger and smaller than all. FOLD_LAST is for whole numbers alone: who
** wants the last of several rows folds the numbers of rows. */
INLINE void fold_row_f32(float *restrict y, const float *restrict x, int64_t n,
                         int fold) {
  switch (fold) {
    case FOLD_MAX:
      for (int64_t i = 0; i < n; i++)
        y[i] = x[i] > y[i] || x[i] != x[i] ? x[i] : y[i];
      break;
    case FOLD_MIN:
      for (int64_t i = 0; i < n; i++)
        y[i] = x[i] < y[i] || x[i] != x[i] ? x[i] : y[i];
      break;
    default:
      for (int64_t i = 0; i < n; i++)
        y[i] *= x[i];
  }
}

INLINE void fold_row_i32(int32_t *restrict y, const int32_t *restrict x,
                         int64_t n, int fold) {
  switch (fold) {
    case FOLD_LAST: memcpy(y, x, (size_t)n * sizeof *y); break;
    case FOLD_MAX:
      for (int64_t i = 0; i < n; i++)
        y[i] = x[i] > y[i] ? x[i] : y[i];
      break;
    case FOLD_MIN:
      for (int64_t i = 0; i < n; i++)
        y[i] = x[i] < y[i] ? x[i] : y[i];
      break;
    default:
      for (int64_t i = 0; i < n; i++)
        y[i] = (int32_t)((uint32_t)y[i] * (uint32_t)x[i]);
  }
}

KERNEL(void, scatter_fold_rows_f32,
       (float *table, const float *g, const int32_t *ids, int64_t count,
        int64_t rows, int64_t row, int64_t r0, int64_t r1, int fold)) {
  for (int64_t i = 0; i < count; i++) {
    int64_t r = row_of(ids[i], rows);
    if (r >= r0 && r < r1 && r >= 0)
      fold_row_f32(table + r * row, g + i * row, row, fold);
  }
}

KERNEL(void, scatter_fold_rows_i32,
       (int32_t *table, const int32_t *g, const int32_t *ids, int64_t count,
        int64_t rows, int64_t row, int64_t r0, int64_t r1, int fold)) {
  for (int64_t i = 0; i < count; i++) {
    int64_t r = row_of(ids[i], rows);
    if (r >= r0 && r < r1 && r >= 0)
      fold_row_i32(table + r * row, g + i * row, row, fold);
  }
}

/* ---- items along an axis ----------------------------------------------- */

INLINE int64_t take(char *restrict y, const char *restrict x,
                    const int32_t *restrict idx, int64_t n, int64_t m,
                    int64_t inner, int item, int64_t o0, int64_t o1) {
  int64_t bad = -1;
  for (int64_t o = o0; o < o1; o++)
    for (int64_t k = 0; k < m; k++)
      for (int64_t i = 0; i < inner; i++) {
        int64_t at = (o * m + k) * inner + i;
        int64_t row = row_of(idx[at], n);
        if (row >= 0) {
          memcpy(y + at * item, x + ((o * n + row) * inner + i) * item,
                 (size_t)item);
        } else {
          memset(y + at * item, 0, (size_t)item);
          if (bad < 0) bad = at;
        }
      }
  return bad;
}

KERNEL(int64_t, take_along, (void *y, const void *x, const int32_t *idx,
                             int64_t n, int64_t m, int64_t inner, int item,
                             int64_t o0, int64_t o1)) {
  /* bool and the rest: of a known size an item is one move */
  if (item == 1) return take(y, x, idx, n, m, inner, 1, o0, o1);
  return take(y, x, idx, n, m, inner, 4, o0, o1);
}

KERNEL(void, put_add_f32, (float *y, const float *g, const int32_t *idx,
                           int64_t n, int64_t m, int64_t inner, int64_t o0,
                           int64_t o1)) {
  for (int64_t o = o0; o < o1; o++)
    for (int64_t k = 0; k < m; k++)
      for (int64_t i = 0; i < inner; i++) {
        int64_t at = (o * m + k) * inner + i;
        int64_t row = row_of(idx[at], n);
        if (row >= 0) y[(o * n + row) * inner + i] += g[at];
      }
}
