/* A function as one node. The plan puts its body in the node's place; what is
** left is its gradient: one that its author gave, or the body's own, computed
** again on the way back from the inputs alone, so that nothing in between is
** kept. */

#include <string.h>

#include "ops/build.h"

/* backward: from the results behind the first RESULTS and the cotangents of
** those to the cotangents of the inputs behind the first CONSTS. */
enum { CALL_BODY, CALL_BACKWARD, CALL_RESULTS, CALL_CONSTS };

static bool backward_fits(const Rule *r) {
  const Function *back = r->attr[CALL_BACKWARD].body;
  int64_t results = r->attr[CALL_RESULTS].i[0];
  int64_t consts = r->attr[CALL_CONSTS].i[0];
  return results >= 0 && results <= r->nout && consts >= 0 &&
         consts <= r->nin && back->ninputs == r->nout &&
         back->noutputs == r->nin - consts;
}

static bool call_shape(Rule *r) {
  const Function *body = r->attr[CALL_BODY].body;
  if (r->attr[CALL_BODY].kind != ATTR_BODY || body->ninputs != r->nin ||
      body->noutputs > MAX_OUTPUTS)
    return fail(r->error, "a body that does not fit its %d inputs", r->nin);
  r->nout = body->noutputs;
  if (r->attr[CALL_BACKWARD].kind == ATTR_BODY && !backward_fits(r))
    return fail(r->error, "a gradient that does not fit its %d inputs", r->nin);
  return function_types(body, r->in, r->out, r->error);
}

static void given_gradient(Context *c, const Node *n, const Val *dy, Val *dx) {
  const Function *f = n->attr[CALL_BACKWARD].body;
  int results = (int)n->attr[CALL_RESULTS].i[0];
  int consts = (int)n->attr[CALL_CONSTS].i[0], nin = 0;
  Val in[MAX_INPUTS], out[MAX_OUTPUTS];
  for (int i = results; i < n->nout; i++)
    in[nin++] = (Val){(Node *)(uintptr_t)n, i};
  for (int i = 0; i < results; i++)
    in[nin++] = dy[i].node ? dy[i]
                : zeros_like(c, (Val){(Node *)(uintptr_t)n, i});
  if (!copy_values(c, f->outputs, f->noutputs, f->inputs, in, nin, out))
    return;
  for (int i = 0; i < f->noutputs; i++)
    dx[consts + i] = out[i];
}

/* The walk must end at the inputs, and the plan must not find the values of
** the way forward in those computed again. */
static Val fresh_source(Context *c, Val v) {
  return val_symbolic(v) ? emit_op(c, "barrier", &v, 1, NULL)
                         : value_watch(c, value_of(c, tensor_share(
                                                          val_tensor(v))));
}

static void own_gradient(Context *c, const Node *n, const Val *dy, Val *dx) {
  const Function *f = n->attr[CALL_BODY].body;
  Val in[MAX_INPUTS], out[MAX_OUTPUTS];
  for (int i = 0; i < n->nin; i++)
    in[i] = fresh_source(c, input(n, i));
  c->recording++; /* in eager mode the copy needs a tape of its own */
  bool ok = copy_values(c, f->outputs, f->noutputs, f->inputs, in, f->ninputs,
                        out);
  c->recording--;
  if (ok)
    gradient_from(c, out, dy, f->noutputs, in, n->nin, dx);
}

static void call_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  if (n->attr[CALL_BACKWARD].kind == ATTR_BODY)
    given_gradient(c, n, dy, dx);
  else
    own_gradient(c, n, dy, dx);
}

static int64_t same_memory(const OpCall *s) {
  (void)s;
  return 0;
}

const Op ops_call[] = {
  {"call", "*xs, body:body, backward:body=nil, results:int, consts:int", CALL,
   AS_IS, call_shape, .vjp = call_vjp, .traits = BODY | HIDDEN | FAULTS | FILED,
   .role = CALLS,
   .doc = "A function as one node."},
  {"barrier", "x", MOVE, AS_IS, like_first, .view = same_memory,
   .traits = HIDDEN | NO_GRADIENT | FILED,
   .doc = "x, equal to nothing else."},
  {0}
};
