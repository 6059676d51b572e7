/* Memory of images, and one number of channels from another. The formulas are
** PIL's, to the bit. */

#include "pixels.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned char Byte;

bool fault(Fault *why, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(why->text, sizeof why->text, format, args);
  va_end(args);
  return false;
}

/* ---- memory ------------------------------------------------------------- */

size_t pixels_size(const Pixels *p) {
  return (size_t)p->height * (size_t)p->width * (size_t)p->channels *
         (size_t)(p->depth / 8);
}

bool pixels_new(Pixels *p, int64_t height, int64_t width, int channels,
                int depth, Fault *why) {
  *p = (Pixels){height, width, channels, depth, NULL};
  if (height < 1 || width < 1)
    return fault(why, "it has no pixels: %lld x %lld", (long long)width,
                 (long long)height);
  if (width > MOST_PIXELS / height)
    return fault(why, "%lld x %lld pixels are more than the %d that are read",
                 (long long)width, (long long)height, MOST_PIXELS);
  p->data = malloc(pixels_size(p));
  return p->data != NULL || fault(why, "there is no memory for %lld x %lld "
                                       "pixels", (long long)width,
                                  (long long)height);
}

void pixels_free(Pixels *p) {
  free(p->data);
  p->data = NULL;
}

/* ---- channels ----------------------------------------------------------- */

/* The brightness of a colour, as ITU-R 601-2 has it. */
static Byte luma(const Byte *c) {
  return (Byte)((c[0] * 19595 + c[1] * 38470 + c[2] * 7471 + 0x8000) >> 16);
}

static void convert_pixel(Byte *to, int wanted, const Byte *from, int had) {
  Byte alpha = had == 2 ? from[1] : had == 4 ? from[3] : 255;
  if (wanted == 1) {
    to[0] = had < 3 ? from[0] : luma(from);
    return;
  }
  for (int c = 0; c < 3; c++)
    to[c] = from[had < 3 ? 0 : c];
  if (wanted == 4)
    to[3] = alpha;
}

static Byte narrow(uint16_t v, Narrowing narrowing) {
  return narrowing == CHOPPED ? (Byte)(v >> 8) : v > 255 ? 255 : (Byte)v;
}

bool pixels_convert(Pixels *p, int channels, Narrowing narrowing, Fault *why) {
  bool stays = p->depth == 8 || (narrowing == WIDE && channels == 1);
  if (stays && p->channels == channels)
    return true;
  Pixels q;
  if (!pixels_new(&q, p->height, p->width, channels, 8, why))
    return false;
  Byte *to = q.data;
  int64_t n = p->height * p->width;
  for (int64_t i = 0; i < n; i++) {
    Byte low;
    const Byte *from = (const Byte *)p->data + i * p->channels;
    if (p->depth == 16) {
      low = narrow(((const uint16_t *)p->data)[i], narrowing);
      from = &low;
    }
    convert_pixel(to + i * channels, channels, from, p->channels);
  }
  pixels_free(p);
  *p = q;
  return true;
}

/* ---- alpha -------------------------------------------------------------- */

/* a * b / 255, rounded */
static Byte product(int a, int b) {
  int t = a * b + 128;
  return (Byte)(((t >> 8) + t) >> 8);
}

void pixels_premultiply(Pixels *p) {
  Byte *at = p->data, *end = at + pixels_size(p);
  for (; at < end; at += 4)
    for (int c = 0; c < 3; c++)
      at[c] = product(at[c], at[3]);
}

void pixels_unpremultiply(Pixels *p) {
  Byte *at = p->data, *end = at + pixels_size(p);
  for (; at < end; at += 4)
    for (int c = 0; c < 3 && at[3] != 0 && at[3] != 255; c++) {
      int v = 255 * at[c] / at[3];
      at[c] = v > 255 ? 255 : (Byte)v;
    }
}
