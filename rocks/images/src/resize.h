/* Images in another size. */
#ifndef RESIZE_H
#define RESIZE_H

#include "taps.h"

/* A part of an image: `height` rows from `top`, `width` columns from `left`. */
typedef struct Part { int64_t top, left, height, width; } Part;

/* The part of p, which becomes so large, as PIL does it: for load_img. */
bool resize_as_pil(Pixels *p, Part part, Method method, int64_t height,
                   int64_t width, Fault *why);

/* How the images of a dataset come to one size. */
typedef struct Fit {
  int64_t height, width;
  Method method;
  bool crops, pads;      /* so that the proportions stay; or neither */
  bool channels_first;
} Fit;

/* Writes an image of 8 bits as fit->height x fit->width float32 pixels, as
** TensorFlow does it: for image_dataset_from_directory. */
bool resize_as_tensorflow(const Pixels *p, const Fit *fit, float *to,
                          Fault *why);

#endif
