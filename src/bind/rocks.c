/* What sister rocks written in C are lent. */

#include "bind/rocks.h"

#include "base/threads.h"
#include "bind/box.h"
#include "bind/core.h"

static void *push_tensor(lua_State *L, const char *dtype, int rank,
                         const int64_t *shape) {
  State *s = state_of(L);
  DType d = F32;
  char text[TYPE_TEXT];
  if (!dtype_find(dtype, &d) || rank > MAX_RANK)
    raise_error(L, "no tensor is of %s with %d axes", dtype, rank);
  Type type = type_new(d, rank, shape);
  if (!type_countable(&type))
    raise_error(L, "no memory has so many numbers: %s", type_text(&type, text));
  int mark = context_mark(&s->c);
  Val v = memory_value(L, s, &type);
  void *data = val_tensor(v)->data;
  box_push(L, s, v);
  context_drain(&s->c, mark);
  return data;
}

typedef struct Job {
  void (*task)(void *arg, int64_t i);
  void *arg;
} Job;

static void run_task(void *arg, int64_t i, void *scratch) {
  const Job *job = arg;
  (void)scratch;
  job->task(job->arg, i);
}

static void run(void (*task)(void *arg, int64_t i), void *arg, int64_t tasks) {
  Job job = {task, arg};
  threads_run(run_task, &job, tasks, NULL);
}

static void use_sums(lua_State *L, const ForRocksSums *sums) {
  State *s = state_of(L);
  s->sums = (Sums){sums->ud, sums->room, sums->begin, sums->end,
                   sums->go_on};
  s->c.env.sums = &s->sums;
}

void rocks_open(lua_State *L) {
  static const ForRocks lent = {FOR_ROCKS_VERSION, push_tensor, run, use_sums,
                                raise_error};
  lua_pushlightuserdata(L, (void *)(uintptr_t)&lent);
  lua_setfield(L, -2, "for_rocks");
}
