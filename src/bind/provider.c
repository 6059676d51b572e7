/* OpenBLAS for the scripts of a state: its module is required when products
** are to be made by it or a matrix is to be taken apart, and never else. */

#include <string.h>

#include "base/isa.h"
#include "bind/core.h"
#include "bind/state.h"
#include "kernels/provider.h"

/* require "lunula.blas"; the first line of what it says when it fails. */
static bool require(lua_State *L, bool (*take)(const Provider *p, Error *e),
                    Error *e) {
  int top = lua_gettop(L);
  bool found = false;
  lua_getglobal(L, "require");
  lua_pushliteral(L, "lunula.blas");
  if (lua_pcall(L, 1, 1, 0) == LUA_OK && lua_islightuserdata(L, -1)) {
    found = take(lua_touserdata(L, -1), e);
  } else {
    const char *text = lua_tostring(L, -1);
    fail(e, "%.*s", text ? (int)strcspn(text, ":\n") : 0, text ? text : "");
  }
  lua_settop(L, top);
  return found;
}

static bool search(void *ud, Error *e) {
  return require(ud, provider_offer, e);
}

static bool search_lapack(void *ud, Error *e) {
  return require(((State *)ud)->L, provider_lend, e);
}

void provider_open(lua_State *L) {
  State *s = state_of(L);
  Error e = {.set = false};
  if (!provider_choose(search, L, &e))
    luaL_error(L, "lunula: %s", e.text);
  s->c.lapack = search_lapack;
  s->c.lapack_ud = s;
  if (provider() && !s->retains) {
    provider()->retain();
    s->retains = true;
  }
}

/* ---- what is said about it ---------------------------------------------- */

/* The best that OpenBLAS has for this machine, in its own word; NULL: what it
** has found is not known to be below that. */
static const char *better_core(const Provider *p) {
  const char *set = isa_there(1) ? isa_there(isa_there(2) ? 2 : 1) : "";
  if (!p->is_slow())
    return NULL;
  return strcmp(set, "avx512") == 0 ? "SkylakeX"
         : strcmp(set, "avx2") == 0 ? "Haswell" : NULL;
}

static void push_advice(lua_State *L, const Provider *p) {
  const char *better = better_core(p);
  if (better)
    lua_pushfstring(L, "OpenBLAS takes this processor for a %s and is several "
                       "times slower than it could be: set "
                       "OPENBLAS_CORETYPE=%s in the environment, before the "
                       "program starts", p->core(), better);
  else
    lua_pushnil(L);
}

/* {config, core, advice} */
static void push_library(lua_State *L, const Provider *p) {
  lua_createtable(L, 0, 3);
  lua_pushstring(L, p->config());
  lua_setfield(L, -2, "config");
  lua_pushstring(L, p->core());
  lua_setfield(L, -2, "core");
  push_advice(L, p);
  lua_setfield(L, -2, "advice");
}

void provider_fields(lua_State *L) {
  const Provider *p = provider();
  lua_pushstring(L, p ? "blas" : "native");
  lua_setfield(L, -2, "gemm");
  lua_pushstring(L, provider_why());
  lua_setfield(L, -2, "why");
  if (p == NULL)
    return;
  push_library(L, p);
  lua_setfield(L, -2, "blas");
}
