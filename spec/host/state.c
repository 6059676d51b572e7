/* A host with a lua_State of its own: opening lunula in it, and memory that
** both sides see. */
#define _GNU_SOURCE
#include "check.h"

#include <lauxlib.h>
#include <lualib.h>

static lua_State *L;

static void open_state(void) {
  L = luaL_newstate();
  luaL_openlibs(L);
  EXPECT_STATUS(LUNULA_OK, lunula_open(L, &why));
  EXPECT(lua_gettop(L) == 0);
}

/* Runs a script; what it raised is in `why`. */
static int lua(const char *text) {
  if (luaL_loadbuffer(L, text, strlen(text), "=script") == LUA_OK &&
      lua_pcall(L, 0, 0, 0) == LUA_OK)
    return 1;
  snprintf(why.text, sizeof why.text, "%s", luaL_tolstring(L, -1, NULL));
  lua_pop(L, 2);
  return 0;
}

static double number(const char *expression) {
  char text[200];
  snprintf(text, sizeof text, "result = %s", expression);
  if (!EXPECT(lua(text)))
    printf("  %s\n", why.text);
  lua_getglobal(L, "result");
  double v = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return v;
}

/* ---- opening ------------------------------------------------------------ */

static void opens_with_nothing_on_disk(void) {
  open_state();
  EXPECT(lua("package.path, package.cpath = '', ''"));
  EXPECT(lua("assert(require('lunula')._VERSION == 'lunula " LUNULA_VERSION
             "')"));
  EXPECT(lua("assert(require 'lunula.saving.json'.encode{1} == '[1]')"));
  EXPECT(strcmp(lunula_version(), LUNULA_VERSION) == 0);
  EXPECT_STATUS(LUNULA_OK, lunula_open(L, &why)); /* twice does no harm */
  lua_close(L);
}

static void keeps_what_the_host_preloads(void) {
  L = luaL_newstate();
  luaL_openlibs(L);
  EXPECT(lua("mine = function() return 7 end\n"
             "package.preload['lunula.kinds'] = mine"));
  EXPECT_STATUS(LUNULA_OK, lunula_open(L, &why));
  EXPECT(lua("assert(package.preload['lunula.kinds'] == mine)"));
  lua_close(L);
}

static void names_the_users_line(void) {
  open_state();
  EXPECT(!lua("local k = require 'lunula'\n\nk.layers.Dense{unit = 3}"));
  EXPECT_TEXT("script:3: ");
  lua_close(L);
}

static void trains_on_an_array(void) {
  float x[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, y[4] = {0, 1, 1, 2};
  lunula_view vx = floats(x[0], 2, 4, 2), vy = floats(y, 2, 4, 1), seen;
  open_state();
  EXPECT_STATUS(LUNULA_OK, lunula_push_view(L, &vx, &why));
  lua_setglobal(L, "x");
  EXPECT_STATUS(LUNULA_OK, lunula_push_view(L, &vy, &why));
  lua_setglobal(L, "y");
  EXPECT(lua(
    "local k = require 'lunula'\n"
    "model = k.Sequential{k.Input{shape={2}}, k.layers.Dense(1)}\n"
    "model:compile{optimizer=k.optimizers.SGD{0.3}, loss='mse'}\n"
    "model:fit(x, y, {epochs=200, batch_size=4, verbose=0})\n"
    "answer = model:predict(x)"));
  lua_getglobal(L, "answer");
  EXPECT_STATUS(LUNULA_OK, lunula_to_view(L, -1, &seen, &why));
  EXPECT(lua_gettop(L) == 1);
  EXPECT(seen.rank == 2 && seen.shape[0] == 4 && seen.shape[1] == 1);
  for (int i = 0; i < 4; i++) {
    float d = ((float *)seen.data)[i] - y[i];
    EXPECT(d > -0.05f && d < 0.05f);
  }
  lua_close(L);
}

/* ---- memory that both see ----------------------------------------------- */

static void shares_memory(void) {
  float x[6] = {1, 2, 3, 4, 5, 6};
  lunula_view v = floats(x, 2, 2, 3), seen;
  open_state();
  EXPECT_STATUS(LUNULA_OK, lunula_push_view(L, &v, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_to_view(L, -1, &seen, &why));
  EXPECT(seen.data == x && seen.dtype == LUNULA_FLOAT32 && seen.rank == 2);
  lua_setglobal(L, "x");
  EXPECT(number("x:sum():item()") == 21);
  x[0] = 101;
  EXPECT(number("x:sum():item()") == 121);
  EXPECT(number("x[2]:sum():item()") == 15);
  EXPECT(lua("x:set(2, 3, -6)"));
  EXPECT(x[5] == -6);
  lua_close(L);
}

static void lends_for_reading(void) {
  float x[2] = {1, 2};
  lunula_view v = floats(x, 1, 2, 0);
  open_state();
  v.read_only = 1;
  EXPECT_STATUS(LUNULA_OK, lunula_push_view(L, &v, &why));
  lua_setglobal(L, "x");
  EXPECT(number("x:sum():item()") == 3);
  EXPECT(!lua("x:set(1, 5)"));
  EXPECT_TEXT("script:1: ");
  EXPECT_TEXT("reading only");
  EXPECT(!lua("x[1] = 5") && !lua("x[{{1, 2}}] = 5"));
  EXPECT(!lua("local f = require 'lunula.core'.trace({{shape={false}}},\n"
              "  function(a) return a * 2 end)\n"
              "f:rows{inputs={{1, 2}}, outputs={x}}"));
  EXPECT_TEXT("output 1: the host lent this tensor for reading only");
  /* a variable that begins with it gets memory of its own */
  EXPECT(lua("local core = require 'lunula.core'\n"
             "local v = core.variable{value=x}\n"
             "core.trace({}, function() v:assign(v * 2) end)()\n"
             "assert(v.value:get(2) == 4)"));
  EXPECT(x[0] == 1 && x[1] == 2);
  lua_close(L);
}

static void knows_all_types(void) {
  static const struct {
    int dtype, size;
    const char *name;
  } types[] = {
    {LUNULA_FLOAT32, 4, "float32"}, {LUNULA_INT32, 4, "int32"},
    {LUNULA_BOOL, 1, "bool"},       {LUNULA_FLOAT16, 2, "float16"},
    {LUNULA_BFLOAT16, 2, "bfloat16"}, {LUNULA_FLOAT64, 8, "float64"},
    {LUNULA_INT8, 1, "int8"},       {LUNULA_UINT8, 1, "uint8"},
    {LUNULA_INT64, 8, "int64"},
  };
  int64_t zeros[2] = {0, 0};
  open_state();
  for (int i = 0; i < (int)(sizeof types / sizeof *types); i++) {
    lunula_view v = {zeros, types[i].dtype, 1, {2}, 0};
    EXPECT_STATUS(LUNULA_OK, lunula_push_view(L, &v, &why));
    lua_getfield(L, -1, "dtype");
    EXPECT(strcmp(lua_tostring(L, -1), types[i].name) == 0);
    v.data = (char *)zeros + 1;
    int aligned = types[i].size == 1;
    EXPECT_STATUS(aligned ? LUNULA_OK : LUNULA_ARGUMENT,
                  lunula_push_view(L, &v, &why));
    lua_settop(L, 0);
  }
  lua_close(L);
}

static int released;
static void *released_data;

static void on_release(void *ud, void *data) {
  released += ud == &released;
  released_data = data;
}

static void push_counted(float *x, int64_t n) {
  lunula_view v = floats(x, 1, n, 0);
  released = 0;
  EXPECT_STATUS(LUNULA_OK,
                lunula_push_tensor(L, &v, on_release, &released, &why));
}

static void releases_once(void) {
  float x[4] = {1, 2, 3, 4};
  open_state();
  push_counted(x, 4);
  lua_setglobal(L, "x");
  EXPECT(lua("part = x:reshape{2, 2}[1]; x = nil; collectgarbage()"));
  EXPECT(released == 0); /* a part of it is alive */
  EXPECT(number("part:sum():item()") == 3);
  EXPECT(lua("part = nil; collectgarbage()"));
  EXPECT(released == 1 && released_data == x);
  push_counted(x, 4);
  lua_setglobal(L, "x");
  EXPECT(lua("x:release()"));
  EXPECT(released == 1);
  EXPECT(lua("x = nil; collectgarbage()"));
  lua_close(L);
  EXPECT(released == 1);
  open_state();
  push_counted(x, 4);
  lua_close(L);
  EXPECT(released == 1);
}

static void pins_outlive_the_state(void) {
  float x[2] = {1, 2};
  lunula_view v, w;
  lunula_pin *host, *own, *none = (lunula_pin *)x;
  open_state();
  push_counted(x, 2);
  EXPECT_STATUS(LUNULA_OK, lunula_pin_tensor(L, 1, &v, &host, &why));
  lua_settop(L, 0);
  EXPECT(lua("y = require 'lunula'.tensor{5, 6, 7}"));
  lua_getglobal(L, "y");
  EXPECT_STATUS(LUNULA_OK, lunula_pin_tensor(L, -1, &w, &own, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_pin_tensor(L, 9, &w, &none, &why));
  EXPECT(none == NULL);
  lua_close(L);
  EXPECT(released == 0 && v.data == x);
  EXPECT(((float *)w.data)[2] == 7);
  lunula_unpin(host);
  lunula_unpin(own);
  lunula_unpin(NULL);
  EXPECT(released == 1);
}

static void detached_memory_raises(void) {
  float *x = malloc(4 * sizeof *x);
  for (int i = 0; i < 4; i++)
    x[i] = 1;
  lunula_view seen;
  open_state();
  push_counted(x, 4);
  lua_pushvalue(L, 1);
  lua_setglobal(L, "x");
  EXPECT(lua(
    "local core = require 'lunula.core'\n"
    "shaped, row = x:reshape{2, 2}, x:reshape{2, 2}[2]\n"
    "variable = core.variable{value=x, name='v'}\n"
    "f = core.trace({{shape={4}}}, function(a) return a + x end)\n"
    "f(core.tensor{1, 1, 1, 1})\n"
    "late = core.trace({{shape={4}}}, function(a) return a - x end)"));
  EXPECT_STATUS(LUNULA_OK, lunula_detach(L, 1, &why));
  EXPECT(lua_gettop(L) == 1);
  memset(x, 0xff, 4 * sizeof *x);
  free(x);
  static const char *const uses[] = {
    "x:sum()", "x:get(1)", "x:set(1, 2)", "x[1]", "x:totable()", "x + 1",
    "shaped:sum()", "row:sum()", "row:tobytes()", "x:item()",
    "require 'lunula.core'.variable{value = x}",
    "late(require 'lunula.core'.tensor{1, 1, 1, 1})",
    "f(x)", "shaped:reshape{4}:sum()",
  };
  for (int i = 0; i < (int)(sizeof uses / sizeof *uses); i++) {
    char text[200];
    snprintf(text, sizeof text, "local _ = %s", uses[i]);
    if (EXPECT(!lua(text)) == 0)
      printf("  no error from %s\n", uses[i]);
    EXPECT_TEXT("took this tensor's memory back");
  }
  EXPECT(lua("tostring(x)"));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_to_view(L, 1, &seen, &why));
  EXPECT_TEXT("took this tensor's memory back");
  EXPECT(number("variable:sum():item()") == 4); /* it made a copy */
  EXPECT(number("f(require 'lunula.core'.tensor{1, 1, 1, 1}):sum():item()")
         == 8); /* so did the plan */
  lua_close(L);
  EXPECT(released == 0);
}

static void refuses_bad_views(void) {
  float x[4] = {0};
  lunula_view none, good = floats(x, 2, 2, 2), v;
  open_state();
  lua_pushinteger(L, 42);
  v = good, v.data = NULL;
  EXPECT_STATUS(LUNULA_ARGUMENT,
                lunula_push_tensor(L, &v, on_release, &released, &why));
  EXPECT_TEXT("data is NULL");
  v = good, v.dtype = 77;
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_push_view(L, &v, &why));
  v = good, v.rank = 9;
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_push_view(L, &v, &why));
  v = good, v.shape[1] = -2;
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_push_view(L, &v, NULL));
  v = good, v.shape[0] = v.shape[1] = INT64_MAX;
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_push_view(L, &v, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_push_view(L, NULL, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_to_view(L, 1, &none, &why));
  EXPECT_TEXT("got number");
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_detach(L, 1, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_detach(L, -7, &why));
  EXPECT_TEXT("there is no value at index -7");
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_detach(L, 0, &why));
  EXPECT(lua("t = require 'lunula'.tensor{1, 2}"));
  lua_getglobal(L, "t");
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_detach(L, -1, &why));
  EXPECT_TEXT("not on the host's memory");
  EXPECT(lua_gettop(L) == 2 && lua_tointeger(L, 1) == 42);
  lua_close(L);
}

static int see_traced(lua_State *S) {
  lunula_view v;
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_to_view(S, 1, &v, &why));
  EXPECT_TEXT("open trace");
  return 1;
}

static void traced_tensors_have_no_numbers(void) {
  open_state();
  lua_register(L, "see", see_traced);
  EXPECT(lua("require 'lunula.core'.trace({{shape={2}}}, see)"));
  lua_close(L);
}

static void errors_leave_nothing_behind(void) {
  open_state();
  long before = 0;
  for (int i = 0; i < (watched ? 2000 : 200000); i++) {
    if (i == 1000)
      before = resident();
    float x[2] = {1, 2};
    lunula_view v = floats(x, 1, 2, 0);
    lunula_push_view(L, &v, &why);
    EXPECT_STATUS(LUNULA_OK, lunula_detach(L, -1, &why));
    EXPECT_STATUS(LUNULA_ARGUMENT, lunula_to_view(L, -1, &v, &why));
    lua_settop(L, 0);
    if (broken)
      break;
  }
  EXPECT(watched || resident() - before < 4096);
  lua_close(L);
}

/* ---- models ------------------------------------------------------------- */

static void models_of_a_state(void) {
  float x[2] = {1, 2}, y[1];
  lunula_view vx = floats(x, 2, 1, 2), vy = floats(y, 2, 1, 1);
  lunula_model *model, *other;
  open_state();
  EXPECT(lua("core = require 'lunula.core'\n"
             "w = core.variable{value=core.tensor{{3}, {4}}, name='w'}\n"
             "w:assign(core.tensor{{3.0}, {4.0}})\n"
             "f = core.trace({{shape={false, 2}}}, function(a)\n"
             "  return a:matmul(w:cast('float32'))\n"
             "end)"));
  lua_getglobal(L, "f");
  EXPECT_STATUS(LUNULA_OK, lunula_to_model(L, -1, &model, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_to_model(L, 1, &other, &why));
  EXPECT(lua_gettop(L) == 1);
  lua_settop(L, 0);
  EXPECT(lua("f = nil; collectgarbage()"));
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &vx, 1, &vy, 1, &why));
  EXPECT(y[0] == 11);
  EXPECT(lua("w:assign(core.tensor{{30}, {40}})"));
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &vx, 1, &vy, 1, &why));
  EXPECT(y[0] == 110);
  lunula_model_free(other);
  lua_pushinteger(L, 1);
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_to_model(L, -1, &other, &why));
  EXPECT_TEXT("a model is wanted, got number");
  EXPECT(other == NULL);
  lua_close(L);
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_predict(model, &vx, 1, &vy, 1, &why));
  EXPECT_TEXT("closed");
  lunula_model_free(model);
  lunula_model_free(NULL);
}

int main(void) {
  leave_the_house("state");
  test("opens with nothing on disk", opens_with_nothing_on_disk);
  test("keeps what the host preloads", keeps_what_the_host_preloads);
  test("names the user's line", names_the_users_line);
  test("trains on an array of the host", trains_on_an_array);
  test("shares memory both ways", shares_memory);
  test("lends for reading", lends_for_reading);
  test("knows all types", knows_all_types);
  test("releases once", releases_once);
  test("pins outlive the state", pins_outlive_the_state);
  test("detached memory raises", detached_memory_raises);
  test("refuses bad views", refuses_bad_views);
  test("traced tensors have no numbers", traced_tensors_have_no_numbers);
  test("errors leave nothing behind", errors_leave_nothing_behind);
  test("models of a host's state", models_of_a_state);
  return failures > 0;
}
