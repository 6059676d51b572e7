/* Products through CBLAS, on the calling thread. The only file that knows
** OpenBLAS. What BLAS leaves to its callers is done here: empty products,
** products of a single row or column, sizes beyond its 32-bit integers. */
#include "kernels/kernels.h"

#include <cblas.h>
#include <stdatomic.h>

/* Sizes are cut at it, far below the largest integer of BLAS. */
static const int64_t MOST = (int64_t)1 << 30;

/* BLAS has one thread while anybody here uses it, and then as many as the
** process gave it. Those it starts when it is loaded, before main, with all
** signals open, stay asleep: only OPENBLAS_NUM_THREADS=1 keeps them away. */
static atomic_int users;
static int threads_before;

void gemm_retain(void) {
  if (atomic_fetch_add(&users, 1) > 0) return;
  threads_before = openblas_get_num_threads();
  openblas_set_num_threads(1);
}

void gemm_release(void) {
  if (atomic_fetch_sub(&users, 1) == 1)
    openblas_set_num_threads(threads_before);
}

const char *gemm_build(void) { return openblas_get_config(); }

const char *gemm_processor(void) { return openblas_get_corename(); }

static void scale(int64_t m, int64_t n, float beta, float *c, int64_t ldc) {
  if (beta == 1.0f) return;
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++)
      c[i * ldc + j] = beta == 0.0f ? 0.0f : beta * c[i * ldc + j];
}

static CBLAS_TRANSPOSE op(bool transpose) {
  return transpose ? CblasTrans : CblasNoTrans;
}

/* c = op(a) x + beta c; a as it is stored has the given rows and columns, x
** and c go in steps. */
static void gemv(bool transpose, int64_t rows, int64_t columns, const float *a,
                 int64_t lda, const float *x, int64_t x_step, float beta,
                 float *c, int64_t c_step) {
  cblas_sgemv(CblasRowMajor, op(transpose), (int)rows, (int)columns, 1.0f, a,
              (int)lda, x, (int)x_step, beta, c, (int)c_step);
}

/* OpenBLAS multiplies small matrices as they lie, without packing them first,
** while m n k is at most SMALL. For few rows it pays to stay below that by
** taking the columns in blocks: 32 x 512 x 128 takes 37 us instead of 53, 8 x
** 512 x 784 takes 55 instead of 142 (AVX-512, one thread). */
static int64_t column_block(int64_t m, int64_t n, int64_t k) {
  enum { SMALL = 1000 * 1000, LEAST = 64 };
  for (int64_t block = 256; block >= LEAST; block /= 2)
    if (m * k <= SMALL / block)
      return block < n ? block : n;
  return n;
}

static void multiply(bool transpose_a, bool transpose_b, int64_t m, int64_t n,
                     int64_t k, const float *a, int64_t lda, const float *b,
                     int64_t ldb, float beta, float *c, int64_t ldc) {
  int64_t block = transpose_a || transpose_b ? n : column_block(m, n, k);
  for (int64_t j = 0; j < n; j += block)
    cblas_sgemm(CblasRowMajor, op(transpose_a), op(transpose_b), (int)m,
                (int)(n - j < block ? n - j : block), (int)k, 1.0f, a,
                (int)lda, b + j, (int)ldb, beta, c + j, (int)ldc);
}

static void product(bool transpose_a, bool transpose_b, int64_t m, int64_t n,
                    int64_t k, const float *a, int64_t lda, const float *b,
                    int64_t ldb, float beta, float *c, int64_t ldc) {
  int64_t a_step = transpose_a ? lda : 1; /* along k, when m is 1 */
  int64_t b_step = transpose_b ? 1 : ldb; /* along k, when n is 1 */
  if (m == 1)
    gemv(!transpose_b, transpose_b ? n : k, transpose_b ? k : n, b, ldb, a,
         a_step, beta, c, 1);
  else if (n == 1)
    gemv(transpose_a, transpose_a ? k : m, transpose_a ? m : k, a, lda, b,
         b_step, beta, c, ldc);
  else
    multiply(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
          const float *a, int64_t lda, const float *b, int64_t ldb, float beta,
          float *c, int64_t ldc) {
  if (m <= 0 || n <= 0) return;
  if (k <= 0) {
    scale(m, n, beta, c, ldc);
    return;
  }
  for (int64_t i = 0; i < m; i += MOST)
    for (int64_t j = 0; j < n; j += MOST)
      for (int64_t l = 0; l < k; l += MOST)
        product(transpose_a, transpose_b, m - i < MOST ? m - i : MOST,
                n - j < MOST ? n - j : MOST, k - l < MOST ? k - l : MOST,
                a + (transpose_a ? l * lda + i : i * lda + l), lda,
                b + (transpose_b ? j * ldb + l : l * ldb + j), ldb,
                l == 0 ? beta : 1.0f, c + i * ldc + j, ldc);
}
