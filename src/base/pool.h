/* The thread pool, the only place that knows threads. One pool a process,
** started at its first use, stopped with its last reference. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/base.h"

typedef void (*PoolTask)(void *arg, int64_t task);

void pool_retain(void);
void pool_release(void);

/* Calls task(arg, i) once for each i in [0, tasks), by the caller and the
** workers, and returns when all are done. Runs everything on the caller when
** another job holds the pool (so nested and concurrent calls are safe). */
void pool_run(PoolTask task, void *arg, int64_t tasks);

int pool_threads(void);        /* including the caller */
void pool_set_threads(int n);  /* 0: one a processor of the process mask */

#endif
