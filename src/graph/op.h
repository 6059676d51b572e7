/* The row that declares an op, and what its functions see. The whole truth
** about an op stands in its row; eager calls, traces, gradients, plans, texts
** and docs are derived from it. */
#ifndef GRAPH_OP_H
#define GRAPH_OP_H

#include "base/lock.h"
#include "base/random.h"
#include "base/watch.h"
#include "kernels/ending.h"
#include "kernels/tile.h"
#include "tensor/tensor.h"

typedef struct Op Op;
typedef struct Node Node;
typedef struct Context Context;

/* Arrays on the stack hold FEW operands, which is nearly always enough; a long
** list goes to the heap: 240 types would be 17 KB of somebody's small stack. */
enum { MAX_INPUTS = 240, MAX_OUTPUTS = 64, MAX_ATTRS = 8, FEW = 8 };

/* A value: one output of a node. Borrowed: see context_drain. */
typedef struct Val {
  Node *node;
  int out;
} Val;

typedef enum AttrKind {
  ATTR_NIL, ATTR_INT, ATTR_BOOL, ATTR_NUM, ATTR_INTS, ATTR_AXES, ATTR_DTYPE,
  ATTR_BODY /* a Function, counted */
} AttrKind;

/* An option of a node. Unused parts are zero, so that memcmp compares. */
typedef struct Attr {
  int32_t kind, n; /* n: how many ints */
  union {
    int64_t i[MAX_RANK];
    double f;
    void *body;
  };
} Attr;

INLINE bool attr_given(const Attr *a) {
  return a->kind != ATTR_NIL;
}

/* What a shape rule reads (op, inputs) and fills (out; it may also normalise
** the attributes in place). */
typedef struct Rule {
  const Op *op;
  int nin, nout;
  const Type *in; /* sizes may be UNKNOWN */
  Attr *attr;
  Type *out;
  Error *error;
} Rule;

/* One op with concrete types: what a kernel adapter works from. */
typedef struct OpCall {
  const Op *op;
  const Attr *attr;
  int nin, nout;
  const Type *in, *out;
  const char *origin;
  const TileProgram *epilogue; /* to run on each finished part of output 0; */
  const Ending *ending; /* or this, of which plus[i] is epilogue_in[i] of a run;
                           both NULL: neither */
  const void *settled; /* by Op.settle; NULL: nobody called it */
  bool often; /* once for each turn of a loop: threads are awake, weights near */
} OpCall;

/* Numbers added up over all processes that run the same plan: see the struct in
** bind/rocks.h, whose functions these are. */
typedef struct Sums {
  void *ud;
  float *(*room)(void *ud, int64_t n, int32_t *id);
  int (*begin)(void *ud, int32_t id, int soon, char *why, size_t size);
  const float *(*end)(void *ud, int32_t id, char *why, size_t size);
  void (*go_on)(void *ud);
} Sums;

/* What differs from run to run. */
typedef struct Env Env;
struct Env {
  uint64_t seed;
  uint32_t draw; /* counts the runs that draw random numbers */
  bool once;     /* one eager call: a seed of its own says it all */
  /* where the batch lies in the data, when there is more of it than that */
  const int32_t *order; /* rows by number, or NULL: as they lie */
  int64_t first, rows;  /* `rows` of them, from this place on */
  const Watch *watch; /* ends the run early; may be NULL */
  Error *error;  /* of the data: the first one stands, under `lock` */
  Lock lock;
  /* calls host function `id`; false with error set */
  bool (*host)(void *ud, int64_t id, bool gradient, const OpCall *s,
               void *const *in, void *const *out, Error *e);
  void *host_ud;
  const Sums *sums; /* NULL: this process is alone */
  int sums_begun;   /* and not ended yet */
  /* runs a call that has a body (see BODY) outside a plan */
  bool (*run_body)(const OpCall *s, void *const *in, void *const *out, Env *env,
                   Account *account);
};

/* Where a batch lies in the data. */
typedef struct BatchPlace {
  const int32_t *order;
  int64_t first, rows;
} BatchPlace;

INLINE BatchPlace batch_place(const Env *env) {
  return (BatchPlace){env->order, env->first, env->rows};
}
INLINE void set_batch_place(Env *env, BatchPlace p) {
  env->order = p.order;
  env->first = p.first;
  env->rows = p.rows;
}

typedef struct Run {
  void *const *in, *const *out;                   /* the pointers of the call */
  void *scratch; /* as many bytes as the row asked for, aligned; or NULL */
  void *local;   /* the same for what each thread has for itself */
  const void *const *epilogue_in;
  void *const *epilogue_out;
  bool backwards; /* turns with each run of a plan: who reads the same memory in
                     each begins at what was read last, which is in cache */
  Env *env;
} Run;

/* Whether the run must end early, which is then its error (thread-safe). Asked
** before each task, each step of a plan and each time step of a loop. */
bool env_stop(Env *env);
INLINE bool env_stopped(Env *env) {
  return env->watch && env_stop(env);
}

/* Records a fault of the data (thread-safe); the first one stands. */
void run_fault(const Run *r, const char *format, ...) PRINTF_LIKE(2, 3);
/* Puts the op's name in front of an error, unless nobody calls it by that;
** returns false. */
bool op_prefix(Error *e, const Op *op);
/* The same with a failure that is known already. */
void run_error(const Run *r, const Error *e);
/* The sample of the data that place `at` of n in this batch is, from 1. */
int64_t run_sample(const Run *r, int64_t at, int64_t n);

typedef enum OpKind {
  LEAF, ELEMENTWISE, REDUCE, PRODUCT, ROWS, MOVE, INDEX, WINDOW, RANDOM, CALL
} OpKind;
const char *op_kind_name(OpKind k);

/* How emit prepares the inputs, which is the rule of types of the op. Where
** an elementwise op has no strip for a type, the next wider one is taken. */
typedef enum Operands {
  AS_IS,   /* any type */
  COMPUTE, /* storage types are converted to what they compute as */
  PROMOTE, /* and all to the widest: bool < int32 < float32 */
  SELECT,  /* the first to bool, the others as PROMOTE */
  FLOATS,  /* all to float32 */
  LOGICAL  /* all to bool (not zero) */
} Operands;

/* What the passes may know of an op: they ask for this, never for the name. */
typedef enum Role {
  NO_ROLE,
  ADDS, SUBTRACTS, MULTIPLIES, /* of two inputs, element by element */
  SMALLER_OF,          /* the same */
  RECTIFIES,           /* 0 of what is not above it */
  MULTIPLIES_MATRICES, /* attributes 0, 1: whether inputs are transposed */
  SUMS,                /* over the axes in attribute 0 */
  SAME_ELEMENTS,       /* of input 0, in another shape or in the same */
  REPEATS,             /* input 0, as broadcasting would */
  FILLS,               /* one number everywhere, see Op.fill */
  SLICES,    /* attributes 0, 1: starts and steps along each axis */
  PADS,      /* attributes 0, 1, 2: before, after, between elements along each
                axis; 3: with which number */
  POOLS_LARGEST, /* the largest of input 0 under windows, by channels;
                    attributes: their sizes, how they walk (ops/window.h) */
  ASSIGNS,   /* input 0 to the variable of binding number attribute 0 */
  CALLS,     /* attribute 0, a function: the plan puts its body there */
  LOOPS,     /* the same once for each time step (scan/scan.h) */
  WALKS_BACK /* through what a closure of the host did */
} Role;

/* How Op.prepare may do it: those inputs stay what they are for many runs; with
** fewer products, whose roundings are others. */
enum { PREPARE_LASTING = 1, PREPARE_FEWER = 2 };

struct Op {
  const char *name;
  const char *signature; /* Keras's: "x, axis:axes=nil"; "*xs" is a list.
                            Parameters with a kind are the attributes, in
                            order; the others are the inputs. */
  OpKind kind;
  Operands operands;
  bool (*shape)(Rule *r); /* false with error set; sets out[0..nout) */

  /* elementwise: the set of strips by the type of the first input (base/isa.h);
     or a choice */
  const Strip *strip[3];
  const Strip *(*pick)(const OpCall *s);
  void (*constants)(const OpCall *s, double imm[3]);

  /* the others: work divided by shape alone */
  int64_t (*tasks)(const OpCall *s); /* NULL: one */
  void (*run)(const OpCall *s, const Run *r, int64_t task);
  /* what `run` needs of sizes alone, found once for all runs of a plan: into so
     many bytes */
  void (*settle)(const OpCall *s, void *room);
  int settled;
  int64_t (*scratch)(const OpCall *s); /* bytes for all tasks together */
  void (*begin)(const OpCall *s, const Run *r); /* before all tasks; NULL */
  void (*end)(const OpCall *s, const Run *r);   /* after them; NULL */
  int64_t (*local)(const OpCall *s); /* bytes for each thread at work on them,
                                        at most THREAD_SCRATCH (base/threads.h) */
  /* whether it can have this ending; in_place: even where that reads what lies
     where the result is to be */
  bool (*ends)(const OpCall *s, bool in_place);
  /* of images, whose first two axes are lines: makes the lines [first, end) of
     the result, and finishes them; for what needs no scratch */
  void (*lines)(const OpCall *s, const Run *r, int64_t first, int64_t end);
  /* turns them into the lines of input 0 that they are made of; false: these
     sizes do not go by lines */
  bool (*lines_of)(const OpCall *s, int64_t *first, int64_t *end);
  /* rewrites the call in other ops (true, y set), or declines */
  bool (*expand)(Context *c, const Op *op, const Val *x, int nin,
                 const Attr *attr, Val *y);
  /* >= 0: the output is input 0, that many bytes on; < 0: not for these
     shapes */
  int64_t (*view)(const OpCall *s);

  /* dx[i] = cotangent of input i, or left NULL; dy[i] NULL when zero */
  void (*vjp)(Context *c, const Node *y, const Val *dy, Val *dx);
  uint32_t shape_only;  /* bit i: input i gives its sizes, never its data;
                           bit 31 speaks for all inputs from there on */
  uint32_t traits;
  Role role;
  /* x op number is x, bit for bit but for denormals, which are 0 to kernels;
     bit i of sides: input i may be the number */
  struct Neutral {
    uint32_t sides;
    double number;
  } neutral;
  double (*fill)(const Attr *attr);
  const char *sized; /* the row that takes its sizes as operands, behind x */
  /* an equal value that is cheaper (true, y set), or declines */
  bool (*simpler)(Context *c, const Node *n, Val *y);
  /* the same, where what can be done with the inputs of these bits alone becomes
     ops of its own */
  bool (*prepare)(Context *c, const Node *n, unsigned how, Val *y);
  uint32_t prepared;
  /* the input in whose columns (its last axis) the result's columns are linear,
     each in its own; -1 where that is not so */
  int (*columns)(const Node *n);
  /* `reader` alone reads n and is POOLS_LARGEST of it: the same value, where
     both are computed in one go (true, y set), or declines */
  bool (*join)(Context *c, const Node *n, const Node *reader, Val *y);
  const char *doc;
  int version; /* of what it means, for files; 0 is 1 */

  /* what Keras's files say of the op, where it does not follow from name and
     signature: as lua/lunula/ops/tools.lua has it for composites */
  const char *file_class, *file_called;
};

/* In the list of sizes of such a row: SIZE_OPERAND - i is operand i. */
enum { SIZE_OPERAND = -100 };

enum {
  NO_GRADIENT = 1,  /* constant to a gradient walk */
  DRAWS = 2,        /* random: new numbers each run */
  HOST = 4,         /* enters the host language */
  EPILOGUE = 8,     /* runs OpCall.epilogue */
  HIDDEN = 16,      /* not offered to users */
  FAULTS = 32,      /* may meet data that it cannot take */
  BODY = 64,        /* runs a function: attribute 0; the plan does it */
  TRUTHS = 128,     /* of booleans alone makes booleans; computed as int32 */
  STRINGS = 512,    /* input 0 may be strings; the others never are */
  LASTS = 4096,     /* of weights: worth keeping, however large it is */
  GROWS = 2048,     /* a larger number never gives a smaller one, in each of its
                       inputs, and of NaN comes NaN */
  SIZED = 256,      /* has no kernel: `expand` makes another op of it once the
                       sizes that it depends on are known */
  DECOMPOSES = 8192, /* calls LAPACK: OpenBLAS must be there when it is emitted */
  WAITS = 16384,    /* for what another op has begun: rather late than early */
  FILED = 1024      /* is HIDDEN, but found in files: its rule trusts nobody */
};

INLINE bool op_shape_only(const Op *op, int i) {
  return op->shape_only >> (i < 31 ? i : 31) & 1;
}
int op_nattr(const Op *op);
/* Attribute i as the signature has it; the name is no text of its own. */
typedef struct OpParam {
  const char *name;
  int length;
  AttrKind kind;
  bool may_be_nil;
} OpParam;
OpParam op_attr(const Op *op, int i);
/* How many inputs a call has; *more: or any number above that. */
int op_inputs(const Op *op, bool *more);
int op_version(const Op *op);

/* ---- the catalogue (catalogue.c) ---------------------------------------- */

enum { CATALOGUE_SLOTS = 1024, CATALOGUE_ADDED = 64 };

/* Families of rows, each ending in a row without a name, and the rows by hash
** of their names, which is filled at the first question. Behind them, those that
** a host added: they stay for ever. */
typedef struct Catalogue {
  const Op *const *family;
  int families;
  const Op *more[CATALOGUE_ADDED];
  atomic_int added;
  Lock lock; /* of whoever fills them */
  atomic_bool filled;
  const Op *slot[CATALOGUE_SLOTS];
} Catalogue;

/* All rows, one after the other; begins as {0}. NULL: those were all. */
typedef struct CatalogueWalk {
  int family, row;
} CatalogueWalk;
const Op *catalogue_next(const Catalogue *k, CatalogueWalk *w);
const Op *catalogue_find(Catalogue *k, const char *name); /* NULL: none */
bool catalogue_has_more(const Catalogue *k); /* by a host */
bool catalogue_was_added(const Catalogue *k, const Op *op);
/* Adds one row, or two (the second may be NULL). Thread-safe. */
bool catalogue_add(Catalogue *k, const Op *op, const Op *second, Error *e);

#endif
