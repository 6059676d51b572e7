/* What can be said of a single node: constants of constants, x * 1, repeated
** operands of ops that repeat by themselves. Each rule gives the same value. */

#include <string.h>

#include "ops/build.h"
#include "plan/prog.h"

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
Val fold(Prog *p, Val v) {
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

static bool is_op(Val v, const char *name) {
  return strcmp(v.node->op->name, name) == 0;
}

/* a + (b - a) * c, as optimizers have it, is one instruction. */
static bool is_lerp(const Node *n, Val *in) {
  for (int side = 0; side < 2; side++) {
    Val a = n->in[side], product = n->in[1 - side];
    if (!is_op(product, "multiply"))
      continue;
    for (int k = 0; k < 2; k++) {
      Val difference = product.node->in[k];
      if (is_op(difference, "subtract") &&
          val_same(difference.node->in[1], a)) {
        in[0] = a;
        in[1] = difference.node->in[0];
        in[2] = product.node->in[1 - k];
        return true;
      }
    }
  }
  return false;
}

static bool same_dims(const Type *a, const Type *b) {
  return a->rank == b->rank && memcmp(a->dim, b->dim, sizeof a->dim) == 0;
}

Val simplify(Prog *p, Val v) {
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
  Val in[3];
  if (strcmp(n->op->name, "add") == 0 && val_type(v)->dtype == F32 &&
      is_lerp(n, in))
    return emit_op(&p->c, "lerp", in, 3, NULL);
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
void unrepeat(Prog *p, const Op *op, Val *x, int nin) {
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
