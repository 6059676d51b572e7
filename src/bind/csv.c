/* Tables as text, for Lua: core.csv_line and core.csv. */

#include <string.h>

#include "bind/box.h"
#include "bind/core.h"
#include "files/csv.h"

static const char READING[] = "lunula.Csv";

/* Called twice, when the function is left and as garbage; the second time there
** is nothing left. */
static int reading_close(lua_State *L) {
  csv_close(luaL_checkudata(L, 1, READING));
  return 0;
}

/* The file at the path at 1, of which everything belongs to a userdata. It is
** closed when the function is left, so every error below may just be raised. */
static Csv *open_file(lua_State *L, State *s) {
  Error e = {.set = false};
  const char *path = want_path(L, 1, "csv: the path");
  Csv *c = lua_newuserdatauv(L, sizeof *c, 0);
  *c = (Csv){.account = s->account};
  luaL_setmetatable(L, READING);
  lua_toclose(L, -1);
  if (!csv_open(c, path, &e))
    raise_failure(L, &e);
  return c;
}

static char check_separator(lua_State *L, int index) {
  size_t n;
  want_type(L, index, LUA_TSTRING, "csv: the separator");
  const char *text = lua_tolstring(L, index, &n);
  /* numbers are read before anybody looks for the end of their field */
  if (n != 1 || strchr("\"\r\n+-.0123456789eE", *text))
    raise_error(L, "the separator must be one byte that no quote, number or "
                   "line's end has, got \"%s\"", text);
  return *text;
}

/* Appends to the list on the top. Lua may be out of memory here, and jumps over
** csv_line, which owns nothing by itself. */
static void push_field(void *ud, const CsvField *f) {
  lua_State *L = ud;
  luaL_Buffer b;
  char *to = luaL_buffinitsize(L, &b, f->raw.size);
  luaL_pushresultsize(&b, csv_text(to, f));
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

/* csv_line(path, separator) -> the fields of the first line, where the next
** begins, and which line of the file that is */
static int core_csv_line(lua_State *L) {
  State *s = state_enter(L);
  Error e = {.set = false};
  char separator = check_separator(L, 2);
  Csv *c = open_file(L, s);
  c->separator = separator;
  lua_newtable(L);
  if (!csv_line(c, push_field, L, &e))
    return raise_failure(L, &e);
  lua_pushinteger(L, c->at - c->file->data);
  lua_pushinteger(L, c->line);
  return 3;
}

static lua_Integer whole_field(lua_State *L, const char *name) {
  lua_getfield(L, 3, name);
  lua_Integer n = want_whole(L, -1, name);
  lua_pop(L, 1);
  return n;
}

/* options.missing: a list of texts. It stays on the stack, with the userdata
** that points into them, until the file is read. */
static void read_missing(lua_State *L, Csv *c) {
  lua_getfield(L, 3, "missing");
  want_type(L, -1, LUA_TTABLE, "csv: missing");
  int n = (int)lua_rawlen(L, -1);
  Str *text = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *text, 0);
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, -2, i + 1);
    want_type(L, -1, LUA_TSTRING, "csv: missing");
    text[i].text = lua_tolstring(L, -1, &text[i].size);
    lua_pop(L, 1);
  }
  c->missing = text;
  c->missings = n;
}

static void read_options(lua_State *L, Csv *c) {
  want_type(L, 3, LUA_TTABLE, "csv: the options");
  lua_Integer first = whole_field(L, "first");
  if (first < 0 || (size_t)first > c->file->size)
    raise_error(L, "csv: the file has no byte %lld", (long long)first);
  if (first > 0)
    c->at = c->file->data + first;
  c->line = whole_field(L, "line");
  lua_getfield(L, 3, "separator");
  c->separator = check_separator(L, -1);
  lua_getfield(L, 3, "matrix");
  c->matrix = lua_toboolean(L, -1);
  lua_getfield(L, 3, "instead");
  want_type(L, -1, LUA_TNUMBER, "csv: instead");
  c->instead = lua_tonumber(L, -1);
  lua_pop(L, 3);
  read_missing(L, c);
}

static CsvKind check_kind(lua_State *L, bool *fixed) {
  static const char *const names[] = {"int32", "float32", "float64", "string",
                                      "skip"};
  const char *name = luaL_optstring(L, -1, "");
  *fixed = *name != '\0' && strcmp(name, "guess") != 0;
  for (int i = 0; i < COUNT_OF(names); i++)
    if (strcmp(names[i], name) == 0)
      return (CsvKind)i;
  return CSV_WHOLE;
}

static void read_kinds(lua_State *L, Csv *c) {
  want_type(L, 2, LUA_TTABLE, "csv: the kinds");
  lua_Integer n = (lua_Integer)lua_rawlen(L, 2);
  c->column = n > 0 && n < INT32_MAX ? mem_new(c->account, (size_t)n,
                                               sizeof *c->column) : NULL;
  if (c->column == NULL)
    raise_error(L, "csv: %lld columns", (long long)n);
  c->columns = (int)n;
  for (int i = 0; i < c->columns; i++) {
    lua_rawgeti(L, 2, i + 1);
    c->column[i].kind = check_kind(L, &c->column[i].fixed);
    if (c->matrix)
      c->column[i].kind = CSV_FLOAT;
    c->column[i].fixed |= c->matrix;
    lua_pop(L, 1);
  }
}

/* Its own reference: closing the file lets go of the reader's. */
static void push_tensor(lua_State *L, State *s, Tensor *t) {
  Tensor own = tensor_share(t);
  box_push_tensor(L, s, own);
}

/* csv(path, kinds, {first=, line=, separator=, missing=, instead=, matrix=}) ->
** a list of tensors, one a column, nil for those of kind "skip"; or the tensor
** of all rows. A kind is "int32", "float32", "float64", "string", "skip" or
** "guess". */
static int core_csv(lua_State *L) {
  State *s = state_enter(L);
  Error e = {.set = false};
  Csv *c = open_file(L, s);
  read_options(L, c);
  read_kinds(L, c); /* it asks whether they are a matrix */
  memory_relieve(L, s, c->file->size);
  if (!csv_read(c, &e))
    return raise_failure(L, &e);
  if (c->matrix) {
    push_tensor(L, s, &c->whole);
    return 1;
  }
  lua_createtable(L, c->columns, 0);
  for (int i = 0; i < c->columns; i++) {
    if (c->column[i].kind == CSV_SKIP)
      continue;
    push_tensor(L, s, &c->column[i].tensor);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

void table_text_open(lua_State *L) {
  static const luaL_Reg core[] = {
    {"csv_line", core_csv_line}, {"csv", core_csv}, {NULL, NULL}
  };
  static const luaL_Reg meta[] = {
    {"__gc", reading_close}, {"__close", reading_close}, {NULL, NULL}
  };
  luaL_newmetatable(L, READING);
  luaL_setfuncs(L, meta, 0);
  lua_pop(L, 1);
  luaL_setfuncs(L, core, 0);
}
