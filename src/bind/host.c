/* Closures that could not be traced: the plan calls them between its steps
** with eager tensors. In training each call runs under a tape, which is parked
** until the walk back comes by. */

#include <string.h>

#include "bind/core.h"
#include "bind/function.h"

/* The registry table "lunula.hosts" has the entries by number, weakly: a
** function keeps its own alive. An entry is {fn=, inputs=, outputs=}; the last
** two are the parked tape. */
static void push_hosts(lua_State *L) {
  if (luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.hosts"))
    return;
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
}

/* Until the traces around them are functions, this table keeps them. */
static void push_traced_hosts(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.traced_hosts");
}

void host_push_since(lua_State *L, State *s, int64_t first) {
  lua_newtable(L);
  push_traced_hosts(L);
  for (int64_t i = first + 1; i <= s->hosts; i++) {
    lua_rawgeti(L, -1, i);
    lua_rawseti(L, -3, i - first);
  }
  lua_pop(L, 1);
}

void host_forget_since(lua_State *L, State *s, int64_t first) {
  if (s->hosts == first)
    return;
  push_traced_hosts(L);
  for (int64_t i = first + 1; i <= s->hosts; i++) {
    lua_pushnil(L);
    lua_rawseti(L, -2, i);
  }
  lua_pop(L, 1);
}

/* ---- making a step ------------------------------------------------------ */

static int core_host(lua_State *L) {
  State *s = state_of(L);
  Val in[MAX_INPUTS];
  want_type(L, 1, LUA_TTABLE, "host: the argument");
  lua_settop(L, 1);
  lua_getfield(L, 1, "fn"); /* at 2; inputs at 3, outputs at 4, values at 5 */
  want_callable(L, 2, "host: fn");
  lua_getfield(L, 1, "inputs");
  want_type(L, 3, LUA_TTABLE, "host: inputs");
  lua_getfield(L, 1, "outputs");
  want_type(L, 4, LUA_TTABLE, "host: outputs");
  lua_getfield(L, 1, "values"); /* how many inputs the closure is given */
  /* The op is given leaves of the types of its outputs behind its inputs. */
  lua_Unsigned many = lua_rawlen(L, 3), more = lua_rawlen(L, 4);
  if (many == 0 || many > MAX_INPUTS || more > MAX_OUTPUTS ||
      many + more > MAX_INPUTS)
    return raise_error(L, "host: %llu inputs and %llu outputs",
                       (unsigned long long)many, (unsigned long long)more);
  int n = (int)many, outputs = (int)more;
  lua_Integer given = lua_isnil(L, 5) ? n : want_whole(L, 5, "host: values");
  if (given < 0 || given > n)
    return raise_error(L, "host: %lld values of %d inputs", (long long)given,
                       n);
  int mark = context_mark(&s->c);
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, 3, i + 1);
    in[i] = operand_check(L, s, -1, F32, "host: input");
    lua_pop(L, 1);
  }
  for (int i = 0; i < outputs; i++) {
    lua_rawgeti(L, 4, i + 1);
    want_type(L, -1, LUA_TTABLE, "host: an output");
    lua_getfield(L, -1, "dtype");
    DType d = lua_isnil(L, -1) ? F32 : shape_check_dtype(L, -1);
    lua_getfield(L, -2, "shape");
    Type t = shape_check(L, -1, d, "host: output shape");
    in[n + i] = shape_leaf(&s->c, &t);
    lua_pop(L, 3);
  }
  int64_t id = ++s->hosts;
  push_hosts(L);
  lua_createtable(L, 0, 4);
  lua_pushvalue(L, 2);
  lua_setfield(L, -2, "fn");
  lua_pushinteger(L, given);
  lua_setfield(L, -2, "given");
  lua_pushvalue(L, 3); /* variables among them are differentiated */
  lua_setfield(L, -2, "sources");
  if (s->c.scope) {
    push_traced_hosts(L);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, id);
    lua_pop(L, 1);
  }
  lua_rawseti(L, -2, id);
  Attr attr[2] = {{.kind = ATTR_INT, .n = 1, .i = {id}},
                  {.kind = ATTR_INT, .n = 1, .i = {n}}};
  Val y = emit_op(&s->c, "host", in, n + outputs, attr);
  if (s->c.error.set) {
    context_drain(&s->c, mark);
    return raise_context(L, s);
  }
  lua_settop(L, 0); /* the entry is kept by its table, y by the context */
  luaL_checkstack(L, outputs + 8, NULL);
  for (int i = 0; i < outputs; i++)
    box_push(L, s, (Val){y.node, i});
  context_drain(&s->c, mark);
  return outputs;
}

/* ---- calling it --------------------------------------------------------- */

typedef struct HostCall {
  State *s;
  int64_t id;
  bool gradient, record;
  const OpCall *step;
  void *const *in, *const *out;
} HostCall;

static Val copied_in(State *s, const Type *type, const void *data) {
  Tensor t;
  if (!tensor_new_of(&t, s->account, type, data, &s->c.error))
    return (Val){s->c.dummy, 0};
  return value_of(&s->c, t);
}

/* A result of the closure into the memory of the plan. */
static void copy_out(lua_State *L, State *s, int index, const Type *want,
                     void *data, int number) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  Val v = operand_check(L, s, index, (DType)want->dtype, "result");
  v = value_as(&s->c, v, (DType)want->dtype);
  if (s->c.error.set)
    raise_context(L, s);
  if (!type_equal(val_type(v), want))
    raise_error(L, "the closure returned %s as result %d, its layer promised "
                   "%s", type_text(val_type(v), a), number,
                type_text(want, b));
  if (!tensor_readable(val_tensor(v), &s->c.error))
    raise_context(L, s);
  memcpy(data, val_tensor(v)->data, (size_t)type_bytes(want));
}

static void push_entry(lua_State *L, int64_t id) {
  push_hosts(L);
  if (lua_rawgeti(L, -1, id) != LUA_TTABLE)
    raise_error(L, "the closure of a host step is gone");
  lua_remove(L, -2);
}

/* Stack: entry. Calls the closure; with a tape it keeps inputs and outputs. */
static void run_forward(lua_State *L, HostCall *h) {
  State *s = h->s;
  const OpCall *step = h->step;
  int entry = lua_gettop(L), values = (int)step->attr[1].i[0];
  lua_getfield(L, entry, "given");
  int given = (int)lua_tointeger(L, -1);
  lua_getfield(L, entry, "sources");
  int sources = lua_gettop(L);
  luaL_checkstack(L, values + MAX_OUTPUTS + 16, NULL);
  lua_createtable(L, values, 0);
  int inputs = lua_gettop(L);
  lua_getfield(L, entry, "fn");
  for (int i = 0; i < values; i++) {
    if (i < given) {
      Val v = copied_in(s, &step->in[i], h->in[i]);
      box_push(L, s, h->record ? value_watch(&s->c, v) : v);
      lua_pushvalue(L, -1);
      lua_rawseti(L, inputs, i + 1);
    } else {
      lua_rawgeti(L, sources, i + 1); /* a variable that it reads by itself */
      lua_rawseti(L, inputs, i + 1);
    }
  }
  int base = lua_gettop(L) - given; /* the function; then its first result */
  lua_call(L, given, LUA_MULTRET);
  int n = lua_gettop(L) - base + 1;
  if (n != step->nout)
    raise_error(L, "the closure returned %d results, its layer promised %d", n,
                step->nout);
  for (int i = 0; i < n; i++)
    copy_out(L, s, base + i, &step->out[i], h->out[i], i + 1);
  if (!h->record)
    return;
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    lua_pushvalue(L, base + i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, entry, "outputs");
  lua_pushvalue(L, inputs);
  lua_setfield(L, entry, "inputs");
}

/* Stack: entry with its tape. */
static void run_backward(lua_State *L, HostCall *h) {
  State *s = h->s;
  const OpCall *step = h->step;
  Val ys[MAX_OUTPUTS], dys[MAX_OUTPUTS], xs[MAX_INPUTS], dxs[MAX_INPUTS];
  int entry = lua_gettop(L), n = step->nout;
  int cotangents = (int)step->attr[1].i[0], ny = 0;
  if (lua_getfield(L, entry, "outputs") != LUA_TTABLE)
    raise_error(L, "a host step lost its tape");
  for (int i = 0; i < cotangents; i++) {
    lua_rawgeti(L, -1, i + 1);
    Val y;
    /* What no tape saw leads to no input, and has no gradient. */
    if (box_value(L, s, -1, &y) && y.node->tracked) {
      ys[ny] = y;
      dys[ny++] = copied_in(s, &step->in[i], h->in[i]);
    }
    lua_pop(L, 1);
  }
  lua_getfield(L, entry, "inputs");
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, -1, i + 1);
    Variable *v = box_variable(L, -1);
    if (v)
      xs[i] = variable_leaf(&s->c, v);
    else
      box_value(L, s, -1, &xs[i]);
    lua_pop(L, 1);
  }
  if (!gradient_from(&s->c, ys, dys, ny, xs, n, dxs))
    raise_context(L, s);
  for (int i = 0; i < n; i++) {
    size_t bytes = (size_t)type_bytes(&step->out[i]);
    if (dxs[i].node)
      memcpy(h->out[i], val_tensor(dxs[i])->data, bytes);
    else
      memset(h->out[i], 0, bytes);
  }
  lua_pushnil(L); /* the tape goes, and the values that it kept */
  lua_setfield(L, entry, "outputs");
  lua_pushnil(L);
  lua_setfield(L, entry, "inputs");
}

/* Lua's own words for a yield out of a closure name nothing that its author
** knows, and no line. */
static int error_text(lua_State *L) {
  static const char yield[] = "attempt to yield across a C-call boundary";
  if (lua_type(L, 1) == LUA_TSTRING && strcmp(lua_tostring(L, 1), yield) == 0) {
    where_push(L);
    lua_pushliteral(L, "coroutine.yield: a closure that a plan calls cannot "
                       "yield (a callback of fit can)");
    lua_concat(L, 2);
    return 1;
  }
  luaL_tolstring(L, 1, NULL);
  return 1;
}

static int host_protected(lua_State *L) {
  HostCall *h = lua_touserdata(L, 1);
  push_entry(L, h->id);
  if (h->gradient)
    run_backward(L, h);
  else
    run_forward(L, h);
  return 0;
}

bool host_call(void *ud, int64_t id, bool gradient, const OpCall *step,
               void *const *in, void *const *out, Error *e) {
  const HostRun *run = ud;
  State *s = run->s;
  lua_State *L = s->L;
  HostCall h = {s, id, gradient, run->record, step, in, out};
  int mark = context_mark(&s->c), recording = s->c.recording;
  int layers = layer_stack(L)->n;
  Env *own = &s->c.env;
  BatchPlace before = batch_place(own);
  if (!lua_checkstack(L, 8)) /* luaL_checkstack would jump out of the plan */
    return fail(e, "the Lua stack is full");
  lua_pushcfunction(L, error_text);
  lua_pushcfunction(L, host_protected);
  lua_pushlightuserdata(L, &h);
  s->c.recording = h.record && !gradient ? 1 : 0;
  set_batch_place(own, batch_place(run->env)); /* faults name its samples */
  s->calling++;
  float_mode_leave(run->outside);
  int status = state_call(L, s, 1, 0, -3);
  float_mode_enter();
  s->calling--;
  set_batch_place(own, before);
  s->c.recording = recording;
  layer_stack(L)->n = layers;
  context_drain(&s->c, mark);
  if (status != LUA_OK) {
    bool text = lua_type(L, -1) == LUA_TSTRING;
    fail_as(e, status == LUA_ERRMEM ? ERROR_MEMORY : raise_kind_of(L, -1), "%s",
            text ? lua_tostring(L, -1) : "an error without a message");
    lua_pop(L, 1);
  }
  lua_pop(L, 1); /* error_text */
  return status == LUA_OK;
}

void host_open(lua_State *L) {
  lua_pushcfunction(L, core_host);
  lua_setfield(L, -2, "host");
}
