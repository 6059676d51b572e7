/* Random numbers as ops: pure functions of (seed, stream, draw), so that any
** thread makes any element. The stream says which drawing place it is; the
** draw is the run's. Sizes come from an input, hence serve an unknown batch. */

#include "base/random.h"
#include "ops/build.h"

static bool random_shape(Rule *r) {
  r->out[0] = r->in[0];
  r->out[0].dtype = F32;
  return true;
}

/* A key is four numbers, drawn or not: all of their bits count. */
static bool keyed_shape(Rule *r) {
  Type key = type_new(F32, 1, (int64_t[]){RANDOM_KEY});
  return check_operand(r, 1, &key) && random_shape(r);
}

enum { PIECE = 1 << 14 };

static int64_t random_tasks(const OpCall *s) {
  int64_t n = type_elements(&s->out[0]) / PIECE;
  return n < 1 ? 1 : n;
}

typedef void (*Draw)(float *y, int64_t first, int64_t n, RandomKey key);

static void draw_part(Draw draw, const OpCall *s, const Run *r, int64_t task) {
  int64_t n = type_elements(&s->out[0]), first = task * PIECE;
  int64_t last = task + 1 == random_tasks(s) ? n : first + PIECE;
  bool seeded = attr_given(&s->attr[1]);
  /* an eager call with a seed gives the same numbers each time; in a plan each
     run draws anew, also from a seed of its own */
  RandomKey key = {seeded ? (uint64_t)s->attr[1].i[0] : r->env->seed,
                   (uint32_t)s->attr[0].i[0],
                   seeded && r->env->once ? 0 : r->env->draw};
  draw((float *)r->out[0] + first, first, last - first, key);
}

static void keyed_run(const OpCall *s, const Run *r, int64_t task) {
  int64_t n = type_elements(&s->out[0]), first = task * PIECE;
  int64_t last = task + 1 == random_tasks(s) ? n : first + PIECE;
  ISA(random_uniform)((float *)r->out[0] + first, first, last - first,
                      random_key_of(r->in[1]));
}

static void uniform_run(const OpCall *s, const Run *r, int64_t task) {
  draw_part(ISA(random_uniform), s, r, task);
}

static void normal_run(const OpCall *s, const Run *r, int64_t task) {
  draw_part(ISA(random_normal), s, r, task);
}

const Op ops_random[] = {
  {"random_uniform_like", "x, stream:int=0, seed:int=nil", RANDOM, AS_IS,
   random_shape, .tasks = random_tasks, .run = uniform_run, .shape_only = 1,
   .traits = NO_GRADIENT | DRAWS,
   .file_class = "lunula",
   .doc = "Numbers from [0, 1) in the shape of x, new ones at each run."},
  {"random_normal_like", "x, stream:int=0, seed:int=nil", RANDOM, AS_IS,
   random_shape, .tasks = random_tasks, .run = normal_run, .shape_only = 1,
   .traits = NO_GRADIENT | DRAWS,
   .file_class = "lunula",
   .doc = "Normal numbers (mean 0, deviation 1) in the shape of x, new ones at "
          "each run."},
  {"random_uniform_of", "x, key", RANDOM, AS_IS, keyed_shape,
   .tasks = random_tasks, .run = keyed_run, .shape_only = 1,
   .traits = NO_GRADIENT | HIDDEN,
   .doc = "Numbers from [0, 1) in the shape of x, always the same of a key of "
          "four numbers."},
  {0}
};
