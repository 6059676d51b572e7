/* Sums over all processes that run the same plan (Env.sums), in two ops: between
** them other work is done. All that is summed in one go is a bucket. As ops that
** may fail they come before all updates, and begin as soon as their values are
** there; as ops of the host none is shared, folded or computed beforehand. */

#include <string.h>

#include "kernels/kernels.h"
#include "ops/build.h"

/* WEIGHTED, of both: the first value is a weight, by which the others are
** multiplied, and their sums divided by its sum: they become means. SOON: nothing
** is to be done until the sums are waited for. */
enum { WEIGHTED, SOON };

static int64_t numbers(const Type *t, int n) {
  int64_t sum = 0;
  for (int i = 0; i < n; i++)
    sum += type_elements(&t[i]);
  return sum;
}

static bool is_weighted(const OpCall *s) {
  return s->attr[WEIGHTED].i[0] != 0;
}

static bool begin_shape(Rule *r) {
  bool weighted = r->attr[WEIGHTED].i[0] != 0;
  if (r->nin == 0 || (weighted && r->in[0].rank != 0))
    return fail(r->error, "nothing to sum, or no number as its weight");
  r->out[0] = type_new(I32, 0, NULL);
  return true;
}

static const Sums *sums_of(const Run *r) {
  if (r->env->sums == NULL)
    run_fault(r, "this step sums over processes, and runs in one");
  return r->env->sums;
}

static void begin_run(const OpCall *s, const Run *r, int64_t task) {
  const Sums *sums = sums_of(r);
  char why[2400] = "out of memory";
  int64_t n = numbers(s->in, s->nin), at = 0;
  float by = is_weighted(s) ? *(const float *)r->in[0] : 1;
  (void)task;
  if (sums == NULL)
    return;
  float *to = sums->room(sums->ud, n, r->out[0]);
  for (int i = 0; to && i < s->nin; i++) {
    int64_t size = type_elements(&s->in[i]);
    ISA(copy_scaled)(to + at, r->in[i], is_weighted(s) && i == 0 ? 1 : by, size);
    at += size;
  }
  if (to == NULL ||
      !sums->begin(sums->ud, *(int32_t *)r->out[0], s->attr[SOON].i[0] != 0, why,
                   sizeof why))
    run_fault(r, "%s", why);
  else
    r->env->sums_begun++;
}

/* Inputs: what sum_begin gave, then what was summed, for its shapes. */
static bool end_shape(Rule *r) {
  r->nout = r->nin - 1;
  if (r->nout < 1 || r->nout > MAX_OUTPUTS)
    return fail(r->error, "%d sums in one go; the most are %d", r->nout,
                MAX_OUTPUTS);
  for (int i = 0; i < r->nout; i++) {
    r->out[i] = r->in[i + 1];
    r->out[i].dtype = F32;
  }
  return true;
}

static void end_run(const OpCall *s, const Run *r, int64_t task) {
  const Sums *sums = sums_of(r);
  char why[2400] = "";
  (void)task;
  if (sums == NULL)
    return;
  if (r->env->sums_begun > 0)
    r->env->sums_begun--;
  const float *from = sums->end(sums->ud, *(const int32_t *)r->in[0], why,
                                sizeof why);
  if (from == NULL) {
    run_fault(r, "%s", why);
    return;
  }
  float by = is_weighted(s) ? 1 / from[0] : 1;
  for (int i = 0; i < s->nout; i++) {
    int64_t size = type_elements(&s->out[i]);
    ISA(copy_scaled)(r->out[i], from, is_weighted(s) && i == 0 ? 1 : by, size);
    from += size;
  }
}

const Op ops_sums[] = {
  {"sum_begin", "*xs, weighted:bool, soon:bool", MOVE, FLOATS, begin_shape,
   .run = begin_run, .traits = HOST | FAULTS | HIDDEN | NO_GRADIENT,
   .doc = "Begins the sums of the values over all processes."},
  {"sum_end", "x, *likes, weighted:bool", MOVE, AS_IS, end_shape,
   .run = end_run, .shape_only = ~1u,
   .traits = HOST | FAULTS | WAITS | HIDDEN | NO_GRADIENT,
   .doc = "The sums that were begun."},
  {0}
};
