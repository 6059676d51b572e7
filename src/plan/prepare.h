/* What plans of one function share: what they read that depends on weights
** alone. Between the files of the plan only. */
#ifndef PLAN_PREPARE_H
#define PLAN_PREPARE_H

#include "plan/prog.h"

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

/* The pass: replaces in p what depends on weights alone by leaves, and gives
** what computes them (NULL: nothing does). False with the error. */
bool prepare(Prog *p, Preparations *all, Preparation **made);

void preparation_release(Preparation *k);
/* Whether w are the results for the weights as they are now. */
bool preparation_is_new(const Preparation *k, const Prepared *w);
/* The results for the weights as they are now, counted; NULL with
** env->error. */
Prepared *preparation_take(Preparation *k, Env *env);
void prepared_release(Prepared *w);

#endif
