/* Sorting, the largest of a row, and binary search. All of them see a number as
** a key, a whole number that compares as it does (NaN above all, -0 as 0), and
** what is sorted is words: the key above the number's place in its row. Words
** differ, so whatever way they are put in order, equal numbers keep theirs. */
#define ISA_AVX2_SERVES
#include "base/each_isa.h"
#include "kernels/kernels.h"

#include <string.h>

/* Of the bits of a float, or of a whole number. */
INLINE int32_t key_of(int32_t bits, bool real) {
  if (!real)
    return bits;
  int32_t size = bits & INT32_MAX;
  int32_t key = bits ^ ((bits >> 31) & INT32_MAX);
  key = size == 0 ? 0 : key;
  return size > 0x7f800000 ? INT32_MAX : key;
}

/* Unsigned, and the other way round where the largest comes first. */
INLINE uint32_t rank_of(int32_t bits, bool real, bool descending) {
  int32_t key = key_of(bits, real);
  return (uint32_t)(descending ? ~key : key) ^ 0x80000000u;
}

INLINE uint64_t word_of(uint32_t rank, int64_t place) {
  return (uint64_t)rank << 32 | (uint64_t)place;
}

INLINE uint32_t rank_in(uint64_t word) {
  return (uint32_t)(word >> 32);
}

/* How many bits it takes to write x. */
INLINE int bits_of(uint32_t x) {
  int n = 0;
  for (; x; x >>= 1)
    n++;
  return n;
}

/* ---- words in order ----------------------------------------------------- */

enum { RUN = 8, FEW_WORDS = 128, NARROW = 8, WIDE = 10, MANY_WORDS = 4096 };

static void insertion(uint64_t *a, int64_t n) {
  for (int64_t i = 1; i < n; i++) {
    uint64_t word = a[i];
    int64_t k = i;
    for (; k > 0 && a[k - 1] > word; k--)
      a[k] = a[k - 1];
    a[k] = word;
  }
}

static void merge(const uint64_t *a, int64_t na, const uint64_t *b, int64_t nb,
                  uint64_t *y) {
  int64_t i = 0, k = 0;
  while (i < na && k < nb) {
    bool second = b[k] < a[i];
    *y++ = second ? b[k] : a[i];
    k += second;
    i += !second;
  }
  memcpy(y, a + i, (size_t)(na - i) * sizeof *y);
  memcpy(y + na - i, b + k, (size_t)(nb - k) * sizeof *y);
}

/* In a or in b, whichever it returns; so do the next two. */
static uint64_t *by_merging(uint64_t *a, uint64_t *b, int64_t n) {
  for (int64_t i = 0; i < n; i += RUN)
    insertion(a + i, n - i < RUN ? n - i : RUN);
  for (int64_t run = RUN; run < n; run *= 2) {
    for (int64_t i = 0; i < n; i += 2 * run) {
      int64_t na = n - i < run ? n - i : run, left = n - i - na;
      merge(a + i, na, a + i + na, left < run ? left : run, b + i);
    }
    uint64_t *other = a;
    a = b;
    b = other;
  }
  return a;
}

/* Puts the words into b by one digit; false when they all have the same. */
static bool deal_digit(const uint64_t *a, uint64_t *b, int64_t n, int low,
                       int width) {
  uint32_t place[1 << WIDE], mask = (1u << width) - 1, sum = 0;
  memset(place, 0, sizeof *place << width);
  for (int64_t i = 0; i < n; i++)
    place[(a[i] >> low) & mask]++;
  if (place[(a[0] >> low) & mask] == n)
    return false;
  for (uint32_t d = 0; d <= mask; d++) {
    uint32_t count = place[d];
    place[d] = sum;
    sum += count;
  }
  for (int64_t i = 0; i < n; i++)
    b[place[(a[i] >> low) & mask]++] = a[i];
  return true;
}

/* Words in the order of their places, of whose ranks just so many of the lowest
** bits differ. */
static uint64_t *by_digits(uint64_t *a, uint64_t *b, int64_t n, int bits) {
  int most = n < MANY_WORDS ? NARROW : WIDE, passes = (bits + most - 1) / most;
  for (int i = 0; i < passes; i++) {
    int from = bits * i / passes, to = bits * (i + 1) / passes;
    if (deal_digit(a, b, n, 32 + from, to - from)) {
      uint64_t *other = a;
      a = b;
      b = other;
    }
  }
  return a;
}

static uint64_t *in_order(uint64_t *a, uint64_t *b, int64_t n) {
  if (n < FEW_WORDS)
    return by_merging(a, b, n);
  uint64_t differ = 0;
  for (int64_t i = 1; i < n; i++)
    differ |= a[i] ^ a[0];
  return by_digits(a, b, n, bits_of(rank_in(differ)));
}

static void write_words(const Sort *s, const uint64_t *words, int64_t n,
                        int64_t at) {
  for (int64_t i = 0; i < n; i++) {
    int32_t place = (int32_t)words[i];
    s->y[at + i] = s->x[place];
    s->place[at + i] = place;
  }
}

/* ---- short rows --------------------------------------------------------- */

KERNEL(void, sort_rows, (const Sort *rows, int64_t r0, int64_t r1,
                         uint64_t *words)) {
  for (int64_t r = r0; r < r1; r++) {
    Sort s = sort_row(rows, r, rows->n);
    for (int64_t i = 0; i < s.n; i++)
      words[i] = word_of(rank_of(s.x[i], s.real, s.descending), i);
    write_words(&s, in_order(words, words + s.n, s.n), s.n, 0);
  }
}

/* ---- a long row --------------------------------------------------------- */

KERNEL(void, sort_range, (const Sort *s, int64_t i0, int64_t i1,
                          uint32_t range[2])) {
  uint32_t least = UINT32_MAX, most = 0;
  for (int64_t i = i0; i < i1; i++) {
    uint32_t rank = rank_of(s->x[i], s->real, s->descending);
    least = rank < least ? rank : least;
    most = rank > most ? rank : most;
  }
  range[0] = least;
  range[1] = most;
}

#if ISA_FIRST
SortCut sort_cut(uint32_t least, uint32_t most) {
  int bits = bits_of(most - least), shift = bits - SORT_BUCKET_BITS;
  return (SortCut){least, shift > 0 ? shift : 0};
}
#endif

KERNEL(void, sort_count, (const Sort *s, SortCut cut, int64_t i0, int64_t i1,
                          uint32_t *count)) {
  memset(count, 0, SORT_BUCKETS * sizeof *count);
  for (int64_t i = i0; i < i1; i++)
    count[(rank_of(s->x[i], s->real, s->descending) - cut.least) >>
          cut.shift]++;
}

KERNEL(void, sort_deal, (const Sort *s, SortCut cut, int64_t i0, int64_t i1,
                         uint32_t *place, uint64_t *words)) {
  for (int64_t i = i0; i < i1; i++) {
    uint32_t rank = rank_of(s->x[i], s->real, s->descending) - cut.least;
    words[place[rank >> cut.shift]++] = word_of(rank, i);
  }
}

KERNEL(void, sort_bucket, (const Sort *s, SortCut cut, int64_t i0, int64_t i1,
                           uint64_t *words, uint64_t *spare)) {
  int64_t n = i1 - i0;
  uint64_t *a = words + i0, *b = spare + i0;
  a = n < FEW_WORDS ? by_merging(a, b, n) : by_digits(a, b, n, cut.shift);
  write_words(s, a, n, i0);
}

/* ---- the largest -------------------------------------------------------- */

/* Numbers that are passed over together; so many of the best are kept in order,
** of more of them an order is made now and then. */
enum { LOOK = 32, FEW_BEST = 32 };

/* Is any of them before the limit? */
static bool any_before(const int32_t *x, bool real, uint32_t limit) {
  int found = 0;
  int32_t key = (int32_t)~(limit ^ 0x80000000u); /* that of the limit */
  if (real)
    for (int i = 0; i < LOOK; i++)
      found |= key_of(x[i], true) > key;
  else
    for (int i = 0; i < LOOK; i++)
      found |= x[i] > key;
  return found;
}

/* The best words so far, and some that may be among them. */
typedef struct Best {
  uint64_t *a, *b;
  int64_t k, n;
  uint32_t limit; /* whoever has it or more comes too late */
  bool full;      /* there is a limit */
} Best;

static void drop_the_rest(Best *t) {
  uint64_t *first = in_order(t->a, t->b, t->n);
  t->b = first == t->a ? t->b : t->a;
  t->a = first;
  t->n = t->n < t->k ? t->n : t->k;
  t->full = t->n == t->k;
  t->limit = t->full ? rank_in(first[t->k - 1]) : 0;
}

static void keep(Best *t, uint64_t word) {
  if (t->k > FEW_BEST) {
    t->a[t->n++] = word;
    if (t->n == TOP_ROOM(t->k))
      drop_the_rest(t);
    return;
  }
  int64_t at = t->n < t->k ? t->n++ : t->k - 1;
  for (; at > 0 && t->a[at - 1] > word; at--)
    t->a[at] = t->a[at - 1];
  t->a[at] = word;
  t->full = t->n == t->k;
  t->limit = rank_in(t->a[t->n - 1]);
}

KERNEL(void, top_words, (const Sort *s, int64_t k, int64_t i0, int64_t i1,
                         uint64_t *scratch, uint64_t *words)) {
  Best t = {.a = scratch, .b = scratch + TOP_ROOM(k), .k = k};
  for (int64_t i = i0; i < i1;) {
    if (t.full && i + LOOK <= i1 && !any_before(s->x + i, s->real, t.limit)) {
      i += LOOK;
      continue;
    }
    for (int64_t end = i + LOOK < i1 ? i + LOOK : i1; i < end; i++) {
      uint32_t rank = rank_of(s->x[i], s->real, true);
      if (!t.full || rank < t.limit)
        keep(&t, word_of(rank, i));
    }
  }
  drop_the_rest(&t);
  memcpy(words, t.a, (size_t)t.n * sizeof *words);
}

KERNEL(void, top_write, (const Sort *s, int64_t k, int64_t n, uint64_t *words,
                         uint64_t *spare)) {
  write_words(s, in_order(words, spare, n), k, 0);
}

/* ---- searching ---------------------------------------------------------- */

KERNEL(void, search_sorted, (const int32_t *sorted, int64_t n, bool real,
                             bool right, const int32_t *x, int32_t *y,
                             int64_t i0, int64_t i1)) {
  for (int64_t i = i0; i < i1; i++) {
    int64_t before = 0, left = n;
    /* the last key that stays before x; none is beyond INT32_MAX */
    int64_t key = (int64_t)key_of(x[i], real) - !right;
    while (left > 0) {
      int64_t half = left / 2;
      bool is_before = key_of(sorted[before + half], real) <= key;
      before += is_before ? half + 1 : 0;
      left = is_before ? left - half - 1 : half;
    }
    y[i] = (int32_t)before;
  }
}
