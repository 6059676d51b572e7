/* PNG and JPEG: bytes as pixels, and back. Nothing of libpng and libjpeg is seen
** outside of the two files that stand behind this. */
#ifndef FORMAT_H
#define FORMAT_H

#include "pixels.h"

/* The image in the bytes, of either format, in as many channels as it has there.
** Where it fails, p has no memory. Any thread may call it. */
bool image_decode(Bytes bytes, Pixels *p, Fault *why);

bool png_decode(Bytes bytes, Pixels *p, Fault *why);
bool jpeg_decode(Bytes bytes, Pixels *p, Fault *why);

/* The bytes of a file in memory, which grow. */
typedef struct Sink {
  unsigned char *data;
  size_t size, room;
} Sink;

bool sink_add(Sink *s, const void *data, size_t size); /* false: no memory */
void sink_free(Sink *s);

/* These add to the sink, which the caller frees, also where they fail.
** level: 0 to 9, of zlib. */
bool png_encode(const Pixels *p, int level, Sink *out, Fault *why);
/* quality: 1 to 100; p has 1 or 3 channels of 8 bits. */
bool jpeg_encode(const Pixels *p, int quality, bool is_progressive, Sink *out,
                 Fault *why);

#endif
