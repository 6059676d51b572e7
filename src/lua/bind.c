/* From a signature to a Lua function. One binder serves C rows and Lua
** composites: positional arguments, then a last table of named ones; defaults;
** kinds; the nearest name for an unknown one. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/state.h"

/* ---- signatures --------------------------------------------------------- */

typedef enum Kind {
  K_TENSOR, K_TENSORS, K_INT, K_NUM, K_BOOL, K_INTS, K_AXES, K_DTYPE, K_STR,
  K_ANY, K_BODY /* of rows that no user calls */
} Kind;

typedef struct Param {
  char name[32];
  Kind kind;
  bool optional;
  Attr standard; /* default as an attribute, for kinds that have one */
  char text[32]; /* default of str and dtype; "" for nil */
} Param;

enum { MAX_PARAMS = 24 };

typedef struct Signature {
  char name[48];
  const Op *op; /* NULL: a composite; its function is upvalue 2 */
  int n;
  Param p[MAX_PARAMS];
} Signature;

static const char *const kind_names[] = {
  "tensor", "tensors", "int", "num", "bool", "ints", "axes", "dtype", "str",
  "any", "body", NULL
};

static void copy_word(char *to, size_t size, const char *from, size_t n) {
  if (n >= size)
    n = size - 1;
  memcpy(to, from, n);
  to[n] = '\0';
}

static void parse_default(lua_State *L, Param *p, const char *text, size_t n) {
  char word[32];
  copy_word(word, sizeof word, text, n);
  p->optional = true;
  if (strcmp(word, "nil") == 0)
    return;
  switch (p->kind) {
    case K_INT: case K_AXES:
      p->standard = (Attr){.kind = p->kind == K_INT ? ATTR_INT : ATTR_AXES,
                           .n = 1, .i = {strtoll(word, NULL, 10)}};
      break;
    case K_NUM:
      p->standard = (Attr){.kind = ATTR_NUM, .n = 1, .f = strtod(word, NULL)};
      break;
    case K_BOOL:
      p->standard = (Attr){.kind = ATTR_BOOL, .n = 1,
                           .i = {strcmp(word, "true") == 0}};
      break;
    case K_STR: case K_DTYPE: {
      copy_word(p->text, sizeof p->text, word + 1,
                strlen(word) < 2 ? 0 : strlen(word) - 2);
      DType d;
      if (p->kind == K_DTYPE && dtype_find(p->text, &d))
        p->standard = (Attr){.kind = ATTR_DTYPE, .n = 1, .i = {d}};
      break;
    }
    default:
      luaL_error(L, "signature: parameter %s of kind %s takes no default but "
                    "nil", p->name, kind_names[p->kind]);
  }
}

/* One parameter of "x, *xs, axis:int=-1"; the word goes up to the comma. */
static void parse_param(lua_State *L, Param *p, const char *word, size_t n) {
  memset(p, 0, sizeof *p);
  size_t name = strcspn(word, ":=,");
  bool list = *word == '*';
  if (name > n)
    name = n;
  copy_word(p->name, sizeof p->name, word + list, name - list);
  p->kind = list ? K_TENSORS : K_TENSOR;
  size_t at = name;
  if (at < n && word[at] == ':') {
    char kind[16];
    size_t length = strcspn(word + at + 1, "=,");
    if (length > n - at - 1)
      length = n - at - 1;
    copy_word(kind, sizeof kind, word + at + 1, length);
    int k = 0;
    while (kind_names[k] && strcmp(kind_names[k], kind) != 0)
      k++;
    if (kind_names[k] == NULL)
      luaL_error(L, "signature: unknown kind \"%s\" of %s", kind, p->name);
    p->kind = (Kind)k;
    at += 1 + length;
  }
  if (at < n && word[at] == '=')
    parse_default(L, p, word + at + 1, n - at - 1);
}

static void parse_signature(lua_State *L, Signature *s, const char *text) {
  while (*text) {
    size_t n = strcspn(text, ",");
    if (s->n == MAX_PARAMS)
      luaL_error(L, "signature of %s: too many parameters", s->name);
    parse_param(L, &s->p[s->n++], text, n);
    text += n;
    text += strspn(text, ", ");
  }
}

/* ---- arguments ---------------------------------------------------------- */

static int distance(const char *a, const char *b) {
  int row[40], n = (int)strlen(b);
  if (n >= 40)
    return 99;
  for (int j = 0; j <= n; j++)
    row[j] = j;
  for (int i = 1; a[i - 1]; i++) {
    int diagonal = row[0];
    row[0] = i;
    for (int j = 1; j <= n; j++) {
      int change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      int least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
      row[j] = change < least ? change : least;
    }
  }
  return row[n];
}

static int unknown_name(lua_State *L, const Signature *s, const char *name) {
  const char *nearest = NULL;
  int best = 4;
  for (int i = 0; i < s->n; i++) {
    int d = distance(name, s->p[i].name);
    if (d < best) {
      best = d;
      nearest = s->p[i].name;
    }
  }
  if (nearest)
    return raise_error(L, "%s: unknown argument \"%s\" (did you mean \"%s\"?)",
                       s->name, name, nearest);
  return raise_error(L, "%s: unknown argument \"%s\"", s->name, name);
}

static int find_param(const Signature *s, const char *name) {
  for (int i = 0; i < s->n; i++)
    if (strcmp(s->p[i].name, name) == 0)
      return i;
  return -1;
}

/* A table without a metatable that has a name as a key. */
static bool has_names(lua_State *L, int index) {
  if (!lua_istable(L, index) || lua_getmetatable(L, index)) {
    if (lua_istable(L, index))
      lua_pop(L, 1);
    return false;
  }
  lua_pushnil(L);
  while (lua_next(L, index)) {
    lua_pop(L, 1);
    if (lua_type(L, -1) == LUA_TSTRING) {
      lua_pop(L, 1);
      return true;
    }
  }
  return false;
}

/* Puts the named arguments of the table at `table` into the slots. */
static void take_names(lua_State *L, const Signature *s, int table, int base) {
  lua_pushnil(L);
  while (lua_next(L, table)) {
    if (lua_type(L, -2) != LUA_TSTRING) {
      lua_pop(L, 1);
      continue;
    }
    int i = find_param(s, lua_tostring(L, -2));
    if (i < 0)
      unknown_name(L, s, lua_tostring(L, -2));
    if (!lua_isnil(L, base + i))
      raise_error(L, "%s: argument \"%s\" is given twice", s->name,
                  s->p[i].name);
    lua_copy(L, -1, base + i);
    lua_pop(L, 1);
  }
}

/* f{x, axis=1}: the positions of the one table become positional. */
static int spread(lua_State *L, const Signature *s) {
  int n = (int)lua_rawlen(L, 1);
  luaL_checkstack(L, n + MAX_PARAMS + 8, NULL);
  if (s->n > 0 && s->p[0].kind == K_TENSORS && n > 0) {
    lua_createtable(L, n, 0); /* they are the list */
    for (int i = 1; i <= n; i++) {
      lua_rawgeti(L, 1, i);
      lua_rawseti(L, -2, i);
    }
    n = 1;
  } else {
    for (int i = 1; i <= n; i++)
      lua_rawgeti(L, 1, i);
  }
  lua_pushvalue(L, 1); /* names last */
  lua_remove(L, 1);
  return n + 1;
}

/* Leaves exactly one slot for each parameter on the stack, nil where nothing
** was given. */
static void normalise(lua_State *L, const Signature *s) {
  int given = lua_gettop(L);
  luaL_checkstack(L, 2 * MAX_PARAMS + 16, NULL);
  bool named = given > 0 && has_names(L, given);
  if (given == 1 && named && s->n > 0)
    given = spread(L, s);
  int positional = named ? given - 1 : given;
  if (positional > s->n)
    raise_error(L, "%s: %d arguments, it takes at most %d", s->name, positional,
                s->n);
  for (int i = positional; i < s->n; i++) {
    lua_pushnil(L);
    if (named)
      lua_insert(L, i + 1);
  }
  if (named) { /* slots 1..n, then the table */
    take_names(L, s, s->n + 1, 1);
    lua_settop(L, s->n);
  }
  for (int i = 0; i < s->n; i++)
    if (!s->p[i].optional && lua_isnil(L, i + 1))
      raise_error(L, "%s: argument \"%s\" is missing", s->name, s->p[i].name);
}

static int bad_argument(lua_State *L, const Signature *s, int i,
                        const char *wanted) {
  return raise_error(L, "%s: argument \"%s\" must be %s, got %s", s->name,
                     s->p[i].name, wanted, luaL_tolstring(L, i + 1, NULL));
}

static void read_ints(lua_State *L, const Signature *s, int i, Attr *a) {
  int n = (int)lua_rawlen(L, i + 1);
  if (n > MAX_RANK)
    bad_argument(L, s, i, "a table of at most 8 numbers");
  a->n = n;
  for (int k = 1; k <= n; k++) {
    int whole;
    lua_rawgeti(L, i + 1, k);
    a->i[k - 1] = lua_tointegerx(L, -1, &whole);
    if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
      a->i[k - 1] = UNKNOWN;
    else if (!whole)
      bad_argument(L, s, i, "a table of whole numbers");
    lua_pop(L, 1);
  }
}

static Attr read_attr(lua_State *L, const Signature *s, int i) {
  const Param *p = &s->p[i];
  Attr a;
  int whole;
  memset(&a, 0, sizeof a);
  if (lua_isnil(L, i + 1))
    return p->standard;
  switch (p->kind) {
    case K_INT:
      a = (Attr){.kind = ATTR_INT, .n = 1};
      a.i[0] = lua_tointegerx(L, i + 1, &whole);
      if (!whole)
        bad_argument(L, s, i, "a whole number");
      break;
    case K_NUM:
      a = (Attr){.kind = ATTR_NUM, .n = 1};
      if (lua_isboolean(L, i + 1))
        a.f = lua_toboolean(L, i + 1);
      else if (lua_type(L, i + 1) != LUA_TNUMBER)
        bad_argument(L, s, i, "a number");
      else
        a.f = lua_tonumber(L, i + 1);
      break;
    case K_BOOL:
      a = (Attr){.kind = ATTR_BOOL, .n = 1};
      if (!lua_isboolean(L, i + 1))
        bad_argument(L, s, i, "true or false");
      a.i[0] = lua_toboolean(L, i + 1);
      break;
    case K_INTS: case K_AXES:
      a.kind = p->kind == K_INTS ? ATTR_INTS : ATTR_AXES;
      if (lua_istable(L, i + 1)) {
        read_ints(L, s, i, &a);
        break;
      }
      a.n = 1;
      a.i[0] = lua_tointegerx(L, i + 1, &whole);
      if (!whole)
        bad_argument(L, s, i, "a whole number or a table of them");
      break;
    case K_DTYPE:
      a = (Attr){.kind = ATTR_DTYPE, .n = 1, .i = {check_dtype(L, i + 1)}};
      break;
    default: break;
  }
  return a;
}

/* ---- placeholders of the functional API --------------------------------- */

static bool is_placeholder(lua_State *L, int index) {
  if (!lua_istable(L, index) || !lua_getmetatable(L, index))
    return false;
  lua_getfield(L, LUA_REGISTRYINDEX, "lunula.ktensor");
  bool same = lua_rawequal(L, -1, -2) && !lua_isnil(L, -1);
  lua_pop(L, 2);
  return same;
}

static bool list_has_placeholder(lua_State *L, int index) {
  int n = (int)lua_rawlen(L, index);
  for (int k = 1; k <= n; k++) {
    lua_rawgeti(L, index, k);
    bool found = is_placeholder(L, lua_gettop(L));
    lua_pop(L, 1);
    if (found)
      return true;
  }
  return false;
}

static bool any_placeholder(lua_State *L, const Signature *s) {
  for (int i = 0; i < s->n; i++) {
    if (!lua_istable(L, i + 1))
      continue;
    if (s->p[i].kind == K_TENSORS ? list_has_placeholder(L, i + 1)
        : s->p[i].kind == K_TENSOR && is_placeholder(L, i + 1))
      return true;
  }
  return false;
}

/* hook(name, fn, args...) */
static int call_hook(lua_State *L, const Signature *s) {
  lua_getfield(L, LUA_REGISTRYINDEX, "lunula.hook");
  lua_insert(L, 1);
  lua_pushstring(L, s->name);
  lua_insert(L, 2);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.ops");
  lua_getfield(L, -1, s->name);
  lua_insert(L, 3);
  lua_pop(L, 1);
  lua_call(L, s->n + 2, LUA_MULTRET);
  return lua_gettop(L);
}

/* ---- rows --------------------------------------------------------------- */

static bool is_plain_number(lua_State *L, int index) {
  int t = lua_type(L, index);
  return t == LUA_TNUMBER || t == LUA_TBOOLEAN;
}

/* Numbers beside tensors take their type, so that x + 2 stays what x is. */
static DType type_hint(lua_State *L, State *st, const Signature *s) {
  DType hint = DTYPE_COUNT;
  for (int i = 0; i < s->n; i++) {
    Val v;
    if (s->p[i].kind != K_TENSOR || is_plain_number(L, i + 1) ||
        !get_value(L, st, i + 1, &v))
      continue;
    DType d = dtype_compute((DType)val_type(v)->dtype);
    if (d == F32)
      return F32;
    hint = I32;
  }
  return hint;
}

static int read_list(lua_State *L, State *st, const Signature *s, int i,
                     Val *in) {
  char name[100];
  if (!lua_istable(L, i + 1))
    bad_argument(L, s, i, "a list of tensors");
  int n = (int)lua_rawlen(L, i + 1);
  if (n > MAX_INPUTS - 8)
    raise_error(L, "%s: %d tensors in a list, at most %d", s->name, n,
                MAX_INPUTS - 8);
  for (int k = 1; k <= n; k++) {
    lua_rawgeti(L, i + 1, k);
    snprintf(name, sizeof name, "%s: %s[%d]", s->name, s->p[i].name, k);
    in[k - 1] = check_value(L, st, -1, DTYPE_COUNT, name);
    lua_pop(L, 1);
  }
  return n;
}

static int call_row(lua_State *L, State *st, const Signature *s) {
  Val in[MAX_INPUTS];
  Attr attr[MAX_ATTRS];
  int nin = 0, nattr = 0, mark = context_mark(&st->c);
  DType hint = type_hint(L, st, s);
  char name[100];
  for (int i = 0; i < s->n; i++) {
    if (s->p[i].kind == K_TENSOR) {
      snprintf(name, sizeof name, "%s: argument \"%s\"", s->name, s->p[i].name);
      in[nin++] = check_value(L, st, i + 1, hint, name);
    } else if (s->p[i].kind == K_TENSORS) {
      nin += read_list(L, st, s, i, in + nin);
    } else {
      attr[nattr++] = read_attr(L, s, i);
    }
  }
  relieve_memory(L, st, 0);
  Val y = emit(&st->c, s->op, in, nin, attr);
  if (st->c.error.set && strstr(st->c.error.text, "out of memory")) {
    st->c.error.set = false; /* once more with a clean house */
    collect_all(L, st);
    y = emit(&st->c, s->op, in, nin, attr);
  }
  if (st->c.error.set) {
    context_drain(&st->c, mark);
    return raise_context(L, st);
  }
  int n = y.node->nout - y.out;
  luaL_checkstack(L, n, NULL);
  for (int k = 0; k < n; k++)
    push_value(L, st, (Val){y.node, y.out + k});
  context_drain(&st->c, mark);
  return n;
}

/* ---- composites --------------------------------------------------------- */

/* Tables become tensors; numbers stay numbers for optional arguments. */
static void convert_tensors(lua_State *L, State *st, const Signature *s) {
  char name[100];
  for (int i = 0; i < s->n; i++) {
    if (s->p[i].kind != K_TENSOR || lua_isnil(L, i + 1) || is_tensor(L, i + 1))
      continue;
    snprintf(name, sizeof name, "%s: argument \"%s\"", s->name, s->p[i].name);
    int mark = context_mark(&st->c);
    push_value(L, st, check_value(L, st, i + 1, DTYPE_COUNT, name));
    context_drain(&st->c, mark);
    lua_replace(L, i + 1);
  }
}

static void push_standard(lua_State *L, const Param *p) {
  switch (p->standard.kind) {
    case ATTR_INT: case ATTR_AXES:
      lua_pushinteger(L, p->standard.i[0]);
      break;
    case ATTR_BOOL: lua_pushboolean(L, p->standard.i[0] != 0); break;
    case ATTR_NUM: lua_pushnumber(L, p->standard.f); break;
    default: lua_pushstring(L, p->text);
  }
}

static void check_plain(lua_State *L, const Signature *s, int i) {
  const Param *p = &s->p[i];
  if (lua_isnil(L, i + 1)) {
    if (p->standard.kind == ATTR_NIL && *p->text == '\0')
      return;
    push_standard(L, p);
    lua_replace(L, i + 1);
    return;
  }
  if (p->kind == K_STR && lua_type(L, i + 1) != LUA_TSTRING)
    bad_argument(L, s, i, "a string");
  if (p->kind >= K_INT && p->kind <= K_DTYPE)
    read_attr(L, s, i); /* raises when it does not fit */
  if (p->kind == K_INT) {
    lua_pushinteger(L, lua_tointeger(L, i + 1)); /* 2.0 is 2 */
    lua_replace(L, i + 1);
  }
}

static int call_composite(lua_State *L, State *st, const Signature *s) {
  convert_tensors(L, st, s);
  for (int i = 0; i < s->n; i++)
    if (s->p[i].kind != K_TENSOR && s->p[i].kind != K_TENSORS)
      check_plain(L, s, i);
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  lua_call(L, s->n, LUA_MULTRET);
  return lua_gettop(L);
}

static int call_bound(lua_State *L) {
  const Signature *s = lua_touserdata(L, lua_upvalueindex(1));
  State *st = state_of(L);
  normalise(L, s);
  if (any_placeholder(L, s))
    return call_hook(L, s);
  return s->op ? call_row(L, st, s) : call_composite(L, st, s);
}

/* ---- the catalogue ------------------------------------------------------ */

static Signature *push_signature(lua_State *L, const char *name,
                                 const char *text) {
  Signature *s = lua_newuserdatauv(L, sizeof *s, 0);
  memset(s, 0, sizeof *s);
  copy_word(s->name, sizeof s->name, name, strlen(name));
  parse_signature(L, s, text);
  return s;
}

/* Puts the function on the top into core.ops and the methods. */
static void offer(lua_State *L, const char *name, bool method) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.ops");
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
  if (!method)
    return;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.methods");
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

static void record(lua_State *L, const char *name, const char *signature,
                   const char *kind, const char *doc, bool gradient,
                   bool hidden) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.catalogue");
  lua_createtable(L, 0, 6);
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
  lua_pushboolean(L, hidden);
  lua_setfield(L, -2, "hidden");
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

static void open_rows(lua_State *L) {
  const Op *op;
  for (int i = 0; (op = op_at(i)) != NULL; i++) {
    push_signature(L, op->name, op->signature)->op = op;
    lua_pushcclosure(L, call_bound, 1);
    offer(L, op->name, true);
    lua_pop(L, 1);
    record(L, op->name, op->signature, op_kind_name(op->kind), op->doc,
           op->vjp != NULL, op->traits & HIDDEN);
  }
}

static const char *field(lua_State *L, const char *name, bool wanted) {
  lua_getfield(L, 1, name);
  const char *text = lua_tostring(L, -1);
  if (text == NULL && wanted)
    luaL_error(L, "define: field \"%s\" is missing", name);
  lua_pop(L, 1); /* the table holds it */
  return text;
}

static int core_define(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const char *name = field(L, "name", true);
  const char *signature = field(L, "signature", true);
  push_signature(L, name, signature);
  if (lua_getfield(L, 1, "fn") != LUA_TFUNCTION)
    return luaL_error(L, "define: field \"fn\" of %s is missing", name);
  lua_pushcclosure(L, call_bound, 2);
  offer(L, name, *signature != '\0' && strchr(signature, ':') != signature +
                 strcspn(signature, ":,="));
  record(L, name, signature, "composite", field(L, "doc", false), true, false);
  return 1;
}

static int core_catalogue(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.catalogue");
  return 1;
}

static int core_set_ktensor(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_setfield(L, LUA_REGISTRYINDEX, "lunula.hook");
  lua_setfield(L, LUA_REGISTRYINDEX, "lunula.ktensor");
  return 0;
}

/* ---- operators ---------------------------------------------------------- */

static const struct {
  const char *event, *op;
} operators[] = {
  {"__add", "add"}, {"__sub", "subtract"}, {"__mul", "multiply"},
  {"__div", "divide"}, {"__idiv", "floor_divide"}, {"__mod", "mod"},
  {"__pow", "power"}, {"__band", "logical_and"}, {"__bor", "logical_or"},
};

static int operate(lua_State *L) { /* upvalue 1: the op's function */
  lua_settop(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 2, 1);
  return 1;
}

static int operate_alone(lua_State *L) {
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

/* Lua makes a boolean of what a comparison returns: only one number can. */
static int compare(lua_State *L) {
  State *st = state_of(L);
  const char *op = lua_tostring(L, lua_upvalueindex(1));
  bool or_equal = strcmp(op, "less_equal") == 0;
  double value[2];
  for (int i = 1; i <= 2; i++) {
    Val v;
    if (lua_isnumber(L, i)) {
      value[i - 1] = lua_tonumber(L, i);
      continue;
    }
    int mark = context_mark(&st->c);
    if (!get_value(L, st, i, &v))
      return raise_error(L, "a tensor is compared with a %s",
                         luaL_typename(L, i));
    if (val_symbolic(v) || type_elements(val_type(v)) != 1)
      return val_symbolic(v) && type_elements(val_type(v)) == 1
                 ? raise_symbolic(L, v)
                 : raise_error(L, "a comparison gives one Lua boolean, not a "
                                  "tensor: use k.ops.%s (and k.ops.where)", op);
    if (!tensor_readable(val_tensor(v), &st->c.error))
      return raise_context(L, st);
    value[i - 1] = tensor_get(val_tensor(v), 0);
    context_drain(&st->c, mark);
  }
  lua_pushboolean(L, or_equal ? value[0] <= value[1] : value[0] < value[1]);
  return 1;
}

static bool bytes_equal(const Tensor *a, const Tensor *b) {
  return type_equal(&a->type, &b->type) &&
         memcmp(a->data, b->data, (size_t)type_bytes(&a->type)) == 0;
}

static int equals(lua_State *L) {
  State *st = state_of(L);
  Val a, b;
  int mark = context_mark(&st->c);
  bool same = get_value(L, st, 1, &a) && get_value(L, st, 2, &b);
  if (same && (val_symbolic(a) || val_symbolic(b)))
    same = val_same(a, b) ||
           raise_error(L, "two traced tensors are compared with ==: use "
                          "k.ops.equal");
  else if (same && (!tensor_readable(val_tensor(a), &st->c.error) ||
                    !tensor_readable(val_tensor(b), &st->c.error)))
    raise_context(L, st);
  else if (same)
    same = bytes_equal(val_tensor(a), val_tensor(b));
  context_drain(&st->c, mark);
  lua_pushboolean(L, same);
  return 1;
}

static int joined_text(lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  luaL_tolstring(L, 2, NULL);
  lua_concat(L, 2);
  return 1;
}

/* Into the metatable on the top. */
static void set_operators(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.ops");
  for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
    lua_getfield(L, -1, operators[i].op);
    lua_pushcclosure(L, operate, 1);
    lua_setfield(L, -3, operators[i].event);
  }
  lua_getfield(L, -1, "negative");
  lua_pushcclosure(L, operate_alone, 1);
  lua_setfield(L, -3, "__unm");
  lua_getfield(L, -1, "logical_not");
  lua_pushcclosure(L, operate_alone, 1);
  lua_setfield(L, -3, "__bnot");
  lua_pop(L, 1);
  lua_pushliteral(L, "less");
  lua_pushcclosure(L, compare, 1);
  lua_setfield(L, -2, "__lt");
  lua_pushliteral(L, "less_equal");
  lua_pushcclosure(L, compare, 1);
  lua_setfield(L, -2, "__le");
  lua_pushcfunction(L, equals);
  lua_setfield(L, -2, "__eq");
  lua_pushcfunction(L, joined_text);
  lua_setfield(L, -2, "__concat");
}

void open_ops(lua_State *L) {
  static const luaL_Reg core[] = {
    {"define", core_define}, {"catalogue", core_catalogue},
    {"set_ktensor", core_set_ktensor}, {NULL, NULL}
  };
  luaL_setfuncs(L, core, 0);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.ops");
  lua_setfield(L, -2, "ops");
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.catalogue");
  bool filled = lua_rawlen(L, -1) > 0;
  lua_pop(L, 1);
  if (!filled)
    open_rows(L);
  luaL_getmetatable(L, TENSOR);
  set_operators(L);
  lua_pop(L, 1);
  luaL_getmetatable(L, VARIABLE_NAME);
  set_operators(L);
  lua_pop(L, 1);
}
