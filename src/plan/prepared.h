/* What plans of one function share: what they read that depends on weights
** alone. Between the files of the plan only. */
#ifndef PLAN_PREPARED_H
#define PLAN_PREPARED_H

#include "plan/plan.h"

/* How it is computed, by a plan without inputs, and the newest results.
** Counted; thread-safe. */
typedef struct Preparation Preparation;

/* Results for one version of the weights. Counted. */
typedef struct Prepared {
  atomic_int refs;
  Account *account;
  unsigned long version; /* the sum of the variables' versions */
  int n;
  void **data;
  int64_t *bytes;
} Prepared;

/* All preparations of a function: nearly always one. Plans of other batch sizes
** find it there. */
struct Preparations {
  Lock lock;
  Preparation *first;
};

void preparations_forget(Preparations *all);
int64_t preparations_bytes(Preparations *all); /* of the newest results */

/* The one that is there for a function, counted, or NULL. */
Preparation *preparation_find(Preparations *all, const Function *f);
/* A new one, counted; takes function and plan over, unless it is NULL with the
** error. */
Preparation *preparation_add(Preparations *all, Function *f, Plan *plan,
                             void (*release)(Plan *), Error *e);
void preparation_release(Preparation *k);
size_t preparation_bytes(const Preparation *k); /* of what it makes */
Plan *preparation_plan(const Preparation *k); /* borrowed */

/* The newest results, counted, or NULL: they may be old. */
Prepared *preparation_newest(Preparation *k);
/* Whether w (may be NULL) are the results for the weights as they are now. */
bool preparation_is_new(const Preparation *k, const Prepared *w);
/* Room for the results of the weights as they are now; NULL with the error. */
Prepared *prepared_new(const Preparation *k, Account *account, Error *e);
/* These are the newest from now on. Others may find the old ones, or make the
** same, meanwhile. */
void preparation_publish(Preparation *k, Prepared *w);
void prepared_retain(Prepared *w);
void prepared_release(Prepared *w);

#endif
