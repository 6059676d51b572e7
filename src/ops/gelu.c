/* gelu: x times the normal distribution function of x, exactly or by a
** sigmoid near it (which is what the form with tanh comes to); and its
** gradient. Each is one strip, where a composition would be ten. */

#include "base/each_isa.h"
#include "ops/strip.h"

#define HALF_LOG2_E 0.721347520f
#define DENSITY_AT_0 0.398942280f /* 1 / sqrt(2 pi) */
#define LOG2_DENSITY_AT_0 -1.32574807f
#define BEND 0.044715f
#define SLOPE 1.59576912f /* 2 sqrt(2 / pi) */

/* 2^y for y <= 0; below 2^-126 it is 0 */
INLINE float two_to(float y) {
  float c = y < -127.0f ? -127.0f : y;
  float t = c + ROUNDER;
  float r = c - (t - ROUNDER);
  float p = 1.535336193e-04f;
  p = p * r + 1.339887441e-03f;
  p = p * r + 9.618437358e-03f;
  p = p * r + 5.550332471e-02f;
  p = p * r + 2.402264791e-01f;
  p = p * r + 6.931472029e-01f;
  return (p * r + 1.0f) * power_of_two(t);
}

/* What lies beyond -|x| is 2^(-1 - |x| P(|x|)), to within 1e-8; P grows to the end,
** so that far out it is 0. */
INLINE float distribution(float x) {
  float a = vabs(x);
  float p = -2.834912815e-06f;
  p = p * a + 3.937769200e-05f;
  p = p * a - 1.861802475e-04f;
  p = p * a - 1.369363486e-04f;
  p = p * a + 7.063420094e-03f;
  p = p * a - 5.249617832e-02f;
  p = p * a - 4.592081967e-01f;
  p = p * a - 1.151105205e+00f;
  float beyond = two_to(p * a - 1.0f);
  return x < 0.0f ? beyond : 1.0f - beyond;
}

/* what the sigmoid is taken of */
INLINE Vector bent(Vector x) {
  return SLOPE * (x + x * x * x * BEND);
}

INLINE float gelu_slope(float x) {
  return distribution(x) + x * two_to(LOG2_DENSITY_AT_0 - HALF_LOG2_E * x * x);
}

INLINE Vector near_gelu_slope(Vector x) {
  Vector s = sigmoids(bent(x));
  return s + x * (s * (1.0f - s)) * (SLOPE + x * x * (3.0f * BEND * SLOPE));
}

UNARY_STRIP(strip_gelu, float, float, x *distribution(x))
VECTOR_STRIP(strip_near_gelu, a *sigmoids(bent(a)))
BINARY_STRIP(strip_gelu_gradient, float, float, b *gelu_slope(a))
VECTOR_STRIP(strip_near_gelu_gradient, b *near_gelu_slope(a))

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
