/* Files of tensors: eight bytes that say how long the header is, a header in
** JSON, the tensors. What others write is read, and the other way round.
**
** A header says of each tensor its element type, its sizes and where in the
** data it lies; "__metadata__" holds texts. All of it is checked before a
** tensor is taken: a file of this kind can be refused, or is right. */
#ifndef FILES_SAFETENSORS_H
#define FILES_SAFETENSORS_H

#include "files/file_in.h"
#include "tensor/tensor.h"

/* Tensors of a file, counted; tensors that were taken lie on its memory. */
typedef struct TensorFile TensorFile;

enum { TENSOR_FILE_LENGTH = 8 }; /* bytes that say how long the header is */
/* No longer header is written, for others' readers refuse it; nor read. */
#define TENSOR_FILE_HEADER 100000000

typedef struct TensorEntry {
  const char *name;
  Type type;            /* dtype DTYPE_COUNT: an element type that we lack */
  const char *stored;   /* what the file calls the element type */
  int64_t offset, bytes; /* in the data */
  /* of safetensors.c */
  TensorFile *file;
  int taken; /* how many tensors lie on it now */
} TensorEntry;

typedef struct TextEntry {
  const char *name, *text;
  size_t length;
} TextEntry;

/* Checks it all. NULL with the error, which begins with the path. */
TensorFile *tensor_file_open(Account *a, const char *path, Error *e);
/* The same of a file's bytes in memory (file_in.h), whose reference it takes
** over in any case; messages call it `name`. */
TensorFile *tensor_file_of(Account *a, FileIn *bytes, const char *name,
                           Error *e);
TensorFile *tensor_file_retain(TensorFile *f);
void tensor_file_release(TensorFile *f); /* NULL is allowed */

const char *tensor_file_name(const TensorFile *f); /* the path */
/* In the order of the header; NULL past the last. */
const TensorEntry *tensor_file_at(const TensorFile *f, int i);
const TensorEntry *tensor_file_find(const TensorFile *f, const char *name);
const TextEntry *tensor_file_text_at(const TensorFile *f, int i);
const TextEntry *tensor_file_text(const TensorFile *f, const char *name);

/* The tensor: on the file's memory, or a copy where it lies there badly. */
bool tensor_file_take(TensorFile *f, const TensorEntry *x, Tensor *t, Error *e);

/* ---- writing (safetensors_out.c) ----------------------------------------- */

typedef struct TensorItem {
  const char *name;
  Tensor tensor; /* the caller's */
} TensorItem;

typedef struct TensorSaving {
  const TensorItem *item;
  const TextEntry *text;
  int items, texts;
  DType floats;   /* what floats are stored as; DTYPE_COUNT: as they are */
  bool overwrite; /* a file that is there */
} TensorSaving;

/* Writes the file as a whole or not at all (file_out.h). */
bool tensor_file_write(Account *a, const char *path, const TensorSaving *s,
                       Error *e);

/* ---- what both know (safetensors_types.c) -------------------------------- */

/* The element type by the file's name of it; its bits, 0: there is none. */
int stored_bits(const char *name, size_t length, DType *d, const char **known);
const char *stored_name(DType d);

#endif
