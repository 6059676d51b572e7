/* The example of a host that trains in slices, as it stands in examples/embed. */
int run_example(int argc, char **argv);

#define main run_example
#include "../../examples/embed/slices.c"
#undef main

int main(void) {
  char name[] = "slices", script[] = "examples/embed/slices.lua";
  char *args[] = {name, script, NULL};
#if defined(WITH_BLAS)
  lunula_use_blas(lunula_openblas(), NULL); /* for make blas */
#endif
  int served = run_example(2, args) == 0 && slices > 1;
  printf("%s - example: trains in %d slices\n", served ? "ok" : "not ok",
         slices);
  return !served;
}
