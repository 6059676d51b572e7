/* A file's bytes in memory, for reading: mapped where the system can, so that
** only what is looked at is read, and else read. Counted: tensors lie on it. */
#ifndef FILES_FILE_IN_H
#define FILES_FILE_IN_H

#include <stdatomic.h>

#include "base/memory.h"

typedef struct FileIn {
  atomic_int refs;
  const char *data;
  size_t size;
  bool mapped;
  Account *account; /* that paid for a block; NULL: for none */
  void (*release)(void *ud, void *data); /* of a caller's memory */
  void *ud;
} FileIn;

/* NULL with the error, which begins with the path. */
FileIn *file_in_open(Account *a, const char *path, Error *e);
/* A caller's memory, which stays as it is until `release` (may be NULL). Not
** released when that fails. */
FileIn *file_in_lent(Account *a, const void *data, size_t size,
                     void (*release)(void *ud, void *data), void *ud, Error *e);
/* A copy of these bytes. */
FileIn *file_in_copy(Account *a, const void *data, size_t size, Error *e);
FileIn *file_in_retain(FileIn *f);
void file_in_release(FileIn *f);
/* These bytes will not be looked at for a while: the system may have their
** memory. */
void file_in_forget(const FileIn *f, size_t at, size_t bytes);

#endif
