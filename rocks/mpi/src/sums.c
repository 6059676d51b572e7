/* Each sum has memory of its own, in which MPI may work until it is ended, or,
** after a failure, for ever: memory of a plan would be gone by then. */

#include "sums.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST = 4096 }; /* sums that are under way at a time */

typedef struct Sum {
  float *data;
  int64_t room, count; /* in floats */
  MPI_Request request;
  int64_t number; /* of the exchange */
  bool taken, waits; /* waits: all meet first, and sum then */
} Sum;

static Sum sums[MOST];
static int used; /* so many have been in use */

static Sum *free_sum(int64_t n) {
  Sum *best = NULL;
  for (int i = 0; i < used; i++)
    if (!sums[i].taken && (best == NULL || (best->room < n &&
                                            sums[i].room > best->room)))
      best = &sums[i];
  return best ? best : used < MOST ? &sums[used++] : NULL;
}

static float *sums_room(void *ud, int64_t n, int32_t *id) {
  Sum *s = free_sum(n);
  (void)ud;
  if (s == NULL || n > INT32_MAX)
    return NULL;
  if (s->room < n) {
    float *grown = realloc(s->data, (size_t)n * sizeof *grown);
    if (grown == NULL)
      return NULL;
    s->data = grown;
    s->room = n;
  }
  s->count = n;
  s->taken = true;
  s->request = MPI_REQUEST_NULL; /* which may be another than all bits 0 */
  *id = (int32_t)(s - sums);
  return s->data;
}

static int refuse(char *why, size_t size) {
  const World *w = world_here();
  snprintf(why, size, "%s", w ? w->fault : "MPI has ended");
  return 0;
}

/* What nothing overlaps with is summed when it is waited for, by the call of MPI
** that does nothing else, which is up to twice as fast. It cannot be left, so all
** meet before. */
enum { SHORT = 4096 }; /* numbers for which that does not pay */

static int sums_begin(void *ud, int32_t id, int soon, char *why, size_t size) {
  Sum *s = &sums[id];
  World *w = world_here();
  (void)ud;
  if (w == NULL || !world_begin(w)) {
    s->taken = false;
    return refuse(why, size);
  }
  s->number = w->begun;
  s->waits = soon && s->count > SHORT;
  w->bytes += (double)s->count * sizeof *s->data;
  int code = s->waits ? MPI_Ibarrier(w->work, &s->request)
                      : MPI_Iallreduce(MPI_IN_PLACE, s->data, (int)s->count,
                                       MPI_FLOAT, MPI_SUM, w->work,
                                       &s->request);
  if (code == MPI_SUCCESS)
    return 1;
  s->request = MPI_REQUEST_NULL;
  world_broken(w, code);
  return refuse(why, size);
}

static bool sum_now(World *w, Sum *s) {
  double start = MPI_Wtime();
  int code = MPI_Allreduce(MPI_IN_PLACE, s->data, (int)s->count, MPI_FLOAT,
                           MPI_SUM, w->whole);
  w->seconds += MPI_Wtime() - start;
  return code == MPI_SUCCESS || world_broken(w, code);
}

static const float *sums_end(void *ud, int32_t id, char *why, size_t size) {
  Sum *s = &sums[id];
  (void)ud;
  World *w = world_here();
  if (w == NULL || w->failed || !world_wait(w, &s->request, s->number) ||
      (s->waits && !sum_now(w, s))) {
    refuse(why, size);
    return NULL;
  }
  s->taken = false; /* it is read before the next one begins */
  return s->data;
}

/* MPI works on all that is under way while it is asked for one. What it says to
** be broken is found by who waits for it. */
static void sums_go_on(void *ud) {
  World *w = world_here(); /* a step of Lua may have left it meanwhile */
  (void)ud;
  for (int i = 0; w && i < used; i++)
    if (sums[i].taken && sums[i].request != MPI_REQUEST_NULL) {
      world_done(w, &sums[i].request);
      return;
    }
}

const ForRocksSums sums_calls = {NULL, sums_room, sums_begin, sums_end,
                                 sums_go_on};
