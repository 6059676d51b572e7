/* The loop over time as one op. Its gradient is another scan that goes the
** other way: the forward body is differentiated once, cut where the walk
** back begins, and what crosses the cut is stored step by step. Gradients of
** shared values that are sums over time of products are left to one product
** after the loop. */

#include "ops/scan.h"

#include <stdlib.h>
#include <string.h>

#include "ops/build.h"

/* ---- shapes ------------------------------------------------------------- */

ScanCounts scan_counts(const Attr *attr, int nin, int nout) {
  ScanCounts n = {(int)attr[SCAN_CONSTS].i[0], (int)attr[SCAN_CARRY].i[0], 0,
                  0};
  n.sequences = nin - n.consts - n.carry;
  n.results = nout - n.carry;
  return n;
}

int64_t scan_length(const Attr *attr, const Type *in, int nin) {
  ScanCounts n = scan_counts(attr, nin, nin);
  return n.sequences > 0 ? in[n.consts + n.carry].dim[0]
                         : attr[SCAN_LENGTH].i[0];
}

Type scan_slice(const Type *t) {
  Type y = *t;
  y.rank--;
  memmove(y.dim, y.dim + 1, (size_t)y.rank * sizeof *y.dim);
  y.dim[y.rank] = 0;
  return y;
}

static Type stacked(const Type *t, int64_t length) {
  Type y = *t;
  memmove(y.dim + 1, t->dim, (size_t)t->rank * sizeof *y.dim);
  y.dim[0] = length;
  y.rank++;
  return y;
}

static bool scan_shape(Rule *r) {
  const Function *body = r->attr[SCAN_BODY].body;
  ScanCounts n = scan_counts(r->attr, r->nin, body->noutputs);
  Type in[MAX_INPUTS];
  char a[TYPE_TEXT], b[TYPE_TEXT];
  r->nout = body->noutputs;
  memcpy(in, r->in, (size_t)r->nin * sizeof *in);
  for (int i = n.consts + n.carry; i < r->nin; i++) {
    if (r->in[i].rank < 1)
      return fail(r->error, "a sequence needs a time axis");
    if (r->in[i].dim[0] != r->in[n.consts + n.carry].dim[0])
      return fail(r->error, "sequences of %s and %s steps differ in length",
                  type_text(&r->in[n.consts + n.carry], a),
                  type_text(&r->in[i], b));
    in[i] = scan_slice(&r->in[i]);
  }
  if (!function_types(body, in, r->out, r->error))
    return false;
  int64_t length = scan_length(r->attr, r->in, r->nin);
  for (int i = 0; i < n.carry; i++)
    if (!type_equal(&r->out[i], &in[n.consts + i]))
      return fail(r->error, "state %d goes in as %s %s and comes out as %s %s",
                  i + 1, dtype_name((DType)in[n.consts + i].dtype),
                  type_text(&in[n.consts + i], a),
                  dtype_name((DType)r->out[i].dtype),
                  type_text(&r->out[i], b));
  for (int i = n.carry; i < r->nout; i++) {
    if (r->out[i].rank == MAX_RANK)
      return fail(r->error, "a result of rank %d has no room for time",
                  MAX_RANK);
    r->out[i] = stacked(&r->out[i], length);
  }
  return true;
}

/* ---- cutting ------------------------------------------------------------ */

/* The differentiated body, all in one trace: the forward part up to `cut`. */
typedef struct Joint {
  const Function *body;
  ScanCounts n;
  Val in[MAX_INPUTS];       /* consts, state, one step */
  Val out[MAX_OUTPUTS];     /* next state, results */
  Val ct[MAX_OUTPUTS];      /* their cotangents */
  Val d[MAX_INPUTS];        /* cotangents of `in`; node NULL: none */
  Val residual[MAX_OUTPUTS]; /* forward values that the backward part reads */
  int nin, nout, nresiduals;
  uint64_t cut;
} Joint;

static bool differentiate(Context *c, Joint *j) {
  const Function *f = j->body;
  Val xs[MAX_INPUTS], dxs[MAX_INPUTS];
  int at[MAX_INPUTS], n = 0;
  j->nin = f->ninputs;
  j->nout = f->noutputs;
  for (int i = 0; i < j->nin; i++)
    j->in[i] = scope_input(c, val_type(f->inputs[i]));
  for (int i = 0; i < j->nout; i++)
    j->ct[i] = scope_input(c, val_type(f->outputs[i]));
  if (!copy_values(c, f->outputs, j->nout, f->inputs, j->in, j->nin, j->out))
    return false;
  j->cut = c->seq;
  for (int i = 0; i < j->nin; i++)
    if (dtype_is_float((DType)val_type(j->in[i])->dtype)) {
      at[n] = i;
      xs[n++] = j->in[i];
    }
  Val ys[MAX_OUTPUTS], dys[MAX_OUTPUTS];
  int ny = 0;
  for (int i = 0; i < j->nout; i++)
    if (dtype_is_float((DType)val_type(j->out[i])->dtype)) {
      ys[ny] = j->out[i];
      dys[ny++] = j->ct[i];
    }
  if (!gradient_from(c, ys, dys, ny, xs, n, dxs))
    return false;
  for (int i = 0; i < j->nin; i++)
    j->d[i] = (Val){NULL, 0};
  for (int i = 0; i < n; i++)
    j->d[at[i]] = dxs[i];
  return true;
}

static bool is_one_of(const Val *list, int n, Val v) {
  for (int i = 0; i < n; i++)
    if (val_same(list[i], v))
      return true;
  return false;
}

/* A value that the backward part has anyway and that has the same sizes. */
static bool stands_for_shape(const Joint *j, Val v, Val *by) {
  const Type *t = val_type(v);
  const Val *lists[] = {j->ct, j->in, j->residual};
  int counts[] = {j->nout, j->nin, j->nresiduals};
  for (int k = 0; k < COUNT_OF(lists); k++)
    for (int i = 0; i < counts[k]; i++) {
      const Type *x = val_type(lists[k][i]);
      bool state = k == 1 && i >= j->n.consts && i < j->n.consts + j->n.carry;
      if (!state && x->rank == t->rank &&
          memcmp(x->dim, t->dim, sizeof x->dim) == 0) {
        *by = lists[k][i];
        return true;
      }
    }
  return false;
}

/* Consts and steps of sequences are there in the loop back; the state is not:
** it is stored like any other value. */
static bool needs_storing(const Joint *j, Val v) {
  if (!val_symbolic(v) || v.node->seq > j->cut)
    return false;
  for (int i = 0; i < j->nin; i++)
    if (val_same(j->in[i], v))
      return i >= j->n.consts && i < j->n.consts + j->n.carry;
  return !is_one_of(j->ct, j->nout, v);
}

static bool store(Context *c, Joint *j, Val v) {
  if (!needs_storing(j, v) || is_one_of(j->residual, j->nresiduals, v))
    return true;
  if (j->nresiduals + j->nout >= MAX_OUTPUTS)
    return fail(&c->error, "the gradient of the loop's body needs too many "
                           "values");
  j->residual[j->nresiduals++] = v;
  return true;
}

/* Shape-only edges over the cut go to a value that is there; those that find
** none are appended to the residuals. from[i] is replaced by to[i]. */
static bool find_residuals(Context *c, Joint *j, Val *from, Val *to, int *n) {
  Val roots[MAX_INPUTS];
  int nroots = 0, count;
  for (int i = 0; i < j->nin; i++)
    if (j->d[i].node)
      roots[nroots++] = j->d[i];
  Node **nodes = nodes_needed(roots, nroots, true, &count);
  bool ok = nodes != NULL || nroots == 0;
  *n = 0;
  for (int i = 0; ok && i < nroots; i++)
    ok = store(c, j, roots[i]);
  for (int i = 0; ok && i < count; i++)
    for (int k = 0; ok && nodes[i]->seq > j->cut && k < nodes[i]->nin; k++)
      if (!op_shape_only(nodes[i]->op, k))
        ok = store(c, j, nodes[i]->in[k]);
  for (int i = 0; ok && i < count; i++)
    for (int k = 0; ok && nodes[i]->seq > j->cut && k < nodes[i]->nin; k++) {
      Val v = nodes[i]->in[k];
      if (!op_shape_only(nodes[i]->op, k) || !needs_storing(j, v) ||
          is_one_of(j->residual, j->nresiduals, v) || is_one_of(from, *n, v))
        continue;
      if (*n < MAX_INPUTS && stands_for_shape(j, v, &to[*n]))
        from[(*n)++] = v;
      else
        ok = store(c, j, v);
    }
  free(nodes);
  return ok;
}

static Function *finish(Context *c, Scope *s, const Val *out, int n) {
  int captured;
  Val outer[MAX_INPUTS];
  Function *f = scope_finish(c, s, out, n, outer, &captured);
  if (f && captured > 0) {
    fail(&c->error, "the gradient of a loop reads a value from outside");
    function_release(f);
    return NULL;
  }
  return f;
}

/* The body that also gives the residuals. */
static Function *extend(Context *c, const Joint *j) {
  Scope s;
  Val in[MAX_INPUTS], roots[MAX_OUTPUTS], out[MAX_OUTPUTS];
  scope_open(c, &s, true);
  for (int i = 0; i < j->nin; i++)
    in[i] = scope_input(c, val_type(j->in[i]));
  memcpy(roots, j->out, (size_t)j->nout * sizeof *roots);
  memcpy(roots + j->nout, j->residual,
         (size_t)j->nresiduals * sizeof *roots);
  copy_values(c, roots, j->nout + j->nresiduals, j->in, in, j->nin, out);
  return finish(c, &s, out, j->nout + j->nresiduals);
}

/* ---- gradients of shared values ----------------------------------------- */

/* How the gradient of a const comes out of the loop back. */
enum { NO_TERM, SUMMED, PRODUCT_TERM, ROWS_TERM };

/* A plan of terms: ints in Function.notes. For each const: the number of
** terms, then for each {kind, first result, second result}; SUMMED: {kind,
** state, 0}. */
typedef struct Terms {
  int note[1024];
  int n;
  Val result[MAX_OUTPUTS]; /* stacked values that the terms need */
  int nresults, first_result;
  Val summed[MAX_OUTPUTS]; /* what is added up in the loop */
  int nsummed;
} Terms;

/* Stored values and sequences are stacked already: they have numbers < 0. */
enum { STORED = -1, SEQUENCE = -1000 };

static int result_number(const Joint *j, Terms *t, Val v) {
  for (int i = 0; i < j->nresiduals; i++)
    if (val_same(j->residual[i], v))
      return STORED - i;
  for (int i = 0; i < j->n.sequences; i++)
    if (val_same(j->in[j->n.consts + j->n.carry + i], v))
      return SEQUENCE - i;
  for (int i = 0; i < t->nresults; i++)
    if (val_same(t->result[i], v))
      return t->first_result + i;
  t->result[t->nresults] = v;
  return t->first_result + t->nresults++;
}

static bool is_known(int64_t n) {
  return n > 0;
}

static bool is_reshape(const Op *op) {
  return strcmp(op->name, "reshape_like") == 0 ||
         strcmp(op->name, "reshape") == 0;
}

/* Splits v into terms that can be summed over time after the loop. */
static bool split(Val v, Val *product, bool *by_rows, int *n) {
  const Node *x = v.node;
  const char *name = x->op->name;
  if (strcmp(name, "add") == 0 && *n < 6 &&
      val_type(x->in[0])->rank == val_type(x->in[1])->rank)
    return split(x->in[0], product, by_rows, n) &&
           split(x->in[1], product, by_rows, n);
  while (is_reshape(x->op) && val_symbolic(x->in[0]))
    x = x->in[0].node;
  name = x->op->name;
  if (*n >= 6)
    return false;
  if (strcmp(name, "matmul") == 0 && x->attr[0].i[0] && !x->attr[1].i[0] &&
      val_type(x->in[0])->rank == 2 && val_type(x->in[1])->rank == 2 &&
      is_known(val_type(x->in[0])->dim[1]) &&
      is_known(val_type(x->in[1])->dim[1])) {
    by_rows[*n] = false;
    product[(*n)++] = (Val){(Node *)(uintptr_t)x, 0};
    return true;
  }
  if (strcmp(name, "sum") == 0 && x->attr[0].n == 1 && x->attr[0].i[0] == 0 &&
      val_type(x->in[0])->rank < MAX_RANK) {
    by_rows[*n] = true;
    product[(*n)++] = (Val){(Node *)(uintptr_t)x, 0};
    return true;
  }
  return false;
}

static void add_term(Terms *t, int kind, int a, int b) {
  t->note[t->n++] = kind;
  t->note[t->n++] = a;
  t->note[t->n++] = b;
}

static bool note_const(Context *c, const Joint *j, Terms *t, Val d) {
  Val term[8];
  bool by_rows[8];
  int n = 0;
  if (t->n + 32 > COUNT_OF(t->note) || t->nresults + 16 > MAX_OUTPUTS)
    return fail(&c->error, "a loop with too many shared values");
  if (d.node == NULL) {
    t->note[t->n++] = 0;
    return true;
  }
  if (!split(d, term, by_rows, &n)) {
    t->note[t->n++] = 1;
    add_term(t, SUMMED, t->nsummed, 0);
    t->summed[t->nsummed++] = d;
    return true;
  }
  t->note[t->n++] = n;
  for (int i = 0; i < n; i++) {
    const Node *x = term[i].node;
    if (by_rows[i])
      add_term(t, ROWS_TERM, result_number(j, t, x->in[0]), 0);
    else
      add_term(t, PRODUCT_TERM, result_number(j, t, x->in[0]),
               result_number(j, t, x->in[1]));
  }
  return true;
}

/* ---- the body of the way back ------------------------------------------- */

/* Inputs: consts; state: cotangents of the state, sums; steps: sequences,
** residuals, cotangents of the results. Results: cotangents of the sequences
** (those that have one), then what the terms need. */
static Function *backward_body(Context *c, const Joint *j, const Val *from,
                               const Val *to, int nshapes) {
  Scope s;
  Terms t = {.n = 0};
  Val old[2 * MAX_INPUTS + MAX_OUTPUTS], new[2 * MAX_INPUTS + MAX_OUTPUTS];
  Val out[MAX_OUTPUTS];
  int n = 0, nout = 0;
  const ScanCounts *k = &j->n;
  /* the terms are found in the joint trace, their parts copied with the rest */
  for (int i = k->consts + k->carry; i < j->nin; i++)
    t.first_result += j->d[i].node != NULL;
  for (int i = 0; i < k->consts; i++)
    if (!note_const(c, j, &t, j->d[i]))
      return NULL;
  scope_open(c, &s, true);
#define SOURCE(v) (old[n] = (v), new[n] = scope_input(c, val_type(v)), n++)
  for (int i = 0; i < k->consts; i++)
    SOURCE(j->in[i]);
  for (int i = 0; i < k->carry; i++)
    SOURCE(j->ct[i]);
  Val sum[MAX_OUTPUTS];
  for (int i = 0; i < t.nsummed; i++)
    sum[i] = scope_input(c, val_type(t.summed[i]));
  for (int i = k->consts + k->carry; i < j->nin; i++)
    SOURCE(j->in[i]);
  for (int i = 0; i < j->nresiduals; i++)
    SOURCE(j->residual[i]);
  for (int i = k->carry; i < j->nout; i++)
    SOURCE(j->ct[i]);
#undef SOURCE
  for (int i = 0; i < nshapes; i++)
    for (int m = 0; m < n; m++)
      if (val_same(old[m], to[i])) {
        old[n] = from[i];
        new[n] = new[m];
        n++;
        break;
      }
  Val roots[MAX_INPUTS + 2 * MAX_OUTPUTS], made[MAX_INPUTS + 2 * MAX_OUTPUTS];
  int nroots = 0;
  for (int i = 0; i < k->carry; i++)
    if (j->d[k->consts + i].node)
      roots[nroots++] = j->d[k->consts + i];
  for (int i = 0; i < t.nsummed; i++)
    roots[nroots++] = t.summed[i];
  for (int i = k->consts + k->carry; i < j->nin; i++)
    if (j->d[i].node)
      roots[nroots++] = j->d[i];
  for (int i = 0; i < t.nresults; i++)
    roots[nroots++] = t.result[i];
  if (nroots > MAX_OUTPUTS)
    fail(&c->error, "the gradient of the loop's body has too many results");
  copy_values(c, roots, nroots, old, new, n, made);
  int at = 0;
  for (int i = 0; i < k->carry && !c->error.set; i++)
    out[nout++] = j->d[k->consts + i].node
                      ? made[at++] : zeros_like(c, new[k->consts + i]);
  for (int i = 0; i < t.nsummed && !c->error.set; i++)
    out[nout++] = add(c, sum[i], made[at++]);
  while (at < nroots && !c->error.set)
    out[nout++] = made[at++];
  Function *f = finish(c, &s, out, nout);
  if (f == NULL)
    return NULL;
  /* notes: carry, sums, then the terms, then which sequences have one */
  int extra = j->nin - k->consts - k->carry;
  f->notes = malloc((size_t)(t.n + extra + 2) * sizeof *f->notes);
  if (f->notes == NULL) {
    fail(&c->error, "out of memory");
    function_release(f);
    return NULL;
  }
  f->notes[0] = t.nsummed;
  f->notes[1] = j->nresiduals;
  memcpy(f->notes + 2, t.note, (size_t)t.n * sizeof *t.note);
  for (int i = 0; i < extra; i++)
    f->notes[2 + t.n + i] = j->d[k->consts + k->carry + i].node != NULL;
  return f;
}

/* The extended body and the body of the way back. */
static bool cut_body(Context *c, Function *body, ScanCounts n,
                     Function **extended, Function **backward) {
  Scope s;
  Val from[MAX_INPUTS], to[MAX_INPUTS];
  int nshapes = 0;
  Joint *j = calloc(1, sizeof *j);
  if (j == NULL)
    return fail(&c->error, "out of memory");
  j->body = body;
  j->n = n;
  scope_open(c, &s, true);
  bool ok = differentiate(c, j) && find_residuals(c, j, from, to, &nshapes);
  c->scope = s.outer;
  *extended = ok ? extend(c, j) : NULL;
  *backward = *extended ? backward_body(c, j, from, to, nshapes) : NULL;
  c->scope = &s;
  scope_close(c, &s);
  free(j);
  if (*backward)
    return true;
  function_release(*extended);
  return fail(&c->error, "a loop without a gradient");
}

/* ---- emission ----------------------------------------------------------- */

static Val emit_scan(Context *c, const Scan *s, Function *body, int64_t id,
                     Function *backward) {
  Attr attr[] = {
    {.kind = ATTR_BODY, .body = body},  attr_int(s->n.consts),
    attr_int(s->n.carry),               attr_bool(s->reverse),
    attr_int(s->length),                attr_int(id),
    {.kind = backward ? ATTR_BODY : ATTR_NIL, .body = backward}
  };
  return emit(c, op_find("scan"), s->in,
              s->n.consts + s->n.carry + s->n.sequences, attr);
}

static bool is_taped(const Context *c, const Scan *s) {
  bool tracked = false;
  for (int i = 0; i < s->n.consts + s->n.carry + s->n.sequences; i++) {
    if (val_symbolic(s->in[i]))
      return false;
    tracked = tracked || s->in[i].node->tracked;
  }
  return tracked && c->recording > 0;
}

bool scan_emit(Context *c, const Scan *s, Val *out) {
  Function *extended = NULL, *backward = NULL;
  int64_t id = (int64_t)++c->seq;
  Val y;
  if (is_taped(c, s)) {
    if (!cut_body(c, s->body, s->n, &extended, &backward))
      return false;
    y = emit_scan(c, s, extended, id, backward);
    function_release(extended);
    function_release(backward);
  } else {
    y = emit_scan(c, s, s->body, id, NULL);
  }
  for (int i = 0; i < s->n.carry + s->n.results && !c->error.set; i++)
    out[i] = (Val){y.node, i};
  return !c->error.set;
}

/* ---- gradient ----------------------------------------------------------- */

static bool any_residual_cotangent(const Node *n, const Val *dy, int from) {
  for (int i = from; i < n->nout; i++)
    if (dy[i].node)
      return true;
  return false;
}

static Val or_zeros(Context *c, Val dy, Val like) {
  return dy.node ? dy : zeros_like(c, like);
}

/* Where the parts of a gradient lie: results of the way back, values that the
** way forward stored, sequences that came in. */
typedef struct Sources {
  const Node *n;
  ScanCounts k;
  Val forward, back;
  int own, results; /* first stored value, first result */
} Sources;

static Val source(const Sources *s, int number) {
  if (number >= 0)
    return (Val){s->back.node, s->results + number};
  if (number > SEQUENCE)
    return (Val){s->forward.node, s->own + STORED - number};
  return input(s->n, s->k.consts + s->k.carry + SEQUENCE - number);
}

/* One term of a shared value's gradient, summed over time. */
static Val term_of(Context *c, const Sources *s, const int *note) {
  if (note[0] == SUMMED)
    return (Val){s->back.node, s->k.carry + note[1]};
  Val a = source(s, note[1]);
  if (note[0] == ROWS_TERM) {
    Attr axes = {.kind = ATTR_AXES, .n = 2, .i = {0, 1}};
    return sum_axes(c, a, &axes, false);
  }
  Val b = source(s, note[2]);
  int64_t k = val_type(a)->dim[2], n = val_type(b)->dim[2];
  a = reshaped(c, a, 2, (int64_t[]){UNKNOWN, k});
  b = reshaped(c, b, 2, (int64_t[]){UNKNOWN, n});
  return matmul_of(c, a, b, true, false);
}

/* Gradients out of the node that went back. */
static void distribute(Context *c, const Sources *s, const int *note,
                       Val *dx) {
  const ScanCounts *k = &s->k;
  note += 2;
  for (int i = 0; i < k->consts && !c->error.set; i++) {
    int terms = *note++;
    Val d = {NULL, 0};
    for (int t = 0; t < terms; t++, note += 3) {
      Val term = reshape_like(c, term_of(c, s, note), input(s->n, i));
      d = d.node ? add(c, d, term) : term;
    }
    dx[i] = d;
  }
  for (int i = 0; i < k->carry; i++)
    if (dtype_is_float((DType)val_type(input(s->n, k->consts + i))->dtype))
      dx[k->consts + i] = (Val){s->back.node, i};
  for (int i = 0, at = s->results; i < k->sequences; i++)
    if (note[i])
      dx[k->consts + k->carry + i] = (Val){s->back.node, at++};
}

/* Each sum begins with zeros of the const whose gradient it is. */
static void begin_sums(Context *c, const Node *n, int consts, const int *note,
                       Val *sum) {
  note += 2;
  for (int i = 0; i < consts; i++) {
    int terms = *note++;
    for (int t = 0; t < terms; t++, note += 3)
      if (note[0] == SUMMED)
        sum[note[1]] = zeros_like(c, input(n, i));
  }
}

static void scan_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  ScanCounts k = scan_counts(n->attr, n->nin, n->nout);
  Function *extended = NULL;
  Function *backward = n->attr[SCAN_BACKWARD].kind == ATTR_BODY
                           ? n->attr[SCAN_BACKWARD].body : NULL;
  int own = backward ? n->nout - backward->notes[1] : n->nout;
  Val forward = result(n);
  if (backward && !any_residual_cotangent(n, dy, own)) {
    function_retain(backward);
  } else {
    own = n->nout;
    k.results = n->nout - k.carry;
    if (!cut_body(c, n->attr[SCAN_BODY].body, k, &extended, &backward))
      return;
    Scan s = {.in = n->in, .n = k, .reverse = n->attr[SCAN_REVERSE].i[0],
              .length = n->attr[SCAN_LENGTH].i[0]};
    forward = emit_scan(c, &s, extended, n->attr[SCAN_ID].i[0], backward);
    function_release(extended);
  }
  Val in[MAX_INPUTS];
  int nin = 0, sums = backward->notes[0], residuals = backward->notes[1];
  for (int i = 0; i < k.consts; i++)
    in[nin++] = input(n, i);
  for (int i = 0; i < k.carry; i++)
    in[nin++] = or_zeros(c, dy[i], (Val){(Node *)(uintptr_t)n, i});
  begin_sums(c, n, k.consts, backward->notes, in + nin);
  nin += sums;
  for (int i = 0; i < k.sequences; i++)
    in[nin++] = input(n, k.consts + k.carry + i);
  for (int i = 0; i < residuals && !c->error.set; i++)
    in[nin++] = (Val){forward.node, own + i};
  for (int i = k.carry; i < own; i++)
    in[nin++] = or_zeros(c, dy[i], (Val){(Node *)(uintptr_t)n, i});
  Scan s = {.body = backward, .in = in,
            .n = {k.consts, k.carry + sums,
                  nin - k.consts - k.carry - sums,
                  backward->noutputs - k.carry - sums},
            .reverse = !n->attr[SCAN_REVERSE].i[0],
            .length = n->attr[SCAN_LENGTH].i[0]};
  Val out[MAX_OUTPUTS];
  if (scan_emit(c, &s, out)) {
    Sources sources = {n, k, forward, out[0], own, k.carry + sums};
    distribute(c, &sources, backward->notes, dx);
  }
  function_release(backward);
}

const Op ops_scan[] = {
  {"scan", "*xs, body:body, consts:int, carry:int, reverse:bool, length:int, "
   "id:int, backward:body", CALL, AS_IS, scan_shape, .vjp = scan_vjp,
   .traits = BODY | HIDDEN | FAULTS,
   .doc = "A function over time: state and step in, state and result out."},
  {0}
};
