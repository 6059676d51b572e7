/* Garbage is collected when tensors, not Lua's own heap, have grown: the
** collector is nudged by the bytes that boxes hold, which Lua does not see. */

#include "bind/box.h"
#include "bind/core.h"

static void collect(lua_State *L, State *s) {
  lua_gc(L, LUA_GCCOLLECT);
  s->after_gc = account_report(s->account).live;
  s->boxes = 0;
  s->collections++;
}

void memory_collect(lua_State *L, State *s) {
  collect(L, s);
  account_trim(s->account, 0);
}

/* Whether so many values were boxed that their headers, which Lua does not
** see, weigh more than a collection of Lua's heap costs. */
static bool many_boxes(const State *s, size_t heap) {
  enum { LEAST = 1 << 14 };
  return s->boxes >= LEAST && s->boxes >= (int64_t)(heap >> 7);
}

/* Tensors may double, or grow by 64 MB, before a full collection: a young or
** a partial one would keep old tensors (see the two modes of Lua's collector).
** A stopped collector is respected. */
void memory_relieve(lua_State *L, State *s, size_t wanted) {
  size_t floor = (size_t)64 << 20, live = account_report(s->account).live;
  if (live < s->after_gc)
    s->after_gc = live;
  size_t grown = live - s->after_gc + wanted;
  if (grown <= floor && !many_boxes(s, 0))
    return;
  size_t heap = (size_t)lua_gc(L, LUA_GCCOUNT) << 10;
  size_t allowed = s->after_gc > heap ? s->after_gc : heap;
  if ((grown > floor && grown > allowed) || many_boxes(s, heap))
    if (lua_gc(L, LUA_GCISRUNNING))
      collect(L, s);
}

/* A tensor that is wanted: with room for so many bytes of strings, if `room` is
** there, or with a copy of the data, if there is some. */
typedef struct Wanted {
  const Type *type;
  const void *data;
  int64_t more;
  char **room;
} Wanted;

static bool new_tensor(Tensor *t, State *s, const Wanted *w, Error *e) {
  e->set = false;
  return w->room ? tensor_new_strings(t, s->account, w->type, w->more, w->room,
                                      e)
         : w->data ? tensor_new_of(t, s->account, w->type, w->data, e)
                   : tensor_new(t, s->account, w->type, e);
}

static Val new_value(lua_State *L, State *s, const Wanted *w) {
  Tensor t;
  Error e;
  int64_t bytes = type_bytes(w->type) + w->more;
  memory_relieve(L, s, (size_t)(bytes > 0 ? bytes : 0));
  if (!new_tensor(&t, s, w, &e)) {
    memory_collect(L, s);
    if (!new_tensor(&t, s, w, &e))
      raise_failure(L, &e);
  }
  Val v = value_of(&s->c, t);
  if (s->c.error.set)
    raise_context(L, s);
  return v;
}

Val memory_value(lua_State *L, State *s, const Type *type) {
  return new_value(L, s, &(Wanted){.type = type});
}

Val memory_value_of(lua_State *L, State *s, const Type *type,
                    const void *data) {
  return new_value(L, s, &(Wanted){.type = type, .data = data});
}

Val memory_strings(lua_State *L, State *s, const Type *type, int64_t bytes,
                   char **room) {
  return new_value(L, s, &(Wanted){.type = type, .more = bytes, .room = room});
}

/* ---- what Lua sees ------------------------------------------------------ */

static int core_memory(lua_State *L) {
  State *s = state_of(L);
  AccountReport r = account_report(s->account);
  lua_createtable(L, 0, 5);
  lua_pushinteger(L, (lua_Integer)r.live);
  lua_setfield(L, -2, "live");
  lua_pushinteger(L, (lua_Integer)r.peak);
  lua_setfield(L, -2, "peak");
  lua_pushinteger(L, (lua_Integer)r.cached);
  lua_setfield(L, -2, "cached");
  lua_pushinteger(L, (lua_Integer)r.limit);
  lua_setfield(L, -2, "limit");
  lua_pushinteger(L, s->collections);
  lua_setfield(L, -2, "collections");
  return 1;
}

static int core_set_limit(lua_State *L) {
  lua_Integer bytes = want_whole(L, 1, "set_memory_limit: the bytes");
  if (bytes < 0)
    return raise_error(L, "set_memory_limit takes bytes, or 0 for no limit");
  account_set_limit(state_of(L)->account, (size_t)bytes);
  return 0;
}

void memory_open(lua_State *L) {
  static const luaL_Reg core[] = {
    {"memory", core_memory}, {"set_memory_limit", core_set_limit}, {NULL, NULL}
  };
  luaL_setfuncs(L, core, 0);
}
