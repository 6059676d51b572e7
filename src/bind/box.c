/* Tensors and variables as userdata: a box holds one of them for as long as a
** script keeps it. `release` empties it early. A light box has its few numbers
** in itself, and becomes one that holds a value when somebody asks for that: a
** finalizer costs Lua more than the numbers of a small prediction do, so it has
** none, in a metatable of its own that is else the same. */

#include <string.h>

#include "bind/box.h"
#include "bind/core.h"

typedef struct Box {
  Val v; /* node NULL: released, or .out is LIGHT */
} Box;

/* With what Lua has before it 120 bytes, the most that malloc finds at once. */
enum { LIGHT = -1, LIGHT_RANK = 2, LIGHT_BYTES = 44 };

struct LightBox {
  Box box;
  uint8_t dtype, rank, dim[LIGHT_RANK];
  char numbers[LIGHT_BYTES]; /* aligned to 4 */
};

typedef struct VariableBox {
  Variable *variable;
} VariableBox;

const char TENSOR[] = "lunula.Tensor", VARIABLE_NAME[] = "lunula.Variable";
const char LIGHT_TENSOR[] = "lunula.Tensor, light";

void userdata_keep(lua_State *L, const char *name) {
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, name);
}

void userdata_mark(lua_State *L, const char *name) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, name);
  lua_setmetatable(L, -2);
}

void *userdata_test(lua_State *L, int index, const char *name) {
  void *p = lua_touserdata(L, index);
  if (p == NULL || !lua_getmetatable(L, index))
    return NULL;
  lua_rawgetp(L, LUA_REGISTRYINDEX, name);
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same ? p : NULL;
}

void box_push(lua_State *L, State *s, Val v) {
  if (s->c.error.set)
    raise_context(L, s);
  Box *b = lua_newuserdatauv(L, sizeof *b, 1);
  b->v = (Val){NULL, 0}; /* what its finalizer may meet from here on */
  userdata_mark(L, TENSOR);
  node_retain(v.node);
  b->v = v;
  s->boxes++;
}

void box_push_tensor(lua_State *L, State *s, Tensor t) {
  int mark = context_mark(&s->c);
  box_push(L, s, value_of(&s->c, t));
  context_drain(&s->c, mark);
}

/* ---- light boxes -------------------------------------------------------- */

LightBox *box_push_light(lua_State *L, int metatable) {
  LightBox *b = lua_newuserdatauv(L, sizeof *b, 1);
  b->box.v = (Val){NULL, 0};
  lua_pushvalue(L, metatable);
  lua_setmetatable(L, -2);
  return b;
}

void *box_light_room(LightBox *b, const Type *type) {
  int64_t bytes = type->rank <= LIGHT_RANK ? type_bytes(type) : -1;
  if (bytes <= 0 || bytes > LIGHT_BYTES || dtype_size((DType)type->dtype) > 4)
    return NULL;
  b->dtype = (uint8_t)type->dtype;
  b->rank = (uint8_t)type->rank;
  for (int i = 0; i < type->rank; i++)
    b->dim[i] = (uint8_t)type->dim[i];
  return b->numbers;
}

void box_light_done(LightBox *b) {
  b->box.v.out = LIGHT;
}

/* The box at the index, which was light, holds the value from now on; takes the
** reference. */
static void hold(lua_State *L, State *s, int index, Box *b, Node *n) {
  index = lua_absindex(L, index);
  lua_rawgetp(L, LUA_REGISTRYINDEX, TENSOR);
  lua_setmetatable(L, index);
  b->v = (Val){n, 0};
  s->boxes++;
}

void box_light_hold(lua_State *L, State *s, LightBox *b, Node *n) {
  hold(L, s, -1, &b->box, n);
}

/* What a light box has, in a value. */
static void make_heavy(lua_State *L, int index, LightBox *b) {
  State *s = state_of(L);
  int64_t dim[LIGHT_RANK];
  for (int i = 0; i < b->rank; i++)
    dim[i] = b->dim[i];
  Type type = type_new((DType)b->dtype, b->rank, dim);
  Node *n = value_room(&s->c, &type);
  if (n == NULL) {
    raise_context(L, s);
    return;
  }
  memcpy(n->out[0].data, b->numbers, (size_t)type_bytes(&type));
  hold(L, s, index, &b->box, n);
}

/* The size is asked first: it tells most others without their metatables. */
static LightBox *to_light(lua_State *L, int index) {
  return lua_rawlen(L, index) == sizeof(LightBox)
             ? userdata_test(L, index, LIGHT_TENSOR) : NULL;
}

/* ---- boxes -------------------------------------------------------------- */

/* The box, with its value if it is not released; NULL: it is none. */
static Box *to_box(lua_State *L, int index) {
  Box *b = userdata_test(L, index, TENSOR);
  LightBox *light = b ? NULL : to_light(L, index);
  if (light == NULL)
    return b;
  if (light->box.v.out == LIGHT)
    make_heavy(L, index, light);
  return &light->box;
}

bool box_is_released(lua_State *L, int index) {
  const Box *b = to_box(L, index);
  return b && b->v.node == NULL;
}

void box_release(lua_State *L, int index) {
  Box *b = userdata_test(L, index, TENSOR);
  Node *n = b ? b->v.node : NULL;
  if (n) {
    b->v = (Val){NULL, 0};
    node_release(n);
  }
}

const Val *box_plain(lua_State *L, int index, const void *metatable) {
  const Box *b = lua_touserdata(L, index);
  if (b == NULL || !lua_getmetatable(L, index))
    return NULL;
  bool same = lua_topointer(L, -1) == metatable;
  lua_pop(L, 1);
  if (!same)
    b = to_box(L, index);
  return b && b->v.node && !val_symbolic(b->v) ? &b->v : NULL;
}

bool box_is_tensor(lua_State *L, int index) {
  return lua_type(L, index) == LUA_TUSERDATA &&
         (to_box(L, index) || box_variable(L, index));
}

Variable **box_push_variable(lua_State *L) {
  VariableBox *b = lua_newuserdatauv(L, sizeof *b, 1);
  b->variable = NULL;
  userdata_mark(L, VARIABLE_NAME);
  return &b->variable;
}

/* The key of a table of the registry: variables by their address, weak. */
static const char known_key = 0;

void box_know_variable(lua_State *L, Variable *v) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &known_key);
  lua_pushvalue(L, -2);
  lua_rawsetp(L, -2, v);
  lua_pop(L, 1);
}

void box_push_known(lua_State *L, Variable *v) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &known_key);
  int type = lua_rawgetp(L, -1, v);
  lua_remove(L, -2);
  VariableBox *b = lua_touserdata(L, -1);
  /* A closed box of a variable that is gone may still stand at this address. */
  if (type == LUA_TUSERDATA && b->variable == v)
    return;
  lua_pop(L, 1);
  *box_push_variable(L) = variable_retain(v);
  box_know_variable(L, v);
}

static void open_known(lua_State *L) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &known_key);
}

Variable *box_variable_at(lua_State *L, int index) {
  VariableBox *b = userdata_test(L, index, VARIABLE_NAME);
  return b ? b->variable : NULL;
}

Variable *box_variable(lua_State *L, int index) {
  VariableBox *b = userdata_test(L, index, VARIABLE_NAME);
  if (b && b->variable == NULL)
    raise_error(L, "this variable was closed");
  return b ? b->variable : NULL;
}

bool box_value(lua_State *L, State *s, int index, Val *v) {
  if (lua_type(L, index) != LUA_TUSERDATA)
    return false;
  Box *b = to_box(L, index);
  if (b) {
    if (b->v.node == NULL)
      raise_error(L, "this tensor was released");
    *v = b->v;
    return true;
  }
  Variable *variable = box_variable(L, index);
  if (variable == NULL)
    return false;
  *v = variable_read(&s->c, variable);
  if (s->c.error.set)
    raise_context(L, s);
  return true;
}

Tensor box_tensor(lua_State *L, State *s, int index) {
  Val v;
  if (!box_value(L, s, index, &v))
    raise_error(L, "a tensor is expected, got %s", luaL_typename(L, index));
  if (val_symbolic(v))
    raise_symbolic(L, v);
  Error e = {.set = false};
  if (!tensor_readable(val_tensor(v), &e))
    raise_failure(L, &e);
  return *val_tensor(v);
}

/* ---- what Lua sees ------------------------------------------------------ */

/* The finalizer, and `release`, which any value may be given to. The upvalues
** say where the metatables are: to look them up costs much for each tensor. */
static int box_gc(lua_State *L) {
  Box *b = lua_touserdata(L, 1);
  const void *tensor = lua_touserdata(L, lua_upvalueindex(1));
  const void *light = lua_touserdata(L, lua_upvalueindex(2));
  const void *own = b && lua_getmetatable(L, 1) ? lua_topointer(L, -1) : NULL;
  if (own != tensor && own != light) {
    luaL_checkudata(L, 1, TENSOR); /* raises */
    return 0;
  }
  Node *n = b->v.node;
  b->v = (Val){NULL, 0}; /* released early, it is finalized once more */
  if (n)
    node_release(n);
  return 0;
}

static int variable_gc(lua_State *L) {
  VariableBox *b = luaL_checkudata(L, 1, VARIABLE_NAME);
  Variable *v = b->variable;
  b->variable = NULL;
  variable_release(v);
  return 0;
}

static int core_is_tensor(lua_State *L) {
  lua_pushboolean(L, box_is_tensor(L, 1));
  return 1;
}

static int core_is_variable(lua_State *L) {
  lua_pushboolean(L, box_variable(L, 1) != NULL);
  return 1;
}

static int core_is_symbolic(lua_State *L) {
  Box *b = to_box(L, 1);
  lua_pushboolean(L, b && b->v.node && val_symbolic(b->v));
  return 1;
}

/* All that the metatable of tensors has but the finalizer. */
void box_open_light(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, LIGHT_TENSOR);
  lua_rawgetp(L, LUA_REGISTRYINDEX, TENSOR);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2); /* light, tensors, key, key, value: next wants a key */
    lua_rawset(L, -5);
  }
  lua_pushnil(L);
  lua_setfield(L, -3, "__gc");
  lua_pop(L, 2);
}

/* Pushes the address of a metatable. */
static void push_address(lua_State *L, const char *name) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, name);
  const void *address = lua_topointer(L, -1);
  lua_pop(L, 1);
  lua_pushlightuserdata(L, (void *)(uintptr_t)address);
}

static void open_metatable(lua_State *L, const char *name,
                           const luaL_Reg *reg) {
  luaL_newmetatable(L, name);
  userdata_keep(L, name);
  luaL_setfuncs(L, reg, 0);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

void box_open(lua_State *L) {
  static const luaL_Reg box[] = {{NULL, NULL}};
  static const luaL_Reg variable[] = {{"__gc", variable_gc}, {NULL, NULL}};
  static const luaL_Reg core[] = {
    {"is_tensor", core_is_tensor}, {"is_variable", core_is_variable},
    {"is_symbolic", core_is_symbolic}, {NULL, NULL}
  };
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &known_key) == LUA_TNIL)
    open_known(L);
  lua_pop(L, 1);
  open_metatable(L, TENSOR, box);
  open_metatable(L, VARIABLE_NAME, variable);
  lua_newtable(L);
  userdata_keep(L, LIGHT_TENSOR);
  lua_pop(L, 1);
  push_address(L, TENSOR);
  push_address(L, LIGHT_TENSOR);
  lua_pushcclosure(L, box_gc, 2); /* one for all three names below */
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.methods");
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "release");
  lua_rawgetp(L, LUA_REGISTRYINDEX, TENSOR);
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__close");
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 3);
  luaL_setfuncs(L, core, 0);
}
