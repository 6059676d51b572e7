/* What a scan is made of; for the row, the loop that runs it, and Lua. */
#ifndef SCAN_SCAN_H
#define SCAN_SCAN_H

#include "graph/graph.h"

/* Inputs: consts, first state, sequences (time first). Outputs: last state,
** results (time first). The body has the same inputs, with one time step of
** the sequences, and gives the next state and one step of the results. */
enum {
  SCAN_BODY, SCAN_CONSTS, SCAN_CARRY, SCAN_REVERSE, SCAN_LENGTH,
  SCAN_ID,      /* a longer scan of the same id gives the same and more */
  SCAN_BACKWARD /* its gradient's body, when the results for it are there */
};

typedef struct ScanCounts {
  int consts, carry, sequences, results;
} ScanCounts;

ScanCounts scan_counts(const Attr *attr, int nin, int nout);
int64_t scan_length(const Attr *attr, const Type *in, int nin);
/* The type of one time step. */
Type scan_slice(const Type *t);

typedef struct Scan {
  Function *body;
  const Val *in; /* consts, first state, sequences */
  ScanCounts n;
  bool reverse;
  int64_t length; /* where there are no sequences; else -1 */
} Scan;

/* Makes the node; out[0..carry+results). When a tape is open the results that
** its gradient needs are computed along. False with c->error set. */
bool scan_emit(Context *c, const Scan *s, Val *out);
/* The node alone, with such a body; a longer one of the same id gives the same
** and more. Its first result. */
Val scan_node(Context *c, const Scan *s, Function *body, int64_t id,
              Function *backward);

/* Takes the products out of the body that need no state: they are done for
** all time steps at once before the loop (hoist.c). Gives a new body (or the
** same, counted) and its inputs (at most MAX_INPUTS). */
bool scan_hoist(Context *c, Scan *s, Val *in);

/* The node of a loop again, in a compilation, where all types are concrete, and
** its results: products of many rows a step are done within it, what a product
** can do with a const alone before it, and results that are the same are one
** (prepare.c); fewer: with fewer products, too. False with c->error set. */
bool scan_prepare(Context *c, const Node *n, bool fewer, const Val *in,
                  Val *out);

/* ---- running (run.c) ----------------------------------------------------- */

/* Some rows of the batch, which is the first axis of a state and of one time
** step of a sequence or result. A sequence without that many rows is the same
** for all. */
typedef struct ScanRows {
  int64_t batch, first, count;
  bool consts; /* consts with that many rows are parts of the batch, too */
} ScanRows;

/* Types of the body's inputs: consts and state as they are, one time step of
** each sequence; of so many rows, or of all (NULL). */
void scan_body_types(const OpCall *s, const ScanRows *rows, Type *in);
/* The body again, for inputs of these types (prepare.c); NULL with the error. */
Function *scan_with_types(Context *c, const OpCall *s, const Type *in);
int64_t scan_scratch(const OpCall *s); /* bytes that a run needs */

/* One time step: runs the body; env->error tells of a failure. What a body is
** when it is compiled is known to the floor above. */
typedef void ScanStep(void *body, const void *const *in, void *const *out,
                      Env *env);

/* The result of the body that is state i as it comes in, or goes out; -1: none
** is. Found while there is a body, for the loop that runs. */
typedef struct ScanStates {
  int before[MAX_OUTPUTS], after[MAX_OUTPUTS];
} ScanStates;
void scan_find_states(const OpCall *s, ScanStates *states);

typedef struct ScanRun {
  const OpCall *call;
  const ScanStates *states;
  const ScanRows *rows; /* NULL: all */
  void *const *in, *const *out;
  void *scratch;
} ScanRun;
/* Runs the body once for each time step. Several threads may run rows of their
** own at once, with one scratch. */
void scan_run(ScanStep *step, void *body, const ScanRun *run, Env *env);

extern const Op ops_scan[];

#endif
