/* Buffers and the tensors that look into them. A buffer is counted, because
** views, variables and plans share it; the last tensor that is dropped frees it
** or gives a host its memory back. Storage formats of single floats are here
** too. */

#include "tensor/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* With room for so many bytes behind it. */
static Buffer *buffer_header(Account *a, size_t bytes, size_t behind,
                             Error *e) {
  Buffer *b = mem_new(a, 1, sizeof *b + behind);
  if (b == NULL) {
    fail_memory(e, "out of memory");
    return NULL;
  }
  atomic_init(&b->refs, 1);
  b->bytes = bytes;
  return b;
}

static const char *readable_size(double bytes, char text[32]) {
  static const char *const unit[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
  int u = 0;
  for (; bytes >= 1024 && u + 1 < COUNT_OF(unit); u++)
    bytes /= 1024;
  snprintf(text, 32, u == 0 ? "%.0f %s" : "%.1f %s", bytes, unit[u]);
  return text;
}

static bool out_of_memory(const Type *type, Account *account, double bytes,
                          Error *e) {
  char shape[TYPE_TEXT], wanted[32], live[32], limit[32];
  AccountReport r = account_report(account);
  return fail_memory(e, "out of memory: %s wanted for %s %s, %s live%s%s",
              readable_size(bytes, wanted), type_text(type, shape),
              dtype_name((DType)type->dtype),
              readable_size((double)r.live, live),
              r.limit ? ", limit " : "",
              r.limit ? readable_size((double)r.limit, limit) : "");
}

/* Bytes are counted as a double first, since sizes may be absurd and their
** product overflow. */
static double count_bytes(const Type *type) {
  double bytes = dtype_size((DType)type->dtype);
  for (int i = 0; i < type->rank; i++)
    bytes *= (double)type->dim[i];
  return bytes;
}

static void *align(void *p) {
  return (void *)(((uintptr_t)p + 63) & ~(uintptr_t)63);
}

/* Few numbers lie in the record of their buffer, behind what is beside it. */
static bool new_with(Tensor *t, Account *account, const Type *type,
                     int64_t more, size_t beside, void **record, Error *e) {
  double wanted = count_bytes(type) + (double)more;
  if (wanted > 0x1p60)
    return out_of_memory(type, account, wanted, e);
  size_t bytes = (size_t)wanted;
  bool small = bytes <= BLOCK_IN_RECORD && bytes > 0;
  Buffer *b = buffer_header(account, bytes, beside + (small ? bytes + 63 : 0),
                            e);
  if (b == NULL)
    return false;
  b->account = account;
  b->in_record = small;
  b->data = small ? align((char *)(b + 1) + beside)
                  : block_new(account, bytes);
  if (b->data == NULL) {
    mem_free(b);
    return out_of_memory(type, account, wanted, e);
  }
  *record = b + 1;
  *t = (Tensor){*type, b, b->data};
  return true;
}

bool tensor_new_with(Tensor *t, Account *account, const Type *type,
                     size_t beside, void **record, Error *e) {
  return new_with(t, account, type, 0, beside, record, e);
}

bool tensor_new(Tensor *t, Account *account, const Type *type, Error *e) {
  void *nothing;
  return new_with(t, account, type, 0, 0, &nothing, e);
}

bool tensor_new_strings(Tensor *t, Account *account, const Type *type,
                        int64_t bytes, char **room, Error *e) {
  void *nothing;
  if (!new_with(t, account, type, bytes, 0, &nothing, e))
    return false;
  int64_t n = type_elements(type);
  Str *str = t->data;
  *room = (char *)(str + n);
  for (int64_t i = 0; i < n; i++)
    str[i] = (Str){*room, 0};
  return true;
}

/* `payer` pays for the record, and lives as long as it. */
static bool adopt(Tensor *t, Account *payer, const Type *type, void *data,
                  void (*release)(void *ud, void *data), void *ud, Error *e) {
  Buffer *b = buffer_header(payer, (size_t)type_bytes(type), 0, e);
  if (b == NULL)
    return false;
  b->data = data;
  b->account = payer;
  b->release = release;
  b->ud = ud;
  *t = (Tensor){*type, b, data};
  return true;
}

bool tensor_adopt(Tensor *t, const Type *type, void *data, bool read_only,
                  void (*release)(void *ud, void *data), void *ud, Error *e) {
  if (!adopt(t, NULL, type, data, release, ud, e))
    return false;
  t->buffer->read_only = read_only;
  return true;
}

bool tensor_on(Tensor *t, Account *account, const Type *type, const void *data,
               void (*release)(void *ud, void *data), void *ud, Error *e) {
  void *memory = (void *)(uintptr_t)data; /* read_only: it stays as it is */
  if (!adopt(t, account, type, memory, release, ud, e))
    return false;
  t->buffer->read_only = true;
  return true;
}

Tensor tensor_share(const Tensor *t) {
  if (t->buffer)
    atomic_fetch_add_explicit(&t->buffer->refs, 1, memory_order_relaxed);
  return *t;
}

Tensor tensor_view(const Tensor *t, const Type *type, int64_t offset) {
  Tensor v = tensor_share(t);
  v.type = *type;
  v.data = (char *)v.data + offset;
  return v;
}

void tensor_drop(Tensor *t) {
  Buffer *b = t->buffer;
  t->buffer = NULL;
  t->data = NULL;
  if (b == NULL ||
      atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) > 1)
    return;
  if (b->release && !atomic_load(&b->detached))
    b->release(b->ud, b->data);
  else if (b->account && !b->read_only && !b->in_record)
    block_free(b->account, b->data, b->bytes);
  mem_free(b);
}

bool tensor_readable(const Tensor *t, Error *e) {
  if (t->buffer == NULL)
    return fail(e, "tensor used after release");
  if (atomic_load_explicit(&t->buffer->detached, memory_order_acquire))
    return fail(e, "the host took this tensor's memory back");
  return true;
}

bool tensor_writable(const Tensor *t, Error *e) {
  if (!tensor_readable(t, e))
    return false;
  if (t->buffer->read_only && t->buffer->account)
    return fail(e, "this tensor lies on a file, and is for reading only");
  if (t->buffer->read_only)
    return fail(e, "the host lent this tensor for reading only");
  return true;
}

/* The bytes of strings lie behind them, or with a host: they go along. */
static bool new_of_strings(Tensor *t, Account *account, const Type *type,
                           const Str *from, Error *e) {
  int64_t n = type_elements(type), bytes = 0;
  char *room;
  for (int64_t i = 0; i < n; i++)
    bytes += (int64_t)from[i].size;
  if (!tensor_new_strings(t, account, type, bytes, &room, e))
    return false;
  Str *to = t->data;
  for (int64_t i = 0; i < n; i++) {
    if (from[i].size > 0)
      memcpy(room, from[i].text, from[i].size);
    to[i] = (Str){room, from[i].size};
    room += from[i].size;
  }
  return true;
}

bool tensor_new_of(Tensor *t, Account *account, const Type *type,
                   const void *data, Error *e) {
  if (type->dtype == STR)
    return new_of_strings(t, account, type, data, e);
  if (!tensor_new(t, account, type, e))
    return false;
  if (type_bytes(type) > 0)
    memcpy(t->data, data, (size_t)type_bytes(type));
  return true;
}

bool tensor_copy(Tensor *own, const Tensor *t, Account *account, Error *e) {
  return tensor_readable(t, e) &&
         tensor_new_of(own, account, &t->type, t->data, e);
}

bool tensor_own(Tensor *t, Account *account, Error *e) {
  Tensor own;
  if (t->buffer == NULL || !t->buffer->read_only || t->buffer->account == NULL)
    return true;
  if (!tensor_copy(&own, t, account, e))
    return false;
  tensor_drop(t);
  *t = own;
  return true;
}

float half_to_float(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16;
  int exponent = (h >> 10) & 31;
  uint32_t mantissa = h & 0x3ff;
  if (exponent == 0) {
    float tiny = ldexpf((float)mantissa, -24);
    return sign ? -tiny : tiny;
  }
  uint32_t bits = exponent == 31
                      ? sign | 0x7f800000 | mantissa << 13
                      : sign | (uint32_t)(exponent + 112) << 23 | mantissa << 13;
  float f;
  memcpy(&f, &bits, 4);
  return f;
}

uint16_t float_to_half(float f) {
  uint32_t bits;
  memcpy(&bits, &f, 4);
  uint16_t sign = (uint16_t)((bits >> 16) & 0x8000);
  uint32_t rest = bits & 0x7fffffff;
  if (rest > 0x7f800000) /* NaN */
    return (uint16_t)(sign | 0x7e00);
  if (rest >= 0x477ff000) /* rounds past 65504 */
    return (uint16_t)(sign | 0x7c00);
  if (rest < 0x38800000) { /* a denormal half, or zero */
    float scaled = rintf(ldexpf(fabsf(f), 24));
    return (uint16_t)(sign | (uint16_t)scaled);
  }
  /* to the nearest, halves to the even one: 13 bits of the mantissa go */
  uint32_t rounded = rest + 0xfff + ((rest >> 13) & 1);
  return (uint16_t)(sign | ((rounded - 0x38000000) >> 13));
}

float bfloat_to_float(uint16_t b) {
  uint32_t bits = (uint32_t)b << 16;
  float f;
  memcpy(&f, &bits, 4);
  return f;
}

uint16_t float_to_bfloat(float f) {
  uint32_t bits;
  memcpy(&bits, &f, 4);
  if ((bits & 0x7fffffff) > 0x7f800000) /* a NaN stays one without its end */
    return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

double tensor_get(const Tensor *t, int64_t i) {
  switch ((DType)t->type.dtype) {
    case F32: return ((const float *)t->data)[i];
    case I32: return ((const int32_t *)t->data)[i];
    case BOOL: return ((const uint8_t *)t->data)[i];
    case F16: return half_to_float(((const uint16_t *)t->data)[i]);
    case BF16: return bfloat_to_float(((const uint16_t *)t->data)[i]);
    case F64: return ((const double *)t->data)[i];
    case I8: return ((const int8_t *)t->data)[i];
    case U8: return ((const uint8_t *)t->data)[i];
    case I64: return (double)((const int64_t *)t->data)[i];
    default: return 0;
  }
}

/* C leaves the conversion of a float that does not fit undefined. */
static int64_t clamp(double v, double low, double high) {
  return v != v ? 0 : v <= low ? (int64_t)low
       : v >= high ? (int64_t)high : (int64_t)v;
}

void tensor_put(const Tensor *t, int64_t i, double v) {
  switch ((DType)t->type.dtype) {
    case F32: ((float *)t->data)[i] = (float)v; break;
    case I32:
      ((int32_t *)t->data)[i] = (int32_t)clamp(v, INT32_MIN, INT32_MAX);
      break;
    case BOOL: ((uint8_t *)t->data)[i] = v != 0; break;
    case F16: ((uint16_t *)t->data)[i] = float_to_half((float)v); break;
    case BF16: ((uint16_t *)t->data)[i] = float_to_bfloat((float)v); break;
    case F64: ((double *)t->data)[i] = v; break;
    case I8: ((int8_t *)t->data)[i] = (int8_t)clamp(v, -128, 127); break;
    case U8: ((uint8_t *)t->data)[i] = (uint8_t)clamp(v, 0, 255); break;
    case I64:
      ((int64_t *)t->data)[i] = clamp(v, -0x1p63, 0x1.fffffffffffffp62);
      break;
    default: break;
  }
}
