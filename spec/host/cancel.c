/* From lunula_cancel to the end of the call: at most 50 ms, whatever runs. Each
** line says how long it took, half of the times and at most; the half is what
** must hold, since a machine that does other things, too, may wake the thread
** of the call late. An argument picks cases by their names. */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <time.h>

static lunula_runtime *rt;

enum { TIMES = 5 };

/* ---- cancelled from another thread -------------------------------------- */

typedef struct Canceller {
  pthread_t thread;
  double after, at; /* seconds to wait; when it was done */
} Canceller;

static void *cancel_later(void *arg) {
  Canceller *c = arg;
  struct timespec t = {(time_t)c->after,
                       (long)((c->after - (double)(time_t)c->after) * 1e9)};
  nanosleep(&t, NULL);
  c->at = now();
  lunula_cancel(rt);
  return NULL;
}

/* Runs the script and cancels it after so many seconds; the latency. */
static double latency(const char *script, double after) {
  Canceller c = {.after = after};
  pthread_create(&c.thread, NULL, cancel_later, &c);
  EXPECT_STATUS(LUNULA_CANCELLED, run_text(rt, script));
  double end = now();
  pthread_join(c.thread, NULL);
  EXPECT_TEXT("cancelled");
  return end - c.at;
}

static const struct {
  const char *name, *before, *script;
} cases[] = {
  {"eager products", "a = k.ones{512, 512}",
   "while true do local b = k.ops.matmul(a, a) end"},
  {"eager products that are caught", "a = k.ones{512, 512}",
   "while true do pcall(k.ops.matmul, a, a) end"},
  {"one huge product", "a = k.ones{4096, 4096}",
   "while true do local b = k.ops.matmul(a, a) end"},
  {"eager elementwise ops", "a = k.ones{4096, 4096}",
   "while true do local b = k.ops.exp(a) end"},
  {"eager sums", "a = k.ones{4096, 4096}",
   "while true do local b = k.ops.sum(a) + k.ops.sum(a, 0):sum() end"},
  {"eager convolutions", "a, w = k.ones{64, 64, 64, 32}, k.ones{3, 3, 32, 64}",
   "while true do local b = k.ops.conv(a, w) end"},
  {"a plan of 200 products",
   "a = k.ones{512, 512}\n"
   "f = core.trace({{shape={512, 512}}}, function(x)\n"
   "  local y = x for i = 1, 200 do y = k.ops.matmul(y, x) end return y end)",
   "while true do f(a) end"},
  {"an eager scan", "",
   "local function step(s) return {s[1] * 0.5 + 1} end\n"
   "while true do core.scan(step, {k.ones{1}}, {}, {length = 10000000}) end"},
  {"a scan in a plan",
   "f = core.trace({{shape={1}}}, function(x)\n"
   "  return core.scan(function(s) return {s[1] * 0.5 + 1} end, {x}, {},\n"
   "    {length = 10000000})[1] end)",
   "while true do f(k.ones{1}) end"},
  {"two loops at the same time",
   "core.threads(2)\n"
   "f = core.trace({{shape={1}}}, function(x)\n"
   "  local function step(s) return {k.ops.tanh(s[1] * 0.5 + x)} end\n"
   "  local all = {length = 10000000}\n"
   "  return core.scan(step, {x}, {}, all)[1] + core.scan(step, {x * 2}, {}, all)[1]\n"
   "end)",
   "while true do f(k.ones{1}) end"},
  {"images by lines",
   "c = k.Sequential{k.Input{shape={400, 400, 16}},\n"
   "  k.layers.Conv2D{96, 1, activation='relu'},\n"
   "  k.layers.DepthwiseConv2D{3, padding='same'}, k.layers.Conv2D{24, 1}}\n"
   "f = core.trace({{shape={4, 400, 400, 16}}}, function(x) return c(x) end)\n"
   "a = k.ones{4, 400, 400, 16}",
   "while true do f(a) end"},
  {"fit",
   "core.threads(0)\n"
   "m = k.Sequential{k.Input{shape={784}},\n"
   "  k.layers.Dense{512, activation='relu'}, k.layers.Dense(10)}\n"
   "m:compile{optimizer='adam', loss='mse'}\n"
   "x, y = k.ones{20000, 784}, k.ones{20000, 10}\n"
   "m:fit(k.ones{256, 784}, k.ones{256, 10}, {verbose=0, batch_size=256})",
   "while true do m:fit(x, y, {epochs=100, verbose=0, batch_size=256}) end"},
  {"fit with large batches", "",
   "while true do m:fit(x, y, {epochs=100, verbose=0, batch_size=8000}) end"},
  {"much of one number", "",
   "while true do local b = k.ops.iota_like(k.zeros{100000000}) end"},
  {"rows picked one by one",
   "a = k.ones{20000000}\n"
   "ids = k.ops.zeros({20000000}, 'int32')",
   "while true do local b = k.ops.take_along_axis(a, ids, 0) end"},
  {"rows added to one", "",
   "while true do local b = k.ops.segment_sum(a, ids, 1) end"},
  {"fit with one huge batch",
   "a, ids = nil\n"
   "big = k.Sequential{k.Input{shape={500000}}, k.layers.Flatten(),\n"
   "  k.layers.Lambda{function(v) return v[{{}, {1, 1}}] end}, k.layers.Dense(1)}\n"
   "big:compile{optimizer='sgd', loss='mse'}\n"
   "bx, by = k.ones{100, 500000}, k.ones{100, 1}",
   "while true do big:fit(bx, by, {epochs=100, verbose=0, batch_size=100}) end"},
  {"evaluate", "big, bx, by = nil",
   "while true do m:evaluate(x, y, {verbose=0}) end"},
  {"predict", "",
   "while true do m:predict(x, {verbose=0}) end"},
  {"a deep model compiled", "",
   "while true do\n"
   "  local m = k.Sequential{k.Input{shape={16}}}\n"
   "  for i = 1, 100 do m:add(k.layers.Dense(16)) end\n"
   "  m:compile{optimizer='adam', loss='mse'}\n"
   "  m:fit(k.ones{4, 16}, k.ones{4, 16}, {verbose=0}) end"},
  {"a host step",
   "h = k.Sequential{k.Input{shape={6}},\n"
   "  k.layers.Lambda{function(a) return a + 1 end, trace=false}}\n",
   "while true do h:predict(k.ones{1000, 6}) end"},
  {"a gradient", "",
   "local a = k.ones{256, 256}\n"
   "local g = core.value_and_grad(function(x) local y = x\n"
   "  for i = 1, 100 do y = k.ops.matmul(y, x) end return y:sum() end)\n"
   "while true do g(a) end"},
  {"an empty loop", "", "while true do end"},
  {"a loop of pcall", "", "while true do pcall(error) end"},
  {"a loop of tables", "",
   "while true do local t = {} for i = 1, 1000 do t[i] = {i} end end"},
  {"a loop of strings", "",
   "while true do local s = '' for i = 1, 1000 do s = s .. i end end"},
  {"coroutines", "",
   "local function tree(n) for i = 1, 5 do\n"
   "  pcall(coroutine.wrap(tree), n + 1) end end\n"
   "while true do pcall(tree, 1) end"},
  {"a trace", "",
   "while true do core.trace({{shape={false, 4}}}, function(x)\n"
   "  for i = 1, 1000 do x = x + 1 end return x end) end"},
};

static const char *name_of_case;
static int number_of_case;

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* Half of the latencies are at most this. */
static double half_of_times(void) {
  double t[TIMES];
  int n = watched ? 1 : TIMES;
  for (int i = 0; i < n; i++)
    t[i] = latency(cases[number_of_case].script, 0.1 + 0.037 * i);
  qsort(t, (size_t)n, sizeof *t, by_size);
  printf("  %-32s %6.1f ms, at most %.1f\n", name_of_case, 1e3 * t[n / 2],
         1e3 * t[n - 1]);
  return t[n / 2];
}

static void ends_soon(void) {
  double limit = watched ? 5 : 0.05;
  EXPECT_STATUS(LUNULA_OK, run_text(rt, cases[number_of_case].before));
  for (int again = 0; half_of_times() >= limit; again++)
    if (!EXPECT(again < 2)) /* the machine may be busy for a while */
      break;
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "collectgarbage() collectgarbage()"));
}

int main(int argc, char **argv) {
  leave_the_house("cancel");
  EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &rt, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "k, core = require 'lunula', "
                                        "require 'lunula.core'"));
  for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++) {
    number_of_case = i;
    name_of_case = cases[i].name;
    if (argc < 2 || strstr(name_of_case, argv[1]))
      test(name_of_case, ends_soon);
    else
      run_text(rt, cases[i].before);
  }
  lunula_free(rt);
  return failures > 0;
}
