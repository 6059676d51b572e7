/* Nodes and functions as text, for people who debug: one line a node, numbered
** in the order of creation. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"

char *text_room(Text *t, size_t n) {
  if (t->failed)
    return NULL;
  if (t->data == NULL || t->size - t->used < n) {
    size_t size = 2 * t->size + n + 256;
    char *grown = mem_resize(t->account, t->data, size, 1);
    t->failed = grown == NULL;
    if (t->failed)
      return NULL;
    t->data = grown;
    t->size = size;
  }
  return t->data + t->used;
}

/* Tries, and tries again with more room when it did not fit. */
void text_add(Text *t, const char *format, ...) {
  va_list args;
  for (;;) {
    size_t room = t->size - t->used;
    va_start(args, format);
    int n = vsnprintf(t->data ? t->data + t->used : NULL, room, format, args);
    va_end(args);
    if (n < 0)
      return;
    if ((size_t)n < room) {
      t->used += (size_t)n;
      return;
    }
    if (text_room(t, (size_t)n + 1) == NULL)
      return;
  }
}

void text_free(Text *t) {
  mem_free(t->data);
  *t = (Text){.account = t->account};
}

static void attr_text(Text *t, const Attr *a) {
  switch (a->kind) {
    case ATTR_NIL: text_add(t, "nil"); break;
    case ATTR_NUM: text_add(t, "%g", a->f); break;
    case ATTR_BOOL: text_add(t, a->i[0] ? "true" : "false"); break;
    case ATTR_DTYPE: text_add(t, "%s", dtype_name((DType)a->i[0])); break;
    case ATTR_BODY: text_add(t, "function"); break;
    case ATTR_INT: text_add(t, "%lld", (long long)a->i[0]); break;
    default:
      text_add(t, "{");
      for (int i = 0; i < a->n; i++)
        text_add(t, "%s%lld", i ? ", " : "", (long long)a->i[i]);
      text_add(t, "}");
  }
}

void node_text(Text *t, const Node *n, const NodeMap *numbers) {
  char shape[TYPE_TEXT];
  text_add(t, "%%%d = %s(", nodemap_get(numbers, n), n->op->name);
  for (int i = 0; i < n->nin; i++) {
    text_add(t, "%s%s%%%d", i ? ", " : "",
             op_shape_only(n->op, i) ? "~" : "",
             nodemap_get(numbers, n->in[i].node));
    if (n->in[i].node->nout > 1)
      text_add(t, ".%d", n->in[i].out);
  }
  int nattr = op_nattr(n->op);
  for (int i = 0; i < nattr; i++) {
    text_add(t, n->nin || i ? ", " : "");
    attr_text(t, &n->attr[i]);
  }
  text_add(t, ")");
  for (int i = 0; i < n->nout; i++)
    text_add(t, "%s %s %s", i ? "," : " :",
             dtype_name((DType)n->out[i].type.dtype),
             type_text(&n->out[i].type, shape));
  if (n->origin)
    text_add(t, "  %s", n->origin);
  text_add(t, "\n");
}

void function_text(Text *t, const Function *f) {
  int n, roots = f->noutputs + f->nbindings;
  NodeMap numbers = {.account = f->account};
  Node **nodes = NULL;
  Val *root = mem_new(f->account, (size_t)roots + 1, sizeof *root);
  if (root == NULL) {
    t->failed = true;
    return;
  }
  memcpy(root, f->outputs, (size_t)f->noutputs * sizeof *root);
  for (int i = 0; i < f->nbindings; i++)
    root[f->noutputs + i] = f->bindings[i].current;
  t->failed |= !nodes_needed(f->account, root, roots, true, &nodes, &n);
  for (int i = 0; i < n; i++) {
    int *number = nodemap_at(&numbers, nodes[i]);
    if (number)
      *number = i;
    else
      t->failed = true;
    node_text(t, nodes[i], &numbers);
  }
  text_add(t, "return");
  for (int i = 0; i < f->noutputs; i++)
    text_add(t, "%s %%%d", i ? "," : "",
             nodemap_get(&numbers, f->outputs[i].node));
  text_add(t, "\n");
  for (int i = 0; i < f->nbindings; i++)
    if (!val_same(f->bindings[i].leaf, f->bindings[i].current))
      text_add(t, "assign %s = %%%d\n", f->bindings[i].variable->name,
               nodemap_get(&numbers, f->bindings[i].current.node));
  mem_free(root);
  mem_free(nodes);
  nodemap_free(&numbers);
}
