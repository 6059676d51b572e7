/* What a compilation makes of a loop, whose sizes it knows. Products of many
** rows a step are done within it (sink.c); those of one row with several consts
** become one. The right side of a product that is the same in all steps is packed
** once before it: ops are split as their rows say, and what of them needs no step
** is then moved out like anything else. And the body for inputs of other sizes. */

#include <string.h>

#include "ops/build.h"
#include "scan/sink.h"

typedef struct Splitter {
  Context *c;
  const Scan *s;
  Node **node;
  int n;
  NodeMap number;
  Val *again; /* output 0 of each node in the new body */
  Type *type; /* of the new body's inputs */
  Sink *sink; /* which makes those, if it is not NULL */
  unsigned how; /* products are split (Op.prepare); 0: it is for the inputs alone */
  int *result; /* which of the new body's results each is; NULL: they stay */
} Splitter;

/* Whether the value is one of the body's consts. */
static bool is_const(const Scan *s, Val v) {
  for (int i = 0; i < s->n.consts; i++)
    if (val_same(s->body->inputs[i], v))
      return true;
  return false;
}

static bool may_split(const Splitter *k, const Node *n) {
  if (k->how == 0 || n->op->prepare == NULL)
    return false;
  for (int i = 0; i < n->nin; i++)
    if ((n->op->prepared >> i & 1) && !is_const(k->s, n->in[i]))
      return false;
  return true;
}

static Val again(const Splitter *k, Val v) {
  Val first = k->again[nodemap_get(&k->number, v.node)];
  return (Val){first.node, first.out + v.out};
}

/* What stands for v, the copy of n: the parts that its op says it has, or v. */
static Val split(const Splitter *k, const Node *n, Val v) {
  Val parts;
  return may_split(k, n) && !k->c->error.set &&
                 n->op->prepare(k->c, v.node, k->how, &parts)
             ? parts : v;
}

/* ---- products of a lone row ---------------------------------------------- */

/* A product by the columns of a const. */
static bool is_product(const Splitter *k, const Node *n) {
  return n->op->role == MULTIPLIES_MATRICES && may_split(k, n) &&
         n->op->columns(n) == 1 && val_type(n->in[1])->rank == 2;
}

static bool is_row(Val v) {
  const Type *t = val_type(v);
  return t->rank == 2 && t->dim[0] == 1;
}

/* Columns [first, first + n) of a row. */
static Val columns_of(Context *c, Val row, int64_t first, int64_t n) {
  return emit_op(c, "slice_steps", &row, 1,
                 (Attr[]){attr_ints(2, (int64_t[]){0, first}),
                          {.kind = ATTR_NIL},
                          attr_ints(2, (int64_t[]){1, n})});
}

/* Products of the same row become one, of which each is some columns: to begin a
** product of one row takes as long as a good part of it, and columns of a row need
** no copy. Of more rows they would, and that costs more than it saves. */
static void join_row(Splitter *k, const int *beside, int count) {
  const Node *n = k->node[*beside];
  Context *c = k->c;
  Val side[MAX_INPUTS];
  int64_t at = 0;
  for (int i = 0; i < count; i++)
    side[i] = again(k, k->node[beside[i]]->in[1]);
  Val all = emit_op(c, "concatenate", side, count, (Attr[]){attr_int(1)});
  Val y = emit(c, n->op, (Val[]){again(k, n->in[0]), all}, 2, n->attr);
  y = split(k, n, y);
  y.node->origin = n->origin;
  for (int i = 0; i < count && !c->error.set; i++) {
    int64_t wide = val_type(side[i])->dim[1];
    Val part = columns_of(c, y, at, wide);
    part.node->origin = k->node[beside[i]]->origin;
    k->again[beside[i]] = part;
    at += wide;
  }
}

/* The products from this one on that have its left side; how many. */
static int find_beside(const Splitter *k, int first, int *beside) {
  const Node *n = k->node[first];
  int count = 0;
  for (int i = first; i < k->n && count < MAX_INPUTS; i++) {
    const Node *x = k->node[i];
    if (is_product(k, x) && val_same(x->in[0], n->in[0]) &&
        x->attr[0].i[0] == n->attr[0].i[0])
      beside[count++] = i;
  }
  return count;
}

/* ---- the body ------------------------------------------------------------- */

/* Leaves are made anew, too: walks go by the order of creation, which holds
** within one context. */
static void emit_again(Splitter *k, int i) {
  const Node *n = k->node[i];
  Val in[MAX_INPUTS];
  int beside[MAX_INPUTS], count;
  if (k->again[i].node)
    return;
  if (node_is_shape(n)) {
    k->again[i] = shape_leaf(k->c, &n->out[0].type);
    return;
  }
  if (n->scope == 0) {
    k->again[i] = value_of(k->c, tensor_share(&n->out[0]));
    return;
  }
  for (int j = 0; j < n->nin; j++)
    in[j] = again(k, n->in[j]);
  Val v = emit(k->c, n->op, in, n->nin, n->attr);
  if (is_product(k, n) && is_row(v) &&
      (count = find_beside(k, i, beside)) > 1) {
    join_row(k, beside, count);
    return;
  }
  v = split(k, n, v);
  v.node->origin = n->origin;
  k->again[i] = v;
}

static int input_number(const Splitter *k, int i) {
  return nodemap_get(&k->number, k->s->body->inputs[i].node);
}

static void make_inputs(Splitter *k) {
  if (k->sink)
    sink_make_inputs(k->sink);
  for (int i = 0; i < k->s->body->ninputs; i++) {
    int number = input_number(k, i);
    if (k->sink == NULL) {
      Val v = scope_input(k->c, &k->type[i]);
      if (number >= 0)
        k->again[number] = v;
    } else if (number >= 0 && !k->c->error.set) {
      k->again[number] = sink_input(k->sink, i);
    }
  }
}

/* Results that are the same now are one. How many there are, with states. */
static int unite_results(Splitter *k, Val *out) {
  int carry = k->s->n.carry, n = carry;
  for (int i = 0; i < k->s->body->noutputs; i++) {
    int at = i < carry ? i : carry;
    while (i >= carry && at < n && !val_same(out[at], out[i]))
      at++;
    if (i >= carry && at == n)
      out[n++] = out[i];
    k->result[i] = at;
  }
  return n;
}

/* The body with these inputs, and its nodes split. */
static Function *body_again(Splitter *k) {
  const Function *f = k->s->body;
  Scope scope;
  Val out[MAX_OUTPUTS];
  scope_open(k->c, &scope, true);
  make_inputs(k);
  for (int i = 0; i < k->n && !k->c->error.set; i++)
    emit_again(k, i);
  for (int i = 0; i < f->noutputs; i++)
    out[i] = again(k, f->outputs[i]);
  int n = k->result ? unite_results(k, out) : f->noutputs;
  return scope_finish(k->c, &scope, out, n, NULL, NULL);
}

static bool open_splitter(Splitter *k) {
  Account *account = k->number.account = k->c->account;
  const Function *f = k->s->body;
  bool ok = nodes_needed(account, f->outputs, f->noutputs, true, &k->node,
                         &k->n);
  k->again = mem_new(account, (size_t)k->n + 1, sizeof *k->again);
  k->type = mem_new(account, (size_t)f->ninputs + 1, sizeof *k->type);
  for (int i = 0; ok && i < k->n; i++) {
    int *number = nodemap_at(&k->number, k->node[i]);
    ok = number != NULL;
    if (ok)
      *number = i;
  }
  return (ok && k->again && k->type) ||
         fail_memory(&k->c->error, "out of memory");
}

static void close_splitter(Splitter *k) {
  mem_free(k->node);
  mem_free(k->again);
  mem_free(k->type);
  nodemap_free(&k->number);
}

static bool any_splits(const Splitter *k) {
  for (int i = 0; i < k->n; i++)
    if (may_split(k, k->node[i]))
      return true;
  return false;
}

static void concrete_types(Splitter *k) {
  const Scan *s = k->s;
  for (int i = 0; i < s->body->ninputs; i++) {
    k->type[i] = *val_type(s->in[i]);
    if (i >= s->n.consts + s->n.carry)
      k->type[i] = scan_slice(&k->type[i]);
  }
}

/* Makes the body again and puts it in the place of the loop's; result[i], which
** of its results is result i of the loop, follows. */
static bool replace_body(Splitter *k, Scan *s, int *result) {
  int own[MAX_OUTPUTS];
  k->result = own;
  Function *body = body_again(k);
  if (body == NULL)
    return false;
  for (int i = 0; i < MAX_OUTPUTS; i++)
    result[i] = result[i] < s->body->noutputs ? own[result[i]] : 0;
  function_release(s->body);
  s->body = body;
  s->n.results = body->noutputs - s->n.carry;
  return true;
}

static bool *find_used(const Splitter *k) {
  int n = k->s->body->ninputs;
  bool *used = mem_new(k->c->account, (size_t)n + 1, sizeof *used);
  for (int i = 0; used && i < n; i++)
    used[i] = input_number(k, i) >= 0;
  return used;
}

/* The loop with what sinks into it, from now on with the sink's inputs. */
static bool sink_products(Context *c, Scan *s, Sink *sink, int *result) {
  Splitter k = {.c = c, .s = s, .sink = sink};
  bool ok = open_splitter(&k), *used = ok ? find_used(&k) : NULL;
  sink->used = used;
  if (ok && used && sink_find(sink)) {
    ok = replace_body(&k, s, result);
    s->in = sink->outside;
    s->n.consts = sink->n.consts;
    s->n.sequences = sink->n.sequences;
    s->length = sink->length;
  }
  close_splitter(&k);
  mem_free(used);
  return ok && (used || fail_memory(&c->error, "out of memory"));
}

/* The loop with its products split: in gets its inputs. */
static bool split_products(Context *c, Scan *s, unsigned how, Val *in,
                           int *result) {
  Splitter k = {.c = c, .s = s, .how = how};
  bool ok = open_splitter(&k), any = ok && any_splits(&k);
  if (any) {
    concrete_types(&k);
    ok = replace_body(&k, s, result);
  }
  close_splitter(&k);
  return ok && (!any || scan_hoist(c, s, in));
}

static bool prepare_body(Context *c, Scan *s, unsigned how, Val *in,
                         int *result) {
  Sink *sink = mem_new(c->account, 1, sizeof *sink);
  if (sink == NULL)
    return fail_memory(&c->error, "out of memory");
  sink->c = c;
  sink->s = s;
  bool ok = sink_products(c, s, sink, result) &&
            split_products(c, s, how, in, result);
  if (ok && s->in == sink->outside)
    s->in = memcpy(in, s->in, sizeof sink->outside);
  mem_free(sink);
  return ok;
}

bool scan_prepare(Context *c, const Node *n, bool fewer, const Val *in,
                  Val *out) {
  unsigned how = PREPARE_LASTING | (fewer ? PREPARE_FEWER : 0);
  Val more[MAX_INPUTS];
  int result[MAX_OUTPUTS];
  Scan s = {.body = function_retain(n->attr[SCAN_BODY].body), .in = in,
            .n = scan_counts(n->attr, n->nin, n->nout),
            .reverse = n->attr[SCAN_REVERSE].i[0],
            .length = n->attr[SCAN_LENGTH].i[0]};
  for (int i = 0; i < MAX_OUTPUTS; i++)
    result[i] = i;
  Val y = prepare_body(c, &s, how, more, result)
              ? scan_node(c, &s, s.body, n->attr[SCAN_ID].i[0], NULL)
              : (Val){c->dummy, 0};
  function_release(s.body);
  for (int i = 0; i < n->nout; i++)
    out[i] = (Val){y.node, result[i]};
  return !c->error.set;
}

Function *scan_with_types(Context *c, const OpCall *call, const Type *in) {
  Scan s = {.body = call->attr[SCAN_BODY].body,
            .n = scan_counts(call->attr, call->nin, call->nout)};
  Splitter k = {.c = c, .s = &s};
  Function *body = NULL;
  if (open_splitter(&k)) {
    memcpy(k.type, in, (size_t)call->nin * sizeof *in);
    body = body_again(&k);
  }
  close_splitter(&k);
  return body;
}
