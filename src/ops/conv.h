/* What the files of convolutions share. */
#ifndef OPS_CONV_H
#define OPS_CONV_H

#include "base/threads.h"
#include "ops/window.h"

/* Attributes: the walk's options; of the transposed one, three of them are
** resolved already, and `extra` cells that no window sees are at the end. */
enum { STRIDES, DILATION, BEFORE, AFTER, EXTRA };

/* ---- shapes (conv_shape.c) ---------------------------------------------- */

INLINE Attr kernel_size(const Type *k) {
  return attr_ints(k->rank > 2 ? k->rank - 2 : 0, k->dim);
}

INLINE Walk conv_walk(const Type *k, const Attr *attr) {
  Attr size = kernel_size(k);
  return walk_new(&size, attr);
}

/* That of the transposed one. */
Walk conv_walk_back(const Type *k, const Attr *attr);

/* What a convolution of x with k is. */
bool conv_type(Rule *r, const Type *x, const Type *k, const Walk *w, Type *y);

bool conv_shape(Rule *r);
bool conv_image_shape(Rule *r);
bool conv_kernel_shape(Rule *r);
bool conv_transpose_shape(Rule *r);

/* ---- the work (conv_tasks.c) -------------------------------------------- */

/* The convolution of images like x that gives images like y. */
Conv conv_of(const Walk *w, const Type *x, const Type *k, const Type *y);
/* That of a call; of a packed kernel an attribute has the sizes. */
Conv conv_of_call(const OpCall *s);

/* Attribute behind those of the walk: the sizes of a kernel that is packed. */
enum { KERNEL = WALK_ATTRS };
/* Convolution n by another op, which reads the kernel packed. */
Val conv_with_panels(Context *c, const Node *n, Val packed, const char *op);

INLINE Type kernel_like(const Attr *sizes) {
  return type_new(F32, sizes->n, sizes->i);
}

INLINE bool is_depthwise(const Conv *c) {
  return c->groups == c->w.channels && c->groups > 1;
}

INLINE int64_t image_pixels(const Conv *c) {
  return c->w.out[0] * c->w.out[1] * c->w.out[2];
}

enum { MOST_TASKS = 64, ENOUGH = 16 /* for a few threads */ };

/* Tasks that are worth it, up to so many. */
int64_t conv_worth_tasks(const Conv *c, int64_t most);

INLINE int64_t divide_up(int64_t n, int64_t by) {
  return (n + by - 1) / by;
}

/* As many parts as are wanted, but not more than fit. */
INLINE int64_t parts_of(int64_t wanted, int64_t most) {
  int64_t parts = wanted > most ? most : wanted;
  return parts < 1 ? 1 : parts;
}

/* Where part i of n begins that has panels of its own. */
INLINE int64_t columns_begin(int64_t n, int64_t i, int64_t parts) {
  return part_begin(n, i, parts, GEMM_COLUMNS);
}

/* Tasks: runs of bands, and parts of the filters when there are too few bands:
** each of those copies cells again, and finishes its part of each pixel. */
typedef struct Division {
  ConvBands bands;
  int64_t n, runs, parts;
} Division;

Division conv_divide(const Conv *c, ConvWay way);

/* Runs the epilogue on the pixels [p0, p1), the filters [f0, f1) of them. */
void conv_finish(const OpCall *s, const Run *r, int64_t filters, int64_t p0,
                 int64_t p1, int64_t f0, int64_t f1);

/* ---- a group for each channel (conv_depthwise.c) ------------------------- */

int64_t depthwise_tasks(const Conv *c);
void depthwise_run(const OpCall *s, const Run *r, const Conv *c, int64_t task);
/* The pixels [p0, p1), finished. */
void depthwise_pixels(const OpCall *s, const Run *r, const Conv *c, int64_t p0,
                      int64_t p1);
int64_t depthwise_image_tasks(const Conv *c);
void depthwise_image_run(const OpCall *s, const Run *r, const Conv *c,
                         int64_t task);
int64_t depthwise_kernel_tasks(const Conv *c);
void depthwise_kernel_run(const Run *r, const Conv *c, int64_t task);

/* ---- the largest of its pixels (conv_pool.c) ----------------------------- */

bool conv_pooled_shape(Rule *r);
int64_t conv_pooled_tasks(const OpCall *s);
int64_t conv_pooled_local(const OpCall *s);
int64_t conv_pooled_room(const OpCall *s);
void conv_pooled_begin(const OpCall *s, const Run *r);
void conv_pooled_run(const OpCall *s, const Run *r, int64_t task);
bool conv_pooled_prepare(Context *c, const Node *n, unsigned how, Val *y);
bool conv_join(Context *c, const Node *n, const Node *reader, Val *y);

/* ---- with fewer products (conv_winograd.c) ------------------------------- */

bool winograd_panels_shape(Rule *r);
void winograd_panels_run(const OpCall *s, const Run *r, int64_t task);
int64_t conv_winograd_tasks(const OpCall *s);
int64_t conv_winograd_local(const OpCall *s);
bool conv_winograd_ends(const OpCall *s, bool in_place);
void conv_winograd_run(const OpCall *s, const Run *r, int64_t task);
bool conv_winograd(Context *c, const Node *n, Val *y);
bool conv_image_prepare(Context *c, const Node *n, unsigned how, Val *y);

/* ---- the transposed one's panels (conv_transpose.c) ---------------------- */

bool conv_turned_panels_shape(Rule *r);
void conv_turned_panels_run(const OpCall *s, const Run *r, int64_t task);
bool conv_turned_shape(Rule *r);
bool conv_transpose_prepare(Context *c, const Node *n, unsigned how, Val *y);

/* ---- gradients (conv_gradient.c) ---------------------------------------- */

int64_t conv_image_tasks(const OpCall *s);
int64_t conv_image_local(const OpCall *s);
int64_t conv_image_room(const OpCall *s);
void conv_image_begin(const OpCall *s, const Run *r);
void conv_image_run(const OpCall *s, const Run *r, int64_t task);

int64_t conv_transpose_tasks(const OpCall *s);
int64_t conv_transpose_local(const OpCall *s);
int64_t conv_transpose_room(const OpCall *s);
void conv_transpose_begin(const OpCall *s, const Run *r);
void conv_transpose_run(const OpCall *s, const Run *r, int64_t task);

int64_t conv_kernel_tasks(const OpCall *s);
int64_t conv_kernel_local(const OpCall *s);
int64_t conv_kernel_room(const OpCall *s);
void conv_kernel_run(const OpCall *s, const Run *r, int64_t task);
void conv_kernel_end(const OpCall *s, const Run *r);

void conv_vjp(Context *c, const Node *n, const Val *dy, Val *dx);
void conv_image_vjp(Context *c, const Node *n, const Val *dy, Val *dx);
void conv_kernel_vjp(Context *c, const Node *n, const Val *dy, Val *dx);
void conv_transpose_vjp(Context *c, const Node *n, const Val *dy, Val *dx);

#endif
