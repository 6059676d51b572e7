/* Hashes of bytes that are the same on every machine: FarmHash's 64-bit
** fingerprint, and SipHash-2-4. All sums and products wrap around. */
#include <string.h>

#include "kernels/text.h"

static const uint64_t K0 = 0xc3a5c85c97cb3127u, K1 = 0xb492b66fbe98f273u,
                      K2 = 0x9ae16a3b2f90404fu;

/* Little-endian numbers out of bytes. */
static uint64_t fetch(const char *s) {
  uint64_t v = 0;
  for (int i = 7; i >= 0; i--)
    v = v << 8 | (unsigned char)s[i];
  return v;
}

static uint64_t fetch_half(const char *s) {
  uint64_t v = 0;
  for (int i = 3; i >= 0; i--)
    v = v << 8 | (unsigned char)s[i];
  return v;
}

/* To the right, as FarmHash does. SipHash's paper turns to the left: its 13 is
** 51 here. */
static uint64_t rotate(uint64_t x, int n) {
  return x >> n | x << (64 - n);
}

static uint64_t mix(uint64_t x) {
  return x ^ x >> 47;
}

static uint64_t hash_16(uint64_t u, uint64_t v, uint64_t factor) {
  uint64_t a = mix((u ^ v) * factor);
  return mix((v ^ a) * factor) * factor;
}

/* ---- FarmHash, by length ------------------------------------------------ */

static uint64_t up_to_16(const char *s, size_t n) {
  uint64_t factor = K2 + n * 2;
  if (n >= 8) {
    uint64_t a = fetch(s) + K2, b = fetch(s + n - 8);
    return hash_16(rotate(b, 37) * factor + a, (rotate(a, 25) + b) * factor,
                   factor);
  }
  if (n >= 4)
    return hash_16(n + (fetch_half(s) << 3), fetch_half(s + n - 4), factor);
  if (n == 0)
    return K2;
  uint64_t a = (unsigned char)s[0], b = (unsigned char)s[n >> 1],
           c = (unsigned char)s[n - 1];
  return mix((a + (b << 8)) * K2 ^ (n + (c << 2)) * K0) * K2;
}

static uint64_t up_to_32(const char *s, size_t n) {
  uint64_t factor = K2 + n * 2;
  uint64_t a = fetch(s) * K1, b = fetch(s + 8);
  uint64_t c = fetch(s + n - 8) * factor, d = fetch(s + n - 16) * K2;
  return hash_16(rotate(a + b, 43) + rotate(c, 30) + d,
                 a + rotate(b + K2, 18) + c, factor);
}

static uint64_t up_to_64(const char *s, size_t n) {
  uint64_t factor = K2 + n * 2;
  uint64_t a = fetch(s) * K2, b = fetch(s + 8);
  uint64_t c = fetch(s + n - 8) * factor, d = fetch(s + n - 16) * K2;
  uint64_t y = rotate(a + b, 43) + rotate(c, 30) + d;
  uint64_t z = hash_16(y, a + rotate(b + K2, 18) + c, factor);
  uint64_t e = fetch(s + 16) * factor, f = fetch(s + 24);
  uint64_t g = (y + fetch(s + n - 32)) * factor;
  uint64_t h = (z + fetch(s + n - 24)) * factor;
  return hash_16(rotate(e + f, 43) + rotate(g, 30) + h,
                 e + rotate(f + a, 18) + g, factor);
}

typedef struct Pair {
  uint64_t first, second;
} Pair;

/* Two numbers from 32 bytes and two seeds. */
static Pair weak_32(const char *s, uint64_t a, uint64_t b) {
  uint64_t w = fetch(s), z = fetch(s + 24);
  a += w;
  b = rotate(b + a + z, 21);
  uint64_t c = a;
  a += fetch(s + 8) + fetch(s + 16);
  return (Pair){a + z, b + rotate(a, 44) + c};
}

typedef struct Farm {
  uint64_t x, y, z;
  Pair v, w;
} Farm;

/* One block of 64 bytes; the last one, which ends with the text, has another
** factor. */
static void farm_block(Farm *f, const char *s, uint64_t factor,
                       uint64_t times) {
  f->x = rotate(f->x + f->y + f->v.first + fetch(s + 8), 37) * factor;
  f->y = rotate(f->y + f->v.second + fetch(s + 48), 42) * factor;
  f->x ^= f->w.second * times;
  f->y += f->v.first * times + fetch(s + 40);
  f->z = rotate(f->z + f->w.first, 33) * factor;
  f->v = weak_32(s, f->v.second * factor, f->x + f->w.first);
  f->w = weak_32(s + 32, f->z + f->w.second, f->y + fetch(s + 16));
  uint64_t z = f->z;
  f->z = f->x;
  f->x = z;
}

/* The last block ends with the text, and overlaps the one before it unless the
** text is whole blocks, of which it is then the last. */
static uint64_t longer(const char *s, size_t n) {
  Farm f = {.x = 81, .y = 81 * K1 + 113};
  f.z = mix(f.y * K2 + 113) * K2;
  f.x = f.x * K2 + fetch(s);
  for (size_t i = 0; i < (n - 1) / 64 * 64; i += 64)
    farm_block(&f, s + i, K1, 1);
  uint64_t factor = K1 + ((f.z & 0xff) << 1);
  f.w.first += (n - 1) & 63;
  f.v.first += f.w.first;
  f.w.first += f.v.first;
  farm_block(&f, s + n - 64, factor, 9);
  return hash_16(hash_16(f.v.first, f.w.first, factor) + mix(f.y) * K0 + f.z,
                 hash_16(f.v.second, f.w.second, factor) + f.x, factor);
}

uint64_t hash_farm(const char *s, size_t n) {
  return n <= 16 ? up_to_16(s, n) : n <= 32 ? up_to_32(s, n)
       : n <= 64 ? up_to_64(s, n) : longer(s, n);
}

/* FingerprintCat64 of TensorFlow, by which crossed columns find their bins. */
uint64_t hash_join(uint64_t a, uint64_t b) {
  const uint64_t factor = 0xc6a4a7935bd1e995u;
  uint64_t x = ((a ^ factor) ^ mix(b * factor) * factor) * factor;
  return mix(mix(x) * factor);
}

/* ---- SipHash ------------------------------------------------------------ */

typedef struct Sip {
  uint64_t a, b, c, d;
} Sip;

static void sip_round(Sip *s) {
  s->a += s->b;
  s->b = rotate(s->b, 51) ^ s->a;
  s->a = rotate(s->a, 32);
  s->c += s->d;
  s->d = rotate(s->d, 48) ^ s->c;
  s->a += s->d;
  s->d = rotate(s->d, 43) ^ s->a;
  s->c += s->b;
  s->b = rotate(s->b, 47) ^ s->c;
  s->c = rotate(s->c, 32);
}

static void sip_word(Sip *s, uint64_t m) {
  s->d ^= m;
  sip_round(s);
  sip_round(s);
  s->a ^= m;
}

uint64_t hash_sip(const char *text, size_t n, uint64_t key0, uint64_t key1) {
  Sip s = {key0 ^ 0x736f6d6570736575u, key1 ^ 0x646f72616e646f6du,
           key0 ^ 0x6c7967656e657261u, key1 ^ 0x7465646279746573u};
  size_t whole = n / 8 * 8;
  char rest[8] = {0};
  for (size_t i = 0; i < whole; i += 8)
    sip_word(&s, fetch(text + i));
  if (n > whole)
    memcpy(rest, text + whole, n - whole);
  rest[7] = (char)(n & 255); /* the last word has the length, modulo 256 */
  sip_word(&s, fetch(rest));
  s.c ^= 255;
  for (int i = 0; i < 4; i++)
    sip_round(&s);
  return s.a ^ s.b ^ s.c ^ s.d;
}
