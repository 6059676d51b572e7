/* Which format bytes are of, and where those of a new file go. */

#include "format.h"

#include <stdlib.h>
#include <string.h>

static bool begins(Bytes bytes, const char *with, size_t size) {
  return bytes.size >= size && memcmp(bytes.data, with, size) == 0;
}

/* The name of a format that is known and not read, or NULL. */
static const char *other_format(Bytes b) {
  if (begins(b, "GIF8", 4))
    return "a GIF";
  if (begins(b, "BM", 2))
    return "a BMP";
  if (begins(b, "RIFF", 4) && b.size > 12 && memcmp(b.data + 8, "WEBP", 4) == 0)
    return "a WebP";
  if (begins(b, "II*\0", 4) || begins(b, "MM\0*", 4))
    return "a TIFF";
  return NULL;
}

bool image_decode(Bytes bytes, Pixels *p, Fault *why) {
  *p = (Pixels){0};
  if (begins(bytes, "\x89PNG\r\n\x1A\n", 8))
    return png_decode(bytes, p, why);
  if (begins(bytes, "\xFF\xD8\xFF", 3))
    return jpeg_decode(bytes, p, why);
  if (bytes.size == 0)
    return fault(why, "it is empty");
  const char *other = other_format(bytes);
  return fault(why, "it is %s; PNG and JPEG are read",
               other ? other : "no image");
}

bool sink_add(Sink *s, const void *data, size_t size) {
  if (size > s->room - s->size) {
    size_t room = s->room + s->room / 2 + size + 4096;
    unsigned char *more = realloc(s->data, room);
    if (more == NULL)
      return false;
    s->data = more;
    s->room = room;
  }
  memcpy(s->data + s->size, data, size);
  s->size += size;
  return true;
}

void sink_free(Sink *s) {
  free(s->data);
  *s = (Sink){0};
}
