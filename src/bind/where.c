/* The user's own line: frames of our Lua files and of C are skipped. Nodes note
** it when they are made, as their errors say it when they run. */

#include <string.h>

#include "bind/core.h"
#include "bind/raise.h"

/* Sister rocks are below lunula too, and may stand in another tree. */
static bool is_of_sister(const char *source) {
  return strstr(source, "/lua/lunula/") != NULL ||
         strstr(source, "/lua/" LUA_VERSION_MAJOR "." LUA_VERSION_MINOR
                        "/lunula/") != NULL;
}

static bool is_ours(const State *s, const char *source) {
  static const char carried[] = "@lunula/"; /* files inside the library */
  return (s->home && strncmp(source, s->home, strlen(s->home)) == 0) ||
         strncmp(source, carried, sizeof carried - 1) == 0 ||
         is_of_sister(source);
}

/* Lua walks from the top to each level anew, so a search of a whole stack of
** our frames, as of a layer that calls itself, would take minutes. */
enum { LEVELS = 1000 };

/* The innermost frame that is the user's. */
static bool find_user(lua_State *L, const State *s, lua_Debug *ar) {
  for (int level = 0; level < LEVELS && lua_getstack(L, level, ar); level++) {
    if (!lua_getinfo(L, "S", ar) || *ar->what == 'C' || is_ours(s, ar->source))
      continue;
    return lua_getinfo(L, "l", ar) && ar->currentline > 0;
  }
  return false;
}

/* The name of the op whose function runs at the level, NULL: none does. */
static const char *op_at(lua_State *L, const State *s, lua_Debug *ar) {
  const char *name = NULL;
  lua_getinfo(L, "f", ar);
  lua_CFunction f = lua_tocfunction(L, -1);
  bool is_op = f && (f == s->binder || f == s->method);
  if (is_op && lua_getupvalue(L, -1, 1)) {
    name = lua_touserdata(L, -1); /* a Signature begins with its name */
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return name;
}

const char *where_op(lua_State *L) {
  const State *s = state_of(L);
  lua_Debug below, ar;
  if (!lua_getstack(L, 0, &below))
    return NULL;
  for (int level = 1; level < LEVELS && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "S", &ar);
    if (*ar.what != 'C' && !is_ours(s, ar.source))
      return op_at(L, s, &below);
    below = ar;
  }
  return NULL;
}

void where_push(lua_State *L) {
  lua_Debug ar;
  if (find_user(L, state_of(L), &ar))
    lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
  else
    lua_pushliteral(L, "");
}

/* ---- origins of nodes --------------------------------------------------- */

/* "train.lua:12", and the class of the layer that is being called, if any;
   kept by the registry for as long as the state lives: lines and classes are
   few, names of layers are not. */
static int origin_protected(lua_State *L) {
  const char **text = lua_touserdata(L, 1);
  where_push(L);
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

/* ---- what Lua sees ------------------------------------------------------ */

static int core_where(lua_State *L) {
  lua_Debug ar;
  if (find_user(L, state_of(L), &ar))
    lua_pushfstring(L, "%s:%d", ar.short_src, ar.currentline);
  else
    lua_pushliteral(L, "");
  return 1;
}

void where_open(lua_State *L) {
  State *s = state_of(L);
  s->c.origin = find_origin; /* who asks knows no Lua */
  s->c.origin_ud = s;
  lua_pushcfunction(L, core_where);
  lua_setfield(L, -2, "where");
}
