/* Messages between ranks, and waiting.
**
** Each rank numbers its exchanges (sums, broadcasts, barriers), which all ranks
** make in the same order. Four messages go from one to all others: a fault,
** with its text; "I wait in number n", after a second of waiting; "I have come
** to my end after n"; "I have written n files". From these a waiting rank knows
** whom it waits for, and a reading one when a file is there. */

#define _GNU_SOURCE
#include "world.h"

#include <dlfcn.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FAULT = 1, WAITS, LEAVES, WROTE }; /* tags */

static World here;

World *world_here(void) {
  return here.open ? &here : NULL;
}

/* ---- joining ------------------------------------------------------------ */

/* Lua loads this module for itself alone, but parts of Open MPI are loaded later
** and look for the names of its library among all. */
static void show_library(void) {
  Dl_info info;
  union {
    int (*function)(int *, char ***);
    void *address;
  } init = {MPI_Init};
  if (dladdr(init.address, &info) && info.dli_fname)
    dlopen(info.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
}

static const char *read_timeout(double *seconds) {
  const char *text = getenv("LUNULA_MPI_TIMEOUT");
  char *end;
  *seconds = 600;
  if (text == NULL || *text == '\0')
    return NULL;
  *seconds = strtod(text, &end);
  return *end == '\0' && *seconds > 0
             ? NULL : "LUNULA_MPI_TIMEOUT must be a number of seconds above 0";
}

static const char *start_mpi(World *w) {
  int begun = 0, ended = 0;
  MPI_Finalized(&ended);
  if (ended)
    return "MPI has ended in this process";
  MPI_Initialized(&begun);
  if (begun) {
    MPI_Query_thread(&w->level);
    return NULL;
  }
  show_library();
  if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &w->level) !=
      MPI_SUCCESS)
    return "MPI does not start";
  w->ours = true;
  return NULL;
}

/* All ranks, whose messages here are not mixed up with a host's. What goes wrong
** is told by a code; else it would end the program. */
static MPI_Comm own_world(void) {
  MPI_Comm own;
  MPI_Comm_dup(MPI_COMM_WORLD, &own);
  MPI_Comm_set_errhandler(own, MPI_ERRORS_RETURN);
  return own;
}

World *world_open(const char **why) {
  World *w = &here;
  if (w->open)
    return w;
  *w = (World){.rank = 0};
  *why = read_timeout(&w->timeout);
  *why = *why ? *why : start_mpi(w);
  if (*why)
    return NULL;
  MPI_Comm_rank(MPI_COMM_WORLD, &w->rank);
  MPI_Comm_size(MPI_COMM_WORLD, &w->size);
  w->waiting = calloc((size_t)w->size * 2, sizeof *w->waiting);
  if (w->waiting == NULL) {
    *why = "out of memory";
    return NULL;
  }
  w->left = w->waiting + w->size;
  for (int i = 0; i < w->size; i++)
    w->left[i] = -1;
  w->work = own_world();
  w->whole = own_world();
  w->talk = own_world();
  w->open = true;
  atexit(world_leave); /* where the script ends without closing its state */
  return w;
}

/* ---- messages ----------------------------------------------------------- */

static void fail(World *w, const char *text) {
  if (w->failed)
    return;
  w->failed = true;
  snprintf(w->fault, sizeof w->fault, "%s", text);
}

/* To all others, who may never look: the bytes are copied, and left there. */
static void send_all(World *w, int tag, const void *data, int bytes) {
  char *copy = malloc((size_t)bytes);
  if (copy == NULL)
    return;
  memcpy(copy, data, (size_t)bytes);
  for (int i = 0; i < w->size; i++) {
    MPI_Request r;
    if (i == w->rank)
      continue;
    if (MPI_Isend(copy, bytes, MPI_BYTE, i, tag, w->talk, &r) == MPI_SUCCESS)
      MPI_Request_free(&r);
  }
}

static void hear_fault(World *w, const MPI_Status *from, int bytes) {
  char text[TEXT_MAX + 1], whole[TEXT_MAX + 100];
  bytes = bytes < TEXT_MAX ? bytes : TEXT_MAX;
  MPI_Recv(text, bytes, MPI_BYTE, from->MPI_SOURCE, from->MPI_TAG, w->talk,
           MPI_STATUS_IGNORE);
  text[bytes] = '\0';
  snprintf(whole, sizeof whole, "rank %d of %d: %s", from->MPI_SOURCE, w->size,
           text);
  fail(w, whole);
}

static void hear_number(World *w, const MPI_Status *from) {
  int64_t number = 0;
  MPI_Recv(&number, sizeof number, MPI_BYTE, from->MPI_SOURCE, from->MPI_TAG,
           w->talk, MPI_STATUS_IGNORE);
  if (from->MPI_TAG == WROTE)
    w->written = number;
  else
    (from->MPI_TAG == WAITS ? w->waiting : w->left)[from->MPI_SOURCE] = number;
}

bool world_hear(World *w) {
  for (;;) {
    MPI_Status from;
    int there = 0, bytes = 0;
    if (MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, w->talk, &there, &from) !=
            MPI_SUCCESS ||
        !there)
      return !w->failed;
    MPI_Get_count(&from, MPI_BYTE, &bytes);
    if (from.MPI_TAG == FAULT)
      hear_fault(w, &from, bytes);
    else
      hear_number(w, &from);
  }
}

void world_tell(World *w, const char *text) {
  char whole[TEXT_MAX + 100];
  int bytes = (int)strnlen(text, TEXT_MAX);
  if (w->failed || !world_hear(w))
    return;
  send_all(w, FAULT, text, bytes);
  snprintf(whole, sizeof whole, "rank %d, this one, has failed before: %.*s",
           w->rank, bytes, text);
  fail(w, whole);
}

bool world_broken(World *w, int code) {
  char text[MPI_MAX_ERROR_STRING + 1] = "";
  int bytes = 0;
  MPI_Error_string(code, text, &bytes);
  world_tell(w, text);
  return false;
}

/* ---- waiting ------------------------------------------------------------ */

/* Whether a rank has come to its end before this exchange; that is the fault. */
static bool has_left(World *w, int rank, int64_t number) {
  char text[200];
  if (w->left[rank] < 0 || w->left[rank] >= number)
    return false;
  snprintf(text, sizeof text, "rank %d of %d has come to its end, while "
           "rank %d waits for it: its script ended, or raised an error",
           rank, w->size, w->rank);
  fail(w, text);
  return true;
}

static bool none_left(World *w, int64_t number) {
  for (int i = 0; i < w->size; i++)
    if (has_left(w, i, number))
      return false;
  return true;
}

/* The ranks that have not said to wait in this exchange too. */
static void name_absent(World *w, int64_t number) {
  char text[TEXT_MAX], *at = text, *end = text + 300;
  int absent = 0;
  for (int i = 0; i < w->size && at < end; i++)
    if (i != w->rank && w->waiting[i] < number)
      at += snprintf(at, (size_t)(text + sizeof text - at), "%s%d",
                     absent++ ? ", " : "rank ", i);
  if (absent == 0)
    at += snprintf(at, (size_t)(text + sizeof text - at), "the network");
  snprintf(at, (size_t)(text + sizeof text - at), " of %d did not come within "
           "%g seconds (rank %d waited; LUNULA_MPI_TIMEOUT=seconds allows for "
           "more)", w->size, w->timeout, w->rank);
  world_tell(w, text);
  snprintf(w->fault, sizeof w->fault, "%s", text);
}

/* Short waits cost no system call; longer ones leave the processor to others. */
static void pass_time(double waited) {
  static const struct timespec moment = {0, 50000};
  if (waited > 5e-3)
    nanosleep(&moment, NULL);
  else if (waited > 20e-6)
    sched_yield();
}

/* A process that was stopped and goes on has not waited so long. */
#define MOMENT 0.25

/* Called again and again while the exchange waits; false with the fault. */
static bool still(World *w, int64_t number, double waited) {
  enum { PATIENCE = 1, GRACE = 2 }; /* seconds */
  if (!world_hear(w) || !none_left(w, number))
    return false;
  if (waited > PATIENCE && w->waiting[w->rank] < number) {
    w->waiting[w->rank] = number;
    send_all(w, WAITS, &number, sizeof number);
  }
  if (waited > w->timeout + GRACE) {
    name_absent(w, number);
    return false;
  }
  pass_time(waited);
  return true;
}

bool world_done(World *w, MPI_Request *r) {
  int done = 0;
  int code = MPI_Test(r, &done, MPI_STATUS_IGNORE);
  return code == MPI_SUCCESS ? done : world_broken(w, code);
}

bool world_wait(World *w, MPI_Request *r, int64_t number) {
  enum { LOOK = 16 }; /* tests between two looks at all else */
  double last = MPI_Wtime(), waited = 0;
  for (int tests = 1; !world_done(w, r); tests++) {
    if (w->failed)
      return false;
    if (tests % LOOK)
      continue;
    double now = MPI_Wtime();
    waited += now - last < MOMENT ? now - last : MOMENT;
    last = now;
    if (!still(w, number, waited))
      return false;
  }
  w->seconds += waited + (MPI_Wtime() - last);
  return true;
}

bool world_begin(World *w) {
  if (w->failed)
    return false;
  w->begun++;
  return true;
}

/* ---- files -------------------------------------------------------------- */

void world_wrote(World *w, int64_t number) {
  send_all(w, WROTE, &number, sizeof number);
}

/* That rank 0 has come to its end may be heard together with its last file. */
bool world_await_written(World *w, int64_t number) {
  static const struct timespec moment = {0, 200000};
  double start = MPI_Wtime();
  while (w->written < number) {
    bool well = world_hear(w);
    if (w->written >= number)
      break;
    if (!well || has_left(w, 0, w->begun + 1))
      return false;
    if (MPI_Wtime() - start > w->timeout) {
      world_tell(w, "the file that rank 0 writes did not come in time");
      return false;
    }
    nanosleep(&moment, NULL);
  }
  return true;
}

/* ---- the end ------------------------------------------------------------ */

static bool all_left(const World *w) {
  for (int i = 0; i < w->size; i++)
    if (i != w->rank && w->left[i] < 0)
      return false;
  return true;
}

/* Nobody ends before all have, so that each can still say what was wrong. After
** a failure those who do not come are not waited for. */
void world_leave(void) {
  static const struct timespec moment = {0, 500000};
  enum { LAST = 5 }; /* seconds */
  World *w = &here;
  int ended = 0;
  if (!w->open)
    return;
  w->open = false;
  MPI_Finalized(&ended);
  if (ended)
    return;
  send_all(w, LEAVES, &w->begun, sizeof w->begun);
  double start = MPI_Wtime();
  do {
    world_hear(w);
    nanosleep(&moment, NULL);
  } while (!all_left(w) && (!w->failed || MPI_Wtime() - start < LAST));
  if (!w->ours)
    return;
  if (!all_left(w))
    MPI_Abort(w->talk, 1);
  MPI_Finalize();
}
