/* Products of whole numbers, which wrap as machine integers do. A sum of them
** does not depend on its order, so the loops go as memory lies. */

#include "base/each_isa.h"
#include "kernels/kernels.h"

/* c (n) += x * b (n) */
INLINE void add_multiple(int64_t n, uint32_t x, const int32_t *b, int32_t *c) {
  for (int64_t j = 0; j < n; j++)
    c[j] = (int32_t)((uint32_t)c[j] + x * (uint32_t)b[j]);
}

INLINE uint32_t dot(int64_t k, const int32_t *a, int64_t step,
                    const int32_t *b) {
  uint32_t sum = 0;
  for (int64_t p = 0; p < k; p++)
    sum += (uint32_t)a[p * step] * (uint32_t)b[p];
  return sum;
}

KERNEL(void, product_i32, (int64_t m, int64_t n, int64_t k, const int32_t *a,
                           int64_t a_row, int64_t a_step, const int32_t *b,
                           bool transpose_b, int32_t *c)) {
  for (int64_t i = 0; i < m; i++, a += a_row, c += n) {
    for (int64_t j = 0; j < n; j++)
      c[j] = transpose_b ? (int32_t)dot(k, a, a_step, b + j * k) : 0;
    for (int64_t p = 0; p < k && !transpose_b; p++)
      add_multiple(n, (uint32_t)a[p * a_step], b + p * n, c);
  }
}
