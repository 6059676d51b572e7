/* The links of a group: a tree over tables of symbols whose names lie in a
** heap, or, in the newer style, messages of the group's header. */

#include "reader.h"

#include <string.h>

typedef struct Walk {
  const Hdf5 *h;
  const Visitor *visitor;
  Bytes names;         /* the heap */
  uint64_t steps;      /* nodes that may still be looked at */
} Walk;

/* ---- names -------------------------------------------------------------- */

static bool heap_read(const Hdf5 *h, uint64_t address, Bytes *names) {
  Cursor c = cursor_from(h->bytes, address);
  if (!cursor_spells(&c, "HEAP"))
    return false;
  cursor_take(&c, 4);
  uint64_t size = hdf5_length(h, &c);
  hdf5_length(h, &c);
  uint64_t data = hdf5_offset(h, &c);
  return !c.is_short && bytes_part(h->bytes, data, size, names);
}

/* The name that starts there and ends with a zero. */
static bool name_at(Bytes names, uint64_t at, Bytes *name) {
  if (at >= names.size)
    return false;
  const unsigned char *start = names.data + at;
  const unsigned char *end = memchr(start, 0, names.size - (size_t)at);
  *name = (Bytes){start, end ? (size_t)(end - start) : 0};
  return end != NULL;
}

/* ---- the tree ----------------------------------------------------------- */

static bool symbols(Walk *w, uint64_t address, Fault *why) {
  const Hdf5 *h = w->h;
  Cursor c = cursor_from(h->bytes, address);
  if (!cursor_spells(&c, "SNOD"))
    return fault(why, "a table of a group's links is damaged");
  cursor_take(&c, 2);
  uint64_t count = cursor_number(&c, 2);
  *h->work += c.left < 40 * count ? c.left : 40 * count;
  for (uint64_t i = 0; i < count; i++) {
    Bytes name;
    uint64_t at = hdf5_offset(h, &c), object = hdf5_offset(h, &c);
    uint64_t kind = cursor_number(&c, 4);
    cursor_take(&c, 20);
    if (c.is_short || !name_at(w->names, at, &name))
      return fault(why, "a link of a group is damaged");
    if (kind == 2)
      return fault(why, "\"%.*s\" is a soft link, which is not followed",
                   (int)(name.size < 80 ? name.size : 80), name.data);
    if (!w->visitor->link(w->visitor->context, name, object))
      return fault(why, "a group has too many links, or one of them twice");
  }
  return true;
}

/* A node leads to nodes of the level below, and at level 0 to tables. Nodes of
** a sound file are all different, so their number has an end. */
static bool node(Walk *w, uint64_t address, int level, Fault *why) {
  const Hdf5 *h = w->h;
  Cursor c = cursor_from(h->bytes, address);
  bool well = cursor_spells(&c, "TREE") && cursor_number(&c, 1) == 0;
  int own = (int)cursor_number(&c, 1);
  uint64_t count = cursor_number(&c, 2);
  hdf5_offset(h, &c);
  hdf5_offset(h, &c);
  if (!well || c.is_short || (level >= 0 && own != level) || own > 32)
    return fault(why, "the tree of a group's links is damaged");
  *h->work += 16 * count + 1;
  for (uint64_t i = 0; i < count; i++) {
    hdf5_length(h, &c);
    uint64_t child = hdf5_offset(h, &c);
    if (c.is_short || w->steps-- == 0)
      return fault(why, "the tree of a group's links is damaged");
    if (own == 0 ? !symbols(w, child, why) : !node(w, child, own - 1, why))
      return false;
  }
  return true;
}

bool group_by_table(const Hdf5 *h, Cursor message, const Visitor *visitor,
                    Fault *why) {
  Walk w = {.h = h, .visitor = visitor, .steps = h->bytes.size / 8};
  uint64_t tree = hdf5_offset(h, &message), heap = hdf5_offset(h, &message);
  if (message.is_short || !heap_read(h, heap, &w.names))
    return fault(why, "the names of a group's links are damaged");
  return node(&w, tree, -1, why);
}

/* ---- the newer style ---------------------------------------------------- */

bool group_link(const Hdf5 *h, Cursor c, const Visitor *visitor, Fault *why) {
  int version = (int)cursor_number(&c, 1), flags = (int)cursor_number(&c, 1);
  int kind = flags & 8 ? (int)cursor_number(&c, 1) : 0;
  cursor_take(&c, (flags & 4 ? 8 : 0) + (flags & 0x10 ? 1 : 0));
  uint64_t size = cursor_number(&c, 1 << (flags & 3));
  const unsigned char *name = cursor_take(&c, size);
  uint64_t address = hdf5_offset(h, &c);
  if (version != 1 || c.is_short)
    return fault(why, "a link of a group is damaged");
  if (kind != 0)
    return fault(why, "\"%.*s\" is no plain link, and is not followed",
                 (int)(size < 80 ? size : 80), name);
  if (!visitor->link(visitor->context, (Bytes){name, (size_t)size}, address))
    return fault(why, "a group has too many links, or one of them twice");
  return true;
}

/* Where a group has many links they lie in a heap of another kind. */
bool group_info(const Hdf5 *h, Cursor c, Fault *why) {
  cursor_take(&c, 1);
  int flags = (int)cursor_number(&c, 1);
  cursor_take(&c, flags & 1 ? 8 : 0);
  uint64_t heap = hdf5_offset(h, &c);
  if (c.is_short)
    return fault(why, "the head of a group is damaged");
  if (!hdf5_is_nowhere(h, heap))
    return fault(why, "a group's links are stored in the newest style of HDF5, "
                 "which is not read; h5repack writes the file anew");
  return true;
}
