/* A script's values for a host that does not know Lua: set, read, called, trained,
** saved and loaded by their names. */

#include <string.h>

#include "host/runtime.h"

typedef struct ValueJob {
  Job job;
  const char *name, *path;
  const lunula_view *in, *target;
  lunula_view *out;
  int nin, ntargets, nout;
  double *number;
  int *numbers; /* room before the call, how many there are after it */
} ValueJob;

/* ---- names -------------------------------------------------------------- */

static int refuse_nothing(lua_State *L, ValueJob *j, const char *end) {
  return protect_refuse(L, j, LUNULA_ARGUMENT, "there is no \"%.*s\"%s%s%s",
                        (int)(end - j->name), j->name, *end ? " (of \"" : "",
                        *end ? j->name : "", *end ? "\")" : "");
}

/* Pushes what the name leads to, "net", "net.name" or "net:predict", and for the
** last one the object that it is called with. Returns how many values. */
static int push_named(lua_State *L, ValueJob *j) {
  const char *at = j->name;
  bool method = false;
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  for (;;) {
    size_t n = strcspn(at, ".:");
    lua_pushlstring(L, at, n);
    lua_gettable(L, -2);
    at += n;
    if (lua_isnil(L, -1))
      return refuse_nothing(L, j, at);
    if (*at == '\0')
      break;
    lua_remove(L, -2);
    method = *at++ == ':';
  }
  if (method)
    lua_insert(L, -2);
  else
    lua_remove(L, -2);
  return method ? 2 : 1;
}

/* ---- tensors ------------------------------------------------------------ */

/* Pushes a tensor with a copy of the view's numbers, or strings. */
static void push_copy(lua_State *L, ValueJob *j, const char *what, int i,
                      const lunula_view *view) {
  State *s = protect_core(L);
  Error e = {.set = false};
  Type type;
  int mark = context_mark(&s->c);
  if (!view_check(view, &type, &e))
    protect_refuse(L, j, LUNULA_ARGUMENT, "%s %d: %s", what, i, e.text);
  box_push(L, s, memory_value_of(L, s, &type, view->data));
  context_drain(&s->c, mark);
}

/* The value on the top becomes a tensor: it is one, or a variable, or what
** k.tensor takes. */
static void make_tensor(lua_State *L) {
  if (box_is_tensor(L, -1))
    return;
  Variable *v = box_variable(L, lua_gettop(L));
  if (v) {
    box_push_tensor(L, state_of(L), tensor_share(&v->tensor));
  } else {
    lua_getglobal(L, "require");
    lua_pushliteral(L, "lunula.core");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "tensor");
    lua_remove(L, -2);
    lua_pushvalue(L, -2);
    lua_call(L, 1, 1);
  }
  lua_remove(L, -2);
}

/* Keeps the tensor on the top under the key that lies below it, so that the host
** may look into it until there is another one. */
static void show_kept(lua_State *L, ValueJob *j, lunula_view *view) {
  State *s = state_of(L);
  int mark = context_mark(&s->c);
  Tensor t = box_tensor(L, s, lua_gettop(L));
  Error e = {.set = false};
  if (!tensor_readable(&t, &e))
    protect_refuse(L, j, LUNULA_ARGUMENT, "%s: %s", j->name, e.text);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "lunula.Kept");
  lua_insert(L, -3);
  lua_settable(L, -3);
  lua_pop(L, 1);
  view_of_tensor(view, &t);
  context_drain(&s->c, mark);
}

/* ---- set and get -------------------------------------------------------- */

static bool is_plain(const char *name) {
  return *name && name[strcspn(name, ".:")] == '\0';
}

static int set_job(lua_State *L) {
  ValueJob *j = lua_touserdata(L, 1);
  if (!is_plain(j->name))
    return protect_refuse(L, j, LUNULA_ARGUMENT,
                          "set: \"%s\" is no name of a global variable",
                          j->name);
  push_copy(L, j, "value", 0, j->in);
  lua_setglobal(L, j->name);
  return 0;
}

/* The tensor on the top becomes one that no script has: they may write into
** theirs. */
static void make_own(lua_State *L) {
  State *s = state_of(L);
  int mark = context_mark(&s->c);
  Tensor t = box_tensor(L, s, lua_gettop(L));
  box_push(L, s, memory_value_of(L, s, &t.type, t.data));
  context_drain(&s->c, mark);
  lua_remove(L, -2);
}

static int get_job(lua_State *L) {
  ValueJob *j = lua_touserdata(L, 1);
  protect_core(L);
  lua_pushstring(L, j->name);
  if (push_named(L, j) == 2)
    return protect_refuse(L, j, LUNULA_ARGUMENT,
                          "get: \"%s\" is a method; lunula_call calls it",
                          j->name);
  bool shared = box_is_tensor(L, -1);
  make_tensor(L);
  if (shared)
    make_own(L);
  show_kept(L, j, j->out);
  return 0;
}

static lunula_status run_job(lunula_runtime *rt, lua_CFunction f, ValueJob *job,
                             lunula_error *error) {
  if (rt == NULL)
    return host_refuse_null(error, "runtime");
  if (job->name == NULL)
    return host_refuse_null(error, "name");
  governor_begin(rt);
  return governor_end(rt, protect(rt->L, f, job, 0, error), error);
}

lunula_status lunula_set(lunula_runtime *rt, const char *name,
                         const lunula_view *view, lunula_error *error) {
  ValueJob job = {.name = name, .in = view};
  if (view == NULL)
    return host_refuse_null(error, "view");
  return run_job(rt, set_job, &job, error);
}

lunula_status lunula_get(lunula_runtime *rt, const char *name,
                         lunula_view *view, lunula_error *error) {
  ValueJob job = {.name = name, .out = view};
  if (view == NULL)
    return host_refuse_null(error, "view");
  return run_job(rt, get_job, &job, error);
}

/* ---- call --------------------------------------------------------------- */

/* Copies the tensor on the top into the host's memory. */
static void copy_out(lua_State *L, ValueJob *j, int i) {
  State *s = state_of(L);
  char want[TYPE_TEXT], got[TYPE_TEXT];
  Error e = {.set = false};
  Type type;
  const lunula_view *out = &j->out[i];
  if (!view_check(out, &type, &e))
    protect_refuse(L, j, LUNULA_ARGUMENT, "output %d: %s", i, e.text);
  int mark = context_mark(&s->c);
  Tensor t = box_tensor(L, s, lua_gettop(L));
  if (!type_equal(&type, &t.type))
    protect_refuse(L, j, LUNULA_ARGUMENT, "output %d is %s %s, %s gives %s %s",
                   i, dtype_name((DType)type.dtype), type_text(&type, want),
                   j->name, dtype_name((DType)t.type.dtype),
                   type_text(&t.type, got));
  if (type.dtype == STR)
    protect_refuse(L, j, LUNULA_ARGUMENT,
                   "output %d is strings: leave its data NULL, to look at them "
                   "where they are", i);
  if (out->read_only)
    protect_refuse(L, j, LUNULA_ARGUMENT, "output %d is read only", i);
  if (type_bytes(&type) > 0)
    memcpy(out->data, t.data, (size_t)type_bytes(&type));
  context_drain(&s->c, mark);
  lua_pop(L, 1);
}

static void give_out(lua_State *L, ValueJob *j, int i, int index) {
  lua_pushinteger(L, i);
  lua_pushvalue(L, index);
  if (lua_isnil(L, -1))
    protect_refuse(L, j, LUNULA_ERROR, "%s returns %d value%s, %d are wanted",
                   j->name, i, i == 1 ? "" : "s", j->nout);
  make_tensor(L);
  if (j->out[i].data) {
    copy_out(L, j, i);
    lua_pop(L, 1);
  } else {
    show_kept(L, j, &j->out[i]);
  }
}

static int call_job(lua_State *L) {
  ValueJob *j = lua_touserdata(L, 1);
  protect_core(L);
  luaL_checkstack(L, j->nin + j->nout + 20, NULL);
  int given = push_named(L, j), first = lua_gettop(L) - given + 1;
  for (int i = 0; i < j->nin; i++)
    push_copy(L, j, "input", i, &j->in[i]);
  lua_call(L, given - 1 + j->nin, j->nout);
  for (int i = 0; i < j->nout; i++)
    give_out(L, j, i, first + i);
  return 0;
}

static lunula_status check_lists(const ValueJob *j, lunula_error *error) {
  if (j->nin < 0 || j->nout < 0 || j->ntargets < 0)
    return host_refuse(error, LUNULA_ARGUMENT, "less than no views");
  if (j->nin > 0 && j->in == NULL)
    return host_refuse_null(error, "list of inputs");
  if (j->ntargets > 0 && j->target == NULL)
    return host_refuse_null(error, "list of targets");
  if (j->nout > 0 && j->out == NULL)
    return host_refuse_null(error, "list of outputs");
  return LUNULA_OK;
}

lunula_status lunula_call(lunula_runtime *rt, const char *name,
                          const lunula_view *inputs, int ninputs,
                          lunula_view *outputs, int noutputs,
                          lunula_error *error) {
  ValueJob job = {.name = name, .in = inputs, .nin = ninputs, .out = outputs,
                  .nout = noutputs};
  lunula_status s = check_lists(&job, error);
  return s == LUNULA_OK ? run_job(rt, call_job, &job, error) : s;
}

/* ---- training ----------------------------------------------------------- */

/* Pushes one tensor, or a list of them; nil: there is none. */
static void push_list(lua_State *L, ValueJob *j, const char *what,
                      const lunula_view *view, int n) {
  if (n == 0)
    lua_pushnil(L);
  if (n == 1)
    push_copy(L, j, what, 0, view);
  if (n < 2)
    return;
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    push_copy(L, j, what, i, &view[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

static int train_job(lua_State *L) {
  ValueJob *j = lua_touserdata(L, 1);
  protect_core(L);
  push_named(L, j);
  int model = lua_gettop(L);
  if (!lua_istable(L, -1) ||
      lua_getfield(L, -1, "train_on_batch") != LUA_TFUNCTION)
    return protect_refuse(L, j, LUNULA_ARGUMENT, "\"%s\" is no model",
                          j->name);
  lua_pushvalue(L, model);
  push_list(L, j, "input", j->in, j->nin);
  push_list(L, j, "target", j->target, j->ntargets);
  lua_call(L, 3, LUA_MULTRET);
  int room = *j->numbers, n = lua_gettop(L) - model;
  for (int i = 0; i < n && i < room; i++)
    j->number[i] = lua_tonumber(L, model + 1 + i);
  *j->numbers = n;
  return 0;
}

lunula_status lunula_train(lunula_runtime *rt, const char *name,
                           const lunula_view *inputs, int ninputs,
                           const lunula_view *targets, int ntargets,
                           double *results, int *nresults,
                           lunula_error *error) {
  int none = 0;
  ValueJob job = {.name = name, .in = inputs, .nin = ninputs,
                  .target = targets, .ntargets = ntargets, .number = results,
                  .numbers = nresults ? nresults : &none};
  lunula_status s = check_lists(&job, error);
  if (s == LUNULA_OK && *job.numbers > 0 && results == NULL)
    return host_refuse_null(error, "place for the results");
  return s == LUNULA_OK ? run_job(rt, train_job, &job, error) : s;
}

/* ---- files -------------------------------------------------------------- */

/* Pushes a function of lunula.saving. */
static void push_saving(lua_State *L, const char *name) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "lunula.saving");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
}

static int load_job(lua_State *L) {
  ValueJob *j = lua_touserdata(L, 1);
  protect_core(L);
  if (!is_plain(j->name))
    return protect_refuse(L, j, LUNULA_ARGUMENT,
                          "load: \"%s\" is no name of a global variable",
                          j->name);
  push_saving(L, "load_model");
  lua_pushstring(L, j->path);
  lua_call(L, 1, 1);
  lua_setglobal(L, j->name);
  return 0;
}

static int save_job(lua_State *L) {
  ValueJob *j = lua_touserdata(L, 1);
  protect_core(L);
  push_saving(L, "save_model");
  if (push_named(L, j) == 2)
    return protect_refuse(L, j, LUNULA_ARGUMENT, "\"%s\" is no model",
                          j->name);
  lua_pushstring(L, j->path);
  lua_call(L, 2, 0);
  return 0;
}

static lunula_status run_file(lunula_runtime *rt, lua_CFunction f,
                              const char *name, const char *path,
                              lunula_error *error) {
  ValueJob job = {.name = name, .path = path};
  if (path == NULL)
    return host_refuse_null(error, "path");
  if (rt == NULL)
    return host_refuse_null(error, "runtime");
  rt->file = path;
  lunula_status s = run_job(rt, f, &job, error);
  rt->file = NULL;
  return s;
}

lunula_status lunula_load_model(lunula_runtime *rt, const char *name,
                                const char *path, lunula_error *error) {
  return run_file(rt, load_job, name, path, error);
}

lunula_status lunula_save_model(lunula_runtime *rt, const char *name,
                                const char *path, lunula_error *error) {
  return run_file(rt, save_job, name, path, error);
}
