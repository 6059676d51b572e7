/* How windows walk over an image (batch, 1 to 3 spatial axes, channels): what
** patches, convolutions and pooling read off their options. */
#ifndef OPS_WINDOW_H
#define OPS_WINDOW_H

#include "kernels/kernels.h"
#include "ops/build.h"

/* The options of a walk; each that is nil is 1, or 0 for the padding, and one
** number stands for all axes. same: padded so that out = ceil(in / stride),
** the odd cell at the end; else `before` and `after` say. */
typedef struct Walk {
  Attr size;
  const Attr *strides, *dilation, *same, *before, *after;
} Walk;

/* Rows give these options in this order. */
#define WALK_OPTIONS                                                  \
  "strides:ints=nil, dilation:ints=nil, same:bool=false, "            \
  "before:ints=nil, after:ints=nil"
enum { WALK_ATTRS = 5 };

INLINE Walk walk_new(const Attr *size, const Attr *options) {
  return (Walk){*size, options, options + 1, options + 2, options + 3,
                options + 4};
}

/* The option's number for spatial axis i. */
INLINE int64_t option_at(const Attr *a, int i, int64_t otherwise) {
  return a->kind == ATTR_NIL ? otherwise : a->i[a->n == 1 ? 0 : i];
}

/* The cells of an axis that a window spans. */
INLINE int64_t walk_reach(const Walk *w, int i) {
  return (option_at(&w->size, i, 1) - 1) * option_at(w->dilation, i, 1) + 1;
}

/* Windows along spatial axis i of n cells, and the padding before them. */
int64_t walk_length(const Walk *w, int i, int64_t n, int64_t *before);
/* False with the error when x is no image or the options do not fit it. */
bool walk_check(Rule *r, const Type *x, const Walk *w);
/* False with the error when a window is larger than the padded image. */
bool walk_check_room(Rule *r, const Type *x, const Walk *w, const char *name);
/* True when the image is x with zeros around its spatial axes: then x, and the
** options, of which there are WALK_ATTRS, for a walk over x that sees the same
** without the zeros. */
bool walk_unpad(Val image, const Attr *size, const Attr *options, Val *x,
                Attr *unpadded);
/* The walk over images of type x, for kernels. */
Window walk_window(const Walk *w, const Type *x);
/* From the lines [first, end) of the windows of images with two spatial axes to
** the lines of cells that they see. */
void window_lines(const Window *w, int64_t *first, int64_t *end);

#endif
