/* The choice between our own products and those of a library. */
#include "kernels/provider.h"

#include <stdlib.h>
#include <string.h>

#include "base/isa.h"

_Atomic(const Provider *) provider_chosen;

static _Atomic(const Provider *) offered;
static _Atomic(const Provider *) lent; /* for matrices */
static _Atomic(const char *) reason; /* NULL: nothing is decided yet */

typedef enum Wish { AUTO, NATIVE, BLAS } Wish;

/* A word that is not known is an error, never another choice. */
static bool read_wish(Wish *wish, Error *e) {
  static const char *const words[] = {"auto", "native", "blas"};
  const char *word = getenv("LUNULA_GEMM");
  *wish = AUTO;
  if (word == NULL || *word == '\0') return true;
  for (int i = 0; i < COUNT_OF(words); i++) {
    if (strcmp(word, words[i]) == 0) {
      *wish = (Wish)i;
      return true;
    }
  }
  return fail(e, "the environment variable LUNULA_GEMM is \"%s\"; it can be "
                 "auto, native or blas", word);
}

static bool fits(const Provider *p, Error *e) {
  return p->version == PROVIDER_VERSION ||
         fail(e, "the module of OpenBLAS is of another version of lunula");
}

bool provider_offer(const Provider *p, Error *e) {
  if (!fits(p, e)) return false;
  if (atomic_load(&reason) && atomic_load(&offered) != p)
    return fail(e, "lunula is in use already: hand OpenBLAS in before");
  atomic_store(&offered, p);
  atomic_store(&lent, p);
  return true;
}

bool provider_lend(const Provider *p, Error *e) {
  if (!fits(p, e)) return false;
  atomic_store(&lent, p);
  return true;
}

const Provider *provider_lapack(ProviderSearch *search, void *ud, Error *why) {
  char text[200] = "";
  if (atomic_load(&lent) == NULL &&
      (search == NULL ? !fail(why, "a C host calls lunula_use_blas")
                      : !search(ud, why)))
    return NULL;
  const Provider *p = atomic_load(&lent);
  if (p->open(text, sizeof text)) return p;
  fail(why, "%s", text);
  return NULL;
}

/* The module, loaded; NULL with the reason. */
static const Provider *find(ProviderSearch *search, void *ud, Error *why) {
  char text[200] = "";
  if (atomic_load(&offered) == NULL && !search(ud, why)) return NULL;
  const Provider *p = atomic_load(&offered);
  if (p->open(text, sizeof text)) return p;
  fail(why, "%s", text);
  return NULL;
}

#define HAS_FMA(isa, ...) #isa " has multiply-add",
static const char *const native[ISA_COUNT] = {EACH_ISA(HAS_FMA, )};

static void decide(const Provider *p, const char *why) {
  atomic_store(&provider_chosen, p);
  atomic_store(&reason, why);
}

bool provider_choose(ProviderSearch *search, void *ud, Error *e) {
  Wish wish;
  Error why = {.set = false};
  const Provider *p = NULL;
  if (atomic_load(&reason)) return true;
  if (!read_wish(&wish, e)) return false;
  if (wish == BLAS || (wish == AUTO && !isa_has_fma()))
    p = find(search, ud, &why);
  if (wish == BLAS && p == NULL)
    return fail(e, "the environment variable LUNULA_GEMM is \"blas\", and "
                   "OpenBLAS is not there (%s): install it (Debian: "
                   "libopenblas-dev) and build lunula again, a C host calls "
                   "lunula_use_blas; or set LUNULA_GEMM=auto", why.text);
  decide(p, wish == BLAS          ? "LUNULA_GEMM=blas"
            : wish == NATIVE      ? "LUNULA_GEMM=native"
            : p                   ? "no multiply-add here"
            : isa_has_fma()       ? native[isa_number()]
                                  : "no multiply-add here, and no OpenBLAS");
  return true;
}

const char *provider_why(void) { return atomic_load(&reason); }
