/* From a function to a plan: the passes, one after the other. */

#include "base/threads.h"
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

/* Whether some steps are divided among the threads that there were. */
static bool counts_threads(const Plan *p) {
  for (int i = 0; i < p->nsteps; i++)
    if (p->step[i].body || p->step[i].band)
      return true;
  return false;
}

/* The body for inputs of these types. */
static Plan *body_plan(const Prog *g, const Function *body, const Type *in,
                       unsigned which, Text *debug) {
  return plan_new(body, in, g->c.account, (g->passes & PASS_ALL) | which, NULL,
                  debug, g->watch, g->error);
}

static Plan *part_plan(const Prog *g, const Function *body, const OpCall *s,
                       ScanRows rows, int64_t count, Type *in) {
  rows.count = count;
  scan_body_types(s, &rows, in);
  return body_plan(g, body, in, 0, NULL);
}

static void compile_parts(const Prog *g, const OpCall *s, LoopParts *p,
                          Type *in) {
  Function *body = parts_body(g, s, &p->rows, in);
  if (body == NULL)
    return;
  int64_t rest = p->rows.batch % p->rows.count;
  if (rest)
    p->rest = part_plan(g, body, s, p->rows, rest, in);
  if (p->rest || !rest)
    p->body = part_plan(g, body, s, p->rows, p->rows.count, in);
  function_release(body);
  if (p->body && g->debug)
    text_add(g->debug, "---- in parts of %lld of its %lld rows\n",
             (long long)p->rows.count, (long long)p->rows.batch);
}

static bool compile_loop(const Prog *g, PlanStep *s) {
  const OpCall *loop = &s->step;
  Type *in = mem_new(g->c.account, (size_t)loop->nin, sizeof *in);
  if (in == NULL)
    return fail_memory(g->error, "out of memory");
  if (g->debug)
    text_add(g->debug, "---- the body of a loop%s%s\n",
             loop->origin ? " at " : "", loop->origin ? loop->origin : "");
  scan_body_types(loop, NULL, in);
  s->body = body_plan(g, loop->attr[SCAN_BODY].body, in, IN_LOOP, g->debug);
  if (s->body)
    compile_parts(g, loop, &s->parts, in);
  if (g->debug)
    text_add(g->debug, "---- end of the body\n");
  mem_free(in);
  return !g->error->set;
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

/* The bytes of strings lie with who made them, so no result may have any. */
static bool gives_numbers(const Function *f, Error *e) {
  for (int i = 0; i < f->noutputs; i++)
    if (val_type(f->outputs[i])->dtype == STR)
      return fail(e, "result %d is strings, a compiled function gives numbers",
                  i + 1);
  return true;
}

/* A part has no parts. */
static Plan *rows_plan(const Prog *g, const Plan *p, int64_t rows, Type *in,
                       Preparations *shared) {
  for (int i = 0; i < g->f->ninputs; i++)
    in[i].dim[0] = rows;
  return plan_new(g->f, in, g->c.account,
                  g->passes & ~(unsigned)PASS_PARTS, shared,
                  rows == p->parts.rows ? g->debug : NULL, g->watch, g->error);
}

/* The plan has parts instead of steps, where that is better. */
static bool compile_rows(Prog *g, Plan *p, const Type *in,
                         Preparations *shared) {
  RowParts *r = &p->parts;
  size_t n = (size_t)g->f->ninputs;
  Type *types = mem_new(g->c.account, n + 1, sizeof *types);
  if (types == NULL)
    return fail_memory(g->error, "out of memory");
  for (size_t i = 0; i < n; i++)
    types[i] = in[i];
  r->rows = shared ? parts_rows(g, types) : 0;
  r->batch = r->rows ? in[0].dim[0] : 0;
  if (r->rows && g->debug)
    text_add(g->debug, "---- in parts of %lld of its %lld rows\n",
             (long long)r->rows, (long long)r->batch);
  if (r->rows && r->batch % r->rows)
    r->rest = rows_plan(g, p, r->batch % r->rows, types, shared);
  if (r->rows && !g->error->set)
    r->part = rows_plan(g, p, r->rows, types, shared);
  mem_free(types);
  return !g->error->set;
}

static bool compile_steps(Prog *g, Plan *p, Preparations *shared) {
  return prepare_weights(g, p, shared) && fuse(g) && bring_abreast(g) &&
         bands(g) && plan_memory(g);
}

Plan *plan_new(const Function *f, const Type *in, Account *account,
               unsigned passes, Preparations *shared, Text *debug,
               const Watch *watch, Error *e) {
  Prog g;
  Plan *p = plan_empty(account);
  int threads = threads_count();
  bool ok = prog_open(&g, f, account, passes, watch, e) &&
            gives_numbers(f, e);
  g.debug = debug;
  g.compile_loop = compile_loop;
  if (p == NULL)
    ok = fail_memory(e, "out of memory");
  ok = ok && specialise(&g, in) && compile_rows(&g, p, in, shared) &&
       (p->parts.part || compile_steps(&g, p, shared)) && steps_build(p, &g);
  if (ok) {
    p->passes = passes;
    p->threads = counts_threads(p) ? threads : 0;
    p->calls_lua = calls_lua(p);
  }
  if (ok && debug && p->parts.part == NULL)
    plan_text(debug, &g);
  prog_close(&g);
  if (!ok && p)
    plan_release(p);
  return ok ? p : NULL;
}
