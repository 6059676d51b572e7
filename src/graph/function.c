/* Functions: what a trace leaves behind, or what is put together from values;
** who holds them. */

#include <string.h>

#include "graph/scope.h"

bool function_look(Function *f) {
  int roots = f->noutputs + f->nbindings;
  Node **nodes = NULL;
  Val *root = mem_new(f->account, (size_t)roots + 1, sizeof *root);
  if (root == NULL)
    return false;
  memcpy(root, f->outputs, (size_t)f->noutputs * sizeof *root);
  for (int i = 0; i < f->nbindings; i++)
    root[f->noutputs + i] = f->bindings[i].current;
  int n;
  bool ok = nodes_needed(f->account, root, roots, false, &nodes, &n);
  for (int i = 0; i < n; i++) {
    f->draws = f->draws || nodes[i]->op->traits & DRAWS;
    f->hosts = f->hosts || nodes[i]->op->traits & HOST;
    f->records = f->records || nodes[i]->op->role == WALKS_BACK;
    int nattr = op_nattr(nodes[i]->op);
    for (int k = 0; k < nattr; k++)
      if (nodes[i]->attr[k].kind == ATTR_BODY) {
        const Function *body = nodes[i]->attr[k].body;
        f->draws = f->draws || body->draws;
        f->hosts = f->hosts || body->hosts;
      }
  }
  mem_free(nodes);
  mem_free(root);
  return ok;
}

Function *function_new(Context *c) {
  Function *f = c->error.set ? NULL : mem_new(c->account, 1, sizeof *f);
  if (f == NULL) {
    fail_memory(&c->error, "out of memory");
    return NULL;
  }
  atomic_init(&f->refs, 1);
  f->account = c->account;
  f->catalogue = c->catalogue;
  return f;
}

/* Room for so many of each. */
static bool make_room(Function *f, int nin, int nout, int nbindings) {
  f->inputs = mem_new(f->account, (size_t)nin + 1, sizeof *f->inputs);
  f->outputs = mem_new(f->account, (size_t)nout + 1, sizeof *f->outputs);
  f->bindings = mem_new(f->account, (size_t)nbindings + 1,
                        sizeof *f->bindings);
  return f->inputs && f->outputs && f->bindings;
}

static void add_values(Val *list, int *n, const Val *more, int count) {
  for (int i = 0; i < count; i++) {
    node_retain(more[i].node);
    list[(*n)++] = more[i];
  }
}

Function *function_of_values(Context *c, const Val *in, int nin, const Val *out,
                             int nout, const Binding *bindings,
                             int nbindings) {
  Function *f = function_new(c);
  if (f == NULL)
    return NULL;
  bool ok = make_room(f, nin, nout, nbindings);
  if (ok) {
    add_values(f->inputs, &f->ninputs, in, nin);
    add_values(f->outputs, &f->noutputs, out, nout);
  }
  for (int i = 0; ok && i < nbindings; i++) {
    f->bindings[f->nbindings++] = bindings[i];
    variable_retain(bindings[i].variable);
    node_retain(bindings[i].leaf.node);
    node_retain(bindings[i].current.node);
  }
  if (ok && function_look(f))
    return f;
  function_release(f);
  fail_memory(&c->error, "out of memory");
  return NULL;
}

Function *function_of_variables(Context *c, const Function *like,
                                const Val *leaf, const Val *outputs, int n) {
  size_t room = (size_t)like->nbindings + 1;
  Binding *b = mem_new(c->account, room, sizeof *b);
  for (int i = 0; b && i < like->nbindings; i++)
    b[i] = (Binding){.variable = like->bindings[i].variable, .leaf = leaf[i],
                     .current = leaf[i]};
  Function *f = b ? function_of_values(c, NULL, 0, outputs, n, b,
                                       like->nbindings) : NULL;
  mem_free(b);
  if (f == NULL)
    fail_memory(&c->error, "out of memory");
  return f;
}

Function *function_retain(Function *f) {
  atomic_fetch_add(&f->refs, 1);
  return f;
}

void function_release(Function *f) {
  if (f == NULL || atomic_fetch_sub(&f->refs, 1) > 1)
    return;
  for (int i = 0; i < f->noutputs; i++)
    node_release(f->outputs[i].node);
  for (int i = 0; i < f->ninputs; i++)
    node_release(f->inputs[i].node);
  for (int i = 0; i < f->nbindings; i++) {
    node_release(f->bindings[i].leaf.node);
    node_release(f->bindings[i].current.node);
    variable_release(f->bindings[i].variable);
  }
  mem_free(f->inputs);
  mem_free(f->outputs);
  mem_free(f->bindings);
  mem_free(f->notes);
  mem_free(f);
}

int function_updates(const Function *f) {
  int n = 0;
  for (int i = 0; i < f->nbindings; i++)
    n += !val_same(f->bindings[i].leaf, f->bindings[i].current);
  return n;
}
