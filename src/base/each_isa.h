/* For files of hot loops: the Makefile compiles whatever includes this once for
** each instruction set, with the compiler's own options for it, so that loops
** and vectors are plain C and intrinsics may be used where __AVX2__ says so.
**
**   KERNEL(void, scale, (float *y, int n)) { ... }
**
** makes scale_avx2 in the object for AVX2, and in the first object the set
** `scale` besides. What is no loop, and must be there once, stands under
** #if ISA_FIRST. A file whose loops wait for memory, and gain nothing by wider
** vectors, defines ISA_AVX2_SERVES before it includes this: it has no object
** for AVX-512, and its sets have the function for AVX2 there. */
#ifndef BASE_EACH_ISA_H
#define BASE_EACH_ISA_H

#include "base/isa.h"

#if defined(ISA_OBJECT)
#define ISA_FIRST 0
#else
#define ISA_FIRST 1
#if defined(__aarch64__)
#define ISA_OBJECT neon
#else
#define ISA_OBJECT baseline
#endif
#endif

/* Numbers in a vector, and the set for half of it, which wastes less when
** there are few. The first object keeps to 4 whatever the user's own flags
** allow, since the others count on it for that. */
#if ISA_FIRST
#define ISA_LANES 4
#elif defined(__AVX512F__)
#define ISA_LANES 16
#define ISA_NARROWER(name) name##_avx2
#else
#define ISA_LANES 8
#define ISA_NARROWER(name) name##_baseline
#endif

#define ISA_PASTE(name, isa) name##_##isa
#define ISA_EXPAND(name, isa) ISA_PASTE(name, isa)
#define ISA_NAME(name) ISA_EXPAND(name, ISA_OBJECT) /* in this object */

#define ISA_DECLARE_ONE(isa, type, name, params) type name##_##isa params;
#if defined(ISA_AVX2_SERVES) && defined(LUNULA_X86_SETS)
#define ISA_EACH(f, ...) \
  f(baseline, __VA_ARGS__) f(avx2, __VA_ARGS__) f(avx2, __VA_ARGS__)
#else
#define ISA_EACH EACH_ISA
#endif
#define ISA_DECLARE(type, name, params) \
  ISA_EACH(ISA_DECLARE_ONE, type, name, params)
#define ISA_MEMBER(isa, name) name##_##isa,

/* Before a loop: so many turns of it at once, or all, if it has no more. */
#define ISA_PRAGMA(x) _Pragma(#x)
#if defined(__clang__)
#define UNROLL(n) ISA_PRAGMA(clang loop unroll_count(n))
#else
#define UNROLL(n) ISA_PRAGMA(GCC unroll n)
#endif

/* A function that objects of other sets may call, too, through ISA_NARROWER. */
#define ISA_FUNCTION(type, name, params) \
  ISA_DECLARE(type, name, params)        \
  type ISA_NAME(name) params

#if ISA_FIRST
#define ISA_DEFINE(storage, type, name, params)                   \
  ISA_DECLARE(type, name, params)                                 \
  storage type SET(name) params = {ISA_EACH(ISA_MEMBER, name)};   \
  type ISA_NAME(name) params
#else
#define ISA_DEFINE(storage, type, name, params) \
  ISA_FUNCTION(type, name, params)
#endif

/* A kernel that a header declares, and one whose set only this file calls. */
#define KERNEL(type, name, params) ISA_DEFINE(, type, name, params)
#define LOCAL_KERNEL(type, name, params) ISA_DEFINE(static, type, name, params)

#endif
