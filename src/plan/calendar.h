/* What is taken of a line of memory, and when: the calendar in which the memory
** plan finds the lowest gap that is free for a life. */
#ifndef PLAN_CALENDAR_H
#define PLAN_CALENDAR_H

#include "base/memory.h"

/* Units from the first to the last. */
typedef struct Stretch {
  int first, last;
} Stretch;

/* Parts of the arena [from, to), in order; those that touch are one. */
typedef struct Span {
  int64_t from, to;
} Span;

typedef struct Spans {
  Span *span;
  int n, size;
} Spans;

/* The parts that are taken, for each time. A tree over the units: each node
** stands for a stretch of them, its sons for the halves. What is taken in
** neighbouring stretches is packed close, so the lists are short. */
typedef struct Calendar {
  Account *account;
  int units; /* the stretch of node 1 */
  Spans *some, *all; /* of each node: taken at some time of it; at all */
  bool failed;
} Calendar;

/* False: no memory; must be closed all the same. */
bool calendar_open(Calendar *c, Account *account, int units);
void calendar_close(Calendar *c);
/* Takes the span for the time of a life; c->failed when memory is out. */
void calendar_take(Calendar *c, Stretch life, Span x);
/* The lowest gap that is free all that time. */
int64_t calendar_gap(const Calendar *c, Stretch life, int64_t bytes);

#endif
