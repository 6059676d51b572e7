/* The Lua files that travel inside the static library, for a host with
** nothing on disk. The table is written by carry.lua at build time and is
** linked into liblunula.a only: in core.so its address is NULL. */
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
extern const CarriedFile carried_files[] __attribute__((weak));

#endif
