/* Archives in the format of zip. The list of entries stands at the end. */

#include "zip.h"

#include "unpack.h"

#include <zlib.h>

enum { STORED = 0, DEFLATED = 8, END = 22, LOCATOR = 20 };

uint32_t zip_crc(uint32_t crc, Bytes b) {
  while (b.size > 0) {
    size_t n = b.size < 1u << 30 ? b.size : 1u << 30;
    crc = (uint32_t)crc32(crc, b.data, (uInt)n);
    b = (Bytes){b.data + n, b.size - n};
  }
  return crc;
}

/* ---- the list ----------------------------------------------------------- */

/* The end of the archive: behind it is only a comment, of 64 K at most. */
static bool find_end(Bytes bytes, size_t *at) {
  size_t last = bytes.size < END ? 0 : bytes.size - END;
  for (size_t back = 0; bytes.size >= END && back <= last && back <= 65535;
       back++) {
    Cursor c = cursor_from(bytes, last - back);
    if (cursor_spells(&c, "PK\5\6")) {
      *at = last - back;
      return true;
    }
  }
  return false;
}

/* zip64: where its own end stands is told right before the other one. */
static void read_large(Bytes bytes, size_t end, Zip *z, uint64_t *at,
                       uint64_t *size) {
  Cursor c = cursor_from(bytes, end < LOCATOR ? bytes.size : end - LOCATOR);
  if (!cursor_spells(&c, "PK\6\7"))
    return;
  cursor_take(&c, 4);
  c = cursor_from(bytes, cursor_number(&c, 8));
  if (!cursor_spells(&c, "PK\6\6"))
    return;
  cursor_take(&c, 28);
  z->left = cursor_number(&c, 8);
  *size = cursor_number(&c, 8);
  *at = cursor_number(&c, 8);
}

bool zip_open(Zip *z, Bytes bytes, Fault *why) {
  size_t end = 0;
  *z = (Zip){.bytes = bytes};
  if (!find_end(bytes, &end))
    return fault(why, "this is no zip archive, or it is cut off");
  Cursor c = cursor_from(bytes, end);
  cursor_take(&c, 10);
  z->left = cursor_number(&c, 2);
  uint64_t size = cursor_number(&c, 4), at = cursor_number(&c, 4);
  read_large(bytes, end, z, &at, &size);
  z->list = cursor_at(bytes, at, size);
  if (c.is_short || z->list.is_short)
    return fault(why, "the archive's list of entries is not in the file");
  return true;
}

/* Numbers that do not fit in four bytes stand in a field of their own. */
static void large_numbers(Cursor extra, ZipEntry *e) {
  while (extra.left >= 4) {
    uint64_t id = cursor_number(&extra, 2), size = cursor_number(&extra, 2);
    const unsigned char *at = cursor_take(&extra, size);
    Cursor field = {at, at ? (size_t)size : 0, false};
    if (id != 1)
      continue;
    if (e->size == UINT32_MAX)
      e->size = cursor_number(&field, 8);
    if (e->packed == UINT32_MAX)
      e->packed = cursor_number(&field, 8);
    if (e->at == UINT32_MAX)
      e->at = cursor_number(&field, 8);
  }
}

bool zip_next(Zip *z, ZipEntry *e, Fault *why) {
  Cursor *c = &z->list;
  *e = (ZipEntry){0};
  why->text[0] = 0;
  if (z->left == 0)
    return false;
  z->left--;
  if (!cursor_spells(c, "PK\1\2"))
    return fault(why, "the archive's list of entries is damaged");
  cursor_take(c, 4);
  e->is_encrypted = cursor_number(c, 2) & 1;
  e->method = (int)cursor_number(c, 2);
  cursor_take(c, 4);
  e->crc = (uint32_t)cursor_number(c, 4);
  e->packed = cursor_number(c, 4);
  e->size = cursor_number(c, 4);
  uint64_t name = cursor_number(c, 2), extra = cursor_number(c, 2);
  uint64_t comment = cursor_number(c, 2);
  cursor_take(c, 8);
  e->at = cursor_number(c, 4);
  e->name = (Bytes){cursor_take(c, name), (size_t)name};
  const unsigned char *more = cursor_take(c, extra);
  cursor_take(c, comment);
  if (c->is_short)
    return fault(why, "the archive's list of entries is damaged");
  large_numbers((Cursor){more, (size_t)extra, false}, e);
  return true;
}

/* ---- the data ----------------------------------------------------------- */

bool zip_data(Bytes bytes, const ZipEntry *e, Bytes *packed, Fault *why) {
  Cursor c = cursor_from(bytes, e->at);
  bool well = cursor_spells(&c, "PK\3\4");
  cursor_take(&c, 22);
  uint64_t name = cursor_number(&c, 2), extra = cursor_number(&c, 2);
  cursor_take(&c, name + extra);
  if (!well || c.is_short || e->packed > c.left)
    return fault(why, "its bytes are not in the file");
  if (e->is_encrypted || (e->method != STORED && e->method != DEFLATED))
    return fault(why, "it is packed in a way that is not read (method %d%s)",
                 e->method, e->is_encrypted ? ", encrypted" : "");
  if (e->method == STORED ? e->size != e->packed
                          : e->size > times(e->packed, UNPACK_MOST) + 64)
    return fault(why, "it claims %llu bytes, which %llu cannot hold",
                 (unsigned long long)e->size, (unsigned long long)e->packed);
  *packed = (Bytes){c.at, (size_t)e->packed};
  return true;
}

bool zip_unpack(const ZipEntry *e, Bytes packed, unsigned char *out,
                Fault *why) {
  Bytes whole = {out, (size_t)e->size};
  size_t size = 0;
  if (e->method == STORED)
    whole = packed;
  else if (!unpack(packed, UNPACK_RAW, out, (size_t)e->size, &size) ||
           size != e->size)
    return fault(why, "its packed bytes are damaged");
  if (zip_crc(0, whole) != e->crc)
    return fault(why, "its bytes are damaged: the checksum differs");
  return true;
}
