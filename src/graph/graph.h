/* Nodes, and the one entry that makes them: emit. A value is computed now
** (its node holds a tensor) or later (its node belongs to an open trace).
** Knows the row's type but no single op. */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "graph/op.h"

struct Node {
  const Op *op;
  int32_t refs;
  uint32_t scope;     /* the trace it belongs to; 0: its outputs have values */
  uint64_t seq;       /* creation number: inputs have smaller ones */
  const char *origin; /* the user's line and layer, interned; may be NULL */
  union {
    Node *next; /* links the nodes that are being freed */
    int number; /* of whoever owns all nodes of a graph: a compilation */
  };
  uint16_t nin, nout;
  bool tracked; /* a gradient walk may pass through it */
  bool in_buffer; /* lies in the record of its output's buffer (value_room) */
  Val *in;      /* counted; eager nodes keep them only while recording */
  Attr *attr;
  Tensor *out;
};

/* ---- context ------------------------------------------------------------ */

typedef struct Scope Scope;

/* Who is asking: one for each Lua state, and one for each compilation. */
struct Context {
  Account *account;
  Catalogue *catalogue; /* the rows that emit_op finds */
  Error error;    /* sticky: after it, emit returns a dummy */
  Scope *scope;   /* innermost open trace */
  int recording;  /* depth of open tapes */
  bool rebuild;   /* keep every node, even one whose inputs have values */
  bool later_only; /* what could be computed now is an error (a file's graph) */
  bool open;      /* ... and sizes that are not known */
  uint64_t seq;
  uint32_t scopes; /* serial number of the last scope */
  uint64_t seed;
  uint32_t stream, draw; /* of the random numbers */
  const char *(*origin)(void *ud); /* finds the user's line; may be NULL */
  void *origin_ud;
  bool (*lapack)(void *ud, Error *e); /* finds OpenBLAS for rows that DECOMPOSE;
                                         may be NULL */
  void *lapack_ud;
  const Watch *watch; /* ends eager runs early; may be NULL */
  Env env; /* of eager runs */
  Node *dummy; /* what emit returns after an error */
  Node **pending;
  int npending, pending_size;
};

void context_open(Context *c, Account *account, Catalogue *catalogue);
void context_close(Context *c);

/* Values that emit returns are held by the context until it is drained to a
** mark; whoever wants to keep one longer retains its node. */
int context_mark(const Context *c);
void context_drain(Context *c, int mark);

Node *node_retain(Node *n);
void node_release(Node *n);

/* ---- values ------------------------------------------------------------- */

INLINE const Type *val_type(Val v) {
  return &v.node->out[v.out].type;
}
INLINE const Tensor *val_tensor(Val v) {
  return &v.node->out[v.out];
}
INLINE bool val_symbolic(Val v) {
  return v.node->scope != 0;
}
/* It has a value, or stands for one: no op computes it any more. */
INLINE bool node_is_leaf(const Node *n) {
  return n->scope == 0 || n->op->kind == LEAF;
}
INLINE bool val_same(Val a, Val b) {
  return a.node == b.node && a.out == b.out;
}

/* Applies an op: eager when all inputs have values, else a node of the
** innermost trace. attr has op_nattr(op) entries (NULL when none). On a
** failure sets c->error and returns a dummy. */
Val emit(Context *c, const Op *op, const Val *in, int nin, const Attr *attr);
/* The same with the op of this name, which must be in the catalogue. */
Val emit_op(Context *c, const char *name, const Val *in, int nin,
            const Attr *attr);

/* The value as another type, as an operand is: int64 becomes int32 only when it
** fits. */
Val value_as(Context *c, Val v, DType d);

/* Computes the outputs of a node whose inputs have values; false with c->error
** set. */
bool node_evaluate(Context *c, Node *n);

/* A value that holds this tensor (takes over the reference). */
Val value_of(Context *c, Tensor t);
/* A leaf that has sizes only: what a shape-only input becomes. */
Val shape_leaf(Context *c, const Type *type);
/* Keeps the value for as long as the context's other values. */
Val value_hold(Context *c, Val v);
/* A new value, whose numbers are still to be written, in one allocation. The
** reference is the caller's; NULL with c->error set. */
Node *value_room(Context *c, const Type *type);
/* Leaves by what they stand for. */
bool node_is_value(const Node *n);
bool node_is_shape(const Node *n);
/* A new leaf for the inputs and variables of a compiled function. */
Val node_leaf(Context *c, const Type *type);
/* The same value as a leaf that a tape follows. */
Val value_watch(Context *c, Val v);

/* Scalars. */
Val scalar_f32(Context *c, double v);
Val scalar_i32(Context *c, int64_t v);
Val scalar_bool(Context *c, bool v);

/* ---- variables ---------------------------------------------------------- */

typedef struct Variable {
  atomic_int refs;
  char *name;
  bool trainable;
  Tensor tensor;
  atomic_ulong version; /* grows with every change of the value */
  Val leaf;             /* what eager reads return; no node: none made yet */
} Variable;

/* Takes the value over, also when it fails: NULL. */
Variable *variable_new(Account *a, const char *name, Tensor value,
                       bool trainable);
Variable *variable_retain(Variable *v);
void variable_release(Variable *v);
/* The current value: in a trace what was assigned in it, or its leaf. */
Val variable_read(Context *c, Variable *v);
/* The value at the start of the trace (eager: the same as read). */
Val variable_leaf(Context *c, Variable *v);
/* Now, or at each run of the function that is being traced. */
bool variable_assign(Context *c, Variable *v, Val value);
/* The same, but eager reads return `value` itself, so that a tape follows it,
** until the variable is given another one. */
bool variable_lend(Context *c, Variable *v, Val value);
/* Makes the buffer its own, before something writes into it. */
bool variable_own(Variable *v, Account *account, Error *e);

/* ---- maps (walk.c) ------------------------------------------------------ */

/* Nodes (or variables) as keys, numbers as values. */
typedef struct NodeMap {
  Account *account; /* pays; NULL: nobody */
  const void **key;
  int *value;
  int size, used;
} NodeMap;
int *nodemap_at(NodeMap *m, const void *n); /* -1 when new; NULL: no memory */
int nodemap_get(const NodeMap *m, const void *n); /* -1: not there */
void nodemap_free(NodeMap *m);

/* ---- traces ------------------------------------------------------------- */

typedef struct Binding {
  Variable *variable;
  Val leaf, current;
  Val read; /* what reads give after an assign; no node: none was read yet */
} Binding;

typedef struct Capture {
  Val outer, inner;
} Capture;

struct Scope {
  Scope *outer;
  uint32_t id;
  bool body; /* may use values of the outer scopes: they become captures */
  Val *inputs;
  Binding *bindings;
  Capture *captures;
  int ninputs, nbindings, ncaptures;
  NodeMap bound; /* number of the binding of each variable */
};

void scope_open(Context *c, Scope *s, bool body);
Val scope_input(Context *c, const Type *type);
void scope_close(Context *c, Scope *s); /* drops what it holds */

/* A traced computation: inputs -> outputs and new values of variables. */
typedef struct Function {
  atomic_int refs;
  Account *account;
  Catalogue *catalogue; /* of its ops */
  int ninputs, noutputs, nbindings;
  Val *inputs, *outputs; /* counted; of a body the captured values are the
                            first inputs */
  Binding *bindings;     /* current != leaf: an update */
  bool draws, hosts;     /* has random, has host nodes */
  bool records;          /* host nodes are walked back */
  int *notes; /* of whoever made it, freed with it; may be NULL */
} Function;

/* Takes what the scope gathered; closes it. NULL with c->error set. The outer
** values that a body captured go to `captured` (ncaptured of them, at most
** MAX_INPUTS); they are held by the context. */
Function *scope_finish(Context *c, Scope *s, const Val *outputs, int n,
                       Val *captured, int *ncaptured);
/* A function of values that were made without a scope. NULL with c->error
** set. */
Function *function_of_values(Context *c, const Val *in, int nin, const Val *out,
                             int nout, const Binding *bindings, int nbindings);
/* A function without inputs: outputs that are made of the variables of `like`
** alone, for which the leaves stand. NULL with c->error set. */
Function *function_of_variables(Context *c, const Function *like,
                                const Val *leaf, const Val *outputs, int n);
Function *function_retain(Function *f);
void function_release(Function *f);
int function_updates(const Function *f);

/* ---- copies (copy.c) ---------------------------------------------------- */

/* The roots computed again where the values `from` are replaced by `to`: nodes
** are emitted anew into the innermost trace (or eagerly). */
bool copy_values(Context *c, const Val *roots, int n, const Val *from,
                 const Val *to, int m, Val *out);
/* Types of the outputs for these types of the inputs, by the shape rules. */
bool function_types(const Function *f, const Type *in, Type *out, Error *e);

/* ---- worlds of their own (clone.c) -------------------------------------- */

/* Texts, each kept once; who asks twice must ask with the same pointer. */
typedef struct Texts {
  char **text;
  int n;
  NodeMap seen; /* its account pays */
} Texts;
const char *texts_keep(Texts *t, const char *text); /* NULL: no memory */
void texts_free(Texts *t);

/* The function in the world of c: it shares no node and no text with f, and has
** variables of its own, whose values are those of f's as they are now. `origins`
** must live as long as it. NULL with c->error set. */
Function *function_clone(Context *c, const Function *f, Texts *origins);

/* ---- walks -------------------------------------------------------------- */

/* All nodes that the roots need, inputs first, in order of creation; the
** caller frees the list. Shape-only edges count when `shapes`. False when
** memory is out, with an empty list. */
bool nodes_needed(Account *a, const Val *roots, int nroots, bool shapes,
                  Node ***list, int *n);

/* dxs[i] = d loss / d xs[i], node NULL where loss does not depend on it.
** False with c->error set. Works on tapes and in traces alike. */
bool gradient(Context *c, Val loss, const Val *xs, int n, Val *dxs);
/* The same from given cotangents of several values. */
bool gradient_from(Context *c, const Val *ys, const Val *dys, int ny,
                   const Val *xs, int n, Val *dxs);

/* ---- one op, run now ---------------------------------------------------- */

/* A program over the elements of `domain`. */
void program_begin(TileProgram *p, const Type *domain);
/* A source of type t, repeated as broadcasting says. */
TileRef program_input(TileProgram *p, const Type *domain, const Type *t);
/* A source of which only a part is read: strides in elements for each axis of
** t, the part's type. */
TileRef program_input_part(TileProgram *p, const Type *domain, const Type *t,
                           const int64_t *stride);
/* Appends the op; false when it has no strip for these types. */
bool program_add(TileProgram *p, const OpCall *s, const TileRef *in, TileRef y);
/* How many pieces of work a program is, by its size alone. */
int64_t program_tasks(const TileProgram *p);
void program_run(const TileProgram *p, const void *const *in, void *const *out,
                 int64_t task, int64_t tasks, void *local);

/* The bytes that each thread needs for itself: for the kernel of the step, and
** then in their place for the program (NULL: none). */
int64_t opcall_local(const OpCall *s, const TileProgram *p);

/* Computes a call whose inputs and outputs have memory, on all threads. */
bool opcall_run(const OpCall *s, void *const *in, void *const *out, Env *env,
              Account *account);
void env_open(Env *env, Error *error);

/* ---- text --------------------------------------------------------------- */

typedef struct Text {
  Account *account; /* pays; NULL: nobody */
  char *data;
  size_t used, size;
  bool failed; /* memory was out: something is missing */
} Text;
void text_add(Text *t, const char *format, ...) PRINTF_LIKE(2, 3);
/* Room for n more bytes behind what is used; NULL: memory was out. */
char *text_room(Text *t, size_t n);
void text_free(Text *t);
/* A node's line: "%7 = matmul(%3, %5) : float32 (None, 10)  train.lua:4" */
void node_text(Text *t, const Node *n, const NodeMap *numbers);
void function_text(Text *t, const Function *f);

#endif
