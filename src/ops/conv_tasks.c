/* A convolution as kernels take it, without what a walk does not need to know,
** and how its work is divided into tasks: by sizes alone. */

#include <string.h>

#include "ops/conv.h"

/* What a kernel's walk does not need to know is left out: an axis that windows
** fill is part of the channels, and where each window is a cell, all cells are
** side by side. Nothing lies elsewhere for that; sums have the same order. */
static void join_filled_axes(Conv *c) {
  Window *w = &c->w;
  for (int n = 0; n < 3; n++) {
    if (c->groups > 1 || w->out[2] != 1 || w->size[2] != w->in[2] ||
        w->before[2] != 0 || (w->size[2] > 1 && w->dilation[2] > 1))
      return;
    w->channels *= w->in[2];
    int64_t *axes[] = {w->in, w->out, w->size, w->stride, w->dilation,
                       w->before};
    for (int k = 0; k < COUNT_OF(axes); k++) {
      axes[k][2] = axes[k][1];
      axes[k][1] = axes[k][0];
      axes[k][0] = axes[k] == w->before ? 0 : 1;
    }
  }
}

static void join_cells(Window *w) {
  int64_t cells = w->batch;
  for (int i = 0; i < 3; i++) {
    if (w->size[i] != 1 || w->stride[i] != 1 || w->before[i] != 0 ||
        w->in[i] != w->out[i])
      return;
    cells *= w->in[i];
  }
  for (int i = 0; i < 2; i++)
    w->in[i] = w->out[i] = 1;
  w->in[2] = w->out[2] = cells;
  w->batch = 1;
}

Conv conv_of(const Walk *w, const Type *x, const Type *k, const Type *y) {
  Conv c = {.w = walk_window(w, x), .filters = k->dim[k->rank - 1]};
  c.groups = c.w.channels / k->dim[k->rank - 2];
  for (int i = 0; i < y->rank - 2; i++)
    c.w.out[5 - y->rank + i] = y->dim[i + 1];
  if (!is_depthwise(&c)) {
    join_filled_axes(&c);
    join_cells(&c.w);
  }
  return c;
}

Conv conv_of_call(const OpCall *s) {
  Type k = s->in[1].rank == 1 ? kernel_like(&s->attr[KERNEL]) : s->in[1];
  Walk w = conv_walk(&k, s->attr);
  return conv_of(&w, &s->in[0], &k, &s->out[0]);
}

Val conv_with_panels(Context *c, const Node *n, Val packed, const char *op) {
  const Type *k = val_type(input(n, 1));
  Attr all[KERNEL + 1];
  memcpy(all, n->attr, WALK_ATTRS * sizeof *all);
  all[KERNEL] = attr_ints(k->rank, k->dim);
  return emit_op(c, op, (Val[]){input(n, 0), packed}, 2, all);
}

static double work_of(const Conv *c) {
  return 2.0 * (double)(c->w.size[0] * c->w.size[1] * c->w.size[2]) *
         (double)(c->w.channels / c->groups) * (double)c->filters *
         (double)(c->w.batch * image_pixels(c));
}

/* Some 40 us of operations each, or 10 where there are but two. Those of
** depthwise ones are slower, and each number of the result costs as much as some
** operations beyond its own: it is stored, and finished. */
int64_t conv_worth_tasks(const Conv *c, int64_t most) {
  enum { NUMBER = 32 };
  double worth = is_depthwise(c) ? 4e5 : 8e6, work = work_of(c);
  if (!is_depthwise(c))
    work += NUMBER * (double)(c->w.batch * image_pixels(c)) *
            (double)c->filters;
  double tasks = work / worth;
  if (tasks < 2)
    return tasks < 0.5 ? 1 : 2;
  return tasks > (double)most ? most : (int64_t)tasks;
}

/* Bands are not made smaller for the tasks' sake where the panels, which each
** of them reads, do not stay in cache. */
Division conv_divide(const Conv *c, ConvWay way) {
  enum { PART = 128 /* filters, at least; or some more of */, SMALL = 64,
         FEW_PARTS = 4, FEW_BANDS = 4, CACHED = 1 << 18 };
  int64_t wanted = conv_worth_tasks(c, ENOUGH);
  bool image = way == CONV_IMAGE, cached = conv_panels(c, image) <= CACHED;
  int64_t columns = image ? c->w.channels : c->filters;
  Division d = {.bands = conv_bands(c, way, cached ? wanted : 1), .parts = 1};
  d.n = conv_band_count(&d.bands);
  d.runs = parts_of(conv_worth_tasks(c, MOST_TASKS), d.n);
  int64_t most_parts = columns / PART;
  if (most_parts < FEW_PARTS)
    most_parts = columns / SMALL < FEW_PARTS ? columns / SMALL : FEW_PARTS;
  if (c->groups == 1 && d.n > 0 && d.n < FEW_BANDS)
    d.parts = parts_of(divide_up(wanted / 2, d.n), most_parts);
  return d;
}

void conv_finish(const OpCall *s, const Run *r, int64_t filters, int64_t p0,
                 int64_t p1, int64_t f0, int64_t f1) {
  if (s->epilogue == NULL)
    return;
  if (f1 - f0 == filters)
    tile_run(s->epilogue, r->epilogue_in, r->epilogue_out, p0 * filters,
             p1 * filters, r->local);
  else
    for (int64_t p = p0; p < p1; p++)
      tile_run(s->epilogue, r->epilogue_in, r->epilogue_out, p * filters + f0,
               p * filters + f1, r->local);
}
