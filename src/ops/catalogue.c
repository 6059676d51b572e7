/* The catalogue: the list of families, and the row of a name. */

#include <string.h>

#include "ops/build.h"

static const Op *const families[] = {
  ops_unary, ops_binary, ops_cast, ops_reduce, ops_product, ops_rows, ops_move,
  ops_make, ops_index, ops_window, ops_random, ops_host, ops_call, ops_scan,
  ops_conv, ops_pool
};

const Op *op_at(int i) {
  for (int f = 0; f < COUNT_OF(families); f++)
    for (const Op *op = families[f]; op->name; op++)
      if (i-- == 0)
        return op;
  return NULL;
}

/* The rows by hash of their names, filled once by whoever comes first. */
enum { SLOTS = 1024 };
static const Op *slots[SLOTS];
static atomic_int filled; /* 0: no, 1: somebody is at it, 2: yes */

static unsigned hash(const char *name) {
  unsigned h = 2166136261u;
  for (; *name; name++)
    h = (h ^ (unsigned char)*name) * 16777619u;
  return h;
}

static unsigned find_slot(const char *name) {
  unsigned i = hash(name) % SLOTS;
  while (slots[i] && strcmp(slots[i]->name, name) != 0)
    i = (i + 1) % SLOTS;
  return i;
}

static void fill_slots(void) {
  int none = 0;
  if (atomic_compare_exchange_strong(&filled, &none, 1)) {
    for (int f = 0; f < COUNT_OF(families); f++)
      for (const Op *op = families[f]; op->name; op++)
        slots[find_slot(op->name)] = op;
    atomic_store(&filled, 2);
  }
  while (atomic_load(&filled) != 2)
    continue;
}

const Op *op_find(const char *name) {
  if (atomic_load_explicit(&filled, memory_order_acquire) != 2)
    fill_slots();
  return slots[find_slot(name)];
}
