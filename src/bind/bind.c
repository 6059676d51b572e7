/* From a signature to a Lua function. One binder serves C rows and Lua
** composites, and the placeholders of the functional API. */

#include <stdio.h>
#include <string.h>

#include "bind/signature.h"
#include "bind/state.h"

/* ---- placeholders of the functional API --------------------------------- */

static bool is_placeholder(lua_State *L, int index) {
  if (!lua_istable(L, index) || !lua_getmetatable(L, index))
    return false;
  lua_getfield(L, LUA_REGISTRYINDEX, "lunula.ktensor");
  bool same = lua_rawequal(L, -1, -2) && !lua_isnil(L, -1);
  lua_pop(L, 2);
  return same;
}

static bool list_has_placeholder(lua_State *L, int index) {
  int n = (int)lua_rawlen(L, index);
  for (int k = 1; k <= n; k++) {
    lua_rawgeti(L, index, k);
    bool found = is_placeholder(L, lua_gettop(L));
    lua_pop(L, 1);
    if (found)
      return true;
  }
  return false;
}

static bool any_placeholder(lua_State *L, const Signature *s) {
  for (int i = 0; i < s->n; i++) {
    if (!lua_istable(L, i + 1))
      continue;
    if (s->p[i].kind == K_TENSORS ? list_has_placeholder(L, i + 1)
        : s->p[i].kind == K_TENSOR && is_placeholder(L, i + 1))
      return true;
  }
  return false;
}

/* hook(name, fn, args...) */
static int call_hook(lua_State *L, const Signature *s) {
  lua_getfield(L, LUA_REGISTRYINDEX, "lunula.hook");
  lua_insert(L, 1);
  lua_pushstring(L, s->name);
  lua_insert(L, 2);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.ops");
  lua_getfield(L, -1, s->name);
  lua_insert(L, 3);
  lua_pop(L, 1);
  lua_call(L, s->n + 2, LUA_MULTRET);
  return lua_gettop(L);
}

/* ---- rows --------------------------------------------------------------- */

/* Numbers beside tensors take their type, so that x + 2 stays what x is. */
static DType type_hint(lua_State *L, State *st, const Signature *s) {
  DType hint = DTYPE_COUNT;
  for (int i = 0; i < s->n; i++) {
    Val v;
    if (s->p[i].kind != K_TENSOR || is_number(L, i + 1) ||
        !get_value(L, st, i + 1, &v))
      continue;
    DType d = dtype_compute((DType)val_type(v)->dtype);
    if (d == F32)
      return F32;
    hint = I32;
  }
  return hint;
}

static int read_list(lua_State *L, State *st, const Signature *s, int i,
                     Val *in) {
  char name[100];
  if (!lua_istable(L, i + 1))
    bad_argument(L, s, i, "a list of tensors");
  int n = (int)lua_rawlen(L, i + 1);
  if (n > MAX_INPUTS - 8)
    raise_error(L, "%s: %d tensors in a list, at most %d", s->name, n,
                MAX_INPUTS - 8);
  for (int k = 1; k <= n; k++) {
    lua_rawgeti(L, i + 1, k);
    snprintf(name, sizeof name, "%s: %s[%d]", s->name, s->p[i].name, k);
    in[k - 1] = check_value(L, st, -1, DTYPE_COUNT, name);
    lua_pop(L, 1);
  }
  return n;
}

/* Reads the arguments and applies the op; a value only when no error is set. */
static Val apply_row(lua_State *L, State *st, const Signature *s) {
  Val in[MAX_INPUTS];
  Attr attr[MAX_ATTRS];
  int nin = 0, nattr = 0;
  DType hint = type_hint(L, st, s);
  char name[100];
  for (int i = 0; i < s->n; i++) {
    if (s->p[i].kind == K_TENSOR) {
      snprintf(name, sizeof name, "%s: argument \"%s\"", s->name, s->p[i].name);
      in[nin++] = check_value(L, st, i + 1, hint, name);
    } else if (s->p[i].kind == K_TENSORS) {
      nin += read_list(L, st, s, i, in + nin);
    } else {
      attr[nattr++] = read_attr(L, s, i);
    }
  }
  relieve_memory(L, st, 0);
  return emit(&st->c, s->op, in, nin, attr);
}

/* When memory is out, garbage is collected and all is done once more, the
** arguments too: one of them may be what could not be made. */
static int call_row(lua_State *L, State *st, const Signature *s) {
  int mark = context_mark(&st->c);
  Val y = apply_row(L, st, s);
  if (st->c.error.set && st->c.error.kind == ERROR_MEMORY) {
    context_drain(&st->c, mark);
    st->c.error.set = false;
    collect_all(L, st);
    y = apply_row(L, st, s);
  }
  if (st->c.error.set) {
    context_drain(&st->c, mark);
    return raise_context(L, st);
  }
  int n = y.node->nout - y.out;
  luaL_checkstack(L, n, NULL);
  for (int k = 0; k < n; k++)
    push_value(L, st, (Val){y.node, y.out + k});
  context_drain(&st->c, mark);
  return n;
}

/* ---- composites --------------------------------------------------------- */

/* The value at the top becomes a tensor, unless it stands for one already.
** data: whole numbers become floats, as core.tensor makes them. */
static void to_tensor(lua_State *L, State *st, bool data, const char *name) {
  int top = lua_gettop(L);
  if (is_tensor(L, top) || is_placeholder(L, top))
    return;
  int mark = context_mark(&st->c);
  push_value(L, st, data && lua_istable(L, top)
                        ? value_from_data(L, st, top)
                        : check_value(L, st, top, data ? F32 : DTYPE_COUNT,
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
  if (!lua_istable(L, i + 1) || is_placeholder(L, i + 1))
    bad_argument(L, s, i, "a list of tensors");
  lua_Unsigned n = lua_rawlen(L, i + 1);
  lua_createtable(L, 0, 0);
  for (lua_Unsigned k = 1; k <= n; k++) {
    snprintf(name, sizeof name, "%s: %s[%llu]", s->name, s->p[i].name,
             (unsigned long long)k);
    lua_rawgeti(L, i + 1, (lua_Integer)k);
    to_tensor(L, st, true, name);
    lua_rawseti(L, -2, (lua_Integer)k);
  }
  lua_replace(L, i + 1);
}

static void check_functions(lua_State *L, const Signature *s, int i) {
  lua_Unsigned n = lua_istable(L, i + 1) ? lua_rawlen(L, i + 1) : 0;
  if (n == 0)
    bad_argument(L, s, i, "a list of functions");
  for (lua_Unsigned k = 1; k <= n; k++) {
    lua_rawgeti(L, i + 1, (lua_Integer)k);
    if (!is_callable(L, -1))
      bad_argument(L, s, i, "a list of functions");
    lua_pop(L, 1);
  }
}

/* The whole numbers at i as integers (2.0 is 2), false where it is allowed. */
static void check_wholes(lua_State *L, const Signature *s, int i,
                         const char *wanted) {
  bool unknown = s->p[i].kind != K_WHOLES;
  int64_t one;
  if (s->p[i].kind != K_SIZES && whole_number(L, i + 1, &one)) {
    lua_pushinteger(L, one);
    lua_replace(L, i + 1);
    return;
  }
  lua_Unsigned n = lua_istable(L, i + 1) ? lua_rawlen(L, i + 1) : 1;
  lua_createtable(L, n < 64 ? (int)n : 0, 0);
  for (lua_Unsigned k = 1; k <= n; k++) {
    if (lua_istable(L, i + 1))
      lua_rawgeti(L, i + 1, (lua_Integer)k);
    else
      lua_pushvalue(L, i + 1);
    if (whole_number(L, -1, &one))
      lua_pushinteger(L, one);
    else if (unknown && lua_isboolean(L, -1) && !lua_toboolean(L, -1))
      lua_pushboolean(L, 0);
    else
      bad_argument(L, s, i, wanted);
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

/* The argument at i as the composite's function wants it. */
static void check_argument(lua_State *L, State *st, const Signature *s,
                           int i) {
  const Param *p = &s->p[i];
  if (lua_isnil(L, i + 1)) {
    if (p->standard.kind == ATTR_NIL && *p->text == '\0')
      return;
    push_standard(L, p);
    lua_replace(L, i + 1);
    return;
  }
  switch (p->kind) {
    case K_TENSOR: case K_DATA: check_tensor_at(L, st, s, i); break;
    case K_TENSORS: check_list(L, st, s, i); break;
    case K_VALUE:
      if (lua_type(L, i + 1) != LUA_TNUMBER)
        check_tensor_at(L, st, s, i);
      break;
    case K_VARIABLE:
      if (to_variable(L, i + 1) == NULL)
        bad_argument(L, s, i, "a variable");
      break;
    case K_NEST:
      if (lua_istable(L, i + 1) && !is_placeholder(L, i + 1))
        check_list(L, st, s, i);
      else
        check_tensor_at(L, st, s, i);
      break;
    case K_FN:
      if (!is_callable(L, i + 1))
        bad_argument(L, s, i, "a function");
      break;
    case K_FNS: check_functions(L, s, i); break;
    case K_STR:
      if (lua_type(L, i + 1) != LUA_TSTRING)
        bad_argument(L, s, i, "a string");
      break;
    case K_INT: case K_INTS: case K_AXES: case K_SIZES:
      read_attr(L, s, i); /* raises when it does not fit */
      check_wholes(L, s, i, "whole numbers");
      break;
    case K_WHOLES:
      check_wholes(L, s, i, "a whole number or a table of them");
      break;
    case K_NUM:
      read_attr(L, s, i);
      if (lua_isboolean(L, i + 1)) {
        lua_pushinteger(L, lua_toboolean(L, i + 1));
        lua_replace(L, i + 1);
      }
      break;
    case K_BOOL: case K_DTYPE: read_attr(L, s, i); break;
    default: break;
  }
}

static int call_composite(lua_State *L, State *st, const Signature *s) {
  for (int i = 0; i < s->n; i++)
    check_argument(L, st, s, i);
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  lua_call(L, s->n, LUA_MULTRET);
  return lua_gettop(L);
}

static int call_bound(lua_State *L) {
  const Signature *s = lua_touserdata(L, lua_upvalueindex(1));
  State *st = enter_state(L);
  normalise_arguments(L, s);
  if (!s->unlisted && any_placeholder(L, s))
    return call_hook(L, s);
  return s->op ? call_row(L, st, s) : call_composite(L, st, s);
}

/* ---- the catalogue ------------------------------------------------------ */

/* Puts the function on the top into core.ops and the methods. */
static void offer(lua_State *L, const char *name, bool method) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.ops");
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
  if (!method)
    return;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.methods");
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

/* What files call an op, as fields of its row in the catalogue. */
static const char *const file_fields[] = {
  "file_class", "file_called", "file_made", "file_ours", "file_each", NULL
};

/* Appends the row; the table on the top, which it pops, may have some of
** file_fields. */
static void record(lua_State *L, const char *name, const char *signature,
                   const char *kind, const char *doc, bool gradient) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.catalogue");
  lua_createtable(L, 0, 8);
  for (const char *const *field = file_fields; *field; field++) {
    lua_getfield(L, -3, *field);
    lua_setfield(L, -2, *field);
  }
  lua_remove(L, -3);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "name");
  lua_pushstring(L, signature);
  lua_setfield(L, -2, "signature");
  lua_pushstring(L, kind);
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, doc ? doc : "");
  lua_setfield(L, -2, "doc");
  lua_pushboolean(L, gradient);
  lua_setfield(L, -2, "differentiable");
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.positions");
  if (lua_getfield(L, -1, name) == LUA_TNIL) { /* else it is defined anew */
    lua_pop(L, 1);
    lua_pushinteger(L, (lua_Integer)lua_rawlen(L, -3) + 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, name);
  }
  lua_Integer at = lua_tointeger(L, -1);
  lua_pop(L, 2);
  lua_rawseti(L, -2, at);
  lua_pop(L, 1);
}

/* A row that only rules emit is in no table that a script can see. The specs
** find it in the registry, which only the debug library shows; one that runs
** a closure or a body cannot be called even there, and is false. */
static void keep_hidden(lua_State *L, const Op *op) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.hidden");
  lua_insert(L, -2);
  if (op->traits & (BODY | HOST)) {
    lua_pop(L, 1);
    lua_pushboolean(L, 0);
  }
  lua_setfield(L, -2, op->name);
  lua_pop(L, 1);
}

static void open_rows(lua_State *L) {
  const Op *op;
  const Context *c = &state_of(L)->c;
  for (int i = 0; (op = catalogue_at(c->catalogue, i)) != NULL; i++) {
    push_signature(L, op->name, op->signature)->op = op;
    lua_pushcclosure(L, call_bound, 1);
    if (op->traits & HIDDEN) {
      keep_hidden(L, op);
      continue;
    }
    offer(L, op->name, true);
    lua_pop(L, 1);
    lua_createtable(L, 0, 2);
    lua_pushstring(L, op->file_class); /* nil where there is none */
    lua_setfield(L, -2, "file_class");
    lua_pushstring(L, op->file_called);
    lua_setfield(L, -2, "file_called");
    record(L, op->name, op->signature, op_kind_name(op->kind), op->doc,
           op->vjp != NULL);
  }
}

/* A field of the table at 1 that is a text; the table holds it. */
static const char *field(lua_State *L, const char *name) {
  if (lua_getfield(L, 1, name) != LUA_TSTRING)
    raise_error(L, "define: field \"%s\" must be a string, got %s", name,
                luaL_typename(L, -1));
  const char *text = lua_tostring(L, -1);
  lua_pop(L, 1);
  return text;
}

/* define{name=, signature=, fn=, doc=, file_class= ...}: a composite. Without a
** doc it is in no table: what comes back is all there is of it. */
static int core_define(lua_State *L) {
  if (!lua_istable(L, 1))
    return raise_error(L, "define: a table of fields is wanted, got %s",
                       luaL_typename(L, 1));
  const char *name = field(L, "name"), *signature = field(L, "signature");
  Signature *s = push_signature(L, name, signature);
  if (lua_getfield(L, 1, "fn") != LUA_TFUNCTION)
    return raise_error(L, "define: field \"fn\" of %s must be a function, got "
                          "%s", name, luaL_typename(L, -1));
  lua_pushcclosure(L, call_bound, 2);
  s->unlisted = lua_getfield(L, 1, "doc") == LUA_TNIL;
  lua_pop(L, 1);
  if (s->unlisted)
    return 1;
  offer(L, name, *signature != '\0' && strchr(signature, ':') != signature +
                 strcspn(signature, ":,="));
  const char *doc = field(L, "doc");
  lua_pushvalue(L, 1);
  record(L, name, signature, "composite", doc, true);
  return 1;
}

/* row(name): the row of C that a composite of the same name completes, also
** after that took its place in core.ops. */
static int core_row(lua_State *L) {
  want_type(L, 1, LUA_TSTRING, "row: the name");
  lua_settop(L, 1);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.rows");
  lua_pushvalue(L, 1);
  if (lua_rawget(L, 2) != LUA_TNIL)
    return 1;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.ops");
  lua_pushvalue(L, 1);
  lua_rawget(L, -2);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, -2);
  lua_rawset(L, 2);
  return 1;
}

static int core_catalogue(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.catalogue");
  return 1;
}

static int core_is_placeholder(lua_State *L) {
  lua_settop(L, 1);
  lua_pushboolean(L, is_placeholder(L, 1));
  return 1;
}

static int core_set_ktensor(lua_State *L) {
  want_type(L, 1, LUA_TTABLE, "set_ktensor: the metatable");
  want_type(L, 2, LUA_TFUNCTION, "set_ktensor: the hook");
  lua_setfield(L, LUA_REGISTRYINDEX, "lunula.hook");
  lua_setfield(L, LUA_REGISTRYINDEX, "lunula.ktensor");
  return 0;
}

void open_ops(lua_State *L) {
  static const luaL_Reg core[] = {
    {"define", core_define}, {"catalogue", core_catalogue},
    {"row", core_row},
    {"set_ktensor", core_set_ktensor},
    {"is_placeholder", core_is_placeholder}, {NULL, NULL}
  };
  luaL_setfuncs(L, core, 0);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.ops");
  lua_setfield(L, -2, "ops");
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.catalogue");
  bool filled = lua_rawlen(L, -1) > 0;
  lua_pop(L, 1);
  if (!filled)
    open_rows(L);
  luaL_getmetatable(L, TENSOR);
  set_operators(L);
  lua_pop(L, 1);
  luaL_getmetatable(L, VARIABLE_NAME);
  set_operators(L);
  lua_pop(L, 1);
}
