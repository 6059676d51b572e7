/* Discrete Fourier transforms along the last axis. A complex tensor is two, its
** real and its imaginary part. Real rows have a row of their own, there and
** back, and each is, but for factors, the adjoint of the other. */

#include "kernels/kernels.h"
#include "ops/build.h"

enum { RE, IM, LIKE };
enum { INVERSE, LENGTH = 0 }; /* attributes */

/* ---- shapes ------------------------------------------------------------- */

static bool has_axis(Rule *r) {
  return r->in[0].rank > 0 || fail(r->error, "x has no axis");
}

static int64_t *last_of(Type *t) {
  return &t->dim[t->rank - 1];
}

static bool pair_fits(Rule *r) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  bool fits = r->in[RE].rank == r->in[IM].rank;
  for (int i = 0; fits && i < r->in[RE].rank; i++)
    fits = may_equal(r->in[RE].dim[i], r->in[IM].dim[i]);
  return (fits || fail(r->error, "the real part is %s, the imaginary part %s",
                       type_text(&r->in[RE], a), type_text(&r->in[IM], b))) &&
         has_axis(r);
}

static bool dft_shape(Rule *r) {
  if (!pair_fits(r))
    return false;
  r->nout = 2;
  r->out[RE] = r->out[IM] = r->in[RE];
  return true;
}

static bool rdft_shape(Rule *r) {
  if (!has_axis(r))
    return false;
  r->nout = 2;
  r->out[RE] = r->in[0];
  int64_t *n = last_of(&r->out[RE]);
  if (*n != UNKNOWN)
    *n = *n > 0 ? *n / 2 + 1 : 0;
  r->out[IM] = r->out[RE];
  return true;
}

/* Of so many numbers to a row, the spectrum. */
static bool spectrum_fits(Rule *r, int64_t n) {
  int64_t bins = *last_of((Type *)(uintptr_t)&r->in[RE]);
  return n == UNKNOWN || may_equal(bins, n > 0 ? n / 2 + 1 : 0) ||
         fail(r->error, "%lld numbers have a spectrum of %lld, got %lld",
              (long long)n, (long long)(n > 0 ? n / 2 + 1 : 0),
              (long long)bins);
}

static bool irdft_shape(Rule *r) {
  if (!pair_fits(r))
    return false;
  int64_t bins = r->in[RE].dim[r->in[RE].rank - 1];
  int64_t n = attr_given(&r->attr[LENGTH]) ? r->attr[LENGTH].i[0]
              : bins == UNKNOWN            ? UNKNOWN
              : bins > 1                   ? 2 * (bins - 1) : 0;
  if (attr_given(&r->attr[LENGTH]) && n < 0) /* UNKNOWN is -1 */
    return fail(r->error, "a length of %lld", (long long)n);
  r->out[0] = r->in[RE];
  *last_of(&r->out[0]) = n;
  return attr_given(&r->attr[LENGTH]) ? spectrum_fits(r, n) : true;
}

static bool rdft_back_shape(Rule *r) {
  const Type *re = &r->in[RE], *like = &r->in[LIKE];
  char a[TYPE_TEXT], b[TYPE_TEXT];
  r->out[0] = *like;
  r->out[0].dtype = F32;
  if (!pair_fits(r))
    return false;
  bool fits = like->rank == re->rank;
  for (int i = 0; fits && i < re->rank - 1; i++)
    fits = may_equal(re->dim[i], like->dim[i]);
  return (fits || fail(r->error, "a spectrum of %s for rows of %s",
                       type_text(re, a), type_text(like, b))) &&
         spectrum_fits(r, *last_of(&r->out[0]));
}

/* ---- the work ----------------------------------------------------------- */

static int64_t rows_of(const Type *x) {
  return type_span(x, 0, x->rank - 1);
}

/* Rows for about 40 microseconds, of which a kernel takes 16 together. */
static int64_t tasks_of(int64_t rows, int64_t n) {
  enum { GRAIN = 1 << 15, TOGETHER = 16, MOST = 32 };
  int64_t most = n > 256 ? rows : (rows + TOGETHER - 1) / TOGETHER;
  int64_t tasks = rows * n / GRAIN;
  tasks = tasks > most ? most : tasks;
  return tasks < 1 ? 1 : tasks > MOST ? MOST : tasks;
}

static int64_t dft_tasks(const OpCall *s) {
  const Type *x = &s->in[RE];
  return tasks_of(rows_of(x), x->dim[x->rank - 1]);
}

static int64_t lines(int64_t floats) {
  return (floats * (int64_t)sizeof(float) + 63) / 64 * 64;
}

/* Tables at the front of the scratch, then room for each task. */
typedef struct Places {
  float *tables, *room;
  int64_t first, rows; /* of the task */
} Places;

static Places places(const Run *r, int64_t tables, int64_t room, int64_t rows,
                     int64_t task, int64_t tasks) {
  char *at = r->scratch;
  int64_t first = rows * task / tasks;
  return (Places){(float *)(void *)at,
                  (float *)(void *)(at + lines(tables) + task * lines(room)),
                  first, rows * (task + 1) / tasks - first};
}

static Fourier dft_of(const OpCall *s) {
  return fourier_of(s->in[RE].dim[s->in[RE].rank - 1]);
}

static int64_t dft_scratch(const OpCall *s) {
  Fourier f = dft_of(s);
  return lines(fourier_tables(&f)) + lines(fourier_room(&f)) * dft_tasks(s);
}

static Places dft_places(const OpCall *s, const Run *r, const Fourier *f,
                         int64_t task) {
  return places(r, fourier_tables(f), fourier_room(f), rows_of(&s->in[RE]),
                task, dft_tasks(s));
}

static void dft_begin(const OpCall *s, const Run *r) {
  Fourier f = dft_of(s);
  Places p = dft_places(s, r, &f, 0);
  fourier_fill(&f, p.tables, p.room);
}

static void dft_run(const OpCall *s, const Run *r, int64_t task) {
  Fourier f = dft_of(s);
  Places p = dft_places(s, r, &f, task);
  /* with both parts exchanged, of x and of y, the sign is the inverse's */
  int from = s->attr[INVERSE].i[0] ? IM : RE, at = from;
  int64_t skip = p.first * f.n;
  ISA(fourier_rows)(&f, (const float *)r->in[from] + skip,
                    (const float *)r->in[!from] + skip,
                    (float *)r->out[at] + skip, (float *)r->out[!at] + skip,
                    p.rows, p.tables, p.room);
}

/* ---- of real rows ------------------------------------------------------- */

/* The type of the real rows: the input of those that go there, the result of
** those that come back. */
static const Type *real_type(const OpCall *s) {
  return s->nout == 2 ? &s->in[0] : &s->out[0];
}

static RealFourier real_of(const OpCall *s) {
  const Type *x = real_type(s);
  return real_fourier_of(x->dim[x->rank - 1]);
}

static int64_t real_tasks(const OpCall *s) {
  const Type *x = real_type(s);
  return tasks_of(rows_of(x), x->dim[x->rank - 1]);
}

static int64_t real_scratch(const OpCall *s) {
  RealFourier f = real_of(s);
  return lines(real_fourier_tables(&f)) +
         lines(real_fourier_room(&f)) * real_tasks(s);
}

static Places real_places(const OpCall *s, const Run *r, const RealFourier *f,
                          int64_t task) {
  return places(r, real_fourier_tables(f), real_fourier_room(f),
                rows_of(real_type(s)), task, real_tasks(s));
}

static void real_begin(const OpCall *s, const Run *r) {
  RealFourier f = real_of(s);
  Places p = real_places(s, r, &f, 0);
  if (f.n > 0)
    real_fourier_fill(&f, p.tables, p.room);
}

static void there(const OpCall *s, const Run *r, int64_t task, bool adjoint) {
  RealFourier f = real_of(s);
  Places p = real_places(s, r, &f, task);
  int64_t to = p.first * (f.n / 2 + 1);
  if (f.n > 0)
    ISA(fourier_real)(&f, adjoint, (const float *)r->in[0] + p.first * f.n,
                      (float *)r->out[RE] + to, (float *)r->out[IM] + to,
                      p.rows, p.tables, p.room);
}

static void back(const OpCall *s, const Run *r, int64_t task, bool adjoint) {
  RealFourier f = real_of(s);
  Places p = real_places(s, r, &f, task);
  int64_t from = p.first * (f.n / 2 + 1);
  if (f.n > 0)
    ISA(fourier_real_back)(&f, adjoint, (const float *)r->in[RE] + from,
                           (const float *)r->in[IM] + from,
                           (float *)r->out[0] + p.first * f.n, p.rows,
                           p.tables, p.room);
}

static void rdft_run(const OpCall *s, const Run *r, int64_t task) {
  there(s, r, task, false);
}
static void irdft_back_run(const OpCall *s, const Run *r, int64_t task) {
  there(s, r, task, true);
}
static void irdft_run(const OpCall *s, const Run *r, int64_t task) {
  back(s, r, task, false);
}
static void rdft_back_run(const OpCall *s, const Run *r, int64_t task) {
  back(s, r, task, true);
}

/* ---- gradients ---------------------------------------------------------- */

/* The cotangent, or zeros like x where there is none. */
static Val or_zeros(Context *c, Val d, Val x) {
  return d.node ? d : zeros_like(c, x);
}

static Val other_part(Val v) {
  return (Val){v.node, IM};
}

/* The transform is a symmetric matrix, whose adjoint is its conjugate: the
** other sign. */
static void dft_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Attr a = attr_bool(!n->attr[INVERSE].i[0]);
  Val d[] = {or_zeros(c, dy[RE], input(n, RE)),
             or_zeros(c, dy[IM], input(n, RE))};
  dx[RE] = emit_op(c, "dft", d, 2, &a);
  dx[IM] = other_part(dx[RE]);
}

/* The cotangents of both results of a row that goes there. */
static void both(Context *c, const Node *n, const Val *dy, Val *d) {
  for (int i = RE; i <= IM; i++)
    d[i] = or_zeros(c, dy[i], (Val){(Node *)(uintptr_t)n, i});
}

static void rdft_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val d[3];
  both(c, n, dy, d);
  d[LIKE] = input(n, 0);
  dx[0] = emit_op(c, "rdft_back", d, 3, NULL);
}

static void rdft_back_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  (void)n;
  dx[RE] = emit_op(c, "rdft", dy, 1, NULL);
  dx[IM] = other_part(dx[RE]);
}

static void irdft_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[RE] = emit_op(c, "irdft_back", dy, 1, n->attr);
  dx[IM] = other_part(dx[RE]);
}

static void irdft_back_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val d[2];
  both(c, n, dy, d);
  dx[0] = emit_op(c, "irdft", d, 2, n->attr);
}

/* What rows of real numbers are transformed with, either way. */
#define REAL \
  .tasks = real_tasks, .scratch = real_scratch, .begin = real_begin

const Op ops_fourier[] = {
  {"dft", "real, imag, inverse:bool=false", ROWS, FLOATS, dft_shape,
   .tasks = dft_tasks, .run = dft_run, .scratch = dft_scratch,
   .begin = dft_begin, .vjp = dft_vjp, .file_class = "lunula",
   .doc = "The Fourier transform along the last axis; with inverse, the sum "
          "that goes back, not divided by its length: two results."},
  {"rdft", "x", ROWS, FLOATS, rdft_shape, REAL, .run = rdft_run,
   .vjp = rdft_vjp, .file_class = "lunula",
   .doc = "The first half of the Fourier transform of real numbers, real and "
          "imaginary part: two results."},
  {"irdft", "real, imag, length:int=nil", ROWS, FLOATS, irdft_shape,
   REAL, .run = irdft_run, .vjp = irdft_vjp, .file_class = "lunula",
   .doc = "The so many real numbers whose transform's first half is given; an "
          "even number of them by default."},
  {"rdft_back", "real, imag, x", ROWS, FLOATS, rdft_back_shape,
   REAL, .run = rdft_back_run, .vjp = rdft_back_vjp,
   .shape_only = 1 << LIKE, .traits = HIDDEN,
   .doc = "What cotangents of rdft give to x."},
  {"irdft_back", "g, length:int=nil", ROWS, FLOATS, rdft_shape,
   REAL, .run = irdft_back_run, .vjp = irdft_back_vjp, .traits = HIDDEN,
   .doc = "What a cotangent of irdft gives to both parts."},
  {0}
};
