/* Tensors as text: a header, then at most six rows and columns, aligned. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bind/box.h"

enum { SHOWN = 6, EDGE = 3 }; /* of a longer axis the first and last EDGE */

typedef struct Printer {
  const Tensor *t;
  Text *text;
  char format[16];
  int width;
  double low, high; /* of the sizes of what is shown */
  bool whole;
} Printer;

static bool is_whole(DType d) {
  return d == I32 || d == I8 || d == U8 || d == I64;
}

/* In quotes, its first bytes when it is long. */
static void print_string(const Str *str, char out[40]) {
  int n = str->size > 32 ? 32 : (int)str->size;
  bool cut = str->size > 32;
  while (cut && n > 0 && ((unsigned char)str->text[n] & 0xc0) == 0x80)
    n--; /* no character is cut */
  snprintf(out, 40, "\"%.*s%s\"", n, str->text, cut ? "..." : "");
}

/* 40 bytes hold all of them: a string is cut to 32, an int64 has 20, and
** choose_format leaves large numbers to exponents. */
static void print_number(const Printer *p, int64_t i, char out[40]) {
  if (p->t->type.dtype == STR) {
    print_string((const Str *)p->t->data + i, out);
    return;
  }
  double v = tensor_get(p->t, i);
  if (p->t->type.dtype == BOOL)
    snprintf(out, 40, "%s", v != 0 ? "true" : "false");
  else if (p->t->type.dtype == I64)
    snprintf(out, 40, "%lld", (long long)((const int64_t *)p->t->data)[i]);
  else if (is_whole((DType)p->t->type.dtype))
    snprintf(out, 40, "%.0f", v);
  else if (v != v)
    snprintf(out, 40, "nan");
  else if (isinf(v))
    snprintf(out, 40, v > 0 ? "inf" : "-inf");
  else
    snprintf(out, 40, p->format, v); /* one of choose_format's */
}

/* Position k of those shown of an axis of n; -1 for the gap. */
static int64_t shown_at(int64_t n, int k) {
  if (n <= SHOWN)
    return k;
  return k < EDGE ? k : k == EDGE ? -1 : n - (SHOWN + 1 - k);
}

static int shown_count(int64_t n) {
  return n <= SHOWN ? (int)n : SHOWN + 1;
}

/* Calls visit for each element that is shown. */
static void each_shown(Printer *p, int axis, int64_t base,
                       void (*visit)(Printer *p, int64_t i)) {
  const Type *t = &p->t->type;
  if (axis == t->rank) {
    visit(p, base);
    return;
  }
  for (int k = 0; k < shown_count(t->dim[axis]); k++) {
    int64_t i = shown_at(t->dim[axis], k);
    if (i >= 0)
      each_shown(p, axis + 1, base * t->dim[axis] + i, visit);
  }
}

static void measure(Printer *p, int64_t i) {
  char out[40];
  print_number(p, i, out);
  int n = (int)strlen(out);
  p->width = n > p->width ? n : p->width;
}

/* What is not finite has a text of its own and says nothing of the others; nor
** does 0, which any format shows. */
static void range(Printer *p, int64_t i) {
  double v = fabs(tensor_get(p->t, i));
  if (!isfinite(v))
    return;
  p->whole = p->whole && v == floor(v) && v < 1e6;
  if (v > 0) {
    p->low = v < p->low ? v : p->low;
    p->high = v > p->high ? v : p->high;
  }
}

/* Exponents when the range asks for them; whole floats without decimals. It is
** one format for all, so that columns can be read; a float32 has seven digits,
** and more would be noise. */
static void choose_format(Printer *p) {
  p->low = INFINITY;
  p->high = 0;
  p->whole = true;
  each_shown(p, 0, 0, range);
  strcpy(p->format, p->whole ? "%.0f"
                    : p->high >= 1e6 || p->low < 1e-4 ? "%.3e"
                    : p->high >= 1000 ? "%.2f" : "%.4f");
}

static void print_axis(Printer *p, int axis, int64_t base) {
  const Type *t = &p->t->type;
  char out[40];
  if (axis == t->rank) {
    print_number(p, base, out);
    text_add(p->text, "%*s", p->width, out);
    return;
  }
  text_add(p->text, "[");
  for (int k = 0; k < shown_count(t->dim[axis]); k++) {
    int64_t i = shown_at(t->dim[axis], k);
    bool last = axis == t->rank - 1;
    if (k > 0)
      text_add(p->text, last ? ", " : ",\n%*s", last ? 0 : axis + 1, "");
    if (i < 0)
      text_add(p->text, "...");
    else
      print_axis(p, axis + 1, base * t->dim[axis] + i);
  }
  text_add(p->text, "]");
}

static int free_text(lua_State *L) {
  text_free(luaL_checkudata(L, 1, "lunula.Text"));
  return 0;
}

/* A text that Lua's collector frees: one may raise while it is written. */
Text *print_buffer(lua_State *L) {
  Text *t = lua_newuserdatauv(L, sizeof *t, 0);
  *t = (Text){.account = state_of(L)->account};
  luaL_newmetatable(L, "lunula.Text"); /* filled again if memory was out */
  lua_pushcfunction(L, free_text);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  return t;
}

void print_push(lua_State *L, const char *what, Val v) {
  const Tensor *t = val_tensor(v);
  char shape[TYPE_TEXT];
  const char *dtype = dtype_name((DType)t->type.dtype);
  type_text(&t->type, shape);
  if (val_symbolic(v)) {
    lua_pushfstring(L, "symbolic %s %s %s%s%s", what, dtype, shape,
                    v.node->origin ? " made at " : "",
                    v.node->origin ? v.node->origin : "");
    return;
  }
  Error e = {.set = false};
  if (!tensor_readable(t, &e)) {
    lua_pushfstring(L, "%s %s %s without numbers: %s", what, dtype, shape,
                    e.text);
    return;
  }
  /* On the stack while Lua may raise: its finalizer frees it then. */
  Printer p = {.t = t, .text = print_buffer(L)};
  text_add(p.text, "%s %s %s\n", what, dtype, shape);
  if (type_elements(&t->type) > 0 && t->type.dtype != STR) {
    choose_format(&p);
    each_shown(&p, 0, 0, measure);
  }
  print_axis(&p, 0, 0);
  if (p.text->failed)
    raise_memory(L);
  lua_pushlstring(L, p.text->data ? p.text->data : "", p.text->used);
  text_free(p.text); /* not only as garbage: it is much larger than its box */
  lua_remove(L, -2);
}
