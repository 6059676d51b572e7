/* What the product of floats and that of whole numbers share. */
#ifndef OPS_PRODUCT_H
#define OPS_PRODUCT_H

#include "graph/op.h"

enum { TRANSPOSE_A, TRANSPOSE_B }; /* attributes of matmul */

/* Where item i of a broadcast batch lies in x, in matrices; y is the result */
INLINE int64_t batch_offset(const Type *x, const Type *y, int64_t i) {
  int64_t offset = 0, stride = 1;
  for (int axis = y->rank - 3; axis >= 0; axis--) {
    int own = axis - (y->rank - x->rank);
    int64_t at = i % y->dim[axis];
    i /= y->dim[axis];
    if (own < 0)
      continue;
    offset += x->dim[own] == 1 ? 0 : at * stride;
    stride *= x->dim[own];
  }
  return offset;
}

/* Matrices (m,k) . (k,n), one after the other, with b packed or not. */
typedef struct Matmul {
  int64_t batch, m, n, k;
  bool ta, tb, panels;
  bool packs; /* the panels are made before all tasks */
  int64_t row_parts, column_parts; /* of one product */
} Matmul;

Matmul product_geometry(const OpCall *s);
/* In the room if nobody settled it before. */
INLINE const Matmul *geometry_of(const OpCall *s, Matmul *room) {
  if (s->settled)
    return s->settled;
  *room = product_geometry(s);
  return room;
}

/* y = a . b with b packed, as an op's `prepare` says it; transpose: whether a
** and b are. False when there are no panels of such a matrix. */
bool product_prepare(Context *c, Val a, Val b, const Attr *transpose, Val *y);

/* matmul of int32 */
int64_t whole_product_tasks(const OpCall *s);
void whole_product_run(const OpCall *s, const Run *r, int64_t task);

#endif
