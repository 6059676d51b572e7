/* See inflate.h. A code is looked up by its first bits in a table; the few that
** are longer are found bit by bit. Behind the last byte come zeros, which are
** counted: who used one read beyond the end. */

#include <string.h>

#include "files/inflate.h"

enum {
  FAST_BITS = 10, MOST_BITS = 15,
  LITERALS = 288, DISTANCES = 32, LENGTH_CODES = 19,
  END_OF_BLOCK = 256,
  LONGEST = 258,
  SPARE = LONGEST + 8 /* room behind what is allowed: copies go by 8 bytes */
};

/* ---- bits ---------------------------------------------------------------- */

typedef struct Bits {
  const uint8_t *next, *end;
  uint64_t held; /* the next bits, lowest first */
  int count, beyond; /* bytes of zeros that were given behind the end */
} Bits;

/* At least 56 bits are held then. Bits above those that are counted are those
** that come next, and may be there twice. */
INLINE void refill(Bits *b) {
  if (b->end - b->next >= 8) {
    uint64_t v;
    memcpy(&v, b->next, sizeof v);
    b->held |= v << b->count;
    b->next += (63 - b->count) >> 3;
    b->count |= 56;
    return;
  }
  while (b->count <= 56) {
    if (b->next < b->end)
      b->held |= (uint64_t)*b->next++ << b->count;
    else
      b->beyond++;
    b->count += 8;
  }
}

INLINE uint32_t take(Bits *b, int n) {
  uint32_t v = (uint32_t)(b->held & ((1u << n) - 1));
  b->held >>= n;
  b->count -= n;
  return v;
}

static bool is_over(const Bits *b) {
  return b->beyond * 8 > b->count;
}

static bool fail_short(Error *e) {
  return fail(e, "the compressed bytes end early");
}

/* ---- codes --------------------------------------------------------------- */

typedef struct Code {
  uint16_t fast[1 << FAST_BITS]; /* symbol << 4 | length; 0: not that short */
  uint16_t symbol[LITERALS];     /* in the order of their codes */
  uint16_t count[MOST_BITS + 1]; /* of codes by their length */
} Code;

static int reversed(int code, int length) {
  int r = 0;
  for (int i = 0; i < length; i++)
    r |= ((code >> i) & 1) << (length - 1 - i);
  return r;
}

/* Codes must fill their space, or be a single one of one bit. */
static bool lengths_are_whole(const Code *c) {
  int left = 1, codes = 0;
  for (int i = 1; i <= MOST_BITS; i++) {
    left = 2 * left - c->count[i];
    codes += c->count[i];
    if (left < 0)
      return false;
  }
  return left == 0 || (codes <= 1 && c->count[1] == codes);
}

static void fill_fast(Code *c, int symbol, int code, int length) {
  for (int i = reversed(code, length); i < 1 << FAST_BITS; i += 1 << length)
    c->fast[i] = (uint16_t)(symbol << 4 | length);
}

static bool code_build(Code *c, const uint8_t *length, int n) {
  int next[MOST_BITS + 2] = {0}, at[MOST_BITS + 2] = {0};
  memset(c, 0, sizeof *c);
  for (int i = 0; i < n; i++)
    c->count[length[i]] += length[i] > 0;
  if (!lengths_are_whole(c))
    return false;
  for (int i = 1; i <= MOST_BITS; i++) {
    next[i + 1] = (next[i] + c->count[i]) << 1;
    at[i + 1] = at[i] + c->count[i];
  }
  for (int i = 0; i < n; i++) {
    int bits = length[i];
    if (bits == 0)
      continue;
    c->symbol[at[bits]++] = (uint16_t)i;
    int code = next[bits]++;
    if (bits <= FAST_BITS)
      fill_fast(c, i, code, bits);
  }
  return true;
}

/* The symbol of a long code, -1: there is none. Codes of a length follow each
** other, and those of the next begin at twice the one behind them. */
static int find_slowly(Bits *b, const Code *c) {
  int code = 0, first = 0, at = 0;
  for (int length = 1; length <= MOST_BITS; length++) {
    code |= (int)take(b, 1);
    int count = c->count[length];
    if (code - count < first)
      return c->symbol[at + code - first];
    at += count;
    first = (first + count) << 1;
    code <<= 1;
  }
  return -1;
}

INLINE int find(Bits *b, const Code *c) {
  int x = c->fast[b->held & ((1 << FAST_BITS) - 1)];
  if (x == 0)
    return find_slowly(b, c);
  take(b, x & 15);
  return x >> 4;
}

/* ---- what is made -------------------------------------------------------- */

static bool fail_long(Error *e, const Unpacked *out) {
  return fail(e, "it holds more than the %zu bytes that were expected",
              out->most);
}

/* Room for n more bytes, and some to spare. */
static bool make_room(Unpacked *out, size_t n, Error *e) {
  if (n > out->most - out->size)
    return fail_long(e, out);
  size_t wanted = out->size + n + SPARE;
  if (wanted <= out->room)
    return true;
  size_t room = 2 * out->room + (1 << 16);
  if (room < wanted)
    room = wanted;
  if (room > out->most + SPARE)
    room = out->most + SPARE;
  uint8_t *data = mem_resize(out->account, out->data, room, 1);
  if (data == NULL)
    return fail_memory(e, "out of memory for %zu unpacked bytes", room);
  out->data = data;
  out->room = room;
  return true;
}

/* `length` bytes of those from `distance` before `to`, which may overlap. */
INLINE void copy_back(uint8_t *to, size_t distance, int length) {
  const uint8_t *from = to - distance;
  if (distance >= 8) {
    for (int i = 0; i < length; i += 8)
      memcpy(to + i, from + i, 8);
    return;
  }
  for (int i = 0; i < length; i++)
    to[i] = from[i];
}

static const uint16_t length_base[] = {
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67,
  83, 99, 115, 131, 163, 195, 227, 258
};
static const uint8_t length_extra[] = {
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5,
  5, 5, 0
};
static const uint16_t distance_base[] = {
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769,
  1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577
};
static const uint8_t distance_extra[] = {
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11,
  11, 12, 12, 13, 13
};

/* A run of bytes that were there before. */
INLINE bool put_run(Unpacked *out, Bits *b, int symbol, const Code *distances,
                    Error *e) {
  symbol -= END_OF_BLOCK + 1;
  if (symbol < 0 || symbol >= COUNT_OF(length_base))
    return fail(e, "a code that stands for nothing");
  int length = length_base[symbol] + (int)take(b, length_extra[symbol]);
  int d = find(b, distances);
  if (d < 0 || d >= COUNT_OF(distance_base))
    return fail(e, "a distance that stands for nothing");
  size_t distance = distance_base[d] + take(b, distance_extra[d]);
  if (distance > out->size)
    return fail(e, "a distance goes back before the beginning");
  if ((size_t)length > out->most - out->size)
    return fail_long(e, out);
  copy_back(out->data + out->size, distance, length);
  out->size += (size_t)length;
  return true;
}

/* Symbols to the end of their block. One refill serves a symbol: 15 bits of a
** length with 5 more, 15 of a distance with 13. */
static bool read_symbols(Unpacked *out, Bits *from, const Code *literals,
                         const Code *distances, Error *e) {
  Bits b = *from;
  for (;;) {
    if (out->room - out->size <= SPARE && out->size < out->most &&
        !make_room(out, 1, e))
      return false;
    refill(&b);
    int symbol = find(&b, literals);
    if (symbol == END_OF_BLOCK)
      break;
    if (b.beyond > 8)
      return fail_short(e);
    if (symbol >= 0 && symbol < END_OF_BLOCK) {
      if (out->size == out->most)
        return fail_long(e, out);
      out->data[out->size++] = (uint8_t)symbol;
    } else if (!put_run(out, &b, symbol, distances, e))
      return false;
  }
  *from = b;
  return true;
}

/* ---- blocks -------------------------------------------------------------- */

/* Bytes as they are, from the next whole byte on. */
static bool read_stored(Unpacked *out, Bits *b, Error *e) {
  take(b, b->count & 7);
  refill(b);
  uint32_t n = take(b, 16), check = take(b, 16);
  if (is_over(b))
    return fail_short(e);
  if (n != (check ^ 0xFFFF))
    return fail(e, "a block whose length is not repeated");
  b->next -= b->count / 8 - b->beyond; /* what is held is given back */
  b->held = 0;
  b->count = b->beyond = 0;
  if (n > (size_t)(b->end - b->next))
    return fail_short(e);
  if (!make_room(out, n, e))
    return false;
  memcpy(out->data + out->size, b->next, n);
  b->next += n;
  out->size += n;
  return true;
}

/* Lengths, which are packed by a code of their own: 16 repeats the one before,
** 17 and 18 are runs of zeros. */
static bool read_lengths(Bits *b, const Code *code, uint8_t *length, int n,
                         Error *e) {
  for (int i = 0; i < n;) {
    refill(b);
    int symbol = find(b, code), times = 1, value = symbol;
    if (symbol < 0 || (symbol == 16 && i == 0))
      return fail(e, "lengths of codes that stand for nothing");
    if (symbol >= 16) {
      value = symbol == 16 ? length[i - 1] : 0;
      times = symbol == 16   ? 3 + (int)take(b, 2)
              : symbol == 17 ? 3 + (int)take(b, 3)
                             : 11 + (int)take(b, 7);
    }
    if (times > n - i)
      return fail(e, "more lengths than codes");
    memset(length + i, value, (size_t)times);
    i += times;
  }
  return !is_over(b) || fail_short(e);
}

static bool read_codes(Bits *b, Code *literals, Code *distances, Error *e) {
  static const uint8_t order[LENGTH_CODES] = {
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15
  };
  uint8_t length[LITERALS + DISTANCES] = {0};
  int n = 257 + (int)take(b, 5), m = 1 + (int)take(b, 5);
  int k = 4 + (int)take(b, 4);
  if (n > 286 || m > 30)
    return fail(e, "more codes than there are");
  for (int i = 0; i < k; i++) {
    refill(b);
    length[order[i]] = (uint8_t)take(b, 3);
  }
  if (!code_build(literals, length, LENGTH_CODES))
    return fail(e, "codes that do not fill their space");
  if (!read_lengths(b, literals, length, n + m, e))
    return false;
  if (length[END_OF_BLOCK] == 0)
    return fail(e, "a block without an end");
  return (code_build(literals, length, n) &&
          code_build(distances, length + n, m)) ||
         fail(e, "codes that do not fill their space");
}

/* The codes that stand in no file. */
static void fixed_codes(Code *literals, Code *distances) {
  uint8_t length[LITERALS];
  memset(length, 8, 144);
  memset(length + 144, 9, 112);
  memset(length + 256, 7, 24);
  memset(length + 280, 8, 8);
  code_build(literals, length, LITERALS);
  memset(length, 5, DISTANCES);
  code_build(distances, length, DISTANCES);
}

static bool read_block(Unpacked *out, Bits *b, int kind, Error *e) {
  Code literals, distances;
  if (kind == 0)
    return read_stored(out, b, e);
  if (kind == 3)
    return fail(e, "a block of an unknown kind");
  if (kind == 1)
    fixed_codes(&literals, &distances);
  else if (!read_codes(b, &literals, &distances, e))
    return false;
  return read_symbols(out, b, &literals, &distances, e);
}

bool inflate(Unpacked *out, const uint8_t **from, const uint8_t *end,
             Error *e) {
  Bits b = {.next = *from, .end = end};
  bool last = false;
  if (!make_room(out, 0, e))
    return false;
  while (!last) {
    refill(&b);
    last = take(&b, 1);
    int kind = (int)take(&b, 2);
    if (!read_block(out, &b, kind, e))
      return false;
    if (is_over(&b))
      return fail_short(e);
  }
  *from = b.next - (b.count / 8 - b.beyond);
  return true;
}

/* ---- checksums ----------------------------------------------------------- */

/* table[k][x]: what the byte x does k bytes before the end. */
static void checksum_table(uint32_t polynomial, uint32_t table[8][256]) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int k = 0; k < 8; k++)
      c = c & 1 ? c >> 1 ^ polynomial : c >> 1;
    table[0][i] = c;
  }
  for (int k = 1; k < 8; k++)
    for (int i = 0; i < 256; i++)
      table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
}

uint32_t checksum(uint32_t polynomial, const uint8_t *data, size_t size) {
  uint32_t table[8][256], c = ~0u;
  checksum_table(polynomial, table);
  for (; size >= 8; size -= 8, data += 8) {
    c = table[7][data[0] ^ (c & 255)] ^ table[6][data[1] ^ (c >> 8 & 255)] ^
        table[5][data[2] ^ (c >> 16 & 255)] ^ table[4][data[3] ^ c >> 24] ^
        table[3][data[4]] ^ table[2][data[5]] ^ table[1][data[6]] ^
        table[0][data[7]];
  }
  for (size_t i = 0; i < size; i++)
    c = c >> 8 ^ table[0][(c ^ data[i]) & 255];
  return ~c;
}

/* ---- .gz ----------------------------------------------------------------- */

static uint32_t number_at(const uint8_t *p) {
  return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
         (uint32_t)p[3] << 24;
}

/* Behind the head of a member, NULL when it ends within it. */
static const uint8_t *skip_head(const uint8_t *p, const uint8_t *end) {
  enum { CHECK = 2, EXTRA = 4, NAME = 8, COMMENT = 16 };
  int flags = p[3];
  p += 10;
  if (flags & EXTRA) {
    if (end - p < 2)
      return NULL;
    size_t n = p[0] | (size_t)p[1] << 8;
    p += 2;
    if (n > (size_t)(end - p))
      return NULL;
    p += n;
  }
  for (int text = NAME; text <= COMMENT; text *= 2)
    if (flags & text) {
      p = memchr(p, 0, (size_t)(end - p));
      if (p == NULL)
        return NULL;
      p++;
    }
  int check = flags & CHECK ? 2 : 0;
  return end - p < check ? NULL : p + check;
}

static bool read_member(Unpacked *out, const uint8_t **at, const uint8_t *end,
                        Error *e) {
  const uint8_t *p = *at;
  size_t first = out->size;
  if (end - p < 18 || p[0] != 0x1F || p[1] != 0x8B || p[2] != 8)
    return fail(e, "this is no .gz file");
  p = skip_head(p, end);
  if (p == NULL)
    return fail_short(e);
  if (!inflate(out, &p, end, e))
    return false;
  if (end - p < 8)
    return fail_short(e);
  if (number_at(p) != checksum(CRC_32, out->data + first, out->size - first) ||
      number_at(p + 4) != (uint32_t)(out->size - first))
    return fail(e, "its bytes do not have the checksum that it tells");
  *at = p + 8;
  return true;
}

static bool all_zero(const uint8_t *p, const uint8_t *end) {
  while (p < end && *p == 0)
    p++;
  return p == end;
}

bool gunzip(Unpacked *out, const uint8_t *data, size_t size, Error *e) {
  const uint8_t *at = data, *end = data + size;
  do {
    if (!read_member(out, &at, end, e))
      return false;
  } while (!all_zero(at, end)); /* tapes fill their last block with zeros */
  return true;
}
