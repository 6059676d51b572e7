/* The gradient of a loop's body. The body is differentiated once, cut where
** the walk back begins, and what crosses the cut is stored step by step.
** Gradients of shared values that are sums over time of products are left to
** one product after the loop. */

#include "scan/cut.h"

#include <string.h>

#include "ops/build.h"

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
  /* while the way back is made: old values and what they are there; the roots
     of its body and their copies */
  Val old[2 * MAX_INPUTS + MAX_OUTPUTS], new[2 * MAX_INPUTS + MAX_OUTPUTS];
  Val root[MAX_INPUTS + 2 * MAX_OUTPUTS], made[MAX_INPUTS + 2 * MAX_OUTPUTS];
} Joint;

APART static bool differentiate(Context *c, Joint *j) {
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
      if (!state && type_same_sizes(x, t)) {
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
APART static bool find_residuals(Context *c, Joint *j, Val *from, Val *to,
                                 int *n) {
  Val *roots = j->root;
  int nroots = 0, count;
  for (int i = 0; i < j->nin; i++)
    if (j->d[i].node)
      roots[nroots++] = j->d[i];
  Node **nodes;
  bool ok = nodes_needed(c->account, roots, nroots, true, &nodes, &count) ||
            fail_memory(&c->error, "out of memory");
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
  mem_free(nodes);
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
APART static Function *extend(Context *c, const Joint *j) {
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

/* The terms as they are found. */
typedef struct Terms {
  int note[1024];
  int n;
  Val result[MAX_OUTPUTS]; /* stacked values that the terms need */
  int nresults, first_result;
  Val summed[MAX_OUTPUTS]; /* what is added up in the loop */
  int nsummed;
} Terms;

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

/* Splits v into terms that can be summed over time after the loop. */
static bool split(Val v, Val *product, bool *by_rows, int *n) {
  const Node *x = v.node;
  if (x->op->role == ADDS && *n < 6 &&
      val_type(x->in[0])->rank == val_type(x->in[1])->rank)
    return split(x->in[0], product, by_rows, n) &&
           split(x->in[1], product, by_rows, n);
  while (x->op->role == SAME_ELEMENTS && val_symbolic(x->in[0]))
    x = x->in[0].node;
  if (*n >= 6)
    return false;
  if (x->op->role == MULTIPLIES_MATRICES &&
      x->attr[0].i[0] && !x->attr[1].i[0] &&
      val_type(x->in[0])->rank == 2 && val_type(x->in[1])->rank == 2 &&
      is_known(val_type(x->in[0])->dim[1]) &&
      is_known(val_type(x->in[1])->dim[1])) {
    by_rows[*n] = false;
    product[(*n)++] = (Val){(Node *)(uintptr_t)x, 0};
    return true;
  }
  if (x->op->role == SUMS && x->attr[0].n == 1 && x->attr[0].i[0] == 0 &&
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
APART static Function *backward_body(Context *c, Joint *j, const Val *from,
                                     const Val *to, int nshapes) {
  Scope s;
  Terms t = {.n = 0};
  Val *old = j->old, *new = j->new, *roots = j->root, *made = j->made;
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
  f->notes = mem_new(c->account, (size_t)(t.n + extra + 2),
                     sizeof *f->notes);
  if (f->notes == NULL) {
    fail_memory(&c->error, "out of memory");
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

bool scan_cut(Context *c, Function *body, ScanCounts n,
                     Function **extended, Function **backward) {
  Scope s;
  Val from[MAX_INPUTS], to[MAX_INPUTS];
  int nshapes = 0;
  Joint *j = mem_new(c->account, 1, sizeof *j);
  if (j == NULL)
    return fail_memory(&c->error, "out of memory");
  j->body = body;
  j->n = n;
  scope_open(c, &s, true);
  bool ok = differentiate(c, j) && find_residuals(c, j, from, to, &nshapes);
  c->scope = s.outer;
  *extended = ok ? extend(c, j) : NULL;
  *backward = *extended ? backward_body(c, j, from, to, nshapes) : NULL;
  c->scope = &s;
  scope_close(c, &s);
  mem_free(j);
  if (*backward)
    return true;
  function_release(*extended);
  return fail(&c->error, "a loop without a gradient");
}
