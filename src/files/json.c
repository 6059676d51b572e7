/* See json.h. The grammar is one question: what may come next (wanted); the
** brackets that are open answer what may come after that. */

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files/json.h"

enum {
  VALUE,         /* a value must come */
  VALUE_OR_END,  /* the same, or the end of an empty array */
  NAME,          /* a name, and a colon */
  NAME_OR_END,   /* the same, or the end of an empty object */
  COMMA_OR_END,  /* after a value */
  NOTHING        /* the text is over */
};

/* ---- places ------------------------------------------------------------- */

/* Fails at a place of the text, told as line and column, both from 1; a
** character of several bytes is one column. */
static JsonKind fail_at(JsonReader *r, const char *place, const char *what) {
  int64_t line = 1, column = 1;
  for (const char *p = r->text; p < place; p++) {
    if (*p == '\n')
      line++, column = 1;
    else if (((unsigned char)*p & 0xc0) != 0x80)
      column++;
  }
  fail(r->error, "%s at line %lld, column %lld", what, (long long)line,
       (long long)column);
  r->wanted = NOTHING;
  r->at = r->end;
  return JSON_ERROR;
}

/* At the end of the text: what was begun last is told. */
static JsonKind fail_unterminated(JsonReader *r) {
  if (r->depth == 0)
    return fail_at(r, r->at, "a value is missing");
  const char *open = r->open[r->depth - 1];
  return fail_at(r, open,
                 *open == '[' ? "unterminated array" : "unterminated object");
}

static void skip_blanks(JsonReader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' ||
                            *r->at == '\r'))
    r->at++;
}

static bool take(JsonReader *r, const char *word) {
  size_t n = strlen(word);
  if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
    return false;
  r->at += n;
  return true;
}

void json_begin(JsonReader *r, const char *text, size_t length, Error *e) {
  *r = (JsonReader){.text = text, .at = text, .end = text + length,
                    .wanted = VALUE, .error = e};
  if (take(r, "\xef\xbb\xbf")) /* the mark that some editors put first */
    r->text = r->at;
  if (length > JSON_BYTES)
    fail_at(r, text, "a text longer than 1 GB");
}

/* ---- numbers and words -------------------------------------------------- */

static bool is_digit(const JsonReader *r, const char *p) {
  return p < r->end && *p >= '0' && *p <= '9';
}

static const char *past_digits(const JsonReader *r, const char *p) {
  while (is_digit(r, p))
    p++;
  return p;
}

/* The end of the number that begins here; NULL where the grammar has none.
** `whole`: it is an integer. */
static const char *number_end(const JsonReader *r, bool *whole) {
  const char *p = r->at + (*r->at == '-'), *first = p;
  *whole = true;
  if (!is_digit(r, p) || (*p == '0' && is_digit(r, p + 1)))
    return NULL;
  p = past_digits(r, first);
  if (p < r->end && *p == '.') {
    *whole = false;
    if (!is_digit(r, ++p))
      return NULL;
    p = past_digits(r, p);
  }
  if (p < r->end && (*p == 'e' || *p == 'E')) {
    *whole = false;
    p++;
    if (p < r->end && (*p == '+' || *p == '-'))
      p++;
    return is_digit(r, p) ? past_digits(r, p) : NULL;
  }
  return p;
}

/* Digits as an integer of 64 bits; false when it has more. (The lowest one is
** further from 0 than the highest.) */
static bool read_integer(const char *p, const char *end, int64_t *out) {
  bool negative = *p == '-';
  uint64_t sum = 0, most = (uint64_t)INT64_MAX + negative;
  for (p += negative; p < end; p++) {
    uint64_t digit = (uint64_t)(*p - '0');
    if (sum > (most - digit) / 10)
      return false;
    sum = sum * 10 + digit;
  }
  *out = negative ? (int64_t)(0 - sum) : (int64_t)sum;
  return true;
}

/* strtod of a copy that ends in a zero and has the point of the locale, which
** a host may have set. */
static double read_double(const char *p, size_t n, char *copy) {
  memcpy(copy, p, n);
  copy[n] = '\0';
  char *point = memchr(copy, '.', n);
  if (point)
    *point = *localeconv()->decimal_point;
  return strtod(copy, NULL);
}

static JsonKind read_number(JsonReader *r) {
  enum { LONGEST = 1000 }; /* 17 digits and an exponent say any double */
  char copy[LONGEST + 1];
  bool whole;
  const char *start = r->at, *end = number_end(r, &whole);
  if (end == NULL)
    return fail_at(r, start, "a number that is none");
  if (end - start > LONGEST)
    return fail_at(r, start, "a number of more than 1000 characters");
  r->at = end;
  if (whole && read_integer(start, end, &r->integer))
    return JSON_INTEGER;
  r->number = read_double(start, (size_t)(end - start), copy);
  return JSON_NUMBER;
}

static JsonKind read_word(JsonReader *r) {
  if (take(r, "null"))
    return JSON_NULL;
  if (take(r, "true"))
    return JSON_TRUE;
  if (take(r, "false"))
    return JSON_FALSE;
  if (take(r, "NaN"))
    r->number = NAN;
  else if (take(r, "Infinity"))
    r->number = INFINITY;
  else if (take(r, "-Infinity"))
    r->number = -INFINITY;
  else
    return fail_at(r, r->at, "no valid JSON value");
  return JSON_NUMBER;
}

/* ---- strings ------------------------------------------------------------ */

static int hex(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

/* The number of bytes of the escape at p, 0 when there is no such one. One that
** the end of the text cuts off reaches beyond it. */
static int escape_length(const char *p, const char *end) {
  if (end - p < 2)
    return 2;
  if (p[1] != 'u')
    return memchr("\"\\/bfnrt", p[1], 8) ? 2 : 0;
  for (int i = 2; i < 6 && p + i < end; i++)
    if (hex(p[i]) < 0)
      return 0;
  return 6;
}

static JsonKind read_string(JsonReader *r, JsonKind kind) {
  const char *quote = r->at, *p = quote + 1;
  while (p < r->end && *p != '"') {
    int n = *p == '\\' ? escape_length(p, r->end) : 1;
    if ((unsigned char)*p < ' ')
      return fail_at(r, p, "a control character in a string");
    if (n == 0)
      return fail_at(r, p, "no such escape in a string");
    if (n > r->end - p)
      break;
    p += n;
  }
  if (p == r->end || *p != '"')
    return fail_at(r, quote, "unterminated string");
  r->raw = quote + 1;
  r->length = (size_t)(p - r->raw);
  r->at = p + 1;
  return kind;
}

static unsigned unit_at(const char *p) {
  return (unsigned)(hex(p[2]) << 12 | hex(p[3]) << 8 | hex(p[4]) << 4 |
                    hex(p[5]));
}

static char *put_utf8(char *out, unsigned c) {
  if (c < 0x80) {
    *out++ = (char)c;
  } else if (c < 0x800) {
    *out++ = (char)(0xc0 | c >> 6);
    *out++ = (char)(0x80 | (c & 63));
  } else if (c < 0x10000) {
    *out++ = (char)(0xe0 | c >> 12);
    *out++ = (char)(0x80 | (c >> 6 & 63));
    *out++ = (char)(0x80 | (c & 63));
  } else {
    *out++ = (char)(0xf0 | c >> 18);
    *out++ = (char)(0x80 | (c >> 12 & 63));
    *out++ = (char)(0x80 | (c >> 6 & 63));
    *out++ = (char)(0x80 | (c & 63));
  }
  return out;
}

/* The character of the \u at p, two of them for a pair; its bytes to *used. */
static unsigned character_at(const char *p, const char *end, int *used) {
  unsigned c = unit_at(p);
  *used = 6;
  if (c < 0xd800 || c > 0xdfff)
    return c;
  if (c < 0xdc00 && end - p >= 12 && p[6] == '\\' && p[7] == 'u') {
    unsigned low = unit_at(p + 6);
    if (low >= 0xdc00 && low <= 0xdfff) {
      *used = 12;
      return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
  }
  return 0xfffd;
}

size_t json_decode(const JsonReader *r, char *out) {
  static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
  const char *p = r->raw, *end = p + r->length;
  char *o = out;
  while (p < end) {
    int used = 2;
    if (*p != '\\') {
      *o++ = *p++;
      continue;
    }
    if (p[1] == 'u')
      o = put_utf8(o, character_at(p, end, &used));
    else
      *o++ = meant[strchr(plain, p[1]) - plain];
    p += used;
  }
  return (size_t)(o - out);
}

/* ---- the grammar -------------------------------------------------------- */

static JsonKind open_bracket(JsonReader *r, JsonKind kind) {
  if (r->depth == JSON_DEPTH)
    return fail_at(r, r->at, "nested too deeply, more than 500 levels,");
  r->open[r->depth++] = r->at++;
  r->wanted = kind == JSON_ARRAY ? VALUE_OR_END : NAME_OR_END;
  return kind;
}

static bool in_array(const JsonReader *r) {
  return *r->open[r->depth - 1] == '[';
}

static JsonKind close_bracket(JsonReader *r) {
  JsonKind kind = in_array(r) ? JSON_ARRAY_END : JSON_OBJECT_END;
  r->at++;
  r->depth--;
  r->wanted = r->depth > 0 ? COMMA_OR_END : NOTHING;
  return kind;
}

/* What comes after it is settled first: an array or object says otherwise. */
static JsonKind read_value(JsonReader *r) {
  char c = *r->at;
  r->wanted = r->depth > 0 ? COMMA_OR_END : NOTHING;
  if (c == '[')
    return open_bracket(r, JSON_ARRAY);
  if (c == '{')
    return open_bracket(r, JSON_OBJECT);
  if (c == '"')
    return read_string(r, JSON_STRING);
  if (is_digit(r, r->at) || (c == '-' && is_digit(r, r->at + 1)))
    return read_number(r);
  return read_word(r);
}

static JsonKind read_name(JsonReader *r) {
  if (*r->at != '"')
    return fail_at(r, r->at, "a name in quotes is missing");
  if (read_string(r, JSON_NAME) == JSON_ERROR)
    return JSON_ERROR;
  skip_blanks(r);
  if (r->at == r->end)
    return fail_unterminated(r);
  if (*r->at != ':')
    return fail_at(r, r->at, "a colon is missing");
  r->at++;
  r->wanted = VALUE;
  return JSON_NAME;
}

/* After a value: the end of what it stands in, or a comma and what follows. */
static JsonKind read_next(JsonReader *r) {
  bool array = in_array(r);
  if (*r->at == (array ? ']' : '}'))
    return close_bracket(r);
  if (*r->at != ',')
    return fail_at(r, r->at, array ? "a comma or ] is missing"
                                   : "a comma or } is missing");
  r->at++;
  r->wanted = array ? VALUE : NAME;
  return json_next(r);
}

JsonKind json_next(JsonReader *r) {
  if (r->error->set)
    return JSON_ERROR;
  skip_blanks(r);
  if (r->wanted == NOTHING)
    return r->at == r->end ? JSON_END
                           : fail_at(r, r->at, "there is more after the value");
  if (r->at == r->end)
    return fail_unterminated(r);
  switch (r->wanted) {
  case VALUE_OR_END:
    if (*r->at == ']')
      return close_bracket(r);
    return read_value(r);
  case NAME_OR_END:
    if (*r->at == '}')
      return close_bracket(r);
    return read_name(r);
  case NAME: return read_name(r);
  case COMMA_OR_END: return read_next(r);
  default: return read_value(r);
  }
}

bool json_expect(JsonReader *r, JsonKind kind, const char *what) {
  JsonKind got = json_next(r);
  return got == kind || (got != JSON_ERROR && fail(r->error, "%s", what));
}

/* ---- writing ------------------------------------------------------------ */

size_t json_quote(char *out, const char *text, size_t length) {
  static const char escaped[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
  char *o = out;
  *o++ = '"';
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)text[i];
    bool is_plain = c >= ' ' && c != '"' && c != '\\';
    const char *found = c && !is_plain ? strchr(escaped, c) : NULL;
    if (found) {
      *o++ = '\\';
      *o++ = letter[found - escaped];
    } else if (c < ' ' || c == 127) {
      o += sprintf(o, "\\u%04x", c);
    } else {
      *o++ = (char)c;
    }
  }
  *o++ = '"';
  return (size_t)(o - out);
}

/* 17 digits give any double back, and most need but 15. What has neither point
** nor exponent would be read as an integer. */
size_t json_number(char *out, double x) {
  if (x != x || isinf(x))
    return (size_t)snprintf(out, JSON_NUMBER_TEXT, "%s",
                            x != x  ? "NaN"
                            : x > 0 ? "Infinity"
                                    : "-Infinity");
  int n = 0;
  for (int digits = 15; digits <= 17; digits++) {
    n = snprintf(out, JSON_NUMBER_TEXT, "%.*g", digits, x);
    if (strtod(out, NULL) == x)
      break;
  }
  char *point = strchr(out, *localeconv()->decimal_point);
  if (point)
    *point = '.';
  if (strpbrk(out, ".e") == NULL)
    n += snprintf(out + n, (size_t)(JSON_NUMBER_TEXT - n), ".0");
  return (size_t)n;
}
