/* The door of a file, and the headers of its objects. */

#include "reader.h"

#include <string.h>

uint64_t hdf5_offset(const Hdf5 *h, Cursor *c) {
  return cursor_number(c, h->offset_size);
}

uint64_t hdf5_length(const Hdf5 *h, Cursor *c) {
  return cursor_number(c, h->length_size);
}

bool hdf5_is_nowhere(const Hdf5 *h, uint64_t address) {
  return address == UINT64_MAX >> (64 - 8 * h->offset_size);
}

/* ---- the superblock ----------------------------------------------------- */

static bool sizes_read(Hdf5 *h, Cursor *c) {
  h->offset_size = (int)cursor_number(c, 1);
  h->length_size = (int)cursor_number(c, 1);
  return (h->offset_size == 4 || h->offset_size == 8) &&
         (h->length_size == 4 || h->length_size == 8);
}

/* Versions 0 and 1: the root stands in an entry of a table of symbols. */
static bool old_superblock(Hdf5 *h, Cursor *c, int version, uint64_t *end) {
  cursor_take(c, 4);
  if (!sizes_read(h, c))
    return false;
  cursor_take(c, version == 0 ? 9 : 13);
  uint64_t base = hdf5_offset(h, c);
  hdf5_offset(h, c);
  *end = hdf5_offset(h, c);
  hdf5_offset(h, c);
  hdf5_offset(h, c);
  h->root = hdf5_offset(h, c);
  return base == 0;
}

static bool new_superblock(Hdf5 *h, Cursor *c, uint64_t *end) {
  if (!sizes_read(h, c))
    return false;
  cursor_take(c, 1);
  uint64_t base = hdf5_offset(h, c);
  hdf5_offset(h, c);
  *end = hdf5_offset(h, c);
  h->root = hdf5_offset(h, c);
  return base == 0;
}

bool hdf5_open(Hdf5 *h, Bytes bytes, uint64_t *work, Fault *why) {
  Cursor c = cursor_from(bytes, 0);
  uint64_t end = 0;
  *h = (Hdf5){.bytes = bytes, .work = work};
  *work = 0;
  if (!cursor_spells(&c, "\211HDF\r\n\032\n"))
    return fault(why, "this is no HDF5 file");
  int version = (int)cursor_number(&c, 1);
  bool well = version <= 1 ? old_superblock(h, &c, version, &end)
            : version <= 3 ? new_superblock(h, &c, &end) : false;
  if (!well || c.is_short)
    return fault(why, "the head of the HDF5 file is damaged");
  if (end > bytes.size)
    return fault(why, "the file is cut off: %zu bytes of %llu are there",
                 bytes.size, (unsigned long long)end);
  return true;
}

/* ---- object headers ----------------------------------------------------- */

enum { BLOCKS = 256, CONTINUATION = 0x10 };

typedef struct Header {
  int version;
  bool has_order;          /* version 2: messages have a number */
  int64_t messages;        /* version 1: so many are left */
  uint64_t left;           /* bytes of parts; they do not lie on one another */
  int blocks, next;
  Cursor block[BLOCKS];    /* parts of the header, found so far */
} Header;

static bool old_header(const Hdf5 *h, uint64_t address, Header *o) {
  Cursor c = cursor_from(h->bytes, address);
  o->version = (int)cursor_number(&c, 1);
  cursor_take(&c, 1);
  o->messages = (int64_t)cursor_number(&c, 2);
  cursor_take(&c, 4);
  uint64_t size = cursor_number(&c, 4);
  cursor_take(&c, 4);
  if (c.is_short || o->version != 1 || size > c.left)
    return false;
  o->block[0] = (Cursor){c.at, (size_t)size, false};
  return true;
}

static bool new_header(const Hdf5 *h, uint64_t address, Header *o) {
  Cursor c = cursor_from(h->bytes, address);
  if (!cursor_spells(&c, "OHDR") || cursor_number(&c, 1) != 2)
    return false;
  int flags = (int)cursor_number(&c, 1);
  o->version = 2;
  o->has_order = flags & 4;
  cursor_take(&c, (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0));
  uint64_t size = cursor_number(&c, 1 << (flags & 3));
  if (c.is_short || size > c.left)
    return false;
  o->block[0] = (Cursor){c.at, (size_t)size, false};
  return true;
}

static bool add_block(const Hdf5 *h, Header *o, Cursor where, Fault *why) {
  uint64_t address = hdf5_offset(h, &where), size = hdf5_length(h, &where);
  Cursor c = cursor_at(h->bytes, address, size);
  if (o->blocks == BLOCKS || size > o->left)
    return fault(why, "the header of an object has too many parts");
  if (o->version == 2 && (!cursor_spells(&c, "OCHK") || c.left < 4))
    c.is_short = true;
  if (where.is_short || c.is_short)
    return fault(why, "a part of an object's header is not in the file");
  if (o->version == 2)
    c.left -= 4;           /* the checksum */
  o->left -= size;
  o->block[o->blocks++] = c;
  return true;
}

/* The next message of a block; false at its end. */
static bool next_message(Header *o, Cursor *c, Message *m) {
  bool is_old = o->version == 1;
  size_t head = is_old ? 8 : o->has_order ? 6 : 4;
  if (c->left < head || (is_old && o->messages-- <= 0))
    return false;
  m->type = (int)cursor_number(c, is_old ? 2 : 1);
  uint64_t size = cursor_number(c, 2);
  m->is_shared = cursor_number(c, 1) & 2;
  cursor_take(c, is_old ? 3 : o->has_order ? 2 : 0);
  const unsigned char *body = cursor_take(c, size);
  m->body = (Cursor){body, body ? (size_t)size : 0, body == NULL};
  return true;
}

bool header_each(const Hdf5 *h, uint64_t address, MessageVisit visit,
                 void *context, Fault *why) {
  Header o = {.blocks = 1};
  if (!old_header(h, address, &o) && !new_header(h, address, &o))
    return fault(why, "there is no object at byte %llu",
                 (unsigned long long)address);
  o.left = h->bytes.size - o.block[0].left;
  for (int i = 0; i < o.blocks; i++) {
    Message m;
    *h->work += o.block[i].left;
    while (next_message(&o, &o.block[i], &m)) {
      if (m.body.is_short)
        return fault(why, "a message of an object's header is cut off");
      if (m.type == CONTINUATION ? !add_block(h, &o, m.body, why)
                                 : !visit(context, &m, why))
        return false;
    }
  }
  return true;
}
