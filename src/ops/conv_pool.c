/* A convolution of whose pixels only the largest of each window is kept: some
** lines are made in the thread's own memory, which is warm when the windows go
** over it, and what no window sees is not made at all. Plans write it for a
** convolution that only such windows read. */

#include <string.h>

#include "kernels/winograd.h"
#include "ops/conv.h"

/* Attributes behind those of the walk: the kernel's sizes, and of the windows
** first their sizes and then their strides. Input 1 may be packed, with
** `winograd` for fewer products. */
enum { WINDOWS = KERNEL + 1, WINOGRAD, POOLED_ATTRS };

/* Numbers of a band, which stay in the first cache where a line of windows has
** fewer, and at most. */
enum { BAND = 8 << 10, MOST = 32 << 10 };

_Static_assert((int)WINOGRAD_MOST_SCRATCH + 4 * MOST <= (int)THREAD_SCRATCH &&
                   (int)CONV_MOST_SCRATCH + 4 * MOST <= (int)THREAD_SCRATCH,
               "a worker's scratch");

/* Bands: `cuts` of each image's lines of windows. `full`: room for the numbers
** of the convolution under one of them. */
typedef struct Pooled {
  Conv c;
  Window pool;
  int64_t cuts, full;
  bool winograd;
} Pooled;

static Window windows_of(const Window *w, int64_t filters, const Attr *sizes) {
  int n = sizes->n / 2;
  Window p = {.batch = w->batch, .channels = filters};
  for (int i = 0; i < 3; i++) {
    int k = i - (3 - n);
    p.in[i] = w->out[i];
    p.dilation[i] = 1;
    p.size[i] = k < 0 ? 1 : sizes->i[k];
    p.stride[i] = k < 0 ? 1 : sizes->i[n + k];
    p.out[i] = (p.in[i] - p.size[i]) / p.stride[i] + 1;
  }
  return p;
}

static Conv conv_under(const Type *x, const Type *k, const Attr *attr,
                       Window *w) {
  Walk walk = conv_walk(k, attr);
  Type y = *x;
  *w = walk_window(&walk, x);
  for (int i = 0; i < x->rank - 2; i++)
    y.dim[i + 1] = w->out[5 - x->rank + i];
  y.dim[y.rank - 1] = k->dim[k->rank - 1];
  return conv_of(&walk, x, k, &y);
}

/* Lines that so many lines of windows see. */
static int64_t lines_under(const Window *pool, int64_t lines) {
  return (lines - 1) * pool->stride[1] + pool->size[1];
}

static int64_t numbers_under(const Pooled *p, int64_t lines) {
  return lines_under(&p->pool, lines) * p->c.w.out[2] * p->c.filters;
}

/* Tiles of two pixels are under a line of windows. */
static int64_t tiles_under(const Pooled *p) {
  return divide_up((p->pool.out[2] - 1) * p->pool.stride[2] + p->pool.size[2],
                   2);
}

/* Lines that find room at once. */
static int64_t most_lines(const Pooled *p) {
  return p->winograd ? 2 * (winograd_tiles_at_once(&p->c) / tiles_under(p))
                     : conv_lines_at_once(&p->c);
}

static void cut_lines(Pooled *p) {
  int64_t lines = p->pool.out[1], each = numbers_under(p, 1);
  int64_t fit = most_lines(p) - p->pool.size[1];
  int64_t wanted = divide_up(conv_worth_tasks(&p->c, ENOUGH), p->c.w.batch);
  fit = parts_of(BAND / each, fit / p->pool.stride[1] + 1);
  p->cuts = divide_up(lines, fit);
  p->cuts = parts_of(p->cuts > wanted ? p->cuts : wanted, lines);
  p->full = divide_up(numbers_under(p, divide_up(lines, p->cuts)), 16) * 16;
}

static Pooled pooled_like(const Type *x, const Attr *attr) {
  Type k = kernel_like(&attr[KERNEL]);
  Window w;
  Pooled p = {.c = conv_under(x, &k, attr, &w),
              .winograd = attr[WINOGRAD].i[0]};
  p.pool = windows_of(&w, p.c.filters, &attr[WINDOWS]);
  return p;
}

static Pooled pooled_of(const OpCall *s) {
  Pooled p = pooled_like(&s->in[0], s->attr);
  if (type_elements(&s->out[0]) > 0)
    cut_lines(&p);
  return p;
}

bool conv_pooled_shape(Rule *r) {
  const Attr *pool = &r->attr[WINDOWS];
  Type k = kernel_like(&r->attr[KERNEL]), *y = &r->out[0];
  Walk w = conv_walk(&k, r->attr);
  if (!conv_type(r, &r->in[0], &k, &w, y))
    return false;
  for (int i = 0; i < y->rank - 2; i++)
    if (y->dim[i + 1] != UNKNOWN)
      y->dim[i + 1] = (y->dim[i + 1] - pool->i[i]) / pool->i[pool->n / 2 + i] +
                      1;
  return true;
}

int64_t conv_pooled_tasks(const OpCall *s) {
  Pooled p = pooled_of(s);
  int64_t units = p.c.w.batch * p.cuts;
  return units == 0 ? 0 : parts_of(conv_worth_tasks(&p.c, MOST_TASKS), units);
}

int64_t conv_pooled_local(const OpCall *s) {
  Pooled p = pooled_of(s);
  return (p.winograd ? winograd_scratch(&p.c)
                     : conv_scratch(&p.c, CONV_FORWARD)) + 4 * p.full;
}

int64_t conv_pooled_room(const OpCall *s) {
  Pooled p = pooled_of(s);
  return s->in[1].rank == 1 ? 0 : 4 * conv_panels(&p.c, false);
}

void conv_pooled_begin(const OpCall *s, const Run *r) {
  Pooled p = pooled_of(s);
  if (s->in[1].rank > 1)
    ISA(conv_pack)(r->in[1], &p.c, false, r->scratch);
}

/* full = the lines [line0, line1) of all images' pixels, the columns that
** windows see. */
static void make_lines(const OpCall *s, const Run *r, const Pooled *p,
                       int64_t line0, int64_t line1, int64_t columns,
                       float *full) {
  const float *panels = s->in[1].rank == 1 ? r->in[1] : r->scratch;
  const Window *w = &p->c.w;
  int64_t filters = p->c.filters, image = line0 / w->out[1];
  int64_t first = image * w->out[1];
  void *room = full + p->full;
  if (p->winograd) {
    WinogradBlock b = {image, (line0 - first) / 2, (line1 - first) / 2, 0,
                       tiles_under(p), line0 * w->out[2]};
    ISA(winograd)(r->in[0], panels, full, &p->c, &b, 0, filters, NULL, room);
  } else {
    ConvBand b = {line0, line1, 0, columns, line0 * w->out[2],
                  (line1 - 1) * w->out[2] + columns};
    ISA(conv_forward)(r->in[0], panels, full, &p->c, &b, 0, filters, NULL,
                      room);
  }
}

/* The lines of windows [j0, j1) of an image. */
static void pool_lines(const OpCall *s, const Run *r, const Pooled *p,
                       int64_t image, int64_t j0, int64_t j1) {
  float *full = r->local, *y = r->out[0];
  int64_t pixels = (j1 - j0) * p->pool.out[2];
  int64_t at = (image * p->pool.out[1] + j0) * p->pool.out[2];
  int64_t line = image * p->c.w.out[1] + j0 * p->pool.stride[1];
  int64_t lines = lines_under(&p->pool, j1 - j0);
  Window part = p->pool;
  part.batch = 1;
  part.in[1] = lines;
  part.out[1] = j1 - j0;
  make_lines(s, r, p, line, line + lines,
             (part.out[2] - 1) * part.stride[2] + part.size[2], full);
  ISA(max_pool)(full, y + at * p->c.filters, &part, 0, pixels);
}

/* Line of windows that band u begins with. */
static int64_t first_line(const Pooled *p, int64_t u) {
  int64_t lines = p->pool.out[1];
  return u / p->cuts * lines + lines * (u % p->cuts) / p->cuts;
}

/* What is finished together is some bands, which still are in cache. */
void conv_pooled_run(const OpCall *s, const Run *r, int64_t task) {
  Pooled p = pooled_of(s);
  int64_t n = p.c.w.batch * p.cuts, lines = p.pool.out[1];
  int64_t tasks = conv_pooled_tasks(s), end = n * (task + 1) / tasks;
  int64_t row = p.pool.out[2], u = n * task / tasks;
  int64_t done = first_line(&p, u);
  while (u < end && !env_stopped(r->env)) {
    int64_t j0 = first_line(&p, u), image = j0 / lines;
    int64_t j1 = first_line(&p, ++u);
    pool_lines(s, r, &p, image, j0 - image * lines, j1 - image * lines);
    if (u < end && (j1 - done) * row * p.c.filters < BAND)
      continue;
    conv_finish(s, r, p.c.filters, done * row, j1 * row, 0, p.c.filters);
    done = j1;
  }
}

/* Tiles have two lines, so windows begin with even ones and end with odd ones.
** True for any batch. */
static bool winograd_fits(const Node *n) {
  Type x = *val_type(input(n, 0));
  x.dim[0] = 1;
  if (!type_known(&x))
    return false;
  Pooled p = pooled_like(&x, n->attr);
  p.winograd = true;
  return winograd_pays(&p.c) && p.pool.stride[1] % 2 == 0 &&
         p.pool.size[1] % 2 == 0 && most_lines(&p) >= p.pool.size[1];
}

bool conv_pooled_prepare(Context *c, const Node *n, unsigned how, Val *y) {
  const Attr *kernel = &n->attr[KERNEL];
  int64_t per_group = kernel->i[kernel->n - 2];
  const Type *x = val_type(input(n, 0));
  if (val_type(input(n, 1))->rank == 1 || !(how & PREPARE_LASTING))
    return false;
  Attr groups = attr_int(x->dim[x->rank - 1] / per_group), attr[POOLED_ATTRS];
  memcpy(attr, n->attr, sizeof attr);
  attr[WINOGRAD].i[0] = (how & PREPARE_FEWER) && winograd_fits(n);
  Val k = input(n, 1), in[2] = {input(n, 0)};
  in[1] = attr[WINOGRAD].i[0]
              ? emit_op(c, "winograd_panels", &k, 1, NULL)
              : emit_op(c, "convolution_panels", &k, 1, &groups);
  *y = emit_op(c, n->op->name, in, 2, attr);
  return true;
}

/* Windows side by side inside lines: each pixel is seen once. */
static bool are_apart(const Window *p) {
  for (int i = 0; i < 3; i++)
    if (p->before[i] != 0 || p->dilation[i] != 1 ||
        p->size[i] > p->stride[i] || p->out[i] < 1 ||
        (p->out[i] - 1) * p->stride[i] + p->size[i] > p->in[i])
      return false;
  return p->in[0] == 1;
}

/* Whether lines of the convolution are lines of the windows, some of which find
** room, and its panels stay in cache from one band to the next. */
static bool goes_by_lines(const Conv *c, const Window *p) {
  enum { CACHED = 1 << 18 };
  for (int i = 0; i < 3; i++)
    if (c->w.out[i] != p->in[i])
      return false;
  return c->w.batch == p->batch && !is_depthwise(c) &&
         c->w.size[1] * c->w.size[2] > 1 &&
         conv_lines_at_once(c) >= p->size[1] &&
         p->size[1] * p->in[2] * c->filters <= MOST &&
         conv_panels(c, false) <= CACHED;
}

bool conv_join(Context *c, const Node *n, const Node *reader, Val *y) {
  const Type *x = val_type(input(n, 0)), *k = val_type(input(n, 1));
  Walk walk = walk_new(&reader->attr[0], &reader->attr[1]);
  Window w, p = walk_window(&walk, &n->out[0].type);
  Conv conv = conv_under(x, k, n->attr, &w);
  if (!are_apart(&p) || !goes_by_lines(&conv, &p))
    return false;
  Attr attr[POOLED_ATTRS];
  int axes = x->rank - 2;
  memcpy(attr, n->attr, WALK_ATTRS * sizeof *attr);
  attr[KERNEL] = attr_ints(k->rank, k->dim);
  attr[WINDOWS] = attr_ints(axes, p.size + 3 - axes);
  attr[WINDOWS].n = 2 * axes;
  memcpy(attr[WINDOWS].i + axes, p.stride + 3 - axes,
         (size_t)axes * sizeof *p.stride);
  attr[WINOGRAD] = attr_bool(false);
  *y = emit_op(c, "convolution_pooled", (Val[]){input(n, 0), input(n, 1)}, 2,
               attr);
  return true;
}
