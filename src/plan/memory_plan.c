/* Where each value lives. A value's life goes from the unit that makes it to
** the last that reads it; lives that do not meet share the arena. A result is
** made in the caller's memory, a new value of a variable in the variable,
** when nobody needs the old one any more. */

#include <stdlib.h>

#include "plan/calendar.h"
#include "plan/prog.h"

typedef struct Life {
  int root;        /* the value whose memory this is a view of */
  int first, last; /* units; of roots */
  int64_t bytes;
  int joined; /* the value whose place it takes over, or -1 */
  bool taken;  /* another has taken its place over */
  bool viewed; /* other values are views of it */
} Life;

typedef struct Placer {
  Prog *p;
  Life *life;
  int unit; /* the one that is looked at */
} Placer;

/* ---- lives -------------------------------------------------------------- */

/* What the first of two loops abreast reads is there until the second one ends,
** too. */
static int time_of_reads(const Placer *k) {
  return k->unit < k->p->nunits && k->p->abreast[k->unit] ? k->unit + 1
                                                          : k->unit;
}

/* And what the second one writes, from when the first one begins. */
static int time_of_results(const Placer *k) {
  return k->unit > 0 && k->p->abreast[k->unit - 1] ? k->unit - 1 : k->unit;
}

static void see_read(void *ud, int value) {
  Placer *k = ud;
  Life *root = &k->life[k->life[value].root];
  if (root->last < time_of_reads(k))
    root->last = time_of_reads(k);
}

static void start_life(Placer *k, int node) {
  const Node *n = k->p->node[node];
  for (int i = 0; i < n->nout; i++) {
    int v = k->p->first_value[node] + i;
    k->life[v] = (Life){v, -1, -1, type_bytes(&n->out[i].type), -1, false,
                        false};
  }
}

static void set_first(Placer *k, int node) {
  for (int i = 0; i < k->p->node[node]->nout; i++) {
    Life *l = &k->life[k->p->first_value[node] + i];
    l->first = time_of_results(k);
    if (l->last < time_of_reads(k))
      l->last = time_of_reads(k);
  }
}

/* The product is made where a result of its group will stand. */
static int anchor_host(const Prog *p, const Group *g) {
  for (int m = 0; m < g->n; m++)
    if (p->node[g->member[m]]->out[0].type.dtype == F32 &&
        p->escapes[g->member[m]])
      return g->member[m];
  return -1;
}

/* All that the units of a band read is there until the last of them is over, and
** then some, as no result of theirs may take its place; of what goes from one to
** the next, there is as much as there is room for. */
static void stretch_lives(Placer *k) {
  Prog *p = k->p;
  for (const Band *b = p->band; b < p->band + p->nbands; b++) {
    k->unit = b->unit[b->n - 1] + 1;
    for (int i = 0; i < b->n; i++)
      prog_unit_reads(p, p->unit[b->unit[i]], see_read, k);
    for (int i = 0; i + 1 < b->n; i++)
      k->life[prog_value(p, band_value(p, b, i))].bytes =
          b->rooms * b->room[i] * b->bytes[i];
  }
}

/* False when it was stopped. */
static bool find_lives(Placer *k) {
  Prog *p = k->p;
  int64_t offset;
  for (int i = 0; i < p->n; i++)
    start_life(k, i);
  for (k->unit = 0; k->unit < p->nunits; k->unit++) {
    if (watch_stopped(p->watch, p->error))
      return false;
    Unit u = p->unit[k->unit];
    if (u.node >= 0 && prog_view(p, u.node, &offset)) {
      int v = p->first_value[u.node];
      int source = prog_value(p, p->node[u.node]->in[0]);
      k->life[v].root = k->life[source].root;
      k->life[k->life[v].root].viewed = true;
      p->location[v].offset = p->location[source].offset + offset;
      continue; /* no step: its readers count */
    }
    prog_unit_reads(p, u, see_read, k);
    if (u.node >= 0) {
      set_first(k, u.node);
      continue;
    }
    Group *g = &p->groups[u.group];
    for (int m = 0; m < g->n; m++)
      if (p->escapes[g->member[m]]) /* the others live in registers */
        set_first(k, g->member[m]);
    if (g->anchor >= 0 && (g->host = anchor_host(p, g)) < 0)
      set_first(k, g->anchor);
  }
  k->unit = p->nunits;
  for (int i = 0; i < p->f->noutputs; i++)
    see_read(k, prog_value(p, p->out[i]));
  for (int i = 0; i < p->f->nbindings; i++)
    if (p->update[i].node)
      see_read(k, prog_value(p, p->update[i]));
  stretch_lives(k);
  return true;
}

/* ---- fixed places ------------------------------------------------------- */

static void place_leaves(Placer *k) {
  Prog *p = k->p;
  for (int i = 0; i < p->f->ninputs; i++)
    p->location[prog_value(p, p->in[i])].base = INPUT,
    p->location[prog_value(p, p->in[i])].index = i;
  for (int i = 0; i < p->f->nbindings; i++)
    p->location[prog_value(p, p->leaf[i])].base = VARIABLE,
    p->location[prog_value(p, p->leaf[i])].index = i;
  for (int i = 0; i < p->nprepared; i++)
    if (p->prepared[i].node->number >= 0)
      p->location[prog_value(p, p->prepared[i])] = (Location){PREPARED, i, 0};
  for (int i = 0; i < p->n; i++)
    if (node_is_value(p->node[i]))
      p->location[p->first_value[i]].base = CONSTANT,
      p->location[p->first_value[i]].index = i;
}

/* A value that a unit makes and that has no place yet. */
static bool is_free(const Placer *k, int value) {
  return k->life[value].first >= 0 && k->p->location[value].base == NOWHERE;
}

static void add_move(Prog *p, int value, Location to) {
  p->move[p->nmoves++] = (Move){value, to, -1};
}

static void place_outputs(Placer *k) {
  Prog *p = k->p;
  for (int i = 0; i < p->f->noutputs; i++) {
    int v = prog_value(p, p->out[i]), root = k->life[v].root;
    Location to = {OUTPUT, i, 0};
    if (is_free(k, root) && k->life[root].bytes == k->life[v].bytes)
      p->location[root] = to;
    else
      add_move(p, v, to);
  }
}

/* Whether the unit reads the variable as a tile program does: element by
** element, before it writes. */
typedef struct Reads {
  const Prog *p;
  const Life *life;
  int root;
  bool found;
} Reads;

static void see_root(void *ud, int value) {
  Reads *r = ud;
  r->found = r->found || r->life[value].root == r->root;
}

static bool operand_aligned(const Placer *k, const Node *n, Val v, int leaf) {
  const Prog *p = k->p;
  if (node_is_shape(v.node))
    return true;
  if (p->absorbed[prog_number(p, v.node)])
    return k->life[prog_value(p, prog_source(p, v))].root != leaf;
  return prog_value(p, v) != leaf ||
         type_elements(val_type(v)) == type_elements(&n->out[0].type);
}

static bool reads_aligned(const Placer *k, const Group *g, int leaf) {
  for (int m = 0; m < g->n; m++) {
    const Node *n = k->p->node[g->member[m]];
    for (int i = 0; i < n->nin; i++)
      if (!operand_aligned(k, n, n->in[i], leaf))
        return false;
  }
  return true;
}

/* Whether value v may be written over the memory of root `old` by the unit
** that makes it. */
static bool may_overwrite(const Placer *k, int v, int old) {
  const Prog *p = k->p;
  int at = k->life[v].first;
  Unit u = p->unit[at];
  if (k->life[old].last > at || k->life[old].bytes != k->life[v].bytes)
    return false;
  Reads r = {p, k->life, old, false};
  prog_unit_reads(p, u, see_root, &r);
  if (!r.found)
    return true;
  if (u.group < 0)
    return false;
  const Group *g = &p->groups[u.group];
  if (g->anchor >= 0) { /* the product still reads while parts are finished */
    Reads a = {p, k->life, old, false};
    prog_unit_reads(p, (Unit){g->anchor, -1}, see_root, &a);
    if (a.found ||
        (!g->in_place && g->host >= 0 && p->first_value[g->host] == v))
      return false;
  }
  return !k->life[old].viewed && reads_aligned(k, g, old);
}

/* The new value of a variable would be the product's place: it gets another,
** as the group reads the old value while it finishes the product. */
static void make_room(Placer *k, int v) {
  Unit u = k->p->unit[k->life[v].first];
  Group *g = u.group >= 0 ? &k->p->groups[u.group] : NULL;
  if (g == NULL || g->anchor < 0 || g->host < 0 || g->ends ||
      k->p->first_value[g->host] != v)
    return;
  g->host = -1;
  k->unit = k->life[v].first;
  set_first(k, g->anchor);
}

static void place_updates(Placer *k) {
  Prog *p = k->p;
  for (int i = 0; i < p->f->nbindings; i++) {
    if (p->update[i].node == NULL)
      continue;
    int v = prog_value(p, p->update[i]), old = prog_value(p, p->leaf[i]);
    Location to = {VARIABLE, i, 0};
    bool free = (p->passes & PASS_REUSE) && k->life[v].root == v &&
                is_free(k, v);
    if (free)
      make_room(k, v);
    if (free && may_overwrite(k, v, old))
      p->location[v] = to;
    else
      add_move(p, v, to);
  }
}

/* ---- the arena ---------------------------------------------------------- */

/* The product of an anchor is there before the group reads its operands. */
static bool is_product(const Prog *p, Unit u, int value) {
  const Group *g = &p->groups[u.group];
  return g->anchor >= 0 && p->first_value[g->anchor] == value;
}

/* The roots that a unit reads, each once. */
typedef struct Roots {
  const Life *life;
  int root[MAX_INPUTS], n;
} Roots;

static void note_root(void *ud, int value) {
  Roots *r = ud;
  int root = r->life[value].root;
  for (int i = 0; i < r->n; i++)
    if (r->root[i] == root)
      return;
  if (r->n < COUNT_OF(r->root))
    r->root[r->n++] = root;
}

/* Of two values the later one takes over: the other has its base already. */
static bool may_take_over(const Placer *k, int v, int old) {
  const Life *l = &k->life[old];
  return old < v && l->last == k->life[v].first && is_free(k, old) &&
         l->first < k->life[v].first && !l->taken && may_overwrite(k, v, old);
}

static void take_over(Placer *k, int v, int old) {
  int base = old; /* the first of the chain stands for all */
  while (k->life[base].joined >= 0)
    base = k->life[base].joined;
  k->life[v].joined = base;
  if (k->life[base].last < k->life[v].last)
    k->life[base].last = k->life[v].last;
  k->life[old].taken = true;
}

/* A result of a group takes over the place of an operand that dies with it. */
static void reuse_operands(Placer *k) {
  const Prog *p = k->p;
  Roots r = {.life = k->life};
  for (int v = 0; v < p->nvalues; v++) {
    if (k->life[v].root != v || !is_free(k, v))
      continue;
    Unit u = p->unit[k->life[v].first];
    if (u.group < 0 || is_product(p, u, v))
      continue;
    r.n = 0;
    prog_unit_reads(p, u, note_root, &r);
    int best = -1; /* the oldest */
    for (int i = 0; i < r.n; i++)
      if ((best < 0 || r.root[i] < best) && may_take_over(k, v, r.root[i]))
        best = r.root[i];
    if (best >= 0)
      take_over(k, v, best);
  }
}

static int by_size(const void *a, const void *b) {
  const Life *x = *(const Life *const *)a, *y = *(const Life *const *)b;
  if (x->bytes != y->bytes)
    return x->bytes < y->bytes ? 1 : -1;
  return x < y ? -1 : x > y;
}

static int64_t round_up(int64_t bytes) {
  return (bytes + 63) & ~(int64_t)63;
}

static bool put_all(Placer *k, Calendar *c, const Life **list, int n) {
  Prog *p = k->p;
  for (int i = 0; i < n; i++) {
    const Life *l = list[i];
    int64_t bytes = round_up(l->bytes);
    Stretch life = {l->first, l->last};
    int64_t at = bytes > 0 ? calendar_gap(c, life, bytes) : 0;
    p->location[l - k->life] = (Location){ARENA, 0, at};
    if (bytes > 0)
      calendar_take(c, life, (Span){at, at + bytes});
    if (at + bytes > p->arena)
      p->arena = at + bytes;
    if (c->failed || watch_stopped(p->watch, p->error))
      return false;
  }
  return true;
}

/* The large ones first, each in the lowest gap. */
static bool fill_arena(Placer *k) {
  Prog *p = k->p;
  Calendar c;
  const Life **list = mem_new(p->c.account, (size_t)p->nvalues + 1,
                              sizeof *list);
  int n = 0;
  for (int v = 0; list && v < p->nvalues; v++)
    if (k->life[v].root == v && is_free(k, v) && k->life[v].joined < 0)
      list[n++] = &k->life[v];
  bool ok = calendar_open(&c, p->c.account, p->nunits + 1) && list;
  if (ok && n > 0) {
    qsort(list, (size_t)n, sizeof *list, by_size);
    ok = put_all(k, &c, list, n);
  }
  calendar_close(&c);
  mem_free(list);
  for (int v = 0; ok && v < p->nvalues; v++)
    if (k->life[v].joined >= 0)
      p->location[v] = p->location[k->life[v].joined];
  return ok || fail_memory(p->error, "out of memory");
}

static void place_views(Placer *k) {
  for (int v = 0; v < k->p->nvalues; v++) {
    int root = k->life[v].root;
    if (root == v)
      continue;
    k->p->location[v].base = k->p->location[root].base;
    k->p->location[v].index = k->p->location[root].index;
    k->p->location[v].offset += k->p->location[root].offset;
  }
}

/* A variable that becomes the old value of another goes by a detour: that one
** may be written first. */
static void detour_moves(Prog *p) {
  for (int i = 0; i < p->nmoves; i++) {
    Move *m = &p->move[i];
    if (m->to.base != VARIABLE || p->location[m->value].base != VARIABLE)
      continue;
    m->via = p->arena;
    p->arena += round_up(type_bytes(
        &p->f->bindings[m->to.index].variable->tensor.type));
  }
}

static bool make_room_for_lists(Placer *k) {
  Prog *p = k->p;
  Account *a = p->c.account;
  size_t moves = (size_t)(p->f->noutputs + p->f->nbindings);
  p->first_value = mem_new(a, (size_t)p->n + 1, sizeof *p->first_value);
  for (int i = 0; p->first_value && i < p->n; i++) {
    p->first_value[i] = p->nvalues;
    p->nvalues += p->node[i]->nout;
  }
  p->location = mem_new(a, (size_t)p->nvalues + 1, sizeof *p->location);
  p->move = mem_new(a, moves + 1, sizeof *p->move);
  k->life = mem_new(a, (size_t)p->nvalues + 1, sizeof *k->life);
  return (p->first_value && p->location && p->move && k->life) ||
         fail_memory(p->error, "out of memory");
}

static bool locate(Placer *k) {
  if (!find_lives(k))
    return false;
  place_leaves(k);
  place_outputs(k);
  place_updates(k);
  if (k->p->passes & PASS_REUSE)
    reuse_operands(k);
  if (!fill_arena(k))
    return false;
  place_views(k);
  detour_moves(k->p);
  return true;
}

bool plan_memory(Prog *p) {
  Placer k = {.p = p};
  bool ok = make_room_for_lists(&k) && locate(&k);
  mem_free(k.life);
  return ok;
}
