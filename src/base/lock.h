/* The one kind of lock: for the few instructions in which threads change what
** they share. Nothing that takes time is done under it. A thread that finds it
** taken tries again for a moment, then sleeps. Zero is a free lock. */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <stdatomic.h>

#include "base/base.h"

typedef struct Lock {
  atomic_int state; /* 0: free, 1: taken, 2: taken, and somebody may sleep */
} Lock;

void lock_wait(Lock *l); /* takes it, whatever time it needs */
void lock_wake(Lock *l);

INLINE void lock_init(Lock *l) {
  atomic_init(&l->state, 0);
}
INLINE void lock_take(Lock *l) {
  int free = 0;
  if (!atomic_compare_exchange_strong_explicit(
          &l->state, &free, 1, memory_order_acquire, memory_order_relaxed))
    lock_wait(l);
}
INLINE void lock_leave(Lock *l) {
  if (atomic_exchange_explicit(&l->state, 0, memory_order_release) == 2)
    lock_wake(l);
}

#endif
