/* What may end a piece of work early: somebody's flag, or a time. Whoever works
** for long looks at the watch every few dozen microseconds, and ends with an
** error of kind ERROR_CANCELLED when it says so. */
#ifndef BASE_WATCH_H
#define BASE_WATCH_H

#include <stdatomic.h>

#include "base/base.h"

typedef struct Watch {
  const atomic_bool *cancel; /* set by any thread; NULL: nobody will */
  double deadline;           /* by clock_seconds(); 0: none */
  const struct Watch *outer; /* what ends that, ends this; may be NULL */
} Watch;

/* True when the work must stop, and that is then the error. No watch never
** stops anything. */
INLINE bool watch_stopped(const Watch *w, Error *e) {
  for (; w; w = w->outer) {
    if (w->cancel && atomic_load_explicit(w->cancel, memory_order_relaxed)) {
      fail_as(e, ERROR_CANCELLED, "cancelled by the host");
      return true;
    }
    if (w->deadline > 0 && clock_seconds() >= w->deadline) {
      fail_as(e, ERROR_CANCELLED, "cancelled: its time is over");
      return true;
    }
  }
  return false;
}

#endif
