/* What the core lends to sister rocks written in C, which link nothing of it:
** they find this struct as the light userdata `for_rocks` of lunula.core. It
** names no header of lunula, since a rock carries a copy among its sources. */
#ifndef BIND_ROCKS_H
#define BIND_ROCKS_H

#include <stdint.h>

struct lua_State;

enum { FOR_ROCKS_VERSION = 1 }; /* of what is below */

typedef struct ForRocks {
  int version;
  /* Pushes a new tensor, of "float32" or another dtype by its name, and returns
  ** its memory, which holds anything: it is to be filled before a script sees
  ** the tensor. Raises where there is no memory. */
  void *(*push_tensor)(struct lua_State *L, const char *dtype, int rank,
                       const int64_t *shape);
  /* Calls task(arg, i) once for each i in [0, tasks), on the caller and the
  ** worker threads, and returns when all are done. A task may take memory; it
  ** must not call into Lua. */
  void (*run)(void (*task)(void *arg, int64_t i), void *arg, int64_t tasks);
} ForRocks;

#endif
