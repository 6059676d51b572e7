/* A host that does not care for Lua: scripts in a runtime, and what stops them:
** errors, memory, time, the sandbox. */
#define _GNU_SOURCE
#include "check.h"

#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

static lunula_runtime *rt;
static char printed[20000];

static void collect(void *ud, const char *text, size_t size) {
  char *to = ud;
  size_t used = strlen(to);
  if (used + size >= sizeof printed)
    return;
  memcpy(to + used, text, size);
  to[used + size] = '\0';
}

static void open_runtime(lunula_config c) {
  c.size = sizeof c;
  c.print = collect;
  c.print_ud = printed;
  *printed = '\0';
  EXPECT_STATUS(LUNULA_OK, lunula_new(&c, &rt, &why));
}

static void close_runtime(void) {
  lunula_free(rt);
  rt = NULL;
}

/* ---- scripts ------------------------------------------------------------ */

static void runs_a_script(void) {
  lunula_config none = {0};
  open_runtime(none);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "print('one', 2, true) print()"));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "io.write('a', 1) io.stdout:write('b')"
                                        ":write('c\\n') io.stderr:write 'd'"));
  EXPECT(strcmp(printed, "one\t2\ttrue\n\na1bc\nd") == 0);
  EXPECT(lua_gettop(lunula_state(rt)) == 0);
  close_runtime();
  EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &rt, NULL));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "print 'dropped'"));
  close_runtime();
  lunula_free(NULL);
}

static void script_errors(void) {
  lunula_config none = {0};
  open_runtime(none);
  EXPECT_STATUS(LUNULA_ERROR, run_text(rt, "local a\n\nlocal b = a.x"));
  EXPECT_TEXT("setup:3: attempt to index a nil value");
  EXPECT(strstr(why.traceback, "setup:3: in main chunk") != NULL);
  EXPECT_STATUS(LUNULA_ERROR, run_text(rt, "error {}"));
  EXPECT_STATUS(LUNULA_ERROR, run_text(rt, "error()"));
  EXPECT_STATUS(LUNULA_ERROR, run_text(rt,
    "error(setmetatable({}, {__tostring = function() return 'mine' end}))"));
  EXPECT_TEXT("mine");
  EXPECT_STATUS(LUNULA_ERROR, run_text(rt,
    "error(setmetatable({}, {__tostring = error}))"));
  EXPECT_STATUS(LUNULA_ERROR, run_text(rt, "local = 3"));
  EXPECT_TEXT("setup:1: ");
  EXPECT(*why.traceback == '\0' || strstr(why.traceback, "C") != NULL);
  EXPECT_STATUS(LUNULA_ERROR, run_text(rt, "local function f() return f() + f()"
                                           " end f()"));
  EXPECT_TEXT("stack overflow");
  EXPECT_STATUS(LUNULA_ERROR, run_text(rt,
    "local k = require 'lunula'\n"
    "local m = k.Sequential{k.Input{shape={4}}, k.layers.Dense{3, name='d'}}\n"
    "m:predict(k.zeros{2, 5})"));
  EXPECT_TEXT("setup:3: ");
  EXPECT_STATUS(LUNULA_ERROR, run_text(rt, "os.exit(3)"));
  EXPECT_STATUS(LUNULA_ERROR, run_text(rt, "coroutine.wrap(error)('inside')"));
  EXPECT_TEXT("inside");
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_run(rt, NULL, 0, "=x", &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_run_file(rt, NULL, &why));
  EXPECT_STATUS(LUNULA_FILE, lunula_run_file(rt, "/nowhere/at/all.lua", &why));
  EXPECT_TEXT("/nowhere/at/all.lua");
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "x = 1")); /* still alive */
  EXPECT(lua_gettop(lunula_state(rt)) == 0);
  close_runtime();
}

static void runs_a_file(void) {
  lunula_config none = {0};
  char path[] = "/tmp/lunula-host-XXXXXX";
  int fd = mkstemp(path);
  static const char text[] = "#!/usr/bin/env lua5.4\nprint(...)\n\nerror 'no'";
  EXPECT(fd >= 0 && write(fd, text, sizeof text - 1) == sizeof text - 1);
  close(fd);
  open_runtime(none);
  EXPECT_STATUS(LUNULA_ERROR, lunula_run_file(rt, path, &why));
  EXPECT_TEXT(path);
  EXPECT_TEXT(":4: no");
  EXPECT(strcmp(printed, "\n") == 0);
  close_runtime();
  unlink(path);
}

static char logged[2000];

static void log_line(void *ud, int level, const char *text, size_t size) {
  size_t used = strlen(logged);
  EXPECT(ud == logged);
  if (used + size + 8 < sizeof logged)
    sprintf(logged + used, "%d:%.*s\n", level, (int)size, text);
}

static void warnings_go_to_the_log(void) {
  lunula_config c = {.log = log_line, .log_ud = logged};
  open_runtime(c);
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "local k = require 'lunula'\n"
    "local m = k.Sequential{k.Input{shape={2}}, k.layers.Lambda(function(x)\n"
    "  return x * x:sum():item() end)}\n"
    "m:compile{loss='mse'}\n"
    "m:predict(k.zeros{2, 2}, {verbose=2}) print 'mine'"));
  char line[8];
  sprintf(line, "%d:", LUNULA_WARNING);
  EXPECT(strstr(logged, line) && strstr(logged, "setup:2: warning: "));
  sprintf(line, "%d:", LUNULA_PROGRESS);
  EXPECT(strstr(logged, line) && strstr(logged, "1/1"));
  EXPECT(strcmp(printed, "mine\n") == 0);
  close_runtime();
}

/* ---- memory of the host -------------------------------------------------- */

typedef struct Heap {
  pthread_mutex_t lock;
  size_t held, most;
  int blocks, fails; /* fails: there is no more */
} Heap;

static void *heap_resize(void *ud, void *block, size_t had, size_t wanted) {
  Heap *h = ud;
  pthread_mutex_lock(&h->lock);
  bool more = !(h->fails && wanted > had);
  if (more) {
    h->held += wanted - had;
    h->most = h->held > h->most ? h->held : h->most;
    h->blocks += (block == NULL) - (wanted == 0);
  }
  pthread_mutex_unlock(&h->lock);
  if (wanted == 0)
    free(block);
  return wanted && more ? realloc(block, wanted) : NULL;
}

static void memory_of_the_host(void) {
  Heap heap = {.lock = PTHREAD_MUTEX_INITIALIZER};
  lunula_config c = {.allocate = heap_resize, .allocate_ud = &heap};
  lunula_model *model;
  float x[4] = {1, 2, 3, 4}, y[300];
  lunula_view in = floats(x, 2, 1, 4), out = floats(y, 2, 1, 300);
  open_runtime(c);
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "local k = require 'lunula'\n"
    "net = k.Sequential{k.Input{shape={4}}, k.layers.Dense(300),\n"
    "  k.layers.Dense(300)}\n"
    "net:compile{loss='mse', optimizer='adam'}\n"
    "net:fit(k.ones{64, 4}, k.ones{64, 300}, {epochs=3, verbose=0})"));
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, "net", &model, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &in, 1, &out, 1, &why));
  EXPECT(heap.most > 3 * 300 * 300 * 4); /* the weights and Adam's moments */
  heap.fails = 1;
  EXPECT_STATUS(LUNULA_MEMORY, run_text(rt, "big = {} "
                "for i = 1, 1e6 do big[i] = {} end"));
  EXPECT_STATUS(LUNULA_MEMORY,
                run_text(rt, "big = require('lunula').ones{3000, 3000}"));
  heap.fails = 0;
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "net:predict{{1, 2, 3, 4}}"));
  close_runtime();
  lunula_model_free(model);
  EXPECT(heap.held == 0 && heap.blocks == 0);
}

static void bad_configurations(void) {
  lunula_config c = {0};
  rt = (lunula_runtime *)printed;
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_new(&c, &rt, &why));
  EXPECT_TEXT("size");
  EXPECT(rt == NULL);
  c.size = sizeof c;
  c.threads = -1;
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_new(&c, &rt, &why));
  c.threads = 0;
  c.size = sizeof c + 100; /* of a later version */
  union {
    lunula_config c;
    char bytes[sizeof c + 100];
  } later;
  memset(&later, 0, sizeof later); /* also what is behind c */
  later.c = c;
  EXPECT_STATUS(LUNULA_OK, lunula_new(&later.c, &rt, &why));
  close_runtime();
  later.bytes[sizeof c + 99] = 1;
  rt = (lunula_runtime *)printed;
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_new(&later.c, &rt, &why));
  EXPECT_TEXT("more than version " LUNULA_VERSION " knows");
  EXPECT(rt == NULL);
  c.size = sizeof c;
  c.instruction_budget = -1;
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_new(&c, &rt, &why));
}

static int run_inside(lua_State *L) {
  lunula_status s = run_text(rt, "inner = (inner or 0) + 1");
  lua_pushinteger(L, s);
  s = run_text(rt, "error 'within'");
  lua_pushinteger(L, s);
  return 2;
}

static void calls_within_calls(void) {
  lunula_config none = {0};
  open_runtime(none);
  lua_register(lunula_state(rt), "run_inside", run_inside);
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "local a, b = run_inside()\n"
    "assert(a == 0 and b == 1 and inner == 1)\n"
    "coroutine.wrap(function() assert(run_inside() == 0) end)()\n"
    "assert(inner == 2)"));
  close_runtime();
}

/* ---- memory ------------------------------------------------------------- */

/* The kind of an error is not told by its words. */
static void kinds_of_errors(void) {
  lunula_config none = {0};
  open_runtime(none);
  EXPECT_STATUS(LUNULA_ERROR,
                run_text(rt, "error('my robot is out of memory cards')"));
  EXPECT_STATUS(LUNULA_ERROR,
                run_text(rt, "error('not enough memory for out of memory')"));
  EXPECT_STATUS(LUNULA_MEMORY, run_text(rt,
      "local core = require 'lunula.core'\n"
      "local ok, e = pcall(core.ops.full, {1 << 20, 1 << 20}, 1)\n"
      "error(e, 0)"));
  EXPECT_STATUS(LUNULA_ERROR, run_text(rt,
      "local core = require 'lunula.core'\n"
      "local ok, e = pcall(core.ops.full, {1 << 20, 1 << 20}, 1)\n"
      "error('I was told: ' .. e, 0)"));
  close_runtime();
}

static void memory_limit(void) {
  lunula_config c = {0};
  c.memory_limit = (size_t)40 << 20;
  open_runtime(c);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "k = require 'lunula'"));
  EXPECT_STATUS(LUNULA_MEMORY, run_text(rt, "x = k.zeros{5000, 5000}"));
  EXPECT_TEXT("setup:1: ");
  EXPECT_TEXT("95.4 MB wanted");
  EXPECT_TEXT("limit 40.0 MB");
  EXPECT_STATUS(LUNULA_MEMORY, run_text(rt, "x = ('x'):rep(100000000)"));
  EXPECT_STATUS(LUNULA_MEMORY, run_text(rt,
    "local list = {} for i = 1, 1e9 do list[i] = {i} end"));
  EXPECT_STATUS(LUNULA_MEMORY, run_text(rt,
    "local list = {} for i = 1, 1e9 do list[i] = k.zeros{1000, 100} end"));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, /* garbage is collected in time */
    "for i = 1, 1000 do x = k.zeros{1000, 1000} + 1 end"));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, /* a script may handle it */
    "assert(not pcall(k.zeros, {1e5, 1e5}))"));
  EXPECT(lua_gettop(lunula_state(rt)) == 0);
  close_runtime();
}

/* ---- time --------------------------------------------------------------- */

/* Scripts that want to run for ever. */
static const char *const endless[] = {
  "while true do end",
  "while true do pcall(function() while true do end end) end",
  "while true do pcall(pcall, error) end",
  "xpcall(function() while true do end end, function() return 1 end)"
  " while true do end",
  "while true do coroutine.wrap(function() pcall(function()"
  " while true do end end) end)() end",
  "local co = coroutine.wrap(function()"
  " while true do coroutine.yield() end end) while true do pcall(co) end",
  "for i = 1, math.huge do local x <close> = setmetatable({},"
  " {__close = function() while true do end end}) end",
  "table.sort({3, 2, 1}, function() while true do end end)",
  "(('x'):rep(100)):gsub('.', function() while true do end end)",
  "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end})"
  " while true do pcall(function() return t[1] end) end",
  "error(setmetatable({}, {__tostring = function() while true do end end}))",
  "goto a ::a:: goto a",
  "local k = require 'lunula'"
  " local f = require 'lunula.core'.trace({{shape={false, 2}}},"
  " function(x) return x + 1 end)"
  " while true do pcall(f, k.zeros{2, 2}) end",
};
enum { ENDLESS = sizeof endless / sizeof *endless };

static void *cancel_soon(void *arg) {
  struct timespec t = {0, 30000000};
  nanosleep(&t, NULL);
  lunula_cancel(arg);
  return NULL;
}

static void expect_cancelled(const char *script) {
  pthread_t thread;
  pthread_create(&thread, NULL, cancel_soon, rt);
  double start = now();
  EXPECT_STATUS(LUNULA_CANCELLED, run_text(rt, script));
  EXPECT_TEXT("cancelled");
  if (!EXPECT(now() - start < (watched ? 30 : 10)))
    printf("  %.1f s: %s\n", now() - start, script);
  pthread_join(thread, NULL);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "for i = 1, 10000 do end"));
  EXPECT(lua_gettop(lunula_state(rt)) == 0);
}

static void cancelled_scripts(void) {
  lunula_config c = {0};
  for (c.sandbox = 0; c.sandbox < 2; c.sandbox++) {
    open_runtime(c);
    for (int i = 0; i < ENDLESS; i++)
      expect_cancelled(endless[i]);
    close_runtime();
  }
}

/* Few instructions, each of which takes Lua a millisecond. */
static void cancelled_recursion(void) {
  lunula_config c = {0};
  open_runtime(c);
  expect_cancelled("local function f() pcall(f) f() end"
                   " while true do pcall(f) end");
  close_runtime();
}

static void cancelled_handlers(void) {
  lunula_config c = {0};
  c.sandbox = 1;
  open_runtime(c);
  expect_cancelled("xpcall(function() while true do end end,"
                   " function() while true do end end)");
  expect_cancelled("while true do xpcall(function() while true do end end,"
                   " function(m) xpcall(error, error) end) end");
  close_runtime();
}

static void cancelled_training(void) {
  lunula_config c = {0};
  open_runtime(c);
  expect_cancelled(
    "local k = require 'lunula'\n"
    "local m = k.Sequential{k.Input{shape={8}}, k.layers.Dense(1)}\n"
    "m:compile{optimizer='sgd', loss='mse'}\n"
    "while true do pcall(m.fit, m, k.zeros{5000, 8}, k.zeros{5000, 1},\n"
    "  {epochs=100000, verbose=0}) end");
  expect_cancelled(
    "local f = require 'lunula.core'.trace({{shape={false, 4}}},\n"
    "  function(x) return x + 1 end)\n"
    "local x = require 'lunula'.zeros{1000000, 4}\n"
    "while true do f:rows{inputs={x}, batch=1} end");
  close_runtime();
}

static void cancels_the_next_call(void) {
  lunula_config c = {0};
  open_runtime(c);
  lunula_cancel(rt);
  EXPECT_STATUS(LUNULA_CANCELLED, run_text(rt, "while true do end"));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "for i = 1, 1e5 do end"));
  lunula_cancel(rt);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "x = 1")); /* was done before */
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "for i = 1, 1e5 do end"));
  close_runtime();
}

static void instruction_budget(void) {
  lunula_config c = {0};
  for (c.sandbox = 0; c.sandbox < 2; c.sandbox++) {
    c.instruction_budget = 3000000;
    open_runtime(c);
    for (int i = 0; i < ENDLESS; i++) {
      if (!EXPECT_STATUS(LUNULA_BUDGET, run_text(rt, endless[i])))
        printf("  %s\n", endless[i]);
      EXPECT_TEXT("used up");
    }
    EXPECT_STATUS(LUNULA_OK, run_text(rt, "for i = 1, 1e6 do end"));
    EXPECT_STATUS(LUNULA_OK, run_text(rt, "for i = 1, 1e6 do end"));
    close_runtime();
  }
}

/* ---- the sandbox -------------------------------------------------------- */

static void sandbox(void) {
  static const char *const fine[] = {
    "assert(io.open('/etc/passwd') == nil)",
    "assert(select(2, io.open('/etc/passwd')):find 'sandbox')",
    "assert(not (debug or dofile or loadfile or string.dump or io.popen))",
    "assert(not (io.lines or io.read or io.output or io.tmpfile))",
    "assert(not (os.execute or os.remove or os.rename or os.getenv))",
    "assert(not (os.exit or os.tmpname or os.setlocale))",
    "assert(os.time() > 0 and os.clock() >= 0 and os.date())",
    "assert(not pcall(require, 'io2') and not package.loadlib)",
    "assert(not (package.path or package.cpath or package.searchers))",
    "assert(not package.preload and package == require 'package')",
    "for name in pairs(package.loaded) do assert(name ~= 'debug', name) end",
    "assert(require 'io' == io and require 'os' == os)",
    "assert(not pcall(setmetatable, {}, {__gc = function() end}))",
    "assert(not pcall(setmetatable, {}, {__gc = true}))",
    "assert(not pcall(setmetatable, setmetatable({}, {__metatable = 1}), {}))",
    "assert(setmetatable({}, nil)) assert(not pcall(setmetatable, {}))",
    "assert(getmetatable(setmetatable({}, {__metatable = 7})) == 7)",
    "assert(load('return 1')() == 1)",
    "assert(load('return x', 'c', 'bt', {x = 5})() == 5)",
    "assert(load(function() return nil end))",
    "assert(load('return x', 'c', 't', nil) and not load('x x'))",
    "assert(collectgarbage 'count' > 1) collectgarbage()",
    "assert(not pcall(collectgarbage, 'stop'))",
    "assert(xpcall(function(a, b) return a + b end, error, 1, 2))",
    "local ok, m = xpcall(error, function(m) return m .. '!' end, 'a')"
    " assert(not ok and m == 'a!')",
    "local co = coroutine.wrap(function() return xpcall(function(a)"
    " return coroutine.yield(a) .. 'c' end, error, 'b') end)"
    " assert(co() == 'b') local ok, s = co 'y' assert(ok and s == 'yc')",
    "local c = require 'lunula.core' assert(not c.set_memory_limit)"
    " local n = c.threads() assert(c.threads(n + 3) == n)",
    "local k = require 'lunula'\n"
    "local m = k.Sequential{k.Input{shape={2}}, k.layers.Dense(1)}\n"
    "m:compile{optimizer='adam', loss='mse', metrics={'mae'}}\n"
    "m:fit(k.zeros{8, 2}, k.ones{8, 1}, {epochs=2})\n"
    "assert(m:predict(k.zeros{1, 2}).shape[2] == 1) m:summary()",
    "local k = require 'lunula'\n"
    "local layer = k.layers.Lambda(function(x) return x^2 end)\n"
    "assert(layer(k.tensor{3}):item() == 9)",
  };
  lunula_config c = {0};
  c.sandbox = 1;
  open_runtime(c);
  for (int i = 0; i < (int)(sizeof fine / sizeof *fine); i++)
    if (!EXPECT_STATUS(LUNULA_OK, run_text(rt, fine[i])))
      printf("  in: %s\n", fine[i]);
  EXPECT(strstr(printed, "Epoch 2/2") && strstr(printed, "Total params"));
  close_runtime();
}

static int append(lua_State *L, const void *text, size_t size, void *ud) {
  (void)L;
  luaL_addlstring(ud, text, size);
  return 0;
}

/* `return 7` as bytecode that Lua itself wrote, so that nothing but the mode of
** loading can refuse it. */
static const char *bytecode(lua_State *L, size_t *size) {
  luaL_Buffer b;
  EXPECT(luaL_loadstring(L, "return 7") == LUA_OK);
  luaL_buffinit(L, &b);
  lua_pushvalue(L, 1);
  EXPECT(lua_dump(L, append, &b, 0) == 0);
  lua_pop(L, 1);
  luaL_pushresult(&b);
  return lua_tolstring(L, -1, size);
}

/* Each ends well where bytecode is taken, `code` holds it. */
static const char *const bytecode_loaders[] = {
  "assert(assert(load(code))() == 7)",
  "assert(assert(load(code, 'chunk', 'b'))() == 7)",
  "assert(assert(load(code, 'chunk', 'bt', {}))() == 7)",
  "local i = 0 assert(assert(load(function()\n"
  "  i = i + 1 return i <= #code and code:sub(i, i) or nil end))() == 7)",
  "local _, f, m = pcall(load, code, 'chunk', 'b') assert(assert(f, m)() == 7)",
  "local f, m = coroutine.wrap(load)(code, 'chunk', 'b')\n"
  "assert(assert(f, m)() == 7)",
};

static void takes_bytecode(const char *code, size_t size, const char *path,
                           int taken) {
  lua_State *L = lunula_state(rt);
  int want = taken ? LUNULA_OK : LUNULA_ERROR;
  static const char why_not[] = "attempt to load a binary chunk";
  lua_pushlstring(L, code, size);
  lua_setglobal(L, "code");
  for (int i = 0;
       i < (int)(sizeof bytecode_loaders / sizeof *bytecode_loaders); i++) {
    EXPECT_STATUS(want, run_text(rt, bytecode_loaders[i]));
    if (!taken)
      EXPECT_TEXT(why_not);
  }
  EXPECT_STATUS(want, lunula_run(rt, code, size, "=code", &why));
  if (!taken)
    EXPECT_TEXT(why_not);
  EXPECT_STATUS(want, lunula_run_file(rt, path, &why));
  if (!taken)
    EXPECT_TEXT(why_not);
}

/* Bytecode is not checked by Lua: a script that can load it can do anything. */
static void no_bytecode_in_a_sandbox(void) {
  lunula_config c = {0};
  size_t size;
  char path[] = "/tmp/lunula-host-XXXXXX";
  lua_State *L = luaL_newstate();
  const char *code = bytecode(L, &size);
  int fd = mkstemp(path);
  EXPECT(fd >= 0 && write(fd, code, size) == (ssize_t)size);
  close(fd);
  for (c.sandbox = 0; c.sandbox < 2; c.sandbox++) {
    open_runtime(c);
    takes_bytecode(code, size, path, !c.sandbox);
    /* require finds what is inside the library, and nothing of a script's */
    EXPECT_STATUS(c.sandbox ? LUNULA_ERROR : LUNULA_OK,
                  run_text(rt, "package.preload.mine = function()\n"
                               "  return load(code)() end\n"
                               "assert(require 'mine' == 7)"));
    EXPECT_STATUS(c.sandbox ? LUNULA_ERROR : LUNULA_OK,
                  run_text(rt, "string.dump(print and function() end)"));
    close_runtime();
  }
  unlink(path);
  lua_close(L);
}

int main(void) {
  leave_the_house("runtime");
  test("runs a script", runs_a_script);
  test("script errors", script_errors);
  test("runs a file", runs_a_file);
  test("memory of the host", memory_of_the_host);
  test("warnings go to the log", warnings_go_to_the_log);
  test("bad configurations", bad_configurations);
  test("calls within calls", calls_within_calls);
  test("kinds of errors", kinds_of_errors);
  test("memory limit", memory_limit);
  test("cancelled scripts", cancelled_scripts);
  test("cancelled recursion", cancelled_recursion);
  test("cancelled message handlers", cancelled_handlers);
  test("cancelled training", cancelled_training);
  test("cancels the next call", cancels_the_next_call);
  test("instruction budget", instruction_budget);
  test("sandbox", sandbox);
  test("no bytecode in a sandbox", no_bytecode_in_a_sandbox);
  return failures > 0;
}
