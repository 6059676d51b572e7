/* The graph of one compilation: opened, closed, and what several passes ask
** of it. */

#include "plan/prog.h"

bool prog_open(Prog *g, const Function *f, Account *account,
               unsigned passes, const Watch *watch, Error *e) {
  *g = (Prog){.f = f, .passes = passes, .error = e, .watch = watch};
  context_open(&g->c, account, f->catalogue);
  g->c.rebuild = true;
  g->in = mem_new(account, (size_t)f->ninputs + 1, sizeof *g->in);
  g->out = mem_new(account, (size_t)f->noutputs + 1, sizeof *g->out);
  g->leaf = mem_new(account, (size_t)f->nbindings + 1, sizeof *g->leaf);
  g->update = mem_new(account, (size_t)f->nbindings + 1, sizeof *g->update);
  if (g->c.error.set) /* it has no dummy */
    return fail_again(e, &g->c.error);
  return (g->in && g->out && g->leaf && g->update) ||
         fail_memory(e, "out of memory");
}

void prog_close(Prog *g) {
  mem_free(g->in);
  mem_free(g->out);
  mem_free(g->leaf);
  mem_free(g->update);
  mem_free(g->prepared);
  mem_free(g->node);
  mem_free(g->group);
  mem_free(g->groups);
  mem_free(g->absorbed);
  mem_free(g->escapes);
  mem_free(g->unit);
  mem_free(g->abreast);
  mem_free(g->band);
  mem_free(g->first_value);
  mem_free(g->location);
  mem_free(g->move);
  context_close(&g->c);
}

/* ---- what is needed ------------------------------------------------------ */

enum { DEAD = -1, NEEDED = -2 };

static void need_roots(Prog *p) {
  for (int i = 0; i < p->f->ninputs; i++)
    p->in[i].node->number = NEEDED;
  for (int i = 0; i < p->f->noutputs; i++)
    p->out[i].node->number = NEEDED;
  for (int i = 0; i < p->f->nbindings; i++) {
    p->leaf[i].node->number = NEEDED;
    if (p->update[i].node)
      p->update[i].node->number = NEEDED;
  }
}

bool prog_collect(Prog *p, Node *const *all, int n) {
  Node **needed = mem_new(p->c.account, (size_t)n + 1, sizeof *needed);
  if (needed == NULL)
    return fail_memory(p->error, "out of memory");
  mem_free(p->node);
  p->node = needed;
  p->n = 0;
  for (int i = 0; i < n; i++)
    all[i]->number = DEAD;
  need_roots(p);
  for (int i = n - 1; i >= 0; i--)
    for (int k = 0; all[i]->number == NEEDED && k < all[i]->nin; k++)
      all[i]->in[k].node->number = NEEDED;
  for (int i = 0; i < n; i++)
    if (all[i]->number == NEEDED) {
      all[i]->number = p->n;
      p->node[p->n++] = all[i];
    }
  return true;
}

/* ---- what units read ---------------------------------------------------- */

static void node_reads(const Prog *p, const Node *n, int group,
                       void (*visit)(void *ud, int value), void *ud) {
  for (int i = 0; i < n->nin; i++) {
    const Node *x = n->in[i].node;
    if (node_is_shape(x) || op_shape_only(n->op, i))
      continue;
    int k = prog_number(p, x);
    if (group >= 0 && (p->group[k] == group || p->groups[group].anchor == k))
      continue;
    visit(ud, prog_value(p, prog_source(p, n->in[i])));
  }
}

void prog_unit_reads(const Prog *p, Unit u,
                     void (*visit)(void *ud, int value), void *ud) {
  if (u.group < 0) {
    node_reads(p, p->node[u.node], -1, visit, ud);
    return;
  }
  const Group *g = &p->groups[u.group];
  if (g->anchor >= 0)
    node_reads(p, p->node[g->anchor], -1, visit, ud);
  for (int m = 0; m < g->n; m++)
    node_reads(p, p->node[g->member[m]], u.group, visit, ud);
}

bool prog_call(const Node *n, Type in[CALL_INPUTS], OpCall *call) {
  if (n->nin > CALL_INPUTS)
    return false;
  for (int i = 0; i < n->nin; i++)
    in[i] = *val_type(n->in[i]);
  *call = (OpCall){.op = n->op, .attr = n->attr, .nin = n->nin, .nout = 1,
                   .in = in, .out = &n->out[0].type};
  return true;
}

bool prog_view(const Prog *p, int node, int64_t *offset) {
  return node_view(p->node[node], offset);
}

bool node_view(const Node *n, int64_t *offset) {
  Type in[2];
  if (n->op->view == NULL || n->nin == 0)
    return false;
  for (int i = 0; i < n->nin && i < 2; i++)
    in[i] = *val_type(n->in[i]);
  Type *all = n->nin > 2 ? mem_new(NULL, (size_t)n->nin, sizeof *all)
                         : in;
  if (all == NULL)
    return false;
  for (int i = 0; i < n->nin; i++)
    all[i] = *val_type(n->in[i]);
  OpCall s = {.op = n->op, .attr = n->attr, .nin = n->nin, .nout = 1, .in = all,
            .out = &n->out[0].type};
  *offset = n->op->view(&s);
  if (all != in)
    mem_free(all);
  return *offset >= 0;
}
