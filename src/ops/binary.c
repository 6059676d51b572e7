/* Functions of two numbers, comparisons, logic, and the choice between two. A
** row has a strip for each type that it computes in; the operands come in that
** type, repeated as broadcasting says. */

#include "base/each_isa.h"
#include "ops/strip.h"

#include <string.h>

#define BINARY(name, expression) \
  BINARY_STRIP(strip_##name, float, float, expression)
#define BINARY_INT(name, expression) \
  BINARY_STRIP(strip_##name##_int, int32_t, int32_t, expression)
#define COMPARE(name, expression)                                \
  BINARY_STRIP(strip_##name, uint8_t, float, expression)         \
  BINARY_STRIP(strip_##name##_int, uint8_t, int32_t, expression) \
  BINARY_STRIP(strip_##name##_bool, uint8_t, uint8_t, expression)

/* whole numbers wrap, as machine integers do */
#define WRAP(a, operator, b) ((int32_t)((uint32_t)(a) operator (uint32_t)(b)))

/* the rest has the sign of b, as in Python */
INLINE float floored_rest(float a, float b) {
  float r = fmodf(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

BINARY(add, a + b)
BINARY_INT(add, WRAP(a, +, b))
BINARY(subtract, a - b)
BINARY_INT(subtract, WRAP(a, -, b))
BINARY(multiply, a *b)
BINARY_INT(multiply, WRAP(a, *, b))
BINARY(divide, a / b)
BINARY(floor_divide, floorf(a / b))
BINARY(mod, floored_rest(a, b))
BINARY(power, vpow(a, b))
BINARY(arctan2, vatan2(a, b))
BINARY(maximum, larger_of(a, b))
BINARY_INT(maximum, b <= a ? a : b)
BINARY(minimum, smaller_of(a, b))
BINARY_INT(minimum, a <= b ? a : b)
COMPARE(equal, a == b)
COMPARE(not_equal, a != b)
COMPARE(less, a < b)
COMPARE(less_equal, a <= b)
COMPARE(greater, a > b)
COMPARE(greater_equal, a >= b)
BINARY_STRIP(strip_and, uint8_t, uint8_t, a & b)
BINARY_STRIP(strip_or, uint8_t, uint8_t, a | b)
BINARY_STRIP(strip_xor, uint8_t, uint8_t, a ^ b)

/* floor division of whole numbers; by 0 gives 0, as NumPy does */
INLINE int32_t floor_quotient(int32_t a, int32_t b) {
  if (b == 0)
    return 0;
  if (b == -1) /* the processor traps on the smallest number / -1 */
    return (int32_t)(0u - (uint32_t)a);
  int32_t q = a / b;
  return q - (q * b != a && (a < 0) != (b < 0));
}
BINARY_INT(floor_divide, floor_quotient(a, b))
BINARY_INT(mod, b == 0 ? 0 : WRAP(a, -, WRAP(floor_quotient(a, b), *, b)))

/* by squaring; a negative exponent gives what the quotient would */
INLINE int32_t whole_power(int32_t a, int32_t b) {
  if (b < 0)
    return a == 1 ? 1 : a == -1 ? (b & 1 ? -1 : 1) : 0;
  uint32_t y = 1, x = (uint32_t)a;
  for (; b; b >>= 1, x *= x)
    if (b & 1)
      y *= x;
  return (int32_t)y;
}
BINARY_INT(power, whole_power(a, b))

BINARY_INT(bitwise_and, a & b)
BINARY_INT(bitwise_or, a | b)
BINARY_INT(bitwise_xor, a ^ b)

/* beyond the last bit there are zeros, or what the sign is */
INLINE int32_t shifted_left(int32_t a, int32_t b) {
  return b < 0 || b > 31 ? 0 : (int32_t)((uint32_t)a << (b & 31));
}
INLINE int32_t shifted_right(int32_t a, int32_t b) {
  return a >> (b < 0 || b > 31 ? 31 : b);
}
BINARY_INT(bitwise_left_shift, shifted_left(a, b))
BINARY_INT(bitwise_right_shift, shifted_right(a, b))

INLINE int32_t common_divisor(int32_t a, int32_t b) {
  uint32_t x = a < 0 ? 0u - (uint32_t)a : (uint32_t)a;
  uint32_t y = b < 0 ? 0u - (uint32_t)b : (uint32_t)b;
  while (y) {
    uint32_t rest = x % y;
    x = y;
    y = rest;
  }
  return (int32_t)x;
}
BINARY_INT(gcd, common_divisor(a, b))

/* a * 2 ^ b by way of double, which has room for both */
INLINE float scaled_by_power(float a, float b) {
  float held = b > -600 ? b < 600 ? b : 600 : -600;
  double power;
  uint64_t bits = (uint64_t)(1023 + (int64_t)held) << 52;
  memcpy(&power, &bits, sizeof power);
  return (float)((double)a * power);
}
BINARY(ldexp, scaled_by_power(a, b))

/* The number beside a on the way to b: as whole numbers floats of one sign lie
** one behind the other. */
INLINE float neighbour(float a, float b) {
  uint32_t bits = float_bits(a);
  if (a != a || b != b)
    return a + b;
  if (a == b)
    return b;
  if ((bits & INT32_MAX) == 0)
    return bits_float((float_bits(b) & 0x80000000u) | 1);
  return bits_float((a < b) == (a > 0) ? bits + 1 : bits - 1);
}
BINARY(nextafter, neighbour(a, b))

#define SELECT_STRIP(name, type)              \
  STRIP(name) {                               \
    type *y = py;                             \
    const uint8_t *condition = pa;            \
    const type *a = pb, *b = pc;              \
    (void)imm;                                \
    IN_PLACE                                  \
    for (int i = 0; i < n; i++) {             \
      type yes = a[i], no = b[i];             \
      y[i] = condition[i] ? yes : no;         \
    }                                         \
  }
SELECT_STRIP(strip_select_float, float)
SELECT_STRIP(strip_select_int, int32_t)
SELECT_STRIP(strip_select_bool, uint8_t)

/* a on the way to b, rounded as the three ops that it stands for */
WRITTEN_STRIP(strip_lerp, a + (b - a) * c)

#if ISA_FIRST

static const Strip *pick_select(const OpCall *s) {
  switch (s->in[1].dtype) {
    case F32: return strip_select_float;
    case I32: return strip_select_int;
    default: return strip_select_bool;
  }
}

/* ---- gradients ---------------------------------------------------------- */

#define VJP(name, da, db)                                                  \
  static void name##_vjp(Context *c, const Node *n, const Val *dy, Val *dx) { \
    Val g = dy[0], a = input(n, 0), b = input(n, 1), y = result(n);        \
    (void)a, (void)b, (void)y, (void)c;                                    \
    dx[0] = da;                                                            \
    dx[1] = db;                                                            \
  }

static Val where_or_0(Context *c, Val condition, Val g) {
  return select_of(c, condition, g, scalar_f32(c, 0));
}

static Val where_not_0(Context *c, Val condition, Val g) {
  return select_of(c, condition, scalar_f32(c, 0), g);
}

/* a where it has a logarithm, else 1: the gradient of 0 ^ b by b is 0, and no
** NaN may come out of a base that is below 0 */
static Val positive_or_1(Context *c, Val a) {
  Val one = scalar_f32(c, 1);
  return select_of(c, less(c, scalar_f32(c, 0), a), a, one);
}

VJP(add, g, g)
VJP(subtract, g, neg(c, g))
VJP(multiply, mul(c, g, b), mul(c, g, a))
VJP(divide, divide(c, g, b), neg(c, divide(c, mul(c, g, y), b)))
VJP(mod, g, neg(c, mul(c, g, floor_divide(c, a, b))))
VJP(power, mul(c, mul(c, g, b), power_of(c, a, shifted(c, b, -1))),
    mul(c, mul(c, g, y), log_of(c, positive_or_1(c, a))))
VJP(maximum, where_or_0(c, less_equal(c, b, a), g),
    where_not_0(c, less_equal(c, b, a), g))
VJP(minimum, where_or_0(c, less_equal(c, a, b), g),
    where_not_0(c, less_equal(c, a, b), g))
VJP(arctan2, divide(c, mul(c, g, b), add(c, square(c, a), square(c, b))),
    neg(c, divide(c, mul(c, g, a), add(c, square(c, a), square(c, b)))))

static void where_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[1] = where_or_0(c, input(n, 0), dy[0]);
  dx[2] = where_not_0(c, input(n, 0), dy[0]);
}

/* ---- simpler forms ------------------------------------------------------ */

/* a + (b - a) * c, as optimizers have it, is one instruction. */
static bool is_lerp(const Node *n, Val *in) {
  for (int side = 0; side < 2; side++) {
    Val a = n->in[side];
    const Node *product = n->in[1 - side].node;
    for (int k = 0; product->op->role == MULTIPLIES && k < 2; k++) {
      const Node *difference = product->in[k].node;
      if (difference->op->role != SUBTRACTS || !val_same(difference->in[1], a))
        continue;
      in[0] = a;
      in[1] = difference->in[0];
      in[2] = product->in[1 - k];
      return true;
    }
  }
  return false;
}

static bool add_simpler(Context *c, const Node *n, Val *y) {
  Val in[3];
  if (n->out[0].type.dtype != F32 || !is_lerp(n, in))
    return false;
  *y = emit_op(c, "lerp", in, 3, NULL);
  return true;
}

/* x ^ 2 is x * x: nearer to the truth than what logarithms give, and the same
** in every way of computing. */
static bool to_the_second(Context *c, const Op *op, const Val *x, int nin,
                         const Attr *attr, Val *y) {
  (void)op, (void)nin, (void)attr;
  const Type *base = val_type(x[0]), *exponent = val_type(x[1]);
  /* an exponent that a tape follows must stay: it has a gradient; one with axes
     may give the result another shape */
  if (!node_is_value(x[1].node) || x[1].node->tracked || base->dtype != F32 ||
      exponent->dtype != F32 || exponent->rank > 0 ||
      tensor_get(val_tensor(x[1]), 0) != 2)
    return false;
  *y = square(c, x[0]);
  return true;
}

/* ---- rows --------------------------------------------------------------- */

#define ROW(op, text, ...) \
  {#op, "x1, x2", ELEMENTWISE, PROMOTE, broadcast_all, \
   {strip_##op, strip_##op##_int}, .vjp = op##_vjp, .doc = text, __VA_ARGS__}
/* of booleans alone a boolean, as in Keras */
#define ROW_TRUTHS(op, truths, text, ...) \
  {#op, "x1, x2", ELEMENTWISE, PROMOTE, broadcast_all, \
   {strip_##op, strip_##op##_int, truths}, .vjp = op##_vjp, .doc = text, \
   __VA_ARGS__}
#define ROW_FLOAT(op, text, ...) \
  {#op, "x1, x2", ELEMENTWISE, PROMOTE, broadcast_all, {strip_##op}, \
   .vjp = op##_vjp, .doc = text, __VA_ARGS__}
#define ROW_IS(op, text) \
  {#op, "x1, x2", ELEMENTWISE, PROMOTE, broadcast_predicate, \
   {strip_##op, strip_##op##_int, strip_##op##_bool}, .traits = NO_GRADIENT, \
   .doc = text}
#define ROW_LOGIC(op, strip, text) \
  {#op, "x1, x2", ELEMENTWISE, LOGICAL, broadcast_predicate, \
   {NULL, NULL, strip}, .traits = NO_GRADIENT, .doc = text}

/* Whole numbers, and booleans where there is a strip for them. */
static bool whole_shape(Rule *r) {
  if (!broadcast_all(r))
    return false;
  return r->out[0].dtype != F32 ||
         fail(r->error, "whole numbers are wanted, got float32");
}

#define ROW_WHOLE(op, params, truths, text) \
  {#op, params, ELEMENTWISE, PROMOTE, whole_shape, \
   {NULL, strip_##op##_int, truths}, .traits = NO_GRADIENT, .doc = text}

static void ldexp_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = emit_op(c, "ldexp", (Val[]){dy[0], input(n, 1)}, 2, NULL);
}

static void nextafter_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  (void)c, (void)n;
  dx[0] = dy[0];
}

const Op ops_binary[] = {
  ROW_TRUTHS(add, strip_or, "x1 + x2.", .role = ADDS, .neutral = {3, -0.0},
             .simpler = add_simpler, .traits = GROWS),
  ROW(subtract, "x1 - x2.", .role = SUBTRACTS, .neutral = {2, 0.0}),
  ROW_TRUTHS(multiply, strip_and, "x1 * x2.", .role = MULTIPLIES,
             .neutral = {3, 1}),
  ROW_FLOAT(divide, "x1 / x2.", .neutral = {2, 1}),
  {"floor_divide", "x1, x2", ELEMENTWISE, PROMOTE, broadcast_all,
   {strip_floor_divide, strip_floor_divide_int}, .traits = NO_GRADIENT,
   .doc = "x1 / x2 rounded down."},
  ROW(mod, "The rest of x1 / x2, with the sign of x2.", .role = NO_ROLE),
  ROW(power, "x1 ^ x2.", .neutral = {2, 1}, .expand = to_the_second),
  ROW_TRUTHS(maximum, strip_or, "The larger of the two.", .traits = GROWS),
  ROW_TRUTHS(minimum, strip_and, "The smaller of the two.", .traits = GROWS,
             .role = SMALLER_OF),
  ROW_FLOAT(arctan2, "The angle of the point (x2, x1).", .role = NO_ROLE),
  ROW_IS(equal, "Where x1 == x2."),
  ROW_IS(not_equal, "Where x1 ~= x2."),
  ROW_IS(less, "Where x1 < x2."),
  ROW_IS(less_equal, "Where x1 <= x2."),
  ROW_IS(greater, "Where x1 > x2."),
  ROW_IS(greater_equal, "Where x1 >= x2."),
  ROW_LOGIC(logical_and, strip_and, "Where both are true."),
  ROW_LOGIC(logical_or, strip_or, "Where one is true."),
  ROW_LOGIC(logical_xor, strip_xor, "Where just one is true."),
  ROW_WHOLE(bitwise_and, "x, y", strip_and, "The bits that both have."),
  ROW_WHOLE(bitwise_or, "x, y", strip_or, "The bits that one has."),
  ROW_WHOLE(bitwise_xor, "x, y", strip_xor, "The bits that just one has."),
  ROW_WHOLE(bitwise_left_shift, "x, y", NULL,
            "x with its bits y places further up."),
  ROW_WHOLE(bitwise_right_shift, "x, y", NULL,
            "x with its bits y places further down; the sign stays."),
  ROW_WHOLE(gcd, "x1, x2", NULL, "The greatest common divisor."),
  ROW_FLOAT(ldexp, "x1 * 2 ^ x2.", .role = NO_ROLE),
  ROW_FLOAT(nextafter, "The float beside x1 on the way to x2.",
            .role = NO_ROLE),
  {"lerp", "x1, x2, amount", ELEMENTWISE, PROMOTE, broadcast_all, {strip_lerp},
   .traits = NO_GRADIENT | HIDDEN,
   .doc = "x1 + (x2 - x1) * amount, in one step of a plan."},
  {"where", "condition, x1, x2", ELEMENTWISE, SELECT, broadcast_all,
   .pick = pick_select, .vjp = where_vjp,
   .doc = "x1 where the condition holds, else x2."},
  {0}
};

#endif
