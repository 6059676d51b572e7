/* Signatures as the binder reads them: parameters with kinds and defaults, and
** the arguments of a call put in their order. A parameter may be None where
** that is its default, or where its kind ends in a question mark:
** "axis:axes?=-1". */
#ifndef BIND_SIGNATURE_H
#define BIND_SIGNATURE_H

#include "bind/box.h"

typedef enum Kind {
  K_TENSOR, K_TENSORS, K_INT, K_NUM, K_BOOL, K_INTS, K_AXES, K_DTYPE, K_STR,
  K_SHAPE, /* the sizes of a shape, scalar tensors among them (row.c) */
  K_ANY, K_BODY, /* of rows that no user calls */
  /* of composites alone: */
  K_VALUE,  /* a number, which stays one, or what becomes a tensor */
  K_DATA,   /* what becomes a tensor; whole numbers of tables are floats */
  K_VARIABLE,
  K_NEST,   /* what becomes a tensor, or a list of such */
  K_FN, K_FNS, /* something to call; a list of them */
  K_SIZES,  /* whole numbers as a table, also where one is given */
  K_WHOLES  /* a whole number, or a table of any number of them */
} Kind;

typedef struct Param {
  char name[32];
  Kind kind;
  bool optional;
  bool may_be_none;
  Attr standard; /* default as an attribute, for kinds that have one */
  char text[32]; /* default of str and dtype; "" for nil */
} Param;

enum { MAX_PARAMS = 24 };

typedef struct Signature {
  char name[48];
  const Op *op; /* NULL: a composite; its function is upvalue 2 */
  bool unlisted; /* not in the catalogue: it sees placeholders itself */
  int n;
  Param p[]; /* as many as there are: hundreds of signatures are kept */
} Signature;

/* Parameters as bits: slot i is 1 << i. */
typedef uint32_t Slots;

/* Pushes a signature as userdata; raises when the text is none. */
Signature *signature_push(lua_State *L, const char *name, const char *text);
/* Leaves exactly one slot for each parameter on the stack, nil where nothing
** was given, and returns the slots that are nil because they are None. */
Slots signature_arrange(lua_State *L, const State *st, const Signature *s);
/* Tensors where whole numbers are wanted become these (constant.c). */
void signature_constants(lua_State *L, State *st, const Signature *s);
/* The argument of slot i as an attribute; what was not given is the default,
** what is None is ATTR_NIL. */
Attr signature_attr(lua_State *L, const Signature *s, int i, Slots none);
int signature_refuse(lua_State *L, const Signature *s, int i,
                     const char *wanted);

/* ---- calls -------------------------------------------------------------- */

/* The arguments in their slots are handed to a row, to the function of a
** composite, or, when a placeholder is among them, to the hook; each returns
** the number of results (row.c, composite.c, placeholder.c). */
int row_call(lua_State *L, State *st, const Signature *s, Slots none);
int composite_call(lua_State *L, State *st, const Signature *s, Slots none);
bool placeholder_among(lua_State *L, const Signature *s);
int placeholder_call(lua_State *L, const State *st, const Signature *s,
                     Slots none);
/* The Lua function of a signature, which is upvalue 1 (bind.c) */
int bind_call(lua_State *L);

/* The same as a method, whose first value is the tensor it belongs to. */
int bind_method(lua_State *L);

#endif
