/* Where threads sleep that wait for a lock: a few beds for all locks, found by
** the address, so that a lock itself is one number. A sleeper marks the lock
** while it holds the bed, and whoever leaves a marked lock takes the bed before
** he wakes it: no call is missed. */
#include "base/lock.h"

#include <pthread.h>

enum { BEDS = 16, TRIES = 100 };

typedef struct Bed {
  pthread_mutex_t mutex;
  pthread_cond_t woken;
} Bed;

#define BED {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER}
static Bed beds[BEDS] = {BED, BED, BED, BED, BED, BED, BED, BED,
                         BED, BED, BED, BED, BED, BED, BED, BED};

static Bed *bed_of(const Lock *l) {
  return &beds[((uintptr_t)l >> 6) % BEDS];
}

void lock_wait(Lock *l) {
  for (int i = 0; i < TRIES; i++) {
    int free = 0;
    if (atomic_load_explicit(&l->state, memory_order_relaxed) == 0 &&
        atomic_compare_exchange_strong_explicit(
            &l->state, &free, 1, memory_order_acquire, memory_order_relaxed))
      return;
  }
  Bed *b = bed_of(l);
  pthread_mutex_lock(&b->mutex);
  while (atomic_exchange_explicit(&l->state, 2, memory_order_acquire) != 0)
    pthread_cond_wait(&b->woken, &b->mutex);
  pthread_mutex_unlock(&b->mutex);
}

void lock_wake(Lock *l) {
  Bed *b = bed_of(l);
  pthread_mutex_lock(&b->mutex);
  pthread_cond_broadcast(&b->woken);
  pthread_mutex_unlock(&b->mutex);
}
