/* Convolutions of 3 x 3 cells whose kernel is a weight, with fewer products than
** their windows have: plans write them where that takes less time. Their sums
** are rounded otherwise, so this is a pass of its own. */

#include "kernels/winograd.h"
#include "ops/conv.h"

/* Each part of the filters makes the sums of cells again. */
typedef struct Shares {
  int64_t blocks, runs, parts;
} Shares;

static Shares share_out(const Conv *c) {
  enum { FEW_BLOCKS = 8, FEWEST_FILTERS = 64 };
  Shares s = {.blocks = winograd_blocks(c), .parts = 1};
  int64_t worth = conv_worth_tasks(c, MOST_TASKS);
  s.runs = parts_of(worth, s.blocks);
  if (s.runs == s.blocks && s.blocks > 0 && s.blocks < FEW_BLOCKS)
    s.parts = parts_of(divide_up(FEW_BLOCKS, s.blocks),
                       c->filters / FEWEST_FILTERS);
  return s;
}

int64_t conv_winograd_tasks(const OpCall *s) {
  Conv c = conv_of_call(s);
  Shares share = share_out(&c);
  return share.runs * share.parts;
}

int64_t conv_winograd_local(const OpCall *s) {
  Conv c = conv_of_call(s);
  return winograd_scratch(&c);
}

/* A tile is finished at once, so a result may lie where it is added to. */
bool conv_winograd_ends(const OpCall *s, bool in_place) {
  (void)s, (void)in_place;
  return true;
}

static void finish_lines(const OpCall *s, const Run *r, const Conv *c,
                         const WinogradBlock *b, int64_t f0, int64_t f1) {
  const Window *w = &c->w;
  int64_t line1 = 2 * b->line1, column1 = 2 * b->column1;
  line1 = line1 < w->out[1] ? line1 : w->out[1];
  column1 = column1 < w->out[2] ? column1 : w->out[2];
  for (int64_t l = 2 * b->line0; l < line1; l++) {
    int64_t pixel = (b->image * w->out[1] + l) * w->out[2];
    conv_finish(s, r, c->filters, pixel + 2 * b->column0, pixel + column1, f0,
                f1);
  }
}

void conv_winograd_run(const OpCall *s, const Run *r, int64_t task) {
  Conv c = conv_of_call(s);
  Shares n = share_out(&c);
  Ending end = {0};
  if (s->ending)
    end = run_ending(s, r);
  int64_t run = task / n.parts, part = task % n.parts;
  int64_t f0 = columns_begin(c.filters, part, n.parts);
  int64_t f1 = columns_begin(c.filters, part + 1, n.parts);
  int64_t q = n.blocks * run / n.runs, last = n.blocks * (run + 1) / n.runs;
  for (; q < last && !env_stopped(r->env); q++) {
    WinogradBlock b = winograd_block(&c, q);
    ISA(winograd)(r->in[0], r->in[1], r->out[0], &c, &b, f0, f1,
                  s->ending ? &end : NULL, r->local);
    finish_lines(s, r, &c, &b, f0, f1);
  }
}

/* ---- the kernel ---------------------------------------------------------- */

bool winograd_panels_shape(Rule *r) {
  const Type *k = &r->in[0];
  if (k->rank != 4 || !type_known(k) || k->dim[0] != 3 || k->dim[1] != 3)
    return fail(r->error, "needs a kernel (3, 3, channels, filters)");
  int64_t n = winograd_panels(k->dim[2], k->dim[3]);
  r->out[0] = type_new(F32, 1, &n);
  return true;
}

void winograd_panels_run(const OpCall *s, const Run *r, int64_t task) {
  const Type *k = &s->in[0];
  (void)task;
  ISA(winograd_pack)(r->in[0], k->dim[2], k->dim[3], r->out[0]);
}

/* ---- the pass ------------------------------------------------------------ */

/* Whatever the batch. */
static bool pays(const Node *n) {
  Type x = *val_type(n->in[0]), y = n->out[0].type;
  const Type *k = val_type(n->in[1]);
  x.dim[0] = y.dim[0] = 1;
  if (x.rank != 4 || !type_known(&x) || !type_known(&y) || !type_known(k))
    return false;
  Walk w = conv_walk(k, n->attr);
  Conv c = conv_of(&w, &x, k, &y);
  return winograd_pays(&c);
}

bool conv_winograd(Context *c, const Node *n, Val *y) {
  if (!pays(n))
    return false;
  Val packed = emit_op(c, "winograd_panels", (Val[]){input(n, 1)}, 1, NULL);
  *y = conv_with_panels(c, n, packed, "winograd_convolution");
  return true;
}
