/* Which nodes run together. Elementwise nodes over the same domain join the
** group of what they read, as long as no path leaves a group and comes back;
** a product whose result only one group reads becomes its anchor. Then the
** order of the units. */

#include <stdlib.h>
#include <string.h>

#include "plan/prog.h"

/* ---- paths between units ------------------------------------------------ */

typedef struct Search {
  Prog *p;
  int *stamp; /* of each node: the search that saw it */
  int now;
  int *stack;
} Search;

static bool in_group(const Prog *p, int node, const int *wanted, int n) {
  int g = p->group[node];
  for (int i = 0; g >= 0 && i < n; i++)
    if (wanted[i] == g)
      return true;
  return false;
}

/* Whether `node`, or anything it needs, lies in one of the groups. */
static bool depends_on(Search *s, int node, const int *groups, int n) {
  Prog *p = s->p;
  int top = 0;
  if (s->stamp[node] == s->now)
    return false;
  s->stamp[node] = s->now;
  s->stack[top++] = node;
  while (top > 0) {
    int at = s->stack[--top], g = p->group[at];
    if (in_group(p, at, groups, n))
      return true;
    int members = g >= 0 ? p->groups[g].n : 1;
    for (int m = 0; m < members; m++) {
      const Node *x = p->node[g >= 0 ? p->groups[g].member[m] : at];
      for (int i = 0; i < x->nin; i++) {
        int k = prog_number(p, x->in[i].node);
        if (s->stamp[k] == s->now)
          continue;
        s->stamp[k] = s->now;
        s->stack[top++] = k;
      }
    }
  }
  return false;
}

/* ---- joining ------------------------------------------------------------ */

static bool fusible(const Prog *p, int node) {
  return (p->passes & PASS_FUSE) && p->node[node]->op->kind == ELEMENTWISE;
}

static bool same_domain(const Prog *p, int a, int b) {
  const Type *x = &p->node[a]->out[0].type, *y = &p->node[b]->out[0].type;
  return x->rank == y->rank && memcmp(x->dim, y->dim, sizeof x->dim) == 0;
}

/* Memory operands of the nodes together: what comes from outside, and at most
** every member as a result. */
static bool operands_fit(const Prog *p, const int *member, int n) {
  Val outside[TILE_OPERANDS];
  int count = 0;
  for (int m = 0; m < n; m++) {
    const Node *x = p->node[member[m]];
    for (int i = 0; i < x->nin; i++) {
      bool known = false;
      for (int k = 0; k < n; k++)
        known = known || p->node[member[k]] == x->in[i].node;
      for (int k = 0; k < count; k++)
        known = known || val_same(outside[k], x->in[i]);
      if (known)
        continue;
      if (count == TILE_OPERANDS)
        return false;
      outside[count++] = x->in[i];
    }
  }
  return true;
}

static int gather_members(const Prog *p, const int *groups, int n, int node,
                          int *member) {
  int count = 0;
  for (int g = 0; g < n; g++)
    for (int m = 0; m < p->groups[groups[g]].n; m++) {
      if (count >= GROUP_NODES - 1)
        return GROUP_NODES + 1;
      member[count++] = p->groups[groups[g]].member[m];
    }
  member[count++] = node;
  return count;
}

static int ascending(const void *a, const void *b) {
  return *(const int *)a - *(const int *)b;
}

/* Joins the groups and the node, when that makes no circle. */
static bool try_join(Search *s, const int *groups, int n, int node) {
  Prog *p = s->p;
  int member[GROUP_NODES + 1];
  int count = gather_members(p, groups, n, node, member);
  if (count > GROUP_NODES || !operands_fit(p, member, count))
    return false;
  s->now++;
  for (int m = 0; m < count; m++) {
    const Node *x = p->node[member[m]];
    for (int i = 0; i < x->nin; i++) {
      int k = prog_number(p, x->in[i].node);
      if (!in_group(p, k, groups, n) && depends_on(s, k, groups, n))
        return false;
    }
  }
  qsort(member, (size_t)count, sizeof *member, ascending);
  Group *g = &p->groups[groups[0]];
  for (int i = 1; i < n; i++)
    p->groups[groups[i]].n = 0;
  g->n = count;
  memcpy(g->member, member, (size_t)count * sizeof *member);
  for (int m = 0; m < count; m++)
    p->group[member[m]] = groups[0];
  return true;
}

static void join(Search *s, int node) {
  Prog *p = s->p;
  const Node *x = p->node[node];
  int groups[4], n = 0;
  for (int i = 0; i < x->nin && i < 4; i++) {
    int k = prog_number(p, x->in[i].node), g = p->group[k];
    bool known = g < 0 || !same_domain(p, k, node);
    for (int j = 0; j < n; j++)
      known = known || groups[j] == g;
    if (!known)
      groups[n++] = g;
  }
  if (n > 0 && try_join(s, groups, n, node))
    return;
  for (int i = n - 1; n > 1 && i >= 0; i--)
    if (try_join(s, &groups[i], 1, node))
      return;
  p->group[node] = p->ngroups;
  p->groups[p->ngroups++] = (Group){.n = 1, .member = {node}, .anchor = -1};
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

static bool attach(Prog *p) {
  int *readers = mem_new(p->c.account, 2 * (size_t)p->n + 1, sizeof *readers);
  if (readers == NULL)
    return fail_memory(p->error, "out of memory");
  count_readers(p, readers, readers + p->n);
  for (int i = 0; i < p->n; i++) {
    int g = readers[p->n + i];
    if (!(p->node[i]->op->traits & EPILOGUE) || readers[i] != 1 || g < 0 ||
        !same_domain(p, i, p->groups[g].member[0]))
      continue;
    p->groups[g].anchor = i; /* the last one stands */
  }
  mem_free(readers);
  return true;
}

/* ---- slices ------------------------------------------------------------- */

static bool is_slice(const Prog *p, int node) {
  const Node *n = p->node[node];
  int64_t offset;
  return strcmp(n->op->name, "slice_steps") == 0 &&
         !prog_view(p, node, &offset);
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

typedef struct Order {
  Prog *p;
  char *done; /* of each node */
} Order;

static void put(Order *o, int node);

static void put_inputs(Order *o, int node, int anchor) {
  const Node *x = o->p->node[node];
  for (int i = 0; i < x->nin; i++) {
    int k = prog_number(o->p, x->in[i].node);
    if (k == anchor)
      put_inputs(o, anchor, -1);
    else
      put(o, k);
  }
}

/* Inputs first. As deep as the longest chain that is not in order of
** creation, which groups alone make. */
static void put(Order *o, int node) {
  Prog *p = o->p;
  int g = p->group[node];
  if (o->done[node])
    return;
  if (g < 0) {
    o->done[node] = 1;
    put_inputs(o, node, -1);
    if (p->node[node]->op->kind != LEAF && !p->absorbed[node])
      p->unit[p->nunits++] = (Unit){node, -1};
    return;
  }
  for (int m = 0; m < p->groups[g].n; m++)
    o->done[p->groups[g].member[m]] = 1;
  for (int m = 0; m < p->groups[g].n; m++)
    put_inputs(o, p->groups[g].member[m], p->groups[g].anchor);
  p->unit[p->nunits++] = (Unit){-1, g};
}

static bool order(Prog *p) {
  Order o = {p, mem_new(p->c.account, (size_t)p->n + 1, 1)};
  char *anchors = mem_new(p->c.account, (size_t)p->n + 1, 1);
  p->unit = mem_new(p->c.account, (size_t)p->n + 1, sizeof *p->unit);
  if (o.done == NULL || p->unit == NULL || anchors == NULL) {
    mem_free(o.done);
    mem_free(anchors);
    return fail_memory(p->error, "out of memory");
  }
  for (int g = 0; g < p->ngroups; g++)
    if (p->groups[g].n > 0 && p->groups[g].anchor >= 0)
      anchors[p->groups[g].anchor] = 1;
  for (int i = 0; i < p->n; i++) /* what may fail comes before any update */
    if (p->node[i]->op->traits & FAULTS)
      put(&o, i);
  for (int i = 0; i < p->n; i++)
    if (!anchors[i])
      put(&o, i);
  mem_free(o.done);
  mem_free(anchors);
  return true;
}

/* ---- the pass ----------------------------------------------------------- */

bool fuse(Prog *p) {
  Search s = {.p = p};
  p->group = mem_new(p->c.account, (size_t)p->n + 1, sizeof *p->group);
  p->groups = mem_new(p->c.account, (size_t)p->n + 1, sizeof *p->groups);
  s.stamp = mem_new(p->c.account, (size_t)p->n + 1, sizeof *s.stamp);
  s.stack = mem_new(p->c.account, (size_t)p->n + 1, sizeof *s.stack);
  p->absorbed = mem_new(p->c.account, (size_t)p->n + 1, sizeof *p->absorbed);
  bool ok = p->group && p->groups && p->absorbed && s.stamp && s.stack;
  for (int i = 0; ok && i < p->n; i++)
    p->group[i] = -1;
  for (int i = 0; ok && i < p->n; i++)
    if (fusible(p, i))
      join(&s, i);
  mem_free(s.stamp);
  mem_free(s.stack);
  if (!ok)
    return fail_memory(p->error, "out of memory");
  if ((p->passes & PASS_ATTACH) && !attach(p))
    return false;
  absorb(p);
  return order(p);
}
