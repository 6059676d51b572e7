/* What can be said of a single node: constants of constants, x * 1, repeated
** operands of ops that repeat by themselves. Each rule gives the same value. */

#include <math.h>

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
Val simplify_fold(Prog *p, Val v) {
  Node *n = v.node;
  if (!(p->passes & PASS_SIMPLIFY) || n->op->kind == LEAF || n->nout != 1 ||
      n->op->traits & (DRAWS | HOST) || !constant_inputs(n) ||
      !type_known(&n->out[0].type) || n->op->kind == CALL ||
      type_elements(&n->out[0].type) > 1024 || repeats(n))
    return v;
  if (!node_evaluate(&p->c, n))
    return v;
  return value_of(&p->c, tensor_share(&n->out[0]));
}

/* ---- algebra ------------------------------------------------------------ */

bool simplify_number(Val v, double *number) {
  if (!node_is_value(v.node) || val_type(v)->dtype != F32 ||
      type_elements(val_type(v)) != 1)
    return false;
  *number = tensor_get(val_tensor(v), 0);
  return true;
}

static bool is_number(Val v, double number) {
  double x;
  return simplify_number(v, &x) && x == number &&
         signbit(x) == signbit(number);
}

/* x when the op leaves it as it is. So 0 is not neutral to an addition, which
** makes 0 of -0, but -0 is. */
static bool is_neutral(const Node *n, Val *y) {
  for (int i = 0; i < n->nin && n->nin == 2; i++)
    if (n->op->neutral.sides >> i & 1 &&
        is_number(n->in[i], n->op->neutral.number)) {
      *y = n->in[1 - i];
      return type_equal(val_type(*y), &n->out[0].type);
    }
  return false;
}

Val simplify(Prog *p, Val v) {
  const Node *n = v.node;
  Val y;
  if (!(p->passes & PASS_SIMPLIFY))
    return v;
  if (is_neutral(n, &y) ||
      (n->op->simpler && n->op->simpler(&p->c, n, &y)))
    return y;
  if (n->op->role == SAME_ELEMENTS && n->nin > 0 &&
      type_known(&n->out[0].type) &&
      type_equal(val_type(n->in[0]), &n->out[0].type))
    return n->in[0];
  return v;
}

/* What repeats or fills, read by an elementwise op that repeats by itself:
** the source of it. One of sizes that are not known may be what says them. */
static Val unrepeated(Prog *p, Val v) {
  const Node *n = v.node;
  if (!type_known(val_type(v)))
    return v;
  if (n->op->role == REPEATS)
    return n->in[0];
  if (n->op->role != FILLS)
    return v;
  double number = n->op->fill(n->attr);
  switch (val_type(v)->dtype) {
    case F32: return scalar_f32(&p->c, number);
    case I32: return scalar_i32(&p->c, (int64_t)number);
    case BOOL: return scalar_bool(&p->c, number != 0);
    default: return v;
  }
}

/* Replaces repeated operands, as long as the others still give the shape. */
void simplify_unrepeat(Prog *p, const Op *op, Val *x, int nin) {
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
    if (!type_same_sizes(&want, &got))
      x[i] = kept;
  }
}
