/* A host that hands OpenBLAS in: when it is loaded, what its threads see of
** signals, and how many there are before and after. */
#define _GNU_SOURCE
#include "check.h"

#if defined(WITH_BLAS)

#include <dirent.h>
#include <dlfcn.h>
#include <signal.h>
#include <sys/wait.h>

/* ---- what the system says ----------------------------------------------- */

static int is_loaded(void) {
  void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_NOLOAD);
  return library != NULL;
}

/* A function of the library that is loaded already. */
static int threads_of_library(int set) {
  int (*get)(void);
  void (*put)(int);
  void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_NOLOAD);
  void *g = library ? dlsym(library, "openblas_get_num_threads") : NULL;
  void *p = library ? dlsym(library, "openblas_set_num_threads") : NULL;
  if (!EXPECT(g && p))
    return -1;
  memcpy(&get, &g, sizeof get);
  memcpy(&put, &p, sizeof put);
  if (set > 0)
    put(set);
  return get();
}

/* The signals that a thread blocks, as bits from 0. */
static unsigned long long blocked(const char *task) {
  char path[300], line[200];
  unsigned long long bits = 0;
  snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
  FILE *f = fopen(path, "r");
  while (f && fgets(line, sizeof line, f))
    if (sscanf(line, "SigBlk: %llx", &bits) == 1)
      break;
  if (f)
    fclose(f);
  return bits;
}

/* The number of threads besides this one; all must block all signals that can
** be: 9 and 19 cannot, and libc keeps two for itself. */
static int other_threads(void) {
  const unsigned long long wanted = 0x7fffffff & ~(1ULL << 8 | 1ULL << 18);
  int n = 0;
  DIR *tasks = opendir("/proc/self/task");
  for (struct dirent *d; tasks && (d = readdir(tasks)) != NULL;) {
    if (*d->d_name == '.' || atoi(d->d_name) == (int)getpid())
      continue;
    n++;
    if (!EXPECT((blocked(d->d_name) & wanted) == wanted))
      printf("  thread %s blocks %llx\n", d->d_name, blocked(d->d_name));
  }
  if (tasks)
    closedir(tasks);
  return n;
}

static unsigned long long own_signals(void) {
  char own[20];
  snprintf(own, sizeof own, "%d", (int)getpid());
  return blocked(own);
}

/* ---- the tests ---------------------------------------------------------- */

/* In a child, because the choice is made once for a process. */
static void in_a_child(void (*f)(void)) {
  int status = -1;
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    f();
    fflush(stdout);
    _exit(broken > 0);
  }
  EXPECT(waitpid(child, &status, 0) == child && status == 0);
}

static void stays_away(void) {
  lunula_runtime *rt;
  setenv("LUNULA_GEMM", "native", 1);
  EXPECT_STATUS(LUNULA_OK, lunula_use_blas(lunula_openblas(), &why));
  EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &rt, &why));
  EXPECT(!is_loaded());
  EXPECT_STATUS(LUNULA_OK, lunula_use_blas(lunula_openblas(), &why));
  lunula_free(rt);
}

static void comes_too_late(void) {
  lunula_runtime *rt;
  unsetenv("LUNULA_GEMM");
  EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &rt, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_use_blas(lunula_openblas(), &why));
  EXPECT_TEXT("in use already");
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_use_blas(NULL, &why));
  lunula_free(rt);
}

static void is_missed(void) {
  lunula_runtime *rt;
  setenv("LUNULA_GEMM", "blas", 1);
  EXPECT_STATUS(LUNULA_ERROR, lunula_new(NULL, &rt, &why));
  EXPECT_TEXT("OpenBLAS is not there");
  EXPECT_TEXT("lunula_use_blas");
  EXPECT(rt == NULL);
}

static void not_loaded(void) { in_a_child(stays_away); }

static void too_late(void) { in_a_child(comes_too_late); }

static void missed(void) { in_a_child(is_missed); }

static lunula_runtime *one, *two;

static void multiplies(void) {
  setenv("LUNULA_GEMM", "blas", 1);
  EXPECT(!is_loaded());
  EXPECT_STATUS(LUNULA_OK, lunula_use_blas(lunula_openblas(), &why));
  EXPECT(!is_loaded() && other_threads() == 0);
  EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &one, &why));
  EXPECT(is_loaded());
  EXPECT_STATUS(LUNULA_OK, run_text(one,
    "local k = require 'lunula'\n"
    "assert(k.build_info().gemm == 'blas')\n"
    "local c = k.ops.matmul(k.ones{70, 300}, k.ones{300, 90})\n"
    "assert(c:get(70, 90) == 300)"));
}

static void leaves_signals_alone(void) {
  unsigned long long before = own_signals();
  EXPECT((before & 1ULL << (SIGTERM - 1)) == 0);
  EXPECT_STATUS(LUNULA_OK, run_text(one, "local k = require 'lunula'\n"
    "k.threads(2)\n"
    "k.ops.matmul(k.ones{700, 300}, k.ones{300, 900})"));
  printf("  %d threads besides this one\n", other_threads());
  EXPECT(own_signals() == before);
}

static void gives_threads_back(void) {
  EXPECT(threads_of_library(0) == 1);
  lunula_free(one);
  int before = threads_of_library(2); /* 1 where it has no threads */
  EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &one, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &two, &why));
  EXPECT(threads_of_library(0) == 1);
  lunula_free(one);
  EXPECT(threads_of_library(0) == 1);
  lunula_free(two);
  EXPECT(threads_of_library(0) == before);
  EXPECT(other_threads() >= before - 1);
}

int main(void) {
  unsetenv("LUNULA_GEMM"); /* this program sets it itself */
  unsetenv("LUNULA_ISA");
  leave_the_house("blas");
  test("not wanted, it is not loaded", not_loaded);
  test("handed in too late, it is refused", too_late);
  test("wanted and not handed in, it is an error", missed);
  test("makes products", multiplies);
  test("its threads block all signals", leaves_signals_alone);
  test("it gets its threads back", gives_threads_back);
  return failures > 0;
}

#else

static void nothing_to_test(void) {
  printf("  built without OpenBLAS\n");
}

int main(void) {
  leave_the_house("blas");
  test("there is nothing to test", nothing_to_test);
  return 0;
}

#endif
