/* Predictions from C: what a model says of itself, what it refuses, several
** threads at once, and how long one takes. */
#define _GNU_SOURCE
#include "script.h"

#include <lauxlib.h>
#include <pthread.h>
#include <stdatomic.h>

static lunula_runtime *rt;
static lunula_model *model;

static void open_runtime(void) {
  lunula_config c = {0};
  c.size = sizeof c;
  EXPECT_STATUS(LUNULA_OK, lunula_new(&c, &rt, &why));
}

static void open_model(const char *script) {
  open_runtime();
  EXPECT_STATUS(LUNULA_OK, run_text(rt, script));
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, "model", &model, &why));
}

static void close_all(void) {
  lunula_model_free(model);
  lunula_free(rt);
  model = NULL;
  rt = NULL;
}

static const char trained[] =
    "local k = require 'lunula'\n"
    "k.set_random_seed(3)\n"
    "model = k.Sequential{k.Input{shape={4}},\n"
    "  k.layers.Dense{8, activation='tanh'}, k.layers.Dense(1)}\n"
    "local x = k.random.normal{64, 4}\n"
    "model:compile{optimizer='adam', loss='mse'}\n"
    "model:fit(x, x:sum(1), {epochs=3, verbose=0})\n"
    "answer = model:predict{{1, 2, 3, 4}}:item()\n"
    "return model";

/* ---- models ------------------------------------------------------------- */

static void predicts_what_the_script_does(void) {
  float x[4] = {1, 2, 3, 4}, y[1] = {0};
  lunula_view vx = floats(x, 2, 1, 4), vy = floats(y, 2, 1, 1);
  lunula_model *other;
  open_model(trained);
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &vx, 1, &vy, 1, &why));
  EXPECT(y[0] == (float)global_number(rt, "answer"));
  EXPECT(lua_gettop(lunula_state(rt)) == 0);
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, NULL, &other, &why));
  y[0] = 0;
  EXPECT_STATUS(LUNULA_OK, lunula_predict(other, &vx, 1, &vy, 1, NULL));
  EXPECT(y[0] == (float)global_number(rt, "answer"));
  lunula_model_free(other);
  /* training goes on, and the model here has the new weights */
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "local k = require 'lunula'\n"
    "model:fit(k.ones{64, 4}, k.zeros{64, 1}, {epochs=5, verbose=0})\n"
    "answer = model:predict{{1, 2, 3, 4}}:item()"));
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &vx, 1, &vy, 1, &why));
  EXPECT(y[0] == (float)global_number(rt, "answer"));
  close_all();
}

static void says_what_it_takes(void) {
  lunula_view v;
  open_model(trained);
  EXPECT(lunula_model_input(model, 0, NULL) == 1);
  EXPECT(lunula_model_input(model, 0, &v) == 1);
  EXPECT(v.rank == 2 && v.shape[0] == -1 && v.shape[1] == 4);
  EXPECT(v.dtype == LUNULA_FLOAT32 && v.data == NULL);
  v.rank = 99;
  EXPECT(lunula_model_output(model, 1, &v) == 1);
  EXPECT(v.rank == 99); /* there is no output 1 */
  EXPECT(lunula_model_output(model, 0, &v) == 1);
  EXPECT(v.rank == 2 && v.shape[0] == -1 && v.shape[1] == 1);
  lunula_view x = floats(NULL, 2, 32, 4), y;
  memset(&y, 0, sizeof y);
  EXPECT_STATUS(LUNULA_OK, lunula_prepare(model, &x, 1, &y, 1, &why));
  EXPECT(y.rank == 2 && y.shape[0] == 32 && y.shape[1] == 1);
  x.shape[1] = 5;
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_prepare(model, &x, 1, &y, 1, &why));
  close_all();
}

static void refuses_what_does_not_fit(void) {
  float x[10] = {0}, y[2];
  lunula_view vx = floats(x, 2, 1, 4), vy = floats(y, 2, 1, 1), v;
  open_model(trained);
  v = floats(x, 2, 2, 5);
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_predict(model, &v, 1, &vy, 1, &why));
  EXPECT_TEXT("input 0 is float32 (2, 5), the model takes float32 (None, 4)");
  v = floats(x, 1, 4, 0);
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_predict(model, &v, 1, &vy, 1, &why));
  v = vx, v.dtype = LUNULA_INT32;
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_predict(model, &v, 1, &vy, 1, &why));
  EXPECT_TEXT("int32 (1, 4)");
  v = vx, v.data = NULL;
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_predict(model, &v, 1, &vy, 1, &why));
  EXPECT_TEXT("input 0: data is NULL");
  v = vx, v.data = (char *)x + 2;
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_predict(model, &v, 1, &vy, 1, &why));
  v = vy, v.shape[0] = 2;
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_predict(model, &vx, 1, &v, 1, &why));
  EXPECT_TEXT("output 0 is float32 (2, 1), the model gives float32 (1, 1)");
  v = vy, v.data = NULL;
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_predict(model, &vx, 1, &v, 1, &why));
  v = vy, v.read_only = 1;
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_predict(model, &vx, 1, &v, 1, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_predict(model, &vx, 0, &vy, 1, &why));
  EXPECT_TEXT("0 inputs, the model has 1");
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_predict(model, &vx, 1, &vy, 2, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_predict(model, NULL, 1, &vy, 1, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_predict(model, &vx, 1, NULL, 1, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_predict(model, &v, 1, &v, 1, NULL));
  close_all();
}

static void finds_only_models(void) {
  lunula_model *m = (lunula_model *)rt;
  open_runtime();
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "a, b = 3, {} f = print return 7"));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_find_model(rt, "nothing", &m, &why));
  EXPECT_TEXT("no global variable \"nothing\"");
  EXPECT(m == NULL);
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_find_model(rt, "a", &m, &why));
  EXPECT_STATUS(LUNULA_ERROR, lunula_find_model(rt, "b", &m, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_find_model(rt, "f", &m, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_find_model(rt, NULL, &m, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "local k = require 'lunula'\n"
    "open = k.Sequential{k.layers.Dense(1)}\n"
    "eager = k.Sequential{k.Input{shape={1}}, k.layers.Dense(1)}\n"
    "eager:compile{optimizer='sgd', loss='mse', run_eagerly=true}"));
  EXPECT_STATUS(LUNULA_ERROR, lunula_find_model(rt, "open", &m, &why));
  EXPECT_TEXT("does not know its inputs");
  EXPECT_STATUS(LUNULA_ERROR, lunula_find_model(rt, "eager", &m, &why));
  EXPECT_TEXT("run_eagerly");
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "open:predict(require 'lunula'.zeros{2, 3})"));
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, "open", &m, &why));
  lunula_model_free(m);
  EXPECT(lua_gettop(lunula_state(rt)) == 0);
  lunula_free(rt);
}

static void several_inputs_and_outputs(void) {
  float a[2] = {1, 2}, b[3] = {3, 4, 5}, sum[1], both[5];
  lunula_view in[2] = {floats(a, 2, 1, 2), floats(b, 2, 1, 3)};
  lunula_view out[2] = {floats(both, 2, 1, 5), floats(sum, 2, 1, 1)};
  open_model(
    "local k = require 'lunula'\n"
    "local a = k.Input{shape={2}, name='a'}\n"
    "local b = k.Input{shape={3}, name='b'}\n"
    "local both = k.layers.Concatenate{}{a, b}\n"
    "local total = k.ops.sum(both, {axis=1, keepdims=true})\n"
    "model = k.Model{inputs={a, b}, outputs={both, total}}");
  EXPECT(lunula_model_input(model, 0, NULL) == 2);
  EXPECT(lunula_model_output(model, 0, NULL) == 2);
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, in, 2, out, 2, &why));
  EXPECT(sum[0] == 15 && both[0] == 1 && both[4] == 5);
  close_all();
}

static void subclassed_models(void) {
  float x[2] = {3, 4}, y[2];
  lunula_view vx = floats(x, 2, 1, 2), vy = floats(y, 2, 1, 2);
  open_model(
    "local k = require 'lunula'\n"
    "local Twice = k.model 'Twice' { call = function(self, x)\n"
    "  return x * 2 end }\n"
    "model = Twice{}\n"
    "model:predict(k.zeros{3, 2})");
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &vx, 1, &vy, 1, &why));
  EXPECT(y[0] == 6 && y[1] == 8);
  close_all();
}

static void outlives_its_runtime(void) {
  float x[4] = {1, 2, 3, 4}, y[1] = {0};
  lunula_view vx = floats(x, 2, 1, 4), vy = floats(y, 2, 1, 1);
  open_model(trained);
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &vx, 1, &vy, 1, &why));
  lunula_free(rt);
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_predict(model, &vx, 1, &vy, 1, &why));
  EXPECT_TEXT("closed");
  lunula_model_free(model);
  model = NULL, rt = NULL;
}

/* The script's own references are not needed. */
static void keeps_what_it_needs(void) {
  float x[4] = {1, 2, 3, 4}, y[1] = {0};
  lunula_view vx = floats(x, 2, 1, 4), vy = floats(y, 2, 1, 1);
  open_model(trained);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "model = nil"));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "collectgarbage() collectgarbage()"));
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &vx, 1, &vy, 1, &why));
  EXPECT(y[0] == (float)global_number(rt, "answer"));
  close_all();
}

/* ---- models that enter Lua, draw, or remember --------------------------- */

static void host_steps(void) {
  float x[3] = {1, 2, 3}, y[3];
  lunula_view vx = floats(x, 2, 1, 3), vy = floats(y, 2, 1, 3);
  open_model(
    "local k = require 'lunula'\n"
    "calls = 0\n"
    "model = k.Sequential{k.Input{shape={3}}, k.layers.Lambda{function(x)\n"
    "  calls = calls + 1\n"
    "  if x:get(1, 1) > 100 then error 'too much' end\n"
    "  while x:get(1, 1) == 50 do end\n"
    "  return x * 2 end, trace=false}}\n"
    "model:predict{{1, 1, 1}}\n"
    "calls = 0");
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &vx, 1, &vy, 1, &why));
  EXPECT(y[0] == 2 && y[2] == 6);
  double calls = global_number(rt, "calls");
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "model = nil"));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "collectgarbage() collectgarbage()"));
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &vx, 1, &vy, 1, &why));
  EXPECT(global_number(rt, "calls") == calls + 1);
  x[0] = 101;
  EXPECT_STATUS(LUNULA_ERROR, lunula_predict(model, &vx, 1, &vy, 1, &why));
  EXPECT_TEXT("too much");
  x[0] = 50;
  lunula_cancel(rt);
  EXPECT_STATUS(LUNULA_CANCELLED,
                lunula_predict(model, &vx, 1, &vy, 1, &why));
  EXPECT(lua_gettop(lunula_state(rt)) == 0);
  close_all();
}

static int predict_again(lua_State *L) {
  float x[1] = {1}, y[1];
  lunula_view vx = floats(x, 2, 1, 1), vy = floats(y, 2, 1, 1);
  lua_pushinteger(L, lunula_predict(model, &vx, 1, &vy, 1, &why));
  return 1;
}

static void a_busy_model(void) {
  float x[1] = {1}, y[1];
  lunula_view vx = floats(x, 2, 1, 1), vy = floats(y, 2, 1, 1);
  open_model(
    "local k = require 'lunula'\n"
    "model = k.Sequential{k.Input{shape={1}}, k.layers.Lambda{function(x)\n"
    "  status = again and again()\n"
    "  return x end, trace=false}}");
  lua_register(lunula_state(rt), "again", predict_again);
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &vx, 1, &vy, 1, &why));
  EXPECT(global_number(rt, "status") == LUNULA_BUSY);
  close_all();
}

static void updates_variables(void) {
  float x[2] = {1, 2}, y[2];
  lunula_view vx = floats(x, 1, 2, 0), vy = floats(y, 1, 2, 0);
  open_model(
    "local core = require 'lunula.core'\n"
    "total = core.variable{value=core.tensor{0, 0}, name='total'}\n"
    "model = core.trace({{shape={2}}}, function(x)\n"
    "  total:assign(total + x)\n"
    "  return total * 1 end)\n"
    "kept = total.value");
  for (int i = 1; i <= 3; i++) {
    EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &vx, 1, &vy, 1, &why));
    EXPECT(y[0] == (float)i && y[1] == (float)(2 * i));
  }
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "assert(total.value:get(2) == 6 and kept:get(2) == 0)"));
  close_all();
}

static void draws_new_numbers(void) {
  float x[4] = {0}, y[4], z[4];
  lunula_view vx = floats(x, 1, 4, 0), vy = floats(y, 1, 4, 0);
  lunula_view vz = floats(z, 1, 4, 0);
  open_model("local k = require 'lunula'\n"
             "model = require 'lunula.core'.trace({{shape={4}}}, function(x)\n"
             "  return x + k.random.normal{4} end)");
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &vx, 1, &vy, 1, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &vx, 1, &vz, 1, &why));
  EXPECT(memcmp(y, z, sizeof y) != 0);
  close_all();
}

static void faults_of_the_data(void) {
  int32_t ids[2] = {1, 9};
  float y[4];
  lunula_view vx = {ids, LUNULA_INT32, 1, {2}, 0}, vy = floats(y, 2, 2, 2);
  open_model(
    "local core = require 'lunula.core'\n"
    "local table_ = core.tensor{{1, 2}, {3, 4}, {5, 6}}:cast('float32')\n"
    "model = core.trace({{shape={false}, dtype='int32'}}, function(ids)\n"
    "  return core.ops.gather(table_, ids) end)");
  EXPECT_STATUS(LUNULA_ERROR, lunula_predict(model, &vx, 1, &vy, 1, &why));
  EXPECT_TEXT("9");
  EXPECT_TEXT("setup:4");
  ids[1] = 2;
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &vx, 1, &vy, 1, &why));
  EXPECT(y[0] == 3 && y[3] == 6);
  close_all();
}

/* ---- several threads ---------------------------------------------------- */

enum { THREADS = 4, MOST = 48, IN = 16, OUT = 7 };

static const char wide[] =
    "local k = require 'lunula'\n"
    "k.set_random_seed(1)\n"
    "local function net() return k.Sequential{k.Input{shape={16}},\n"
    "  k.layers.Dense{64, activation='relu'}, k.layers.BatchNormalization{},\n"
    "  k.layers.Dense{64, activation='tanh'},\n"
    "  k.layers.Dense{7, activation='softmax'}} end\n"
    "model, second = net(), net()";

static lunula_model *models[2];
static float inputs[MOST][IN], expected[2][MOST][MOST][OUT];
static atomic_int disagreements;

static lunula_status predict_rows(int m, int n, float *to) {
  lunula_view vx = floats(inputs[0], 2, n, IN), vy = floats(to, 2, n, OUT);
  return lunula_predict(models[m], &vx, 1, &vy, 1, NULL);
}

static void *predict_all(void *arg) {
  static _Thread_local float y[MOST][OUT];
  int rounds = watched ? 2 : 20, shift = (int)(intptr_t)arg;
  for (int r = 0; r < rounds; r++)
    for (int i = 0; i < MOST; i++)
      for (int m = 0; m < 2; m++) {
        int n = (i * 7 + shift * 13) % MOST + 1;
        if (predict_rows(m, n, y[0]) != LUNULA_OK ||
            memcmp(y, expected[m][n - 1], (size_t)n * sizeof y[0]) != 0)
          atomic_fetch_add(&disagreements, 1);
      }
  return NULL;
}

static void threads_agree(void) {
  pthread_t thread[THREADS];
  unsigned s = 1;
  for (int i = 0; i < MOST; i++)
    for (int k = 0; k < IN; k++) {
      s = s * 1103515245 + 12345;
      inputs[i][k] = (float)(s >> 16 & 0xff) / 128 - 1;
    }
  open_runtime();
  EXPECT_STATUS(LUNULA_OK, run_text(rt, wide));
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, "model", &models[0], &why));
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, "second", &models[1], &why));
  for (int m = 0; m < 2; m++)
    for (int n = 1; n <= MOST; n++)
      EXPECT(predict_rows(m, n, expected[m][n - 1][0]) == LUNULA_OK);
  atomic_store(&disagreements, 0);
  for (int i = 0; i < THREADS; i++)
    EXPECT(pthread_create(&thread[i], NULL, predict_all,
                          (void *)(intptr_t)i) == 0);
  /* and the script does something else meanwhile */
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "local k = require 'lunula'\n"
    "for i = 1, 200 do local x = k.ones{32, 16} * i\n"
    "  x = k.ops.softmax(x:matmul(x:transpose())) end"));
  for (int i = 0; i < THREADS; i++)
    pthread_join(thread[i], NULL);
  EXPECT(atomic_load(&disagreements) == 0);
  lunula_model_free(models[0]);
  lunula_model_free(models[1]);
  lunula_free(rt);
}

/* Steps that are large enough for the worker threads, of which there is one
** lot: whoever comes second works alone. */
enum { LARGE = 100000 };

static const char long_steps[] =
    "local core = require 'lunula.core'\n"
    "model = core.trace({{shape={false}}}, function(x)\n"
    "  local y = (x * 0.5):tanh() + 1\n"
    "  return core.ops.cumsum(y:reshape{100, -1}, 1):reshape{-1} * y end)";

static float large[LARGE], wanted[LARGE];

static void *predict_large(void *arg) {
  float *y = arg;
  int rounds = watched ? 5 : 60;
  lunula_view vx = floats(large, 1, LARGE, 0), vy = floats(y, 1, LARGE, 0);
  for (int r = 0; r < rounds; r++) {
    memset(y, 0, sizeof wanted);
    if (lunula_predict(model, &vx, 1, &vy, 1, NULL) != LUNULA_OK ||
        memcmp(y, wanted, sizeof wanted) != 0)
      atomic_fetch_add(&disagreements, 1);
  }
  return NULL;
}

static void workers_serve_one_at_a_time(void) {
  static float y[THREADS][LARGE];
  pthread_t thread[THREADS];
  lunula_config c = {0};
  lunula_view vx = floats(large, 1, LARGE, 0), vy = floats(wanted, 1, LARGE, 0);
  c.size = sizeof c;
  c.threads = 3;
  for (int i = 0; i < LARGE; i++)
    large[i] = (float)(i % 1000) / 500 - 1;
  EXPECT_STATUS(LUNULA_OK, lunula_new(&c, &rt, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, long_steps));
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, "model", &model, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &vx, 1, &vy, 1, &why));
  atomic_store(&disagreements, 0);
  for (int i = 0; i < THREADS; i++)
    EXPECT(pthread_create(&thread[i], NULL, predict_large, y[i]) == 0);
  for (int i = 0; i < THREADS; i++)
    pthread_join(thread[i], NULL);
  EXPECT(atomic_load(&disagreements) == 0);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "require 'lunula.core'.threads(0)"));
  close_all();
}

/* ---- latency ------------------------------------------------------------ */

static void measure(const char *what, int rows, int times) {
  static float x[MOST][IN], y[MOST][OUT];
  lunula_view shape, vx, vy;
  lunula_model_input(model, 0, &shape);
  vx = floats(x[0], 2, rows, shape.shape[1]);
  lunula_model_output(model, 0, &shape);
  vy = floats(y[0], 2, rows, shape.shape[1]);
  double best = 1e9;
  for (int r = 0; r < 5; r++) {
    double start = now();
    for (int i = 0; i < times; i++)
      if (lunula_predict(model, &vx, 1, &vy, 1, &why) != LUNULA_OK) {
        EXPECT(0);
        return;
      }
    double took = (now() - start) / times;
    best = took < best ? took : best;
  }
  printf("  %s, batch of %d: %.2f us\n", what, rows, best * 1e6);
  EXPECT(watched || best < 20e-6 * (rows + 1)); /* the aim is 1 us */
}

static void latency(void) {
  open_model(trained);
  measure("4-8-1", 1, watched ? 1000 : 100000);
  measure("4-8-1", 32, watched ? 1000 : 20000);
  close_all();
  open_model(wide);
  measure("16-64-64-7", 1, watched ? 1000 : 20000);
  close_all();
}

int main(void) {
  leave_the_house("predict");
  test("predicts what the script does", predicts_what_the_script_does);
  test("says what it takes", says_what_it_takes);
  test("refuses what does not fit", refuses_what_does_not_fit);
  test("finds only models", finds_only_models);
  test("several inputs and outputs", several_inputs_and_outputs);
  test("subclassed models", subclassed_models);
  test("outlives its runtime", outlives_its_runtime);
  test("keeps what it needs", keeps_what_it_needs);
  test("steps in Lua", host_steps);
  test("a busy model", a_busy_model);
  test("updates variables", updates_variables);
  test("draws new numbers", draws_new_numbers);
  test("faults of the data", faults_of_the_data);
  test("four threads agree", threads_agree);
  test("workers serve one at a time", workers_serve_one_at_a_time);
  test("latency", latency);
  return failures > 0;
}
