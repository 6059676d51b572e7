/* Worker threads: a job is a counter of tasks that the caller and the
** workers draw from. A worker enters a job through a gate and the caller
** closes the gate when no task is left, so that nobody ever waits for a
** worker that is still asleep. Workers spin a little before they sleep,
** because the next step of a plan usually follows within microseconds. */
#define _GNU_SOURCE
#include "base/float_mode.h"
#include "base/memory.h"
#include "base/threads.h"

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

typedef struct Worker {
  pthread_t thread;
  void *scratch; /* made at its first start, and used again after a fork */
  unsigned seen; /* number of the newest job at its start */
} Worker;

static struct {
  atomic_int references;
  atomic_int wanted;     /* threads that the user asked for; 0: all there are */
  atomic_int processors; /* that there are; 0: not counted yet */

  /* Who has set `busy` owns what follows down to `tasks`. */
  atomic_flag busy;
  int workers;
  Worker worker[MAX_WORKERS];
  int avoided; /* processor that the workers keep away from, or -1 */
  ThreadTask task; /* the job, written while the gate is closed */
  void *arg;
  int64_t tasks;

  _Alignas(64) atomic_int_fast64_t next; /* task to be drawn */
  _Alignas(64) atomic_int gate;
  _Alignas(64) atomic_uint job; /* number of the newest job */
  atomic_bool stop;

  _Alignas(64) pthread_mutex_t sleep;
  pthread_cond_t wake;
  atomic_int asleep;
} team = {
  .busy = ATOMIC_FLAG_INIT,
  .sleep = PTHREAD_MUTEX_INITIALIZER,
  .wake = PTHREAD_COND_INITIALIZER,
};

/* ---- a job ------------------------------------------------------------- */

static void draw_tasks(ThreadTask task, void *arg, int64_t tasks,
                       void *scratch) {
  for (;;) {
    int64_t i = atomic_fetch_add_explicit(&team.next, 1, memory_order_relaxed);
    if (i >= tasks) return;
    task(arg, i, scratch);
  }
}

static bool enter_gate(void) {
  int gate = atomic_load_explicit(&team.gate, memory_order_relaxed);
  while (gate & OPEN)
    if (atomic_compare_exchange_weak_explicit(&team.gate, &gate, gate + 1,
                                              memory_order_acquire,
                                              memory_order_relaxed))
      return true;
  return false;
}

static void leave_gate(void) {
  atomic_fetch_sub_explicit(&team.gate, 1, memory_order_release);
}

/* Waits for a job newer than `seen`; false when the team stops. */
static bool wait_for_job(unsigned seen) {
  for (int i = 0; i < WORKER_SPINS; i++) {
    if (atomic_load_explicit(&team.job, memory_order_acquire) != seen)
      return !atomic_load(&team.stop);
    PAUSE();
  }
  pthread_mutex_lock(&team.sleep);
  atomic_fetch_add(&team.asleep, 1);
  while (atomic_load(&team.job) == seen)
    pthread_cond_wait(&team.wake, &team.sleep);
  atomic_fetch_sub(&team.asleep, 1);
  pthread_mutex_unlock(&team.sleep);
  return !atomic_load(&team.stop);
}

static void *work(void *arg) {
  const Worker *w = arg;
  unsigned seen = w->seen;
  float_mode_enter(); /* it began with its maker's */
  while (wait_for_job(seen)) {
    seen = atomic_load(&team.job);
    if (!enter_gate()) continue; /* is the job over already? */
    draw_tasks(team.task, team.arg, team.tasks, w->scratch);
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
  if (here == team.avoided || here < 0 || here >= CPU_SETSIZE ||
      sched_getaffinity(0, sizeof set, &set) != 0 || CPU_COUNT(&set) < 2)
    return;
  CPU_CLR(here, &set);
  for (int i = 0; i < team.workers; i++)
    pthread_setaffinity_np(team.worker[i].thread, sizeof set, &set);
  team.avoided = here;
#endif
}

/* Makes the workers look, and wakes as many as can help. */
static void announce_job(int64_t helpers) {
  atomic_fetch_add(&team.job, 1);
  int asleep = atomic_load(&team.asleep);
  if (asleep == 0) return;
  make_way();
  pthread_mutex_lock(&team.sleep);
  if (helpers >= asleep)
    pthread_cond_broadcast(&team.wake);
  else
    for (int64_t i = 0; i < helpers; i++) pthread_cond_signal(&team.wake);
  pthread_mutex_unlock(&team.sleep);
}

/* ---- workers come and go (busy is held) -------------------------------- */

/* A forked process has no workers, whatever they were doing. */
static void forget_workers(void) {
  team.workers = 0;
  atomic_store(&team.asleep, 0);
  atomic_store(&team.gate, 0);
  atomic_store(&team.stop, false);
  pthread_mutex_init(&team.sleep, NULL);
  pthread_cond_init(&team.wake, NULL);
  atomic_flag_clear(&team.busy);
}

static void watch_forks(void) { pthread_atfork(NULL, NULL, forget_workers); }

static bool start_worker(Worker *w, const pthread_attr_t *attr) {
  if (w->scratch == NULL) /* a forked process has it already */
    w->scratch = mem_raw_aligned(THREAD_SCRATCH);
  w->seen = atomic_load(&team.job);
  if (w->scratch && pthread_create(&w->thread, attr, work, w) == 0)
    return true;
  mem_raw_free(w->scratch);
  w->scratch = NULL;
  return false;
}

static void start_workers(int count) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, watch_forks);
  pthread_attr_t attr;
  if (pthread_attr_init(&attr) != 0) return;
  pthread_attr_setstacksize(&attr, WORKER_STACK);
  sigset_t all, before; /* signals are the host's affair */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  team.avoided = -1;
  while (team.workers < count &&
         start_worker(&team.worker[team.workers], &attr))
    team.workers++;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attr);
}

static void stop_workers(void) {
  if (team.workers == 0) return;
  atomic_store(&team.stop, true);
  announce_job(MAX_WORKERS);
  for (int i = 0; i < team.workers; i++)
    pthread_join(team.worker[i].thread, NULL);
  for (int i = 0; i < MAX_WORKERS; i++) {
    mem_raw_free(team.worker[i].scratch);
    team.worker[i].scratch = NULL;
  }
  atomic_store(&team.stop, false);
  team.workers = 0;
}

static bool take_team(void) {
  return !atomic_flag_test_and_set(&team.busy);
}

static void give_team(void) { atomic_flag_clear(&team.busy); }

static int workers_allowed(void) {
  return atomic_load(&team.references) > 0 ? threads_count() - 1 : 0;
}

/* Stops workers that are too many. When a job holds the team, its owner does
** it as soon as the job is over. */
static void stop_surplus(void) {
  while (take_team()) {
    if (team.workers > workers_allowed()) stop_workers();
    int left = team.workers;
    give_team();
    if (left <= workers_allowed()) return; /* did it stay allowed? */
  }
}

/* ---- the face ---------------------------------------------------------- */

void threads_retain(void) { atomic_fetch_add(&team.references, 1); }

void threads_release(void) {
  if (atomic_fetch_sub(&team.references, 1) == 1) stop_surplus();
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

int threads_count(void) {
  int n = atomic_load_explicit(&team.wanted, memory_order_relaxed);
  if (n == 0) n = atomic_load_explicit(&team.processors, memory_order_relaxed);
  if (n == 0) {
    n = count_processors();
    atomic_store(&team.processors, n);
  }
  return n <= MAX_WORKERS ? n : MAX_WORKERS + 1;
}

void threads_set_count(int n) {
  atomic_store(&team.wanted, n > 0 ? n : 0);
  atomic_store(&team.processors, 0); /* the mask may have changed */
  stop_surplus();
}

static void run_job(ThreadTask task, void *arg, int64_t tasks, void *scratch) {
  if (team.workers < workers_allowed()) start_workers(workers_allowed());
  team.task = task;
  team.arg = arg;
  team.tasks = tasks;
  atomic_store_explicit(&team.next, 0, memory_order_relaxed);
  atomic_store_explicit(&team.gate, OPEN, memory_order_release);
  announce_job(tasks - 1);
  draw_tasks(task, arg, tasks, scratch);
  atomic_fetch_and_explicit(&team.gate, ~OPEN, memory_order_acquire);
  for (int i = 0; atomic_load_explicit(&team.gate, memory_order_acquire); i++)
    if (i < JOIN_SPINS)
      PAUSE();
    else
      sched_yield();
}

void threads_run(ThreadTask task, void *arg, int64_t tasks, void *scratch) {
  if (tasks > 1 && workers_allowed() > 0 && take_team()) {
    run_job(task, arg, tasks, scratch);
    int left = team.workers;
    give_team();
    if (left > workers_allowed()) stop_surplus();
  } else {
    for (int64_t i = 0; i < tasks; i++) task(arg, i, scratch);
  }
}
