/* HDF5 files, read without trust and without libhdf5.
**
** A file is a heap of objects with addresses. An object has a header of
** messages; a group's lead to its links, a dataset's say its type, its shape
** and where its data lie. What libhdf5 writes by default is read, and of the
** newer style what is simple; the rest is refused by name. No function
** allocates. */
#ifndef READER_H
#define READER_H

#include "bytes.h"

enum { HDF5_RANK = 32, HDF5_FILTERS = 8 };

typedef struct Hdf5 {
  Bytes bytes;
  int offset_size, length_size;    /* of numbers in the file */
  uint64_t root;                   /* the address of the first group */
  uint64_t *work;                  /* grows by the bytes of headers and trees that
                                   ** are looked at */
} Hdf5;

typedef enum Kind {
  KIND_INT, KIND_UINT, KIND_FLOAT, KIND_BFLOAT, KIND_BOOL, KIND_OPAQUE,
  KIND_STRING,      /* of a fixed size, ended by a zero or not */
  KIND_TEXT         /* of any size: its bytes lie in a heap */
} Kind;

typedef struct Type { Kind kind; uint32_t size; bool is_big_endian; } Type;

typedef struct Space {
  int rank;
  uint64_t dim[HDF5_RANK];
  uint64_t count;                  /* of elements */
} Space;

/* Numbers or strings with their type and shape. */
typedef struct Values { Type type; Space space; Bytes data; } Values;

typedef enum Layout {
  LAYOUT_NONE, LAYOUT_PLAIN, LAYOUT_CHUNKS, LAYOUT_CHUNK
} Layout;

typedef struct Filter { int id; uint32_t value; } Filter;

typedef struct Dataset {
  Type type;
  Space space;
  Layout layout;
  Bytes plain;                     /* LAYOUT_PLAIN: the data */
  uint64_t address, chunk_size;    /* of the tree of chunks, or of the one */
  uint64_t chunk_mask;             /* of the one: filters that were left out */
  uint64_t chunk[HDF5_RANK];
  int filters;
  Filter filter[HDF5_FILTERS];
} Dataset;

/* Is it an HDF5 file? Finds the root. In a sound file nothing lies on something
** else, so *work, which begins at 0, tells who is made to look at the same bytes
** for many objects. */
bool hdf5_open(Hdf5 *h, Bytes bytes, uint64_t *work, Fault *why);

/* What an object has, told one by one; a visitor returns false to stop. */
typedef struct Visitor {
  void *context;
  bool (*link)(void *context, Bytes name, uint64_t address);
  /* `wrong` says why the values cannot be read, or is NULL */
  bool (*attribute)(void *context, Bytes name, const Values *values,
                    const char *wrong);
} Visitor;

typedef struct Object { bool is_group, is_dataset; Dataset dataset; } Object;

bool hdf5_object(const Hdf5 *h, uint64_t address, const Visitor *visitor,
                 Object *object, Fault *why);

/* Element i of texts or strings. `budget` falls by what the search took. */
bool hdf5_string(const Hdf5 *h, const Values *values, uint64_t i, Bytes *text,
                 uint64_t *budget, Fault *why);

/* The bytes that the data take, little-endian; 0 if that cannot be. */
uint64_t hdf5_size(const Hdf5 *h, const Dataset *d, Fault *why);

/* Bytes of work memory that hdf5_read wants. */
uint64_t hdf5_scratch(const Dataset *d);

bool hdf5_read(const Hdf5 *h, const Dataset *d, unsigned char *out,
               unsigned char *scratch, Fault *why);

/* ---- between the files of the reader ------------------------------------ */

typedef struct Message { int type; bool is_shared; Cursor body; } Message;

typedef bool (*MessageVisit)(void *context, const Message *message, Fault *why);

bool header_each(const Hdf5 *h, uint64_t address, MessageVisit visit,
                 void *context, Fault *why);

bool group_by_table(const Hdf5 *h, Cursor message, const Visitor *visitor,
                    Fault *why);
bool group_link(const Hdf5 *h, Cursor message, const Visitor *visitor,
                Fault *why);
bool group_info(const Hdf5 *h, Cursor message, Fault *why);

bool type_read(Cursor *c, Type *type, Fault *why);
bool space_read(const Hdf5 *h, Cursor *c, Space *space, Fault *why);

bool layout_read(const Hdf5 *h, Cursor c, Dataset *d, Fault *why);
bool filters_read(Cursor c, Dataset *d, Fault *why);

/* An address or a length of the file. */
uint64_t hdf5_offset(const Hdf5 *h, Cursor *c);
uint64_t hdf5_length(const Hdf5 *h, Cursor *c);

/* The address that stands for none. */
bool hdf5_is_nowhere(const Hdf5 *h, uint64_t address);

#endif
