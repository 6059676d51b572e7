/* luaopen_lunula_core: one state of lunula for each lua_State, and the small
** functions that fit nowhere else. May be called again in the same state (busted
** does): everything is kept in the registry. */

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/isa.h"
#include "base/threads.h"
#include "base/version.h"
#include "kernels/kernels.h"
#include "bind/state.h"

#if LUA_VERSION_NUM != 504
#error "lunula is for Lua 5.4"
#endif

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

State *enter_state(lua_State *L) {
  State *s = state_of(L);
  s->mark = context_mark(&s->c);
  return s;
}

int call_holding(lua_State *L, State *s, int nargs, int nresults,
                 int handler) {
  int mark = s->mark, now = s->mark = context_mark(&s->c);
  int status = lua_pcall(L, nargs, nresults, handler);
  if (status != LUA_OK)
    context_drain(&s->c, now);
  s->mark = mark;
  return status;
}

/* ---- opening and closing ------------------------------------------------ */

static int close_state(lua_State *L) {
  State *s = lua_touserdata(L, 1);
  if (s->account == NULL)
    return 0;
  context_close(&s->c);
  mem_free(s->home);
  s->home = NULL;
  account_release(s->account);
  s->account = NULL;
  threads_release();
  gemm_release();
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

/* "train.lua:12", and the class of the layer that is being called, if any;
   kept by the registry for as long as the state lives: lines and classes are
   few, names of layers are not. */
static int origin_protected(lua_State *L) {
  const char **text = lua_touserdata(L, 1);
  push_where(L);
  size_t n;
  const char *where = lua_tolstring(L, -1, &n);
  if (n < 2)
    return 0;
  lua_pushlstring(L, where, n - 2); /* without ": " */
  const char *class = layer_class(L);
  if (*class) {
    lua_pushfstring(L, " in %s", class);
    lua_concat(L, 2);
  }
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.origins");
  lua_pushvalue(L, -2);
  if (lua_rawget(L, -2) == LUA_TNIL) { /* equal long strings are not one */
    lua_pushvalue(L, -3);
    lua_pushvalue(L, -4);
    lua_rawset(L, -4);
    lua_pushvalue(L, -3);
  }
  *text = lua_tostring(L, -1);
  return 0;
}

/* Protected, because no error of Lua may pass through those who ask. */
static const char *find_origin(void *ud) {
  State *s = ud;
  const char *text = NULL;
  if (!lua_checkstack(s->L, 8))
    return NULL;
  lua_pushcfunction(s->L, origin_protected);
  lua_pushlightuserdata(s->L, &text);
  if (lua_pcall(s->L, 1, 0, 0) != LUA_OK) {
    lua_pop(s->L, 1);
    return NULL;
  }
  return text;
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
  gemm_retain();
  context_open(&s->c, s->account, op_catalogue());
  s->c.env.run_body = body_run_now;
  s->c.origin = find_origin;
  s->c.origin_ud = s;
  s->c.seed = (uint64_t)(clock_seconds() * 1e9);
  s->L = L;
  lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key);
  s->home = find_home(L, s->account);
  return s;
}

/* ---- small functions ---------------------------------------------------- */

static int core_seed(lua_State *L) {
  State *s = state_of(L);
  s->c.seed = (uint64_t)want_whole(L, 1, "seed: the number");
  s->c.stream = 0;
  s->c.draw = 0;
  return 0;
}

static int core_random_key(lua_State *L) {
  lua_pushinteger(L, ++state_of(L)->c.stream);
  return 1;
}

static int core_memory(lua_State *L) {
  State *s = state_of(L);
  AccountReport r = account_report(s->account);
  lua_createtable(L, 0, 5);
  lua_pushinteger(L, (lua_Integer)r.live);
  lua_setfield(L, -2, "live");
  lua_pushinteger(L, (lua_Integer)r.peak);
  lua_setfield(L, -2, "peak");
  lua_pushinteger(L, (lua_Integer)r.cached);
  lua_setfield(L, -2, "cached");
  lua_pushinteger(L, (lua_Integer)r.limit);
  lua_setfield(L, -2, "limit");
  lua_pushinteger(L, s->collections);
  lua_setfield(L, -2, "collections");
  return 1;
}

static int core_set_limit(lua_State *L) {
  lua_Integer bytes = want_whole(L, 1, "set_memory_limit: the bytes");
  if (bytes < 0)
    return raise_error(L, "set_memory_limit takes bytes, or 0 for no limit");
  account_set_limit(state_of(L)->account, (size_t)bytes);
  return 0;
}

static int core_threads(lua_State *L) {
  if (!lua_isnoneornil(L, 1)) {
    lua_Integer n = want_whole(L, 1, "threads: the number");
    if (n < 0 || n > 1024)
      return raise_error(L, "threads takes 0 (all processors) to 1024, got %lld",
                         (long long)n);
    threads_set_count((int)n);
  }
  lua_pushinteger(L, threads_count());
  return 1;
}

static int core_clock(lua_State *L) {
  lua_pushnumber(L, clock_seconds());
  return 1;
}

static int core_isatty(lua_State *L) {
  int fd = lua_isnoneornil(L, 1) ? 1 : (int)want_whole(L, 1, "isatty: the file");
  lua_pushboolean(L, isatty(fd));
  return 1;
}

static int core_columns(lua_State *L) {
  struct winsize w;
  int fd = lua_isnoneornil(L, 1) ? 1
                                 : (int)want_whole(L, 1, "columns: the file");
  int n = ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
  lua_pushinteger(L, n);
  return 1;
}

/* isas: the instruction sets that this machine has; isa: the one in use */
static int core_build_info(lua_State *L) {
  lua_createtable(L, 0, 6);
  lua_pushstring(L, isa_name());
  lua_setfield(L, -2, "isa");
  lua_newtable(L);
  for (int i = 0; isa_there(i); i++) {
    lua_pushstring(L, isa_there(i));
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "isas");
  lua_pushliteral(L, VERSION);
  lua_setfield(L, -2, "version");
  lua_pushstring(L, gemm_build());
  lua_setfield(L, -2, "blas");
  lua_pushstring(L, gemm_processor());
  lua_setfield(L, -2, "processor");
  lua_pushinteger(L, threads_count());
  lua_setfield(L, -2, "threads");
  return 1;
}

int luaopen_lunula_core(lua_State *L) {
  static const luaL_Reg core[] = {
    {"seed", core_seed}, {"random_key", core_random_key},
    {"memory", core_memory}, {"set_memory_limit", core_set_limit},
    {"threads", core_threads}, {"clock", core_clock}, {"isatty", core_isatty},
    {"columns", core_columns}, {"build_info", core_build_info}, {NULL, NULL}
  };
  Error e = {.set = false};
  luaL_checkversion(L);
  if (!isa_choose(&e))
    return luaL_error(L, "lunula: %s", e.text);
  state_open(L, NULL);
  luaL_newlib(L, core);
  open_errors(L);
  open_values(L);
  open_conversion(L);
  open_ops(L);
  open_traces(L);
  open_functions(L);
  open_hosts(L);
  open_scans(L);
  open_calls(L);
  open_json(L);
  open_parameters(L);
  lua_pushliteral(L, VERSION);
  lua_setfield(L, -2, "version");
  return 1;
}
