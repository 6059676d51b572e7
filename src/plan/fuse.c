/* Which nodes run together, and in what order. Elementwise nodes have joined
** groups (groups.c); a product whose result only one group reads becomes its
** anchor, and a slice that only groups read costs no step. Then the order of
** the units. */

#include <string.h>

#include "plan/prog.h"

/* Which members somebody outside their group reads. */
static void find_escapes(Prog *p) {
  for (int i = 0; i < p->n; i++)
    for (int k = 0; k < p->node[i]->nin; k++) {
      int x = prog_number(p, p->node[i]->in[k].node);
      if (p->group[i] < 0 || p->group[x] != p->group[i])
        p->escapes[x] = true;
    }
  for (int i = 0; i < p->f->noutputs; i++)
    p->escapes[prog_number(p, p->out[i].node)] = true;
  for (int i = 0; i < p->f->nbindings; i++)
    if (p->update[i].node)
      p->escapes[prog_number(p, p->update[i].node)] = true;
}

/* ---- the order of members ----------------------------------------------- */

static bool is_member(const Group *g, int node) {
  for (int m = 0; m < g->n; m++)
    if (g->member[m] == node)
      return true;
  return false;
}

static bool is_read_inside(const Prog *p, const Group *g, int node) {
  for (int m = 0; m < g->n; m++)
    for (int i = 0; i < p->node[g->member[m]]->nin; i++)
      if (prog_number(p, p->node[g->member[m]]->in[i].node) == node)
        return true;
  return false;
}

/* Appends the node, and before it what it needs of its group. */
static void append_member(const Prog *p, Group *lined, int node) {
  if (is_member(lined, node))
    return;
  for (int i = 0; i < p->node[node]->nin; i++) {
    int x = prog_number(p, p->node[node]->in[i].node);
    if (p->group[x] == p->group[node])
      append_member(p, lined, x);
  }
  lined->member[lined->n++] = node;
}

/* Each member right behind what it needs: then it is rather one instruction
** with the one before, and fewer registers are in use. */
static void line_up(Prog *p) {
  for (int i = 0; i < p->ngroups; i++) {
    Group *g = &p->groups[i], lined = *g;
    lined.n = 0;
    for (int m = 0; m < g->n; m++)
      if (!is_read_inside(p, g, g->member[m]))
        append_member(p, &lined, g->member[m]);
    *g = lined;
  }
}

/* ---- anchors ------------------------------------------------------------ */

/* Readers of each node outside its group; a result counts as one. */
static void count_readers(const Prog *p, int *readers, int *reader_group) {
  for (int i = 0; i < p->n; i++) {
    readers[i] = 0;
    reader_group[i] = -2;
  }
  for (int i = 0; i < p->n; i++)
    for (int k = 0; k < p->node[i]->nin; k++) {
      int x = prog_number(p, p->node[i]->in[k].node);
      if (reader_group[x] != p->group[i] || p->group[i] < 0)
        readers[x]++;
      reader_group[x] = p->group[i];
    }
  for (int i = 0; i < p->f->noutputs; i++)
    readers[prog_number(p, p->out[i].node)] += 2;
  for (int i = 0; i < p->f->nbindings; i++)
    if (p->update[i].node)
      readers[prog_number(p, p->update[i].node)] += 2;
}

static bool reads(const Node *n, const Node *x) {
  for (int i = 0; i < n->nin; i++)
    if (n->in[i].node == x)
      return true;
  return false;
}

/* The member that reads the node gets a group of its own with it, if it does not
** read the next one as well. */
static void split_off(Prog *p, int node, int next, int group) {
  Group *from = &p->groups[group], *to = &p->groups[p->ngroups];
  for (int m = 0; m < from->n; m++) {
    int member = from->member[m];
    if (!ending_splits(p, node, member) ||
        reads(p->node[member], p->node[next]))
      continue;
    *to = (Group){.n = 1, .member = {member}, .anchor = node, .host = -1};
    p->group[member] = p->ngroups++;
    from->n--;
    memmove(from->member + m, from->member + m + 1,
            (size_t)(from->n - m) * sizeof *from->member);
    return;
  }
}

static bool attach(Prog *p) {
  int *readers = mem_new(p->c.account, 2 * (size_t)p->n + 1, sizeof *readers);
  if (readers == NULL)
    return fail_memory(p->error, "out of memory");
  count_readers(p, readers, readers + p->n);
  for (int i = 0; i < p->n; i++) {
    int g = readers[p->n + i];
    if (!(p->node[i]->op->traits & EPILOGUE) || readers[i] != 1 || g < 0 ||
        !type_same_sizes(prog_type(p, i),
                         prog_type(p, p->groups[g].member[0])))
      continue;
    if (p->groups[g].anchor >= 0) /* the last one stands */
      split_off(p, p->groups[g].anchor, i, g);
    p->groups[g].anchor = i;
  }
  mem_free(readers);
  return true;
}

/* ---- slices ------------------------------------------------------------- */

static bool is_slice(const Prog *p, int node) {
  const Node *n = p->node[node];
  int64_t offset;
  return n->op->role == SLICES && !prog_view(p, node, &offset);
}

/* A slice whose readers are all in groups costs no step: they read the source
** in strides. */
static void absorb(Prog *p) {
  if (!(p->passes & PASS_ATTACH))
    return;
  for (int i = 0; i < p->n; i++)
    p->absorbed[i] = is_slice(p, i);
  for (int i = 0; i < p->n; i++)
    for (int k = 0; k < p->node[i]->nin; k++) {
      int x = prog_number(p, p->node[i]->in[k].node);
      if (p->group[i] < 0 && !op_shape_only(p->node[i]->op, k))
        p->absorbed[x] = false;
    }
  for (int i = 0; i < p->f->noutputs; i++)
    p->absorbed[prog_number(p, p->out[i].node)] = false;
  for (int i = 0; i < p->f->nbindings; i++)
    if (p->update[i].node)
      p->absorbed[prog_number(p, p->update[i].node)] = false;
}

/* ---- order -------------------------------------------------------------- */

/* A unit whose inputs are being put, one after the other. */
typedef struct Frame {
  int node, group;   /* group -1: the node alone */
  int member, input; /* the next one */
  bool is_unit;      /* false: a product, whose unit is its group's */
} Frame;

typedef struct Order {
  Prog *p;
  char *done, *anchor; /* of each node */
  Frame *frame; /* a list, not recursion: chains of units are long */
  int depth;
} Order;

static void push(Order *o, int node, int group, bool is_unit) {
  o->frame[o->depth++] = (Frame){node, group, 0, 0, is_unit};
}

static void begin(Order *o, int node) {
  const Prog *p = o->p;
  int g = p->group[node];
  if (o->done[node])
    return;
  o->done[node] = 1;
  for (int m = 0; g >= 0 && m < p->groups[g].n; m++)
    o->done[p->groups[g].member[m]] = 1;
  push(o, node, g, true);
}

static void end(Order *o) {
  Prog *p = o->p;
  Frame f = o->frame[--o->depth];
  if (!f.is_unit)
    return;
  if (f.group >= 0)
    p->unit[p->nunits++] = (Unit){-1, f.group};
  else if (p->node[f.node]->op->kind != LEAF && !p->absorbed[f.node])
    p->unit[p->nunits++] = (Unit){f.node, -1};
}

/* Puts the unit of the node behind all that it needs. */
static void put(Order *o, int node) {
  const Prog *p = o->p;
  begin(o, node);
  while (o->depth > 0) {
    Frame *f = &o->frame[o->depth - 1];
    const Group *g = f->group >= 0 ? &p->groups[f->group] : NULL;
    if (f->member == (g ? g->n : 1)) {
      end(o);
      continue;
    }
    const Node *x = p->node[g ? g->member[f->member] : f->node];
    if (f->input == x->nin) {
      f->member++;
      f->input = 0;
      continue;
    }
    int k = prog_number(p, x->in[f->input++].node);
    if (g && k == g->anchor)
      push(o, k, -1, false);
    else
      begin(o, k);
  }
}

static void put_all(Order *o) {
  const Prog *p = o->p;
  for (int g = 0; g < p->ngroups; g++)
    if (p->groups[g].n > 0 && p->groups[g].anchor >= 0)
      o->anchor[p->groups[g].anchor] = 1;
  /* what may fail comes before any update; what waits, behind the others */
  for (unsigned waits = 0; waits <= WAITS; waits += WAITS)
    for (int i = 0; i < p->n; i++)
      if ((p->node[i]->op->traits & (FAULTS | WAITS)) == (FAULTS | waits))
        put(o, i);
  /* what is made of variables alone, result by result: what one of them needed
     is over when the next one is made */
  for (int i = 0; p->f->ninputs == 0 && i < p->f->noutputs; i++)
    if (!o->anchor[prog_number(p, p->out[i].node)])
      put(o, prog_number(p, p->out[i].node));
  for (int i = 0; i < p->n; i++)
    if (!o->anchor[i])
      put(o, i);
}

static bool order(Prog *p) {
  Account *a = p->c.account;
  size_t n = (size_t)p->n + 1;
  Order o = {p, mem_new(a, n, 1), mem_new(a, n, 1),
             mem_new(a, n, sizeof *o.frame), 0};
  p->unit = mem_new(a, n, sizeof *p->unit);
  bool ok = o.done && o.anchor && o.frame && p->unit;
  if (ok)
    put_all(&o);
  mem_free(o.done);
  mem_free(o.anchor);
  mem_free(o.frame);
  return ok || fail_memory(p->error, "out of memory");
}

/* ---- the pass ----------------------------------------------------------- */

bool fuse(Prog *p) {
  Account *a = p->c.account;
  size_t n = (size_t)p->n + 1;
  p->group = mem_new(a, n, sizeof *p->group);
  p->groups = mem_new(a, n, sizeof *p->groups);
  p->absorbed = mem_new(a, n, sizeof *p->absorbed);
  p->escapes = mem_new(a, n, sizeof *p->escapes);
  if (!p->group || !p->groups || !p->absorbed || !p->escapes)
    return fail_memory(p->error, "out of memory");
  for (int i = 0; i < p->n; i++)
    p->group[i] = -1;
  if (!find_groups(p) || ((p->passes & PASS_ATTACH) && !attach(p)))
    return false;
  line_up(p);
  find_escapes(p);
  absorb(p);
  find_endings(p);
  return order(p);
}
