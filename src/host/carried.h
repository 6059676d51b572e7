/* The Lua files that travel inside the static library, for a host with
** nothing on disk. The table is written at build time: by carry.lua for
** liblunula.a, and as one without rows for core.so, whose Lua files are on
** disk. (It is no weak symbol: link-time optimisation loses those.) */
#ifndef HOST_CARRIED_H
#define HOST_CARRIED_H

#include <stddef.h>

typedef struct CarriedFile {
  const char *module;  /* "lunula.layers", what require is asked for */
  const char *chunk;   /* "@lunula/layers/init.lua", for messages */
  const char *text;    /* its source, zero-terminated */
  size_t size;         /* without the zero */
} CarriedFile;

/* Ends with a row whose module is NULL. */
extern const CarriedFile carried_files[];

#endif
