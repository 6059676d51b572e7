/* Types, buffers and tensors. A tensor is dense and row-major; a view is a
** run of leading rows or the same elements in another shape, so it is a
** pointer into a shared buffer. Knows nothing of ops. */
#ifndef TENSOR_TENSOR_H
#define TENSOR_TENSOR_H

#include <stdatomic.h>

#include "base/memory.h"

/* The first three compute; the others are storage, converted by a cast. Strings
** (Str) are looked up and split, and nothing else (traits of the op rows); their
** bytes lie in the tensor's own buffer, or with the host that lent it. */
typedef enum DType {
  F32, I32, BOOL, F16, BF16, F64, I8, U8, I64, STR, DTYPE_COUNT
} DType;

const char *dtype_name(DType d);
bool dtype_find(const char *name, DType *d); /* false: no such name */
int dtype_size(DType d);
DType dtype_compute(DType d); /* what a value of this type computes as */
bool dtype_is_float(DType d);

/* Can the type hold this number? Fractions are cut off, as Keras does. */
bool dtype_holds(DType d, double v);

/* Bytes from outside: kernels take a boolean for 0 or 1. */
bool bytes_are_booleans(const void *data, int64_t n);

enum { UNKNOWN = -1 }; /* a size that is known at run time only */

/* Sizes beyond the rank are zero, so types compare with memcmp. */
typedef struct Type {
  int32_t dtype, rank;
  int64_t dim[MAX_RANK];
} Type;

Type type_new(DType d, int rank, const int64_t *dim);
bool type_equal(const Type *a, const Type *b);
bool type_same_sizes(const Type *a, const Type *b);
/* Whether t's sizes, where it knows them, are those of `known`. */
bool type_may_be(const Type *t, const Type *known);
bool type_known(const Type *t);           /* no unknown size */
bool type_countable(const Type *t);       /* its bytes fit an int64 */
int64_t type_elements(const Type *t);     /* UNKNOWN when a size is */
int64_t type_bytes(const Type *t);
/* product of dim[from..to) */
int64_t type_span(const Type *t, int from, int to);
/* "(None, 128)"; returns text */
enum { TYPE_TEXT = 200 };
const char *type_text(const Type *t, char text[TYPE_TEXT]);

/* Bytes with an owner. Counted atomically: plans share them over threads. */
typedef struct Buffer {
  atomic_int refs;
  size_t bytes;
  void *data;
  Account *account; /* NULL: the memory is a host's, who may change it */
  void (*release)(void *ud, void *data); /* of memory that is no block of the
                                            account; may be NULL */
  void *ud;
  bool read_only, in_record; /* in_record: the numbers lie behind this */
  atomic_bool detached; /* the host took its memory back */
} Buffer;

typedef struct Tensor {
  Type type;
  Buffer *buffer; /* NULL: no value (a type alone) */
  void *data;     /* inside the buffer */
} Tensor;

/* A fresh tensor with undefined content. */
bool tensor_new(Tensor *t, Account *account, const Type *type, Error *e);
/* A tensor of strings, all of them empty, with room for so many bytes. */
bool tensor_new_strings(Tensor *t, Account *account, const Type *type,
                        int64_t bytes, char **room, Error *e);
/* The same with a record of so many bytes, all zero, that lives as long as the
** tensor's buffer: one allocation where two would be needed. */
bool tensor_new_with(Tensor *t, Account *account, const Type *type,
                     size_t beside, void **record, Error *e);
/* A tensor on a host's memory; release may be NULL (borrowed). */
bool tensor_adopt(Tensor *t, const Type *type, void *data, bool read_only,
                  void (*release)(void *ud, void *data), void *ud, Error *e);
/* A tensor on memory that nobody changes while it lives, such as a file's. */
bool tensor_on(Tensor *t, Account *account, const Type *type, const void *data,
               void (*release)(void *ud, void *data), void *ud, Error *e);
Tensor tensor_share(const Tensor *t);
/* A tensor of its own with the numbers, or strings, that lie at `data`; with
** those of another tensor, if it may be read. */
bool tensor_new_of(Tensor *t, Account *account, const Type *type,
                   const void *data, Error *e);
bool tensor_copy(Tensor *own, const Tensor *t, Account *account, Error *e);
/* The same buffer under another type, `offset` bytes further. */
Tensor tensor_view(const Tensor *t, const Type *type, int64_t offset);
void tensor_drop(Tensor *t);
/* False, with the reason, when the value may not be read (written) now. */
bool tensor_readable(const Tensor *t, Error *e);
bool tensor_writable(const Tensor *t, Error *e);
/* Copies what lies on memory that nobody changes, before something does. */
bool tensor_own(Tensor *t, Account *account, Error *e);

/* One element as a number, whatever the type. */
double tensor_get(const Tensor *t, int64_t i);
void tensor_put(const Tensor *t, int64_t i, double value);

/* Storage formats of one float. */
float half_to_float(uint16_t h);
uint16_t float_to_half(float f);
float bfloat_to_float(uint16_t b);
uint16_t float_to_bfloat(float f);

#endif
