/* A file as bytes: mapped into memory where that can be, else read; or a part of
** such bytes, or bytes that were made of them. */
#ifndef VIEW_H
#define VIEW_H

#include "bytes.h"

typedef struct View {
  Bytes bytes;     /* first: lunula's core.frombytes reads them */
  void *map, *memory;
  bool is_mapped;  /* `bytes` lie in a map, of this view or of another */
} View;

bool view_open(View *v, const char *path, Fault *why);
void view_close(View *v);

/* They are not needed for now: what of a map they take comes from the file again
** when it is. */
void view_forget(const View *v);

/* A name beside `path` that nobody has, with an empty file, in `name` of `size`
** bytes. */
bool file_temporary(const char *path, char *name, size_t size, Fault *why);

/* Makes the temporary file the one at `path`, when it is safe on the disk. */
bool file_commit(const char *temporary, const char *path, Fault *why);

#endif
