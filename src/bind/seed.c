/* Random numbers of a state: its seed, a key for each stream of them, and orders
** of rows. */

#include "bind/box.h"
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

/* Shuffles p by Fisher and Yates. Knuth's linear congruence draws: its high bits
** are good enough for that, and it is quick. Returns where it stands. */
static uint64_t shuffle(int32_t *p, int64_t n, uint64_t state) {
  for (int64_t i = n; i > 1; i--) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    int64_t k = (uint32_t)(state >> 33) % (uint32_t)i;
    int32_t kept = p[k];
    p[k] = p[i - 1];
    p[i - 1] = kept;
  }
  return state;
}

/* permutation(first, last, seed, within): the rows first ... last-1 in a random
** order that the seed decides, moved only inside of blocks of `within` rows. */
static int core_permutation(lua_State *L) {
  State *s = state_enter(L);
  lua_Integer first = want_whole(L, 1, "permutation: the first row");
  lua_Integer last = want_whole(L, 2, "permutation: the last row");
  uint64_t seed = (uint64_t)want_whole(L, 3, "permutation: the seed");
  lua_Integer within = want_whole(L, 4, "permutation: the block");
  if (first < 0 || last < first || last > INT32_MAX || within < 1)
    return raise_error(L, "permutation: blocks of %lld of the rows from %lld "
                          "to %lld", (long long)within, (long long)first,
                       (long long)last);
  Tensor t;
  Type type = {.dtype = I32, .rank = 1, .dim = {last - first}};
  if (!tensor_new(&t, s->account, &type, &s->c.error))
    return raise_context(L, s);
  int32_t *p = t.data;
  for (int64_t i = 0; i < last - first; i++)
    p[i] = (int32_t)(first + i);
  uint64_t state = (seed ^ seed >> 31) * UINT64_C(0x9E3779B97F4A7C15);
  for (int64_t i = 0; i < last - first; i += within) {
    int64_t rest = last - first - i;
    state = shuffle(p + i, within < rest ? within : rest, state);
  }
  box_push_tensor(L, s, t);
  return 1;
}

void seed_open(lua_State *L) {
  static const luaL_Reg core[] = {
    {"seed", core_seed}, {"random_key", core_random_key},
    {"random_state", core_random_state}, {"permutation", core_permutation},
    {NULL, NULL}
  };
  luaL_setfuncs(L, core, 0);
}
