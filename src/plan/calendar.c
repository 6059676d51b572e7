/* The calendar of the memory plan: a tree of times, each node with the spans
** that are taken then. */

#include "plan/calendar.h"

#include <string.h>

/* The first span that ends behind `at`. */
static int spans_find(const Spans *s, int64_t at) {
  int low = 0, high = s->n;
  while (low < high) {
    int middle = (low + high) / 2;
    if (s->span[middle].to <= at)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static bool spans_grow(Spans *s, Account *account) {
  int size = s->size ? 2 * s->size : 2;
  Span *grown = mem_resize(account, s->span, (size_t)size, sizeof *grown);
  if (grown == NULL)
    return false;
  s->span = grown;
  s->size = size;
  return true;
}

static bool spans_add(Spans *s, Span x, Account *account) {
  int low = spans_find(s, x.from - 1), high = low;
  if (s->n == s->size && !spans_grow(s, account))
    return false;
  for (; high < s->n && s->span[high].from <= x.to; high++) {
    x.from = x.from < s->span[high].from ? x.from : s->span[high].from;
    x.to = x.to > s->span[high].to ? x.to : s->span[high].to;
  }
  memmove(s->span + low + 1, s->span + high,
          (size_t)(s->n - high) * sizeof *s->span);
  s->n += 1 - (high - low);
  s->span[low] = x;
  return true;
}

bool calendar_open(Calendar *c, Account *account, int units) {
  *c = (Calendar){.account = account, .units = units};
  size_t nodes = 2;
  while (nodes < 2 * (size_t)units)
    nodes *= 2;
  c->some = mem_new(account, 2 * nodes, sizeof *c->some);
  c->all = c->some ? c->some + nodes : NULL;
  return c->some != NULL;
}

void calendar_close(Calendar *c) {
  for (Spans *s = c->some; s && s < c->all + (c->all - c->some); s++)
    mem_free(s->span);
  mem_free(c->some);
}

/* Takes the span for the time of l; the node's stretch is [low, high]. */
static void take(Calendar *c, int node, int low, int high, Stretch l, Span x) {
  if (l.last < low || high < l.first)
    return;
  bool all = l.first <= low && high <= l.last;
  if (!spans_add(&c->some[node], x, c->account) ||
      (all && !spans_add(&c->all[node], x, c->account)))
    c->failed = true;
  if (all)
    return;
  int middle = low + (high - low) / 2;
  take(c, 2 * node, low, middle, l, x);
  take(c, 2 * node + 1, middle + 1, high, l, x);
}

void calendar_take(Calendar *c, Stretch l, Span x) {
  take(c, 1, 0, c->units - 1, l, x);
}

/* The lists that say together what is taken in the time of a life, as a heap:
** the one with the lowest next span is the first. */
typedef struct Taken {
  const Span *next[128], *end[128]; /* at most four lists a level of the tree */
  int n;
} Taken;

static void sink(Taken *t, int i) {
  const Span *next = t->next[i], *end = t->end[i];
  for (int son = 2 * i + 1; son < t->n; son = 2 * i + 1) {
    if (son + 1 < t->n && t->next[son + 1]->from < t->next[son]->from)
      son++;
    if (next->from <= t->next[son]->from)
      break;
    t->next[i] = t->next[son];
    t->end[i] = t->end[son];
    i = son;
  }
  t->next[i] = next;
  t->end[i] = end;
}

static void find_taken(const Calendar *c, int node, int low, int high,
                       Stretch l, Taken *t) {
  if (l.last < low || high < l.first)
    return;
  bool inside = l.first <= low && high <= l.last;
  const Spans *s = inside ? &c->some[node] : &c->all[node];
  if (s->n > 0) {
    t->next[t->n] = s->span;
    t->end[t->n++] = s->span + s->n;
  }
  if (inside)
    return;
  int middle = low + (high - low) / 2;
  find_taken(c, 2 * node, low, middle, l, t);
  find_taken(c, 2 * node + 1, middle + 1, high, l, t);
}

/* The first list goes on to its first span that ends behind `at`: most often
** the next one. */
static void skip(Taken *t, int64_t at) {
  const Span *next = t->next[0], *end = t->end[0];
  for (int i = 0; i < 4 && next < end && next->to <= at; i++)
    next++;
  if (next < end && next->to <= at) {
    Spans rest = {(Span *)(uintptr_t)next, (int)(end - next), 0};
    next += spans_find(&rest, at);
  }
  t->next[0] = next;
  if (t->next[0] == t->end[0]) {
    t->n--;
    t->next[0] = t->next[t->n];
    t->end[0] = t->end[t->n];
  }
  if (t->n > 0)
    sink(t, 0);
}

int64_t calendar_gap(const Calendar *c, Stretch l, int64_t bytes) {
  Taken t;
  int64_t at = 0;
  t.n = 0;
  find_taken(c, 1, 0, c->units - 1, l, &t);
  for (int i = t.n / 2; i >= 0 && t.n > 0; i--)
    sink(&t, i);
  while (t.n > 0 && t.next[0]->from < at + bytes) {
    if (t.next[0]->to > at)
      at = t.next[0]->to;
    skip(&t, at);
  }
  return at;
}
