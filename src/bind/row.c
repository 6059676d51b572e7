/* A call of an op row: its arguments become operands and attributes, and emit
** does the rest. */

#include <stdio.h>

#include "bind/signature.h"

/* The type that a number is taken in: its own, which is int32 or float32 as Lua
** has it. Beside a float it is float32 from the start, since int32 does not
** hold every number. */
static DType type_hint(lua_State *L, State *st, const Signature *s) {
  Operands rule = s->op->operands;
  if (rule == FLOATS)
    return F32;
  bool any = rule == PROMOTE || rule == SELECT;
  for (int i = rule == SELECT; any && i < s->n; i++) { /* not the condition */
    Val v;
    if (s->p[i].kind == K_TENSOR && !number_is(L, i + 1) &&
        box_value(L, st, i + 1, &v) &&
        dtype_compute((DType)val_type(v)->dtype) == F32)
      return F32;
  }
  return DTYPE_COUNT;
}

static int read_list(lua_State *L, State *st, const Signature *s, int i,
                     Val *in) {
  char name[100];
  if (!lua_istable(L, i + 1))
    signature_refuse(L, s, i, "a list of tensors");
  int n = (int)want_length(L, i + 1);
  if (n > MAX_INPUTS - 8)
    raise_error(L, "%s: %d tensors in a list, at most %d; join some of them "
                   "first", s->name, n, MAX_INPUTS - 8);
  for (int k = 1; k <= n; k++) {
    lua_rawgeti(L, i + 1, k);
    snprintf(name, sizeof name, "%s: %s[%d]", s->name, s->p[i].name, k);
    in[k - 1] = operand_check(L, st, -1, DTYPE_COUNT, name);
    lua_pop(L, 1);
  }
  return n;
}

/* Whether a list of sizes, or the one size, has a tensor. */
static bool has_tensor(lua_State *L, int index) {
  if (!lua_istable(L, index))
    return lua_isuserdata(L, index);
  bool found = false;
  int n = (int)want_length(L, index);
  for (int k = 1; !found && k <= n; k++) {
    found = lua_rawgeti(L, index, k) == LUA_TUSERDATA;
    lua_pop(L, 1);
  }
  return found;
}

/* Pushes size k of the list at slot i; a tensor becomes operand n, and the
** number that stands for it is pushed. */
static void push_size(lua_State *L, State *st, const Signature *s, int i,
                      int k, Val *in, int *n) {
  int64_t size;
  if (lua_istable(L, i + 1))
    lua_rawgeti(L, i + 1, k);
  else
    lua_pushvalue(L, i + 1);
  if (want_is_whole(L, -1, &size) && size <= SIZE_OPERAND)
    raise_error(L, "%s: size %lld in the new shape", s->name, (long long)size);
  if (!box_is_tensor(L, -1) || *n == MAX_RANK)
    return;
  in[*n] = operand_check(L, st, -1, DTYPE_COUNT, s->name);
  lua_pop(L, 1);
  lua_pushinteger(L, SIZE_OPERAND - (*n)++);
}

/* Sizes as an attribute, and n operands for those that are tensors. The slot
** stays as it is: it may be read once more. */
static Attr read_sizes(lua_State *L, State *st, const Signature *s, int i,
                       Slots none, Val *in, int *n) {
  *n = 0;
  if (!has_tensor(L, i + 1))
    return signature_attr(L, s, i, none);
  int count = lua_istable(L, i + 1) ? (int)want_length(L, i + 1) : 1;
  lua_createtable(L, count, 0);
  for (int k = 1; k <= count; k++) {
    push_size(L, st, s, i, k, in, n);
    lua_rawseti(L, -2, k);
  }
  lua_pushvalue(L, i + 1);
  lua_insert(L, -2);
  lua_replace(L, i + 1);
  Attr a = signature_attr(L, s, i, none);
  lua_replace(L, i + 1);
  return a;
}

/* Reads the arguments and applies the op; a value only when no error is set. */
static Val apply_row(lua_State *L, State *st, const Signature *s,
                     Slots none) {
  Val in[MAX_INPUTS];
  Attr attr[MAX_ATTRS];
  int nin = 0, nattr = 0, nsizes = 0;
  DType hint = type_hint(L, st, s);
  char name[100];
  for (int i = 0; i < s->n; i++) {
    if (s->p[i].kind == K_TENSOR) {
      snprintf(name, sizeof name, "%s: argument \"%s\"", s->name, s->p[i].name);
      in[nin++] = operand_check(L, st, i + 1, hint, name);
    } else if (s->p[i].kind == K_TENSORS) {
      nin += read_list(L, st, s, i, in + nin);
    } else if (s->p[i].kind == K_SHAPE) {
      attr[nattr++] = read_sizes(L, st, s, i, none, in + nin, &nsizes);
    } else {
      attr[nattr++] = signature_attr(L, s, i, none);
    }
  }
  memory_relieve(L, st, 0);
  if (nsizes > 0)
    return emit_op(&st->c, s->op->sized, in, nin + nsizes, attr);
  return emit(&st->c, s->op, in, nin, attr);
}

/* When memory is out, garbage is collected and all is done once more, the
** arguments too: one of them may be what could not be made. */
int row_call(lua_State *L, State *st, const Signature *s, Slots none) {
  int mark = context_mark(&st->c);
  Val y = apply_row(L, st, s, none);
  if (st->c.error.set && st->c.error.kind == ERROR_MEMORY) {
    context_drain(&st->c, mark);
    st->c.error.set = false;
    memory_collect(L, st);
    y = apply_row(L, st, s, none);
  }
  if (st->c.error.set) {
    context_drain(&st->c, mark);
    return raise_context(L, st);
  }
  int n = y.node->nout - y.out;
  luaL_checkstack(L, n, NULL);
  for (int k = 0; k < n; k++)
    box_push(L, st, (Val){y.node, y.out + k});
  context_drain(&st->c, mark);
  return n;
}
