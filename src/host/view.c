/* Messages, and the views in which a host sees tensors. */

#include "host/host.h"

#include <stdarg.h>
#include <stdio.h>

/* The public names of the types are their numbers inside. */
_Static_assert((int)LUNULA_FLOAT32 == F32 && (int)LUNULA_INT32 == I32 &&
                   (int)LUNULA_BOOL == BOOL && (int)LUNULA_FLOAT16 == F16 &&
                   (int)LUNULA_BFLOAT16 == BF16 &&
                   (int)LUNULA_FLOAT64 == F64 && (int)LUNULA_INT8 == I8 &&
                   (int)LUNULA_UINT8 == U8 && (int)LUNULA_INT64 == I64 &&
                   (int)LUNULA_STRING == STR &&
                   (int)LUNULA_STRING + 1 == DTYPE_COUNT,
               "lunula.h and tensor.h differ");
_Static_assert(sizeof(((lunula_view *)0)->shape) ==
                       MAX_RANK * sizeof(int64_t) &&
                   sizeof(lunula_string) == sizeof(Str) &&
                   offsetof(lunula_string, size) == offsetof(Str, size),
               "lunula.h and base.h differ");

const char *lunula_version(void) {
  return LUNULA_VERSION;
}

lunula_status host_refuse(lunula_error *error, lunula_status status,
                          const char *format, ...) {
  if (error == NULL)
    return status;
  va_list args;
  va_start(args, format);
  if (vsnprintf(error->text, sizeof error->text, format, args) < 0)
    *error->text = '\0';
  va_end(args);
  *error->traceback = '\0';
  return status;
}

lunula_status host_refuse_null(lunula_error *error, const char *what) {
  return host_refuse(error, LUNULA_ARGUMENT, "the %s is NULL", what);
}

lunula_status host_status(ErrorKind kind) {
  static const lunula_status status[] = {
    [ERROR_PLAIN] = LUNULA_ERROR, [ERROR_MEMORY] = LUNULA_MEMORY,
    [ERROR_CANCELLED] = LUNULA_CANCELLED, [ERROR_BUDGET] = LUNULA_BUDGET
  };
  return status[kind];
}

lunula_status host_refuse_error(lunula_error *error, const Error *e) {
  return host_refuse(error, host_status(e->kind), "%s", e->text);
}

bool view_type(const lunula_view *v, Type *type, Error *e) {
  if (v == NULL)
    return fail(e, "the view is NULL");
  if (v->dtype < 0 || v->dtype >= DTYPE_COUNT)
    return fail(e, "there is no dtype %d", v->dtype);
  if (v->rank < 0 || v->rank > MAX_RANK)
    return fail(e, "rank %d; tensors have at most %d axes", v->rank, MAX_RANK);
  for (int i = 0; i < v->rank; i++)
    if (v->shape[i] < 0)
      return fail(e, "size %d is %lld", i + 1, (long long)v->shape[i]);
  *type = type_new((DType)v->dtype, v->rank, v->shape);
  return type_countable(type) || fail(e, "no memory has so many numbers");
}

static bool check_strings(const lunula_view *v, int64_t n, Error *e) {
  if ((uintptr_t)v->data % _Alignof(lunula_string) != 0)
    return fail(e, "the address of a lunula_string must be a multiple of %d",
                (int)_Alignof(lunula_string));
  const lunula_string *s = v->data;
  for (int64_t i = 0; i < n; i++)
    if (s[i].text == NULL && s[i].size > 0)
      return fail(e, "string %lld has %zu bytes at NULL", (long long)i,
                  s[i].size);
  return true;
}

bool view_check(const lunula_view *v, Type *type, Error *e) {
  if (!view_type(v, type, e))
    return false;
  if (v->data == NULL && type_elements(type) > 0)
    return fail(e, "data is NULL");
  if (v->dtype == STR)
    return check_strings(v, type_elements(type), e);
  size_t item = (size_t)dtype_size((DType)v->dtype);
  if ((uintptr_t)v->data % item != 0)
    return fail(e, "the address of %s numbers must be a multiple of %d",
                dtype_name((DType)v->dtype), (int)item);
  return true;
}

void view_fill(lunula_view *v, const Type *type) {
  *v = (lunula_view){.dtype = type->dtype, .rank = type->rank};
  for (int i = 0; i < type->rank; i++)
    v->shape[i] = type->dim[i];
}

void view_of_tensor(lunula_view *v, const Tensor *t) {
  view_fill(v, &t->type);
  v->data = t->data;
  v->read_only = 1;
}

/* Without its shape it gets a rank that every call refuses. */
lunula_view lunula_const_view(const void *data, int dtype, int rank,
                              const int64_t *shape) {
  lunula_view v = {.data = (void *)(uintptr_t)data, .dtype = dtype,
                   .rank = shape || rank <= 0 ? rank : -1, .read_only = 1};
  for (int i = 0; i < v.rank && i < MAX_RANK; i++)
    v.shape[i] = shape[i];
  return v;
}

/* ---- structs that may grow ---------------------------------------------- */

bool host_knows(const void *theirs, size_t size, size_t known) {
  const char *bytes = theirs;
  for (size_t i = known; i < size; i++)
    if (bytes[i] != 0)
      return false;
  return true;
}

/* ---- pins --------------------------------------------------------------- */

struct lunula_pin {
  Tensor tensor;
};

lunula_pin *view_pin(const Tensor *t) {
  lunula_pin *p = mem_new(NULL, 1, sizeof *p);
  if (p)
    p->tensor = tensor_share(t);
  return p;
}

void lunula_unpin(lunula_pin *p) {
  if (p == NULL)
    return;
  tensor_drop(&p->tensor);
  mem_free(p);
}
