/* Steps that go together, a band at a time. Where each line of an image is made
** of a few lines of the one before it, some lines go through several steps
** while they are in cache; what is between the steps never exists as a whole,
** and threads need not wait for each other between them. Each task makes a part
** of the lines of the last result; what the windows of two tasks both see is
** made twice, so there are no more tasks than threads want. The ops say what
** lines are made of (Op.lines_of); numbers do not depend on any of this. */

#include <stdatomic.h>
#include <string.h>

#include "base/threads.h"
#include "plan/steps.h"

/* ---- how a band moves on ------------------------------------------------- */

/* Lines of a result: [first, end) are there or will be, those up to `made` were
** there before. */
typedef struct Lines {
  int64_t first, made, end;
} Lines;

static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* The lines of all results that the lines [first, end) of the last one need;
** at the start of a task all of `l` is 0. False: the sizes do not go by lines. */
static bool move_on(const OpCall *const *call, int n, int64_t first,
                    int64_t end, Lines *l) {
  l[n - 1] = (Lines){first, first, end};
  for (int i = n - 1; i > 0; i--) {
    int64_t from = l[i].made, to = l[i].end;
    Lines *x = &l[i - 1];
    if (from == to) { /* nothing new of it */
      x->made = x->end;
      continue;
    }
    if (!call[i]->op->lines_of(call[i], &from, &to))
      return false;
    x->first = from;
    x->made = most(from, x->end);
    x->end = most(x->made, to);
  }
  return true;
}

static int64_t task_begin(const Band *b, int64_t task) {
  return b->lines * task / b->tasks;
}

/* ---- the pass ------------------------------------------------------------ */

enum { MOST_POINTERS = TILE_OPERANDS + CALL_INPUTS + 1 };

/* Bytes of what goes from step to step, of which there is so much at most, and
** of the weights beside it. Bands are worth it where there would be much of it,
** and where that takes some time beside the work: a byte is worth so many
** multiply-adds. */
enum { NEAR = 640 << 10, WEIGHTS = 1 << 20, MUCH = 128 << 10, BYTE = 50 };

/* Beyond so many lines, looking for the best division would take its time. */
enum { MOST_LINES = 1 << 20 };

typedef struct Call {
  OpCall call;
  Type in[CALL_INPUTS];
} Call;

typedef struct Chain {
  Call each[BAND_UNITS];
  const OpCall *call[BAND_UNITS];
} Chain;

/* The product of a unit: a node, or what a group finishes; NULL: it has none. */
static const Node *product_of(const Prog *p, Unit u) {
  int node = u.node >= 0 ? u.node : p->groups[u.group].anchor;
  return node >= 0 ? p->node[node] : NULL;
}

/* The one result of a unit; a node of NULL: it has several, or it is not in the
** product's place. */
static Val result_of(const Prog *p, Unit u) {
  if (u.node >= 0)
    return (Val){p->node[u.node], 0};
  const Group *g = &p->groups[u.group];
  int found = -1;
  for (int m = 0; m < g->n; m++)
    if (p->escapes[g->member[m]]) {
      if (found >= 0 || p->node[g->member[m]]->out[0].type.dtype != F32)
        return (Val){NULL, 0};
      found = g->member[m];
    }
  return (Val){found >= 0 ? p->node[found] : NULL, 0};
}

Val band_value(const Prog *p, const Band *b, int i) {
  return result_of(p, p->unit[b->unit[i]]);
}

/* Whether the unit can be part of a band, and how it is called then. */
static bool find_call(const Prog *p, Unit u, Call *c) {
  const Node *n = product_of(p, u);
  if (n == NULL || n->op->lines == NULL || result_of(p, u).node == NULL ||
      !prog_call(n, c->in, &c->call))
    return false;
  int64_t first = 0, end = 1;
  return type_elements(&n->out[0].type) > 0 &&
         type_elements(&c->in[0]) > 0 &&
         (n->op->scratch == NULL || n->op->scratch(&c->call) == 0) &&
         n->op->lines_of(&c->call, &first, &end);
}

/* Whether unit `next` reads what unit u makes, and nobody else does. */
static bool follows(const Prog *p, const int *uses, int u, int next) {
  Val x = product_of(p, p->unit[next])->in[0];
  return result_of(p, p->unit[u]).node == x.node &&
         uses[prog_number(p, x.node)] == 1;
}

/* The unit u, or the next one that has a step. */
static int unit_with_step(const Prog *p, int u) {
  int64_t offset;
  while (u < p->nunits && p->unit[u].node >= 0 &&
         prog_view(p, p->unit[u].node, &offset))
    u++;
  return u;
}

static int64_t lines_of(const Type *t) {
  return t->dim[0] * t->dim[1];
}

/* Multiply-adds of a line, or so. */
static double work_of(const OpCall *s) {
  enum { ELEMENT = 16 };
  const Type *y = s->out;
  double weights = s->nin > 1 ? (double)type_elements(&s->in[1]) : 0;
  return (weights / (double)y->dim[y->rank - 1] + ELEMENT) *
         (double)type_span(y, 2, y->rank);
}

/* Goes through all bands of a task, for the room that each result needs; the
** work. */
static double try_task(const Chain *k, Band *b, int64_t task) {
  Lines l[BAND_UNITS] = {{0}};
  int64_t end, last = task_begin(b, task + 1);
  double work = 0;
  for (int64_t at = task_begin(b, task); at < last; at = end) {
    end = at + b->at_once < last ? at + b->at_once : last;
    move_on(k->call, b->n, at, end, l);
    for (int i = 0; i < b->n; i++) {
      b->room[i] = most(b->room[i], l[i].end - l[i].first);
      work += (double)(l[i].end - l[i].made) * work_of(k->call[i]);
    }
  }
  return work;
}

/* The same for all tasks: the work of the largest, as a share of what it would
** be if it were divided evenly and nothing were made twice. */
static double try_bands(const Chain *k, Band *b) {
  double largest = 0, all = 0;
  memset(b->room, 0, sizeof b->room);
  for (int64_t t = 0; t < b->tasks; t++) {
    double work = try_task(k, b, t);
    largest = work > largest ? work : largest;
  }
  for (int i = 0; i < b->n; i++)
    all += (double)lines_of(k->call[i]->out) * work_of(k->call[i]);
  return largest * (double)b->tasks / all;
}

static int64_t room_bytes(const Band *b) {
  int64_t bytes = 0;
  for (int i = 0; i + 1 < b->n; i++)
    bytes += b->room[i] * b->bytes[i];
  return bytes;
}

/* The next smaller of the sizes that so many lines have when they are divided
** evenly; 0: there is none. */
static int64_t smaller_share(int64_t lines, int64_t share) {
  if (share == 1)
    return 0;
  int64_t parts = (lines + share - 2) / (share - 1);
  return (lines + parts - 1) / parts;
}

/* As many lines at once as there is room for; false if one is too much, or if
** too much is made twice or one task is much larger than the others. */
static bool fits(const Chain *k, Band *b, int64_t tasks, int64_t rooms) {
  enum { PERCENT = 106 };
  b->tasks = tasks;
  b->rooms = rooms;
  if (tasks > b->lines)
    return false;
  int64_t each = (b->lines + tasks - 1) / tasks;
  for (b->at_once = each; b->at_once > 0;
       b->at_once = smaller_share(each, b->at_once)) {
    b->work = try_bands(k, b);
    if (100 * b->work > PERCENT)
      return false;
    if (room_bytes(b) <= NEAR)
      return true;
  }
  return false;
}

/* Two tasks for each thread, where hardly more is made twice than with one: a
** thread that is held up has its second one taken. */
static bool share_out(const Chain *k, Band *b, int threads) {
  Band more = *b;
  bool one = fits(k, b, threads, threads);
  bool two = threads > 1 && fits(k, &more, 2 * threads, threads);
  if (two && (!one || more.work < 1.02 * b->work))
    *b = more;
  return one || two;
}

/* Whether the first n of its units are a band. */
static bool is_band(const Chain *k, Band *b, int n, int threads) {
  int64_t weights = 0, between = 0;
  double work = 0;
  b->n = n;
  b->lines = lines_of(k->call[n - 1]->out);
  for (int i = 0; i < n; i++) {
    const Type *y = k->call[i]->out;
    b->bytes[i] = 4 * type_span(y, 2, y->rank);
    weights += k->call[i]->nin > 1 ? type_bytes(&k->call[i]->in[1]) : 0;
    between += i + 1 < n ? type_bytes(y) : 0;
    work += (double)lines_of(y) * work_of(k->call[i]);
  }
  if (weights > WEIGHTS || between < MUCH || BYTE * (double)between < work ||
      b->lines > MOST_LINES)
    return false;
  return share_out(k, b, threads);
}

/* The longest band that begins at unit u. */
static bool find_band(const Prog *p, const int *uses, int u, Chain *k,
                      Band *b) {
  enum { MOST_THREADS = 64 }; /* a bit for each */
  int n = 0, threads = p->passes & PASS_PARTS ? threads_count() : 1;
  threads = threads < MOST_THREADS ? threads : MOST_THREADS;
  for (; n < BAND_UNITS && u < p->nunits; u = unit_with_step(p, u + 1), n++) {
    if (!find_call(p, p->unit[u], &k->each[n]) ||
        (n > 0 && !follows(p, uses, b->unit[n - 1], u)))
      break;
    k->call[n] = &k->each[n].call;
    b->unit[n] = u;
  }
  while (n > 1 && !is_band(k, b, n, threads))
    n--;
  return n > 1;
}

static void count_uses(const Prog *p, int *uses) {
  for (int i = 0; i < p->n; i++)
    for (int k = 0; k < p->node[i]->nin; k++)
      uses[prog_number(p, p->node[i]->in[k].node)]++;
  for (int i = 0; i < p->f->noutputs; i++)
    uses[prog_number(p, p->out[i].node)]++;
  for (int i = 0; i < p->f->nbindings; i++)
    if (p->update[i].node)
      uses[prog_number(p, p->update[i].node)]++;
}

bool bands(Prog *p) {
  if (!(p->passes & PASS_BANDS))
    return true;
  int *uses = mem_new(p->c.account, (size_t)p->n + 1, sizeof *uses);
  Chain *k = mem_new(p->c.account, 1, sizeof *k);
  p->band = mem_new(p->c.account, (size_t)p->nunits / 2 + 1, sizeof *p->band);
  bool ok = uses && k && p->band;
  if (ok)
    count_uses(p, uses);
  for (int u = 0; ok && u < p->nunits; u++) {
    Band *b = &p->band[p->nbands];
    if (find_band(p, uses, u, k, b)) {
      u = b->unit[b->n - 1];
      p->nbands++;
    }
  }
  mem_free(uses);
  mem_free(k);
  return ok || fail_memory(p->error, "out of memory");
}

/* ---- running ------------------------------------------------------------- */

typedef struct BandJob {
  const PlanStep *step; /* the first */
  const Lane *lane;
  void *local;             /* the caller's */
  _Atomic uint64_t rooms; /* a bit for each that is in use */
  Env *env;
} BandJob;

/* Takes a room: the caller the first, others the last that is free, so that most
** find the room that was theirs in the last band, and is in their cache. */
static int take_room(BandJob *j, bool caller) {
  int n = (int)j->step->band->rooms;
  for (;;)
    for (int i = 0; i < n; i++) {
      int room = caller ? i : n - 1 - i;
      uint64_t bit = (uint64_t)1 << room;
      if (!(atomic_load(&j->rooms) & bit) &&
          !(atomic_fetch_or(&j->rooms, bit) & bit))
        return room;
    }
}

static void leave_room(BandJob *j, int room) {
  atomic_fetch_and(&j->rooms, ~((uint64_t)1 << room));
}

/* Where the i-th result would begin if all of its lines were there; what the
** room has of it begins with line `first`. */
static char *result_at(const BandJob *j, int i, int room, int64_t first) {
  const Band *b = j->step->band;
  char *base = j->lane->pointer[j->step[i + 1].in];
  int64_t at = (room * b->room[i] - first) * b->bytes[i];
  return (char *)((uintptr_t)base + (uintptr_t)at);
}

/* The pointers of step i, with those of what goes from step to step moved. */
static void aim_step(const BandJob *j, int i, int room, const Lines *l,
                     void **pointer) {
  const PlanStep *s = &j->step[i];
  void **from = j->lane->pointer;
  for (int k = 0; k < s->npointers; k++) {
    void *at = from[s->pointers + k];
    pointer[k] = at;
    for (int v = most(i - 1, 0); v <= i && v + 1 < j->step->band->n; v++)
      if (at == from[j->step[v + 1].in])
        pointer[k] = result_at(j, v, room, l[v].first);
  }
}

static void run_lines(const BandJob *j, int i, int room, const Lines *l,
                      void *local) {
  void *pointer[MOST_POINTERS];
  const PlanStep *s = &j->step[i];
  if (l[i].made == l[i].end)
    return;
  aim_step(j, i, room, l, pointer);
  Run r = {.in = pointer + (s->in - s->pointers),
           .out = pointer + (s->out - s->pointers), .local = local,
           .backwards = j->lane->backwards, .env = j->env};
  if (s->program || s->step.ending) {
    r.epilogue_in = (const void *const *)pointer +
                    (s->program_in - s->pointers);
    r.epilogue_out = pointer + (s->program_out - s->pointers);
  }
  s->step.op->lines(&s->step, &r, l[i].made, l[i].end);
}

/* What is there already of the i-th result comes to the front. */
static void keep_lines(const BandJob *j, int i, int room, int64_t before,
                       const Lines *l) {
  int64_t bytes = j->step->band->bytes[i];
  if (l[i].first > before && l[i].made > l[i].first)
    memmove(result_at(j, i, room, l[i].first) + l[i].first * bytes,
            result_at(j, i, room, before) + l[i].first * bytes,
            (size_t)((l[i].made - l[i].first) * bytes));
}

static void band_task(void *arg, int64_t task, void *local) {
  BandJob *j = arg;
  const Band *b = j->step->band;
  int room = take_room(j, local == j->local);
  const OpCall *call[BAND_UNITS];
  Lines l[BAND_UNITS] = {{0}}, before[BAND_UNITS];
  for (int i = 0; i < b->n; i++)
    call[i] = &j->step[i].step;
  int64_t end, last = task_begin(b, task + 1);
  for (int64_t at = task_begin(b, task); at < last && !env_stopped(j->env);
       at = end) {
    end = at + b->at_once < last ? at + b->at_once : last;
    memcpy(before, l, sizeof l);
    move_on(call, b->n, at, end, l);
    for (int i = 0; i < b->n; i++) {
      if (i + 1 < b->n)
        keep_lines(j, i, room, before[i].first, l);
      run_lines(j, i, room, l, local);
    }
  }
  leave_room(j, room);
}

void band_run(const PlanStep *first, Lane *l, void *local, Env *env) {
  BandJob j = {.step = first, .lane = l, .local = local, .env = env};
  threads_run(band_task, &j, first->band->tasks, local);
}
