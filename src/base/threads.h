/* Worker threads, the only place that knows threads. One team a process,
** started at its first use, stopped with its last reference. */
#ifndef BASE_THREADS_H
#define BASE_THREADS_H

#include "base/base.h"

typedef void (*ThreadTask)(void *arg, int64_t task);

void threads_retain(void);
void threads_release(void);

/* Calls task(arg, i) once for each i in [0, tasks), by the caller and the
** workers, and returns when all are done. Runs everything on the caller when
** another job holds the team (so nested and concurrent calls are safe). */
void threads_run(ThreadTask task, void *arg, int64_t tasks);

int threads_count(void);        /* including the caller */
void threads_set_count(int n);  /* 0: one a processor of the process mask */

#endif
