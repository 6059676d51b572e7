/* Traced functions as texts for Lua: graph_text and graph_function. */

#include <string.h>

#include "bind/core.h"
#include "bind/file.h"
#include "bind/function.h"
#include "files/graph_file.h"

/* A userdata of zeros that `gc` frees. */
static void *push_owner(lua_State *L, size_t bytes, const char *name,
                        lua_CFunction gc) {
  void *p = lua_newuserdatauv(L, bytes, 0);
  memset(p, 0, bytes);
  luaL_newmetatable(L, name); /* filled again if memory was out */
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  return p;
}

/* ---- graph_text ---------------------------------------------------------- */

static int text_gc(lua_State *L) {
  graph_text_free(luaL_checkudata(L, 1, "lunula.GraphText"));
  return 0;
}

/* The texts of the list in that field of the options at 2, n of them. Without
** one each is called by `otherwise` and its number. Leaves two values: the
** texts, and a list of them that nobody else changes. */
static const char **name_list(lua_State *L, const char *field, int n,
                              const char *otherwise) {
  const char **name = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *name, 0);
  lua_createtable(L, n, 0);
  bool given = lua_getfield(L, 2, field) != LUA_TNIL;
  if (given && (!lua_istable(L, -1) || (int)lua_rawlen(L, -1) != n))
    raise_error(L, "graph_text: %s is a list of %d names", field, n);
  for (int i = 1; i <= n; i++) {
    if (!given)
      lua_pushfstring(L, "%s_%d", otherwise, i);
    else if (lua_rawgeti(L, -1, i) != LUA_TSTRING)
      raise_error(L, "graph_text: %s is a list of %d names", field, n);
    name[i - 1] = lua_tostring(L, -1);
    lua_rawseti(L, -3, i);
  }
  lua_pop(L, 1);
  return name;
}

/* What `variable` of the options calls each variable, or its own name. Leaves
** two values. */
static const char **variable_names(lua_State *L, const Function *f) {
  const char **name =
    lua_newuserdatauv(L, ((size_t)f->nbindings + 1) * sizeof *name, 0);
  lua_createtable(L, f->nbindings, 0);
  bool asked = lua_getfield(L, 2, "variable") != LUA_TNIL;
  if (asked)
    want_callable(L, lua_gettop(L), "graph_text: variable");
  for (int i = 0; i < f->nbindings; i++) {
    Variable *v = f->bindings[i].variable;
    if (asked) {
      lua_pushvalue(L, -1);
      box_push_known(L, v);
      lua_call(L, 1, 1);
    } else {
      lua_pushstring(L, v->name);
    }
    if (lua_type(L, -1) != LUA_TSTRING)
      raise_error(L, "graph_text: the name of variable \"%s\" is %s", v->name,
                  luaL_typename(L, -1));
    name[i] = lua_tostring(L, -1);
    lua_rawseti(L, -3, i + 1);
  }
  lua_pop(L, 1);
  return name;
}

static void push_constants(lua_State *L, State *s, const GraphText *g) {
  lua_createtable(L, g->constants, 0);
  for (int i = 0; i < g->constants; i++) {
    lua_createtable(L, 2, 0);
    lua_pushstring(L, g->constant[i].name);
    lua_rawseti(L, -2, 1);
    box_push_tensor(L, s, tensor_share(&g->constant[i].tensor));
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, i + 1);
  }
}

/* graph_text(fn, {inputs = {names}, outputs = {names}, variable = function (v)
** return the name of its tensor end}) -> text, {{name, tensor}, ..}: constants
** that go into the file with the variables */
static int core_graph_text(lua_State *L) {
  State *s = state_enter(L);
  Error e = {.set = false};
  const Function *f = plan_cache_function(function_check(L, 1));
  lua_settop(L, 2);
  if (lua_isnil(L, 2)) {
    lua_newtable(L);
    lua_replace(L, 2);
  }
  want_type(L, 2, LUA_TTABLE, "graph_text: the options");
  GraphNames names = {
    .input = name_list(L, "inputs", f->ninputs, "input"),
    .output = name_list(L, "outputs", f->noutputs, "output"),
    .variable = variable_names(L, f)
  };
  GraphText *g = push_owner(L, sizeof *g, "lunula.GraphText", text_gc);
  if (!graph_write(g, s->account, f, &names, &e))
    return raise_failure(L, &e);
  lua_pushlstring(L, g->text.data, g->text.used);
  push_constants(L, s, g);
  graph_text_free(g);
  return 2;
}

/* ---- graph_function ------------------------------------------------------ */

static int stored_gc(lua_State *L) {
  graph_free(luaL_checkudata(L, 1, "lunula.StoredGraph"));
  return 0;
}

typedef struct Asking {
  lua_State *L;
  State *s;
} Asking;

/* The variable that the function at 3 has for the name. It runs outside of the
** trace that the graph is read into. */
static Variable *ask_variable(void *ud, const char *name, const Type *type,
                              Error *e) {
  Asking *a = ud;
  lua_State *L = a->L;
  Context *c = &a->s->c;
  Scope *scope = c->scope;
  Variable *v = NULL;
  (void)type;
  c->scope = NULL;
  c->later_only = false;
  lua_pushvalue(L, 3);
  lua_pushstring(L, name);
  int status = state_call(L, a->s, 1, 1, 0);
  c->scope = scope;
  c->later_only = true;
  Variable *found = status == LUA_OK ? box_variable_at(L, -1) : NULL;
  if (status != LUA_OK)
    fail(e, "%s", lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "?");
  else if (found)
    v = variable_retain(found);
  else if (!lua_isnil(L, -1))
    fail(e, "a variable is expected, got %s", luaL_typename(L, -1));
  lua_pop(L, 1);
  return v;
}

static void push_names(lua_State *L, char *const *name, int n) {
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    lua_pushstring(L, name[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

/* graph_function(text, file or nil, function (name) return variable or nil end)
** -> function, {names of inputs}, {names of outputs} */
static int core_graph_function(lua_State *L) {
  State *s = state_enter(L);
  Error e = {.set = false};
  size_t n;
  want_type(L, 1, LUA_TSTRING, "graph_function: the text");
  const char *text = lua_tolstring(L, 1, &n);
  lua_settop(L, 3);
  Asking asking = {L, s};
  GraphSource source = {.ud = &asking};
  if (!lua_isnil(L, 2))
    source.file = file_check(L, 2);
  if (!lua_isnil(L, 3)) {
    want_callable(L, 3, "graph_function: the third argument");
    source.variable = ask_variable;
  }
  luaL_checkstack(L, 16, NULL);
  struct FunctionBox *box = function_push(L);
  StoredGraph *g = push_owner(L, sizeof *g, "lunula.StoredGraph", stored_gc);
  memory_relieve(L, s, 0);
  if (!graph_read(g, &s->c, text, n, &source, &e))
    return raise_failure(L, &e);
  const Function *f = g->function;
  lua_pushvalue(L, -2);
  push_names(L, g->input, f->ninputs);
  push_names(L, g->output, f->noutputs);
  function_fill(L, s, box, function_retain(g->function));
  graph_free(g);
  return 3;
}

void graph_open(lua_State *L) {
  static const luaL_Reg core[] = {
    {"graph_text", core_graph_text}, {"graph_function", core_graph_function},
    {NULL, NULL}
  };
  luaL_setfuncs(L, core, 0);
}
