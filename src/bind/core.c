/* luaopen_lunula_core: one state of lunula for each lua_State, and all that the
** other files offer. May be called again in the same state, as busted does:
** everything is kept in the registry. */

#include "base/isa.h"
#include "base/version.h"
#include "bind/state.h"

#if LUA_VERSION_NUM != 504
#error "lunula is for Lua 5.4"
#endif

int luaopen_lunula_core(lua_State *L) {
  Error e = {.set = false};
  luaL_checkversion(L);
  if (!isa_choose(&e))
    return luaL_error(L, "lunula: %s", e.text);
  state_open(L, NULL);
  lua_newtable(L);
  open_where(L);
  open_errors(L);
  open_memory(L);
  open_machine(L);
  open_seeds(L);
  open_boxes(L);
  open_conversion(L);
  open_tensors(L);
  open_variables(L);
  open_placeholders(L);
  open_catalogue(L);
  open_operators(L);
  open_traces(L);
  open_functions(L);
  open_hosts(L);
  open_scans(L);
  open_calls(L);
  open_json(L);
  open_parameters(L);
  lua_pushliteral(L, VERSION);
  lua_setfield(L, -2, "version");
  return 1;
}
