/* Groups: elementwise nodes over the same domain join the group of what they
** read, as long as no path leaves a group and comes back. The time is linear in
** the number of nodes: the units are kept in an order while groups grow, and a
** search for a path looks only at what stands between its ends. */

#include <stdlib.h>
#include <string.h>

#include "plan/prog.h"

/* ---- the order of units ------------------------------------------------- */

/* The units so far (a group, or a node alone) in an order in which each stands
** behind all that it needs. A unit is known by one of its nodes, its head.
** Leaves need nothing and stand nowhere. */
typedef struct Line {
  int *before, *after; /* neighbours of a head; n is the ring's start */
  int64_t *label;      /* grows along the line */
  int64_t step;        /* between two labels, at first */
} Line;

typedef struct Joiner {
  Prog *p;
  Line line;
  int *head;  /* of each group */
  int *stamp; /* of each head: the search that saw it */
  int now;
  int *enter, *size; /* of each node: its place in the tree, see grow_tree */
  int found[1]; /* heads that a search saw; LOOK of them */
} Joiner;

/* A search that saw so many units gives up: the node stays outside. */
enum { LOOK = 400 };

static void line_insert(Line *l, int head, int before) {
  int after = l->after[before];
  l->before[head] = before;
  l->after[head] = after;
  l->after[before] = l->before[after] = head;
}

static void line_remove(Line *l, int head) {
  l->after[l->before[head]] = l->after[head];
  l->before[l->after[head]] = l->before[head];
}

static void line_append(Line *l, int head, int n) {
  int last = l->before[n];
  line_insert(l, head, last);
  l->label[head] = (last == n ? 0 : l->label[last]) + l->step;
}

static void line_relabel(Line *l, int n) {
  int64_t label = 0;
  for (int at = l->after[n]; at != n; at = l->after[at])
    l->label[at] = label += l->step;
}

/* Moves the heads, which are in order, in front of `to`. They take the lower
** half of the gap, so that it is there for many more. */
static void line_move(Line *l, int n, const int *head, int count, int to) {
  for (int i = 0; i < count; i++)
    line_remove(l, head[i]);
  int at = l->before[to];
  int64_t low = at == n ? 0 : l->label[at];
  int64_t part = (l->label[to] - low) / (2 * ((int64_t)count + 1));
  for (int i = 0; i < count; i++) {
    line_insert(l, head[i], at);
    l->label[at = head[i]] = low += part;
  }
  if (part == 0)
    line_relabel(l, n);
}

/* ---- paths between units ------------------------------------------------ */

/* A tree of the nodes: each below the deepest of its inputs. What stands below
** a node needs it, which is seen without a search, far away too. */
static bool grow_tree(Joiner *j) {
  Prog *p = j->p;
  int *level = mem_new(p->c.account, (size_t)p->n + 1, sizeof *level);
  int *parent = mem_new(p->c.account, (size_t)p->n + 1, sizeof *parent);
  for (int i = 0; level && parent && i < p->n; i++) {
    parent[i] = -1;
    j->size[i] = 1;
    for (int k = 0; k < p->node[i]->nin; k++) {
      int x = prog_number(p, p->node[i]->in[k].node);
      if (level[x] >= level[i]) {
        level[i] = level[x] + 1;
        parent[i] = x;
      }
    }
  }
  for (int i = p->n - 1; level && parent && i >= 0; i--)
    if (parent[i] >= 0)
      j->size[parent[i]] += j->size[i];
  for (int i = 0, roots = 0; level && parent && i < p->n; i++) {
    int *next = parent[i] < 0 ? &roots : &level[parent[i]];
    j->enter[i] = *next; /* the level is not needed any more */
    *next += j->size[i];
    level[i] = j->enter[i] + 1;
  }
  bool ok = level && parent;
  mem_free(level);
  mem_free(parent);
  return ok || fail_memory(p->error, "out of memory");
}

static bool stands_below(const Joiner *j, int node, int above) {
  return j->enter[node] > j->enter[above] &&
         j->enter[node] < j->enter[above] + j->size[above];
}

static bool in_groups(const Prog *p, int node, const int *wanted, int n) {
  int g = p->group[node];
  for (int i = 0; g >= 0 && i < n; i++)
    if (wanted[i] == g)
      return true;
  return false;
}

static int head_of(const Joiner *j, int node) {
  int g = j->p->group[node];
  return g < 0 ? node : j->head[g];
}

/* The groups and the node that may become one group. */
typedef struct Union {
  const int *group;
  int n, node;
  int member[GROUP_NODES + 1], count;
  int first; /* the head of the groups that stands first in the line */
  int nfound;
} Union;

/* Notes the unit of a node that the union needs, unless it stands in front of
** all of it. False when it needs the union, or nobody knows. */
static bool see(Joiner *j, Union *u, int node) {
  const Prog *p = j->p;
  if (p->node[node]->nin == 0)
    return true;
  if (in_groups(p, node, u->group, u->n))
    return false;
  int head = head_of(j, node);
  if (j->stamp[head] == j->now || j->line.label[head] < j->line.label[u->first])
    return true;
  if (u->nfound == LOOK)
    return false;
  j->stamp[head] = j->now;
  j->found[u->nfound++] = head;
  return true;
}

static bool see_inputs(Joiner *j, Union *u, int head) {
  const Prog *p = j->p;
  int g = p->group[head], members = g < 0 ? 1 : p->groups[g].n;
  for (int m = 0; m < members; m++) {
    const Node *x = p->node[g < 0 ? head : p->groups[g].member[m]];
    for (int i = 0; i < x->nin; i++)
      if (!see(j, u, prog_number(p, x->in[i].node)))
        return false;
  }
  return true;
}

static bool stands_below_some(const Joiner *j, const Union *u, int node) {
  for (int m = 0; m < u->count; m++)
    if (stands_below(j, node, u->member[m]))
      return true;
  return false;
}

/* Whether a path leaves the union and comes back. If not, `found` is what
** it needs of the units behind its first group. */
static bool makes_circle(Joiner *j, Union *u) {
  const Prog *p = j->p;
  j->now++;
  u->nfound = 0;
  for (int m = 0; m < u->count; m++) {
    const Node *x = p->node[u->member[m]];
    for (int i = 0; i < x->nin; i++) {
      int k = prog_number(p, x->in[i].node);
      if (!in_groups(p, k, u->group, u->n) &&
          (stands_below_some(j, u, k) || !see(j, u, k)))
        return true;
    }
  }
  for (int i = 0; i < u->nfound; i++)
    if (!see_inputs(j, u, j->found[i]))
      return true;
  return false;
}

/* ---- joining ------------------------------------------------------------ */

static bool fusible(const Prog *p, int node) {
  return (p->passes & PASS_FUSE) && p->node[node]->op->kind == ELEMENTWISE;
}

/* Memory operands of the nodes together: what comes from outside, and at most
** every member as a result. */
static bool operands_fit(const Prog *p, const Union *u) {
  Val outside[TILE_OPERANDS];
  int count = 0;
  for (int m = 0; m < u->count; m++) {
    const Node *x = p->node[u->member[m]];
    for (int i = 0; i < x->nin; i++) {
      int number = prog_number(p, x->in[i].node);
      bool known = in_groups(p, number, u->group, u->n);
      for (int k = 0; k < count && !known; k++)
        known = val_same(outside[k], x->in[i]);
      if (known)
        continue;
      if (count == TILE_OPERANDS)
        return false;
      outside[count++] = x->in[i];
    }
  }
  return true;
}

/* False when they are too many. */
static bool gather_members(const Joiner *j, Union *u) {
  const Prog *p = j->p;
  u->count = 0;
  u->first = j->head[u->group[0]];
  for (int i = 0; i < u->n; i++) {
    const Group *g = &p->groups[u->group[i]];
    int head = j->head[u->group[i]];
    if (u->count + g->n >= GROUP_NODES)
      return false;
    memcpy(u->member + u->count, g->member, (size_t)g->n * sizeof *g->member);
    u->count += g->n;
    if (j->line.label[head] < j->line.label[u->first])
      u->first = head;
  }
  u->member[u->count++] = u->node;
  return true;
}

static int ascending(const void *a, const void *b) {
  return *(const int *)a - *(const int *)b;
}

static void sort_by_label(const Joiner *j, int *head, int n) {
  for (int gap = n / 2; gap > 0; gap /= 2)
    for (int i = gap; i < n; i++) {
      int x = head[i], k = i;
      for (; k >= gap && j->line.label[head[k - gap]] > j->line.label[x];
           k -= gap)
        head[k] = head[k - gap];
      head[k] = x;
    }
}

/* One group of it all, in the place of the first; what it needs of the units
** behind that goes in front of it. */
static void unite(Joiner *j, Union *u) {
  Prog *p = j->p;
  sort_by_label(j, j->found, u->nfound);
  line_move(&j->line, p->n, j->found, u->nfound, u->first);
  for (int i = 0; i < u->n; i++)
    if (j->head[u->group[i]] != u->first)
      line_remove(&j->line, j->head[u->group[i]]);
  for (int i = 1; i < u->n; i++)
    p->groups[u->group[i]].n = 0;
  qsort(u->member, (size_t)u->count, sizeof *u->member, ascending);
  Group *g = &p->groups[u->group[0]];
  g->n = u->count;
  memcpy(g->member, u->member, (size_t)u->count * sizeof *u->member);
  for (int m = 0; m < u->count; m++)
    p->group[u->member[m]] = u->group[0];
  j->head[u->group[0]] = u->first;
}

/* Joins the groups and the node, when that makes no circle. */
static bool try_join(Joiner *j, const int *groups, int n, int node) {
  Union u = {.group = groups, .n = n, .node = node};
  if (!gather_members(j, &u) || !operands_fit(j->p, &u) ||
      makes_circle(j, &u))
    return false;
  unite(j, &u);
  return true;
}

static void join(Joiner *j, int node) {
  Prog *p = j->p;
  const Node *x = p->node[node];
  int groups[4], n = 0;
  for (int i = 0; i < x->nin && i < 4; i++) {
    int k = prog_number(p, x->in[i].node), g = p->group[k];
    bool known = g < 0 || !type_same_sizes(prog_type(p, k), prog_type(p, node));
    for (int m = 0; m < n; m++)
      known = known || groups[m] == g;
    if (!known)
      groups[n++] = g;
  }
  if (n > 0 && try_join(j, groups, n, node))
    return;
  for (int i = n - 1; n > 1 && i >= 0; i--)
    if (try_join(j, &groups[i], 1, node))
      return;
  p->group[node] = p->ngroups;
  j->head[p->ngroups] = node;
  p->groups[p->ngroups++] = (Group){.n = 1, .member = {node}, .anchor = -1};
  line_append(&j->line, node, p->n);
}

static bool joiner_open(Joiner *j, Prog *p) {
  Account *a = p->c.account;
  size_t n = (size_t)p->n + 1;
  j->p = p;
  j->line.before = mem_new(a, n, sizeof(int));
  j->line.after = mem_new(a, n, sizeof(int));
  j->line.label = mem_new(a, n, sizeof(int64_t));
  j->head = mem_new(a, n, sizeof(int));
  j->stamp = mem_new(a, n, sizeof(int));
  j->enter = mem_new(a, n, sizeof(int));
  j->size = mem_new(a, n, sizeof(int));
  if (!j->line.before || !j->line.after || !j->line.label || !j->head ||
      !j->stamp || !j->enter || !j->size)
    return fail_memory(p->error, "out of memory");
  j->line.before[p->n] = j->line.after[p->n] = p->n;
  j->line.step = INT64_MAX / 2 / (int64_t)n;
  return grow_tree(j);
}

static void joiner_close(Joiner *j) {
  mem_free(j->line.before);
  mem_free(j->line.after);
  mem_free(j->line.label);
  mem_free(j->head);
  mem_free(j->stamp);
  mem_free(j->enter);
  mem_free(j->size);
  mem_free(j);
}

bool find_groups(Prog *p) {
  Joiner *j = mem_new(p->c.account, 1, sizeof *j + LOOK * sizeof *j->found);
  if (j == NULL)
    return fail_memory(p->error, "out of memory");
  bool ok = joiner_open(j, p);
  for (int i = 0; ok && i < p->n; i++) {
    if (watch_stopped(p->watch, p->error))
      ok = false;
    else if (fusible(p, i))
      join(j, i);
    else if (p->node[i]->nin > 0)
      line_append(&j->line, i, p->n);
  }
  joiner_close(j);
  return ok;
}
