/* The Lua files that are inside the library, where require finds them. */

#include "host/runtime.h"

#include "host/carried.h"

/* upvalue: the file */
static int load_carried(lua_State *L) {
  const CarriedFile *f = lua_touserdata(L, lua_upvalueindex(1));
  if (luaL_loadbufferx(L, f->text, f->size, f->chunk, "t") != LUA_OK)
    return lua_error(L);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

/* Stack: preload, loader. */
static void add_loader(lua_State *L, const char *module) {
  if (lua_getfield(L, -2, module) == LUA_TNIL) {
    lua_pushvalue(L, -2);
    lua_setfield(L, -4, module);
  }
  lua_pop(L, 2);
}

void carried_preload(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, luaopen_lunula_core);
  add_loader(L, "lunula.core");
  for (const CarriedFile *f = carried_files; f->module; f++) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)f);
    lua_pushcclosure(L, load_carried, 1);
    add_loader(L, f->module);
  }
  lua_pop(L, 1);
}
