/* JSON of Lua values: core.json_write walks plain data and writes its text. Lua
** is asked for the rest: what an object is told as, which fields a table has
** that no order names, and how an error tells its place. */

#include <string.h>

#include "files/json.h"
#include "bind/core.h"
#include "bind/raise.h"

/* Where things lie on the stack: the arguments, then what is at hand. */
enum {
  VALUE = 1, INDENT, READ, FIELDS, NOTE, FAILED, OUT, /* arguments */
  NONE, ORDER, TYPE, CLASS, DESCRIBES, TEXT
};

typedef struct Writer {
  lua_State *L;
  char *text;        /* in the userdata at TEXT: an error may end the call */
  size_t used, room;
  lua_Integer step;  /* spaces of a level, -1: all on one line */
  int depth;
  int key[JSON_DEPTH]; /* where the keys that lead to the value lie */
} Writer;

static void write_value(Writer *w, bool in_list);

/* ---- text --------------------------------------------------------------- */

static char *more(Writer *w, size_t n) {
  if (w->room - w->used < n) {
    size_t room = 2 * w->room + n;
    char *text = lua_newuserdatauv(w->L, room, 0);
    memcpy(text, w->text, w->used);
    lua_replace(w->L, TEXT);
    w->text = text;
    w->room = room;
  }
  return w->text + w->used;
}

static void put(Writer *w, const char *text, size_t n) {
  memcpy(more(w, n), text, n);
  w->used += n;
}

static void put_word(Writer *w, const char *word) {
  put(w, word, strlen(word));
}

/* The string at the index. */
static void put_quoted(Writer *w, int index) {
  size_t n;
  const char *text = lua_tolstring(w->L, index, &n);
  if (n > JSON_BYTES)
    raise_error(w->L, "JSON: a text of more than 1 GB");
  w->used += json_quote(more(w, 6 * n + 2), text, n);
}

static void put_number(Writer *w, int index) {
  char *text = more(w, JSON_NUMBER_TEXT);
  if (lua_isinteger(w->L, index))
    w->used += (size_t)snprintf(text, JSON_NUMBER_TEXT, LUA_INTEGER_FMT,
                                (LUAI_UACINT)lua_tointeger(w->L, index));
  else
    w->used += json_number(text, lua_tonumber(w->L, index));
}

/* What stands before an entry: a line of its own, or `between`. */
static void put_break(Writer *w, const char *between) {
  if (w->step < 0) {
    put_word(w, between);
    return;
  }
  size_t n = (size_t)w->step * (size_t)w->depth;
  char *text = more(w, n + 1);
  *text = '\n';
  memset(text + 1, ' ', n);
  w->used += n + 1;
}

static void put_before(Writer *w, bool first, char open) {
  put(w, first ? &open : ",", 1);
  put_break(w, first ? "" : " ");
}

/* ---- places ------------------------------------------------------------- */

/* One level inwards; the key lies on the top. */
static void enter(Writer *w) {
  if (w->depth == JSON_DEPTH)
    raise_error(w->L, "JSON: nested too deeply, more than %d levels (does a "
                "table hold itself?)", JSON_DEPTH);
  luaL_checkstack(w->L, 12, "JSON");
  w->key[w->depth++] = lua_gettop(w->L);
}

/* The error on the top, raised by a function that knows the keys that led
** here. */
static void fail_here(Writer *w) {
  int problem = lua_gettop(w->L);
  luaL_checkstack(w->L, w->depth + 2, "JSON");
  lua_pushvalue(w->L, FAILED);
  lua_pushvalue(w->L, problem);
  for (int i = 0; i < w->depth; i++)
    lua_pushvalue(w->L, w->key[i]);
  lua_call(w->L, w->depth + 1, 0);
}

/* ---- tables ------------------------------------------------------------- */

static bool has(Writer *w, int metatable, int name) {
  lua_pushvalue(w->L, name);
  bool found = lua_rawget(w->L, metatable) != LUA_TNIL;
  lua_pop(w->L, 1);
  return found;
}

/* Is the value on the top a table that stands for nothing else? */
static bool is_plain(Writer *w) {
  if (!lua_istable(w->L, -1))
    return false;
  if (!lua_getmetatable(w->L, -1))
    return true;
  int metatable = lua_gettop(w->L);
  bool plain = (has(w, metatable, ORDER) || has(w, metatable, TYPE)) &&
               !has(w, metatable, CLASS) && !has(w, metatable, DESCRIBES);
  lua_pop(w->L, 1);
  return plain;
}

/* Pushes what the metatable of the table says under the name, or nil. */
static void push_said(Writer *w, int table, int name) {
  if (!lua_getmetatable(w->L, table)) {
    lua_pushnil(w->L);
    return;
  }
  lua_pushvalue(w->L, name);
  lua_rawget(w->L, -2);
  lua_remove(w->L, -2);
}

static bool is_said(Writer *w, int table, const char *type) {
  push_said(w, table, TYPE);
  const char *said = lua_tostring(w->L, -1);
  bool same = said && strcmp(said, type) == 0;
  lua_pop(w->L, 1);
  return same;
}

static void write_list(Writer *w, int table, lua_Integer n) {
  bool nulls = !is_said(w, table, "array");
  for (lua_Integer i = 1; i <= n; i++) {
    lua_pushinteger(w->L, i);
    enter(w);
    put_before(w, i == 1, '[');
    lua_rawgeti(w->L, table, i);
    write_value(w, nulls);
    lua_pop(w->L, 1);
    w->depth--;
  }
  put_break(w, "");
  put(w, "]", 1);
}

/* Pushes the list of the table's fields, in their order; nil for none. */
static void push_fields(Writer *w, int table) {
  lua_State *L = w->L;
  lua_Integer rest = 0;
  push_said(w, table, ORDER);
  int order = lua_gettop(L);
  lua_Integer n = lua_istable(L, order) ? (lua_Integer)lua_rawlen(L, order) : 0;
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, order, i);
    rest -= lua_rawget(L, table) != LUA_TNIL;
    lua_pop(L, 1);
  }
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
    rest++;
  if (rest == 0) /* are all keys named by the order? */
    return;
  lua_pushvalue(L, FIELDS);
  lua_pushvalue(L, table);
  lua_call(L, 1, 1);
  lua_replace(L, order);
}

static void write_field(Writer *w, int table, bool first) {
  int key = lua_gettop(w->L);
  enter(w);
  put_before(w, first, '{');
  if (lua_type(w->L, key) == LUA_TSTRING)
    lua_pushvalue(w->L, key);
  else
    luaL_tolstring(w->L, key, NULL);
  put_quoted(w, -1);
  put(w, ": ", 2);
  lua_pop(w->L, 1);
  lua_pushvalue(w->L, key);
  lua_rawget(w->L, table);
  write_value(w, false);
  lua_pop(w->L, 1);
  w->depth--;
}

/* Tells NOTE that the fields of the object's table are written. What it puts
** into OUT, now or later, comes after the text so far. */
static void note(Writer *w, int object) {
  lua_State *L = w->L;
  lua_pushlstring(L, w->text, w->used);
  lua_rawseti(L, OUT, (lua_Integer)lua_rawlen(L, OUT) + 1);
  w->depth++;
  w->used = 0;
  put(w, ",", 1);
  put_break(w, " ");
  w->depth--;
  lua_pushvalue(L, NOTE);
  lua_pushvalue(L, object);
  lua_pushvalue(L, OUT);
  lua_pushlstring(L, w->text, w->used);
  w->used = 0;
  lua_call(L, 3, 0);
}

/* object: where the layer lies that the table tells, 0: it tells none. */
static void write_object(Writer *w, int table, int object) {
  push_fields(w, table);
  int fields = lua_gettop(w->L);
  lua_Integer n = lua_istable(w->L, fields)
                      ? (lua_Integer)lua_rawlen(w->L, fields) : 0;
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(w->L, fields, i);
    write_field(w, table, i == 1);
  }
  if (object)
    note(w, object);
  if (n == 0)
    put(w, "{", 1);
  else
    put_break(w, "");
  put(w, "}", 1);
  lua_pop(w->L, 1);
}

static void write_table(Writer *w, int table, int object) {
  lua_Integer n = (lua_Integer)lua_rawlen(w->L, table);
  if (n > 0) {
    write_list(w, table, n);
    return;
  }
  lua_pushnil(w->L);
  bool is_empty = lua_next(w->L, table) == 0;
  if (!is_empty)
    lua_pop(w->L, 2);
  push_said(w, table, ORDER);
  bool is_object = !lua_isnil(w->L, -1) || is_said(w, table, "object");
  lua_pop(w->L, 1);
  if (is_empty && !is_object)
    put(w, "[]", 2);
  else
    write_object(w, table, object);
}

/* ---- values ------------------------------------------------------------- */

/* What is no plain data, at the top: READ tells it as such, and gives the layer
** too if it is one, or raises. */
static void write_told(Writer *w) {
  lua_State *L = w->L;
  int value = lua_gettop(L);
  lua_pushvalue(L, READ);
  lua_pushvalue(L, value);
  if (lua_pcall(L, 1, 2, 0) != LUA_OK)
    fail_here(w);
  write_table(w, value + 1, lua_isnil(L, value + 2) ? 0 : value + 2);
  lua_settop(L, value);
}

/* Takes the value on the top. in_list: `false` is None, as in lists of Lua. */
static void write_value(Writer *w, bool in_list) {
  lua_State *L = w->L;
  switch (lua_type(L, -1)) {
  case LUA_TNIL: put_word(w, "null"); break;
  case LUA_TSTRING: put_quoted(w, -1); break;
  case LUA_TNUMBER: put_number(w, -1); break;
  case LUA_TBOOLEAN:
    put_word(w, lua_toboolean(L, -1) ? "true" : in_list ? "null" : "false");
    break;
  default:
    if (lua_rawequal(L, -1, NONE))
      put_word(w, "null");
    else if (is_plain(w))
      write_table(w, lua_gettop(L), 0);
    else
      write_told(w);
  }
  lua_pop(L, 1);
}

/* json_write(value, indent, read, fields, note, failed, out) -> text: the end
** of it, after what is in the list `out`. indent: spaces of a level, -1 for one
** line. read(value) -> a plain table, and the layer that it tells; fields(t)
** -> its keys in order; note(layer, out, between) when those of a layer are
** written; failed(problem, key, …) raises what read raised. */
static int core_json_write(lua_State *L) {
  enum { FIRST = 4096 };
  lua_settop(L, OUT);
  Writer w = {.L = L, .step = want_whole(L, INDENT, "json_write: the indent")};
  want_callable(L, READ, "json_write: the third argument");
  want_callable(L, FIELDS, "json_write: the fourth argument");
  if (!lua_isnil(L, NOTE))
    want_callable(L, NOTE, "json_write: the fifth argument");
  want_callable(L, FAILED, "json_write: the sixth argument");
  want_type(L, OUT, LUA_TTABLE, "json_write: the last argument");
  none_push(L, state_of(L));
  lua_pushliteral(L, "__jsonorder");
  lua_pushliteral(L, "__jsontype");
  lua_pushliteral(L, "class");
  lua_pushliteral(L, "describes");
  w.text = lua_newuserdatauv(L, FIRST, 0);
  w.room = FIRST;
  luaL_checkstack(L, 12, "JSON");
  lua_pushvalue(L, VALUE);
  write_value(&w, false);
  lua_pushlstring(L, w.text, w.used);
  return 1;
}

void json_write_open(lua_State *L) {
  lua_pushcfunction(L, core_json_write);
  lua_setfield(L, -2, "json_write");
}
