/* Which old pixels a new one is made of. */

#include "taps.h"

#include <math.h>
#include <stdlib.h>

static const double pi = 3.14159265358979323846;

/* ---- kernels ------------------------------------------------------------ */

static double sinc(double x) {
  return x == 0 ? 1 : sin(pi * x) / (pi * x);
}

static double box(double x) {
  return x > -0.5 && x <= 0.5 ? 1 : 0;
}

static double triangle(double x) {
  return fabs(x) < 1 ? 1 - fabs(x) : 0;
}

static double hamming(double x) {
  return fabs(x) >= 1 ? 0 : sinc(x) * (0.54 + 0.46 * cos(pi * x));
}

/* Keys's, a = -0.5 */
static double cubic(double x) {
  x = fabs(x);
  return x < 1 ? (1.5 * x - 2.5) * x * x + 1
         : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

static double lanczos3(double x) {
  return fabs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static double lanczos5(double x) {
  return fabs(x) < 5 ? sinc(x) * sinc(x / 5) : 0;
}

static double gaussian(double x) {
  return fabs(x) < 1.5 ? exp(-2 * x * x) : 0;
}

/* Mitchell's and Netravali's, B = C = 1/3 */
static double mitchell(double x) {
  x = fabs(x);
  return x < 1 ? (7.0 / 6 * x - 2) * x * x + 8.0 / 9
         : x < 2 ? ((-7.0 / 18 * x + 2) * x - 10.0 / 3) * x + 16.0 / 9 : 0;
}

typedef struct Kernel {
  double radius;
  double (*weight)(double x);
} Kernel;

static const Kernel kernels[] = {
  [BILINEAR] = {1, triangle}, [BICUBIC] = {2, cubic}, [BOX] = {0.5, box},
  [HAMMING] = {1, hamming}, [LANCZOS] = {3, lanczos3},
  [LANCZOS3] = {3, lanczos3}, [LANCZOS5] = {5, lanczos5},
  [GAUSSIAN] = {1.5, gaussian}, [MITCHELL] = {2, mitchell}
};

/* ---- memory ------------------------------------------------------------- */

void taps_free(Taps *t) {
  free(t->first);
  free(t->count);
  free(t->weight);
  *t = (Taps){0};
}

static bool taps_new(Taps *t, int64_t to, int64_t most, Fault *why) {
  size_t n = (size_t)to;
  *t = (Taps){.to = to, .most = most};
  t->first = malloc(n * sizeof *t->first);
  t->count = malloc(n * sizeof *t->count);
  t->weight = malloc(n * (size_t)most * sizeof *t->weight);
  if (t->first && t->count && t->weight)
    return true;
  taps_free(t);
  return fault(why, "there is no memory for its weights");
}

static void normalise(double *weight, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++)
    sum += weight[i];
  for (int64_t i = 0; i < n && fabs(sum) > 1e-35; i++)
    weight[i] /= sum;
}

static int64_t clamp(int64_t v, int64_t least, int64_t most) {
  return v < least ? least : v > most ? most : v;
}

/* ---- PIL's rule --------------------------------------------------------- */

/* PIL adds the position up, but for 16 bits multiplies: their last bits differ,
** and that may pick another pixel. */
static void pil_nearest(Taps *t, int64_t from, int64_t begin, int64_t end,
                        bool adds) {
  double scale = (double)(end - begin) / (double)t->to;
  double sum = (double)begin + scale * 0.5;
  for (int64_t i = 0; i < t->to; i++, sum += scale) {
    double product = scale * ((double)i + 0.5) + (double)begin;
    t->first[i] = clamp((int64_t)floor(adds ? sum : product), 0, from - 1);
    t->count[i] = 1;
    t->weight[i] = 1;
  }
}

bool taps_of_pil(Taps *t, Method method, int64_t from, int64_t begin,
                 int64_t end, int64_t to, bool adds, Fault *why) {
  const Kernel *k = &kernels[method];
  double scale = (double)(end - begin) / (double)to;
  double width = scale < 1 ? 1 : scale, reach = k->radius * width;
  int64_t most = method == NEAREST ? 1 : (int64_t)ceil(reach) * 2 + 1;
  if (!taps_new(t, to, most, why))
    return false;
  if (method == NEAREST) {
    pil_nearest(t, from, begin, end, adds);
    return true;
  }
  for (int64_t i = 0; i < to; i++) {
    double centre = (double)begin + ((double)i + 0.5) * scale;
    int64_t first = clamp((int64_t)(centre - reach + 0.5), 0, from);
    int64_t last = clamp((int64_t)(centre + reach + 0.5), first, from);
    t->first[i] = first;
    t->count[i] = last - first < most ? last - first : most;
    for (int64_t j = 0; j < t->count[i]; j++)
      t->weight[i * most + j] =
          k->weight(((double)(j + first) - centre + 0.5) / width);
    normalise(t->weight + i * most, t->count[i]);
  }
  return true;
}

/* ---- TensorFlow's rule -------------------------------------------------- */

/* The weight of old pixel j for the middle `at`, counted in old ones from the
** middle of the first. Cubic weights come from a table of 1024 there. */
static double weight_at(Method method, double at, int64_t j) {
  if (method != BICUBIC)
    return kernels[method].weight((double)j - at);
  double low = floor(at), rest = nearbyint((at - low) * 1024) / 1024;
  return cubic((double)j - low - rest);
}

static void spread(Taps *t, Method method, int64_t from, int64_t i) {
  float scale = (float)from / (float)t->to;
  double at = (double)(((float)i + 0.5f) * scale - 0.5f);
  double radius = kernels[method].radius;
  int64_t first = clamp((int64_t)ceil(at - radius), 0, from - 1);
  int64_t last = clamp((int64_t)floor(at + radius), first, from - 1);
  t->first[i] = first;
  t->count[i] = last - first + 1 < t->most ? last - first + 1 : t->most;
  for (int64_t j = 0; j < t->count[i]; j++)
    t->weight[i * t->most + j] = weight_at(method, at, first + j);
  normalise(t->weight + i * t->most, t->count[i]);
}

static void tensorflow_nearest(Taps *t, int64_t from, int64_t i) {
  float scale = (float)from / (float)t->to;
  t->first[i] = clamp((int64_t)floorf(((float)i + 0.5f) * scale), 0, from - 1);
  t->count[i] = 1;
  t->weight[i] = 1;
}

/* Old pixels by how much of them lies in the new one. */
static void area(Taps *t, int64_t from, int64_t i) {
  float scale = (float)from / (float)t->to;
  float begin = (float)i * scale, end = (float)(i + 1) * scale;
  int64_t first = clamp((int64_t)floorf(begin), 0, from - 1);
  int64_t last = clamp((int64_t)ceilf(end), first + 1, from);
  t->first[i] = first;
  t->count[i] = last - first < t->most ? last - first : t->most;
  for (int64_t j = 0; j < t->count[i]; j++) {
    float left = (float)(first + j), right = left + 1;
    left = left < begin ? begin : left;
    right = right > end ? end : right;
    t->weight[i * t->most + j] = right > left ? (double)(right - left) : 0;
  }
  normalise(t->weight + i * t->most, t->count[i]);
}

bool taps_of_tensorflow(Taps *t, Method method, int64_t from, int64_t to,
                        Fault *why) {
  int64_t most = method == NEAREST ? 1 : method == AREA ? from / to + 3
                 : (int64_t)(2 * kernels[method].radius) + 2;
  if (!taps_new(t, to, most, why))
    return false;
  for (int64_t i = 0; i < to; i++) {
    if (method == NEAREST)
      tensorflow_nearest(t, from, i);
    else if (method == AREA)
      area(t, from, i);
    else
      spread(t, method, from, i);
  }
  return true;
}
