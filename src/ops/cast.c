/* Conversion between all element types. */

#include "base/each_isa.h"
#include "ops/strip.h"

/* How each type is read as a plain C number. */
#define GET_PLAIN(x) (x)
#define GET_HALF(x) half_to_float(x)
#define GET_BFLOAT(x) bfloat_to_float(x)

/* C leaves the conversion of a number that does not fit undefined: it
** saturates here, and NaN gives 0. */
#define TO_INT(x, low, high) \
  ((x) != (x) ? 0 : (x) <= (low) ? (low) : (x) >= (high) ? (high) : (x))
#define PUT_F32(x) (float)(x)
#define PUT_I32(x) (int32_t)TO_INT(x, -2147483648.0, 2147483647.0)
#define PUT_BOOL(x) (uint8_t)((x) != 0)
#define PUT_F16(x) float_to_half((float)(x))
#define PUT_BF16(x) float_to_bfloat((float)(x))
#define PUT_F64(x) (double)(x)
#define PUT_I8(x) (int8_t)TO_INT(x, -128, 127)
#define PUT_U8(x) (uint8_t)TO_INT(x, 0, 255)
#define PUT_I64(x) \
  ((x) >= 0x1p63 ? INT64_MAX : (x) < -0x1p63 ? INT64_MIN : (x) != (x) ? 0 \
                                                         : (int64_t)(x))

#define CAST(from, get, xtype, to, ytype)                          \
  STRIP(from##_to_##to) {                                          \
    ytype *y = py;                                                 \
    const xtype *x = pa;                                           \
    (void)pb, (void)pc, (void)imm;                                 \
    for (int i = 0; i < n; i++)                                    \
      y[i] = PUT_##to(get(x[i]));                                  \
  }

#define CASTS_FROM(from, get, xtype)    \
  CAST(from, get, xtype, F32, float)    \
  CAST(from, get, xtype, I32, int32_t)  \
  CAST(from, get, xtype, BOOL, uint8_t) \
  CAST(from, get, xtype, F16, uint16_t) \
  CAST(from, get, xtype, BF16, uint16_t)\
  CAST(from, get, xtype, F64, double)   \
  CAST(from, get, xtype, I8, int8_t)    \
  CAST(from, get, xtype, U8, uint8_t)   \
  CAST(from, get, xtype, I64, int64_t)

CASTS_FROM(F32, GET_PLAIN, float)
CASTS_FROM(I32, GET_PLAIN, int32_t)
CASTS_FROM(BOOL, GET_PLAIN, uint8_t)
CASTS_FROM(F16, GET_HALF, uint16_t)
CASTS_FROM(BF16, GET_BFLOAT, uint16_t)
CASTS_FROM(F64, GET_PLAIN, double)
CASTS_FROM(I8, GET_PLAIN, int8_t)
CASTS_FROM(U8, GET_PLAIN, uint8_t)
CASTS_FROM(I64, GET_PLAIN, int64_t)

#if ISA_FIRST

#define STRIPS_FROM(from)                                                 \
  [from] = {                                                              \
    [F32] = from##_to_F32, [I32] = from##_to_I32, [BOOL] = from##_to_BOOL, \
    [F16] = from##_to_F16, [BF16] = from##_to_BF16, [F64] = from##_to_F64, \
    [I8] = from##_to_I8, [U8] = from##_to_U8, [I64] = from##_to_I64       \
  }

static const Strip *pick_cast(const OpCall *s) {
  static const Strip *const strips[DTYPE_COUNT][DTYPE_COUNT] = {
    STRIPS_FROM(F32), STRIPS_FROM(I32), STRIPS_FROM(BOOL), STRIPS_FROM(F16),
    STRIPS_FROM(BF16), STRIPS_FROM(F64), STRIPS_FROM(I8), STRIPS_FROM(U8),
    STRIPS_FROM(I64)
  };
  return strips[s->in[0].dtype][s->out[0].dtype];
}

static bool cast_shape(Rule *r) {
  r->out[0] = r->in[0];
  r->out[0].dtype = (int32_t)r->attr[0].i[0];
  return true;
}

static void cast_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  DType from = (DType)val_type(input(n, 0))->dtype;
  if (dtype_is_float(from) && dtype_is_float((DType)n->out[0].type.dtype))
    dx[0] = cast_as(c, dy[0], from);
}

static bool same_type(Context *c, const Op *op, const Val *x, int nin,
                      const Attr *attr, Val *y) {
  (void)c, (void)op, (void)nin;
  *y = x[0];
  return val_type(x[0])->dtype == attr[0].i[0];
}

const Op ops_cast[] = {
  {"cast", "x, dtype:dtype", ELEMENTWISE, AS_IS, cast_shape,
   .pick = pick_cast, .expand = same_type, .vjp = cast_vjp,
   .doc = "x as another element type; numbers that do not fit saturate."},
  {0}
};

#endif
