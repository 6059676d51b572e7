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

#endif
