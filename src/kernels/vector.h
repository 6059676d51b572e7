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
typedef uint32_t BitVector
    __attribute__((vector_size(ISA_LANES * sizeof(uint32_t)), aligned(4),
                   may_alias));

#define FROM(x) (*(const Vector *)(const void *)(x))
#define AT(x) (*(Vector *)(void *)(x))
#define SPLAT(x) ((x) - (Vector){0})

/* Where the mask is set the bits of b, else those of a. */
#define CHOSEN(mask, a, b) \
  (Vector)(((IntVector)(a) & ~(mask)) | ((IntVector)(b) & (mask)))
/* The larger, the smaller of the two; b, where they are equal or one is NaN. */
#if ISA_LANES == 16
#include <immintrin.h>
#define LARGER(a, b) (Vector)_mm512_max_ps((__m512)(a), (__m512)(b))
#define SMALLER(a, b) (Vector)_mm512_min_ps((__m512)(a), (__m512)(b))
#elif ISA_LANES == 8
#include <immintrin.h>
#define LARGER(a, b) (Vector)_mm256_max_ps((__m256)(a), (__m256)(b))
#define SMALLER(a, b) (Vector)_mm256_min_ps((__m256)(a), (__m256)(b))
#elif defined(__SSE__)
#include <immintrin.h>
#define LARGER(a, b) (Vector)_mm_max_ps((__m128)(a), (__m128)(b))
#define SMALLER(a, b) (Vector)_mm_min_ps((__m128)(a), (__m128)(b))
#else
#define LARGER(a, b) CHOSEN((a) > (b), b, a)
#define SMALLER(a, b) CHOSEN((a) < (b), b, a)
#endif

/* What is not above `low` becomes that, what is above `high` that. To LARGER -0 is
** as large as 0, and stays; so x has to be a sum with CLIP_ZERO before, which
** makes 0 of -0 where low is 0, and changes nothing else. */
#define CLIP_ZERO(low) SPLAT((low) == 0 ? 0.0F : -0.0F)
#define CLIP(x, low, high) x = SMALLER(high, LARGER(low, x));

#endif
