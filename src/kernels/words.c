/* Texts cut into words, and words joined to n-grams, without a copy of either: a
** word is a piece of its text whose bytes are changed while they are read. */
#include <string.h>

#include "kernels/lookup.h"
#include "kernels/text.h"

/* ---- bytes -------------------------------------------------------------- */

/* As C has them, whatever the locale of the host. */
static bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_punctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') ||
         (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

/* The next byte of the changed text; false at its end. */
static bool next_byte(int change, Str *rest, char *byte) {
  while (rest->size > 0) {
    char c = *rest->text++;
    rest->size--;
    if (change & TEXT_STRIP && is_punctuation(c))
      continue;
    *byte = change & TEXT_LOWER && c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    return true;
  }
  return false;
}

static bool is_empty(int change, Str word) {
  char byte;
  return !next_byte(change, &word, &byte);
}

/* ---- characters --------------------------------------------------------- */

/* How many bytes the character of UTF-8 has that begins with this one; 0: none
** does. */
static int character_size(unsigned char c) {
  return c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3
       : c >= 0xf0 && c < 0xf5 ? 4 : 0;
}

/* Neither a longer form than needed, nor half of a pair, nor beyond the last
** character. */
static bool second_fits(unsigned char first, unsigned char second) {
  unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  return second >= low && second <= high;
}

/* Takes the bytes of one character; when it is none, of one byte alone, which
** becomes the replacement character. */
static bool next_character(int change, Str *rest, Str *word) {
  static const Str replacement = {"\xef\xbf\xbd", 3};
  Str from = *rest;
  char first, byte;
  if (!next_byte(change, rest, &first))
    return false;
  int n = character_size((unsigned char)first);
  bool valid = n > 0;
  Str after = *rest;
  for (int i = 1; valid && i < n; i++) {
    valid = next_byte(change, &after, &byte) &&
            ((unsigned char)byte & 0xc0) == 0x80 &&
            (i > 1 || second_fits((unsigned char)first, (unsigned char)byte));
  }
  if (valid)
    *rest = after;
  *word = valid ? (Str){from.text, from.size - rest->size} : replacement;
  return true;
}

/* ---- words -------------------------------------------------------------- */

static bool next_piece(Str *rest, Str *word) {
  while (rest->size > 0 && is_space(*rest->text)) {
    rest->text++;
    rest->size--;
  }
  *word = (Str){rest->text, 0};
  while (rest->size > 0 && !is_space(*rest->text)) {
    rest->text++;
    rest->size--;
    word->size++;
  }
  return word->size > 0;
}

/* The words of the texts of one row, one after the other. */
typedef struct Reader {
  const TextRule *rule;
  const Str *text;
  int64_t n, at;
  Str rest; /* of the text before `at` */
} Reader;

static Reader reader(const TextRule *rule, const Str *text, int64_t n) {
  return (Reader){.rule = rule, .text = text, .n = n};
}

static bool next_of_text(Reader *r, Str *word) {
  if (r->rule->split == SPLIT_CHARACTERS)
    return next_character(r->rule->change, &r->rest, word);
  while (next_piece(&r->rest, word))
    if (!is_empty(r->rule->change, *word))
      return true;
  return false;
}

static bool next_word(Reader *r, Str *word) {
  if (r->rule->split == SPLIT_NOT) {
    if (r->at == r->n)
      return false;
    *word = r->text[r->at++];
    return true;
  }
  while (!(r->rest.size > 0 && next_of_text(r, word))) {
    if (r->at == r->n)
      return false;
    r->rest = r->text[r->at++];
  }
  return true;
}

/* ---- n-grams ------------------------------------------------------------ */

/* Some words with a space between each two. */
typedef struct Gram {
  int change, width, first; /* word i of it is word[(first + i) % width] */
  Str word[MOST_GRAM];
} Gram;

typedef struct GramBytes {
  const Gram *gram;
  int i;
  Str rest;
} GramBytes;

static GramBytes gram_bytes(const Gram *g) {
  return (GramBytes){g, 0, g->word[g->first]};
}

static bool next_gram_byte(GramBytes *b, char *byte) {
  const Gram *g = b->gram;
  if (next_byte(g->change, &b->rest, byte))
    return true;
  if (++b->i >= g->width)
    return false;
  b->rest = g->word[(g->first + b->i) % g->width];
  *byte = ' ';
  return true;
}

static bool same_as_gram(const void *ud, Str word) {
  GramBytes b = gram_bytes(ud);
  char byte;
  for (size_t i = 0; i < word.size; i++)
    if (!next_gram_byte(&b, &byte) || byte != word.text[i])
      return false;
  return !next_gram_byte(&b, &byte);
}

/* -1: not in the table; -2: it is empty. */
static int64_t gram_find(const WordTable *t, const Gram *g) {
  GramBytes b = gram_bytes(g);
  WordHash h = word_hash_begin();
  char byte;
  int64_t n = 0;
  for (; next_gram_byte(&b, &byte); n++)
    word_hash_byte(&h, byte);
  return n ? word_find_hash(t, word_hash_end(h), same_as_gram, g) : -2;
}

/* ---- rows of words ------------------------------------------------------ */

/* Reads one row: n-grams of the first width, then of the second, and so on. */
typedef struct Grams {
  Reader start, reader;
  int width; /* number of the width */
  int have;  /* words that are in the gram */
  Gram gram;
} Grams;

static void begin_width(Grams *g) {
  const TextRule *r = g->start.rule;
  g->reader = g->start;
  g->gram = (Gram){.change = r->change, .width = (int)r->width[g->width]};
  g->have = 0;
}

static void grams_begin(Grams *g, const TextRule *r, const Str *text,
                        int64_t n) {
  g->start = reader(r, text, n);
  g->width = 0;
  begin_width(g);
}

static bool next_of_width(Grams *g) {
  Gram *k = &g->gram;
  Str word;
  while (next_word(&g->reader, &word)) {
    if (g->have < k->width) {
      k->word[g->have++] = word;
    } else {
      k->word[k->first] = word;
      k->first = (k->first + 1) % k->width;
    }
    if (g->have == k->width)
      return true;
  }
  return false;
}

static bool next_gram(Grams *g) {
  while (!next_of_width(g)) {
    if (++g->width >= g->start.rule->nwidths)
      return false;
    begin_width(g);
  }
  return true;
}

int64_t text_words(const TextRule *r, const Str *text, int64_t n) {
  Grams g;
  int64_t words = 0;
  grams_begin(&g, r, text, n);
  while (next_gram(&g))
    words++;
  return words;
}

void text_each(const TextRule *r, const Str *text, int64_t n,
               void (*visit)(void *ud, int byte), void *ud) {
  Grams g;
  char byte;
  grams_begin(&g, r, text, n);
  while (next_gram(&g)) {
    GramBytes b = gram_bytes(&g.gram);
    while (next_gram_byte(&b, &byte))
      visit(ud, (unsigned char)byte);
    visit(ud, -1);
  }
}

void text_numbers(const TextRule *r, const Str *text, int64_t n,
                  const WordTable *t, int64_t length, int32_t *y) {
  Grams g;
  int64_t i = 0;
  grams_begin(&g, r, text, n);
  for (; i < length && next_gram(&g); i++)
    y[i] = (int32_t)gram_find(t, &g.gram);
  for (; i < length; i++)
    y[i] = -2;
}

void text_counts(const TextRule *r, const Str *text, int64_t n,
                 const WordTable *t, float *y) {
  Grams g;
  memset(y, 0, (size_t)(t->n + 1) * sizeof *y);
  grams_begin(&g, r, text, n);
  while (next_gram(&g)) {
    int64_t i = gram_find(t, &g.gram);
    if (i >= -1)
      y[i + 1] += 1;
  }
}
