/* A block of elements on its way, shared by tasks: what differs between the ops
** that move is where the strides point. */

#include <string.h>

#include "kernels/kernels.h"
#include "ops/copy.h"

static void dense_strides(const Type *t, int64_t *stride) {
  int64_t n = 1;
  for (int i = t->rank - 1; i >= 0; i--) {
    stride[i] = n;
    n *= t->dim[i];
  }
}

Copy copy_new(const Type *y, const Type *x, const Type *region) {
  Copy k = {.rank = region->rank, .item = dtype_size((DType)y->dtype)};
  memcpy(k.dim, region->dim, sizeof k.dim);
  dense_strides(y, k.to);
  dense_strides(x, k.from);
  return k;
}

static int widest_axis(const Type *y) {
  int axis = 0;
  while (axis + 1 < y->rank && y->dim[axis] == 1)
    axis++;
  return axis;
}

int64_t copy_tasks(const OpCall *s) {
  enum { GRAIN = 1 << 18 };
  const Type *y = &s->out[0];
  int64_t tasks = type_bytes(y) / GRAIN;
  int64_t most = y->rank ? y->dim[widest_axis(y)] : 1;
  return tasks < 1 ? 1 : tasks > most ? most : tasks;
}

/* The task's share along the outermost axis that is not 1. */
void copy_part(const OpCall *s, Copy *k, void *y, const void *x, int64_t task) {
  if (k->rank > 0) {
    int axis = widest_axis(&s->out[0]);
    int64_t tasks = copy_tasks(s), n = k->dim[axis];
    int64_t first = n * task / tasks, last = n * (task + 1) / tasks;
    k->dim[axis] = last - first;
    y = (char *)y + first * k->to[axis] * k->item;
    x = (const char *)x + first * k->from[axis] * k->item;
  }
  ISA(copy_strided)(y, k->to, x, k->from, k->dim, k->rank, k->item);
}

