/* The example that only predicts, as it stands in examples/embed, with what the
** script there trains. */
#define _GNU_SOURCE
int run_example(int argc, char **argv);

#define main run_example
#include "../../examples/embed/predict.c"
#undef main

#include <stdlib.h>
#include <unistd.h>

#include "ring.h"

int main(void) {
  char path[] = "/tmp/lunula_example_XXXXXX.safetensors", name[] = "predict";
  char missing[] = "/tmp/lunula_missing";
  char *right[] = {name, path, NULL}, *wrong[] = {name, missing, NULL};
  close(mkstemps(path, 12));
  int predicts = ring_write(path) && run_example(2, right) == 0;
  printf("%s - example: only predicts\n", predicts ? "ok" : "not ok");
  int refused = run_example(2, wrong) == 1;
  printf("%s - example: says what file is missing\n",
         refused ? "ok" : "not ok");
  unlink(path);
  return !(predicts && refused);
}
