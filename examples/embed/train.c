/* Training in a host that does not know Lua: a script says what the network is,
** the host brings the data, reads the loss, freezes what was learned, predicts,
** and saves the network, to be trained on another day. */
#include <stdio.h>

#include "lunula.h"

enum { BATCH = 50, STEPS = 1000, REPORT = 250 };

static int complain(const char *what, const lunula_error *error) {
  fprintf(stderr, "%s: %s\n", what, error->text);
  return 1;
}

/* Some data of the host: is a point inside the ring between two circles? */
static void make_batch(float points[BATCH][2], float inside[BATCH][1]) {
  static unsigned seed = 1;
  for (int i = 0; i < BATCH; i++) {
    for (int j = 0; j < 2; j++) {
      seed = seed * 1664525u + 1013904223u;
      points[i][j] = (float)(seed >> 8) / (1 << 23) - 1;
    }
    float square = points[i][0] * points[i][0] + points[i][1] * points[i][1];
    inside[i][0] = square > 0.16f && square < 0.64f;
  }
}

static lunula_status train(lunula_runtime *runtime, lunula_error *error) {
  float points[BATCH][2], inside[BATCH][1];
  lunula_view x = {points, LUNULA_FLOAT32, 2, {BATCH, 2}, 1};
  lunula_view y = {inside, LUNULA_FLOAT32, 2, {BATCH, 1}, 1};
  double results[2]; /* the loss, and the metric of the script */
  lunula_status status = LUNULA_OK;
  for (int i = 1; i <= STEPS && status == LUNULA_OK; i++) {
    int n = 2;
    make_batch(points, inside);
    status = lunula_train(runtime, "net", &x, 1, &y, 1, results, &n, error);
    if (status == LUNULA_OK && i % REPORT == 0) {
      printf("step %4d: loss %.2f, accuracy %.2f\n", i, results[0], results[1]);
      status = lunula_call(runtime, "net:reset_metrics", NULL, 0, NULL, 0,
                           error); /* the next ones are of the steps to come */
    }
  }
  return status;
}

/* What was learned, for any thread, and whatever becomes of the runtime. */
static lunula_status snapshot(lunula_runtime *runtime, lunula_model **frozen,
                              lunula_error *error) {
  lunula_model *model;
  lunula_status status = lunula_find_model(runtime, "net", &model, error);
  if (status == LUNULA_OK)
    status = lunula_freeze(model, frozen, error);
  lunula_model_free(model);
  return status;
}

static lunula_status ask(lunula_model *model, lunula_error *error) {
  float points[2][2] = {{0.5f, 0.3f}, {0.1f, -0.1f}}, inside[2][1];
  lunula_view x = {points, LUNULA_FLOAT32, 2, {2, 2}, 1};
  lunula_view y = {inside, LUNULA_FLOAT32, 2, {2, 1}, 0};
  lunula_status status = lunula_predict(model, &x, 1, &y, 1, error);
  for (int i = 0; i < 2 && status == LUNULA_OK; i++)
    printf("(%4.1f, %4.1f): %.1f\n", points[i][0], points[i][1], inside[i][0]);
  return status;
}

int main(int argc, char **argv) {
  const char *script = argc > 1 ? argv[1] : "train.lua";
  lunula_runtime *runtime;
  lunula_model *frozen = NULL;
  lunula_error error;
  if (lunula_new(NULL, &runtime, &error))
    return complain("lunula", &error);
  int failed = lunula_run_file(runtime, script, &error) ||
               train(runtime, &error) || snapshot(runtime, &frozen, &error) ||
               (argc > 2 && lunula_save_model(runtime, "net", argv[2], &error));
  lunula_free(runtime);
  failed = failed || ask(frozen, &error);
  lunula_model_free(frozen);
  return failed ? complain(script, &error) : 0;
}
