/* The module lunula.blas: an address, which lunula.core asks for when it wants
** OpenBLAS. Nothing is loaded by requiring it. */
#include <dlfcn.h>

#include <lua.h>

#include "host/lunula.h"

LUNULA_API int luaopen_lunula_blas(lua_State *L);

/* The linker of macOS cannot be told that a module stays when the state that
** loaded it closes. */
static void stay(void) {
#ifdef __APPLE__
  Dl_info here;
  if (dladdr((void *)(uintptr_t)lunula_openblas, &here))
    dlopen(here.dli_fname, RTLD_NOW | RTLD_NODELETE);
#endif
}

int luaopen_lunula_blas(lua_State *L) {
  stay();
  lua_pushlightuserdata(L, (void *)(uintptr_t)lunula_openblas());
  return 1;
}
