/* The tiny model from C: milliseconds of processor time from nothing to its
** first answer, and microseconds of one prediction, the best of some. */
#define _GNU_SOURCE
#include "lunula.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char script[] =
    "local k = require 'lunula'\n"
    "return k.Sequential{k.Input{shape={4}},\n"
    "  k.layers.Dense{8, activation='relu'}, k.layers.Dense(1)}\n";

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static lunula_view floats(float *data, int64_t columns) {
  lunula_view view = {0};
  view.data = data;
  view.dtype = LUNULA_FLOAT32;
  view.rank = 2;
  view.shape[0] = 1;
  view.shape[1] = columns;
  return view;
}

static double best(lunula_model *model, const lunula_view *x,
                   const lunula_view *y) {
  enum { CALLS = 1000 };
  double least = 1;
  for (int run = 0; run < 50; run++) {
    double start = now(CLOCK_MONOTONIC);
    for (int i = 0; i < CALLS; i++)
      lunula_predict(model, x, 1, y, 1, NULL);
    double time = (now(CLOCK_MONOTONIC) - start) / CALLS;
    least = time < least ? time : least;
  }
  return least;
}

int main(void) {
  double start = now(CLOCK_PROCESS_CPUTIME_ID);
  lunula_error why;
  lunula_runtime *runtime = NULL;
  lunula_model *model = NULL;
  float in[4] = {1, 2, 3, 4}, out[1];
  lunula_view x = floats(in, 4), y = floats(out, 1);
  if (lunula_new(NULL, &runtime, &why) ||
      lunula_run(runtime, script, strlen(script), "=tiny", &why) ||
      lunula_find_model(runtime, NULL, &model, &why) ||
      lunula_predict(model, &x, 1, &y, 1, &why)) {
    fprintf(stderr, "%s\n", why.text);
    return 1;
  }
  double first = now(CLOCK_PROCESS_CPUTIME_ID) - start;
  printf("%.3f %.3f\n", first * 1e3, best(model, &x, &y) * 1e6);
  lunula_model_free(model);
  lunula_free(runtime);
  return 0;
}
