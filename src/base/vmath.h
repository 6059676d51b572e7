/* The elementary functions as straight lines of arithmetic: no branch, no
** call, no table, so that the compiler vectorises any loop over them. Errors
** are at most 3 ulp of float32 (measured over all floats against double), and
** infinities, NaN and denormals come out as C says. Each function reduces its
** argument to a short interval, evaluates a minimax polynomial there, and
** picks the special cases with selects. */
#ifndef BASE_VMATH_H
#define BASE_VMATH_H

#include <math.h>
#include <string.h>

#include "base/base.h"

/* ---- bits -------------------------------------------------------------- */

INLINE uint32_t float_bits(float x) {
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

INLINE float bits_float(uint32_t u) {
  float x;
  memcpy(&x, &u, sizeof x);
  return x;
}

INLINE uint64_t double_bits(double x) {
  uint64_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

INLINE double bits_double(uint64_t u) {
  double x;
  memcpy(&x, &u, sizeof x);
  return x;
}

#define SIGN_BIT 0x80000000u

INLINE float vabs(float x) { return bits_float(float_bits(x) & ~SIGN_BIT); }

/* |x| with the sign of s */
INLINE float vcopysign(float x, float s) {
  return bits_float((float_bits(x) & ~SIGN_BIT) | (float_bits(s) & SIGN_BIT));
}

/* Adding it to a number below 2^22 rounds that to an integer, which then
** stands in the low bits. */
#define ROUNDER 12582912.0f
#define ROUNDER_DOUBLE 6755399441055744.0

/* ---- square root and rounding ------------------------------------------ */

INLINE float vsqrt(float x) { return __builtin_sqrtf(x); }
INLINE float vfloor(float x) { return __builtin_floorf(x); }
INLINE float vceil(float x) { return __builtin_ceilf(x); }
INLINE float vtrunc(float x) { return __builtin_truncf(x); }
INLINE float vround(float x) { return __builtin_rintf(x); } /* ties to even */

/* ---- exponential ------------------------------------------------------- */

#define LOG2_E 1.44269504f
#define LN2_HIGH 0.693145752f /* 15 bits: its products with k are exact */
#define LN2_LOW 1.42860677e-6f

/* (exp r - 1 - r) / r^2 for |r| <= ln 2 / 2, a number or a vector; error of exp:
** 2^-28 */
#define EXP_TAIL(r)                                                           \
  ((((1.381316222e-03f * (r) + 8.369418792e-03f) * (r) + 4.166845605e-02f) *  \
        (r) + 1.666651517e-01f) * (r) + 4.999999404e-01f)

/* exp(x) 2^-shift, shift small; x is clamped where the result is 0 or inf */
INLINE float exp_scaled(float x, int32_t shift) {
  float c = x < -105.0f ? -105.0f : x;
  c = c > 91.0f ? 91.0f : c;
  float t = c * LOG2_E + ROUNDER;
  int32_t k = (int32_t)(float_bits(t) - float_bits(ROUNDER));
  float n = t - ROUNDER;
  float r = c - n * LN2_HIGH;
  r = r - n * LN2_LOW;
  float p = 1.0f + (r + r * r * EXP_TAIL(r));
  int32_t k1 = (int32_t)((uint32_t)k - (uint32_t)shift), k2 = k1 >> 1;
  uint32_t rest = (uint32_t)k1 - (uint32_t)k2;
  return p * bits_float(((uint32_t)k2 + 127) << 23) *
         bits_float((rest + 127) << 23); /* in two: the last may underflow */
}

INLINE float vexp(float x) { return exp_scaled(x, 0); }

/* 2^k for the whole number k that stands in the low bits of t, at least -127,
** which makes 0 */
INLINE float power_of_two(float t) {
  return bits_float((float_bits(t) << 23) + (127u << 23));
}

/* exp(x) for x <= 88; what would be denormal is 0 */
INLINE float vexp_unit(float x) {
  float c = x < -88.0f ? -88.0f : x;
  float t = c * LOG2_E + ROUNDER;
  float n = t - ROUNDER;
  float r = c - n * LN2_HIGH;
  r = r - n * LN2_LOW;
  return (1.0f + (r + r * r * EXP_TAIL(r))) * power_of_two(t);
}

/* exp(x) - 1 = 2^k (exp r - 1) + (2^k - 1) */
INLINE float vexpm1(float x) {
  float c = x < -18.0f ? -18.0f : x;
  c = c > 89.0f ? 89.0f : c;
  float t = c * LOG2_E + ROUNDER;
  uint32_t k = float_bits(t) - float_bits(ROUNDER);
  float n = t - ROUNDER;
  float r = c - n * LN2_HIGH;
  r = r - n * LN2_LOW;
  float q = 1.991562167e-04f;
  q = q * r + 1.394204563e-03f;
  q = q * r + 8.333270438e-03f;
  q = q * r + 4.166634381e-02f;
  q = q * r + 1.666666716e-01f;
  q = q * r + 0.5f;
  q = r + r * r * q;
  float s = bits_float((k + 126) << 23); /* 2^(k-1): 2^128 is no float */
  float y = 2.0f * (s * q + (s - 0.5f));
  return vabs(x) < 1e-10f ? x : y;
}

/* ---- logarithm --------------------------------------------------------- */

/* log(m) + k ln 2 + correction, for m in [sqrt(1/2), sqrt(2)) */
INLINE float log_sum(float m, float k, float correction) {
  float f = m - 1.0f, z = f * f;
  float q = -7.634492964e-02f;
  q = q * f + 1.276157498e-01f;
  q = q * f - 1.316018254e-01f;
  q = q * f + 1.420175880e-01f;
  q = q * f - 1.662335694e-01f;
  q = q * f + 2.000122666e-01f;
  q = q * f - 2.500081956e-01f;
  q = q * f + 3.333333135e-01f;
  float y = f * z * q + (k * LN2_LOW + correction);
  y = y - 0.5f * z;
  return k * LN2_HIGH + (f + y);
}

#define SQRT_HALF_BITS 0x3f3504f3u

/* x = m 2^k for normal positive x */
INLINE float split_mantissa(float x) {
  uint32_t u = float_bits(x);
  return bits_float(u - ((u - SQRT_HALF_BITS) & 0xff800000u));
}

INLINE float split_exponent(float x) {
  return (float)((int32_t)(float_bits(x) - SQRT_HALF_BITS) >> 23);
}

INLINE float vlog(float x) {
  bool tiny = x < 1.17549435e-38f;
  float v = tiny ? x * 8388608.0f : x;
  float k = split_exponent(v);
  k = tiny ? k - 23.0f : k;
  float y = log_sum(split_mantissa(v), k, 0.0f);
  y = x < INFINITY ? y : x; /* inf and NaN stay */
  y = x < 0.0f ? NAN : y;
  return x == 0.0f ? -INFINITY : y;
}

/* log(1+x): the rounding of u = 1+x is made good by its share of log u */
INLINE float vlog1p(float x) {
  float u = 1.0f + x;
  float c = (x - (u - 1.0f)) / u;
  float y = log_sum(split_mantissa(u), split_exponent(u), c);
  y = x < INFINITY ? y : x;
  y = x < -1.0f ? NAN : y;
  y = x == -1.0f ? -INFINITY : y;
  return vabs(x) < 1e-10f ? x : y;
}

/* log(1+x) for 0 <= x <= 1, as the series of 2 artanh(x / (2 + x)): nothing is
** split off, no case is special, but NaN stays */
INLINE float vlog1p_unit(float x) {
  float t = x / (2.0f + x), z = t * t;
  float p = 1.161950901e-01f;
  p = p * z + 1.085166186e-01f;
  p = p * z + 1.429629177e-01f;
  p = p * z + 1.999985129e-01f;
  p = p * z + 3.333333433e-01f;
  return 2.0f * (t + t * z * p);
}

/* ---- circular functions ------------------------------------------------ */

/* The reduction by multiples of pi/2 is exact to this |x|. Beyond it floats
** are 64 and more apart, and vsin, vcos, vtan give NaN: a loop that must
** serve them too asks any_beyond first and then takes the sin_anywhere kind,
** which has the same bits up to the limit and calls libm beyond it. */
#define TRIGONOMETRIC_LIMIT 1073741824.0f

INLINE bool any_beyond(const float *x, int n, float limit) {
  int count = 0;
  for (int i = 0; i < n; i++) count += !(vabs(x[i]) <= limit);
  return count != 0;
}

/* x - quadrant pi/2 in double: three parts of pi/2, two of 22 bits whose
** products with the quadrant are exact */
INLINE float reduce_quadrant(float x, uint32_t *quadrant) {
  double d = x;
  double t = d * 0.63661977236758134308 + ROUNDER_DOUBLE;
  double n = t - ROUNDER_DOUBLE;
  double r = d - n * 0x1.921fbp+0;
  r = r - n * 0x1.5110bp-22;
  r = r - n * 0x1.18469898cc517p-44;
  *quadrant = (uint32_t)double_bits(t);
  return vabs(x) <= TRIGONOMETRIC_LIMIT ? (float)r : NAN;
}

INLINE float sin_near(float r) {
  float z = r * r;
  float p = -1.951083832e-04f;
  p = p * z + 8.332131431e-03f;
  p = p * z - 1.666665375e-01f;
  return r + r * z * p;
}

INLINE float cos_near(float r) {
  float z = r * r;
  float p = 2.443120502e-05f;
  p = p * z - 1.388730598e-03f;
  p = p * z + 4.166664556e-02f;
  return 1.0f + (z * z * p - 0.5f * z);
}

INLINE float vsin(float x) {
  uint32_t q;
  float r = reduce_quadrant(x, &q);
  float s = sin_near(r), c = cos_near(r);
  float y = (q & 1) ? c : s;
  y = bits_float(float_bits(y) ^ ((q & 2) << 30));
  return x == 0.0f ? x : y; /* keeps the sign of zero */
}

INLINE float vcos(float x) {
  uint32_t q;
  float r = reduce_quadrant(x, &q);
  float s = sin_near(r), c = cos_near(r);
  float y = (q & 1) ? s : c;
  return bits_float(float_bits(y) ^ (((q + 1) & 2) << 30));
}

INLINE float vtan(float x) {
  uint32_t q;
  float r = reduce_quadrant(x, &q), z = r * r;
  float p = 4.526389763e-03f;
  p = p * z - 2.166430058e-04f;
  p = p * z + 1.107922476e-02f;
  p = p * z + 2.118733525e-02f;
  p = p * z + 5.407852679e-02f;
  p = p * z + 1.333249658e-01f;
  p = p * z + 3.333335519e-01f;
  float t = r + r * z * p;
  float y = ((q & 1) ? -1.0f : t) / ((q & 1) ? t : 1.0f);
  return x == 0.0f ? x : y;
}

INLINE float sin_anywhere(float x) {
  return vabs(x) <= TRIGONOMETRIC_LIMIT ? vsin(x) : sinf(x);
}

INLINE float cos_anywhere(float x) {
  return vabs(x) <= TRIGONOMETRIC_LIMIT ? vcos(x) : cosf(x);
}

INLINE float tan_anywhere(float x) {
  return vabs(x) <= TRIGONOMETRIC_LIMIT ? vtan(x) : tanf(x);
}

/* ---- their inverses ---------------------------------------------------- */

#define HALF_PI 1.57079637f
#define HALF_PI_LOW -4.37113883e-8f

/* asin(s) for |s| <= 1/2, z = s^2 */
INLINE float asin_near(float s, float z) {
  float p = 3.757831827e-02f;
  p = p * z + 1.439368352e-02f;
  p = p * z + 3.181985393e-02f;
  p = p * z + 4.451546818e-02f;
  p = p * z + 7.500512153e-02f;
  p = p * z + 1.666665971e-01f;
  return s + s * z * p;
}

/* Beyond 1/2: asin(a) = pi/2 - 2 asin(sqrt((1 - a) / 2)) */
INLINE float vasin(float x) {
  float a = vabs(x);
  bool far = a > 0.5f;
  float half = 0.5f - 0.5f * a;
  float z = far ? half : a * a;
  float s = far ? vsqrt(half) : a;
  float y = asin_near(s, z);
  float rest = HALF_PI + (HALF_PI_LOW - 2.0f * y);
  return vcopysign(far ? rest : y, x) + 0.0f * x;
}

INLINE float vacos(float x) {
  float a = vabs(x);
  bool far = a > 0.5f;
  float half = 0.5f - 0.5f * a;
  float z = far ? half : a * a;
  float s = far ? vsqrt(half) : x;
  float y = asin_near(s, z);
  float left = 2.0f * HALF_PI + (2.0f * HALF_PI_LOW - 2.0f * y);
  float ends = x < 0.0f ? left : 2.0f * y;
  return far ? ends : HALF_PI + (HALF_PI_LOW - y);
}

/* atan(t) for 0 <= t <= 1 */
INLINE float atan_near(float t) {
  float z = t * t;
  float p = -1.827219850e-03f;
  p = p * z + 1.106447261e-02f;
  p = p * z - 3.145576268e-02f;
  p = p * z + 5.823461339e-02f;
  p = p * z - 8.419463038e-02f;
  p = p * z + 1.095757782e-01f;
  p = p * z - 1.426524520e-01f;
  p = p * z + 1.999863833e-01f;
  p = p * z - 3.333330154e-01f;
  return t + t * z * p;
}

INLINE float vatan(float x) {
  float a = vabs(x);
  bool far = a > 1.0f;
  float y = atan_near((far ? 1.0f : a) / (far ? a : 1.0f));
  float rest = HALF_PI + (HALF_PI_LOW - y);
  return vcopysign(far ? rest : y, x);
}

/* the angle of the point (x, y) */
INLINE float vatan2(float y, float x) {
  float ay = vabs(y), ax = vabs(x);
  bool steep = ay > ax;
  float num = steep ? ax : ay, den = steep ? ay : ax;
  float t = num / den;
  t = num == den ? 1.0f : t; /* both infinite */
  t = den == 0.0f ? num : t; /* both zero, or NaN over zero */
  float r = atan_near(t);
  float rest = HALF_PI + (HALF_PI_LOW - r);
  r = steep ? rest : r;
  float left = 2.0f * HALF_PI + (2.0f * HALF_PI_LOW - r);
  r = (float_bits(x) & SIGN_BIT) ? left : r;
  return vcopysign(r, y);
}

/* ---- hyperbolic functions ---------------------------------------------- */

INLINE float vsinh(float x) {
  float a = vabs(x), z = x * x;
  float p = 2.817439508e-06f;
  p = p * z + 1.983606635e-04f;
  p = p * z + 8.333350532e-03f;
  p = p * z + 1.666666716e-01f;
  float near = x + x * z * p;
  float e = exp_scaled(a, 1);
  float far = vcopysign(e - 0.25f / e, x);
  return a < 1.0f ? near : far;
}

INLINE float vcosh(float x) {
  float e = exp_scaled(vabs(x), 1);
  return e + 0.25f / e;
}

#define LN2 0.693147181f

/* log(a + sqrt(a^2 + 1)); from 2^30 on that is log 2a */
INLINE float vasinh(float x) {
  float a = vabs(x);
  bool far = a > 1073741824.0f;
  float s = far ? 0.0f : a;
  float w = s + s * s / (1.0f + vsqrt(s * s + 1.0f));
  float y = vlog1p(far ? a : w);
  y = far ? y + LN2 : y;
  return vcopysign(y, x);
}

INLINE float vacosh(float x) {
  bool far = x > 1073741824.0f;
  float t = far ? 0.0f : x - 1.0f;
  float w = t + vsqrt(t * (t + 2.0f));
  float y = vlog1p(far ? x : w);
  y = far ? y + LN2 : y;
  return x < 1.0f ? NAN : y;
}

INLINE float vatanh(float x) {
  float a = vabs(x);
  return vcopysign(0.5f * vlog1p(2.0f * a / (1.0f - a)), x);
}

/* ---- error function ---------------------------------------------------- */

/* Near zero an odd polynomial, then 1 - exp(-t - t Q(t)) */
INLINE float verf(float x) {
  float a = vabs(x), z = x * x;
  float p = 8.364653331e-05f;
  p = p * z - 8.142034058e-04f;
  p = p * z + 5.201038439e-03f;
  p = p * z - 2.685943246e-02f;
  p = p * z + 1.128369719e-01f;
  p = p * z - 3.761263490e-01f;
  p = p * z + 1.283791661e-01f;
  float near = x + x * p;
  float t = a > 4.0f ? 4.0f : a;
  float q = -2.139848657e-04f;
  q = q * t + 3.214955097e-03f;
  q = q * t - 2.288996242e-02f;
  q = q * t + 1.052618399e-01f;
  q = q * t + 6.357183456e-01f;
  q = q * t + 1.285143644e-01f;
  float far = 1.0f - vexp(-t - t * q);
  return a < 0.92f ? near : vcopysign(far, x);
}

/* ---- power ------------------------------------------------------------- */

/* 2^(y log2|x|) in double, where the product needs 31 bits; then the signs
** and the cases that C99 (annex F) lists. */
INLINE float vpow(float x, float y) {
  float a = vabs(x);
  bool tiny = a < 1.17549435e-38f;
  float v = tiny ? a * 8388608.0f : a;
  float k = split_exponent(v);
  double e = tiny ? k - 23.0f : k, m = split_mantissa(v);
  double s = (m - 1.0) / (m + 1.0), z = s * s;
  double p = 3.40759361938223815e-01;
  p = p * z + 4.11671134069040823e-01;
  p = p * z + 5.77083611594670254e-01;
  p = p * z + 9.61796673199914687e-01;
  p = p * z + 2.88539008179020318e+00;
  double l = e + s * p;
  l = a == 0.0f ? (double)-INFINITY : l;
  l = a < INFINITY ? l : (double)a; /* inf and NaN stay */
  double w = l * y;
  w = w > 200.0 ? 200.0 : w;
  w = w < -200.0 ? -200.0 : w;
  double t = w + ROUNDER_DOUBLE;
  double r = w - (t - ROUNDER_DOUBLE);
  double q = 1.52018287081526618e-05;
  q = q * r + 1.54694223815702415e-04;
  q = q * r + 1.33339239754329654e-03;
  q = q * r + 9.61802684737483524e-03;
  q = q * r + 5.55041035044318981e-02;
  q = q * r + 2.40226512011597088e-01;
  q = q * r + 6.93147180729760115e-01;
  q = q * r + 9.99999999961378006e-01;
  float f = (float)(q * bits_double((double_bits(t) + 1023) << 52));
  float ay = vabs(y);
  bool large = ay >= 8388608.0f; /* then it has no fraction */
  float whole = large ? ay : ay + 8388608.0f;
  bool integer = large | (whole - 8388608.0f == ay);
  uint32_t odd = ay < 16777216.0f ? float_bits(whole) & 1 : 0;
  odd = integer ? odd : 0;
  f = bits_float(float_bits(f) ^ (float_bits(x) & (odd << 31)));
  bool undefined = (x < 0.0f) & !integer & (a < INFINITY);
  f = undefined ? NAN : f;
  bool one = (x == 1.0f) | (y == 0.0f) | ((a == 1.0f) & (ay == INFINITY));
  return one ? 1.0f : f;
}

#endif
