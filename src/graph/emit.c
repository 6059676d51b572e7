/* emit. Every value of every program is made by it: it computes it now (eager)
** or records it for later (in a trace); so whatever is true of all ops (types
** are promoted, shapes are checked, errors name the op) is written here once. */

#include <string.h>

#include "graph/graph.h"
#include "graph/scope.h"
#include "kernels/provider.h"

Val value_as(Context *c, Val v, DType d) {
  if (c->error.set || val_type(v)->dtype == (int)d)
    return v;
  if (val_type(v)->dtype == I64 && d == I32)
    return emit_op(c, "as_int32", &v, 1, NULL);
  Attr a = {.kind = ATTR_DTYPE, .n = 1, .i = {d}};
  return emit_op(c, "cast", &v, 1, &a);
}

/* bool < int32 < float32 */
static DType wider(DType a, DType b) {
  return a == F32 || b == F32 ? F32 : a == I32 || b == I32 ? I32 : BOOL;
}

/* What inputs from..nin-1 compute as together, or a wider type where the op has
** no strip for that one. */
static DType widest(const Op *op, const Val *x, int from, int nin) {
  DType d = BOOL;
  for (int i = from; i < nin; i++)
    if (!(op_shape_only(op, i)))
      d = wider(d, dtype_compute((DType)val_type(x[i])->dtype));
  if (op->kind == ELEMENTWISE && op->pick == NULL) {
    if (d == BOOL && op->strip[BOOL] == NULL)
      d = I32;
    if (d == I32 && op->strip[I32] == NULL)
      d = F32;
  }
  /* the sum of booleans is how many are true */
  bool sums = op->kind == REDUCE || op->kind == PRODUCT || op->kind == WINDOW;
  if (sums && d == BOOL)
    d = I32;
  return d;
}

/* Converts the inputs to the types that the row asks for. An input that gives
** only its sizes stays as it is: its data is never read. */
static void prepare(Context *c, const Op *op, Val *x, int nin) {
  DType common = F32;
  if (op->operands == PROMOTE || op->operands == SELECT)
    common = widest(op, x, op->operands == SELECT, nin);
  for (int i = 0; i < nin; i++) {
    if (op_shape_only(op, i))
      continue;
    switch (op->operands) {
      case AS_IS: break;
      case COMPUTE: x[i] = value_as(c, x[i], widest(op, x, i, i + 1)); break;
      case PROMOTE: x[i] = value_as(c, x[i], common); break;
      case SELECT: x[i] = value_as(c, x[i], i == 0 ? BOOL : common); break;
      case FLOATS: x[i] = value_as(c, x[i], F32); break;
      case LOGICAL: x[i] = value_as(c, x[i], BOOL); break;
    }
  }
}

/* Strings are for the rows that say so, and for who only wants their sizes. */
static bool takes_strings(Context *c, const Op *op, const Val *x, int nin) {
  for (int i = 0; i < nin; i++)
    if (val_type(x[i])->dtype == STR && !op_shape_only(op, i) &&
        !(i == 0 && op->traits & STRINGS)) {
      fail(&c->error, "input %d is strings, numbers are wanted", i + 1);
      return op_prefix(&c->error, op);
    }
  return true;
}

/* Whether an op that keeps to booleans is given nothing else. */
static bool truths_alone(const Op *op, const Val *x, int nin) {
  bool truths = op->traits & TRUTHS;
  for (int i = 0; truths && i < nin; i++)
    truths = val_type(x[i])->dtype == BOOL;
  return truths;
}

/* What a node's kernel is run with: types and pointers of its operands. */
typedef struct CallRoom {
  Type *in, *out;
  void **pin, **pout;
} CallRoom;

static bool read_operands(Context *c, const Node *n, const CallRoom *o) {
  for (int i = 0; i < n->nin; i++) {
    const Tensor *t = val_tensor(n->in[i]);
    o->in[i] = t->type;
    o->pin[i] = t->data;
    if (!(op_shape_only(n->op, i)) && !tensor_readable(t, &c->error))
      return false;
  }
  for (int i = 0; i < n->nout; i++)
    o->out[i] = n->out[i].type;
  return true;
}

static bool evaluate(Context *c, Node *n, const CallRoom *o) {
  if (!read_operands(c, n, o))
    return false;
  OpCall s = {.op = n->op, .attr = n->attr, .nin = n->nin, .nout = n->nout,
            .in = o->in, .out = o->out};
  /* a view shares its input's buffer: nothing is allocated or copied */
  int64_t offset = n->op->view ? n->op->view(&s) : -1;
  if (offset >= 0) {
    n->out[0] = tensor_view(val_tensor(n->in[0]), &o->out[0], offset);
    return true;
  }
  for (int i = 0; i < n->nout; i++) {
    if (!tensor_new(&n->out[i], c->account, &o->out[i], &c->error))
      return false;
    o->pout[i] = n->out[i].data;
  }
  c->env.seed = c->seed;
  c->env.watch = c->watch;
  if (n->op->traits & DRAWS)
    c->env.draw = ++c->draw;
  return opcall_run(&s, o->pin, o->pout, &c->env, c->account);
}

/* The same with room for any number of operands. */
static bool evaluate_many(Context *c, Node *n) {
  size_t count = (size_t)n->nin + (size_t)n->nout;
  Type *type = mem_new(c->account, count, sizeof *type + sizeof(void *));
  if (type == NULL)
    return fail_memory(&c->error, "out of memory");
  void **pointer = (void **)(void *)(type + count);
  CallRoom o = {type, type + n->nin, pointer, pointer + n->nin};
  bool ok = evaluate(c, n, &o);
  mem_free(type);
  return ok;
}

bool node_evaluate(Context *c, Node *n) {
  Type in[FEW], out[FEW];
  void *pin[FEW], *pout[FEW];
  if (n->nin > FEW || n->nout > FEW)
    return evaluate_many(c, n);
  return evaluate(c, n, &(CallRoom){in, out, pin, pout});
}

/* An eager node that no tape follows needs its inputs no more. To keep them
** would keep alive every tensor that was ever computed on the way. */
static void forget_inputs(Node *n) {
  for (int i = 0; i < n->nin; i++)
    node_release(n->in[i].node);
  n->nin = 0;
}

/* Refuses results of more than 2^60 bytes: beyond that the products of sizes
** that are computed everywhere would overflow. */
static bool can_be_counted(const Rule *r) {
  char text[TYPE_TEXT];
  for (int i = 0; i < r->nout; i++)
    if (!type_countable(&r->out[i]))
      return fail(r->error, "no memory has so many numbers: %s",
                  type_text(&r->out[i], text));
  return true;
}

/* A result of strings is their tensor in another shape, and else not made. */
static bool makes_no_strings(const Rule *r) {
  for (int i = 0; i < r->nout; i++)
    if (r->out[i].dtype == STR && !(r->op->traits & STRINGS))
      return fail(r->error, "gives numbers, and no strings");
  return true;
}

/* OpenBLAS, where the op needs it: there before sizes of scratch are asked. */
static bool has_lapack(Context *c, const Op *op, Error *e) {
  Error why = {.set = false};
  return !(op->traits & DECOMPOSES) ||
         provider_lapack(c->lapack, c->lapack_ud, &why) != NULL ||
         fail(e, "matrices are taken apart by OpenBLAS, which is not there "
                 "(%s): install it (Debian: libopenblas-dev) and build lunula "
                 "again", why.text);
}

/* The rule has an error record of its own, so that the op's name goes in front
** of its message and of no earlier one. */
static bool apply_rule(Context *c, Rule *r) {
  Error e;
  e.set = false;
  r->error = &e;
  if (r->op->shape(r) && !e.set && can_be_counted(r) && makes_no_strings(r) &&
      has_lapack(c, r->op, &e))
    return true;
  op_prefix(&e, r->op);
  return fail_again(&c->error, &e);
}

/* The node of an op whose inputs are prepared; NULL with c->error set. What
** the rule works on is large, and emit calls itself: hence apart. */
APART static Node *node_by_rule(Context *c, const Op *op, const Val *x, int nin,
                                Attr *attr, Type *in) {
  Type out[MAX_OUTPUTS];
  for (int i = 0; i < nin; i++)
    in[i] = *val_type(x[i]);
  Rule r = {.op = op, .nin = nin, .nout = 1, .in = in, .attr = attr,
            .out = out};
  return apply_rule(c, &r) ? node_new(c, op, x, nin, attr, out, r.nout) : NULL;
}

APART static Node *node_of_many(Context *c, const Op *op, const Val *x, int nin,
                                Attr *attr) {
  Type *in = mem_new(c->account, (size_t)nin, sizeof *in);
  Node *n = in ? node_by_rule(c, op, x, nin, attr, in) : NULL;
  if (in == NULL)
    fail_memory(&c->error, "out of memory");
  mem_free(in);
  return n;
}

APART static Node *node_of(Context *c, const Op *op, const Val *x, int nin,
                           Attr *attr) {
  Type in[FEW];
  return nin > FEW ? node_of_many(c, op, x, nin, attr)
                   : node_by_rule(c, op, x, nin, attr, in);
}

/* The values of a node that was just made. */
APART static bool compute_now(Context *c, Node *n) {
  return node_evaluate(c, n) || op_prefix(&c->error, n->op);
}

/* What is computed now, or planned, has sizes whatever its attributes say. */
static bool sizes_known(Context *c, const Node *n) {
  char text[TYPE_TEXT];
  if (n->op->traits & SIZED)
    return fail(&c->error, "%s: a size depends on data: sizes come from shapes "
                           "alone", n->op->name);
  for (int i = 0; i < n->nout; i++)
    if (!type_known(&n->out[i].type))
      return fail(&c->error, "%s: a size of the result %s is not known",
                  n->op->name, type_text(&n->out[i].type, text));
  return true;
}

/* emit, where x may be written to. */
static Val emit_with(Context *c, const Op *op, Val *x, int nin,
                     const Attr *attr) {
  Attr a[MAX_ATTRS];
  Val dummy = {c->dummy, 0};
  int nattr = op_nattr(op);
  memset(a, 0, (size_t)nattr * sizeof *a);
  if (attr)
    memcpy(a, attr, (size_t)nattr * sizeof *a);
  if (!takes_strings(c, op, x, nin))
    return dummy;
  Val expanded;
  if (op->expand && op->expand(c, op, x, nin, a, &expanded))
    return expanded;
  bool truths = truths_alone(op, x, nin);
  prepare(c, op, x, nin);
  if (truths) /* x is int32 now */
    return value_as(c, emit(c, op, x, nin, attr), BOOL);
  /* in a trace, random numbers and host calls are recorded even if all their
     inputs have values: each run draws and calls again */
  bool later = c->rebuild || (c->scope && op->traits & (DRAWS | HOST));
  bool tracked = false;
  for (int i = 0; i < nin; i++) {
    bool shape_only = op_shape_only(op, i);
    x[i] = scope_import(c, x[i]);
    /* a leaf with the sizes takes the input's place, so that the node does not
       keep data alive that it never reads */
    if (shape_only && type_known(val_type(x[i])) && !node_is_shape(x[i].node))
      x[i] = shape_leaf(c, val_type(x[i]));
    later = later || (val_symbolic(x[i]));
    tracked = tracked || (x[i].node->tracked && !shape_only);
  }
  if (c->later_only && !later)
    fail(&c->error, "%s: nothing that it reads comes later", op->name);
  if (c->error.set)
    return dummy;
  Node *n = node_of(c, op, x, nin, a);
  if (n == NULL)
    return dummy;
  Val v = value_keep(c, n);
  if (c->error.set)
    return dummy;
  if ((!later || (c->rebuild && !c->open)) && !sizes_known(c, n))
    return dummy;
  if (later) {
    n->scope = c->rebuild ? UINT32_MAX : c->scope->id;
    n->origin = c->origin ? c->origin(c->origin_ud) : NULL;
    return v;
  }
  if (!compute_now(c, n))
    return dummy;
  n->tracked = tracked && c->recording > 0 && op->vjp != NULL;
  if (!n->tracked)
    forget_inputs(n);
  return v;
}

APART static Val emit_many(Context *c, const Op *op, const Val *in, int nin,
                           const Attr *attr) {
  Val x[MAX_INPUTS];
  if (nin > MAX_INPUTS) {
    fail(&c->error, "%s: more than %d inputs", op->name, MAX_INPUTS);
    return (Val){c->dummy, 0};
  }
  memcpy(x, in, (size_t)nin * sizeof *x);
  return emit_with(c, op, x, nin, attr);
}

Val emit(Context *c, const Op *op, const Val *in, int nin, const Attr *attr) {
  Val x[FEW];
  if (c->error.set)
    return (Val){c->dummy, 0};
  if (nin > FEW)
    return emit_many(c, op, in, nin, attr);
  memcpy(x, in, (size_t)nin * sizeof *x);
  return emit_with(c, op, x, nin, attr);
}
