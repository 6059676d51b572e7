/* One budget of instructions for all that a script does: what it runs in
** coroutines, handlers, metamethods and finalizers is counted with the rest,
** and a script that was told to end cannot go on. */
#define _GNU_SOURCE
#include "script.h"

#include <lauxlib.h>
#include <pthread.h>
#include <time.h>

static lunula_runtime *rt;

enum { BUDGET = 1000000 };

static void open_runtime(int64_t budget, int sandbox) {
  lunula_config c = {0};
  c.size = sizeof c;
  c.instruction_budget = budget;
  c.sandbox = sandbox;
  EXPECT_STATUS(LUNULA_OK, lunula_new(&c, &rt, &why));
}

static void close_runtime(void) {
  lunula_free(rt);
  rt = NULL;
}

/* `n` counts steps of at least four instructions each. */
#define COUNT "n = n + 1 "

static const char *const hostile[] = {
  "while true do " COUNT "end",
  "goto a ::a:: " COUNT "goto a",
  "while true do pcall(function() while true do " COUNT "end end) end",
  /* coroutines that end before any hook, and make others of their kind */
  "local function tree()"
  " for i = 1, 200 do " COUNT "end"
  " for i = 1, 5 do pcall(coroutine.wrap(tree)) end end"
  " while true do pcall(tree) end",
  "local function leaf() for i = 1, 90 do " COUNT "end end"
  " while true do coroutine.wrap(leaf)() end",
  "local function leaf() for i = 1, 20 do " COUNT "end end"
  " while true do local co = coroutine.create(leaf) coroutine.resume(co) end",
  "local function turns() while true do " COUNT "coroutine.yield() end end"
  " local co = coroutine.wrap(turns)"
  " while true do pcall(co) end",
  "local all = {} for i = 1, 1000 do all[i] = coroutine.wrap(function()"
  " while true do " COUNT "coroutine.yield() end end) end"
  " while true do for i = 1, 1000 do pcall(all[i]) end end",
  "local function deep() " COUNT "coroutine.wrap(deep)() end"
  " while true do pcall(deep) end",
  "while true do local co = coroutine.create(function()"
  " local x <close> = setmetatable({}, {__close = function()"
  " for i = 1, 90 do " COUNT "end end}) coroutine.yield() end)"
  " coroutine.resume(co) coroutine.close(co) end",
  /* functions of C that call back */
  "while true do pcall(string.gsub, ('x'):rep(90), '.', function() " COUNT
  "end) end",
  "while true do table.sort({3, 2, 1, 5, 4}, function(a, b) " COUNT
  "return a < b end) end",
  "(('x'):rep(1000000)):gsub('.', coroutine.wrap(function()"
  " while true do " COUNT "coroutine.yield() end end))",
  /* metamethods */
  "local t = setmetatable({}, {__index = function() " COUNT "end})"
  " while true do local x = t.x end",
  "local t = setmetatable({}, {__add = function() " COUNT "return 1 end})"
  " while true do pcall(function() return t + 1 end) end",
  "for i = 1, math.huge do local x <close> = setmetatable({},"
  " {__close = function() while true do " COUNT "end end}) end",
  "error(setmetatable({}, {__tostring = function() while true do " COUNT
  "end end}))",
  /* handlers of errors */
  "while true do xpcall(error, function() for i = 1, 50 do " COUNT "end end)"
  " end",
  "while true do xpcall(function() while true do " COUNT "end end,"
  " function() while true do " COUNT "end end) end",
  "while true do xpcall(function() while true do " COUNT "end end,"
  " function(m) xpcall(error, error) error(m) end) end",
};
enum { HOSTILE = sizeof hostile / sizeof *hostile };

/* Finalizers: refused in a sandbox. */
static const char *const finalizers[] = {
  "while true do setmetatable({}, {__gc = function()"
  " for i = 1, 50 do " COUNT "end end}) end",
  "setmetatable({}, {__gc = function() while true do " COUNT "end end})"
  " collectgarbage() while true do " COUNT "end",
  "local mt = {} mt.__gc = function(o) setmetatable({}, mt)"
  " while true do " COUNT "end end setmetatable({}, mt)"
  " while true do collectgarbage 'step' end",
};
enum { FINALIZERS = sizeof finalizers / sizeof *finalizers };

static void expect_bounded(const char *script) {
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "n = 0"));
  if (!EXPECT_STATUS(LUNULA_BUDGET, run_text(rt, script)))
    printf("  in: %s\n", script);
  EXPECT_TEXT("the 1000000 instructions that it may take are used up");
  double n = global_number(rt, "n");
  if (!EXPECT(n > 0 && 4 * n <= BUDGET))
    printf("  %.0f steps in: %s\n", n, script);
}

static void bounded_scripts(void) {
  for (int sandbox = 0; sandbox < 2; sandbox++) {
    open_runtime(BUDGET, sandbox);
    for (int i = 0; i < HOSTILE; i++)
      expect_bounded(hostile[i]);
    EXPECT_STATUS(LUNULA_OK, run_text(rt, "for i = 1, 1e5 do end"));
    close_runtime();
  }
}

static void bounded_finalizers(void) {
  for (int i = 0; i < FINALIZERS; i++) {
    open_runtime(BUDGET, 0);
    expect_bounded(finalizers[i]);
    close_runtime(); /* which runs what is left of them */
  }
  open_runtime(BUDGET, 0);
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "x = setmetatable({}, {__gc = function() while true do end end})"));
  close_runtime();
}

/* What a coroutine has left from one call is not there for the next one. */
static void pays_in_every_call(void) {
  open_runtime(BUDGET, 1);
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "n, all = 0, {} for i = 1, 5000 do all[i] = coroutine.wrap(function()"
    " coroutine.yield() while true do " COUNT "end end) all[i]() end"));
  EXPECT_STATUS(LUNULA_BUDGET, run_text(rt,
    "for i = 1, #all do pcall(all[i]) end"));
  EXPECT(global_number(rt, "n") > 0 && 4 * global_number(rt, "n") <= BUDGET);
  close_runtime();
}

static void *cancel_soon(void *arg) {
  struct timespec t = {0, 30000000};
  nanosleep(&t, NULL);
  lunula_cancel(arg);
  return NULL;
}

static void cancelled_scripts(void) {
  for (int sandbox = 0; sandbox < 2; sandbox++) {
    open_runtime(0, sandbox);
    for (int i = 0; i < HOSTILE + (sandbox ? 0 : FINALIZERS); i++) {
      pthread_t thread;
      const char *script = i < HOSTILE ? hostile[i] : finalizers[i - HOSTILE];
      EXPECT_STATUS(LUNULA_OK, run_text(rt, "n = 0"));
      pthread_create(&thread, NULL, cancel_soon, rt);
      if (!EXPECT_STATUS(LUNULA_CANCELLED, run_text(rt, script)))
        printf("  in: %s\n", script);
      EXPECT_TEXT("cancelled by the host");
      pthread_join(thread, NULL);
    }
    lunula_cancel(rt); /* endless finalizers are left in it */
    close_runtime();
  }
}

/* The search for the user's line does not go through a hundred thousand of our
** frames, each of which Lua would count off from the top: that took minutes. */
static void ends_deep_in_our_files(void) {
  open_runtime(20000000, 1);
  double start = now();
  EXPECT_STATUS(LUNULA_BUDGET, run_text(rt,
    "local k = require 'lunula' local L "
    "L = k.layers.Lambda(function(x) return L(x) end) "
    "while true do pcall(L, k.ones{2}) end"));
  double took = now() - start;
  if (!EXPECT(took < 10))
    printf("  %.1f s\n", took);
  close_runtime();
}

/* The end was caught by the script, which then came to its own. */
static void caught_ends(void) {
  open_runtime(BUDGET, 1);
  EXPECT_STATUS(LUNULA_BUDGET, run_text(rt,
    "pcall(function() while true do end end)"));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "for i = 1, 1e5 do end"));
  EXPECT_STATUS(LUNULA_BUDGET, run_text(rt,
    "local co = coroutine.create(function() while true do end end)"
    " coroutine.resume(co)"));
  close_runtime();
}

/* Honest scripts pay for little more than they do. */
static void honest_scripts(void) {
  static const char *const fine[] = {
    "for i = 1, 990000 do end",
    "local co = coroutine.wrap(function() for i = 1, math.huge do"
    " coroutine.yield(i) end end)"
    " for i = 1, 50000 do assert(co() == i) end",
    "for i = 1, 8000 do coroutine.wrap(function() end)() end",
  };
  open_runtime(BUDGET, 1);
  for (int i = 0; i < (int)(sizeof fine / sizeof *fine); i++)
    EXPECT_STATUS(LUNULA_OK, run_text(rt, fine[i]));
  close_runtime();
  open_runtime(500, 1); /* also a small one is exact */
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "for i = 1, 480 do end"));
  EXPECT_STATUS(LUNULA_BUDGET, run_text(rt, "for i = 1, 520 do end"));
  close_runtime();
}

/* What scripts get in place of Lua's own does what that did. */
static void like_lua(void) {
  static const char *const fine[] = {
    "local co = coroutine.create(function(a, b)"
    " local c = coroutine.yield(a + b) error('no ' .. c) end)"
    " local ok, sum = coroutine.resume(co, 1, 2) assert(ok and sum == 3)"
    " assert(coroutine.status(co) == 'suspended')"
    " local ok, m = coroutine.resume(co, 'x')"
    " assert(not ok and m == 'setup:1: no x', m)"
    " assert(coroutine.status(co) == 'dead')"
    " ok, m = coroutine.resume(co)"
    " assert(not ok and m == 'cannot resume dead coroutine', m)",
    "local f = coroutine.wrap(function(...) return select('#', ...), ... end)"
    " local n, a, b = f(7, nil) assert(n == 2 and a == 7 and b == nil)"
    " local ok, m = pcall(f) assert(not ok and m:find 'cannot resume dead')",
    "local t = {} local ok, e = pcall(coroutine.wrap(error), t)"
    " assert(not ok and e == t)",
    "local f = coroutine.wrap(function() error('inside', 0) end)\n"
    "local ok, m = pcall(function()\n f() end)\n"
    "assert(m == 'setup:3: inside', m)",
    "local closed = false local f = coroutine.wrap(function()"
    " local x <close> = setmetatable({}, {__close = function()"
    " closed = true end}) error 'x' end)"
    " assert(not pcall(f) and closed)",
    "local co = coroutine.create(function() local x <close> = setmetatable("
    "{}, {__close = function() error 'late' end}) coroutine.yield() end)"
    " coroutine.resume(co) local ok, m = coroutine.close(co)"
    " assert(not ok and m:find 'late')",
    "assert(not pcall(coroutine.create, 1) and not pcall(coroutine.wrap))"
    " assert(not pcall(coroutine.resume, 1))"
    " assert(not pcall(coroutine.close, 1))",
    "assert(coroutine.wrap(coroutine.isyieldable)())"
    " assert(not coroutine.isyieldable())"
    " assert(select(2, coroutine.running()))",
    "local many = {} for i = 1, 5000 do many[i] = i end"
    " local f = coroutine.wrap(function(...) return ... end)"
    " assert(select('#', f(table.unpack(many))) == 5000)",
    "local ok, a, b = xpcall(function(...) return ... end, error, 1, 2)"
    " assert(ok and a == 1 and b == 2)",
    "local ok, m = xpcall(error, function(m) return m .. '!' end, 'a')"
    " assert(not ok and m == 'a!') assert(not pcall(xpcall, error))",
    "local co = coroutine.wrap(function() return xpcall(function(a)"
    " return coroutine.yield(a) .. 'c' end, error, 'b') end)"
    " assert(co() == 'b') local ok, s = co 'y' assert(ok and s == 'yc')",
    "local co = coroutine.wrap(function() return xpcall(function()"
    " coroutine.yield() error('late', 0) end, function(m) return m .. '!' end)"
    " end) co() local ok, m = co() assert(not ok and m == 'late!')",
    "assert(getmetatable(setmetatable({}, {__index = 1})).__index == 1)"
    " assert(not pcall(setmetatable, {})) assert(setmetatable({}, nil))",
  };
  static const char *const open_only[] = {
    "local function inner() error 'here' end\n"
    "local ok, t = xpcall(inner, debug.traceback)\n"
    "assert(t:find '^setup:1: here\\nstack' and t:find 'setup:1: in ', t)",
    "local seen local mt = {__gc = function(o) seen = o.name end}"
    " setmetatable({name = 'a'}, mt) collectgarbage() assert(seen == 'a')"
    " setmetatable({name = 'b'}, mt) collectgarbage() assert(seen == 'b')",
    "setmetatable({}, {__gc = function() error 'x' end}) collectgarbage()",
    "assert(select(2, pcall(debug.sethook)):find 'the host.s watch has it')",
  };
  for (int sandbox = 0; sandbox < 2; sandbox++) {
    open_runtime(0, sandbox);
    for (int i = 0; i < (int)(sizeof fine / sizeof *fine); i++)
      if (!EXPECT_STATUS(LUNULA_OK, run_text(rt, fine[i])))
        printf("  in: %s\n", fine[i]);
    for (int i = 0; !sandbox && i < (int)(sizeof open_only /
                                          sizeof *open_only); i++)
      if (!EXPECT_STATUS(LUNULA_OK, run_text(rt, open_only[i])))
        printf("  in: %s\n", open_only[i]);
    close_runtime();
  }
}

/* The kind of an error comes through a coroutine. */
static void kinds_through_coroutines(void) {
  lunula_config c = {0};
  c.size = sizeof c;
  c.memory_limit = (size_t)40 << 20;
  EXPECT_STATUS(LUNULA_OK, lunula_new(&c, &rt, &why));
  EXPECT_STATUS(LUNULA_MEMORY, run_text(rt,
    "local k = require 'lunula'"
    " coroutine.wrap(function() k.zeros{5000, 5000} end)()"));
  close_runtime();
}

int main(void) {
  leave_the_house("budget");
  test("bounds what a script does", bounded_scripts);
  test("bounds finalizers", bounded_finalizers);
  test("is paid in every call", pays_in_every_call);
  test("cancels the same scripts", cancelled_scripts);
  test("ends deep in our own files", ends_deep_in_our_files);
  test("ends scripts that catch it", caught_ends);
  test("lets honest scripts be", honest_scripts);
  test("leaves Lua as it was", like_lua);
  test("keeps the kinds of errors", kinds_through_coroutines);
  return failures > 0;
}
