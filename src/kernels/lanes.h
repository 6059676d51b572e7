/* Vectors as plain C has them, as wide as the instruction set's, loaded from
** and stored to any place in an array of floats. Comes after each_isa.h. */
#ifndef KERNELS_LANES_H
#define KERNELS_LANES_H

#include "base/each_isa.h"

enum { LANES = ISA_LANES };

typedef float Lanes __attribute__((vector_size(ISA_LANES * sizeof(float)),
                                   aligned(4), may_alias));
typedef int32_t IntLanes
    __attribute__((vector_size(ISA_LANES * sizeof(int32_t)), aligned(4),
                   may_alias));

#define FROM(x) (*(const Lanes *)(const void *)(x))
#define AT(x) (*(Lanes *)(void *)(x))

#endif
