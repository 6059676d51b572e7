/* What an op's signature and kind say: in "x, axis:axes=nil", a parameter with
** a kind is an attribute, the others are inputs. */

#include <string.h>

#include "graph/op.h"

int op_nattr(const Op *op) {
  int n = 0;
  for (const char *p = op->signature; *p; p++)
    n += *p == ':';
  return n;
}

/* What the kind of a parameter is as an attribute. */
static AttrKind attr_kind(const char *kind, size_t n) {
  static const struct {
    const char *name;
    AttrKind kind;
  } kinds[] = {
    {"int", ATTR_INT}, {"num", ATTR_NUM}, {"bool", ATTR_BOOL},
    {"ints", ATTR_INTS}, {"shape", ATTR_INTS}, {"axes", ATTR_AXES},
    {"dtype", ATTR_DTYPE}, {"body", ATTR_BODY}
  };
  for (int i = 0; i < COUNT_OF(kinds); i++)
    if (strlen(kinds[i].name) == n && memcmp(kinds[i].name, kind, n) == 0)
      return kinds[i].kind;
  return ATTR_NIL;
}

/* The next parameter, and where the one behind it begins: NULL: the last. */
static const char *next_param(const char *p, OpParam *param) {
  size_t name = strcspn(p, ":=,"), all = strcspn(p, ",");
  size_t kind = p[name] == ':' ? strcspn(p + name + 1, "?=,") : 0;
  *param = (OpParam){.name = p, .length = (int)name};
  param->kind = attr_kind(p + name + 1, kind);
  const char *rest = p + name + (kind ? 1 + kind : 0);
  param->may_be_nil = *rest == '?' || strncmp(rest, "=nil", 4) == 0;
  return p[all] ? p + all + strspn(p + all, ", ") : NULL;
}

OpParam op_attr(const Op *op, int i) {
  OpParam param = {.length = 0};
  for (const char *p = op->signature; p && *p;) {
    p = next_param(p, &param);
    if (param.kind != ATTR_NIL && i-- == 0)
      break;
  }
  return param;
}

int op_inputs(const Op *op, bool *more) {
  OpParam param;
  int n = 0;
  *more = false;
  for (const char *p = op->signature; p && *p;) {
    p = next_param(p, &param);
    bool list = *param.name == '*';
    n += param.kind == ATTR_NIL && !list;
    *more = *more || list;
  }
  return n;
}

int op_version(const Op *op) {
  return op->version ? op->version : 1;
}

const char *op_kind_name(OpKind k) {
  static const char *const names[] = {
    "leaf", "elementwise", "reduce", "product", "rows", "move", "index",
    "window", "random", "call"
  };
  return names[k];
}
