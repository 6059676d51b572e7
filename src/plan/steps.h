/* The inside of a plan. Between the files of the plan only. */
#ifndef PLAN_STEPS_H
#define PLAN_STEPS_H

#include "plan/prepared.h"
#include "plan/prog.h"

/* A loop that can run in parts: its body for so many rows of the batch, and for
** those that are left (NULL: none). */
typedef struct LoopParts {
  Plan *body, *rest; /* body NULL: it cannot */
  ScanRows rows;     /* of the first part */
} LoopParts;

/* A function that is run for some rows of its batch at a time, by plans of their
** own; `part` NULL: it is not. */
typedef struct RowParts {
  Plan *part, *rest; /* for so many rows, and for those that are left */
  int64_t rows, batch;
} RowParts;

typedef struct PlanStep {
  OpCall step;                  /* op NULL: a program alone */
  const TileProgram *program; /* of a group */
  int in, out;                /* first pointers of the kernel */
  int program_in, program_out;
  int64_t tasks;
  int64_t scratch; /* bytes, then what the caller's thread has for itself */
  Plan *body;      /* of a loop */
  LoopParts parts; /* of it */
  ScanStates *states; /* of it */
  bool abreast;    /* it runs at the same time as the next step, another loop, */
  int64_t beside;  /* whose scratch is so many bytes behind this one's */
  int pointers, npointers; /* all of its pointers: the first, how many */
  const Band *band; /* this is the first of its steps; NULL: of none */
} PlanStep;

typedef struct PlanMove {
  int from, to; /* pointers */
  int64_t bytes, via;
} PlanMove;

/* What one running thread needs; kept for the next run. */
typedef struct Lane {
  struct Lane *next;
  char *arena;
  void **pointer;
  Tensor *held; /* the variables' values, when the plan calls Lua */
  Prepared *prepared; /* those that the pointers show */
  bool timed; /* false: another lane's run is the one that is timed */
  bool backwards; /* as its last run was */
} Lane;

/* A pointer that is so many bytes behind the base of an input, an output, a
** variable. */
typedef struct Moving {
  int pointer, index;
  int64_t offset;
} Moving;

struct Plan {
  atomic_int refs;
  Account *account;
  RowParts parts; /* instead of steps */
  PlanStep *step;
  int nsteps;
  PlanMove *move;
  int nmoves;
  Location *location; /* of each pointer */
  int npointers;
  Moving *moving; /* the pointers that differ from run to run: so many of */
  int moving_in, moving_out, moving_variables; /* each kind, in this order */
  int64_t arena;   /* with room for the largest scratch at its end */
  int64_t scratch; /* where that begins */
  int ninputs, noutputs, nvariables, nconstants;
  Type *input, *output;
  Variable **variable;
  Tensor *constant;
  Preparation *preparation; /* of what it reads; NULL: nothing is prepared */
  atomic_bool was_prepared; /* once */
  void **memory; /* what is freed with the plan */
  int nmemory, memory_size;
  int64_t bytes; /* of it, and of the constants */
  unsigned passes; /* by which it was made */
  int threads;     /* among which its loops are divided; 0: it has none */
  bool calls_lua; /* which may give variables other values during a run */
  _Atomic(Lane *) spare; /* one that nobody has, for most runs: no lock */
  Lane *lanes;           /* more of them */
  Lock lock;             /* of the lanes */
  double *seconds; /* of each step, when somebody wants to know */
  int64_t runs;
};

/* A plan without steps, counted; NULL: no memory (plan.c). */
Plan *plan_empty(Account *account);
/* The body for any number of rows, and the rows of the first part, when the
** loop can run in parts and that is worth it; else NULL (parts.c). in: room for
** the types of its inputs. */
Function *parts_body(const Prog *g, const OpCall *loop, ScanRows *rows,
                     Type *in);
/* Whether two loops of which neither needs the other are worth a thread each
** (abreast.c). */
bool loops_pay_abreast(const PlanStep *first, const PlanStep *second);
/* Rows of a part, when the function with these inputs better runs in parts; 0.
** `in` is changed meanwhile. */
int64_t parts_rows(const Prog *g, Type *in);
/* Turns units into steps and pointers. False with the error. */
bool steps_build(Plan *p, Prog *g);
/* Lanes (lanes.c). A free one, or a new one; NULL with the error. */
Lane *lane_borrow(Plan *p, Error *e);
void lane_give_back(Plan *p, Lane *l);
void lanes_drop(Plan *p); /* those that nobody has */
/* Shows the lane where inputs, outputs and variables are. */
void lane_aim(const Plan *p, Lane *l, const void *const *in, void *const *out);
/* What the run reads stays, whatever a closure assigns meanwhile. */
void lane_hold(const Plan *p, Lane *l);
void lane_let_go(const Plan *p, Lane *l);
/* The table of plan_profile, on stderr (profile.c). */
void profile_print(const Plan *p);
/* Runs the steps of a band; local: for the caller's thread (bands.c). */
void band_run(const PlanStep *first, Lane *l, void *local, Env *env);
/* The nodes and the steps, for people who debug. */
void plan_text(Text *t, const Prog *p);

#endif
