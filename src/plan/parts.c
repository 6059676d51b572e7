/* Parts of the batch. Where the body of a loop does the same to each row for
** itself, every thread runs the loop from its first step to its last for rows
** of its own: nobody waits for anybody between two steps. A whole function that
** does so, and is larger than the caches, goes a few rows at a time from its
** first step to its last, so that what one step writes is still near when the
** next one reads it. Whether rows are for themselves is found by trying the
** function with a batch size that no other axis has: then the types tell where
** the rows of the batch are, and the ops' kinds and roles that they are not
** mixed. */

#include "base/threads.h"
#include "plan/steps.h"

/* ---- the rows of a body -------------------------------------------------- */

enum { PROBE = 1000003 };

static bool has_rows(const Type *t) {
  return t->rank > 0 && t->dim[0] == PROBE;
}

/* Whether the rows, if it has some, are its first axis and no other. */
static bool well_placed(const Type *t) {
  for (int i = 1; i < t->rank; i++)
    if (t->dim[i] == PROBE)
      return false;
  return true;
}

/* Whether it reads rows by an input from this one on. */
static bool reads_rows(const Node *n, int from) {
  for (int i = from; i < n->nin; i++)
    if (!op_shape_only(n->op, i) && has_rows(val_type(n->in[i])))
      return true;
  return false;
}

static bool is_along_rows(const Attr *axis, int rank) {
  return axis->kind == ATTR_INT &&
         (axis->i[0] == 0 || axis->i[0] == -(int64_t)rank);
}

/* Whether row i of the result is made of row i of what has rows. Its types are
** known to be in order: rows in, rows out. */
static bool row_by_row(const Node *n) {
  const Type *y = &n->out[0].type;
  switch (n->op->kind) {
    case ELEMENTWISE: case PRODUCT:
      return true;
    case WINDOW: /* rows of a kernel would be another axis of it */
      return !reads_rows(n, 1);
    case ROWS:
      return op_nattr(n->op) == 0 || !is_along_rows(&n->attr[0], y->rank);
    case REDUCE: /* not what adds up along an axis that stays */
      return type_elements(y) < type_elements(val_type(n->in[0]));
    default:
      return n->op->role == SAME_ELEMENTS || n->op->role == REPEATS ||
             n->op->role == FILLS ||
             (n->op->role == PADS && n->attr[0].i[0] == 0) ||
             (n->op->role == SLICES && n->attr[0].i[0] == 0 &&
              n->attr[1].i[0] == 1);
  }
}

static bool node_by_rows(const Node *n) {
  bool rows = reads_rows(n, 0);
  if (node_is_leaf(n))
    return true;
  if (n->op->traits & (DRAWS | HOST | BODY | FAULTS))
    return false;
  for (int i = 0; i < n->nout; i++)
    if (!well_placed(&n->out[i].type) ||
        (rows && !has_rows(&n->out[i].type)))
      return false;
  if (!rows && has_rows(&n->out[0].type))
    return n->op->role == FILLS || n->op->role == REPEATS;
  return !rows || row_by_row(n);
}

/* Multiply-adds, or so; of one row. */
static double work_of(const Node *n) {
  enum { ELEMENT = 8 };
  const Type *y = &n->out[0].type;
  double each = ELEMENT;
  if (n->op->kind == LEAF || !has_rows(y))
    return 0;
  if (n->op->kind == PRODUCT)
    each = (double)val_type(n->in[0])->dim[val_type(n->in[0])->rank - 1];
  if (n->op->kind == WINDOW && n->nin > 1) {
    const Type *kernel = val_type(n->in[1]);
    each = (double)type_span(kernel, 0, kernel->rank - 1);
  }
  return each * (double)type_span(y, 1, y->rank);
}

/* Looks at the body as it is for PROBE rows: false when rows are mixed. *work:
** of one row in one time step. */
static bool body_by_rows(const Prog *g, const Function *body, const Type *in,
                         double *work) {
  Prog p;
  Error e;
  e.set = false;
  bool ok = prog_open(&p, body, g->c.account, 0, g->watch, &e) &&
            specialise(&p, in);
  *work = 0;
  for (int i = 0; ok && i < p.n; i++) {
    ok = node_by_rows(p.node[i]);
    *work += work_of(p.node[i]);
  }
  for (int i = 0; ok && i < body->noutputs; i++)
    ok = has_rows(val_type(p.out[i]));
  prog_close(&p);
  return ok;
}

/* ---- the parts of a function --------------------------------------------- */

/* Bytes of the results of all nodes and of the most that one reads and writes,
** both of one row; and of all weights. */
typedef struct Traffic {
  double all, most, weights;
} Traffic;

static double bytes_of_row(const Type *t, int64_t batch) {
  bool rows = t->rank > 0 && t->dim[0] == batch;
  return rows ? (double)type_bytes(t) / (double)batch : 0;
}

static Traffic traffic_of(const Prog *g, int64_t batch) {
  Traffic t = {0};
  for (int i = 0; i < g->f->nbindings; i++)
    t.weights += (double)type_bytes(val_type(g->leaf[i]));
  for (int i = 0; i < g->n; i++) {
    const Node *n = g->node[i];
    double out = bytes_of_row(&n->out[0].type, batch), in = 0;
    if (n->op->kind != PRODUCT && n->op->kind != WINDOW)
      continue; /* what is not fused with those is small beside them */
    for (int k = 0; k < n->nin; k++)
      in += bytes_of_row(val_type(n->in[k]), batch);
    t.all += out;
    t.most = t.most > in + out ? t.most : in + out;
  }
  return t;
}

/* The weights are read once for each part: it has so many rows that its results
** come to twice as much. Every thread gets as many parts. */
static int64_t rows_of_part(Traffic t, int64_t batch) {
  int64_t threads = threads_count();
  double wanted = 2 * t.weights / t.all;
  int64_t rows = wanted < 1 ? 1 : wanted > (double)batch ? batch
                                                         : (int64_t)wanted;
  int64_t parts = (batch + rows - 1) / rows;
  parts = (parts + threads - 1) / threads * threads;
  rows = (batch + parts - 1) / parts;
  while (batch % rows && 2 * batch % rows > 0 && rows > 1)
    rows--; /* sizes that leave no rest, or half a part, need fewer plans */
  return rows;
}

/* The rows of the one batch that all inputs have, and no variable changes; 0. */
static int64_t batch_of(const Prog *g, const Type *in) {
  const Function *f = g->f;
  for (int i = 0; i < f->nbindings; i++)
    if (g->update[i].node)
      return 0;
  for (int i = 0; i < f->ninputs; i++) {
    const Type *traced = val_type(f->inputs[i]);
    if (traced->rank == 0 || traced->dim[0] != UNKNOWN ||
        in[i].dim[0] != in[0].dim[0])
      return 0;
  }
  return f->ninputs > 0 ? in[0].dim[0] : 0;
}

int64_t parts_rows(const Prog *g, Type *in) {
  enum { NEAR = 8 << 20 }; /* bytes that a cache may hold */
  int64_t batch = g->passes & PASS_PARTS ? batch_of(g, in) : 0;
  double work;
  if (batch < 2 || batch < threads_count())
    return 0;
  Traffic t = traffic_of(g, batch);
  int64_t rows = t.most * (double)batch > NEAR ? rows_of_part(t, batch) : batch;
  if (rows == batch)
    return 0;
  for (int i = 0; i < g->f->ninputs; i++)
    in[i].dim[0] = PROBE;
  bool ok = body_by_rows(g, g->f, in, &work);
  for (int i = 0; i < g->f->ninputs; i++)
    in[i].dim[0] = batch;
  return ok ? rows : 0;
}

/* ---- the parts of a loop ------------------------------------------------- */

/* All that changes has rows of one batch. */
static bool find_batch(const OpCall *s, ScanRows *rows) {
  ScanCounts n = scan_counts(s->attr, s->nin, s->nout);
  if (s->nout == 0)
    return false;
  for (int i = 0; i < s->nout; i++) {
    const Type *t = &s->out[i];
    int first = i < n.carry ? 0 : 1;
    if (t->rank <= first)
      return false;
    if (i == 0)
      rows->batch = t->dim[first];
    if (t->dim[first] != rows->batch)
      return false;
  }
  return rows->batch > 1;
}

/* A part is worth waking a thread: some 50 us. */
static bool is_worth_it(const OpCall *s, const ScanRows *rows, double work) {
  enum { WORTH = 4 * 1000 * 1000 };
  int64_t length = scan_length(s->attr, s->in, s->nin);
  return work * (double)length * (double)rows->count >= WORTH;
}

static Function *any_rows(const Prog *g, const OpCall *s, ScanRows rows,
                          Type *in) {
  Context c;
  context_open(&c, g->c.account, g->f->catalogue);
  rows.count = UNKNOWN;
  scan_body_types(s, &rows, in);
  Function *body = c.error.set ? NULL : scan_with_types(&c, s, in);
  context_close(&c);
  return body;
}

/* False when rows are mixed. */
static bool try_rows(const Prog *g, const OpCall *s, ScanRows *rows, Type *in,
                     Function **body) {
  double work;
  *body = any_rows(g, s, *rows, in);
  rows->count = PROBE;
  scan_body_types(s, rows, in);
  bool ok = *body && body_by_rows(g, *body, in, &work);
  rows->count = (rows->batch + threads_count() - 1) / threads_count();
  if (ok && is_worth_it(s, rows, work))
    return true;
  function_release(*body);
  *body = NULL;
  return ok;
}

/* What dropout keeps is the same in all steps, and has rows. */
static bool some_const_has_rows(const OpCall *s, const ScanRows *rows) {
  for (int i = 0; i < s->attr[SCAN_CONSTS].i[0]; i++)
    if (s->in[i].rank > 0 && s->in[i].dim[0] == rows->batch)
      return true;
  return false;
}

Function *parts_body(const Prog *g, const OpCall *s, ScanRows *rows,
                     Type *in) {
  Function *body;
  if (!(g->passes & PASS_PARTS) || threads_count() < 2 || !find_batch(s, rows))
    return NULL;
  if (!try_rows(g, s, rows, in, &body) && some_const_has_rows(s, rows)) {
    rows->consts = true;
    try_rows(g, s, rows, in, &body);
  }
  return body;
}
