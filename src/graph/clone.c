/* A function again in a world of its own: nodes, bodies, constants and texts
** are copies, and variables are new ones with the same values. Counts of nodes
** are for one thread, and texts belong to the state in which a node was made;
** the copy may live, and die, elsewhere. */

#include <string.h>

#include "graph/scope.h"

/* ---- texts -------------------------------------------------------------- */

const char *texts_keep(Texts *t, const char *text) {
  int *number = text ? nodemap_at(&t->seen, text) : NULL;
  if (number == NULL) /* an origin that cannot be kept is not said */
    return NULL;
  if (*number >= 0)
    return t->text[*number];
  if ((t->n & (t->n - 1)) == 0) { /* full: the room is a power of two */
    size_t size = t->n ? 2 * (size_t)t->n : 1;
    char **grown = mem_resize(t->seen.account, t->text, size, sizeof *grown);
    if (grown == NULL)
      return NULL;
    t->text = grown;
  }
  char *copy = mem_text(t->seen.account, text);
  if (copy == NULL)
    return NULL;
  *number = t->n;
  return t->text[t->n++] = copy;
}

void texts_free(Texts *t) {
  for (int i = 0; i < t->n; i++)
    mem_free(t->text[i]);
  mem_free(t->text);
  nodemap_free(&t->seen);
  t->text = NULL;
  t->n = 0;
}

/* ---- nodes -------------------------------------------------------------- */

typedef struct Cloner {
  Context *c;
  Texts *origins;
  Node **node;
  int n;
  NodeMap first; /* number of output 0 of each node */
  Val *copy;     /* of each output */
} Cloner;

static Val *copy_at(const Cloner *k, Val v) {
  return &k->copy[nodemap_get(&k->first, v.node) + v.out];
}

static Val clone_value(const Cloner *k, const Tensor *t) {
  Tensor own = {.buffer = NULL};
  Context *c = k->c;
  if (t->buffer == NULL)
    fail(&c->error, "a symbolic tensor of another trace is used");
  else
    tensor_copy(&own, t, c->account, &c->error);
  return value_of(c, own);
}

static void clone_leaf(const Cloner *k, const Node *n, Val *out) {
  if (node_is_shape(n))
    out[0] = shape_leaf(k->c, &n->out[0].type);
  else if (n->scope != 0)
    out[0] = node_leaf(k->c, &n->out[0].type);
  else
    for (int i = 0; i < n->nout; i++)
      out[i] = clone_value(k, &n->out[i]);
}

/* The attributes, with bodies that are the caller's: all of them, also when one
** fails, and those behind it are NULL, so that they are released alike. */
static bool clone_attrs(const Cloner *k, const Node *n, Attr *attr) {
  bool ok = true;
  for (int i = 0; i < op_nattr(n->op); i++) {
    attr[i] = n->attr[i];
    if (attr[i].kind == ATTR_BODY) {
      attr[i].body = ok ? function_clone(k->c, n->attr[i].body, k->origins)
                        : NULL;
      ok = ok && attr[i].body;
    }
  }
  return ok;
}

static void release_bodies(const Node *n, const Attr *attr) {
  for (int i = 0; i < op_nattr(n->op); i++)
    if (attr[i].kind == ATTR_BODY)
      function_release(attr[i].body);
}

/* Apart, since bodies have bodies: its lists are gone when one is cloned. */
APART static Node *clone_with(const Cloner *k, const Node *n,
                              const Attr *attr) {
  Val in[MAX_INPUTS];
  Type type[MAX_OUTPUTS];
  for (int i = 0; i < n->nin; i++)
    in[i] = *copy_at(k, n->in[i]);
  for (int i = 0; i < n->nout; i++)
    type[i] = n->out[i].type;
  return node_new(k->c, n->op, in, n->nin, attr, type, n->nout);
}

static void clone_node(const Cloner *k, const Node *n, Val *out) {
  Attr attr[MAX_ATTRS];
  if (node_is_leaf(n)) {
    clone_leaf(k, n, out);
    return;
  }
  Node *made = clone_attrs(k, n, attr) ? clone_with(k, n, attr) : NULL;
  release_bodies(n, attr);
  if (made) {
    made->scope = UINT32_MAX; /* symbolic, and of no trace that is open */
    made->origin = texts_keep(k->origins, n->origin);
  }
  Val v = value_keep(k->c, made);
  for (int i = 0; i < n->nout; i++)
    out[i] = (Val){v.node, i};
}

/* ---- functions ---------------------------------------------------------- */

/* What only gives its sizes is cloned, too: the copies ask it for them. */
static bool open_cloner(Cloner *k, const Val *roots, int n) {
  int values = 0;
  Account *account = k->first.account = k->c->account;
  bool ok = nodes_needed(account, roots, n, true, &k->node, &k->n);
  for (int i = 0; ok && i < k->n; i++) {
    int *first = nodemap_at(&k->first, k->node[i]);
    ok = first != NULL;
    if (ok)
      *first = values;
    values += k->node[i]->nout;
  }
  k->copy = mem_new(account, (size_t)values + 1, sizeof *k->copy);
  return (ok && k->copy) || fail_memory(&k->c->error, "out of memory");
}

static void clone_nodes(const Cloner *k) {
  for (int i = 0; i < k->n && !k->c->error.set; i++)
    clone_node(k, k->node[i], copy_at(k, (Val){k->node[i], 0}));
}

/* A variable of its own with the same value: the memory is shared until one of
** them is written (variable_own). */
static Variable *clone_variable(Context *c, const Variable *v) {
  Variable *copy = NULL;
  if (tensor_readable(&v->tensor, &c->error))
    copy = variable_new(c->account, v->name, tensor_share(&v->tensor), false);
  if (copy == NULL)
    fail_memory(&c->error, "out of memory");
  return copy;
}

/* Inputs and outputs in one list, inputs first; then what variables are. All
** are roots: an input that no output needs is an input of the copy, too. */
typedef struct Ends {
  Val *value;
  Binding *binding;
  int bindings; /* that are made: so many are to be released after a fault */
} Ends;

static bool list_ends(Context *c, const Function *f, Ends *e) {
  int n = 0;
  size_t all = (size_t)(f->ninputs + f->noutputs + 2 * f->nbindings) + 1;
  e->value = mem_new(c->account, all, sizeof *e->value);
  e->binding = mem_new(c->account, (size_t)f->nbindings + 1,
                       sizeof *e->binding);
  if (e->value == NULL || e->binding == NULL)
    return fail_memory(&c->error, "out of memory");
  for (int i = 0; i < f->ninputs; i++)
    e->value[n++] = f->inputs[i];
  for (int i = 0; i < f->noutputs; i++)
    e->value[n++] = f->outputs[i];
  for (int i = 0; i < f->nbindings; i++) {
    e->value[n++] = f->bindings[i].leaf;
    e->value[n++] = f->bindings[i].current;
  }
  return true;
}

static void clone_ends(const Cloner *k, const Function *f, Ends *e) {
  int n = f->ninputs + f->noutputs;
  for (int i = 0; i < n; i++)
    e->value[i] = *copy_at(k, e->value[i]);
  for (; e->bindings < f->nbindings && !k->c->error.set; e->bindings++) {
    const Binding *b = &f->bindings[e->bindings];
    e->binding[e->bindings] = (Binding){
      .variable = clone_variable(k->c, b->variable),
      .leaf = *copy_at(k, b->leaf), .current = *copy_at(k, b->current)};
  }
}

static Function *clone_from(Cloner *k, const Function *f, Ends *e) {
  int roots = f->ninputs + f->noutputs + 2 * f->nbindings;
  if (!list_ends(k->c, f, e) || !open_cloner(k, e->value, roots))
    return NULL;
  clone_nodes(k);
  if (!k->c->error.set)
    clone_ends(k, f, e);
  if (k->c->error.set)
    return NULL;
  return function_of_values(k->c, e->value, f->ninputs, e->value + f->ninputs,
                            f->noutputs, e->binding, f->nbindings);
}

Function *function_clone(Context *c, const Function *f, Texts *origins) {
  Cloner k = {.c = c, .origins = origins};
  Ends e = {.value = NULL};
  Function *copy = clone_from(&k, f, &e);
  for (int i = 0; i < e.bindings; i++) /* the copy has counted them itself */
    variable_release(e.binding[i].variable);
  mem_free(e.value);
  mem_free(e.binding);
  mem_free(k.node);
  mem_free(k.copy);
  nodemap_free(&k.first);
  return copy;
}
