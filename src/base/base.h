/* The ground that every file stands on: fixed-size integers, the attributes
** of hot loops, and the error record. Knows nothing of tensors. */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT_OF(a) ((int)(sizeof(a) / sizeof((a)[0])))

#define INLINE static inline __attribute__((always_inline))
/* A function whose arrays must not become part of its caller's frame. */
#define APART __attribute__((noinline))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

enum { MAX_RANK = 8 };

/* Some bytes; no zero stands behind them. */
typedef struct Str {
  const char *text;
  size_t size;
} Str;

/* What kind of failure it is, for those who act on it: nobody reads the text
** to find out. */
typedef enum ErrorKind {
  ERROR_PLAIN,     /* something is wrong with what was asked for */
  ERROR_MEMORY,    /* the limit is reached, or the system has no more */
  ERROR_CANCELLED, /* somebody asked for the end of it */
  ERROR_BUDGET     /* the instructions are used up */
} ErrorKind;

/* The first failure of a job: later ones do not overwrite it. */
typedef struct Error {
  bool set;
  ErrorKind kind;
  char text[1000];
} Error;

/* Records the failure unless one is there already; returns false. */
bool fail(Error *e, const char *format, ...) PRINTF_LIKE(2, 3);
bool fail_as(Error *e, ErrorKind kind, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The same of kind ERROR_MEMORY. */
bool fail_memory(Error *e, const char *format, ...) PRINTF_LIKE(2, 3);
/* Records a failure that another record holds. */
bool fail_again(Error *e, const Error *why);
/* Puts text in front of (behind) that of a failure that is set; returns
** false. */
bool error_prefix(Error *e, const char *format, ...) PRINTF_LIKE(2, 3);
bool error_suffix(Error *e, const char *format, ...) PRINTF_LIKE(2, 3);

/* Monotonic seconds. */
double clock_seconds(void);

#endif
