/* The language that rules are written in: one-line builders for gradients and
** expansions, and the shape rules that families share. Their names are short,
** and bear no prefix, because a rule should read like its formula. */
#ifndef OPS_BUILD_H
#define OPS_BUILD_H

#include "graph/graph.h"

#define BUILD_UNARY(f, name)                            \
  INLINE Val f(Context *c, Val x) {                     \
    return emit_op(c, name, &x, 1, NULL);         \
  }
#define BUILD_BINARY(f, name)                             \
  INLINE Val f(Context *c, Val a, Val b) {                \
    return emit_op(c, name, (Val[]){a, b}, 2, NULL); \
  }

BUILD_UNARY(neg, "negative")
BUILD_UNARY(sign_of, "sign")
BUILD_UNARY(exp_of, "exp")
BUILD_UNARY(log_of, "log")
BUILD_UNARY(square, "square")
BUILD_UNARY(sqrt_of, "sqrt")
BUILD_UNARY(reciprocal, "reciprocal")
BUILD_UNARY(sin_of, "sin")
BUILD_UNARY(cos_of, "cos")
BUILD_UNARY(sinh_of, "sinh")
BUILD_UNARY(cosh_of, "cosh")
BUILD_UNARY(sigmoid_of, "sigmoid")
BUILD_UNARY(zeros_like, "zeros_like")
BUILD_UNARY(ones_like, "ones_like")
BUILD_BINARY(add, "add")
BUILD_BINARY(sub, "subtract")
BUILD_BINARY(mul, "multiply")
BUILD_BINARY(divide, "divide")
BUILD_BINARY(power_of, "power")
BUILD_BINARY(floor_divide, "floor_divide")
BUILD_BINARY(equal, "equal")
BUILD_BINARY(less, "less")
BUILD_BINARY(less_equal, "less_equal")
BUILD_BINARY(gather, "gather")
BUILD_BINARY(reshape_like, "reshape_like")
BUILD_BINARY(broadcast_like, "broadcast_like")

INLINE Attr attr_int(int64_t v) {
  return (Attr){.kind = ATTR_INT, .n = 1, .i = {v}};
}
INLINE Attr attr_bool(bool v) {
  return (Attr){.kind = ATTR_BOOL, .n = 1, .i = {v}};
}
INLINE Attr attr_num(double v) {
  return (Attr){.kind = ATTR_NUM, .n = 1, .f = v};
}
INLINE Attr attr_dtype(DType d) {
  return (Attr){.kind = ATTR_DTYPE, .n = 1, .i = {d}};
}
INLINE Attr attr_ints(int n, const int64_t *v) {
  Attr a = {.kind = ATTR_INTS, .n = n};
  for (int i = 0; i < n; i++)
    a.i[i] = v[i];
  return a;
}

INLINE Val select_of(Context *c, Val condition, Val a, Val b) {
  return emit_op(c, "where", (Val[]){condition, a, b}, 3, NULL);
}
INLINE Val scaled(Context *c, Val x, double factor) {
  return mul(c, x, scalar_f32(c, factor));
}
INLINE Val shifted(Context *c, Val x, double offset) {
  return add(c, x, scalar_f32(c, offset));
}
/* axes and keepdims as the reduce row takes them */
INLINE Val sum_axes(Context *c, Val x, const Attr *axes, bool keepdims) {
  return emit_op(c, "sum", &x, 1, (Attr[]){*axes, attr_bool(keepdims)});
}
INLINE Val matmul_of(Context *c, Val a, Val b, bool ta, bool tb) {
  return emit_op(c, "matmul", (Val[]){a, b}, 2,
                 (Attr[]){attr_bool(ta), attr_bool(tb)});
}
INLINE Val reshaped(Context *c, Val x, int rank, const int64_t *dim) {
  Attr a = attr_ints(rank, dim);
  return emit_op(c, "reshape", &x, 1, &a);
}
INLINE Val transposed(Context *c, Val x, int rank, const int64_t *axes) {
  Attr a = attr_ints(rank, axes);
  a.kind = ATTR_AXES;
  return emit_op(c, "transpose", &x, 1, &a);
}
INLINE Val cast_as(Context *c, Val x, DType d) {
  Attr a = attr_dtype(d);
  return emit_op(c, "cast", &x, 1, &a);
}

/* ---- what gradient rules read ------------------------------------------- */

INLINE Val input(const Node *y, int i) {
  return y->in[i];
}
INLINE Val result(const Node *y) {
  return (Val){(Node *)(uintptr_t)y, 0};
}

/* ---- endings ------------------------------------------------------------- */

/* The call's, for this run. */
INLINE Ending run_ending(const OpCall *s, const Run *r) {
  Ending e = *s->ending;
  for (int i = 0; i < e.pluses; i++)
    e.plus[i] = r->epilogue_in[i];
  return e;
}

/* ---- shape rules that families share (shape.c) -------------------------- */

/* Sizes, of which one may not be known yet. */
INLINE bool may_equal(int64_t a, int64_t b) {
  return a == b || a == UNKNOWN || b == UNKNOWN;
}
bool like_first(Rule *r);       /* type of input 0 */
bool predicate_first(Rule *r);  /* its shape, bool */
bool broadcast_all(Rule *r);    /* the common shape, type of the last input */
bool broadcast_predicate(Rule *r);
/* Common shape of two; false when they do not fit. */
bool broadcast_dims(Type *y, const Type *a, const Type *b);
/* Makes an axis count from 0; false with the error when out of range. */
bool check_axis(Rule *r, int64_t *axis, int rank);
/* Axes sorted, from 0, each once; nil becomes all. */
bool check_axes(Rule *r, Attr *axes, int rank);
/* Whether input i has these sizes, as far as they are known. */
bool check_operand(Rule *r, int i, const Type *want);

/* Families of rows, each ending in a row without a name. */
extern const Op ops_unary[], ops_binary[], ops_gelu[], ops_cast[],
    ops_reduce[], ops_product[], ops_softmax[], ops_norm[], ops_attention[],
    ops_reshape[], ops_turn[], ops_slice[], ops_join[], ops_sized[],
    ops_make[], ops_index[], ops_sort[], ops_window[], ops_random[],
    ops_host[], ops_call[], ops_conv[], ops_pool[], ops_text[],
    ops_decompose[], ops_fourier[], ops_ctc[], ops_sums[];

#endif
