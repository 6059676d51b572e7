/* Tensors from nested tables, and back. */

#include <string.h>

#include "bind/box.h"

typedef struct Filler {
  lua_State *L;
  const Tensor *t;
  int64_t at;
  int64_t position[MAX_RANK];
  char *room;    /* of the bytes of strings */
  int64_t bytes; /* how many there are, or are still to come */
} Filler;

/* Follows the first elements down: the shape, if the table is not ragged. */
static Type table_shape(lua_State *L, int index) {
  int64_t dim[MAX_RANK];
  int rank = 0, top = lua_gettop(L);
  luaL_checkstack(L, MAX_RANK + 4, NULL);
  lua_pushvalue(L, index);
  while (lua_istable(L, -1)) {
    if (rank == MAX_RANK)
      raise_error(L, "a table nested deeper than %d levels", MAX_RANK);
    dim[rank++] = (int64_t)want_length(L, -1);
    lua_rawgeti(L, -1, 1); /* nil, if there is none, ends it */
  }
  lua_settop(L, top);
  return type_new(F32, rank, dim);
}

/* Whether the table's first element is a string: all are, then. */
static bool begins_with_string(lua_State *L, int index, int rank) {
  int top = lua_gettop(L);
  lua_pushvalue(L, index);
  for (int i = 0; i < rank; i++)
    lua_rawgeti(L, -1, 1);
  bool string = lua_type(L, -1) == LUA_TSTRING;
  lua_settop(L, top);
  return string;
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
    lua_Integer n = (lua_Integer)want_length(L, -1);
    for (lua_Integer i = 1; i <= n && (*truth || *whole); i++) {
      lua_rawgeti(L, -1, i);
      find_dtype(L, -1, depth + 1, truth, whole);
      lua_pop(L, 1);
    }
  } else {
    *truth = *truth && lua_isboolean(L, -1);
    *whole = *whole && lua_isinteger(L, -1);
  }
  lua_pop(L, 1);
}

/* "[2][1]", from 1 as the user counts. */
static void push_position(Filler *f, int depth) {
  lua_pushliteral(f->L, "");
  for (int i = 0; i < depth; i++) {
    lua_pushfstring(f->L, "[%I]", (LUAI_UACINT)f->position[i]);
    lua_concat(f->L, 2);
  }
}

static void fill_number(Filler *f, int depth) {
  lua_State *L = f->L;
  const Type *t = &f->t->type;
  if (!number_is(L, -1)) {
    push_position(f, depth);
    raise_error(L, "element %s of the table is %s, a number is wanted",
                lua_tostring(L, -1), luaL_typename(L, -2));
  }
  if (!number_fits(L, -1, (DType)t->dtype)) {
    const char *number = luaL_tolstring(L, -1, NULL); /* kept by the stack */
    push_position(f, depth);
    raise_error(L, "element %s of the table is %s, which %s cannot hold%s",
                lua_tostring(L, -1), number, dtype_name((DType)t->dtype),
                t->dtype == I32 ? " (float32 rounds it, int64 stores it)"
                                : "");
  }
  number_put(L, f->t, f->at++, -1);
}

/* The first time only the bytes are counted: there is no room for them yet. */
static void fill_string(Filler *f, int depth) {
  lua_State *L = f->L;
  size_t size;
  if (lua_type(L, -1) != LUA_TSTRING) {
    push_position(f, depth);
    raise_error(L, "element %s of the table is %s, a string is wanted",
                lua_tostring(L, -1), luaL_typename(L, -2));
  }
  const char *text = lua_tolstring(L, -1, &size);
  if (f->room == NULL) {
    f->bytes += (int64_t)size;
    return;
  }
  /* A finalizer may have run since they were counted. */
  if (f->bytes < (int64_t)size)
    raise_error(L, "the table changed while it was read");
  memcpy(f->room, text, size);
  ((Str *)f->t->data)[f->at++] = (Str){f->room, size};
  f->room += size;
  f->bytes -= (int64_t)size;
}

/* A table with names in the place of a list of no elements. */
static void refuse_fields(Filler *f, int depth) {
  lua_State *L = f->L;
  if (!want_finds_fields(L, -1))
    return;
  const char *found = lua_tostring(L, -1);
  if (depth == 0)
    raise_error(L, "a tensor, a number or a table of numbers is wanted, got %s",
                found);
  push_position(f, depth);
  raise_error(L, "element %s of the table is %s, a number or a list is wanted",
              lua_tostring(L, -1), found);
}

static void fill_table(Filler *f, int depth) {
  lua_State *L = f->L;
  const Type *t = &f->t->type;
  if (depth == t->rank) {
    if (t->dtype == STR)
      fill_string(f, depth);
    else
      fill_number(f, depth);
    return;
  }
  int64_t n = lua_istable(L, -1) ? (int64_t)want_length(L, -1) : -1;
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
  if (n == 0)
    refuse_fields(f, depth);
  for (int64_t i = 1; i <= n; i++) {
    f->position[depth] = i;
    lua_rawgeti(L, -1, i);
    fill_table(f, depth + 1);
    lua_pop(L, 1);
  }
}

/* The strings of the table, in a tensor that holds their bytes, too: they are
** counted first, because its memory is taken once. */
static Val fill_strings(lua_State *L, State *s, int index, const Type *type) {
  Tensor t = {.type = *type};
  Filler f = {.L = L, .t = &t};
  lua_pushvalue(L, index);
  fill_table(&f, 0);
  Val v = memory_strings(L, s, type, f.bytes, &f.room);
  f.t = val_tensor(v);
  fill_table(&f, 0);
  lua_pop(L, 1);
  return v;
}

static Val fill_numbers(lua_State *L, State *s, int index, const Type *type) {
  Val v = memory_value(L, s, type);
  Filler f = {.L = L, .t = val_tensor(v)};
  lua_pushvalue(L, index);
  fill_table(&f, 0);
  lua_pop(L, 1);
  return v;
}

/* What cannot be told of an empty table is float32, as in Keras. */
static DType own_dtype(lua_State *L, int index, const Type *type) {
  bool truth = true, whole = true;
  if (type_elements(type) == 0)
    return F32;
  if (begins_with_string(L, index, type->rank))
    return STR;
  find_dtype(L, index, 0, &truth, &whole);
  return truth ? BOOL : whole ? I32 : F32;
}

Val table_value(lua_State *L, State *s, int index, DType d,
                const Type *shape) {
  index = lua_absindex(L, index);
  Type type = table_shape(L, index);
  if (d == DTYPE_COUNT)
    d = own_dtype(L, index, &type);
  type.dtype = d;
  Val v = d == STR ? fill_strings(L, s, index, &type)
                   : fill_numbers(L, s, index, &type);
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

/* Numbers that are data are floats, also whole ones. */
DType table_data_dtype(lua_State *L, int index) {
  bool truth = true, whole = true;
  Type type = table_shape(L, index);
  if (type_elements(&type) > 0 && begins_with_string(L, index, type.rank))
    return STR;
  find_dtype(L, index, 0, &truth, &whole);
  return truth && want_length(L, index) > 0 ? BOOL : F32;
}

Val table_data(lua_State *L, State *s, int index) {
  return table_value(L, s, index, table_data_dtype(L, index), NULL);
}

/* ---- tensors to tables -------------------------------------------------- */

static void push_nested(lua_State *L, const Tensor *t, int depth,
                        int64_t *at) {
  if (depth == t->type.rank) {
    number_push(L, t, (*at)++);
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

void table_push(lua_State *L, const Tensor *t) {
  int64_t at = 0;
  push_nested(L, t, 0, &at);
}
