/* Vectors as plain C has them, as wide as the instruction set's, loaded from
** and stored to any place in an array of floats. Comes after each_isa.h. */
#ifndef KERNELS_VECTOR_H
#define KERNELS_VECTOR_H

#include "base/each_isa.h"

enum { LANES = ISA_LANES };

typedef float Vector __attribute__((vector_size(ISA_LANES * sizeof(float)),
                                   aligned(4), may_alias));
typedef int32_t IntVector
    __attribute__((vector_size(ISA_LANES * sizeof(int32_t)), aligned(4),
                   may_alias));

#define FROM(x) (*(const Vector *)(const void *)(x))
#define AT(x) (*(Vector *)(void *)(x))
#define SPLAT(x) ((x) - (Vector){0})

/* Where the mask is set the bits of b, else those of a. */
#define CHOSEN(mask, a, b) \
  (Vector)(((IntVector)(a) & ~(mask)) | ((IntVector)(b) & (mask)))
/* What is not above `low` becomes that, what is above `high` that. */
#define CLIP(x, low, high)              \
  x = CHOSEN((x) <= (low), x, low);     \
  x = CHOSEN((x) > (high), x, high);

#endif
