/* Between node.c and scope.c only: emit asks how a trace sees its inputs, and a
** trace makes nodes. */
#ifndef GRAPH_SCOPE_H
#define GRAPH_SCOPE_H

#include "graph/graph.h"

/* v as the innermost trace sees it: values of an outer trace are captured by
** a body, values of a closed trace are an error. */
Val scope_import(Context *c, Val v);

Node *node_new(Context *c, const Op *op, const Val *in, int nin,
               const Attr *attr, const Type *out, int nout);
/* The context keeps the new node; a dummy for NULL. */
Val value_keep(Context *c, Node *n);

#endif
