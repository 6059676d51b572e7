/* The loop over time as one op. Its gradient is another scan that goes the
** other way (cut.c makes its body). */

#include "scan/scan.h"

#include <string.h>

#include "ops/build.h"
#include "scan/cut.h"

/* ---- shapes ------------------------------------------------------------- */

ScanCounts scan_counts(const Attr *attr, int nin, int nout) {
  ScanCounts n = {(int)attr[SCAN_CONSTS].i[0], (int)attr[SCAN_CARRY].i[0], 0,
                  0};
  n.sequences = nin - n.consts - n.carry;
  n.results = nout - n.carry;
  return n;
}

/* Where one sequence knows how many steps there are, all have as many. */
int64_t scan_length(const Attr *attr, const Type *in, int nin) {
  ScanCounts n = scan_counts(attr, nin, nin);
  for (int i = n.consts + n.carry; i < nin; i++)
    if (in[i].dim[0] >= 0)
      return in[i].dim[0];
  return n.sequences > 0 ? -1 : attr[SCAN_LENGTH].i[0];
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

/* Is there a body for these inputs? */
static bool scan_fits(Rule *r, const ScanCounts *n) {
  const Function *body = r->attr[SCAN_BODY].body;
  return (r->attr[SCAN_BODY].kind == ATTR_BODY && body->ninputs == r->nin &&
          n->sequences >= 0 && n->carry <= body->noutputs &&
          body->noutputs <= MAX_OUTPUTS) ||
         fail(r->error, "a body that does not fit its %d inputs", r->nin);
}

/* A state has one shape all the time: where only one of what goes in and what
** comes out knows a size, the other turns out to have it. False where they
** cannot be the same; *told: something was learnt about what goes in. */
static bool same_state(Type *in, Type *out, bool *told) {
  if (in->rank != out->rank || in->dtype != out->dtype)
    return false;
  for (int i = 0; i < in->rank; i++) {
    if (!may_equal(in->dim[i], out->dim[i]))
      return false;
    if (in->dim[i] == UNKNOWN && out->dim[i] != UNKNOWN) {
      in->dim[i] = out->dim[i];
      *told = true;
    }
    out->dim[i] = in->dim[i];
  }
  return true;
}

/* The body's results, from states in their final shape. */
static bool body_shape(Rule *r, const Function *body, const ScanCounts *n,
                       Type *in) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  bool told = true;
  for (int round = 0; told && round <= n->carry; round++) {
    if (!function_types(body, in, r->out, r->error))
      return false;
    told = false;
    for (int i = 0; i < n->carry; i++)
      if (!same_state(&in[n->consts + i], &r->out[i], &told))
        return fail(r->error,
                    "state %d goes in as %s %s and comes out as %s %s", i + 1,
                    dtype_name((DType)in[n->consts + i].dtype),
                    type_text(&in[n->consts + i], a),
                    dtype_name((DType)r->out[i].dtype),
                    type_text(&r->out[i], b));
  }
  return true;
}

/* in: room for the types of one time step */
static bool step_shape(Rule *r, Type *in) {
  const Function *body = r->attr[SCAN_BODY].body;
  ScanCounts n = scan_counts(r->attr, r->nin, body->noutputs);
  char a[TYPE_TEXT], b[TYPE_TEXT];
  const Type *known = NULL; /* the first sequence of a known length */
  r->nout = body->noutputs;
  memcpy(in, r->in, (size_t)r->nin * sizeof *in);
  for (int i = n.consts + n.carry; i < r->nin; i++) {
    if (r->in[i].rank < 1)
      return fail(r->error, "a sequence needs a time axis");
    if (known == NULL && r->in[i].dim[0] >= 0)
      known = &r->in[i];
    if (known && r->in[i].dim[0] >= 0 && r->in[i].dim[0] != known->dim[0])
      return fail(r->error, "sequences of %s and %s steps differ in length",
                  type_text(known, a), type_text(&r->in[i], b));
    in[i] = scan_slice(&r->in[i]);
  }
  if (!body_shape(r, body, &n, in))
    return false;
  int64_t length = scan_length(r->attr, r->in, r->nin);
  if (n.sequences == 0 && length < 0)
    return fail(r->error, "without sequences it needs a length");
  for (int i = n.carry; i < r->nout; i++) {
    if (r->out[i].rank == MAX_RANK)
      return fail(r->error, "a result of rank %d has no room for time",
                  MAX_RANK);
    r->out[i] = stacked(&r->out[i], length);
  }
  return true;
}

static bool scan_shape(Rule *r) {
  const Function *body = r->attr[SCAN_BODY].body;
  int64_t consts = r->attr[SCAN_CONSTS].i[0], carry = r->attr[SCAN_CARRY].i[0];
  if (consts < 0 || consts > r->nin || carry < 0 || carry > r->nin)
    return fail(r->error, "%lld consts, %lld states, %d inputs",
                (long long)consts, (long long)carry, r->nin);
  ScanCounts n = scan_counts(r->attr, r->nin, 0);
  if (!scan_fits(r, &n))
    return false;
  Type *in = mem_new(body->account, (size_t)r->nin, sizeof *in);
  bool ok = in ? step_shape(r, in) : fail_memory(r->error, "out of memory");
  mem_free(in);
  return ok;
}

/* ---- emission ----------------------------------------------------------- */

Val scan_node(Context *c, const Scan *s, Function *body, int64_t id,
              Function *backward) {
  Attr attr[] = {
    {.kind = ATTR_BODY, .body = body},  attr_int(s->n.consts),
    attr_int(s->n.carry),               attr_bool(s->reverse),
    attr_int(s->length),                attr_int(id),
    {.kind = backward ? ATTR_BODY : ATTR_NIL, .body = backward}
  };
  return emit(c, ops_scan, s->in,
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
    if (!scan_cut(c, s->body, s->n, &extended, &backward))
      return false;
    y = scan_node(c, s, extended, id, backward);
    function_release(extended);
    function_release(backward);
  } else {
    y = scan_node(c, s, s->body, id, NULL);
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
    if (!scan_cut(c, n->attr[SCAN_BODY].body, k, &extended, &backward))
      return;
    Scan s = {.in = n->in, .n = k, .reverse = n->attr[SCAN_REVERSE].i[0],
              .length = n->attr[SCAN_LENGTH].i[0]};
    forward = scan_node(c, &s, extended, n->attr[SCAN_ID].i[0], backward);
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
   "id:int, backward:body=nil", CALL, AS_IS, scan_shape, .vjp = scan_vjp,
   .traits = BODY | HIDDEN | FAULTS | FILED, .role = LOOPS,
   .doc = "A function over time: state and step in, state and result out."},
  {0}
};
