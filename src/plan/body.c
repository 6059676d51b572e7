/* Ops that have a body, a function of their own, called by themselves: outside
** any plan, the body is compiled and run at once. */

#include <string.h>

#include "plan/plan.h"
#include "scan/scan.h"

static bool call_run_now(const OpCall *s, void *const *in, void *const *out,
                         Env *env, Account *account) {
  Plan *body = plan_new(s->attr[0].body, s->in, account, PASS_ALL, NULL,
                        NULL, env->watch, env->error);
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
  if (body && scratch) {
    ScanStates states;
    scan_find_states(s, &states);
    loop_run(body, &(ScanRun){s, &states, NULL, in, out, scratch}, env);
  }
  if (scratch)
    block_free(account, scratch, (size_t)bytes);
  plan_release(body);
  return !env->error->set;
}
