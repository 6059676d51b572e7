/* Bytes of a file that nobody vouches for. */

#include "bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool fault(Fault *why, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(why->text, sizeof why->text, format, args);
  va_end(args);
  return false;
}

bool bytes_part(Bytes whole, uint64_t at, uint64_t size, Bytes *part) {
  if (at > whole.size || size > whole.size - at)
    return false;
  *part = (Bytes){whole.data + at, (size_t)size};
  return true;
}

Cursor cursor_at(Bytes whole, uint64_t at, uint64_t size) {
  Bytes part;
  if (!bytes_part(whole, at, size, &part))
    return (Cursor){whole.data, 0, true};
  return (Cursor){part.data, part.size, false};
}

Cursor cursor_from(Bytes whole, uint64_t at) {
  return cursor_at(whole, at, at <= whole.size ? whole.size - at : 0);
}

const unsigned char *cursor_take(Cursor *c, uint64_t size) {
  const unsigned char *at = c->at;
  if (size > c->left) {
    c->left = 0;
    c->is_short = true;
    return NULL;
  }
  c->at += size;
  c->left -= (size_t)size;
  return at;
}

uint64_t cursor_number(Cursor *c, int bytes) {
  const unsigned char *at = cursor_take(c, (uint64_t)bytes);
  uint64_t value = 0;
  for (int i = bytes - 1; at && i >= 0; i--)
    value = value << 8 | at[i];
  return value;
}

bool cursor_spells(Cursor *c, const char *text) {
  size_t n = strlen(text);
  const unsigned char *at = cursor_take(c, n);
  return at && memcmp(at, text, n) == 0;
}

uint64_t times(uint64_t a, uint64_t b) {
  return b != 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}
