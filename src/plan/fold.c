/* What of the work behind products can be done with their weights, or with less
** of their results. A scale of weights behind a product goes into the product's
** own weights, and with it the bias between them; two biases become one. So a
** batch normalisation costs nothing when its moments stand still. Only rounding
** differs: x (w s) stands for (x w) s. And the largest of numbers that grow
** with x comes of the largest x: bias and relu in front of a pool go behind it,
** where there are fewer, and the pool may be one with the product. */
#include "plan/prepare.h"

#include <string.h>

typedef struct Folder {
  Prog *p;
  bool *fixed;  /* of each node: it depends on weights alone */
  int *readers; /* of each node, results of the function included */
  Val *now;     /* what stands for it; node NULL: itself */
  Node **list;  /* the nodes again, with those that were made, which have the */
  int n, made;  /* numbers behind those that there were */
} Folder;

/* A scale, and what it is the scale of: a product, and what was added to it. */
typedef struct Scaled {
  Val scale, bias;
  const Node *product, *sum; /* sum NULL: nothing was */
  int weights; /* which input of the product is scaled by columns */
} Scaled;

enum { MADE = 8 }; /* nodes that take the place of one, at most */

static bool is_fixed(const Folder *k, Val v) {
  return k->fixed[v.node->number];
}

static bool read_once(const Folder *k, Val v) {
  return k->readers[v.node->number] == 1;
}

/* A number for each place of the last axis. */
static bool lies_along(Val v, const Type *y) {
  const Type *t = val_type(v);
  return t->rank == 1 && t->dim[0] == y->dim[y->rank - 1] && t->dtype == F32;
}

/* Which input of n is fixed and along the last axis; -1. */
static int fixed_side(const Folder *k, const Node *n) {
  for (int i = 0; i < 2; i++)
    if (is_fixed(k, n->in[i]) && !is_fixed(k, n->in[1 - i]) &&
        lies_along(n->in[i], &n->out[0].type))
      return i;
  return -1;
}

static bool is_product(const Folder *k, Val v, const Type *y, Scaled *s) {
  const Node *n = v.node;
  if (n->op->columns == NULL || !read_once(k, v) ||
      !type_equal(&n->out[0].type, y))
    return false;
  s->product = n;
  s->weights = n->op->columns(n);
  return s->weights >= 0 && is_fixed(k, n->in[s->weights]);
}

static bool find_scaled(const Folder *k, const Node *n, Scaled *s) {
  const Type *y = &n->out[0].type;
  int side = n->op->role == MULTIPLIES && y->rank > 0 ? fixed_side(k, n) : -1;
  if (side < 0)
    return false;
  Val x = n->in[1 - side];
  *s = (Scaled){.scale = n->in[side]};
  if (is_product(k, x, y, s))
    return true;
  int bias = x.node->op->role == ADDS && read_once(k, x)
                 ? fixed_side(k, x.node) : -1;
  if (bias < 0)
    return false;
  s->sum = x.node;
  s->bias = x.node->in[bias];
  return is_product(k, x.node->in[1 - bias], y, s);
}

/* (x + b) + c = x + (b + c), where x is a product. */
static bool join_biases(const Folder *k, Context *c, const Node *n, Val *y) {
  Scaled s;
  int side = n->op->role == ADDS && n->out[0].type.rank > 0
                 ? fixed_side(k, n) : -1;
  const Node *inner = side >= 0 ? n->in[1 - side].node : NULL;
  int bias = inner && inner->op->role == ADDS && read_once(k, n->in[1 - side])
                 ? fixed_side(k, inner) : -1;
  if (bias < 0 || !is_product(k, inner->in[1 - bias], &n->out[0].type, &s))
    return false;
  Val sum = emit(c, n->op, (Val[]){inner->in[bias], n->in[side]}, 2, n->attr);
  *y = emit(c, n->op, (Val[]){inner->in[1 - bias], sum}, 2, n->attr);
  y->node->origin = n->origin;
  return true;
}

/* The input that n grows with, when its other one is fixed and the same for all
** numbers of a channel; -1. */
static int growing_side(const Folder *k, const Node *n) {
  const Type *y = &n->out[0].type;
  int side = n->nin == 1 ? 0 : -1;
  if (!(n->op->traits & GROWS) || n->nin > 2 || y->dtype != F32)
    return -1;
  for (int i = 0; i < 2 && n->nin == 2; i++)
    if (is_fixed(k, n->in[i]) && !is_fixed(k, n->in[1 - i]) &&
        (lies_along(n->in[i], y) || val_type(n->in[i])->rank == 0))
      side = 1 - i;
  return side >= 0 && type_equal(val_type(n->in[side]), y) ? side : -1;
}

/* largest(f(x)) = f(largest(x)) for all such f that stand in a chain. */
static bool largest_first(const Folder *k, Context *c, const Node *n, Val *y) {
  const Node *chain[MADE - 2];
  int side[MADE - 2], length = 0;
  Val x = n->in[0], in[2];
  if (n->op->role != POOLS_LARGEST ||
      type_elements(&n->out[0].type) >= type_elements(val_type(x)))
    return false;
  for (; length < MADE - 2 && read_once(k, x); length++) {
    if ((side[length] = growing_side(k, x.node)) < 0)
      break;
    chain[length] = x.node;
    x = x.node->in[side[length]];
  }
  bool joined = read_once(k, x) && x.node->op->join &&
                x.node->op->join(c, x.node, n, y);
  if (!joined && length == 0)
    return false;
  if (!joined)
    *y = emit(c, n->op, &x, 1, n->attr);
  y->node->origin = joined ? x.node->origin : n->origin;
  while (length-- > 0) {
    const Node *f = chain[length];
    memcpy(in, f->in, (size_t)f->nin * sizeof *in);
    in[side[length]] = *y;
    *y = emit(c, f->op, in, f->nin, f->attr);
    y->node->origin = f->origin;
  }
  return true;
}

static Val fold_into(Context *c, const Node *n, const Scaled *s) {
  Val in[MAX_INPUTS];
  for (int i = 0; i < s->product->nin; i++)
    in[i] = s->product->in[i];
  Val scaled[] = {in[s->weights], s->scale}, bias[] = {s->bias, s->scale};
  in[s->weights] = emit(c, n->op, scaled, 2, n->attr);
  Val y = emit(c, s->product->op, in, s->product->nin, s->product->attr);
  y.node->origin = s->product->origin;
  if (s->sum == NULL)
    return y;
  y = emit(c, s->sum->op, (Val[]){y, emit(c, n->op, bias, 2, n->attr)}, 2,
           s->sum->attr);
  y.node->origin = n->origin;
  return y;
}

static void read_instead(const Folder *k, Val *v) {
  int i = v->node->number;
  if (k->now[i].node == NULL)
    return;
  node_retain(k->now[i].node);
  node_release(v->node);
  *v = k->now[i];
}

static bool add_again(Folder *k, int i) {
  Context *c = &k->p->c;
  Node *n = k->p->node[i];
  Scaled s;
  for (int j = 0; j < n->nin; j++)
    read_instead(k, &n->in[j]);
  k->list[k->n++] = n;
  k->fixed[i] = depends_on_weights(k->p, k->fixed, n);
  int mark = context_mark(c);
  if (find_scaled(k, n, &s))
    k->now[i] = fold_into(c, n, &s);
  else if (!join_biases(k, c, n, &k->now[i]) &&
           !largest_first(k, c, n, &k->now[i]))
    return true;
  if (c->error.set)
    return fail_again(k->p->error, &c->error);
  if (c->npending - mark > MADE)
    return fail(k->p->error, "%s: a scale made too many nodes", n->op->name);
  for (int j = mark; j < c->npending; j++) {
    Node *made = k->list[k->n++] = c->pending[j];
    made->number = k->p->n + k->made++;
    k->fixed[made->number] = depends_on_weights(k->p, k->fixed, made);
    k->readers[made->number] = made == k->now[i].node ? k->readers[i] : 1;
  }
  return true;
}

static void count_readers(Folder *k) {
  const Prog *p = k->p;
  for (int i = 0; i < p->n; i++)
    for (int j = 0; j < p->node[i]->nin; j++)
      k->readers[p->node[i]->in[j].node->number]++;
  for (int i = 0; i < p->f->noutputs; i++)
    k->readers[p->out[i].node->number] += 2;
  for (int i = 0; i < p->f->nbindings; i++)
    if (p->update[i].node)
      k->readers[p->update[i].node->number] += 2;
}

static bool fold_all(Folder *k) {
  Prog *p = k->p;
  count_readers(k);
  for (int i = 0; i < p->n; i++)
    if (!add_again(k, i))
      return false;
  for (int i = 0; i < p->f->noutputs; i++)
    if (k->now[p->out[i].node->number].node)
      p->out[i] = k->now[p->out[i].node->number];
  return prog_collect(p, k->list, k->n);
}

bool fold(Prog *p) {
  Folder k = {.p = p};
  if (!(p->passes & PASS_PREPARE))
    return true;
  size_t n = ((size_t)p->n + 1) * (MADE + 1);
  Account *account = p->c.account;
  k.fixed = mem_new(account, n, sizeof *k.fixed);
  k.readers = mem_new(account, n, sizeof *k.readers);
  k.now = mem_new(account, n, sizeof *k.now);
  k.list = mem_new(account, n, sizeof *k.list);
  bool ok = k.fixed && k.readers && k.now && k.list
                ? fold_all(&k) : fail_memory(p->error, "out of memory");
  mem_free(k.fixed);
  mem_free(k.readers);
  mem_free(k.now);
  mem_free(k.list);
  return ok;
}
