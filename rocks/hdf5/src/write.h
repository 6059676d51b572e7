/* HDF5 files, written by libhdf5 in the style that every version of it reads.
** Paths are from the root; groups on the way are made. */
#ifndef WRITE_H
#define WRITE_H

#include "bytes.h"

#include <hdf5.h>

typedef struct Writer { hid_t file, links, groups, data; bool is_open; } Writer;

bool writer_open(Writer *w, const char *path, Fault *why);
bool writer_group(Writer *w, const char *path, Fault *why);

/* A text, or with `count` >= 0 a list of texts, as an attribute of what is at
** the path. */
bool writer_text(Writer *w, const char *path, const char *name,
                 const char *const *texts, int64_t count, Fault *why);

/* `type`: a name as "float32"; "bfloat16" are two bytes without a meaning. */
bool writer_dataset(Writer *w, const char *path, const char *type, int rank,
                    const uint64_t *shape, Bytes data, Fault *why);

bool writer_close(Writer *w, Fault *why);

#endif
