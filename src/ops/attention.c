/* Attention of several heads: a fused op, which never has all of its scores in
** memory, forwards or backwards. The lowering to products and softmax stands
** here, since gradients of gradients and of a bias go through it; the spec
** holds the kernels against it. */

#include "kernels/kernels.h"
#include "ops/build.h"

enum { SCALE, CAUSAL, HIDDEN_SCORE, ADD, RATE }; /* attributes */
enum { Q, K, V, SEEN };                    /* inputs, and the gradients */
enum { TOP = 1, SHARE };                   /* results beside y */
enum { BACK_Y = 3, BACK_TOP, BACK_SHARE, BACK_G, BACK_SEEN }; /* of the way
                                                                 back */

#define OPTIONS                                                      \
  "scale:num, causal:bool=false, hidden:num=-2.3819763e38, "         \
  "add:bool=false, rate:num=nil"

/* What is seen besides q, k and v: a bias, a mask, the key of what is
** dropped. */
enum { MOST_SEEN = 3 };

/* ---- shapes ------------------------------------------------------------- */

static bool all_known(int64_t a, int64_t b) {
  return a != UNKNOWN && b != UNKNOWN;
}

static bool heads_fit(const Type *q, const Type *k) {
  int64_t of_q = q->dim[2], of_k = k->dim[2];
  return !all_known(of_q, of_k) || (of_k > 0 && of_q % of_k == 0);
}

/* The batch, which q, k and v may each have one item for. */
static bool batch_of(const Type *in, int64_t *batch) {
  Type y = type_new(F32, 1, in[Q].dim);
  for (int i = K; i <= V; i++) {
    Type x = y, t = type_new(F32, 1, in[i].dim);
    if (!broadcast_dims(&y, &x, &t))
      return false;
  }
  *batch = y.dim[0];
  return true;
}

static bool operands_fit(Rule *r) {
  char a[TYPE_TEXT], b[TYPE_TEXT], c[TYPE_TEXT];
  int64_t batch;
  const Type *q = &r->in[Q], *k = &r->in[K], *v = &r->in[V];
  bool fit = q->rank == 4 && k->rank == 4 && v->rank == 4;
  for (int i = 0; fit && i < 3; i++)
    fit = r->in[i].dtype == F32;
  fit = fit && batch_of(r->in, &batch) && may_equal(k->dim[1], v->dim[1]) &&
        may_equal(k->dim[2], v->dim[2]) && may_equal(q->dim[3], k->dim[3]) &&
        heads_fit(q, k);
  return fit || fail(r->error,
                     "q (b, T, heads, d), k (b, S, key heads, d) and v (b, S, "
                     "key heads, e) must be float32 and fit: they are %s, %s "
                     "and %s", type_text(q, a), type_text(k, b),
                     type_text(v, c));
}

/* Panels have to have room in a thread's scratch. */
static bool sizes_fit(Rule *r) {
  int64_t d = r->in[Q].dim[3], e = r->in[V].dim[3];
  return (d <= ATTENTION_SIZE && e <= ATTENTION_SIZE) ||
         fail(r->error, "heads have sizes of %lld and %lld, %d is the most",
              (long long)d, (long long)e, ATTENTION_SIZE);
}

static Type scores_type(const Type *in) {
  int64_t batch = UNKNOWN;
  batch_of(in, &batch);
  return type_new(F32, 4, (int64_t[]){batch, in[Q].dim[2], in[Q].dim[1],
                                      in[K].dim[1]});
}

static bool is_key(const Type *t) {
  return t->rank == 1;
}

/* Which part of the weights is dropped. */
static double rate_of(const Attr *attr) {
  return attr_given(&attr[RATE]) ? attr[RATE].f : 0;
}

/* The key comes last, when there is a rate. */
static bool key_fits(Rule *r, int first) {
  double rate = rate_of(r->attr);
  int keys = 0, wanted = attr_given(&r->attr[RATE]);
  for (int i = first; i < r->nin; i++)
    keys += is_key(&r->in[i]);
  if (!(rate >= 0 && rate <= 1) || keys != wanted)
    return fail(r->error, "takes a rate from 0 to 1 and a key with it, got %g "
                          "and %d keys", rate, keys);
  Type key = type_new(F32, 1, (int64_t[]){RANDOM_KEY});
  return keys == 0 || check_operand(r, r->nin - 1, &key);
}

/* A bias of floats and a mask of booleans, each at most once, that broadcast to
** the scores. */
static bool seen_fits(Rule *r, int first) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  Type scores = scores_type(r->in);
  int floats = 0, bools = 0;
  if (!key_fits(r, first))
    return false;
  for (int i = first; i < r->nin - attr_given(&r->attr[RATE]); i++) {
    const Type *t = &r->in[i];
    floats += t->dtype == F32;
    bools += t->dtype == BOOL;
    bool fits = t->rank == 4 && (t->dtype == F32 || t->dtype == BOOL);
    for (int axis = 0; fits && axis < 4; axis++)
      fits = t->dim[axis] == 1 || may_equal(t->dim[axis], scores.dim[axis]);
    if (!fits || floats > 1 || bools > 1)
      return fail(r->error, "takes a float32 bias and a bool mask that "
                            "broadcast to %s, got %s %s",
                  type_text(&scores, a), dtype_name((DType)t->dtype),
                  type_text(t, b));
  }
  return true;
}

static bool attention_shape(Rule *r) {
  if (!operands_fit(r) || !sizes_fit(r) || !seen_fits(r, SEEN))
    return false;
  Type scores = scores_type(r->in);
  r->nout = 3;
  r->out[0] = r->in[Q];
  r->out[0].dim[0] = scores.dim[0];
  r->out[0].dim[3] = r->in[V].dim[3];
  r->out[TOP] = r->out[SHARE] = type_new(F32, 3, scores.dim);
  return true;
}

/* Where all share an item, its gradient is the sum of what each gives. */
static bool back_shape(Rule *r) {
  if (!operands_fit(r) || !sizes_fit(r) || !seen_fits(r, BACK_SEEN))
    return false;
  r->nout = 3;
  for (int i = 0; i < 3; i++) {
    r->out[i] = r->in[i];
    r->out[i].dim[0] = scores_type(r->in).dim[0];
  }
  Type scores = scores_type(r->in), row = type_new(F32, 3, scores.dim);
  Type y = r->out[0];
  y.dim[3] = r->in[V].dim[3];
  return check_operand(r, BACK_Y, &y) && check_operand(r, BACK_TOP, &row) &&
         check_operand(r, BACK_SHARE, &row) && check_operand(r, BACK_G, &y);
}

/* ---- the work ----------------------------------------------------------- */

/* By what weights are multiplied that are not dropped. */
static double growth_of(double rate) {
  return rate < 1 ? 1 / (1 - rate) : 0;
}

static Attention sizes_of(const OpCall *s) {
  const Type *q = &s->in[Q], *k = &s->in[K];
  int64_t batch = scores_type(s->in).dim[0];
  return (Attention){
    .batch = batch, .one_q = q->dim[0] != batch, .one_k = k->dim[0] != batch,
    .one_v = s->in[V].dim[0] != batch, .queries = q->dim[1], .heads = q->dim[2],
    .size = q->dim[3], .keys = k->dim[1], .key_heads = k->dim[2],
    .value_size = s->in[V].dim[3], .scale = (float)s->attr[SCALE].f,
    .hidden = (float)s->attr[HIDDEN_SCORE].f, .causal = s->attr[CAUSAL].i[0],
    .add = s->attr[ADD].i[0], .rate = (float)rate_of(s->attr),
    .more = (float)growth_of(rate_of(s->attr))};
}

static void strides_of(const Type *t, int64_t stride[4]) {
  for (int i = 0; i < 4; i++)
    stride[i] = t->dim[i] == 1 ? 0 : type_span(t, i + 1, 4);
}

static Attention attention_of(const OpCall *s, const Run *r, int first) {
  Attention a = sizes_of(s);
  a.q = r->in[Q];
  a.k = r->in[K];
  a.v = r->in[V];
  for (int i = first; i < s->nin; i++)
    if (is_key(&s->in[i])) {
      a.key = random_key_of(r->in[i]);
    } else if (s->in[i].dtype == BOOL) {
      a.mask = r->in[i];
      strides_of(&s->in[i], a.mask_stride);
    } else {
      a.bias = r->in[i];
      strides_of(&s->in[i], a.bias_stride);
    }
  return a;
}

/* Units of work in tasks of some 30 microseconds, 80 multiply-adds a
** nanosecond. */
static int64_t tasks_of(int64_t units, double work) {
  enum { GRAIN = 30 * 1000 * 80 };
  double tasks = (double)units * work / GRAIN;
  if (units <= 1 || tasks <= 1)
    return 1;
  return tasks >= (double)units ? units : (int64_t)tasks;
}

static double work_of(const Attention *a, int64_t rows) {
  return (double)rows * (double)a->keys * (double)(a->size + a->value_size);
}

static int64_t groups_of(const Attention *a) {
  return (a->queries + ATTENTION_GROUP - 1) / ATTENTION_GROUP;
}

static int64_t attention_tasks(const OpCall *s) {
  Attention a = sizes_of(s);
  int64_t rows = a.queries < ATTENTION_GROUP ? a.queries : ATTENTION_GROUP;
  return tasks_of(a.batch * a.heads * groups_of(&a), work_of(&a, rows));
}

static int64_t attention_local(const OpCall *s) {
  Attention a = sizes_of(s);
  return attend_scratch(&a);
}

static void attention_run(const OpCall *s, const Run *r, int64_t task) {
  Attention a = attention_of(s, r, SEEN);
  int64_t groups = groups_of(&a), units = a.batch * a.heads * groups;
  int64_t tasks = attention_tasks(s), end = units * (task + 1) / tasks;
  a.y = r->out[0];
  a.top = r->out[TOP];
  a.share = r->out[SHARE];
  for (int64_t u = units * task / tasks; u < end && !env_stopped(r->env); u++) {
    int64_t i0 = u % groups * ATTENTION_GROUP, i1 = i0 + ATTENTION_GROUP;
    ISA(attend)(&a, u / groups / a.heads, u / groups % a.heads, i0,
                i1 < a.queries ? i1 : a.queries, r->local);
  }
}

static int64_t back_tasks(const OpCall *s) {
  Attention a = sizes_of(s);
  double each = a.key_heads > 0 ? (double)(a.heads / a.key_heads) : 0;
  return tasks_of(a.batch * a.key_heads, 2.5 * each * work_of(&a, a.queries));
}

static int64_t back_local(const OpCall *s) {
  Attention a = sizes_of(s);
  return attend_back_scratch(&a);
}

static void back_run(const OpCall *s, const Run *r, int64_t task) {
  Attention a = attention_of(s, r, BACK_SEEN);
  int64_t units = a.batch * a.key_heads, tasks = back_tasks(s);
  int64_t end = units * (task + 1) / tasks;
  a.y = r->in[BACK_Y];
  a.top = r->in[BACK_TOP];
  a.share = r->in[BACK_SHARE];
  a.g = r->in[BACK_G];
  a.dq = r->out[Q];
  a.dk = r->out[K];
  a.dv = r->out[V];
  for (int64_t u = units * task / tasks; u < end && !env_stopped(r->env); u++)
    ISA(attend_back)(&a, u / a.key_heads, u % a.key_heads, r->local);
}

/* ---- the lowering ------------------------------------------------------- */

static Val turned(Context *c, Val x, int64_t a, int64_t b, int64_t d,
                  int64_t e) {
  return transposed(c, x, 4, (int64_t[]){a, b, d, e});
}

/* x (b, T, heads, d) as (`heads`, b, T, d), each head so many times. */
static Val heads_first(Context *c, Val x, int64_t heads) {
  int64_t own = val_type(x)->dim[2];
  Val y = turned(c, x, 2, 0, 1, 3);
  Type type = type_new(I32, 1, &heads);
  Tensor ids;
  if (own == heads || c->error.set ||
      !tensor_new(&ids, c->account, &type, &c->error))
    return y;
  for (int64_t i = 0; i < heads; i++)
    tensor_put(&ids, i, (double)(i / (heads / own)));
  return gather(c, y, value_of(c, ids));
}

static Val scores_seen(Context *c, const Node *n, Val scores, Val seen) {
  const Attr *attr = n->attr;
  Val hidden = scalar_f32(c, attr[HIDDEN_SCORE].f);
  Val other = attr[ADD].i[0] ? add(c, scores, hidden) : hidden;
  return select_of(c, seen, scores, other);
}

/* Which places of (..., T, S) are not behind the query's own. */
static Val not_behind(Context *c, Val scores) {
  Attr query = attr_int(-2), key = attr_int(-1);
  return less_equal(c, emit_op(c, "iota_like", &scores, 1, &key),
                    emit_op(c, "iota_like", &scores, 1, &query));
}

/* The scores (heads, b, T, S) as they count. */
static Val lowered_scores(Context *c, const Node *n, const Val *x,
                          const Val *seen, int count) {
  int64_t heads = val_type(x[Q])->dim[2];
  Val q = scaled(c, heads_first(c, x[Q], heads), n->attr[SCALE].f);
  Val scores = matmul_of(c, q, heads_first(c, x[K], heads), false, true);
  Val mask = {NULL, 0};
  for (int i = 0; i < count; i++) {
    if (is_key(val_type(seen[i])))
      continue;
    Val t = turned(c, seen[i], 1, 0, 2, 3);
    if (val_type(t)->dtype == BOOL)
      mask = t;
    else
      scores = add(c, scores, t);
  }
  if (n->attr[CAUSAL].i[0]) {
    Val own = not_behind(c, scores);
    mask = mask.node ? mul(c, mask, own) : own;
  }
  return mask.node ? scores_seen(c, n, scores, mask) : scores;
}

/* The weights (heads, b, T, S) without those that are dropped. */
static Val lowered_drop(Context *c, const Node *n, Val weights, Val key) {
  double rate = rate_of(n->attr);
  Val by_item = turned(c, weights, 1, 0, 2, 3);
  Val u = emit_op(c, "random_uniform_of", (Val[]){by_item, key}, 2, NULL);
  Val kept = less_equal(c, scalar_f32(c, rate), turned(c, u, 1, 0, 2, 3));
  return select_of(c, kept, scaled(c, weights, growth_of(rate)),
                   scalar_f32(c, 0));
}

/* y, top and share of the inputs x and `count` of what is seen. */
static void lower(Context *c, const Node *n, const Val *x, const Val *seen,
                  int count, Val *y) {
  Attr last = {.kind = ATTR_AXES, .n = 1, .i = {3}};
  Val scores = lowered_scores(c, n, x, seen, count);
  Val top = emit_op(c, "max", &scores, 1, (Attr[]){last, attr_bool(true)});
  Val e = exp_of(c, sub(c, scores, top));
  Val share = reciprocal(c, sum_axes(c, e, &last, true));
  Val v = heads_first(c, x[V], val_type(x[Q])->dim[2]);
  Val weights = mul(c, e, share);
  if (rate_of(n->attr) > 0)
    weights = lowered_drop(c, n, weights, seen[count - 1]);
  y[0] = turned(c, matmul_of(c, weights, v, false, false), 1, 2, 0, 3);
  top = sum_axes(c, top, &last, false);
  share = sum_axes(c, share, &last, false);
  y[TOP] = transposed(c, top, 3, (int64_t[]){1, 0, 2});
  y[SHARE] = transposed(c, share, 3, (int64_t[]){1, 0, 2});
}

/* The same value as another one, that gradients are asked for apart: inputs of
** a call may be one. */
static Val apart(Context *c, Val x) {
  return value_watch(c, scaled(c, x, 1));
}

/* ---- gradients ---------------------------------------------------------- */

/* A bias: what else is seen has no gradient. */
static bool is_bias(const Type *t) {
  return t->dtype != BOOL && !is_key(t);
}

/* Inputs of a node, apart: the first three, then what is seen from `first` on.
** Returns how many that is. */
static int inputs_apart(Context *c, const Node *n, int first, Val *x) {
  int count = n->nin - first;
  for (int i = 0; i < 3; i++)
    x[i] = apart(c, input(n, i));
  for (int i = 0; i < count; i++) {
    Val t = input(n, first + i);
    x[SEEN + i] = is_bias(val_type(t)) ? apart(c, t) : t;
  }
  return SEEN + count;
}

static void plus(Context *c, Val *slot, Val v) {
  if (v.node)
    *slot = slot->node ? add(c, *slot, v) : v;
}

/* What dy, of which there are three, give through the lowering to the inputs
** from `from` on. */
static void through_lowering(Context *c, const Node *n, const Val *dy, int from,
                             Val *dx) {
  Val x[SEEN + MOST_SEEN], y[3], d[SEEN + MOST_SEEN];
  c->recording++;
  int count = inputs_apart(c, n, SEEN, x);
  lower(c, n, x, x + SEEN, count - SEEN, y);
  if (gradient_from(c, y, dy, 3, x, count, d))
    for (int i = from; i < count; i++)
      plus(c, &dx[i], d[i]);
  c->recording--;
}

static bool wants_bias(const Node *n) {
  for (int i = SEEN; i < n->nin; i++)
    if (is_bias(val_type(input(n, i))) &&
        (val_symbolic(input(n, i)) || input(n, i).node->tracked))
      return true;
  return false;
}

static void attention_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  if (dy[TOP].node || dy[SHARE].node) {
    through_lowering(c, n, dy, Q, dx);
    return;
  }
  Val in[BACK_SEEN + MOST_SEEN] = {
    input(n, Q), input(n, K), input(n, V), result(n),
    {(Node *)(uintptr_t)n, TOP}, {(Node *)(uintptr_t)n, SHARE}, dy[0]
  };
  for (int i = SEEN; i < n->nin; i++)
    in[BACK_SEEN + i - SEEN] = input(n, i);
  Node *back = emit_op(c, "dot_product_attention_back", in,
                       BACK_SEEN + n->nin - SEEN, n->attr).node;
  for (int i = 0; i < 3; i++)
    dx[i] = (Val){back, i};
  if (wants_bias(n))
    through_lowering(c, n, dy, SEEN, dx);
}

/* Of what q, k, v, the bias and g come to: y, top and share follow from them,
** so nothing goes through those. */
static void back_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val x[SEEN + MOST_SEEN + 1], y[3], first[3], from[3], given[3];
  Val d[SEEN + MOST_SEEN + 1];
  int outputs = 0;
  c->recording++;
  int count = inputs_apart(c, n, BACK_SEEN, x);
  Val g = apart(c, input(n, BACK_G));
  lower(c, n, x, x + SEEN, count - SEEN, y);
  bool ok = gradient_from(c, y, &g, 1, x, 3, first);
  for (int i = 0; ok && i < 3; i++)
    if (dy[i].node && first[i].node) {
      from[outputs] = first[i];
      given[outputs++] = dy[i];
    }
  x[count] = g;
  if (ok && gradient_from(c, from, given, outputs, x, count + 1, d)) {
    for (int i = 0; i < 3; i++)
      dx[i] = d[i];
    for (int i = SEEN; i < count; i++)
      dx[BACK_SEEN + i - SEEN] = d[i];
    dx[BACK_G] = d[count];
  }
  c->recording--;
}

const Op ops_attention[] = {
  {"dot_product_attention", "q, k, v, *seen, " OPTIONS, ROWS, COMPUTE,
   attention_shape, .tasks = attention_tasks, .run = attention_run,
   .local = attention_local, .vjp = attention_vjp,
   .doc = "softmax(scale q . k) . v of (batch, time, heads, size), where a "
          "bias and a mask say what is seen, and a key which weights are "
          "dropped when there is a rate; the largest scores; one over the "
          "sums of e ^ (scores - largest)."},
  {"dot_product_attention_back",
   "q, k, v, y, top, share, g, *seen, " OPTIONS, ROWS, COMPUTE, back_shape,
   .tasks = back_tasks, .run = back_run, .local = back_local,
   .vjp = back_vjp, .traits = HIDDEN,
   .doc = "What g gives to q, k and v of attention."},
  {0}
};
