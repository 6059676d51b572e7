/* Elements by number: rows of a table, elements along an axis, and their
** adjoints, which add instead of read. Numbers count from 0; negative ones
** from the end; one out of range is a fault that names it. */

#include <string.h>

#include "kernels/kernels.h"
#include "ops/build.h"

/* ---- rows of a table ---------------------------------------------------- */

static bool need_integers(Rule *r, const Type *ids) {
  return ids->dtype == I32 ||
         fail(r->error, "the indices must be integers, they are %s",
              dtype_name((DType)ids->dtype));
}

static bool gather_shape(Rule *r) {
  const Type *table = &r->in[0], *ids = &r->in[1];
  char text[TYPE_TEXT];
  if (!need_integers(r, ids))
    return false;
  if (table->rank < 1 || ids->rank + table->rank - 1 > MAX_RANK)
    return fail(r->error, "a table of shape %s", type_text(table, text));
  Type y = *ids;
  y.dtype = table->dtype;
  for (int i = 1; i < table->rank; i++)
    y.dim[y.rank++] = table->dim[i];
  r->out[0] = y;
  return true;
}

/* Elements of one task, and between two looks at the watch: a task of a table
** with few rows may have any number of them. */
enum { GRAIN = 1 << 15, PIECE = 1 << 20 };

/* How many of n things of so many elements are a piece. */
static int64_t piece(int64_t n, int64_t elements) {
  int64_t most = elements < PIECE ? PIECE / (elements ? elements : 1) : 1;
  return n < most ? n : most;
}

static int64_t share(int64_t work, int64_t most) {
  int64_t tasks = work / GRAIN;
  return tasks < 1 ? 1 : tasks > most ? most : tasks;
}

static int64_t gather_tasks(const OpCall *s) {
  int64_t ids = type_elements(&s->in[1]);
  return share(type_elements(&s->out[0]), ids ? ids : 1);
}

static void gather_run(const OpCall *s, const Run *r, int64_t task) {
  const Type *table = &s->in[0];
  int64_t ids = type_elements(&s->in[1]), tasks = gather_tasks(s);
  int64_t row = type_span(table, 1, table->rank) *
                dtype_size((DType)table->dtype);
  int64_t last = ids * (task + 1) / tasks, step = piece(ids, row), bad = -1;
  for (int64_t i = ids * task / tasks; i < last && bad < 0; i += step) {
    if (env_stopped(r->env))
      return;
    bad = ISA(gather_rows)(r->out[0], r->in[0], r->in[1], table->dim[0], row, i,
                           i + step < last ? i + step : last);
  }
  if (bad < 0)
    return;
  int64_t samples = s->in[1].rank > 0 ? s->in[1].dim[0] : 1;
  run_fault(r, "id %d in sample %lld is out of range 0..%lld",
            ((const int32_t *)r->in[1])[bad],
            (long long)run_sample(r, bad / (ids / samples), samples),
            (long long)table->dim[0] - 1);
}

static void gather_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = emit_op(c, "scatter_add",
                  (Val[]){dy[0], input(n, 1), input(n, 0)}, 3, NULL);
}

/* Does each id have a row of the table among the values? */
static bool rows_fit(const Type *values, const Type *ids, const Type *table) {
  bool fits = table->rank > 0 && values->rank == ids->rank + table->rank - 1;
  for (int i = 0; fits && i < values->rank; i++)
    fits = may_equal(values->dim[i], i < ids->rank
                                         ? ids->dim[i]
                                         : table->dim[i - ids->rank + 1]);
  return fits;
}

static bool scatter_shape(Rule *r) {
  char a[TYPE_TEXT], b[TYPE_TEXT], d[TYPE_TEXT];
  const Type *values = &r->in[0], *ids = &r->in[1], *like = &r->in[2];
  if (!need_integers(r, ids))
    return false;
  if (values->dtype == BOOL)
    return fail(r->error, "values are bool; cast them to int32 first");
  if (!rows_fit(values, ids, like))
    return fail(r->error, "values %s at ids %s do not fit %s",
                type_text(values, a), type_text(ids, b), type_text(like, d));
  r->out[0] = *like;
  r->out[0].dtype = values->dtype;
  return true;
}

/* Each task has some rows of the table, and reads all ids: so no two add to the
** same row, and with many tasks they would read more than they add. */
static int64_t rows_tasks(const Type *table, const Type *values) {
  return share(type_elements(table) + type_elements(values),
               table->dim[0] < 16 ? 1 : 16);
}

static int64_t scatter_tasks(const OpCall *s) {
  return rows_tasks(&s->out[0], &s->in[0]);
}

static void scatter_run(const OpCall *s, const Run *r, int64_t task) {
  const Type *table = &s->out[0];
  int64_t rows = table->dim[0], row = type_span(table, 1, table->rank);
  int64_t tasks = scatter_tasks(s), count = type_elements(&s->in[1]);
  int64_t r0 = rows * task / tasks, r1 = rows * (task + 1) / tasks;
  memset((char *)r->out[0] + r0 * row * 4, 0, (size_t)((r1 - r0) * row * 4));
  const int32_t *ids = r->in[1], *values = r->in[0];
  int64_t step = piece(count, row);
  for (int64_t i = 0; i < count && !env_stopped(r->env); i += step) {
    int64_t n = count - i < step ? count - i : step;
    if (table->dtype == F32)
      ISA(scatter_add_rows_f32)(r->out[0], (const float *)values + i * row,
                                ids + i, n, rows, row, r0, r1);
    else
      ISA(scatter_add_rows_i32)(r->out[0], values + i * row, ids + i, n, rows,
                                row, r0, r1);
  }
}

static void scatter_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = gather(c, dy[0], input(n, 1));
}

/* ---- rows that replace others ------------------------------------------- */

static bool fold_shape(Rule *r) {
  char a[TYPE_TEXT], b[TYPE_TEXT], d[TYPE_TEXT];
  const Type *table = &r->in[0], *ids = &r->in[1], *values = &r->in[2];
  if (!need_integers(r, ids))
    return false;
  if (table->dtype == BOOL)
    return fail(r->error, "the table is bool; cast it to int32 first");
  if (!rows_fit(values, ids, table) || values->dtype != table->dtype)
    return fail(r->error, "values %s at ids %s do not fit %s",
                type_text(values, a), type_text(ids, b), type_text(table, d));
  int64_t fold = r->attr[0].i[0];
  if (fold < 0 || fold >= FOLDS || (fold == FOLD_LAST && table->dtype != I32))
    return fail(r->error, "no fold %lld of %s", (long long)fold,
                dtype_name((DType)table->dtype));
  r->out[0] = *table;
  return true;
}

static int64_t fold_tasks(const OpCall *s) {
  return rows_tasks(&s->out[0], &s->in[2]);
}

static void fold_run(const OpCall *s, const Run *r, int64_t task) {
  const Type *table = &s->out[0];
  int64_t rows = table->dim[0], row = type_span(table, 1, table->rank);
  int64_t tasks = fold_tasks(s), count = type_elements(&s->in[1]);
  int64_t r0 = rows * task / tasks, r1 = rows * (task + 1) / tasks;
  int fold = (int)s->attr[0].i[0];
  memcpy((float *)r->out[0] + r0 * row, (const float *)r->in[0] + r0 * row,
         (size_t)((r1 - r0) * row * 4));
  const int32_t *ids = r->in[1], *values = r->in[2];
  int64_t step = piece(count, row);
  for (int64_t i = 0; i < count && !env_stopped(r->env); i += step) {
    int64_t n = count - i < step ? count - i : step;
    if (table->dtype == F32)
      ISA(scatter_fold_rows_f32)(r->out[0], (const float *)values + i * row,
                                 ids + i, n, rows, row, r0, r1, fold);
    else
      ISA(scatter_fold_rows_i32)(r->out[0], values + i * row, ids + i, n, rows,
                                 row, r0, r1, fold);
  }
}

/* What is extreme shares the cotangent evenly, as in TensorFlow. */
static void extreme_vjp(Context *c, const Node *n, Val dy, Val *dx) {
  Val x = input(n, 0), ids = input(n, 1), values = input(n, 2), y = result(n);
  Val own = cast_as(c, equal(c, x, y), F32);
  Val theirs = cast_as(c, equal(c, values, gather(c, y, ids)), F32);
  Val among = add(c, own, emit_op(c, "scatter_add", (Val[]){theirs, ids, x}, 3,
                                  NULL));
  Val each = divide(c, dy, among);
  dx[0] = mul(c, each, own);
  dx[2] = mul(c, gather(c, each, ids), theirs);
}

/* Of a product that has a factor 0 the gradient to it is NaN, for it divides by
** the factor. */
static void product_vjp(Context *c, const Node *n, Val dy, Val *dx) {
  Val ids = input(n, 1), values = input(n, 2);
  Attr fold = attr_int(FOLD_PRODUCT);
  Val factors = emit_op(c, "scatter_fold",
                        (Val[]){ones_like(c, input(n, 0)), ids, values}, 3,
                        &fold);
  dx[0] = mul(c, dy, factors);
  dx[2] = divide(c, gather(c, mul(c, dy, result(n)), ids), values);
}

static void fold_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  if (n->attr[0].i[0] == FOLD_PRODUCT)
    product_vjp(c, n, dy[0], dx);
  else
    extreme_vjp(c, n, dy[0], dx);
}

/* ---- along an axis ------------------------------------------------------ */

static bool along_fits(Rule *r, const Type *x, const Type *ids) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  int64_t *axis = &r->attr[0].i[0];
  if (!need_integers(r, ids) || !check_axis(r, axis, x->rank))
    return false;
  bool fits = ids->rank == x->rank;
  for (int i = 0; fits && i < x->rank; i++)
    fits = i == *axis || may_equal(ids->dim[i], x->dim[i]);
  return fits || fail(r->error, "indices %s and values %s differ beside axis "
                                "%lld", type_text(ids, a), type_text(x, b),
                      (long long)*axis);
}

enum { AXIS, FROM_END };

static bool take_shape(Rule *r) {
  if (!along_fits(r, &r->in[0], &r->in[1]))
    return false;
  int64_t axis = r->attr[0].i[0];
  r->out[0] = r->in[0];
  for (int i = 0; i < r->in[0].rank; i++)
    if (i == axis || r->out[0].dim[i] == UNKNOWN)
      r->out[0].dim[i] = r->in[1].dim[i];
  return true;
}

typedef struct Along {
  int64_t outer, n, m, inner;
} Along;

static Along along_of(const Type *x, const Type *ids, int axis) {
  return (Along){type_span(x, 0, axis), x->dim[axis], ids->dim[axis],
                 type_span(x, axis + 1, x->rank)};
}

static int64_t take_tasks(const OpCall *s) {
  Along p = along_of(&s->in[0], &s->in[1], (int)s->attr[0].i[0]);
  return share(p.outer * p.m * p.inner, p.outer ? p.outer : 1);
}

/* The first index below 0 among those of this task, or -1. */
static int64_t first_negative(const int32_t *ids, int64_t from, int64_t to) {
  for (int64_t i = from; i < to; i++)
    if (ids[i] < 0)
      return i;
  return -1;
}

/* A task goes by pieces: some whole rows (outer > 1), or some of the m places
** of one. */
typedef struct AlongPiece {
  int64_t o, k, outer, m;
} AlongPiece;

static AlongPiece along_piece(const Along *p, int64_t o, int64_t k,
                              int64_t last) {
  int64_t m = piece(p->m, p->inner), rows = piece(p->outer, p->m * p->inner);
  if (m < p->m)
    return (AlongPiece){o, k, 1, p->m - k < m ? p->m - k : m};
  return (AlongPiece){o, 0, last - o < rows ? last - o : rows, p->m};
}

/* The piece behind it; false when the task has none. */
static bool next_piece(const Along *p, AlongPiece *now, int64_t last) {
  int64_t k = now->k + now->m, o = now->o;
  if (k >= p->m) {
    k = 0;
    o += now->outer;
  }
  *now = along_piece(p, o, k, last);
  return o < last;
}

/* The first index that is out of range, or -1. */
static int64_t take_piece(const OpCall *s, const Run *r, const Along *p,
                          const AlongPiece *q) {
  int64_t item = dtype_size((DType)s->in[0].dtype);
  int64_t at = (q->o * p->m + q->k) * p->inner;
  int64_t bad = ISA(take_along)((char *)r->out[0] + at * item,
                                (const char *)r->in[0] +
                                    q->o * p->n * p->inner * item,
                                (const int32_t *)r->in[1] + at, p->n, q->m,
                                p->inner, (int)item, 0, q->outer);
  return bad < 0 ? bad : at + bad;
}

static void take_run(const OpCall *s, const Run *r, int64_t task) {
  Along p = along_of(&s->in[0], &s->in[1], (int)s->attr[0].i[0]);
  int64_t tasks = take_tasks(s), bad = -1;
  int64_t first = p.outer * task / tasks, last = p.outer * (task + 1) / tasks;
  if (p.m * p.inner == 0)
    return;
  AlongPiece q = along_piece(&p, first, 0, last);
  for (bool more = first < last; more && bad < 0;
       more = next_piece(&p, &q, last)) {
    if (env_stopped(r->env))
      return;
    bad = take_piece(s, r, &p, &q);
  }
  int64_t outer = p.m * p.inner;
  /* the kernel counts negative ones from the end, which is right for Keras's
     take_along_axis; for labels it is a mistake */
  if (bad < 0 && !s->attr[FROM_END].i[0])
    bad = first_negative(r->in[1], p.outer * task / tasks * outer,
                         p.outer * (task + 1) / tasks * outer);
  if (bad < 0)
    return;
  /* the first axis is the batch: so many indices to a sample */
  int64_t ids = type_elements(&s->in[1]), samples = s->in[1].dim[0];
  run_fault(r, "index %d in sample %lld is out of range 0..%lld",
            ((const int32_t *)r->in[1])[bad],
            (long long)run_sample(r, bad / (ids / samples), samples),
            (long long)p.n - 1);
}

static void take_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = emit_op(c, "put_add",
                  (Val[]){dy[0], input(n, 1), input(n, 0)}, 3, &n->attr[AXIS]);
}

static bool put_shape(Rule *r) {
  char a[TYPE_TEXT], b[TYPE_TEXT], d[TYPE_TEXT];
  const Type *values = &r->in[0], *ids = &r->in[1], *like = &r->in[2];
  if (!along_fits(r, values, ids))
    return false;
  if (values->dtype != F32)
    return fail(r->error, "values are %s; cast them to float32 first",
                dtype_name((DType)values->dtype));
  int64_t axis = r->attr[0].i[0];
  bool fits = like->rank == values->rank &&
              may_equal(values->dim[axis], ids->dim[axis]);
  for (int i = 0; fits && i < like->rank; i++)
    fits = i == axis || may_equal(like->dim[i], values->dim[i]);
  if (!fits)
    return fail(r->error, "values %s at indices %s do not fit %s",
                type_text(values, a), type_text(ids, b), type_text(like, d));
  r->out[0] = *like;
  r->out[0].dtype = F32;
  return true;
}

static int64_t put_tasks(const OpCall *s) {
  Along p = along_of(&s->out[0], &s->in[1], (int)s->attr[0].i[0]);
  return share(p.outer * p.n * p.inner, p.outer ? p.outer : 1);
}

static void put_run(const OpCall *s, const Run *r, int64_t task) {
  Along p = along_of(&s->out[0], &s->in[1], (int)s->attr[0].i[0]);
  int64_t tasks = put_tasks(s), size = p.n * p.inner;
  int64_t o0 = p.outer * task / tasks, o1 = p.outer * (task + 1) / tasks;
  memset((float *)r->out[0] + o0 * size, 0, (size_t)((o1 - o0) * size) * 4);
  if (p.m * p.inner == 0)
    return;
  AlongPiece q = along_piece(&p, o0, 0, o1);
  for (bool more = o0 < o1; more && !env_stopped(r->env);
       more = next_piece(&p, &q, o1)) {
    int64_t at = (q.o * p.m + q.k) * p.inner;
    ISA(put_add_f32)((float *)r->out[0] + q.o * size,
                     (const float *)r->in[0] + at,
                     (const int32_t *)r->in[1] + at, p.n, q.m, p.inner, 0,
                     q.outer);
  }
}

static void put_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = emit_op(c, "take_along_axis", (Val[]){dy[0], input(n, 1)}, 2,
                  (Attr[]){n->attr[AXIS], attr_bool(true)});
}

const Op ops_index[] = {
  {"gather", "table, ids", INDEX, COMPUTE, gather_shape,
   .tasks = gather_tasks, .run = gather_run, .vjp = gather_vjp,
   .traits = FAULTS,
   .file_class = "lunula",
   .doc = "The rows of a table whose numbers are given."},
  {"scatter_add", "values, ids, like", INDEX, COMPUTE, scatter_shape,
   .tasks = scatter_tasks, .run = scatter_run, .vjp = scatter_vjp,
   .shape_only = 4,
   .file_class = "lunula",
   .doc = "Zeros of the shape of `like`, each row of values added at its id."},
  {"scatter_fold", "table, ids, values, fold:int", INDEX, COMPUTE, fold_shape,
   .tasks = fold_tasks, .run = fold_run, .vjp = fold_vjp,
   .file_class = "lunula",
   .doc = "The table, each row folded with the values that have its id: 0: the "
          "last of them (whole numbers), 1: max, 2: min, 3: product."},
  {"take_along_axis", "x, indices, axis:int=-1, from_end:bool=true", INDEX,
   COMPUTE, take_shape,
   .tasks = take_tasks, .run = take_run, .vjp = take_vjp,
   .traits = FAULTS,
   .doc = "Elements by their numbers along an axis."},
  {"put_add", "values, indices, like, axis:int=-1", INDEX, COMPUTE, put_shape,
   .tasks = put_tasks, .run = put_run, .vjp = put_vjp, .shape_only = 4,
   .file_class = "lunula",
   .doc = "Zeros of the shape of `like`, each value added at its number along "
          "an axis."},
  {0}
};
