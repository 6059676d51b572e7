/* Placeholders of the functional API: tables of Lua that stand for tensors. An
** op that is given one is handed to the hook, which records the call. */

#include "bind/core.h"
#include "bind/signature.h"

static bool list_has_placeholder(lua_State *L, int index) {
  int n = (int)want_length(L, index);
  for (int k = 1; k <= n; k++) {
    lua_rawgeti(L, index, k);
    bool found = placeholder_is(L, lua_gettop(L));
    lua_pop(L, 1);
    if (found)
      return true;
  }
  return false;
}

/* A model's record has numbers where an op takes sizes. */
static void refuse_size(lua_State *L, const Signature *s, int i) {
  if (placeholder_is(L, i + 1) || list_has_placeholder(L, i + 1))
    raise_error(L, "%s: a size in \"%s\" is a placeholder; compute with sizes "
                   "in the call of a layer, as of Lambda",
                s->name, s->p[i].name);
}

bool placeholder_among(lua_State *L, const Signature *s) {
  bool found = false;
  for (int i = 0; i < s->n; i++) {
    if (!lua_istable(L, i + 1))
      continue;
    if (s->p[i].kind == K_SHAPE)
      refuse_size(L, s, i);
    else if (s->p[i].kind == K_TENSORS)
      found = found || list_has_placeholder(L, i + 1);
    else if (s->p[i].kind == K_TENSOR)
      found = found || placeholder_is(L, i + 1);
  }
  return found;
}

/* hook(name, fn, args...); what is None stays so, to be said again. */
int placeholder_call(lua_State *L, const State *st, const Signature *s,
                     Slots none) {
  for (int i = 0; i < s->n; i++)
    if (none >> i & 1) {
      none_push(L, st);
      lua_replace(L, i + 1);
    }
  lua_getfield(L, LUA_REGISTRYINDEX, "lunula.hook");
  lua_insert(L, 1);
  lua_pushstring(L, s->name);
  lua_insert(L, 2);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.ops");
  lua_getfield(L, -1, s->name);
  lua_insert(L, 3);
  lua_pop(L, 1);
  lua_call(L, s->n + 2, LUA_MULTRET);
  return lua_gettop(L);
}

/* ---- what Lua sees ------------------------------------------------------ */

static int core_is_placeholder(lua_State *L) {
  lua_settop(L, 1);
  lua_pushboolean(L, placeholder_is(L, 1));
  return 1;
}

static int core_set_ktensor(lua_State *L) {
  want_type(L, 1, LUA_TTABLE, "set_ktensor: the metatable");
  want_type(L, 2, LUA_TFUNCTION, "set_ktensor: the hook");
  lua_setfield(L, LUA_REGISTRYINDEX, "lunula.hook");
  lua_setfield(L, LUA_REGISTRYINDEX, "lunula.ktensor");
  return 0;
}

void placeholder_open(lua_State *L) {
  static const luaL_Reg core[] = {
    {"set_ktensor", core_set_ktensor},
    {"is_placeholder", core_is_placeholder}, {NULL, NULL}
  };
  luaL_setfuncs(L, core, 0);
}
