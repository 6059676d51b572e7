/* gelu: x times the normal distribution function of x, exactly or by a
** sigmoid near it (which is what the form with tanh comes to); and its
** gradient. Each is one strip, where a composition would be ten. */

#include "base/each_isa.h"
#include "ops/strip.h"

#define SQRT_HALF 0.707106781f
#define DENSITY_AT_0 0.398942280f /* 1 / sqrt(2 pi) */
#define BEND 0.044715f
#define SLOPE 1.59576912f /* 2 sqrt(2 / pi) */

INLINE float distribution(float x) {
  return 0.5f + 0.5f * verf(x * SQRT_HALF);
}

/* what the sigmoid is taken of */
INLINE float bent(float x) {
  return SLOPE * (x + x * x * x * BEND);
}

INLINE float gelu_slope(float x) {
  return distribution(x) + x * (DENSITY_AT_0 * vexp(-0.5f * x * x));
}

INLINE float near_gelu_slope(float x) {
  float s = vsigmoid(bent(x));
  return s + x * (s * (1.0f - s)) * (SLOPE + x * x * (3.0f * BEND * SLOPE));
}

UNARY_STRIP(strip_gelu, float, float, x *distribution(x))
UNARY_STRIP(strip_near_gelu, float, float, x *vsigmoid(bent(x)))
BINARY_STRIP(strip_gelu_gradient, float, float, b *gelu_slope(a))
BINARY_STRIP(strip_near_gelu_gradient, float, float, b *near_gelu_slope(a))

#if ISA_FIRST

static const Strip *pick_gelu(const OpCall *s) {
  return s->attr[0].i[0] ? strip_near_gelu : strip_gelu;
}

static const Strip *pick_gradient(const OpCall *s) {
  return s->attr[0].i[0] ? strip_near_gelu_gradient : strip_gelu_gradient;
}

static void gelu_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = emit_op(c, "gelu_gradient", (Val[]){input(n, 0), dy[0]}, 2, n->attr);
}

/* The second derivative: density (2 - x^2). */
static Val bend_of(Context *c, Val x) {
  Val xx = square(c, x);
  Val density = scaled(c, exp_of(c, scaled(c, xx, -0.5)), DENSITY_AT_0);
  return mul(c, density, sub(c, scalar_f32(c, 2), xx));
}

/* The same of x s(w(x)), s the sigmoid: s' (2 w' + x ((1 - 2 s) w'^2 + w'')) */
static Val near_bend_of(Context *c, Val x) {
  Val xx = square(c, x), one = scalar_f32(c, 1);
  Val w = scaled(c, add(c, x, scaled(c, mul(c, x, xx), BEND)), SLOPE);
  Val w1 = shifted(c, scaled(c, xx, 3 * BEND * SLOPE), SLOPE);
  Val w2 = scaled(c, x, 6 * BEND * SLOPE);
  Val s = sigmoid_of(c, w), rest = sub(c, one, s);
  Val inner = add(c, mul(c, sub(c, rest, s), square(c, w1)), w2);
  return mul(c, mul(c, s, rest), add(c, scaled(c, w1, 2), mul(c, x, inner)));
}

static void gradient_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val x = input(n, 0), g = input(n, 1);
  Val bend = n->attr[0].i[0] ? near_bend_of(c, x) : bend_of(c, x);
  dx[0] = mul(c, mul(c, dy[0], g), bend);
  dx[1] = emit_op(c, "gelu_gradient", (Val[]){x, dy[0]}, 2, n->attr);
}

const Op ops_gelu[] = {
  {"gelu", "x, approximate:bool=true", ELEMENTWISE, FLOATS, like_first,
   .pick = pick_gelu, .vjp = gelu_vjp, .file_class = "nn",
   .doc = "x times the normal distribution function of x."},
  {"gelu_gradient", "x, g, approximate:bool=true", ELEMENTWISE, FLOATS,
   broadcast_all, .pick = pick_gradient, .vjp = gradient_vjp,
   .traits = HIDDEN, .doc = "g times the slope of gelu at x."},
  {0}
};

#endif
