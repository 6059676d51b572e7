/* Between the files of graph only: emit asks how a trace sees its inputs, and a
** trace makes nodes and a function. */
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

/* Its leaf outside of traces is of an older value. */
void variable_forget(Variable *v);
/* An empty one; NULL with c->error set. */
Function *function_new(Context *c);
/* Notes what the function does besides computing, in its bodies too: those who
** run it ask before each run. False: no memory. */
bool function_look(Function *f);

#endif
