/* A call of a composite, an op that is written in Lua: its function is given
** arguments that are checked and brought into one form. */

#include <stdio.h>

#include "bind/signature.h"

/* The value at the top becomes a tensor, unless it stands for one already.
** data: whole numbers become floats, as core.tensor makes them. */
static void to_tensor(lua_State *L, State *st, bool data, const char *name) {
  int top = lua_gettop(L);
  if (box_is_tensor(L, top) || placeholder_is(L, top))
    return;
  int mark = context_mark(&st->c);
  box_push(L, st, data && lua_istable(L, top)
                        ? table_data(L, st, top)
                        : operand_check(L, st, top, data ? F32 : DTYPE_COUNT,
                                        name));
  context_drain(&st->c, mark);
  lua_remove(L, top);
}

static void check_tensor_at(lua_State *L, State *st, const Signature *s,
                            int i) {
  char name[100];
  snprintf(name, sizeof name, "%s: argument \"%s\"", s->name, s->p[i].name);
  lua_pushvalue(L, i + 1);
  to_tensor(L, st, s->p[i].kind == K_DATA, name);
  lua_replace(L, i + 1);
}

/* Into a table of its own: the user's is left as it is. */
static void check_list(lua_State *L, State *st, const Signature *s, int i) {
  char name[100];
  if (!lua_istable(L, i + 1) || placeholder_is(L, i + 1))
    signature_refuse(L, s, i, "a list of tensors");
  lua_Unsigned n = want_length(L, i + 1);
  lua_createtable(L, 0, 0);
  for (lua_Unsigned k = 1; k <= n; k++) {
    snprintf(name, sizeof name, "%s: %s[%llu]", s->name, s->p[i].name,
             (unsigned long long)k);
    lua_rawgeti(L, i + 1, (lua_Integer)k);
    to_tensor(L, st, s->p[i].kind == K_NEST, name);
    lua_rawseti(L, -2, (lua_Integer)k);
  }
  lua_replace(L, i + 1);
}

static void check_functions(lua_State *L, const Signature *s, int i) {
  lua_Unsigned n = lua_istable(L, i + 1) ? want_length(L, i + 1) : 0;
  if (n == 0)
    signature_refuse(L, s, i, "a list of functions");
  for (lua_Unsigned k = 1; k <= n; k++) {
    lua_rawgeti(L, i + 1, (lua_Integer)k);
    if (!want_is_callable(L, -1))
      signature_refuse(L, s, i, "a list of functions");
    lua_pop(L, 1);
  }
}

/* The whole numbers at i as integers (2.0 is 2), false and tensors where these
** are allowed. */
static void check_wholes(lua_State *L, const Signature *s, int i,
                         const char *wanted) {
  bool unknown = s->p[i].kind != K_WHOLES;
  int64_t one;
  bool list = s->p[i].kind == K_SIZES || s->p[i].kind == K_SHAPE;
  if (!list && want_is_whole(L, i + 1, &one)) {
    lua_pushinteger(L, one);
    lua_replace(L, i + 1);
    return;
  }
  lua_Unsigned n = lua_istable(L, i + 1) ? want_length(L, i + 1) : 1;
  if (n == 0 && want_finds_fields(L, i + 1))
    signature_refuse(L, s, i, wanted);
  lua_createtable(L, n < 64 ? (int)n : 0, 0);
  for (lua_Unsigned k = 1; k <= n; k++) {
    if (lua_istable(L, i + 1))
      lua_rawgeti(L, i + 1, (lua_Integer)k);
    else
      lua_pushvalue(L, i + 1);
    if (want_is_whole(L, -1, &one))
      lua_pushinteger(L, one);
    else if (unknown && lua_isboolean(L, -1) && !lua_toboolean(L, -1))
      lua_pushboolean(L, 0);
    else if (s->p[i].kind == K_SHAPE && box_is_tensor(L, -1))
      lua_pushvalue(L, -1);
    else
      signature_refuse(L, s, i, wanted);
    lua_rawseti(L, -3, (lua_Integer)k);
    lua_pop(L, 1);
  }
  lua_replace(L, i + 1);
  lua_settop(L, s->n);
}

static void push_standard(lua_State *L, const Param *p) {
  switch (p->standard.kind) {
    case ATTR_INT: case ATTR_AXES:
      lua_pushinteger(L, p->standard.i[0]);
      break;
    case ATTR_BOOL: lua_pushboolean(L, p->standard.i[0] != 0); break;
    case ATTR_NUM: lua_pushnumber(L, p->standard.f); break;
    default: lua_pushstring(L, p->text);
  }
}

static void check_number(lua_State *L, const Signature *s, int i, Slots none) {
  signature_attr(L, s, i, none); /* raises when it does not fit */
  if (lua_isboolean(L, i + 1)) {
    lua_pushinteger(L, lua_toboolean(L, i + 1));
    lua_replace(L, i + 1);
  }
}

/* What is no tensor: plain values and functions. */
static void check_plain(lua_State *L, const Signature *s, int i, Slots none) {
  switch (s->p[i].kind) {
    case K_FN:
      if (!want_is_callable(L, i + 1))
        signature_refuse(L, s, i, "a function");
      break;
    case K_FNS: check_functions(L, s, i); break;
    case K_STR:
      if (lua_type(L, i + 1) != LUA_TSTRING)
        signature_refuse(L, s, i, "a string");
      break;
    case K_INT: case K_INTS: case K_AXES: case K_SIZES:
      signature_attr(L, s, i, none);
      check_wholes(L, s, i, "whole numbers");
      break;
    case K_SHAPE: check_wholes(L, s, i, "sizes"); break;
    case K_WHOLES:
      check_wholes(L, s, i, "a whole number or a table of them");
      break;
    case K_NUM: check_number(L, s, i, none); break;
    case K_BOOL: case K_DTYPE: signature_attr(L, s, i, none); break;
    default: break;
  }
}

/* The argument at i as the composite's function wants it. */
static void check_argument(lua_State *L, State *st, const Signature *s, int i,
                           Slots none) {
  switch (s->p[i].kind) {
    case K_TENSOR: case K_DATA: check_tensor_at(L, st, s, i); break;
    case K_TENSORS: check_list(L, st, s, i); break;
    case K_VALUE:
      if (lua_type(L, i + 1) != LUA_TNUMBER)
        check_tensor_at(L, st, s, i);
      break;
    case K_VARIABLE:
      if (box_variable(L, i + 1) == NULL)
        signature_refuse(L, s, i, "a variable");
      break;
    case K_NEST:
      if (lua_istable(L, i + 1) && !placeholder_is(L, i + 1))
        check_list(L, st, s, i);
      else
        check_tensor_at(L, st, s, i);
      break;
    default: check_plain(L, s, i, none);
  }
}

/* The default, where nothing was said and there is one. */
static void fill_in(lua_State *L, const Signature *s, int i, Slots none) {
  const Param *p = &s->p[i];
  bool has_standard = p->standard.kind != ATTR_NIL || *p->text != '\0';
  if (!has_standard || none >> i & 1)
    return;
  push_standard(L, p);
  lua_replace(L, i + 1);
}

int composite_call(lua_State *L, State *st, const Signature *s, Slots none) {
  for (int i = 0; i < s->n; i++)
    if (lua_isnil(L, i + 1))
      fill_in(L, s, i, none);
    else
      check_argument(L, st, s, i, none);
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  lua_call(L, s->n, LUA_MULTRET);
  return lua_gettop(L);
}
