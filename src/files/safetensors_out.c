/* Writing of safetensors.h. The data of larger elements comes first and the
** header ends on a multiple of 64 bytes, so that whoever maps the file finds
** all numbers where processors like to have them. */

#include <stdlib.h>
#include <string.h>

#include "files/file_out.h"
#include "files/json.h"
#include "files/safetensors.h"
#include "files/utf8.h"
#include "graph/graph.h"

enum { ALIGNMENT = 64, CHUNK = 1 << 16 };

/* An item and where its data will be. */
typedef struct Placed {
  const TensorItem *item;
  Type type; /* in the file */
  int number;
  int64_t offset, bytes;
} Placed;

typedef struct Writer {
  Account *account;
  const char *path;
  const TensorSaving *s;
  Placed *placed;
  Placed **order; /* of the data */
  char *chunk;    /* for what is converted */
  FileOut *out;
  Error *e;
} Writer;

/* ---- places -------------------------------------------------------------- */

static DType stored_as(const TensorSaving *s, DType d) {
  return s->floats != DTYPE_COUNT && dtype_is_float(d) ? s->floats : d;
}

/* Larger elements first, else as they were given. */
static int by_size(const void *a, const void *b) {
  const Placed *x = *(const Placed *const *)a, *y = *(const Placed *const *)b;
  int d = dtype_size((DType)y->type.dtype) - dtype_size((DType)x->type.dtype);
  return d ? d : x->number - y->number;
}

static bool check_name(const char *name, size_t length, const char *what,
                       Error *e) {
  return utf8_valid(name, length) == length ||
         fail(e, "%s \"%.200s\" is not UTF-8", what, name);
}

static bool place_item(Writer *w, int i) {
  const TensorItem *item = &w->s->item[i];
  Placed *p = &w->placed[i];
  if (!check_name(item->name, strlen(item->name), "the name", w->e))
    return false;
  if (strcmp(item->name, "__metadata__") == 0)
    return fail(w->e, "a tensor cannot be called __metadata__");
  if (!tensor_readable(&item->tensor, w->e))
    return error_prefix(w->e, "tensor \"%.200s\": ", item->name);
  if (item->tensor.type.dtype == STR)
    return fail(w->e, "tensor \"%.200s\" is strings, a file has numbers",
                item->name);
  *p = (Placed){.item = item, .type = item->tensor.type, .number = i};
  p->type.dtype = (int32_t)stored_as(w->s, (DType)p->type.dtype);
  p->bytes = type_bytes(&p->type);
  w->order[i] = p;
  return true;
}

static int by_item_name(const void *a, const void *b) {
  const Placed *x = *(const Placed *const *)a, *y = *(const Placed *const *)b;
  return strcmp(x->item->name, y->item->name);
}

/* Sorted twice: by name, to find two of one, and then as the data will lie. */
static bool place_items(Writer *w) {
  size_t n = (size_t)w->s->items;
  int64_t at = 0;
  w->placed = mem_new(w->account, n + 1, sizeof *w->placed);
  w->order = mem_new(w->account, n + 1, sizeof *w->order);
  w->chunk = mem_new(w->account, CHUNK, 1);
  if (w->placed == NULL || w->order == NULL || w->chunk == NULL)
    return fail_memory(w->e, "out of memory");
  for (int i = 0; i < w->s->items; i++)
    if (!place_item(w, i))
      return false;
  qsort(w->order, n, sizeof *w->order, by_item_name);
  for (size_t i = 1; i < n; i++)
    if (by_item_name(&w->order[i - 1], &w->order[i]) == 0)
      return fail(w->e, "there are two tensors \"%.200s\"",
                  w->order[i]->item->name);
  qsort(w->order, n, sizeof *w->order, by_size);
  for (size_t i = 0; i < n; i++) {
    w->order[i]->offset = at;
    at += w->order[i]->bytes;
  }
  return true;
}

/* ---- the header ---------------------------------------------------------- */

static void add_quoted(Text *t, const char *text, size_t length) {
  char *to = text_room(t, 6 * length + 2);
  if (to)
    t->used += json_quote(to, text, length);
}

static void add_entry(Text *t, const Placed *p) {
  add_quoted(t, p->item->name, strlen(p->item->name));
  text_add(t, ":{\"dtype\":\"%s\",\"shape\":[",
           stored_name((DType)p->type.dtype));
  for (int i = 0; i < p->type.rank; i++)
    text_add(t, "%s%lld", i ? "," : "", (long long)p->type.dim[i]);
  text_add(t, "],\"data_offsets\":[%lld,%lld]}", (long long)p->offset,
           (long long)(p->offset + p->bytes));
}

static bool add_texts(Text *t, const TensorSaving *s, Error *e) {
  text_add(t, "\"__metadata__\":{");
  for (int i = 0; i < s->texts; i++) {
    const TextEntry *x = &s->text[i];
    if (!check_name(x->name, strlen(x->name), "__metadata__:", e))
      return false;
    if (utf8_valid(x->text, x->length) != x->length)
      return fail(e, "__metadata__, \"%.200s\": it is not UTF-8", x->name);
    text_add(t, i ? "," : "");
    add_quoted(t, x->name, strlen(x->name));
    text_add(t, ":");
    add_quoted(t, x->text, x->length);
  }
  text_add(t, "}");
  return true;
}

/* The header keeps the order of the items; only their data is moved. */
static bool make_header(Writer *w, Text *t) {
  text_add(t, "{");
  if (w->s->texts && !add_texts(t, w->s, w->e))
    return false;
  for (int i = 0; i < w->s->items; i++) {
    text_add(t, i || w->s->texts ? "," : "");
    add_entry(t, &w->placed[i]);
  }
  text_add(t, "}");
  while (!t->failed && (t->used + TENSOR_FILE_LENGTH) % ALIGNMENT)
    text_add(t, " ");
  if (t->failed)
    return fail_memory(w->e, "out of memory");
  return t->used <= TENSOR_FILE_HEADER ||
         fail(w->e, "a header of %zu bytes; readers take %d", t->used,
              TENSOR_FILE_HEADER);
}

/* ---- the data ------------------------------------------------------------ */

static bool is_finite(double v) {
  return v - v == 0;
}

/* Other floats, a chunk after another. What float16 has no number for is not
** written as infinite. */
static bool write_converted(Writer *w, const Placed *p) {
  int item = dtype_size((DType)p->type.dtype);
  int64_t n = type_elements(&p->type), room = CHUNK / item;
  Tensor to = {.type = p->type, .data = w->chunk};
  for (int64_t at = 0; at < n;) {
    int64_t count = n - at < room ? n - at : room;
    for (int64_t i = 0; i < count; i++) {
      double v = tensor_get(&p->item->tensor, at + i);
      tensor_put(&to, i, v);
      if (is_finite(v) && !is_finite(tensor_get(&to, i)))
        return fail(w->e, "%s: tensor \"%.200s\": %s cannot hold %g%s",
                    w->path, p->item->name, dtype_name((DType)p->type.dtype), v,
                    p->type.dtype == F16 ? ", bfloat16 can" : "");
    }
    if (!file_out_write(w->out, w->chunk, (size_t)(count * item), w->e))
      return false;
    at += count;
  }
  return true;
}

static bool write_data(Writer *w) {
  for (int i = 0; i < w->s->items; i++) {
    const Placed *p = w->order[i];
    const Tensor *t = &p->item->tensor;
    bool same = p->type.dtype == t->type.dtype;
    if (!(same ? file_out_write(w->out, t->data, (size_t)p->bytes, w->e)
               : write_converted(w, p)))
      return false;
  }
  return true;
}

static bool write_header(Writer *w, const Text *t) {
  unsigned char length[TENSOR_FILE_LENGTH];
  for (int i = 0; i < TENSOR_FILE_LENGTH; i++)
    length[i] = (unsigned char)((uint64_t)t->used >> 8 * i);
  return file_out_write(w->out, length, sizeof length, w->e) &&
         file_out_write(w->out, t->data, t->used, w->e);
}

bool tensor_file_write(Account *a, const char *path, const TensorSaving *s,
                       Error *e) {
  Writer w = {.account = a, .path = path, .s = s, .e = e};
  Text header = {.account = a};
  bool ok = place_items(&w) && make_header(&w, &header);
  if (!ok) /* what comes after this says the path itself */
    error_prefix(e, "%s: ", path);
  if (ok)
    w.out = file_out_open(a, path, s->overwrite, e);
  ok = w.out && write_header(&w, &header) && write_data(&w);
  if (w.out)
    ok = file_out_close(w.out, ok, e);
  mem_free(w.placed);
  mem_free(w.order);
  mem_free(w.chunk);
  text_free(&header);
  return ok;
}
