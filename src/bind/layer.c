/* The layers that are being called: errors and nodes are named after them. */

#include "bind/raise.h"

LayerStack *layer_stack(lua_State *L) {
  static const char stacks_key = 0;
  bool is_main = lua_pushthread(L);
  lua_pop(L, 1);
  if (is_main)
    return &state_of(L)->layers;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &stacks_key) != LUA_TTABLE) {
    lua_pop(L, 1);
    lua_newtable(L); /* thread -> its stack, as long as that lives */
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &stacks_key);
  }
  lua_pushthread(L);
  if (lua_rawget(L, -2) != LUA_TUSERDATA) {
    lua_pop(L, 1);
    LayerStack *fresh = lua_newuserdatauv(L, sizeof *fresh, 0);
    fresh->n = 0;
    lua_pushthread(L);
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
  }
  LayerStack *stack = lua_touserdata(L, -1);
  lua_pop(L, 2);
  return stack;
}

static const LayerName *current_layer(lua_State *L) {
  const LayerStack *s = layer_stack(L);
  int depth = s->n < COUNT_OF(s->layer) ? s->n : COUNT_OF(s->layer);
  return depth ? &s->layer[depth - 1] : NULL;
}

const char *layer_class(lua_State *L) {
  const LayerName *l = current_layer(L);
  return l ? l->class : "";
}

void layer_push(lua_State *L) {
  const LayerName *l = current_layer(L);
  if (l == NULL) {
    lua_pushliteral(L, "");
    return;
  }
  if (*l->class)
    lua_pushfstring(L, "layer \"%s\" (%s): ", l->name, l->class);
  else
    lua_pushfstring(L, "layer \"%s\": ", l->name);
}
