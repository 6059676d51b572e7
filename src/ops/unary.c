/* Functions of one number: strips, gradients, rows. What an op is stands in one
** expression each, by name, so that a new one is three lines. */

#include "base/each_isa.h"
#include "ops/strip.h"

#define UNARY(name, expression) \
  UNARY_STRIP(strip_##name, float, float, expression)
#define UNARY_INT(name, expression) \
  UNARY_STRIP(strip_##name##_int, int32_t, int32_t, expression)
/* Far out the fast reduction of the angle has no digits left. */
#define PERIODIC(name)                            \
  STRIP(strip_##name) {                           \
    float *y = py;                                \
    const float *x = pa;                          \
    (void)pb, (void)pc, (void)imm;                \
    if (any_beyond(x, n, TRIGONOMETRIC_LIMIT)) {  \
      for (int i = 0; i < n; i++)                 \
        y[i] = name##_anywhere(x[i]);             \
      return;                                     \
    }                                             \
    IN_PLACE                                      \
    for (int i = 0; i < n; i++)                   \
      y[i] = v##name(x[i]);                       \
  }
#define PREDICATE(name, expression) \
  UNARY_STRIP(strip_##name, uint8_t, float, expression)

UNARY(negative, -x)
UNARY_INT(negative, (int32_t)(0u - (uint32_t)x))
UNARY(abs, fabsf(x))
UNARY_INT(abs, x < 0 ? (int32_t)(0u - (uint32_t)x) : x)
UNARY(sign, x > 0 ? 1.0f : x < 0 ? -1.0f : x) /* NaN stays */
UNARY_INT(sign, (x > 0) - (x < 0))
UNARY(square, x *x)
UNARY_INT(square, (int32_t)((uint32_t)x * (uint32_t)x))
UNARY(floor, floorf(x))
UNARY(ceil, ceilf(x))
UNARY(trunc, truncf(x))
UNARY(round, nearbyintf(x))
UNARY(exp, vexp(x))
UNARY(expm1, vexpm1(x))
UNARY(log, vlog(x))
UNARY(log1p, vlog1p(x))
UNARY(sqrt, sqrtf(x))
UNARY(rsqrt, 1.0f / sqrtf(x))
UNARY(reciprocal, 1.0f / x)
PERIODIC(sin)
PERIODIC(cos)
PERIODIC(tan)
UNARY(arcsin, vasin(x))
UNARY(arccos, vacos(x))
UNARY(arctan, vatan(x))
UNARY(sinh, vsinh(x))
UNARY(cosh, vcosh(x))
VECTOR_STRIP(strip_tanh, tanhs(a))
UNARY(arcsinh, vasinh(x))
UNARY(arccosh, vacosh(x))
UNARY(arctanh, vatanh(x))
VECTOR_STRIP(strip_sigmoid, sigmoids(a))
UNARY(erf, verf(x))
UNARY(relu, rectified(x))
UNARY_INT(relu, x > 0 ? x : 0)
UNARY(softplus, (x > 0 ? x : 0.0f) + vlog1p_unit(vexp_unit(-fabsf(x))))
PREDICATE(isnan, x != x)
PREDICATE(isinf, fabsf(x) == INFINITY)
PREDICATE(isfinite, fabsf(x) < INFINITY)
UNARY_STRIP(strip_not, uint8_t, uint8_t, x == 0)

/* The inverse of erf by two polynomials in w = -log(1 - x^2) (M. Giles,
** "Approximating the erfinv function", 2010). */
INLINE float inverse_erf(float x) {
  float w = -vlog((1.0f - x) * (1.0f + x));
  float c = w - 2.5f, t = sqrtf(w) - 3.0f;
  float near = 2.81022636e-08f;
  near = 3.43273939e-07f + near * c;
  near = -3.5233877e-06f + near * c;
  near = -4.39150654e-06f + near * c;
  near = 0.00021858087f + near * c;
  near = -0.00125372503f + near * c;
  near = -0.00417768164f + near * c;
  near = 0.246640727f + near * c;
  near = 1.50140941f + near * c;
  float far = -0.000200214257f;
  far = 0.000100950558f + far * t;
  far = 0.00134934322f + far * t;
  far = -0.00367342844f + far * t;
  far = 0.00573950773f + far * t;
  far = -0.0076224613f + far * t;
  far = 0.00943887047f + far * t;
  far = 1.00167406f + far * t;
  far = 2.83297682f + far * t;
  float y = (w < 5.0f ? near : far) * x;
  /* at the ends w is infinite, and the polynomial of it NaN */
  return fabsf(x) == 1.0f ? x * INFINITY : y;
}
UNARY(erfinv, inverse_erf(x))

/* A sum of c[k] T_k(x / 2), the last polynomial first, as Chebyshev's recur
** (C. W. Clenshaw, 1955); T_0 stands for half of itself. */
#define CHEBYSHEV(name, ...)                                    \
  INLINE float name(float x) {                                  \
    static const float c[] = {__VA_ARGS__};                     \
    float b0 = 0, b1 = 0, b2 = 0;                               \
    for (int k = 0; k < (int)(sizeof c / sizeof *c); k++) {     \
      b2 = b1;                                                  \
      b1 = b0;                                                  \
      b0 = x * b1 - b2 + c[k];                                  \
    }                                                           \
    return 0.5f * (b0 - b2);                                    \
  }
CHEBYSHEV(i0_near,
          -1.30002498e-08f, 6.04699499e-08f, -2.67079385e-07f, 1.11738754e-06f,
          -4.41673836e-06f, 1.64484481e-05f, -5.75419501e-05f, 0.000188502885f,
          -0.000576375575f, 0.00163947562f, -0.00432431f, 0.0105464604f,
          -0.0237374148f, 0.0493052842f, -0.094901097f, 0.171620902f,
          -0.304682672f, 0.676795274f)
CHEBYSHEV(i0_far,
          3.39623201e-09f, 2.266669e-08f, 2.04891859e-07f, 2.89137052e-06f,
          6.88975835e-05f, 0.00336911648f, 0.804490411f)
CHEBYSHEV(i1_near,
          9.38153726e-09f, -4.44505912e-08f, 2.00329475e-07f, -8.56872026e-07f,
          3.47025131e-06f, -1.32731637e-05f, 4.78156511e-05f, -0.000161760816f,
          0.000512285956f, -0.00151357245f, 0.00415642294f, -0.0105640849f,
          0.024726449f, -0.0529459812f, 0.102643659f, -0.176416518f,
          0.252587186f)
CHEBYSHEV(i1_far,
          -3.83538041e-09f, -2.63146884e-08f, -2.51223624e-07f,
          -3.88256481e-06f, -0.000110588939f, -0.00976109749f, 0.778576235f)
INLINE float bessel_i0(float x) {
  float a = fabsf(x);
  float near = i0_near(a * 0.5f - 2.0f);
  float far = i0_far(32.0f / (a > 8.0f ? a : 8.0f) - 2.0f) / sqrtf(a);
  float half = vexp(a * 0.5f); /* which does not overflow before the result */
  return half * (a <= 8.0f ? near : far) * half;
}
INLINE float bessel_i1(float x) {
  float a = fabsf(x);
  float near = i1_near(a * 0.5f - 2.0f) * a;
  float far = i1_far(32.0f / (a > 8.0f ? a : 8.0f) - 2.0f) / sqrtf(a);
  float half = vexp(a * 0.5f);
  float y = half * (a <= 8.0f ? near : far) * half;
  return x < 0 ? -y : y;
}
UNARY(i0, bessel_i0(x))
UNARY(i1, bessel_i1(x))

UNARY_STRIP(strip_bitwise_not_int, int32_t, int32_t, ~x)

#if ISA_FIRST

/* ---- gradients: dx = dy * ... ------------------------------------------- */

#define VJP(name, expression)                                              \
  static void name##_vjp(Context *c, const Node *n, const Val *dy, Val *dx) { \
    Val g = dy[0], x = input(n, 0), y = result(n);                         \
    (void)x, (void)y;                                                      \
    dx[0] = expression;                                                    \
  }

static Val one_minus_square(Context *c, Val x) {
  return sub(c, scalar_f32(c, 1), square(c, x));
}

static Val one_plus_square(Context *c, Val x) {
  return shifted(c, square(c, x), 1);
}

VJP(negative, neg(c, g))
VJP(abs, mul(c, g, sign_of(c, x)))
VJP(square, mul(c, g, scaled(c, x, 2)))
VJP(exp, mul(c, g, y))
VJP(expm1, mul(c, g, shifted(c, y, 1)))
VJP(log, divide(c, g, x))
VJP(log1p, divide(c, g, shifted(c, x, 1)))
VJP(sqrt, divide(c, scaled(c, g, 0.5), y))
VJP(rsqrt, mul(c, scaled(c, g, -0.5), mul(c, y, square(c, y))))
VJP(reciprocal, neg(c, mul(c, g, square(c, y))))
VJP(sin, mul(c, g, cos_of(c, x)))
VJP(cos, neg(c, mul(c, g, sin_of(c, x))))
VJP(tan, mul(c, g, one_plus_square(c, y)))
VJP(arcsin, divide(c, g, sqrt_of(c, one_minus_square(c, x))))
VJP(arccos, neg(c, divide(c, g, sqrt_of(c, one_minus_square(c, x)))))
VJP(arctan, divide(c, g, one_plus_square(c, x)))
VJP(sinh, mul(c, g, cosh_of(c, x)))
VJP(cosh, mul(c, g, sinh_of(c, x)))
VJP(tanh, mul(c, g, one_minus_square(c, y)))
VJP(arcsinh, divide(c, g, sqrt_of(c, one_plus_square(c, x))))
VJP(arccosh, divide(c, g, sqrt_of(c, shifted(c, square(c, x), -1))))
VJP(arctanh, divide(c, g, one_minus_square(c, x)))
VJP(sigmoid, mul(c, g, mul(c, y, sub(c, scalar_f32(c, 1), y))))
VJP(erf, mul(c, g, scaled(c, exp_of(c, neg(c, square(c, x))),
                          1.1283791670955126)))
VJP(erfinv, mul(c, g, scaled(c, exp_of(c, square(c, y)), 0.886226925452758)))
VJP(relu, select_of(c, less(c, scalar_f32(c, 0), y), g, scalar_f32(c, 0)))
VJP(softplus, mul(c, g, sigmoid_of(c, x)))

/* the second derivative is i0 - i1 / x, and half of i0 at 0 */
static Val slope_of_i1(Context *c, Val x, Val y) {
  Val zero = scalar_f32(c, 0), one = scalar_f32(c, 1);
  Val is_0 = equal(c, x, zero), i0 = emit_op(c, "i0", &x, 1, NULL);
  Val ratio = divide(c, y, select_of(c, is_0, one, x));
  return sub(c, i0, select_of(c, is_0, scalar_f32(c, 0.5), ratio));
}
VJP(i0, mul(c, g, emit_op(c, "i1", &x, 1, NULL)))
VJP(i1, mul(c, g, slope_of_i1(c, x, y)))

static bool whole_first(Rule *r) {
  return like_first(r) && (r->in[0].dtype != F32 ||
                           fail(r->error, "whole numbers are wanted, got "
                                          "float32"));
}

/* Whole numbers and booleans are their own rounded values. */
static bool whole_already(Context *c, const Op *op, const Val *x, int nin,
                          const Attr *attr, Val *y) {
  (void)op, (void)nin, (void)attr;
  DType d = dtype_compute((DType)val_type(x[0])->dtype);
  *y = d == F32 ? x[0] : value_as(c, x[0], d);
  return d != F32;
}

/* A boolean is its own size and sign. */
static bool truth_already(Context *c, const Op *op, const Val *x, int nin,
                          const Attr *attr, Val *y) {
  (void)c, (void)op, (void)nin, (void)attr;
  *y = x[0];
  return val_type(x[0])->dtype == BOOL;
}

/* ---- rows --------------------------------------------------------------- */

/* Behind the doc may come more fields of the row. */
#define ROW(op, ...) \
  {#op, "x", ELEMENTWISE, COMPUTE, like_first, {strip_##op}, \
   .vjp = op##_vjp, .doc = __VA_ARGS__}
#define ROW_INT(op, ...) \
  {#op, "x", ELEMENTWISE, COMPUTE, like_first, {strip_##op, strip_##op##_int}, \
   .vjp = op##_vjp, .doc = __VA_ARGS__}
#define ROW_FLAT(op, ...) \
  {#op, "x", ELEMENTWISE, COMPUTE, like_first, {strip_##op}, \
   .traits = NO_GRADIENT, .doc = __VA_ARGS__}
#define ROW_IS(op, text) \
  {#op, "x", ELEMENTWISE, COMPUTE, predicate_first, {strip_##op}, \
   .traits = NO_GRADIENT, .doc = text}

const Op ops_unary[] = {
  ROW_INT(negative, "-x."),
  ROW_INT(abs, "|x|.", .expand = truth_already),
  ROW_INT(square, "x * x."),
  {"sign", "x", ELEMENTWISE, COMPUTE, like_first, {strip_sign, strip_sign_int},
   .expand = truth_already, .traits = NO_GRADIENT, .doc = "-1, 0 or 1."},
  ROW_FLAT(floor, "The largest whole number not above x."),
  ROW_FLAT(ceil, "The smallest whole number not below x."),
  ROW_FLAT(trunc, "x without its fraction.", .expand = whole_already),
  ROW_FLAT(round, "The nearest whole number; halves go to the even one.",
           .expand = whole_already),
  ROW(exp, "e ^ x."),
  ROW(expm1, "e ^ x - 1, exact near 0."),
  ROW(log, "Natural logarithm."),
  ROW(log1p, "log(1 + x), exact near 0."),
  ROW(sqrt, "Square root."),
  ROW(rsqrt, "1 / sqrt(x).", .file_class = "math"),
  ROW(reciprocal, "1 / x."),
  ROW(sin, "Sine."),
  ROW(cos, "Cosine."),
  ROW(tan, "Tangent."),
  ROW(arcsin, "The angle whose sine is x."),
  ROW(arccos, "The angle whose cosine is x."),
  ROW(arctan, "The angle whose tangent is x."),
  ROW(sinh, "Hyperbolic sine."),
  ROW(cosh, "Hyperbolic cosine."),
  ROW(tanh, "Hyperbolic tangent."),
  ROW(arcsinh, "Inverse hyperbolic sine."),
  ROW(arccosh, "Inverse hyperbolic cosine."),
  ROW(arctanh, "Inverse hyperbolic tangent."),
  ROW(sigmoid, "1 / (1 + e ^ -x).", .file_class = "nn"),
  ROW(erf, "The error function.", .file_class = "math"),
  ROW(erfinv, "The inverse of erf.", .file_class = "math"),
  ROW_INT(relu, "max(x, 0).", .file_class = "nn", .traits = GROWS,
          .role = RECTIFIES),
  ROW(softplus, "log(1 + e ^ x).", .file_class = "nn"),
  ROW_IS(isnan, "Where x is not a number."),
  ROW_IS(isinf, "Where x is infinite."),
  ROW_IS(isfinite, "Where x is neither infinite nor NaN."),
  ROW(i0, "The modified Bessel function of the first kind, of order 0."),
  ROW(i1, "That of order 1.", .traits = HIDDEN),
  {"bitwise_not", "x", ELEMENTWISE, COMPUTE, whole_first,
   {NULL, strip_bitwise_not_int, strip_not}, .traits = NO_GRADIENT,
   .doc = "x with all its bits the other way."},
  {"logical_not", "x", ELEMENTWISE, LOGICAL, predicate_first,
   {NULL, NULL, strip_not}, .traits = NO_GRADIENT, .doc = "Where x is false."},
  {0}
};

#endif
