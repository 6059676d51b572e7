/* What deflate packed (RFC 1951), as archives and .gz files hold it. What comes
** out is paid for as it is made, and never more than was allowed. */
#ifndef FILES_INFLATE_H
#define FILES_INFLATE_H

#include "base/memory.h"

/* Bytes that grow, up to `most`. Begins as {.account =, .most =}; `data` is a
** record of memory.h, the caller's in the end, also after a failure. */
typedef struct Unpacked {
  Account *account;
  size_t most;
  uint8_t *data; /* NULL: nothing yet */
  size_t size, room;
} Unpacked;

/* No stream of deflate comes to more than so many times its length. */
enum { INFLATE_MOST = 1032 };

/* Appends what one stream holds; *from moves behind it. */
bool inflate(Unpacked *out, const uint8_t **from, const uint8_t *end, Error *e);
/* Appends what a .gz file holds: one member or several. */
bool gunzip(Unpacked *out, const uint8_t *data, size_t size, Error *e);

#define CRC_32 0xEDB88320u /* of zip, gzip and PNG */
/* The checksum of the bytes, for a polynomial whose bits are reversed. */
uint32_t checksum(uint32_t polynomial, const uint8_t *data, size_t size);

#endif
