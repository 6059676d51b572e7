/* Ops of a host: a row of the catalogue whose rule, kernel and gradient are C
** functions of the host. They are there for the whole process and for ever,
** since nodes of any state, and frozen models, point to them. */

#include <stdio.h>
#include <string.h>

#include "host/host.h"

/* A signature may have 24 parameters: these inputs, and MAX_ATTRS numbers. */
enum { MOST_IN = 16, MOST_OUT = 8, MOST_BACK = MOST_IN + 2 * MOST_OUT };

typedef struct HostOp {
  Op op, back; /* back: from inputs, outputs and cotangents to cotangents */
  lunula_op host;
  int nin, nout, nattr;
  char name[64], back_name[80], signature[256], back_signature[256];
  char doc[256];
} HostOp;

static const HostOp *of_op(const Op *op) {
  return (const HostOp *)(const void *)op;
}

static const HostOp *of_back(const Op *op) {
  return (const HostOp *)(const void *)((const char *)op -
                                        offsetof(HostOp, back));
}

/* ---- calls of the host -------------------------------------------------- */

typedef int Callback(void *ud, lunula_op_call *call);

/* What the host is shown. The way back has an output for each input. */
typedef struct Shown {
  lunula_view in[MOST_BACK], out[MOST_IN];
  double number[MAX_ATTRS];
  char why[400];
} Shown;

static void show(Shown *w, const HostOp *h, const Type *in, int nin,
                 void *const *data, const Attr *attr) {
  for (int i = 0; i < nin; i++) {
    view_fill(&w->in[i], &in[i]);
    w->in[i].data = data ? data[i] : NULL;
    w->in[i].read_only = 1;
  }
  for (int i = 0; i < h->nattr; i++)
    w->number[i] = attr[i].kind == ATTR_NUM ? attr[i].f : (double)attr[i].i[0];
  w->why[0] = '\0';
}

static bool ask(Shown *w, const HostOp *h, Callback *f, int nin, int nout) {
  lunula_op_call call = {w->in, nin, w->out, nout, w->number, h->nattr, w->why,
                         sizeof w->why};
  if (f(h->host.ud, &call) == 0)
    return true;
  w->why[sizeof w->why - 1] = '\0';
  if (w->why[0] == '\0')
    strcpy(w->why, "the host says no");
  return false;
}

/* ---- the row ------------------------------------------------------------ */

static bool read_type(const lunula_view *v, Type *t, Error *e) {
  if (v->dtype < 0 || v->dtype >= STR)
    return fail(e, "the host gives dtype %d", v->dtype);
  if (v->rank < 0 || v->rank > MAX_RANK)
    return fail(e, "the host gives rank %d", v->rank);
  for (int i = 0; i < v->rank; i++)
    if (v->shape[i] < UNKNOWN)
      return fail(e, "the host gives size %lld", (long long)v->shape[i]);
  *t = type_new((DType)v->dtype, v->rank, v->shape);
  return true;
}

static bool op_shape(Rule *r) {
  const HostOp *h = of_op(r->op);
  Shown w;
  memset(w.out, 0, sizeof w.out);
  show(&w, h, r->in, r->nin, NULL, r->attr);
  if (!ask(&w, h, h->host.shape, r->nin, h->nout))
    return fail(r->error, "%s", w.why);
  r->nout = h->nout;
  for (int i = 0; i < h->nout; i++)
    if (!read_type(&w.out[i], &r->out[i], r->error))
      return false;
  return true;
}

static void run(const OpCall *s, const Run *r, const HostOp *h, Callback *f) {
  Shown w;
  show(&w, h, s->in, s->nin, r->in, s->attr);
  for (int i = 0; i < s->nout; i++) {
    view_fill(&w.out[i], &s->out[i]);
    w.out[i].data = r->out[i];
  }
  if (!ask(&w, h, f, s->nin, s->nout))
    run_fault(r, "%s", w.why);
}

static void op_run(const OpCall *s, const Run *r, int64_t task) {
  (void)task;
  run(s, r, of_op(s->op), of_op(s->op)->host.run);
}

/* ---- its gradient ------------------------------------------------------- */

static bool back_shape(Rule *r) {
  r->nout = of_back(r->op)->nin;
  for (int i = 0; i < r->nout; i++)
    r->out[i] = r->in[i];
  return true;
}

static void back_run(const OpCall *s, const Run *r, int64_t task) {
  (void)task;
  for (int i = 0; i < s->nout; i++)
    memset(r->out[i], 0, (size_t)type_bytes(&s->out[i]));
  run(s, r, of_back(s->op), of_back(s->op)->host.gradient);
}

static void op_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  const HostOp *h = of_op(n->op);
  Val in[MOST_BACK];
  int k = 0;
  for (int i = 0; i < n->nin; i++)
    in[k++] = n->in[i];
  for (int i = 0; i < n->nout; i++)
    in[k++] = (Val){(Node *)(uintptr_t)n, i};
  for (int i = 0; i < n->nout; i++, k++)
    in[k] = dy[i].node ? dy[i]
                       : emit_op(c, "zeros_like", &in[h->nin + i], 1, NULL);
  Val v = emit(c, &h->back, in, k, n->attr);
  for (int i = 0; i < n->nin && !c->error.set; i++)
    if (val_type(n->in[i])->dtype == F32)
      dx[i] = (Val){v.node, i};
}

static void no_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  (void)dy, (void)dx;
  fail(&c->error, "%s has no gradient: the host gives none (stop_gradient says "
                  "that none is wanted)", n->op->name);
}

/* ---- registering -------------------------------------------------------- */

static bool is_word(const char *text, size_t n) {
  bool good = n > 0 && n < 32;
  for (size_t i = 0; good && i < n; i++)
    good = (text[i] >= 'a' && text[i] <= 'z') || text[i] == '_' ||
           (i > 0 && text[i] >= '0' && text[i] <= '9');
  return good;
}

static bool is_same(const char *text, size_t n, const char *word) {
  return n == strlen(word) && memcmp(text, word, n) == 0;
}

/* What scripts would read as 0, or as more parameters, is no default. */
static bool is_default(const char *text, size_t n, bool truth, bool whole) {
  const char *letters = whole ? "-0123456789" : "-+.e0123456789";
  if (truth)
    return is_same(text, n, "true") || is_same(text, n, "false");
  return n > 0 && n < 32 && strspn(text, letters) == n &&
         strcspn(text, "0123456789") < n;
}

/* One parameter: an input, or "name:kind" with or without "=default". */
static bool count_parameter(HostOp *h, const char *text, size_t n) {
  size_t name = strcspn(text, ":,");
  if (name >= n) {
    h->nin++;
    return is_word(text, n);
  }
  const char *kind = text + name + 1, *end = text + n;
  size_t size = strcspn(kind, "=,");
  bool truth = is_same(kind, size, "bool"), whole = is_same(kind, size, "int");
  const char *standard = kind + size + 1; /* behind the "=", if it is one */
  h->nattr++;
  return (truth || whole || is_same(kind, size, "num")) &&
         is_word(text, name) &&
         (standard > end ||
          is_default(standard, (size_t)(end - standard), truth, whole));
}

static bool read_signature(HostOp *h, lunula_error *error) {
  for (const char *p = h->signature; *p;) {
    size_t n = strcspn(p, ",");
    bool first_is_input = strcspn(p, ":,") == n || h->nin > 0;
    if (!first_is_input || !count_parameter(h, p, n)) {
      host_refuse(error, LUNULA_ARGUMENT,
                  "op %s: \"%.*s\" in its signature: inputs are names, numbers "
                  "behind them \"name:num\", \"name:int\" or \"name:bool\", "
                  "with \"=default\", a number or true or false, where they "
                  "have one", h->name, (int)n, p);
      return false;
    }
    p += n + (p[n] == ',');
    p += *p == ' ';
  }
  if (h->nin < 1 || h->nin > MOST_IN || h->nattr > MAX_ATTRS) {
    host_refuse(error, LUNULA_ARGUMENT, "op %s: %d inputs and %d numbers; 1 to "
                "%d, and at most %d", h->name, h->nin, h->nattr, MOST_IN,
                MAX_ATTRS);
    return false;
  }
  return true;
}

/* "*all, a0:num": all values are one list, or they might be too many
** parameters. */
static void write_back_signature(HostOp *h) {
  char *to = h->back_signature;
  const char *attr = h->signature;
  size_t left = sizeof h->back_signature;
  int begin = snprintf(to, left, "*all");
  to += begin;
  left -= (size_t)begin;
  for (int i = 0; i < h->nattr; i++) {
    attr = strchr(attr, ':') + 1;
    int n = snprintf(to, left, ", a%d:%.*s", i, (int)strcspn(attr, "=,"), attr);
    to += n;
    left -= (size_t)n;
  }
}

/* Of kind INDEX, of which no pass thinks that it knows which numbers of the result
** come from where: it is neither fused nor run in parts of the batch. */
static void fill_rows(HostOp *h) {
  const lunula_op *u = &h->host;
  h->op = (Op){.name = h->name, .signature = h->signature, .kind = INDEX,
               .operands = u->floats ? FLOATS : COMPUTE, .shape = op_shape,
               .run = op_run, .vjp = u->gradient ? op_vjp : no_vjp,
               .traits = FAULTS, .doc = h->doc, .file_class = "lunula"};
  snprintf(h->back_name, sizeof h->back_name, "%s_gradient", h->name);
  write_back_signature(h);
  h->back = (Op){.name = h->back_name, .signature = h->back_signature,
                 .kind = INDEX, .operands = COMPUTE, .shape = back_shape,
                 .run = back_run, .vjp = no_vjp, .traits = FAULTS | HIDDEN,
                 .doc = "The way back through an op of the host."};
}

static lunula_status check_op(const lunula_op *op, lunula_error *error) {
  if (op == NULL)
    return host_refuse_null(error, "op");
  if (op->size < sizeof *op)
    return host_refuse(error, LUNULA_ARGUMENT, "size of the op is not set");
  if (!host_knows(op, op->size, sizeof *op))
    return host_refuse(error, LUNULA_ARGUMENT, "the op says more than version "
                       LUNULA_VERSION " knows: what is behind its %d bytes "
                       "must be zero", (int)sizeof *op);
  if (op->name == NULL || op->signature == NULL || op->doc == NULL)
    return host_refuse_null(error, "name, signature or doc of the op");
  if (!is_word(op->name, strlen(op->name)))
    return host_refuse(error, LUNULA_ARGUMENT, "\"%.40s\" is no name of an op: "
                       "at most 31 of a-z, 0-9 and _", op->name);
  if (op->shape == NULL || op->run == NULL)
    return host_refuse_null(error, "shape or run of the op");
  if (op->noutputs < 1 || op->noutputs > MOST_OUT)
    return host_refuse(error, LUNULA_ARGUMENT, "op %s: %d outputs, 1 to %d",
                       op->name, op->noutputs, MOST_OUT);
  if (strlen(op->signature) >= 256)
    return host_refuse(error, LUNULA_ARGUMENT,
                       "op %s: the signature is too long", op->name);
  return LUNULA_OK;
}

lunula_status lunula_register_op(const lunula_op *op, lunula_error *error) {
  Error e = {.set = false};
  lunula_status s = check_op(op, error);
  if (s != LUNULA_OK)
    return s;
  HostOp *h = mem_new(NULL, 1, sizeof *h);
  if (h == NULL)
    return host_refuse(error, LUNULA_MEMORY, "out of memory");
  h->host = *op;
  h->nout = op->noutputs;
  snprintf(h->name, sizeof h->name, "%s", op->name);
  snprintf(h->signature, sizeof h->signature, "%s", op->signature);
  snprintf(h->doc, sizeof h->doc, "%s", op->doc);
  if (!read_signature(h, error)) {
    mem_free(h);
    return LUNULA_ARGUMENT;
  }
  fill_rows(h);
  if (catalogue_add(op_catalogue(), &h->op, op->gradient ? &h->back : NULL, &e))
    return LUNULA_OK;
  mem_free(h);
  return host_refuse(error, LUNULA_ARGUMENT, "%s", e.text);
}
