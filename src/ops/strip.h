/* The macros that make strips: loops over one piece of a tile program, one for
** each instruction set (base/each_isa.h; what a file has besides is compiled
** once). The loop may run in place, hence ivdep instead of restrict. */
#ifndef OPS_STRIP_H
#define OPS_STRIP_H

#include "base/each_isa.h"
#include "base/vmath.h"
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

#endif
