/* The peer of the dense benchmarks: the same products by cblas_sgemm, bias and
** activation by hand, as a careful C programmer would write them. A Lua module
** that takes and returns times, so that both sides run in one process. */

#include <cblas.h>
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LAYERS = 3 };

typedef struct Net {
  int size[LAYERS + 1];
  float *w[LAYERS], *b[LAYERS];
} Net;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *filled(size_t n) {
  float *x = aligned_alloc(64, (n * sizeof *x + 63) / 64 * 64);
  for (size_t i = 0; i < n; i++)
    x[i] = 0.05f * ((float)rand() / (float)RAND_MAX - 0.5f);
  return x;
}

static void relu(float *y, const float *b, int m, int n) {
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++) {
      float v = y[(size_t)i * (size_t)n + (size_t)j] + b[j];
      y[(size_t)i * (size_t)n + (size_t)j] = v > 0 ? v : 0;
    }
}

static void softmax(float *y, const float *b, int m, int n) {
  for (int i = 0; i < m; i++, y += n) {
    float most = -INFINITY, sum = 0;
    for (int j = 0; j < n; j++) {
      y[j] += b[j];
      most = y[j] > most ? y[j] : most;
    }
    for (int j = 0; j < n; j++)
      sum += y[j] = expf(y[j] - most);
    for (int j = 0; j < n; j++)
      y[j] /= sum;
  }
}

static void forward(const Net *net, const float *x, float *const *y, int m) {
  for (int l = 0; l < LAYERS; l++) {
    int k = net->size[l], n = net->size[l + 1];
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1,
                l ? y[l - 1] : x, k, net->w[l], n, 0, y[l], n);
    if (l + 1 < LAYERS)
      relu(y[l], net->b[l], m, n);
    else
      softmax(y[l], net->b[l], m, n);
  }
}

/* The products of a train step: three forward, three for the weights, two for
** the inputs of layers (nobody needs that of the first). */
static void products(const Net *net, const float *x, float *const *y,
                     float *const *dw, int m) {
  for (int l = 0; l < LAYERS; l++)
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, net->size[l + 1],
                net->size[l], 1, l ? y[l - 1] : x, net->size[l], net->w[l],
                net->size[l + 1], 0, y[l], net->size[l + 1]);
  for (int l = LAYERS - 1; l >= 0; l--) {
    int k = net->size[l], n = net->size[l + 1];
    const float *in = l ? y[l - 1] : x;
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, k, n, m, 1, in, k,
                y[l], n, 0, dw[l], n);
    if (l > 0)
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, k, n, 1, y[l], n,
                  net->w[l], n, 0, y[l - 1], k);
  }
}

static int time_it(lua_State *L, int train) {
  int m = (int)luaL_checkinteger(L, 1), n = (int)luaL_checkinteger(L, 2);
  Net net = {{784, 512, 512, 10}, {0}, {0}};
  float *y[LAYERS], *dw[LAYERS], *x = filled((size_t)m * 784);
  for (int l = 0; l < LAYERS; l++) {
    net.w[l] = filled((size_t)net.size[l] * (size_t)net.size[l + 1]);
    net.b[l] = filled((size_t)net.size[l + 1]);
    y[l] = filled((size_t)m * (size_t)net.size[l + 1]);
    dw[l] = filled((size_t)net.size[l] * (size_t)net.size[l + 1]);
  }
  if (train)
    products(&net, x, y, dw, m);
  else
    forward(&net, x, y, m);
  double start = now();
  for (int i = 0; i < n; i++)
    if (train)
      products(&net, x, y, dw, m);
    else
      forward(&net, x, y, m);
  double each = (now() - start) / n;
  for (int l = 0; l < LAYERS; l++) {
    free(net.w[l]);
    free(net.b[l]);
    free(y[l]);
    free(dw[l]);
  }
  free(x);
  lua_pushnumber(L, each);
  return 1;
}

/* forward(batch, times) -> seconds of one */
static int peer_forward(lua_State *L) {
  return time_it(L, 0);
}

/* products(batch, times) -> seconds of one */
static int peer_products(lua_State *L) {
  return time_it(L, 1);
}

__attribute__((visibility("default"))) int luaopen_peer(lua_State *L);

int luaopen_peer(lua_State *L) {
  static const luaL_Reg peer[] = {
    {"forward", peer_forward}, {"products", peer_products}, {NULL, NULL}
  };
  luaL_newlib(L, peer);
  return 1;
}
