/* The team of base/, alone: each task is done once, by whatever number of
** threads, while these come and go, and nobody waits for ever. */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <unistd.h>

/* Now and then who looks at what another thread writes is held up before: what is
** seldom on an idle machine happens often. */
static void hold_up(void) {
  static atomic_uint turns;
  unsigned turn = atomic_fetch_add_explicit(&turns, 1, memory_order_relaxed);
  if ((turn * 2654435761u >> 16) % 32 == 0) usleep(50);
}
#undef atomic_load
#define atomic_load(x) (hold_up(), atomic_load_explicit(x, memory_order_seq_cst))

#include "base/threads.c"

#include "check.h"

double clock_seconds(void) { return now(); }
void *mem_raw_aligned(size_t bytes) { return aligned_alloc(64, bytes); }
void mem_raw_free(void *block) { free(block); }

enum { TASKS = 64, LONGEST = 120 /* seconds */ };

static int done[TASKS]; /* how often each task was */
static char scratch[64];

static void count_task(void *turns, int64_t task, void *unused) {
  (void)unused;
  for (volatile int i = 0; i < *(int *)turns; i++) continue;
  done[task]++;
}

static int all_once(int tasks) {
  int good = 1;
  for (int i = 0; i < TASKS; i++) good = good && done[i] == (i < tasks);
  return good;
}

/* One job, the longer the more turns a task has. */
static int run_one(int tasks, int turns, int is_long) {
  memset(done, 0, sizeof done);
  (is_long ? threads_run_long : threads_run)(count_task, &turns, tasks, scratch);
  return all_once(tasks);
}

static void does_each_task_once(void) {
  int good = 1;
  srand(1);
  for (int threads = 1; threads <= 5; threads++) {
    threads_set_count(threads);
    for (int i = 0; i < (watched ? 300 : 3000); i++) {
      int tasks = rand() % 4 ? 1 + rand() % 4 : 1 + rand() % TASKS;
      good = good && run_one(tasks, rand() % 300, rand() % 2);
      if (rand() % 100 == 0) usleep(300); /* they go to sleep */
    }
  }
  EXPECT(good);
}

/* A worker that is late for the last job finds that the team stops. */
static void threads_come_and_go(void) {
  int good = 1;
  double end = now() + 3;
  for (int i = 0; i < (watched ? 500 : 50000) && now() < end; i++) {
    threads_set_count(i % 2 ? 1 : 2 + i % 5);
    good = good && run_one(2, 20, 1);
  }
  EXPECT(good);
}

int main(void) {
  leave_the_house("threads");
  alarm(LONGEST);
  threads_retain();
  test("each task once", does_each_task_once);
  test("threads come and go", threads_come_and_go);
  threads_release();
  return failures > 0;
}
