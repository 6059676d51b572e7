/* The first pass: the function again, with concrete sizes. The nodes are
** emitted anew, so shape rules speak for themselves; on the way calls become
** their bodies, equal nodes are shared, and each node is simplified. What
** nobody needs is left behind. */

#include <stdlib.h>
#include <string.h>

#include "ops/build.h"
#include "scan/scan.h"
#include "plan/prog.h"

/* ---- sharing ------------------------------------------------------------ */

typedef struct Shared {
  Account *account;
  Node **slot;
  uint64_t *hash; /* of what lies in each slot */
  int size, used;
} Shared;

INLINE uint64_t mix_word(uint64_t h, uint64_t word) {
  h = (h ^ word) * 0x9e3779b97f4a7c15u;
  return h ^ h >> 32;
}

static uint64_t mix(uint64_t h, const void *data, size_t n) {
  const char *p = data;
  uint64_t word = 0;
  for (; n >= sizeof word; n -= sizeof word, p += sizeof word) {
    memcpy(&word, p, sizeof word);
    h = mix_word(h, word);
  }
  word = 0;
  memcpy(&word, p, n);
  return n ? mix_word(h, word) : h;
}

static uint64_t node_hash(const Node *n) {
  uint64_t h = mix_word(0, (uintptr_t)n->op);
  for (int i = 0; i < n->nin; i++)
    h = mix_word(h, (uintptr_t)n->in[i].node + (uintptr_t)n->in[i].out);
  h = mix(h, n->attr, (size_t)op_nattr(n->op) * sizeof *n->attr);
  h = mix(h, &n->out[0].type, sizeof n->out[0].type);
  if (node_is_value(n))
    h = mix(h, n->out[0].data, (size_t)type_bytes(&n->out[0].type));
  return h;
}

static bool node_equal(const Node *a, const Node *b) {
  if (a->op != b->op || a->nin != b->nin || a->nout != b->nout ||
      !type_equal(&a->out[0].type, &b->out[0].type))
    return false;
  for (int i = 0; i < a->nin; i++)
    if (!val_same(a->in[i], b->in[i]))
      return false;
  if (node_is_value(a))
    return memcmp(a->out[0].data, b->out[0].data,
                  (size_t)type_bytes(&a->out[0].type)) == 0;
  return memcmp(a->attr, b->attr,
                (size_t)op_nattr(a->op) * sizeof *a->attr) == 0;
}

/* The slot of the node's equal, or an empty one. */
static size_t find_slot(const Shared *s, const Node *n, uint64_t hash) {
  size_t i = (size_t)hash & (size_t)(s->size - 1);
  while (s->slot[i] && (s->hash[i] != hash || !node_equal(s->slot[i], n)))
    i = (i + 1) & (size_t)(s->size - 1);
  return i;
}

static bool shared_grow(Shared *s) {
  Shared old = *s;
  s->size = old.size ? 2 * old.size : 256;
  s->slot = mem_new(s->account, (size_t)s->size, sizeof *s->slot);
  s->hash = mem_new(s->account, (size_t)s->size, sizeof *s->hash);
  if (s->slot == NULL || s->hash == NULL) {
    mem_free(s->slot);
    mem_free(s->hash);
    *s = old;
    return false;
  }
  for (int i = 0; i < old.size; i++) {
    if (old.slot[i] == NULL)
      continue;
    size_t at = (size_t)old.hash[i] & (size_t)(s->size - 1);
    while (s->slot[at]) /* all are different */
      at = (at + 1) & (size_t)(s->size - 1);
    s->slot[at] = old.slot[i];
    s->hash[at] = old.hash[i];
  }
  mem_free(old.slot);
  mem_free(old.hash);
  return true;
}

/* Large constants are not compared: they would not repeat. */
static bool may_share(const Node *n) {
  if (node_is_value(n))
    return type_bytes(&n->out[0].type) <= 64;
  return node_is_shape(n) ||
         (n->op->kind != LEAF && !(n->op->traits & (DRAWS | HOST)));
}

static Val share(Prog *p, Shared *s, Val v) {
  if (!(p->passes & PASS_SHARE) || !may_share(v.node))
    return v;
  if (2 * s->used >= s->size && !shared_grow(s))
    return v;
  uint64_t hash = node_hash(v.node);
  size_t at = find_slot(s, v.node, hash);
  if (s->slot[at] == NULL) {
    s->slot[at] = v.node;
    s->hash[at] = hash;
    s->used++;
  }
  return (Val){s->slot[at], v.out};
}

/* ---- the pass ----------------------------------------------------------- */

/* The nodes of a function, and what became of each of their outputs. */
typedef struct Copies {
  Node **old;
  int n;
  NodeMap first; /* number of output 0 of each node */
  Val *copy;
  const Node **scan; /* the loops in order; the longest of its like first */
  int nscans;
} Copies;

static Val *copy_at(const Copies *k, const Node *n) {
  return &k->copy[nodemap_get(&k->first, n)];
}

static Val copy_of(const Copies *k, Val v) {
  return copy_at(k, v.node)[v.out];
}

static bool at_origin(Prog *p, const Node *n) {
  if (!p->c.error.set)
    return true;
  fail_again(p->error, &p->c.error);
  if (n->origin)
    error_suffix(p->error, "; op at %s", n->origin);
  return false;
}

/* What is on a host's memory is copied: the host may take it back. */
static Val copy_value(Prog *p, const Tensor *t) {
  Tensor own = {.buffer = NULL};
  if (!tensor_readable(t, &p->c.error))
    return (Val){p->c.dummy, 0};
  if (t->buffer->account)
    return value_of(&p->c, tensor_share(t));
  tensor_copy(&own, t, p->c.account, &p->c.error);
  return value_of(&p->c, own);
}

static Val copy_leaf(Prog *p, const Node *n) {
  if (node_is_shape(n))
    return shape_leaf(&p->c, &n->out[0].type);
  if (n->scope == 0 && n->out[0].buffer) /* a value, of whatever op */
    return copy_value(p, &n->out[0]);
  fail(&p->c.error, "a symbolic tensor of another trace is used");
  return (Val){p->c.dummy, 0};
}

static int64_t scan_id(const Node *n) {
  return n->attr[SCAN_ID].i[0];
}

static bool is_scan(const Node *n) {
  return n->op->role == LOOPS;
}

/* By id and inputs: a function that is called twice has two of one id. */
static int compare_scans(const Node *x, const Node *y) {
  if (scan_id(x) != scan_id(y))
    return scan_id(x) < scan_id(y) ? -1 : 1;
  if (x->nin != y->nin)
    return x->nin - y->nin;
  for (int i = 0; i < x->nin; i++) {
    Val a = x->in[i], b = y->in[i];
    if (a.node->seq != b.node->seq)
      return a.node->seq < b.node->seq ? -1 : 1;
    if (a.out != b.out)
      return a.out - b.out;
  }
  return 0;
}

static int longest_first(const void *a, const void *b) {
  const Node *x = *(const Node *const *)a, *y = *(const Node *const *)b;
  int order = compare_scans(x, y);
  return order ? order : y->nout - x->nout;
}

static bool find_scans(Copies *k, Account *account) {
  int n = 0;
  for (int i = 0; i < k->n; i++)
    n += is_scan(k->old[i]);
  k->scan = mem_new(account, (size_t)n + 1, sizeof *k->scan);
  for (int i = 0; k->scan && i < k->n; i++)
    if (is_scan(k->old[i]))
      k->scan[k->nscans++] = k->old[i];
  if (k->nscans > 1)
    qsort(k->scan, (size_t)n, sizeof *k->scan, longest_first);
  return k->scan != NULL;
}

/* A scan that is done again with more results serves the shorter ones too: it
** has the same inputs, and its first results are the same. One node of a kind
** is emitted, since each would have a body of its own. */
static const Node *longest_scan(const Copies *k, const Node *n) {
  int low = 0, high = k->nscans;
  if (!is_scan(n))
    return n;
  while (low < high) {
    int middle = (low + high) / 2;
    if (compare_scans(k->scan[middle], n) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return k->scan[low];
}

/* What the op's own rule checks too, but only here is the name known. */
static bool assigned_fits(Prog *p, const Node *n, const Val *in) {
  int64_t number = n->attr[0].i[0];
  char want[TYPE_TEXT], got[TYPE_TEXT];
  if (number < 0 || number >= p->f->nbindings ||
      type_may_be(val_type(in[0]), val_type(in[1])))
    return true;
  return fail(&p->c.error, "assign: variable \"%s\" is %s, the value is %s",
              p->f->bindings[number].variable->name,
              type_text(val_type(in[1]), want),
              type_text(val_type(in[0]), got));
}

static bool copy_call(Prog *p, Shared *s, const Node *n, const Val *in,
                      Val *out);

/* Its results go to `out`. */
static void copy_scan(Prog *p, const Node *n, const Val *in, Val *out) {
  if (p->passes & PASS_PREPARE) {
    if (!scan_prepare(&p->c, n, p->passes & PASS_WINOGRAD, in, out))
      return;
  } else {
    Val v = emit(&p->c, n->op, in, n->nin, n->attr);
    for (int i = 0; i < n->nout && !p->c.error.set; i++)
      out[i] = (Val){v.node, i};
  }
  if (!p->c.error.set)
    out->node->origin = n->origin;
}

static void copy_node(Prog *p, Shared *s, const Copies *k, const Node *n,
                      Val *out) {
  Val in[MAX_INPUTS];
  int outs = n->nout;
  n = longest_scan(k, n);
  Val *first = copy_at(k, n);
  if (first->node) { /* only a scan's may be there */
    memcpy(out, first, (size_t)outs * sizeof *out);
    return;
  }
  if (node_is_leaf(n)) {
    out[0] = share(p, s, copy_leaf(p, n));
    for (int i = 1; i < outs; i++) /* an eager node with several results */
      out[i] = copy_value(p, &n->out[i]);
    return;
  }
  for (int i = 0; i < n->nin; i++)
    in[i] = copy_of(k, n->in[i]);
  if (n->op->role == CALLS) {
    copy_call(p, s, n, in, out);
    return;
  }
  if (n->op->role == ASSIGNS && !assigned_fits(p, n, in))
    return;
  if (is_scan(n)) {
    copy_scan(p, n, in, first);
    memmove(out, first, (size_t)outs * sizeof *out);
    return;
  }
  simplify_unrepeat(p, n->op, in, n->nin);
  Val v = emit(&p->c, n->op, in, n->nin, n->attr);
  if (p->c.error.set)
    return;
  v.node->origin = n->origin;
  if (n->nout == 1)
    v = simplify_fold(p, simplify(p, v));
  v = share(p, s, v);
  for (int i = 0; i < outs; i++)
    out[i] = (Val){v.node, v.out + i};
}

static void set_copy(const Copies *k, Val old, Val copy) {
  int at = nodemap_get(&k->first, old.node);
  if (at >= 0)
    k->copy[at + old.out] = copy;
}

static Val new_leaf(Prog *p, const Copies *k, Val old, const Type *type) {
  Val v = node_leaf(&p->c, type);
  set_copy(k, old, v);
  return v;
}

static bool input_fits(Prog *p, int i, const Type *want, const Type *got) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  if (want->dtype == got->dtype && type_may_be(want, got))
    return true;
  return fail(p->error, "input %d is %s %s, it should be %s %s", i + 1,
              dtype_name((DType)got->dtype), type_text(got, b),
              dtype_name((DType)want->dtype), type_text(want, a));
}

static bool copy_leaves(Prog *p, const Copies *k, const Type *in) {
  const Function *f = p->f;
  for (int i = 0; i < f->ninputs; i++) {
    if (!input_fits(p, i, val_type(f->inputs[i]), &in[i]))
      return false;
    p->in[i] = new_leaf(p, k, f->inputs[i], &in[i]);
  }
  for (int i = 0; i < f->nbindings; i++)
    p->leaf[i] = new_leaf(p, k, f->bindings[i].leaf,
                          &f->bindings[i].variable->tensor.type);
  return true;
}

static bool copies_open(Prog *p, Copies *k, const Val *roots, int n) {
  int values = 0;
  Account *account = p->c.account;
  *k = (Copies){.first = {.account = account}};
  bool ok = nodes_needed(account, roots, n, true, &k->old, &k->n);
  for (int i = 0; ok && i < k->n; i++) {
    int *first = nodemap_at(&k->first, k->old[i]);
    ok = first != NULL;
    if (ok)
      *first = values;
    values += k->old[i]->nout;
  }
  k->copy = mem_new(account, (size_t)values + 1, sizeof *k->copy);
  return (ok && k->copy && find_scans(k, account)) ||
         fail_memory(p->error, "out of memory");
}

static void copies_close(Copies *k) {
  mem_free(k->old);
  mem_free(k->copy);
  mem_free(k->scan);
  nodemap_free(&k->first);
}

static bool copy_all(Prog *p, Shared *s, const Copies *k) {
  for (int i = 0; i < k->n; i++) {
    Val *out = copy_at(k, k->old[i]);
    if (watch_stopped(p->watch, p->error))
      return false;
    if (out->node == NULL)
      copy_node(p, s, k, k->old[i], out);
    if (!at_origin(p, k->old[i]))
      return false;
  }
  return true;
}

/* A call is its body, with the inputs in their places. */
static bool copy_call(Prog *p, Shared *s, const Node *n, const Val *in,
                      Val *out) {
  const Function *f = n->attr[0].body;
  Copies k;
  Val roots[MAX_INPUTS + MAX_OUTPUTS];
  memcpy(roots, f->outputs, (size_t)f->noutputs * sizeof *roots);
  bool ok = copies_open(p, &k, roots, f->noutputs);
  for (int i = 0; ok && i < f->ninputs; i++)
    set_copy(&k, f->inputs[i], in[i]);
  ok = ok && copy_all(p, s, &k);
  for (int i = 0; ok && i < f->noutputs; i++)
    out[i] = copy_of(&k, f->outputs[i]);
  copies_close(&k);
  return ok;
}

static Val *function_roots(const Function *f, int *n) {
  int most = f->noutputs + 2 * f->nbindings + f->ninputs;
  Val *root = mem_new(f->account, (size_t)most + 1, sizeof *root);
  *n = 0;
  for (int i = 0; root && i < f->noutputs; i++)
    root[(*n)++] = f->outputs[i];
  for (int i = 0; root && i < f->nbindings; i++) {
    root[(*n)++] = f->bindings[i].leaf;
    root[(*n)++] = f->bindings[i].current;
  }
  for (int i = 0; root && i < f->ninputs; i++)
    root[(*n)++] = f->inputs[i];
  return root;
}

bool specialise(Prog *p, const Type *in) {
  const Function *f = p->f;
  Copies k;
  Shared shared = {.account = p->c.account};
  int n;
  Val *roots = function_roots(f, &n);
  if (roots == NULL)
    return fail_memory(p->error, "out of memory");
  bool ok = copies_open(p, &k, roots, n) && copy_leaves(p, &k, in) &&
            copy_all(p, &shared, &k);
  for (int i = 0; ok && i < f->noutputs; i++)
    p->out[i] = copy_of(&k, f->outputs[i]);
  for (int i = 0; ok && i < f->nbindings; i++)
    if (!val_same(f->bindings[i].leaf, f->bindings[i].current))
      p->update[i] = copy_of(&k, f->bindings[i].current);
  mem_free(roots);
  mem_free(shared.slot);
  mem_free(shared.hash);
  copies_close(&k);
  /* the context holds all nodes in order of creation, each behind its inputs */
  return ok && prog_collect(p, p->c.pending, p->c.npending);
}
