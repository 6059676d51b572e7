/* What plans of one function share: what computes the weights that they read as
** prepared, and the newest results. */
#include "plan/prepared.h"

#include <string.h>

struct Preparation {
  Preparation *next; /* of the same function */
  atomic_int refs;
  Function *f;
  Plan *plan;
  void (*release)(Plan *); /* of the plan, which is of the file above */
  Lock lock; /* of the newest results */
  Prepared *newest;
};

/* Where a leaf that stands for a variable is among them; -1. */
static int binding_of(const Function *f, const Node *n) {
  int i = f->nbindings - 1;
  while (i >= 0 && f->bindings[i].leaf.node != n)
    i--;
  return i;
}

/* The nodes of a function, each with its number. A compilation numbers some of
** them in its own way, so the numbers stand beside them. */
typedef struct Numbered {
  const Function *f;
  Node **node;
  int n;
  NodeMap number;
} Numbered;

static bool number_nodes(Numbered *k, const Function *f) {
  *k = (Numbered){.f = f, .number = {.account = f->account}};
  bool ok = nodes_needed(f->account, f->outputs, f->noutputs, true, &k->node,
                         &k->n);
  for (int i = 0; ok && i < k->n; i++) {
    int *number = nodemap_at(&k->number, k->node[i]);
    ok = number != NULL;
    if (ok)
      *number = i;
  }
  return ok;
}

static bool same_value(const Numbered *a, Val v, const Numbered *b, Val w) {
  return v.out == w.out && nodemap_get(&a->number, v.node) ==
                               nodemap_get(&b->number, w.node);
}

static bool same_node(const Numbered *a, const Numbered *b, int i) {
  const Node *x = a->node[i], *y = b->node[i];
  if (x->op != y->op || x->nin != y->nin || x->nout != y->nout ||
      !type_equal(&x->out[0].type, &y->out[0].type))
    return false;
  if (node_is_value(x))
    return x->out[0].data == y->out[0].data;
  for (int j = 0; j < x->nin; j++)
    if (!same_value(a, x->in[j], b, y->in[j]))
      return false;
  return binding_of(a->f, x) == binding_of(b->f, y) &&
         memcmp(x->attr, y->attr,
                (size_t)op_nattr(x->op) * sizeof *x->attr) == 0;
}

/* Whether both compute the same of the same variables. */
static bool same_function(const Function *f, const Function *g) {
  Numbered a = {0}, b = {0};
  bool same = f->noutputs == g->noutputs && number_nodes(&a, f) &&
              number_nodes(&b, g) && a.n == b.n;
  for (int i = 0; same && i < a.n; i++)
    same = same_node(&a, &b, i);
  for (int i = 0; same && i < f->noutputs; i++)
    same = same_value(&a, f->outputs[i], &b, g->outputs[i]);
  mem_free(a.node);
  mem_free(b.node);
  nodemap_free(&a.number);
  nodemap_free(&b.number);
  return same;
}

void preparation_release(Preparation *k) {
  if (k == NULL || atomic_fetch_sub(&k->refs, 1) > 1)
    return;
  prepared_release(k->newest);
  k->release(k->plan);
  function_release(k->f);
  mem_free(k);
}

Preparation *preparation_find(Preparations *all, const Function *f) {
  lock_take(&all->lock);
  Preparation *k = all->first;
  while (k && !same_function(k->f, f))
    k = k->next;
  if (k)
    atomic_fetch_add(&k->refs, 1);
  lock_leave(&all->lock);
  return k;
}

Preparation *preparation_add(Preparations *all, Function *f, Plan *plan,
                             void (*release)(Plan *), Error *e) {
  Preparation *k = mem_new(f->account, 1, sizeof *k);
  if (k == NULL) {
    fail_memory(e, "out of memory");
    return NULL;
  }
  atomic_init(&k->refs, 2); /* the list's, the caller's */
  lock_init(&k->lock);
  k->f = f;
  k->plan = plan;
  k->release = release;
  lock_take(&all->lock);
  k->next = all->first;
  all->first = k;
  lock_leave(&all->lock);
  return k;
}

void preparations_forget(Preparations *all) {
  while (all->first) {
    Preparation *k = all->first;
    all->first = k->next;
    preparation_release(k);
  }
}

/* ---- results ------------------------------------------------------------ */

void prepared_retain(Prepared *w) {
  atomic_fetch_add(&w->refs, 1);
}

void prepared_release(Prepared *w) {
  if (w == NULL || atomic_fetch_sub(&w->refs, 1) > 1)
    return;
  for (int i = 0; w->data && w->bytes && i < w->n; i++)
    block_free(w->account, w->data[i], (size_t)w->bytes[i]);
  account_release(w->account);
  mem_free(w->data);
  mem_free(w->bytes);
  mem_free(w);
}

/* Versions only grow, so their sum tells whether one has. */
static unsigned long version_of(const Preparation *k) {
  unsigned long sum = 0;
  for (int i = 0; i < k->f->nbindings; i++)
    sum += atomic_load_explicit(&k->f->bindings[i].variable->version,
                                memory_order_relaxed);
  return sum;
}

static bool get_room(Prepared *w, const Function *f) {
  w->n = f->noutputs;
  w->data = mem_new(w->account, (size_t)w->n, sizeof *w->data);
  w->bytes = mem_new(w->account, (size_t)w->n, sizeof *w->bytes);
  bool ok = w->data && w->bytes;
  for (int i = 0; ok && i < w->n; i++) {
    w->bytes[i] = type_bytes(val_type(f->outputs[i]));
    w->data[i] = block_new(w->account, (size_t)w->bytes[i]);
    ok = w->data[i] != NULL;
  }
  return ok;
}

Prepared *prepared_new(const Preparation *k, Account *account, Error *e) {
  Prepared *w = mem_new(account, 1, sizeof *w);
  if (w) {
    atomic_init(&w->refs, 1);
    w->account = account;
    account_retain(account);
    w->version = version_of(k);
    if (get_room(w, k->f))
      return w;
  }
  prepared_release(w);
  fail_memory(e, "out of memory: no room for the prepared weights");
  return NULL;
}

/* A weight on a host's memory may change unseen. */
bool preparation_is_new(const Preparation *k, const Prepared *w) {
  unsigned long sum = 0;
  if (w == NULL)
    return false;
  for (int i = 0; i < k->f->nbindings; i++) {
    const Variable *v = k->f->bindings[i].variable;
    if (v->tensor.buffer->account == NULL)
      return false;
    sum += atomic_load_explicit(&v->version, memory_order_relaxed);
  }
  return w->version == sum;
}

Prepared *preparation_newest(Preparation *k) {
  lock_take(&k->lock);
  Prepared *w = k->newest;
  if (w)
    atomic_fetch_add(&w->refs, 1);
  lock_leave(&k->lock);
  return w;
}

void preparation_publish(Preparation *k, Prepared *w) {
  atomic_fetch_add(&w->refs, 1);
  lock_take(&k->lock);
  Prepared *old = k->newest;
  k->newest = w;
  lock_leave(&k->lock);
  prepared_release(old);
}

size_t preparation_bytes(const Preparation *k) {
  size_t bytes = 0;
  for (int i = 0; i < k->f->noutputs; i++)
    bytes += (size_t)type_bytes(val_type(k->f->outputs[i]));
  return bytes;
}

Plan *preparation_plan(const Preparation *k) {
  return k->plan;
}

int64_t preparations_bytes(Preparations *all) {
  int64_t bytes = 0;
  lock_take(&all->lock);
  for (Preparation *k = all->first; k; k = k->next) {
    Prepared *w = preparation_newest(k);
    for (int i = 0; w && i < w->n; i++)
      bytes += w->bytes[i];
    prepared_release(w);
  }
  lock_leave(&all->lock);
  return bytes;
}
