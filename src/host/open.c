/* lunula in a host's own state: opening it there, and exchanging tensors. */

#include "bind/carried.h"
#include "host/runtime.h"

/* ---- lunula_open -------------------------------------------------------- */

static int open_job(lua_State *L) {
  luaL_checkversion(L);
  carried_preload(L, luaopen_lunula_core);
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
  State *s = protect_core(L);
  Error e = {.set = false};
  Type type;
  Tensor t;
  if (!view_check(j->view, &type, &e))
    return protect_refuse(L, j, LUNULA_ARGUMENT, "push: %s", e.text);
  if (!tensor_adopt(&t, &type, j->view->data, j->view->read_only != 0, NULL,
                    NULL, &e))
    return protect_refuse(L, j, host_status(e.kind), "%s", e.text);
  Buffer *buffer = t.buffer;
  box_push_tensor(L, s, t);
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
  if (!box_value(L, s, 2, &v))
    protect_refuse(L, j, LUNULA_ARGUMENT, "a tensor is wanted, got %s",
                   luaL_typename(L, 2));
  if (val_symbolic(v))
    protect_refuse(L, j, LUNULA_ARGUMENT,
                   "a tensor of an open trace has no numbers yet");
  Error e = {.set = false};
  if (!tensor_readable(val_tensor(v), &e))
    protect_refuse(L, j, LUNULA_ARGUMENT, "%s", e.text);
  return val_tensor(v);
}

static int view_job(lua_State *L) {
  ViewJob *j = lua_touserdata(L, 1);
  State *s = protect_core(L);
  int mark = context_mark(&s->c);
  const Tensor *t = host_tensor(L, s, j);
  if (j->pin && (*j->pin = view_pin(t)) == NULL)
    return protect_refuse(L, j, LUNULA_MEMORY, "out of memory");
  view_of_tensor(j->view, t);
  context_drain(&s->c, mark);
  return 0;
}

static int detach_job(lua_State *L) {
  ViewJob *j = lua_touserdata(L, 1);
  State *s = protect_core(L);
  int mark = context_mark(&s->c);
  Buffer *b = host_tensor(L, s, j)->buffer;
  if (b->account)
    return protect_refuse(L, j, LUNULA_ARGUMENT,
                          "detach: the tensor is not on the host's memory");
  atomic_store_explicit(&b->detached, true, memory_order_release);
  context_drain(&s->c, mark);
  return 0;
}

lunula_status lunula_to_view(lua_State *L, int index, lunula_view *view,
                             lunula_error *error) {
  ViewJob job = {{LUNULA_OK}, view, NULL};
  if (view == NULL)
    return host_refuse_null(error, "view");
  return protect_value(L, index, view_job, &job, 0, error);
}

lunula_status lunula_pin_tensor(lua_State *L, int index, lunula_view *view,
                                lunula_pin **pin, lunula_error *error) {
  ViewJob job = {{LUNULA_OK}, view, pin};
  if (view == NULL || pin == NULL)
    return host_refuse_null(error, view ? "place for the pin" : "view");
  *pin = NULL;
  return protect_value(L, index, view_job, &job, 0, error);
}

lunula_status lunula_detach(lua_State *L, int index, lunula_error *error) {
  ViewJob job = {{LUNULA_OK}, NULL, NULL};
  return protect_value(L, index, detach_job, &job, 0, error);
}
