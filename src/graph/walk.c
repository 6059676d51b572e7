/* Maps from nodes to numbers, and the walk that finds what a value needs. The
** map is an open hash table of pointers, at most half full. The walk is a list
** that grows while it is read, not recursion: graphs are deep. */

#include <stdlib.h>

#include "graph/graph.h"

static size_t hash(const void *n, int size) {
  return ((uintptr_t)n >> 4) * (uintptr_t)0x9e3779b97f4a7c15 >> 20 &
         (size_t)(size - 1);
}

static int *slot(const NodeMap *m, const void *n) {
  size_t i = hash(n, m->size);
  while (m->key[i] && m->key[i] != n)
    i = (i + 1) & (size_t)(m->size - 1);
  if (m->key[i] == NULL)
    m->key[i] = n, m->value[i] = -1;
  return &m->value[i];
}

static bool grow(NodeMap *m) {
  NodeMap old = *m;
  m->size = old.size ? 2 * old.size : 64;
  m->key = mem_new(m->account, (size_t)m->size, sizeof *m->key);
  m->value = mem_new(m->account, (size_t)m->size, sizeof *m->value);
  if (m->key == NULL || m->value == NULL) {
    mem_free(m->key);
    mem_free(m->value);
    *m = old;
    return false;
  }
  for (int i = 0; i < old.size; i++)
    if (old.key[i])
      *slot(m, old.key[i]) = old.value[i];
  mem_free(old.key);
  mem_free(old.value);
  return true;
}

int *nodemap_at(NodeMap *m, const void *n) {
  if (2 * m->used >= m->size && !grow(m))
    return NULL;
  int *v = slot(m, n);
  if (*v == -1)
    m->used++;
  return v;
}

int nodemap_get(const NodeMap *m, const void *n) {
  if (m->size == 0)
    return -1;
  size_t i = hash(n, m->size);
  while (m->key[i] && m->key[i] != n)
    i = (i + 1) & (size_t)(m->size - 1);
  return m->key[i] ? m->value[i] : -1;
}

void nodemap_free(NodeMap *m) {
  mem_free(m->key);
  mem_free(m->value);
  *m = (NodeMap){.account = m->account};
}

/* Inputs are created before what is made of them: this order is topological. */
static int by_seq(const void *a, const void *b) {
  const Node *x = *(Node *const *)a, *y = *(Node *const *)b;
  return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* Each node into the place of its creation number, when these are close
** together as those of a trace are; false: they are not. */
static bool sort_by_place(Account *a, Node **list, int n) {
  uint64_t first = UINT64_MAX, last = 0;
  for (int i = 0; i < n; i++) {
    first = list[i]->seq < first ? list[i]->seq : first;
    last = list[i]->seq > last ? list[i]->seq : last;
  }
  if (n < 64 || last - first >= 8 * (uint64_t)n)
    return false;
  size_t places = (size_t)(last - first + 1);
  Node **place = mem_new(a, places, sizeof *place);
  bool ok = place != NULL;
  for (int i = 0; ok && i < n; i++) {
    Node **at = &place[list[i]->seq - first];
    ok = *at == NULL; /* numbers of another state may be the same */
    *at = list[i];
  }
  for (size_t i = 0, k = 0; ok && i < places; i++)
    if (place[i])
      list[k++] = place[i];
  mem_free(place);
  return ok;
}

typedef struct Found {
  Account *account;
  Node **list;
  int n, size;
  NodeMap seen;
} Found;

static bool visit(Found *f, Node *n) {
  int *mark = nodemap_at(&f->seen, n);
  if (mark == NULL)
    return false;
  if (*mark != -1)
    return true;
  if (f->n == f->size) {
    int size = f->size ? 2 * f->size : 64;
    Node **grown = mem_resize(f->account, f->list, (size_t)size, sizeof *grown);
    if (grown == NULL)
      return false;
    f->list = grown;
    f->size = size;
  }
  *mark = f->n;
  f->list[f->n++] = n;
  return true;
}

bool nodes_needed(Account *a, const Val *roots, int nroots, bool shapes,
                  Node ***list, int *n) {
  Found f = {.account = a, .seen = {.account = a}};
  bool ok = true;
  for (int i = 0; i < nroots; i++)
    ok = ok && visit(&f, roots[i].node);
  for (int at = 0; ok && at < f.n; at++) {
    const Node *x = f.list[at];
    for (int i = 0; i < x->nin; i++)
      if (shapes || !(op_shape_only(x->op, i)))
        ok = ok && visit(&f, x->in[i].node);
  }
  nodemap_free(&f.seen);
  if (!ok) {
    mem_free(f.list);
    f.list = NULL;
    f.n = 0;
  } else if (f.n > 1 && !sort_by_place(a, f.list, f.n)) {
    qsort(f.list, (size_t)f.n, sizeof *f.list, by_seq);
  }
  *list = f.list;
  *n = f.n;
  return ok;
}
