/* Ops that have a body, a function of their own: its plan, and its run. */

#include <string.h>

#include "plan/plan.h"
#include "scan/scan.h"

Plan *loop_plan(const OpCall *s, Account *account, unsigned passes,
                const Watch *watch, Error *e) {
  Type *in = mem_new(account, (size_t)s->nin, sizeof *in);
  if (in == NULL) {
    fail_memory(e, "out of memory");
    return NULL;
  }
  scan_body_types(s, in);
  Plan *p = plan_new(s->attr[SCAN_BODY].body, in, account, passes, NULL, watch,
                     e);
  mem_free(in);
  return p;
}

static void run_step(void *body, const void *const *in, void *const *out,
                     Env *env) {
  plan_run(body, in, out, env);
}

void loop_run(Plan *body, const OpCall *s, void *const *in, void *const *out,
              void *scratch, Env *env) {
  scan_run(run_step, body, s, in, out, scratch, env);
}

static bool call_run_now(const OpCall *s, void *const *in, void *const *out,
                         Env *env, Account *account) {
  Plan *body = plan_new(s->attr[0].body, s->in, account, PASS_ALL, NULL,
                        env->watch, env->error);
  if (body)
    plan_run(body, (const void *const *)in, out, env);
  plan_release(body);
  return !env->error->set;
}

bool body_run_now(const OpCall *s, void *const *in, void *const *out, Env *env,
                  Account *account) {
  if (s->op->role == CALLS)
    return call_run_now(s, in, out, env, account);
  Plan *body = loop_plan(s, account, PASS_ALL, env->watch, env->error);
  int64_t bytes = scan_scratch(s);
  void *scratch = body ? block_new(account, (size_t)bytes) : NULL;
  if (body && scratch == NULL)
    fail_memory(env->error, "out of memory");
  if (body && scratch)
    loop_run(body, s, in, out, scratch, env);
  if (scratch)
    block_free(account, scratch, (size_t)bytes);
  plan_release(body);
  return !env->error->set;
}
