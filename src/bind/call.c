/* call(fn, {inputs}) -> {results}: a Lua function as one node, traced once. Its
** gradient computes it again instead of keeping what lies in between; or it is
** what a second result of fn, a function of the cotangents, says. */

#include <string.h>

#include "bind/box.h"
#include "bind/core.h"

typedef struct CallJob {
  Val in[MAX_INPUTS]; /* captured values first */
  Val given[MAX_OUTPUTS];
  int ngiven, ncaptured, results;
  Scope scope, back;
  bool open, back_open;
  Function *body, *backward;
} CallJob;

/* Stack top: the function of the cotangents. What it reads of the way forward
** becomes further results of that. */
static int trace_back(lua_State *L, State *s, CallJob *job, Val *out) {
  Val d[MAX_OUTPUTS];
  int fn = lua_gettop(L), captured = 0;
  scope_open(&s->c, &job->back, true);
  job->back_open = true;
  lua_pushvalue(L, fn);
  for (int i = 0; i < job->results; i++)
    box_push(L, s, scope_input(&s->c, val_type(out[i])));
  lua_call(L, job->results, LUA_MULTRET);
  int n = lua_gettop(L) - fn;
  if (n != job->ngiven)
    raise_error(L, "custom_gradient: %d inputs, the gradient function returned "
                   "%d values", job->ngiven, n);
  for (int i = 0; i < n; i++)
    d[i] = operand_check(L, s, fn + 1 + i, F32, "custom_gradient: result");
  job->back_open = false;
  job->backward = scope_finish(&s->c, &job->back, d, n,
                               out + job->results, &captured);
  return captured;
}

/* fn, job */
static int call_protected(lua_State *L) {
  State *s = state_of(L);
  CallJob *job = lua_touserdata(L, 2);
  Val out[MAX_INPUTS + MAX_OUTPUTS];
  lua_settop(L, 1);
  for (int i = 0; i < job->ngiven; i++)
    box_push(L, s, scope_input(&s->c, val_type(job->given[i])));
  lua_call(L, job->ngiven, 2);
  if (!lua_istable(L, 1)) { /* one result */
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 1);
    lua_replace(L, 1);
  }
  int n = job->results = operand_list(L, s, 1, "call", "result", out,
                                      MAX_OUTPUTS / 2);
  if (lua_isfunction(L, 2))
    n += trace_back(L, s, job, out);
  if (n > MAX_OUTPUTS)
    raise_error(L, "custom_gradient: the gradient reads too many values");
  job->open = false;
  job->body = s->c.error.set ? NULL
              : scope_finish(&s->c, &job->scope, out, n, job->in,
                             &job->ncaptured);
  if (job->body == NULL && s->c.scope == &job->scope)
    scope_close(&s->c, &job->scope);
  return 0;
}

static Val emit_call(State *s, CallJob *job) {
  Attr attr[] = {
    {.kind = ATTR_BODY, .body = job->body},
    {.kind = job->backward ? ATTR_BODY : ATTR_NIL, .body = job->backward},
    {.kind = ATTR_INT, .n = 1, .i = {job->results}},
    {.kind = ATTR_INT, .n = 1, .i = {job->ncaptured}},
  };
  memcpy(job->in + job->ncaptured, job->given,
         (size_t)job->ngiven * sizeof *job->given);
  return emit_op(&s->c, "call", job->in, job->ncaptured + job->ngiven,
                 attr);
}

static int core_call(lua_State *L) {
  State *s = state_of(L);
  want_callable(L, 1, "call: the first argument");
  lua_settop(L, 2);
  int layers = layer_stack(L)->n, mark = context_mark(&s->c);
  CallJob *job = lua_newuserdatauv(L, sizeof *job, 0);
  memset(job, 0, sizeof *job);
  job->ngiven = operand_list(L, s, 2, "call", "input", job->given, MAX_OUTPUTS);
  scope_open(&s->c, &job->scope, true);
  job->open = true;
  lua_pushcfunction(L, call_protected);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, -3);
  int status = state_call(L, s, 2, 0, 0);
  if (job->back_open)
    scope_close(&s->c, &job->back);
  if (job->open)
    scope_close(&s->c, &job->scope);
  Val y = {s->c.dummy, 0};
  if (status == LUA_OK && job->body)
    y = emit_call(s, job);
  function_release(job->body);
  function_release(job->backward);
  if (status != LUA_OK) {
    layer_stack(L)->n = layers;
    context_drain(&s->c, mark);
    return lua_error(L);
  }
  if (s->c.error.set) {
    context_drain(&s->c, mark);
    return raise_context(L, s);
  }
  lua_createtable(L, job->results, 0);
  for (int i = 0; i < job->results; i++) {
    box_push(L, s, (Val){y.node, i});
    lua_rawseti(L, -2, i + 1);
  }
  context_drain(&s->c, mark);
  return 1;
}

void call_open(lua_State *L) {
  lua_pushcfunction(L, core_call);
  lua_setfield(L, -2, "call");
}
