/* Shape rules that several families share. A size that is not known yet passes:
** the plan asks the rule again when all are known. */

#include "ops/build.h"

bool like_first(Rule *r) {
  r->out[0] = r->in[0];
  return true;
}

bool predicate_first(Rule *r) {
  r->out[0] = r->in[0];
  r->out[0].dtype = BOOL;
  return true;
}

bool broadcast_dims(Type *y, const Type *a, const Type *b) {
  Type t = a->rank >= b->rank ? *a : *b;
  const Type *other = a->rank >= b->rank ? b : a;
  int lead = t.rank - other->rank;
  for (int i = 0; i < other->rank; i++) {
    int64_t *n = &t.dim[lead + i], m = other->dim[i];
    if (*n == m || m == 1) /* m is repeated n times */
      continue;
    if (*n == 1 || *n == UNKNOWN)
      *n = m; /* an unknown size is not 1: it must turn out to be m */
    else if (m != UNKNOWN)
      return false;
  }
  t.dtype = y->dtype;
  *y = t;
  return true;
}

bool broadcast_all(Rule *r) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  r->out[0] = r->in[0];
  r->out[0].dtype = r->in[r->nin - 1].dtype;
  for (int i = 1; i < r->nin; i++) {
    Type before = r->out[0];
    if (!broadcast_dims(&r->out[0], &before, &r->in[i]))
      return fail(r->error, "shapes %s and %s do not broadcast",
                  type_text(&before, a), type_text(&r->in[i], b));
  }
  return true;
}

bool broadcast_predicate(Rule *r) {
  bool ok = broadcast_all(r);
  r->out[0].dtype = BOOL;
  return ok;
}

bool check_axis(Rule *r, int64_t *axis, int rank) {
  char text[TYPE_TEXT];
  if (*axis < -rank || *axis >= rank)
    return fail(r->error, "axis %lld is out of range for %s of rank %d",
                (long long)*axis, type_text(&r->in[0], text), rank);
  if (*axis < 0)
    *axis += rank;
  return true;
}

bool check_axes(Rule *r, Attr *axes, int rank) {
  bool used[MAX_RANK] = {false};
  bool all = axes->kind == ATTR_NIL;
  for (int i = 0; !all && i < axes->n; i++) {
    if (!check_axis(r, &axes->i[i], rank))
      return false;
    if (used[axes->i[i]])
      return fail(r->error, "axis %lld is given twice", (long long)axes->i[i]);
    used[axes->i[i]] = true;
  }
  *axes = (Attr){.kind = ATTR_AXES};
  for (int i = 0; i < rank; i++)
    if (all || used[i])
      axes->i[axes->n++] = i;
  return true;
}

bool check_operand(Rule *r, int i, const Type *want) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  const Type *got = &r->in[i];
  bool ok = got->rank == want->rank;
  for (int d = 0; ok && d < got->rank; d++)
    ok = may_equal(got->dim[d], want->dim[d]);
  return ok || fail(r->error, "operand %d is %s, it should be %s", i + 1,
                    type_text(got, a), type_text(want, b));
}
