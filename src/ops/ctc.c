/* Connectionist temporal classification: labels without times beside frames of
** scores. The loss takes log-probabilities, and its gradient is in these: what
** lies before them are other ops. A sequence is one thread's. */

#include <math.h>

#include "kernels/kernels.h"
#include "ops/build.h"

enum { TARGET, LOGS, LABELS, FRAMES, LOSS, PATHS, COTANGENT }; /* inputs */
enum { SCORES, LENGTHS };                    /* of the search */
enum { BLANK = 0, WIDTH = 0, TOP, BEAM_BLANK }; /* attributes */

static int64_t size(const Type *t, int axis) {
  return t->dim[axis];
}

/* ---- shapes ------------------------------------------------------------- */

static bool need_whole(Rule *r, const Type *t, const char *name) {
  return t->dtype == I32 ||
         fail(r->error, "%s must be whole numbers, they are %s", name,
              dtype_name((DType)t->dtype));
}

static bool need_blank(Rule *r, int64_t blank, int64_t classes) {
  return (blank >= 0 && (classes == UNKNOWN || blank < classes)) ||
         fail(r->error, "mask_index is %lld, there are %lld classes",
              (long long)blank, (long long)classes);
}

/* A number for each sequence. */
static bool need_lengths(Rule *r, int i, const char *name, int64_t batch) {
  char text[TYPE_TEXT];
  const Type *t = &r->in[i];
  return (t->rank == 1 && may_equal(size(t, 0), batch) &&
          need_whole(r, t, name)) || r->error->set ||
         fail(r->error, "%s has a number for each of %lld sequences, its shape "
                        "is %s", name, (long long)batch, type_text(t, text));
}

static bool sequences_fit(Rule *r) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  const Type *target = &r->in[TARGET], *logs = &r->in[LOGS];
  if (target->rank != 2 || logs->rank != 3 ||
      !may_equal(size(target, 0), size(logs, 0)))
    return fail(r->error, "target is (batch, labels), output (batch, frames, "
                          "classes): target is %s, output is %s",
                type_text(target, a), type_text(logs, b));
  if (logs->dtype != F32)
    return fail(r->error, "output must be float32");
  return need_whole(r, target, "target") &&
         need_blank(r, r->attr[BLANK].i[0], size(logs, 2)) &&
         need_lengths(r, LABELS, "target_length", size(logs, 0)) &&
         need_lengths(r, FRAMES, "output_length", size(logs, 0)) &&
         !r->error->set;
}

static Type paths_type(const Rule *r) {
  int64_t n = size(&r->in[TARGET], 1);
  Type t = r->in[LOGS];
  t.dim[2] = n == UNKNOWN ? UNKNOWN : 2 * n + 1;
  return t;
}

static bool loss_shape(Rule *r) {
  if (!sequences_fit(r))
    return false;
  int64_t batch = size(&r->in[LOGS], 0);
  batch = batch == UNKNOWN ? size(&r->in[TARGET], 0) : batch;
  r->nout = 2;
  r->out[0] = type_new(F32, 1, &batch);
  r->out[1] = paths_type(r);
  return true;
}

static bool back_shape(Rule *r) {
  if (!sequences_fit(r))
    return false;
  Type paths = paths_type(r), loss = r->in[FRAMES];
  loss.dtype = F32;
  r->out[0] = r->in[LOGS];
  return check_operand(r, LOSS, &loss) && check_operand(r, PATHS, &paths) &&
         check_operand(r, COTANGENT, &loss);
}

/* ---- the work ----------------------------------------------------------- */

static int64_t share(int64_t work, int64_t most) {
  enum { GRAIN = 1 << 12, MOST = 64 };
  int64_t tasks = work / GRAIN;
  tasks = tasks > most ? most : tasks;
  return tasks < 1 ? 1 : tasks > MOST ? MOST : tasks;
}

static int64_t ctc_tasks(const OpCall *s) {
  const Type *logs = &s->in[LOGS];
  return share(size(logs, 0) * size(logs, 1) * (2 * size(&s->in[TARGET], 1) + 1),
               size(logs, 0));
}

/* Bytes of one task, in whole lines of the cache. */
static int64_t ctc_bytes(const OpCall *s) {
  return (4 * ctc_room(size(&s->in[TARGET], 1)) + 63) / 64 * 64;
}

static int64_t ctc_scratch(const OpCall *s) {
  return ctc_bytes(s) * ctc_tasks(s);
}

static Ctc sequence(const OpCall *s, const Run *r, int64_t i) {
  const Type *logs = &s->in[LOGS];
  int64_t room = size(&s->in[TARGET], 1);
  Ctc c = {((const int32_t *)r->in[FRAMES])[i], size(logs, 2),
           ((const int32_t *)r->in[LABELS])[i], room, 2 * room + 1,
           (const float *)r->in[LOGS] + i * size(logs, 1) * size(logs, 2),
           (const int32_t *)r->in[TARGET] + i * room,
           (int32_t)s->attr[BLANK].i[0]};
  return c;
}

static bool in_range(const OpCall *s, const Run *r, int64_t i, const char *name,
                     int64_t value, int64_t most) {
  if (value >= 0 && value <= most)
    return true;
  run_fault(r, "%s is %lld in sample %lld, which is out of range 0..%lld", name,
            (long long)value,
            (long long)run_sample(r, i, size(&s->in[LOGS], 0)), (long long)most);
  return false;
}

/* Whether sequence i is one: what is not is a fault. */
static bool is_sound(const OpCall *s, const Run *r, int64_t i, const Ctc *c) {
  bool sound = in_range(s, r, i, "target_length", c->n, c->room) &&
               in_range(s, r, i, "output_length", c->frames,
                        size(&s->in[LOGS], 1));
  for (int64_t k = 0; sound && k < c->n; k++)
    sound = in_range(s, r, i, "a label", c->label[k], c->classes - 1);
  return sound;
}

static void fill_floats(float *y, int64_t n, float value) {
  for (int64_t i = 0; i < n; i++)
    y[i] = value;
}

static void loss_run(const OpCall *s, const Run *r, int64_t task) {
  int64_t n = size(&s->in[LOGS], 0), tasks = ctc_tasks(s);
  float *room = (float *)(void *)((char *)r->scratch + task * ctc_bytes(s));
  for (int64_t i = n * task / tasks; i < n * (task + 1) / tasks; i++) {
    Ctc c = sequence(s, r, i);
    int64_t states = size(&s->in[LOGS], 1) * c.width;
    float *paths = (float *)r->out[1] + i * states, *loss = r->out[0];
    if (env_stopped(r->env))
      return;
    loss[i] = 0;
    /* the kernel writes the states that the sequence has, and no others */
    fill_floats(paths, states, -INFINITY);
    if (is_sound(s, r, i, &c))
      loss[i] = ISA(ctc_forward)(&c, paths, room);
  }
}

static void back_run(const OpCall *s, const Run *r, int64_t task) {
  int64_t n = size(&s->in[LOGS], 0), tasks = ctc_tasks(s);
  float *room = (float *)(void *)((char *)r->scratch + task * ctc_bytes(s));
  const float *loss = r->in[LOSS], *g = r->in[COTANGENT];
  for (int64_t i = n * task / tasks; i < n * (task + 1) / tasks; i++) {
    Ctc c = sequence(s, r, i);
    int64_t frames = size(&s->in[LOGS], 1);
    float *d = (float *)r->out[0] + i * frames * c.classes;
    if (env_stopped(r->env))
      return;
    fill_floats(d, frames * c.classes, 0);
    if (is_sound(s, r, i, &c))
      ISA(ctc_backward)(&c, (const float *)r->in[PATHS] + i * frames * c.width,
                        loss[i], g[i], d, room);
  }
}

static void loss_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val loss = result(n), paths = {loss.node, 1};
  Val in[] = {input(n, TARGET), input(n, LOGS), input(n, LABELS),
              input(n, FRAMES), loss, paths, dy[0]};
  if (dy[0].node)
    dx[LOGS] = emit_op(c, "ctc_loss_back", in, COUNT_OF(in), n->attr);
}

static void back_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  (void)n, (void)dy, (void)dx;
  fail(&c->error, "ctc_loss: it has a gradient, which has none");
}

/* ---- the search --------------------------------------------------------- */

/* The tree of prefixes has a node for each frame and beam; nodes are numbered
** in 32 bits, and their bytes must be countable. */
enum { MOST_NODES = 1 << 28 };

static bool search_shape(Rule *r) {
  char text[TYPE_TEXT];
  const Type *x = &r->in[SCORES];
  int64_t width = r->attr[WIDTH].i[0], top = r->attr[TOP].i[0];
  if (x->rank != 3)
    return fail(r->error, "inputs are (batch, frames, classes), got %s",
                type_text(x, text));
  if (x->dtype != F32)
    return fail(r->error, "inputs must be float32");
  if (!need_blank(r, r->attr[BEAM_BLANK].i[0], size(x, 2)) ||
      !need_lengths(r, LENGTHS, "sequence_lengths", size(x, 0)))
    return false;
  if (width < 1 || top < 0 || top > width)
    return fail(r->error, "%lld paths of %lld beams", (long long)top,
                (long long)width);
  if (width > MOST_NODES || size(x, 1) > MOST_NODES / width)
    return fail(r->error, "no memory has so many prefixes: %lld beams at %lld "
                          "frames", (long long)width, (long long)size(x, 1));
  int64_t paths[] = {top, size(x, 0), size(x, 1)};
  r->nout = 2;
  r->out[0] = type_new(I32, 3, paths);
  r->out[1] = type_new(F32, 2, (int64_t[]){size(x, 0), top});
  return true;
}

static CtcBeams beams_of(const OpCall *s) {
  const Type *x = &s->in[SCORES];
  return (CtcBeams){size(x, 1), size(x, 2), s->attr[WIDTH].i[0],
                    s->attr[TOP].i[0], size(x, 1), size(x, 0) * size(x, 1),
                    (int32_t)s->attr[BEAM_BLANK].i[0]};
}

/* Each has room for a tree: few will do. */
static int64_t search_tasks(const OpCall *s) {
  enum { MOST = 16 };
  int64_t n = size(&s->in[SCORES], 0);
  return n < 1 ? 1 : n > MOST ? MOST : n;
}

static int64_t search_bytes(const OpCall *s) {
  CtcBeams b = beams_of(s);
  return (ctc_search_bytes(&b) + 63) / 64 * 64;
}

static int64_t search_scratch(const OpCall *s) {
  return search_bytes(s) * search_tasks(s);
}

static void search_run(const OpCall *s, const Run *r, int64_t task) {
  int64_t n = size(&s->in[SCORES], 0), tasks = search_tasks(s);
  const int32_t *length = r->in[LENGTHS];
  for (int64_t i = n * task / tasks; i < n * (task + 1) / tasks; i++) {
    CtcBeams b = beams_of(s);
    if (env_stopped(r->env) ||
        !in_range(s, r, i, "the length", length[i], b.frames))
      return;
    const float *x = (const float *)r->in[SCORES] + i * b.frames * b.classes;
    b.frames = length[i];
    ctc_search(&b, x, (int32_t *)r->out[0] + i * b.room,
               (float *)r->out[1] + i * b.top,
               (char *)r->scratch + task * search_bytes(s));
  }
}

const Op ops_ctc[] = {
  {"ctc_loss", "target, output, target_length, output_length, mask_index:int=0",
   ROWS, COMPUTE, loss_shape, .tasks = ctc_tasks, .run = loss_run,
   .scratch = ctc_scratch, .vjp = loss_vjp, .traits = FAULTS,
   .file_class = "lunula",
   .doc = "-log of the probability of labels, given log-probabilities; how "
          "probable each state of each frame is."},
  {"ctc_loss_back",
   "target, output, target_length, output_length, loss, paths, g, "
   "mask_index:int=0", ROWS, COMPUTE, back_shape, .tasks = ctc_tasks,
   .run = back_run, .scratch = ctc_scratch, .vjp = back_vjp,
   .traits = HIDDEN | FAULTS,
   .doc = "What g gives to the log-probabilities; nothing where the loss is "
          "infinite."},
  {"ctc_decode", "inputs, sequence_lengths, beam_width:int, top_paths:int, "
   "mask_index:int", ROWS, COMPUTE, search_shape, .tasks = search_tasks,
   .run = search_run, .scratch = search_scratch,
   .traits = FAULTS | NO_GRADIENT, .file_class = "lunula",
   .doc = "The most probable sequences of labels, by beams of prefixes: "
          "(top_paths, batch, frames), and the logarithms of their "
          "probabilities."},
  {0}
};
