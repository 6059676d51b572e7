/* A memory limit of 64 MB keeps the process below 100 MB, whatever a script
** makes and keeps. Each script runs in a process of its own, which says how
** much it had at most. */
#define _GNU_SOURCE
#include "check.h"

#include <lua.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { LIMIT = 64, MOST = 100 }; /* MB */

/* What a script may keep, for ever; `all` holds it. */
static const struct {
  const char *name, *script;
} cases[] = {
  {"tensors", "keep(k.zeros{100, 100})"},
  {"small tensors", "keep(k.ones{1})"},
  {"large tensors", "keep(k.zeros{1000, 1000})"},
  {"tables", "keep{{}, {}, {}}"},
  {"strings", "keep(('x'):rep(1000) .. #all)"},
  {"long strings", "keep(('x'):rep(1000000) .. #all)"},
  {"one string", "s = (s or 'x') .. (s or 'x')"},
  {"closures", "local a, b = #all, k keep(function() return a, b end)"},
  {"coroutines", "local co = coroutine.wrap(function()"
                 " coroutine.yield() end) co() keep(co)"},
  {"deep recursion", "local function f(n) return 1 + f(n + 1) end f(1)"},
  {"traced functions",
   "keep(core.trace({{shape={false, 2}}}, function(x)"
   " for i = 1, 100 do x = x + 1 end return x end))"},
  {"small traced functions",
   "keep(core.trace({{shape={false, 2}}}, function(x) return x + 1 end))"},
  {"an open trace",
   "core.trace({{shape={false, 2}}}, function(x)"
   " while true do x = x * 2 end end)"},
  {"plans of many shapes",
   "f = f or {} local g = core.trace({{shape={false, 2}}}, function(x)"
   " for i = 1, 20 do x = (x + i):matmul(k.ones{2, 2}) end return x end)"
   " keep(g) for i = 1, 12 do g(k.ones{i, 2}) end"},
  {"models",
   "local m = k.Sequential{k.Input{shape={4}}, k.layers.Dense(8),"
   " k.layers.Dense(1)} m:predict(k.ones{1, 4}, {verbose=0}) keep(m)"},
  {"trained models",
   "local m = k.Sequential{k.Input{shape={4}}, k.layers.Dense(8),"
   " k.layers.Dense(1)} m:compile{optimizer='adam', loss='mse'}"
   " m:fit(k.ones{8, 4}, k.ones{8, 1}, {verbose=0}) keep(m)"},
  {"layers", "for i = 1, 200 do keep(k.layers.Dense(8)) end"},
  {"variables", "keep(core.variable{value={1, 2}, name='v' .. #all})"},
  {"placeholders", "keep(k.Input{shape={4}})"},
  {"a deep tape",
   "core.record(function() local x = core.watch(k.ones{4})"
   " while true do x = x * 1.01 end end)"},
  {"scans",
   "keep(core.trace({{shape={false, 4}}}, function(x)"
   " return core.scan(function(s, t) return {s[1] + t[1]}, {s[1]} end,"
   " {k.ones{4}}, {x})[1] end))"},
  {"scans that ran",
   "local f = core.trace({{shape={false, 4}}}, function(x)"
   " return core.scan(function(s, t) return {s[1] + t[1]}, {s[1]} end,"
   " {k.ones{4}}, {x})[1] end) f(k.ones{3, 4}) keep(f)"},
  {"host steps",
   "keep(core.trace({{shape={2}}}, function(x) return core.host{"
   " fn=function(y) return y end, inputs={x}, outputs={{shape={2}}}} end))"},
  {"masks", "local x = k.ones{2} x.mask = k.ones{2} keep(x)"},
  {"nested tables as tensors",
   "local t = {} for i = 1, 1000 do t[i] = {i, i, i} end keep(k.tensor(t))"},
  {"tensors as tables", "keep(k.ones{1000, 3}:totable())"},
  {"tensors as text", "keep(tostring(k.ones{30, 30}) .. #all)"},
  {"bytes", "keep(k.ones{1000, 25}:tobytes() .. #all)"},
  {"one large table", "local t = k.ones{5000000}:totable() keep(t)"},
  {"large buffers", "local t = {} for i = 1, 200000 do t[i] = 'xxxxxxxxxx' end"
                    " keep(table.concat(t) .. #all)"},
  {"callbacks of gradients",
   "keep(core.value_and_grad(function(x) return (x * x):sum() end))"},
  {"large plans",
   "local f = core.trace({{shape={false, 64}}}, function(x)"
   " for i = 1, 50 do x = k.ops.softmax(x:matmul(k.ones{64, 64})) end"
   " return x end) for i = 1, 20 do f(k.ones{100 * i, 64}) end keep(f)"},
  {"convolutions",
   "local m = k.Sequential{k.Input{shape={32, 32, 3}},"
   " k.layers.Conv2D{16, 3}, k.layers.Conv2D{16, 3}}"
   " m:predict(k.ones{8, 32, 32, 3}, {verbose=0}) keep(m)"},
  {"JSON", "text = text or k.Sequential{k.Input{shape={4}},"
           " k.layers.Dense(8)}:to_json()"
           " keep(k.models.model_from_json(text))"},
  {"loaded text", "keep(assert(load(('local a = 1 '):rep(150))))"},
};

static const char head[] =
    "k, core = require 'lunula', require 'lunula.core'\n"
    "all = {} function keep(x) all[#all + 1] = x end\n"
    "function turn() ";
static const char tail[] =
    " end\n"
    "for i = 1, math.huge do turn() end";

static lunula_status run_case(lunula_runtime *rt, const char *script) {
  char text[4000];
  snprintf(text, sizeof text, "%s%s%s", head, script, tail);
  return run_text(rt, text);
}

/* In the child: the status; its peak is seen by the parent. */
static int keep_for_ever(const char *script, int sandbox) {
  lunula_runtime *rt;
  lunula_config c = {.size = sizeof c, .sandbox = sandbox,
                     .memory_limit = (size_t)LIMIT << 20};
  if (lunula_new(&c, &rt, &why) != LUNULA_OK)
    return 100;
  int status = run_case(rt, script);
  /* the stack of Lua ends before the memory, and some layers add words */
  if (status != LUNULA_MEMORY && !strstr(why.text, "stack overflow") &&
      !strstr(why.text, "memory"))
    return printf("  status %d: %s\n", status, why.text), fflush(stdout), 1;
  lua_State *L = lunula_state(rt);
  lua_pushnil(L);
  lua_setglobal(L, "all");
  lua_pushnil(L);
  lua_setglobal(L, "s");
  lua_gc(L, LUA_GCCOLLECT);
  int after = run_text(rt, "local t = {} for i = 1, 1000 do t[i] = {i} end");
  if (after)
    printf("  afterwards %d: %s\n", after, why.text);
  fflush(stdout);
  lunula_free(rt);
  return after == LUNULA_OK ? 0 : 1;
}

static int current;

static void stays_within(void) {
  struct rusage usage;
  int status;
  fflush(stdout);
  pid_t child = fork();
  if (child == 0)
    _exit(keep_for_ever(cases[current].script, current % 2));
  EXPECT(wait4(child, &status, 0, &usage) == child);
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  double mb = (double)usage.ru_maxrss / 1024;
  printf("  %-26s %6.1f MB %5.1f s\n", cases[current].name, mb,
         (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec * 1e-6);
  EXPECT(watched || mb < MOST);
}

int main(int argc, char **argv) {
  leave_the_house("limit");
  for (current = 0; current < (int)(sizeof cases / sizeof *cases); current++)
    if (argc < 2 ? !watched || current % 6 == 0
                 : strstr(cases[current].name, argv[1]) != NULL)
      test(cases[current].name, stays_within);
  return failures > 0;
}
