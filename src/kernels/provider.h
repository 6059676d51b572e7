/* Who makes products: our own kernels, or a library that a module hands in
** (src/blas). The environment variable LUNULA_GEMM says which:
**   native  our own
**   blas    the library, for all products of matrices; there is no other way
**   auto    our own; the library, if it is there, where the processor has no
**           multiply-add, for which our kernels are made
** That is decided once for the process, before the first product: memory of
** plans and the bits of numbers depend on it. Matrices are taken apart by the
** library alone (its LAPACK), whoever makes products: it is looked for when the
** first is to be. */
#ifndef KERNELS_PROVIDER_H
#define KERNELS_PROVIDER_H

#include <stdatomic.h>

#include "base/base.h"

struct Product;

/* Of singular vectors. */
typedef enum Vectors { NO_VECTORS, FEW_VECTORS, ALL_VECTORS } Vectors;

enum { PROVIDER_VERSION = 2 }; /* of what is below */

typedef struct lunula_blas {
  int version;
  /* Loads the library; false with the reason. What follows is for afterwards.
  ** Any thread may call all of it. */
  bool (*open)(char *why, size_t size);
  /* c of p, on the calling thread, from a and b; false when it cannot, and then
  ** nothing was done. */
  bool (*multiply)(const struct Product *p);
  /* From the first to the last who uses it, it starts no threads. */
  void (*retain)(void);
  void (*release)(void);
  const char *(*config)(void); /* version and options of the library */
  const char *(*core)(void);   /* the processor that it has found */
  bool (*is_slow)(void);       /* has that one no multiply-add? */
  /* One matrix taken apart, on the calling thread, while it is retained; NaN
  ** where there is no result. Each works in as many floats as its room says. */
  /* x (m,n) = u . s on a diagonal . vh; k = min(m,n): s (k) falls; of vectors
  ** there are none, k: u (m,k), vh (k,n), or all: u (m,m), vh (n,n) */
  int64_t (*svd_room)(int64_t m, int64_t n, Vectors v);
  void (*svd)(int64_t m, int64_t n, Vectors v, const float *x, float *u,
              float *s, float *vh, float *room);
  /* the lower triangle of x (n,n): w (n) rises, v (n,n) has vectors as columns */
  int64_t (*eigh_room)(int64_t n);
  void (*eigh)(int64_t n, const float *x, float *w, float *v, float *room);
} Provider;

extern _Atomic(const Provider *) provider_chosen;

/* NULL: our own kernels do it all. */
INLINE const Provider *provider(void) {
  return atomic_load_explicit(&provider_chosen, memory_order_acquire);
}

INLINE bool provider_multiplies(const struct Product *p) {
  const Provider *x = provider();
  return x && x->multiply(p);
}

/* Hands a module in, which is used when LUNULA_GEMM says so. False with the
** error when it is of another version, or all is decided. */
bool provider_offer(const Provider *p, Error *e);

/* Looks for a module and hands it in; false with the reason. */
typedef bool ProviderSearch(void *ud, Error *e);

/* Decides, the first time. The search is for when a module is wanted and none
** was handed in. False with the error: LUNULA_GEMM is none of these words, or
** the library that it wants is not there. */
bool provider_choose(ProviderSearch *search, void *ud, Error *e);

/* The module for matrices alone, loaded: one that was handed in, or what the
** search finds, which calls provider_lend; NULL with the reason. */
const Provider *provider_lapack(ProviderSearch *search, void *ud, Error *why);
bool provider_lend(const Provider *p, Error *e);

/* Why it is so: "LUNULA_GEMM=blas". */
const char *provider_why(void);

#endif
