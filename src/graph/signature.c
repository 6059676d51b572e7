/* What can be read off a row's signature, as "x, axis:axes=nil,
** keepdims:bool=false": a parameter with a kind is an attribute, the others are
** inputs. */

#include <stdio.h>
#include <string.h>

#include "graph/op.h"

int op_nattr(const Op *op) {
  int n = 0;
  for (const char *p = op->signature; *p; p++)
    n += *p == ':';
  return n;
}

const char *op_input_name(const Op *op, int i, char text[32]) {
  const char *p = op->signature;
  if (*p == '*') {
    size_t n = strcspn(p + 1, ",:=");
    snprintf(text, 32, "%.*s[%d]", (int)n, p + 1, i + 1);
    return text;
  }
  for (; i > 0 && *p; i--) {
    p += strcspn(p, ",");
    p += strspn(p, ", ");
  }
  snprintf(text, 32, "%.*s", (int)strcspn(p, ",:="), p);
  return text;
}

const char *op_kind_name(OpKind k) {
  static const char *const names[] = {
    "leaf", "elementwise", "reduce", "product", "rows", "move", "index",
    "window", "random", "call"
  };
  return names[k];
}
