/* Aligned blocks and the cache of freed ones. A block has no header: its
** owner knows the size, and the size says the class that the block belongs
** to. Classes are an eighth of a power of two apart, so that a network whose
** batch changes a little finds its old blocks again. */
#define _DEFAULT_SOURCE /* posix_memalign, madvise */
#include "base/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

enum {
  ALIGNMENT = 64,
  STEPS = 8,         /* classes between two powers of two */
  CLASSES = 56 * STEPS
};

/* Blocks from twice this size on are laid on huge pages where the system has
** them: the first touch of a block costs a fifth, and so do misses of the
** address cache later. */
static const size_t HUGE_PAGE = (size_t)2 << 20;

/* Freed bytes that are kept whatever the peak was. */
static const size_t CACHE_FLOOR = (size_t)256 << 20;

/* A sanitizer must see each use of a freed block, so nothing is kept. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NO_CACHE 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(NO_CACHE)
static const bool keeps_blocks = false;
#else
static const bool keeps_blocks = true;
#endif

typedef struct FreeBlock {
  struct FreeBlock *next;
} FreeBlock;

typedef struct Class {
  FreeBlock *first;
  bool wanted; /* has served a request since the last sweep? */
} Class;

struct Account {
  atomic_int references;
  pthread_mutex_t mutex; /* guards all below */
  AccountReport report;
  Class classes[CLASSES];
};

/* ---- sizes ------------------------------------------------------------- */

/* The class of a block: multiples of 64 up to 512, then eight steps an
** octave. -1: no system has that much. */
static int class_of(size_t bytes) {
  if (bytes > PTRDIFF_MAX / 2) return -1;
  size_t units = (bytes + ALIGNMENT - 1) / ALIGNMENT;
  if (units <= STEPS) return units == 0 ? 0 : (int)units - 1;
  int shift = 0;
  while ((units - 1) >> shift >= 2 * STEPS) shift++;
  return STEPS * (shift + 1) + (int)((units - 1) >> shift) - STEPS;
}

static size_t class_bytes(int c) {
  if (c < STEPS) return (size_t)(c + 1) * ALIGNMENT;
  int shift = c / STEPS - 1;
  return ((size_t)(c % STEPS + STEPS + 1) << shift) * ALIGNMENT;
}

/* ---- the cache (the mutex is held) ------------------------------------- */

/* Blocks are taken out under the mutex and given back outside of it. */
static FreeBlock *unlink_class(Account *a, int c, FreeBlock *chain) {
  while (a->classes[c].first != NULL) {
    FreeBlock *b = a->classes[c].first;
    a->classes[c].first = b->next;
    a->report.cached -= class_bytes(c);
    b->next = chain;
    chain = b;
  }
  return chain;
}

static FreeBlock *unlink_all(Account *a) {
  FreeBlock *chain = NULL;
  for (int c = 0; c < CLASSES; c++) chain = unlink_class(a, c, chain);
  return chain;
}

/* The classes that nobody asked for since the last sweep. */
static FreeBlock *unlink_stale(Account *a) {
  FreeBlock *chain = NULL;
  for (int c = 0; c < CLASSES; c++) {
    if (!a->classes[c].wanted) chain = unlink_class(a, c, chain);
    a->classes[c].wanted = false;
  }
  return chain;
}

static void free_chain(FreeBlock *chain) {
  while (chain != NULL) {
    FreeBlock *next = chain->next;
    free(chain);
    chain = next;
  }
}

static size_t cache_cap(const Account *a) {
  size_t share = a->report.peak / 2;
  return share > CACHE_FLOOR ? share : CACHE_FLOOR;
}

/* Counts the bytes as live if the limit allows it. */
static bool count_live(Account *a, size_t bytes) {
  AccountReport *r = &a->report;
  if (r->limit != 0 &&
      (bytes > r->limit || r->live + r->cached > r->limit - bytes))
    return false;
  r->live += bytes;
  if (r->live > r->peak) r->peak = r->live;
  return true;
}

/* ---- accounts ---------------------------------------------------------- */

Account *account_new(void) {
  Account *a = calloc(1, sizeof *a);
  if (a == NULL) return NULL;
  if (pthread_mutex_init(&a->mutex, NULL) != 0) {
    free(a);
    return NULL;
  }
  atomic_init(&a->references, 1);
  return a;
}

void account_retain(Account *a) {
  atomic_fetch_add_explicit(&a->references, 1, memory_order_relaxed);
}

void account_release(Account *a) {
  if (a == NULL ||
      atomic_fetch_sub_explicit(&a->references, 1, memory_order_acq_rel) != 1)
    return;
  free_chain(unlink_all(a));
  pthread_mutex_destroy(&a->mutex);
  free(a);
}

void account_trim(Account *a) {
  pthread_mutex_lock(&a->mutex);
  FreeBlock *chain = unlink_all(a);
  pthread_mutex_unlock(&a->mutex);
  free_chain(chain);
}

/* As count_live, emptying the cache when that is what stands in the way. */
static bool count_or_trim(Account *a, size_t bytes) {
  FreeBlock *chain = NULL;
  pthread_mutex_lock(&a->mutex);
  bool counted = count_live(a, bytes);
  if (!counted && a->report.cached > 0) {
    chain = unlink_all(a);
    counted = count_live(a, bytes);
  }
  pthread_mutex_unlock(&a->mutex);
  free_chain(chain);
  return counted;
}

static void count_dead(Account *a, size_t bytes) {
  pthread_mutex_lock(&a->mutex);
  a->report.live -= bytes < a->report.live ? bytes : a->report.live;
  pthread_mutex_unlock(&a->mutex);
}

bool account_charge(Account *a, int64_t bytes) {
  if (bytes >= 0) return count_or_trim(a, (size_t)bytes);
  count_dead(a, 0 - (size_t)bytes);
  return true;
}

AccountReport account_report(Account *a) {
  pthread_mutex_lock(&a->mutex);
  AccountReport r = a->report;
  pthread_mutex_unlock(&a->mutex);
  return r;
}

void account_set_limit(Account *a, size_t bytes) {
  FreeBlock *chain = NULL;
  pthread_mutex_lock(&a->mutex);
  AccountReport *r = &a->report;
  r->limit = bytes;
  if (bytes != 0 && r->live + r->cached > bytes) chain = unlink_all(a);
  pthread_mutex_unlock(&a->mutex);
  free_chain(chain);
}

/* ---- blocks ------------------------------------------------------------ */

static void *fresh_block(size_t size) {
  void *block = NULL;
  bool huge = size >= 2 * HUGE_PAGE;
  if (posix_memalign(&block, huge ? HUGE_PAGE : ALIGNMENT, size) != 0)
    return NULL;
#ifdef MADV_HUGEPAGE
  if (huge) (void)madvise(block, size, MADV_HUGEPAGE);
#endif
  return block;
}

static void *take_cached(Account *a, int c) {
  pthread_mutex_lock(&a->mutex);
  FreeBlock *b = a->classes[c].first;
  a->classes[c].wanted = true;
  if (b != NULL) {
    AccountReport *r = &a->report;
    a->classes[c].first = b->next;
    r->cached -= class_bytes(c);
    r->live += class_bytes(c);
    if (r->live > r->peak) r->peak = r->live;
  }
  pthread_mutex_unlock(&a->mutex);
  return b;
}

void *block_new(Account *a, size_t bytes) {
  int c = class_of(bytes);
  if (c < 0) return NULL;
  void *block = take_cached(a, c);
  if (block != NULL) return block;
  size_t size = class_bytes(c);
  if (!count_or_trim(a, size)) return NULL;
  block = fresh_block(size);
  if (block == NULL) { /* has the cache what the system lacks? */
    account_trim(a);
    block = fresh_block(size);
  }
  if (block == NULL) count_dead(a, size);
  return block;
}

void block_free(Account *a, void *block, size_t bytes) {
  if (block == NULL) return;
  int c = class_of(bytes);
  size_t size = class_bytes(c);
  FreeBlock *b = block, *chain = NULL;
  pthread_mutex_lock(&a->mutex);
  AccountReport *r = &a->report;
  r->live -= size;
  size_t cap = keeps_blocks ? cache_cap(a) : 0;
  if (r->cached + size > cap && keeps_blocks) chain = unlink_stale(a);
  if (r->cached + size <= cap) {
    b->next = a->classes[c].first;
    a->classes[c].first = b;
    r->cached += size;
  } else {
    b->next = chain;
    chain = b;
  }
  pthread_mutex_unlock(&a->mutex);
  free_chain(chain);
}
