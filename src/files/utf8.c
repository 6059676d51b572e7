/* See utf8.h: no overlong forms, no halves of surrogate pairs, nothing beyond
** U+10FFFF. */

#include "files/utf8.h"

/* The bytes of the character at p, 0 where it is none. */
static size_t character(const unsigned char *p, size_t left) {
  unsigned char c = *p, low = 0x80, high = 0xbf;
  size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3
             : c < 0xf5 ? 4 : 0;
  if (n > left)
    return 0;
  if (c == 0xe0) low = 0xa0;
  if (c == 0xed) high = 0x9f;
  if (c == 0xf0) low = 0x90;
  if (c == 0xf4) high = 0x8f;
  if (n > 1 && (p[1] < low || p[1] > high))
    return 0;
  for (size_t i = 2; i < n; i++)
    if (p[i] < 0x80 || p[i] > 0xbf)
      return 0;
  return n;
}

size_t utf8_valid(const char *text, size_t length) {
  size_t at = 0;
  while (at < length) {
    size_t n = character((const unsigned char *)text + at, length - at);
    if (n == 0)
      break;
    at += n;
  }
  return at;
}
