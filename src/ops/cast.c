/* Conversion between all element types: a strip for each pair, so that a type
** that is only stored is read and written in the pass that computes. */

#include "base/each_isa.h"
#include "ops/strip.h"

/* How each type is read as a plain C number. */
#define GET_PLAIN(x) (x)
#define GET_HALF(x) half_to_float(x)
#define GET_BFLOAT(x) bfloat_to_float(x)

/* C leaves the conversion of a float that does not fit undefined, and so do
** the frameworks: it saturates here, and NaN gives 0. */
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

/* Whole numbers that do not fit wrap, as in Keras and NumPy. */
#define WRAP_F32(x) (float)(x)
#define WRAP_I32(x) (int32_t)(x)
#define WRAP_BOOL(x) (uint8_t)((x) != 0)
#define WRAP_F16(x) float_to_half((float)(x))
#define WRAP_BF16(x) float_to_bfloat((float)(x))
#define WRAP_F64(x) (double)(x)
#define WRAP_I8(x) (int8_t)(x)
#define WRAP_U8(x) (uint8_t)(x)
#define WRAP_I64(x) (int64_t)(x)

#define CAST(from, get, xtype, put, to, ytype)                     \
  STRIP(strip_##from##_to_##to) {                                  \
    ytype *y = py;                                                 \
    const xtype *x = pa;                                           \
    (void)pb, (void)pc, (void)imm;                                 \
    for (int i = 0; i < n; i++)                                    \
      y[i] = put##to(get(x[i]));                                   \
  }

#define CASTS_FROM(from, get, xtype, put)    \
  CAST(from, get, xtype, put, F32, float)    \
  CAST(from, get, xtype, put, I32, int32_t)  \
  CAST(from, get, xtype, put, BOOL, uint8_t) \
  CAST(from, get, xtype, put, F16, uint16_t) \
  CAST(from, get, xtype, put, BF16, uint16_t)\
  CAST(from, get, xtype, put, F64, double)   \
  CAST(from, get, xtype, put, I8, int8_t)    \
  CAST(from, get, xtype, put, U8, uint8_t)   \
  CAST(from, get, xtype, put, I64, int64_t)

CASTS_FROM(F32, GET_PLAIN, float, PUT_)
CASTS_FROM(I32, GET_PLAIN, int32_t, WRAP_)
CASTS_FROM(BOOL, GET_PLAIN, uint8_t, WRAP_)
CASTS_FROM(F16, GET_HALF, uint16_t, PUT_)
CASTS_FROM(BF16, GET_BFLOAT, uint16_t, PUT_)
CASTS_FROM(F64, GET_PLAIN, double, PUT_)
CASTS_FROM(I8, GET_PLAIN, int8_t, WRAP_)
CASTS_FROM(U8, GET_PLAIN, uint8_t, WRAP_)
CASTS_FROM(I64, GET_PLAIN, int64_t, WRAP_)

#if ISA_FIRST

#define TO(from, to) [to] = strip_##from##_to_##to
#define STRIPS_FROM(from)                                           \
  [from] = {                                                        \
    TO(from, F32), TO(from, I32), TO(from, BOOL), TO(from, F16),    \
    TO(from, BF16), TO(from, F64), TO(from, I8), TO(from, U8),      \
    TO(from, I64)                                                   \
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

/* ---- int64 as an operand ------------------------------------------------- */

/* What computes takes int64 as int32: a number that does not fit is a fault,
** where an explicit cast would wrap. */
static bool narrow_shape(Rule *r) {
  r->out[0] = r->in[0];
  r->out[0].dtype = I32;
  return r->in[0].dtype == I64 ||
         fail(r->error, "x is %s, int64 is wanted",
              dtype_name((DType)r->in[0].dtype));
}

static int64_t narrow_tasks(const OpCall *s) {
  enum { GRAIN = 1 << 16 };
  int64_t tasks = type_elements(&s->out[0]) / GRAIN;
  return tasks < 1 ? 1 : tasks;
}

static void narrow_run(const OpCall *s, const Run *r, int64_t task) {
  int64_t n = type_elements(&s->out[0]), tasks = narrow_tasks(s);
  const int64_t *x = r->in[0];
  int32_t *y = r->out[0];
  for (int64_t i = n * task / tasks; i < n * (task + 1) / tasks; i++) {
    y[i] = (int32_t)x[i];
    if (y[i] != x[i]) {
      run_fault(r, "%lld does not fit int32, which int64 is computed in (cast "
                   "it to float32 first)", (long long)x[i]);
      return;
    }
  }
}

const Op ops_cast[] = {
  {"cast", "x, dtype:dtype", ELEMENTWISE, AS_IS, cast_shape,
   .pick = pick_cast, .expand = same_type, .vjp = cast_vjp,
   .file_class = "core",
   .doc = "x as another element type. Whole numbers that do not fit wrap, "
          "floats saturate, NaN gives 0."},
  {"as_int32", "x", MOVE, AS_IS, narrow_shape, .tasks = narrow_tasks,
   .run = narrow_run, .traits = NO_GRADIENT | HIDDEN | FAULTS | FILED,
   .doc = "int64 as int32, when it fits."},
  {0}
};

#endif
