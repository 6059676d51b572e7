/* The way into Lua: every call of a host that needs it goes through protect,
** which turns what Lua raises into a status and a message, and leaves the stack
** and the context as they were. */

#include "host/runtime.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- the runtime of a state --------------------------------------------- */

static const char runtime_key = 0;

void runtime_put(lua_State *L, lunula_runtime *rt) {
  lua_pushlightuserdata(L, rt);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &runtime_key);
}

lunula_runtime *runtime_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &runtime_key);
  lunula_runtime *rt = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return rt;
}

/* ---- the way in --------------------------------------------------------- */

/* The message handler: a text, and where it came from. */
static int explain(lua_State *L) {
  State *s = state_of(L);
  if (s)
    s->caught = raise_kind_of(L, 1);
  if (lua_type(L, 1) != LUA_TSTRING)
    luaL_tolstring(L, 1, NULL);
  luaL_traceback(L, L, lua_tostring(L, -1), 1);
  return 1;
}

/* The kind of the error that ended the guarded call. */
static ErrorKind kind_of_end(lua_State *L, int status) {
  const State *s = state_of(L);
  return status == LUA_ERRMEM ? ERROR_MEMORY : s ? s->caught : ERROR_PLAIN;
}

static lunula_status report(lua_State *L, int status, const Job *job,
                            lunula_error *error) {
  static const char mark[] = "\nstack traceback:\n";
  const char *text = lua_type(L, -1) == LUA_TSTRING
                         ? lua_tostring(L, -1) : "an error without a message";
  const char *stack = strstr(text, mark);
  int n = stack ? (int)(stack - text) : (int)strlen(text);
  const lunula_runtime *rt = runtime_of(L);
  bool starved = rt && rt->starved; /* Lua says of a stack that cannot grow */
  lunula_status s = status == LUA_ERRMEM ? LUNULA_MEMORY
                    : job->refused ? job->refused
                    : starved && strstr(text, "stack overflow")
                        ? LUNULA_MEMORY : host_status(kind_of_end(L, status));
  host_refuse(error, s, "%.*s", n, text);
  if (error && stack)
    snprintf(error->traceback, sizeof error->traceback, "%s",
             stack + sizeof mark - 1);
  return s;
}

/* Values that the context still holds for a call that was cut short. */
static int mark_of(const State *s) {
  return s ? context_mark(&s->c) : 0;
}

static void tidy(lua_State *L, int mark) {
  State *s = state_of(L);
  if (s == NULL)
    return;
  context_drain(&s->c, mark);
  s->c.error.set = false;
}

lunula_status protect_value(lua_State *L, int index, lua_CFunction f, void *job,
                            int results, lunula_error *error) {
  if (L == NULL)
    return host_refuse_null(error, "Lua state");
  int top = lua_gettop(L);
  if (!lua_checkstack(L, 8))
    return host_refuse(error, LUNULA_MEMORY, "the Lua stack is full");
  int given = index;
  index = index ? lua_absindex(L, index) : 0;
  if (index < 0 || index > top)
    return host_refuse(error, LUNULA_ARGUMENT, "there is no value at index %d",
                       given);
  State *state = state_of(L);
  int mark = mark_of(state);
  if (state) {
    state->caught = ERROR_PLAIN;
    state->mark = mark;
  }
  lua_pushcfunction(L, explain);
  lua_pushcfunction(L, f);
  lua_pushlightuserdata(L, job);
  if (index)
    lua_pushvalue(L, index);
  int status = lua_pcall(L, index ? 2 : 1, results, top + 1);
  lunula_status s = LUNULA_OK;
  if (status == LUA_OK) {
    lua_remove(L, top + 1);
  } else {
    s = report(L, status, job, error);
    lua_settop(L, top);
  }
  tidy(L, mark);
  return s;
}

lunula_status protect(lua_State *L, lua_CFunction f, void *job, int results,
                      lunula_error *error) {
  return protect_value(L, 0, f, job, results, error);
}

int protect_refuse(lua_State *L, void *job, lunula_status status,
                   const char *format, ...) {
  char text[1000];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  ((Job *)job)->refused = status;
  lua_pushstring(L, text);
  return lua_error(L);
}

State *protect_core(lua_State *L) {
  State *s = state_of(L);
  if (s)
    return s;
  luaL_requiref(L, "lunula.core", luaopen_lunula_core, 0);
  lua_pop(L, 1);
  return state_of(L);
}
