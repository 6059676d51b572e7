/* Convolutions of 3 x 3 cells, and their adjoints in the image, with fewer
** products than their windows have: plans write them where that takes less time,
** for kernels that stay and for those that training changes. Their sums are
** rounded otherwise, so this is a pass of its own. */

#include <string.h>

#include "kernels/winograd.h"
#include "ops/conv.h"

/* Each part of the filters makes the sums of cells again, so there are some only
** where blocks are too few for the threads. */
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

/* Images like x with a kernel like k, whatever their batch. */
static bool pays(const Type *x, const Type *k, const Type *y, const Attr *attr) {
  Type one = *x, other = *y;
  one.dim[0] = other.dim[0] = 1;
  if (x->rank != 4 || !type_known(&one) || !type_known(&other) ||
      !type_known(k))
    return false;
  Walk w = conv_walk(k, attr);
  Conv c = conv_of(&w, &one, k, &other);
  return winograd_pays(&c);
}

bool conv_winograd(Context *c, const Node *n, Val *y) {
  Val k = input(n, 1);
  if (!pays(val_type(input(n, 0)), val_type(k), &n->out[0].type, n->attr))
    return false;
  *y = conv_with_panels(c, n, emit_op(c, "winograd_panels", &k, 1, NULL),
                        "winograd_convolution");
  return true;
}

/* The walk over the cotangent whose pixels are the cells of the image: windows
** begin where those that see the cell do. False where they stand apart. */
static bool walk_back(const Type *x, const Type *k, const Type *g,
                      const Attr *attr, Attr *back) {
  Walk w = conv_walk(k, attr);
  int64_t before[2], after[2];
  for (int i = 0; i < 2; i++) {
    if (k->dim[i] != 3 || option_at(w.strides, i, 1) != 1 ||
        option_at(w.dilation, i, 1) != 1)
      return false;
    walk_length(&w, i, x->dim[i + 1], &before[i]);
    before[i] = 2 - before[i];
    after[i] = x->dim[i + 1] + 2 - g->dim[i + 1] - before[i];
    if (before[i] < 0 || after[i] < 0)
      return false;
  }
  const Attr one = {.kind = ATTR_NIL}, walk[WALK_ATTRS] = {
    one, one, attr_bool(false), attr_ints(2, before), attr_ints(2, after)};
  memcpy(back, walk, sizeof walk);
  return true;
}

/* The convolution of the cotangent with the kernel turned. */
bool conv_image_prepare(Context *c, const Node *n, unsigned how, Val *y) {
  const Type *g = val_type(input(n, 0)), *k = val_type(input(n, 1));
  const Type *x = &n->out[0].type;
  Attr attr[KERNEL + 1], flipped = attr_ints(2, (int64_t[]){0, 1});
  if (!(how & PREPARE_FEWER) || x->rank != 4 || k->dim[2] != x->dim[3] ||
      !walk_back(x, k, g, n->attr, attr))
    return false;
  Type turned = *k;
  turned.dim[2] = k->dim[3];
  turned.dim[3] = k->dim[2];
  attr[KERNEL] = attr_ints(4, turned.dim);
  if (!pays(g, &turned, x, attr))
    return false;
  flipped.kind = ATTR_AXES;
  Val kernel = input(n, 1), v = emit_op(c, "flip", &kernel, 1, &flipped);
  v = transposed(c, v, 4, (int64_t[]){0, 1, 3, 2});
  Val in[] = {input(n, 0), emit_op(c, "winograd_panels", &v, 1, NULL)};
  *y = emit_op(c, "winograd_convolution", in, 2, attr);
  return true;
}
