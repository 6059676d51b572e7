/* The example of workers that predict while a script trains, as it stands in
** examples/embed. */
int run_example(int argc, char **argv);

#define main run_example
#include "../../examples/embed/pool.c"
#undef main

int main(void) {
  char name[] = "pool", script[] = "examples/embed/pool.lua";
  char *args[] = {name, script, NULL};
  int served = run_example(2, args) == 0 && atomic_load(&answered) > 0;
  printf("%s - example: predicts while it trains\n", served ? "ok" : "not ok");
  return !served;
}
