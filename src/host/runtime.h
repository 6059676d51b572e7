/* What the files share that serve a C host: the way into Lua, and the
** runtime. */
#ifndef HOST_RUNTIME_H
#define HOST_RUNTIME_H

#include "host/host.h"
#include "bind/core.h"
#include "bind/function.h"

/* ---- the way into Lua (protect.c) --------------------------------------- */

/* The runtime that has this state; NULL: it is a host's own. */
lunula_runtime *runtime_of(lua_State *L);
void runtime_put(lua_State *L, lunula_runtime *rt);

/* Every job starts with the status that its error shall have; LUNULA_OK: what
** Lua makes of it. */
typedef struct Job {
  lunula_status refused;
} Job;

/* Calls f with the job as light userdata, guarded, and leaves `results` values
** on the stack, or none after an error. */
lunula_status protect(lua_State *L, lua_CFunction f, void *job, int results,
                      lunula_error *error);
/* The same with the value at `index` as second argument; 0: there is none. */
lunula_status protect_value(lua_State *L, int index, lua_CFunction f, void *job,
                            int results, lunula_error *error);
/* Raises with a status. */
int protect_refuse(lua_State *L, void *job, lunula_status status,
                   const char *format, ...) PRINTF_LIKE(4, 5);
/* The core, opened when it is not. */
State *protect_core(lua_State *L);

/* ---- runtimes (runtime.c, governor.c, world.c) -------------------------- */

struct lunula_runtime {
  lunula_config config;
  lua_State *L;
  State *state;
  Account *account;
  size_t held, charged; /* bytes of Lua's heap, and those the account knows */
  bool starved;         /* Lua was refused memory in the call that is running */
  int depth;            /* of calls within calls */
  uint16_t call;        /* number of the outermost one, more or less */
  atomic_bool cancel;
  Watch watch;          /* over all that is done in a call */
  int64_t left;         /* instructions that nobody has paid for yet */
  Error end;            /* why the script is being ended */
  const char *file;     /* that the host saves or loads now; NULL: none */
};

/* (governor.c) A call begins, a call ends; NULL is allowed. The second returns
** the status that the host gets. */
void governor_begin(lunula_runtime *rt);
lunula_status governor_end(lunula_runtime *rt, lunula_status status,
                           lunula_error *error);
/* Puts what could escape the budget under it: coroutines, handlers. */
void governor_open(lua_State *L, bool sandbox);
/* The libraries that scripts see. */
void world_open(lua_State *L, lunula_runtime *rt);

#endif
