/* Contexts and nodes: their memory, who holds them, and the values that are
** there without an op. */

#include <string.h>

#include "graph/scope.h"

/* ---- context ------------------------------------------------------------ */

static const Op leaf_value = {.name = "value", .signature = "", .kind = LEAF};
static const Op leaf_shape = {.name = "shape", .signature = "", .kind = LEAF};

static size_t node_bytes(int nin, int nattr, int nout) {
  return sizeof(Node) + (size_t)nin * sizeof(Val) +
         (size_t)nattr * sizeof(Attr) + (size_t)nout * sizeof(Tensor);
}

/* In memory that is zero. */
static void node_begin(Node *n, const Op *op, int nin, int nattr, int nout) {
  n->op = op;
  n->refs = 1;
  n->nin = (uint16_t)nin;
  n->nout = (uint16_t)nout;
  n->in = (Val *)(n + 1);
  n->attr = (Attr *)(n->in + nin);
  n->out = (Tensor *)(n->attr + nattr);
}

/* A node and its lists in one block: a trace makes thousands of them. */
static Node *node_alloc(Account *a, const Op *op, int nin, int nattr,
                        int nout) {
  Node *n = mem_new(a, 1, node_bytes(nin, nattr, nout));
  if (n)
    node_begin(n, op, nin, nattr, nout);
  return n;
}

void context_open(Context *c, Account *account, Catalogue *catalogue) {
  static float nothing;
  memset(c, 0, sizeof *c);
  c->account = account;
  c->catalogue = catalogue;
  env_open(&c->env, &c->error);
  c->env.once = true; /* what runs in it is one eager op at a time */
  /* callers may look at any output of what emit returned before they look at
     the error, so the dummy has as many as an op may have */
  c->dummy = node_alloc(account, &leaf_value, 0, 0, MAX_OUTPUTS);
  if (c->dummy == NULL) {
    fail_memory(&c->error, "out of memory");
    return;
  }
  Type scalar = type_new(F32, 0, NULL);
  tensor_adopt(&c->dummy->out[0], &scalar, &nothing, true, NULL, NULL,
               &c->error);
}

void context_close(Context *c) {
  context_drain(c, 0);
  mem_free(c->pending);
  if (c->dummy)
    node_release(c->dummy);
}

int context_mark(const Context *c) {
  return c->npending;
}

void context_drain(Context *c, int mark) {
  while (c->npending > mark)
    node_release(c->pending[--c->npending]);
}

/* Gives the caller's reference to the context, which drops it when drained.
** On a failure it is dropped at once. */
static Val pend(Context *c, Node *n) {
  if (c->npending == c->pending_size) {
    int size = c->pending_size ? 2 * c->pending_size : 64;
    Node **grown = mem_resize(c->account, c->pending, (size_t)size,
                              sizeof *grown);
    if (grown == NULL) {
      node_release(n);
      fail_memory(&c->error, "out of memory");
      return (Val){c->dummy, 0};
    }
    c->pending = grown;
    c->pending_size = size;
  }
  c->pending[c->npending++] = n;
  return (Val){n, 0};
}

/* ---- nodes -------------------------------------------------------------- */

Node *node_retain(Node *n) {
  n->refs++;
  return n;
}

/* The nodes that die with this one wait in a list: recursion along a chain of
** many thousand nodes would overflow the stack. */
void node_release(Node *n) {
  if (--n->refs > 0)
    return;
  n->next = NULL;
  for (Node *dying = n; dying;) {
    n = dying;
    dying = n->next;
    for (int i = 0; i < n->nin; i++) {
      Node *x = n->in[i].node;
      if (x && --x->refs == 0) {
        x->next = dying;
        dying = x;
      }
    }
    int nattr = op_nattr(n->op);
    for (int i = 0; i < nattr; i++)
      if (n->attr[i].kind == ATTR_BODY)
        function_release(n->attr[i].body);
    if (n->in_buffer) { /* of its output, and is gone with it */
      Tensor last = n->out[0];
      tensor_drop(&last);
      continue;
    }
    for (int i = 0; i < n->nout; i++)
      tensor_drop(&n->out[i]);
    mem_free(n);
  }
}

Node *node_new(Context *c, const Op *op, const Val *in, int nin,
               const Attr *attr, const Type *out, int nout) {
  int nattr = op_nattr(op);
  Node *n = node_alloc(c->account, op, nin, nattr, nout);
  if (n == NULL) {
    fail_memory(&c->error, "out of memory");
    return NULL;
  }
  n->seq = ++c->seq;
  for (int i = 0; i < nin; i++) {
    n->in[i] = in[i];
    node_retain(in[i].node);
  }
  if (nattr && attr)
    memcpy(n->attr, attr, (size_t)nattr * sizeof *attr);
  for (int i = 0; i < nattr; i++)
    if (n->attr[i].kind == ATTR_BODY)
      function_retain(n->attr[i].body);
  for (int i = 0; i < nout; i++)
    n->out[i].type = out[i];
  return n;
}

Val value_keep(Context *c, Node *n) {
  return n ? pend(c, n) : (Val){c->dummy, 0};
}

Val value_of(Context *c, Tensor t) {
  Node *n = c->error.set ? NULL
            : node_new(c, &leaf_value, NULL, 0, NULL, &t.type, 1);
  if (n == NULL) {
    tensor_drop(&t);
    return (Val){c->dummy, 0};
  }
  n->out[0] = t;
  return pend(c, n);
}

Node *value_room(Context *c, const Type *type) {
  Tensor t;
  void *record;
  if (!tensor_new_with(&t, c->account, type, node_bytes(0, 0, 1), &record,
                       &c->error))
    return NULL;
  Node *n = record;
  node_begin(n, &leaf_value, 0, 0, 1);
  n->in_buffer = true;
  n->seq = ++c->seq;
  n->out[0] = t;
  return n;
}

Val value_hold(Context *c, Val v) {
  return (Val){pend(c, node_retain(v.node)).node, v.out};
}

bool node_is_value(const Node *n) {
  return n->op == &leaf_value;
}

bool node_is_shape(const Node *n) {
  return n->op == &leaf_shape;
}

Val node_leaf(Context *c, const Type *type) {
  static const Op leaf = {.name = "leaf", .signature = "", .kind = LEAF};
  Node *n = node_new(c, &leaf, NULL, 0, NULL, type, 1);
  if (n)
    n->scope = UINT32_MAX; /* symbolic, and of no trace that is open */
  return value_keep(c, n);
}

Val shape_leaf(Context *c, const Type *type) {
  return value_keep(c, node_new(c, &leaf_shape, NULL, 0, NULL, type, 1));
}

/* A tape follows nodes: with one of its own, what others compute from the same
** tensor is not recorded. */
Val value_watch(Context *c, Val v) {
  if (val_symbolic(v) || v.node->tracked)
    return v;
  Val w = value_of(c, tensor_share(val_tensor(v)));
  w.node->tracked = w.node != c->dummy;
  return w;
}

static Val scalar(Context *c, DType d, double v) {
  Type type = type_new(d, 0, NULL);
  Tensor t;
  if (c->error.set || !tensor_new(&t, c->account, &type, &c->error))
    return (Val){c->dummy, 0};
  tensor_put(&t, 0, v);
  return value_of(c, t);
}

Val scalar_f32(Context *c, double v) {
  return scalar(c, F32, v);
}

Val scalar_i32(Context *c, int64_t v) {
  return scalar(c, I32, (double)v);
}

Val scalar_bool(Context *c, bool v) {
  return scalar(c, BOOL, v);
}
