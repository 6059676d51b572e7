/* A Lua function is called while the context is another: untraced, or on a
** batch of the data. It is put back however the call ends. */

#include "bind/core.h"
#include "bind/function.h"

int between_call(lua_State *L, int nargs, void (*leave)(State *s, void *ud),
                 void *ud) {
  State *s = state_of(L);
  int base = lua_gettop(L) - nargs - 1, layers = layer_stack(L)->n;
  int status = state_call(L, s, nargs, LUA_MULTRET, 0);
  leave(s, ud);
  if (status != LUA_OK) {
    layer_stack(L)->n = layers;
    lua_error(L);
  }
  return lua_gettop(L) - base;
}

static void resume_scope(State *s, void *ud) {
  s->c.scope = ud;
}

static int core_untraced(lua_State *L) {
  State *s = state_of(L);
  Scope *scope = s->c.scope;
  want_callable(L, 1, "untraced: the first argument");
  s->c.scope = NULL;
  return between_call(L, lua_gettop(L) - 1, resume_scope, scope);
}

typedef struct RowsJob {
  BatchPlace before;
  int mark; /* above it the context holds the order */
} RowsJob;

static void leave_rows(State *s, void *ud) {
  const RowsJob *job = ud;
  set_batch_place(&s->c.env, job->before);
  context_drain(&s->c, job->mark);
}

/* batch_rows(order | nil, first, n, f, ...): f(...) on a batch of n rows of the
** data from `first` on, so that a fault in it names the row of the data. */
static int core_batch_rows(lua_State *L) {
  State *s = state_of(L);
  RowsJob job = {batch_place(&s->c.env), context_mark(&s->c)};
  lua_Integer first = want_whole(L, 2, "batch_rows: the first row");
  lua_Integer n = want_whole(L, 3, "batch_rows: the number of rows");
  want_callable(L, 4, "batch_rows: the fourth argument");
  BatchPlace p = {.first = first, .rows = n};
  if (first < 0 || n < 0)
    return raise_error(L, "batch_rows: %lld rows from %lld", (long long)n,
                       (long long)first);
  if (!lua_isnil(L, 1)) {
    Tensor order = box_tensor(L, s, 1);
    if (order.type.dtype != I32 || order.type.rank != 1 ||
        first > order.type.dim[0] || n > order.type.dim[0] - first)
      return raise_error(L, "batch_rows: order must be an int32 vector of all "
                            "rows");
    Val v;
    p.order = order.data;
    if (box_value(L, s, 1, &v)) /* f may release it */
      value_hold(&s->c, v);
  }
  set_batch_place(&s->c.env, p);
  return between_call(L, lua_gettop(L) - 4, leave_rows, &job);
}

void between_open(lua_State *L) {
  static const luaL_Reg core[] = {
    {"untraced", core_untraced}, {"batch_rows", core_batch_rows}, {NULL, NULL}
  };
  luaL_setfuncs(L, core, 0);
}
