/* The first pass: the function again, with concrete sizes. The nodes are
** emitted anew, so shape rules speak for themselves; on the way equal nodes
** are shared, constants folded, and the small algebra done. What nobody needs
** is left behind. */

#include <stdlib.h>
#include <string.h>

#include "ops/build.h"
#include "ops/scan.h"
#include "plan/prog.h"

/* ---- sharing ------------------------------------------------------------ */

typedef struct Shared {
  Node **slot;
  int size, used;
} Shared;

static uint64_t mix(uint64_t h, const void *data, size_t n) {
  const unsigned char *p = data;
  for (size_t i = 0; i < n; i++)
    h = (h ^ p[i]) * 0x100000001b3u;
  return h;
}

static uint64_t node_hash(const Node *n) {
  uint64_t h = mix(0xcbf29ce484222325u, &n->op, sizeof n->op);
  for (int i = 0; i < n->nin; i++) {
    h = mix(h, &n->in[i].node, sizeof n->in[i].node);
    h = mix(h, &n->in[i].out, sizeof n->in[i].out);
  }
  h = mix(h, n->attr, (size_t)op_nattr(n->op) * sizeof *n->attr);
  h = mix(h, &n->out[0].type, sizeof n->out[0].type);
  if (node_is_value(n))
    h = mix(h, n->out[0].data, (size_t)type_bytes(&n->out[0].type));
  return h;
}

static bool node_equal(const Node *a, const Node *b) {
  if (a->op != b->op || a->nin != b->nin || a->nout != b->nout ||
      !type_equal(&a->out[0].type, &b->out[0].type))
    return false;
  for (int i = 0; i < a->nin; i++)
    if (!val_same(a->in[i], b->in[i]))
      return false;
  if (node_is_value(a))
    return memcmp(a->out[0].data, b->out[0].data,
                  (size_t)type_bytes(&a->out[0].type)) == 0;
  return memcmp(a->attr, b->attr,
                (size_t)op_nattr(a->op) * sizeof *a->attr) == 0;
}

static Node **shared_slot(const Shared *s, const Node *n) {
  size_t i = (size_t)node_hash(n) & (size_t)(s->size - 1);
  while (s->slot[i] && !node_equal(s->slot[i], n))
    i = (i + 1) & (size_t)(s->size - 1);
  return &s->slot[i];
}

static bool shared_grow(Shared *s) {
  Shared old = *s;
  s->size = old.size ? 2 * old.size : 256;
  s->slot = calloc((size_t)s->size, sizeof *s->slot);
  if (s->slot == NULL) {
    *s = old;
    return false;
  }
  for (int i = 0; i < old.size; i++)
    if (old.slot[i])
      *shared_slot(s, old.slot[i]) = old.slot[i];
  free(old.slot);
  return true;
}

/* Large constants are not compared: they would not repeat. */
static bool may_share(const Node *n) {
  if (node_is_value(n))
    return type_bytes(&n->out[0].type) <= 64;
  return node_is_shape(n) ||
         (n->op->kind != LEAF && !(n->op->traits & (DRAWS | HOST)));
}

static Val share(Prog *p, Shared *s, Val v) {
  if (!(p->passes & PASS_SHARE) || !may_share(v.node))
    return v;
  if (2 * s->used >= s->size && !shared_grow(s))
    return v;
  Node **slot = shared_slot(s, v.node);
  if (*slot == NULL) {
    *slot = v.node;
    s->used++;
  }
  return (Val){*slot, v.out};
}

/* ---- folding ------------------------------------------------------------ */

static bool constant_inputs(const Node *n) {
  for (int i = 0; i < n->nin; i++)
    if (!node_is_value(n->in[i].node) && !node_is_shape(n->in[i].node))
      return false;
  return true;
}

/* Makes many elements of few: its readers repeat by themselves. */
static bool repeats(const Node *n) {
  int64_t most = 1;
  for (int i = 0; i < n->nin; i++)
    if (!op_shape_only(n->op, i) && type_elements(val_type(n->in[i])) > most)
      most = type_elements(val_type(n->in[i]));
  return n->op->kind == MOVE && type_elements(&n->out[0].type) > most;
}

/* A node of constants becomes a constant, unless it makes a big one of small
** ones. */
static Val fold(Prog *p, Val v) {
  Node *n = v.node;
  if (!(p->passes & PASS_SIMPLIFY) || n->op->kind == LEAF || n->nout != 1 ||
      n->op->traits & (DRAWS | HOST) || !constant_inputs(n) ||
      type_elements(&n->out[0].type) > 1024 || n->op->kind == CALL ||
      repeats(n))
    return v;
  if (!node_evaluate(&p->c, n))
    return v;
  return value_of(&p->c, tensor_share(&n->out[0]));
}

/* ---- algebra ------------------------------------------------------------ */

static bool is_number(Val v, double number) {
  return node_is_value(v.node) && val_type(v)->dtype == F32 &&
         type_elements(val_type(v)) == 1 &&
         tensor_get(val_tensor(v), 0) == number;
}

/* x when the op leaves it as it is */
static bool is_neutral(const Op *op, const Val *x, Val *y) {
  static const struct {
    const char *op;
    int side; /* which operand is the neutral one */
    double number;
  } rules[] = {
    {"multiply", 1, 1}, {"multiply", 0, 1}, {"add", 1, 0}, {"add", 0, 0},
    {"subtract", 1, 0}, {"divide", 1, 1},   {"power", 1, 1},
  };
  for (int i = 0; i < COUNT_OF(rules); i++)
    if (strcmp(op->name, rules[i].op) == 0 &&
        is_number(x[rules[i].side], rules[i].number)) {
      *y = x[1 - rules[i].side];
      return true;
    }
  return false;
}

static bool same_dims(const Type *a, const Type *b) {
  return a->rank == b->rank && memcmp(a->dim, b->dim, sizeof a->dim) == 0;
}

static Val simplify(Prog *p, Val v) {
  Node *n = v.node;
  Val y;
  if (!(p->passes & PASS_SIMPLIFY))
    return v;
  if (n->op->kind == ELEMENTWISE && n->nin == 2 &&
      is_neutral(n->op, n->in, &y) &&
      type_equal(val_type(y), &n->out[0].type))
    return y;
  if (strcmp(n->op->name, "power") == 0 && is_number(n->in[1], 2) &&
      same_dims(val_type(n->in[0]), &n->out[0].type))
    return square(&p->c, n->in[0]);
  if (n->op->view && n->op->kind == MOVE && n->nin > 0 &&
      (strcmp(n->op->name, "reshape") == 0 ||
       strcmp(n->op->name, "reshape_like") == 0 ||
       strcmp(n->op->name, "stop_gradient") == 0) &&
      type_equal(val_type(n->in[0]), &n->out[0].type))
    return n->in[0];
  return v;
}

/* What repeats or fills, read by an elementwise op that repeats by itself:
** the source of it. */
static Val unrepeated(Prog *p, Val v) {
  const Node *n = v.node;
  const char *name = n->op->name;
  double number;
  if (strcmp(name, "broadcast_to") == 0 || strcmp(name, "broadcast_like") == 0)
    return n->in[0];
  if (strcmp(name, "full_like") == 0)
    number = n->attr[0].f;
  else if (strcmp(name, "full") == 0)
    number = n->attr[1].f;
  else if (strcmp(name, "zeros_like") == 0)
    number = 0;
  else if (strcmp(name, "ones_like") == 0)
    number = 1;
  else
    return v;
  switch (val_type(v)->dtype) {
    case F32: return scalar_f32(&p->c, number);
    case I32: return scalar_i32(&p->c, (int64_t)number);
    case BOOL: return scalar_bool(&p->c, number != 0);
    default: return v;
  }
}

/* Replaces repeated operands, as long as the others still give the shape. */
static void unrepeat(Prog *p, const Op *op, Val *x, int nin) {
  Type want, got;
  if (op->kind != ELEMENTWISE || !(p->passes & PASS_SIMPLIFY))
    return;
  want = *val_type(x[0]);
  for (int i = 1; i < nin; i++) {
    Type before = want;
    broadcast_dims(&want, &before, val_type(x[i]));
  }
  for (int i = 0; i < nin; i++) {
    Val kept = x[i];
    x[i] = unrepeated(p, x[i]);
    if (val_same(x[i], kept))
      continue;
    got = *val_type(x[0]);
    for (int k = 1; k < nin; k++) {
      Type before = got;
      broadcast_dims(&got, &before, val_type(x[k]));
    }
    if (!same_dims(&want, &got))
      x[i] = kept;
  }
}

/* ---- the pass ----------------------------------------------------------- */

typedef struct Copies {
  NodeMap number; /* of the function's nodes */
  Val *copy;      /* of each output 0; further outputs share the node */
  Node **old;
  int n;
} Copies;

static Val copy_of(const Copies *k, Val v) {
  Val y = k->copy[nodemap_get(&k->number, v.node)];
  return v.out ? (Val){y.node, v.out} : y;
}

static bool at_origin(Prog *p, const Node *n) {
  if (!p->c.error.set)
    return true;
  return fail(p->error, "%s%s%s", p->c.error.text,
              n->origin ? "; op at " : "", n->origin ? n->origin : "");
}

/* What is on a host's memory is copied: the host may take it back. */
static Val copy_value(Prog *p, const Tensor *t) {
  Tensor own = {.buffer = NULL};
  if (!tensor_readable(t, &p->c.error))
    return (Val){p->c.dummy, 0};
  if (t->buffer->account)
    return value_of(&p->c, tensor_share(t));
  if (tensor_new(&own, p->c.account, &t->type, &p->c.error))
    memcpy(own.data, t->data, (size_t)type_bytes(&t->type));
  return value_of(&p->c, own);
}

static Val copy_leaf(Prog *p, const Node *n) {
  if (node_is_shape(n))
    return shape_leaf(&p->c, &n->out[0].type);
  if (n->scope == 0 && n->out[0].buffer) /* a value, of whatever op */
    return copy_value(p, &n->out[0]);
  fail(&p->c.error, "a symbolic tensor of another trace is used");
  return (Val){p->c.dummy, 0};
}

/* A scan that is done again with more results serves the shorter one too: it
** has the same inputs, and its first results are the same. */
static const Node *longest_scan(const Copies *k, const Node *n) {
  const Node *best = n;
  for (int i = 0; n->op->traits & BODY && i < k->n; i++) {
    const Node *x = k->old[i];
    if (x->op == n->op && x->nout > best->nout &&
        memcmp(&x->attr[SCAN_ID], &n->attr[SCAN_ID], sizeof *x->attr) == 0)
      best = x;
  }
  return best;
}

static Val copy_node(Prog *p, Shared *s, const Copies *k, const Node *n) {
  Val in[MAX_INPUTS];
  n = longest_scan(k, n);
  if (n->scope == 0 || n->op->kind == LEAF)
    return share(p, s, copy_leaf(p, n));
  for (int i = 0; i < n->nin; i++)
    in[i] = copy_of(k, n->in[i]);
  unrepeat(p, n->op, in, n->nin);
  Val v = emit(&p->c, n->op, in, n->nin, n->attr);
  if (p->c.error.set)
    return v;
  v.node->origin = n->origin;
  if (n->nout > 1)
    return share(p, s, v);
  v = simplify(p, v);
  v = fold(p, v);
  return share(p, s, v);
}

static Val new_leaf(Prog *p, Copies *k, Val old, const Type *type) {
  Val v = plan_leaf(&p->c, type);
  int at = nodemap_get(&k->number, old.node);
  if (at >= 0)
    k->copy[at] = v;
  return v;
}

static bool input_fits(Prog *p, int i, const Type *want, const Type *got) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  bool ok = want->rank == got->rank && want->dtype == got->dtype;
  for (int k = 0; ok && k < want->rank; k++)
    ok = want->dim[k] == UNKNOWN || want->dim[k] == got->dim[k];
  return ok || fail(p->error, "input %d is %s %s, it should be %s %s", i + 1,
                    dtype_name((DType)got->dtype), type_text(got, b),
                    dtype_name((DType)want->dtype), type_text(want, a));
}

static bool copy_leaves(Prog *p, Copies *k, const Type *in) {
  const Function *f = p->f;
  for (int i = 0; i < f->ninputs; i++) {
    if (!input_fits(p, i, val_type(f->inputs[i]), &in[i]))
      return false;
    p->in[i] = new_leaf(p, k, f->inputs[i], &in[i]);
  }
  for (int i = 0; i < f->nbindings; i++)
    p->leaf[i] = new_leaf(p, k, f->bindings[i].leaf,
                          &f->bindings[i].variable->tensor.type);
  return true;
}

/* Numbers what the results need; the rest is dead. */
static bool collect(Prog *p) {
  int roots = 0, total = p->f->noutputs + 2 * p->f->nbindings + p->f->ninputs;
  Val *root = malloc((size_t)(total + 1) * sizeof *root);
  if (root == NULL)
    return fail(p->error, "out of memory");
  for (int i = 0; i < p->f->noutputs; i++)
    root[roots++] = p->out[i];
  for (int i = 0; i < p->f->nbindings; i++) {
    root[roots++] = p->leaf[i];
    if (p->update[i].node)
      root[roots++] = p->update[i];
  }
  for (int i = 0; i < p->f->ninputs; i++)
    root[roots++] = p->in[i];
  p->node = nodes_needed(root, roots, true, &p->n);
  free(root);
  for (int i = 0; p->node && i < p->n; i++) {
    int *number = nodemap_at(&p->number, p->node[i]);
    if (number == NULL)
      return fail(p->error, "out of memory");
    *number = i;
  }
  return p->node != NULL || p->n == 0 || fail(p->error, "out of memory");
}

static bool copy_all(Prog *p, Copies *k, Node **old, int n) {
  Shared s = {0};
  bool ok = true;
  for (int i = 0; ok && i < n; i++) {
    if (k->copy[i].node == NULL)
      k->copy[i] = copy_node(p, &s, k, old[i]);
    ok = at_origin(p, old[i]);
  }
  free(s.slot);
  return ok;
}

static Node **function_nodes(const Function *f, int *n) {
  int roots = f->noutputs + 2 * f->nbindings + f->ninputs;
  Val *root = malloc((size_t)(roots + 1) * sizeof *root);
  if (root == NULL)
    return NULL;
  Val *at = root;
  for (int i = 0; i < f->noutputs; i++)
    *at++ = f->outputs[i];
  for (int i = 0; i < f->nbindings; i++) {
    *at++ = f->bindings[i].leaf;
    *at++ = f->bindings[i].current;
  }
  for (int i = 0; i < f->ninputs; i++)
    *at++ = f->inputs[i];
  Node **nodes = nodes_needed(root, roots, true, n);
  free(root);
  return nodes;
}

bool specialise(Prog *p, const Type *in) {
  const Function *f = p->f;
  Copies k = {0};
  int n = 0;
  Node **old = function_nodes(f, &n);
  k.copy = calloc((size_t)n + 1, sizeof *k.copy);
  bool ok = (old || n == 0) && k.copy;
  for (int i = 0; ok && i < n; i++) {
    int *number = nodemap_at(&k.number, old[i]);
    ok = number != NULL;
    if (ok)
      *number = i;
  }
  if (!ok)
    fail(p->error, "out of memory");
  k.old = old;
  k.n = n;
  ok = ok && copy_leaves(p, &k, in) && copy_all(p, &k, old, n);
  for (int i = 0; ok && i < f->noutputs; i++)
    p->out[i] = copy_of(&k, f->outputs[i]);
  for (int i = 0; ok && i < f->nbindings; i++)
    if (!val_same(f->bindings[i].leaf, f->bindings[i].current))
      p->update[i] = copy_of(&k, f->bindings[i].current);
  free(old);
  free(k.copy);
  nodemap_free(&k.number);
  return ok && collect(p);
}
