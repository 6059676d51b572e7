/* lunula in a host's own state: opening it there, and exchanging tensors. Every
** way into Lua goes through protect. */

#include "host/runtime.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/carried.h"

/* ---- the way in --------------------------------------------------------- */

/* The message handler: a text, and where it came from. */
static int explain(lua_State *L) {
  State *s = state_of(L);
  if (s)
    s->caught = error_kind(L, 1);
  if (lua_type(L, 1) != LUA_TSTRING)
    luaL_tolstring(L, 1, NULL);
  luaL_traceback(L, L, lua_tostring(L, -1), 1);
  return 1;
}

/* The kind of the error that ended the guarded call. */
static ErrorKind kind_of_end(lua_State *L, int status) {
  const State *s = state_of(L);
  return status == LUA_ERRMEM ? ERROR_MEMORY : s ? s->caught : ERROR_PLAIN;
}

static lunula_status report(lua_State *L, int status, const Job *job,
                            lunula_error *error) {
  static const char mark[] = "\nstack traceback:\n";
  const char *text = lua_type(L, -1) == LUA_TSTRING
                         ? lua_tostring(L, -1) : "an error without a message";
  const char *stack = strstr(text, mark);
  int n = stack ? (int)(stack - text) : (int)strlen(text);
  const lunula_runtime *rt = runtime_of(L);
  bool starved = rt && rt->starved; /* Lua says of a stack that cannot grow */
  lunula_status s = status == LUA_ERRMEM ? LUNULA_MEMORY
                    : job->refused ? job->refused
                    : starved && strstr(text, "stack overflow")
                        ? LUNULA_MEMORY : status_of(kind_of_end(L, status));
  refuse(error, s, "%.*s", n, text);
  if (error && stack)
    snprintf(error->traceback, sizeof error->traceback, "%s",
             stack + sizeof mark - 1);
  return s;
}

/* Values that the context still holds for a call that was cut short. */
static int mark_of(const State *s) {
  return s ? context_mark(&s->c) : 0;
}

static void tidy(lua_State *L, int mark) {
  State *s = state_of(L);
  if (s == NULL)
    return;
  context_drain(&s->c, mark);
  s->c.error.set = false;
}

lunula_status protect_value(lua_State *L, int index, lua_CFunction f, void *job,
                            int results, lunula_error *error) {
  if (L == NULL)
    return refuse_null(error, "Lua state");
  int top = lua_gettop(L);
  if (!lua_checkstack(L, 8))
    return refuse(error, LUNULA_MEMORY, "the Lua stack is full");
  index = index ? lua_absindex(L, index) : 0;
  if (index < 0 || index > top)
    return refuse(error, LUNULA_ARGUMENT, "there is no value at index %d",
                  index);
  State *state = state_of(L);
  int mark = mark_of(state);
  if (state) {
    state->caught = ERROR_PLAIN;
    state->mark = mark;
  }
  lua_pushcfunction(L, explain);
  lua_pushcfunction(L, f);
  lua_pushlightuserdata(L, job);
  if (index)
    lua_pushvalue(L, index);
  int status = lua_pcall(L, index ? 2 : 1, results, top + 1);
  lunula_status s = LUNULA_OK;
  if (status == LUA_OK) {
    lua_remove(L, top + 1);
  } else {
    s = report(L, status, job, error);
    lua_settop(L, top);
  }
  tidy(L, mark);
  return s;
}

lunula_status protect(lua_State *L, lua_CFunction f, void *job, int results,
                      lunula_error *error) {
  return protect_value(L, 0, f, job, results, error);
}

int refuse_job(lua_State *L, void *job, lunula_status status,
               const char *format, ...) {
  char text[1000];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  ((Job *)job)->refused = status;
  lua_pushstring(L, text);
  return lua_error(L);
}

State *need_core(lua_State *L) {
  State *s = state_of(L);
  if (s)
    return s;
  luaL_requiref(L, "lunula.core", luaopen_lunula_core, 0);
  lua_pop(L, 1);
  return state_of(L);
}

/* ---- lunula_open -------------------------------------------------------- */

/* upvalue: the file */
static int load_carried(lua_State *L) {
  const CarriedFile *f = lua_touserdata(L, lua_upvalueindex(1));
  if (luaL_loadbufferx(L, f->text, f->size, f->chunk, "t") != LUA_OK)
    return lua_error(L);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

/* Stack: preload, loader. */
static void add_loader(lua_State *L, const char *module) {
  if (lua_getfield(L, -2, module) == LUA_TNIL) {
    lua_pushvalue(L, -2);
    lua_setfield(L, -4, module);
  }
  lua_pop(L, 2);
}

void preload_all(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, luaopen_lunula_core);
  add_loader(L, "lunula.core");
  for (const CarriedFile *f = carried_files; f->module; f++) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)f);
    lua_pushcclosure(L, load_carried, 1);
    add_loader(L, f->module);
  }
  lua_pop(L, 1);
}

static int open_job(lua_State *L) {
  luaL_checkversion(L);
  preload_all(L);
  return 0;
}

lunula_status lunula_open(lua_State *L, lunula_error *error) {
  Job job = {LUNULA_OK};
  return protect(L, open_job, &job, 0, error);
}

/* ---- the host's memory as a tensor -------------------------------------- */

typedef struct PushJob {
  Job job;
  const lunula_view *view;
  void (*release)(void *ud, void *data);
  void *ud;
} PushJob;

/* The release callback is armed last: what fails before has taken nothing. */
static int push_job(lua_State *L) {
  PushJob *j = lua_touserdata(L, 1);
  State *s = need_core(L);
  Error e = {.set = false};
  Type type;
  Tensor t;
  if (!view_check(j->view, &type, &e))
    return refuse_job(L, j, LUNULA_ARGUMENT, "push: %s", e.text);
  if (!tensor_adopt(&t, &type, j->view->data, j->view->read_only != 0, NULL,
                    NULL, &e))
    return refuse_job(L, j, status_of(e.kind), "%s", e.text);
  Buffer *buffer = t.buffer;
  push_tensor(L, s, t);
  buffer->release = j->release;
  buffer->ud = j->ud;
  return 1;
}

lunula_status lunula_push_tensor(lua_State *L, const lunula_view *view,
                                 void (*release)(void *ud, void *data),
                                 void *ud, lunula_error *error) {
  PushJob job = {{LUNULA_OK}, view, release, ud};
  return protect(L, push_job, &job, 1, error);
}

lunula_status lunula_push_view(lua_State *L, const lunula_view *view,
                               lunula_error *error) {
  return lunula_push_tensor(L, view, NULL, NULL, error);
}

/* ---- a tensor as the host's view ---------------------------------------- */

typedef struct ViewJob {
  Job job;
  lunula_view *view;
  lunula_pin **pin; /* NULL: none is wanted */
} ViewJob;

/* The value at 2, of a tensor or a variable. */
static const Tensor *host_tensor(lua_State *L, State *s, ViewJob *j) {
  Val v;
  if (!get_value(L, s, 2, &v))
    refuse_job(L, j, LUNULA_ARGUMENT, "a tensor is wanted, got %s",
               luaL_typename(L, 2));
  if (val_symbolic(v))
    refuse_job(L, j, LUNULA_ARGUMENT,
               "a tensor of an open trace has no numbers yet");
  Error e = {.set = false};
  if (!tensor_readable(val_tensor(v), &e))
    refuse_job(L, j, LUNULA_ARGUMENT, "%s", e.text);
  return val_tensor(v);
}

static int view_job(lua_State *L) {
  ViewJob *j = lua_touserdata(L, 1);
  State *s = need_core(L);
  int mark = context_mark(&s->c);
  const Tensor *t = host_tensor(L, s, j);
  if (j->pin && (*j->pin = pin_new(t)) == NULL)
    return refuse_job(L, j, LUNULA_MEMORY, "out of memory");
  view_of_tensor(j->view, t);
  context_drain(&s->c, mark);
  return 0;
}

static int detach_job(lua_State *L) {
  ViewJob *j = lua_touserdata(L, 1);
  State *s = need_core(L);
  int mark = context_mark(&s->c);
  Buffer *b = host_tensor(L, s, j)->buffer;
  if (b->account)
    return refuse_job(L, j, LUNULA_ARGUMENT,
                      "detach: the tensor is not on the host's memory");
  atomic_store_explicit(&b->detached, true, memory_order_release);
  context_drain(&s->c, mark);
  return 0;
}

lunula_status lunula_to_view(lua_State *L, int index, lunula_view *view,
                             lunula_error *error) {
  ViewJob job = {{LUNULA_OK}, view, NULL};
  if (view == NULL)
    return refuse_null(error, "view");
  return protect_value(L, index, view_job, &job, 0, error);
}

lunula_status lunula_pin_tensor(lua_State *L, int index, lunula_view *view,
                                lunula_pin **pin, lunula_error *error) {
  ViewJob job = {{LUNULA_OK}, view, pin};
  if (view == NULL || pin == NULL)
    return refuse_null(error, view ? "place for the pin" : "view");
  *pin = NULL;
  return protect_value(L, index, view_job, &job, 0, error);
}

lunula_status lunula_detach(lua_State *L, int index, lunula_error *error) {
  ViewJob job = {{LUNULA_OK}, NULL, NULL};
  return protect_value(L, index, detach_job, &job, 0, error);
}
