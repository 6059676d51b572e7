/* luaopen_lunula_core: one state of lunula for each lua_State, and all that the
** other files offer. May be called again in the same state, as busted does:
** everything is kept in the registry. */

#include "base/isa.h"
#include "base/version.h"
#include "bind/carried.h"
#include "bind/core.h"
#include "bind/state.h"

#if LUA_VERSION_NUM != 504 && LUA_VERSION_NUM != 505
#error "lunula is for Lua 5.4 and 5.5"
#endif

int luaopen_lunula_core(lua_State *L) {
  Error e = {.set = false};
  luaL_checkversion(L);
  if (!isa_choose(&e))
    return luaL_error(L, "lunula: %s", e.text);
  bool first = state_of(L) == NULL;
  state_open(L, NULL);
  provider_open(L);
  if (first)
    carried_search(L);
  lua_newtable(L);
  none_open(L);
  where_open(L);
  errors_open(L);
  memory_open(L);
  machine_open(L);
  seed_open(L);
  shape_open(L);
  box_open(L);
  convert_open(L);
  tensor_open(L);
  variable_open(L);
  placeholder_open(L);
  catalogue_open(L);
  operators_open(L);
  box_open_light(L);
  parameters_open(L);
  json_open(L);
  json_write_open(L);
  words_open(L);
  file_open(L);
  folder_open(L);
  unpack_open(L);
  table_text_open(L);
  between_open(L);
  tape_open(L);
  host_open(L);
  function_open(L);
  trace_open(L);
  short_open(L);
  scan_open(L);
  sums_open(L);
  call_open(L);
  graph_open(L);
  rocks_open(L);
  lua_pushliteral(L, VERSION);
  lua_setfield(L, -2, "version");
  return 1;
}
