/* The example of examples/embed, as it stands there. */
int run_example(int argc, char **argv);

#define main run_example
#include "../../examples/embed/main.c"
#undef main

int main(void) {
  char name[] = "example", script[] = "examples/embed/model.lua";
  char missing[] = "examples/embed/missing.lua";
  char *right[] = {name, script, NULL}, *wrong[] = {name, missing, NULL};
#if defined(WITH_BLAS)
  lunula_use_blas(lunula_openblas(), NULL); /* for make blas */
#endif
  int drawn = run_example(2, right) == 0;
  printf("%s - example: trains and draws\n", drawn ? "ok" : "not ok");
  int refused = run_example(2, wrong) == 1;
  printf("%s - example: says what is missing\n", refused ? "ok" : "not ok");
  return !(drawn && refused);
}
