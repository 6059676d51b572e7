/* Errors as our Lua files use them: they raise at the user's line too, and say
** which layer is being called. */

#include <stdio.h>
#include <string.h>

#include <lualib.h>

#include "bind/core.h"
#include "bind/raise.h"

/* The format with every directive as %s, and the arguments as texts: what it
** says when a value is not of the type that it was written for. */
static void format_texts(lua_State *L) {
  char format[1200];
  size_t n = 0;
  for (const char *p = lua_tostring(L, 1); *p && n + 2 < sizeof format; p++) {
    format[n++] = *p;
    if (*p != '%')
      continue;
    p += strspn(p + 1, "-+ #0.123456789");
    if (p[1] == '\0')
      break;
    format[n++] = *++p == '%' ? '%' : 's';
  }
  lua_pushlstring(L, format, n);
  lua_replace(L, 1);
  for (int i = 2; i <= lua_gettop(L); i++) {
    luaL_tolstring(L, i, NULL);
    lua_replace(L, i);
  }
}

/* raise(format, ...) as string.format */
static int core_raise(lua_State *L) {
  want_type(L, 1, LUA_TSTRING, "raise: the format");
  int n = lua_gettop(L);
  if (n == 1)
    return raise_text(L, ERROR_PLAIN, lua_tostring(L, 1));
  luaL_checkstack(L, 2 * n + 8, NULL);
  luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 0);
  for (int round = 0; round < 2; round++) {
    lua_getfield(L, n + 1, "format");
    for (int i = 1; i <= n; i++)
      lua_pushvalue(L, i);
    if (lua_pcall(L, n, 1, 0) == LUA_OK)
      return raise_text(L, ERROR_PLAIN, lua_tostring(L, -1));
    lua_settop(L, n);
    format_texts(L);
    luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 0);
  }
  return raise_text(L, ERROR_PLAIN, lua_tostring(L, 1));
}

/* no_value(text): what cannot be traced; a Lambda is then a step of the host. */
static int core_no_value(lua_State *L) {
  want_type(L, 1, LUA_TSTRING, "no_value: the text");
  return raise_no_value(L, lua_tostring(L, 1));
}

static const char *const kinds[] = {
  [ERROR_PLAIN] = "plain", [ERROR_MEMORY] = "memory",
  [ERROR_CANCELLED] = "cancelled", [ERROR_BUDGET] = "budget", NULL
};

/* error_kind(caught): for who raises it again in other words. To be asked
** before anything else fails. */
static int core_error_kind(lua_State *L) {
  lua_settop(L, 1);
  lua_pushstring(L, kinds[raise_kind_of(L, 1)]);
  return 1;
}

/* raise_as(kind, text) */
static int core_raise_as(lua_State *L) {
  int kind = 0;
  want_type(L, 1, LUA_TSTRING, "raise_as: the kind");
  while (kinds[kind] && strcmp(kinds[kind], lua_tostring(L, 1)) != 0)
    kind++;
  if (kinds[kind] == NULL)
    raise_error(L, "raise_as: there is no kind \"%s\"", lua_tostring(L, 1));
  want_type(L, 2, LUA_TSTRING, "raise_as: the text");
  return raise_text(L, (ErrorKind)kind, lua_tostring(L, 2));
}

/* enter(name, class): a layer is called until what comes back is closed. */
static int core_enter(lua_State *L) {
  LayerStack *s = layer_stack(L);
  want_type(L, 1, LUA_TSTRING, "enter: the name");
  if (!lua_isnoneornil(L, 2))
    want_type(L, 2, LUA_TSTRING, "enter: the class");
  const char *name = lua_tostring(L, 1), *class = luaL_optstring(L, 2, "");
  if (s->n < COUNT_OF(s->layer)) {
    LayerName *l = &s->layer[s->n];
    snprintf(l->name, sizeof l->name, "%s", name);
    snprintf(l->class, sizeof l->class, "%s", class);
  }
  s->n++;
  lua_pushvalue(L, lua_upvalueindex(1));
  return 1;
}

static int leave_layer(lua_State *L) {
  LayerStack *s = layer_stack(L);
  if (s->n > 0)
    s->n--;
  return 0;
}

void errors_open(lua_State *L) {
  lua_pushcfunction(L, core_raise);
  lua_setfield(L, -2, "raise");
  lua_pushcfunction(L, core_no_value);
  lua_setfield(L, -2, "no_value");
  lua_pushcfunction(L, core_error_kind);
  lua_setfield(L, -2, "error_kind");
  lua_pushcfunction(L, core_raise_as);
  lua_setfield(L, -2, "raise_as");
  lua_newtable(L); /* one closable value serves all: it only counts down */
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, leave_layer);
  lua_setfield(L, -2, "__close");
  lua_setmetatable(L, -2);
  lua_pushcclosure(L, core_enter, 1);
  lua_setfield(L, -2, "enter");
}
