/* Counter-based random numbers (Philox 4x32-10): any thread can make any
** element, and the same (seed, stream, step) gives the same numbers. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <string.h>

#include "base/isa.h"

typedef struct RandomKey {
  uint64_t seed;   /* what the user set */
  uint32_t stream; /* which drawing place */
  uint32_t step;   /* which run of it */
} RandomKey;

/* That of four numbers which were drawn, so that who has them can draw again
** what somebody else has drawn. */
enum { RANDOM_KEY = 4 };
INLINE RandomKey random_key_of(const float *x) {
  uint32_t bits[RANDOM_KEY];
  memcpy(bits, x, sizeof bits);
  return (RandomKey){(uint64_t)bits[0] << 32 | bits[1], bits[2], bits[3]};
}

/* Elements first .. first+n-1 of the stream; element i does not depend on
** first or n. uniform: [0, 1), 24 bits. normal: Box-Muller. */
extern void SET(random_uniform)(float *y, int64_t first, int64_t n,
                                RandomKey key);
extern void SET(random_normal)(float *y, int64_t first, int64_t n,
                               RandomKey key);

#endif
