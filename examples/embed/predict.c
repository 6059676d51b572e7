/* Predicts with a network from a file. Neither Lua nor a script is needed. */
#include <stdio.h>

#include "lunula.h"

int main(int argc, char **argv) {
  float points[2][2] = {{0.5f, 0.3f}, {0.1f, -0.1f}}, inside[2][1];
  lunula_view x = {points, LUNULA_FLOAT32, 2, {2, 2}, 1};
  lunula_view y = {inside, LUNULA_FLOAT32, 2, {2, 1}, 0};
  lunula_model *model;
  lunula_error error;
  if (lunula_load(argc > 1 ? argv[1] : "ring.safetensors", &model, &error) ||
      lunula_predict(model, &x, 1, &y, 1, &error)) {
    fprintf(stderr, "%s\n", error.text);
    lunula_model_free(model);
    return 1;
  }
  for (int i = 0; i < 2; i++)
    printf("(%4.1f, %4.1f): %.2f\n", points[i][0], points[i][1], inside[i][0]);
  lunula_model_free(model);
  return 0;
}
