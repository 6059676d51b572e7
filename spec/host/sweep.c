/* Every allocation fails once. For each phase in the life of a script the n-th
** allocation fails, or all from the n-th on, for one n after another, each in a
** child that was forked where the phase begins. The phase must end with an
** error that says that memory is out, or with the same bits as without a
** failure; done again with memory it must give those bits, and a runtime that
** is closed leaves nothing behind.
**
** sweep          a stride that ends within some 40 seconds
** sweep full     every n of our own and libc's allocations, and Lua's; only
**                those of Lua before the first plan by a stride of 97
** sweep PHASE OWNER MODE N   that one alone, in this process (for a debugger)
*/
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <lauxlib.h>

/* ---- the allocator ------------------------------------------------------ */

/* Lua's heap is the one that is resized; all else is ours or libc's. */
enum { OURS, LUAS, OWNERS };
enum { ONE, ALL_FROM, MODES };

static struct {
  bool armed;
  int owner, mode;
  long n;              /* which fails; 0: none */
  long count[OWNERS];  /* since it was armed */
  bool hit;
  long blocks; /* that are there, armed or not */
} heap;

static bool fails(int owner) {
  if (!heap.armed)
    return false;
  long at = ++heap.count[owner];
  if (owner != heap.owner || heap.n == 0 || at < heap.n)
    return false;
  /* Lua collects and tries once more: that must fail too */
  long last = heap.n + (owner == LUAS);
  if (heap.mode == ONE && at > last)
    return false;
  heap.hit = true;
  errno = ENOMEM;
  return true;
}

#if defined(__SANITIZE_ADDRESS__) /* it has the names: the linker's --wrap */
#define NAME(f) __wrap_##f
#define REAL(f) __real_##f
#define REAL_ALIGN(to, align, n) __real_posix_memalign(to, align, n)
int __real_posix_memalign(void **to, size_t align, size_t n);
#else
#define NAME(f) f
#define REAL(f) __libc_##f
#define REAL_ALIGN(to, align, n) \
  ((*(to) = __libc_memalign(align, n)) == NULL ? ENOMEM : 0)
void *__libc_memalign(size_t align, size_t n);
#endif

void *REAL(malloc)(size_t n);
void *REAL(calloc)(size_t n, size_t item);
void *REAL(realloc)(void *block, size_t n);
void REAL(free)(void *block);
void *NAME(malloc)(size_t n);
void *NAME(calloc)(size_t n, size_t item);
void *NAME(realloc)(void *block, size_t n);
int NAME(posix_memalign)(void **to, size_t align, size_t n);
void NAME(free)(void *block);

static void *counted(void *block) {
  if (block)
    __atomic_add_fetch(&heap.blocks, 1, __ATOMIC_RELAXED);
  return block;
}

void *NAME(malloc)(size_t n) {
  return fails(OURS) ? NULL : counted(REAL(malloc)(n));
}

void *NAME(calloc)(size_t n, size_t item) {
  return fails(OURS) ? NULL : counted(REAL(calloc)(n, item));
}

void *NAME(realloc)(void *block, size_t n) {
  if (fails(LUAS))
    return NULL;
  return block ? REAL(realloc)(block, n) : counted(REAL(realloc)(block, n));
}

int NAME(posix_memalign)(void **to, size_t align, size_t n) {
  if (fails(OURS))
    return ENOMEM;
  int status = REAL_ALIGN(to, align, n);
  if (status == 0)
    counted(*to);
  return status;
}

void NAME(free)(void *block) {
  if (block)
    __atomic_sub_fetch(&heap.blocks, 1, __ATOMIC_RELAXED);
  REAL(free)(block);
}

/* ---- phases ------------------------------------------------------------- */

static lunula_runtime *rt;

static uint64_t bits_of(const char *text, size_t n) {
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < n; i++)
    h = (h ^ (unsigned char)text[i]) * 0x100000001b3u;
  return h;
}

/* What a frozen model gives, through a session, and for a script. */
static lunula_status use_frozen(lunula_model *m, uint64_t *bits) {
  static float x[12] = {1, -2, 0.5f, 3, 1, 0, 2, 2, -1, 0.25f, 4, 1};
  float y[2 * 64] = {0};
  lunula_view vx = floats(x, 2, 2, 6), vy = {0};
  lunula_session *session = NULL, *copy = NULL;
  lunula_slot *slot = NULL;
  lunula_status s = lunula_prepare(m, &vx, 1, &vy, 1, &why);
  vy.data = y;
  if (s == LUNULA_OK)
    s = lunula_session_new(m, &session, &why);
  if (s == LUNULA_OK)
    s = lunula_session_copy(session, &copy, &why);
  if (s == LUNULA_OK)
    s = lunula_slot_new(m, &slot, &why);
  if (s == LUNULA_OK)
    s = lunula_session_predict(copy, &vx, 1, &vy, 1, NULL, &why);
  if (s == LUNULA_OK) {
    s = lunula_push_model(lunula_state(rt), m, &why);
    if (s == LUNULA_OK)
      lua_pop(lunula_state(rt), 1);
  }
  *bits = bits_of((const char *)y, sizeof y);
  lunula_slot_free(slot);
  lunula_session_free(session);
  lunula_session_free(copy);
  return s;
}

static lunula_status freeze_it(uint64_t *bits) {
  lunula_model *m = NULL, *frozen = NULL;
  lunula_status s = lunula_find_model(rt, "model", &m, &why);
  if (s == LUNULA_OK)
    s = lunula_freeze(m, &frozen, &why);
  lunula_model_free(m);
  if (s == LUNULA_OK)
    s = use_frozen(frozen, bits);
  lunula_model_free(frozen);
  return s;
}

static char stored[] = "/tmp/lunula_sweep_XXXXXX", storing[60];

static lunula_status load_it(uint64_t *bits) {
  lunula_model *m = NULL;
  lunula_status s = lunula_load(stored, &m, &why);
  if (s == LUNULA_OK)
    s = lunula_model_test(m, &why);
  if (s == LUNULA_OK)
    s = use_frozen(m, bits);
  lunula_model_free(m);
  return s;
}

/* Each ends with the bits of what it computed, as a string, or by a call of the
** host. What a phase needs of those before is global. */
static const struct {
  const char *name, *script;
  int lua_stride; /* of a full sweep */
  lunula_status (*host)(uint64_t *bits);
} phases[] = {
  {"require",
   "k = require 'lunula'\n"
   "core = require 'lunula.core'\n"
   "return tostring(#k.layers.Dense{2}.name > 0)", 97, NULL},
  {"eager",
   "k.set_random_seed(3)\n"
   "local x = k.random.normal{3, 4}\n"
   "local y = k.ops.softmax(x * 2 + {1, 2, 3, 4})\n"
   "local both = k.value_and_grad(function (a) return (a * a):sum() end)\n"
   "local _, g = both(x)\n"
   "local s = k.ops.concatenate({x, {{1, 2, 3, 4}}}, 0)\n"
   "assert(#tostring(s) > 10 and #s:totable() == 4)\n"
   "s[1] = 0\n"
   "return y:tobytes() .. g[1]:tobytes() .. s[2]:tobytes() ..\n"
   "  s[{{1, 3, 2}}]:tobytes()", 97, NULL},
  {"build",
   "k.set_random_seed(5)\n"
   "model = k.Sequential{k.Input{shape={6}},\n"
   "  k.layers.Dense{8, activation='relu'}, k.layers.Dropout(0.1),\n"
   "  k.layers.BatchNormalization{},\n"
   "  k.layers.Lambda(function (h) return h * k.ops.sigmoid(h) end),\n"
   "  k.layers.Dense{3, name='last'}}\n"
   "w0 = model:get_weights()\n"
   "local all = {}\n"
   "for i, w in ipairs(w0) do all[i] = w:tobytes() end\n"
   "return table.concat(all)", 97, NULL},
  {"trace",
   "traced = core.trace({{shape={false, 6}}}, function (a)\n"
   "  local s = core.scan(function (st, x)\n"
   "    return {st[1] * 0.5 + x[1]}, {st[1]} end, {k.ops.zeros{6}}, {a})\n"
   "  return a:sum(1), (s[1] * 2):exp() end)\n"
   "assert(#traced:describe() > 0)\n"
   "return 'traced'", 1, NULL},
  {"plan",
   "local x = k.ops.reshape(k.ops.arange(12) / 7, {2, 6})\n"
   "local a, b = traced(x)\n"
   "local c = traced(k.ops.concatenate({x, x}, 0))\n"
   "assert(traced:memory{batch=3} >= 0)\n"
   "return a:tobytes() .. b:tobytes() .. c:tobytes()", 1, NULL},
  {"fit",
   "k.set_random_seed(7)\n"
   "local x = k.random.normal{20, 6}\n"
   "model:set_weights(w0)\n"
   "model:compile{optimizer='adam', loss='mse', metrics={'mae'}}\n"
   "local h = model:fit(x, x:matmul(k.ops.ones{6, 3}),\n"
   "  {epochs=2, batch_size=8, verbose=0})\n"
   "local all = {}\n"
   "for i, w in ipairs(model:get_weights()) do all[i] = w:tobytes() end\n"
   "return table.concat(all) .. ('%.9g'):format(h.history.loss[2])", 1, NULL},
  {"predict",
   "model:set_weights(w0)\n"
   "local x = k.ops.reshape(k.ops.arange(30) / 9, {5, 6})\n"
   "return model:predict(x, {batch_size=2}):tobytes() ..\n"
   "  model:predict_on_batch(x):tobytes() .. model(x):tobytes()", 1, NULL},
  {"rnn",
   "k.set_random_seed(9)\n"
   "local m = k.Sequential{k.Input{shape={4, 3}}, k.layers.LSTM{5},\n"
   "  k.layers.Dense{1}}\n"
   "m:compile{optimizer='sgd', loss='mse'}\n"
   "local x = k.random.normal{6, 4, 3}\n"
   "m:fit(x, k.ops.ones{6, 1}, {epochs=1, batch_size=3, verbose=0})\n"
   "return m:predict(x):tobytes()", 1, NULL},
  {"host steps",
   "k.set_random_seed(11)\n"
   "local m = k.Sequential{k.Input{shape={3}}, k.layers.Dense{4},\n"
   "  k.layers.Lambda{function (h) return h * (1 + h:sum():item() * 0) end,\n"
   "  trace = false, output_shape = {4}}, k.layers.Dense{1}}\n"
   "m:compile{optimizer='sgd', loss='mse'}\n"
   "local x = k.random.normal{6, 3}\n"
   "m:fit(x, k.ops.ones{6, 1}, {epochs=1, batch_size=3, verbose=0})\n"
   "return m:predict(x):tobytes()", 1, NULL},
  {"json",
   "local text = model:to_json()\n"
   "local m = k.models.model_from_json(k.Sequential{k.Input{shape={2}},\n"
   "  k.layers.Dense{3, kernel_regularizer='l2'}}:to_json())\n"
   "m:set_weights{k.ops.ones{2, 3}, k.ops.zeros{3}}\n"
   "return m:predict(k.ops.ones{1, 2}):tobytes() .. tostring(#text > 100)", 1, NULL},
  {"save",
   "local text, constants = core.graph_text(traced, {inputs = {'x'}})\n"
   "local list = {{'a', k.ops.ones{3, 2}}, {'b', k.ops.zeros{70000}}}\n"
   "path = os.getenv 'SWEEP_FILE'\n"
   "core.file_write(path, table.move(constants, 1, #constants, 3, list),\n"
   "  {graph = text, format = 'lunula'}, {dtype = 'bfloat16'})\n"
   "local f = assert(io.open(path, 'rb'))\n"
   "local bytes = f:read 'a'\n"
   "f:close()\n"
   "return bytes", 1, NULL},
  {"load",
   "local file <close> = core.file_read(path)\n"
   "local f = core.graph_function(file.metadata.graph, file)\n"
   "local a, b = f(k.ops.reshape(k.ops.arange(12) / 7, {2, 6}))\n"
   "local all = {a:tobytes(), b:tobytes(), table.concat(file.names)}\n"
   "for i, name in ipairs(file.names) do\n"
   "  all[#all + 1] = file:tensor(name):tobytes() end\n"
   "return table.concat(all)", 1, NULL},
  {"freeze", "return ''", 1, freeze_it},
  {"write",
   "local fn, ins, outs = require 'lunula.models.served'(model)\n"
   "local x, entries = k.ops.ones{1, 6}, {}\n"
   "local text, constants = core.graph_text(fn, {inputs = ins, outputs = outs,\n"
   "  variable = function (v)\n"
   "    entries[#entries + 1] = {'w' .. #entries, v}\n"
   "    return entries[#entries][1] end})\n"
   "table.move(constants, 1, #constants, #entries + 1, entries)\n"
   "entries[#entries + 1] = {'lunula/test/input/0', x}\n"
   "entries[#entries + 1] = {'lunula/test/output/0', model:predict(x)}\n"
   "core.file_write(stored, entries, {format = 'lunula 1', graph = text,\n"
   "  class_names = '[\"a\", \"b\"]'})\n"
   "return text", 1, NULL},
  {"load frozen", "return ''", 1, load_it},
};

/* What a phase gave: a status, and a number of its bits. */
typedef struct Result {
  lunula_status status;
  uint64_t bits;
  char text[sizeof why.text];
} Result;

static lunula_status open_runtime(void) {
  lunula_config c = {.size = sizeof c, .threads = 1};
  lunula_status s = lunula_new(&c, &rt, &why);
  if (s == LUNULA_OK)
    s = lunula_run(rt, storing, strlen(storing), NULL, &why);
  return s;
}

/* The script leaves its result in the global `bits`. */
static Result run_phase(int phase) {
  char source[4096];
  Result r = {LUNULA_OK, 0, ""};
  snprintf(source, sizeof source, "bits = (function ()\n%s\nend)()",
           phases[phase].script);
  if (rt == NULL)
    r.status = open_runtime();
  if (r.status == LUNULA_OK)
    r.status = lunula_run(rt, source, strlen(source), phases[phase].name, &why);
  if (r.status == LUNULA_OK && phases[phase].host)
    r.status = phases[phase].host(&r.bits);
  if (r.status != LUNULA_OK)
    snprintf(r.text, sizeof r.text, "%s", why.text);
  return r;
}

static void take_bits(Result *r) {
  lua_State *L = rt ? lunula_state(rt) : NULL;
  if (L == NULL || r->status != LUNULA_OK || r->bits)
    return;
  size_t n = 0;
  lua_getglobal(L, "bits");
  const char *text = lua_tolstring(L, -1, &n);
  r->bits = text ? bits_of(text, n) : 0;
  lua_pop(L, 1);
}

/* ---- one child ---------------------------------------------------------- */

/* In memory that parent and children share. */
typedef struct Report {
  Result armed, again;
  long count[OWNERS];
  bool hit, closed;
  long left; /* blocks, when the runtime is closed */
  double seconds;
} Report;
static Report *report;

static void do_phase(int phase, int owner, int mode, long n) {
  double start = now();
  memset(report, 0, sizeof *report);
  memset(heap.count, 0, sizeof heap.count);
  heap.owner = owner;
  heap.mode = mode;
  heap.n = n;
  heap.armed = true;
  report->armed = run_phase(phase);
  heap.armed = false;
  memcpy(report->count, heap.count, sizeof heap.count);
  report->hit = heap.hit;
  take_bits(&report->armed);
  report->again = run_phase(phase);
  take_bits(&report->again);
  lunula_free(rt);
  report->left = heap.blocks;
  report->closed = true;
  report->seconds = now() - start;
}

/* Forks, and says what became of the child: NULL, or what is wrong. */
static const char *in_child(int phase, int owner, int mode, long n,
                            const Report *want) {
  static char wrong[2 * sizeof why.text];
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    alarm(60);
    do_phase(phase, owner, mode, n);
    fflush(stdout);
    _exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child)
    return "cannot fork";
  if (WIFSIGNALED(status)) {
    snprintf(wrong, sizeof wrong, "killed by signal %d (%s) %s",
             WTERMSIG(status), strsignal(WTERMSIG(status)),
             report->armed.text);
    return wrong;
  }
  if (WEXITSTATUS(status) != 0 || !report->closed) {
    snprintf(wrong, sizeof wrong, "exit code %d", WEXITSTATUS(status));
    return wrong;
  }
  const Result *a = &report->armed, *b = &report->again;
  if (a->status != LUNULA_OK && a->status != LUNULA_MEMORY) {
    snprintf(wrong, sizeof wrong, "status %d: %s", a->status, a->text);
    return wrong;
  }
  if (a->status == LUNULA_MEMORY && !report->hit)
    return "out of memory without a failure";
  if (want && a->status == LUNULA_OK && a->bits != want->armed.bits)
    return "other bits";
  if (b->status != LUNULA_OK) {
    snprintf(wrong, sizeof wrong, "done again: status %d: %s", b->status,
             b->text);
    return wrong;
  }
  if (want && b->bits != want->armed.bits)
    return "other bits when done again";
  if (want && report->left > want->left) {
    snprintf(wrong, sizeof wrong, "%ld blocks are left behind (%s)",
             report->left - want->left, a->text);
    return wrong;
  }
  return NULL;
}

/* ---- the sweep ---------------------------------------------------------- */

static bool full;
static double seconds_each; /* for one phase, owner and mode */
static int bad;

static long stride_of(int phase, int owner, long count, double cost) {
  if (full)
    return owner == LUAS ? phases[phase].lua_stride : 1;
  long stride = (long)((double)count * cost / seconds_each);
  return stride < 1 ? 1 : stride | 1;
}

static void sweep_mode(int phase, int owner, int mode, const Report *want) {
  static const char *const owners[] = {"ours", "Lua's"};
  static const char *const modes[] = {"one", "all from"};
  long count = want->count[owner], done = 0, wrong = 0;
  long stride = stride_of(phase, owner, count, want->seconds);
  for (long n = 1 + stride / 3; n <= count; n += stride, done++) {
    const char *what = in_child(phase, owner, mode, n, want);
    if (what && wrong++ < 5)
      printf("  %s, %s %s %ld: %s\n", phases[phase].name, owners[owner],
             modes[mode], n, what);
  }
  bad += wrong > 0;
  printf("%s - sweep: %s, %s, %s: %ld of %ld allocations, %ld wrong\n",
         wrong ? "not ok" : "ok", phases[phase].name, owners[owner],
         modes[mode], done, count, wrong);
}

static void sweep_phase(int phase) {
  const char *what = in_child(phase, OURS, ONE, 0, NULL);
  Report want = *report;
  if (what || want.armed.status != LUNULA_OK ||
      want.armed.bits != want.again.bits) {
    printf("not ok - sweep: %s without a failure: %s %s\n", phases[phase].name,
           what ? what : "", want.armed.text);
    bad++;
    return;
  }
  for (int owner = 0; owner < OWNERS; owner++)
    for (int mode = 0; mode < MODES; mode++)
      sweep_mode(phase, owner, mode, &want);
}

static void debug_one(char **args) {
  int phase = atoi(args[0]);
  for (int i = 0; i < phase; i++)
    run_phase(i);
  do_phase(phase, atoi(args[1]), atoi(args[2]), atol(args[3]));
  printf("%d %s\nagain %d %s\n", report->armed.status, report->armed.text,
         report->again.status, report->again.text);
}

int main(int argc, char **argv) {
  leave_the_house("sweep");
  static char line[4096]; /* not a block of the heap */
  setvbuf(stdout, line, _IOLBF, sizeof line);
  close(mkstemp(stored));
  snprintf(storing, sizeof storing, "stored = '%s'", stored);
  report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  char file[] = "/tmp/lunula_sweep_XXXXXX";
  int fd = mkstemp(file);
  if (report == MAP_FAILED || fd < 0 || setenv("SWEEP_FILE", file, 1) != 0)
    return 1;
  close(fd);
  if (argc == 5) {
    debug_one(argv + 1);
    return 0;
  }
  int n = (int)(sizeof phases / sizeof *phases);
  const char *only = getenv("LUNULA_SWEEP_PHASE");
  full = argc > 1 && strcmp(argv[1], "full") == 0;
  seconds_each = 30.0 / (n * OWNERS * MODES);
  for (int phase = 0; phase < n; phase++) {
    if (only == NULL || strcmp(only, phases[phase].name) == 0)
      sweep_phase(phase);
    Result r = run_phase(phase);
    if (r.status != LUNULA_OK)
      printf("not ok - sweep: %s: %s\n", phases[phase].name, r.text);
  }
  lunula_free(rt);
  unlink(file);
  unlink(stored);
  return bad > 0;
}
