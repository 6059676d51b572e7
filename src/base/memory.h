/* The one door through which memory comes, in two forms: records, which know
** their size and their account, and aligned blocks for numbers, with a cache of
** freed ones: a fresh block costs a page fault every 4 KB, a recycled one
** nothing. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include "base/base.h"

/* Who pays. Shared by atomic reference count, because memory may outlive the
** state that made it; all functions are thread-safe. */
typedef struct Account Account;

Account *account_new(void);
/* Where memory comes from when it is not the system, as a lua_Alloc: `had` bytes
** become `wanted`, 0 is nothing; NULL when there is no more. Thread-safe. */
typedef void *Resize(void *ud, void *block, size_t had, size_t wanted);
/* The same with all of its memory from there; NULL: from the system. */
Account *account_new_from(Resize *resize, void *ud);
void account_retain(Account *a);
void account_release(Account *a); /* frees the cache with the last reference */

/* ---- records ------------------------------------------------------------ */

/* Room for n items, all zero (n may be 0), or NULL when the limit is reached,
** the system has no more or the size is no number. The record keeps the
** account alive; a NULL account counts nothing. */
void *mem_new(Account *a, size_t n, size_t item);
/* The same record with room for n items, at another address; the account is
** for a record that is NULL. After a failure the old one stands. What is new
** in it is zero. */
void *mem_resize(Account *a, void *record, size_t n, size_t item);
char *mem_text(Account *a, const char *text); /* a copy */
void mem_free(void *record);                  /* NULL is allowed */

/* Counted by nobody: for the heap of a Lua state, whose owner counts, and for
** what belongs to the process. */
void *mem_raw_resize(void *block, size_t bytes);
void *mem_raw_aligned(size_t bytes); /* 64-byte aligned */
void mem_raw_free(void *block);

/* ---- blocks ------------------------------------------------------------- */

/* A 64-byte aligned block of at least `bytes` (0 is allowed), or NULL when
** the limit is reached or the system has no more, after the cache was
** emptied. The content is undefined. The owner keeps the account alive. */
void *block_new(Account *a, size_t bytes);
void block_free(Account *a, void *block, size_t bytes); /* NULL is allowed */

/* Blocks of up to so many bytes may be part of a record instead. None are under
** a sanitizer, which watches the ends of what was allocated. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BLOCK_IN_RECORD 0
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define BLOCK_IN_RECORD 0
#elif !defined(BLOCK_IN_RECORD)
#define BLOCK_IN_RECORD 512
#endif

/* ---- accounts ----------------------------------------------------------- */

/* Counts bytes that somebody else holds (Lua's own heap) against the limit;
** false, and nothing counted, when that would pass it. `bytes` may be < 0. What
** is counted keeps the account alive. */
bool account_charge(Account *a, int64_t bytes);

typedef struct AccountReport {
  size_t live, peak, cached, limit; /* bytes; limit 0: none */
} AccountReport;
AccountReport account_report(const Account *a);
void account_set_limit(Account *a, size_t bytes);
/* Gives the cached blocks back. `wanted`: bytes that are going to be taken, 0
** where nobody knows. Where either is so much, the C library gives back too what
** lies free between other blocks: less is not worth a walk through its heap. */
enum { TRIM_MUCH = 16 << 20 };
void account_trim(Account *a, size_t wanted);

#endif
