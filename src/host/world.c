/* What scripts of a runtime see of the world: the libraries, all or those that
** can do no harm, and an output that goes to the host. */

#include <string.h>

#include <lualib.h>

#include "base/threads.h"
#include "bind/carried.h"
#include "host/runtime.h"

/* ---- output ------------------------------------------------------------- */

static void say(lua_State *L, const char *text, size_t size) {
  const lunula_runtime *rt = runtime_of(L);
  if (rt->config.print && size > 0)
    rt->config.print(rt->config.print_ud, text, size);
}

static int world_print(lua_State *L) {
  int n = lua_gettop(L);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (int i = 1; i <= n; i++) {
    luaL_tolstring(L, i, NULL);
    luaL_addvalue(&b);
    luaL_addchar(&b, i < n ? '\t' : '\n');
  }
  if (n == 0)
    luaL_addchar(&b, '\n');
  luaL_pushresult(&b);
  size_t size;
  const char *text = lua_tolstring(L, -1, &size);
  say(L, text, size);
  return 0;
}

/* io.write(...) and file:write(...); upvalue 1: the file */
static int world_write(lua_State *L) {
  int first = lua_istable(L, 1) ? 2 : 1, n = lua_gettop(L);
  for (int i = first; i <= n; i++) {
    size_t size;
    const char *text = luaL_checklstring(L, i, &size);
    say(L, text, size);
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  return 1;
}

static int world_flush(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  return 1;
}

/* log(level, text): where warnings and progress bars go */
static int world_log(lua_State *L) {
  static const char *const levels[] = {"progress", "warning", NULL};
  const lunula_runtime *rt = runtime_of(L);
  int level = LUNULA_PROGRESS + luaL_checkoption(L, 1, NULL, levels);
  size_t size;
  const char *text = luaL_checklstring(L, 2, &size);
  rt->config.log(rt->config.log_ud, level, text, size);
  return 0;
}

/* Puts the host's output where io's is, into the table on the top. */
static void redirect(lua_State *L) {
  static const luaL_Reg file[] = {
    {"write", world_write}, {"flush", world_flush}, {"setvbuf", world_flush},
    {NULL, NULL}
  };
  lua_createtable(L, 0, 3);
  lua_pushvalue(L, -1);
  luaL_setfuncs(L, file, 1);
  lua_getfield(L, -1, "write");
  lua_setfield(L, -3, "write");
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "stdout");
  lua_setfield(L, -2, "stderr");
}

/* ---- what may not be done ----------------------------------------------- */

static int refuse_exit(lua_State *L) {
  return raise_error(L, "os.exit: a script does not end its host");
}

static int refuse_file(lua_State *L) {
  lua_pushnil(L);
  lua_pushliteral(L, "scripts in a sandbox see no files");
  return 2;
}

/* Finalizers run where no hook sees them. */
static int safe_setmetatable(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2,
                   "nil or table");
  lua_settop(L, 2);
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
    return luaL_error(L, "cannot change a protected metatable");
  if (lua_istable(L, 2)) {
    lua_pushliteral(L, "__gc");
    if (lua_rawget(L, 2) != LUA_TNIL)
      return raise_error(L, "setmetatable: no finalizers (__gc) in a sandbox");
  }
  lua_settop(L, 2);
  lua_setmetatable(L, 1);
  return 1;
}

/* upvalue: load. Bytecode is not checked, so only text is taken. */
static int safe_load(lua_State *L) {
  int n = lua_gettop(L);
  lua_settop(L, n < 3 ? 3 : n);
  lua_pushliteral(L, "t");
  lua_replace(L, 3);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

static int safe_collectgarbage(lua_State *L) {
  static const char *const options[] = {"collect", "count", "step", NULL};
  switch (luaL_checkoption(L, 1, "collect", options)) {
    case 1:
      lua_pushnumber(L, (lua_Number)lua_gc(L, LUA_GCCOUNT) +
                            (lua_Number)lua_gc(L, LUA_GCCOUNTB) / 1024);
      return 1;
    default:
      lua_gc(L, LUA_GCCOLLECT);
      lua_pushinteger(L, 0);
      return 1;
  }
}

/* ---- the libraries ------------------------------------------------------ */

/* The table on the top becomes the library of this name. */
static void set_library(lua_State *L, const char *name) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
  lua_setglobal(L, name);
}

static void set_global(lua_State *L, const char *name, lua_CFunction f) {
  lua_pushcfunction(L, f);
  lua_setglobal(L, name);
}

static void forget_global(lua_State *L, const char *name) {
  lua_pushnil(L);
  lua_setglobal(L, name);
}

/* require, which only finds what is preloaded */
static void open_require(lua_State *L) {
  luaL_requiref(L, LUA_LOADLIBNAME, luaopen_package, 0);
  lua_createtable(L, 1, 0);
  lua_getfield(L, -2, "searchers");
  lua_rawgeti(L, -1, 1);
  lua_rawseti(L, -3, 1);
  lua_pop(L, 1);
  lua_setfield(L, -2, "searchers");
  lua_pop(L, 1);
  lua_createtable(L, 0, 1);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_setfield(L, -2, "loaded");
  set_library(L, LUA_LOADLIBNAME);
}

static void open_clocks(lua_State *L) {
  static const char *const kept[] = {"clock", "date", "difftime", "time"};
  lua_pushcfunction(L, luaopen_os);
  lua_call(L, 0, 1);
  lua_createtable(L, 0, COUNT_OF(kept));
  for (int i = 0; i < COUNT_OF(kept); i++) {
    lua_getfield(L, -2, kept[i]);
    lua_setfield(L, -2, kept[i]);
  }
  set_library(L, LUA_OSLIBNAME);
  lua_pop(L, 1);
}

static void open_sandbox(lua_State *L) {
  static const luaL_Reg libraries[] = {
    {LUA_GNAME, luaopen_base}, {LUA_COLIBNAME, luaopen_coroutine},
    {LUA_TABLIBNAME, luaopen_table}, {LUA_STRLIBNAME, luaopen_string},
    {LUA_MATHLIBNAME, luaopen_math}, {LUA_UTF8LIBNAME, luaopen_utf8}
  };
  for (int i = 0; i < COUNT_OF(libraries); i++) {
    luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
    lua_pop(L, 1);
  }
  open_require(L);
  open_clocks(L);
  lua_createtable(L, 0, 4);
  lua_pushcfunction(L, refuse_file);
  lua_setfield(L, -2, "open");
  set_library(L, LUA_IOLIBNAME);
  forget_global(L, "dofile");
  forget_global(L, "loadfile");
  lua_getglobal(L, LUA_STRLIBNAME);
  lua_pushnil(L);
  lua_setfield(L, -2, "dump");
  lua_pop(L, 1);
  set_global(L, "setmetatable", safe_setmetatable);
  set_global(L, "collectgarbage", safe_collectgarbage);
  lua_getglobal(L, "load");
  lua_pushcclosure(L, safe_load, 1);
  lua_setglobal(L, "load");
}

/* ---- lunula's own ------------------------------------------------------- */

static int no_terminal(lua_State *L) {
  lua_pushboolean(L, 0);
  return 1;
}

static int count_threads(lua_State *L) {
  lua_pushinteger(L, threads_count());
  return 1;
}

/* A function of the core, upvalue 1, that is given a path: only that of the file
** which the host saves or loads now, or of a folder that it lies in. */
static int with_hosts_file(lua_State *L) {
  const char *file = runtime_of(L)->file;
  const char *path = lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : "";
  size_t n = strlen(path);
  bool folder = lua_toboolean(L, lua_upvalueindex(2));
  if (file == NULL || strncmp(file, path, n) != 0 ||
      (file[n] != '\0' && !(folder && file[n] == '/')))
    return raise_error(L, "scripts in a sandbox see no files");
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* Puts it in front of the function, in the core on the top. */
static void guard_file(lua_State *L, const char *name, bool folder) {
  lua_getfield(L, -1, name);
  lua_pushboolean(L, folder);
  lua_pushcclosure(L, with_hosts_file, 2);
  lua_setfield(L, -2, name);
}

/* The core does as the host wants. */
static void open_core(lua_State *L, const lunula_runtime *rt) {
  luaL_requiref(L, "lunula.core", luaopen_lunula_core, 0);
  if (rt->config.log) {
    lua_pushcfunction(L, world_log);
    lua_setfield(L, -2, "log");
  }
  lua_pushcfunction(L, no_terminal);
  lua_setfield(L, -2, "isatty");
  if (rt->config.sandbox) {
    lua_pushcfunction(L, count_threads);
    lua_setfield(L, -2, "threads");
    lua_pushnil(L);
    lua_setfield(L, -2, "set_memory_limit");
    guard_file(L, "file_read", false);
    guard_file(L, "file_write", false);
    guard_file(L, "make_folders", false);
    guard_file(L, "file_kind", true);
  }
  lua_pop(L, 1);
}

/* A large buffer makes auxlib fill a metatable of its own. Where memory is out
** in the middle of that, it stays half filled for ever; so it is made here,
** where a failure ends the whole state. */
static void open_buffers(lua_State *L) {
  luaL_Buffer b;
  luaL_buffinitsize(L, &b, 2 * LUAL_BUFFERSIZE);
  luaL_pushresultsize(&b, 0);
  lua_pop(L, 1);
}

void world_open(lua_State *L, lunula_runtime *rt) {
  bool sandbox = rt->config.sandbox != 0;
  open_buffers(L);
  if (sandbox)
    open_sandbox(L);
  else
    luaL_openlibs(L);
  set_global(L, "print", world_print);
  lua_getglobal(L, LUA_IOLIBNAME);
  redirect(L);
  lua_pop(L, 1);
  if (!sandbox) {
    lua_getglobal(L, LUA_OSLIBNAME);
    lua_pushcfunction(L, refuse_exit);
    lua_setfield(L, -2, "exit");
    lua_pop(L, 1);
  }
  carried_preload(L, luaopen_lunula_core);
  open_core(L, rt);
  governor_open(L, sandbox);
}
