/* scan(fn, states, sequences, {reverse=, length=}) -> states, results: a Lua
** function over time. It is traced once, with one step of each sequence. */

#include <string.h>

#include "bind/box.h"
#include "bind/core.h"
#include "scan/scan.h"

enum { MOST = MAX_OUTPUTS / 2 }; /* values in a list */

typedef struct ScanJob {
  Val state[MAX_OUTPUTS], sequence[MAX_OUTPUTS];
  int nstates, nsequences;
  bool reverse;
  int64_t length;
  Scope scope;
  bool open;
  Function *body;
  Val in[MAX_INPUTS];
  ScanCounts n;
} ScanJob;

static void push_inputs(lua_State *L, State *s, ScanJob *job) {
  lua_createtable(L, job->nstates, 0);
  for (int i = 0; i < job->nstates; i++) {
    box_push(L, s, scope_input(&s->c, val_type(job->state[i])));
    lua_rawseti(L, -2, i + 1);
  }
  lua_createtable(L, job->nsequences, 0);
  for (int i = 0; i < job->nsequences; i++) {
    const Type *t = val_type(job->sequence[i]);
    if (t->rank < 1)
      raise_error(L, "scan: sequence %d has no time axis", i + 1);
    Type step = scan_slice(t);
    box_push(L, s, scope_input(&s->c, &step));
    lua_rawseti(L, -2, i + 1);
  }
}

/* fn, job */
static int scan_protected(lua_State *L) {
  State *s = state_of(L);
  ScanJob *job = lua_touserdata(L, 2);
  Val out[MAX_OUTPUTS];
  lua_settop(L, 1);
  push_inputs(L, s, job);
  lua_call(L, 2, 2);
  if (!lua_istable(L, 1))
    raise_error(L, "scan: the function returns a table of states, then one of "
                   "results; got %s", luaL_typename(L, 1));
  int states = operand_list(L, s, 1, "scan", "state", out, MOST), results = 0;
  if (lua_istable(L, 2))
    results = operand_list(L, s, 2, "scan", "result", out + states, MOST);
  if (states != job->nstates)
    raise_error(L, "scan: %d states go in, %d come out", job->nstates, states);
  int captured = 0;
  job->open = false;
  job->body = scope_finish(&s->c, &job->scope, out, states + results, job->in,
                           &captured);
  job->n = (ScanCounts){captured, states, job->nsequences, results};
  return 0;
}

static void read_options(lua_State *L, ScanJob *job) {
  job->length = -1;
  if (lua_isnoneornil(L, 4))
    return;
  want_type(L, 4, LUA_TTABLE, "scan: the options");
  lua_getfield(L, 4, "reverse");
  job->reverse = lua_toboolean(L, -1);
  if (lua_getfield(L, 4, "length") != LUA_TNIL)
    job->length = want_whole(L, -1, "scan: length");
  lua_pop(L, 2);
}

static bool emit_job(State *s, ScanJob *job, Val *out) {
  Val hoisted[MAX_INPUTS];
  memcpy(job->in + job->n.consts, job->state,
         (size_t)job->nstates * sizeof(Val));
  memcpy(job->in + job->n.consts + job->nstates, job->sequence,
         (size_t)job->nsequences * sizeof(Val));
  Scan scan = {.body = job->body, .in = job->in, .n = job->n,
               .reverse = job->reverse, .length = job->length};
  bool ok = scan_hoist(&s->c, &scan, hoisted) && scan_emit(&s->c, &scan, out);
  job->body = scan.body;
  return ok;
}

static int core_scan(lua_State *L) {
  State *s = state_of(L);
  Val out[MAX_OUTPUTS];
  want_callable(L, 1, "scan: the first argument");
  lua_settop(L, 4);
  int layers = layer_stack(L)->n, mark = context_mark(&s->c);
  ScanJob *job = lua_newuserdatauv(L, sizeof *job, 0);
  memset(job, 0, sizeof *job);
  job->nstates = operand_list(L, s, 2, "scan", "state", job->state, MOST);
  job->nsequences = operand_list(L, s, 3, "scan", "sequence", job->sequence,
                                 MOST);
  read_options(L, job);
  if (job->nsequences == 0 && job->length < 0)
    return raise_error(L, "scan: without sequences it needs a length");
  scope_open(&s->c, &job->scope, true);
  job->open = true;
  lua_pushcfunction(L, scan_protected);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, -3);
  int status = state_call(L, s, 2, 0, 0);
  if (job->open)
    scope_close(&s->c, &job->scope);
  if (status != LUA_OK) {
    layer_stack(L)->n = layers;
    context_drain(&s->c, mark);
    return lua_error(L);
  }
  bool ok = job->body && emit_job(s, job, out);
  function_release(job->body);
  if (!ok) {
    context_drain(&s->c, mark);
    return raise_context(L, s);
  }
  lua_createtable(L, job->n.carry, 0);
  for (int i = 0; i < job->n.carry; i++) {
    box_push(L, s, out[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_createtable(L, job->n.results, 0);
  for (int i = 0; i < job->n.results; i++) {
    box_push(L, s, out[job->n.carry + i]);
    lua_rawseti(L, -2, i + 1);
  }
  context_drain(&s->c, mark);
  return 2;
}

void scan_open(lua_State *L) {
  lua_pushcfunction(L, core_scan);
  lua_setfield(L, -2, "scan");
}
