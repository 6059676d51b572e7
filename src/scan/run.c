/* Loops: the body of a scan, run once for each time step. What a step takes and
** gives lies in slices. A state that is a result, too, stands in that result's
** slices, so that it is written once; another goes back and forth between its
** last place and a scratch copy, so that the last step writes the former. */

#include <string.h>

#include "scan/scan.h"

/* The type of input i of the body, of the whole batch. */
static Type body_type(const OpCall *s, const ScanCounts *n, int i) {
  return i < n->consts + n->carry ? s->in[i] : scan_slice(&s->in[i]);
}

/* Whether input i of the body, which has this type, is rows of the batch. */
static bool has_rows(const ScanCounts *n, const ScanRows *rows, int i,
                     const Type *t) {
  return t->rank > 0 && t->dim[0] == rows->batch &&
         (i >= n->consts || rows->consts);
}

void scan_body_types(const OpCall *s, const ScanRows *rows, Type *in) {
  ScanCounts n = scan_counts(s->attr, s->nin, s->nout);
  for (int i = 0; i < s->nin; i++) {
    in[i] = body_type(s, &n, i);
    if (rows && has_rows(&n, rows, i, &in[i]))
      in[i].dim[0] = rows->count;
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

static int result_that_is(const Function *body, int first, Val v) {
  for (int i = first; i < body->noutputs; i++)
    if (val_same(body->outputs[i], v))
      return i;
  return -1;
}

void scan_find_states(const OpCall *s, ScanStates *states) {
  const Function *body = s->attr[SCAN_BODY].body;
  ScanCounts n = scan_counts(s->attr, s->nin, s->nout);
  for (int i = 0; i < n.carry; i++) {
    states->before[i] =
        result_that_is(body, n.carry, body->inputs[n.consts + i]);
    states->after[i] = result_that_is(body, n.carry, body->outputs[i]);
  }
}

/* Where the rows of this loop begin, and the bytes from one time step to the
** next; 0 for what is there in all steps. */
typedef struct Loop {
  ScanCounts n;
  int64_t length;
  bool reverse;
  const ScanStates *states;
  const char *in[MAX_INPUTS];
  char *out[MAX_OUTPUTS], *spare[MAX_OUTPUTS]; /* second place of a state */
  int64_t in_step[MAX_INPUTS], out_step[MAX_OUTPUTS];
} Loop;

/* Bytes of the rows before ours. */
static int64_t bytes_before(const Type *t, const ScanRows *rows) {
  return rows ? rows->first * type_span(t, 1, t->rank) *
                    dtype_size((DType)t->dtype)
              : 0;
}

static void find_inputs(Loop *l, const OpCall *s, const ScanRows *rows,
                        void *const *in) {
  for (int i = 0; i < s->nin; i++) {
    Type t = body_type(s, &l->n, i);
    l->in[i] = in[i];
    l->in_step[i] = i < l->n.consts + l->n.carry ? 0 : type_bytes(&t);
    if (rows && has_rows(&l->n, rows, i, &t))
      l->in[i] += bytes_before(&t, rows);
  }
}

static void find_outputs(Loop *l, const OpCall *s, const ScanRows *rows,
                         void *const *out, char *scratch) {
  for (int i = 0; i < s->nout; i++) {
    bool state = i < l->n.carry;
    Type t = state ? s->out[i] : scan_slice(&s->out[i]);
    l->out[i] = (char *)out[i] + bytes_before(&t, rows);
    l->out_step[i] = state ? 0 : type_bytes(&t);
    if (state) {
      l->spare[i] = scratch + bytes_before(&t, rows);
      scratch += padded(&t);
    }
  }
}

/* The place in time of the step that comes after `done` others. */
static int64_t time_of(const Loop *l, int64_t done) {
  return l->reverse ? l->length - 1 - done : done;
}

static char *result_at(const Loop *l, int i, int64_t done) {
  return l->out[i] + time_of(l, done) * l->out_step[i];
}

/* Where state i stands after `done` steps. */
static char *state_at(const Loop *l, int i, int64_t done) {
  if (done == l->length)
    return l->out[i];
  if (l->states->before[i] >= 0)
    return result_at(l, l->states->before[i], done);
  if (l->states->after[i] >= 0)
    return result_at(l, l->states->after[i], done - 1);
  return (l->length - done) % 2 == 0 ? l->out[i] : l->spare[i];
}

static void aim(const Loop *l, int nin, int nout, int64_t done,
                const void **in, void **out) {
  int64_t t = time_of(l, done);
  for (int i = 0; i < nin; i++)
    in[i] = l->in[i] + t * l->in_step[i];
  for (int i = 0; done > 0 && i < l->n.carry; i++)
    in[l->n.consts + i] = state_at(l, i, done);
  for (int i = 0; i < nout; i++)
    out[i] = i < l->n.carry ? state_at(l, i, done + 1)
                            : result_at(l, i, done);
}

/* No step at all: the state is what it was. */
static void keep_state(const Loop *l, const OpCall *s, const ScanRows *rows) {
  for (int i = 0; i < l->n.carry; i++) {
    Type t = s->out[i];
    if (rows)
      t.dim[0] = rows->count;
    memcpy(l->out[i], l->in[l->n.consts + i], (size_t)type_bytes(&t));
  }
}

void scan_run(ScanStep *step, void *body, const ScanRun *run, Env *env) {
  const OpCall *s = run->call;
  Loop l = {.n = scan_counts(s->attr, s->nin, s->nout),
            .length = scan_length(s->attr, s->in, s->nin),
            .reverse = s->attr[SCAN_REVERSE].i[0], .states = run->states};
  const void *in[MAX_INPUTS];
  void *out[MAX_OUTPUTS];
  find_inputs(&l, s, run->rows, run->in);
  find_outputs(&l, s, run->rows, run->out, run->scratch);
  if (l.length == 0)
    keep_state(&l, s, run->rows);
  uint32_t draw = env->draw;
  for (int64_t done = 0; done < l.length && !env->error->set; done++) {
    if (env_stopped(env))
      break;
    aim(&l, s->nin, s->nout, done, in, out);
    env->draw = draw * 2654435761u + (uint32_t)done + 1; /* fresh numbers */
    step(body, in, out, env);
  }
  env->draw = draw;
}
