/* What the files behind lunula.h share: views, messages, and the model. Knows
** no Lua; what a model needs of it comes in through its guard. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "host/lunula.h"
#include "plan/plan.h"

/* Writes the message, if there is a place for it; returns the status. */
lunula_status host_refuse(lunula_error *error, lunula_status status,
                          const char *format, ...) PRINTF_LIKE(3, 4);
/* LUNULA_ARGUMENT: something that must be there is NULL. */
lunula_status host_refuse_null(lunula_error *error, const char *what);
/* The status of a failure that came from below. */
lunula_status host_status(ErrorKind kind);
lunula_status host_refuse_error(lunula_error *error, const Error *e);

/* Whether a struct of the host, whose first `size` bytes are there, says
** nothing behind the `known` ones that we know. */
bool host_knows(const void *theirs, size_t size, size_t known);

/* The type that a view describes; false, with the reason, when it describes
** none. */
bool view_type(const lunula_view *view, Type *type, Error *e);
/* The same for a view with numbers in it. */
bool view_check(const lunula_view *view, Type *type, Error *e);
void view_fill(lunula_view *view, const Type *type);
void view_of_tensor(lunula_view *view, const Tensor *t);
lunula_pin *view_pin(const Tensor *t);

/* ---- models -------------------------------------------------------------- */

/* One run of a model: pointers in the order of its inputs and outputs. */
typedef struct ModelRun {
  Plan *plan;
  const void *in[MAX_INPUTS];
  void *out[MAX_OUTPUTS];
} ModelRun;

/* What a frozen model changes when it predicts: the last inputs and outputs of
** its function, which lie in one block. */
typedef struct ModelStates {
  int n;
  Type *type;
  int64_t *offset; /* of each in the block */
  int64_t bytes;
  char *first; /* the block of their first values */
} ModelStates;

/* A text of a file, by its name. */
typedef struct ModelText {
  char *name, *text;
} ModelText;

struct lunula_model {
  atomic_int refs;
  PlanCache *k;
  int ninputs, noutputs; /* of the function, without states */
  char **name; /* of inputs and outputs in this order; NULL: they have none */
  uint64_t seed;
  atomic_uint draws; /* step of the random numbers */
  bool frozen;
  ModelStates states; /* of a frozen one */
  Texts origins;      /* that its nodes point to */

  /* of one from a file */
  ModelText *meta;
  int nmeta;
  char **class_name;
  int classes;
  Tensor *test; /* inputs, then outputs; NULL: there is no self-test */

  /* of a script's model */
  bool alone;         /* enters Lua or writes variables */
  atomic_flag inside; /* a thread is in a model that is alone */
  atomic_bool closed; /* the state is gone, and names that nodes point to */
  char *in_lua; /* the layer that enters Lua; NULL: nobody knows which */
  /* Runs a model that is alone; set by who knows Lua. */
  lunula_status (*guard)(lunula_model *m, ModelRun *run, Watch *watch,
                         lunula_error *error);
  void (*leave)(lunula_model *m); /* the state lets go of it; NULL: none does */
  void *guard_ud;
};

/* Takes over nothing; NULL when memory is out. */
lunula_model *model_new(PlanCache *k, uint64_t seed);
/* Room for the names, all NULL; false when memory is out. */
bool model_make_names(lunula_model *m);
/* What is left to do when all is checked; env has its host functions set. */
bool model_run(lunula_model *m, const ModelRun *run, Env *env);

/* A prediction. The states before it and the room for those after it are
** blocks, if there are any; `before` NULL: their first values, and those after
** it are nobody's. */
typedef struct ModelCall {
  const lunula_view *in, *out;
  int nin, nout;
  const char *before;
  char *after;
} ModelCall;
/* A host's watch as one of ours; LUNULA_ARGUMENT when it is none. */
lunula_status watch_open(const lunula_watch *w, Watch *ours,
                         lunula_error *error);
lunula_status model_predict(lunula_model *m, const ModelCall *call,
                            const lunula_watch *watch, lunula_error *error);

/* A frozen model of a function, which it takes over; NULL with the error. The
** function is of the world of an account that is the model's alone. */
lunula_model *frozen_new(Function *f, uint64_t seed, Account *account,
                         const Watch *watch, Error *e);

#endif
