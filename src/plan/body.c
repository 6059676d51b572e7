/* Ops that have a body, a function of their own, called by themselves: outside
** any plan, the body is compiled and run at once. */

#include "plan/plan.h"
#include "scan/scan.h"

static bool run_now(const Function *f, const OpCall *s, void *const *in,
                    void *const *out, Env *env, Account *account) {
  Plan *p = plan_new(f, s->in, account, PASS_ALL, NULL, NULL, env->watch,
                     env->error);
  if (p)
    plan_run(p, (const void *const *)in, out, env);
  plan_release(p);
  return !env->error->set;
}

/* The loop as a function of its own. */
static Function *loop_function(const OpCall *s, Account *account, Error *e) {
  Context c;
  Scope scope;
  Val in[MAX_INPUTS], out[MAX_OUTPUTS];
  context_open(&c, account, ((Function *)s->attr[0].body)->catalogue);
  c.rebuild = true; /* a loop that reads nothing is not run now, but made */
  scope_open(&c, &scope, true);
  for (int i = 0; i < s->nin; i++)
    in[i] = scope_input(&c, &s->in[i]);
  Val y = emit(&c, s->op, in, s->nin, s->attr);
  for (int i = 0; i < s->nout; i++)
    out[i] = (Val){y.node, i};
  Function *f = scope_finish(&c, &scope, out, s->nout, NULL, NULL);
  if (f == NULL)
    fail_again(e, &c.error);
  context_close(&c);
  return f;
}

bool body_run_now(const OpCall *s, void *const *in, void *const *out, Env *env,
                  Account *account) {
  if (s->op->role == CALLS)
    return run_now(s->attr[0].body, s, in, out, env, account);
  Function *f = loop_function(s, account, env->error);
  bool ok = f && run_now(f, s, in, out, env, account);
  function_release(f);
  return ok;
}
