/* JSON, read piece by piece and written into the caller's memory: no tree, no
** allocation, no recursion, so that a hostile text can only be refused.
**
** Read are the values of RFC 8259, and NaN, Infinity and -Infinity, which
** Python writes; depth and length of a text are bounded. */
#ifndef FILES_JSON_H
#define FILES_JSON_H

#include "base/base.h"

enum { JSON_DEPTH = 500, JSON_NUMBER_TEXT = 40 };
#define JSON_BYTES ((size_t)1 << 30)

typedef enum JsonKind {
  JSON_ERROR, /* its text says what is wrong, and where */
  JSON_END,   /* of the text */
  JSON_NULL, JSON_FALSE, JSON_TRUE,
  JSON_INTEGER, /* without fraction or exponent, and within 64 bits */
  JSON_NUMBER,
  JSON_STRING,
  JSON_NAME, /* of the value that comes next */
  JSON_ARRAY, JSON_OBJECT,        /* begin */
  JSON_ARRAY_END, JSON_OBJECT_END
} JsonKind;

typedef struct JsonReader {
  /* what json_next found */
  int64_t integer;
  double number;
  const char *raw; /* a string as it stands in the text, between its quotes */
  size_t length;   /* of it; decoded it is not longer */
  /* where it is */
  const char *text, *at, *end;
  int depth, wanted;
  const char *open[JSON_DEPTH]; /* brackets that are not closed yet */
  Error *error;
} JsonReader;

/* The text need not end in a zero; the reader does not copy it. */
void json_begin(JsonReader *r, const char *text, size_t length, Error *e);
/* The next piece. After JSON_ERROR and JSON_END there is none. */
JsonKind json_next(JsonReader *r);
/* The next piece must be of that kind, else the error is `what`. */
bool json_expect(JsonReader *r, JsonKind kind, const char *what);
/* Decodes the string or name that json_next found: as many bytes as it returns,
** r->length at most. Half a surrogate pair becomes U+FFFD. */
size_t json_decode(const JsonReader *r, char *out);

/* The text with its quotes; 6 * length + 2 bytes at most. What is not ASCII
** stays as it is. */
size_t json_quote(char *out, const char *text, size_t length);
/* As many digits as give the same number, 15 at least, less their last zeros;
** with a point or an exponent. At most JSON_NUMBER_TEXT bytes. */
size_t json_number(char *out, double x);

#endif
