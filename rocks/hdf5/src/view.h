/* A file as bytes: mapped into memory where that can be, else read. */
#ifndef VIEW_H
#define VIEW_H

#include "bytes.h"

typedef struct View { Bytes bytes; void *map; void *memory; } View;

bool view_open(View *v, const char *path, Fault *why);
void view_close(View *v);

/* A name beside `path` that nobody has, with an empty file, in `name` of `size`
** bytes. */
bool file_temporary(const char *path, char *name, size_t size, Fault *why);

/* Makes the temporary file the one at `path`, when it is safe on the disk. */
bool file_commit(const char *temporary, const char *path, Fault *why);

#endif
