/* Bytes of a file that nobody vouches for, and what can go wrong with them.
**
** Everything that is read from a file goes through a Cursor, which cannot leave
** its bytes: it gives zeros instead and remembers that it was short. */
#ifndef BYTES_H
#define BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Fault { char text[256]; } Fault;

typedef struct Bytes { const unsigned char *data; size_t size; } Bytes;

typedef struct Cursor {
  const unsigned char *at;
  size_t left;
  bool is_short;    /* was more asked for than there was? */
} Cursor;

/* Writes what is wrong; false, so that a caller can return it. */
bool fault(Fault *why, const char *format, ...)
  __attribute__((format(printf, 2, 3)));

/* The `size` bytes at `at`, if they are all there. */
bool bytes_part(Bytes whole, uint64_t at, uint64_t size, Bytes *part);

/* A cursor over those bytes; over none, and short, if they are not there. */
Cursor cursor_at(Bytes whole, uint64_t at, uint64_t size);

/* To the end of the bytes. */
Cursor cursor_from(Bytes whole, uint64_t at);

/* The next little-endian number of that many bytes, 0 to 8. */
uint64_t cursor_number(Cursor *c, int bytes);

/* The next bytes, NULL if they are not there. */
const unsigned char *cursor_take(Cursor *c, uint64_t size);

/* Do the next bytes spell this? They are passed. */
bool cursor_spells(Cursor *c, const char *text);

/* a * b, or UINT64_MAX where that is too large. */
uint64_t times(uint64_t a, uint64_t b);

#endif
