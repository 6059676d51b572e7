/* Which instruction set the process uses, and how a function that exists once
** for each of them is called. Files of hot loops are compiled several times
** (base/each_isa.h); their functions stand in sets, `max_pool` is the array of
** all of them, and ISA(max_pool)(...) calls the right one. The
** choice is an ordinary number, read at each call: resolvers of the linker
** would cost less, but neither sanitizers nor static programs can run them. */
#ifndef BASE_ISA_H
#define BASE_ISA_H

#include <stdatomic.h>

#include "base/base.h"

/* All sets of this build, the plainest first: f(set, ...) for each. The Makefile
** says when it makes more than the one that every processor has. A new set is a
** word here, its detection in isa.c, its flags in the Makefile, and the width
** of its vectors in each_isa.h. */
#if defined(LUNULA_X86_SETS)
#define EACH_ISA(f, ...) \
  f(baseline, __VA_ARGS__) f(avx2, __VA_ARGS__) f(avx512, __VA_ARGS__)
#elif defined(__aarch64__)
#define EACH_ISA(f, ...) f(neon, __VA_ARGS__)
#else
#define EACH_ISA(f, ...) f(baseline, __VA_ARGS__)
#endif

#define ISA_NUMBER(isa, ...) ISA_##isa,
enum { EACH_ISA(ISA_NUMBER, ) ISA_COUNT };

/* How a header declares a function of which there are as many:
** extern void SET(max_pool)(const float *x, ...); */
#define SET(name) (*const name[ISA_COUNT])

/* The one to be called. */
#define ISA(name) ((name)[isa_number()])

extern atomic_int isa_chosen;

INLINE int isa_number(void) {
  return atomic_load_explicit(&isa_chosen, memory_order_relaxed);
}

/* Chooses the best set that the machine has, or the one that the environment
** variable LUNULA_ISA names; the first call decides for the process. False with
** the error when there is no such set here. Before it the plainest is used. */
bool isa_choose(Error *e);

/* Has it multiply-add? Without it, numbers differ a little. */
bool isa_has_fma(void);

const char *isa_name(void);
/* The i-th set that this machine has, NULL past the last. */
const char *isa_there(int i);

#endif
