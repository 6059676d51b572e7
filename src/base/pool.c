/* The thread pool: a job is a counter of tasks that the caller and the
** workers draw from. A worker enters a job through a gate and the caller
** closes the gate when no task is left, so that nobody ever waits for a
** worker that is still asleep. Workers spin a little before they sleep,
** because the next step of a plan usually follows within microseconds. */
#define _GNU_SOURCE
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("yield")
#else
#define PAUSE() ((void)0)
#endif

enum {
  MAX_WORKERS = 255,
  WORKER_STACK = 2 << 20,
  WORKER_SPINS = 4000, /* pauses before a worker sleeps, about 50 us */
  JOIN_SPINS = 500,    /* pauses of the caller before it yields */
  OPEN = 1 << 30       /* bit of the gate; the rest counts who is inside */
};

static struct {
  atomic_int references;
  atomic_int wanted;     /* threads that the user asked for; 0: all there are */
  atomic_int processors; /* that there are; 0: not counted yet */

  /* Who has set `busy` owns what follows down to `tasks`. */
  atomic_flag busy;
  int workers;
  pthread_t thread[MAX_WORKERS];
  int avoided; /* processor that the workers keep away from, or -1 */
  PoolTask task; /* the job, written while the gate is closed */
  void *arg;
  int64_t tasks;

  _Alignas(64) atomic_int_fast64_t next; /* task to be drawn */
  _Alignas(64) atomic_int gate;
  _Alignas(64) atomic_uint job; /* number of the newest job */
  atomic_bool stop;

  _Alignas(64) pthread_mutex_t sleep;
  pthread_cond_t wake;
  atomic_int asleep;
} pool = {
  .busy = ATOMIC_FLAG_INIT,
  .sleep = PTHREAD_MUTEX_INITIALIZER,
  .wake = PTHREAD_COND_INITIALIZER,
};

/* ---- a job ------------------------------------------------------------- */

static void draw_tasks(PoolTask task, void *arg, int64_t tasks) {
  for (;;) {
    int64_t i = atomic_fetch_add_explicit(&pool.next, 1, memory_order_relaxed);
    if (i >= tasks) return;
    task(arg, i);
  }
}

static bool enter_gate(void) {
  int gate = atomic_load_explicit(&pool.gate, memory_order_relaxed);
  while (gate & OPEN)
    if (atomic_compare_exchange_weak_explicit(&pool.gate, &gate, gate + 1,
                                              memory_order_acquire,
                                              memory_order_relaxed))
      return true;
  return false;
}

static void leave_gate(void) {
  atomic_fetch_sub_explicit(&pool.gate, 1, memory_order_release);
}

/* Waits for a job newer than `seen`; false when the pool stops. */
static bool wait_for_job(unsigned seen) {
  for (int i = 0; i < WORKER_SPINS; i++) {
    if (atomic_load_explicit(&pool.job, memory_order_acquire) != seen)
      return !atomic_load(&pool.stop);
    PAUSE();
  }
  pthread_mutex_lock(&pool.sleep);
  atomic_fetch_add(&pool.asleep, 1);
  while (atomic_load(&pool.job) == seen)
    pthread_cond_wait(&pool.wake, &pool.sleep);
  atomic_fetch_sub(&pool.asleep, 1);
  pthread_mutex_unlock(&pool.sleep);
  return !atomic_load(&pool.stop);
}

static void *worker(void *first_seen) {
  unsigned seen = (unsigned)(uintptr_t)first_seen;
  while (wait_for_job(seen)) {
    seen = atomic_load(&pool.job);
    if (!enter_gate()) continue; /* is the job over already? */
    draw_tasks(pool.task, pool.arg, pool.tasks);
    leave_gate();
  }
  return NULL;
}

/* A thread that is woken is often put on the processor of the one that wakes
** it, and Linux then takes a millisecond to see that another one is idle. So
** sleeping workers are kept away from the caller's processor. */
static void make_way(void) {
#ifdef __linux__
  int here = sched_getcpu();
  cpu_set_t set;
  if (here == pool.avoided || here < 0 || here >= CPU_SETSIZE ||
      sched_getaffinity(0, sizeof set, &set) != 0 || CPU_COUNT(&set) < 2)
    return;
  CPU_CLR(here, &set);
  for (int i = 0; i < pool.workers; i++)
    pthread_setaffinity_np(pool.thread[i], sizeof set, &set);
  pool.avoided = here;
#endif
}

/* Makes the workers look, and wakes as many as can help. */
static void announce_job(int64_t helpers) {
  atomic_fetch_add(&pool.job, 1);
  int asleep = atomic_load(&pool.asleep);
  if (asleep == 0) return;
  make_way();
  pthread_mutex_lock(&pool.sleep);
  if (helpers >= asleep)
    pthread_cond_broadcast(&pool.wake);
  else
    for (int64_t i = 0; i < helpers; i++) pthread_cond_signal(&pool.wake);
  pthread_mutex_unlock(&pool.sleep);
}

/* ---- workers come and go (busy is held) -------------------------------- */

/* A forked process has no workers, whatever they were doing. */
static void forget_workers(void) {
  pool.workers = 0;
  atomic_store(&pool.asleep, 0);
  atomic_store(&pool.gate, 0);
  atomic_store(&pool.stop, false);
  pthread_mutex_init(&pool.sleep, NULL);
  pthread_cond_init(&pool.wake, NULL);
  atomic_flag_clear(&pool.busy);
}

static void watch_forks(void) { pthread_atfork(NULL, NULL, forget_workers); }

static void start_workers(int count) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, watch_forks);
  pthread_attr_t attr;
  if (pthread_attr_init(&attr) != 0) return;
  pthread_attr_setstacksize(&attr, WORKER_STACK);
  sigset_t all, before; /* signals are the host's affair */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  void *seen = (void *)(uintptr_t)atomic_load(&pool.job);
  pool.avoided = -1;
  while (pool.workers < count &&
         pthread_create(&pool.thread[pool.workers], &attr, worker, seen) == 0)
    pool.workers++;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attr);
}

static void stop_workers(void) {
  if (pool.workers == 0) return;
  atomic_store(&pool.stop, true);
  announce_job(MAX_WORKERS);
  for (int i = 0; i < pool.workers; i++) pthread_join(pool.thread[i], NULL);
  atomic_store(&pool.stop, false);
  pool.workers = 0;
}

static bool take_pool(void) {
  return !atomic_flag_test_and_set(&pool.busy);
}

static void give_pool(void) { atomic_flag_clear(&pool.busy); }

static int workers_allowed(void) {
  return atomic_load(&pool.references) > 0 ? pool_threads() - 1 : 0;
}

/* Stops workers that are too many. When a job holds the pool, its owner does
** it as soon as the job is over. */
static void stop_surplus(void) {
  while (take_pool()) {
    if (pool.workers > workers_allowed()) stop_workers();
    int left = pool.workers;
    give_pool();
    if (left <= workers_allowed()) return; /* did it stay allowed? */
  }
}

/* ---- the face ---------------------------------------------------------- */

void pool_retain(void) { atomic_fetch_add(&pool.references, 1); }

void pool_release(void) {
  if (atomic_fetch_sub(&pool.references, 1) == 1) stop_surplus();
}

static int count_processors(void) {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
    return CPU_COUNT(&set);
#endif
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? (int)n : 1;
}

int pool_threads(void) {
  int n = atomic_load_explicit(&pool.wanted, memory_order_relaxed);
  if (n == 0) n = atomic_load_explicit(&pool.processors, memory_order_relaxed);
  if (n == 0) {
    n = count_processors();
    atomic_store(&pool.processors, n);
  }
  return n <= MAX_WORKERS ? n : MAX_WORKERS + 1;
}

void pool_set_threads(int n) {
  atomic_store(&pool.wanted, n > 0 ? n : 0);
  atomic_store(&pool.processors, 0); /* the mask may have changed */
  stop_surplus();
}

static void run_job(PoolTask task, void *arg, int64_t tasks) {
  if (pool.workers < workers_allowed()) start_workers(workers_allowed());
  pool.task = task;
  pool.arg = arg;
  pool.tasks = tasks;
  atomic_store_explicit(&pool.next, 0, memory_order_relaxed);
  atomic_store_explicit(&pool.gate, OPEN, memory_order_release);
  announce_job(tasks - 1);
  draw_tasks(task, arg, tasks);
  atomic_fetch_and_explicit(&pool.gate, ~OPEN, memory_order_acquire);
  for (int i = 0; atomic_load_explicit(&pool.gate, memory_order_acquire); i++)
    if (i < JOIN_SPINS)
      PAUSE();
    else
      sched_yield();
}

void pool_run(PoolTask task, void *arg, int64_t tasks) {
  if (tasks > 1 && workers_allowed() > 0 && take_pool()) {
    run_job(task, arg, tasks);
    int left = pool.workers;
    give_pool();
    if (left > workers_allowed()) stop_surplus();
  } else {
    for (int64_t i = 0; i < tasks; i++) task(arg, i);
  }
}
