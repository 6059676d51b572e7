/* See safetensors.h. The header is copied first, so that nobody changes it
** while it is read; names and texts are decoded in the copy, which has room for
** them, since no string is longer than what it is written as. */

#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "files/json.h"
#include "files/safetensors.h"
#include "files/utf8.h"

struct TensorFile {
  atomic_int refs;
  Account *account;
  FileIn *in;
  char *path;
  char *header;
  const char *data;
  int64_t size; /* of the data */
  TensorEntry *entry;
  TensorEntry **sorted; /* by name */
  TextEntry *text;      /* by name */
  int entries, entry_room, texts, text_room;
  Lock lock; /* of `taken`: any thread may let go of a tensor */
};

/* ---- the header, piece by piece ------------------------------------------ */

typedef struct Parser {
  TensorFile *f;
  JsonReader json;
  Error *e;
} Parser;

static bool fail_tensor(Error *e, const TensorEntry *x, const char *what) {
  return fail(e, "tensor \"%.200s\": %s", x->name, what);
}

/* One more item at the end of a list; NULL when memory is out. */
static void *one_more(Parser *p, void **list, int *n, int *room, size_t item) {
  if (*n == *room) {
    int more = *room ? 2 * *room : 16;
    void *grown = mem_resize(p->f->account, *list, (size_t)more, item);
    if (grown == NULL) {
      fail_memory(p->e, "out of memory");
      return NULL;
    }
    *list = grown;
    *room = more;
  }
  return (char *)*list + (size_t)(*n)++ * item;
}

/* The string that was just found, decoded in its own place; it ends in a zero
** where its quote was. */
static char *decode_here(Parser *p, size_t *length) {
  char *at = p->f->header + (p->json.raw - p->f->header);
  *length = json_decode(&p->json, at);
  at[*length] = '\0';
  return at;
}

/* Fields come in any order, each once. */
enum { DTYPE_FIELD = 1, SHAPE_FIELD = 2, OFFSETS_FIELD = 4 };

/* A list of at most `most` sizes; how many there are, or -1. */
static int read_sizes(Parser *p, int64_t *list, int most, const char *what) {
  int n = 0;
  if (!json_expect(&p->json, JSON_ARRAY, what))
    return -1;
  for (;;) {
    JsonKind kind = json_next(&p->json);
    if (kind == JSON_ARRAY_END)
      return n;
    if (kind == JSON_ERROR)
      return -1;
    if (kind != JSON_INTEGER || p->json.integer < 0 || n == most) {
      fail(p->e, "%s", what);
      return -1;
    }
    list[n++] = p->json.integer;
  }
}

static bool read_dtype(Parser *p, TensorEntry *x, int *bits) {
  DType d = DTYPE_COUNT;
  if (!json_expect(&p->json, JSON_STRING, "its dtype is no text"))
    return false;
  *bits = stored_bits(p->json.raw, p->json.length, &d, &x->stored);
  x->type.dtype = (int32_t)d;
  int shown = p->json.length < 40 ? (int)p->json.length : 40;
  return *bits > 0 || fail(p->e, "there is no dtype \"%.*s\"", shown,
                           p->json.raw);
}

static bool read_shape(Parser *p, TensorEntry *x) {
  x->type.rank = read_sizes(p, x->type.dim, MAX_RANK,
                            "its shape is no list of at most 8 sizes");
  return x->type.rank >= 0;
}

static bool read_offsets(Parser *p, TensorEntry *x) {
  static const char wanted[] = "its data_offsets are no two places";
  int64_t at[2];
  int n = read_sizes(p, at, 2, wanted);
  if (n != 2)
    return n >= 0 ? fail(p->e, "%s", wanted) : false;
  x->offset = at[0];
  x->bytes = at[1] - at[0];
  return (at[0] <= at[1] && at[1] <= p->f->size) ||
         fail(p->e, "bytes %lld to %lld of the data, which has %lld",
              (long long)at[0], (long long)at[1], (long long)p->f->size);
}

static bool read_field(Parser *p, TensorEntry *x, int *found, int *bits) {
  static const char *const names[] = {"dtype", "shape", "data_offsets"};
  size_t length;
  const char *name = decode_here(p, &length);
  for (int i = 0; i < COUNT_OF(names); i++) {
    if (strcmp(name, names[i]) != 0 || strlen(name) != length)
      continue; /* a name may have a zero byte */
    if (*found & 1 << i)
      return fail(p->e, "its %s stands there twice", name);
    *found |= 1 << i;
    return i == 0 ? read_dtype(p, x, bits)
           : i == 1 ? read_shape(p, x) : read_offsets(p, x);
  }
  return fail(p->e, "what is \"%.40s\"?", name);
}

/* The numbers that its type says are those bytes. */
static bool check_bytes(const TensorEntry *x, int bits, Error *e) {
  char shape[TYPE_TEXT];
  if (!type_countable(&x->type))
    return fail(e, "no memory has so many numbers: %s",
                type_text(&x->type, shape));
  int64_t wanted = type_elements(&x->type) * (bits / 8);
  return wanted == x->bytes ||
         fail(e, "%s %s takes %lld bytes, it has %lld", x->stored,
              type_text(&x->type, shape), (long long)wanted,
              (long long)x->bytes);
}

static bool read_fields(Parser *p, TensorEntry *x) {
  int found = 0, bits = 0;
  if (!json_expect(&p->json, JSON_OBJECT, "no object says what it is"))
    return false;
  for (;;) {
    JsonKind kind = json_next(&p->json);
    if (kind == JSON_OBJECT_END)
      break;
    if (kind == JSON_ERROR || !read_field(p, x, &found, &bits))
      return false;
  }
  if (found != (DTYPE_FIELD | SHAPE_FIELD | OFFSETS_FIELD))
    return fail(p->e, "its %s is missing", !(found & DTYPE_FIELD) ? "dtype"
                : !(found & SHAPE_FIELD) ? "shape" : "data_offsets");
  return check_bytes(x, bits, p->e);
}

static bool read_entry(Parser *p, const char *name) {
  TensorFile *f = p->f;
  TensorEntry *x = one_more(p, (void **)&f->entry, &f->entries, &f->entry_room,
                            sizeof *x);
  if (x == NULL)
    return false;
  x->name = name;
  x->file = f;
  return read_fields(p, x) ||
         error_prefix(p->e, "tensor \"%.200s\": ", name);
}

static bool read_text(Parser *p, const char *name) {
  TensorFile *f = p->f;
  TextEntry *x = one_more(p, (void **)&f->text, &f->texts, &f->text_room,
                          sizeof *x);
  if (x == NULL || !json_expect(&p->json, JSON_STRING, "it is no text"))
    return error_prefix(p->e, "__metadata__, \"%.200s\": ", name);
  x->name = name;
  x->text = decode_here(p, &x->length);
  return true;
}

/* The members of an object, each by its name. */
static bool read_members(Parser *p, bool (*read)(Parser *p, const char *name)) {
  size_t length;
  for (;;) {
    JsonKind kind = json_next(&p->json);
    if (kind != JSON_NAME)
      return kind == JSON_OBJECT_END;
    const char *name = decode_here(p, &length);
    if (strlen(name) != length)
      return fail(p->e, "a name with a zero byte: \"%.200s\"", name);
    if (!read(p, name))
      return false;
  }
}

static bool read_member(Parser *p, const char *name) {
  if (strcmp(name, "__metadata__") != 0)
    return read_entry(p, name);
  return json_expect(&p->json, JSON_OBJECT, "__metadata__ is no object") &&
         read_members(p, read_text);
}

static bool read_header(TensorFile *f, size_t length, Error *e) {
  Parser p = {.f = f, .e = e};
  if (f->header[0] != '{')
    return fail(e, "the header is no JSON object");
  if (utf8_valid(f->header, length) != length)
    return fail(e, "the header is not UTF-8 at byte %zu",
                utf8_valid(f->header, length));
  json_begin(&p.json, f->header, length, e);
  return json_expect(&p.json, JSON_OBJECT, "the header is no JSON object") &&
         read_members(&p, read_member) &&
         json_expect(&p.json, JSON_END, "there is more after the header");
}

/* ---- what all entries are together -------------------------------------- */

static int by_name(const void *a, const void *b) {
  const TensorEntry *const *x = a, *const *y = b;
  return strcmp((*x)->name, (*y)->name);
}

static int by_place(const void *a, const void *b) {
  const TensorEntry *x = *(const TensorEntry *const *)a,
                    *y = *(const TensorEntry *const *)b;
  /* One of no bytes comes before the one that begins where it lies. */
  int64_t d = x->offset != y->offset ? x->offset - y->offset
                                     : x->bytes - y->bytes;
  return d < 0 ? -1 : d > 0;
}

static int text_by_name(const void *a, const void *b) {
  const TextEntry *x = a, *y = b;
  return strcmp(x->name, y->name);
}

/* Each begins where the one before it ends; nothing is left over. The format
** wants it so, lest a file be something else as well. */
static bool check_places(TensorFile *f, Error *e) {
  int64_t at = 0;
  qsort(f->sorted, (size_t)f->entries, sizeof *f->sorted, by_place);
  for (int i = 0; i < f->entries; i++) {
    const TensorEntry *x = f->sorted[i];
    if (x->offset < at)
      return fail_tensor(e, x, "it overlaps another tensor");
    if (x->offset > at)
      return fail_tensor(e, x, "there is a hole before it");
    at += x->bytes;
  }
  return at == f->size ||
         fail(e, "the data has %lld bytes, the tensors have %lld",
              (long long)f->size, (long long)at);
}

static bool check_names(TensorFile *f, Error *e) {
  qsort(f->sorted, (size_t)f->entries, sizeof *f->sorted, by_name);
  for (int i = 1; i < f->entries; i++)
    if (by_name(&f->sorted[i - 1], &f->sorted[i]) == 0)
      return fail_tensor(e, f->sorted[i], "there are two of that name");
  if (f->texts)
    qsort(f->text, (size_t)f->texts, sizeof *f->text, text_by_name);
  for (int i = 1; i < f->texts; i++)
    if (text_by_name(&f->text[i - 1], &f->text[i]) == 0)
      return fail(e, "__metadata__, \"%.200s\": there are two of that name",
                  f->text[i].name);
  return true;
}

/* The order by name comes last: it stays, to be searched. */
static bool sort_entries(TensorFile *f, Error *e) {
  f->sorted = mem_new(f->account, (size_t)f->entries + 1, sizeof *f->sorted);
  if (f->sorted == NULL)
    return fail_memory(e, "out of memory");
  for (int i = 0; i < f->entries; i++)
    f->sorted[i] = &f->entry[i];
  return check_places(f, e) && check_names(f, e);
}

/* ---- files --------------------------------------------------------------- */

static uint64_t header_length(const FileIn *in) {
  uint64_t n = 0;
  for (int i = TENSOR_FILE_LENGTH - 1; i >= 0; i--)
    n = n << 8 | (unsigned char)in->data[i];
  return n;
}

static bool load(TensorFile *f, Error *e) {
  const FileIn *in = f->in;
  if (in->size < TENSOR_FILE_LENGTH)
    return fail(e, "%zu bytes are no safetensors file", in->size);
  uint64_t length = header_length(in), rest = in->size - TENSOR_FILE_LENGTH;
  if (length > rest || length > TENSOR_FILE_HEADER || length < 2)
    return fail(e, "no safetensors file: its header has %llu bytes, the file "
                   "%zu", (unsigned long long)length, in->size);
  f->header = mem_new(f->account, length + 1, 1);
  if (f->header == NULL)
    return fail_memory(e, "out of memory");
  memcpy(f->header, in->data + TENSOR_FILE_LENGTH, length);
  f->data = in->data + TENSOR_FILE_LENGTH + length;
  f->size = (int64_t)(rest - length);
  return read_header(f, length, e) && sort_entries(f, e);
}

TensorFile *tensor_file_of(Account *a, FileIn *bytes, const char *name,
                           Error *e) {
  TensorFile *f = mem_new(a, 1, sizeof *f);
  char *path = mem_text(a, name);
  if (f == NULL || path == NULL) {
    mem_free(f);
    mem_free(path);
    file_in_release(bytes);
    fail_memory(e, "out of memory");
    return NULL;
  }
  atomic_init(&f->refs, 1);
  f->account = a;
  f->in = bytes;
  f->path = path;
  if (load(f, e))
    return f;
  error_prefix(e, "%s: ", name);
  tensor_file_release(f);
  return NULL;
}

TensorFile *tensor_file_open(Account *a, const char *path, Error *e) {
  FileIn *in = file_in_open(a, path, e);
  return in ? tensor_file_of(a, in, path, e) : NULL;
}

TensorFile *tensor_file_retain(TensorFile *f) {
  atomic_fetch_add(&f->refs, 1);
  return f;
}

void tensor_file_release(TensorFile *f) {
  if (f == NULL || atomic_fetch_sub(&f->refs, 1) > 1)
    return;
  file_in_release(f->in);
  mem_free(f->path);
  mem_free(f->header);
  mem_free(f->entry);
  mem_free(f->sorted);
  mem_free(f->text);
  mem_free(f);
}

/* ---- what is in them ----------------------------------------------------- */

const char *tensor_file_name(const TensorFile *f) {
  return f->path;
}

const TensorEntry *tensor_file_at(const TensorFile *f, int i) {
  return i < f->entries ? &f->entry[i] : NULL;
}

const TensorEntry *tensor_file_find(const TensorFile *f, const char *name) {
  const TensorEntry key = {.name = name}, *at = &key;
  TensorEntry **x = f->entries == 0 ? NULL
                    : bsearch(&at, f->sorted, (size_t)f->entries,
                              sizeof *f->sorted, by_name);
  return x ? *x : NULL;
}

const TextEntry *tensor_file_text_at(const TensorFile *f, int i) {
  return i < f->texts ? &f->text[i] : NULL;
}

const TextEntry *tensor_file_text(const TensorFile *f, const char *name) {
  const TextEntry key = {.name = name};
  return f->texts == 0 ? NULL : bsearch(&key, f->text, (size_t)f->texts,
                                        sizeof key, text_by_name);
}

/* ---- tensors ------------------------------------------------------------- */

/* The last one that lay on these bytes is gone: most weights are looked at
** once, when they are prepared. */
static void tensor_left(void *ud, void *data) {
  TensorEntry *x = ud;
  TensorFile *f = x->file;
  (void)data;
  lock_take(&f->lock);
  bool last = --x->taken == 0;
  lock_leave(&f->lock);
  if (last)
    file_in_forget(f->in, (size_t)(f->data - f->in->data + x->offset),
                   (size_t)x->bytes);
  tensor_file_release(f);
}

static bool lie_on_file(TensorFile *f, TensorEntry *x, Tensor *t, Error *e) {
  if (!tensor_on(t, f->account, &x->type, f->data + x->offset, tensor_left, x,
                 e))
    return false;
  tensor_file_retain(f);
  lock_take(&f->lock);
  x->taken++;
  lock_leave(&f->lock);
  return true;
}

/* Behind a header of odd length, as others write them, numbers lie badly. */
static bool copy_out(TensorFile *f, const TensorEntry *x, Tensor *t, Error *e) {
  if (!tensor_new(t, f->account, &x->type, e))
    return false;
  memcpy(t->data, f->data + x->offset, (size_t)x->bytes);
  return true;
}

bool tensor_file_take(TensorFile *f, const TensorEntry *x, Tensor *t,
                      Error *e) {
  const char *at = f->data + x->offset;
  if (x->type.dtype == DTYPE_COUNT)
    return fail(e, "%s: tensor \"%.200s\": lunula has no element type %s",
                f->path, x->name, x->stored);
  if (x->type.dtype == BOOL && !bytes_are_booleans(at, x->bytes))
    return fail(e, "%s: tensor \"%.200s\": a boolean that is neither 0 nor 1",
                f->path, x->name);
  size_t item = (size_t)dtype_size((DType)x->type.dtype);
  bool ok = (uintptr_t)at % item == 0
                ? lie_on_file(f, &f->entry[x - f->entry], t, e)
                : copy_out(f, x, t, e);
  return ok || error_prefix(e, "%s: tensor \"%.200s\": ", f->path, x->name);
}
