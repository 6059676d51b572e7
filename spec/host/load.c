/* Models from files: what a script writes, loaded without it; what a file says
** of itself; files that are broken. */
#define _GNU_SOURCE
#include "script.h"

#include <fcntl.h>
#include <lauxlib.h>
#include <sys/stat.h>

static lunula_runtime *rt;
static char path[] = "/tmp/lunula_load_XXXXXX.safetensors";
enum { ENDING = 12 };

/* What saving does, as far as a host needs it. */
static const char writer[] =
    "k = require 'lunula'\n"
    "core = require 'lunula.core'\n"
    "function write(path, model, more, options)\n"
    "  local fn, ins, outs = require 'lunula.models.served'(model)\n"
    "  local entries = {}\n"
    "  local text, constants = core.graph_text(fn, {inputs = ins,\n"
    "    outputs = outs, variable = function (v)\n"
    "      local name = ('weight/%d'):format(#entries)\n"
    "      entries[#entries + 1] = {name, v}\n"
    "      return name\n"
    "    end})\n"
    "  table.move(constants, 1, #constants, #entries + 1, entries)\n"
    "  local meta = {format = 'lunula 1', graph = text, config = '{}'}\n"
    "  for name, value in pairs(more or {}) do\n"
    "    if type(value) == 'string' then meta[name] = value\n"
    "    else entries[#entries + 1] = {name, value} end\n"
    "  end\n"
    "  core.file_write(path, entries, meta, options)\n"
    "end\n";

static void open_runtime(const char *script) {
  lunula_config c = {.size = sizeof c};
  EXPECT_STATUS(LUNULA_OK, lunula_new(&c, &rt, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, writer));
  lua_pushstring(lunula_state(rt), path);
  lua_setglobal(lunula_state(rt), "path");
  EXPECT_STATUS(LUNULA_OK, run_text(rt, script));
}

static void close_runtime(void) {
  lunula_free(rt);
  rt = NULL;
}

static const char dense[] =
    "k.set_random_seed(3)\n"
    "model = k.Sequential{k.Input{shape={4}, name='four'},\n"
    "  k.layers.Dense{8, activation='tanh'}, k.layers.Dense{3, name='cats'}}\n"
    "local x = k.tensor{{1, 2, 3, 4}}\n"
    "local y = model:predict(x)\n"
    "a, b, c = y:get(1, 1), y:get(1, 2), y:get(1, 3)\n"
    "write(path, model, {class_names = '[\"tabby\", \"a \\\\\"tiger\\\\\"\"]',\n"
    "  origin = 'made by hand', ['lunula/test/input/0'] = x,\n"
    "  ['lunula/test/output/0'] = y})\n";

static void ask(lunula_model *m, float y[3]) {
  float x[4] = {1, 2, 3, 4};
  lunula_view vx = floats(x, 2, 1, 4), vy = floats(y, 2, 1, 3);
  EXPECT_STATUS(LUNULA_OK, lunula_predict(m, &vx, 1, &vy, 1, &why));
}

/* The whole file, and its size. */
static char *read_file(size_t *size) {
  struct stat st;
  int fd = open(path, O_RDONLY);
  EXPECT(fd >= 0 && fstat(fd, &st) == 0);
  *size = (size_t)st.st_size;
  char *bytes = malloc(*size + 1);
  EXPECT(bytes && read(fd, bytes, *size) == st.st_size);
  close(fd);
  return bytes;
}

static void write_file(const char *bytes, size_t size) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  EXPECT(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
  close(fd);
}

/* ---- what is right ------------------------------------------------------ */

static void gives_the_same_bits(void) {
  float y[3];
  lunula_model *m, *n;
  size_t size;
  open_runtime(dense);
  EXPECT_STATUS(LUNULA_OK, lunula_load(path, &m, &why));
  char *bytes = read_file(&size);
  EXPECT_STATUS(LUNULA_OK, lunula_load_bytes(bytes, size, &n, &why));
  memset(bytes, 0xff, size);
  free(bytes);
  write_file("gone", 4);
  for (int i = 0; i < 2; i++) {
    ask(i ? n : m, y);
    EXPECT(y[0] == (float)global_number(rt, "a"));
    EXPECT(y[1] == (float)global_number(rt, "b"));
    EXPECT(y[2] == (float)global_number(rt, "c"));
  }
  close_runtime();
  ask(m, y);
  lunula_model_free(m);
  lunula_model_free(n);
}

static void says_what_it_is(void) {
  lunula_view v;
  lunula_model *m;
  open_runtime(dense);
  close_runtime();
  EXPECT_STATUS(LUNULA_OK, lunula_load(path, &m, &why));
  EXPECT(lunula_model_input(m, 0, &v) == 1);
  EXPECT(v.dtype == LUNULA_FLOAT32 && v.rank == 2);
  EXPECT(v.shape[0] == -1 && v.shape[1] == 4);
  EXPECT(lunula_model_output(m, 0, &v) == 1 && v.shape[1] == 3);
  EXPECT(strcmp(lunula_model_input_name(m, 0), "four") == 0);
  EXPECT(strcmp(lunula_model_output_name(m, 0), "cats") == 0);
  EXPECT(strcmp(lunula_model_class_name(m, 0), "tabby") == 0);
  EXPECT(strcmp(lunula_model_class_name(m, 1), "a \"tiger\"") == 0);
  EXPECT(lunula_model_class_name(m, 2) == NULL);
  EXPECT(lunula_model_class_name(m, -1) == NULL);
  EXPECT(strcmp(lunula_model_metadata(m, "origin"), "made by hand") == 0);
  EXPECT(lunula_model_metadata(m, "config") == NULL);
  EXPECT(lunula_model_metadata(m, "nothing") == NULL);
  EXPECT_STATUS(LUNULA_OK, lunula_model_test(m, &why));
  lunula_model_free(m);
}

static void tests_itself(void) {
  lunula_model *m;
  open_runtime(dense);
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "write(path, model, {['lunula/test/input/0'] = k.tensor{{1, 2, 3, 4}},\n"
    "  ['lunula/test/output/0'] = k.tensor{{a, b + 0.01, c}}})"));
  EXPECT_STATUS(LUNULA_OK, lunula_load(path, &m, &why));
  EXPECT_STATUS(LUNULA_ERROR, lunula_model_test(m, &why));
  EXPECT_TEXT("number 1 of output 0");
  lunula_model_free(m);
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "write(path, model, {['lunula/test/output/0'] = k.tensor{{1, 2, 3}}})"));
  EXPECT_STATUS(LUNULA_FILE, lunula_load(path, &m, &why));
  EXPECT_TEXT("lunula/test/input/0");
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "write(path, model)"));
  EXPECT_STATUS(LUNULA_OK, lunula_load(path, &m, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_model_test(m, &why));
  EXPECT_TEXT("no self-test");
  lunula_model_free(m);
  close_runtime();
}

/* A file has no strings: what stands there for them are numbers. */
static void tests_no_strings(void) {
  lunula_model *m;
  open_runtime(
    "model = k.Sequential{k.Input{shape={1}, dtype='string'},\n"
    "  k.layers.StringLookup{vocabulary={'a', 'b'}}}\n"
    "write(path, model, {['lunula/test/input/0'] = k.tensor({{7}},\n"
    "  {dtype='int32'}), ['lunula/test/output/0'] = k.tensor({{1}},\n"
    "  {dtype='int64'})})");
  EXPECT_STATUS(LUNULA_FILE, lunula_load(path, &m, &why));
  EXPECT_TEXT("lunula/test/input/0\" has numbers, the model's input 0 is "
              "strings");
  close_runtime();
}

static void floats_may_be_stored_shorter(void) {
  float y[3];
  lunula_model *m;
  open_runtime(dense);
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "for i, w in ipairs(model.weights) do\n"
    "  w:assign(k.ops.cast(k.ops.cast(w.value, 'bfloat16'), 'float32'))\n"
    "end\n"
    "a = model:predict{{1, 2, 3, 4}}:get(1, 1)\n"
    "write(path, model, nil, {dtype = 'bfloat16'})"));
  EXPECT_STATUS(LUNULA_OK, lunula_load(path, &m, &why));
  ask(m, y);
  EXPECT(y[0] == (float)global_number(rt, "a"));
  lunula_model_free(m);
  close_runtime();
}

/* Embeddings stay as they are, convolutions take up what follows them, a scan
** has a body, constants lie in the file. */
static void larger_models(void) {
  int32_t ids[6] = {3, 1, 4, 1, 5, 0};
  float image[12 * 12 * 3], y[8], z[4];
  lunula_model *m;
  lunula_view x = {ids, LUNULA_INT32, 2, {1, 6}, 1}, vy = floats(y, 2, 1, 3);
  open_runtime(
    "k.set_random_seed(7)\n"
    "local L = k.layers\n"
    "model = k.Sequential{k.Input{shape={false}, dtype='int32'},\n"
    "  L.Embedding{50, 8, mask_zero=true}, L.LSTM(6),\n"
    "  L.Lambda(function (h) return h * k.ops.arange(6) end), L.Dense(3)}\n"
    "a = model:predict(k.tensor({{3, 1, 4, 1, 5, 0}}, 'int32')):get(1, 3)\n"
    "write(path, model)\n"
    "other = k.Sequential{k.Input{shape={12, 12, 3}},\n"
    "  L.Conv2D{8, 3, use_bias=false}, L.BatchNormalization{}, L.ReLU{},\n"
    "  L.GlobalAveragePooling2D{}, L.Dense(4)}\n"
    "b = other:predict(k.ops.full({1, 12, 12, 3}, 0.5)):get(1, 4)");
  EXPECT_STATUS(LUNULA_OK, lunula_load(path, &m, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_predict(m, &x, 1, &vy, 1, &why));
  EXPECT(y[2] == (float)global_number(rt, "a"));
  lunula_model_free(m);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "write(path, other)"));
  EXPECT_STATUS(LUNULA_OK, lunula_load(path, &m, &why));
  for (int i = 0; i < 12 * 12 * 3; i++)
    image[i] = 0.5f;
  lunula_view vi = {image, LUNULA_FLOAT32, 4, {1, 12, 12, 3}, 1};
  lunula_view vz = floats(z, 2, 1, 4);
  EXPECT_STATUS(LUNULA_OK, lunula_predict(m, &vi, 1, &vz, 1, &why));
  EXPECT(z[3] == (float)global_number(rt, "b"));
  lunula_model_free(m);
  close_runtime();
}

static void states_come_from_the_file(void) {
  float x[6] = {0.5f, -1, 2, 0.25f, 1, -0.5f}, y[4];
  lunula_session *s;
  lunula_model *m;
  lunula_view vx = {x, LUNULA_FLOAT32, 3, {1, 2, 3}, 1};
  lunula_view vy = floats(y, 2, 1, 4);
  open_runtime(
    "k.set_random_seed(5)\n"
    "model = k.Sequential{k.Input{batch_shape={1, 2, 3}},\n"
    "  k.layers.GRU{4, stateful=true}}\n"
    "write(path, model)\n"
    "local x = {{{0.5, -1, 2}, {0.25, 1, -0.5}}}\n"
    "a, b = model:predict(x):get(1, 4), model:predict(x):get(1, 4)\n");
  EXPECT_STATUS(LUNULA_OK, lunula_load(path, &m, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_session_new(m, &s, &why));
  lunula_model_free(m);
  for (int i = 0; i < 2; i++) {
    EXPECT_STATUS(LUNULA_OK,
                  lunula_session_predict(s, &vx, 1, &vy, 1, NULL, &why));
    EXPECT(y[3] == (float)global_number(rt, i ? "b" : "a"));
  }
  lunula_session_free(s);
  close_runtime();
}

/* ---- what is wrong ------------------------------------------------------ */

static void refuse(const char *script, const char *part) {
  lunula_model *m = (lunula_model *)path;
  EXPECT_STATUS(LUNULA_OK, run_text(rt, script));
  EXPECT_STATUS(LUNULA_FILE, lunula_load(path, &m, &why));
  EXPECT(m == NULL);
  EXPECT_TEXT(part);
  EXPECT_TEXT(path);
}

static void says_what_is_wrong(void) {
  lunula_model *m;
  open_runtime(dense);
  refuse("core.file_write(path, {{'a', k.zeros{2}}})", "no graph");
  refuse("core.file_write(path, {{'a', k.zeros{2}}}, {format = 'lunula 1'})",
         "what a script needs");
  refuse("core.file_write(path, {}, {format = 'lunula 2', graph = '{}'})",
         "\"lunula 2\"");
  refuse("core.file_write(path, {}, {graph = '{\"format\": 1, \"nodes\": ["
         "{\"op\": \"variable\", \"name\": \"w\", \"type\": [\"float32\", 2]}"
         "], \"outputs\": [0], \"output_names\": [\"y\"]}'})",
         "node 0 (variable): there is no tensor \"w\"");
  refuse("write(path, model, {class_names = '{}'})", "class_names");
  refuse("write(path, model, {class_names = '[1]'})", "class_names");
  write_file("not a file of tensors", 21);
  EXPECT_STATUS(LUNULA_FILE, lunula_load(path, &m, &why));
  EXPECT_TEXT(path);
  unlink(path);
  EXPECT_STATUS(LUNULA_FILE, lunula_load(path, &m, &why));
  EXPECT_TEXT("No such file");
  EXPECT_STATUS(LUNULA_FILE, lunula_load("/", &m, &why));
  EXPECT_STATUS(LUNULA_FILE, lunula_load_bytes("", 0, &m, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_load(NULL, &m, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_load(path, NULL, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_load_bytes(NULL, 3, &m, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_load_bytes("", 0, NULL, NULL));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_model_test(NULL, &why));
  EXPECT(lunula_model_class_name(NULL, 0) == NULL);
  EXPECT(lunula_model_metadata(NULL, "x") == NULL);
  close_runtime();
}

static unsigned random_next(void) {
  static unsigned state = 12345;
  state = state * 1664525u + 1013904223u;
  return state >> 8;
}

/* Bytes that are changed: an error, or a model that can be asked. */
static void broken_files(void) {
  const char *often = getenv("LUNULA_FUZZ_COUNT");
  int n = often ? atoi(often) / 10 : watched ? 200 : 2000, loaded = 0;
  float x[4] = {1, 2, 3, 4}, y[64];
  size_t size;
  open_runtime(dense);
  close_runtime();
  char *bytes = read_file(&size), *copy = malloc(size);
  for (int i = 0; i < n; i++) {
    lunula_model *m;
    size_t length = i % 5 ? size : random_next() % size;
    memcpy(copy, bytes, size);
    for (unsigned j = random_next() % 4 + 1; j > 0; j--)
      copy[random_next() % size] ^= (char)(1u << random_next() % 8);
    lunula_status s = lunula_load_bytes(copy, length, &m, &why);
    EXPECT(s == LUNULA_OK || s == LUNULA_FILE || s == LUNULA_MEMORY);
    if (s != LUNULA_OK)
      continue;
    lunula_view vx = floats(x, 2, 1, 4), vy;
    if (lunula_prepare(m, &vx, 1, &vy, 1, &why) == LUNULA_OK &&
        vy.rank == 2 && vy.shape[1] <= 64) {
      vy.data = y;
      lunula_predict(m, &vx, 1, &vy, 1, &why);
    }
    lunula_model_free(m);
    loaded++;
  }
  printf("  %d broken files, %d of them load all the same\n", n, loaded);
  free(bytes);
  free(copy);
}

/* ---- how long, how much ------------------------------------------------- */

static void is_quick(void) {
  float y[3];
  double best = 1;
  open_runtime(dense);
  close_runtime();
  for (int i = 0; i < 30; i++) {
    lunula_model *m;
    double start = now();
    EXPECT_STATUS(LUNULA_OK, lunula_load(path, &m, &why));
    ask(m, y);
    double took = now() - start;
    best = took < best ? took : best;
    lunula_model_free(m);
  }
  printf("  4-8-3, loaded and asked: %.0f us\n", 1e6 * best);
  EXPECT(watched || best < 1e-3);
}

/* The most memory that the process had, in KB. */
static long peak(void) {
  char line[200];
  long kb = 0;
  FILE *f = fopen("/proc/self/status", "r");
  while (f && fgets(line, sizeof line, f))
    if (sscanf(line, "VmHWM: %ld", &kb) == 1)
      break;
  if (f)
    fclose(f);
  return kb;
}

static void *load_large(void *arg) {
  lunula_model **m = arg;
  long before = resident();
  double start = now();
  FILE *f = fopen("/proc/self/clear_refs", "w");
  if (f) { /* the peak begins anew */
    fputs("5", f);
    fclose(f);
  }
  EXPECT_STATUS(LUNULA_OK, lunula_load(path, m, &why));
  printf("  100 MB of weights: %.0f ms, at most %.0f MB, then %.0f MB\n",
         1e3 * (now() - start), (double)(peak() - before) / 1024,
         (double)(resident() - before) / 1024);
  EXPECT(watched || !f || peak() - before < 130 << 10);
  return NULL;
}

static void needs_little_memory(void) {
  lunula_model *m = NULL;
  open_runtime(
    "local layers = {k.Input{shape={2048}}}\n"
    "for i = 1, 6 do layers[#layers + 1] = k.layers.Dense(2048) end\n"
    "model = k.Sequential(layers)\n"
    "write(path, model)\n");
  close_runtime();
  load_large(&m);
  lunula_model_free(m);
}

/* Files that would have a host compute for long: products of a weight, and loops
** in loops. */
static const char hostile[] =
    "local ops = k.ops\n"
    "local w = core.variable{value = ops.eye(512)}\n"
    "local function save(fn)\n"
    "  core.file_write(path, {{'w', w}}, {format = 'lunula 1',\n"
    "    graph = (core.graph_text(fn, {inputs = {'x'}, outputs = {'y'},\n"
    "    variable = function () return 'w' end}))})\n"
    "end\n"
    "local spec = {{shape = {false, 512}}}\n"
    "function products() save(core.trace(spec, function (x)\n"
    "  local v = w * 1\n"
    "  for _ = 1, 5000 do v = ops.matmul(v, w) end\n"
    "  return ops.matmul(x, v) end)) end\n"
    "local function loops(n, v)\n"
    "  if n == 0 then return ops.sin(v) end\n"
    "  return (ops.scan(function (s) return loops(n - 1, s) end, v, nil,\n"
    "    1000000))\n"
    "end\n"
    "function nested() save(core.trace(spec, function (x)\n"
    "  return x + loops(3, ops.sum(w)) end)) end\n";

static void ends_early(lunula_status s, double start) {
  EXPECT_STATUS(LUNULA_CANCELLED, s);
  EXPECT(now() - start < 10); /* a minute and more without the watch */
}

static void is_watched(void) {
  lunula_model *m;
  size_t size;
  lunula_watch watch = {.size = sizeof watch, .seconds = 0.05};
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "products()"));
  double start = now();
  ends_early(lunula_load_watched(path, NULL, 0, &watch, &m, &why), start);
  EXPECT(m == NULL);
  char *bytes = read_file(&size);
  start = now();
  ends_early(lunula_load_watched(NULL, bytes, size, &watch, &m, &why), start);
  free(bytes);
  EXPECT_STATUS(LUNULA_ARGUMENT,
                lunula_load_watched(NULL, NULL, 0, &watch, &m, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT,
                lunula_load_watched(path, NULL, 0, NULL, &m, &why));
  watch.size = 0;
  EXPECT_STATUS(LUNULA_ARGUMENT,
                lunula_load_watched(path, NULL, 0, &watch, &m, &why));
}

/* Loading runs no loop. */
static void loops_are_watched(void) {
  static float x[512], y[512];
  lunula_model *m;
  lunula_watch watch = {.size = sizeof watch, .seconds = 10};
  lunula_view vx = floats(x, 2, 1, 512), vy = floats(y, 2, 1, 512);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "nested()"));
  EXPECT_STATUS(LUNULA_OK,
                lunula_load_watched(path, NULL, 0, &watch, &m, &why));
  watch.seconds = 0.05;
  double start = now();
  ends_early(lunula_predict_watched(m, &vx, 1, &vy, 1, &watch, &why), start);
  lunula_model_free(m);
}

int main(void) {
  leave_the_house("load");
  int fd = mkstemps(path, ENDING);
  close(fd);
  test("the same bits", gives_the_same_bits);
  test("says what it is", says_what_it_is);
  test("tests itself", tests_itself);
  test("tests no strings", tests_no_strings);
  test("floats may be stored shorter", floats_may_be_stored_shorter);
  test("larger models", larger_models);
  test("states come from the file", states_come_from_the_file);
  test("is quick", is_quick);
  test("needs little memory", needs_little_memory);
  test("says what is wrong", says_what_is_wrong);
  test("broken files", broken_files);
  open_runtime(hostile);
  test("a load ends early under a watch", is_watched);
  test("so do loops of a file, when they run", loops_are_watched);
  close_runtime();
  unlink(path);
  return failures > 0;
}
