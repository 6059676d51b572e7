/* The module lunula.blas: an address, which lunula.core asks for when it wants
** OpenBLAS. Nothing is loaded by requiring it. */
#include <lua.h>

#include "host/lunula.h"

LUNULA_API int luaopen_lunula_blas(lua_State *L);

int luaopen_lunula_blas(lua_State *L) {
  lua_pushlightuserdata(L, (void *)(uintptr_t)lunula_openblas());
  return 1;
}
