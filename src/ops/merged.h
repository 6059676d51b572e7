/* Groups that are one loop: each number is read once and written once, and what
** lies between the ops stays in registers. For a few that models spend much time
** in, behind many pieces of memory that nobody has read for a while: the loop's
** streams are long, where those of strips end with each piece. The plan asks for
** it when it has made a group's tile program (plan/group_code.c); the numbers are
** those of the strips. */
#ifndef OPS_MERGED_H
#define OPS_MERGED_H

#include "graph/graph.h"
#include "kernels/tile.h"

enum { MERGED_OPS = 14, MERGED_LEAVES = 10, MERGED_RESULTS = 3 };

/* An op of the group; an input that is 0 or more is what that op gives, one that
** is less the leaf -1 - input. */
typedef struct MergedLink {
  const char *op;
  int in[3];
} MergedLink;

typedef struct MergedGroup {
  const MergedLink *link; /* each behind those that it reads */
  int n;
  int leaves, wide; /* the first are as large as the results, the others one
                       number each */
  int results, result[MERGED_RESULTS]; /* the links that give them */
  const TileLoop *loop; /* the set; it takes the leaves, then the results */
} MergedGroup;

/* A group that n ops are, in any order, with its leaves and the place of each link
** among the ops. */
typedef struct Merging {
  const MergedGroup *group; /* NULL: there is none */
  Val leaf[MERGED_LEAVES];
  int op[MERGED_OPS];
} Merging;

Merging merged_find(const Node *const *node, int n);

#endif
