/* The module lunula.mpi.core. What fails because of another rank gives nil and
** a text: the Lua files raise it at the user's line. */

#include "rocks.h"
#include "sums.h"
#include "world.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

/* After a failure MPI may still write to what an exchange was to fill, and read
** what it was to send: all that the function has stays. */
static int refused(lua_State *L, const World *w) {
  luaL_checkstack(L, 4, NULL);
  for (int i = lua_gettop(L); i > 0; i--) {
    lua_pushvalue(L, i);
    luaL_ref(L, LUA_REGISTRYINDEX);
  }
  lua_pushnil(L);
  lua_pushstring(L, w->fault);
  return 2;
}

static World *world_of(lua_State *L) {
  World *w = world_here();
  if (w == NULL)
    rocks_lent(L)->raise(L, "lunula.mpi: open() was not called, or MPI has "
                            "ended");
  return w;
}

/* ---- who is there ------------------------------------------------------- */

static const char *level_name(int level) {
  return level == MPI_THREAD_MULTIPLE     ? "multiple"
         : level == MPI_THREAD_SERIALIZED ? "serialized"
         : level == MPI_THREAD_FUNNELED   ? "funneled" : "single";
}

static void set_text(lua_State *L, const char *name, const char *text, int n) {
  lua_pushlstring(L, text, (size_t)n);
  lua_setfield(L, -2, name);
}

/* open() -> {rank=, size=, ours=, threads=, library=, host=, timeout=} */
static int core_open(lua_State *L) {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  const char *why = NULL, *level;
  int n = 0;
  World *w = world_open(&why);
  if (w == NULL) {
    lua_pushnil(L);
    lua_pushfstring(L, "lunula.mpi: %s", why);
    return 2;
  }
  rocks_lent(L)->use_sums(L, &sums_calls);
  lua_createtable(L, 0, 8);
  lua_pushinteger(L, w->rank);
  lua_setfield(L, -2, "rank");
  lua_pushinteger(L, w->size);
  lua_setfield(L, -2, "size");
  lua_pushboolean(L, w->ours);
  lua_setfield(L, -2, "ours");
  lua_pushnumber(L, w->timeout);
  lua_setfield(L, -2, "timeout");
  level = level_name(w->level);
  set_text(L, "threads", level, (int)strlen(level));
  MPI_Get_library_version(text, &n);
  set_text(L, "library", text, (int)strcspn(text, ",\n"));
  MPI_Get_processor_name(text, &n);
  set_text(L, "host", text, n);
  return 1;
}

/* ---- exchanges ---------------------------------------------------------- */

/* Waits for what was begun with this result of MPI's. */
static bool finish(World *w, int code, MPI_Request *r) {
  if (code != MPI_SUCCESS)
    return world_broken(w, code);
  return world_wait(w, r, w->begun);
}

static MPI_Op read_op(lua_State *L, int index) {
  static const char *const names[] = {"sum", "max", "min", NULL};
  MPI_Op op[] = {MPI_SUM, MPI_MAX, MPI_MIN};
  return op[luaL_checkoption(L, index, "sum", names)];
}

/* reduce({numbers}, "sum" | "max" | "min") -> {numbers}, of all ranks */
static int core_reduce(lua_State *L) {
  World *w = world_of(L);
  MPI_Op op = read_op(L, 2);
  MPI_Request r;
  luaL_checktype(L, 1, LUA_TTABLE);
  int n = (int)lua_rawlen(L, 1);
  double *x = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *x, 0);
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, 1, i + 1);
    x[i] = luaL_checknumber(L, -1);
    lua_pop(L, 1);
  }
  if (!world_begin(w) ||
      !finish(w, MPI_Iallreduce(MPI_IN_PLACE, x, n, MPI_DOUBLE, op, w->work,
                                &r), &r))
    return refused(L, w);
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    lua_pushnumber(L, x[i]);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

enum { PIECE = 1 << 28 }; /* bytes of one broadcast */

static bool broadcast(World *w, char *data, uint64_t bytes, int from) {
  MPI_Request r;
  for (uint64_t at = 0; at < bytes; at += PIECE) {
    uint64_t part = bytes - at < PIECE ? bytes - at : PIECE;
    if (!world_begin(w) ||
        !finish(w, MPI_Ibcast(data + at, (int)part, MPI_BYTE, from, w->work,
                              &r), &r))
      return false;
  }
  return true;
}

/* broadcast(text, rank) -> the text of that rank */
static int core_broadcast(lua_State *L) {
  World *w = world_of(L);
  size_t n = 0;
  const char *text = luaL_optlstring(L, 1, "", &n);
  lua_Integer from = luaL_optinteger(L, 2, 0);
  uint64_t *bytes = lua_newuserdatauv(L, sizeof *bytes, 0);
  *bytes = n;
  if (from < 0 || from >= w->size)
    return rocks_lent(L)->raise(L, "lunula.mpi: there is no rank %lld",
                                (long long)from);
  if (!broadcast(w, (char *)bytes, sizeof *bytes, (int)from))
    return refused(L, w);
  char *data = lua_newuserdatauv(L, *bytes + 1, 0);
  if (from == w->rank)
    memcpy(data, text, n);
  if (!broadcast(w, data, *bytes, (int)from))
    return refused(L, w);
  lua_pushlstring(L, data, *bytes);
  return 1;
}

/* gather(text) -> {text of rank 0, of rank 1, ...} on all ranks */
static int core_gather(lua_State *L) {
  World *w = world_of(L);
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  MPI_Request r;
  if (n > PIECE)
    return rocks_lent(L)->raise(L, "lunula.mpi: gather: more than %d bytes",
                                PIECE);
  int *mine = lua_newuserdatauv(L, (2 * (size_t)w->size + 1) * sizeof *mine, 0);
  int *count = mine + 1, *at = count + w->size;
  *mine = (int)n;
  if (!world_begin(w) ||
      !finish(w, MPI_Iallgather(mine, 1, MPI_INT, count, 1, MPI_INT, w->work,
                                &r), &r))
    return refused(L, w);
  int64_t all = 0;
  for (int i = 0; i < w->size; i++) {
    at[i] = (int)all;
    all += count[i];
  }
  if (all > INT32_MAX) /* the same on all ranks */
    return rocks_lent(L)->raise(L, "lunula.mpi: gather: more than 2 GB");
  char *data = lua_newuserdatauv(L, (size_t)all + 1, 0);
  if (!world_begin(w) ||
      !finish(w, MPI_Iallgatherv(text, *mine, MPI_BYTE, data, count, at,
                                 MPI_BYTE, w->work, &r), &r))
    return refused(L, w);
  lua_createtable(L, w->size, 0);
  for (int i = 0; i < w->size; i++) {
    lua_pushlstring(L, data + at[i], (size_t)count[i]);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* barrier([seconds]) -> true: all ranks are here */
static int core_barrier(lua_State *L) {
  World *w = world_of(L);
  double timeout = w->timeout;
  MPI_Request r;
  w->timeout = luaL_optnumber(L, 1, timeout);
  bool ok = world_begin(w) && finish(w, MPI_Ibarrier(w->work, &r), &r);
  w->timeout = timeout;
  if (!ok)
    return refused(L, w);
  lua_pushboolean(L, 1);
  return 1;
}

/* ---- faults, and the end ------------------------------------------------ */

/* tell(text): this rank has failed; the others raise that where they wait. When
** MPI has ended, nobody does. */
static int core_tell(lua_State *L) {
  const char *text = luaL_checkstring(L, 1);
  World *w = world_here();
  if (w)
    world_tell(w, text);
  return 0;
}

/* fault() -> what is known to have failed, or nil */
static int core_fault(lua_State *L) {
  World *w = world_of(L);
  if (world_hear(w))
    return 0;
  lua_pushstring(L, w->fault);
  return 1;
}

/* wrote(n): so many files are written, for those who await that */
static int core_wrote(lua_State *L) {
  world_wrote(world_of(L), luaL_checkinteger(L, 1));
  return 0;
}

/* await_written(n) -> true */
static int core_await_written(lua_State *L) {
  World *w = world_of(L);
  if (!world_await_written(w, luaL_checkinteger(L, 1)))
    return refused(L, w);
  lua_pushboolean(L, 1);
  return 1;
}

/* spent() -> seconds waited for exchanges, their number, bytes of sums */
static int core_spent(lua_State *L) {
  const World *w = world_of(L);
  lua_pushnumber(L, w->seconds);
  lua_pushinteger(L, w->begun);
  lua_pushnumber(L, w->bytes);
  return 3;
}

static int core_leave(lua_State *L) {
  (void)L;
  world_leave();
  return 0;
}

/* ---- the module --------------------------------------------------------- */

__attribute__((visibility("default")))
int luaopen_lunula_mpi_core(lua_State *L);

int luaopen_lunula_mpi_core(lua_State *L) {
  static const luaL_Reg functions[] = {
    {"open", core_open}, {"reduce", core_reduce},
    {"broadcast", core_broadcast}, {"gather", core_gather},
    {"barrier", core_barrier}, {"tell", core_tell}, {"fault", core_fault},
    {"wrote", core_wrote}, {"await_written", core_await_written},
    {"spent", core_spent}, {"leave", core_leave}, {NULL, NULL}
  };
  luaL_newlibtable(L, functions);
  rocks_push_lent(L, "lunula-mpi");
  luaL_setfuncs(L, functions, 1);
  return 1;
}
