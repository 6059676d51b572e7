/* Values computed again from other sources: nodes between the roots and the
** values that are replaced are emitted anew. So a body is inlined, cut in two,
** or given concrete types, and shape rules and simplifications speak again. */

#include <string.h>

#include "graph/graph.h"

typedef struct Copier {
  Context *c;
  Node **node;
  int n;
  NodeMap number;
  bool *wanted;
  Node **copy; /* of each node that was copied */
  const Val *from, *to;
  int m;
  NodeMap source; /* of each node that is replaced: its last place in `from` */
  int *earlier;   /* ... and where it stands before that, -1 */
} Copier;

/* The first that is given stands; the list goes from the last one to it. */
static bool replaced(const Copier *k, Val v, Val *by) {
  bool found = false;
  for (int i = nodemap_get(&k->source, v.node); i >= 0; i = k->earlier[i])
    if (val_same(k->from[i], v)) {
      *by = k->to[i];
      found = true;
    }
  return found;
}

/* Only what the roots need behind the replaced values is copied. */
static void want(Copier *k, Val v) {
  Val by;
  if (!replaced(k, v, &by))
    k->wanted[nodemap_get(&k->number, v.node)] = true;
}

static Val copied(const Copier *k, Val v) {
  Val by;
  if (replaced(k, v, &by))
    return by;
  Node *copy = k->copy[nodemap_get(&k->number, v.node)];
  return copy ? (Val){copy, v.out} : v;
}

static void copy_node(Copier *k, int i) {
  Val in[MAX_INPUTS];
  const Node *n = k->node[i];
  if (node_is_leaf(n))
    return; /* it stands for itself: the copy reads it as well */
  for (int a = 0; a < n->nin; a++)
    in[a] = copied(k, n->in[a]);
  Val v = emit(k->c, n->op, in, n->nin, n->attr);
  k->copy[i] = v.node;
  if (val_symbolic(v) && n->origin) /* errors name the user's line, not ours */
    v.node->origin = n->origin;
}

static bool note_sources(Copier *k) {
  k->earlier = mem_new(k->c->account, (size_t)k->m + 1, sizeof *k->earlier);
  for (int i = 0; k->earlier && i < k->m; i++) {
    int *last = nodemap_at(&k->source, k->from[i].node);
    if (last == NULL)
      return false;
    k->earlier[i] = *last;
    *last = i;
  }
  return k->earlier != NULL;
}

static bool copier_open(Copier *k, Context *c, const Val *roots, int n) {
  k->c = c;
  k->number.account = k->source.account = c->account;
  bool ok = nodes_needed(c->account, roots, n, true, &k->node, &k->n);
  k->wanted = mem_new(c->account, (size_t)k->n + 1, sizeof *k->wanted);
  k->copy = mem_new(c->account, (size_t)k->n + 1, sizeof *k->copy);
  ok = ok && k->wanted && k->copy && note_sources(k);
  for (int i = 0; ok && i < k->n; i++) {
    int *number = nodemap_at(&k->number, k->node[i]);
    ok = number != NULL;
    if (ok)
      *number = i;
  }
  return ok || fail_memory(&c->error, "out of memory");
}

static void copier_close(Copier *k) {
  mem_free(k->node);
  mem_free(k->wanted);
  mem_free(k->copy);
  mem_free(k->earlier);
  nodemap_free(&k->number);
  nodemap_free(&k->source);
}

bool copy_values(Context *c, const Val *roots, int n, const Val *from,
                 const Val *to, int m, Val *out) {
  Copier k = {.from = from, .to = to, .m = m};
  if (c->error.set || !copier_open(&k, c, roots, n)) {
    copier_close(&k);
    return false;
  }
  for (int i = 0; i < n; i++)
    want(&k, roots[i]);
  for (int i = k.n - 1; i >= 0; i--) /* readers come before what they read */
    for (int a = 0; k.wanted[i] && a < k.node[i]->nin; a++)
      want(&k, k.node[i]->in[a]);
  for (int i = 0; i < k.n && !c->error.set; i++)
    if (k.wanted[i])
      copy_node(&k, i);
  for (int i = 0; i < n && !c->error.set; i++)
    out[i] = copied(&k, roots[i]);
  copier_close(&k);
  return !c->error.set;
}

/* ---- types alone -------------------------------------------------------- */

/* What copying would give for other types, for rules that ask before anything
** may be emitted. */

/* Outputs of each node, one after another. */
typedef struct Typing {
  NodeMap first;
  Type *type;
  Type *in, *made; /* of the node at hand: too large for the stack, and bodies
                      have bodies */
} Typing;

static const Type *typed(const Typing *t, Val v) {
  int first = nodemap_get(&t->first, v.node);
  return &t->type[first + v.out];
}

/* The rule may write into the attributes, and those of the node stay. */
static bool type_node(Typing *t, const Node *n, Type *out, Error *e) {
  Attr attr[MAX_ATTRS];
  if (n->nin == 0)
    return true; /* leaves are what they are, inputs are set before */
  int nattr = op_nattr(n->op);
  for (int i = 0; i < n->nin; i++)
    t->in[i] = *typed(t, n->in[i]);
  if (nattr)
    memcpy(attr, n->attr, (size_t)nattr * sizeof *attr);
  Rule r = {.op = n->op, .nin = n->nin, .nout = 1, .in = t->in,
            .attr = attr, .out = t->made, .error = e};
  if (!n->op->shape(&r))
    return false;
  for (int i = 0; i < r.nout; i++)
    if (!type_countable(&t->made[i]))
      return fail(e, "%s: no memory has so many numbers", n->op->name);
  memcpy(out, t->made, (size_t)r.nout * sizeof *out);
  return true;
}

static bool fill_types(Typing *t, const Function *f, Node **node, int n,
                       const Type *in, Error *e) {
  int at = 0;
  for (int i = 0; i < n; i++) {
    int *first = nodemap_at(&t->first, node[i]);
    if (first == NULL)
      return fail_memory(e, "out of memory");
    *first = at;
    for (int k = 0; k < node[i]->nout; k++)
      t->type[at++] = node[i]->out[k].type;
  }
  for (int i = 0; i < f->ninputs; i++) {
    int first = nodemap_get(&t->first, f->inputs[i].node);
    if (first >= 0)
      t->type[first] = in[i];
  }
  for (int i = 0; i < n; i++)
    if (!type_node(t, node[i], &t->type[nodemap_get(&t->first, node[i])], e))
      return false;
  return true;
}

/* The rules alone would take other element types, which need casts. */
static bool takes(const Function *f, const Type *in, Error *e) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  for (int i = 0; i < f->ninputs; i++) {
    const Type *own = val_type(f->inputs[i]);
    if (in[i].dtype != own->dtype || in[i].rank != own->rank)
      return fail(e, "input %d is %s %s, its function takes %s %s", i + 1,
                  dtype_name((DType)in[i].dtype), type_text(&in[i], a),
                  dtype_name((DType)own->dtype), type_text(own, b));
  }
  return true;
}

bool function_types(const Function *f, const Type *in, Type *out, Error *e) {
  if (!takes(f, in, e))
    return false;
  Typing t = {.first = {.account = f->account}};
  int n = 0, outs = 0, most = 0;
  Node **node;
  bool ok = nodes_needed(f->account, f->outputs, f->noutputs, true, &node, &n);
  for (int i = 0; i < n; i++) {
    outs += node[i]->nout;
    most = node[i]->nin > most ? node[i]->nin : most;
  }
  t.type = mem_new(f->account, (size_t)(outs + most + MAX_OUTPUTS),
                   sizeof *t.type);
  if (t.type) {
    t.in = t.type + outs;
    t.made = t.in + most;
  }
  ok = ok && t.type ? fill_types(&t, f, node, n, in, e)
                    : fail_memory(e, "out of memory");
  for (int i = 0; ok && i < f->noutputs; i++)
    out[i] = *typed(&t, f->outputs[i]);
  mem_free(node);
  mem_free(t.type);
  nodemap_free(&t.first);
  return ok;
}
