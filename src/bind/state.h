/* What one lua_State has of lunula. */
#ifndef BIND_STATE_H
#define BIND_STATE_H

#include <lauxlib.h>
#include <lua.h>

#include "graph/graph.h"
#include "plan/plan.h"

typedef struct LayerName {
  char name[64], class[48];
} LayerName;

/* The layers that are being called, outermost first; deeper ones are counted
** only. Each coroutine has its own: one that yields in the middle of a call,
** and never comes back, leaves the others as they are. */
typedef struct LayerStack {
  int n;
  LayerName layer[32];
} LayerStack;

typedef struct State {
  Context c;
  Account *account;
  lua_State *L;       /* of the call that is being served */
  char *home;         /* our Lua files' sources start so */
  lua_CFunction binder; /* what the functions of all ops are */
  lua_CFunction method; /* and their methods */
  LayerStack layers;  /* of the main thread */
  int64_t hosts;      /* number of the last host closure */
  ErrorKind raised;   /* kind of the last error that was not a plain one */
  ErrorKind caught;   /* kind of what the last guarded call ended with */
  int mark;           /* values above belong to the function called last */
  int calling;        /* closures that a plan is calling, one in another */
  size_t after_gc;    /* bytes live after the last collection for memory */
  int collections;
  int64_t boxes;      /* made since the last one */
  const void *none;   /* core.None, a userdata of the registry */
  bool retains;       /* the provider of products */
  Sums sums;          /* over processes, where c.env.sums is set */
} State;

State *state_of(lua_State *L);
/* The same for functions that scripts call: what the context holds from here
** on is let go when an error is raised. */
State *state_enter(lua_State *L);
/* lua_pcall by a function that may hold values of the context meanwhile, and
** then goes on. */
int state_call(lua_State *L, State *s, int nargs, int nresults, int handler);
/* The state of L, made when there is none; its tensors are counted by this
** account, NULL: by one of its own. */
State *state_open(lua_State *L, Account *account);
/* core.None (none.c) */
void none_push(lua_State *L, const State *st);

#endif
