/* A function and the plans that were made of it, found by a hash of the input
** types. A plan is compiled outside the lock: whoever needs one that is there
** never waits for it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/threads.h"
#include "plan/plan.h"
#include "plan/steps.h"

/* More sizes of batches than most programs have, and not all memory. */
enum { KEPT = 64 };
#define KEPT_BYTES ((int64_t)256 << 20)

typedef struct Kept {
  uint64_t hash; /* of the input types */
  Plan *plan;
  uint64_t used; /* time of the last use */
  int next;      /* of the same bucket, -1: none */
} Kept;

struct PlanCache {
  atomic_int refs;
  Function *f;
  Account *account;
  atomic_uint passes; /* changed under the lock */
  _Atomic(Plan *) recent; /* counted: most calls are of the sizes of the last
                             one, and find its plan here without the lock */
  Lock lock; /* of all below */
  unsigned debug; /* what to print of what is compiled */
  Kept kept[KEPT];
  int n, last; /* the one that was used last */
  int bucket[KEPT];
  int64_t bytes;
  uint64_t now; /* counts uses */
  Preparations prepared; /* has a lock of its own */
};

enum { DEBUG_PLAN = 1, DEBUG_PROFILE = 2 };

/* What an environment variable may list. */
typedef struct Words {
  const char *what, *all;
  struct {
    const char *name;
    unsigned bit;
  } word[12]; /* ended by a word without a name */
} Words;

static const Words pass_words = {
  "pass", "naive, or some of -simplify,-share,-fuse,-attach,-reuse,-pair,"
          "-prepare,-parts,-bands,-endings,-winograd",
  {{"-simplify", PASS_SIMPLIFY}, {"-share", PASS_SHARE}, {"-fuse", PASS_FUSE},
   {"-attach", PASS_ATTACH}, {"-reuse", PASS_REUSE},
   {"-pair", PASS_PAIR}, {"-prepare", PASS_PREPARE},
   {"-parts", PASS_PARTS}, {"-bands", PASS_BANDS},
   {"-endings", PASS_ENDINGS}, {"-winograd", PASS_WINOGRAD}, {0}},
};

static const Words debug_words = {
  "LUNULA_DEBUG", "plan, profile or plan,profile",
  {{"plan", DEBUG_PLAN}, {"profile", DEBUG_PROFILE}, {0}},
};

/* The bit of a word of n bytes; 0: there is no such word. */
static unsigned bit_of(const Words *words, const char *text, size_t n) {
  for (int i = 0; words->word[i].name; i++) {
    const char *name = words->word[i].name;
    if (n == strlen(name) && memcmp(text, name, n) == 0)
      return words->word[i].bit;
  }
  return 0;
}

/* The bits of all words in a text with commas; NULL has none. */
static bool bits_of(const Words *words, const char *text, unsigned *bits,
                    Error *e) {
  *bits = 0;
  while (text && *text) {
    size_t n = strcspn(text, ",");
    unsigned bit = bit_of(words, text, n);
    if (bit == 0)
      return fail(e, "there is no %s \"%.*s\": %s", words->what,
                  (int)(n < 40 ? n : 40), text, words->all);
    *bits |= bit;
    text += n + (text[n] == ',');
  }
  return true;
}

bool passes_of(const char *text, unsigned *passes, Error *e) {
  unsigned without = PASS_ALL;
  bool naive = text && strcmp(text, "naive") == 0;
  if (!naive && !bits_of(&pass_words, text, &without, e))
    return false;
  *passes = PASS_ALL & ~without;
  return true;
}

static void forget_plans(PlanCache *k) {
  plan_release(atomic_exchange(&k->recent, NULL));
  for (int i = 0; i < k->n; i++)
    plan_release(k->kept[i].plan);
  k->n = k->last = 0;
  k->bytes = 0;
  memset(k->bucket, -1, sizeof k->bucket);
}

PlanCache *plan_cache_new(Function *f, Account *account, Error *e) {
  unsigned passes, debug;
  if (!passes_of(getenv("LUNULA_PASSES"), &passes, e) ||
      !bits_of(&debug_words, getenv("LUNULA_DEBUG"), &debug, e))
    return NULL;
  PlanCache *k = mem_new(account, 1, sizeof *k);
  if (k == NULL) {
    fail_memory(e, "out of memory");
    return NULL;
  }
  atomic_init(&k->refs, 1);
  lock_init(&k->lock);
  lock_init(&k->prepared.lock);
  forget_plans(k);
  k->f = function_retain(f);
  k->account = account;
  account_retain(account);
  k->passes = passes;
  k->debug = debug;
  return k;
}

void plan_cache_retain(PlanCache *k) {
  atomic_fetch_add(&k->refs, 1);
}

void plan_cache_release(PlanCache *k) {
  if (k == NULL || atomic_fetch_sub(&k->refs, 1) > 1)
    return;
  forget_plans(k);
  preparations_forget(&k->prepared);
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

void plan_cache_set_passes(PlanCache *k, unsigned passes) {
  lock_take(&k->lock);
  if (k->passes != passes)
    forget_plans(k);
  k->passes = passes;
  lock_leave(&k->lock);
}

/* ---- finding ------------------------------------------------------------ */

static uint64_t types_hash(const Type *in, int n) {
  uint64_t h = 0;
  for (int i = 0; i < n; i++) {
    h = (h ^ (uint64_t)in[i].dtype) * 0x9e3779b97f4a7c15u;
    for (int d = 0; d < in[i].rank; d++)
      h = (h ^ h >> 29 ^ (uint64_t)in[i].dim[d]) * 0x9e3779b97f4a7c15u;
  }
  return h ^ h >> 32;
}

int64_t plan_cache_bytes(PlanCache *k) {
  lock_take(&k->lock);
  int64_t bytes = k->bytes;
  lock_leave(&k->lock);
  return bytes + preparations_bytes(&k->prepared);
}

/* Made for these types, and for as many threads as there are now. */
static bool fits(const Plan *p, const Function *f, const Type *in) {
  if (p->threads && p->threads != threads_count())
    return false;
  for (int i = 0; i < f->ninputs; i++)
    if (!type_equal(plan_input(p, i), &in[i]))
      return false;
  return true;
}

/* The plan for these types, counted; NULL: none. The one that was used last is
** most often the one. */
static Plan *find(PlanCache *k, const Type *in) {
  int i = k->last;
  if (k->n == 0 || !fits(k->kept[i].plan, k->f, in)) {
    uint64_t hash = types_hash(in, k->f->ninputs);
    i = k->bucket[hash % KEPT];
    while (i >= 0 && (k->kept[i].hash != hash ||
                      !fits(k->kept[i].plan, k->f, in)))
      i = k->kept[i].next;
    if (i < 0)
      return NULL;
    k->last = i;
  }
  k->kept[i].used = ++k->now;
  plan_retain(k->kept[i].plan);
  return k->kept[i].plan;
}

/* ---- keeping ------------------------------------------------------------ */

static void rebuild_buckets(PlanCache *k) {
  memset(k->bucket, -1, sizeof k->bucket);
  for (int i = 0; i < k->n; i++) {
    int *bucket = &k->bucket[k->kept[i].hash % KEPT];
    k->kept[i].next = *bucket;
    *bucket = i;
  }
}

/* Takes the plan out that was not used for longest. */
static Plan *drop_oldest(PlanCache *k) {
  int oldest = 0;
  for (int i = 1; i < k->n; i++)
    if (k->kept[i].used < k->kept[oldest].used)
      oldest = i;
  Plan *p = k->kept[oldest].plan;
  k->bytes -= plan_bytes(p);
  k->kept[oldest] = k->kept[--k->n];
  k->last = 0;
  return p;
}

/* Keeps the plan, counted once more, and fills `dropped` with those that have
** to go. */
static int keep(PlanCache *k, const Type *in, Plan *p, Plan **dropped) {
  int n = 0;
  while (k->n > 0 &&
         (k->n == KEPT || k->bytes + plan_bytes(p) > KEPT_BYTES))
    dropped[n++] = drop_oldest(k);
  if (n > 0) /* it may be one of them */
    dropped[n++] = atomic_exchange(&k->recent, NULL);
  plan_retain(p);
  k->last = k->n;
  k->kept[k->n++] = (Kept){types_hash(in, k->f->ninputs), p, ++k->now, -1};
  k->bytes += plan_bytes(p);
  rebuild_buckets(k);
  return n;
}

/* A plan that another thread made meanwhile is taken instead. */
static Plan *keep_or_take(PlanCache *k, const Type *in, Plan *p,
                          unsigned passes) {
  Plan *dropped[KEPT + 1];
  int n = 0;
  lock_take(&k->lock);
  Plan *there = passes == k->passes ? find(k, in) : NULL;
  if (there)
    dropped[n++] = p;
  else if (passes == k->passes)
    n = keep(k, in, p, dropped);
  lock_leave(&k->lock);
  while (n > 0)
    plan_release(dropped[--n]);
  return there ? there : p;
}

static Plan *compile(PlanCache *k, const Type *in, unsigned passes,
                     const Watch *watch, Error *e) {
  bool wanted = k->debug & DEBUG_PLAN;
  Text text = {0};
  Plan *p = plan_new(k->f, in, k->account, passes, &k->prepared,
                     wanted ? &text : NULL, watch, e);
  if (p && (k->debug & DEBUG_PROFILE))
    plan_profile(p);
  if (p && wanted && text.data)
    fputs(text.data, stderr);
  text_free(&text);
  return p;
}

/* The recent one, if it is for these types. */
static Plan *take_recent(PlanCache *k, const Type *in) {
  Plan *p = atomic_exchange_explicit(&k->recent, NULL, memory_order_acquire);
  if (p && fits(p, k->f, in) &&
      p->passes == atomic_load_explicit(&k->passes, memory_order_relaxed))
    return p;
  plan_release(p);
  return NULL;
}

void plan_cache_give(PlanCache *k, Plan *p) {
  Plan *none = NULL;
  if (!atomic_compare_exchange_strong_explicit(&k->recent, &none, p,
                                               memory_order_release,
                                               memory_order_relaxed))
    plan_release(p);
}

Plan *plan_cache_plan(PlanCache *k, const Type *in, const Watch *watch,
                      Error *e) {
  Plan *p = take_recent(k, in);
  if (p)
    return p;
  lock_take(&k->lock);
  p = find(k, in);
  unsigned passes = k->passes;
  lock_leave(&k->lock);
  if (p)
    return p;
  p = compile(k, in, passes, watch, e);
  return p ? keep_or_take(k, in, p, passes) : NULL;
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
