/* From groups to tile programs. Between the files of the plan only. */
#ifndef PLAN_GROUP_CODE_H
#define PLAN_GROUP_CODE_H

#include "plan/prog.h"

/* The program of the group that is being built. */
typedef struct GroupCode {
  Prog *prog;
  const Group *group;
  const Type *domain;
  TileProgram program;
  Val outside[TILE_OPERANDS];
  TileRef at[GROUP_NODES]; /* where each member's result is */
  int out[GROUP_NODES];    /* the member of each result of the program */
  int last[GROUP_NODES];   /* the member that reads it last */
  int busy[TILE_REGISTERS]; /* ... what lies in each register */
  int *member;      /* of each node: its number in its group */
  const char *tail; /* what the last instruction does: an op, or a pair */
} GroupCode;

/* k->program is that of the group; `outside` is what it reads, `out` what it
** gives. Room in `member` is the caller's. */
void code_group(GroupCode *k, const Group *g);
/* Appends a node to a program; the error of g when there is no kernel for it. */
void code_add(Prog *g, TileProgram *p, const Node *n, const TileRef *in,
              TileRef y);
/* How an absorbed slice lies in its source: strides, and the first element. */
int64_t code_slice_part(const Node *n, int64_t *stride);

#endif
