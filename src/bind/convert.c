/* Between nested tables, bytes and tensors. */

#include <math.h>
#include <string.h>

#include "bind/state.h"

/* ---- tables to tensors -------------------------------------------------- */

typedef struct Filler {
  lua_State *L;
  const Tensor *t;
  int64_t at;
  int64_t position[MAX_RANK];
} Filler;

static bool is_number(lua_State *L, int index) {
  int type = lua_type(L, index);
  return type == LUA_TNUMBER || type == LUA_TBOOLEAN;
}

/* Follows the first elements down: the shape, if the table is not ragged. */
static Type table_shape(lua_State *L, int index) {
  int64_t dim[MAX_RANK];
  int rank = 0, top = lua_gettop(L);
  luaL_checkstack(L, MAX_RANK + 4, NULL);
  lua_pushvalue(L, index);
  while (lua_istable(L, -1)) {
    if (rank == MAX_RANK)
      raise_error(L, "a table nested deeper than %d levels", MAX_RANK);
    dim[rank++] = (int64_t)lua_rawlen(L, -1);
    lua_rawgeti(L, -1, 1);
    if (dim[rank - 1] == 0)
      break;
  }
  lua_settop(L, top);
  return type_new(F32, rank, dim);
}

/* bool when all are booleans, int32 when all are whole, else float32. A table
   deeper than any tensor ends the search: it may hold itself. */
static void find_dtype(lua_State *L, int index, int depth, bool *truth,
                       bool *whole) {
  if (depth > MAX_RANK)
    raise_error(L, "a table nested deeper than %d levels", MAX_RANK);
  luaL_checkstack(L, 4, NULL);
  lua_pushvalue(L, index);
  if (lua_istable(L, -1)) {
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    for (lua_Integer i = 1; i <= n && (*truth || *whole); i++) {
      lua_rawgeti(L, -1, i);
      find_dtype(L, -1, depth + 1, truth, whole);
      lua_pop(L, 1);
    }
  } else {
    *truth = *truth && lua_isboolean(L, -1);
    *whole = *whole && lua_isinteger(L, -1) &&
             lua_tointeger(L, -1) == (int32_t)lua_tointeger(L, -1);
  }
  lua_pop(L, 1);
}

static void push_position(Filler *f, int depth) {
  lua_pushliteral(f->L, "");
  for (int i = 0; i < depth; i++) {
    lua_pushfstring(f->L, "[%I]", (LUAI_UACINT)f->position[i]);
    lua_concat(f->L, 2);
  }
}

static void fill_table(Filler *f, int depth) {
  lua_State *L = f->L;
  const Type *t = &f->t->type;
  if (depth == t->rank) {
    if (!is_number(L, -1)) {
      push_position(f, depth);
      raise_error(L, "element %s of the table is %s, a number is wanted",
                  lua_tostring(L, -1), luaL_typename(L, -2));
    }
    if (!number_fits(L, -1, (DType)t->dtype)) {
      const char *number = luaL_tolstring(L, -1, NULL);
      push_position(f, depth);
      raise_error(L, "element %s of the table is %s, which %s cannot hold",
                  lua_tostring(L, -1), number, dtype_name((DType)t->dtype));
    }
    put_number(L, f->t, f->at++, -1);
    return;
  }
  int64_t n = lua_istable(L, -1) ? (int64_t)lua_rawlen(L, -1) : -1;
  if (n != t->dim[depth]) {
    const char *kind = luaL_typename(L, -1);
    push_position(f, depth);
    int64_t want = t->dim[depth];
    if (n < 0)
      raise_error(L, "a ragged table: element %s is %s, the first one there is "
                     "a table of %lld", lua_tostring(L, -1), kind,
                  (long long)want);
    raise_error(L, "a ragged table: element %s has %lld elements, the first "
                   "one there has %lld", lua_tostring(L, -1), (long long)n,
                (long long)want);
  }
  for (int64_t i = 1; i <= n; i++) {
    f->position[depth] = i;
    lua_rawgeti(L, -1, i);
    fill_table(f, depth + 1);
    lua_pop(L, 1);
  }
}

Val value_from_table(lua_State *L, State *s, int index, DType d,
                     const Type *shape) {
  index = lua_absindex(L, index);
  Type type = table_shape(L, index);
  bool truth = true, whole = true;
  if (d == DTYPE_COUNT) {
    if (type_elements(&type) > 0)
      find_dtype(L, index, 0, &truth, &whole);
    else
      truth = whole = false;
    d = truth ? BOOL : whole ? I32 : F32;
  }
  type.dtype = d;
  Val v = new_value(L, s, &type);
  Filler f = {.L = L, .t = val_tensor(v)};
  lua_pushvalue(L, index);
  fill_table(&f, 0);
  lua_pop(L, 1);
  if (shape) {
    char want[TYPE_TEXT];
    Type y = *shape;
    y.dtype = d;
    if (type_elements(&y) != type_elements(&type))
      raise_error(L, "%lld elements do not fill shape %s",
                  (long long)type_elements(&type), type_text(&y, want));
    v.node->out[0].type = y;
  }
  return v;
}

bool number_fits(lua_State *L, int index, DType d) {
  return lua_isboolean(L, index) || (d == I64 && lua_isinteger(L, index)) ||
         dtype_holds(d, lua_tonumber(L, index));
}

void put_number(lua_State *L, const Tensor *t, int64_t i, int index) {
  if (lua_isboolean(L, index))
    tensor_put(t, i, lua_toboolean(L, index));
  else if (t->type.dtype == I64 && lua_isinteger(L, index))
    ((int64_t *)t->data)[i] = lua_tointeger(L, index);
  else
    tensor_put(t, i, lua_tonumber(L, index));
}

/* ---- tensors to tables -------------------------------------------------- */

void push_number(lua_State *L, const Tensor *t, int64_t i) {
  switch ((DType)t->type.dtype) {
    case BOOL: lua_pushboolean(L, ((const uint8_t *)t->data)[i]); break;
    case I64: lua_pushinteger(L, ((const int64_t *)t->data)[i]); break;
    case I32: case I8: case U8:
      lua_pushinteger(L, (lua_Integer)tensor_get(t, i));
      break;
    default: lua_pushnumber(L, tensor_get(t, i));
  }
}

static void push_nested(lua_State *L, const Tensor *t, int depth,
                        int64_t *at) {
  if (depth == t->type.rank) {
    push_number(L, t, (*at)++);
    return;
  }
  int64_t n = t->type.dim[depth];
  luaL_checkstack(L, 4, NULL);
  lua_createtable(L, (int)n, 0);
  for (int64_t i = 1; i <= n; i++) {
    push_nested(L, t, depth + 1, at);
    lua_rawseti(L, -2, i);
  }
}

void push_table(lua_State *L, const Tensor *t) {
  int64_t at = 0;
  push_nested(L, t, 0, &at);
}

/* ---- what Lua sees ------------------------------------------------------ */

/* The options at index 2: {shape=, dtype=}, or the dtype alone. */
static DType get_dtype_option(lua_State *L, DType otherwise) {
  DType d = otherwise;
  if (lua_type(L, 2) == LUA_TSTRING)
    return check_dtype(L, 2);
  if (!lua_istable(L, 2))
    return d;
  lua_getfield(L, 2, "dtype");
  if (!lua_isnil(L, -1))
    d = check_dtype(L, -1);
  lua_pop(L, 1);
  return d;
}

static bool get_shape_option(lua_State *L, Type *shape) {
  if (!lua_istable(L, 2))
    return false;
  lua_getfield(L, 2, "shape");
  bool given = !lua_isnil(L, -1);
  if (given) {
    *shape = check_shape(L, -1, F32, "shape");
    if (!type_known(shape))
      raise_error(L, "shape: a tensor has no unknown sizes");
  }
  lua_pop(L, 1);
  return given;
}

static void check_options(lua_State *L) {
  if (lua_isnoneornil(L, 2) || lua_type(L, 2) == LUA_TSTRING)
    return;
  if (!lua_istable(L, 2))
    raise_error(L, "the second argument is a dtype, as \"int32\", or a table "
                   "{shape=, dtype=}, got %s", luaL_typename(L, 2));
  lua_pushnil(L);
  while (lua_next(L, 2)) {
    lua_pop(L, 1);
    bool named = lua_type(L, -1) == LUA_TSTRING;
    const char *key = named ? lua_tostring(L, -1) : "";
    if (!named)
      raise_error(L, "the options are named, {shape =, dtype =}; one is at %s",
                  luaL_tolstring(L, -1, NULL));
    if (strcmp(key, "shape") != 0 && strcmp(key, "dtype") != 0)
      raise_error(L, "unknown option \"%s\" (shape, dtype)", key);
  }
}

static Val converted(State *s, Val v, DType d, bool has_shape,
                     const Type *shape) {
  if (d != DTYPE_COUNT) {
    Attr a = {.kind = ATTR_DTYPE, .n = 1, .i = {d}};
    v = emit_op(&s->c, "cast", &v, 1, &a);
  }
  if (has_shape) {
    Attr a = {.kind = ATTR_INTS, .n = shape->rank};
    memcpy(a.i, shape->dim, sizeof a.i);
    v = emit_op(&s->c, "reshape", &v, 1, &a);
  }
  return v;
}

/* Numbers that are data are floats, also whole ones. */
static DType data_dtype(lua_State *L, int index) {
  bool truth = true, whole = true;
  find_dtype(L, index, 0, &truth, &whole);
  return truth && lua_rawlen(L, index) > 0 ? BOOL : F32;
}

Val value_from_data(lua_State *L, State *s, int index) {
  return value_from_table(L, s, index, data_dtype(L, index), NULL);
}

/* The number or boolean at 1 in a type, without a detour by another one. */
static Val one_number(lua_State *L, State *s, DType d) {
  Type scalar = type_new(d, 0, NULL);
  if (!number_fits(L, 1, d))
    raise_error(L, "tensor: %s cannot hold %s", dtype_name(d),
                luaL_tolstring(L, 1, NULL));
  Val v = new_value(L, s, &scalar);
  put_number(L, val_tensor(v), 0, 1);
  return v;
}

/* tensor(value, {shape=, dtype=}), tensor(value, "int32"): numbers, tables,
** tensors; whole numbers in tables become float32 unless the dtype says
** otherwise */
static int core_tensor(lua_State *L) {
  State *s = enter_state(L);
  Type shape;
  check_options(L);
  DType d = get_dtype_option(L, DTYPE_COUNT);
  bool has_shape = get_shape_option(L, &shape);
  int mark = context_mark(&s->c);
  Val v;
  if (lua_istable(L, 1)) {
    DType own = d == DTYPE_COUNT ? data_dtype(L, 1) : d;
    v = value_from_table(L, s, 1, own, has_shape ? &shape : NULL);
  } else if (is_number(L, 1)) {
    if (d == DTYPE_COUNT)
      d = lua_isboolean(L, 1) ? BOOL : F32;
    v = converted(s, one_number(L, s, d), DTYPE_COUNT, has_shape, &shape);
  } else {
    v = check_value(L, s, 1, DTYPE_COUNT, "tensor");
    v = converted(s, v, d, has_shape, &shape);
  }
  push_value(L, s, v);
  context_drain(&s->c, mark);
  return 1;
}

static int core_frombytes(lua_State *L) {
  size_t n;
  State *s = enter_state(L);
  want_type(L, 1, LUA_TSTRING, "frombytes: the bytes");
  const char *bytes = lua_tolstring(L, 1, &n);
  Type type;
  check_options(L);
  DType d = get_dtype_option(L, F32);
  int64_t count = (int64_t)n / dtype_size(d);
  if (!get_shape_option(L, &type))
    type = type_new(d, 1, &count);
  type.dtype = d;
  char text[TYPE_TEXT];
  if (type_bytes(&type) != (int64_t)n)
    raise_error(L, "frombytes: %lld bytes, %s %s takes %lld", (long long)n,
                dtype_name(d), type_text(&type, text),
                (long long)type_bytes(&type));
  int mark = context_mark(&s->c);
  Val v = new_value(L, s, &type);
  memcpy(val_tensor(v)->data, bytes, n);
  push_value(L, s, v);
  context_drain(&s->c, mark);
  return 1;
}

static int tensor_tobytes(lua_State *L) {
  State *s = state_of(L);
  int mark = context_mark(&s->c);
  Tensor t = check_tensor(L, s, 1);
  lua_pushlstring(L, t.data, (size_t)type_bytes(&t.type));
  context_drain(&s->c, mark);
  return 1;
}

static int tensor_totable(lua_State *L) {
  State *s = state_of(L);
  int mark = context_mark(&s->c);
  Tensor t = check_tensor(L, s, 1);
  push_table(L, &t);
  context_drain(&s->c, mark);
  return 1;
}

static int tensor_item(lua_State *L) {
  State *s = state_of(L);
  char text[TYPE_TEXT];
  int mark = context_mark(&s->c);
  Tensor t = check_tensor(L, s, 1);
  if (type_elements(&t.type) != 1)
    raise_error(L, "item: a tensor of shape %s is not one number",
                type_text(&t.type, text));
  push_number(L, &t, 0);
  context_drain(&s->c, mark);
  return 1;
}

void open_conversion(lua_State *L) {
  static const luaL_Reg core[] = {
    {"tensor", core_tensor}, {"frombytes", core_frombytes}, {NULL, NULL}
  };
  static const luaL_Reg methods[] = {
    {"tobytes", tensor_tobytes}, {"totable", tensor_totable},
    {"item", tensor_item}, {NULL, NULL}
  };
  luaL_setfuncs(L, core, 0);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.methods");
  luaL_setfuncs(L, methods, 0);
  lua_pop(L, 1);
}
