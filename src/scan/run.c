/* Loops: the body of a scan, run once for each time step. The state goes back
** and forth between its result and a scratch copy, so that the last step
** writes the result; what a step takes and gives lies in slices. */

#include <string.h>

#include "scan/scan.h"

void scan_body_types(const OpCall *s, Type *in) {
  ScanCounts n = scan_counts(s->attr, s->nin, s->nout);
  for (int i = 0; i < s->nin; i++) {
    in[i] = s->in[i];
    if (i >= n.consts + n.carry)
      in[i] = scan_slice(&s->in[i]);
  }
}

static int64_t padded(const Type *t) {
  return (type_bytes(t) + 63) & ~(int64_t)63;
}

int64_t scan_scratch(const OpCall *s) {
  ScanCounts n = scan_counts(s->attr, s->nin, s->nout);
  int64_t bytes = 0;
  for (int i = 0; i < n.carry; i++)
    bytes += padded(&s->out[i]);
  return bytes;
}

typedef struct Loop {
  const OpCall *s;
  ScanCounts n;
  int64_t length;
  void *const *in, *const *out;
  void *spare[MAX_OUTPUTS]; /* second place of each state */
} Loop;

/* Where state i stands after `done` steps. */
static void *state_at(const Loop *l, int i, int64_t done) {
  return (l->length - done) % 2 == 0 ? l->out[i] : l->spare[i];
}

static void aim(const Loop *l, int64_t done, int64_t t, const void **in,
                void **out) {
  const OpCall *s = l->s;
  int states = l->n.consts + l->n.carry;
  for (int i = 0; i < s->nin; i++) {
    in[i] = l->in[i];
    if (i >= states)
      in[i] = (const char *)l->in[i] +
              t * type_span(&s->in[i], 1, s->in[i].rank) *
                  dtype_size((DType)s->in[i].dtype);
    else if (i >= l->n.consts && done > 0)
      in[i] = state_at(l, i - l->n.consts, done);
  }
  for (int i = 0; i < s->nout; i++)
    out[i] = i < l->n.carry
                 ? state_at(l, i, done + 1)
                 : (char *)l->out[i] +
                       t * type_span(&s->out[i], 1, s->out[i].rank) *
                           dtype_size((DType)s->out[i].dtype);
}

void scan_run(ScanStep *step, void *body, const OpCall *s, void *const *in,
              void *const *out, void *scratch, Env *env) {
  Loop l = {.s = s, .n = scan_counts(s->attr, s->nin, s->nout), .in = in,
            .out = out};
  const void *pin[MAX_INPUTS];
  void *pout[MAX_OUTPUTS];
  char *at = scratch;
  l.length = scan_length(s->attr, s->in, s->nin);
  for (int i = 0; i < l.n.carry; i++) {
    l.spare[i] = at;
    at += padded(&s->out[i]);
    if (l.length == 0)
      memcpy(out[i], in[l.n.consts + i], (size_t)type_bytes(&s->out[i]));
  }
  uint32_t draw = env->draw;
  for (int64_t done = 0; done < l.length && !env->error->set; done++) {
    if (env_stopped(env))
      break;
    bool reverse = s->attr[SCAN_REVERSE].i[0];
    aim(&l, done, reverse ? l.length - 1 - done : done, pin, pout);
    env->draw = draw * 2654435761u + (uint32_t)done + 1; /* fresh numbers */
    step(body, pin, pout, env);
  }
  env->draw = draw;
}
