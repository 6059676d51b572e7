/* What our Lua files ask of the machine: threads, time, the terminal, and how
** this library was built. */

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/isa.h"
#include "base/threads.h"
#include "base/version.h"
#include "bind/core.h"
#include "bind/raise.h"

static int core_threads(lua_State *L) {
  if (!lua_isnoneornil(L, 1)) {
    lua_Integer n = want_whole(L, 1, "threads: the number");
    if (n < 0 || n > 1024)
      return raise_error(L, "threads takes 0 (all processors) to 1024, got "
                            "%lld", (long long)n);
    threads_set_count((int)n);
  }
  lua_pushinteger(L, threads_count());
  return 1;
}

/* How often a job woke sleeping threads. */
static int core_threads_woken(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)threads_woken());
  return 1;
}

static int core_clock(lua_State *L) {
  lua_pushnumber(L, clock_seconds());
  return 1;
}

static int core_isatty(lua_State *L) {
  int fd = lua_isnoneornil(L, 1) ? 1
                                 : (int)want_whole(L, 1, "isatty: the file");
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

/* isas: the instruction sets that this machine has; isa: the one in use; gemm:
** who makes products, and why */
static int core_build_info(lua_State *L) {
  lua_createtable(L, 0, 7);
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
  lua_pushinteger(L, threads_count());
  lua_setfield(L, -2, "threads");
  provider_fields(L);
  return 1;
}

void machine_open(lua_State *L) {
  static const luaL_Reg core[] = {
    {"threads", core_threads}, {"threads_woken", core_threads_woken},
    {"clock", core_clock}, {"isatty", core_isatty},
    {"columns", core_columns}, {"build_info", core_build_info}, {NULL, NULL}
  };
  luaL_setfuncs(L, core, 0);
}
