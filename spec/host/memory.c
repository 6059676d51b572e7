/* Memory: whatever runs out, a status comes back and nothing is left behind;
** and what is done a million times needs no more than what is done once. */
#define _GNU_SOURCE
#include "check.h"

#include <lauxlib.h>
#include <lualib.h>
#include <malloc.h>

static long in_use(void) {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
  struct mallinfo2 m = mallinfo2();
  return (long)(m.uordblks + m.hblkhd);
#else
  return 0;
#endif
}

/* Where the memory for a larger stack is missing, Lua speaks of the stack. */
static int quiet(int status) {
  return status == LUNULA_OK || status == LUNULA_MEMORY ||
         (status == LUNULA_ERROR && strstr(why.text, "stack overflow"));
}

/* ---- limits ------------------------------------------------------------- */

static const char life[] =
    "local k = require 'lunula'\n"
    "local core = require 'lunula.core'\n"
    "k.set_random_seed(5)\n"
    "local x = k.random.normal{40, 6}\n"
    "model = k.Sequential{k.Input{shape={6}},\n"
    "  k.layers.Dense{16, activation='relu'}, k.layers.Dropout(0.1),\n"
    "  k.layers.BatchNormalization{}, k.layers.Dense{3, name='last'}}\n"
    "model:compile{optimizer='adam', loss='mse', metrics={'mae'}}\n"
    "model:fit(x, x:matmul(k.ones{6, 3}), {epochs=2, batch_size=16})\n"
    "model:summary()\n"
    "local y = model:predict(x)\n"
    "assert(#tostring(y) > 0 and #y:totable() == 40)\n"
    "local f = core.trace({{shape={false, 6}}}, function(a)\n"
    "  return a:sum(1), (a * 2):exp() end)\n"
    "assert(#f:describe() > 0 and f:memory{batch=3} >= 0)\n"
    "f(x) f:rows{inputs={x}, batch=7}\n"
    "local g = core.value_and_grad(function(a) return (a * a):sum() end)\n"
    "g(x)\n"
    "local ok, message = pcall(k.ops.matmul, x, x)\n"
    "assert(not ok and message)\n"
    "local text = k.tensor(x:totable()):tobytes()\n"
    "core.frombytes(text, {shape={40, 6}})\n"
    "local host = k.Sequential{k.Input{shape={6}},\n"
    "  k.layers.Lambda{function(a) return a + 1 end, trace=false}}\n"
    "host:predict(x)\n"
    "peak = core.memory().peak\n"
    "return host";

static int released;

static void on_release(void *ud, void *data) {
  (void)data;
  ++*(int *)ud;
}

/* What a host does with a runtime, each step a status. Returns how many steps
** went well. */
static int live(size_t limit, int sandbox, double *peak) {
  static float x[6] = {1, 2, 3, 4, 5, 6};
  float y[6];
  int good = 0, status;
  lunula_view vx = floats(x, 2, 1, 6), vy = floats(y, 2, 1, 3), seen;
  lunula_config c = {0};
  lunula_runtime *rt;
  lunula_model *model = NULL, *host = NULL;
  lunula_pin *pin = NULL;
  c.size = sizeof c;
  c.memory_limit = limit;
  c.sandbox = sandbox;
  EXPECT(quiet(status = lunula_new(&c, &rt, &why)));
  if (status)
    return 0;
  lua_State *L = lunula_state(rt);
  released = 0;
  good++;
  if (!EXPECT(quiet(status = run_text(rt, life))))
    printf("  limit %zu: %s\n", limit, why.text);
  good += !status;
  if (!status && peak) {
    lua_getglobal(L, "peak");
    *peak = lua_tonumber(L, -1);
    lua_pop(L, 1);
  }
  if (!status) {
    EXPECT(quiet(status = lunula_find_model(rt, NULL, &host, &why)));
    good += !status;
    EXPECT(quiet(status = lunula_find_model(rt, "model", &model, &why)));
    good += !status;
  }
  if (model) {
    EXPECT(quiet(status = lunula_predict(model, &vx, 1, &vy, 1, &why)));
    good += !status;
  }
  vy.shape[1] = 6;
  if (host) {
    EXPECT(quiet(status = lunula_predict(host, &vx, 1, &vy, 1, &why)));
    good += !status;
  }
  int mine = 0;
  status = lunula_push_tensor(L, &vx, on_release, &released, &why);
  if (EXPECT(quiet(status)) && !status) {
    mine = 1;
    good++;
    EXPECT(quiet(status = lunula_pin_tensor(L, -1, &seen, &pin, &why)));
    good += !status;
    lua_pop(L, 1);
  }
  EXPECT(lua_gettop(L) == 0);
  if (good % 2)
    lunula_model_free(model);
  lunula_free(rt);
  lunula_unpin(pin);
  if (!(good % 2))
    lunula_model_free(model);
  lunula_model_free(host);
  EXPECT(released == mine);
  return good;
}

static void shrinking_limits(void) {
  enum { STEPS = 200 };
  double peak = 0;
  int all = live(0, 0, &peak), seen = 0;
  EXPECT(all == 8 && peak > 100000);
  live(1, 0, NULL);
  long before = 0;
  for (int i = 0; i <= STEPS; i++) {
    size_t limit = (size_t)(1.5 * peak * (STEPS - i) / STEPS) + 1;
    int good = live(limit, i % 2, NULL);
    seen |= 1 << good;
    EXPECT(i > 0 || good == all);
    EXPECT(i < STEPS || good == 0);
    if (i == STEPS / 2)
      before = in_use();
  }
  EXPECT(seen & 1 && seen & 1 << 3 && seen & 1 << 8); /* all, some, none */
  long after = in_use();
  if (!EXPECT(watched || after - before < 20000))
    printf("  %ld bytes were left behind\n", after - before);
}

/* ---- each allocation of Lua --------------------------------------------- */

static long countdown; /* allocations until one fails; 0: none will */
static int failing;    /* and so does the attempt after a collection */

static void *fickle(void *ud, void *block, size_t had, size_t wanted) {
  (void)ud;
  if (wanted == 0) {
    free(block);
    return NULL;
  }
  if (block == NULL || wanted > had) {
    if (countdown > 0 && --countdown == 0)
      failing = 2;
    if (failing > 0) {
      failing--;
      return NULL;
    }
  }
  return realloc(block, wanted);
}

static const char before_work[] =
    "k, core = require 'lunula', require 'lunula.core'\n"
    "x = k.random.normal{10, 6}\n"
    "v = core.variable{value=k.ones{6, 3}, name='v'}\n"
    "local function step(a) return (a:matmul(v) - 1):square():mean() end\n"
    "function work()\n"
    "  local f = core.trace({{shape={false, 6}}}, function(a)\n"
    "    local loss = step(a)\n"
    "    local g = core.grad(loss, {v})[1]\n"
    "    v:assign(v - g * 0.01)\n"
    "    return loss, g end)\n"
    "  f(x) f:rows{inputs={x}, batch=3}\n"
    "  core.value_and_grad(step, {v})(x)\n"
    "  local h = core.trace({{shape={false, 6}}}, function(a)\n"
    "    return core.host{fn=function(b) return b + 1 end, inputs={a},\n"
    "      outputs={{shape={false, 6}}}} end)\n"
    "  h(x)\n"
    "  local text = tostring(x) .. f:describe() .. x:tobytes()\n"
    "  local again = k.tensor(x:totable(), {shape={60}})\n"
    "  local row = {{1, 2, 3, 4, 5, 6}}\n"
    "  local both = k.ops.concatenate({x, x[{{2, 3}}], row}, 0)\n"
    "  again[{{1, 5}}] = 7\n"
    "  core.variable{value={1, 2}, name='w'}:assign(3 + core.tensor{4, 5})\n"
    "  local model = k.Sequential{k.Input{shape={6}}, k.layers.Dense(2)}\n"
    "  model:compile{optimizer='sgd', loss='mse'}\n"
    "  model:fit(x, k.ones{10, 2}, {verbose=0})\n"
    "  return model\n"
    "end\n"
    "function check()\n"
    "  assert(not core.tracing())\n"
    "  local f = core.trace({{shape={2}}}, function(a) return a * 2 end)\n"
    "  assert(f({1, 2}):get(2) == 4)\n"
    "end\n"
    "collectgarbage 'stop' collectgarbage 'restart'";

static int no_lua_memory(lua_State *L, int every) {
  int failures_seen = 0;
  for (long n = 1;; n += every) {
    lua_settop(L, 0);
    lua_getglobal(L, "work");
    countdown = n;
    int status = lua_pcall(L, 0, 1, 0);
    int done = countdown > 0;
    countdown = 0;
    failing = 0;
    if (done)
      return EXPECT(status == LUA_OK) ? failures_seen : 0;
    failures_seen += status != LUA_OK; /* a pcall may have caught it */
    lua_settop(L, 0);
    lua_getglobal(L, "check");
    if (!EXPECT(lua_pcall(L, 0, 0, 0) == LUA_OK)) {
      printf("  allocation %ld: %s\n", n, lua_tostring(L, -1));
      return 0;
    }
  }
}

static void no_memory_for_the_host(lua_State *L) {
  float x[2] = {1, 2};
  lunula_view vx = floats(x, 2, 1, 2), seen;
  lunula_pin *pin;
  lunula_model *model;
  int status;
  lua_settop(L, 0);
  released = 0;
  for (long n = 1, ok = 0; !ok; n++) {
    countdown = n;
    status = lunula_push_tensor(L, &vx, on_release, &released, &why);
    EXPECT(quiet(status) && lua_gettop(L) == !status);
    ok = !status;
    countdown = failing = 0;
  }
  EXPECT(released == 0);
  for (long n = 1, ok = 0; !ok; n++) {
    countdown = n;
    status = lunula_pin_tensor(L, -1, &seen, &pin, &why);
    EXPECT(quiet(status) && lua_gettop(L) == 1);
    ok = !status;
    countdown = failing = 0;
  }
  lua_getglobal(L, "work");
  EXPECT(lua_pcall(L, 0, 1, 0) == LUA_OK);
  for (long n = 1, ok = 0; !ok; n++) {
    countdown = n;
    status = lunula_to_model(L, 2, &model, &why);
    EXPECT(quiet(status) && lua_gettop(L) == 2 && !model == !!status);
    ok = !status;
    countdown = failing = 0;
  }
  lunula_model_free(model);
  for (long n = 1, ok = 0; !ok; n++) {
    countdown = n;
    ok = lunula_open(L, &why) == LUNULA_OK;
    EXPECT(lua_gettop(L) == 2);
    countdown = failing = 0;
  }
  lua_settop(L, 0);
  lunula_unpin(pin);
}

static long after_collection(lua_State *L) {
  lua_settop(L, 0);
  EXPECT(luaL_dostring(L, "collectgarbage() collectgarbage()\n"
                          "core.set_memory_limit(1)\n" /* empties the cache */
                          "core.set_memory_limit(0)") == LUA_OK);
  return in_use();
}

static void failing_allocations(void) {
#if LUA_VERSION_NUM >= 505
  lua_State *L = lua_newstate(fickle, NULL, 1);
#else
  lua_State *L = lua_newstate(fickle, NULL);
#endif
  luaL_openlibs(L);
  EXPECT_STATUS(LUNULA_OK, lunula_open(L, &why));
  if (!EXPECT(luaL_dostring(L, before_work) == LUA_OK)) {
    printf("  %s\n", lua_tostring(L, -1));
    return;
  }
  no_lua_memory(L, 400);
  no_memory_for_the_host(L);
  long before = after_collection(L);
  int times = no_lua_memory(L, watched ? 13 : 3);
  EXPECT(times > 50);
  no_memory_for_the_host(L);
  long grown = after_collection(L) - before;
  /* values of an op that was cut short are dropped with the state */
  if (!EXPECT(watched || grown < 20000 + 400 * times))
    printf("  %ld bytes were left behind by %d errors\n", grown, times);
  lua_close(L);
  EXPECT(released == 2 || released == 1);
}

/* ---- what is done often ------------------------------------------------- */

static void many_runtimes(void) {
  long before = 0;
  int times = watched ? 60 : 1000;
  for (int i = 0; i < times; i++) {
    lunula_runtime *rt;
    if (i == times / 5)
      before = resident();
    if (!EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &rt, &why)))
      return;
    EXPECT_STATUS(LUNULA_OK, run_text(rt,
      "local core = require 'lunula.core'\n"
      "local f = core.trace({{shape={false, 3}}}, function(x)\n"
      "  return (x * 2):sum(1) end)\n"
      "assert(f(core.tensor{{1, 2, 3}}):item() == 12)"));
    lunula_free(rt);
  }
  long grown = resident() - before;
  if (!EXPECT(watched || grown < 2048))
    printf("  %ld KB more\n", grown);
}

static void many_states(void) {
  long before = 0;
  int times = watched ? 20 : 200;
  for (int i = 0; i < times; i++) {
    if (i == times / 2)
      before = resident();
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    EXPECT_STATUS(LUNULA_OK, lunula_open(L, &why));
    EXPECT(luaL_dostring(L, "local k = require 'lunula'\n"
                            "k.layers.Dense(3)(k.ones{2, 4})") == LUA_OK);
    lua_close(L);
  }
  long grown = resident() - before;
  if (!EXPECT(watched || grown < 2048))
    printf("  %ld KB more\n", grown);
}

static void many_predictions(void) {
  float x[4] = {1, 2, 3, 4}, y[1];
  lunula_view vx = floats(x, 2, 1, 4), vy = floats(y, 2, 1, 1);
  lunula_runtime *rt;
  lunula_model *model;
  long before = 0, used = 0;
  int times = watched ? 5000 : 1000000;
  EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &rt, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "local k = require 'lunula'\n"
    "return k.Sequential{k.Input{shape={4}},\n"
    "  k.layers.Dense{8, activation='tanh'}, k.layers.Dense(1)}"));
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, NULL, &model, &why));
  for (int i = 0; i < times; i++) {
    if (i == 1000) {
      before = resident();
      used = in_use();
    }
    if (lunula_predict(model, &vx, 1, &vy, 1, &why) != LUNULA_OK)
      broken++;
  }
  EXPECT(watched || resident() - before < 256);
  EXPECT(in_use() == used); /* not one allocation */
  lunula_model_free(model);
  lunula_free(rt);
}

static void many_errors(void) {
  lunula_runtime *rt;
  long before = 0;
  int times = watched ? 1000 : 30000;
  EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &rt, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "k = require 'lunula'\n"
    "a, b = k.ones{20, 30}, k.ones{20, 30}\n"
    "function fail() pcall(k.ops.matmul, a * 2, b + 1)\n"
    "  k.ops.matmul(a + 3, b * 4) end"));
  for (int i = 0; i < times; i++) {
    if (i == times / 2)
      before = resident();
    EXPECT_STATUS(LUNULA_ERROR, run_text(rt, "fail()"));
  }
  long grown = resident() - before;
  if (!EXPECT(watched || grown < 2048))
    printf("  %ld KB more\n", grown);
  EXPECT(lua_gettop(lunula_state(rt)) == 0);
  lunula_free(rt);
}

/* What scripts make and forget, each a text that is run again and again. What
** plans and graphs are made of is malloc'ed and not counted by core.memory, so
** malloc itself is asked. */
static const char *const forgotten[] = {
  /* a plan, and one more for another size */
  "local f = core.trace({{shape={false, 3}}}, function(a)\n"
  "  return (a * 2 + 1):sum(1) end)\n"
  "f(x) f(x[{{1, 2}}]) f:passes'naive' f(x) f:describe() f:memory{batch=9}",
  /* many plans of one function: only the last few are kept */
  "for n = 1, 20 do kept(core.ops.full({n}, 1)) end",
  /* the body of a loop, in a trace, planned, differentiated, and eagerly */
  "local function step(s, xs) return {s[1] + xs[1]:tanh() * v}, {s[1] * 2} end\n"
  "local function loop(a)\n"
  "  local s, r = core.scan(step, {core.ops.full({3}, 0)}, {a})\n"
  "  return s[1]:sum() + r[1]:sum() end\n"
  "loop(x) core.value_and_grad(loop, {v})(x)\n"
  "local f = core.trace({{shape={false, 3}}}, function(a)\n"
  "  local y = loop(a)\n"
  "  return y, core.grad(y, {v})[1] end)\n"
  "f(x) f(x[{{1, 2}}])",
  /* a body that captures a value of the trace around it */
  "local f = core.trace({{shape={false, 3}}}, function(a)\n"
  "  local w = a:exp()\n"
  "  return core.scan(function(s, xs) return {s[1] + w:sum(0) * xs[1]} end,\n"
  "    {core.ops.full({3}, 0)}, {a})[1] end)\n"
  "f(x)",
  /* an op that calls a closure */
  "core.trace({{shape={3, 3}}}, function(a)\n"
  "  return k.ops.map(function(r) return r * v end, a) end)(x)",
  /* updates of variables */
  "local w = core.variable{value=core.ops.full({3}, 0.5)}\n"
  "local f = core.trace({}, function() w:assign(w * 2) return w + 0 end)\n"
  "f() w:assign(w + 1) f()",
  /* closures, while which variables stay */
  "local f = core.trace({{shape={false, 3}}}, function(a)\n"
  "  return v * core.host{fn=function(b) return b + 1 end, inputs={a},\n"
  "    outputs={{shape={false, 3}}}} end)\n"
  "f(x) v:assign(v + 1)",
  /* errors on the way: in a trace, in a body, in a gradient, in a run */
  "pcall(core.trace, {{shape={3}}}, function(a) error(a * 2) end)\n"
  "pcall(core.scan, function(s) return {s[1] + x, error 'no'} end,\n"
  "  {core.ops.full({3}, 0)}, {x})\n"
  "pcall(core.trace, {{shape={3, 3}}}, function(a)\n"
  "  core.scan(function(s, xs) error(a:sum(0) * v * xs[1]) end,\n"
  "    {core.ops.full({3}, 0)}, {a}) end)\n"
  "pcall(core.scan, function(s) return {core.ops.full({4}, 0)} end,\n"
  "  {core.ops.full({3}, 0)}, {x})\n"
  "pcall(core.value_and_grad(function(a) return (a * v):matmul(v) end), x)\n"
  "local f = core.trace({{shape={false}, dtype='int32'}}, function(a)\n"
  "  return core.ops.gather(x, a) end)\n"
  "pcall(f, core.tensor({9}, {dtype='int32'}))\n"
  "pcall(f.rows, f, {inputs={core.tensor({9}, {dtype='int32'})}})",
  /* rows, in an order, with and without results */
  "local f = core.trace({{shape={false, 3}}}, function(a) return a * 2 end)\n"
  "local order = core.tensor({2, 1, 0}, {dtype='int32'})\n"
  "f:rows{inputs={x}, batch=2, order=order}\n"
  "f:rows{inputs={x}, batch=2, outputs={k.zeros{3, 3}}}",
  /* models, with all that they make */
  "local m = k.Sequential{k.Input{shape={3}}, k.layers.Dense(4),\n"
  "  k.layers.Dropout(0.5), k.layers.Dense(1)}\n"
  "m:compile{optimizer='adam', loss='mse', metrics={'mae'}}\n"
  "m:fit(x, k.ones{3, 1}, {verbose=0, batch_size=2}) m:predict(x)",
};

static void forget_it(lua_State *L, const char *script, int times) {
  for (int i = 0; i < times; i++)
    if (!EXPECT(luaL_dostring(L, script) == LUA_OK)) {
      printf("  %s\n", lua_tostring(L, -1));
      return;
    }
}

/* Bytes that tensors hold. */
static double live_tensors(lua_State *L) {
  EXPECT(luaL_dostring(L, "return core.memory().live") == LUA_OK);
  double live = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return live;
}

static void forgotten_things(void) {
  int times = watched ? 20 : 400;
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  EXPECT_STATUS(LUNULA_OK, lunula_open(L, &why));
  forget_it(L, "k, core = require 'lunula', require 'lunula.core'\n"
               "x = core.tensor{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}\n"
               "v = core.variable{value=core.ops.full({3}, 0.5), name='v'}\n"
               "kept = core.trace({{shape={false}}}, function(a)\n"
               "  return (a * 2):sum() end)", 1);
  for (int i = 0; i < (int)(sizeof forgotten / sizeof *forgotten); i++) {
    forget_it(L, forgotten[i], 10);
    long before = after_collection(L);
    double live = live_tensors(L);
    forget_it(L, forgotten[i], times);
    long grown = after_collection(L) - before;
    live = live_tensors(L) - live;
    if (!EXPECT(live <= 1024)) /* plans of a few sizes more */
      printf("  %g bytes of tensors were left\n%s\n", live, forgotten[i]);
    if (!EXPECT(watched || grown < 100000)) /* malloc's own lists grow too */
      printf("  %ld bytes were left behind by %d times\n%s\n", grown, times,
             forgotten[i]);
  }
  lua_close(L);
}

int main(void) {
  leave_the_house("memory");
  test("limits that shrink until nothing works", shrinking_limits);
  test("allocations of Lua that fail", failing_allocations);
  test("1000 runtimes", many_runtimes);
  test("200 states of the host", many_states);
  test("1000000 predictions", many_predictions);
  test("30000 errors", many_errors);
  test("what scripts make and forget", forgotten_things);
  return failures > 0;
}
