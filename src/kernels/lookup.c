/* Tables of words and of whole numbers, found by their hashes in open slots. */
#include <string.h>

#include "kernels/lookup.h"
#include "kernels/text.h"

/* Half of the slots stay free, so that a search soon meets one. */
int64_t table_slots(int64_t n) {
  int64_t slots = 4;
  while (slots < 2 * n)
    slots *= 2;
  return slots;
}

static Str word_at(const WordTable *t, int64_t i) {
  int64_t from = i > 0 ? t->end[i - 1] : 0, to = t->end[i];
  if (from < 0 || to < from || to > t->nbytes)
    return (Str){t->bytes, 0};
  return (Str){t->bytes + from, (size_t)(to - from)};
}

static uint64_t hash_word(Str s) {
  WordHash h = word_hash_begin();
  for (size_t i = 0; i < s.size; i++)
    word_hash_byte(&h, s.text[i]);
  return word_hash_end(h);
}

static uint64_t hash_key(int64_t key) {
  return hash_join((uint64_t)key, 0);
}

/* Puts number i into the first free slot of its hash. */
static void take_slot(int32_t *slot, int64_t nslots, uint64_t hash,
                      int64_t i) {
  uint64_t mask = (uint64_t)nslots - 1, at = hash & mask;
  while (slot[at] >= 0)
    at = (at + 1) & mask;
  slot[at] = (int32_t)i;
}

void word_slots(const WordTable *t, int32_t *slot) {
  memset(slot, 0xff, (size_t)t->nslots * sizeof *slot);
  for (int64_t i = 0; i < t->n; i++)
    take_slot(slot, t->nslots, hash_word(word_at(t, i)), i);
}

void key_slots(const KeyTable *t, int32_t *slot) {
  memset(slot, 0xff, (size_t)t->nslots * sizeof *slot);
  for (int64_t i = 0; i < t->n; i++)
    take_slot(slot, t->nslots, hash_key(t->key[i]), i);
}

int64_t word_find_hash(const WordTable *t, uint64_t hash,
                       bool (*same)(const void *ud, Str word),
                       const void *ud) {
  uint64_t mask = (uint64_t)t->nslots - 1;
  for (int64_t k = 0; k < t->nslots; k++) {
    int64_t i = t->slot[(hash + (uint64_t)k) & mask];
    if (i < 0 || i >= t->n)
      return -1;
    if (same(ud, word_at(t, i)))
      return i;
  }
  return -1;
}

static bool same_bytes(const void *ud, Str word) {
  const Str *s = ud;
  return s->size == word.size &&
         (s->size == 0 || memcmp(s->text, word.text, s->size) == 0);
}

int64_t word_find(const WordTable *t, const char *text, size_t size) {
  Str s = {text, size};
  return word_find_hash(t, hash_word(s), same_bytes, &s);
}

int64_t key_find(const KeyTable *t, int64_t key) {
  uint64_t mask = (uint64_t)t->nslots - 1, hash = hash_key(key);
  for (int64_t k = 0; k < t->nslots; k++) {
    int64_t i = t->slot[(hash + (uint64_t)k) & mask];
    if (i < 0 || i >= t->n)
      return -1;
    if (t->key[i] == key)
      return i;
  }
  return -1;
}
