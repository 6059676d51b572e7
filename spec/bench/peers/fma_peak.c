/* What the processor can do at best: fused multiply-adds on registers. A
** worker: for each line that comes in it measures some 10 ms on as many threads
** as its argument says, and answers their GFLOP/s together, each at best.
**
** With LUA_MODULE it is one: a function that measures a span of half a
** millisecond on so many threads, the caller's among them. Products lower the
** clock, which takes some milliseconds to rise again; so what is held against
** the peak must have it measured on its own thread, right before and after. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef LUA_MODULE
#include <lua.h>

#include <lauxlib.h>
#define SECONDS 0.0 /* one span */
#else
#define SECONDS 0.01
#endif

#if defined(__AVX512F__)
enum { WIDTH = 16 };
#elif defined(__AVX__)
enum { WIDTH = 8 };
#else
enum { WIDTH = 4 };
#endif
typedef float Vector __attribute__((vector_size(4 * WIDTH)));

/* Twelve chains keep two units busy, each of four cycles; with x and y they fit
** into 16 registers. */
enum { CHAINS = 12, ROUNDS = 100000, MOST = 256 };

static double rate[MOST];
static volatile float sink;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void multiply_add(Vector x, Vector y) {
  Vector a[CHAINS];
  for (int i = 0; i < CHAINS; i++)
    a[i] = x + (float)i;
  for (int n = 0; n < ROUNDS; n++)
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++)
      a[i] = a[i] * x + y;
  for (int i = 1; i < CHAINS; i++)
    a[0] += a[i];
  sink = a[0][0];
}

/* Spans of half a millisecond, of which others may disturb some. */
static void *measure(void *place) {
  Vector x = {0}, y = {0};
  double begin = now(), best = 0, start, end;
  x += 0.999f, y += 0.5f;
  do {
    start = now();
    multiply_add(x, y);
    end = now();
    if (1 / (end - start) > best)
      best = 1 / (end - start);
  } while (end - begin < SECONDS);
  *(double *)place = 2.0 * WIDTH * CHAINS * ROUNDS * best / 1e9;
  return NULL;
}

/* The caller is one of the threads. */
static double peak(int threads) {
  pthread_t thread[MOST];
  double sum = 0;
  for (int i = 1; i < threads; i++)
    if (pthread_create(&thread[i], NULL, measure, &rate[i]) != 0)
      return 0;
  measure(&rate[0]);
  for (int i = 1; i < threads; i++)
    pthread_join(thread[i], NULL);
  for (int i = 0; i < threads; i++)
    sum += rate[i];
  return sum;
}

#ifdef LUA_MODULE
static int module_peak(lua_State *L) {
  lua_Integer threads = luaL_checkinteger(L, 1);
  luaL_argcheck(L, threads > 0 && threads <= MOST, 1, "number of threads");
  lua_pushnumber(L, peak((int)threads));
  return 1;
}

int luaopen_fma_peak(lua_State *L);
int luaopen_fma_peak(lua_State *L) {
  lua_pushcfunction(L, module_peak);
  return 1;
}
#else
int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1;
  char line[256];
  if (threads < 1 || threads > MOST)
    return 1;
  while (fgets(line, sizeof line, stdin)) {
    printf("%.1f\n", peak(threads));
    fflush(stdout);
  }
  return 0;
}
#endif
