/* What a host gets wrong: NULL in every place, watches that say too much, and
** closures that do what they cannot. */
#define _GNU_SOURCE
#include "check.h"

#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

static lunula_runtime *rt;
static lunula_model *model;

static void open_model(const char *script) {
  lunula_config c = {.size = sizeof c};
  EXPECT_STATUS(LUNULA_OK, lunula_new(&c, &rt, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, script));
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, NULL, &model, &why));
}

static void close_all(void) {
  lunula_model_free(model);
  lunula_free(rt);
  model = NULL;
  rt = NULL;
}

static const char small[] =
    "local k = require 'lunula'\n"
    "return k.Sequential{k.Input{shape={4}}, k.layers.Dense(1)}";

/* ---- NULL --------------------------------------------------------------- */

#define EXPECT_NULL(what, call) \
  (EXPECT_STATUS(LUNULA_ARGUMENT, call), EXPECT_TEXT("the " what " is NULL"))

static void null_runtimes(void) {
  lunula_model *m = (lunula_model *)&why;
  EXPECT_NULL("place for the runtime", lunula_new(NULL, NULL, &why));
  EXPECT_NULL("runtime", lunula_run(NULL, "x = 1", 5, "=x", &why));
  EXPECT_NULL("runtime", lunula_run_file(NULL, "x.lua", &why));
  EXPECT_NULL("runtime", lunula_find_model(NULL, "x", &m, &why));
  EXPECT(m == NULL && lunula_state(NULL) == NULL);
  lunula_cancel(NULL);
  lunula_free(NULL);
  open_model(small);
  EXPECT_NULL("place for the model", lunula_find_model(rt, "x", NULL, &why));
  EXPECT_NULL("source", lunula_run(rt, NULL, 0, "=x", &why));
  EXPECT_NULL("path", lunula_run_file(rt, NULL, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "x = 1"));
  close_all();
}

static void null_states(void) {
  float data[1] = {0};
  lunula_view v = floats(data, 1, 1, 0);
  lunula_pin *pin = (lunula_pin *)data;
  lunula_model *m = (lunula_model *)data;
  EXPECT_NULL("Lua state", lunula_open(NULL, &why));
  EXPECT_NULL("Lua state", lunula_push_tensor(NULL, &v, NULL, NULL, &why));
  EXPECT_NULL("Lua state", lunula_push_view(NULL, &v, &why));
  EXPECT_NULL("Lua state", lunula_to_view(NULL, 1, &v, &why));
  EXPECT_NULL("Lua state", lunula_pin_tensor(NULL, 1, &v, &pin, &why));
  EXPECT_NULL("Lua state", lunula_detach(NULL, 1, &why));
  EXPECT_NULL("Lua state", lunula_to_model(NULL, 1, &m, &why));
  EXPECT(pin == NULL && m == NULL);
  open_model(small);
  lua_State *L = lunula_state(rt);
  EXPECT_STATUS(LUNULA_OK, lunula_push_view(L, &v, &why));
  EXPECT_NULL("view", lunula_push_view(L, NULL, &why));
  EXPECT_NULL("view", lunula_to_view(L, -1, NULL, &why));
  EXPECT_NULL("view", lunula_pin_tensor(L, -1, NULL, &pin, &why));
  EXPECT_NULL("place for the pin", lunula_pin_tensor(L, -1, &v, NULL, &why));
  EXPECT_NULL("place for the model", lunula_to_model(L, -1, NULL, &why));
  EXPECT(lua_gettop(L) == 1);
  lua_settop(L, 0);
  lunula_unpin(NULL);
  close_all();
}

static void null_models(void) {
  float x[4] = {0}, y[1];
  lunula_view vx = floats(x, 2, 1, 4), vy = floats(y, 2, 1, 1);
  EXPECT_NULL("model", lunula_predict(NULL, &vx, 1, &vy, 1, &why));
  EXPECT_NULL("model", lunula_predict_watched(NULL, &vx, 1, &vy, 1, NULL,
                                              &why));
  EXPECT_NULL("model", lunula_prepare(NULL, &vx, 1, &vy, 1, &why));
  EXPECT(lunula_model_input(NULL, 0, &vx) == 0);
  EXPECT(lunula_model_output(NULL, 0, &vy) == 0);
  lunula_model_free(NULL);
  lunula_watch_cancel(NULL);
  open_model(small);
  EXPECT_NULL("view", lunula_predict(model, NULL, 1, &vy, 1, &why));
  EXPECT_NULL("view", lunula_predict(model, &vx, 1, NULL, 1, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_prepare(model, &vx, 1, NULL, 1, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &vx, 1, &vy, 1, NULL));
  EXPECT_STATUS(LUNULA_OK, lunula_predict_watched(model, &vx, 1, &vy, 1, NULL,
                                                  &why));
  close_all();
}

/* ---- views of what is const ---------------------------------------------- */

static void const_views(void) {
  static const float x[4] = {1, 2, 3, 4};
  static const int64_t shape[2] = {1, 4};
  float y[1];
  lunula_view vy = floats(y, 2, 1, 1);
  lunula_view v = lunula_const_view(x, LUNULA_FLOAT32, 2, shape);
  EXPECT(v.data == x && v.read_only && v.shape[0] == 1 && v.shape[1] == 4);
  open_model(small);
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &v, 1, &vy, 1, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_predict(model, &v, 1, &v, 1, &why));
  v = lunula_const_view(x, LUNULA_FLOAT32, 2, NULL);
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_predict(model, &v, 1, &vy, 1, &why));
  v = lunula_const_view(x, LUNULA_FLOAT32, 9, (int64_t[9]){1});
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_predict(model, &v, 1, &vy, 1, &why));
  close_all();
}

/* A size of 0 does not make up for the others, of which products are taken. */
static void uncountable_views(void) {
  static const float x[1] = {0};
  static const int64_t shape[2] = {(int64_t)1 << 62, 0};
  lunula_view v = lunula_const_view(x, LUNULA_FLOAT32, 2, shape);
  open_model(small);
  lua_State *L = lunula_state(rt);
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_push_view(L, &v, &why));
  EXPECT_TEXT("no memory has so many numbers");
  v.shape[0] = 3;
  EXPECT_STATUS(LUNULA_OK, lunula_push_view(L, &v, &why));
  lua_settop(L, 0);
  close_all();
}

/* ---- predictions under a watch ------------------------------------------ */

enum { WIDE = 1024 };
static float wide_x[WIDE], wide_y[WIDE];

static const char looping[] =
    "local k, core = require 'lunula', require 'lunula.core'\n"
    "return core.trace({{shape={1, 1024}}}, function(x)\n"
    "  return core.scan(function(s) return {s[1] * 0.5 + 1} end, {x}, {},\n"
    "    {length = 100000000})[1] end)";

static const char lambda[] =
    "local k = require 'lunula'\n"
    "return k.Sequential{k.Input{shape={1024}}, k.layers.Lambda{function(x)\n"
    "  while slow do end return x end, trace=false}}";

static lunula_status predict_under(const lunula_watch *w) {
  lunula_view x = floats(wide_x, 2, 1, WIDE), y = floats(wide_y, 2, 1, WIDE);
  return lunula_predict_watched(model, &x, 1, &y, 1, w, &why);
}

static void *cancel_watch(void *arg) {
  struct timespec t = {0, 30000000};
  nanosleep(&t, NULL);
  lunula_watch_cancel(arg);
  return NULL;
}

static void *cancel_runtime(void *arg) {
  struct timespec t = {0, 30000000};
  nanosleep(&t, NULL);
  lunula_cancel(arg);
  return NULL;
}

static void ends_under_a_watch(const char *script) {
  open_model(script);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "slow = true"));
  lunula_watch w = {.size = sizeof w, .seconds = 0.03};
  double start = now();
  EXPECT_STATUS(LUNULA_CANCELLED, predict_under(&w));
  EXPECT_TEXT("cancelled: its time is over");
  double took = now() - start;
  if (!EXPECT(took >= 0.03 && (watched || took < 0.3)))
    printf("  %.3f s\n", took);
  w.seconds = 0;
  pthread_t thread;
  pthread_create(&thread, NULL, cancel_watch, &w);
  EXPECT_STATUS(LUNULA_CANCELLED, predict_under(&w));
  EXPECT_TEXT("cancelled by the host");
  pthread_join(thread, NULL);
  EXPECT_STATUS(LUNULA_CANCELLED, predict_under(&w)); /* for good */
  close_all();
}

static void watched_predictions(void) {
  ends_under_a_watch(looping);
  ends_under_a_watch(lambda);
  open_model(small);
  float x[4] = {0}, y[1];
  lunula_view vx = floats(x, 2, 1, 4), vy = floats(y, 2, 1, 1);
  lunula_watch w = {.size = sizeof w, .seconds = 60};
  EXPECT_STATUS(LUNULA_OK,
                lunula_predict_watched(model, &vx, 1, &vy, 1, &w, &why));
  lunula_watch_cancel(&w);
  EXPECT_STATUS(LUNULA_CANCELLED,
                lunula_predict_watched(model, &vx, 1, &vy, 1, &w, &why));
  w.cancelled = 0;
  EXPECT_STATUS(LUNULA_OK,
                lunula_predict_watched(model, &vx, 1, &vy, 1, &w, &why));
  close_all();
}

/* A model that enters Lua is under its runtime's watch, too; and the watch of a
** prediction does not end the script around it. */
static void both_watches(void) {
  open_model(lambda);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "slow = true"));
  lunula_watch w = {.size = sizeof w, .seconds = 60};
  pthread_t thread;
  pthread_create(&thread, NULL, cancel_runtime, rt);
  EXPECT_STATUS(LUNULA_CANCELLED, predict_under(&w));
  EXPECT_TEXT("cancelled by the host");
  pthread_join(thread, NULL);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "slow = false"));
  EXPECT_STATUS(LUNULA_OK, predict_under(&w));
  close_all();
}

static int predict_soon(lua_State *L) {
  lunula_watch w = {.size = sizeof w, .seconds = 0.02};
  lua_pushinteger(L, predict_under(&w));
  return 1;
}

static void a_watch_within(void) {
  open_model(lambda);
  lua_register(lunula_state(rt), "predict_soon", predict_soon);
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "slow = true assert(predict_soon() == 3) for i = 1, 1e6 do end reached = true"));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "assert(reached)"));
  close_all();
}

static void bad_watches(void) {
  union {
    lunula_watch w;
    char bytes[sizeof(lunula_watch) + 16];
  } u = {{0}};
  open_model(lambda);
  EXPECT_STATUS(LUNULA_ARGUMENT, predict_under(&u.w));
  EXPECT_TEXT("size of the watch is not set");
  u.w.size = sizeof u;
  EXPECT_STATUS(LUNULA_OK, predict_under(&u.w));
  u.bytes[sizeof u - 1] = 1;
  EXPECT_STATUS(LUNULA_ARGUMENT, predict_under(&u.w));
  EXPECT_TEXT("the watch says more than version");
  u.w.size = sizeof u.w;
  u.w.seconds = -1;
  EXPECT_STATUS(LUNULA_ARGUMENT, predict_under(&u.w));
  EXPECT_TEXT("a watch of -1 seconds");
  close_all();
}

/* ---- closures ----------------------------------------------------------- */

static void yielding_closures(void) {
  open_model("local k = require 'lunula'\n"
             "return k.Sequential{k.Input{shape={4}}, k.layers.Lambda{\n"
             "  function(x)\n"
             "    if armed then coroutine.yield() end\n"
             "    return x end, trace=false}}");
  EXPECT_STATUS(LUNULA_ERROR, run_text(rt,
    "local k = require 'lunula'\n"
    "local h = k.Sequential{k.Input{shape={4}}, k.layers.Lambda{\n"
    "  function(x)\n"
    "    if armed then coroutine.yield() end\n"
    "    return x end, trace=false}}\n"
    "h:predict(k.ones{1, 4}, {verbose=0}) armed = true\n"
    "coroutine.wrap(function() h:predict(k.ones{1, 4}, {verbose=0}) end)()"));
  EXPECT_TEXT("setup:4: coroutine.yield: a closure that a plan calls cannot "
              "yield");
  close_all();
}

/* ---- panic -------------------------------------------------------------- */

static void say(void *ud, const char *text, size_t size) {
  if (write(*(int *)ud, text, size) < 0)
    _exit(3);
}

static void panics(void) {
  int ends[2], status = 0;
  char text[2000] = "";
  EXPECT(pipe(ends) == 0);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    lunula_config c = {.size = sizeof c, .print = say, .print_ud = &ends[1]};
    if (lunula_new(&c, &rt, NULL) == LUNULA_OK)
      luaL_error(lunula_state(rt), "what the host did not guard");
    _exit(0);
  }
  close(ends[1]);
  waitpid(child, &status, 0);
  EXPECT(read(ends[0], text, sizeof text - 1) > 0);
  EXPECT(WIFSIGNALED(status));
  EXPECT(strstr(text, "ends the program: what the host did not guard"));
  close(ends[0]);
}

int main(void) {
  leave_the_house("refused");
  test("NULL as a runtime", null_runtimes);
  test("NULL as a state", null_states);
  test("NULL as a model", null_models);
  test("const views", const_views);
  test("views that nobody can count", uncountable_views);
  test("predictions under a watch", watched_predictions);
  test("under two watches", both_watches);
  test("a watch within a call", a_watch_within);
  test("watches that are none", bad_watches);
  test("closures that yield", yielding_closures);
  test("errors that nobody guards", panics);
  return failures > 0;
}
