/* How words are found whose bytes do not lie in one piece: their hash is made
** byte by byte. Between lookup.c and words.c. */
#ifndef KERNELS_LOOKUP_H
#define KERNELS_LOOKUP_H

#include "kernels/text.h"

typedef uint64_t WordHash;

INLINE WordHash word_hash_begin(void) {
  return 0xcbf29ce484222325u;
}
INLINE void word_hash_byte(WordHash *h, char byte) {
  *h = (*h ^ (unsigned char)byte) * 0x100000001b3u;
}
INLINE uint64_t word_hash_end(WordHash h) {
  return h ^ h >> 32;
}

/* The number of the word of this hash of which `same` says that it is the one. */
int64_t word_find_hash(const WordTable *t, uint64_t hash,
                       bool (*same)(const void *ud, Str word),
                       const void *ud);

#endif
