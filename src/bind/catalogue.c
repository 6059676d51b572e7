/* What there is to call: core.ops, methods, core.catalogue. Rows come from the
** catalogue of C, composites from core.define. */

#include <string.h>

#include "bind/core.h"
#include "bind/signature.h"

/* The method of the op whose function is on the top: of the same upvalues, which
** are a signature and for a composite its Lua function. */
static void push_method(lua_State *L) {
  int function = lua_gettop(L), n = 1;
  lua_getupvalue(L, function, 1);
  if (lua_getupvalue(L, function, 2))
    n = 2;
  lua_pushcclosure(L, bind_method, n);
}

static void put(lua_State *L, const char *table, const char *name) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, table);
  lua_insert(L, -2);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

/* Puts the function on the top into core.ops, and its method into those. The
** method first: where memory ends between them, the op is made again. */
static void offer(lua_State *L, const char *name, bool method) {
  if (method) {
    push_method(L);
    put(L, "lunula.methods", name);
  }
  lua_pushvalue(L, -1);
  put(L, "lunula.ops", name);
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

/* The row of C of this name that scripts see, or NULL. */
static const Op *find_row(lua_State *L, const char *name) {
  const Op *op = catalogue_find(state_of(L)->c.catalogue, name);
  return op && !(op->traits & HIDDEN) ? op : NULL;
}

static void push_row(lua_State *L, const Op *op) {
  signature_push(L, op->name, op->signature)->op = op;
  lua_pushcclosure(L, bind_call, 1);
}

static void record_row(lua_State *L, const Op *op) {
  lua_createtable(L, 0, 2);
  lua_pushstring(L, op->file_class); /* nil where there is none */
  lua_setfield(L, -2, "file_class");
  lua_pushstring(L, op->file_called);
  lua_setfield(L, -2, "file_called");
  record(L, op->name, op->signature, op_kind_name(op->kind), op->doc,
         op->vjp != NULL);
}

/* Appends a row of the catalogue that is still to come; `positions` and
** `catalogue` are places on the stack. */
static void reserve(lua_State *L, int catalogue, int positions,
                    const char *name) {
  lua_Integer at = (lua_Integer)lua_rawlen(L, catalogue) + 1;
  lua_pushboolean(L, 0);
  lua_rawseti(L, catalogue, at);
  lua_pushinteger(L, at);
  lua_setfield(L, positions, name);
}

/* Most rows are made when they are asked for (find_later). */
static void open_rows(lua_State *L) {
  const Op *op;
  const Context *c = &state_of(L)->c;
  CatalogueWalk walk = {0};
  int top = lua_gettop(L);
  state_of(L)->binder = bind_call;
  state_of(L)->method = bind_method;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.catalogue");
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.positions");
  while ((op = catalogue_next(c->catalogue, &walk)) != NULL)
    if (op->traits & HIDDEN) {
      push_row(L, op);
      keep_hidden(L, op);
    } else {
      reserve(L, top + 1, top + 2, op->name);
    }
  lua_settop(L, top);
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
** doc it is in no table: what comes back is all there is of it. Its row comes
** first: where memory ends behind it, the op is not there and is made again. */
static int core_define(lua_State *L) {
  if (!lua_istable(L, 1))
    return raise_error(L, "define: a table of fields is wanted, got %s",
                       luaL_typename(L, 1));
  const char *name = field(L, "name"), *signature = field(L, "signature");
  Signature *s = signature_push(L, name, signature);
  if (lua_getfield(L, 1, "fn") != LUA_TFUNCTION)
    return raise_error(L, "define: field \"fn\" of %s must be a function, got "
                          "%s", name, luaL_typename(L, -1));
  lua_pushcclosure(L, bind_call, 2);
  s->unlisted = lua_getfield(L, 1, "doc") == LUA_TNIL;
  lua_pop(L, 1);
  if (s->unlisted)
    return 1;
  const char *doc = field(L, "doc");
  lua_pushvalue(L, 1);
  record(L, name, signature, "composite", doc, true);
  offer(L, name, *signature != '\0' && strchr(signature, ':') != signature +
                 strcspn(signature, ":,="));
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
  const Op *op = find_row(L, lua_tostring(L, 1));
  if (op == NULL)
    return 1;
  push_row(L, op);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, -2);
  lua_rawset(L, 2);
  return 1;
}

/* ---- what is made when it is asked for ---------------------------------- */

/* Calls the loader, with the family at `family`, 0: for all. */
static void load_later(lua_State *L, int family) {
  if (lua_getfield(L, LUA_REGISTRYINDEX, "lunula.load") == LUA_TNIL) {
    lua_pop(L, 1);
    return;
  }
  if (family)
    lua_pushvalue(L, family);
  lua_call(L, family != 0, 0);
}

/* Is core.ops[name] there? */
static bool is_made(lua_State *L, const char *name) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.ops");
  lua_pushstring(L, name);
  bool made = lua_rawget(L, -2) != LUA_TNIL;
  lua_pop(L, 2);
  return made;
}

static void make_row(lua_State *L, const Op *op) {
  if (op && !is_made(L, op->name)) { /* else it may be a composite */
    push_row(L, op);
    offer(L, op->name, true);
    lua_pop(L, 1);
  }
}

/* Calls, once, what tells the names of composites. Was there something? */
static bool tell_names(lua_State *L) {
  if (lua_getfield(L, LUA_REGISTRYINDEX, "lunula.names") == LUA_TNIL) {
    lua_pop(L, 1);
    return false;
  }
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, "lunula.names");
  lua_call(L, 0, 0);
  return true;
}

/* __index of core.ops and of the methods */
static int find_later(lua_State *L) {
  lua_settop(L, 2);
  if (lua_type(L, 2) != LUA_TSTRING)
    return 0;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.later");
  lua_pushvalue(L, 2);
  const Op *op = find_row(L, lua_tostring(L, 2));
  if (lua_rawget(L, 3) != LUA_TNIL)
    load_later(L, 4); /* the family */
  else if (op != NULL)
    make_row(L, op);
  else if (tell_names(L))
    return find_later(L);
  lua_pushvalue(L, 2);
  lua_rawget(L, 1);
  return 1;
}

/* Makes all there is, and their rows in the catalogue. */
static void make_all(lua_State *L) {
  const Op *op;
  const Context *c = &state_of(L)->c;
  CatalogueWalk walk = {0};
  int top = lua_gettop(L);
  load_later(L, 0);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.catalogue");
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.positions");
  while ((op = catalogue_next(c->catalogue, &walk)) != NULL)
    if (!(op->traits & HIDDEN)) {
      make_row(L, op);
      lua_getfield(L, top + 2, op->name);
      if (lua_rawgeti(L, top + 1, lua_tointeger(L, -1)) != LUA_TTABLE)
        record_row(L, op);
      lua_settop(L, top + 2);
    }
  lua_settop(L, top);
}

static int next_of_all(lua_State *L) {
  lua_settop(L, 2);
  if (lua_next(L, 1))
    return 2;
  lua_pushnil(L);
  return 1;
}

/* __pairs of core.ops */
static int all_pairs(lua_State *L) {
  make_all(L);
  lua_pushcfunction(L, next_of_all);
  lua_pushvalue(L, 1);
  return 2;
}

/* ---- composites that are still to be loaded ----------------------------- */

/* Places on the stack of what the names of composites go into. */
enum { OPS = 3, METHODS, CATALOGUE, POSITIONS, LATER };

/* Is the name on the stack that of a composite which is there already? If not,
** it gets its place in the catalogue, which a row of C may have. */
static bool is_defined(lua_State *L) {
  int name = lua_gettop(L);
  bool defined = false;
  lua_pushvalue(L, name);
  if (lua_rawget(L, POSITIONS) == LUA_TNIL) {
    reserve(L, CATALOGUE, POSITIONS, lua_tostring(L, name));
  } else if (lua_rawgeti(L, CATALOGUE, lua_tointeger(L, -1)) == LUA_TTABLE) {
    lua_getfield(L, -1, "kind");
    defined = strcmp(lua_tostring(L, -1), "composite") == 0;
  }
  lua_settop(L, name);
  return defined;
}

/* table[name] = value; the name is on top of the stack. */
static void set_named(lua_State *L, int table, int value) {
  lua_pushvalue(L, -1);
  if (value)
    lua_pushvalue(L, value);
  else
    lua_pushnil(L);
  lua_rawset(L, table);
}

/* A composite may complete a row of ours, but would hide one of the host, which
** does not know its name when it adds the op. */
static void check_no_host(lua_State *L, const char *name) {
  Catalogue *k = state_of(L)->c.catalogue;
  const Op *op = catalogue_has_more(k) ? catalogue_find(k, name) : NULL;
  if (op && catalogue_was_added(k, op))
    raise_error(L, "the host's op %s has the name of one of lunula's own: give "
                   "it another", name);
}

/* The names of a family, with spaces between them; the family is at 2. */
static void add_family(lua_State *L, const char *names) {
  for (size_t n; *names; names += n + strspn(names + n, " ")) {
    n = strcspn(names, " ");
    check_no_host(L, lua_pushlstring(L, names, n));
    if (!is_defined(L)) {
      set_named(L, OPS, 0); /* a row of C is away until the composite is there */
      set_named(L, METHODS, 0);
      set_named(L, LATER, 2);
    }
    lua_pop(L, 1);
  }
}

/* later(names, family): composites of a family that will be defined when one of
** them is first asked for, with spaces between the names; those that are there
** stay. */
static int core_later(lua_State *L) {
  static const char *const tables[] = {
    "lunula.ops", "lunula.methods", "lunula.catalogue", "lunula.positions",
    "lunula.later"
  };
  lua_settop(L, 2);
  want_type(L, 1, LUA_TSTRING, "later: the names");
  want_type(L, 2, LUA_TSTRING, "later: the family");
  for (int i = 0; i < COUNT_OF(tables); i++)
    luaL_getsubtable(L, LUA_REGISTRYINDEX, tables[i]);
  add_family(L, lua_tostring(L, 1));
  return 0;
}

/* set_loader(load): load(family) defines the composites of a family, load() all
** of them. */
static int core_set_loader(lua_State *L) {
  want_type(L, 1, LUA_TFUNCTION, "set_loader: what defines a family");
  lua_settop(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, "lunula.load");
  return 0;
}

/* set_teller(tell): tell() calls later, when a name is asked for that nobody
** knows yet. */
static int core_set_teller(lua_State *L) {
  want_type(L, 1, LUA_TFUNCTION, "set_teller: what tells the names");
  lua_settop(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, "lunula.names");
  return 0;
}

/* catalogue(): the list of all rows; catalogue(name): that one, or nil. */
static int core_catalogue(lua_State *L) {
  lua_settop(L, 1);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.catalogue");
  if (lua_isnil(L, 1)) {
    make_all(L);
    return 1;
  }
  want_type(L, 1, LUA_TSTRING, "catalogue: the name");
  const char *name = lua_tostring(L, 1);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.ops");
  lua_getfield(L, 3, name); /* makes it */
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.positions");
  if (lua_getfield(L, 5, name) == LUA_TNIL)
    return 1;
  lua_Integer at = lua_tointeger(L, 6);
  const Op *op = find_row(L, name);
  if (lua_rawgeti(L, 2, at) != LUA_TTABLE && op)
    record_row(L, op);
  lua_rawgeti(L, 2, at);
  return 1;
}

/* The metatables of core.ops and of the methods. */
static void open_later(lua_State *L) {
  static const char *const tables[] = {"lunula.ops", "lunula.methods"};
  for (int i = 0; i < COUNT_OF(tables); i++) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, tables[i]);
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, find_later);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, all_pairs);
    lua_setfield(L, -2, "__pairs");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
  }
}

void catalogue_open(lua_State *L) {
  static const luaL_Reg core[] = {
    {"define", core_define}, {"catalogue", core_catalogue},
    {"row", core_row}, {"later", core_later},
    {"set_loader", core_set_loader}, {"set_teller", core_set_teller},
    {NULL, NULL}
  };
  luaL_setfuncs(L, core, 0);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.ops");
  lua_setfield(L, -2, "ops");
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.catalogue");
  bool filled = lua_rawlen(L, -1) > 0;
  lua_pop(L, 1);
  if (!filled) {
    open_later(L);
    open_rows(L);
  }
}
