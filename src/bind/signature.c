/* Reads signatures ("x, axis:axes=nil, keepdims:bool=false") and puts the
** arguments of a call in their order: positional ones, then a last table of
** named ones. Knows nothing of what is called. */

#include "bind/signature.h"

#include <string.h>

/* ---- signatures --------------------------------------------------------- */

static const char *const kind_names[] = {
  "tensor", "tensors", "int", "num", "bool", "ints", "axes", "dtype", "str",
  "shape", "any", "body", "value", "data", "variable", "nest", "fn", "fns",
  "sizes", "wholes", NULL
};

static void copy_word(char *to, size_t size, const char *from, size_t n) {
  if (n >= size)
    n = size - 1;
  memcpy(to, from, n);
  to[n] = '\0';
}

/* A default number, whole where the kind wants that. Lua reads it: strtod goes
** by the locale of the host, and would take the "0" of "0.2" for all of it. */
static void parse_number(lua_State *L, Param *p, const char *word) {
  bool whole = p->kind == K_INT || p->kind == K_AXES;
  Attr *a = &p->standard;
  *a = (Attr){.kind = p->kind == K_INT    ? ATTR_INT
                      : p->kind == K_AXES ? ATTR_AXES
                                          : ATTR_NUM,
              .n = 1};
  if (lua_stringtonumber(L, word) == 0 || (whole && !lua_isinteger(L, -1)))
    raise_error(L, "signature: the default of %s must be a %s, got %s", p->name,
                whole ? "whole number" : "number", word);
  if (whole)
    a->i[0] = lua_tointeger(L, -1);
  else
    a->f = lua_tonumber(L, -1);
  lua_pop(L, 1);
}

static void parse_default(lua_State *L, Param *p, const char *text, size_t n) {
  char word[32];
  copy_word(word, sizeof word, text, n);
  p->optional = true;
  if (strcmp(word, "nil") == 0) {
    p->may_be_none = true;
    return;
  }
  switch (p->kind) {
    case K_INT: case K_AXES: case K_NUM: case K_VALUE:
      parse_number(L, p, word);
      break;
    case K_BOOL:
      p->standard = (Attr){.kind = ATTR_BOOL, .n = 1,
                           .i = {strcmp(word, "true") == 0}};
      break;
    case K_ANY: /* a word */
      if (*word != '"')
        raise_error(L, "signature: parameter %s takes no default but nil or a "
                    "word", p->name);
      /* falls through */
    case K_STR: case K_DTYPE: {
      copy_word(p->text, sizeof p->text, word + 1,
                strlen(word) < 2 ? 0 : strlen(word) - 2);
      DType d;
      if (p->kind == K_DTYPE && dtype_find(p->text, &d))
        p->standard = (Attr){.kind = ATTR_DTYPE, .n = 1, .i = {d}};
      break;
    }
    default:
      raise_error(L, "signature: parameter %s of kind %s takes no default but "
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
    p->may_be_none = length > 0 && word[at + length] == '?';
    copy_word(kind, sizeof kind, word + at + 1, length - p->may_be_none);
    int k = 0;
    while (kind_names[k] && strcmp(kind_names[k], kind) != 0)
      k++;
    if (kind_names[k] == NULL)
      raise_error(L, "signature: unknown kind \"%s\" of %s", kind, p->name);
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
      raise_error(L, "signature of %s: too many parameters", s->name);
    parse_param(L, &s->p[s->n++], text, n);
    text += n;
    text += strspn(text, ", ");
  }
}

static size_t count_params(const char *text) {
  size_t n = *text != '\0';
  while ((text = strchr(text, ',')) != NULL) {
    n++;
    text++;
  }
  return n;
}

Signature *signature_push(lua_State *L, const char *name,
                                 const char *text) {
  Signature *s =
    lua_newuserdatauv(L, sizeof *s + count_params(text) * sizeof *s->p, 0);
  memset(s, 0, sizeof *s);
  copy_word(s->name, sizeof s->name, name, strlen(name));
  parse_signature(L, s, text);
  return s;
}

/* ---- arguments ---------------------------------------------------------- */

/* How many letters must be changed, put in or left out; no parameter's name is
** as long as the row. */
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

/* A table without a metatable that has a name as a key: the named arguments. An
** object with a metatable is one argument, whatever its fields are. */
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
    if (lua_type(L, -2) != LUA_TSTRING) { /* spread took the positions */
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

/* Sizes and axes that come last may stand one by one, as in x:reshape(-1, 8): a
** list is made of them. The number of values then. */
static int list_last(lua_State *L, const Signature *s, int given) {
  int last = s->n;
  Kind kind = last > 0 ? s->p[last - 1].kind : K_TENSOR;
  if (given <= last || (kind != K_SHAPE && kind != K_AXES && kind != K_INTS))
    return given;
  for (int i = last; i <= given; i++)
    if (!lua_isinteger(L, i) && !(kind == K_SHAPE && box_is_tensor(L, i)))
      return given;
  lua_createtable(L, given - last + 1, 0);
  for (int i = last; i <= given; i++) {
    lua_pushvalue(L, i);
    lua_rawseti(L, -2, i - last + 1);
  }
  lua_replace(L, last);
  lua_settop(L, last);
  return last;
}

/* One slot for each parameter, as the user gave them. */
static void arrange(lua_State *L, const Signature *s) {
  int given = lua_gettop(L);
  luaL_checkstack(L, 2 * MAX_PARAMS + 16, NULL);
  bool named = given > 0 && has_names(L, given);
  if (given == 1 && named && s->n > 0)
    given = spread(L, s);
  int positional = named ? given - 1 : list_last(L, s, given);
  if (positional > s->n)
    raise_error(L, "%s: %d arguments, it takes at most %d", s->name, positional,
                s->n);
  for (int i = positional; i < s->n; i++) {
    lua_pushnil(L); /* the table of names stays the last */
    if (named)
      lua_insert(L, i + 1);
  }
  if (named) { /* slots 1..n, then the table */
    take_names(L, s, s->n + 1, 1);
    lua_settop(L, s->n);
  }
}

/* Slot i holds core.None (said), or false: is it None? Then it becomes nil.
** false is itself where a truth value or a tensor is wanted; None is as good as
** false to a truth value that cannot be None. */
static bool take_none(lua_State *L, const Signature *s, int i, bool said) {
  const Param *p = &s->p[i];
  bool truth = p->kind == K_BOOL || p->kind == K_TENSOR || p->kind == K_VALUE;
  if (!said && (truth || !p->may_be_none))
    return false;
  if (!p->may_be_none && p->kind != K_BOOL)
    raise_error(L, "%s: argument \"%s\" cannot be None", s->name, p->name);
  if (p->may_be_none)
    lua_pushnil(L);
  else
    lua_pushboolean(L, 0);
  lua_replace(L, i + 1);
  return p->may_be_none;
}

Slots signature_arrange(lua_State *L, const State *st, const Signature *s) {
  Slots none = 0;
  arrange(L, s);
  for (int i = 0; i < s->n; i++) {
    int type = lua_type(L, i + 1);
    bool said = type == LUA_TUSERDATA && lua_touserdata(L, i + 1) == st->none;
    if (said || (type == LUA_TBOOLEAN && !lua_toboolean(L, i + 1)))
      none |= take_none(L, s, i, said) ? (Slots)1 << i : 0;
    else if (type == LUA_TNIL && !s->p[i].optional)
      raise_error(L, "%s: argument \"%s\" is missing", s->name, s->p[i].name);
  }
  return none;
}

int signature_refuse(lua_State *L, const Signature *s, int i,
                        const char *wanted) {
  if (!lua_istable(L, i + 1) || !want_finds_fields(L, i + 1))
    luaL_tolstring(L, i + 1, NULL);
  return raise_error(L, "%s: argument \"%s\" must be %s, got %s", s->name,
                     s->p[i].name, wanted, lua_tostring(L, -1));
}

static void read_ints(lua_State *L, const Signature *s, int i, Attr *a) {
  lua_Unsigned n = want_length(L, i + 1);
  if (n > MAX_RANK)
    signature_refuse(L, s, i, "a table of at most 8 numbers");
  if (n == 0 && want_finds_fields(L, i + 1))
    signature_refuse(L, s, i, "a table of whole numbers");
  a->n = (int)n;
  for (int k = 1; k <= a->n; k++) {
    lua_rawgeti(L, i + 1, k);
    bool whole = want_is_whole(L, -1, &a->i[k - 1]);
    if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
      a->i[k - 1] = UNKNOWN;
    else if (!whole)
      signature_refuse(L, s, i, "a table of whole numbers");
    lua_pop(L, 1);
  }
}

Attr signature_attr(lua_State *L, const Signature *s, int i, Slots none) {
  const Param *p = &s->p[i];
  Attr a;
  memset(&a, 0, sizeof a);
  if (none >> i & 1)
    return a;
  if (lua_isnil(L, i + 1))
    return p->standard;
  switch (p->kind) {
    case K_INT:
      a = (Attr){.kind = ATTR_INT, .n = 1};
      if (!want_is_whole(L, i + 1, &a.i[0]))
        signature_refuse(L, s, i, "a whole number");
      break;
    case K_NUM:
      a = (Attr){.kind = ATTR_NUM, .n = 1};
      if (lua_isboolean(L, i + 1))
        a.f = lua_toboolean(L, i + 1);
      else if (lua_type(L, i + 1) != LUA_TNUMBER)
        signature_refuse(L, s, i, "a number");
      else
        a.f = lua_tonumber(L, i + 1);
      break;
    case K_BOOL:
      a = (Attr){.kind = ATTR_BOOL, .n = 1};
      if (!lua_isboolean(L, i + 1))
        signature_refuse(L, s, i, "true or false");
      a.i[0] = lua_toboolean(L, i + 1);
      break;
    case K_INTS: case K_AXES: case K_SHAPE: case K_SIZES:
      a.kind = p->kind == K_AXES ? ATTR_AXES : ATTR_INTS;
      if (lua_istable(L, i + 1)) {
        read_ints(L, s, i, &a);
        break;
      }
      a.n = 1;
      if (!want_is_whole(L, i + 1, &a.i[0]))
        signature_refuse(L, s, i, "a whole number or a table of them");
      break;
    case K_DTYPE:
      a = (Attr){.kind = ATTR_DTYPE, .n = 1,
                 .i = {shape_check_dtype(L, i + 1)}};
      break;
    default: break;
  }
  return a;
}
