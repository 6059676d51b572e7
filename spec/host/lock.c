/* The lock of base/, alone: no count is lost, and who sleeps is woken. */
#define _GNU_SOURCE
#include "base/lock.c"

#include "check.h"

enum { THREADS = 6, ROUNDS = 100000 };

static Lock lock;
static long counted;

/* Now and then it is held for long, so that the others go to sleep. */
static void *count(void *unused) {
  for (int i = 0; i < ROUNDS; i++) {
    lock_take(&lock);
    counted++;
    if (i % 20000 == 0)
      usleep(500);
    lock_leave(&lock);
  }
  return unused;
}

static void counts_what_all_count(void) {
  pthread_t thread[THREADS];
  lock_init(&lock);
  counted = 0;
  for (int i = 0; i < THREADS; i++)
    EXPECT(pthread_create(&thread[i], NULL, count, NULL) == 0);
  for (int i = 0; i < THREADS; i++)
    pthread_join(thread[i], NULL);
  EXPECT(counted == (long)THREADS * ROUNDS);
  EXPECT(atomic_load(&lock.state) == 0);
}

int main(void) {
  leave_the_house("lock");
  test("six threads count", counts_what_all_count);
  return failures > 0;
}
