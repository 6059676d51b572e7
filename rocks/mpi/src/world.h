/* The processes that run the same script, of which this is one: who is there,
** and what they tell each other. Whoever waits listens, so that nobody waits for
** a rank that has failed, ended or never comes. */
#ifndef WORLD_H
#define WORLD_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

enum { TEXT_MAX = 2000 };

typedef struct World {
  MPI_Comm work, whole; /* exchanges that go on; those that are whole at once */
  MPI_Comm talk;        /* messages */
  int rank, size;
  int level;      /* of threads, that MPI gives */
  bool ours;      /* MPI was started here, and is ended here */
  bool open;
  double timeout; /* seconds to wait for a rank that does not come */
  int64_t begun;  /* exchanges begun here */
  int64_t *waiting; /* of each rank: the exchange that it said to wait in */
  int64_t *left;    /* and how many it had begun when it came to its end; -1 */
  int64_t written;  /* files that rank 0 said it has written */
  bool failed;      /* here or elsewhere: no exchange is possible any more */
  char fault[TEXT_MAX + 100];
  double seconds, bytes; /* spent in exchanges, and brought to them */
} World;

/* Joins the others; the second time the same. NULL with *why set. */
World *world_open(const char **why);
/* The world, where it is open; else NULL. */
World *world_here(void);
/* Tells the others that this rank has come to its end, waits until they have,
** and ends MPI where it was started here. */
void world_leave(void);

/* Numbers an exchange that begins; false where there has been a failure. */
bool world_begin(World *w);
/* Waits until the request is complete; false with the fault: a rank failed, or
** did not come in time. `number` is that of its exchange. */
bool world_wait(World *w, MPI_Request *r, int64_t number);
/* Whether it is complete, without waiting. */
bool world_done(World *w, MPI_Request *r);
/* Looks for messages; false with the fault. */
bool world_hear(World *w);
/* Notes a failure of this rank, and tells the others what it was. */
void world_tell(World *w, const char *text);
/* Says to the others that so many files are written; waits for that. */
void world_wrote(World *w, int64_t number);
bool world_await_written(World *w, int64_t number);
/* What MPI says of its own error code becomes the fault. Returns false. */
bool world_broken(World *w, int code);

#endif
