/* Aligned blocks, counted against an account, and a cache of freed ones: a
** fresh block costs a page fault every 4 KB, a recycled one nothing. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include "base/base.h"

/* Who pays for a block. Shared by atomic reference count, because blocks
** may outlive the state that made them; all functions are thread-safe. */
typedef struct Account Account;

Account *account_new(void);
void account_retain(Account *a);
void account_release(Account *a); /* frees the cache with the last reference */

/* A 64-byte aligned block of at least `bytes` (0 is allowed), or NULL when
** the limit is reached or the system has no more, after the cache was
** emptied. The content is undefined. */
void *block_new(Account *a, size_t bytes);
void block_free(Account *a, void *block, size_t bytes); /* NULL is allowed */

/* Counts bytes that somebody else holds (Lua's own heap) against the limit;
** false, and nothing counted, when that would pass it. `bytes` may be < 0. */
bool account_charge(Account *a, int64_t bytes);

typedef struct AccountReport {
  size_t live, peak, cached, limit; /* bytes; limit 0: none */
} AccountReport;
AccountReport account_report(Account *a);
void account_set_limit(Account *a, size_t bytes);
void account_trim(Account *a); /* gives the cached blocks back */

#endif
