/* Every layer, frozen: the recorded cases of all of them give the same bits as
** the script's model. Reads spec/ from where it is started. */
#define _GNU_SOURCE
#include "script.h"

#include <lauxlib.h>

enum { MOST = 8, LEAST = 600 };

static lunula_runtime *rt;

static void check_case(lua_State *L, lunula_model *m) {
  lunula_view in[MOST], want[MOST], out[MOST];
  int nin = lunula_model_input(m, 0, NULL);
  int nout = lunula_model_output(m, 0, NULL);
  if (!EXPECT(nin <= MOST && nout <= MOST))
    return;
  read_views(L, "inputs", nin, in);
  read_views(L, "outputs", nout, want);
  if (!EXPECT_STATUS(LUNULA_OK, lunula_prepare(m, in, nin, out, nout, &why)))
    return;
  for (int i = 0; i < nout; i++) {
    EXPECT(bytes_of(&out[i]) == bytes_of(&want[i]));
    out[i].data = calloc(1, bytes_of(&out[i]) + 1);
  }
  EXPECT_STATUS(LUNULA_OK, lunula_predict(m, in, nin, out, nout, &why));
  for (int i = 0; i < nout; i++) {
    EXPECT(memcmp(out[i].data, want[i].data, bytes_of(&want[i])) == 0);
    free(out[i].data);
  }
}

/* Whether the case could be frozen: those with a step in Lua cannot. */
static int check_frozen(lua_State *L) {
  lunula_model *m = NULL, *frozen = NULL;
  lua_getfield(L, -1, "model");
  EXPECT_STATUS(LUNULA_OK, lunula_to_model(L, -1, &m, &why));
  lua_pop(L, 1);
  lunula_status s = lunula_freeze(m, &frozen, &why);
  EXPECT(s == LUNULA_OK || strstr(why.text, "runs a Lua function"));
  if (s == LUNULA_OK)
    check_case(L, frozen);
  lunula_model_free(m);
  lunula_model_free(frozen);
  return s == LUNULA_OK;
}

static void all_layers(void) {
  lua_State *L = lunula_state(rt);
  EXPECT_STATUS(LUNULA_OK,
                run_text(rt, "all = dofile 'spec/support/frozen_cases.lua'"));
  lua_getglobal(L, "all");
  int n = lua_istable(L, -1) ? (int)lua_rawlen(L, -1) : 0, frozen = 0;
  for (int i = 1, before = broken; i <= n; i++, before = broken) {
    lua_rawgeti(L, 1, i);
    frozen += check_frozen(L);
    lua_getfield(L, -1, "name");
    if (broken > before)
      printf("  that was %s\n", lua_tostring(L, -1));
    lua_settop(L, 1);
  }
  printf("  %d of %d cases frozen\n", frozen, n);
  EXPECT(frozen > LEAST);
}

int main(void) {
  lunula_config c = {.size = sizeof c};
  char here[1000];
  EXPECT(getcwd(here, sizeof here) != NULL);
  leave_the_house("layers");
  EXPECT(chdir(here) == 0);
  EXPECT_STATUS(LUNULA_OK, lunula_new(&c, &rt, &why));
  test("every layer gives the same bits, frozen", all_layers);
  lunula_free(rt);
  return failures > 0;
}
