/* Workers that predict while a script trains. Each piece of work gets the newest
** network from a slot; publishing another one stops nobody. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "lunula.h"

enum { WORKERS = 3, ROUNDS = 5, BATCH = 64 };

static lunula_slot *slot;
static atomic_int over;
static atomic_long answered;

static int complain(const char *what, const lunula_error *error) {
  fprintf(stderr, "%s: %s\n", what, error->text);
  return 1;
}

static void print(void *ud, const char *text, size_t size) {
  fwrite(text, 1, size, ud);
}

/* ---- the workers -------------------------------------------------------- */

static void make_points(float points[BATCH][2], unsigned *seed) {
  for (int i = 0; i < 2 * BATCH; i++) {
    *seed = *seed * 1664525u + 1013904223u;
    points[i / 2][i % 2] = (float)(*seed >> 8) / (1 << 23) - 1;
  }
}

static void *work(void *number) {
  float points[BATCH][2], answers[BATCH];
  lunula_view x = {points, LUNULA_FLOAT32, 2, {BATCH, 2}, 1};
  lunula_view y = {answers, LUNULA_FLOAT32, 2, {BATCH, 1}, 0};
  lunula_error error;
  unsigned seed = (unsigned)(size_t)number;
  while (!atomic_load(&over)) {
    make_points(points, &seed);
    lunula_model *model = lunula_slot_get(slot); /* counted: it stays */
    if (lunula_predict(model, &x, 1, &y, 1, &error) == LUNULA_OK)
      atomic_fetch_add(&answered, BATCH);
    else
      complain("worker", &error);
    lunula_model_free(model);
  }
  return NULL;
}

/* ---- the trainer -------------------------------------------------------- */

/* The script's model as it is now becomes the one that workers get. */
static lunula_status publish(lunula_runtime *runtime, lunula_error *error) {
  lunula_model *model, *frozen = NULL;
  lunula_status status = lunula_find_model(runtime, "model", &model, error);
  if (status == LUNULA_OK)
    status = lunula_freeze(model, &frozen, error);
  if (status == LUNULA_OK)
    status = lunula_slot_set(slot, frozen, error);
  lunula_model_free(frozen);
  lunula_model_free(model);
  return status;
}

static int train(lunula_runtime *runtime, lunula_error *error) {
  static const char round[] = "train()";
  for (int i = 0; i < ROUNDS; i++)
    if (lunula_run(runtime, round, strlen(round), "=pool", error) ||
        publish(runtime, error))
      return complain("train", error);
  return 0;
}

int main(int argc, char **argv) {
  const char *script = argc > 1 ? argv[1] : "pool.lua";
  lunula_config config = {.size = sizeof config, .print = print,
                          .print_ud = stdout};
  pthread_t worker[WORKERS];
  lunula_runtime *runtime;
  lunula_error error;
  if (lunula_new(&config, &runtime, &error) ||
      lunula_slot_new(NULL, &slot, &error) ||
      lunula_run_file(runtime, script, &error) || publish(runtime, &error))
    return complain(script, &error);
  for (size_t i = 0; i < WORKERS; i++)
    pthread_create(&worker[i], NULL, work, (void *)(i + 1));
  int status = train(runtime, &error);
  lunula_free(runtime); /* the workers go on */
  atomic_store(&over, 1);
  for (int i = 0; i < WORKERS; i++)
    pthread_join(worker[i], NULL);
  lunula_slot_free(slot);
  printf("%s\n", atomic_load(&answered) > 0 ? "answered all the while" : "");
  return status;
}
