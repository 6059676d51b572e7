/* Traced functions as userdata, and Lua functions that are called for what they
** do to the context, or by a plan. */
#ifndef BIND_FUNCTION_H
#define BIND_FUNCTION_H

#include "base/float_mode.h"
#include "bind/box.h"

/* ---- calls (between.c) -------------------------------------------------- */

/* Calls the function that lies below its nargs arguments, after the context was
** changed; then `leave`, however it ended; then passes an error on. Returns the
** number of results. */
int between_call(lua_State *L, int nargs, void (*leave)(State *s, void *ud),
                 void *ud);

/* ---- functions (function.c) --------------------------------------------- */

extern const char FUNCTION_NAME[]; /* the metatable */

/* A function is first pushed empty, so that one that was traced at last finds
** its place without an allocation of Lua. */
struct FunctionBox *function_push(lua_State *L);
void function_fill(lua_State *L, State *s, struct FunctionBox *box,
                   Function *f); /* takes f over */
/* The same of one that is there, which is counted. */
void function_share(struct FunctionBox *box, PlanCache *k);
PlanCache *function_check(lua_State *L, int index);
PlanCache *function_cache(const struct FunctionBox *box); /* NULL: released */
/* What a call of the function at 1 does. */
int function_call(lua_State *L);

/* ---- host closures (host.c) --------------------------------------------- */

/* What ud of host_call points to. */
typedef struct HostRun {
  State *s;
  bool record; /* closures run under a tape */
  const Env *env; /* of the plan: says where its batch lies in the data */
  FloatMode outside; /* before the plan: what Lua runs in */
} HostRun;
bool host_call(void *ud, int64_t id, bool gradient, const OpCall *step,
               void *const *in, void *const *out, Error *e);
/* Entries made since `first`, as a table that keeps them. */
void host_push_since(lua_State *L, State *s, int64_t first);
/* They are no longer kept otherwise (when no trace is open). */
void host_forget_since(lua_State *L, State *s, int64_t first);

#endif
