/* core.trace: a Lua function is run once on tensors without values, and what it
** did becomes a function that plans can run. */

#include <stdio.h>
#include <string.h>

#include "bind/core.h"
#include "bind/function.h"

static Type read_spec(lua_State *L, int index, int i) {
  char name[32];
  snprintf(name, sizeof name, "trace: input %d", i);
  if (!lua_istable(L, index))
    raise_error(L, "%s: a table {shape =, dtype =} is wanted", name);
  lua_getfield(L, index, "dtype");
  DType d = lua_isnil(L, -1) ? F32 : shape_check_dtype(L, -1);
  lua_getfield(L, index, "shape");
  Type t = shape_check(L, -1, d, name);
  lua_pop(L, 2);
  return t;
}

typedef struct TraceJob {
  Type type[MAX_INPUTS];
  int n;
  Scope scope;
  bool open; /* the scope is still on the context */
  Function *f;
} TraceJob;

static void end_trace(lua_State *L, State *s, TraceJob *job, int first) {
  Val out[MAX_OUTPUTS];
  int n = lua_gettop(L) - first + 1;
  if (n > MAX_OUTPUTS)
    raise_error(L, "trace: more than %d results", MAX_OUTPUTS);
  for (int i = 0; i < n; i++) {
    if (!box_is_tensor(L, first + i) && !lua_isnumber(L, first + i))
      raise_error(L, "result %d of the traced function is %s, a tensor is "
                     "wanted", i + 1, luaL_typename(L, first + i));
    out[i] = operand_check(L, s, first + i, F32, "result");
  }
  job->open = false; /* whatever comes of it */
  job->f = scope_finish(&s->c, &job->scope, out, n, NULL, NULL);
}

/* upvalue-free, so that one pcall covers it: fn, job */
static int trace_protected(lua_State *L) {
  State *s = state_of(L);
  TraceJob *job = lua_touserdata(L, 2);
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  for (int i = 0; i < job->n; i++)
    box_push(L, s, scope_input(&s->c, &job->type[i]));
  lua_call(L, job->n, LUA_MULTRET);
  end_trace(L, s, job, 2);
  return 0;
}

static void end_hosts(lua_State *L, State *s, int64_t first) {
  if (s->c.scope == NULL)
    host_forget_since(L, s, first);
}

static int core_trace(lua_State *L) {
  State *s = state_of(L);
  want_type(L, 1, LUA_TTABLE, "trace: the list of inputs");
  want_callable(L, 2, "trace: the second argument");
  int layers = layer_stack(L)->n, mark = context_mark(&s->c);
  int64_t hosts = s->hosts;
  TraceJob *job = lua_newuserdatauv(L, sizeof *job, 0);
  memset(job, 0, sizeof *job);
  if (lua_rawlen(L, 1) > MAX_INPUTS)
    return raise_error(L, "trace: more than %d inputs", MAX_INPUTS);
  job->n = (int)lua_rawlen(L, 1);
  luaL_checkstack(L, job->n + 8, NULL);
  for (int i = 0; i < job->n; i++) {
    lua_rawgeti(L, 1, i + 1);
    job->type[i] = read_spec(L, lua_gettop(L), i + 1);
    lua_pop(L, 1);
  }
  struct FunctionBox *box = function_push(L);
  scope_open(&s->c, &job->scope, false);
  job->open = true;
  lua_pushcfunction(L, trace_protected);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, -4);
  int status = state_call(L, s, 2, 0, 0);
  if (job->open)
    scope_close(&s->c, &job->scope);
  context_drain(&s->c, mark);
  if (status != LUA_OK) {
    layer_stack(L)->n = layers;
    end_hosts(L, s, hosts);
    return lua_error(L);
  }
  if (job->f == NULL) {
    end_hosts(L, s, hosts);
    return raise_context(L, s);
  }
  function_fill(L, s, box, job->f);
  host_push_since(L, s, hosts);
  lua_setiuservalue(L, -2, 1);
  end_hosts(L, s, hosts);
  return 1;
}

static int core_tracing(lua_State *L) {
  lua_pushboolean(L, state_of(L)->c.scope != NULL);
  return 1;
}

void trace_open(lua_State *L) {
  static const luaL_Reg core[] = {
    {"trace", core_trace}, {"tracing", core_tracing}, {NULL, NULL}
  };
  luaL_setfuncs(L, core, 0);
}
