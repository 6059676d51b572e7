/* Types of elements, shapes, and the objects that have them: attributes and
** datasets. */

#include "reader.h"

#include <string.h>

/* ---- types -------------------------------------------------------------- */

static bool float_read(Cursor *c, Type *type, uint64_t bits) {
  cursor_take(c, 5);
  uint64_t exponent = cursor_number(c, 1);
  cursor_take(c, 1);
  uint64_t fraction = cursor_number(c, 1);
  cursor_take(c, 4);
  type->kind = KIND_FLOAT;
  if (bits & 0x40)
    return false;
  if (type->size == 2 && exponent == 8 && fraction == 7)
    type->kind = KIND_BFLOAT;
  return type->kind == KIND_BFLOAT ||
         (type->size == 2 && exponent == 5 && fraction == 10) ||
         (type->size == 4 && exponent == 8 && fraction == 23) ||
         (type->size == 8 && exponent == 11 && fraction == 52);
}

static bool int_read(Cursor *c, Type *type, uint64_t bits) {
  uint64_t start = cursor_number(c, 2), precision = cursor_number(c, 2);
  type->kind = bits & 8 ? KIND_INT : KIND_UINT;
  return start == 0 && precision == 8 * (uint64_t)type->size &&
         (type->size == 1 || type->size == 2 || type->size == 4 ||
          type->size == 8);
}

/* Booleans are written as an enumeration of two bytes. */
static bool enum_read(Cursor *c, Type *type) {
  type->kind = KIND_BOOL;
  c->left = 0;             /* names and values, which are always the same */
  return type->size == 1;
}

static bool text_read(Cursor *c, Type *type, uint64_t bits) {
  type->kind = KIND_TEXT;
  c->left = 0;             /* the type of a character */
  return (bits & 15) == 1;
}

bool type_read(Cursor *c, Type *type, Fault *why) {
  int class = (int)cursor_number(c, 1) & 15;
  uint64_t bits = cursor_number(c, 3);
  bool well = false;
  *type = (Type){.size = (uint32_t)cursor_number(c, 4)};
  type->is_big_endian = class <= 1 && bits & 1;
  switch (class) {
  case 0: well = int_read(c, type, bits); break;
  case 1: well = float_read(c, type, bits); break;
  case 3: type->kind = KIND_STRING; well = true; break;
  case 5: type->kind = KIND_OPAQUE; well = true; c->left = 0; break;
  case 8: well = enum_read(c, type); break;
  case 9: well = text_read(c, type, bits); break;
  }
  if (c->is_short || type->size == 0)
    return fault(why, "a type is damaged");
  if (!well)
    return fault(why, "elements of a type that Keras does not write");
  return true;
}

/* ---- shapes ------------------------------------------------------------- */

bool space_read(const Hdf5 *h, Cursor *c, Space *space, Fault *why) {
  int version = (int)cursor_number(c, 1), rank = (int)cursor_number(c, 1);
  bool has_limits = cursor_number(c, 1) & 1;
  int kind = version == 2 ? (int)cursor_number(c, 1) : 0;
  cursor_take(c, version == 1 ? 5 : 0);
  *space = (Space){.rank = rank, .count = kind == 2 ? 0 : 1};
  if (rank > HDF5_RANK || version < 1 || version > 2 || kind > 2)
    return fault(why, "a shape is damaged");
  for (int i = 0; i < rank; i++) {
    space->dim[i] = hdf5_length(h, c);
    if (space->dim[i] > INT64_MAX) /* Lua would take it for one below zero */
      return fault(why, "a shape is damaged");
    space->count = times(space->count, space->dim[i]);
  }
  for (int i = 0; has_limits && i < rank; i++)
    hdf5_length(h, c);
  if (c->is_short)
    return fault(why, "a shape is damaged");
  return true;
}

/* ---- objects ------------------------------------------------------------ */

enum {
  SPACE = 1, LINK_INFO = 2, TYPE = 3, LINK = 6, EXTERNAL = 7, LAYOUT = 8,
  FILTERS = 11, ATTRIBUTE = 12, SYMBOLS = 17, ATTRIBUTE_INFO = 21
};

typedef struct Reading {
  const Hdf5 *h;
  const Visitor *visitor;
  Object *object;
  bool has_type, has_space, has_layout, has_table;
  Cursor layout, filters;
} Reading;

/* The next bytes of a message, filled up to eights where that is the custom. */
static Cursor piece(Cursor *c, uint64_t size, bool is_padded) {
  const unsigned char *at = cursor_take(c, size);
  if (is_padded && at)
    cursor_take(c, (8 - size % 8) % 8);
  return (Cursor){at, at ? (size_t)size : 0, at == NULL};
}

static const char *values_read(const Hdf5 *h, Cursor type, Cursor space,
                               Cursor *data, Values *v, Fault *why) {
  if (!type_read(&type, &v->type, why) ||
      !space_read(h, &space, &v->space, why))
    return why->text;
  uint64_t size = times(v->space.count, v->type.size);
  v->data = (Bytes){cursor_take(data, size), (size_t)size};
  return v->data.data ? NULL : "its values are cut off";
}

static bool attribute(Reading *r, Cursor c, Fault *why) {
  int version = (int)cursor_number(&c, 1), flags = (int)cursor_number(&c, 1);
  uint64_t name = cursor_number(&c, 2), type = cursor_number(&c, 2);
  uint64_t space = cursor_number(&c, 2);
  cursor_take(&c, version == 3 ? 1 : 0);
  Cursor of_name = piece(&c, name, version == 1);
  Cursor of_type = piece(&c, type, version == 1);
  Cursor of_space = piece(&c, space, version == 1);
  if (c.is_short || version < 1 || version > 3 || name == 0)
    return fault(why, "an attribute is damaged");
  Values v = {0};
  const char *wrong =
      version > 1 && flags & 3
      ? "it shares a type with others, which is not read"
      : values_read(r->h, of_type, of_space, &c, &v, why);
  const unsigned char *end = memchr(of_name.at, 0, of_name.left);
  Bytes text = {of_name.at, end ? (size_t)(end - of_name.at) : of_name.left};
  if (!r->visitor->attribute(r->visitor->context, text, &v, wrong))
    return fault(why, "an object has too many attributes, or "
                 "one of them twice");
  return true;
}

/* Attributes beyond what a header holds lie in a heap of the newest style. */
static bool attribute_info(const Hdf5 *h, Cursor c, Fault *why) {
  cursor_take(&c, 1);
  int flags = (int)cursor_number(&c, 1);
  cursor_take(&c, flags & 1 ? 2 : 0);
  if (!hdf5_is_nowhere(h, hdf5_offset(h, &c)) || c.is_short)
    return fault(why, "attributes are stored in the newest style of HDF5, "
                 "which is not read; h5repack writes the file anew");
  return true;
}

/* A walk takes time, and a header has room for many of these messages. */
static bool links_of_table(Reading *r, Cursor c, Fault *why) {
  if (r->has_table)
    return fault(why, "an object has two tables of links");
  r->has_table = r->object->is_group = true;
  return group_by_table(r->h, c, r->visitor, why);
}

static bool message(void *context, const Message *m, Fault *why) {
  Reading *r = context;
  Cursor c = m->body;
  if (m->is_shared && (m->type == TYPE || m->type == SPACE ||
                       m->type == ATTRIBUTE || m->type == FILTERS))
    return fault(why, "an object shares a type or a shape with others, which "
                 "is not read");
  switch (m->type) {
  case SYMBOLS: return links_of_table(r, c, why);
  case LINK: r->object->is_group = true;
    return group_link(r->h, c, r->visitor, why);
  case LINK_INFO: r->object->is_group = true; return group_info(r->h, c, why);
  case ATTRIBUTE: return attribute(r, c, why);
  case ATTRIBUTE_INFO: return attribute_info(r->h, c, why);
  case TYPE: r->has_type = true;
    return type_read(&c, &r->object->dataset.type, why);
  case SPACE: r->has_space = true;
    return space_read(r->h, &c, &r->object->dataset.space, why);
  case LAYOUT: r->has_layout = true; r->layout = c; return true;
  case FILTERS: r->filters = c; return true;
  case EXTERNAL: return fault(why, "its data lie in another file");
  }
  return true;
}

bool hdf5_object(const Hdf5 *h, uint64_t address, const Visitor *visitor,
                 Object *object, Fault *why) {
  Reading r = {.h = h, .visitor = visitor, .object = object};
  *object = (Object){0};
  if (!header_each(h, address, message, &r, why))
    return false;
  object->is_dataset = r.has_type && r.has_space && r.has_layout;
  if (!object->is_dataset)
    return true;
  return layout_read(h, r.layout, &object->dataset, why) &&
         (r.filters.at == NULL ||
          filters_read(r.filters, &object->dataset, why));
}

/* ---- strings ------------------------------------------------------------ */

/* The object of that number in a collection of the heap for texts. */
static bool heap_object(const Hdf5 *h, uint64_t address, uint64_t number,
                        Bytes *object, uint64_t *budget) {
  Cursor c = cursor_from(h->bytes, address);
  bool well = cursor_spells(&c, "GCOL");
  cursor_take(&c, 4);
  uint64_t size = hdf5_length(h, &c);
  c = cursor_at(h->bytes, address, size);
  cursor_take(&c, 8 + (uint64_t)h->length_size);
  while (well && !c.is_short && c.left >= 8 && *budget > 0) {
    uint64_t own = cursor_number(&c, 2);
    cursor_take(&c, 6);
    uint64_t bytes = hdf5_length(h, &c);
    const unsigned char *data = cursor_take(&c, bytes);
    --*budget;
    if (own == number && number != 0 && data) {
      *object = (Bytes){data, (size_t)bytes};
      return true;
    }
    cursor_take(&c, (8 - bytes % 8) % 8);
  }
  return false;
}

bool hdf5_string(const Hdf5 *h, const Values *v, uint64_t i, Bytes *text,
                 uint64_t *budget, Fault *why) {
  uint32_t size = v->type.size;
  Cursor c = cursor_at(v->data, times(i, size), size);
  if (v->type.kind == KIND_STRING) {
    const unsigned char *end = memchr(c.at, 0, c.left);
    *text = (Bytes){c.at, end ? (size_t)(end - c.at) : c.left};
    return true;
  }
  uint64_t length = cursor_number(&c, 4), heap = hdf5_offset(h, &c);
  uint64_t number = cursor_number(&c, 4);
  *text = (Bytes){c.at, 0};
  if (c.is_short)
    return fault(why, "a text is damaged");
  if (length == 0)
    return true;
  if (!heap_object(h, heap, number, text, budget) || length > text->size ||
      length > *budget)
    return fault(why, "a text is not where the file says");
  *budget -= length;
  text->size = (size_t)length;
  return true;
}
