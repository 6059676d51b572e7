/* What the core lends to sister rocks written in C, which link nothing of it:
** they find a struct as the light userdata `for_rocks` of lunula.core. It names
** no header of lunula, since a rock carries a copy of it among its sources. */
#ifndef BIND_ROCKS_H
#define BIND_ROCKS_H

#include <lauxlib.h>
#include <lua.h>
#include <stddef.h>
#include <stdint.h>

enum { FOR_ROCKS_VERSION = 3 }; /* of what is below */

/* How numbers are added up over all processes that run the same script. The
** functions return 0 or NULL with a text in `why` when that cannot be. */
typedef struct ForRocksSums {
  void *ud;
  /* Memory for n numbers of this process, which are written there; *id is the
  ** sum's name in what follows. NULL: there is none. */
  float *(*room)(void *ud, int64_t n, int32_t *id);
  /* They are written: the sum may go on while other work is done, or, where it
  ** is wanted `soon`, there is no such work. All processes begin the same sums
  ** in the same order. */
  int (*begin)(void *ud, int32_t id, int soon, char *why, size_t size);
  /* Waits for the sums, which stay there until another is begun. */
  const float *(*end)(void *ud, int32_t id, char *why, size_t size);
  /* Called between steps of a plan while sums are under way. */
  void (*go_on)(void *ud);
} ForRocksSums;

typedef struct ForRocks {
  int version;
  /* Pushes a new tensor, of "float32" or another dtype by its name, and returns
  ** its memory, which holds anything: it is to be filled before a script sees
  ** the tensor. Raises where there is no memory. */
  void *(*push_tensor)(lua_State *L, const char *dtype, int rank,
                       const int64_t *shape);
  /* Calls task(arg, i) once for each i in [0, tasks), on the caller and the
  ** worker threads, and returns when all are done. A task may take memory; it
  ** must not call into Lua. */
  void (*run)(void (*task)(void *arg, int64_t i), void *arg, int64_t tasks);
  /* From now on the plans of this state add up over processes by these
  ** functions, which stay there. */
  void (*use_sums)(lua_State *L, const ForRocksSums *sums);
  /* Raises at the user's line, and not at one of the rock's Lua files. */
  int (*raise)(lua_State *L, const char *format, ...);
} ForRocks;

/* Pushes the struct, to be an upvalue of the rock's functions, where rocks_lent
** finds it. Raises where the rock was built for another lunula: it would call
** what is not there. */
static inline void rocks_push_lent(lua_State *L, const char *rock) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "lunula.core");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "for_rocks");
  const ForRocks *x = lua_touserdata(L, -1);
  if (x == NULL || x->version != FOR_ROCKS_VERSION)
    luaL_error(L, "the rock %s and lunula are of different versions: install "
                  "both anew", rock);
  lua_remove(L, -2);
}

static inline const ForRocks *rocks_lent(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

#endif
