/* The one kind of lock: for the few instructions in which threads change what
** they share. Nothing that takes time is done under it. A thread that finds it
** taken tries again for a moment, then sleeps. */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <pthread.h>

#include "base/base.h"

typedef pthread_mutex_t Lock;

#define LOCK_FREE PTHREAD_MUTEX_INITIALIZER /* needs no end */

INLINE void lock_init(Lock *l) {
  pthread_mutex_init(l, NULL);
}
INLINE void lock_take(Lock *l) {
  for (int i = 0; i < 100; i++)
    if (pthread_mutex_trylock(l) == 0)
      return;
  pthread_mutex_lock(l);
}
INLINE void lock_leave(Lock *l) {
  pthread_mutex_unlock(l);
}

#endif
