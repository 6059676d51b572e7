/* Errors at the user's own line, named after the layer that is being called. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bind/raise.h"

/* Errors are plain strings to scripts, which may catch them and raise them
** again; so the kind is kept beside the string, for whoever gets it at last. */
static const char raised_key = 0;

/* Pushes "average: " when the user calls that op and the text is by another,
** of which it is made. */
static void push_op(lua_State *L, const char *text) {
  const char *op = where_op(L);
  size_t n = op ? strlen(op) : 0;
  if (n == 0 || (strncmp(text, op, n) == 0 && text[n] == ':'))
    lua_pushliteral(L, "");
  else
    lua_pushfstring(L, "%s: ", op);
}

int raise_text(lua_State *L, ErrorKind kind, const char *text) {
  State *s = state_of(L);
  context_drain(&s->c, s->mark);
  where_push(L);
  layer_push(L);
  push_op(L, text);
  lua_pushstring(L, text);
  lua_concat(L, 4);
  if (kind != ERROR_PLAIN) {
    s->raised = kind;
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &raised_key);
  }
  return lua_error(L);
}

ErrorKind raise_kind_of(lua_State *L, int index) {
  const State *s = state_of(L);
  if (lua_type(L, index) != LUA_TSTRING)
    return ERROR_PLAIN;
  if (strcmp(lua_tostring(L, index), "not enough memory") == 0)
    return ERROR_MEMORY; /* the whole of it: Lua's own words */
  index = lua_absindex(L, index);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &raised_key);
  bool same = s && lua_rawequal(L, -1, index);
  lua_pop(L, 1);
  return same ? s->raised : ERROR_PLAIN;
}

int raise_error(lua_State *L, const char *format, ...) {
  char text[1200];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return raise_text(L, ERROR_PLAIN, text);
}

int raise_failure(lua_State *L, const Error *e) {
  return raise_text(L, e->kind, e->text);
}

int raise_memory(lua_State *L) {
  return raise_text(L, ERROR_MEMORY, "out of memory");
}

int raise_context(lua_State *L, State *s) {
  Error e = s->c.error;
  s->c.error.set = false;
  return raise_failure(L, &e);
}

static int symbolic_text(lua_State *L) {
  lua_getfield(L, 1, "message");
  return 1;
}

int raise_no_value(lua_State *L, const char *text) {
  lua_createtable(L, 0, 2);
  where_push(L);
  layer_push(L);
  lua_pushstring(L, text);
  lua_concat(L, 3);
  lua_setfield(L, -2, "message");
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "symbolic");
  luaL_newmetatable(L, "lunula.Symbolic");
  lua_pushcfunction(L, symbolic_text);
  lua_setfield(L, -2, "__tostring");
  lua_setmetatable(L, -2);
  return lua_error(L);
}

int raise_symbolic(lua_State *L, Val v) {
  char shape[TYPE_TEXT];
  lua_pushfstring(L, "this tensor of shape %s has no value yet: it stands for "
                     "what comes when the model runs%s%s (use k.ops instead, "
                     "or Lambda{f, trace = false})",
                  type_text(val_type(v), shape),
                  v.node->origin ? "; made at " : "",
                  v.node->origin ? v.node->origin : "");
  return raise_no_value(L, lua_tostring(L, -1));
}
