/* A block of elements on its way: the one loop behind all ops that move. */
#ifndef OPS_COPY_H
#define OPS_COPY_H

#include "graph/op.h"

/* Its sizes, and the strides in the target and in the source. */
typedef struct Copy {
  int rank, item;
  int64_t dim[MAX_RANK], to[MAX_RANK], from[MAX_RANK]; /* strides in items */
} Copy;

/* Moves a block of `region`'s shape; strides start as those of dense y, x. */
Copy copy_new(const Type *y, const Type *x, const Type *region);
/* A row's tasks, where the whole output is one block; copy_part does one. */
int64_t copy_tasks(const OpCall *s);
void copy_part(const OpCall *s, Copy *k, void *y, const void *x, int64_t task);

#endif
