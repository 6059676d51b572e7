/* Lanes: an arena and pointers, what one running thread needs of a plan. Lanes
** that nobody has wait for the next run; most runs find the same one, and take
** no lock. */

#include "plan/steps.h"

static void lane_free(Plan *p, Lane *l) {
  block_free(p->account, l->arena, (size_t)p->arena);
  mem_free(l->pointer);
  mem_free(l->held);
  prepared_release(l->prepared);
  mem_free(l);
}

void lanes_drop(Plan *p) {
  Lane *spare = atomic_exchange_explicit(&p->spare, NULL, memory_order_acquire);
  lock_take(&p->lock);
  Lane *waiting = p->lanes;
  p->lanes = NULL;
  lock_leave(&p->lock);
  if (spare)
    lane_free(p, spare);
  while (waiting) {
    Lane *l = waiting;
    waiting = l->next;
    lane_free(p, l);
  }
}

static Lane *lane_new(Plan *p, Error *e) {
  Lane *l = mem_new(p->account, 1, sizeof *l);
  if (l) {
    l->arena = block_new(p->account, (size_t)p->arena);
    l->pointer = mem_new(p->account, (size_t)p->npointers + 1,
                         sizeof *l->pointer);
    l->held = mem_new(p->account, (size_t)p->nvariables + 1, sizeof *l->held);
  }
  if (l == NULL || l->arena == NULL || l->pointer == NULL || l->held == NULL) {
    fail_memory(e, "out of memory: %lld bytes wanted for a plan's arena",
         (long long)p->arena);
    if (l)
      lane_free(p, l);
    return NULL;
  }
  for (int i = 0; i < p->npointers; i++) {
    Location at = p->location[i];
    if (at.base == ARENA)
      l->pointer[i] = l->arena + at.offset;
    else if (at.base == CONSTANT)
      l->pointer[i] = (char *)p->constant[at.index].data + at.offset;
  }
  return l;
}

Lane *lane_borrow(Plan *p, Error *e) {
  Lane *l = atomic_exchange_explicit(&p->spare, NULL, memory_order_acquire);
  if (l)
    return l;
  lock_take(&p->lock);
  l = p->lanes;
  if (l)
    p->lanes = l->next;
  lock_leave(&p->lock);
  l = l ? l : lane_new(p, e);
  if (l)
    l->timed = true;
  return l;
}

void lane_give_back(Plan *p, Lane *l) {
  Lane *none = NULL;
  if (atomic_compare_exchange_strong_explicit(&p->spare, &none, l,
                                              memory_order_release,
                                              memory_order_relaxed))
    return;
  lock_take(&p->lock);
  l->next = p->lanes;
  p->lanes = l;
  lock_leave(&p->lock);
}

void lane_hold(const Plan *p, Lane *l) {
  for (int i = 0; p->calls_lua && i < p->nvariables; i++)
    l->held[i] = tensor_share(&p->variable[i]->tensor);
}

void lane_let_go(const Plan *p, Lane *l) {
  for (int i = 0; p->calls_lua && i < p->nvariables; i++)
    tensor_drop(&l->held[i]);
}

void lane_aim(const Plan *p, Lane *l, const void *const *in,
              void *const *out) {
  const Moving *m = p->moving, *end = m + p->moving_in;
  void **pointer = l->pointer;
  for (; m < end; m++)
    pointer[m->pointer] = (char *)(uintptr_t)in[m->index] + m->offset;
  for (end += p->moving_out; m < end; m++)
    pointer[m->pointer] = (char *)out[m->index] + m->offset;
  for (end += p->moving_variables; m < end; m++)
    pointer[m->pointer] =
        (char *)p->variable[m->index]->tensor.data + m->offset;
}
