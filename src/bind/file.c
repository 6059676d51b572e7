/* Files of tensors for Lua: file_write, and readers as userdata. */

#include <stdlib.h>
#include <string.h>

#include "bind/core.h"
#include "bind/file.h"

static const char READER[] = "lunula.File";

/* ---- writing ------------------------------------------------------------- */

/* The value at the index, which somebody holds: nothing of Lua runs while it is
** written. */
static Tensor value_at(lua_State *L, State *s, int index) {
  Variable *v = box_variable(L, index);
  return v ? v->tensor : box_tensor(L, s, index);
}

/* {name, tensor} */
static void read_item(lua_State *L, State *s, int i, TensorItem *item) {
  if (!lua_istable(L, -1))
    raise_error(L, "file_write: item %d is no {name, tensor}", i);
  lua_rawgeti(L, -1, 1);
  lua_rawgeti(L, -2, 2);
  size_t n;
  if (lua_type(L, -2) != LUA_TSTRING || !box_is_tensor(L, -1))
    raise_error(L, "file_write: item %d is no {name, tensor}", i);
  item->name = lua_tolstring(L, -2, &n);
  if (strlen(item->name) != n)
    raise_error(L, "file_write: the name of item %d has a zero byte", i);
  item->tensor = value_at(L, s, lua_gettop(L));
  lua_pop(L, 2);
}

/* Leaves a block of items on the stack: garbage of Lua's, because reading one
** may raise. Their names stay those of the user's strings. */
static void read_items(lua_State *L, State *s, int index, TensorSaving *w) {
  lua_Unsigned n = lua_rawlen(L, index);
  if (n > INT32_MAX / sizeof(TensorItem))
    raise_error(L, "file_write: too many tensors");
  TensorItem *item = lua_newuserdatauv(L, (size_t)n * sizeof *item, 0);
  for (int i = 0; i < (int)n; i++) {
    lua_rawgeti(L, index, i + 1);
    read_item(L, s, i + 1, &item[i]);
    lua_pop(L, 1);
  }
  w->item = item;
  w->items = (int)n;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const TextEntry *)a)->name, ((const TextEntry *)b)->name);
}

/* The texts by their names, in an order that does not change: the same model
** gives the same bytes. */
static void read_texts(lua_State *L, int index, TensorSaving *w) {
  int n = 0, room = 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
    room++;
  TextEntry *text = lua_newuserdatauv(L, (size_t)room * sizeof *text, 0);
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1), n++) {
    if (n == room) /* a finalizer may have run since they were counted */
      raise_error(L, "file_write: the metadata changed while they were read");
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
      raise_error(L, "file_write: the metadata are texts by their names");
    text[n].name = lua_tostring(L, -2);
    text[n].text = lua_tolstring(L, -1, &text[n].length);
  }
  qsort(text, (size_t)n, sizeof *text, by_name);
  w->text = text;
  w->texts = n;
}

static void read_options(lua_State *L, int index, TensorSaving *w) {
  w->floats = DTYPE_COUNT;
  w->overwrite = true;
  if (lua_isnoneornil(L, index))
    return;
  want_type(L, index, LUA_TTABLE, "file_write: the options");
  if (lua_getfield(L, index, "dtype") != LUA_TNIL)
    w->floats = shape_check_dtype(L, -1);
  if (w->floats != DTYPE_COUNT && !dtype_is_float(w->floats))
    raise_error(L, "file_write: floats are not stored as %s",
                dtype_name(w->floats));
  if (lua_getfield(L, index, "overwrite") != LUA_TNIL)
    w->overwrite = lua_toboolean(L, -1);
  lua_pop(L, 2);
}

/* file_write(path, {{name, tensor}, ..}, {name = text}, {dtype=, overwrite=}):
** all floats are stored as dtype, nil: as they are. */
static int core_file_write(lua_State *L) {
  State *s = state_enter(L);
  TensorSaving w = {.items = 0};
  Error e = {.set = false};
  const char *path = want_path(L, 1, "file_write: the path");
  want_type(L, 2, LUA_TTABLE, "file_write: the tensors");
  lua_settop(L, 4);
  read_options(L, 4, &w);
  if (!lua_isnil(L, 3)) {
    want_type(L, 3, LUA_TTABLE, "file_write: the metadata");
    read_texts(L, 3, &w);
  }
  read_items(L, s, 2, &w);
  if (!tensor_file_write(s->account, path, &w, &e))
    return raise_failure(L, &e);
  return 0;
}

/* ---- reading ------------------------------------------------------------- */

typedef struct ReaderBox {
  TensorFile *f; /* NULL: closed */
} ReaderBox;

TensorFile *file_check(lua_State *L, int index) {
  ReaderBox *b = luaL_testudata(L, index, READER);
  if (b == NULL)
    raise_error(L, "a file that was opened is expected, got %s",
                luaL_typename(L, index));
  if (b->f == NULL)
    raise_error(L, "this file was closed");
  return b->f;
}

/* Also the finalizer of one that was closed. Tensors that were taken keep the
** file for themselves. */
static int reader_close(lua_State *L) {
  ReaderBox *b = luaL_checkudata(L, 1, READER);
  TensorFile *f = b->f;
  b->f = NULL;
  tensor_file_release(f);
  return 0;
}

/* Before there is a file, which would be lost if Lua had no memory for it. */
static ReaderBox *push_reader(lua_State *L) {
  ReaderBox *b = lua_newuserdatauv(L, sizeof *b, 0);
  b->f = NULL;
  luaL_setmetatable(L, READER);
  return b;
}

static int core_file_read(lua_State *L) {
  State *s = state_enter(L);
  Error e = {.set = false};
  const char *path = want_path(L, 1, "file_read: the path");
  ReaderBox *b = push_reader(L);
  b->f = tensor_file_open(s->account, path, &e);
  return b->f ? 1 : raise_failure(L, &e);
}

/* file_bytes(text): the same of what a file holds, which came from elsewhere */
static int core_file_bytes(lua_State *L) {
  State *s = state_enter(L);
  Error e = {.set = false};
  size_t n;
  want_type(L, 1, LUA_TSTRING, "file_bytes: the bytes");
  const char *text = lua_tolstring(L, 1, &n);
  ReaderBox *b = push_reader(L);
  memory_relieve(L, s, n); /* of garbage, before so many bytes are copied */
  FileIn *in = file_in_copy(s->account, text, n, &e);
  b->f = in ? tensor_file_of(s->account, in, "bytes", &e) : NULL;
  return b->f ? 1 : raise_failure(L, &e);
}

static const TensorEntry *check_entry(lua_State *L, const TensorFile *f) {
  size_t n;
  want_type(L, 2, LUA_TSTRING, "the name of a tensor");
  const char *name = lua_tolstring(L, 2, &n);
  const TensorEntry *x = strlen(name) == n ? tensor_file_find(f, name) : NULL;
  if (x == NULL)
    raise_error(L, "%s: there is no tensor \"%.200s\"", tensor_file_name(f),
                name);
  return x;
}

/* type(name) -> shape, dtype; a dtype that lunula lacks as the file calls it */
static int reader_type(lua_State *L) {
  const TensorEntry *x = check_entry(L, file_check(L, 1));
  shape_push(L, &x->type);
  lua_pushstring(L, x->type.dtype == DTYPE_COUNT
                        ? x->stored : dtype_name((DType)x->type.dtype));
  return 2;
}

static int reader_tensor(lua_State *L) {
  State *s = state_enter(L);
  TensorFile *f = file_check(L, 1);
  const TensorEntry *x = check_entry(L, f);
  Tensor t;
  Error e = {.set = false};
  memory_relieve(L, s, 0);
  if (!tensor_file_take(f, x, &t, &e))
    return raise_failure(L, &e);
  box_push_tensor(L, s, t);
  return 1;
}

static void push_names(lua_State *L, const TensorFile *f) {
  const TensorEntry *x;
  lua_newtable(L);
  for (int i = 0; (x = tensor_file_at(f, i)); i++) {
    lua_pushstring(L, x->name);
    lua_rawseti(L, -2, i + 1);
  }
}

static void push_texts(lua_State *L, const TensorFile *f) {
  const TextEntry *x;
  lua_newtable(L);
  for (int i = 0; (x = tensor_file_text_at(f, i)); i++) {
    lua_pushlstring(L, x->text, x->length);
    lua_setfield(L, -2, x->name);
  }
}

static int reader_index(lua_State *L) {
  const TensorFile *f = file_check(L, 1);
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (strcmp(name, "names") == 0)
    push_names(L, f);
  else if (strcmp(name, "metadata") == 0)
    push_texts(L, f);
  else if (strcmp(name, "path") == 0)
    lua_pushstring(L, tensor_file_name(f));
  else {
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
  }
  return 1;
}

void file_open(lua_State *L) {
  static const luaL_Reg meta[] = {
    {"__gc", reader_close}, {"__close", reader_close}, {NULL, NULL}
  };
  static const luaL_Reg methods[] = {
    {"type", reader_type}, {"tensor", reader_tensor}, {"close", reader_close},
    {NULL, NULL}
  };
  static const luaL_Reg core[] = {
    {"file_write", core_file_write}, {"file_read", core_file_read},
    {"file_bytes", core_file_bytes}, {NULL, NULL}
  };
  luaL_newmetatable(L, READER);
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods);
  lua_pushcclosure(L, reader_index, 1);
  lua_setfield(L, -2, "__index");
  lua_pushstring(L, READER);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  luaL_setfuncs(L, core, 0);
}
