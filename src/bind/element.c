/* Positions: t[i], t[{ {2, 5}, {}, 3 }], get, set. They count from 1, from the
** end when negative; one past the end is nil, so that ipairs stops. */

#include <string.h>

#include "kernels/kernels.h"
#include "bind/box.h"

static Attr ints(int n) {
  return (Attr){.kind = ATTR_INTS, .n = n};
}

/* From 0; -1 when it is not there. */
static int64_t position(int64_t i, int64_t n) {
  if (i < 0)
    i += n + 1;
  return i >= 1 && i <= n ? i - 1 : -1;
}

static int out_of_range(lua_State *L, int64_t i, int64_t n, int axis) {
  if (n == UNKNOWN)
    return raise_error(L, "index %lld along axis %d, whose size is not known: "
                          "positions count from 1, and none from its end",
                       (long long)i, axis);
  return raise_error(L, "index %lld is out of range 1..%lld along axis %d "
                        "(positions count from 1)", (long long)i, (long long)n,
                     axis);
}

/* A tensor, or what stands for one, in the place of a number. */
static void refuse_tensor(lua_State *L, int index, int axis) {
  if (!box_is_tensor(L, index) && !placeholder_is(L, index))
    return;
  raise_error(L, "an index is a whole number or a range, got %s; rows by their "
                 "numbers, from 0, are ops.take(x, numbers, %d), and ops.where "
                 "chooses by a condition", luaL_tolstring(L, index, NULL), axis);
}

int element_refuse(lua_State *L) {
  refuse_tensor(L, 1, (int)want_whole(L, 2, "refuse_index: the axis"));
  return 0;
}

/* ---- rows and ranges ---------------------------------------------------- */

/* What t[...] selects: starts, steps, counts; axes that a number drops, and how
** many new ones stand before each, or behind the last. */
typedef struct Selection {
  int rank, added;
  int64_t start[MAX_RANK], step[MAX_RANK], count[MAX_RANK]; /* -1: to the end */
  bool dropped[MAX_RANK];
  int before[MAX_RANK + 1];
} Selection;

static int64_t read_bound(lua_State *L, int table, int i, int64_t otherwise) {
  lua_rawgeti(L, table, i);
  int whole;
  int64_t v = lua_tointegerx(L, -1, &whole);
  if (lua_isnil(L, -1))
    v = otherwise;
  else if (!whole)
    raise_error(L, "a range is {first, last, step} in whole numbers");
  lua_pop(L, 1);
  return v;
}

/* All keys of the table are positions up to n: what else it says would not be
** heard. */
static void check_positions(lua_State *L, int table, lua_Integer n,
                            const char *what) {
  lua_pushnil(L);
  while (lua_next(L, table)) {
    lua_pop(L, 1);
    if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) < 1 ||
        lua_tointeger(L, -1) > n)
      raise_error(L, "%s, got a key %s", what, luaL_tolstring(L, -1, NULL));
  }
}

static void select_range(lua_State *L, Selection *sel, int axis, int64_t n) {
  int table = lua_gettop(L);
  refuse_tensor(L, table, axis);
  check_positions(L, table, 3, "a range is {first, last, step}");
  int64_t first = read_bound(L, table, 1, 1);
  int64_t step = read_bound(L, table, 3, 1);
  if (n == UNKNOWN && (lua_rawlen(L, table) > 1 || first < 1))
    raise_error(L, "axis %d has no known size: only {first} and {} select from "
                   "it", axis);
  int64_t last = n == UNKNOWN ? -1 : read_bound(L, table, 2, n);
  if (step < 1)
    raise_error(L, "a range goes forward in steps of 1 or more");
  sel->start[axis] = n == UNKNOWN ? first - 1 : first < 0 ? first + n
                                                         : first - 1;
  sel->step[axis] = step;
  sel->count[axis] = -1;
  if (n == UNKNOWN)
    return;
  last = last < 0 ? last + n + 1 : last;
  if (sel->start[axis] < 0 || last > n || sel->start[axis] > last)
    raise_error(L, "range %lld..%lld does not lie in 1..%lld of axis %d",
                (long long)first, (long long)last, (long long)n, axis);
  int64_t room = last - sel->start[axis]; /* + step might not fit */
  sel->count[axis] = room / step + (room % step > 0);
}

static void select_one(lua_State *L, Selection *sel, int axis, int64_t n) {
  int whole;
  int64_t i = lua_tointegerx(L, -1, &whole);
  if (!whole) {
    refuse_tensor(L, -1, axis);
    raise_error(L, "an index is a whole number or a range {first, last, step}, "
                   "got %s", luaL_typename(L, -1));
  }
  int64_t at = n == UNKNOWN && i > 0 ? i - 1 : position(i, n);
  if (at < 0)
    out_of_range(L, i, n, axis);
  sel->start[axis] = at;
  sel->step[axis] = sel->count[axis] = 1;
  sel->dropped[axis] = true;
}

/* None is a new axis, as in Python. */
static bool is_none(lua_State *L) {
  bool no = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
  return no || lua_touserdata(L, -1) == state_of(L)->none;
}

static Selection whole_axes(int rank) {
  Selection sel = {.rank = rank};
  for (int i = 0; i < rank; i++) {
    sel.step[i] = 1;
    sel.count[i] = -1;
  }
  return sel;
}

static Selection read_selection(lua_State *L, const Type *t) {
  Selection sel = whole_axes(t->rank);
  refuse_tensor(L, 2, 0);
  int n = (int)want_length(L, 2), axis = 0;
  check_positions(L, 2, n, "a selection is a list, an index or a range for each "
                           "axis");
  for (int i = 1; i <= n; i++) {
    lua_rawgeti(L, 2, i);
    if (is_none(L)) {
      sel.before[axis < t->rank ? axis : t->rank]++;
      sel.added++;
    } else if (axis >= t->rank) {
      axis++;
    } else if (lua_istable(L, -1)) {
      select_range(L, &sel, axis, t->dim[axis]);
      axis++;
    } else {
      select_one(L, &sel, axis, t->dim[axis]);
      axis++;
    }
    lua_pop(L, 1);
  }
  if (axis > t->rank)
    raise_error(L, "%d indices for %d axes", axis, t->rank);
  return sel;
}

/* A slice as it is reshaped: -2 - i stands for its axis i. */
static Attr shape_of(lua_State *L, const Selection *sel) {
  Attr shape = ints(0);
  for (int i = 0; i <= sel->rank; i++) {
    int kept = i < sel->rank && !sel->dropped[i];
    if (shape.n + sel->before[i] + kept > MAX_RANK)
      raise_error(L, "new axes (None) make more than %d axes", MAX_RANK);
    for (int k = 0; k < sel->before[i]; k++)
      shape.i[shape.n++] = 1;
    if (kept)
      shape.i[shape.n++] = -2 - i;
  }
  return shape;
}

static Val selected(lua_State *L, State *s, Val v, const Selection *sel) {
  Attr slice[3] = {ints(sel->rank), ints(sel->rank), ints(sel->rank)};
  Attr shape = shape_of(L, sel);
  memcpy(slice[0].i, sel->start, sizeof sel->start);
  memcpy(slice[1].i, sel->step, sizeof sel->step);
  memcpy(slice[2].i, sel->count, sizeof sel->count);
  v = emit_op(&s->c, "slice_steps", &v, 1, slice);
  return sel->added == 0 && shape.n == sel->rank
             ? v
             : emit_op(&s->c, "reshape", &v, 1, &shape);
}

static Selection one_row(int64_t at, int rank) {
  Selection sel = whole_axes(rank);
  sel.start[0] = at;
  sel.count[0] = 1;
  sel.dropped[0] = true;
  return sel;
}

/* ipairs ends at nil, which rows of a size that is not known never are. */
enum { ENDLESS = 1 << 14 };

/* A row of strings shares their bytes, which no slice of them would. */
static Val row_of_strings(State *s, const Tensor *t, int64_t at) {
  Type row = type_new(STR, t->type.rank - 1, t->type.dim + 1);
  return value_of(&s->c, tensor_view(t, &row, at * type_bytes(&row)));
}

static int index_number(lua_State *L, State *s, Val v) {
  const Type *t = val_type(v);
  int whole;
  int64_t i = lua_tointegerx(L, 2, &whole);
  if (!whole) {
    refuse_tensor(L, 2, 0);
    return raise_error(L, "an index is a whole number, a range or a name, got "
                          "%s", luaL_tolstring(L, 2, NULL));
  }
  if (t->rank == 0)
    return raise_error(L, "a scalar has no elements to index (item() gives its "
                          "number)");
  int64_t n = t->dim[0];
  if (n != UNKNOWN && i == n + 1) {
    lua_pushnil(L);
    return 1;
  }
  int64_t at = n == UNKNOWN ? i - 1 : position(i, n);
  if (at < 0)
    return out_of_range(L, i, n, 0);
  if (n == UNKNOWN && at >= ENDLESS)
    return raise_error(L, "row %lld of an axis whose size is not known: a loop "
                          "over such rows has no end (use k.ops.map)",
                       (long long)i);
  if (t->rank == 1 && !val_symbolic(v)) {
    Tensor x = box_tensor(L, s, 1);
    number_push(L, &x, at);
    return 1;
  }
  if (t->dtype == STR && !val_symbolic(v)) {
    Tensor x = box_tensor(L, s, 1);
    box_push(L, s, row_of_strings(s, &x, at));
    return 1;
  }
  Selection sel = one_row(at, t->rank);
  box_push(L, s, selected(L, s, v, &sel));
  return 1;
}

int element_index(lua_State *L, State *s) {
  Val v;
  int mark = context_mark(&s->c), n = 1;
  if (!box_value(L, s, 1, &v))
    return raise_error(L, "a tensor is expected, got %s", luaL_typename(L, 1));
  if (lua_istable(L, 2)) {
    Selection sel = read_selection(L, val_type(v));
    box_push(L, s, selected(L, s, v, &sel));
  } else {
    n = index_number(L, s, v);
  }
  context_drain(&s->c, mark);
  return n;
}

/* ---- writing ------------------------------------------------------------ */

/* Memory that others share is copied first. That changes the tensor in the box,
** so box_tensor's, which is a copy of it, would not do. */
static Tensor check_writable(lua_State *L, State *s, int index) {
  if (box_variable(L, index))
    raise_error(L, "a variable is changed by assign");
  Val v;
  Error e = {.set = false};
  box_tensor(L, s, index); /* is there a value? */
  box_value(L, s, index, &v);
  Tensor *t = &v.node->out[v.out];
  if (t->type.dtype == STR)
    raise_error(L, "a tensor of strings cannot be changed; make a new one");
  if (!tensor_own(t, s->account, &e) || !tensor_writable(t, &e))
    raise_failure(L, &e);
  return *t;
}

/* The selected part of t = a value that broadcasts to it. All checks come
** first: what is refused changes nothing. */
static void write_selection(lua_State *L, State *s, Tensor *t,
                            const Selection *sel) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  Type part = type_new((DType)t->type.dtype, 0, NULL);
  int64_t to[MAX_RANK], from[MAX_RANK], dim[MAX_RANK], stride = 1, first = 0;
  for (int i = t->type.rank - 1; i >= 0; i--) {
    dim[i] = sel->count[i] < 0
                 ? (t->type.dim[i] - sel->start[i] + sel->step[i] - 1) /
                       sel->step[i]
                 : sel->count[i];
    to[i] = stride * sel->step[i];
    first += stride * sel->start[i];
    stride *= t->type.dim[i];
  }
  for (int i = 0; i < t->type.rank; i++)
    if (!sel->dropped[i])
      part.dim[part.rank++] = dim[i];
  /* A number is held to its exact value; a tensor is cast, as everywhere. */
  if (lua_type(L, 3) == LUA_TNUMBER && !number_fits(L, 3, (DType)t->type.dtype))
    raise_error(L, "%s cannot hold %s", dtype_name((DType)t->type.dtype),
                luaL_tolstring(L, 3, NULL));
  Val v = operand_check(L, s, 3, (DType)t->type.dtype, "assignment");
  v = value_as(&s->c, v, (DType)t->type.dtype);
  if (s->c.error.set)
    raise_context(L, s);
  if (val_symbolic(v))
    raise_symbolic(L, v);
  if (!tensor_readable(val_tensor(v), &s->c.error))
    raise_context(L, s);
  const Type *x = val_type(v);
  int lead = part.rank - x->rank, k = part.rank - 1;
  bool fits = lead >= 0;
  for (int i = 0; fits && i < x->rank; i++)
    fits = x->dim[i] == 1 || x->dim[i] == part.dim[lead + i];
  if (!fits)
    raise_error(L, "a value of shape %s does not fit %s", type_text(x, a),
                type_text(&part, b));
  stride = 1;
  for (int i = t->type.rank - 1; i >= 0; i--) {
    int own = k - lead;
    from[i] = 0;
    if (sel->dropped[i])
      continue;
    if (own >= 0) {
      from[i] = x->dim[own] == 1 ? 0 : stride; /* 0: read again and again */
      stride *= x->dim[own];
    }
    k--;
  }
  int item = dtype_size((DType)t->type.dtype);
  ISA(copy_strided)((char *)t->data + first * item, to, val_tensor(v)->data,
                    from, dim, t->type.rank, item);
}

int element_newindex(lua_State *L) {
  State *s = state_enter(L);
  int mark = context_mark(&s->c);
  Tensor t = check_writable(L, s, 1);
  Selection sel;
  if (lua_istable(L, 2)) {
    sel = read_selection(L, &t.type);
    if (sel.added > 0)
      return raise_error(L, "new axes (None) are for reading alone");
  } else {
    int whole;
    int64_t i = lua_tointegerx(L, 2, &whole);
    if (!whole) {
      refuse_tensor(L, 2, 0);
      return raise_error(L, "an index is a whole number or a range, got %s",
                         luaL_tolstring(L, 2, NULL));
    }
    if (t.type.rank == 0)
      return raise_error(L, "a scalar has no elements to index");
    int64_t at = position(i, t.type.dim[0]);
    if (at < 0)
      return out_of_range(L, i, t.type.dim[0], 0);
    sel = one_row(at, t.type.rank);
  }
  write_selection(L, s, &t, &sel);
  context_drain(&s->c, mark);
  return 0;
}

/* ---- single elements ---------------------------------------------------- */

/* The element that arguments 2.. name. */
static int64_t element_at(lua_State *L, const Type *t, int last) {
  char text[TYPE_TEXT];
  int64_t at = 0;
  if (last - 1 != t->rank)
    raise_error(L, "%d indices for a tensor of shape %s", last - 1,
                type_text(t, text));
  for (int i = 0; i < t->rank; i++) {
    int64_t p = want_whole(L, i + 2, "an index"), k = position(p, t->dim[i]);
    if (k < 0)
      out_of_range(L, p, t->dim[i], i);
    at = at * t->dim[i] + k;
  }
  return at;
}

int element_get(lua_State *L) {
  State *s = state_of(L);
  int mark = context_mark(&s->c);
  Tensor t = box_tensor(L, s, 1);
  number_push(L, &t, element_at(L, &t.type, lua_gettop(L)));
  context_drain(&s->c, mark);
  return 1;
}

int element_set(lua_State *L) {
  State *s = state_of(L);
  int top = lua_gettop(L);
  Tensor t = check_writable(L, s, 1);
  int64_t at = element_at(L, &t.type, top - 1);
  if (lua_type(L, top) != LUA_TNUMBER && !lua_isboolean(L, top))
    return raise_error(L, "set: the last argument is the number to set, got %s",
                       luaL_typename(L, top));
  if (!number_fits(L, top, (DType)t.type.dtype))
    return raise_error(L, "set: %s cannot hold %s",
                       dtype_name((DType)t.type.dtype),
                       luaL_tolstring(L, top, NULL));
  number_put(L, &t, at, top);
  lua_settop(L, 1);
  return 1;
}
