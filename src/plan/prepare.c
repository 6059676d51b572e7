/* What depends on weights alone is computed once for each version of them, and
** not in every run: right sides of products become panels, and whatever else
** needs no input goes the same way. It becomes a function of its own, whose
** results the plan reads as further leaves. */
#include "plan/prepare.h"

#include <string.h>

/* ---- the pass ----------------------------------------------------------- */

typedef struct Preparer {
  Prog *p;
  Node **list; /* the nodes again, with those that were made; each has its */
  int n, size; /* number in it */
  bool *fixed; /* of each: it depends on weights alone */
  Val *value;  /* what is prepared, and the leaf that stands for it */
  Val *leaf;
  int nvalues, values_size;
  Val *split; /* what stands for the nodes that were split: -2, -3 ... are */
  int nsplits; /* their numbers */
} Preparer;

static bool add_node(Preparer *k, Node *n, bool fixed) {
  if (k->n == k->size) {
    int size = k->size ? 2 * k->size : 256;
    Account *account = k->p->c.account;
    Node **list = mem_resize(account, k->list, (size_t)size, sizeof *list);
    k->list = list ? list : k->list;
    bool *flag = mem_resize(account, k->fixed, (size_t)size, sizeof *flag);
    k->fixed = flag ? flag : k->fixed;
    if (list == NULL || flag == NULL)
      return fail_memory(k->p->error, "out of memory");
    k->size = size;
  }
  n->number = k->n;
  k->fixed[k->n] = fixed;
  k->list[k->n++] = n;
  return true;
}

/* A variable that the function only reads. */
static bool is_weight(const Prog *p, const Node *n) {
  for (int i = 0; i < p->f->nbindings; i++)
    if (p->leaf[i].node == n)
      return p->update[i].node == NULL;
  return false;
}

/* Whether what is kept would be much more than what it is made of, or nobody
** knows how much: then it is rather made again, unless the op says otherwise.
** (The panel of a few columns has room for 32.) */
static bool is_large(const Node *n) {
  int64_t in = 4096, out = 0;
  for (int i = 0; i < n->nout; i++)
    if (!type_known(&n->out[i].type))
      return true;
  if (n->op->traits & LASTS)
    return false;
  for (int i = 0; i < n->nin; i++)
    if (!op_shape_only(n->op, i))
      in += 4 * type_bytes(val_type(n->in[i]));
  for (int i = 0; i < n->nout; i++)
    out += type_bytes(&n->out[i].type);
  return out > in;
}

bool depends_on_weights(const Prog *p, const bool *fixed, const Node *n) {
  bool any = false;
  if (n->nin == 0 || n->scope == 0)
    return node_is_value(n) || is_weight(p, n);
  if (n->op->traits & (DRAWS | HOST | BODY | FAULTS) || is_large(n))
    return false;
  for (int i = 0; i < n->nin; i++) {
    if (op_shape_only(n->op, i) || node_is_shape(n->in[i].node))
      continue;
    if (!fixed[n->in[i].node->number])
      return false;
    any = true;
  }
  return any;
}

/* A weight, a constant, or a view of one: it lies there already. */
static bool lies_there(const Node *n) {
  int64_t offset;
  while (n->nin > 0 && n->scope != 0 && node_view(n, &offset))
    n = n->in[0].node;
  return n->nin == 0 || n->scope == 0;
}

/* Whether they are the same by how they are made: a layer that is called twice
** has its kernel packed once. */
static bool made_alike(Val a, Val b) {
  const Node *x = a.node, *y = b.node;
  if (val_same(a, b))
    return true;
  if (a.out != b.out || x->op != y->op || x->nin != y->nin || x->nin == 0)
    return false;
  for (int i = 0; i < x->nin; i++)
    if (!val_same(x->in[i], y->in[i]))
      return false;
  return memcmp(x->attr, y->attr,
                (size_t)op_nattr(x->op) * sizeof *x->attr) == 0;
}

static bool more_values(Preparer *k) {
  int size = k->values_size ? 2 * k->values_size : 16;
  Account *account = k->p->c.account;
  Val *value = mem_resize(account, k->value, (size_t)size, sizeof *value);
  k->value = value ? value : k->value;
  Val *leaf = mem_resize(account, k->leaf, (size_t)size, sizeof *leaf);
  k->leaf = leaf ? leaf : k->leaf;
  if (value == NULL || leaf == NULL)
    return fail_memory(k->p->error, "out of memory");
  k->values_size = size;
  return true;
}

/* Reads v as a leaf from now on; one for all who read it. */
static bool replace(Preparer *k, Val *v) {
  int i = 0;
  while (i < k->nvalues && !made_alike(k->value[i], *v))
    i++;
  if (i == k->nvalues) {
    if (i == k->values_size && !more_values(k))
      return false;
    k->value[i] = *v; /* the context holds it */
    k->leaf[i] = node_leaf(&k->p->c, val_type(*v));
    k->nvalues++;
    if (k->p->c.error.set || !add_node(k, k->leaf[i].node, false))
      return fail_memory(k->p->error, "out of memory");
  }
  node_retain(k->leaf[i].node);
  node_release(v->node);
  *v = k->leaf[i];
  return true;
}

/* What the node reads and that depends on weights alone becomes leaves. */
static bool add_changing(Preparer *k, Node *n) {
  for (int i = 0; i < n->nin; i++) {
    const Node *x = n->in[i].node;
    if (k->fixed[x->number] && !lies_there(x) && !op_shape_only(n->op, i) &&
        !replace(k, &n->in[i]))
      return false;
  }
  return add_node(k, n, false);
}

/* See Op.prepare. */
static unsigned how_to_split(const Preparer *k, const Node *n) {
  unsigned how = PREPARE_LASTING;
  for (int i = 0; i < n->nin; i++)
    if ((n->op->prepared >> i & 1) && !k->fixed[n->in[i].node->number])
      how = 0;
  return how | (k->p->passes & PASS_WINOGRAD ? PREPARE_FEWER : 0);
}

/* The nodes that say the same in two parts, and the value that n is now. */
static bool add_split(Preparer *k, Node *n, Val *now) {
  Context *c = &k->p->c;
  int mark = context_mark(c);
  if (!n->op->prepare(c, n, how_to_split(k, n), now) || c->error.set)
    return false;
  now->node->origin = n->origin;
  for (int i = mark; i < c->npending; i++) {
    Node *made = c->pending[i];
    bool fixed = depends_on_weights(k->p, k->fixed, made);
    if (fixed ? !add_node(k, made, true) : !add_changing(k, made))
      return false;
  }
  return true;
}

/* Whoever reads a node that was split reads what stands for it. */
static void read_instead(const Preparer *k, Val *v) {
  if (v->node == NULL || v->node->number > -2)
    return;
  Val now = k->split[-2 - v->node->number];
  node_retain(now.node);
  node_release(v->node);
  *v = now;
}

static bool add_again(Preparer *k, Node *n) {
  for (int i = 0; i < n->nin; i++)
    read_instead(k, &n->in[i]);
  bool fixed = depends_on_weights(k->p, k->fixed, n);
  if (fixed)
    return add_node(k, n, true);
  if (n->op->prepare && n->scope != 0 &&
      add_split(k, n, &k->split[k->nsplits])) {
    n->number = -2 - k->nsplits++;
    return true;
  }
  return !k->p->c.error.set && add_changing(k, n);
}

static bool add_all(Preparer *k) {
  Prog *p = k->p;
  k->split = mem_new(p->c.account, (size_t)p->n + 1, sizeof *k->split);
  if (k->split == NULL)
    return fail_memory(p->error, "out of memory");
  for (int i = 0; i < p->n; i++)
    if (!add_again(k, p->node[i]))
      return p->c.error.set ? fail_again(p->error, &p->c.error) : false;
  for (int i = 0; i < p->f->noutputs; i++)
    if (p->out[i].node->number < -1)
      p->out[i] = k->split[-2 - p->out[i].node->number];
  for (int i = 0; i < p->f->nbindings; i++)
    if (p->update[i].node && p->update[i].node->number < -1)
      p->update[i] = k->split[-2 - p->update[i].node->number];
  return true;
}

bool prepare(Prog *p, Function **made) {
  Preparer k = {.p = p};
  *made = NULL;
  if (!(p->passes & PASS_PREPARE))
    return true;
  bool ok = add_all(&k);
  if (ok && k.nvalues > 0) {
    *made = function_of_variables(&p->c, p->f, p->leaf, k.value, k.nvalues);
    ok = *made != NULL;
    p->prepared = k.leaf;
    p->nprepared = k.nvalues;
    k.leaf = NULL;
  }
  ok = ok && prog_collect(p, k.list, k.n);
  if (!ok) {
    function_release(*made);
    *made = NULL;
  }
  mem_free(k.list);
  mem_free(k.fixed);
  mem_free(k.value);
  mem_free(k.leaf);
  mem_free(k.split);
  return ok || fail_memory(p->error, "out of memory");
}
