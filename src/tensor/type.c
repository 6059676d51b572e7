/* Element types and shapes. Of the element types three compute; each of the
** others says which of them it is converted to, but for strings. */

#include <stdio.h>
#include <string.h>

#include "tensor/tensor.h"

static const struct {
  const char *name;
  int size;
  DType compute;
} dtypes[DTYPE_COUNT] = {
  [F32] = {"float32", 4, F32},   [I32] = {"int32", 4, I32},
  [BOOL] = {"bool", 1, BOOL},    [F16] = {"float16", 2, F32},
  [BF16] = {"bfloat16", 2, F32}, [F64] = {"float64", 8, F32},
  [I8] = {"int8", 1, I32},       [U8] = {"uint8", 1, I32},
  [I64] = {"int64", 8, I32},     [STR] = {"string", sizeof(Str), STR},
};

const char *dtype_name(DType d) {
  return dtypes[d].name;
}

bool dtype_find(const char *name, DType *d) {
  if (strcmp(name, "int") == 0) /* as Keras has it on JAX and PyTorch */
    name = dtypes[I32].name;
  for (int i = 0; i < DTYPE_COUNT; i++)
    if (strcmp(dtypes[i].name, name) == 0) {
      *d = (DType)i;
      return true;
    }
  return false;
}

int dtype_size(DType d) {
  return dtypes[d].size;
}

DType dtype_compute(DType d) {
  return dtypes[d].compute;
}

bool dtype_is_float(DType d) {
  return dtypes[d].compute == F32;
}

bool dtype_holds(DType d, double v) {
  switch (d) {
    case I8: return v > -129 && v < 128;
    case U8: return v > -1 && v < 256;
    case I32: return v > -0x1.00000002p31 && v < 0x1p31;
    case I64: return v >= -0x1p63 && v < 0x1p63;
    case STR: return false;
    default: return true;
  }
}

bool bytes_are_booleans(const void *data, int64_t n) {
  const unsigned char *p = data;
  unsigned char all = 0;
  for (int64_t i = 0; i < n; i++)
    all |= p[i];
  return all <= 1;
}

/* Sizes beyond the rank are zero: types are compared as memory. */
Type type_new(DType d, int rank, const int64_t *dim) {
  Type t = {.dtype = d, .rank = rank};
  for (int i = 0; i < rank; i++)
    t.dim[i] = dim[i];
  return t;
}

/* Number by number: types are often compared just when they were filled in, and
** to load more at once than was stored makes the processor wait. */
bool type_same_sizes(const Type *a, const Type *b) {
  if (a->rank != b->rank)
    return false;
  for (int i = 0; i < a->rank; i++)
    if (a->dim[i] != b->dim[i])
      return false;
  return true;
}

bool type_equal(const Type *a, const Type *b) {
  return a->dtype == b->dtype && type_same_sizes(a, b);
}

bool type_may_be(const Type *t, const Type *known) {
  if (t->rank != known->rank)
    return false;
  for (int i = 0; i < t->rank; i++)
    if (t->dim[i] != UNKNOWN && t->dim[i] != known->dim[i])
      return false;
  return true;
}

bool type_known(const Type *t) {
  for (int i = 0; i < t->rank; i++)
    if (t->dim[i] < 0)
      return false;
  return true;
}

/* Sizes of 0 and unknown ones do not make up for the others: products of some
** of the sizes are taken everywhere. */
bool type_countable(const Type *t) {
  double n = 8;
  for (int i = 0; i < t->rank; i++)
    n *= t->dim[i] > 1 ? (double)t->dim[i] : 1;
  return n <= 0x1p60;
}

int64_t type_span(const Type *t, int from, int to) {
  int64_t n = 1;
  for (int i = from; i < to; i++) {
    if (t->dim[i] < 0)
      return UNKNOWN;
    n *= t->dim[i];
  }
  return n;
}

int64_t type_elements(const Type *t) {
  return type_span(t, 0, t->rank);
}

int64_t type_bytes(const Type *t) {
  int64_t n = type_elements(t);
  return n < 0 ? UNKNOWN : n * dtype_size((DType)t->dtype);
}

const char *type_text(const Type *t, char text[TYPE_TEXT]) {
  int at = snprintf(text, TYPE_TEXT, "(");
  for (int i = 0; i < t->rank; i++) {
    const char *comma = i + 1 < t->rank || t->rank == 1 ? "," : "";
    const char *space = i + 1 < t->rank ? " " : "";
    if (t->dim[i] < 0)
      at += snprintf(text + at, TYPE_TEXT - (size_t)at, "None%s%s", comma,
                     space);
    else
      at += snprintf(text + at, TYPE_TEXT - (size_t)at, "%lld%s%s",
                     (long long)t->dim[i], comma, space);
  }
  snprintf(text + at, TYPE_TEXT - (size_t)at, ")");
  return text;
}
