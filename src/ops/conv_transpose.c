/* The kernel of a transposed convolution packed before: its panels depend on
** how windows walk, and not on the batch. */

#include <string.h>

#include "ops/conv.h"

/* Attribute behind those of the row: of the panels the sizes of x but batch and
** channels; of the convolution with them those of the kernel. */
enum { SIZES = EXTRA + 1, ATTRS };

/* The convolution that gives images like x from those that the transposed one
** makes of them; false with the error. */
static bool convolution(const Type *k, const Attr *attr, Error *e, Conv *c) {
  const Attr *sizes = &attr[SIZES];
  Type in[2] = {type_new(F32, k->rank, k->dim), *k}, y;
  Attr own[ATTRS];
  Rule r = {.nin = 2, .nout = 1, .in = in, .attr = own, .out = &y, .error = e};
  memcpy(own, attr, sizeof own);
  in[0].dim[0] = 1;
  for (int i = 0; i < k->rank - 2; i++)
    in[0].dim[i + 1] = sizes->i[i];
  in[0].dim[k->rank - 1] = k->dim[k->rank - 1];
  if (!conv_transpose_shape(&r))
    return false;
  Walk w = conv_walk_back(k, attr);
  *c = conv_of(&w, &y, k, &in[0]);
  return true;
}

bool conv_turned_panels_shape(Rule *r) {
  const Type *k = &r->in[0];
  Conv c;
  if (k->rank < 3 || k->rank > 5 || !type_known(k) ||
      r->attr[SIZES].n != k->rank - 2)
    return fail(r->error, "needs known sizes");
  if (!convolution(k, r->attr, r->error, &c))
    return false;
  int64_t n = conv_panels(&c, true);
  r->out[0] = type_new(F32, 1, &n);
  return true;
}

void conv_turned_panels_run(const OpCall *s, const Run *r, int64_t task) {
  (void)task;
  Error none = {.set = false};
  Conv c;
  if (convolution(&s->in[0], s->attr, &none, &c)) /* the rule has asked it */
    ISA(conv_pack)(r->in[0], &c, true, r->out[0]);
}

bool conv_turned_shape(Rule *r) {
  const Attr *sizes = &r->attr[SIZES];
  Type in[] = {r->in[0], type_new(F32, sizes->n, sizes->i)};
  Rule of = *r;
  of.in = in;
  return conv_transpose_shape(&of);
}

bool conv_transpose_prepare(Context *c, const Node *n, unsigned how, Val *y) {
  if (!(how & PREPARE_LASTING))
    return false;
  const Type *x = val_type(input(n, 0)), *k = val_type(input(n, 1));
  Attr attr[ATTRS];
  memcpy(attr, n->attr, (EXTRA + 1) * sizeof *attr);
  attr[SIZES] = attr_ints(x->rank - 2, x->dim + 1);
  Val kernel = input(n, 1);
  Val panels = emit_op(c, "turned_panels", &kernel, 1, attr);
  attr[SIZES] = attr_ints(k->rank, k->dim);
  *y = emit_op(c, "transposed_with_panels", (Val[]){input(n, 0), panels}, 2,
               attr);
  return true;
}
