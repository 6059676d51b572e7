/* Compressed bytes, by zlib, into room of a known size. */
#ifndef UNPACK_H
#define UNPACK_H

#include "bytes.h"

enum {
  UNPACK_MOST = 1032,    /* no packed byte gives more */
  UNPACK_ZLIB = 15, UNPACK_RAW = -15    /* with the head of zlib, or without */
};

/* Is it one whole stream that fits? `size`: the bytes that came out. */
bool unpack(Bytes packed, int form, unsigned char *out, size_t room,
            size_t *size);

#endif
