/* From a function to steps: what a compiled function is, and how it runs. A
** plan is for concrete sizes, immutable, and shared between threads; a run of
** it borrows a lane (arena and pointers) and allocates nothing. */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "graph/graph.h"
#include "scan/scan.h"

/* All op rows (catalogue.c): what a state's context is opened with. */
Catalogue *op_catalogue(void);

/* Passes that can be switched off; what is left without them is the naive
** plan, one step a node, the oracle of all the others. */
enum {
  PASS_SIMPLIFY = 1, /* algebra and folding of constants */
  PASS_SHARE = 2,    /* equal nodes become one */
  PASS_FUSE = 4,     /* elementwise chains become one step */
  PASS_ATTACH = 8,   /* ... that finishes the product before it */
  PASS_REUSE = 16,   /* results take the place of inputs that die */
  PASS_PAIR = 32,    /* instructions of a chain become one, or all a loop */
  PASS_PREPARE = 64, /* what depends on weights alone is computed before */
  PASS_PARTS = 128,  /* loops run in parts of the batch, one a thread; what is
                        larger than the caches, a few rows at a time */
  PASS_BANDS = 256,  /* steps of images go together, some lines at a time */
  PASS_ENDINGS = 512, /* ... before it stores its sums */
  PASS_WINOGRAD = 1024, /* convolutions with fewer products; needs PASS_PREPARE */
  PASS_ALL = 2047,
  IN_LOOP = 2048 /* no pass: the plan is the body of a loop, for all rows */
};
/* From a list like "-fuse,-share"; NULL: all. "naive": none. False with the
** error when there is no such pass. */
bool passes_of(const char *text, unsigned *passes, Error *e);

typedef struct Plan Plan;
typedef struct Preparations Preparations; /* of one function (prepared.c) */

/* Compiles for these input types; NULL with the error, also when the watch
** (may be NULL) says so. shared: what it reads of weights alone is there for
** other plans, too; NULL: nothing is prepared. debug: text of each stage is
** written there (may be NULL). Does not change f. */
Plan *plan_new(const Function *f, const Type *in, Account *account,
               unsigned passes, Preparations *shared, Text *debug,
               const Watch *watch, Error *e);
void plan_retain(Plan *p);
void plan_release(Plan *p);

/* Memory of inputs and outputs is the caller's; variables are read, and
** updated, in place. */
bool plan_run(Plan *p, const void *const *in, void *const *out, Env *env);
/* From now on each step is timed; the release prints a table on stderr. */
void plan_profile(Plan *p);
const Type *plan_input(const Plan *p, int i);
const Type *plan_output(const Plan *p, int i);
int64_t plan_arena_bytes(const Plan *p);
int plan_steps(const Plan *p);
int64_t plan_bytes(const Plan *p); /* what a plan that ran holds, about */

/* ---- bodies (body.c) ----------------------------------------------------- */

/* A call that has a body, compiled and run: what eager evaluation calls. */
bool body_run_now(const OpCall *s, void *const *in, void *const *out, Env *env,
                  Account *account);

/* ---- compiled functions (plan_cache.c) ----------------------------------- */

/* A function with a cache of its plans. Thread-safe where it is not said
** otherwise. */
typedef struct PlanCache PlanCache;
PlanCache *plan_cache_new(Function *f, Account *account, Error *e);
void plan_cache_retain(PlanCache *k);
void plan_cache_release(PlanCache *k); /* on the thread of the state */
const Function *plan_cache_function(const PlanCache *k);
Account *plan_cache_account(const PlanCache *k); /* borrowed */
/* Of the arenas of its plans, and of its prepared weights. */
int64_t plan_cache_bytes(PlanCache *k);
void plan_cache_set_passes(PlanCache *k, unsigned passes);
/* The plan for these types, counted; NULL with the error. Is compiled if it
** is not there, while other threads go on; the watch may be NULL. */
Plan *plan_cache_plan(PlanCache *k, const Type *in, const Watch *watch,
                      Error *e);
/* Gives such a plan up; the next one to ask for these types has it at once. */
void plan_cache_give(PlanCache *k, Plan *p);
/* Before a run that updates variables (on the thread of the state). */
bool plan_cache_own_variables(PlanCache *k, Error *e);
/* After it. */
void plan_cache_touch_variables(PlanCache *k);

/* ---- frozen functions (freeze.c) ----------------------------------------- */

/* What f computes, without variables: what depends on weights alone is there,
** as constants, and weights that nobody else needs are not. A variable that f
** changes is one more input, behind those of f, and its new value one more
** output; states[i] gets its value now (room for as many as f has updates). f
** must be of the same world (graph/clone.c) and is taken over: its variables
** lose their values when they are no longer needed. NULL with the error. */
Function *function_freeze(Function *f, Account *account, const Watch *watch,
                          Tensor *states, Error *e);

/* ---- epochs (epoch.c) --------------------------------------------------- */

/* Runs batches of rows without leaving C. */
typedef struct Epoch {
  const Tensor *in;     /* (n, ...) each */
  const int32_t *order; /* which row comes when; NULL: as they are */
  Tensor *out;          /* (n, ...) each, or NULL: results are dropped */
  int64_t first, last, batch;
  double seconds;       /* give up the thread after so long; 0: never */
} Epoch;
/* The next row to do (last when done); -1 with the error. */
int64_t epoch_run(PlanCache *k, const Epoch *epoch, Env *env, Error *e);

#endif
