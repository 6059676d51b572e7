/* The catalogue: all op rows, in their order and by name. The rows lie on
** higher floors; who assembles them hands the list in, so that this floor and
** the rules can ask for an op by its name without knowing where it is written. */

#include <string.h>

#include "graph/graph.h"

const Op *catalogue_next(const Catalogue *k, CatalogueWalk *w) {
  for (; w->family < k->families; w->family++, w->row = 0)
    if (k->family[w->family][w->row].name)
      return &k->family[w->family][w->row++];
  return w->row < atomic_load(&k->added) ? k->more[w->row++] : NULL;
}

static unsigned hash(const char *name) {
  unsigned h = 2166136261u;
  for (; *name; name++)
    h = (h ^ (unsigned char)*name) * 16777619u;
  return h;
}

static unsigned find_slot(const Catalogue *k, const char *name) {
  unsigned i = hash(name) % CATALOGUE_SLOTS;
  while (k->slot[i] && strcmp(k->slot[i]->name, name) != 0)
    i = (i + 1) % CATALOGUE_SLOTS;
  return i;
}

/* Whoever comes first fills the slots. */
static void fill_slots(Catalogue *k) {
  lock_take(&k->lock);
  for (int f = 0; !k->filled && f < k->families; f++)
    for (const Op *op = k->family[f]; op->name; op++)
      k->slot[find_slot(k, op->name)] = op;
  atomic_store(&k->filled, true);
  lock_leave(&k->lock);
}

const Op *catalogue_find(Catalogue *k, const char *name) {
  if (!atomic_load_explicit(&k->filled, memory_order_acquire))
    fill_slots(k);
  const Op *op = k->slot[find_slot(k, name)];
  int n = op ? 0 : atomic_load_explicit(&k->added, memory_order_acquire);
  for (int i = 0; op == NULL && i < n; i++)
    if (strcmp(k->more[i]->name, name) == 0)
      op = k->more[i];
  return op;
}

bool catalogue_has_more(const Catalogue *k) {
  return atomic_load_explicit(&k->added, memory_order_acquire) > 0;
}

bool catalogue_was_added(const Catalogue *k, const Op *op) {
  for (int i = atomic_load_explicit(&k->added, memory_order_acquire); i-- > 0;)
    if (k->more[i] == op)
      return true;
  return false;
}

static bool is_new(Catalogue *k, const Op *op, Error *e) {
  return op == NULL || catalogue_find(k, op->name) == NULL ||
         fail(e, "there is an op %s already", op->name);
}

bool catalogue_add(Catalogue *k, const Op *op, const Op *second, Error *e) {
  catalogue_find(k, op->name); /* fills the slots, which takes the lock */
  lock_take(&k->lock);
  int n = atomic_load(&k->added);
  bool ok = is_new(k, op, e) && is_new(k, second, e) &&
            (n + 2 <= CATALOGUE_ADDED ||
             fail(e, "there is room for %d ops, and more without gradients, "
                     "which have been added", CATALOGUE_ADDED / 2));
  if (ok)
    k->more[n++] = op;
  if (ok && second)
    k->more[n++] = second;
  atomic_store_explicit(&k->added, n, memory_order_release);
  lock_leave(&k->lock);
  return ok;
}

Val emit_op(Context *c, const char *name, const Val *in, int nin,
            const Attr *attr) {
  return emit(c, catalogue_find(c->catalogue, name), in, nin, attr);
}
