/* Compilation beside predictions: who needs a plan that is there never waits
** for one that is being made, and many shapes are kept. */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

static lunula_runtime *rt;
static lunula_model *model;

/* A chain of so many ops, which takes long to compile and little to run. */
static void open_chain(int ops) {
  char script[400];
  lunula_config c = {0};
  c.size = sizeof c;
  snprintf(script, sizeof script,
           "local k = require 'lunula'\n"
           "model = k.Sequential{k.Input{shape={4}},\n"
           "  k.layers.Lambda{function(x)\n"
           "    for i = 1, %d do x = k.ops.tanh(x) + i %% 3 * 0.1 end\n"
           "    return x end}}", ops / 2);
  EXPECT_STATUS(LUNULA_OK, lunula_new(&c, &rt, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, script));
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, "model", &model, &why));
}

static void close_all(void) {
  lunula_model_free(model);
  lunula_free(rt);
  model = NULL;
  rt = NULL;
}

/* Seconds of one prediction of ones; the first result goes to *first. */
static double predict(int rows, float *first) {
  float x[64 * 4], y[64 * 4];
  for (int i = 0; i < rows * 4; i++)
    x[i] = 1;
  lunula_view vx = floats(x, 2, rows, 4), vy = floats(y, 2, rows, 4);
  double start = now();
  lunula_error e;
  if (lunula_predict(model, &vx, 1, &vy, 1, &e) != LUNULA_OK)
    return -1;
  if (first)
    *first = y[0];
  return now() - start;
}

/* ---- known shapes beside new ones --------------------------------------- */

enum { NEW_SHAPES = 4 };
static atomic_int compiling; /* 1: it goes on, 2: it is over */

static void *compile_shapes(void *first) {
  float x[1] = {0};
  atomic_store(&compiling, 1);
  for (int i = 0; i < NEW_SHAPES; i++) {
    lunula_view in = floats(x, 2, *(int *)first + i, 4), out;
    EXPECT(lunula_prepare(model, &in, 1, &out, 1, NULL) == LUNULA_OK);
  }
  atomic_store(&compiling, 2);
  return NULL;
}

/* How often a known shape is predicted while others are compiled. */
static int predictions_meanwhile(int new_rows) {
  pthread_t thread;
  int n = 0;
  atomic_store(&compiling, 0);
  EXPECT(pthread_create(&thread, NULL, compile_shapes, &new_rows) == 0);
  while (atomic_load(&compiling) == 0)
    continue;
  for (; atomic_load(&compiling) == 1; n++)
    EXPECT(predict(1, NULL) >= 0);
  pthread_join(thread, NULL);
  return n;
}

/* Where it waits there is about one for each new shape. Other programs may
** take the processor: the best of some tries counts. */
static void known_shapes_do_not_wait(void) {
  int most = 0;
  open_chain(watched ? 2000 : 16000);
  EXPECT(predict(1, NULL) >= 0);
  for (int i = 0; i < 8 && most < 25 * NEW_SHAPES; i++) {
    int n = predictions_meanwhile(2 + NEW_SHAPES * i);
    most = n > most ? n : most;
  }
  if (!EXPECT(most >= 25 * NEW_SHAPES))
    printf("  %d predictions beside %d compilations\n", most, NEW_SHAPES);
  close_all();
}

/* ---- the same shape at once --------------------------------------------- */

static void *predict_five(void *result) {
  EXPECT(predict(5, result) >= 0);
  return NULL;
}

static void two_threads_want_the_same(void) {
  pthread_t thread[2];
  float y[3] = {0, 1, 2};
  open_chain(2000);
  for (int i = 0; i < 2; i++)
    EXPECT(pthread_create(&thread[i], NULL, predict_five, &y[i]) == 0);
  for (int i = 0; i < 2; i++)
    pthread_join(thread[i], NULL);
  EXPECT(predict(5, &y[2]) >= 0);
  EXPECT(y[0] == y[1] && y[1] == y[2]);
  close_all();
}

/* ---- many shapes -------------------------------------------------------- */

static double all_shapes(int n) {
  double sum = 0;
  for (int rows = 1; rows <= n; rows++)
    sum += predict(rows, NULL);
  return sum;
}

static void many_shapes_are_kept(void) {
  open_chain(400);
  double first = all_shapes(60), later = all_shapes(60);
  EXPECT(first > 0 && later > 0);
  for (int i = 0; i < 4; i++) {
    double t = all_shapes(60);
    later = t < later ? t : later;
  }
  if (!EXPECT(later < first / 3))
    printf("  60 shapes: first %.2f ms, again %.2f ms\n", 1e3 * first,
           1e3 * later);
  close_all();
}

/* ---- a small stack ------------------------------------------------------ */

static void *prepare_five(void *status) {
  lunula_error e;
  lunula_view x = floats(NULL, 2, 5, 4), y;
  *(int *)status = lunula_prepare(model, &x, 1, &y, 1, &e);
  return NULL;
}

/* No function calls itself as often as a graph is deep. */
static void compiles_on_a_small_stack(void) {
  pthread_attr_t small;
  pthread_t thread;
  int status = -1;
  if (watched) /* their frames are larger */
    return;
  open_chain(8000);
  pthread_attr_init(&small);
  EXPECT(pthread_attr_setstacksize(&small, 65536) == 0);
  EXPECT(pthread_create(&thread, &small, prepare_five, &status) == 0);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&small);
  EXPECT(status == LUNULA_OK);
  close_all();
}

int main(void) {
  leave_the_house("compile");
  test("a known shape does not wait for a new one", known_shapes_do_not_wait);
  test("two threads compile the same shape", two_threads_want_the_same);
  test("60 shapes are kept", many_shapes_are_kept);
  test("a chain of 8000 ops compiles on a stack of 64 KB", compiles_on_a_small_stack);
  return failures > 0;
}
