/* What the host programs share: expectations, and one line for each test, as
** spec/support/run.lua counts them. They run in a folder from which no file of
** lunula can be seen. */
#ifndef HOST_CHECK_H
#define HOST_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lunula.h"

/* A sanitizer, or valgrind with LUNULA_WATCHED=1 around it, is slow and keeps
** freed memory: things are done less often, and no memory is measured. */
static int watched;

static int broken, failures;
static const char *program = "host";
static lunula_error why;

#define EXPECT(x) expect((x) != 0, #x, __LINE__)
/* A status, and when it is another one, the message. */
#define EXPECT_STATUS(want, call) expect_status(want, call, #call, __LINE__)
#define EXPECT_TEXT(part) expect_text(part, __LINE__)

__attribute__((unused)) static int expect(int good, const char *what,
                                          int line) {
  if (!good) {
    broken++;
    printf("  line %d: %s\n", line, what);
  }
  return good;
}

__attribute__((unused)) static int expect_status(int want, int got,
                                                 const char *call, int line) {
  if (want == got)
    return 1;
  broken++;
  printf("  line %d: status %d, not %d, of %s%s%s\n", line, got, want, call,
         got ? ": " : "", got ? why.text : "");
  return 0;
}

__attribute__((unused)) static void expect_text(const char *part, int line) {
  if (strstr(why.text, part))
    return;
  broken++;
  printf("  line %d: \"%s\" is not in: %s\n", line, part, why.text);
}

__attribute__((unused)) static void test(const char *name, void (*f)(void)) {
  broken = 0;
  memset(&why, 0, sizeof why);
  f();
  failures += broken > 0;
  printf("%s - %s: %s\n", broken ? "not ok" : "ok", program, name);
  fflush(stdout);
}

static void leave_the_house(const char *name) {
  program = name;
#if defined(__SANITIZE_ADDRESS__)
  watched = 1;
#else
  watched = getenv("LUNULA_WATCHED") != NULL;
#endif
  unsetenv("LUA_PATH");
  unsetenv("LUA_CPATH");
  unsetenv("LUA_PATH_5_4");
  unsetenv("LUA_CPATH_5_4");
  unsetenv("LUA_INIT");
  EXPECT(chdir("/") == 0);
#if defined(WITH_BLAS)
  const char *gemm = getenv("LUNULA_GEMM"); /* make blas */
  if (gemm && strcmp(gemm, "blas") == 0)
    EXPECT_STATUS(LUNULA_OK, lunula_use_blas(lunula_openblas(), &why));
#endif
}

/* ---- small things that tests need --------------------------------------- */

__attribute__((unused)) static lunula_view floats(float *data, int rank,
                                                  int64_t rows, int64_t n) {
  lunula_view v = {data, LUNULA_FLOAT32, rank, {rows, n}, 0};
  return v;
}

__attribute__((unused)) static lunula_status run_text(lunula_runtime *rt,
                                                      const char *text) {
  return lunula_run(rt, text, strlen(text), "=setup", &why);
}

/* Monotonic seconds. */
__attribute__((unused)) static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Resident memory in KB. */
__attribute__((unused)) static long resident(void) {
  long pages = 0, all;
  FILE *f = fopen("/proc/self/statm", "r");
  if (f && fscanf(f, "%ld %ld", &all, &pages) != 2)
    pages = 0;
  if (f)
    fclose(f);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

#endif
