/* What an op's signature and kind say: in "x, axis:axes=nil", a parameter with
** a kind is an attribute, the others are inputs. */

#include "graph/op.h"

int op_nattr(const Op *op) {
  int n = 0;
  for (const char *p = op->signature; *p; p++)
    n += *p == ':';
  return n;
}

const char *op_kind_name(OpKind k) {
  static const char *const names[] = {
    "leaf", "elementwise", "reduce", "product", "rows", "move", "index",
    "window", "random", "call"
  };
  return names[k];
}
