/* Signatures as the binder reads them: parameters with kinds and defaults, and
** the arguments of a call put in their order. */
#ifndef BIND_SIGNATURE_H
#define BIND_SIGNATURE_H

#include "bind/state.h"

typedef enum Kind {
  K_TENSOR, K_TENSORS, K_INT, K_NUM, K_BOOL, K_INTS, K_AXES, K_DTYPE, K_STR,
  K_ANY, K_BODY /* of rows that no user calls */
} Kind;

typedef struct Param {
  char name[32];
  Kind kind;
  bool optional;
  Attr standard; /* default as an attribute, for kinds that have one */
  char text[32]; /* default of str and dtype; "" for nil */
} Param;

enum { MAX_PARAMS = 24 };

typedef struct Signature {
  char name[48];
  const Op *op; /* NULL: a composite; its function is upvalue 2 */
  int n;
  Param p[MAX_PARAMS];
} Signature;

/* Pushes a signature as userdata; raises when the text is none. */
Signature *push_signature(lua_State *L, const char *name, const char *text);
/* Leaves exactly one slot for each parameter on the stack, nil where nothing
** was given. */
void normalise_arguments(lua_State *L, const Signature *s);
/* The argument of slot i as an attribute, or the default. */
Attr read_attr(lua_State *L, const Signature *s, int i);
int bad_argument(lua_State *L, const Signature *s, int i, const char *wanted);

#endif
