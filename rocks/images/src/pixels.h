/* Pixels in memory, and what can go wrong on the way to them. */
#ifndef PIXELS_H
#define PIXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An image of more pixels is refused before memory is taken for it, as PIL does
** with what it calls a decompression bomb. */
enum { MOST_PIXELS = 178956970 };

typedef struct Fault { char text[256]; } Fault;

/* Writes what is wrong; false, so that a caller can return it. */
bool fault(Fault *why, const char *format, ...)
  __attribute__((format(printf, 2, 3)));

typedef struct Bytes { const unsigned char *data; size_t size; } Bytes;

/* Row by row without gaps. 1 channel is gray, 2 gray and alpha, 3 red, green and
** blue, 4 these and alpha. A channel is a byte, or, of gray alone, a uint16_t in
** the machine's order. Zeros have no memory. */
typedef struct Pixels {
  int64_t height, width;
  int channels;
  int depth; /* 8 or 16 bits */
  void *data;
} Pixels;

/* Takes memory, which holds anything. */
bool pixels_new(Pixels *p, int64_t height, int64_t width, int channels,
                int depth, Fault *why);
void pixels_free(Pixels *p);
size_t pixels_size(const Pixels *p); /* in bytes */

/* What becomes of 16 bits where 8 are wanted. */
typedef enum Narrowing {
  CHOPPED, /* the upper byte, as TensorFlow has it */
  CLIPPED, /* 255 for all above, as PIL has it */
  WIDE     /* they stay 16 where gray is wanted; else they are clipped */
} Narrowing;

/* Changes p to 1, 3 or 4 channels. */
bool pixels_convert(Pixels *p, int channels, Narrowing narrowing, Fault *why);

/* Multiplies colours of 4 channels by alpha, and divides them by it. */
void pixels_premultiply(Pixels *p);
void pixels_unpremultiply(Pixels *p);

#endif
