/* A function and the plans that were made of it, the last used first. */

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"

enum { KEPT = 8 };

struct PlanCache {
  atomic_int refs;
  Function *f;
  Account *account;
  unsigned passes;
  Plan *plan[KEPT];
  atomic_flag lock;
};

static const struct {
  const char *name;
  unsigned pass;
} pass_names[] = {
  {"simplify", PASS_SIMPLIFY}, {"share", PASS_SHARE}, {"fuse", PASS_FUSE},
  {"attach", PASS_ATTACH},     {"reuse", PASS_REUSE},
};

unsigned passes_of(const char *text) {
  unsigned passes = PASS_ALL;
  if (text == NULL)
    return passes;
  if (strcmp(text, "naive") == 0)
    return 0;
  for (int i = 0; i < COUNT_OF(pass_names); i++) {
    const char *at = strstr(text, pass_names[i].name);
    if (at && at > text && at[-1] == '-')
      passes &= ~pass_names[i].pass;
  }
  return passes;
}

PlanCache *plan_cache_new(Function *f, Account *account, Error *e) {
  PlanCache *k = mem_new(account, 1, sizeof *k);
  if (k == NULL) {
    fail_memory(e, "out of memory");
    return NULL;
  }
  atomic_init(&k->refs, 1);
  atomic_flag_clear(&k->lock);
  k->f = function_retain(f);
  k->account = account;
  account_retain(account);
  k->passes = passes_of(getenv("LUNULA_PASSES"));
  return k;
}

void plan_cache_retain(PlanCache *k) {
  atomic_fetch_add(&k->refs, 1);
}

static void forget_plans(PlanCache *k) {
  for (int i = 0; i < KEPT; i++) {
    plan_release(k->plan[i]);
    k->plan[i] = NULL;
  }
}

void plan_cache_release(PlanCache *k) {
  if (k == NULL || atomic_fetch_sub(&k->refs, 1) > 1)
    return;
  forget_plans(k);
  function_release(k->f);
  account_release(k->account);
  mem_free(k);
}

const Function *plan_cache_function(const PlanCache *k) {
  return k->f;
}

Account *plan_cache_account(const PlanCache *k) {
  return k->account;
}

static void lock(PlanCache *k) {
  while (atomic_flag_test_and_set_explicit(&k->lock, memory_order_acquire))
    sched_yield();
}

static void unlock(PlanCache *k) {
  atomic_flag_clear_explicit(&k->lock, memory_order_release);
}

void plan_cache_set_passes(PlanCache *k, unsigned passes) {
  lock(k);
  if (k->passes != passes)
    forget_plans(k);
  k->passes = passes;
  unlock(k);
}

int64_t plan_cache_bytes(PlanCache *k) {
  int64_t bytes = 0;
  lock(k);
  for (int i = 0; i < KEPT && k->plan[i]; i++)
    bytes += plan_arena_bytes(k->plan[i]);
  unlock(k);
  return bytes;
}

static bool fits(const Plan *p, const Function *f, const Type *in) {
  for (int i = 0; i < f->ninputs; i++)
    if (!type_equal(plan_input(p, i), &in[i]))
      return false;
  return true;
}

static Plan *find(PlanCache *k, const Type *in) {
  for (int i = 0; i < KEPT && k->plan[i]; i++)
    if (fits(k->plan[i], k->f, in)) {
      Plan *p = k->plan[i];
      memmove(k->plan + 1, k->plan, (size_t)i * sizeof *k->plan);
      return k->plan[0] = p;
    }
  return NULL;
}

static Plan *compile(PlanCache *k, const Type *in, Error *e) {
  const char *debug = getenv("LUNULA_DEBUG");
  bool wanted = debug && strstr(debug, "plan");
  Text text = {0};
  Plan *p = plan_new(k->f, in, k->account, k->passes, wanted ? &text : NULL, e);
  if (p == NULL)
    return NULL;
  if (debug && strstr(debug, "profile"))
    plan_profile(p);
  if (wanted && text.data)
    fputs(text.data, stderr);
  text_free(&text);
  plan_release(k->plan[KEPT - 1]);
  memmove(k->plan + 1, k->plan, (KEPT - 1) * sizeof *k->plan);
  return k->plan[0] = p;
}

Plan *plan_cache_plan(PlanCache *k, const Type *in, Error *e) {
  lock(k);
  Plan *p = find(k, in);
  if (p == NULL)
    p = compile(k, in, e);
  if (p)
    plan_retain(p);
  unlock(k);
  return p;
}

static bool is_updated(const Binding *b) {
  return !val_same(b->leaf, b->current);
}

bool plan_cache_own_variables(PlanCache *k, Error *e) {
  for (int i = 0; i < k->f->nbindings; i++)
    if (is_updated(&k->f->bindings[i]) &&
        !variable_own(k->f->bindings[i].variable, k->account, e))
      return false;
  return true;
}

void plan_cache_touch_variables(PlanCache *k) {
  for (int i = 0; i < k->f->nbindings; i++)
    if (is_updated(&k->f->bindings[i]))
      atomic_fetch_add(&k->f->bindings[i].variable->version, 1);
}
