/* What is asked of strings: their number in a vocabulary, their hash, the words
** of a text. A vocabulary is plain tensors: the bytes of its words one behind the
** other (uint8), where each word ends (int32), and the slots in which they are
** found. */

#include <inttypes.h>
#include <stdio.h>

#include "kernels/text.h"
#include "ops/build.h"

/* ---- operands ----------------------------------------------------------- */

static bool need(Rule *r, int i, const char *name, DType d) {
  char text[TYPE_TEXT];
  const Type *t = &r->in[i];
  return (t->dtype == (int)d && t->rank == 1) ||
         fail(r->error, "%s must be %s of one axis, got %s %s", name,
              dtype_name(d), dtype_name((DType)t->dtype), type_text(t, text));
}

static bool need_slots(Rule *r, int i) {
  if (!need(r, i, "slots", I32))
    return false;
  int64_t n = r->in[i].dim[0];
  return n == UNKNOWN || (n > 0 && (n & (n - 1)) == 0) ||
         fail(r->error, "the number of slots is a power of two, got %lld",
              (long long)n);
}

/* Words in inputs 1, 2 and 3. */
static bool need_words(Rule *r) {
  return need(r, 1, "bytes", U8) && need(r, 2, "ends", I32) &&
         need_slots(r, 3);
}

static bool need_strings(Rule *r) {
  return r->in[0].dtype == STR ||
         fail(r->error, "takes strings, got %s",
              dtype_name((DType)r->in[0].dtype));
}

static WordTable words_of(const OpCall *s, const Run *r) {
  return (WordTable){r->in[1], s->in[1].dim[0], r->in[2], s->in[2].dim[0],
                     r->in[3], s->in[3].dim[0]};
}

/* ---- slots -------------------------------------------------------------- */

static bool slots_of(Rule *r, int64_t n) {
  int64_t slots = n == UNKNOWN ? UNKNOWN : table_slots(n);
  if (n > 1 << 28)
    return fail(r->error, "a vocabulary of %lld", (long long)n);
  r->out[0] = type_new(I32, 1, &slots);
  return true;
}

static bool string_slots_shape(Rule *r) {
  return need(r, 0, "bytes", U8) && need(r, 1, "ends", I32) &&
         slots_of(r, r->in[1].dim[0]);
}

static void string_slots_run(const OpCall *s, const Run *r, int64_t task) {
  WordTable t = {r->in[0], s->in[0].dim[0], r->in[1], s->in[1].dim[0], NULL,
                 s->out[0].dim[0]};
  (void)task;
  word_slots(&t, r->out[0]);
}

static bool key_slots_shape(Rule *r) {
  return need(r, 0, "keys", I64) && slots_of(r, r->in[0].dim[0]);
}

static void key_slots_run(const OpCall *s, const Run *r, int64_t task) {
  KeyTable t = {r->in[0], s->in[0].dim[0], NULL, s->out[0].dim[0]};
  (void)task;
  key_slots(&t, r->out[0]);
}

/* ---- one after the other ------------------------------------------------ */

enum { GRAIN = 256, LOOK = 64 }; /* strings of a task, and between two looks at
                                    the watch */

static int64_t tasks_for(int64_t n) {
  int64_t tasks = n / GRAIN;
  return tasks < 1 ? 1 : tasks > 64 ? 64 : tasks;
}

static int64_t element_tasks(const OpCall *s) {
  return tasks_for(type_elements(&s->in[0]));
}

/* The elements first..last that a task has to do. */
typedef struct Range {
  int64_t first, last;
} Range;

static Range range_of(int64_t n, int64_t task, int64_t tasks) {
  return (Range){n * task / tasks, n * (task + 1) / tasks};
}

static Range elements_of(const OpCall *s, int64_t task) {
  return range_of(type_elements(&s->in[0]), task, element_tasks(s));
}

static bool looks(const Run *r, int64_t i) {
  return i % LOOK == 0 && env_stopped(r->env);
}

/* ---- looking up --------------------------------------------------------- */

static bool numbers_like_first(Rule *r) {
  r->out[0] = r->in[0];
  r->out[0].dtype = I32;
  return true;
}

static bool find_string_shape(Rule *r) {
  return need_strings(r) && need_words(r) && numbers_like_first(r);
}

static const char not_there[] =
    "is not in the vocabulary; num_oov_indices=1 would give unknown tokens a "
    "number";

static void find_string_run(const OpCall *s, const Run *r, int64_t task) {
  WordTable t = words_of(s, r);
  const Str *x = r->in[0];
  int32_t *y = r->out[0];
  Range k = elements_of(s, task);
  bool strict = s->attr[0].i[0];
  for (int64_t i = k.first; i < k.last && !looks(r, i); i++) {
    y[i] = (int32_t)word_find(&t, x[i].text, x[i].size);
    if (strict && y[i] < 0)
      run_fault(r, "\"%.*s\" %s", x[i].size < 100 ? (int)x[i].size : 100,
                x[i].text, not_there);
  }
}

static bool find_integer_shape(Rule *r) {
  return (r->in[0].dtype == I64 ||
          fail(r->error, "takes int64, got %s",
               dtype_name((DType)r->in[0].dtype))) &&
         need(r, 1, "keys", I64) && need_slots(r, 2) && numbers_like_first(r);
}

static void find_integer_run(const OpCall *s, const Run *r, int64_t task) {
  KeyTable t = {r->in[1], s->in[1].dim[0], r->in[2], s->in[2].dim[0]};
  const int64_t *x = r->in[0];
  int32_t *y = r->out[0];
  Range k = elements_of(s, task);
  bool strict = s->attr[0].i[0];
  for (int64_t i = k.first; i < k.last && !looks(r, i); i++) {
    y[i] = (int32_t)key_find(&t, x[i]);
    if (strict && y[i] < 0)
      run_fault(r, "%" PRId64 " %s", x[i], not_there);
  }
}

/* ---- hashes ------------------------------------------------------------- */

static bool fingerprint_shape(Rule *r) {
  const Attr *salt = &r->attr[0];
  if (r->in[0].dtype != STR && r->in[0].dtype != I64)
    return fail(r->error, "takes strings or int64, got %s",
                dtype_name((DType)r->in[0].dtype));
  if (attr_given(salt) && salt->n != 2)
    return fail(r->error, "a salt is two integers, got %d", salt->n);
  r->out[0] = r->in[0];
  r->out[0].dtype = I64;
  return true;
}

/* Whole numbers are hashed as they are written. */
static Str text_at(const OpCall *s, const Run *r, int64_t i, char digits[24]) {
  if (s->in[0].dtype == STR)
    return ((const Str *)r->in[0])[i];
  int n = snprintf(digits, 24, "%" PRId64, ((const int64_t *)r->in[0])[i]);
  return (Str){digits, (size_t)n};
}

static void fingerprint_run(const OpCall *s, const Run *r, int64_t task) {
  const Attr *salt = &s->attr[0];
  uint64_t *y = r->out[0];
  Range k = elements_of(s, task);
  char digits[24];
  for (int64_t i = k.first; i < k.last && !looks(r, i); i++) {
    Str t = text_at(s, r, i, digits);
    y[i] = attr_given(salt) ? hash_sip(t.text, t.size, (uint64_t)salt->i[0],
                                       (uint64_t)salt->i[1])
                            : hash_farm(t.text, t.size);
  }
}

static bool need_hash(Rule *r, int i) {
  return r->in[i].dtype == I64 ||
         fail(r->error, "takes int64, got %s",
              dtype_name((DType)r->in[i].dtype));
}

static bool join_shape(Rule *r) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  if (!need_hash(r, 0) || !need_hash(r, 1))
    return false;
  r->out[0] = r->in[0];
  bool same = r->in[0].rank == r->in[1].rank;
  for (int i = 0; same && i < r->in[0].rank; i++)
    same = may_equal(r->in[0].dim[i], r->in[1].dim[i]);
  return same || fail(r->error, "shapes %s and %s differ",
                      type_text(&r->in[0], a), type_text(&r->in[1], b));
}

static void join_run(const OpCall *s, const Run *r, int64_t task) {
  const uint64_t *a = r->in[0], *b = r->in[1];
  uint64_t *y = r->out[0];
  Range k = elements_of(s, task);
  for (int64_t i = k.first; i < k.last; i++)
    y[i] = hash_join(a[i], b[i]);
}

static bool bin_shape(Rule *r) {
  int64_t bins = r->attr[0].i[0];
  return need_hash(r, 0) && numbers_like_first(r) &&
         ((bins > 0 && bins <= INT32_MAX) ||
          fail(r->error, "%lld bins", (long long)bins));
}

/* As Lua's %: the sign is that of the number of bins. */
static int64_t floor_mod(int64_t x, int64_t n) {
  int64_t rest = x % n;
  return rest < 0 ? rest + n : rest;
}

static void bin_run(const OpCall *s, const Run *r, int64_t task) {
  const int64_t *x = r->in[0], bins = s->attr[0].i[0];
  bool whole = s->attr[1].i[0];
  int32_t *y = r->out[0];
  Range k = elements_of(s, task);
  for (int64_t i = k.first; i < k.last; i++)
    y[i] = (int32_t)(whole ? floor_mod(x[i], bins)
                           : (int64_t)((uint64_t)x[i] % (uint64_t)bins));
}

/* ---- words of texts ----------------------------------------------------- */

enum { CHANGE, SPLIT, WIDTHS, LENGTH }; /* attributes */

static TextRule rule_of(const OpCall *s) {
  return (TextRule){(int)s->attr[CHANGE].i[0],
                    (TextSplit)s->attr[SPLIT].i[0], s->attr[WIDTHS].n,
                    s->attr[WIDTHS].i};
}

static bool need_rule(Rule *r) {
  int64_t change = r->attr[CHANGE].i[0], split = r->attr[SPLIT].i[0];
  const Attr *widths = &r->attr[WIDTHS];
  if (change < 0 || change > (TEXT_LOWER | TEXT_STRIP))
    return fail(r->error, "change is 0 to 3, got %lld", (long long)change);
  if (split < SPLIT_NOT || split > SPLIT_CHARACTERS)
    return fail(r->error, "split is 0 to 2, got %lld", (long long)split);
  if (widths->n < 1)
    return fail(r->error, "there is no width");
  for (int i = 0; i < widths->n; i++)
    if (widths->i[i] < 1 || widths->i[i] > MOST_GRAM)
      return fail(r->error, "n-grams have 1 to %d words, not %lld", MOST_GRAM,
                  (long long)widths->i[i]);
  return true;
}

/* Each row of the strings is one text, or several. */
static int64_t rows_of(const Type *x) {
  return x->rank > 0 ? x->dim[0] : 1;
}

static bool rows_shape(Rule *r, DType d, int64_t columns) {
  r->out[0] = type_new(d, 2, (int64_t[]){rows_of(&r->in[0]), columns});
  return true;
}

static int64_t text_tasks(const OpCall *s) {
  int64_t rows = rows_of(&s->in[0]), tasks = rows / 16;
  return tasks < 1 ? 1 : tasks > 64 ? 64 : tasks;
}

static bool lengths_shape(Rule *r) {
  int64_t rows = rows_of(&r->in[0]);
  r->out[0] = type_new(I32, 1, &rows);
  return need_strings(r) && need_rule(r);
}

static void lengths_run(const OpCall *s, const Run *r, int64_t task) {
  TextRule rule = rule_of(s);
  int64_t n = type_span(&s->in[0], 1, s->in[0].rank);
  Range k = range_of(rows_of(&s->in[0]), task, text_tasks(s));
  for (int64_t i = k.first; i < k.last && !env_stopped(r->env); i++)
    ((int32_t *)r->out[0])[i] =
        (int32_t)text_words(&rule, (const Str *)r->in[0] + i * n, n);
}

static bool numbers_shape(Rule *r) {
  int64_t length = r->attr[LENGTH].i[0];
  return need_strings(r) && need_words(r) && need_rule(r) &&
         rows_shape(r, I32, length) &&
         ((length >= 0 && length <= INT32_MAX) ||
          fail(r->error, "a length of %lld", (long long)length));
}

static void numbers_run(const OpCall *s, const Run *r, int64_t task) {
  TextRule rule = rule_of(s);
  WordTable t = words_of(s, r);
  int64_t n = type_span(&s->in[0], 1, s->in[0].rank);
  int64_t length = s->attr[LENGTH].i[0];
  Range k = range_of(rows_of(&s->in[0]), task, text_tasks(s));
  for (int64_t i = k.first; i < k.last && !env_stopped(r->env); i++)
    text_numbers(&rule, (const Str *)r->in[0] + i * n, n, &t, length,
                 (int32_t *)r->out[0] + i * length);
}

static bool counts_shape(Rule *r) {
  int64_t n = r->in[2].rank > 0 ? r->in[2].dim[0] : 0;
  return need_strings(r) && need_words(r) && need_rule(r) &&
         rows_shape(r, F32, n == UNKNOWN ? UNKNOWN : n + 1);
}

static void counts_run(const OpCall *s, const Run *r, int64_t task) {
  TextRule rule = rule_of(s);
  WordTable t = words_of(s, r);
  int64_t n = type_span(&s->in[0], 1, s->in[0].rank);
  Range k = range_of(rows_of(&s->in[0]), task, text_tasks(s));
  for (int64_t i = k.first; i < k.last && !env_stopped(r->env); i++)
    text_counts(&rule, (const Str *)r->in[0] + i * n, n, &t,
                (float *)r->out[0] + i * (t.n + 1));
}

/* ---- rows --------------------------------------------------------------- */

#define OWN .file_class = "lunula"

const Op ops_text[] = {
  {"string_slots", "bytes, ends", INDEX, AS_IS, string_slots_shape,
   .run = string_slots_run, .traits = NO_GRADIENT, OWN,
   .doc = "Where find_string finds the words of a vocabulary."},
  {"integer_slots", "keys", INDEX, AS_IS, key_slots_shape,
   .run = key_slots_run, .traits = NO_GRADIENT, OWN,
   .doc = "Where find_integer finds the keys of a vocabulary."},
  {"find_string", "x, bytes, ends, slots, strict:bool=false", INDEX, AS_IS,
   find_string_shape, .tasks = element_tasks, .run = find_string_run,
   .traits = NO_GRADIENT | STRINGS | FAULTS, OWN,
   .doc = "The numbers of strings in a vocabulary, -1 for what is not there, "
          "which `strict` makes an error."},
  {"find_integer", "x, keys, slots, strict:bool=false", INDEX, AS_IS,
   find_integer_shape, .tasks = element_tasks, .run = find_integer_run,
   .traits = NO_GRADIENT | FAULTS, OWN,
   .doc = "The numbers of whole numbers in a vocabulary of them, -1 for what "
          "is not there, which `strict` makes an error."},
  {"fingerprint", "x, salt:ints=nil", INDEX, AS_IS, fingerprint_shape,
   .tasks = element_tasks, .run = fingerprint_run,
   .traits = NO_GRADIENT | STRINGS, OWN,
   .doc = "FarmHash's fingerprint of strings, or of whole numbers as they are "
          "written; SipHash with a salt."},
  {"fingerprint_join", "x, y", INDEX, AS_IS, join_shape,
   .tasks = element_tasks, .run = join_run, .traits = NO_GRADIENT, OWN,
   .doc = "One fingerprint of two."},
  {"hash_bin", "x, bins:int, whole:bool=false", INDEX, AS_IS, bin_shape,
   .tasks = element_tasks, .run = bin_run, .traits = NO_GRADIENT, OWN,
   .doc = "x modulo the number of bins: x as a hash, without sign, or as a "
          "whole number."},
  {"text_lengths", "x, change:int, split:int, widths:ints", INDEX, AS_IS,
   lengths_shape, .tasks = text_tasks, .run = lengths_run,
   .traits = NO_GRADIENT | STRINGS, OWN,
   .doc = "How many words (n-grams of the widths) each row of texts has. "
          "change: 1 lower case, 2 no punctuation, 3 both; split: 0 not, 1 at "
          "spaces, 2 into characters."},
  {"text_numbers",
   "x, bytes, ends, slots, change:int, split:int, widths:ints, length:int",
   INDEX, AS_IS, numbers_shape, .tasks = text_tasks, .run = numbers_run,
   .traits = NO_GRADIENT | STRINGS, OWN,
   .doc = "The numbers of the words of texts in a vocabulary, so many for each "
          "row: -1 for a word that is not there, -2 where there is none."},
  {"text_counts",
   "x, bytes, ends, slots, change:int, split:int, widths:ints", INDEX, AS_IS,
   counts_shape, .tasks = text_tasks, .run = counts_run,
   .traits = NO_GRADIENT | STRINGS, OWN,
   .doc = "How often each word of a vocabulary is in a row of texts; in front "
          "of them, how many of its words are in none."},
  {0}
};
