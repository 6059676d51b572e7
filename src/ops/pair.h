/* Two elementwise ops in one strip: the second takes what the first gave, which
** then needs no place in L1. The plan asks for it when it builds a tile program
** (plan/steps.c); the numbers are those of the two. */
#ifndef OPS_PAIR_H
#define OPS_PAIR_H

#include "kernels/tile.h"

typedef struct Pair {
  const char *name; /* as `first` of a longer chain */
  const char *first, *second;
  int sides; /* bit i: the first may be input i of the second */
  const Strip *strip; /* the set: first's operands, then the other of second */
} Pair;

/* NULL: there is none. All are for float32. */
const Pair *pair_find(const char *first, const char *second, int side);

#endif
