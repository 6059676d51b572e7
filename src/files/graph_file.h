/* A traced function as text, and back: the graph that a file of tensors has in
** its metadata. It is JSON:
**
**   {"format": 1, "nodes": [..], "outputs": [7, [8, 1]], "output_names": [..],
**    "updates": [[1, 9]]}
**
** Each node is {"op": name, "in": [values], "attr": {..}, "types": [..]}, and a
** value is the number of a node before it, or [number, output]. A type is
** ["float32", null, 3]: the element type, then the sizes, null where one is not
** known. Ops are those of the catalogue, with "version" where it is not 1, and
**
**   {"op": "input", "name": .., "type": ..}    the function's inputs, in order
**   {"op": "variable", "name": of its tensor, "type": ..}
**   {"op": "constant", "type": .., "values": [..]} or "tensor": its name
**   {"op": "shape", "type": ..}                where only sizes are read
**   {"op": "assign", "variable": a node, "in": [value]}
**
** The body of a loop, or of a call, is an attribute with nodes and outputs of
** its own. Whatever a text says is checked as if a stranger had written it:
** each node goes through its shape rule again, and nothing is computed. */
#ifndef FILES_GRAPH_FILE_H
#define FILES_GRAPH_FILE_H

#include "files/safetensors.h"
#include "graph/graph.h"

/* ---- writing (graph_out.c) ----------------------------------------------- */

/* Names of a function's inputs and outputs, and of the tensors that hold its
** variables (by the number of the binding). */
typedef struct GraphNames {
  const char *const *input, *const *output, *const *variable;
} GraphNames;

/* The text, and the constants that are too large for it, which go into the file
** under their names. */
typedef struct GraphText {
  Text text;
  TensorItem *constant; /* counted, names too */
  int constants;
} GraphText;

/* False with the error; steps of the host cannot be written. */
bool graph_write(GraphText *g, Account *a, const Function *f,
                 const GraphNames *names, Error *e);
void graph_text_free(GraphText *g);

/* ---- reading (graph_in.c) ------------------------------------------------ */

typedef struct GraphSource {
  TensorFile *file; /* has constants, and variables; NULL: no tensors */
  /* the variable (counted) of that name, which must have that type; NULL, or
     one that gives NULL without an error: a new one from the file */
  Variable *(*variable)(void *ud, const char *name, const Type *type, Error *e);
  void *ud;
} GraphSource;

typedef struct StoredGraph {
  Function *function;
  char **input, **output; /* their names */
} StoredGraph;

/* The function of a text. False with the error, which begins with the node. No
** trace needs to be open. */
bool graph_read(StoredGraph *g, Context *c, const char *text, size_t length,
                const GraphSource *source, Error *e);
void graph_free(StoredGraph *g);

/* ---- what both know ------------------------------------------------------ */

enum { GRAPH_FORMAT = 1, GRAPH_DEPTH = 8 /* bodies in bodies */ };

#endif
