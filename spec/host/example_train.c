/* The example of a host that trains with its own data, as it stands in
** examples/embed. What it saves is read again. */
#define _GNU_SOURCE
int run_example(int argc, char **argv);

#define main run_example
#include "../../examples/embed/train.c"
#undef main

#include <stdlib.h>
#include <unistd.h>

static int is_loaded(const char *path) {
  lunula_model *model;
  lunula_error error;
  if (lunula_load(path, &model, &error) != LUNULA_OK)
    return complain(path, &error), 0;
  int right = ask(model, &error) == LUNULA_OK;
  lunula_model_free(model);
  return right;
}

int main(void) {
  char name[] = "train", script[] = "examples/embed/train.lua";
  char path[] = "/tmp/lunula_trained_XXXXXX.safetensors";
  char *args[] = {name, script, path, NULL};
#if defined(WITH_BLAS)
  lunula_use_blas(lunula_openblas(), NULL); /* for make blas */
#endif
  close(mkstemps(path, 12));
  int trained = run_example(3, args) == 0;
  printf("%s - example: trains in the host\n", trained ? "ok" : "not ok");
  int kept = is_loaded(path);
  printf("%s - example: saves what it trained\n", kept ? "ok" : "not ok");
  unlink(path);
  return !(trained && kept);
}
