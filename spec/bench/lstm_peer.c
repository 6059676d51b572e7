/* The peer of the LSTM benchmark: the matrix products of LSTM(128) alone, by
** cblas_sgemm, as few and as large as the recurrence allows. A Lua module that
** returns times. */

#include <cblas.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *filled(int n) {
  float *x = aligned_alloc(64, ((size_t)n * sizeof *x + 63) / 64 * 64);
  for (int i = 0; i < n; i++)
    x[i] = 0.05f * ((float)rand() / (float)RAND_MAX - 0.5f);
  return x;
}

typedef struct Net {
  int b, t, f, u; /* batch, steps, features, units */
  float *x, *k, *r, *z, *h, *dk, *dr;
} Net;

/* z (t b, 4u) = x (t b, f) . k (f, 4u); then z_t += h (b, u) . r (u, 4u) */
static void forward(const Net *n) {
  int g = 4 * n->u;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n->t * n->b, g, n->f,
              1, n->x, n->f, n->k, g, 0, n->z, g);
  for (int t = 0; t < n->t; t++)
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n->b, g, n->u, 1,
                n->h + (size_t)t * (size_t)(n->b * n->u), n->u, n->r, g, 1,
                n->z + (size_t)t * (size_t)(n->b * g), g);
}

/* dh (b, u) = dz_t (b, 4u) . r'; dr = h' . dz; dk = x' . dz */
static void backward(const Net *n) {
  int g = 4 * n->u, rows = n->t * n->b;
  for (int t = n->t - 1; t >= 0; t--)
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n->b, n->u, g, 1,
                n->z + (size_t)t * (size_t)(n->b * g), g, n->r, g, 0,
                n->h + (size_t)t * (size_t)(n->b * n->u), n->u);
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n->u, g, rows, 1, n->h,
              n->u, n->z, g, 0, n->dr, g);
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n->f, g, rows, 1, n->x,
              n->f, n->z, g, 0, n->dk, g);
}

/* time(batch, steps, features, units, train, times) -> seconds of one */
static int peer_time(lua_State *L) {
  Net n = {.b = (int)luaL_checkinteger(L, 1), .t = (int)luaL_checkinteger(L, 2),
           .f = (int)luaL_checkinteger(L, 3), .u = (int)luaL_checkinteger(L, 4)};
  int train = lua_toboolean(L, 5), times = (int)luaL_checkinteger(L, 6);
  int g = 4 * n.u, rows = n.t * n.b;
  n.x = filled(rows * n.f);
  n.k = filled(n.f * g);
  n.r = filled(n.u * g);
  n.z = filled(rows * g);
  n.h = filled(rows * n.u);
  n.dk = filled(n.f * g);
  n.dr = filled(n.u * g);
  double start = 0;
  for (int i = -1; i < times; i++) {
    if (i == 0)
      start = now();
    forward(&n);
    if (train)
      backward(&n);
  }
  lua_pushnumber(L, (now() - start) / times);
  float *all[] = {n.x, n.k, n.r, n.z, n.h, n.dk, n.dr};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    free(all[i]);
  return 1;
}

__attribute__((visibility("default"))) int luaopen_lstm_peer(lua_State *L);

int luaopen_lstm_peer(lua_State *L) {
  static const luaL_Reg peer[] = {{"time", peer_time}, {NULL, NULL}};
  luaL_newlib(L, peer);
  return 1;
}
