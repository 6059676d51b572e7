/* Worker threads, the only place that knows threads. One team a process,
** started at its first use, stopped with its last reference. */
#ifndef BASE_THREADS_H
#define BASE_THREADS_H

#include "base/base.h"

/* Memory that a thread has for itself while it works on tasks, aligned to 64
** bytes: kernels may not put their tiles on the stack, since a host's thread
** may have 64 KB of it. A worker owns THREAD_SCRATCH bytes from its start on,
** so that no run allocates; a caller brings as much as its tasks need. */
enum { THREAD_SCRATCH = 704 << 10 };

typedef void (*ThreadTask)(void *arg, int64_t task, void *scratch);

void threads_retain(void);
void threads_release(void);

/* Calls task(arg, i, scratch) once for each i in [0, tasks), by the caller, with
** this scratch, and the workers, with theirs, and returns when all are done.
** Runs everything on the caller when another job holds the team (so nested and
** concurrent calls are safe). */
void threads_run(ThreadTask task, void *arg, int64_t tasks, void *scratch);
/* The same for tasks of 50 us and more each: workers that sleep are woken, few
** as the tasks may be. */
void threads_run_long(ThreadTask task, void *arg, int64_t tasks,
                      void *scratch);

int threads_count(void);        /* including the caller */
uint64_t threads_woken(void);   /* how often a job woke sleeping workers */
void threads_set_count(int n);  /* 0: one a processor of the process mask */

/* Where part i of n begins, at a multiple of `unit`. Of parts that cannot be equal
** the larger ones come first, so that two threads end together. */
INLINE int64_t part_begin(int64_t n, int64_t i, int64_t parts, int64_t unit) {
  int64_t units = (n + unit - 1) / unit;
  int64_t begin = (units * i + parts - 1) / parts * unit;
  return begin < n ? begin : n;
}

#endif
