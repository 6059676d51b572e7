/* Errors at the user's own line, named after the layer that was being called.
** Frames of our Lua files and of C are skipped. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <lualib.h>

#include "bind/state.h"

static bool is_ours(const State *s, const char *source) {
  static const char carried[] = "@lunula/"; /* files inside the library */
  return (s->home && strncmp(source, s->home, strlen(s->home)) == 0) ||
         strncmp(source, carried, sizeof carried - 1) == 0;
}

/* The innermost frame that is the user's. */
static bool find_user(lua_State *L, const State *s, lua_Debug *ar) {
  for (int level = 0; lua_getstack(L, level, ar); level++) {
    if (!lua_getinfo(L, "S", ar) || *ar->what == 'C' || is_ours(s, ar->source))
      continue;
    return lua_getinfo(L, "l", ar) && ar->currentline > 0;
  }
  return false;
}

void push_where(lua_State *L) {
  lua_Debug ar;
  if (find_user(L, state_of(L), &ar))
    lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
  else
    lua_pushliteral(L, "");
}

LayerStack *layer_stack(lua_State *L) {
  static const char stacks_key = 0;
  bool is_main = lua_pushthread(L);
  lua_pop(L, 1);
  if (is_main)
    return &state_of(L)->layers;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &stacks_key) != LUA_TTABLE) {
    lua_pop(L, 1);
    lua_newtable(L); /* thread -> its stack, as long as that lives */
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &stacks_key);
  }
  lua_pushthread(L);
  if (lua_rawget(L, -2) != LUA_TUSERDATA) {
    lua_pop(L, 1);
    LayerStack *fresh = lua_newuserdatauv(L, sizeof *fresh, 0);
    fresh->n = 0;
    lua_pushthread(L);
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
  }
  LayerStack *stack = lua_touserdata(L, -1);
  lua_pop(L, 2);
  return stack;
}

static const LayerName *current_layer(lua_State *L) {
  const LayerStack *s = layer_stack(L);
  int depth = s->n < COUNT_OF(s->layer) ? s->n : COUNT_OF(s->layer);
  return depth ? &s->layer[depth - 1] : NULL;
}

const char *layer_class(lua_State *L) {
  const LayerName *l = current_layer(L);
  return l ? l->class : "";
}

static void push_layer(lua_State *L) {
  const LayerName *l = current_layer(L);
  if (l == NULL) {
    lua_pushliteral(L, "");
    return;
  }
  if (*l->class)
    lua_pushfstring(L, "layer \"%s\" (%s): ", l->name, l->class);
  else
    lua_pushfstring(L, "layer \"%s\": ", l->name);
}

/* Errors are plain strings to scripts, which may catch them and raise them
** again; so the kind is kept beside the string, for whoever gets it at last. */
static const char raised_key = 0;

static int raise_text(lua_State *L, ErrorKind kind, const char *text) {
  State *s = state_of(L);
  context_drain(&s->c, s->mark);
  push_where(L);
  push_layer(L);
  lua_pushstring(L, text);
  lua_concat(L, 3);
  if (kind != ERROR_PLAIN) {
    s->raised = kind;
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &raised_key);
  }
  return lua_error(L);
}

ErrorKind error_kind(lua_State *L, int index) {
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

/* ---- arguments ---------------------------------------------------------- */

void want_type(lua_State *L, int index, int type, const char *what) {
  if (lua_type(L, index) != type)
    raise_error(L, "%s must be a %s, got %s", what, lua_typename(L, type),
                luaL_typename(L, index));
}

bool is_callable(lua_State *L, int index) {
  if (lua_isfunction(L, index))
    return true;
  if (luaL_getmetafield(L, index, "__call") == LUA_TNIL)
    return false;
  lua_pop(L, 1);
  return true;
}

void want_callable(lua_State *L, int index, const char *what) {
  if (!is_callable(L, index))
    raise_error(L, "%s must be a function, got %s", what,
                luaL_typename(L, index));
}

lua_Integer want_whole(lua_State *L, int index, const char *what) {
  int whole = 0;
  lua_Integer n = lua_type(L, index) == LUA_TNUMBER
                      ? lua_tointegerx(L, index, &whole) : 0;
  if (!whole)
    raise_error(L, "%s must be a whole number, got %s", what,
                luaL_tolstring(L, index, NULL));
  return n;
}

static int symbolic_text(lua_State *L) {
  lua_getfield(L, 1, "message");
  return 1;
}

int raise_symbolic(lua_State *L, Val v) {
  char shape[TYPE_TEXT];
  lua_createtable(L, 0, 3);
  push_where(L);
  push_layer(L);
  lua_pushfstring(L, "this tensor of shape %s has no value yet: it stands for "
                     "what comes when the model runs%s%s (use k.ops instead, "
                     "or Lambda{f, trace = false})",
                  type_text(val_type(v), shape),
                  v.node->origin ? "; made at " : "",
                  v.node->origin ? v.node->origin : "");
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

/* ---- what Lua sees ------------------------------------------------------ */

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

static const char *const kinds[] = {
  [ERROR_PLAIN] = "plain", [ERROR_MEMORY] = "memory",
  [ERROR_CANCELLED] = "cancelled", [ERROR_BUDGET] = "budget", NULL
};

/* error_kind(caught): for who raises it again in other words. To be asked
** before anything else fails. */
static int core_error_kind(lua_State *L) {
  lua_settop(L, 1);
  lua_pushstring(L, kinds[error_kind(L, 1)]);
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

static int core_where(lua_State *L) {
  lua_Debug ar;
  if (find_user(L, state_of(L), &ar))
    lua_pushfstring(L, "%s:%d", ar.short_src, ar.currentline);
  else
    lua_pushliteral(L, "");
  return 1;
}

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

void open_errors(lua_State *L) {
  lua_pushcfunction(L, core_raise);
  lua_setfield(L, -2, "raise");
  lua_pushcfunction(L, core_error_kind);
  lua_setfield(L, -2, "error_kind");
  lua_pushcfunction(L, core_raise_as);
  lua_setfield(L, -2, "raise_as");
  lua_pushcfunction(L, core_where);
  lua_setfield(L, -2, "where");
  lua_newtable(L); /* one closable value serves all: it only counts down */
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, leave_layer);
  lua_setfield(L, -2, "__close");
  lua_setmetatable(L, -2);
  lua_pushcclosure(L, core_enter, 1);
  lua_setfield(L, -2, "enter");
}
