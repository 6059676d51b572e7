/* A tensor where whole numbers are wanted: split(x, positions). Keras takes one
** wherever its values are known, so it is read as the table that it stands
** for; one that is only traced has no values yet, and says so. */

#include "bind/raise.h"
#include "bind/signature.h"

static bool wants_wholes(Kind kind) {
  return kind == K_INT || kind == K_INTS || kind == K_AXES ||
         kind == K_SHAPE || kind == K_SIZES || kind == K_WHOLES;
}

/* A traced vector as its elements, which are sizes that the program computes;
** false when it is none. */
static bool replace_by_elements(lua_State *L, State *st, int i, Val v) {
  const Type *type = val_type(v);
  if (type->rank != 1 || type->dtype != I32 || type->dim[0] < 0 ||
      type->dim[0] > MAX_RANK)
    return false;
  lua_createtable(L, (int)type->dim[0], 0);
  for (int64_t k = 0; k < type->dim[0]; k++) {
    Val at[2] = {v, scalar_i32(&st->c, k)};
    Val one = emit_op(&st->c, "gather", at, 2, NULL);
    if (st->c.error.set)
      raise_context(L, st);
    box_push(L, st, one);
    lua_rawseti(L, -2, (lua_Integer)k + 1);
  }
  lua_replace(L, i + 1);
  return true;
}

static void replace(lua_State *L, State *st, const Signature *s, int i) {
  Val v;
  int mark = context_mark(&st->c);
  if (!box_value(L, st, i + 1, &v))
    return;
  const Type *type = val_type(v);
  if (s->p[i].kind == K_SHAPE && type->rank == 0)
    return; /* a size may be computed */
  if (s->p[i].kind == K_SHAPE && val_symbolic(v) &&
      replace_by_elements(L, st, i, v)) {
    context_drain(&st->c, mark);
    return;
  }
  if (val_symbolic(v))
    raise_error(L, "%s: argument \"%s\" must be known when the graph is made: "
                   "numbers or a tensor with values, not a traced tensor",
                s->name, s->p[i].name);
  if (type->rank > 1 || (type->dtype != I32 && type->dtype != I64))
    return; /* refused as what it is */
  Tensor t = box_tensor(L, st, i + 1);
  if (type->rank == 0) {
    number_push(L, &t, 0);
  } else {
    lua_createtable(L, 0, 0);
    for (int64_t k = 0; k < type->dim[0]; k++) {
      number_push(L, &t, k);
      lua_rawseti(L, -2, (lua_Integer)k + 1);
    }
  }
  lua_replace(L, i + 1);
  context_drain(&st->c, mark);
}

void signature_constants(lua_State *L, State *st, const Signature *s) {
  for (int i = 0; i < s->n; i++)
    if (wants_wholes(s->p[i].kind) && lua_isuserdata(L, i + 1))
      replace(L, st, s, i);
}
