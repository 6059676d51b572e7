/* What tensors and variables have in common: shape, dtype, mask, methods, their
** length and text. */

#include <string.h>

#include "bind/box.h"

/* Metamethods are found by who looks for them: called on anything. */
static Val check_self(lua_State *L, State *s) {
  Val v = {s->c.dummy, 0};
  if (!box_value(L, s, 1, &v))
    raise_error(L, "a tensor is expected, got %s", luaL_typename(L, 1));
  return v;
}

/* Names of methods come here, too: few of them begin as a field does. */
static const char *field_name(const char *name) {
  const char *field = *name == 'm' ? "mask" : *name == 'd' ? "dtype"
                    : *name == 'r' ? "rank" : *name == 'n' ? "ndim"
                    : *name != 's' ? NULL
                    : name[1] == 'h' ? "shape" : "size";
  bool same = field && name[1] == field[1] && strcmp(name, field) == 0;
  return same ? field : NULL;
}

bool field_is(const char *name) {
  return field_name(name) != NULL;
}

int field_get(lua_State *L, State *s, const char *name) {
  Val v;
  const char *field = field_name(name);
  if (field == NULL)
    return 0;
  if (*field == 'm') {
    lua_getiuservalue(L, 1, 1);
    return 1;
  }
  if (!box_value(L, s, 1, &v))
    return 0;
  const Type *t = val_type(v);
  if (strcmp(field, "shape") == 0)
    shape_push(L, t);
  else if (*field == 'd')
    lua_pushstring(L, dtype_name((DType)t->dtype));
  else if (*field == 'r' || *field == 'n')
    lua_pushinteger(L, t->rank);
  else if (type_elements(t) == UNKNOWN)
    lua_pushnil(L);
  else
    lua_pushinteger(L, type_elements(t));
  return 1;
}

int field_method(lua_State *L) {
  lua_pushvalue(L, 2);
  lua_gettable(L, lua_upvalueindex(1)); /* may define it (catalogue.c) */
  return 1;
}

static int box_length(lua_State *L) {
  State *s = state_of(L);
  int mark = context_mark(&s->c);
  Val v = check_self(L, s);
  const Type *t = val_type(v);
  if (t->rank == 0)
    return raise_error(L, "a scalar has no length");
  if (t->dim[0] < 0)
    return raise_symbolic(L, v);
  lua_pushinteger(L, t->dim[0]);
  context_drain(&s->c, mark);
  return 1;
}

static int box_text(lua_State *L) {
  State *s = state_of(L);
  int mark = context_mark(&s->c);
  if (box_is_released(L, 1)) {
    lua_pushliteral(L, "tensor (released)");
    return 1;
  }
  Val v = check_self(L, s);
  Variable *variable = box_variable(L, 1);
  if (variable)
    lua_pushfstring(L, "variable \"%s\"", variable->name);
  print_push(L, variable ? lua_tostring(L, -1) : "tensor", v);
  context_drain(&s->c, mark);
  return 1;
}

void field_metatable(lua_State *L, const char *name, lua_CFunction index,
                     lua_CFunction newindex) {
  const luaL_Reg meta[] = {
    {"__len", box_length}, {"__tostring", box_text}, {"__newindex", newindex},
    {NULL, NULL}
  };
  luaL_getmetatable(L, name);
  luaL_setfuncs(L, meta, 0);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.methods");
  lua_pushcclosure(L, index, 1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
