/* The ground that every file stands on: fixed-size integers, the attributes
** of hot loops, and the error record. Knows nothing of tensors. */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT_OF(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* A loop that is compiled once per instruction set and chosen at load.
** Sanitizers cannot run the resolvers; clang spells the targets otherwise. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(LUNULA_PLAIN)
#define KERNEL_CLONES
#define KERNEL                                                        \
  __attribute__((target_clones("default", "arch=x86-64-v3",           \
                               "arch=x86-64-v4")))
#else
#define KERNEL
#endif
#define INLINE static inline __attribute__((always_inline))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

enum { MAX_RANK = 8 };

/* The first failure of a job: later ones do not overwrite it. */
typedef struct Error {
  bool set;
  char text[1000];
} Error;

/* Records the failure unless one is there already; returns false. */
bool fail(Error *e, const char *format, ...) PRINTF_LIKE(2, 3);

/* Monotonic seconds. */
double clock_seconds(void);

#endif
