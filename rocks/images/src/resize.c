/* Images in another size: first which pixels weigh how much (taps.h), then the
** sums, along one axis after the other. */

#include "resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned char Byte;

/* ---- PIL: bytes in fixed point ------------------------------------------ */

enum { POINT = 22 }; /* bits behind it: a sum of bytes has 8 before it and 2 more */

static int32_t fixed(double weight) {
  return (int32_t)(weight * (1 << POINT) + (weight < 0 ? -0.5 : 0.5));
}

static Byte whole(int64_t sum) {
  sum >>= POINT;
  return sum < 0 ? 0 : sum > 255 ? 255 : (Byte)sum;
}

static uint16_t rounded(double sum) {
  return sum <= 0 ? 0 : sum >= 65535 ? 65535 : (uint16_t)(sum + 0.5);
}

/* One new value of the n old ones, each `step` values after the other. */
static void mix(Pixels *to, size_t at, const Pixels *from, size_t first,
                size_t step, const double *weight, const int32_t *parts,
                int64_t n) {
  if (to->depth == 16) {
    double sum = 0;
    for (int64_t j = 0; j < n; j++)
      sum += ((const uint16_t *)from->data)[first + (size_t)j * step] *
             weight[j];
    ((uint16_t *)to->data)[at] = rounded(sum);
    return;
  }
  int64_t sum = 1 << (POINT - 1);
  for (int64_t j = 0; j < n; j++)
    sum += ((const Byte *)from->data)[first + (size_t)j * step] * parts[j];
  ((Byte *)to->data)[at] = whole(sum);
}

static void mix_columns(Pixels *to, const Pixels *from, const Taps *t,
                        const int32_t *parts) {
  size_t c = (size_t)from->channels;
  for (int64_t y = 0; y < to->height; y++)
    for (int64_t x = 0; x < to->width; x++)
      for (size_t i = 0; i < c; i++)
        mix(to, (size_t)(y * to->width + x) * c + i, from,
            (size_t)(y * from->width + t->first[x]) * c + i, c,
            t->weight + x * t->most, parts + x * t->most, t->count[x]);
}

static void mix_rows(Pixels *to, const Pixels *from, const Taps *t,
                     const int32_t *parts) {
  size_t row = (size_t)from->width * (size_t)from->channels;
  for (int64_t y = 0; y < to->height; y++)
    for (size_t i = 0; i < row; i++)
      mix(to, (size_t)y * row + i, from, (size_t)t->first[y] * row + i, row,
          t->weight + y * t->most, parts + y * t->most, t->count[y]);
}

/* p with one axis in another size. */
static bool along(Pixels *p, bool columns, const Taps *t, Fault *why) {
  Pixels q;
  if (!pixels_new(&q, columns ? p->height : t->to, columns ? t->to : p->width,
                  p->channels, p->depth, why))
    return false;
  int64_t n = t->to * t->most;
  int32_t *parts = malloc((size_t)n * sizeof *parts);
  bool well = parts != NULL || fault(why, "there is no memory for its weights");
  for (int64_t i = 0; well && i < t->to; i++)
    for (int64_t j = 0; j < t->count[i]; j++)
      parts[i * t->most + j] = fixed(t->weight[i * t->most + j]);
  if (well)
    (columns ? mix_columns : mix_rows)(&q, p, t, parts);
  free(parts);
  pixels_free(well ? p : &q);
  if (well)
    *p = q;
  return well;
}

/* The same, where it changes anything. */
static bool resize_axis(Pixels *p, bool columns, Method method, int64_t begin,
                        int64_t size, int64_t to, Fault *why) {
  Taps t;
  int64_t from = columns ? p->width : p->height;
  if (begin == 0 && size == from && to == from)
    return true;
  if (!taps_of_pil(&t, method, from, begin, begin + size, to, p->depth == 8,
                   why))
    return false;
  bool well = along(p, columns, &t, why);
  taps_free(&t);
  return well;
}

/* Colours of a transparent pixel say nothing, so PIL weighs them by alpha. */
bool resize_as_pil(Pixels *p, Part part, Method method, int64_t height,
                   int64_t width, Fault *why) {
  bool weighs = p->channels == 4 && method != NEAREST;
  if (height == p->height && width == p->width)
    return true;
  if (weighs)
    pixels_premultiply(p);
  if (!resize_axis(p, true, method, part.left, part.width, width, why) ||
      !resize_axis(p, false, method, part.top, part.height, height, why))
    return false;
  if (weighs)
    pixels_unpremultiply(p);
  return true;
}

/* ---- TensorFlow: float32 ------------------------------------------------ */

/* The largest part in the middle with the proportions wanted. */
static Part cropped(const Pixels *p, const Fit *f) {
  float h = (float)(p->width * f->height) / (float)f->width;
  float w = (float)(p->height * f->width) / (float)f->height;
  Part part = {.height = p->height, .width = p->width};
  if (f->crops && h < (float)p->height)
    part.height = h < 1 ? 1 : (int64_t)h;
  if (f->crops && w < (float)p->width)
    part.width = w < 1 ? 1 : (int64_t)w;
  part.top = (p->height - part.height) / 2;
  part.left = (p->width - part.width) / 2;
  return part;
}

/* Where in the new image the old one goes; what is beside it is 0. */
static Part placed(const Pixels *p, const Fit *f) {
  float h = (float)p->height / (float)f->height;
  float w = (float)p->width / (float)f->width;
  float ratio = w > h ? w : h;
  if (!f->pads)
    return (Part){0, 0, f->height, f->width};
  h = (float)p->height / ratio, w = (float)p->width / ratio;
  Part part = {
    .top = (int64_t)floorf(((float)f->height - h) / 2),
    .left = (int64_t)floorf(((float)f->width - w) / 2),
    .height = h < 1 ? 1 : (int64_t)h, .width = w < 1 ? 1 : (int64_t)w
  };
  part.top = part.top < 0 ? 0 : part.top;
  part.left = part.left < 0 ? 0 : part.left;
  return part;
}

/* Weighted rows of the part, added up: one row of width * channels floats. */
static void add_rows(float *row, const Pixels *p, Part part, const Taps *t,
                     int64_t y) {
  size_t n = (size_t)part.width * (size_t)p->channels;
  memset(row, 0, n * sizeof *row);
  for (int64_t j = 0; j < t->count[y]; j++) {
    float weight = (float)t->weight[y * t->most + j];
    int64_t at = (part.top + t->first[y] + j) * p->width + part.left;
    const Byte *old = (const Byte *)p->data + at * p->channels;
    for (size_t i = 0; i < n; i++)
      row[i] += weight * (float)old[i];
  }
}

typedef struct Steps { int64_t row, column, channel; } Steps;

static void add_columns(float *to, Steps s, const float *row, int channels,
                        const Taps *t) {
  for (int64_t x = 0; x < t->to; x++)
    for (int c = 0; c < channels; c++) {
      const double *weight = t->weight + x * t->most;
      const float *old = row + t->first[x] * channels + c;
      float sum = 0;
      for (int64_t j = 0; j < t->count[x]; j++)
        sum += (float)weight[j] * old[j * channels];
      to[x * s.column + c * s.channel] = sum;
    }
}

static bool resize_part(const Pixels *p, Part from, const Fit *f, Part into,
                        float *to, float *row, Fault *why) {
  Taps down = {0}, across = {0};
  int64_t c = p->channels;
  Steps s = f->channels_first ? (Steps){f->width, 1, f->height * f->width}
                              : (Steps){f->width * c, c, 1};
  bool well = taps_of_tensorflow(&down, f->method, from.height, into.height,
                                 why) &&
              taps_of_tensorflow(&across, f->method, from.width, into.width,
                                 why);
  for (int64_t y = 0; well && y < into.height; y++) {
    add_rows(row, p, from, &down, y);
    add_columns(to + (into.top + y) * s.row + into.left * s.column, s, row,
                p->channels, &across);
  }
  taps_free(&down);
  taps_free(&across);
  return well;
}

bool resize_as_tensorflow(const Pixels *p, const Fit *fit, float *to,
                          Fault *why) {
  Part from = cropped(p, fit), into = placed(p, fit);
  size_t n = (size_t)(from.width * p->channels);
  float *row = malloc(n * sizeof *row);
  if (row == NULL)
    return fault(why, "there is no memory for a row of it");
  if (fit->pads)
    memset(to, 0, (size_t)(fit->height * fit->width * p->channels) *
                      sizeof *to);
  bool well = resize_part(p, from, fit, into, to, row, why);
  free(row);
  return well;
}
