/* The floating-point mode that kernels run in: denormals are zero, results are
** rounded to nearest, nothing traps. A denormal costs a processor a hundred
** times what another number does, and long recurrent training is full of them.
** The mode belongs to a thread. Workers are in ours for life; a caller is in
** it while a plan or an eager op runs, and then gets its own back, since the
** host and its Lua may count on another one. */
#ifndef BASE_FLOAT_MODE_H
#define BASE_FLOAT_MODE_H

#include "base/base.h"

typedef uint64_t FloatMode;

#if defined(__SSE__)

/* MXCSR: flush to zero, exceptions masked, denormals are zero. Its lowest six
** bits are no mode, they note what happened. */
enum { FLOAT_MODE_KERNELS = 0x9fc0, FLOAT_MODE_BITS = 0xffc0 };

INLINE FloatMode float_mode_get(void) { return __builtin_ia32_stmxcsr(); }
INLINE void float_mode_put(FloatMode m) {
  __builtin_ia32_ldmxcsr((unsigned)m);
}

#elif defined(__aarch64__)

/* FPCR: flush to zero, and 0 for the rest */
enum { FLOAT_MODE_KERNELS = 1 << 24, FLOAT_MODE_BITS = 0x7ffffff };

INLINE FloatMode float_mode_get(void) {
  FloatMode m;
  __asm__ volatile("mrs %0, fpcr" : "=r"(m));
  return m;
}
INLINE void float_mode_put(FloatMode m) {
  __asm__ volatile("msr fpcr, %0" : : "r"(m));
}

#else

enum { FLOAT_MODE_KERNELS, FLOAT_MODE_BITS = 0 };

INLINE FloatMode float_mode_get(void) { return FLOAT_MODE_KERNELS; }
INLINE void float_mode_put(FloatMode m) { (void)m; }

#endif

/* Kernels may run from here on; what the mode was. To write it is slow, so that
** is left out when nothing would change. */
INLINE FloatMode float_mode_enter(void) {
  FloatMode before = float_mode_get();
  if ((before ^ FLOAT_MODE_KERNELS) & FLOAT_MODE_BITS)
    float_mode_put(FLOAT_MODE_KERNELS);
  return before;
}

/* The end of that. */
INLINE void float_mode_leave(FloatMode before) {
  if ((before ^ FLOAT_MODE_KERNELS) & FLOAT_MODE_BITS) float_mode_put(before);
}

#endif
