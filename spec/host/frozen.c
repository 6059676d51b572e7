/* Frozen models: the same bits as the script's model, on any thread, whatever
** the script does then, and without the runtime. Sessions, and slots in which
** models are swapped while others predict. */
#define _GNU_SOURCE
#include "script.h"

#include <lauxlib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

static lunula_runtime *rt;

static void open_runtime(const char *script) {
  lunula_config c = {.size = sizeof c};
  EXPECT_STATUS(LUNULA_OK, lunula_new(&c, &rt, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, script));
}

static void close_runtime(void) {
  lunula_free(rt);
  rt = NULL;
}

/* The script's model of this name, frozen. */
static lunula_model *freeze(const char *name) {
  lunula_model *m, *frozen;
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, name, &m, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_freeze(m, &frozen, &why));
  lunula_model_free(m);
  return frozen;
}

static const char trained[] =
    "local k = require 'lunula'\n"
    "k.set_random_seed(3)\n"
    "model = k.Sequential{k.Input{shape={4}, name='four'},\n"
    "  k.layers.Dense{8, activation='tanh'}, k.layers.Dense{1, name='one'}}\n"
    "local x = k.random.normal{64, 4}\n"
    "model:compile{optimizer='adam', loss='mse'}\n"
    "model:fit(x, x:sum(1), {epochs=3, verbose=0})\n"
    "function more() model:fit(x, x:sum(1), {epochs=1, verbose=0}) end\n"
    "function answer() return model:predict{{1, 2, 3, 4}}:item() end\n"
    "number = answer()";

/* What the model says of 1, 2, 3, 4. */
static float ask(lunula_model *m) {
  float x[4] = {1, 2, 3, 4}, y[1] = {-1e9f};
  lunula_view vx = floats(x, 2, 1, 4), vy = floats(y, 2, 1, 1);
  EXPECT_STATUS(LUNULA_OK, lunula_predict(m, &vx, 1, &vy, 1, &why));
  return y[0];
}

/* ---- the same bits ------------------------------------------------------ */

/* Weights are positive, for the sake of variances. */
static const char zoo[] =
    "local k = require 'lunula'\n"
    "local L = k.layers\n"
    "k.set_random_seed(1)\n"
    "zoo = {}\n"
    "local function keep(model, xs)\n"
    "  for _, w in ipairs(model.weights) do\n"
    "    if w.dtype == 'float32' then\n"
    "      w:assign(k.ops.abs(k.random.normal(w.shape, 0.1, 0.3)))\n"
    "    end\n"
    "  end\n"
    "  local entry = {model = model, xs = xs}\n"
    "  entry.ys = {model:predict(#xs == 1 and xs[1] or xs)}\n"
    "  zoo[#zoo + 1] = entry\n"
    "end\n"
    "local function add(shape, layers, rows, dtype)\n"
    "  table.insert(layers, 1, k.Input{shape = shape, dtype = dtype})\n"
    "  local s = {rows or 5}\n"
    "  for i, n in ipairs(shape) do s[i + 1] = n or 12 end\n"
    "  local x = dtype and k.random.randint(s, 0, 40) or k.random.normal(s)\n"
    "  keep(k.Sequential(layers), {x})\n"
    "end\n"
    "local same, relu = 'same', 'relu'\n"
    "add({4}, {L.Dense{8, activation='tanh'}, L.Dense(1)})\n"
    "add({300}, {L.Dense{500, activation=relu}, L.Dense{200}, L.Dense(10),\n"
    "  L.Softmax{}}, 31)\n"
    "add({6, 4}, {L.Dense{8, activation=relu}, L.LayerNormalization{},\n"
    "  L.Dense(3)})\n"
    "add({7}, {L.Dense(33), L.BatchNormalization{}, L.ReLU{}, L.Dense(9)})\n"
    "add({12, 12, 3}, {L.Conv2D{16, 3, padding=same},\n"
    "  L.BatchNormalization{}, L.ReLU{}, L.MaxPooling2D{}, L.Conv2D{8, 3},\n"
    "  L.Flatten{}, L.Dense(10)})\n"
    "add({false, false, 3}, {L.ZeroPadding2D(1),\n"
    "  L.Conv2D{16, 3, use_bias=false}, L.BatchNormalization{}, L.ReLU{},\n"
    "  L.GlobalAveragePooling2D{}, L.Dense(10)})\n"
    "add({12, 12, 8}, {L.DepthwiseConv2D{3, padding=same},\n"
    "  L.BatchNormalization{}, L.SeparableConv2D{12, 3}, L.Flatten{},\n"
    "  L.Dense(4)})\n"
    "add({6, 6, 4}, {L.Conv2DTranspose{8, 3, strides=2},\n"
    "  L.BatchNormalization{}})\n"
    "add({20, 4}, {L.Conv1D{8, 3, padding='causal'}, L.LSTM(6)})\n"
    "add({6, 6, 6, 2}, {L.Conv3D{8, 3}, L.BatchNormalization{}})\n"
    "add({false, 5}, {L.LSTM{16, return_sequences=true}, L.LSTM(8),\n"
    "  L.Dense(2)})\n"
    "add({9, 5}, {L.GRU{16, return_sequences=true},\n"
    "  L.GRU{8, reset_after=false}})\n"
    "add({9, 5}, {L.Bidirectional{L.LSTM(7)}})\n"
    "add({6}, {L.Embedding{50, 8, mask_zero=true}, L.LSTM(6), L.Dense(3)},\n"
    "  4, 'int32')\n"
    "add({4, 8, 8, 2}, {L.ConvLSTM2D{4, 3}})\n"
    "add({6, 4}, {L.EinsumDense{'abc,cd->abd', output_shape={false, 8},\n"
    "  bias_axes='d'}})\n"
    "add({6, 8}, {L.GroupNormalization(4), L.RMSNormalization{}})\n"
    "add({6}, {L.Lambda(function (x) return x * k.ops.sigmoid(x) +\n"
    "  k.ops.arange(6) end), L.Dense(3), L.PReLU{}})\n"
    "add({4, 6}, {L.TimeDistributed{L.Dense(3)}, L.Dropout(0.5)})\n"
    "local q, v = k.Input{shape={6, 8}}, k.Input{shape={5, 8}}\n"
    "local a = L.MultiHeadAttention{num_heads=2, key_dim=4}(q, v)\n"
    "local y = L.LayerNormalization{}(L.Add{}{q, a})\n"
    "keep(k.Model{inputs={q, v}, outputs={y, k.ops.sum(a, {axis=1})}},\n"
    "  {k.random.normal{3, 6, 8}, k.random.normal{3, 5, 8}})\n";

enum { MOST = 2 };

static void check_entry(lua_State *L, lunula_model *m) {
  lunula_view in[MOST], want[MOST], out[MOST];
  int nin = lunula_model_input(m, 0, NULL);
  int nout = lunula_model_output(m, 0, NULL);
  read_views(L, "xs", nin, in);
  read_views(L, "ys", nout, want);
  EXPECT_STATUS(LUNULA_OK, lunula_prepare(m, in, nin, out, nout, &why));
  for (int i = 0; i < nout; i++) {
    EXPECT(bytes_of(&out[i]) == bytes_of(&want[i]));
    out[i].data = calloc(1, bytes_of(&out[i]));
  }
  EXPECT_STATUS(LUNULA_OK, lunula_predict(m, in, nin, out, nout, &why));
  for (int i = 0; i < nout; i++) {
    EXPECT(memcmp(out[i].data, want[i].data, bytes_of(&want[i])) == 0);
    free(out[i].data);
  }
}

static void gives_the_same_bits(void) {
  open_runtime(zoo);
  lua_State *L = lunula_state(rt);
  lua_getglobal(L, "zoo");
  int n = (int)lua_rawlen(L, -1), before = broken;
  for (int i = 1; i <= n; i++) {
    lunula_model *m = NULL, *frozen = NULL;
    lua_rawgeti(L, 1, i);
    lua_getfield(L, -1, "model");
    EXPECT_STATUS(LUNULA_OK, lunula_to_model(L, -1, &m, &why));
    lua_pop(L, 1);
    if (EXPECT_STATUS(LUNULA_OK, lunula_freeze(m, &frozen, &why)))
      check_entry(L, frozen);
    lunula_model_free(m);
    lunula_model_free(frozen);
    lua_settop(L, 1);
    if (broken > before)
      printf("  that was model %d of the zoo\n", i);
    before = broken;
  }
  EXPECT(n > 15);
  close_runtime();
}

/* ---- immutable, and alone ----------------------------------------------- */

static void stays_as_it_is(void) {
  open_runtime(trained);
  float number = (float)global_number(rt, "number");
  lunula_model *first = freeze("model"), *same = NULL;
  EXPECT(ask(first) == number);
  EXPECT_STATUS(LUNULA_OK, lunula_freeze(first, &same, &why));
  EXPECT(same == first);
  lunula_model_free(same);
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "more()\n"
    "number = answer()\n"
    "for _, w in ipairs(model.weights) do w.value[1] = 9 end"));
  EXPECT(ask(first) == number);
  float newer = (float)global_number(rt, "number");
  EXPECT(newer != number);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "more() number = answer()"));
  lunula_model *second = freeze("model");
  EXPECT(ask(second) == (float)global_number(rt, "number"));
  newer = ask(second);
  close_runtime();
  EXPECT(ask(first) == number && ask(second) == newer);
  EXPECT(lunula_model_retain(first) == first);
  lunula_model_free(first);
  EXPECT(ask(first) == number);
  lunula_model_free(first);
  lunula_model_free(second);
}

static void says_what_it_takes(void) {
  lunula_view v;
  open_runtime(trained);
  lunula_model *m = freeze("model");
  close_runtime();
  EXPECT(lunula_model_input(m, 0, &v) == 1);
  EXPECT(v.rank == 2 && v.shape[0] == -1 && v.shape[1] == 4);
  EXPECT(lunula_model_output(m, 0, &v) == 1 && v.shape[1] == 1);
  EXPECT(strcmp(lunula_model_input_name(m, 0), "four") == 0);
  EXPECT(strcmp(lunula_model_output_name(m, 0), "one") == 0);
  EXPECT(*lunula_model_input_name(m, 1) == '\0');
  EXPECT(*lunula_model_output_name(m, -1) == '\0');
  lunula_model_free(m);
}

static void refuses_host_steps(void) {
  lunula_model *m, *frozen;
  open_runtime(
    "local k = require 'lunula'\n"
    "model = k.Sequential{k.Input{shape={3}}, k.layers.Lambda{function(x)\n"
    "  return x * 2 end, trace=false, name='mine'}}\n");
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, "model", &m, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_freeze(m, &frozen, &why));
  EXPECT(frozen == NULL);
  EXPECT_TEXT("layer \"mine\" (Lambda)");
  lunula_model_free(m);
  close_runtime();
}

static void faults_say_where(void) {
  int ids[2] = {1, 7};
  float y[2];
  lunula_view x = {ids, LUNULA_INT32, 2, {2, 1}, 0};
  lunula_view vy = floats(y, 2, 2, 1);
  open_runtime(
    "local k = require 'lunula'\n"
    "local table = k.ops.arange(5) / 0.5\n"
    "model = require 'lunula.core'.trace({{shape={false, 1},\n"
    "  dtype='int32'}}, function(i) return k.ops.take(table, i, 0) end)\n");
  lunula_model *m = freeze("model");
  close_runtime();
  EXPECT_STATUS(LUNULA_ERROR, lunula_predict(m, &x, 1, &vy, 1, &why));
  EXPECT_TEXT("7");
  EXPECT_TEXT("setup:4");
  ids[1] = 4;
  EXPECT_STATUS(LUNULA_OK, lunula_predict(m, &x, 1, &vy, 1, &why));
  EXPECT(y[0] == 2 && y[1] == 8);
  lunula_model_free(m);
}

/* Weights that only prepared ones need are not there twice. */
static void needs_no_more_than_its_weights(void) {
  enum { MB = 64 };
  open_runtime(
    "local k = require 'lunula'\n"
    "model = k.Sequential{k.Input{shape={2048}}, k.layers.Dense(2048),\n"
    "  k.layers.Dense(2048), k.layers.Dense(2048), k.layers.Dense(2048)}\n");
  lunula_model *m = freeze("model");
  close_runtime();
  long with = resident();
  lunula_model_free(m);
  long without = resident();
  printf("  %d MB of weights, frozen: %.1f MB\n", MB,
         (double)(with - without) / 1024);
  EXPECT(watched || with - without < (MB * 11 / 10) << 10);
}

static void leaves_nothing_behind(void) {
  int rounds = watched ? 3 : 100;
  open_runtime(trained);
  for (int i = 0; i < rounds; i++)
    lunula_model_free(freeze("model"));
  long before = resident();
  for (int i = 0; i < rounds; i++)
    lunula_model_free(freeze("model"));
  EXPECT(watched || resident() - before < 1024);
  close_runtime();
}

/* ---- threads ------------------------------------------------------------ */

static lunula_slot *slot;
static lunula_model *shared;
static atomic_bool over;
static atomic_int asked;

/* Each model is one of a sequence of trainings, which goes up by a known
** number: what it answers says which. */
static const char counting[] =
    "local k = require 'lunula'\n"
    "model = k.Sequential{k.Input{shape={4}}, k.layers.Dense{300,\n"
    "  kernel_initializer='ones'}, k.layers.Dense{1,\n"
    "  kernel_initializer='zeros'}}\n"
    "function set(n) model.layers[#model.layers].bias:assign{n} end";

static void *worker(void *arg) {
  float last = 0;
  (void)arg;
  while (!atomic_load(&over)) {
    lunula_model *m = lunula_slot_get(slot);
    float is = ask(m);
    EXPECT(is >= last); /* never an older one, never half of one */
    EXPECT(is == (float)(int)is);
    last = is;
    lunula_model_free(m);
    atomic_fetch_add(&asked, 1);
  }
  return NULL;
}

static void swaps_while_others_predict(void) {
  enum { THREADS = 3 };
  pthread_t thread[THREADS];
  char script[40];
  int swaps = watched ? 20 : 200;
  open_runtime(counting);
  lunula_model *m = freeze("model");
  EXPECT_STATUS(LUNULA_OK, lunula_slot_new(m, &slot, &why));
  lunula_model_free(m);
  atomic_store(&over, false);
  for (int i = 0; i < THREADS; i++)
    pthread_create(&thread[i], NULL, worker, NULL);
  for (int i = 1; i <= swaps; i++) {
    snprintf(script, sizeof script, "set(%d)", i);
    EXPECT_STATUS(LUNULA_OK, run_text(rt, script));
    m = freeze("model");
    EXPECT_STATUS(LUNULA_OK, lunula_slot_set(slot, m, &why));
    lunula_model_free(m);
  }
  close_runtime();
  atomic_store(&over, true);
  for (int i = 0; i < THREADS; i++)
    pthread_join(thread[i], NULL);
  m = lunula_slot_get(slot);
  EXPECT(ask(m) == (float)swaps);
  EXPECT(atomic_load(&asked) > 0);
  lunula_slot_free(slot); /* the caller's count outlives it */
  EXPECT(ask(m) == (float)swaps);
  lunula_model_free(m);
}

static void *free_it(void *m) {
  lunula_model_free(m);
  return NULL;
}

static void any_thread_frees(void) {
  pthread_t thread;
  open_runtime(trained);
  shared = freeze("model");
  float number = ask(shared);
  EXPECT(number == (float)global_number(rt, "number"));
  pthread_create(&thread, NULL, free_it, shared);
  pthread_join(thread, NULL);
  close_runtime();
}

static void *predict_on_little_stack(void *m) {
  ask(m);
  return NULL;
}

static void predicts_on_a_small_stack(void) {
  pthread_attr_t attr;
  pthread_t thread;
  open_runtime(trained);
  lunula_model *m = freeze("model");
  close_runtime();
  pthread_attr_init(&attr);
  EXPECT(pthread_attr_setstacksize(&attr, watched ? 8 << 20 : 64 << 10) == 0);
  EXPECT(pthread_create(&thread, &attr, predict_on_little_stack, m) == 0);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attr);
  lunula_model_free(m);
}

/* ---- sessions ----------------------------------------------------------- */

static const char stateful[] =
    "local k = require 'lunula'\n"
    "k.set_random_seed(5)\n"
    "model = k.Sequential{k.Input{batch_shape={1, 2, 3}},\n"
    "  k.layers.GRU{4, stateful=true, return_sequences=true},\n"
    "  k.layers.LSTM{2, stateful=true}}\n";

static float step_x[6] = {0.5f, -1, 2, 0.25f, 1, -0.5f};

static void step(lunula_session *s, float y[2]) {
  lunula_view x = {step_x, LUNULA_FLOAT32, 3, {1, 2, 3}, 1};
  lunula_view vy = floats(y, 2, 1, 2);
  EXPECT_STATUS(LUNULA_OK,
                lunula_session_predict(s, &x, 1, &vy, 1, NULL, &why));
}

static int same(const float *a, const float *b) {
  return memcmp(a, b, 2 * sizeof *a) == 0;
}

/* The answers of the script's own model, one after the other. */
static void script_answers(float y[3][2]) {
  lunula_model *m;
  lunula_view x = {step_x, LUNULA_FLOAT32, 3, {1, 2, 3}, 1};
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, "model", &m, &why));
  for (int i = 0; i < 3; i++) {
    lunula_view vy = floats(y[i], 2, 1, 2);
    EXPECT_STATUS(LUNULA_OK, lunula_predict(m, &x, 1, &vy, 1, &why));
  }
  lunula_model_free(m);
}

static void sessions_keep_their_state(void) {
  float want[3][2], y[2];
  lunula_session *a, *b, *copy;
  lunula_view x = {step_x, LUNULA_FLOAT32, 3, {1, 2, 3}, 1};
  lunula_view vy = floats(y, 2, 1, 2);
  open_runtime(stateful);
  lunula_model *m = freeze("model");
  script_answers(want);
  close_runtime();
  EXPECT(!same(want[0], want[1]) && !same(want[1], want[2]));
  EXPECT_STATUS(LUNULA_OK, lunula_session_new(m, &a, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_session_new(m, &b, &why));
  EXPECT(lunula_model_input(m, 0, NULL) == 1);
  EXPECT(lunula_model_output(m, 0, NULL) == 1);
  for (int i = 0; i < 2; i++) { /* without a session it begins anew */
    EXPECT_STATUS(LUNULA_OK, lunula_predict(m, &x, 1, &vy, 1, &why));
    EXPECT(same(y, want[0]));
  }
  lunula_model_free(m); /* the sessions count it */
  step(a, y), EXPECT(same(y, want[0]));
  step(a, y), EXPECT(same(y, want[1]));
  step(b, y), EXPECT(same(y, want[0]));
  EXPECT_STATUS(LUNULA_OK, lunula_session_copy(b, &copy, &why)); /* odd */
  step(copy, y), EXPECT(same(y, want[1]));
  lunula_session_free(copy);
  EXPECT_STATUS(LUNULA_OK, lunula_session_copy(a, &copy, &why)); /* even */
  step(a, y), EXPECT(same(y, want[2]));
  lunula_session_free(a);
  step(copy, y), EXPECT(same(y, want[2]));
  step(b, y), EXPECT(same(y, want[1]));
  EXPECT_STATUS(LUNULA_OK, lunula_session_reset(b, &why));
  step(b, y), EXPECT(same(y, want[0]));
  lunula_session_free(copy);
  lunula_session_free(b);
}

static void a_failure_leaves_the_state(void) {
  float want[3][2], y[2];
  lunula_session *s;
  lunula_watch watch = {.size = sizeof watch, .cancelled = 1};
  lunula_view x = {step_x, LUNULA_FLOAT32, 3, {1, 2, 3}, 1};
  lunula_view vy = floats(y, 2, 1, 2);
  open_runtime(stateful);
  lunula_model *m = freeze("model");
  script_answers(want);
  close_runtime();
  EXPECT_STATUS(LUNULA_OK, lunula_session_new(m, &s, &why));
  step(s, y);
  EXPECT_STATUS(LUNULA_CANCELLED,
                lunula_session_predict(s, &x, 1, &vy, 1, &watch, &why));
  step(s, y), EXPECT(same(y, want[1]));
  x.shape[1] = 3;
  EXPECT_STATUS(LUNULA_ARGUMENT,
                lunula_session_predict(s, &x, 1, &vy, 1, NULL, &why));
  step(s, y), EXPECT(same(y, want[2]));
  lunula_session_free(s);
  lunula_model_free(m);
}

/* One without states has nothing to keep. */
static void any_frozen_model_has_sessions(void) {
  float x[4] = {1, 2, 3, 4}, y[1];
  lunula_view vx = floats(x, 2, 1, 4), vy = floats(y, 2, 1, 1);
  lunula_session *s, *copy;
  open_runtime(trained);
  lunula_model *m = freeze("model"), *script;
  EXPECT_STATUS(LUNULA_OK, lunula_session_new(m, &s, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_session_copy(s, &copy, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_session_reset(copy, &why));
  EXPECT_STATUS(LUNULA_OK,
                lunula_session_predict(copy, &vx, 1, &vy, 1, NULL, &why));
  EXPECT(y[0] == (float)global_number(rt, "number"));
  lunula_session_free(s);
  lunula_session_free(copy);
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, "model", &script, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_session_new(script, &s, &why));
  EXPECT_TEXT("frozen");
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_slot_new(script, &slot, &why));
  EXPECT(s == NULL && slot == NULL);
  lunula_model_free(script);
  lunula_model_free(m);
  close_runtime();
}

/* ---- for scripts -------------------------------------------------------- */

static void push_as_given(lua_State *L, lunula_model *m) {
  EXPECT_STATUS(LUNULA_OK, lunula_push_model(L, m, &why));
  lua_setglobal(L, "given");
}

/* One row and several: OpenBLAS gives other bits in another batch. */
static bool same_number(float a, float b) {
  const char *gemm = getenv("LUNULA_GEMM");
  float by = gemm && strcmp(gemm, "blas") == 0 ? 1e-5f : 0;
  return a - b <= by && b - a <= by;
}

static void scripts_predict_with_it(void) {
  static const char use[] =
      "local k = require 'lunula'\n"
      "assert(#given.inputs == 1 and given.inputs[1].name == 'four')\n"
      "local shape = given.inputs[1].shape\n"
      "assert(#shape == 2 and shape[1] == false and shape[2] == 4)\n"
      "assert(given.outputs[1].name == 'one')\n"
      "local y = given:predict{{1, 2, 3, 4}, {1, 2, 3, 4}}\n"
      "assert(#y == 2 and y:get(1, 1) == y:get(2, 1))\n"
      "local many = k.ops.tile({{1, 2, 3, 4}}, {70, 1})\n"
      "assert(given:predict(many, {batch_size=8}):get(70, 1) == y:get(1, 1))\n"
      "local ok, why = pcall(function () given:predict(k.zeros{2, 5}) end)\n"
      "assert(not ok and why:find('setup:10:', 1, true), why)\n"
      "assert(why:find('(None, 4)', 1, true), why)\n"
      "number = y:get(1, 1)\n"
      "given = nil collectgarbage() collectgarbage()";
  open_runtime(trained);
  lunula_model *m = freeze("model");
  float number = ask(m);
  push_as_given(lunula_state(rt), m);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, use));
  EXPECT(same_number((float)global_number(rt, "number"), number));
  close_runtime();
  for (int i = 0; i < 2; i++) { /* states that never saw the script */
    open_runtime("");
    push_as_given(lunula_state(rt), m);
    if (i == 1)
      lunula_model_free(m);
    EXPECT_STATUS(LUNULA_OK, run_text(rt, use));
    EXPECT(same_number((float)global_number(rt, "number"), number));
    if (i == 0)
      push_as_given(lunula_state(rt), m); /* closed with the state */
    close_runtime();
  }
}

/* One that runs some rows at a time, compiled for as many threads as there are. */
static void threads_may_change(void) {
  static const char large[] =
      "k = require 'lunula'\n"
      "local L = k.layers\n"
      "k.set_random_seed(2)\n"
      "model = k.Sequential{k.Input{shape={64, 64, 3}},\n"
      "  L.Conv2D{96, 3, activation='relu'}, L.DepthwiseConv2D(3),\n"
      "  L.Conv2D{48, 1}, L.GlobalAveragePooling2D()}\n"
      "x = k.random.normal{13, 64, 64, 3}\n"
      "k.threads(1)\n"
      "want = model:predict(x):tobytes()";
  static const char use[] =
      "for _, n in ipairs{2, 1, 3, 4, 1} do\n"
      "  k.threads(n)\n"
      "  assert(given:predict(x):tobytes() == want, n .. ' threads')\n"
      "end\n"
      "k.threads(0)";
  open_runtime(large);
  lunula_model *m = freeze("model");
  push_as_given(lunula_state(rt), m);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, use));
  lunula_model_free(m);
  close_runtime();
}

static void scripts_predict_with_states(void) {
  float want[3][2];
  open_runtime(stateful);
  lunula_model *m = freeze("model"), *script;
  script_answers(want);
  close_runtime();
  open_runtime("");
  push_as_given(lunula_state(rt), m);
  lunula_model_free(m);
  for (int i = 0; i < 2; i++) {
    EXPECT_STATUS(LUNULA_OK, run_text(rt,
      "assert(#given.inputs == 1 and #given.outputs == 1)\n"
      "local y = given:predict{{{0.5, -1, 2}, {0.25, 1, -0.5}}}\n"
      "assert(select('#', given:predict{{{0, 0, 0}, {0, 0, 0}}}) == 1)\n"
      "a, b = y:get(1, 1), y:get(1, 2)"));
    EXPECT((float)global_number(rt, "a") == want[0][0]);
    EXPECT((float)global_number(rt, "b") == want[0][1]);
  }
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "local k = require 'lunula'\n"
    "model = k.Sequential{k.Input{shape={1}}, k.layers.Dense(1)}"));
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, "model", &script, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT,
                lunula_push_model(lunula_state(rt), script, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT,
                lunula_push_model(lunula_state(rt), NULL, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_push_model(NULL, script, &why));
  lunula_model_free(script);
  EXPECT(lua_gettop(lunula_state(rt)) == 0);
  close_runtime();
}

/* A state of its own for each thread, one copy of the weights. */
static void *script_thread(void *arg) {
  static const char text[] =
      "local y\n"
      "for i = 1, 200 do\n"
      "  local n = given:predict{{1, 2, 3, 4}}:item()\n"
      "  assert(y == nil or n == y)\n"
      "  y = n\n"
      "end";
  lunula_config c = {.size = sizeof c};
  lunula_error error;
  lunula_runtime *mine;
  int ok = lunula_new(&c, &mine, &error) == LUNULA_OK &&
           lunula_push_model(lunula_state(mine), arg, &error) == LUNULA_OK;
  if (ok) {
    lua_setglobal(lunula_state(mine), "given");
    ok = lunula_run(mine, text, sizeof text - 1, NULL, &error) == LUNULA_OK;
  }
  if (!ok)
    printf("  %s\n", error.text);
  lunula_free(mine);
  return ok ? arg : NULL;
}

static void states_share_it(void) {
  enum { THREADS = 3 };
  pthread_t thread[THREADS];
  open_runtime(trained);
  lunula_model *m = freeze("model");
  close_runtime();
  for (int i = 0; i < THREADS; i++)
    pthread_create(&thread[i], NULL, script_thread, m);
  for (int i = 0; i < THREADS; i++) {
    void *ok = NULL;
    pthread_join(thread[i], &ok);
    EXPECT(ok == m);
  }
  lunula_model_free(m);
}

/* ---- arguments ---------------------------------------------------------- */

static void null_is_refused(void) {
  lunula_model *m = NULL, *frozen = NULL;
  lunula_session *s = NULL;
  open_runtime(trained);
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, "model", &m, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_freeze(m, NULL, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_freeze(NULL, &frozen, NULL));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_session_new(NULL, &s, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_session_new(m, NULL, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_session_copy(NULL, &s, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_session_reset(NULL, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT,
                lunula_session_predict(NULL, NULL, 0, NULL, 0, NULL, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_slot_new(NULL, NULL, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_slot_set(NULL, NULL, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_slot_new(NULL, &slot, &why));
  EXPECT(lunula_slot_get(slot) == NULL && lunula_slot_get(NULL) == NULL);
  lunula_slot_free(slot);
  lunula_slot_free(NULL);
  lunula_session_free(NULL);
  EXPECT(lunula_model_retain(NULL) == NULL);
  EXPECT(*lunula_model_input_name(NULL, 0) == '\0');
  lunula_model_free(m);
  close_runtime();
}

int main(void) {
  leave_the_house("frozen");
  test("the same bits", gives_the_same_bits);
  test("stays as it is", stays_as_it_is);
  test("says what it takes", says_what_it_takes);
  test("refuses steps in Lua", refuses_host_steps);
  test("faults say where", faults_say_where);
  test("needs no more than its weights", needs_no_more_than_its_weights);
  test("leaves nothing behind", leaves_nothing_behind);
  test("swaps while others predict", swaps_while_others_predict);
  test("any thread frees", any_thread_frees);
  test("predicts on a small stack", predicts_on_a_small_stack);
  test("sessions keep their state", sessions_keep_their_state);
  test("a failure leaves the state", a_failure_leaves_the_state);
  test("any frozen model has sessions", any_frozen_model_has_sessions);
  test("scripts predict with it", scripts_predict_with_it);
  test("threads may change", threads_may_change);
  test("scripts predict with states", scripts_predict_with_states);
  test("states share it", states_share_it);
  test("NULL is refused", null_is_refused);
  return failures > 0;
}
