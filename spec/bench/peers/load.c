/* Loading in a C host, for spec/bench/load.lua: load SMALL LARGE. A small
** network from file to first answer; a large file beside fread of it, in turn,
** and the most memory that took. Prints a line for each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lunula.h"

enum { ROUNDS = 9, SMALL_ROUNDS = 101 };

static lunula_error error;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static double median(double *list, int n) {
  qsort(list, (size_t)n, sizeof *list, by_size);
  return list[n / 2];
}

static void complain(const char *path) {
  fprintf(stderr, "%s: %s\n", path, error.text);
  exit(1);
}

static double load_and_ask(const char *path) {
  float x[4] = {1, 2, 3, 4}, y[1];
  lunula_view vx = {x, LUNULA_FLOAT32, 2, {1, 4}, 1};
  lunula_view vy = {y, LUNULA_FLOAT32, 2, {1, 1}, 0};
  lunula_model *m;
  double start = now();
  if (lunula_load(path, &m, &error) ||
      lunula_predict(m, &vx, 1, &vy, 1, &error))
    complain(path);
  double took = now() - start;
  lunula_model_free(m);
  return took;
}

static double load(const char *path) {
  lunula_model *m;
  double start = now();
  if (lunula_load(path, &m, &error))
    complain(path);
  double took = now() - start;
  lunula_model_free(m);
  return took;
}

/* As a program reads a file whose size it knows. */
static double read_it(const char *path, long *size) {
  double start = now();
  FILE *f = fopen(path, "rb");
  if (f == NULL || fseek(f, 0, SEEK_END) || (*size = ftell(f)) < 0)
    exit(1);
  rewind(f);
  char *bytes = malloc((size_t)*size);
  size_t n = bytes ? fread(bytes, 1, (size_t)*size, f) : 0;
  fclose(f);
  double took = now() - start;
  free(bytes);
  if (n != (size_t)*size)
    exit(1);
  return took;
}

/* KB, by the name of its line in /proc/self/status. */
static long memory(const char *name) {
  char line[200];
  long kb = 0;
  FILE *f = fopen("/proc/self/status", "r");
  while (f && fgets(line, sizeof line, f))
    if (strncmp(line, name, strlen(name)) == 0)
      kb = strtol(line + strlen(name) + 1, NULL, 10);
  if (f)
    fclose(f);
  return kb;
}

int main(int argc, char **argv) {
  double small[SMALL_ROUNDS], ours[ROUNDS], theirs[ROUNDS], ratio[ROUNDS];
  long size = 0;
  if (argc != 3)
    return 1;
  double first = load_and_ask(argv[1]);
  for (int i = 0; i < SMALL_ROUNDS; i++)
    small[i] = load_and_ask(argv[1]);
  long before = memory("VmRSS");
  load(argv[2]);
  long peak = memory("VmHWM") - before;
  for (int i = 0; i < ROUNDS; i++) {
    theirs[i] = read_it(argv[2], &size);
    ours[i] = load(argv[2]);
    ratio[i] = ours[i] / theirs[i];
  }
  printf("4-8-1 from file to answer: %.0f us, the first %.0f us\n",
         1e6 * median(small, SMALL_ROUNDS), 1e6 * first);
  printf("%.0f MB: %.0f ms, fread %.0f ms, ratio %.2f; at most %.2f of its "
         "size\n", (double)size / 1e6, 1e3 * median(ours, ROUNDS),
         1e3 * median(theirs, ROUNDS), median(ratio, ROUNDS),
         1024.0 * (double)peak / (double)size);
  return 0;
}
