/* Random numbers of a state: its seed, and a key for each stream of them. */

#include "bind/core.h"
#include "bind/raise.h"

static int core_seed(lua_State *L) {
  State *s = state_of(L);
  s->c.seed = (uint64_t)want_whole(L, 1, "seed: the number");
  s->c.stream = 0;
  s->c.draw = 0;
  return 0;
}

static int core_random_key(lua_State *L) {
  lua_pushinteger(L, ++state_of(L)->c.stream);
  return 1;
}

/* random_state() -> seed, stream, draw: where the sequence stands; given these
** three it goes on from there. */
static int core_random_state(lua_State *L) {
  State *s = state_of(L);
  if (lua_gettop(L) > 0) {
    uint64_t seed = (uint64_t)want_whole(L, 1, "random_state: the seed");
    uint32_t stream = (uint32_t)want_whole(L, 2, "random_state: the stream");
    uint32_t draw = (uint32_t)want_whole(L, 3, "random_state: the draw");
    s->c.seed = seed;
    s->c.stream = stream;
    s->c.draw = draw;
  }
  lua_pushinteger(L, (lua_Integer)s->c.seed);
  lua_pushinteger(L, s->c.stream);
  lua_pushinteger(L, s->c.draw);
  return 3;
}

void seed_open(lua_State *L) {
  static const luaL_Reg core[] = {
    {"seed", core_seed}, {"random_key", core_random_key},
    {"random_state", core_random_state}, {NULL, NULL}
  };
  luaL_setfuncs(L, core, 0);
}
