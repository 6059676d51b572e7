/* A function that will never change again: what depends on weights alone is
** computed here once for all sizes of the batch, and becomes constants. It goes
** the way of a compilation as far as `prepare`, with sizes that are not known,
** and the nodes that are there then become a function again. */

#include <stdlib.h>
#include <string.h>

#include "plan/prog.h"

typedef struct Freezer {
  Prog g;
  Function *made; /* what computes the prepared values; NULL: there are none */
  int *readers;   /* of each variable: values that are still to be computed, and
                     the function */
  Val *now;       /* of each node: the constant in its place, or node NULL */
  Account *account;
  Error *e;
} Freezer;

static bool is_updated(const Freezer *k, int variable) {
  return k->g.update[variable].node != NULL;
}

/* ---- who reads a variable ----------------------------------------------- */

/* The bindings of the variables that a prepared value is made of. */
static bool bindings_of(const Freezer *k, Val v, Binding *list, int *number,
                        int *n) {
  Node **node;
  int count;
  const Function *f = k->made;
  NodeMap found = {.account = k->account};
  bool ok = nodes_needed(k->account, &v, 1, true, &node, &count);
  for (int i = 0; ok && i < count; i++) {
    int *mark = node[i]->nin == 0 ? nodemap_at(&found, node[i]) : NULL;
    ok = node[i]->nin > 0 || mark;
    if (mark)
      *mark = i;
  }
  *n = 0;
  for (int i = 0; ok && i < f->nbindings; i++)
    if (nodemap_get(&found, f->bindings[i].leaf.node) >= 0) {
      number[*n] = i;
      list[(*n)++] = f->bindings[i];
    }
  mem_free(node);
  nodemap_free(&found);
  return ok || fail_memory(k->e, "out of memory");
}

/* Marks the leaves that the function reads as it is now. */
static void count_own(const Freezer *k, bool *read) {
  const Prog *g = &k->g;
  for (int i = 0; i < g->n; i++)
    for (int j = 0; j < g->node[i]->nin; j++)
      read[g->node[i]->in[j].node->number] = true;
  for (int i = 0; i < g->f->noutputs; i++)
    read[g->out[i].node->number] = true;
  for (int i = 0; i < g->f->nbindings; i++)
    if (is_updated(k, i))
      read[g->update[i].node->number] = true;
  for (int i = 0; i < g->f->nbindings; i++)
    k->readers[i] = read[g->leaf[i].node->number];
}

/* ---- values ------------------------------------------------------------- */

static void put_in_place(Freezer *k, Val leaf, Tensor t) {
  k->now[leaf.node->number] = value_of(&k->g.c, t);
}

static bool run_once(const Freezer *k, Function *f, Tensor *t) {
  Env env;
  Plan *p = plan_new(f, NULL, k->account, k->g.passes, NULL, NULL, k->g.watch,
                     k->e);
  if (p == NULL)
    return false;
  env_open(&env, k->e);
  env.watch = k->g.watch;
  bool ok = tensor_new(t, k->account, plan_output(p, 0), k->e);
  if (ok && !plan_run(p, NULL, &t->data, &env)) {
    tensor_drop(t);
    ok = false;
  }
  plan_release(p);
  return ok;
}

/* A weight that nobody is going to read goes at once, so that not all of them
** lie there twice. */
static void drop_read(Freezer *k, const int *number, int n) {
  for (int i = 0; i < n; i++)
    if (--k->readers[number[i]] == 0 && !is_updated(k, number[i]))
      tensor_drop(&k->g.f->bindings[number[i]].variable->tensor);
  account_trim(k->account, 0);
}

static bool compute_one(Freezer *k, int i, Binding *list, int *number) {
  int n;
  Tensor t;
  if (!bindings_of(k, k->made->outputs[i], list, number, &n))
    return false;
  Function *f = function_of_values(&k->g.c, NULL, 0, &k->made->outputs[i], 1,
                                   list, n);
  if (f == NULL)
    return fail_again(k->e, &k->g.c.error);
  bool ok = run_once(k, f, &t);
  function_release(f);
  if (!ok)
    return false;
  put_in_place(k, k->g.prepared[i], t);
  drop_read(k, number, n);
  return true;
}

static bool count_readers(Freezer *k, Binding *list, int *number) {
  bool *read = mem_new(k->account, (size_t)k->g.n + 1, sizeof *read);
  bool ok = read != NULL;
  if (ok)
    count_own(k, read);
  mem_free(read);
  for (int i = 0; ok && k->made && i < k->made->noutputs; i++) {
    int n;
    ok = bindings_of(k, k->made->outputs[i], list, number, &n);
    for (int j = 0; ok && j < n; j++)
      k->readers[number[j]]++;
  }
  return ok || fail_memory(k->e, "out of memory");
}

static bool compute_prepared(Freezer *k) {
  size_t room = (size_t)k->g.f->nbindings + 1;
  Binding *list = mem_new(k->account, room, sizeof *list);
  int *number = mem_new(k->account, room, sizeof *number);
  bool ok = list && number ? count_readers(k, list, number)
                           : fail_memory(k->e, "out of memory");
  for (int i = 0; ok && k->made && i < k->made->noutputs; i++)
    ok = compute_one(k, i, list, number);
  mem_free(list);
  mem_free(number);
  return ok;
}

/* The variables that are read as they are, and those that are written; copies,
** because scripts may write into what they see of a variable. */
static bool take_variables(Freezer *k, Tensor *states) {
  int n = 0;
  for (int i = 0; i < k->g.f->nbindings; i++) {
    Tensor t, *value = &k->g.f->bindings[i].variable->tensor;
    if (!is_updated(k, i) && k->readers[i] == 0)
      continue;
    if (!tensor_copy(&t, value, k->account, k->e))
      return false;
    if (is_updated(k, i))
      states[n++] = t;
    else
      put_in_place(k, k->g.leaf[i], t);
    tensor_drop(value);
  }
  return true;
}

/* ---- the function again ------------------------------------------------- */

static void read_instead(const Freezer *k, Val *v, bool counted) {
  Val now = k->now[v->node->number];
  if (now.node == NULL)
    return;
  if (counted) {
    node_retain(now.node);
    node_release(v->node);
  }
  *v = now;
}

/* Walks go by the order of creation, and the constants came last. */
static void put_in_order(const Freezer *k) {
  for (int i = 0; i < k->g.n; i++) {
    Node *n = k->g.node[i];
    n->seq = (uint64_t)(k->g.n + i + 1);
    if (k->now[i].node)
      k->now[i].node->seq = (uint64_t)i + 1;
    for (int j = 0; j < n->nin; j++)
      read_instead(k, &n->in[j], true);
  }
}

static Function *function_again(Freezer *k, Val *in, Val *out) {
  const Prog *g = &k->g;
  const Function *f = g->f;
  int nin = f->ninputs, nout = f->noutputs;
  memcpy(in, g->in, (size_t)nin * sizeof *in);
  memcpy(out, g->out, (size_t)nout * sizeof *out);
  for (int i = 0; i < f->nbindings; i++)
    if (is_updated(k, i)) {
      in[nin++] = g->leaf[i];
      out[nout++] = g->update[i];
    }
  for (int i = 0; i < nout; i++)
    read_instead(k, &out[i], false);
  if (nin > MAX_INPUTS || nout > MAX_OUTPUTS) {
    fail(k->e, "a model of %d outputs with %d states: more than %d together",
         f->noutputs, nin - f->ninputs, MAX_OUTPUTS);
    return NULL;
  }
  put_in_order(k);
  return function_of_values(&k->g.c, in, nin, out, nout, NULL, 0);
}

static Function *make_function(Freezer *k) {
  size_t most = (size_t)(k->g.f->ninputs + k->g.f->noutputs +
                         2 * k->g.f->nbindings) + 1;
  Val *in = mem_new(k->account, 2 * most, sizeof *in);
  Function *f = in ? function_again(k, in, in + most) : NULL;
  mem_free(in);
  if (f == NULL && k->g.c.error.set)
    fail_again(k->e, &k->g.c.error);
  else if (f == NULL)
    fail_memory(k->e, "out of memory");
  return f;
}

static bool make_values(Freezer *k, Tensor *states) {
  const Function *f = k->g.f;
  k->readers = mem_new(k->account, (size_t)f->nbindings + 1,
                       sizeof *k->readers);
  k->now = mem_new(k->account, (size_t)k->g.n + 1, sizeof *k->now);
  if (k->readers == NULL || k->now == NULL)
    return fail_memory(k->e, "out of memory");
  return compute_prepared(k) && take_variables(k, states);
}

static bool prepare_nodes(Freezer *k) {
  Type *in = mem_new(k->account, (size_t)k->g.f->ninputs + 1, sizeof *in);
  if (in == NULL)
    return fail_memory(k->e, "out of memory");
  for (int i = 0; i < k->g.f->ninputs; i++)
    in[i] = *val_type(k->g.f->inputs[i]);
  bool ok = specialise(&k->g, in) && fold(&k->g) && prepare(&k->g, &k->made);
  mem_free(in);
  return ok;
}

Function *function_freeze(Function *f, Account *account, const Watch *watch,
                          Tensor *states, Error *e) {
  Freezer k = {.account = account, .e = e};
  unsigned passes;
  Function *frozen = NULL;
  bool ok = passes_of(getenv("LUNULA_PASSES"), &passes, e) &&
            prog_open(&k.g, f, account, passes, watch, e);
  k.g.c.open = true;
  for (int i = 0; i < function_updates(f); i++)
    states[i] = (Tensor){.buffer = NULL};
  if (ok && prepare_nodes(&k) && make_values(&k, states))
    frozen = make_function(&k);
  for (int i = 0; frozen == NULL && i < function_updates(f); i++)
    tensor_drop(&states[i]);
  mem_free(k.readers);
  mem_free(k.now);
  function_release(k.made);
  prog_close(&k.g);
  function_release(f);
  return frozen;
}
