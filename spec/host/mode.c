/* The floating-point mode: kernels have their own, in which denormals are zero,
** and whatever the host had set is there again as soon as its own code runs:
** after each call, whether it went well or not, and in closures that a plan
** calls. */
#define _GNU_SOURCE
#include "check.h"

#include <fenv.h>
#include <lauxlib.h>
#include <pthread.h>

static lunula_runtime *rt;
static lunula_model *model;

/* The bits of the mode, without the notes of what happened. */
static unsigned mode(void) {
#if defined(__SSE__)
  return __builtin_ia32_stmxcsr() & 0xffc0;
#elif defined(__aarch64__)
  uint64_t m;
  __asm__ volatile("mrs %0, fpcr" : "=r"(m));
  return (unsigned)m;
#else
  return (unsigned)fegetround();
#endif
}

static int host_has_denormals(void) {
  volatile float small = 1e-30f;
  return small * 1e-10f != 0;
}

/* What closures saw. */
static unsigned inside[8];
static int seen;

static int note_mode(lua_State *L) {
  if (seen < 8)
    inside[seen++] = mode();
  lua_pushboolean(L, host_has_denormals());
  return 1;
}

static void open_runtime(const char *script) {
  lunula_config c = {0};
  c.size = sizeof c;
  c.threads = 3;
  EXPECT_STATUS(LUNULA_OK, lunula_new(&c, &rt, &why));
  lua_State *L = lunula_state(rt);
  lua_pushcfunction(L, note_mode);
  lua_setglobal(L, "note_mode");
  seen = 0;
  EXPECT_STATUS(LUNULA_OK, run_text(rt, script));
}

static void open_model(const char *script) {
  open_runtime(script);
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, "model", &model, &why));
}

static void close_all(void) {
  lunula_model_free(model);
  lunula_free(rt);
  model = NULL;
  rt = NULL;
}

/* Predicts in a mode of the host's, and expects that mode afterwards. */
static lunula_status predict_in(int rounding, float *x, float *y, int64_t n) {
  lunula_view vx = floats(x, 1, n, 0), vy = floats(y, 1, n, 0);
  fesetround(rounding);
  unsigned before = mode();
  lunula_status s = lunula_predict(model, &vx, 1, &vy, 1, &why);
  EXPECT(mode() == before);
  EXPECT(host_has_denormals());
  fesetround(FE_TONEAREST);
  return s;
}

/* ---- kernels ------------------------------------------------------------ */

enum { MANY = 300000 }; /* workers help */

static const char product[] =
    "local core = require 'lunula.core'\n"
    "model = core.trace({{shape={false}}}, function(x) return x * 0.3 end)";

static void flushes_denormals_in_every_thread(void) {
#if defined(__SSE__) || defined(__aarch64__)
  static float x[MANY], y[MANY];
  int left = 0;
  for (int i = 0; i < MANY; i++)
    x[i] = 2e-38f;
  open_model(product);
  EXPECT_STATUS(LUNULA_OK, predict_in(FE_TONEAREST, x, y, MANY));
  for (int i = 0; i < MANY; i++)
    left += y[i] != 0;
  EXPECT(left == 0);
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "local k = require 'lunula'\n"
    "for _, n in ipairs{1, 300000} do\n" /* an eager op */
    "  local x = k.ones{n} * 2e-38\n"
    "  assert((x * 0.3):tobytes() == ('\\0'):rep(4 * n))\n"
    "end"));
  close_all();
#endif
}

/* However the host rounds, and did when the workers were made. */
static void numbers_are_the_same_in_any_mode(void) {
  static float x[MANY], y[MANY], up[MANY];
  for (int i = 0; i < MANY; i++)
    x[i] = (float)(i + 1) / 7;
  fesetround(FE_UPWARD);
  open_model(product);
  fesetround(FE_TONEAREST);
  EXPECT_STATUS(LUNULA_OK, predict_in(FE_UPWARD, x, up, MANY));
  EXPECT_STATUS(LUNULA_OK, predict_in(FE_TONEAREST, x, y, MANY));
  EXPECT(memcmp(y, up, sizeof y) == 0);
  close_all();
}

/* ---- Lua ---------------------------------------------------------------- */

static void scripts_have_the_hosts_mode(void) {
  fesetround(FE_DOWNWARD);
  unsigned before = mode();
  open_runtime(
    "local k = require 'lunula'\n"
    "local a = k.ones{3} * 2 + 1\n"
    "note_mode()\n"
    "local m = k.Sequential{k.Input{shape={2}}, k.layers.Dense(1)}\n"
    "m:compile{optimizer='sgd', loss='mse'}\n"
    "m:fit(k.ones{8, 2}, k.ones{8, 1}, {verbose=0, callbacks={\n"
    "  k.callbacks.LambdaCallback{on_epoch_end=note_mode}}})\n"
    "note_mode()\n"
    "assert(not pcall(k.ops.gather, a, k.tensor({7}, 'int32')))\n"
    "note_mode()");
  EXPECT(mode() == before);
  EXPECT(seen == 4);
  for (int i = 0; i < seen; i++)
    EXPECT(inside[i] == before);
  fesetround(FE_TONEAREST);
  close_all();
}

static const char with_closure[] =
    "local core = require 'lunula.core'\n"
    "local function closure(x)\n"
    "  local kept = note_mode()\n"
    "  local y = x + 1\n" /* an eager op in between */
    "  if note_mode() ~= kept then error 'changed' end\n"
    "  if x:sum():item() > 10 then error 'too much' end\n"
    "  return y end\n"
    "model = core.trace({{shape={false}}}, function(x)\n"
    "  local y = core.host{fn=closure, inputs={x * 1.5},\n"
    "    outputs={{shape={false}}}}\n"
    "  return y * 0.3 end)";

static void closures_have_the_hosts_mode(void) {
  float x[2] = {1, 2e-38f}, y[2] = {0, 0};
  open_model(with_closure);
  EXPECT_STATUS(LUNULA_OK, predict_in(FE_UPWARD, x, y, 2));
  fesetround(FE_UPWARD);
  unsigned up = mode();
  fesetround(FE_TONEAREST);
  EXPECT(seen == 2 && inside[0] == up && inside[1] == up);
  x[0] = 100;
  EXPECT_STATUS(LUNULA_ERROR, predict_in(FE_DOWNWARD, x, y, 2));
  EXPECT_TEXT("too much");
  close_all();
}

static void *cancel_soon(void *arg) {
  (void)arg;
  usleep(50000);
  lunula_cancel(rt);
  return NULL;
}

static void a_cancelled_call_gives_it_back(void) {
  open_runtime(
    "core = require 'lunula.core'\n"
    "f = core.trace({{shape={1}}}, function(x)\n"
    "  return core.scan(function(s) return {s[1] * 0.5 + 1} end, {x}, {},\n"
    "    {length = 100000000})[1] end)");
  pthread_t thread;
  pthread_create(&thread, NULL, cancel_soon, NULL);
  fesetround(FE_UPWARD);
  unsigned before = mode();
  EXPECT_STATUS(LUNULA_CANCELLED, run_text(rt, "f(core.tensor{1})"));
  EXPECT(mode() == before);
  pthread_join(thread, NULL);
  fesetround(FE_TONEAREST);
  close_all();
}

int main(void) {
  leave_the_house("mode");
  test("flushes denormals in every thread", flushes_denormals_in_every_thread);
  test("numbers are the same in any mode", numbers_are_the_same_in_any_mode);
  test("scripts have the host's mode", scripts_have_the_hosts_mode);
  test("closures have the host's mode", closures_have_the_hosts_mode);
  test("a cancelled call gives it back", a_cancelled_call_gives_it_back);
  return failures > 0;
}
