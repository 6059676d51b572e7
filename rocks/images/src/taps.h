/* Which old pixels a new one is made of, along one axis.
**
** There are two rules of it. PIL's (Image.resize) makes the kernel as wide as the
** image shrinks, and takes its weights at the old pixels' middles; TensorFlow's
** (tf.image.resize with antialias=False) does not. */
#ifndef TAPS_H
#define TAPS_H

#include "pixels.h"

typedef enum Method {
  NEAREST, BILINEAR, BICUBIC, BOX, HAMMING, LANCZOS, /* of PIL */
  LANCZOS3, LANCZOS5, AREA, GAUSSIAN, MITCHELL       /* of TensorFlow, too */
} Method;

/* For new pixel i: `count[i]` old ones from `first[i]`, with the weights from
** i * most. */
typedef struct Taps {
  int64_t to, most;
  int64_t *first, *count;
  double *weight;
} Taps;

/* `to` new pixels of the part from `begin` to below `end` of `from` old ones.
** adds: whether the nearest are found by a sum, as PIL does for 8 bits. */
bool taps_of_pil(Taps *t, Method method, int64_t from, int64_t begin,
                 int64_t end, int64_t to, bool adds, Fault *why);

bool taps_of_tensorflow(Taps *t, Method method, int64_t from, int64_t to,
                        Fault *why);

void taps_free(Taps *t);

#endif
