/* The profile: what each step of a plan took, as text for people when the plan
** is freed (`LUNULA_DEBUG=profile`). */

#include <stdio.h>

#include "plan/steps.h"

/* Bodies of loops and parts, too: they print their own table. */
void plan_profile(Plan *p) {
  if (p->parts.part)
    plan_profile(p->parts.part);
  for (int i = 0; i < p->nsteps; i++) {
    if (p->step[i].body)
      plan_profile(p->step[i].body);
    if (p->step[i].parts.body)
      plan_profile(p->step[i].parts.body);
    if (p->step[i].parts.rest)
      plan_profile(p->step[i].parts.rest);
  }
  if (p->seconds == NULL)
    p->seconds = mem_new(p->account, (size_t)p->nsteps + 1,
                         sizeof *p->seconds);
}

static const char *name_of(const PlanStep *s) {
  if (s->step.op)
    return s->step.op->name;
  return s->program && s->program->loop ? "one loop" : "elementwise";
}

/* What each step took, on stderr: the names are the kernels', the lines the
** user's. */
void profile_print(const Plan *p) {
  double all = 0;
  for (int i = 0; i < p->nsteps; i++)
    all += p->seconds[i];
  fprintf(stderr, "---- profile of %lld runs, %.1f us each\n",
          (long long)p->runs, 1e6 * all / (double)(p->runs ? p->runs : 1));
  for (int i = 0; i < p->nsteps; i++) {
    const PlanStep *s = &p->step[i];
    fprintf(stderr, "%3d %8.1f us %5.1f %%  %s%s%s  %s\n", i,
            1e6 * p->seconds[i] / (double)(p->runs ? p->runs : 1),
            100 * p->seconds[i] / (all > 0 ? all : 1),
            name_of(s),
            s->step.ending               ? " + ending"
            : s->step.op && s->program ? " + elementwise"
                                       : "",
            s->band        ? " (with those below)"
            : s->abreast   ? " (with the next)"
            : s->tasks > 1 ? " (shared)"
                           : "",
            s->step.origin ? s->step.origin : "");
  }
}
