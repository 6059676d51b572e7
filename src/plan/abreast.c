/* Loops abreast: two of which neither needs the other, as those of
** Bidirectional, run at the same time, each on a thread of its own. Their units
** come to stand one behind the other, so that what both need is there before
** either begins, and nobody needs them in between. Each does what it would do
** alone: the bits are the same. */

#include "base/threads.h"
#include "plan/steps.h"
#include "scan/scan.h"

typedef struct Abreast {
  Prog *p;
  int *needed; /* of each node: the last unit for which it was found needed */
  Unit *later; /* room for those that come behind the second loop */
} Abreast;

static bool is_loop(const Prog *p, int unit) {
  Unit u = p->unit[unit];
  return u.node >= 0 && p->node[u.node]->op->role == LOOPS;
}

static void need_inputs(Abreast *k, const Node *n, int unit) {
  for (int i = 0; i < n->nin; i++)
    if (!node_is_shape(n->in[i].node))
      k->needed[prog_number(k->p, prog_source(k->p, n->in[i]).node)] = unit;
}

/* Whether unit u is needed by `unit`, which comes later. If so, then what it
** needs itself is. */
static bool is_needed(Abreast *k, Unit u, int unit) {
  const Prog *p = k->p;
  const Group *g = u.group >= 0 ? &p->groups[u.group] : NULL;
  int n = g ? g->n : 1, anchor = g ? g->anchor : -1;
  const int *node = g ? g->member : &u.node;
  bool needed = anchor >= 0 && k->needed[anchor] == unit;
  for (int i = 0; i < n; i++)
    needed = needed || k->needed[node[i]] == unit;
  for (int i = 0; needed && i < n; i++)
    need_inputs(k, p->node[node[i]], unit);
  if (needed && anchor >= 0)
    need_inputs(k, p->node[anchor], unit);
  return needed;
}

static bool is_of_host(const Prog *p, Unit u) {
  return u.node >= 0 && p->node[u.node]->op->traits & HOST;
}

/* Notes which units between two loops the second one needs, in k->later those
** that it does not; false when it needs the first one. And when ops of the host
** would change places: processes that sum together do it in the same order,
** however many threads each has. */
static bool is_free_of(Abreast *k, int first, int second) {
  bool host_needed = false;
  need_inputs(k, k->p->node[k->p->unit[second].node], second);
  for (int i = second - 1; i > first; i--) {
    Unit u = k->p->unit[i];
    bool needed = is_needed(k, u, second);
    k->later[i] = needed ? (Unit){-1, -1} : u;
    if (is_of_host(k->p, u) && !needed && host_needed)
      return false;
    host_needed = host_needed || (needed && is_of_host(k->p, u));
  }
  return !is_needed(k, k->p->unit[first], second);
}

/* What the second one needs, both loops, and the others. Returns where the
** second one is now. */
static int bring_together(Abreast *k, int first, int second) {
  Unit *unit = k->p->unit, a = unit[first], b = unit[second];
  int at = first, end = second;
  for (int i = first + 1; i < second; i++)
    if (k->later[i].node < 0 && k->later[i].group < 0)
      unit[at++] = unit[i];
  for (int i = second - 1; i > first; i--)
    if (k->later[i].node >= 0 || k->later[i].group >= 0)
      unit[end--] = k->later[i];
  unit[at] = a;
  unit[at + 1] = b;
  k->p->abreast[at] = true;
  return at + 1;
}

static void find_pairs(Abreast *k) {
  int first = -1;
  for (int i = 0; i < k->p->nunits; i++) {
    if (!is_loop(k->p, i))
      continue;
    if (first >= 0 && is_free_of(k, first, i)) {
      i = bring_together(k, first, i);
      first = -1;
    } else {
      first = i;
    }
  }
}

bool bring_abreast(Prog *p) {
  Account *a = p->c.account;
  p->abreast = mem_new(a, (size_t)p->nunits + 1, sizeof *p->abreast);
  Abreast k = {p, mem_new(a, (size_t)p->n + 1, sizeof *k.needed),
               mem_new(a, (size_t)p->nunits + 1, sizeof *k.later)};
  bool ok = p->abreast && k.needed && k.later;
  if (ok && (p->passes & PASS_PARTS) && threads_count() > 1)
    find_pairs(&k);
  mem_free(k.needed);
  mem_free(k.later);
  return ok || fail_memory(p->error, "out of memory");
}

/* Nanoseconds that a turn of a loop takes at least: 200 a step, and what it reads
** from the second cache. */
static double least_time(const Plan *body) {
  double bytes = 0;
  for (int i = 0; i < body->nsteps; i++) {
    const OpCall *s = &body->step[i].step;
    for (int k = 0; k < s->nin; k++)
      bytes += (double)type_bytes(&s->in[k]);
  }
  return 200.0 * body->nsteps + bytes / 100;
}

/* Whether the loop is worth a thread, 50 us, and has no parts, by which all
** threads have work. */
static bool is_worth_it(const PlanStep *s) {
  enum { WORTH = 50 * 1000 };
  double length =
      (double)scan_length(s->step.attr, s->step.in, s->step.nin);
  return s->parts.body == NULL && !s->body->calls_lua &&
         length * least_time(s->body) >= WORTH;
}

bool loops_pay_abreast(const PlanStep *first, const PlanStep *second) {
  return is_worth_it(first) && is_worth_it(second);
}
