/* Steps that leave the graph: a closure of the host language, called between
** the kernels by the thread that runs the plan. */

#include <string.h>

#include "ops/build.h"

enum { ID, COUNT }; /* which closure; how many inputs are real */

/* The first COUNT inputs are values, behind them is one for each result. */
static bool count_results(Rule *r) {
  int64_t values = r->attr[COUNT].i[0];
  if (values < 0 || values > r->nin)
    return fail(r->error, "%lld values in %d inputs", (long long)values,
                r->nin);
  r->nout = r->nin - (int)values;
  return r->nout <= MAX_OUTPUTS ||
         fail(r->error, "more than %d results", MAX_OUTPUTS);
}

/* Inputs: COUNT values, then a shape for each result. A size that is not
** known there is that of the first value. */
static bool host_shape(Rule *r) {
  int values = (int)r->attr[COUNT].i[0];
  if (!count_results(r))
    return false;
  for (int i = 0; i < r->nout; i++) {
    Type *y = &r->out[i];
    *y = r->in[values + i];
    for (int k = 0; k < y->rank; k++)
      if (y->dim[k] == UNKNOWN && values > 0 && k < r->in[0].rank)
        y->dim[k] = r->in[0].dim[k];
  }
  return true;
}

static void call_closure(bool gradient, const OpCall *s, const Run *r) {
  Error e = {.set = false};
  if (r->env->host == NULL)
    run_fault(r, "this model calls a Lua closure and cannot run without Lua");
  else if (!r->env->host(r->env->host_ud, s->attr[ID].i[0], gradient, s, r->in,
                         r->out, &e))
    run_error(r, &e);
}

static void host_run(const OpCall *s, const Run *r, int64_t task) {
  (void)task;
  call_closure(false, s, r);
}

static void host_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val in[MAX_INPUTS];
  int values = (int)n->attr[COUNT].i[0];
  if (n->nout + values > MAX_INPUTS) {
    fail(&c->error, "too many values for a gradient");
    return;
  }
  for (int i = 0; i < n->nout; i++)
    in[i] = dy[i].node ? dy[i]
            : zeros_like(c, (Val){(Node *)(uintptr_t)n, i});
  for (int i = 0; i < values; i++)
    in[n->nout + i] = input(n, i);
  Val g = emit_op(c, "host_gradient", in, n->nout + values,
                  (Attr[]){n->attr[ID], attr_int(n->nout)});
  for (int i = 0; i < values; i++)
    dx[i] = (Val){g.node, c->error.set ? 0 : i};
}

static void host_gradient_run(const OpCall *s, const Run *r, int64_t task) {
  (void)task;
  call_closure(true, s, r);
}

static bool host_gradient_shape(Rule *r) {
  int cotangents = (int)r->attr[COUNT].i[0];
  if (!count_results(r))
    return false;
  for (int i = 0; i < r->nout; i++) {
    r->out[i] = r->in[cotangents + i];
    r->out[i].dtype = F32;
  }
  return true;
}

/* Which inputs are shapes depends on COUNT, which a mask cannot say; the plan
** keeps the extra edges, they are cheap. */
const Op ops_host[] = {
  {"host", "*xs, id:int, count:int", CALL, AS_IS, host_shape,
   .run = host_run, .vjp = host_vjp, .traits = HOST | HIDDEN | FAULTS,
   .doc = "Calls a closure."},
  {"host_gradient", "*xs, id:int, count:int", CALL, AS_IS,
   host_gradient_shape, .run = host_gradient_run,
   .traits = HOST | HIDDEN | FAULTS, .role = WALKS_BACK,
   .doc = "Walks back through what the closure did."},
  {0}
};
