/* The macros that make strips: loops over one piece of a tile program, one for
** each instruction set (base/each_isa.h; what a file has besides is compiled
** once). The loop may run in place, hence ivdep instead of restrict. */
#ifndef OPS_STRIP_H
#define OPS_STRIP_H

#include <string.h>

#include "base/each_isa.h"
#include "base/vmath.h"
#include "kernels/gates.h"
#include "ops/build.h"

#if defined(__clang__)
#define IN_PLACE _Pragma("clang loop vectorize(assume_safety)")
#else
#define IN_PLACE _Pragma("GCC ivdep")
#endif

#define STRIP(name)                                                       \
  LOCAL_KERNEL(void, name, (void *py, const void *pa, const void *pb,     \
                            const void *pc, int n, const double *imm))

/* y[i] = expression in x */
#define UNARY_STRIP(name, ytype, xtype, expression)  \
  STRIP(name) {                                      \
    ytype *y = py;                                   \
    const xtype *a = pa;                             \
    (void)pb, (void)pc, (void)imm;                   \
    IN_PLACE                                         \
    for (int i = 0; i < n; i++) {                    \
      xtype x = a[i];                                \
      y[i] = (ytype)(expression);                    \
    }                                                \
  }

/* y[i] = expression in a, b */
#define BINARY_STRIP(name, ytype, xtype, expression)  \
  STRIP(name) {                                       \
    ytype *y = py;                                    \
    const xtype *xa = pa, *xb = pb;                   \
    (void)pc, (void)imm;                              \
    IN_PLACE                                          \
    for (int i = 0; i < n; i++) {                     \
      xtype a = xa[i], b = xb[i];                     \
      y[i] = (ytype)(expression);                     \
    }                                                 \
  }

/* y[i] = expression in a, b, c */
#define TERNARY_STRIP(name, expression)              \
  STRIP(name) {                                      \
    float *y = py;                                   \
    const float *xa = pa, *xb = pb, *xc = pc;        \
    (void)imm;                                       \
    IN_PLACE                                         \
    for (int i = 0; i < n; i++) {                    \
      float a = xa[i], b = xb[i], c = xc[i];         \
      y[i] = expression;                             \
    }                                                \
  }

/* ---- by vectors ---------------------------------------------------------- */

/* y[i] = expression in a, b, c, which are vectors. An op of fewer operands, whose
** expression does not read the others, gets a in their places. */
#define VECTOR_STRIP(name, expression)                              \
  STRIP(name) {                                                     \
    float *y = py;                                                  \
    const float *xa = pa, *xb = pb ? pb : pa, *xc = pc ? pc : pa;   \
    (void)imm;                                                      \
    for (; n >= LANES; n -= LANES, y += LANES) {                    \
      Vector a = FROM(xa), b = FROM(xb), c = FROM(xc);              \
      (void)b, (void)c;                                             \
      AT(y) = expression;                                           \
      xa += LANES, xb += LANES, xc += LANES;                        \
    }                                                               \
    if (n == 0) return;                                             \
    float end[4][LANES] = {{0}};                                    \
    memcpy(end[1], xa, (size_t)n * sizeof *y);                      \
    memcpy(end[2], xb, (size_t)n * sizeof *y);                      \
    memcpy(end[3], xc, (size_t)n * sizeof *y);                      \
    Vector a = FROM(end[1]), b = FROM(end[2]), c = FROM(end[3]);    \
    (void)b, (void)c;                                               \
    AT(end[0]) = expression;                                        \
    memcpy(y, end[0], (size_t)n * sizeof *y);                       \
  }

/* ---- several ops in one strip ------------------------------------------- */

/* What stands in the strip of an op and in those of pairs. NaN stays in all of
** them: of two numbers it wins, b's because no comparison with it holds. They
** choose by bits: of two choices in a row the compiler makes branches. */
INLINE float chosen(bool first, float a, float b) {
  uint32_t mask = 0u - (uint32_t)first;
  return bits_float((float_bits(a) & mask) | (float_bits(b) & ~mask));
}

INLINE float rectified(float x) {
  return chosen(x <= 0, 0.0f, x); /* 0 of -0, too */
}

INLINE float larger_of(float a, float b) {
  return chosen((a != a) | (b <= a), a, b);
}

INLINE float smaller_of(float a, float b) {
  return chosen((a != a) | (a <= b), a, b);
}

/* The same with each step rounded, as in the ops that the strip stands for: a
** fused multiplication and addition would give other bits. */
#if defined(__clang__)
#define AS_WRITTEN _Pragma("STDC FP_CONTRACT OFF")
#define WRITTEN
#else
#define AS_WRITTEN
#define WRITTEN __attribute__((optimize("fp-contract=off")))
#endif

#define WRITTEN_LOOP(name, read, expression)                                \
  WRITTEN static void name##_written(float *y, const float *xa,             \
                                     const float *xb, const float *xc,      \
                                     int n) {                               \
    AS_WRITTEN                                                              \
    (void)xc;                                                               \
    IN_PLACE                                                                \
    for (int i = 0; i < n; i++) {                                           \
      read                                                                  \
      y[i] = expression;                                                    \
    }                                                                       \
  }                                                                         \
  STRIP(name) {                                                             \
    (void)imm;                                                              \
    name##_written(py, pa, pb, pc, n);                                      \
  }
#define READ_TWO float a = xa[i], b = xb[i];
#define READ_THREE READ_TWO float c = xc[i];
#define WRITTEN_PAIR(name, expression) WRITTEN_LOOP(name, READ_TWO, expression)
#define WRITTEN_STRIP(name, expression) \
  WRITTEN_LOOP(name, READ_THREE, expression)

#endif
