/* core.tensor and its kin: tensors from what scripts have, and back. */

#include <string.h>

#include "bind/box.h"
#include "bind/core.h"

/* The options at index 2: {shape=, dtype=}, or the dtype alone. */
static DType get_dtype_option(lua_State *L, DType otherwise) {
  DType d = otherwise;
  if (lua_type(L, 2) == LUA_TSTRING)
    return shape_check_dtype(L, 2);
  if (!lua_istable(L, 2))
    return d;
  lua_getfield(L, 2, "dtype");
  if (!lua_isnil(L, -1))
    d = shape_check_dtype(L, -1);
  lua_pop(L, 1);
  return d;
}

static bool get_shape_option(lua_State *L, Type *shape) {
  if (!lua_istable(L, 2))
    return false;
  lua_getfield(L, 2, "shape");
  bool given = !lua_isnil(L, -1);
  if (given) {
    *shape = shape_check(L, -1, F32, "shape");
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

/* What an op refuses stays in the context, and is raised when the result is
** boxed. */
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

/* The number or boolean at 1 in a type, without a detour by another one. */
static Val one_number(lua_State *L, State *s, DType d) {
  Type scalar = type_new(d, 0, NULL);
  if (!number_fits(L, 1, d))
    raise_error(L, "tensor: %s cannot hold %s", dtype_name(d),
                luaL_tolstring(L, 1, NULL));
  Val v = memory_value(L, s, &scalar);
  number_put(L, val_tensor(v), 0, 1);
  return v;
}

static Val one_string(lua_State *L, State *s) {
  size_t size;
  char *room;
  const char *text = lua_tolstring(L, 1, &size);
  Type scalar = type_new(STR, 0, NULL);
  Val v = memory_strings(L, s, &scalar, (int64_t)size, &room);
  memcpy(room, text, size);
  ((Str *)val_tensor(v)->data)->size = size;
  return v;
}

/* tensor(value, {shape=, dtype=}), tensor(value, "int32"): numbers, strings, tables,
** tensors; whole numbers in tables become float32 unless the dtype says
** otherwise */
static int core_tensor(lua_State *L) {
  State *s = state_enter(L);
  Type shape;
  check_options(L); /* before a large table is read in vain */
  DType d = get_dtype_option(L, DTYPE_COUNT);
  bool has_shape = get_shape_option(L, &shape);
  int mark = context_mark(&s->c);
  Val v;
  if (lua_istable(L, 1)) {
    DType own = d == DTYPE_COUNT ? table_data_dtype(L, 1) : d;
    v = table_value(L, s, 1, own, has_shape ? &shape : NULL);
  } else if (lua_type(L, 1) == LUA_TSTRING && (d == DTYPE_COUNT || d == STR)) {
    v = converted(s, one_string(L, s), DTYPE_COUNT, has_shape, &shape);
  } else if (number_is(L, 1)) {
    if (d == DTYPE_COUNT)
      d = lua_isboolean(L, 1) ? BOOL : F32;
    v = converted(s, one_number(L, s, d), DTYPE_COUNT, has_shape, &shape);
  } else {
    v = operand_check(L, s, 1, DTYPE_COUNT, "tensor");
    v = converted(s, v, d, has_shape, &shape);
  }
  box_push(L, s, v);
  context_drain(&s->c, mark);
  return 1;
}

/* What a module of a sister rock holds: its userdata of this name begin so. They
** go into a tensor without becoming a string first. */
static const char LENT[] = "lunula.bytes";
typedef struct LentBytes {
  const char *data;
  size_t size;
} LentBytes;

static const char *check_bytes(lua_State *L, int index, size_t *n) {
  const LentBytes *lent = luaL_testudata(L, index, LENT);
  if (lent) {
    *n = lent->data ? lent->size : 0;
    return lent->data;
  }
  want_type(L, index, LUA_TSTRING, "frombytes: the bytes");
  return lua_tolstring(L, index, n);
}

/* frombytes(s, {shape=, dtype=}), frombytes(s, "int32"): numbers as they lie in
** memory; without a shape as many as there are */
static int core_frombytes(lua_State *L) {
  size_t n;
  State *s = state_enter(L);
  const char *bytes = check_bytes(L, 1, &n);
  Type type;
  check_options(L);
  DType d = get_dtype_option(L, F32);
  if (d == STR)
    raise_error(L, "frombytes: bytes are numbers; tensor makes strings");
  int64_t count = (int64_t)n / dtype_size(d);
  if (!get_shape_option(L, &type))
    type = type_new(d, 1, &count);
  type.dtype = d;
  char text[TYPE_TEXT];
  if (!type_countable(&type)) /* else its bytes overflow below */
    raise_error(L, "frombytes: no memory has so many numbers: %s",
                type_text(&type, text));
  /* Kernels count on it, and cannot fail. */
  if (d == BOOL && !bytes_are_booleans(bytes, (int64_t)n))
    raise_error(L, "frombytes: a boolean is a byte that is 0 or 1");
  if (type_bytes(&type) != (int64_t)n)
    raise_error(L, "frombytes: %lld bytes, %s %s takes %lld", (long long)n,
                dtype_name(d), type_text(&type, text),
                (long long)type_bytes(&type));
  int mark = context_mark(&s->c);
  Val v = memory_value(L, s, &type);
  if (n > 0)
    memcpy(val_tensor(v)->data, bytes, n);
  box_push(L, s, v);
  context_drain(&s->c, mark);
  return 1;
}

static int tensor_tobytes(lua_State *L) {
  State *s = state_of(L);
  int mark = context_mark(&s->c);
  Tensor t = box_tensor(L, s, 1);
  if (t.type.dtype == STR)
    raise_error(L, "tobytes: strings have no bytes in a row; totable gives "
                   "them");
  lua_pushlstring(L, t.data, (size_t)type_bytes(&t.type));
  context_drain(&s->c, mark);
  return 1;
}

static int tensor_totable(lua_State *L) {
  State *s = state_of(L);
  int mark = context_mark(&s->c);
  Tensor t = box_tensor(L, s, 1);
  table_push(L, &t);
  context_drain(&s->c, mark);
  return 1;
}

static int tensor_item(lua_State *L) {
  State *s = state_of(L);
  char text[TYPE_TEXT];
  int mark = context_mark(&s->c);
  Tensor t = box_tensor(L, s, 1);
  if (type_elements(&t.type) != 1)
    raise_error(L, "item: a tensor of shape %s is not one number",
                type_text(&t.type, text));
  number_push(L, &t, 0);
  context_drain(&s->c, mark);
  return 1;
}

void convert_open(lua_State *L) {
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
