/* From a function to a plan: the passes, one after the other. */

#include "plan/plan.h"

#include "plan/prepared.h"
#include "plan/steps.h"
#include "scan/scan.h"

/* Whether a run may enter the host language. */
static bool calls_lua(const Plan *p) {
  for (int i = 0; i < p->nsteps; i++) {
    const PlanStep *s = &p->step[i];
    if (s->body ? s->body->calls_lua : s->step.op && s->step.op->kind == CALL)
      return true;
  }
  return false;
}

static Plan *compile_body(const Prog *g, const OpCall *loop) {
  if (g->debug)
    text_add(g->debug, "---- the body of a loop%s%s\n",
             loop->origin ? " at " : "", loop->origin ? loop->origin : "");
  Plan *p = loop_plan(loop, g->c.account, g->passes, g->debug, g->watch,
                      g->error);
  if (g->debug)
    text_add(g->debug, "---- end of the body\n");
  return p;
}

/* Takes the function over. */
static Preparation *preparation_for(const Prog *g, Function *f,
                                    Preparations *shared) {
  Preparation *k = preparation_find(shared, f);
  Plan *plan = k ? NULL : plan_new(f, NULL, g->c.account, g->passes, NULL, NULL,
                                   g->watch, g->error);
  if (plan)
    k = preparation_add(shared, f, plan, plan_release, g->error);
  if (plan && k)
    return k;
  if (plan)
    plan_release(plan);
  function_release(f);
  return k;
}

static bool prepare_weights(Prog *g, Plan *p, Preparations *shared) {
  Function *f = NULL;
  if (shared == NULL)
    return true;
  if (!fold(g) || !prepare(g, &f))
    return false;
  if (f)
    p->preparation = preparation_for(g, f, shared);
  return f == NULL || p->preparation;
}

Plan *plan_new(const Function *f, const Type *in, Account *account,
               unsigned passes, Preparations *shared, Text *debug,
               const Watch *watch, Error *e) {
  Prog g;
  Plan *p = plan_empty(account);
  bool ok = prog_open(&g, f, account, passes, watch, e);
  g.debug = debug;
  g.compile_body = compile_body;
  if (p == NULL)
    ok = fail_memory(e, "out of memory");
  ok = ok && specialise(&g, in) && prepare_weights(&g, p, shared) &&
       fuse(&g) && plan_memory(&g) && steps_build(p, &g);
  if (ok)
    p->calls_lua = calls_lua(p);
  if (ok && debug)
    plan_text(debug, &g);
  prog_close(&g);
  if (!ok && p)
    plan_release(p);
  return ok ? p : NULL;
}

Plan *loop_plan(const OpCall *s, Account *account, unsigned passes,
                Text *debug, const Watch *watch, Error *e) {
  Type *in = mem_new(account, (size_t)s->nin, sizeof *in);
  if (in == NULL) {
    fail_memory(e, "out of memory");
    return NULL;
  }
  scan_body_types(s, in);
  Plan *p = plan_new(s->attr[SCAN_BODY].body, in, account, passes, NULL, debug,
                     watch, e);
  mem_free(in);
  return p;
}
