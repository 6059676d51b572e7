/* What one lua_State has of lunula, and how it ends. It is kept in the
** registry, so that opening lunula again in the same state finds it. */

#include <string.h>

#include "base/threads.h"
#include "bind/state.h"
#include "kernels/provider.h"

static const char state_key = 0;

State *state_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key);
  State *s = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (s && s->account == NULL) /* a finalizer that comes late */
    luaL_error(L, "lunula is closed with its Lua state");
  if (s)
    s->L = L; /* may be a coroutine's */
  return s;
}

State *state_enter(lua_State *L) {
  State *s = state_of(L);
  s->mark = context_mark(&s->c);
  return s;
}

int state_call(lua_State *L, State *s, int nargs, int nresults,
               int handler) {
  int mark = s->mark, now = s->mark = context_mark(&s->c);
  int status = lua_pcall(L, nargs, nresults, handler);
  if (status != LUA_OK)
    context_drain(&s->c, now);
  s->mark = mark;
  return status;
}

static int close_state(lua_State *L) {
  State *s = lua_touserdata(L, 1);
  if (s->account == NULL)
    return 0;
  context_close(&s->c);
  mem_free(s->home);
  s->home = NULL;
  account_release(s->account);
  s->account = NULL;
  if (s->retains)
    provider()->release();
  threads_release();
  return 0;
}

/* Where the Lua files of this library are, as their sources begin. */
static char *find_home(lua_State *L, Account *account) {
  char *home = NULL;
  int top = lua_gettop(L);
  if (lua_getglobal(L, "package") == LUA_TTABLE &&
      lua_getfield(L, -1, "searchpath") == LUA_TFUNCTION) {
    lua_pushliteral(L, "lunula");
    lua_getfield(L, -3, "path");
    if (lua_pcall(L, 2, 1, 0) == LUA_OK && lua_isstring(L, -1)) {
      const char *path = lua_tostring(L, -1), *end = strrchr(path, '/');
      size_t n = end ? (size_t)(end - path) + 1 : 0;
      home = n ? mem_new(account, n + 2, 1) : NULL;
      if (home) {
        home[0] = '@';
        memcpy(home + 1, path, n);
        home[n + 1] = '\0';
      }
    }
  }
  lua_settop(L, top);
  return home;
}

State *state_open(lua_State *L, Account *account) {
  State *s = state_of(L);
  if (s)
    return s;
  s = lua_newuserdatauv(L, sizeof *s, 0);
  memset(s, 0, sizeof *s);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, close_state);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  s->account = account ? account : account_new();
  if (s->account == NULL)
    luaL_error(L, "lunula: out of memory");
  if (account)
    account_retain(account);
  threads_retain();
  context_open(&s->c, s->account, op_catalogue());
  s->c.env.run_body = body_run_now;
  s->c.seed = (uint64_t)(clock_seconds() * 1e9);
  s->L = L;
  lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key);
  s->home = find_home(L, s->account);
  return s;
}
