/* Compressed bytes, by zlib, whose own counts are shorter than ours. */

#include "unpack.h"

#include <zlib.h>

static uInt piece(size_t n) {
  return (uInt)(n < 1u << 30 ? n : 1u << 30);
}

bool unpack(Bytes packed, int form, unsigned char *out, size_t room,
            size_t *size) {
  z_stream z = {0};
  if (inflateInit2(&z, form) != Z_OK)
    return false;
  int status = Z_OK;
  size_t done = 0, used = 0;
  while (status == Z_OK) {
    z.next_in = (unsigned char *)packed.data + used;
    z.avail_in = piece(packed.size - used);
    z.next_out = out + done;
    z.avail_out = piece(room - done);
    status = inflate(&z, Z_NO_FLUSH);
    used = (size_t)(z.next_in - packed.data);
    done = (size_t)(z.next_out - out);
  }
  inflateEnd(&z);
  *size = done;
  return status == Z_STREAM_END;
}
