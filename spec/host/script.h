/* What a script has, for programs of the suite that look into it. */
#ifndef HOST_SCRIPT_H
#define HOST_SCRIPT_H

#include "check.h"

#include <lua.h>

/* The number in a global variable. */
__attribute__((unused)) static double global_number(lunula_runtime *rt,
                                                    const char *name) {
  lua_State *L = lunula_state(rt);
  lua_getglobal(L, name);
  double v = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return v;
}

/* The tensors of the list `name` of the table on top of the stack. */
__attribute__((unused)) static void read_views(lua_State *L, const char *name,
                                               int n, lunula_view *views) {
  lua_getfield(L, -1, name);
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, -1, i + 1);
    EXPECT_STATUS(LUNULA_OK, lunula_to_view(L, -1, &views[i], &why));
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* Of numbers of four bytes. */
__attribute__((unused)) static size_t bytes_of(const lunula_view *v) {
  size_t n = 4;
  for (int i = 0; i < v->rank; i++)
    n *= (size_t)v->shape[i];
  return n;
}

#endif
