/* The data of a dataset: in one piece, or in chunks that may be compressed. */

#include "reader.h"

#include "unpack.h"

#include <string.h>

enum { DEFLATE = 1, SHUFFLE = 2, FLETCHER32 = 3 };

/* ---- what a header says ------------------------------------------------- */

static bool plain_layout(const Hdf5 *h, Cursor *c, int class, Dataset *d) {
  if (class == 0) {
    uint64_t size = cursor_number(c, 2);
    d->plain = (Bytes){cursor_take(c, size), (size_t)size};
    d->layout = LAYOUT_PLAIN;
    return !c->is_short;
  }
  uint64_t address = hdf5_offset(h, c), size = hdf5_length(h, c);
  if (c->is_short)
    return false;
  if (hdf5_is_nowhere(h, address))
    return true;                        /* nothing was ever written */
  d->layout = LAYOUT_PLAIN;
  return bytes_part(h->bytes, address, size, &d->plain);
}

/* The last size of a chunk is that of an element. */
static bool chunk_sizes(Cursor *c, Dataset *d, int rank, int bytes) {
  if (rank != d->space.rank + 1)
    return false;
  for (int i = 0; i < rank; i++) {
    uint64_t size = cursor_number(c, bytes);
    if (size == 0 || (i == rank - 1 && size != d->type.size))
      return false;
    if (i < rank - 1)
      d->chunk[i] = size;
  }
  return true;
}

static bool chunks_layout(const Hdf5 *h, Cursor *c, Dataset *d) {
  int rank = (int)cursor_number(c, 1);
  d->address = hdf5_offset(h, c);
  d->layout = hdf5_is_nowhere(h, d->address) ? LAYOUT_NONE : LAYOUT_CHUNKS;
  return chunk_sizes(c, d, rank, 4) && !c->is_short;
}

/* The newer style, when there is one chunk. */
static bool new_chunks_layout(const Hdf5 *h, Cursor *c, Dataset *d,
                              Fault *why) {
  int flags = (int)cursor_number(c, 1), rank = (int)cursor_number(c, 1);
  int bytes = (int)cursor_number(c, 1);
  if (bytes < 1 || bytes > 8 || !chunk_sizes(c, d, rank, bytes))
    return fault(why, "the layout of a dataset is damaged");
  if (cursor_number(c, 1) != 1)
    return fault(why, "a dataset's chunks are stored in the newest style of "
                 "HDF5, which is not read; h5repack writes the file anew");
  d->chunk_size = flags & 2 ? hdf5_length(h, c) : 0;
  d->chunk_mask = flags & 2 ? cursor_number(c, 4) : 0;
  d->address = hdf5_offset(h, c);
  d->layout = hdf5_is_nowhere(h, d->address) ? LAYOUT_NONE : LAYOUT_CHUNK;
  return !c->is_short || fault(why, "the layout of a dataset is damaged");
}

bool layout_read(const Hdf5 *h, Cursor c, Dataset *d, Fault *why) {
  int version = (int)cursor_number(&c, 1), class = (int)cursor_number(&c, 1);
  if (version == 4 && class == 2)
    return new_chunks_layout(h, &c, d, why);
  bool is_known = (version == 3 || version == 4) && class <= 2;
  bool well = !is_known ? false : class == 2 ? chunks_layout(h, &c, d)
                                             : plain_layout(h, &c, class, d);
  return well ||
         fault(why, is_known ? "the data of a dataset are not in the file"
                             : "the layout of a dataset is not known");
}

bool filters_read(Cursor c, Dataset *d, Fault *why) {
  int version = (int)cursor_number(&c, 1);
  uint64_t count = cursor_number(&c, 1);
  cursor_take(&c, version == 1 ? 6 : 0);
  for (uint64_t i = 0; i < count && i < HDF5_FILTERS; i++) {
    int id = (int)cursor_number(&c, 2);
    bool has_name = version == 1 || id >= 256;
    uint64_t name = has_name ? cursor_number(&c, 2) : 0;
    cursor_take(&c, 2);
    uint64_t values = cursor_number(&c, 2);
    cursor_take(&c, version == 1 ? (name + 7) / 8 * 8 : name);
    uint64_t value = values > 0 ? cursor_number(&c, 4) : 0;
    cursor_take(&c, values > 1 ? 4 * (values - 1) : 0);
    cursor_take(&c, version == 1 && values % 2 ? 4 : 0);
    if (id < DEFLATE || id > FLETCHER32)
      return fault(why, "a dataset is packed by filter %d, which is not read",
                   id);
    d->filter[d->filters++] = (Filter){id, (uint32_t)value};
  }
  if (c.is_short || count > HDF5_FILTERS || version < 1 || version > 2)
    return fault(why, "the filters of a dataset are damaged");
  return true;
}

/* ---- sizes -------------------------------------------------------------- */

static uint64_t chunk_bytes(const Dataset *d) {
  uint64_t n = d->type.size;
  for (int i = 0; i < d->space.rank; i++)
    n = times(n, d->chunk[i]);
  return n;
}

static bool is_chunked(const Dataset *d) {
  return d->layout == LAYOUT_CHUNKS || d->layout == LAYOUT_CHUNK;
}

/* A file cannot hold more than it has bytes, times what unpacking gives. A
** chunk is not much larger than the whole. */
uint64_t hdf5_size(const Hdf5 *h, const Dataset *d, Fault *why) {
  uint64_t size = times(d->space.count, d->type.size);
  uint64_t most = times(h->bytes.size, is_chunked(d) ? UNPACK_MOST : 1);
  if (size == UINT64_MAX || size > most ||
      (is_chunked(d) && chunk_bytes(d) > size + ((uint64_t)1 << 20))) {
    fault(why, "a dataset claims more data than the file can hold");
    return 0;
  }
  if (size > 0 && d->layout == LAYOUT_NONE) {
    fault(why, "a dataset has no data");
    return 0;
  }
  return size;
}

uint64_t hdf5_scratch(const Dataset *d) {
  if (!is_chunked(d) || d->space.count == 0) /* chunks of none may be huge */
    return 0;
  return times(chunk_bytes(d) + 4, d->filters > 0 ? 2 : 1);
}

/* ---- unpacking a chunk -------------------------------------------------- */

/* The n-th bytes of all elements stood together. */
static void unshuffle(const unsigned char *from, unsigned char *to, size_t size,
                      size_t width) {
  size_t n = width > 0 ? size / width : 0;
  for (size_t j = 0; j < width && n > 0; j++)
    for (size_t i = 0; i < n; i++)
      to[i * width + j] = from[j * n + i];
  memcpy(to + n * width, from + n * width, size - n * width);
}

static uint32_t folded(uint32_t sum) {
  return (sum & 0xffff) + (sum >> 16);
}

/* Fletcher's sums of numbers of two bytes, the high one first; a last byte alone
** is a high one. */
static uint32_t fletcher32(Bytes b) {
  uint32_t first = 0, second = 0;
  for (size_t i = 0; i < b.size; i += 2) {
    uint32_t low = i + 1 < b.size ? b.data[i + 1] : 0;
    first = folded(first + ((uint32_t)b.data[i] << 8 | low));
    second = folded(second + first);
  }
  return folded(second) << 16 | folded(first);
}

/* Takes the checksum off the end. */
static bool sum_is_right(Bytes *b) {
  if (b->size < 4)
    return false;
  b->size -= 4;
  Cursor c = {b->data + b->size, 4, false};
  return cursor_number(&c, 4) == fletcher32(*b);
}

/* The filters backwards, from one half of the work memory to the other. `mask`
** says which were left out. Returns the chunk, NULL if it is damaged. */
static const unsigned char *unpacked(const Dataset *d, Bytes b, uint64_t mask,
                                     unsigned char *scratch) {
  size_t whole = (size_t)chunk_bytes(d), room = whole + 4;
  unsigned char *half[2] = {scratch, scratch + room};
  int side = 0;
  for (int i = d->filters - 1; i >= 0; i--) {
    if (mask >> i & 1)
      continue;
    if (d->filter[i].id == FLETCHER32) {
      if (!sum_is_right(&b))
        return NULL;
      continue;
    }
    if (d->filter[i].id == DEFLATE) {
      size_t size = 0;
      if (!unpack(b, UNPACK_ZLIB, half[side], room, &size))
        return NULL;
      b.size = size;
    } else if (b.size <= room) {
      unshuffle(b.data, half[side], b.size, d->filter[i].value);
    } else {
      return NULL;
    }
    b.data = half[side];
    side = !side;
  }
  return b.size == whole ? b.data : NULL;
}

/* ---- putting a chunk in its place --------------------------------------- */

/* Rows of the chunk that starts at `start`, as far as they lie inside. */
static void place(const Dataset *d, const uint64_t *start,
                  const unsigned char *chunk, unsigned char *out, int axis) {
  int rank = d->space.rank;
  uint64_t size = d->type.size, outer = size, inner = size;
  for (int i = axis + 1; i < rank; i++) {
    outer *= d->space.dim[i];
    inner *= d->chunk[i];
  }
  if (axis == rank) {
    memcpy(out, chunk, size);
    return;
  }
  uint64_t n = d->space.dim[axis] - start[axis];
  n = n < d->chunk[axis] ? n : d->chunk[axis];
  out += start[axis] * outer;
  if (axis == rank - 1) {
    memcpy(out, chunk, n * size);
    return;
  }
  for (uint64_t i = 0; i < n; i++)
    place(d, start, chunk + i * inner, out + i * outer, axis + 1);
}

typedef struct Job {
  const Hdf5 *h;
  const Dataset *d;
  unsigned char *out, *scratch;
  uint64_t done, all;        /* chunks */
  uint64_t steps;            /* nodes that may still be looked at */
} Job;

static uint64_t chunks_along(const Dataset *d, int axis) {
  return (d->space.dim[axis] + d->chunk[axis] - 1) / d->chunk[axis];
}

/* Is it the next one? The tree has them in the order of their places, so that
** none is missing and none there twice. */
static bool is_next(const Job *j, const uint64_t *start) {
  const Dataset *d = j->d;
  uint64_t number = j->done;
  for (int i = d->space.rank - 1; i >= 0; i--) {
    uint64_t n = chunks_along(d, i);
    if (start[i] != number % n * d->chunk[i])
      return false;
    number /= n;
  }
  return number == 0;
}

static bool put_chunk(Job *j, Bytes packed, uint64_t mask,
                      const uint64_t *start, Fault *why) {
  const Dataset *d = j->d;
  const unsigned char *chunk =
      is_next(j, start) ? unpacked(d, packed, mask, j->scratch) : NULL;
  if (chunk == NULL)
    return fault(why, "a chunk of a dataset is damaged");
  j->done++;
  place(d, start, chunk, j->out, 0);
  return true;
}

/* ---- the tree of chunks ------------------------------------------------- */

static bool node(Job *j, uint64_t address, int level, Fault *why);

/* One entry of a node: a chunk, or a node of the level below. */
static bool entry(Job *j, Cursor *c, int level, Fault *why) {
  uint64_t start[HDF5_RANK + 1], size = cursor_number(c, 4);
  uint64_t mask = cursor_number(c, 4);
  for (int k = 0; k <= j->d->space.rank; k++)
    start[k] = cursor_number(c, 8);
  uint64_t child = hdf5_offset(j->h, c);
  if (level > 0)
    return node(j, child, level - 1, why);
  Bytes packed;
  if (c->is_short || !bytes_part(j->h->bytes, child, size, &packed))
    return fault(why, "a chunk of a dataset is not in the file");
  return put_chunk(j, packed, mask, start, why);
}

/* Nodes of a sound file are all different, so their number has an end. */
static bool node(Job *j, uint64_t address, int level, Fault *why) {
  const Hdf5 *h = j->h;
  Cursor c = cursor_from(h->bytes, address);
  bool well = cursor_spells(&c, "TREE") && cursor_number(&c, 1) == 1;
  int own = (int)cursor_number(&c, 1);
  uint64_t count = cursor_number(&c, 2);
  hdf5_offset(h, &c);
  hdf5_offset(h, &c);
  if (!well || c.is_short || (level >= 0 && own != level) || own > 32 ||
      j->steps-- == 0)
    return fault(why, "the tree of a dataset's chunks is damaged");
  *h->work += 16 * count + 1;
  for (uint64_t i = 0; i < count; i++)
    if (!entry(j, &c, own, why))
      return false;
  return true;
}

static bool only_chunk(Job *j, Fault *why) {
  const Dataset *d = j->d;
  uint64_t start[HDF5_RANK] = {0};
  uint64_t size = d->chunk_size ? d->chunk_size : chunk_bytes(d);
  Bytes packed;
  if (!bytes_part(j->h->bytes, d->address, size, &packed))
    return fault(why, "the chunk of a dataset is not in the file");
  return put_chunk(j, packed, d->chunk_mask, start, why);
}

static bool read_chunks(Job *j, Fault *why) {
  const Dataset *d = j->d;
  j->all = 1;
  for (int i = 0; i < d->space.rank; i++)
    j->all = times(j->all, chunks_along(d, i));
  j->steps = j->h->bytes.size / 8;
  bool well = d->layout == LAYOUT_CHUNK ? only_chunk(j, why)
                                        : node(j, d->address, -1, why);
  return well && (j->done == j->all ||
                  fault(why, "a chunk of a dataset is missing"));
}

/* ---- reading ------------------------------------------------------------ */

static void swap_bytes(unsigned char *out, uint64_t size, uint32_t width) {
  for (uint64_t at = 0; at + width <= size; at += width)
    for (uint32_t i = 0; i < width / 2; i++) {
      unsigned char kept = out[at + i];
      out[at + i] = out[at + width - 1 - i];
      out[at + width - 1 - i] = kept;
    }
}

bool hdf5_read(const Hdf5 *h, const Dataset *d, unsigned char *out,
               unsigned char *scratch, Fault *why) {
  Job j = {.h = h, .d = d, .out = out, .scratch = scratch};
  uint64_t size = times(d->space.count, d->type.size);
  if (size == 0)
    return true;
  if (d->layout == LAYOUT_PLAIN) {
    if (d->plain.size != size || d->filters > 0)
      return fault(why, "a dataset has %zu bytes, its shape takes %llu",
                   d->plain.size, (unsigned long long)size);
    memcpy(out, d->plain.data, (size_t)size);
  } else {
    memset(out, 0, (size_t)size);
    if (!read_chunks(&j, why))
      return false;
  }
  if (d->type.is_big_endian)
    swap_bytes(out, size, d->type.size);
  return true;
}
