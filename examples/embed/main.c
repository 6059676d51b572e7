/* A C program with a network in it: runs a Lua script that trains a model, and
** draws what the model thinks of a field of points. Nothing here knows Lua. */
#include <stdio.h>

#include "lunula.h"

enum { ROWS = 17, COLUMNS = 41 };

static void print(void *ud, const char *text, size_t size) {
  fwrite(text, 1, size, ud);
}

static int complain(const char *what, const lunula_error *error) {
  fprintf(stderr, "%s: %s\n", what, error->text);
  return 1;
}

static int draw(lunula_model *model) {
  static float points[ROWS * COLUMNS][2], answers[ROWS * COLUMNS];
  lunula_view x = {points, LUNULA_FLOAT32, 2, {ROWS * COLUMNS, 2}, 1};
  lunula_view y = {answers, LUNULA_FLOAT32, 2, {ROWS * COLUMNS, 1}, 0};
  lunula_error error;
  for (int i = 0; i < ROWS * COLUMNS; i++) {
    points[i][0] = 2.0f * (float)(i % COLUMNS) / (COLUMNS - 1) - 1;
    points[i][1] = 2.0f * (float)(i / COLUMNS) / (ROWS - 1) - 1;
  }
  if (lunula_predict(model, &x, 1, &y, 1, &error) != LUNULA_OK)
    return complain("predict", &error);
  for (int i = 0; i < ROWS * COLUMNS; i++) {
    putchar(answers[i] > 0.5f ? '#' : '.');
    if (i % COLUMNS == COLUMNS - 1)
      putchar('\n');
  }
  return 0;
}

int main(int argc, char **argv) {
  const char *script = argc > 1 ? argv[1] : "model.lua";
  lunula_config config = {.size = sizeof config, .sandbox = 1,
                          .memory_limit = (size_t)256 << 20,
                          .print = print, .print_ud = stdout};
  lunula_runtime *runtime;
  lunula_model *model;
  lunula_error error;
  if (lunula_new(&config, &runtime, &error) != LUNULA_OK)
    return complain("lunula", &error);
  int status = 0;
  if (lunula_run_file(runtime, script, &error) != LUNULA_OK ||
      lunula_find_model(runtime, NULL, &model, &error) != LUNULA_OK) {
    status = complain(script, &error);
  } else {
    status = draw(model);
    lunula_model_free(model);
  }
  lunula_free(runtime);
  return status;
}
