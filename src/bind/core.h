/* The table lunula.core: it lies on the top while each file adds what scripts
** see of it, lower files first. */
#ifndef BIND_CORE_H
#define BIND_CORE_H

#include <lua.h>

__attribute__((visibility("default"))) int luaopen_lunula_core(lua_State *L);

void none_open(lua_State *L);
void where_open(lua_State *L);
void errors_open(lua_State *L);
void memory_open(lua_State *L);
void provider_open(lua_State *L); /* first of all, it may fail */
void provider_fields(lua_State *L); /* of core.build_info */
void machine_open(lua_State *L);
void seed_open(lua_State *L);
void shape_open(lua_State *L);
void box_open(lua_State *L);
void convert_open(lua_State *L);
void tensor_open(lua_State *L);
void variable_open(lua_State *L);
void placeholder_open(lua_State *L);
void catalogue_open(lua_State *L);
void operators_open(lua_State *L); /* of what the catalogue has */
void box_open_light(lua_State *L); /* when tensors have all they have */
void parameters_open(lua_State *L);
void json_open(lua_State *L);
void json_write_open(lua_State *L);
void words_open(lua_State *L);
void file_open(lua_State *L);
void folder_open(lua_State *L);
void unpack_open(lua_State *L);
void table_text_open(lua_State *L); /* csv.c */
void between_open(lua_State *L);
void tape_open(lua_State *L);
void host_open(lua_State *L);
void function_open(lua_State *L);
void trace_open(lua_State *L);
void short_open(lua_State *L);
void scan_open(lua_State *L);
void sums_open(lua_State *L);
void call_open(lua_State *L);
void graph_open(lua_State *L);
void rocks_open(lua_State *L);

#endif
