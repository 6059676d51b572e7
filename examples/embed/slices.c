/* The loop of a server or a game, in one thread: it answers, and then lets the
** training have some milliseconds. When that is over, what was learned is put
** where the answers come from. */
#include <stdio.h>

#include "lunula.h"

static int complain(const char *what, const lunula_error *error) {
  fprintf(stderr, "%s: %s\n", what, error->text);
  return 1;
}

/* The script's network as it is now is the one that answers. */
static lunula_status publish(lunula_runtime *runtime, lunula_slot *slot,
                             lunula_error *error) {
  lunula_model *model, *frozen = NULL;
  lunula_status status = lunula_find_model(runtime, "net", &model, error);
  if (status == LUNULA_OK)
    status = lunula_freeze(model, &frozen, error);
  if (status == LUNULA_OK)
    status = lunula_slot_set(slot, frozen, error);
  lunula_model_free(frozen);
  lunula_model_free(model);
  return status;
}

/* A request, which has to be answered within 20 ms, or gets no answer. */
static lunula_status answer(lunula_slot *slot, float *inside,
                            lunula_error *error) {
  float point[2] = {0.5f, 0.3f};
  lunula_view x = {point, LUNULA_FLOAT32, 2, {1, 2}, 1};
  lunula_view y = {inside, LUNULA_FLOAT32, 2, {1, 1}, 0};
  lunula_watch watch = {.size = sizeof watch, .seconds = 0.02};
  lunula_model *model = lunula_slot_get(slot);
  lunula_status status =
      lunula_predict_watched(model, &x, 1, &y, 1, &watch, error);
  lunula_model_free(model);
  return status == LUNULA_CANCELLED ? LUNULA_OK : status;
}

static int slices; /* of training, so far */

/* Until the training is over: an answer, a slice. */
static int serve(lunula_runtime *runtime, lunula_slot *slot,
                 lunula_error *error) {
  float seconds = 0.005f, loss = 0, inside = 0;
  char more = 1;
  lunula_view time = {&seconds, LUNULA_FLOAT32, 0, {0}, 1};
  lunula_view out[2] = {{&more, LUNULA_BOOL, 0, {0}, 0},
                        {&loss, LUNULA_FLOAT32, 0, {0}, 0}};
  for (slices = 0; more; slices++)
    if (answer(slot, &inside, error) ||
        lunula_call(runtime, "slice", &time, 1, out, 2, error))
      return complain("serve", error);
  if (publish(runtime, slot, error) || answer(slot, &inside, error))
    return complain("publish", error);
  printf("loss %.3f, inside: %.2f\n", (double)loss, (double)inside);
  return 0;
}

int main(int argc, char **argv) {
  const char *script = argc > 1 ? argv[1] : "slices.lua";
  lunula_config config = {.size = sizeof config,
                          .memory_limit = (size_t)256 << 20,
                          .instruction_budget = 5000000}; /* for each call */
  lunula_runtime *runtime = NULL;
  lunula_slot *slot = NULL;
  lunula_error error;
  int status;
  if (lunula_new(&config, &runtime, &error) ||
      lunula_slot_new(NULL, &slot, &error) ||
      lunula_run_file(runtime, script, &error) ||
      publish(runtime, slot, &error))
    status = complain(script, &error);
  else
    status = serve(runtime, slot, &error);
  lunula_free(runtime);
  lunula_slot_free(slot);
  return status;
}
