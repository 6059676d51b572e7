/* Worker threads: a job is a counter of tasks that the caller and the
** workers draw from. A worker enters a job through a gate and the caller
** closes the gate when no task is left, so that nobody ever waits for a
** worker that is still asleep. Workers spin a little before they sleep,
** because the next step of a plan usually follows within microseconds. To wake
** one costs as much as a task or two are worth, so that is left out for small
** jobs that come alone. */
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
  SPINS = 64,          /* pauses between two looks at the clock */
  JOIN_SPINS = 500,    /* pauses of the caller before it yields */
  MANY_TASKS = 4,      /* of a job that is worth waking for, */
  MORE_TASKS = 8,      /* and of those that follow one another */
};

/* The gate: the number of the task that is drawn next, above it how many workers
** are inside, and whether more may enter. One number, so that a worker enters
** and draws in one go. */
static const int64_t INSIDE = (int64_t)1 << 40, OPEN = (int64_t)1 << 60;

/* Seconds before a worker without work sleeps, in which small jobs follow one
** another, and of a job that counts as many although its tasks are few. */
static const double AWAKE = 100e-6, SOON = 300e-6, LONG = 250e-6;

typedef struct Worker {
  pthread_t thread;
  void *scratch; /* made at its first start, and used again after a fork */
  unsigned seen; /* number of the newest job at its start */
} Worker;

static struct {
  atomic_int references;
  atomic_int wanted;     /* threads that the user asked for; 0: all there are */
  atomic_int processors; /* that there are; 0: not counted yet */

  /* Who has set `busy` owns what follows down to `last`, and the job. */
  atomic_flag busy;
  int workers;
  Worker worker[MAX_WORKERS];
  int avoided; /* processor that the workers keep away from, or -1 */
  int64_t alone; /* tasks of small jobs that followed one another, while all */
  double last;   /* workers slept; when the last one was over */

  atomic_ullong woken; /* how often sleeping workers were woken */
  _Alignas(64) atomic_int_fast64_t gate;
  _Alignas(64) atomic_uint job; /* number of the newest job */
  atomic_bool stop;
  ThreadTask task; /* the job, written while the gate is closed */
  void *arg;
  int64_t tasks;

  _Alignas(64) pthread_mutex_t sleep;
  pthread_cond_t wake;
  atomic_int asleep;
} team = {
  .busy = ATOMIC_FLAG_INIT,
  .sleep = PTHREAD_MUTEX_INITIALIZER,
  .wake = PTHREAD_COND_INITIALIZER,
};

/* ---- processors --------------------------------------------------------- */

static int processors_of_mask(void) {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
    return CPU_COUNT(&set);
#endif
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? (int)n : 1;
}

static int count_processors(void) {
  int n = atomic_load_explicit(&team.processors, memory_order_relaxed);
  if (n == 0) {
    n = processors_of_mask();
    atomic_store(&team.processors, n);
  }
  return n;
}

/* ---- a job ------------------------------------------------------------- */

/* The tasks from this one on that nobody else draws. */
static void draw_tasks(ThreadTask task, void *arg, int64_t tasks, int64_t i,
                       void *scratch) {
  while (i < tasks) {
    task(arg, i, scratch);
    if (i + 1 == tasks) return; /* there are no more, which need not be asked */
    i = atomic_fetch_add_explicit(&team.gate, 1, memory_order_relaxed) &
        (INSIDE - 1);
  }
}

/* The task that is drawn, or -1: the gate is closed. */
static int64_t enter_gate(void) {
  int_fast64_t gate = atomic_load_explicit(&team.gate, memory_order_relaxed);
  while (gate & OPEN)
    if (atomic_compare_exchange_weak_explicit(&team.gate, &gate,
                                              gate + INSIDE + 1,
                                              memory_order_acquire,
                                              memory_order_relaxed))
      return gate & (INSIDE - 1);
  return -1;
}

static void leave_gate(void) {
  atomic_fetch_sub_explicit(&team.gate, INSIDE, memory_order_release);
}

/* Nobody enters any more; waits for those who are inside. */
static void close_gate(void) {
  int_fast64_t gate = atomic_fetch_sub_explicit(&team.gate, OPEN,
                                                memory_order_acquire) - OPEN;
  for (int i = 0; gate >= INSIDE; i++) {
    if (i < JOIN_SPINS)
      PAUSE();
    else
      sched_yield();
    gate = atomic_load_explicit(&team.gate, memory_order_acquire);
  }
}

static bool is_newer(unsigned seen) {
  return atomic_load_explicit(&team.job, memory_order_acquire) != seen;
}

/* Whether there are more threads than processors. A worker does not count these
** itself: it is kept away from one of them. */
static bool is_crowded(void) {
  int there = atomic_load_explicit(&team.processors, memory_order_relaxed);
  return there > 0 && atomic_load(&team.wanted) > there;
}

/* Looks for a job newer than `seen` for a while. Where threads are more than
** processors, it would take the time of one that has work. */
static bool spin(unsigned seen) {
  bool crowded = is_crowded();
  double until = crowded ? 0 : clock_seconds() + AWAKE;
  do
    for (int i = 0; i < SPINS; i++) {
      if (is_newer(seen)) return true;
      PAUSE();
    }
  while (!crowded && clock_seconds() < until);
  return false;
}

/* Waits for a job newer than `seen`; false when the team stops. */
static bool wait_for_job(unsigned seen) {
  if (spin(seen)) return !atomic_load(&team.stop);
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
    if (atomic_load(&team.stop)) break; /* no newer job would come */
    int64_t first = enter_gate();
    if (first < 0) continue; /* is the job over already? */
    draw_tasks(team.task, team.arg, team.tasks, first, w->scratch);
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

/* Small jobs are done before a sleeper is up, unless so many of them follow one
** another that it finds work in the later ones. */
static bool worth_waking(int64_t tasks) {
  if (tasks >= MANY_TASKS) return true;
  if (clock_seconds() - team.last > SOON) team.alone = 0;
  team.alone += tasks;
  return team.alone >= MORE_TASKS;
}

/* Draws what tasks there are of a job that nobody was woken for, and takes note
** for the next one. */
static void draw_alone(ThreadTask task, void *arg, int64_t tasks,
                       void *scratch) {
  double begin = clock_seconds();
  draw_tasks(task, arg, tasks, 0, scratch);
  team.last = clock_seconds();
  if (team.last - begin > LONG) team.alone = MORE_TASKS;
}

/* Wakes as many as can help. */
static void wake_workers(int64_t helpers) {
  make_way();
  team.alone = 0;
  atomic_fetch_add_explicit(&team.woken, 1, memory_order_relaxed);
  pthread_mutex_lock(&team.sleep);
  if (helpers >= atomic_load(&team.asleep))
    pthread_cond_broadcast(&team.wake);
  else
    for (int64_t i = 0; i < helpers; i++) pthread_cond_signal(&team.wake);
  pthread_mutex_unlock(&team.sleep);
}

/* Makes the workers look; false if those that sleep are left alone. */
static bool announce_job(int64_t tasks, bool is_long) {
  atomic_fetch_add(&team.job, 1);
  if (atomic_load(&team.asleep) == 0) return true;
  if (!is_long && !worth_waking(tasks)) return false;
  wake_workers(tasks - 1);
  return true;
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
  count_processors();
  while (team.workers < count &&
         start_worker(&team.worker[team.workers], &attr))
    team.workers++;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attr);
}

static void stop_workers(void) {
  if (team.workers == 0) return;
  atomic_store(&team.stop, true);
  (void)announce_job(MAX_WORKERS + 1, true);
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

int threads_count(void) {
  int n = atomic_load_explicit(&team.wanted, memory_order_relaxed);
  if (n == 0) n = count_processors();
  return n <= MAX_WORKERS ? n : MAX_WORKERS + 1;
}

uint64_t threads_woken(void) {
  return atomic_load_explicit(&team.woken, memory_order_relaxed);
}

void threads_set_count(int n) {
  atomic_store(&team.wanted, n > 0 ? n : 0);
  atomic_store(&team.processors, 0); /* the mask may have changed */
  stop_surplus();
}

static void run_job(ThreadTask task, void *arg, int64_t tasks, bool is_long,
                    void *scratch) {
  if (team.workers < workers_allowed()) start_workers(workers_allowed());
  team.task = task;
  team.arg = arg;
  team.tasks = tasks;
  atomic_store_explicit(&team.gate, OPEN + 1, memory_order_release);
  if (announce_job(tasks, is_long))
    draw_tasks(task, arg, tasks, 0, scratch);
  else
    draw_alone(task, arg, tasks, scratch);
  close_gate();
}

static void run(ThreadTask task, void *arg, int64_t tasks, bool is_long,
                void *scratch) {
  if (tasks > 1 && workers_allowed() > 0 && take_team()) {
    run_job(task, arg, tasks, is_long, scratch);
    int left = team.workers;
    give_team();
    if (left > workers_allowed()) stop_surplus();
  } else {
    for (int64_t i = 0; i < tasks; i++) task(arg, i, scratch);
  }
}

void threads_run(ThreadTask task, void *arg, int64_t tasks, void *scratch) {
  run(task, arg, tasks, false, scratch);
}

void threads_run_long(ThreadTask task, void *arg, int64_t tasks,
                      void *scratch) {
  run(task, arg, tasks, true, scratch);
}
