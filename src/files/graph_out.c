/* Writing of graph_file.h. Inputs come first, then the variables that are read
** or written, then the nodes in the order of their creation. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "files/graph_file.h"
#include "files/json.h"
#include "scan/scan.h"

/* A constant of no more elements than this stands in the text, where it takes
** about as much room as a tensor's entry in the header of the file. */
enum { INLINE_ELEMENTS = 16 };

typedef struct Writer {
  GraphText *g;
  Account *account;
  Error *e;
  NodeMap constant; /* the number of an eager node's first constant */
  int constant_room;
  const GraphNames *names;
} Writer;

/* A function that is being written: the whole one, or a body in it. */
typedef struct Level {
  const Function *f;
  Node **node;
  int n, depth;
  bool *used;     /* by the node's place in the list */
  bool *bound;    /* by the number of the binding */
  NodeMap place;  /* in the list */
  NodeMap leaf;   /* the number of the binding of each variable's leaf */
  NodeMap number; /* in the text */
  int numbers;
} Level;

static bool write_function(Writer *w, const Function *f, int depth);

static bool out_of_memory(Writer *w) {
  return fail_memory(w->e, "out of memory");
}

/* ---- pieces of text ------------------------------------------------------ */

static void add_quoted(Text *t, const char *text) {
  size_t n = strlen(text);
  char *to = text_room(t, 6 * n + 2);
  if (to)
    t->used += json_quote(to, text, n);
}

static void add_number(Text *t, double v) {
  char *to = text_room(t, JSON_NUMBER_TEXT);
  if (to)
    t->used += json_number(to, v);
}

static void add_type(Text *t, const Type *type) {
  text_add(t, "[\"%s\"", dtype_name((DType)type->dtype));
  for (int i = 0; i < type->rank; i++)
    if (type->dim[i] == UNKNOWN)
      text_add(t, ",null");
    else
      text_add(t, ",%lld", (long long)type->dim[i]);
  text_add(t, "]");
}

static void add_list(Text *t, const int64_t *list, int n) {
  text_add(t, "[");
  for (int i = 0; i < n; i++)
    text_add(t, "%s%lld", i ? "," : "", (long long)list[i]);
  text_add(t, "]");
}

static void begin_node(Writer *w, Level *l, const char *op) {
  text_add(&w->g->text, "%s\n{\"op\":\"%s\"", l->numbers ? "," : "", op);
  l->numbers++;
}

/* The next entry is this node (the first of them, if it becomes several). */
static bool number_node(Writer *w, Level *l, const Node *n) {
  int *number = nodemap_at(&l->number, n);
  if (number == NULL)
    return out_of_memory(w);
  *number = l->numbers;
  return true;
}

/* Eager nodes became one entry for each output. */
static void add_value(Text *t, const Level *l, Val v) {
  int number = nodemap_get(&l->number, v.node);
  if (v.node->scope == 0)
    text_add(t, "%d", number + v.out);
  else if (v.out == 0)
    text_add(t, "%d", number);
  else
    text_add(t, "[%d,%d]", number, v.out);
}

/* ---- constants ----------------------------------------------------------- */

/* What a text says of it is the same number again. */
static bool can_be_said(const Tensor *t, int64_t i) {
  double v = tensor_get(t, i);
  return isfinite(v) && (t->type.dtype != I64 || fabs(v) < 0x1p53);
}

static bool is_small(const Tensor *t) {
  int64_t n = type_elements(&t->type);
  bool small = n <= INLINE_ELEMENTS;
  for (int64_t i = 0; small && i < n; i++)
    small = can_be_said(t, i);
  return small;
}

static void add_values(Text *text, const Tensor *t) {
  bool whole = !dtype_is_float((DType)t->type.dtype);
  text_add(text, ",\"values\":[");
  for (int64_t i = 0; i < type_elements(&t->type); i++) {
    text_add(text, i ? "," : "");
    if (whole)
      text_add(text, "%.0f", tensor_get(t, i));
    else
      add_number(text, tensor_get(t, i));
  }
  text_add(text, "]");
}

/* One more tensor of the file; its number, -1 when memory is out. */
static int keep_constant(Writer *w, const Tensor *t) {
  enum { NAME = 40 };
  GraphText *g = w->g;
  if (g->constants == w->constant_room) {
    int room = w->constant_room ? 2 * w->constant_room : 16;
    TensorItem *grown = mem_resize(w->account, g->constant, (size_t)room,
                                   sizeof *grown);
    if (grown == NULL)
      return -1;
    g->constant = grown;
    w->constant_room = room;
  }
  char *name = mem_new(w->account, NAME, 1);
  if (name == NULL)
    return -1;
  snprintf(name, NAME, "lunula/constant/%d", g->constants);
  g->constant[g->constants] = (TensorItem){name, tensor_share(t)};
  return g->constants++;
}

/* All outputs of a node that has values, one constant each; those that are
** large are kept once, however many functions read them. */
static bool write_constants(Writer *w, Level *l, const Node *n) {
  Text *t = &w->g->text;
  int *kept = nodemap_at(&w->constant, n);
  if (kept == NULL || !number_node(w, l, n))
    return out_of_memory(w);
  bool again = *kept >= 0;
  int next = again ? *kept : w->g->constants;
  *kept = next;
  for (int i = 0; i < n->nout; i++) {
    if (!tensor_readable(&n->out[i], w->e))
      return false;
    if (n->out[i].type.dtype == STR)
      return fail(w->e, "a constant of strings cannot be stored%s%s",
                  n->origin ? ": " : "", n->origin ? n->origin : "");
    begin_node(w, l, "constant");
    text_add(t, ",\"type\":");
    add_type(t, &n->out[i].type);
    if (is_small(&n->out[i]))
      add_values(t, &n->out[i]);
    else if (!again && keep_constant(w, &n->out[i]) < 0)
      return out_of_memory(w);
    else
      text_add(t, ",\"tensor\":\"lunula/constant/%d\"", next++);
    text_add(t, "}");
  }
  return true;
}

/* ---- nodes --------------------------------------------------------------- */

static bool write_attr(Writer *w, const Attr *a, int depth) {
  Text *t = &w->g->text;
  switch (a->kind) {
  case ATTR_INT: text_add(t, "%lld", (long long)a->i[0]); break;
  case ATTR_BOOL: text_add(t, a->i[0] ? "true" : "false"); break;
  case ATTR_NUM: add_number(t, a->f); break;
  case ATTR_DTYPE:
    text_add(t, "\"%s\"", dtype_name((DType)a->i[0]));
    break;
  case ATTR_BODY: return write_function(w, a->body, depth + 1);
  default: add_list(t, a->i, a->n);
  }
  return true;
}

/* The id of a loop tells those of one trace apart: it is given anew. */
static bool is_stored(const Node *n, int i) {
  return attr_given(&n->attr[i]) && !(n->op->role == LOOPS && i == SCAN_ID);
}

static bool write_attrs(Writer *w, const Node *n, int depth) {
  Text *t = &w->g->text;
  int nattr = op_nattr(n->op), written = 0;
  for (int i = 0; i < nattr; i++) {
    if (!is_stored(n, i))
      continue;
    OpParam p = op_attr(n->op, i);
    text_add(t, "%s\"%.*s\":", written++ ? "," : ",\"attr\":{", p.length,
             p.name);
    if (!write_attr(w, &n->attr[i], depth))
      return false;
  }
  text_add(t, written ? "}" : "");
  return true;
}

/* The number of the binding that the node gives a new value to, or -1. */
static int assigned_by(const Level *l, const Node *n) {
  bool assigns = n->scope && n->op->role == ASSIGNS && n->attr[0].i[0] >= 0 &&
                 n->attr[0].i[0] < l->f->nbindings;
  return assigns ? (int)n->attr[0].i[0] : -1;
}

static bool write_assign(Writer *w, Level *l, const Node *n) {
  Text *t = &w->g->text;
  const Binding *b = &l->f->bindings[assigned_by(l, n)];
  if (!number_node(w, l, n))
    return false;
  begin_node(w, l, "assign");
  text_add(t, ",\"variable\":%d,\"in\":[",
           nodemap_get(&l->number, b->leaf.node));
  add_value(t, l, n->in[0]);
  text_add(t, "]}");
  return true;
}

static bool can_be_written(Writer *w, const Node *n) {
  const char *at = n->origin ? n->origin : "", *made = n->origin ? " at " : "";
  if (n->op->traits & HOST)
    return fail(w->e, "a step of Lua%s%s cannot be written into a file", made,
                at);
  if (n->op->kind == LEAF)
    return fail(w->e, "a value of another trace is used");
  bool hidden = n->op->traits & HIDDEN && !(n->op->traits & FILED);
  bool residuals = n->op->role == LOOPS && attr_given(&n->attr[SCAN_BACKWARD]);
  return !(hidden || residuals) ||
         fail(w->e, "%s%s%s is a part of a gradient, which is not written into "
                    "files", n->op->name, made, at);
}

static bool write_op(Writer *w, Level *l, const Node *n) {
  Text *t = &w->g->text;
  if (!can_be_written(w, n) || !number_node(w, l, n))
    return false;
  begin_node(w, l, n->op->name);
  if (op_version(n->op) != 1)
    text_add(t, ",\"version\":%d", op_version(n->op));
  for (int i = 0; i < n->nin; i++) {
    text_add(t, i ? "," : ",\"in\":[");
    add_value(t, l, n->in[i]);
  }
  text_add(t, n->nin ? "]" : "");
  if (!write_attrs(w, n, l->depth))
    return false;
  for (int i = 0; i < n->nout; i++) {
    text_add(t, i ? "," : ",\"types\":[");
    add_type(t, &n->out[i].type);
  }
  text_add(t, n->nout ? "]}" : "}");
  return true;
}

static bool write_shape(Writer *w, Level *l, const Node *n) {
  if (!number_node(w, l, n))
    return false;
  begin_node(w, l, "shape");
  text_add(&w->g->text, ",\"type\":");
  add_type(&w->g->text, &n->out[0].type);
  text_add(&w->g->text, "}");
  return true;
}

static bool write_node(Writer *w, Level *l, const Node *n) {
  if (nodemap_get(&l->number, n) >= 0) /* an input or a variable */
    return true;
  if (node_is_shape(n))
    return write_shape(w, l, n);
  if (n->scope == 0)
    return write_constants(w, l, n);
  return assigned_by(l, n) >= 0 ? write_assign(w, l, n) : write_op(w, l, n);
}

/* ---- functions ----------------------------------------------------------- */

static void use(Level *l, Val v) {
  l->used[nodemap_get(&l->place, v.node)] = true;
}

/* What the function leaves behind needs: not what was before a value that is
** there. */
static void mark_used(Level *l) {
  const Function *f = l->f;
  for (int i = 0; i < f->noutputs; i++)
    use(l, f->outputs[i]);
  for (int i = 0; i < f->nbindings; i++) {
    l->bound[i] = !val_same(f->bindings[i].leaf, f->bindings[i].current);
    if (l->bound[i])
      use(l, f->bindings[i].current);
  }
  for (int i = l->n - 1; i >= 0; i--) {
    const Node *n = l->node[i];
    int binding = nodemap_get(&l->leaf, n), assigned = assigned_by(l, n);
    if (!l->used[i])
      continue;
    if (binding >= 0)
      l->bound[binding] = true;
    if (assigned >= 0)
      l->bound[assigned] = true;
    for (int k = 0; n->scope && k < (assigned >= 0 ? 1 : n->nin); k++)
      use(l, n->in[k]);
  }
}

static bool find_nodes(Writer *w, Level *l) {
  const Function *f = l->f;
  size_t roots = (size_t)f->noutputs + (size_t)f->nbindings;
  Val *root = mem_new(w->account, roots + 1, sizeof *root);
  if (root == NULL)
    return false;
  for (int i = 0; i < f->noutputs; i++)
    root[i] = f->outputs[i];
  for (int i = 0; i < f->nbindings; i++)
    root[f->noutputs + i] = f->bindings[i].current;
  bool ok = nodes_needed(w->account, root, (int)roots, true, &l->node, &l->n);
  mem_free(root);
  return ok;
}

static bool level_open(Writer *w, Level *l) {
  const Function *f = l->f;
  l->place.account = l->leaf.account = l->number.account = w->account;
  bool ok = find_nodes(w, l);
  l->used = mem_new(w->account, (size_t)l->n + 1, sizeof *l->used);
  l->bound = mem_new(w->account, (size_t)f->nbindings + 1, sizeof *l->bound);
  ok = ok && l->used && l->bound;
  for (int i = 0; ok && i < l->n; i++) {
    int *place = nodemap_at(&l->place, l->node[i]);
    ok = place != NULL;
    if (ok)
      *place = i;
  }
  for (int i = 0; ok && i < f->nbindings; i++) {
    int *binding = nodemap_at(&l->leaf, f->bindings[i].leaf.node);
    ok = binding != NULL;
    if (ok)
      *binding = i;
  }
  if (!ok)
    return out_of_memory(w);
  mark_used(l);
  return true;
}

static void level_close(Level *l) {
  mem_free(l->node);
  mem_free(l->used);
  mem_free(l->bound);
  nodemap_free(&l->place);
  nodemap_free(&l->leaf);
  nodemap_free(&l->number);
}

static bool write_leaf(Writer *w, Level *l, const Node *n, const char *op,
                       const char *name) {
  Text *t = &w->g->text;
  if (!number_node(w, l, n))
    return false;
  begin_node(w, l, op);
  if (name) {
    text_add(t, ",\"name\":");
    add_quoted(t, name);
  }
  text_add(t, ",\"type\":");
  add_type(t, &n->out[0].type);
  text_add(t, "}");
  return true;
}

/* All inputs, since they are known by their places; of the variables those that
** the file needs. */
static bool write_leaves(Writer *w, Level *l) {
  const Function *f = l->f;
  bool ok = true;
  for (int i = 0; ok && i < f->ninputs; i++)
    ok = write_leaf(w, l, f->inputs[i].node, "input",
                    l->depth ? NULL : w->names->input[i]);
  for (int i = 0; ok && i < f->nbindings; i++)
    if (l->bound[i])
      ok = write_leaf(w, l, f->bindings[i].leaf.node, "variable",
                      w->names->variable[i]);
  return ok;
}

static void write_ends(Writer *w, Level *l) {
  Text *t = &w->g->text;
  const Function *f = l->f;
  int updates = 0;
  text_add(t, "],\"outputs\":[");
  for (int i = 0; i < f->noutputs; i++) {
    text_add(t, i ? "," : "");
    add_value(t, l, f->outputs[i]);
  }
  text_add(t, "]");
  for (int i = 0; i < f->nbindings; i++) {
    const Binding *b = &f->bindings[i];
    if (val_same(b->leaf, b->current))
      continue;
    text_add(t, "%s[%d,", updates++ ? "," : ",\"updates\":[",
             nodemap_get(&l->number, b->leaf.node));
    add_value(t, l, b->current);
    text_add(t, "]");
  }
  text_add(t, updates ? "]" : "");
  for (int i = 0; l->depth == 0 && i < f->noutputs; i++) {
    text_add(t, i ? "," : ",\"output_names\":[");
    add_quoted(t, w->names->output[i]);
  }
  text_add(t, l->depth == 0 && f->noutputs ? "]" : "");
}

static bool write_function(Writer *w, const Function *f, int depth) {
  Level l = {.f = f, .depth = depth};
  if (depth > GRAPH_DEPTH)
    return fail(w->e, "more than %d functions in one another", GRAPH_DEPTH);
  bool ok = level_open(w, &l);
  text_add(&w->g->text, depth ? "{\"nodes\":[" : "{\"format\":%d,\"nodes\":[",
           GRAPH_FORMAT);
  ok = ok && write_leaves(w, &l);
  for (int i = 0; ok && i < l.n; i++)
    if (l.used[i])
      ok = write_node(w, &l, l.node[i]);
  if (ok)
    write_ends(w, &l);
  text_add(&w->g->text, "}");
  level_close(&l);
  return ok;
}

bool graph_write(GraphText *g, Account *a, const Function *f,
                 const GraphNames *names, Error *e) {
  Writer w = {.g = g, .account = a, .e = e, .constant = {.account = a},
              .names = names};
  *g = (GraphText){.text = {.account = a}};
  /* A text notes that its memory was out, and is asked once. */
  bool ok = write_function(&w, f, 0);
  nodemap_free(&w.constant);
  if (ok && g->text.failed)
    ok = fail_memory(e, "out of memory");
  if (!ok)
    graph_text_free(g);
  return ok;
}

void graph_text_free(GraphText *g) {
  for (int i = 0; i < g->constants; i++) {
    mem_free((void *)(uintptr_t)g->constant[i].name);
    tensor_drop(&g->constant[i].tensor);
  }
  mem_free(g->constant);
  text_free(&g->text);
  *g = (GraphText){.text = {.account = g->text.account}};
}
