/* Compilations as text: what LUNULA_DEBUG=plan prints. */

#include "plan/steps.h"

static void location_text(Text *t, const Prog *p, Val v) {
  static const char *const name[] = {"none", "arena", "input", "output",
                                     "variable", "constant", "prepared"};
  if (node_is_shape(v.node))
    return;
  Location at = p->location[prog_value(p, v)];
  text_add(t, at.base == ARENA ? " %%%d:%s+%lld" : " %%%d:%s%lld",
           prog_number(p, v.node), name[at.base],
           (long long)(at.base == ARENA ? at.offset : at.index));
}

/* What is said in front of the first unit of a band. */
static void band_text(Text *t, const Prog *p, int unit) {
  for (const Band *b = p->band; b < p->band + p->nbands; b++)
    if (b->unit[0] == unit)
      text_add(t, "the next %d in %lld tasks, %lld of %lld lines at a time\n",
               b->n, (long long)b->tasks, (long long)b->at_once,
               (long long)b->lines);
}

void plan_text(Text *t, const Prog *p) {
  NodeMap numbers = {.account = p->c.account};
  text_add(t, "---- nodes\n");
  for (int i = 0; i < p->n; i++) {
    int *number = nodemap_at(&numbers, p->node[i]);
    if (number)
      *number = i;
    t->failed |= number == NULL;
  }
  for (int i = 0; i < p->n; i++)
    node_text(t, p->node[i], &numbers);
  nodemap_free(&numbers);
  text_add(t, "---- steps, arena of %lld bytes\n", (long long)p->arena);
  for (int i = 0; i < p->nunits; i++) {
    Unit u = p->unit[i];
    int64_t offset;
    if (u.node >= 0 && prog_view(p, u.node, &offset))
      continue;
    band_text(t, p, i);
    text_add(t, "%3d ", i);
    if (u.node >= 0) {
      text_add(t, p->abreast[i] ? "%s (with the next):" : "%s:",
               p->node[u.node]->op->name);
      location_text(t, p, (Val){p->node[u.node], 0});
    } else {
      const Group *g = &p->groups[u.group];
      if (g->anchor >= 0)
        text_add(t, "%s (%%%d) %s ", p->node[g->anchor]->op->name, g->anchor,
                 g->ends ? "with" : "then");
      for (int m = 0; m < g->n; m++)
        text_add(t, "%s%s", m ? " " : "", p->node[g->member[m]]->op->name);
      text_add(t, ":");
      for (int m = 0; m < g->n; m++)
        if (p->escapes[g->member[m]])
          location_text(t, p, (Val){p->node[g->member[m]], 0});
    }
    text_add(t, "\n");
  }
  for (int i = 0; i < p->nmoves; i++)
    text_add(t, "move value %d to %s %d\n", p->move[i].value,
             p->move[i].to.base == OUTPUT ? "output" : "variable",
             p->move[i].to.index);
}
