/* Sessions: the changing state of one stream that a frozen model serves. Two
** blocks take turns, so that a prediction that fails leaves the state as it
** was. And slots, in which threads find the newest model. Knows no Lua. */

#include <string.h>

#include "base/lock.h"
#include "host/host.h"

/* ---- sessions ----------------------------------------------------------- */

struct lunula_session {
  lunula_model *model; /* counted */
  atomic_flag inside;  /* a thread is in it */
  int now;             /* which block has the state */
  char *block[2];
};

static size_t state_bytes(const lunula_session *s) {
  return (size_t)s->model->states.bytes;
}

static Account *account_of(const lunula_session *s) {
  return plan_cache_account(s->model->k);
}

/* With this state; NULL: the model has none. */
static lunula_session *session_new(lunula_model *m, const char *state) {
  lunula_session *s = mem_new(plan_cache_account(m->k), 1, sizeof *s);
  if (s == NULL)
    return NULL;
  s->model = lunula_model_retain(m);
  atomic_flag_clear(&s->inside);
  for (int i = 0; m->states.n > 0 && i < 2; i++)
    s->block[i] = block_new(account_of(s), state_bytes(s));
  if (m->states.n > 0 && !(s->block[0] && s->block[1])) {
    lunula_session_free(s);
    return NULL;
  }
  if (state)
    memcpy(s->block[0], state, state_bytes(s));
  return s;
}

static lunula_status refuse_busy(lunula_error *error) {
  return host_refuse(error, LUNULA_BUSY, "another thread is in this session");
}

lunula_status lunula_session_new(lunula_model *m, lunula_session **session,
                                 lunula_error *error) {
  if (session == NULL)
    return host_refuse_null(error, "place for the session");
  *session = NULL;
  if (m == NULL)
    return host_refuse_null(error, "model");
  if (!m->frozen)
    return host_refuse(error, LUNULA_ARGUMENT,
                       "a session is for a frozen model: lunula_freeze makes "
                       "one of a script's");
  *session = session_new(m, m->states.first);
  return *session ? LUNULA_OK
                  : host_refuse(error, LUNULA_MEMORY, "out of memory");
}

lunula_status lunula_session_copy(lunula_session *s, lunula_session **copy,
                                  lunula_error *error) {
  if (copy == NULL)
    return host_refuse_null(error, "place for the session");
  *copy = NULL;
  if (s == NULL)
    return host_refuse_null(error, "session");
  if (atomic_flag_test_and_set(&s->inside))
    return refuse_busy(error);
  *copy = session_new(s->model, s->block[s->now]);
  atomic_flag_clear(&s->inside);
  return *copy ? LUNULA_OK
               : host_refuse(error, LUNULA_MEMORY, "out of memory");
}

lunula_status lunula_session_reset(lunula_session *s, lunula_error *error) {
  if (s == NULL)
    return host_refuse_null(error, "session");
  if (atomic_flag_test_and_set(&s->inside))
    return refuse_busy(error);
  if (state_bytes(s) > 0)
    memcpy(s->block[s->now], s->model->states.first, state_bytes(s));
  atomic_flag_clear(&s->inside);
  return LUNULA_OK;
}

lunula_status lunula_session_predict(lunula_session *s, const lunula_view *in,
                                     int nin, const lunula_view *out, int nout,
                                     const lunula_watch *watch,
                                     lunula_error *error) {
  if (s == NULL)
    return host_refuse_null(error, "session");
  if (atomic_flag_test_and_set(&s->inside))
    return refuse_busy(error);
  ModelCall call = {.in = in, .nin = nin, .out = out, .nout = nout,
                    .before = s->block[s->now], .after = s->block[!s->now]};
  lunula_status status = model_predict(s->model, &call, watch, error);
  if (status == LUNULA_OK)
    s->now = !s->now;
  atomic_flag_clear(&s->inside);
  return status;
}

void lunula_session_free(lunula_session *s) {
  if (s == NULL)
    return;
  for (int i = 0; i < 2; i++)
    block_free(account_of(s), s->block[i], state_bytes(s));
  lunula_model_free(s->model);
  mem_free(s);
}

/* ---- slots -------------------------------------------------------------- */

struct lunula_slot {
  Lock lock; /* of the few instructions between reading and counting */
  lunula_model *model;
};

static bool may_lie_there(const lunula_model *m) {
  return m == NULL || m->frozen;
}

static lunula_status refuse_scripts(lunula_error *error) {
  return host_refuse(error, LUNULA_ARGUMENT,
                     "a slot is for frozen models: lunula_freeze makes one of "
                     "a script's");
}

lunula_status lunula_slot_new(lunula_model *m, lunula_slot **slot,
                              lunula_error *error) {
  if (slot == NULL)
    return host_refuse_null(error, "place for the slot");
  *slot = NULL;
  if (!may_lie_there(m))
    return refuse_scripts(error);
  *slot = mem_new(NULL, 1, sizeof **slot);
  if (*slot == NULL)
    return host_refuse(error, LUNULA_MEMORY, "out of memory");
  lock_init(&(*slot)->lock);
  (*slot)->model = lunula_model_retain(m);
  return LUNULA_OK;
}

lunula_model *lunula_slot_get(lunula_slot *s) {
  if (s == NULL)
    return NULL;
  lock_take(&s->lock);
  lunula_model *m = lunula_model_retain(s->model);
  lock_leave(&s->lock);
  return m;
}

lunula_status lunula_slot_set(lunula_slot *s, lunula_model *m,
                              lunula_error *error) {
  if (s == NULL)
    return host_refuse_null(error, "slot");
  if (!may_lie_there(m))
    return refuse_scripts(error);
  lunula_model_retain(m);
  lock_take(&s->lock);
  lunula_model *old = s->model;
  s->model = m;
  lock_leave(&s->lock);
  lunula_model_free(old); /* may take long, so not under the lock */
  return LUNULA_OK;
}

void lunula_slot_free(lunula_slot *s) {
  if (s == NULL)
    return;
  lunula_model_free(s->model);
  mem_free(s);
}
