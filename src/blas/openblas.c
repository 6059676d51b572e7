/* Products by OpenBLAS, and matrices taken apart by its LAPACK. It is loaded
** when it is first needed and is never linked: at a program's start it would
** make threads, with all signals open, whether anybody multiplies or not. */
#define _GNU_SOURCE
#include <cblas.h>
#include <dlfcn.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "host/lunula.h"
#include "kernels/kernels.h"
#include "kernels/provider.h"

/* ---- the library -------------------------------------------------------- */

/* What is used of it, with the types that its header gives. */
#define EACH_FUNCTION(f)                                                  \
  f(cblas_sgemm) f(cblas_sgemv) f(openblas_get_config)                    \
  f(openblas_get_corename) f(openblas_get_num_threads)                    \
  f(openblas_set_num_threads)

/* LAPACK's, which has no header of its own there. */
#define EACH_DECOMPOSITION(f) f(sgesdd_) f(ssyevd_)

void sgesdd_(const char *job, const int *m, const int *n, float *a,
             const int *lda, float *s, float *u, const int *ldu, float *vt,
             const int *ldvt, float *work, const int *lwork, int *iwork,
             int *info, size_t job_size);
void ssyevd_(const char *job, const char *triangle, const int *n, float *a,
             const int *lda, float *w, float *work, const int *lwork,
             int *iwork, const int *liwork, int *info, size_t job_size,
             size_t triangle_size);

#define MEMBER(name) __typeof__(name) *name;
static struct {
  EACH_FUNCTION(MEMBER)
  EACH_DECOMPOSITION(MEMBER)
} blas;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char trouble[200]; /* why it could not be loaded, or "" */

/* Threads that a thread starts inherit what it blocks: signals are the host's
** affair, and none shall reach a thread of OpenBLAS. */
static void block_signals(sigset_t *before) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, before);
}

static void restore_signals(const sigset_t *before) {
  pthread_sigmask(SIG_SETMASK, before, NULL);
}

#ifdef __APPLE__
#define OPENBLAS "libopenblas.dylib"
#else
#define OPENBLAS "libopenblas.so.0"
#endif

/* By its name the system knows where it is; else where it was built against. */
static void *open_library(void) {
  void *library = dlopen(OPENBLAS, RTLD_NOW);
  return library ? library : dlopen(OPENBLAS_DIR "/" OPENBLAS, RTLD_NOW);
}

static void complain(const char *what) {
  snprintf(trouble, sizeof trouble, "%s", what ? what : "no such library");
}

/* C has no cast from an object's address to a function's. */
static bool find(void *library, const char *name, void *function) {
  void *found = dlsym(library, name);
  if (found == NULL) complain(dlerror());
  memcpy(function, &found, sizeof found);
  return found != NULL;
}

#define FIND(name) && find(library, #name, &blas.name)

static void load(void) {
  sigset_t before;
  block_signals(&before);
  void *library = open_library();
  restore_signals(&before);
  if (library == NULL)
    complain(dlerror());
  else if (!(true EACH_FUNCTION(FIND) EACH_DECOMPOSITION(FIND)))
    dlclose(library);
}

static bool open(char *why, size_t size) {
  pthread_once(&once, load);
  snprintf(why, size, "%s", trouble);
  return *trouble == '\0';
}

/* ---- threads ------------------------------------------------------------ */

/* It has one thread, the calling one, while anybody here uses it, and then as
** many as the process gave it. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int users, threads_before;

static void set_threads(int n) {
  sigset_t before;
  block_signals(&before);
  blas.openblas_set_num_threads(n);
  restore_signals(&before);
}

static void retain(void) {
  pthread_mutex_lock(&mutex);
  if (users++ == 0) {
    threads_before = blas.openblas_get_num_threads();
    set_threads(1);
  }
  pthread_mutex_unlock(&mutex);
}

static void release(void) {
  pthread_mutex_lock(&mutex);
  if (--users == 0) set_threads(threads_before);
  pthread_mutex_unlock(&mutex);
}

/* ---- what it is --------------------------------------------------------- */

static const char *config(void) { return blas.openblas_get_config(); }

static const char *core(void) { return blas.openblas_get_corename(); }

/* Its names for processors without AVX2 and multiply-add. A version that does
** not know the processor takes it for one of them, far below what it is. */
static bool is_slow(void) {
  static const char *const old[] = {
    "Unknown", "Generic", "Katmai", "Coppermine", "Northwood", "Prescott",
    "Banias", "Atom", "Core2", "Penryn", "Dunnington", "Nehalem", "Athlon",
    "Opteron", "Opteron_SSE3", "Barcelona", "Nano", "Sandybridge", "Bobcat"
  };
  for (int i = 0; i < COUNT_OF(old); i++)
    if (strcasecmp(core(), old[i]) == 0) return true;
  return false;
}

/* ---- products ----------------------------------------------------------- */

/* A matrix as BLAS knows it: lines of numbers side by side, `line` apart, that
** are the rows or, turned, the columns. */
typedef struct Side {
  CBLAS_TRANSPOSE turned;
  int line;
} Side;

static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* False when lines overlap, or are too far apart for its 32 bits. */
static bool side_of(int64_t rows, int64_t columns, int64_t row, int64_t column,
                    Side *s) {
  bool plain = column == 1 && (row >= columns || rows == 1);
  bool turned = row == 1 && (column >= rows || columns == 1);
  int64_t line = plain ? most(row, columns) : most(column, rows);
  *s = (Side){plain ? CblasNoTrans : CblasTrans, (int)line};
  return (plain || turned) && rows <= INT_MAX && columns <= INT_MAX &&
         line <= INT_MAX;
}

/* y (n) = the matrix of these rows and columns . x, or the turned one. What y
** held is cleared here, since not every version forgets a NaN in it. */
static void by_vector(bool turn, int64_t rows, int64_t columns, const float *a,
                      Side s, const float *x, int64_t x_step, float *y,
                      int64_t y_step) {
  bool swapped = s.turned == CblasTrans;
  int64_t n = turn ? columns : rows;
  for (int64_t i = 0; i < n; i++) y[i * y_step] = 0;
  blas.cblas_sgemv(CblasRowMajor, turn != swapped ? CblasTrans : CblasNoTrans,
                   (int)(swapped ? columns : rows),
                   (int)(swapped ? rows : columns), 1, a, s.line, x,
                   (int)x_step, 1, y, (int)y_step);
}

static bool multiply(const Product *p) {
  Side a, b, c;
  if (p->k < 1 || !side_of(p->m, p->k, p->a_row, p->a_column, &a) ||
      !side_of(p->k, p->n, p->b_row, p->b_column, &b) ||
      !side_of(p->m, p->n, p->c_row, 1, &c))
    return false;
  if (p->m == 1)
    by_vector(true, p->k, p->n, p->b, b, p->a, p->a_column, p->c, 1);
  else if (p->n == 1)
    by_vector(false, p->m, p->k, p->a, a, p->b, p->b_row, p->c, p->c_row);
  else
    blas.cblas_sgemm(CblasRowMajor, a.turned, b.turned, (int)p->m, (int)p->n,
                     (int)p->k, 1, p->a, a.line, p->b, b.line, 0, p->c,
                     c.line);
  return true;
}

/* ---- matrices taken apart ------------------------------------------------ */

/* LAPACK stores columns: y (n,m) = x (m,n) turned. By blocks, for the cache. */
static void turn(int64_t m, int64_t n, const float *x, float *y) {
  enum { BLOCK = 16 };
  for (int64_t i0 = 0; i0 < m; i0 += BLOCK)
    for (int64_t j0 = 0; j0 < n; j0 += BLOCK)
      for (int64_t i = i0; i < m && i < i0 + BLOCK; i++)
        for (int64_t j = j0; j < n && j < j0 + BLOCK; j++)
          y[j * m + i] = x[i * n + j];
}

static void not_a_number(float *y, int64_t n) {
  for (int64_t i = 0; y && i < n; i++) y[i] = NAN;
}

/* What LAPACK asks for is told as a float, which may be below it. */
static int64_t rounded_up(float size) {
  return (int64_t)size + (int64_t)size / 1000000 + 1;
}

typedef struct Svd {
  int m, n, k, u, vh; /* sizes; columns of u, rows of vh */
  char job;
} Svd;

static Svd svd_of(int64_t m, int64_t n, Vectors v) {
  static const char job[] = {'N', 'S', 'A'};
  int k = (int)(m < n ? m : n);
  return (Svd){(int)m, (int)n, k, v == ALL_VECTORS ? (int)m : k,
               v == ALL_VECTORS ? (int)n : k, job[v]};
}

static int gesdd(const Svd *p, float *a, float *s, float *u, float *vt,
                 float *work, int lwork, int *iwork) {
  int info = 0;
  blas.sgesdd_(&p->job, &p->m, &p->n, a, &p->m, s, u, &p->m, vt, &p->vh, work,
               &lwork, iwork, &info, 1);
  return info;
}

/* The matrix, u, vh, whole numbers, and what LAPACK wants. */
static int64_t svd_room(int64_t m, int64_t n, Vectors v) {
  Svd p = svd_of(m, n, v);
  float size = 0;
  int none;
  gesdd(&p, &size, &size, &size, &size, &size, -1, &none);
  return m * n + m * p.u + n * p.vh + 8 * (int64_t)p.k + rounded_up(size);
}

static void svd(int64_t m, int64_t n, Vectors v, const float *x, float *u,
                float *s, float *vh, float *room) {
  Svd p = svd_of(m, n, v);
  float *a = room, *u_turned = a + m * n, *vh_turned = u_turned + m * p.u;
  float *whole = vh_turned + n * p.vh, *work = whole + 8 * (int64_t)p.k;
  int64_t size = svd_room(m, n, v) - (work - room);
  turn(m, n, x, a);
  if (gesdd(&p, a, s, u_turned, vh_turned, work, (int)size,
            (int *)(void *)whole) != 0) {
    not_a_number(s, p.k);
    not_a_number(u, m * p.u);
    not_a_number(vh, n * p.vh);
  } else if (v != NO_VECTORS) {
    turn(p.u, m, u_turned, u);
    turn(n, p.vh, vh_turned, vh);
  }
}

static int64_t syevd(int n, float *a, float *w, float *work, int lwork,
                     int *iwork, int liwork) {
  int info = 0;
  blas.ssyevd_("V", "L", &n, a, &n, w, work, &lwork, iwork, &liwork, &info, 1,
               1);
  return info;
}

static int64_t eigh_room(int64_t n) {
  float size = 0;
  int whole = 0;
  syevd((int)n, &size, &size, &size, -1, &whole, -1);
  return n * n + 5 * n + 3 + rounded_up(size);
}

static void eigh(int64_t n, const float *x, float *w, float *v, float *room) {
  float *a = room, *whole = a + n * n, *work = whole + 5 * n + 3;
  int64_t size = eigh_room(n) - (work - room);
  turn(n, n, x, a);
  if (syevd((int)n, a, w, work, (int)size, (int *)(void *)whole,
            (int)(5 * n + 3)) != 0) {
    not_a_number(w, n);
    not_a_number(v, n * n);
  } else {
    turn(n, n, a, v);
  }
}

/* ---- the module --------------------------------------------------------- */

const lunula_blas *lunula_openblas(void) {
  static const Provider it = {PROVIDER_VERSION, open, multiply, retain,
                              release, config, core, is_slow,
                              svd_room, svd, eigh_room, eigh};
  return &it;
}
