/* See csv.h. Numbers are read where they stand, without looking for the end of
** their field first: that is where the time would go. Columns of texts are
** found at once, and copied when the others are done. */

#include <math.h>
#include <string.h>

#include "files/csv.h"

static bool fail_at(const Csv *c, Error *e, const char *text) {
  return fail(e, "%s:%lld: %s", c->path, (long long)c->line, text);
}

/* ---- fields -------------------------------------------------------------- */

INLINE bool is_end(const Csv *c, const char *p) {
  return p == c->end || *p == '\n' ||
         (*p == '\r' && (p + 1 == c->end || p[1] == '\n'));
}

/* Between quotes; two of them are one. */
static bool take_quoted(Csv *c, CsvField *f, Error *e) {
  const char *p = c->at + 1;
  int64_t lines = 0;
  *f = (CsvField){{p, 0}, true, 0};
  for (;; p++) {
    if (p == c->end)
      return fail_at(c, e, "a quote begins here that does not end");
    lines += *p == '\n';
    if (*p != '"')
      continue;
    if (p + 1 == c->end || p[1] != '"')
      break;
    f->doubled++;
    p++;
  }
  f->raw.size = (size_t)(p - f->raw.text);
  c->at = p + 1;
  if (!is_end(c, c->at) && *c->at != c->separator)
    return fail_at(c, e, "something stands behind a quote that ends");
  c->line += lines;
  return true;
}

/* The next field; what stands behind it is next then. */
static bool take_field(Csv *c, CsvField *f, Error *e) {
  const char *p = c->at;
  if (p < c->end && *p == '"')
    return take_quoted(c, f, e);
  while (!is_end(c, p) && *p != c->separator)
    p++;
  *f = (CsvField){{c->at, (size_t)(p - c->at)}, false, 0};
  c->at = p;
  return true;
}

/* Behind the end of the line. */
static void end_line(Csv *c) {
  if (c->at < c->end && *c->at == '\r')
    c->at++;
  if (c->at < c->end)
    c->at++;
  c->line++;
}

size_t csv_text(char *to, const CsvField *f) {
  const char *from = f->raw.text, *end = from + f->raw.size;
  if (f->doubled == 0) {
    memcpy(to, from, f->raw.size);
    return f->raw.size;
  }
  char *p = to;
  while (from < end) {
    *p++ = *from;
    from += *from == '"' ? 2 : 1;
  }
  return (size_t)(p - to);
}

/* ---- numbers ------------------------------------------------------------- */

static const double power[] = {
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
  1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
};
enum { MOST_POWER = COUNT_OF(power) - 1 };

/* digits * 10^e. One rounding where both are whole in a double, as they mostly
** are; else in a wider type. */
static double scaled(uint64_t digits, int e) {
  if (digits >> 53 == 0 && e >= -MOST_POWER && e <= MOST_POWER)
    return e < 0 ? (double)digits / power[-e] : (double)digits * power[e];
  if (digits == 0)
    return 0; /* which no power would bring to an end below */
  long double x = (long double)digits;
  for (; e > 0 && x < HUGE_VAL; e -= e < MOST_POWER ? e : MOST_POWER)
    x *= power[e < MOST_POWER ? e : MOST_POWER];
  for (; e < 0 && x > 0; e += -e < MOST_POWER ? -e : MOST_POWER)
    x /= power[-e < MOST_POWER ? -e : MOST_POWER];
  return (double)x;
}

typedef struct Number {
  double value;
  bool whole; /* written without point and power */
} Number;

typedef struct Digits {
  uint64_t all;
  int64_t dropped; /* behind what `all` can hold */
} Digits;

INLINE const char *read_digits(const char *p, const char *end, Digits *d) {
  for (; p < end && (unsigned)(*p - '0') < 10; p++) {
    if (d->all < (UINT64_MAX - 9) / 10)
      d->all = d->all * 10 + (uint64_t)(*p - '0');
    else
      d->dropped++;
  }
  return p;
}

/* e-05; p when there is none. */
static const char *read_power(const char *p, const char *end, int *power_of) {
  const char *q = p + 1;
  bool minus = q < end && *q == '-';
  int e = 0;
  q += q < end && (*q == '-' || *q == '+');
  const char *first = q;
  for (; q < end && (unsigned)(*q - '0') < 10; q++)
    if (e < 100000)
      e = e * 10 + (*q - '0');
  if (q == first)
    return p;
  *power_of = minus ? -e : e;
  return q;
}

/* Behind the number that stands at p; p when there is none. */
INLINE const char *read_number(const char *p, const char *end, Number *n) {
  const char *q = p;
  bool minus = q < end && *q == '-';
  q += q < end && (*q == '-' || *q == '+');
  Digits d = {0, 0};
  const char *first = q;
  q = read_digits(q, end, &d);
  int64_t digits = q - first;
  int64_t e = d.dropped;
  n->whole = true;
  if (q < end && *q == '.') {
    const char *point = ++q;
    int64_t before = d.dropped;
    q = read_digits(q, end, &d);
    digits += q - point;
    e -= (q - point) - (d.dropped - before);
    n->whole = false;
  }
  if (digits == 0 || q - p > 1000000)
    return p;
  if (q < end && (*q == 'e' || *q == 'E')) {
    int more = 0;
    const char *behind = read_power(q, end, &more);
    n->whole = n->whole && behind == q;
    q = behind;
    e += more;
  }
  double x = e == 0 ? (double)d.all : scaled(d.all, (int)e);
  n->value = minus ? -x : x;
  return q;
}

static Str trimmed(Str s) {
  for (; s.size > 0 && (*s.text == ' ' || *s.text == '\t'); s.size--)
    s.text++;
  while (s.size > 0 && (s.text[s.size - 1] == ' ' ||
                        s.text[s.size - 1] == '\t'))
    s.size--;
  return s;
}

static bool is_word(Str s, const char *word) {
  size_t n = strlen(word);
  for (size_t i = 0; i < n && i < s.size; i++)
    if ((s.text[i] | 32) != word[i])
      return false;
  return s.size == n;
}

static bool is_infinite(Str s, Number *n) {
  bool minus = s.size > 0 && *s.text == '-';
  if (s.size > 0 && (*s.text == '-' || *s.text == '+'))
    s = (Str){s.text + 1, s.size - 1};
  *n = (Number){minus ? -HUGE_VAL : HUGE_VAL, false};
  return is_word(s, "inf") || is_word(s, "infinity");
}

static bool is_missing(const Csv *c, Str s) {
  for (int i = 0; i < c->missings; i++)
    if (c->missing[i].size == s.size &&
        memcmp(c->missing[i].text, s.text, s.size) == 0)
      return true;
  return s.size == 0;
}

/* The number that is a field of its own; false: it is none. */
static bool number_of(const Csv *c, const CsvField *f, Number *n) {
  Str s = trimmed(f->raw);
  const char *end = s.text + s.size;
  if (s.size > 0 && read_number(s.text, end, n) == end)
    return true;
  if (is_missing(c, s) || is_missing(c, f->raw)) {
    *n = (Number){c->instead, c->instead == floor(c->instead)};
    return true;
  }
  return is_infinite(s, n);
}

/* ---- columns ------------------------------------------------------------- */

static const DType dtype_of[] = {[CSV_WHOLE] = I32, [CSV_FLOAT] = F32,
                                 [CSV_DOUBLE] = F64};

/* The whole numbers so far become floats where they stand: both have 4
** bytes. */
static void make_floats(Csv *c, CsvColumn *x) {
  int32_t *number = x->tensor.data;
  for (int64_t i = 0; i < c->rows; i++) {
    float v = (float)number[i];
    memcpy(number + i, &v, sizeof v);
  }
  x->kind = CSV_FLOAT;
  x->tensor.type.dtype = F32;
}

static bool is_i32(const Number *n) {
  return n->whole && n->value >= INT32_MIN && n->value <= INT32_MAX;
}

/* Puts the number; false: the column is fixed and cannot hold it. */
INLINE bool put_number(Csv *c, CsvColumn *x, const Number *n) {
  if (c->matrix) {
    *c->next++ = (float)n->value;
    return true;
  }
  if (x->kind == CSV_WHOLE && !is_i32(n)) {
    if (x->fixed)
      return false;
    make_floats(c, x);
  }
  if (x->kind == CSV_WHOLE)
    *(int32_t *)(void *)x->at = (int32_t)n->value;
  else if (x->kind == CSV_FLOAT)
    *(float *)(void *)x->at = (float)n->value;
  else
    *(double *)(void *)x->at = n->value;
  x->at += x->kind == CSV_DOUBLE ? 8 : 4;
  return true;
}

static bool fail_field(const Csv *c, int i, const CsvField *f, Error *e) {
  int n = f->raw.size < 40 ? (int)f->raw.size : 40;
  const char *what = c->column[i].kind == CSV_WHOLE ? "whole number of int32"
                                                    : "number";
  return fail(e, "%s:%lld: field %d, \"%.*s\", is no %s", c->path,
              (long long)c->line, i + 1, n, f->raw.text, what);
}

/* A field that is no plain number, or not one of this column. */
static bool take_other(Csv *c, int i, Error *e) {
  CsvColumn *x = &c->column[i];
  CsvField f;
  Number n = {0, false};
  int64_t line = c->line;
  if (!take_field(c, &f, e))
    return false;
  if (x->kind >= CSV_TEXT)
    return true;
  if (number_of(c, &f, &n) && put_number(c, x, &n))
    return true;
  if (x->fixed) {
    c->line = line;
    return fail_field(c, i, &f, e);
  }
  x->kind = CSV_TEXT;
  tensor_drop(&x->tensor);
  return true;
}

/* The next field, which belongs to column i. */
INLINE bool take_column(Csv *c, int i, Error *e) {
  CsvColumn *x = &c->column[i];
  if (!c->matrix && x->kind >= CSV_TEXT)
    return take_other(c, i, e);
  Number n;
  const char *p = c->at;
  while (p < c->end && *p == ' ' && c->separator != ' ')
    p++;
  const char *behind = read_number(p, c->end, &n);
  if (behind == p || !(is_end(c, behind) || *behind == c->separator) ||
      !put_number(c, x, &n))
    return take_other(c, i, e);
  c->at = behind;
  return true;
}

/* ---- rows ---------------------------------------------------------------- */

static bool fail_count(const Csv *c, int fields, Error *e) {
  if (fields > c->columns)
    return fail(e, "%s:%lld: more than %d fields", c->path, (long long)c->line,
                c->columns);
  return fail(e, "%s:%lld: %d fields, where there are %d columns", c->path,
              (long long)c->line, fields, c->columns);
}

static bool read_row(Csv *c, Error *e) {
  int last = c->columns - 1;
  for (int i = 0; i <= last; i++) {
    if (!take_column(c, i, e))
      return false;
    if (is_end(c, c->at) != (i == last))
      return fail_count(c, i < last ? i + 1 : c->columns + 1, e);
    c->at += i < last;
  }
  end_line(c);
  return true;
}

/* Lines of nothing are no rows. */
static void skip_empty(Csv *c) {
  while (c->at < c->end && is_end(c, c->at))
    end_line(c);
}

/* No more rows than lines, and than bytes for their separators: what is
** allocated is paid for by the file. */
static int64_t most_rows(const Csv *c) {
  int64_t lines = 1;
  const char *p = c->at;
  while (p < c->end && (p = memchr(p, '\n', (size_t)(c->end - p)))) {
    lines++;
    p++;
  }
  int64_t most = (c->end - c->at) / c->columns + 1;
  return lines < most ? lines : most;
}

static bool make_tensors(Csv *c, Error *e) {
  int64_t dim[2] = {most_rows(c), c->columns};
  if (c->matrix) {
    Type type = type_new(F32, 2, dim);
    if (!tensor_new(&c->whole, c->account, &type, e))
      return false;
    c->next = c->whole.data;
    return true;
  }
  for (int i = 0; i < c->columns; i++) {
    CsvColumn *x = &c->column[i];
    if (x->kind >= CSV_TEXT)
      continue;
    Type type = type_new(dtype_of[x->kind], 1, dim);
    if (!tensor_new(&x->tensor, c->account, &type, e))
      return false;
    x->at = x->tensor.data;
  }
  return true;
}

/* The tensors have as many rows as there were. */
static void trim_rows(Csv *c) {
  c->whole.type.dim[0] = c->rows;
  for (int i = 0; i < c->columns; i++)
    c->column[i].tensor.type.dim[0] = c->rows;
}

/* ---- texts --------------------------------------------------------------- */

static bool make_strings(Csv *c, CsvColumn *x, Error *e) {
  Type type = type_new(STR, 1, &c->rows);
  return tensor_new_strings(&x->tensor, c->account, &type, x->bytes, &x->at, e);
}

/* One more walk over the rows: counts the bytes of texts, or copies them. The
** file was read before, so nothing is wrong with it. */
static bool walk_texts(Csv *c, bool copy, Error *e) {
  CsvField f;
  for (int64_t row = 0; row < c->rows; row++) {
    skip_empty(c);
    for (int i = 0; i < c->columns; i++) {
      CsvColumn *x = &c->column[i];
      if (!take_field(c, &f, e))
        return false;
      if (x->kind == CSV_TEXT && copy) {
        Str *s = (Str *)x->tensor.data + row;
        *s = (Str){x->at, csv_text(x->at, &f)};
        x->at += s->size;
      } else if (x->kind == CSV_TEXT) {
        x->bytes += (int64_t)f.raw.size - f.doubled;
      }
      c->at += i + 1 < c->columns;
    }
    end_line(c);
  }
  return true;
}

static bool read_texts(Csv *c, const char *first, Error *e) {
  bool any = false;
  for (int i = 0; i < c->columns; i++)
    any |= c->column[i].kind == CSV_TEXT;
  if (!any)
    return true;
  c->at = first;
  if (!walk_texts(c, false, e))
    return false;
  for (int i = 0; i < c->columns; i++)
    if (c->column[i].kind == CSV_TEXT && !make_strings(c, &c->column[i], e))
      return false;
  c->at = first;
  return walk_texts(c, true, e);
}

/* ---- the whole ----------------------------------------------------------- */

bool csv_open(Csv *c, const char *path, Error *e) {
  c->file = file_in_open(c->account, path, e);
  if (c->file == NULL)
    return false;
  c->at = c->file->data;
  c->end = c->at + c->file->size;
  c->path = path;
  c->line = 1;
  if (c->file->size >= 3 && memcmp(c->at, "\xEF\xBB\xBF", 3) == 0)
    c->at += 3; /* some programs put it before UTF-8 */
  return true;
}

bool csv_line(Csv *c, void (*take)(void *ud, const CsvField *f), void *ud,
              Error *e) {
  CsvField f;
  skip_empty(c);
  if (c->at == c->end)
    return fail(e, "%s: it has no line", c->path);
  for (;;) {
    if (!take_field(c, &f, e))
      return false;
    take(ud, &f);
    if (is_end(c, c->at))
      break;
    c->at++;
  }
  end_line(c);
  return true;
}

bool csv_read(Csv *c, Error *e) {
  if (!make_tensors(c, e))
    return false;
  skip_empty(c);
  const char *first = c->at;
  for (; c->at < c->end; c->rows++) {
    if (!read_row(c, e))
      return false;
    skip_empty(c);
  }
  trim_rows(c);
  return read_texts(c, first, e);
}

void csv_close(Csv *c) {
  tensor_drop(&c->whole);
  for (int i = 0; i < c->columns; i++)
    tensor_drop(&c->column[i].tensor);
  mem_free(c->column);
  file_in_release(c->file);
  *c = (Csv){.columns = 0};
}
