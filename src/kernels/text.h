/* Kernels for strings: hashes, tables to look words up in, texts cut into words.
** The conventions are those of kernels.h. Tables may come from files: whatever
** they hold, nothing outside of them is read and every search ends. */
#ifndef KERNELS_TEXT_H
#define KERNELS_TEXT_H

#include "base/base.h"

/* ---- hashes that are the same everywhere (hash.c) ----------------------- */

uint64_t hash_farm(const char *text, size_t size); /* FarmHash's fingerprint */
uint64_t hash_sip(const char *text, size_t size, uint64_t key0, uint64_t key1);
/* The fingerprint of two fingerprints, in this order. */
uint64_t hash_join(uint64_t a, uint64_t b);

/* ---- tables (lookup.c) -------------------------------------------------- */

/* Words one behind the other: word i ends before byte end[i]. slot (nslots, a
** power of two) has their numbers, each where its hash says or in the next
** free place behind; -1 is free. */
typedef struct WordTable {
  const char *bytes;
  int64_t nbytes;
  const int32_t *end;
  int64_t n;
  const int32_t *slot;
  int64_t nslots;
} WordTable;

/* Keys (n), whole numbers, with slots as above. */
typedef struct KeyTable {
  const int64_t *key;
  int64_t n;
  const int32_t *slot;
  int64_t nslots;
} KeyTable;

int64_t table_slots(int64_t n); /* how many slots n words need */
/* slot (t->nslots) from the rest of the table. */
void word_slots(const WordTable *t, int32_t *slot);
void key_slots(const KeyTable *t, int32_t *slot);
/* The number of the word, of the key; -1: it is not there. */
int64_t word_find(const WordTable *t, const char *text, size_t size);
int64_t key_find(const KeyTable *t, int64_t key);

/* ---- words of a text (words.c) ------------------------------------------ */

enum { TEXT_LOWER = 1, TEXT_STRIP = 2 }; /* letters of ASCII; its punctuation */
typedef enum TextSplit {
  SPLIT_NOT, SPLIT_SPACES, SPLIT_CHARACTERS /* of UTF-8 */
} TextSplit;
enum { MOST_GRAM = 32 };

/* How a text becomes words: changed, split, joined to n-grams of each width in
** turn. */
typedef struct TextRule {
  int change;
  TextSplit split;
  int nwidths;
  const int64_t *width; /* 1 to MOST_GRAM each */
} TextRule;

/* How many words (n-grams) the texts of one row are. */
int64_t text_words(const TextRule *r, const Str *text, int64_t n);
/* Calls visit with each byte of each word, and with -1 at its end. */
void text_each(const TextRule *r, const Str *text, int64_t n,
               void (*visit)(void *ud, int byte), void *ud);
/* y (length) = the numbers of the words in the table; -1: not there; -2: an
** empty word, and what is left. */
void text_numbers(const TextRule *r, const Str *text, int64_t n,
                  const WordTable *t, int64_t length, int32_t *y);
/* y (1 + t->n) = how many words are not in the table, and how often each word
** of it is there. Empty words do not count. */
void text_counts(const TextRule *r, const Str *text, int64_t n,
                 const WordTable *t, float *y);

#endif
