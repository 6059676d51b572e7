/* The error record and the clock. A job that fails says so once, with the
** kind and the text of the first failure; what fails after it is a
** consequence. */
#define _POSIX_C_SOURCE 200809L
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void write_text(char *to, size_t size, const char *format,
                       va_list args) {
  if (vsnprintf(to, size, format, args) < 0)
    *to = '\0';
}

/* The first failure stands: it is the cause, later ones follow from it. */
static bool fail_va(Error *e, ErrorKind kind, const char *format,
                    va_list args) {
  if (e == NULL || e->set) return false;
  write_text(e->text, sizeof e->text, format, args);
  e->kind = kind;
  e->set = true;
  return false;
}

bool fail(Error *e, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fail_va(e, ERROR_PLAIN, format, args);
  va_end(args);
  return false;
}

bool fail_as(Error *e, ErrorKind kind, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fail_va(e, kind, format, args);
  va_end(args);
  return false;
}

bool fail_memory(Error *e, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fail_va(e, ERROR_MEMORY, format, args);
  va_end(args);
  return false;
}

bool fail_again(Error *e, const Error *why) {
  return fail_as(e, why->kind, "%s", why->text);
}

/* Text that is too long loses its end. */
bool error_prefix(Error *e, const char *format, ...) {
  char text[sizeof e->text];
  va_list args;
  va_start(args, format);
  write_text(text, sizeof text, format, args);
  va_end(args);
  size_t n = strlen(text), size = sizeof e->text, rest = strlen(e->text);
  if (n + rest >= size)
    rest = size - 1 - n;
  memmove(e->text + n, e->text, rest);
  memcpy(e->text, text, n);
  e->text[n + rest] = '\0';
  return false;
}

bool error_suffix(Error *e, const char *format, ...) {
  size_t n = strlen(e->text);
  va_list args;
  va_start(args, format);
  write_text(e->text + n, sizeof e->text - n, format, args);
  va_end(args);
  return false;
}

double clock_seconds(void) {
  struct timespec t;
  if (clock_gettime(CLOCK_MONOTONIC, &t) != 0) return 0;
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
