/* The module lunula.hdf5.core: what the Lua files of the rock build on.
**
** What fails because of a file gives nil and a text. Nothing is owned on the C
** stack while Lua can raise: bytes are held by a userdata that knows what keeps
** them (a file, an archive), and work memory is a userdata too. */

#include "reader.h"
#include "view.h"
#include "write.h"
#include "zip.h"

#include <lauxlib.h>
#include <lua.h>

#define BYTES "lunula.bytes"    /* lunula's core.frombytes knows them by it */
#define WRITER "lunula.hdf5.writer"

static int refused(lua_State *L, const Fault *why) {
  lua_pushnil(L);
  lua_pushstring(L, why->text);
  return 2;
}

static void push_bytes(lua_State *L, Bytes b) {
  lua_pushlstring(L, (const char *)b.data, b.size);
}

/* ---- bytes -------------------------------------------------------------- */

static View *new_view(lua_State *L) {
  View *v = lua_newuserdatauv(L, sizeof *v, 1);
  *v = (View){0};
  luaL_setmetatable(L, BYTES);
  return v;
}

static Bytes get_bytes(lua_State *L, int index) {
  View *v = luaL_checkudata(L, index, BYTES);
  if (v->bytes.data == NULL)
    luaL_argerror(L, index, "it is closed");
  return v->bytes;
}

/* open(path): the bytes of a file */
static int core_open(lua_State *L) {
  Fault why;
  const char *path = luaL_checkstring(L, 1);
  View *v = new_view(L);
  if (!view_open(v, path, &why))
    return refused(L, &why);
  return 1;
}

/* bytes(string): as if they had been read */
static int core_bytes(lua_State *L) {
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  View *v = new_view(L);
  v->bytes = (Bytes){(const unsigned char *)s, n};
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  return 1;
}

/* Pushes a part of the bytes at 1. */
static void push_part(lua_State *L, Bytes part) {
  const View *whole = luaL_checkudata(L, 1, BYTES);
  View *v = new_view(L);
  v->bytes = part;
  v->is_mapped = whole->is_mapped;
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
}

/* Pushes so many bytes that are still to be written. */
static unsigned char *push_made(lua_State *L, uint64_t size) {
  View *v = new_view(L);
  unsigned char *to = lua_newuserdatauv(L, (size_t)size + 1, 0);
  v->bytes = (Bytes){to, (size_t)size};
  lua_setiuservalue(L, -2, 1);
  return to;
}

/* b:forget(): see view_forget */
static int bytes_forget(lua_State *L) {
  get_bytes(L, 1);
  view_forget(lua_touserdata(L, 1));
  return 0;
}

/* Others may have a part of the bytes, so only the collector closes them. */
static int bytes_gc(lua_State *L) {
  view_close(luaL_checkudata(L, 1, BYTES));
  return 0;
}

/* b:string(): all of them */
static int bytes_string(lua_State *L) {
  push_bytes(L, get_bytes(L, 1));
  return 1;
}

static int bytes_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)get_bytes(L, 1).size);
  return 1;
}

/* ---- archives ----------------------------------------------------------- */

static void put_integer(lua_State *L, const char *name, uint64_t value) {
  lua_pushinteger(L, (lua_Integer)value);
  lua_setfield(L, -2, name);
}

static uint64_t field(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  uint64_t value = (uint64_t)luaL_checkinteger(L, -1);
  lua_pop(L, 1);
  return value;
}

static void push_entry(lua_State *L, const ZipEntry *e) {
  lua_createtable(L, 0, 6);
  put_integer(L, "method", (uint64_t)e->method);
  put_integer(L, "encrypted", e->is_encrypted);
  put_integer(L, "crc", e->crc);
  put_integer(L, "packed", e->packed);
  put_integer(L, "size", e->size);
  put_integer(L, "at", e->at);
}

/* zip(bytes): the entries of an archive by name */
static int core_zip(lua_State *L) {
  Zip z;
  ZipEntry e;
  Fault why;
  if (!zip_open(&z, get_bytes(L, 1), &why))
    return refused(L, &why);
  lua_newtable(L);
  while (zip_next(&z, &e, &why)) {
    push_bytes(L, e.name);
    push_entry(L, &e);
    lua_rawset(L, -3);
  }
  return why.text[0] ? refused(L, &why) : 1;
}

/* Stored bytes stay where they are, in the bytes at 1; others are unpacked. */
static int push_unpacked(lua_State *L, const ZipEntry *e, Bytes packed) {
  Fault why;
  unsigned char *out = e->method == 0 ? NULL : push_made(L, e->size);
  if (e->method == 0)
    push_part(L, packed);
  if (!zip_unpack(e, packed, out, &why))
    return refused(L, &why);
  view_forget(lua_touserdata(L, -1)); /* its checksum went through all of them */
  return 1;
}

/* unzip(bytes, entry, most): the bytes of an entry, `most` of them at most */
static int core_unzip(lua_State *L) {
  Fault why;
  Bytes packed, all = get_bytes(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_Integer most = luaL_checkinteger(L, 3);
  ZipEntry e = {
    .method = (int)field(L, 2, "method"), .crc = (uint32_t)field(L, 2, "crc"),
    .is_encrypted = field(L, 2, "encrypted") != 0, .at = field(L, 2, "at"),
    .packed = field(L, 2, "packed"), .size = field(L, 2, "size")
  };
  if (!zip_data(all, &e, &packed, &why))
    return refused(L, &why);
  if (e.size > (uint64_t)most) {
    fault(&why, "it would take %llu bytes unpacked, more than %lld",
          (unsigned long long)e.size, (long long)most);
    return refused(L, &why);
  }
  return push_unpacked(L, &e, packed);
}

/* crc32(string [, before]) */
static int core_crc32(lua_State *L) {
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  uint32_t before = (uint32_t)luaL_optinteger(L, 2, 0);
  lua_pushinteger(L, zip_crc(before, (Bytes){(const unsigned char *)s, n}));
  return 1;
}

/* ---- reading HDF5 ------------------------------------------------------- */

static const char *type_name(const Type *t) {
  static const char *const ints[] = {"int8", "int16", "int32", "int64"};
  static const char *const uints[] = {"uint8", "uint16", "uint32", "uint64"};
  static const char *const floats[] = {NULL, "float16", "float32", "float64"};
  int log = t->size == 1 ? 0 : t->size == 2 ? 1 : t->size == 4 ? 2 : 3;
  switch (t->kind) {
  case KIND_INT: return ints[log];
  case KIND_UINT: return uints[log];
  case KIND_FLOAT: return floats[log];
  case KIND_BFLOAT: return "bfloat16";
  case KIND_BOOL: return "bool";
  case KIND_OPAQUE: return t->size == 2 ? "opaque16" : "opaque";
  case KIND_STRING: case KIND_TEXT: return "string";
  }
  return "opaque";
}

enum { ENTRIES = 1 << 20 };    /* of a list: more than any model has */

/* Where a visitor puts what it is told: tables at these indices. */
typedef struct Told {
  lua_State *L;
  const Hdf5 *h;
  int links, attributes, problems;
  int count;
  uint64_t budget;    /* bytes of names and texts that may still be told: in a
                      ** sound file none lie on one another */
} Told;

/* Sets t[name] = the value on top, once; false where that cannot be. */
static bool put_once(Told *t, int table, Bytes name) {
  lua_State *L = t->L;
  if (name.size > t->budget)
    return false;
  t->budget -= name.size;
  push_bytes(L, name);
  lua_pushvalue(L, -1);
  bool is_new = lua_rawget(L, table) == LUA_TNIL && t->count++ < ENTRIES;
  lua_pop(L, 1);
  lua_insert(L, -2);
  lua_rawset(L, table);
  return is_new;
}

static bool tell_link(void *context, Bytes name, uint64_t address) {
  Told *t = context;
  luaL_checkstack(t->L, 8, NULL);
  lua_pushinteger(t->L, (lua_Integer)address);
  return put_once(t, t->links, name);
}

/* Why these are neither a text nor a list of texts, or NULL. An empty list may
** be of any type. */
static const char *no_texts(const Values *v) {
  bool is_empty = v->space.rank == 1 && v->space.count == 0;
  if (!is_empty && v->type.kind != KIND_TEXT && v->type.kind != KIND_STRING)
    return "it is no text";
  if (v->space.rank > 1 || v->space.count > ENTRIES)
    return "it is no list of texts";
  return v->space.rank == 0 && v->space.count == 0 ? "it is empty" : NULL;
}

/* Pushes a text, or a list of texts; or nothing, and says why. */
static const char *push_texts(Told *t, const Values *v, Fault *why) {
  Bytes text;
  if (v->space.rank == 1)
    lua_createtable(t->L, (int)v->space.count, 0);
  for (uint64_t i = 0; i < v->space.count; i++) {
    if (!hdf5_string(t->h, v, i, &text, &t->budget, why)) {
      lua_pop(t->L, v->space.rank);
      return why->text;
    }
    push_bytes(t->L, text);
    if (v->space.rank == 1)
      lua_rawseti(t->L, -2, (lua_Integer)i + 1);
  }
  return NULL;
}

static bool tell_attribute(void *context, Bytes name, const Values *values,
                           const char *wrong) {
  Told *t = context;
  Fault why;
  luaL_checkstack(t->L, 8, NULL);
  if (!wrong)
    wrong = no_texts(values);
  if (!wrong)
    wrong = push_texts(t, values, &why);
  if (!wrong)
    return put_once(t, t->attributes, name);
  lua_pushstring(t->L, wrong);
  return put_once(t, t->problems, name);
}

static void put_dataset(lua_State *L, const Dataset *d) {
  lua_pushstring(L, type_name(&d->type));
  lua_setfield(L, -2, "dtype");
  lua_createtable(L, d->space.rank, 0);
  for (int i = 0; i < d->space.rank; i++) {
    lua_pushinteger(L, (lua_Integer)d->space.dim[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "shape");
}

static int new_field(lua_State *L, const char *name) {
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, name);
  return lua_gettop(L);
}

/* root(bytes): the address of the first group */
static int core_root(lua_State *L) {
  Hdf5 h;
  uint64_t work;
  Fault why;
  if (!hdf5_open(&h, get_bytes(L, 1), &work, &why))
    return refused(L, &why);
  lua_pushinteger(L, (lua_Integer)h.root);
  return 1;
}

/* object(bytes, address): {links = {name = address}, attributes = {name = text
** or texts}, problems = {name = why it cannot be read}, work = how many bytes
** that took}, and of a dataset dtype and shape. `is_group` tells a group. */
static int core_object(lua_State *L) {
  Hdf5 h;
  uint64_t work;
  Fault why;
  Object o;
  uint64_t address = (uint64_t)luaL_checkinteger(L, 2);
  if (!hdf5_open(&h, get_bytes(L, 1), &work, &why))
    return refused(L, &why);
  lua_settop(L, 2);
  lua_newtable(L);
  uint64_t budget = h.bytes.size + ENTRIES;
  Told t = {.L = L, .h = &h, .budget = budget};
  t.links = new_field(L, "links");
  lua_pushvalue(L, 3);
  t.attributes = new_field(L, "attributes");
  lua_pushvalue(L, 3);
  t.problems = new_field(L, "problems");
  Visitor visitor = {&t, tell_link, tell_attribute};
  if (!hdf5_object(&h, address, &visitor, &o, &why))
    return refused(L, &why);
  lua_settop(L, 3);
  lua_pushboolean(L, o.is_group);
  lua_setfield(L, 3, "is_group");
  put_integer(L, "work", work + (budget - t.budget));
  if (o.is_dataset)
    put_dataset(L, &o.dataset);
  return 1;
}

static bool ignore_link(void *context, Bytes name, uint64_t address) {
  (void)context, (void)name, (void)address;
  return true;
}

static bool ignore_attribute(void *context, Bytes name, const Values *values,
                             const char *wrong) {
  (void)context, (void)name, (void)values, (void)wrong;
  return true;
}

static bool find_dataset(Hdf5 *h, Bytes bytes, uint64_t address, Object *o,
                         uint64_t *work, uint64_t *size, Fault *why) {
  Visitor visitor = {NULL, ignore_link, ignore_attribute};
  if (!hdf5_open(h, bytes, work, why) ||
      !hdf5_object(h, address, &visitor, o, why))
    return false;
  if (!o->is_dataset)
    return fault(why, "it is no dataset");
  *size = hdf5_size(h, &o->dataset, why);
  return *size > 0 || o->dataset.space.count == 0;
}

/* Do the elements lie in the file as they are wanted? */
static bool is_as_wanted(const Dataset *d, uint64_t size) {
  return d->layout == LAYOUT_PLAIN && d->plain.size == size && size > 0 &&
         d->filters == 0 && !d->type.is_big_endian;
}

/* data(bytes, address): the elements of a dataset, little-endian, as bytes; how
** many were looked at to find them */
static int core_data(lua_State *L) {
  Hdf5 h;
  Fault why;
  Object o;
  const Dataset *d = &o.dataset;
  uint64_t size = 0, found = 0;
  if (!find_dataset(&h, get_bytes(L, 1), (uint64_t)luaL_checkinteger(L, 2), &o,
                    &found, &size, &why))
    return refused(L, &why);
  if (d->type.kind == KIND_TEXT) {
    fault(&why, "it holds texts, where numbers are wanted");
    return refused(L, &why);
  }
  if (is_as_wanted(d, size)) {
    push_part(L, d->plain);
  } else {
    uint64_t room = hdf5_scratch(d);
    unsigned char *scratch = room ? lua_newuserdatauv(L, (size_t)room, 0) : NULL;
    if (!hdf5_read(&h, d, push_made(L, size), scratch, &why))
      return refused(L, &why);
  }
  lua_pushinteger(L, (lua_Integer)found);
  return 2;
}

/* ---- writing ------------------------------------------------------------ */

static int told(lua_State *L, bool well, const Fault *why) {
  if (!well)
    return refused(L, why);
  lua_pushboolean(L, 1);
  return 1;
}

static Writer *get_writer(lua_State *L) {
  Writer *w = luaL_checkudata(L, 1, WRITER);
  if (!w->is_open)
    luaL_argerror(L, 1, "it is closed");
  return w;
}

/* create(path): writes an HDF5 file there */
static int core_create(lua_State *L) {
  Fault why;
  const char *path = luaL_checkstring(L, 1);
  Writer *w = lua_newuserdatauv(L, sizeof *w, 0);
  *w = (Writer){0};
  luaL_setmetatable(L, WRITER);
  return writer_open(w, path, &why) ? 1 : refused(L, &why);
}

static int writer_close_lua(lua_State *L) {
  Fault why;
  return told(L, writer_close(luaL_checkudata(L, 1, WRITER), &why), &why);
}

/* w:group(path) */
static int writer_group_lua(lua_State *L) {
  Fault why;
  Writer *w = get_writer(L);
  return told(L, writer_group(w, luaL_checkstring(L, 2), &why), &why);
}

/* w:text(path, name, text or texts) */
static int writer_text_lua(lua_State *L) {
  Fault why;
  Writer *w = get_writer(L);
  const char *path = luaL_checkstring(L, 2), *name = luaL_checkstring(L, 3);
  if (!lua_istable(L, 4)) {
    const char *text = luaL_checkstring(L, 4);
    return told(L, writer_text(w, path, name, &text, -1, &why), &why);
  }
  lua_Integer n = luaL_len(L, 4);
  const char **texts = lua_newuserdatauv(L, sizeof *texts * (size_t)(n + 1), 0);
  for (lua_Integer i = 0; i < n; i++) {
    luaL_argcheck(L, lua_rawgeti(L, 4, i + 1) == LUA_TSTRING, 4,
                  "a list of texts is wanted");
    texts[i] = lua_tostring(L, -1);
    lua_pop(L, 1);    /* the table keeps it, as it would not one of a number */
  }
  return told(L, writer_text(w, path, name, texts, n, &why), &why);
}

/* w:dataset(path, dtype, shape, bytes) */
static int writer_dataset_lua(lua_State *L) {
  Fault why;
  uint64_t shape[HDF5_RANK];
  Writer *w = get_writer(L);
  const char *path = luaL_checkstring(L, 2), *type = luaL_checkstring(L, 3);
  size_t n;
  const char *bytes = luaL_checklstring(L, 5, &n);
  luaL_checktype(L, 4, LUA_TTABLE);
  lua_Integer rank = luaL_len(L, 4);
  luaL_argcheck(L, rank <= HDF5_RANK, 4, "too many sizes");
  for (int i = 0; i < rank; i++) {
    lua_rawgeti(L, 4, i + 1);
    shape[i] = (uint64_t)luaL_checkinteger(L, -1);
    lua_pop(L, 1);
  }
  Bytes data = {(const unsigned char *)bytes, n};
  return told(L, writer_dataset(w, path, type, (int)rank, shape, data, &why),
              &why);
}

/* temporary(path): the name of a new file beside it */
static int core_temporary(lua_State *L) {
  char name[4096];
  Fault why;
  if (!file_temporary(luaL_checkstring(L, 1), name, sizeof name, &why))
    return refused(L, &why);
  lua_pushstring(L, name);
  return 1;
}

/* commit(temporary, path): it becomes the file at that path */
static int core_commit(lua_State *L) {
  Fault why;
  return told(L, file_commit(luaL_checkstring(L, 1), luaL_checkstring(L, 2),
                             &why), &why);
}

/* ---- the module --------------------------------------------------------- */

static void new_class(lua_State *L, const char *name, const luaL_Reg *methods) {
  luaL_newmetatable(L, name);
  luaL_setfuncs(L, methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pushstring(L, name); /* a script could close what others have parts of */
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

__attribute__((visibility("default")))
int luaopen_lunula_hdf5_core(lua_State *L);

int luaopen_lunula_hdf5_core(lua_State *L) {
  static const luaL_Reg bytes[] = {
    {"string", bytes_string}, {"forget", bytes_forget}, {"__len", bytes_len},
    {"__gc", bytes_gc}, {NULL, NULL}
  };
  static const luaL_Reg writer[] = {
    {"close", writer_close_lua}, {"group", writer_group_lua},
    {"text", writer_text_lua}, {"dataset", writer_dataset_lua},
    {"__gc", writer_close_lua}, {"__close", writer_close_lua}, {NULL, NULL}
  };
  static const luaL_Reg functions[] = {
    {"open", core_open}, {"bytes", core_bytes}, {"zip", core_zip},
    {"unzip", core_unzip}, {"crc32", core_crc32}, {"root", core_root},
    {"object", core_object}, {"data", core_data}, {"create", core_create},
    {"temporary", core_temporary}, {"commit", core_commit}, {NULL, NULL}
  };
  new_class(L, BYTES, bytes);
  new_class(L, WRITER, writer);
  luaL_newlib(L, functions);
  return 1;
}
