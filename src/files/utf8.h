/* Is a text UTF-8, as JSON must be? */
#ifndef FILES_UTF8_H
#define FILES_UTF8_H

#include "base/base.h"

/* The number of bytes before the first that is none; `length`: all are. */
size_t utf8_valid(const char *text, size_t length);

#endif
