/* The error record and the clock. A job that fails says so once, with the
** text of the first failure; what fails after it is a consequence. */
#define _POSIX_C_SOURCE 200809L
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

bool fail(Error *e, const char *format, ...) {
  if (e == NULL || e->set) return false;
  va_list args;
  va_start(args, format);
  if (vsnprintf(e->text, sizeof e->text, format, args) < 0)
    e->text[0] = '\0';
  va_end(args);
  e->set = true;
  return false;
}

double clock_seconds(void) {
  struct timespec t;
  if (clock_gettime(CLOCK_MONOTONIC, &t) != 0) return 0;
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
