/* Records, and aligned blocks with the cache of freed ones. This file alone
** asks the system for memory. A block has no header: its owner knows the size,
** and the size says the class that the block belongs to. Classes are an eighth
** of a power of two apart, so that a network whose batch changes a little finds
** its old blocks again. What is live is counted without the lock, because
** records come and go with every eager op. */
#define _DEFAULT_SOURCE /* posix_memalign, madvise */
#include "base/lock.h"
#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
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
static const size_t CACHE_FLOOR = (size_t)64 << 20;

/* A sanitizer must see each use of a freed block, so nothing is kept. */
static const bool keeps_blocks = BLOCK_IN_RECORD > 0;

typedef struct FreeBlock {
  struct FreeBlock *next;
  size_t bytes;
} FreeBlock;

typedef struct Class {
  FreeBlock *first;
  bool wanted; /* has served a request since the last sweep? */
} Class;

/* In `live` while somebody refers to the account: whoever takes the last of
** both away frees it. So what is counted needs no reference of its own. */
static const size_t OWNED = (size_t)1 << 62;

struct Account {
  Resize *resize; /* NULL: the system */
  void *ud;
  atomic_int references;
  atomic_size_t live, peak, cached, limit;
  Lock lock; /* of the classes */
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

/* ---- the cache (the lock is held) ------------------------------------- */

/* Blocks are taken out under the lock and given back outside of it. */
static FreeBlock *unlink_class(Account *a, int c, FreeBlock *chain) {
  while (a->classes[c].first != NULL) {
    FreeBlock *b = a->classes[c].first;
    a->classes[c].first = b->next;
    atomic_fetch_sub(&a->cached, class_bytes(c));
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

static void system_free(const Account *a, void *block, size_t bytes) {
  if (a && a->resize)
    a->resize(a->ud, block, bytes, 0);
  else
    free(block);
}

/* A host's memory is not aligned as blocks are: behind its beginning there is a
** word with the address of that, and then the block. */
static size_t padded(size_t size) {
  return size + ALIGNMENT + sizeof(void *);
}

static void *padded_block(const Account *a, size_t size) {
  char *from = a->resize(a->ud, NULL, 0, padded(size));
  if (from == NULL)
    return NULL;
  uintptr_t at = (uintptr_t)(from + sizeof(void *) + ALIGNMENT - 1);
  void **block = (void **)(at & ~(uintptr_t)(ALIGNMENT - 1));
  block[-1] = from;
  return block;
}

/* The class of a chain's blocks is not known any more: each says its size. */
static void free_chain(const Account *a, FreeBlock *chain) {
  while (chain != NULL) {
    FreeBlock *next = chain->next;
    if (a->resize)
      a->resize(a->ud, ((void **)chain)[-1], padded(chain->bytes), 0);
    else
      free(chain);
    chain = next;
  }
}

static size_t load(const atomic_size_t *n) {
  return atomic_load_explicit(n, memory_order_relaxed);
}

static size_t live_bytes(const Account *a) {
  return load(&a->live) & ~OWNED;
}

static size_t cache_cap(const Account *a) {
  size_t share = load(&a->peak) / 2;
  return share > CACHE_FLOOR ? share : CACHE_FLOOR;
}

static void raise_peak(Account *a, size_t live) {
  size_t peak = load(&a->peak);
  while (live > peak && !atomic_compare_exchange_weak(&a->peak, &peak, live))
    continue;
}

static void account_free(Account *a) {
  free_chain(a, unlink_all(a));
  system_free(a, a, sizeof *a);
}

/* Nothing of the account may be touched after it. */
static void count_dead(Account *a, size_t bytes) {
  if (atomic_fetch_sub_explicit(&a->live, bytes, memory_order_acq_rel) == bytes)
    account_free(a);
}

/* Counts the bytes as live if the limit allows it. */
static bool count_live(Account *a, size_t bytes) {
  size_t before = atomic_fetch_add_explicit(&a->live, bytes,
                                            memory_order_relaxed) & ~OWNED;
  size_t limit = load(&a->limit), all = before + bytes;
  if (limit != 0 &&
      (bytes > limit || before + load(&a->cached) > limit - bytes)) {
    count_dead(a, bytes);
    return false;
  }
  raise_peak(a, all);
  return true;
}

/* ---- accounts ---------------------------------------------------------- */

Account *account_new(void) {
  return account_new_from(NULL, NULL);
}

Account *account_new_from(Resize *resize, void *ud) {
  Account *a = resize ? resize(ud, NULL, 0, sizeof *a) : malloc(sizeof *a);
  if (a == NULL) return NULL;
  memset(a, 0, sizeof *a);
  a->resize = resize;
  a->ud = ud;
  lock_init(&a->lock);
  atomic_init(&a->references, 1);
  atomic_init(&a->live, OWNED);
  return a;
}

void account_retain(Account *a) {
  atomic_fetch_add_explicit(&a->references, 1, memory_order_relaxed);
}

void account_release(Account *a) {
  if (a == NULL ||
      atomic_fetch_sub_explicit(&a->references, 1, memory_order_acq_rel) != 1)
    return;
  count_dead(a, OWNED);
}

void account_trim(Account *a, size_t wanted) {
#ifdef __GLIBC__
  size_t freed = load(&a->cached);
#else
  (void)wanted;
#endif
  lock_take(&a->lock);
  FreeBlock *chain = unlink_all(a);
  lock_leave(&a->lock);
  free_chain(a, chain);
#ifdef __GLIBC__
  if ((freed >= TRIM_MUCH || wanted >= TRIM_MUCH) && !a->resize)
    malloc_trim(0);
#endif
}

/* As count_live, emptying the cache when that is what stands in the way. */
static bool count_or_trim(Account *a, size_t bytes) {
  if (count_live(a, bytes))
    return true;
  if (load(&a->cached) == 0)
    return false;
  account_trim(a, 0);
  return count_live(a, bytes);
}

bool account_charge(Account *a, int64_t bytes) {
  if (bytes >= 0) return count_or_trim(a, (size_t)bytes);
  count_dead(a, 0 - (size_t)bytes);
  return true;
}

AccountReport account_report(const Account *a) {
  return (AccountReport){live_bytes(a), load(&a->peak), load(&a->cached),
                         load(&a->limit)};
}

void account_set_limit(Account *a, size_t bytes) {
  atomic_store(&a->limit, bytes);
  if (bytes != 0 && live_bytes(a) + load(&a->cached) > bytes)
    account_trim(a, 0);
}

/* ---- records ------------------------------------------------------------ */

/* In front of each record; as long as what malloc aligns to. */
typedef struct Header {
  Account *account; /* NULL: nobody's */
  size_t bytes;     /* with the header */
} Header;

/* Bytes of a record, or 0 when that is no number. */
static size_t record_bytes(size_t n, size_t item) {
  if (item != 0 && n > (PTRDIFF_MAX / 2 - sizeof(Header)) / item)
    return 0;
  return sizeof(Header) + n * item;
}

/* Zero bytes. Small ones are cleared here: calloc passes by what malloc has at
** hand for each thread. */
static void *zero_bytes(const Account *a, size_t bytes) {
  enum { SMALL = 1024 };
  bool from_host = a && a->resize;
  if (bytes > SMALL && !from_host)
    return calloc(1, bytes);
  void *p = from_host ? a->resize(a->ud, NULL, 0, bytes) : malloc(bytes);
  return p ? memset(p, 0, bytes) : NULL;
}

void *mem_new(Account *a, size_t n, size_t item) {
  size_t bytes = record_bytes(n, item);
  if (bytes == 0 || (a && !count_or_trim(a, bytes)))
    return NULL;
  Header *h = zero_bytes(a, bytes);
  if (h == NULL && a) {
    account_trim(a, 0);
    h = zero_bytes(a, bytes);
  }
  if (h == NULL) {
    if (a) count_dead(a, bytes);
    return NULL;
  }
  *h = (Header){a, bytes};
  return h + 1;
}

void *mem_resize(Account *a, void *record, size_t n, size_t item) {
  if (record == NULL)
    return mem_new(a, n, item);
  Header *h = (Header *)record - 1;
  size_t had = h->bytes - sizeof *h;
  void *other = mem_new(h->account, n, item);
  if (other == NULL)
    return NULL;
  memcpy(other, record, had < n * item ? had : n * item);
  mem_free(record);
  return other;
}

char *mem_text(Account *a, const char *text) {
  size_t n = strlen(text) + 1;
  char *copy = mem_new(a, n, 1);
  return copy ? memcpy(copy, text, n) : NULL;
}

void mem_free(void *record) {
  if (record == NULL)
    return;
  Header *h = (Header *)record - 1;
  Account *a = h->account;
  size_t bytes = h->bytes;
  system_free(a, h, bytes);
  if (a) count_dead(a, bytes);
}

void *mem_raw_resize(void *block, size_t bytes) {
  return realloc(block, bytes);
}

void *mem_raw_aligned(size_t bytes) {
  void *block;
  return posix_memalign(&block, ALIGNMENT, bytes) == 0 ? block : NULL;
}

void mem_raw_free(void *block) {
  free(block);
}

/* ---- blocks ------------------------------------------------------------ */

static void *fresh_block(const Account *a, size_t size) {
  void *block = NULL;
  if (a->resize)
    return padded_block(a, size);
  bool huge = size >= 2 * HUGE_PAGE;
  if (posix_memalign(&block, huge ? HUGE_PAGE : ALIGNMENT, size) != 0)
    return NULL;
#ifdef MADV_HUGEPAGE
  if (huge) (void)madvise(block, size, MADV_HUGEPAGE);
#endif
  return block;
}

static void *take_cached(Account *a, int c) {
  lock_take(&a->lock);
  FreeBlock *b = a->classes[c].first;
  a->classes[c].wanted = true;
  if (b != NULL) {
    a->classes[c].first = b->next;
    atomic_fetch_sub(&a->cached, class_bytes(c));
    atomic_fetch_add(&a->live, class_bytes(c));
    raise_peak(a, live_bytes(a));
  }
  lock_leave(&a->lock);
  return b;
}

void *block_new(Account *a, size_t bytes) {
  int c = class_of(bytes);
  if (c < 0) return NULL;
  void *block = take_cached(a, c);
  if (block != NULL) return block;
  size_t size = class_bytes(c);
  if (!count_or_trim(a, size)) return NULL;
  block = fresh_block(a, size);
  if (block == NULL) { /* has the cache what the system lacks? */
    account_trim(a, 0);
    block = fresh_block(a, size);
  }
  if (block == NULL) count_dead(a, size);
  return block;
}

void block_free(Account *a, void *block, size_t bytes) {
  if (block == NULL) return;
  int c = class_of(bytes);
  size_t size = class_bytes(c);
  FreeBlock *b = block, *chain = NULL;
  b->bytes = size;
  lock_take(&a->lock);
  count_dead(a, size);
  size_t cap = keeps_blocks ? cache_cap(a) : 0;
  if (load(&a->cached) + size > cap && keeps_blocks) chain = unlink_stale(a);
  if (load(&a->cached) + size <= cap) {
    b->next = a->classes[c].first;
    a->classes[c].first = b;
    atomic_fetch_add(&a->cached, size);
  } else {
    b->next = chain;
    chain = b;
  }
  lock_leave(&a->lock);
  free_chain(a, chain);
}
