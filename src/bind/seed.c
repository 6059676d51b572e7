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

void seed_open(lua_State *L) {
  static const luaL_Reg core[] = {
    {"seed", core_seed}, {"random_key", core_random_key}, {NULL, NULL}
  };
  luaL_setfuncs(L, core, 0);
}
