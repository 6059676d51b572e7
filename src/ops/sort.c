/* The numbers of the last axis in order, the largest of them, and where numbers
** would go among sorted ones. Values come with the places that they had, and
** gradients go back by these. Other axes, other types and what is only asked for
** the one or the other are composites of Lua. */

#include "base/threads.h"
#include "kernels/kernels.h"
#include "ops/build.h"

enum { DESCENDING, K = 0, RIGHT = 0 }; /* attributes */
enum { VALUES, PLACES };               /* results */

/* A row up to LONG is one thread's, and its words fit into what that has. */
enum { LONG = 1 << 15, GRAIN = 1 << 12, WORD = sizeof(uint64_t) };

static int64_t share(int64_t work, int64_t most) {
  int64_t tasks = work / GRAIN < most ? work / GRAIN : most;
  return tasks < 1 ? 1 : tasks;
}

static int64_t length_of(const Type *x) {
  return x->dim[x->rank - 1];
}

static int64_t rows_of(const Type *x) {
  return type_span(x, 0, x->rank - 1);
}

static Sort sort_of(const OpCall *s, const Run *r, bool descending) {
  return (Sort){length_of(&s->in[0]), s->in[0].dtype == F32, descending,
                r->in[0], r->out[VALUES], r->out[PLACES]};
}

/* ---- shapes ------------------------------------------------------------- */

static bool need_numbers(Rule *r, const Type *x) {
  return x->dtype == F32 || x->dtype == I32 ||
         fail(r->error, "numbers are wanted, got %s",
              dtype_name((DType)x->dtype));
}

static bool need_row(Rule *r) {
  char text[TYPE_TEXT];
  const Type *x = &r->in[0];
  if (!need_numbers(r, x))
    return false;
  return (x->rank > 0 && length_of(x) <= INT32_MAX) ||
         fail(r->error, "x must have an axis of at most 2147483647, its shape "
                        "is %s", type_text(x, text));
}

static bool sort_shape(Rule *r) {
  r->nout = 2;
  r->out[VALUES] = r->out[PLACES] = r->in[0];
  r->out[PLACES].dtype = I32;
  return need_row(r);
}

enum { MOST_K = 1 << 12 }; /* each thread keeps that many words, and more */

static bool top_shape(Rule *r) {
  char text[TYPE_TEXT];
  int64_t k = r->attr[K].i[0];
  if (!sort_shape(r))
    return false;
  int64_t *n = &r->out[VALUES].dim[r->in[0].rank - 1];
  if (k > MOST_K)
    return fail(r->error, "k is %lld, this row finds at most %d: sort finds "
                          "more", (long long)k, MOST_K);
  if (k < 0 || (*n != UNKNOWN && k > *n))
    return fail(r->error, "k is %lld, the last axis of x, %s, has fewer",
                (long long)k, type_text(&r->in[0], text));
  *n = r->out[PLACES].dim[r->in[0].rank - 1] = k;
  return true;
}

/* ---- long rows ---------------------------------------------------------- */

enum { MOST_BLOCKS = 16, GROUPS = 64, COUNTS = SORT_BUCKETS };

/* One long row: all threads go through it in rounds. */
typedef struct LongRow {
  Sort s;
  SortCut cut;
  int64_t blocks;
  uint64_t *words, *spare;  /* n each */
  uint32_t *count;          /* (blocks, buckets) */
  uint32_t start[SORT_BUCKETS + 1];
  uint32_t range[MOST_BLOCKS][2];
} LongRow;

static int64_t blocks_of(int64_t n) {
  return n / LONG < MOST_BLOCKS ? n / LONG : MOST_BLOCKS;
}

static void range_task(void *arg, int64_t i, void *scratch) {
  LongRow *l = arg;
  (void)scratch;
  ISA(sort_range)(&l->s, l->s.n * i / l->blocks, l->s.n * (i + 1) / l->blocks,
                  l->range[i]);
}

static void count_task(void *arg, int64_t i, void *scratch) {
  LongRow *l = arg;
  (void)scratch;
  ISA(sort_count)(&l->s, l->cut, l->s.n * i / l->blocks,
                  l->s.n * (i + 1) / l->blocks, l->count + i * COUNTS);
}

static void deal_task(void *arg, int64_t i, void *scratch) {
  LongRow *l = arg;
  (void)scratch;
  ISA(sort_deal)(&l->s, l->cut, l->s.n * i / l->blocks,
                 l->s.n * (i + 1) / l->blocks, l->count + i * COUNTS, l->words);
}

static void bucket_task(void *arg, int64_t i, void *scratch) {
  LongRow *l = arg;
  (void)scratch;
  for (int64_t b = COUNTS * i / GROUPS; b < COUNTS * (i + 1) / GROUPS; b++)
    if (l->start[b] < l->start[b + 1])
      ISA(sort_bucket)(&l->s, l->cut, l->start[b], l->start[b + 1], l->words,
                       l->spare);
}

static SortCut cut_of(const LongRow *l) {
  uint32_t least = l->range[0][0], most = l->range[0][1];
  for (int64_t i = 1; i < l->blocks; i++) {
    least = l->range[i][0] < least ? l->range[i][0] : least;
    most = l->range[i][1] > most ? l->range[i][1] : most;
  }
  return sort_cut(least, most);
}

/* Counts become places: bucket by bucket, in each block by block. */
static void find_places(LongRow *l) {
  uint32_t sum = 0;
  for (int64_t b = 0; b < COUNTS; b++) {
    l->start[b] = sum;
    for (int64_t i = 0; i < l->blocks; i++) {
      uint32_t count = l->count[i * COUNTS + b];
      l->count[i * COUNTS + b] = sum;
      sum += count;
    }
  }
  l->start[COUNTS] = sum;
}

static void sort_long(LongRow *l, Env *env) {
  threads_run(range_task, l, l->blocks, NULL);
  l->cut = cut_of(l);
  threads_run(count_task, l, l->blocks, NULL);
  find_places(l);
  if (env_stopped(env))
    return;
  threads_run(deal_task, l, l->blocks, NULL);
  if (!env_stopped(env))
    threads_run(bucket_task, l, GROUPS, NULL);
}

/* ---- sort --------------------------------------------------------------- */

static int64_t sort_scratch(const OpCall *s) {
  int64_t n = length_of(&s->in[0]);
  if (n <= LONG)
    return 0;
  return (int64_t)((sizeof(LongRow) + 63) & ~(size_t)63) + 2 * n * WORD +
         blocks_of(n) * COUNTS * (int64_t)sizeof(uint32_t);
}

static int64_t sort_local(const OpCall *s) {
  int64_t n = length_of(&s->in[0]);
  return n <= LONG ? 2 * n * WORD : 0;
}

static int64_t sort_tasks(const OpCall *s) {
  const Type *x = &s->in[0];
  return length_of(x) > LONG ? 1 : share(type_elements(x), rows_of(x));
}

static void sort_begin(const OpCall *s, const Run *r) {
  Sort rows = sort_of(s, r, s->attr[DESCENDING].i[0]);
  if (rows.n <= LONG)
    return;
  LongRow *l = r->scratch;
  l->words = (uint64_t *)((char *)l + ((sizeof *l + 63) & ~(size_t)63));
  l->spare = l->words + rows.n;
  l->count = (uint32_t *)(l->spare + rows.n);
  l->blocks = blocks_of(rows.n);
  for (int64_t i = 0; i < rows_of(&s->in[0]) && !env_stopped(r->env); i++) {
    l->s = sort_row(&rows, i, rows.n);
    sort_long(l, r->env);
  }
}

static void sort_run(const OpCall *s, const Run *r, int64_t task) {
  Sort rows = sort_of(s, r, s->attr[DESCENDING].i[0]);
  int64_t n = rows_of(&s->in[0]), tasks = sort_tasks(s);
  if (rows.n > 0 && rows.n <= LONG)
    ISA(sort_rows)(&rows, n * task / tasks, n * (task + 1) / tasks, r->local);
}

static void places_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Attr last = attr_int(-1);
  Val places = {result(n).node, PLACES};
  if (dy[VALUES].node)
    dx[0] = emit_op(c, "put_add", (Val[]){dy[VALUES], places, input(n, 0)}, 3,
                    &last);
}

/* ---- the largest -------------------------------------------------------- */

/* A long row goes by pieces, whose best are compared at the end. */
enum { PIECE = 1 << 16 };

static int64_t pieces_of(const Type *x) {
  return length_of(x) < 2 * PIECE ? 1 : length_of(x) / PIECE;
}

static int64_t top_tasks(const OpCall *s) {
  const Type *x = &s->in[0];
  int64_t pieces = pieces_of(x);
  return pieces > 1 ? rows_of(x) * pieces : share(type_elements(x), rows_of(x));
}

/* The best of all pieces, and as many words to compare those of a row. */
static int64_t top_scratch(const OpCall *s) {
  int64_t pieces = pieces_of(&s->in[0]), k = s->attr[K].i[0];
  return pieces > 1 ? (rows_of(&s->in[0]) + 1) * pieces * k * WORD : 0;
}

static int64_t top_local(const OpCall *s) {
  int64_t k = s->attr[K].i[0];
  return (2 * TOP_ROOM(k) + 2 * k) * WORD;
}

static void top_run(const OpCall *s, const Run *r, int64_t task) {
  Sort rows = sort_of(s, r, true);
  int64_t pieces = pieces_of(&s->in[0]), tasks = top_tasks(s);
  int64_t k = s->attr[K].i[0], n = rows_of(&s->in[0]);
  uint64_t *best = (uint64_t *)r->local + 2 * TOP_ROOM(k);
  if (k == 0)
    return;
  if (pieces > 1) {
    Sort row = sort_row(&rows, task / pieces, k);
    int64_t i = task % pieces;
    ISA(top_words)(&row, k, rows.n * i / pieces, rows.n * (i + 1) / pieces,
                   r->local, (uint64_t *)r->scratch + task * k);
    return;
  }
  for (int64_t i = n * task / tasks; i < n * (task + 1) / tasks; i++) {
    Sort row = sort_row(&rows, i, k);
    ISA(top_words)(&row, k, 0, rows.n, r->local, best);
    ISA(top_write)(&row, k, k, best, best + k);
  }
}

static void top_end(const OpCall *s, const Run *r) {
  Sort rows = sort_of(s, r, true);
  int64_t k = s->attr[K].i[0], pieces = pieces_of(&s->in[0]);
  int64_t n = rows_of(&s->in[0]), words = pieces * k;
  uint64_t *best = r->scratch;
  for (int64_t i = 0; k > 0 && pieces > 1 && i < n; i++) {
    Sort row = sort_row(&rows, i, k);
    if (env_stopped(r->env))
      return;
    ISA(top_write)(&row, k, words, best + i * words, best + n * words);
  }
}

/* ---- searching ---------------------------------------------------------- */

static bool search_shape(Rule *r) {
  char text[TYPE_TEXT];
  const Type *sorted = &r->in[0];
  r->out[0] = r->in[1];
  r->out[0].dtype = I32;
  if (!need_numbers(r, sorted) || !need_numbers(r, &r->in[1]))
    return false;
  return (sorted->rank == 1 && sorted->dim[0] <= INT32_MAX) ||
         fail(r->error, "sorted_sequence has one axis, its shape is %s (ops.map "
                        "takes the rows of several)", type_text(sorted, text));
}

static int64_t search_tasks(const OpCall *s) {
  int64_t n = type_elements(&s->out[0]);
  return share(16 * n, n);
}

static void search_run(const OpCall *s, const Run *r, int64_t task) {
  int64_t n = type_elements(&s->out[0]), tasks = search_tasks(s);
  ISA(search_sorted)(r->in[0], s->in[0].dim[0], s->in[0].dtype == F32,
                     s->attr[RIGHT].i[0], r->in[1], r->out[0], n * task / tasks,
                     n * (task + 1) / tasks);
}

const Op ops_sort[] = {
  {"sort", "x, descending:bool=false", INDEX, COMPUTE, sort_shape,
   .tasks = sort_tasks, .run = sort_run, .scratch = sort_scratch,
   .local = sort_local, .begin = sort_begin, .vjp = places_vjp,
   .doc = "The numbers of the last axis in order, and where they were."},
  {"top_k", "x, k:int", INDEX, COMPUTE, top_shape,
   .tasks = top_tasks, .run = top_run, .scratch = top_scratch,
   .local = top_local, .end = top_end, .vjp = places_vjp,
   .doc = "The k largest numbers of the last axis, and where they are."},
  {"searchsorted", "sorted_sequence, values, right:bool=false", INDEX, PROMOTE,
   search_shape, .tasks = search_tasks, .run = search_run,
   .traits = NO_GRADIENT,
   .doc = "How many of the sorted numbers are less than each value, or not "
          "more."},
  {0}
};
