/* One budget of instructions and one flag for all that a runtime's scripts do.
** Lua counts instructions for each coroutine by itself, and tells nobody of
** those that end between two calls of the hook. So instructions are paid for
** before they are run: a coroutine begins with a small slice, and its hook buys
** a bigger one each time. What is left of a slice when the coroutine dies is
** lost. A script that was told to end is told again at every instruction, so
** that no pcall keeps it alive. */

#include <string.h>

#include <lualib.h>

#include "host/runtime.h"

enum { FIRST_SLICE = 100, LAST_SLICE = 1000 }; /* instructions */

/* In the extra space of each Lua thread. */
typedef struct Paid {
  uint16_t call; /* number of the call that paid last */
  uint16_t slice;
} Paid;

_Static_assert(sizeof(Paid) <= LUA_EXTRASPACE, "no room in a Lua thread");

static Paid *paid_of(lua_State *L) {
  return lua_getextraspace(L);
}

/* ---- slices ------------------------------------------------------------- */

static void hook(lua_State *L, lua_Debug *ar);

static int fit(const lunula_runtime *rt, int64_t slice) {
  bool limited = rt->config.instruction_budget > 0 && rt->depth > 0;
  if (limited && slice > rt->left)
    slice = rt->left;
  return slice < 1 ? 1 : (int)slice;
}

static void pay(lunula_runtime *rt, lua_State *L, int slice) {
  if (rt->depth > 0)
    rt->left -= slice;
  *paid_of(L) = (Paid){rt->call, (uint16_t)slice};
}

/* The count begins anew. */
static void buy(lunula_runtime *rt, lua_State *L, int wanted) {
  int slice = fit(rt, wanted);
  lua_sethook(L, hook, LUA_MASKCOUNT, slice);
  pay(rt, L, slice);
}

/* A coroutine of an earlier call begins anew: what it has was not paid for by
** this one. */
static void renew(lunula_runtime *rt, lua_State *L) {
  if (paid_of(L)->call != rt->call)
    buy(rt, L, FIRST_SLICE);
}

/* Raises when the script must end. */
static void check(lunula_runtime *rt, lua_State *L) {
  if (rt->depth == 0)
    return; /* the host is at work in its state */
  if (!rt->end.set && !watch_stopped(rt->state->c.watch, &rt->end)) {
    if (rt->config.instruction_budget == 0 || rt->left > 0)
      return;
    fail_as(&rt->end, ERROR_BUDGET,
            "the %lld instructions that it may take are used up",
            (long long)rt->config.instruction_budget);
  }
  if (paid_of(L)->slice != 1)
    lua_sethook(L, hook, LUA_MASKCOUNT, 1);
  paid_of(L)->slice = 1;
  raise_failure(L, &rt->end);
}

static void hook(lua_State *L, lua_Debug *ar) {
  lunula_runtime *rt = runtime_of(L);
  (void)ar;
  check(rt, L);
  int had = paid_of(L)->slice, next = 2 * had;
  if (fit(rt, next < LAST_SLICE ? next : LAST_SLICE) == had)
    pay(rt, L, had); /* Lua counts on by itself */
  else
    buy(rt, L, next < LAST_SLICE ? next : LAST_SLICE);
}

/* ---- calls -------------------------------------------------------------- */

void governor_begin(lunula_runtime *rt) {
  if (rt == NULL || rt->depth++ > 0)
    return;
  rt->left = rt->config.instruction_budget;
  rt->end.set = false;
  rt->starved = false;
  rt->call++;
  rt->state->c.watch = &rt->watch;
  rt->state->raised = ERROR_PLAIN;
  buy(rt, rt->L, LAST_SLICE);
}

/* A script that caught its end, and then came to its own, was ended. */
static lunula_status how_it_ended(lunula_runtime *rt, lunula_status status,
                                  bool cancelled, lunula_error *error) {
  if (!rt->end.set && cancelled &&
      (status == LUNULA_ERROR || rt->state->raised == ERROR_CANCELLED))
    fail_as(&rt->end, ERROR_CANCELLED, "cancelled by the host");
  if (!rt->end.set)
    return status;
  lunula_status ended = host_status(rt->end.kind);
  if (status == LUNULA_OK)
    host_refuse(error, ended, "%s", rt->end.text);
  return ended;
}

lunula_status governor_end(lunula_runtime *rt, lunula_status status,
                           lunula_error *error) {
  if (rt == NULL || --rt->depth > 0)
    return status;
  rt->state->c.watch = NULL; /* the host's own work in its state is its own */
  bool cancelled = atomic_exchange(&rt->cancel, false);
  return how_it_ended(rt, status, cancelled, error);
}

void lunula_cancel(lunula_runtime *rt) {
  if (rt)
    atomic_store(&rt->cancel, true);
}

/* ---- coroutines --------------------------------------------------------- */

static lua_State *thread_at(lua_State *L, int index) {
  lua_State *co = lua_tothread(L, index);
  luaL_argexpected(L, co, index, "coroutine");
  return co;
}

static int coroutine_create(lua_State *L) {
  lunula_runtime *rt = runtime_of(L);
  luaL_checktype(L, 1, LUA_TFUNCTION);
  check(rt, L);
  lua_State *co = lua_newthread(L);
  buy(rt, co, FIRST_SLICE);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  return 1;
}

/* Runs co with so many values from the top of L; how many came back, or -1 with
** the error on the top. */
static int run_on(lua_State *L, lua_State *co, int n) {
  lunula_runtime *rt = runtime_of(L);
  int results = 0;
  check(rt, L);
  renew(rt, co);
  if (!lua_checkstack(co, n)) {
    lua_pushliteral(L, "too many arguments to resume");
    return -1;
  }
  lua_xmove(L, co, n);
  int status = lua_resume(co, L, n, &results);
  if (status != LUA_OK && status != LUA_YIELD) {
    lua_xmove(co, L, 1);
    return -1;
  }
  if (!lua_checkstack(L, results + 1)) {
    lua_pop(co, results);
    lua_pushliteral(L, "too many results to resume");
    return -1;
  }
  lua_xmove(co, L, results);
  return results;
}

static int coroutine_resume(lua_State *L) {
  lua_State *co = thread_at(L, 1);
  int n = run_on(L, co, lua_gettop(L) - 1);
  lua_pushboolean(L, n >= 0);
  lua_insert(L, n < 0 ? -2 : -(n + 1));
  return n < 0 ? 2 : n + 1;
}

/* The error of a dead coroutine is raised in who called it, at its line; one
** with a kind stays as it is, or nobody would know it again. */
static int call_wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int n = run_on(L, co, lua_gettop(L)), status = lua_status(co);
  if (n >= 0)
    return n;
  if (status != LUA_OK && status != LUA_YIELD) {
    status = lua_resetthread(co); /* closes its variables */
    lua_xmove(co, L, 1);
  }
  if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING &&
      raise_kind_of(L, -1) == ERROR_PLAIN) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int coroutine_wrap(lua_State *L) {
  coroutine_create(L);
  lua_pushcclosure(L, call_wrapped, 1);
  return 1;
}

/* upvalue: Lua's own. Variables that are closed run in the coroutine. */
static int coroutine_close(lua_State *L) {
  lua_State *co = thread_at(L, 1);
  renew(runtime_of(L), co);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* ---- where Lua calls no hook -------------------------------------------- */

/* upvalue: the script's handler. That of an error which the hook raised would
** run inside of the hook. */
static int handle(lua_State *L) {
  const lunula_runtime *rt = runtime_of(L);
  if (rt->depth > 0 && rt->end.set)
    return 1;
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

static int finish_xpcall(lua_State *L, int status, lua_KContext context) {
  if (status == LUA_OK || status == LUA_YIELD)
    return lua_gettop(L) - (int)context;
  lua_pushboolean(L, 0);
  lua_insert(L, -2);
  return 2;
}

static int governed_xpcall(lua_State *L) {
  int n = lua_gettop(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, handle, 1);
  lua_replace(L, 2);
  lua_pushboolean(L, 1); /* the first result */
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2);
  return finish_xpcall(L, lua_pcallk(L, n - 2, LUA_MULTRET, 2, 2,
                                     finish_xpcall), 2);
}

/* upvalue: the finalizer. Lua calls it with hooks off, but they are on in a
** coroutine. */
static int finalize(lua_State *L) {
  lunula_runtime *rt = runtime_of(L);
  lua_settop(L, 1);
  lua_State *co = lua_newthread(L);
  buy(rt, co, FIRST_SLICE);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 2);
  int results, status = lua_resume(co, L, 1, &results);
  if (status == LUA_OK || status == LUA_YIELD)
    return 0;
  lua_xmove(co, L, 1);
  return lua_error(L);
}

/* upvalue: Lua's own */
static int governed_setmetatable(lua_State *L) {
  if (lua_istable(L, 2)) {
    lua_pushliteral(L, "__gc");
    if (lua_rawget(L, 2) == LUA_TFUNCTION &&
        lua_tocfunction(L, -1) != finalize) {
      lua_pushcclosure(L, finalize, 1);
      lua_pushliteral(L, "__gc");
      lua_insert(L, -2);
      lua_rawset(L, 2);
    } else {
      lua_pop(L, 1);
    }
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 1);
  return 1;
}

static int refuse_hook(lua_State *L) {
  return raise_error(L, "debug.sethook: there is one hook, and the host's "
                        "watch has it");
}

/* ---- opening ------------------------------------------------------------ */

/* In place of the field of the table on the top, which becomes its upvalue. */
static void replace(lua_State *L, const char *name, lua_CFunction f) {
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, f, 1);
  lua_setfield(L, -2, name);
}

void governor_open(lua_State *L, bool sandbox) {
  static const luaL_Reg coroutines[] = {
    {"create", coroutine_create}, {"resume", coroutine_resume},
    {"wrap", coroutine_wrap}, {NULL, NULL}
  };
  lua_getglobal(L, LUA_COLIBNAME);
  luaL_setfuncs(L, coroutines, 0);
  replace(L, "close", coroutine_close);
  lua_pop(L, 1);
  lua_pushglobaltable(L);
  replace(L, "xpcall", governed_xpcall);
  if (!sandbox) /* where there are no finalizers */
    replace(L, "setmetatable", governed_setmetatable);
  lua_pop(L, 1);
  if (lua_getglobal(L, LUA_DBLIBNAME) == LUA_TTABLE)
    replace(L, "sethook", refuse_hook);
  lua_pop(L, 1);
  buy(runtime_of(L), L, LAST_SLICE);
}
