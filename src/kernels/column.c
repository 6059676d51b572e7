/* Products with one column: neighbours in a row of a go to different sums. */
#include "base/each_isa.h"
#include "kernels/kernels.h"
#include "kernels/provider.h"
#include "kernels/vector.h"

#include <string.h>

/* There are as many sums as keep the multipliers busy; at the end they are added
** by halves. The vectors of sums are said one by one, since an array of them would
** stay in memory. */
enum { SUMS = 64 };

#if ISA_LANES == 16
#define EACH_VECTOR(f) f(0) f(1) f(2) f(3)
#elif ISA_LANES == 8
#define EACH_VECTOR(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7)
#else
#define EACH_VECTOR(f)                                                    \
  f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12)     \
  f(13) f(14) f(15)
#endif
#define CLEAR(i) Vector v##i = {0};
#define ADD_PRODUCT(i) v##i += FROM(a + (i) * LANES) * FROM(b + (i) * LANES);
#define STORE(i) AT(sum + (i) * LANES) = v##i;

/* The same tree where all but the first sums are 0: halves that only add those
** are left out, and their one trace, that no sum is -0, is at the end. Products
** are added to 0 lest they become one operation with the next sum. */
INLINE float short_sum(int64_t k, int n, const float *a, const float *b) {
  float sum[SUMS / 2];
  for (int j = 0; j < k; j++) sum[j] = a[j] * b[j] + 0.0f;
  for (int j = (int)k; j < n; j++) sum[j] = 0;
  for (int half = n / 2; half > 0; half /= 2)
    for (int j = 0; j < half; j++) sum[j] += sum[j + half];
  return sum[0] + 0.0f;
}

/* Loops of a length that is said become a few vectors. */
static float short_dot(int64_t k, const float *a, const float *b) {
  switch (k) {
    case 4: return short_sum(4, 4, a, b);
    case 8: return short_sum(8, 8, a, b);
    case 16: return short_sum(16, 16, a, b);
    case 32: return short_sum(32, 32, a, b);
  }
  int n = 1;
  while (n < k) n *= 2;
  return short_sum(k, n, a, b);
}

static float dot(int64_t k, const float *a, const float *b) {
  if (k <= SUMS / 2) return short_dot(k, a, b);
  float sum[SUMS], a_end[SUMS] = {0}, b_end[SUMS] = {0};
  EACH_VECTOR(CLEAR)
  for (; k >= SUMS; k -= SUMS, a += SUMS, b += SUMS) {
    EACH_VECTOR(ADD_PRODUCT)
  }
  if (k > 0) {
    memcpy(a_end, a, (size_t)k * sizeof *a);
    memcpy(b_end, b, (size_t)k * sizeof *b);
    a = a_end;
    b = b_end;
    EACH_VECTOR(ADD_PRODUCT)
  }
  EACH_VECTOR(STORE)
  for (int half = SUMS / 2; half > 0; half /= 2)
    for (int j = 0; j < half; j++) sum[j] += sum[j + half];
  return sum[0];
}

KERNEL(void, gemm_column,
       (int64_t m, int64_t k, const float *a, int64_t a_row, const float *b,
        float *c, int64_t c_row)) {
  Product p = {.m = m, .n = 1, .k = k, .a = a, .a_row = a_row, .a_column = 1,
               .b = b, .b_row = 1, .b_column = 1, .c = c, .c_row = c_row};
  if (m <= 0 || provider_multiplies(&p)) return;
  for (int64_t i = 0; i < m; i++) c[i * c_row] = dot(k, a + i * a_row, b);
}
