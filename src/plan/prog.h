/* The graph of one compilation, and what each pass adds to it. Between the
** files of the plan only. */
#ifndef PLAN_PROG_H
#define PLAN_PROG_H

#include "base/watch.h"
#include "plan/plan.h"

struct PlanStep;

enum { GROUP_NODES = TILE_REGISTERS };

/* Elementwise nodes of one domain that run as one tile program; the product
** before them, if it is theirs alone, is the anchor. */
typedef struct Group {
  int n, member[GROUP_NODES]; /* node numbers, each behind what it needs; n 0:
                                 merged away */
  int anchor;                 /* node number or -1 */
  int host; /* the member whose place the anchor's result takes, or -1 */
  bool ends;     /* the members are what follows (endings.c): */
  Ending ending; /* ... of the anchor, whose op does it, */
  Val plus[ENDING_PLUSES]; /* with these numbers; */
  bool in_place; /* ... even where it is stored over them */
} Group;

/* What runs as one step: a node, or a group. */
typedef struct Unit {
  int node, group; /* one of them is -1 */
} Unit;

typedef enum Base {
  NOWHERE, ARENA, INPUT, OUTPUT, VARIABLE, CONSTANT, PREPARED
} Base;

typedef struct Location {
  Base base;
  int index;      /* which input, output, variable ... */
  int64_t offset; /* in bytes */
} Location;

/* Bytes to move when all units have run. */
typedef struct Move {
  int value;
  Location to;
  int64_t via; /* where in the arena it waits until all are read, or -1 */
} Move;

/* Units whose steps follow one another and run a band at a time: some lines of
** the last one's result, from the first unit to the last (bands.c). Each task
** makes its part of those lines. Of what goes from unit to unit there is room
** for some, once for each task that is under way. */
enum { BAND_UNITS = 12 };
typedef struct Band {
  int unit[BAND_UNITS], n;
  int64_t lines, at_once; /* all of them; how many a band has */
  int64_t tasks, rooms;
  double work; /* of the largest task, as a share of what is needed */
  int64_t room[BAND_UNITS], bytes[BAND_UNITS]; /* lines; bytes of one */
} Band;

typedef struct Prog {
  Context c; /* of the new nodes */
  const Function *f;
  unsigned passes;
  Error *error;
  const Watch *watch; /* may stop the compilation; NULL: nobody does */
  Text *debug; /* where the stages go as text; may be NULL */
  /* all of this for the body of a loop; false with the error */
  bool (*compile_loop)(const struct Prog *p, struct PlanStep *loop);

  Node **node; /* needed ones, inputs first; each knows its number */
  int n;
  Val *in, *out, *leaf, *update; /* of inputs, outputs, variables; an update
                                    whose node is NULL: there is none */
  Val *prepared; /* leaves for what is computed of weights alone */
  int nprepared;
  int *group; /* of each node, -1: none */
  bool *absorbed; /* slices that only groups read: they read the source */
  bool *escapes;  /* members that somebody outside their group reads */
  Group *groups;
  int ngroups;
  Unit *unit;
  int nunits;
  bool *abreast; /* of each unit: a loop that runs at the same time as the next
                    unit, another one */
  Band *band; /* by their first units */
  int nbands;

  int *first_value; /* number of output 0 of each node */
  int nvalues;
  Location *location; /* of each value */
  Move *move;
  int nmoves;
  int64_t arena;
} Prog;

/* False with the error; must be closed all the same. */
bool prog_open(Prog *g, const Function *f, Account *account, unsigned passes,
               const Watch *watch, Error *e);
void prog_close(Prog *g);
INLINE int prog_number(const Prog *p, const Node *n) {
  (void)p;
  return n->number;
}
INLINE int prog_value(const Prog *p, Val v) {
  return p->first_value[prog_number(p, v.node)] + v.out;
}
/* Whether the node's first output is its first input's memory; offset in
** bytes. */
bool prog_view(const Prog *p, int node, int64_t *offset);
/* The same of a node that has no number yet. */
bool node_view(const Node *n, int64_t *offset);
/* What a node's first result is. */
INLINE const Type *prog_type(const Prog *p, int node) {
  return &p->node[node]->out[0].type;
}
/* Those of `all` that the results need become the nodes, in this order. */
bool prog_collect(Prog *p, Node *const *all, int n);

/* The call of a node as passes ask its op about it, before there are steps; the
** types go into `in`. False: it has more inputs than that. */
enum { CALL_INPUTS = 4 };
bool prog_call(const Node *n, Type in[CALL_INPUTS], OpCall *call);

/* Calls visit(ud, value) for each value that the unit reads (data, not sizes);
** a value that it reads twice may come twice. */
void prog_unit_reads(const Prog *p, Unit u,
                     void (*visit)(void *ud, int value), void *ud);
/* The value that a reader of `v` goes to: the source, if v is absorbed. */
INLINE Val prog_source(const Prog *p, Val v) {
  return p->absorbed[prog_number(p, v.node)] ? v.node->in[0] : v;
}

/* A value equal to v that is cheaper, or v (simplify.c). */
Val simplify(Prog *p, Val v);
/* v as a constant, if it is one. */
Val simplify_fold(Prog *p, Val v);
/* The float that v is, if it is a constant one. */
bool simplify_number(Val v, double *number);
/* Operands of op that need not be repeated, in place. */
void simplify_unrepeat(Prog *p, const Op *op, Val *x, int nin);

/* The passes, in order. False with the error. */
bool specialise(Prog *p, const Type *in); /* concrete types, simplify, share */
/* Scales of weights behind products go into their weights. */
bool fold(Prog *p);
/* What depends on weights alone becomes leaves, and a function of its own, which
** is the caller's; NULL: there is nothing. */
bool prepare(Prog *p, Function **made);
bool find_groups(Prog *p); /* elementwise nodes join; the beginning of fuse */
bool fuse(Prog *p);                       /* groups, anchors, order */
void find_endings(Prog *p); /* groups that a product does itself; of fuse, too */
/* Whether a member that adds to the node can be a group of its own with it, and
** so its ending. */
bool ending_splits(const Prog *p, int node, int member);
bool bring_abreast(Prog *p); /* loops that run at the same time (abreast.c) */
bool bands(Prog *p);                      /* what goes by lines together */
/* The value that the i-th unit of a band makes. */
Val band_value(const Prog *p, const Band *b, int i);
bool plan_memory(Prog *p);                /* where each value lives */

#endif
