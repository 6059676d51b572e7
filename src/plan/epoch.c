/* An epoch, the loop over batches: gathers rows in the wanted order, runs the
** plan, puts the results where they belong. Nothing else happens between two
** batches. */

#include <string.h>

#include "kernels/kernels.h"
#include "plan/plan.h"

typedef struct Loop {
  PlanCache *k;
  const Epoch *epoch;
  const Function *f;
  Account *account;
  Type in[MAX_INPUTS];
  void *staged[MAX_INPUTS];  /* gathered rows of one batch */
  void *dropped[MAX_OUTPUTS]; /* results that nobody wants */
  const void *pin[MAX_INPUTS];
  void *pout[MAX_OUTPUTS];
  int64_t staged_bytes[MAX_INPUTS], dropped_bytes[MAX_OUTPUTS];
  Plan *plan;
  int64_t size; /* of the batch that plan is for */
} Loop;

static int64_t row_bytes(const Type *t) {
  return type_span(t, 1, t->rank) * dtype_size((DType)t->dtype);
}

static bool room(Loop *l, void **block, int64_t *have, int64_t bytes,
                 Error *e) {
  if (*block && *have >= bytes)
    return true;
  block_free(l->account, *block, (size_t)*have);
  *block = block_new(l->account, (size_t)bytes);
  *have = bytes;
  return *block != NULL || fail_memory(e, "out of memory");
}

static bool choose_plan(Loop *l, int64_t size, const Watch *watch, Error *e) {
  if (l->plan && l->size == size)
    return true;
  plan_release(l->plan);
  for (int i = 0; i < l->f->ninputs; i++) {
    l->in[i] = l->epoch->in[i].type;
    l->in[i].dim[0] = size;
  }
  l->size = size;
  l->plan = plan_cache_plan(l->k, l->in, watch, e);
  return l->plan != NULL;
}

enum { PIECE = 4 << 20 }; /* bytes between two looks at the watch */

static bool copy_long_row(char *to, const char *from, int64_t row,
                          const Watch *watch, Error *e) {
  for (int64_t at = 0; at < row; at += PIECE) {
    memcpy(to + at, from + at, (size_t)(row - at < PIECE ? row - at : PIECE));
    if (watch_stopped(watch, e))
      return false;
  }
  return true;
}

static bool gather(void *to, const Tensor *from, const int32_t *order,
                   int64_t n, const Watch *watch, Error *e) {
  int64_t row = row_bytes(&from->type), some = row ? PIECE / row : n;
  for (int64_t i = 0; i < n && some == 0; i++)
    if (!copy_long_row((char *)to + i * row,
                       (const char *)from->data + order[i] * row, row, watch,
                       e))
      return false;
  for (int64_t i = 0; i < n && some > 0; i += some) {
    if (i > 0 && watch_stopped(watch, e))
      return false;
    ISA(gather_rows)(to, from->data, order, from->type.dim[0], row, i,
                     i + some < n ? i + some : n);
  }
  return true;
}

static bool aim_inputs(Loop *l, int64_t first, const Watch *watch, Error *e) {
  for (int i = 0; i < l->f->ninputs; i++) {
    const Tensor *t = &l->epoch->in[i];
    int64_t row = row_bytes(&t->type);
    if (l->epoch->order == NULL) {
      l->pin[i] = (const char *)t->data + first * row;
      continue;
    }
    if (!room(l, &l->staged[i], &l->staged_bytes[i], l->size * row, e))
      return false;
    if (!gather(l->staged[i], t, l->epoch->order + first, l->size, watch, e))
      return false;
    l->pin[i] = l->staged[i];
  }
  return true;
}

static bool aim_outputs(Loop *l, int64_t first, Error *e) {
  for (int i = 0; i < l->f->noutputs; i++) {
    const Type *t = plan_output(l->plan, i);
    if (l->epoch->out == NULL) {
      if (!room(l, &l->dropped[i], &l->dropped_bytes[i], type_bytes(t), e))
        return false;
      l->pout[i] = l->dropped[i];
      continue;
    }
    const Tensor *y = &l->epoch->out[i];
    char want[TYPE_TEXT], got[TYPE_TEXT];
    if (t->rank == 0 || t->dim[0] != l->size || t->rank != y->type.rank ||
        row_bytes(t) != row_bytes(&y->type) || t->dtype != y->type.dtype)
      return fail(e, "result %d is %s for %lld rows, no rows for %s", i + 1,
                  type_text(t, got), (long long)l->size,
                  type_text(&y->type, want));
    l->pout[i] = (char *)y->data + first * row_bytes(t);
  }
  return true;
}

static bool run_batch(Loop *l, int64_t first, Env *env, Error *e) {
  int64_t left = l->epoch->last - first;
  if (!choose_plan(l, left < l->epoch->batch ? left : l->epoch->batch,
                   env->watch, e) ||
      !aim_inputs(l, first, env->watch, e) || !aim_outputs(l, first, e))
    return false;
  env->draw++;
  env->order = l->epoch->order;
  env->first = first;
  env->rows = l->size;
  return plan_run(l->plan, l->pin, l->pout, env);
}

static void close_loop(Loop *l) {
  plan_release(l->plan);
  for (int i = 0; i < l->f->ninputs; i++)
    block_free(l->account, l->staged[i], (size_t)l->staged_bytes[i]);
  for (int i = 0; i < l->f->noutputs; i++)
    block_free(l->account, l->dropped[i], (size_t)l->dropped_bytes[i]);
}

int64_t epoch_run(PlanCache *k, const Epoch *epoch, Env *env, Error *e) {
  double until = epoch->seconds > 0 ? clock_seconds() + epoch->seconds : 0;
  int64_t at = epoch->first;
  Loop *l = mem_new(plan_cache_account(k), 1, sizeof *l);
  if (l == NULL) {
    fail_memory(e, "out of memory");
    return -1;
  }
  *l = (Loop){.k = k, .epoch = epoch, .f = plan_cache_function(k),
              .account = plan_cache_account(k)};
  bool ok = true;
  while (ok && at < epoch->last) {
    ok = !watch_stopped(env->watch, e) && run_batch(l, at, env, e);
    at += ok ? l->size : 0;
    if (until > 0 && clock_seconds() >= until)
      break;
  }
  env->rows = 0;
  close_loop(l);
  mem_free(l);
  return ok ? at : -1;
}
