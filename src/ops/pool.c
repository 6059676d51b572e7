/* Pooling, channels last: the largest and the mean of the cells under each
** window. The first largest takes the gradient, as in the frameworks; a mean
** counts the cells that are there. The rows below each are its gradient's, so
** every order of derivative is here. */

#include <string.h>

#include "ops/window.h"

enum { SIZE, STEPS }; /* attributes: of the window, and how it walks */

static Walk pool_walk(const Attr *attr) {
  return walk_new(&attr[SIZE], &attr[STEPS]);
}

/* ---- shapes ------------------------------------------------------------- */

static bool pool_type(Rule *r, const Type *x, Type *y) {
  Walk w = pool_walk(r->attr);
  int64_t before;
  if (!walk_check(r, x, &w) || !walk_check_room(r, x, &w, "window"))
    return false;
  *y = *x;
  y->dtype = F32;
  for (int i = 0; i < x->rank - 2; i++)
    y->dim[i + 1] = walk_length(&w, i, x->dim[i + 1], &before);
  return true;
}

static bool agree(Rule *r, const Type *given, const Type *want,
                  const char *name) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  bool ok = given->rank == want->rank;
  for (int i = 0; ok && i < given->rank; i++)
    ok = may_equal(given->dim[i], want->dim[i]);
  return ok || fail(r->error, "%s is %s, it should be %s", name,
                    type_text(given, a), type_text(want, b));
}

static bool pool_shape(Rule *r) {
  return pool_type(r, &r->in[0], &r->out[0]);
}

static bool pick_shape(Rule *r) {
  return pool_type(r, &r->in[0], &r->out[0]) &&
         agree(r, &r->in[1], &r->in[0], "h");
}

/* x, g -> like x */
static bool scatter_shape(Rule *r) {
  Type y;
  r->out[0] = r->in[0];
  r->out[0].dtype = F32;
  return pool_type(r, &r->in[0], &y) && agree(r, &r->in[1], &y, "g");
}

/* g, like -> like */
static bool spread_shape(Rule *r) {
  Type y;
  r->out[0] = r->in[1];
  r->out[0].dtype = F32;
  return pool_type(r, &r->in[1], &y) && agree(r, &r->in[0], &y, "g");
}

/* ---- the work ----------------------------------------------------------- */

enum { GRAIN = 1 << 16 }; /* cells looked at by a task: 10 to 30 us */

static Window window_of(const OpCall *s, const Type *x) {
  Walk w = pool_walk(s->attr);
  return walk_window(&w, x);
}

static int64_t work_of(const Window *w) {
  return w->batch * w->out[0] * w->out[1] * w->out[2] * w->channels *
         w->size[0] * w->size[1] * w->size[2];
}

static int64_t windows_of(const Window *w) {
  return w->batch * w->out[0] * w->out[1] * w->out[2];
}

static int64_t window_tasks(const OpCall *s) {
  Window w = window_of(s, &s->in[0]);
  int64_t tasks = work_of(&w) / GRAIN, windows = windows_of(&w);
  return tasks < 1 ? 1 : tasks > windows ? windows : tasks;
}

/* The windows of a task: whole lines, where there are enough. */
typedef struct Part {
  Window w;
  int64_t p0, p1;
} Part;

static Part part_of(const OpCall *s, int64_t task) {
  Part k = {.w = window_of(s, &s->in[0])};
  int64_t tasks = window_tasks(s), n = windows_of(&k.w);
  int64_t unit = n / (k.w.out[2] ? k.w.out[2] : 1) >= 2 * tasks ? k.w.out[2]
                                                                 : 1;
  k.p0 = n / unit * task / tasks * unit;
  k.p1 = n / unit * (task + 1) / tasks * unit;
  return k;
}

/* Tasks of a gradient: runs of images, or bands of each. Windows over the edge
** of a band are looked at twice, so bands are higher than windows. */
typedef struct Division {
  int64_t runs, bands;
} Division;

static Division divide_images(const Window *w) {
  int axis = window_band_axis(w);
  int64_t wanted = work_of(w) / GRAIN;
  int64_t most = w->in[axis] / (4 * w->size[axis] * w->dilation[axis]);
  Division d = {wanted < w->batch ? wanted : w->batch, 1};
  if (d.runs < 1)
    d.runs = 1;
  if (w->batch < 8 && wanted > d.runs)
    d.bands = wanted / d.runs < most ? wanted / d.runs : most;
  if (d.bands < 1)
    d.bands = 1;
  return d;
}

static const Type *image_of(const OpCall *s) {
  return &s->out[0];
}

static int64_t image_tasks(const OpCall *s) {
  Window w = window_of(s, image_of(s));
  Division d = divide_images(&w);
  return type_elements(image_of(s)) == 0 ? 0 : d.runs * d.bands;
}

typedef struct Share {
  Window w;
  int64_t b0, b1, i0, i1;
} Share;

static Share share_of(const OpCall *s, int64_t task) {
  Share k = {.w = window_of(s, image_of(s))};
  Division d = divide_images(&k.w);
  int64_t run = task / d.bands, band = task % d.bands;
  int64_t n = k.w.in[window_band_axis(&k.w)];
  k.b0 = k.w.batch * run / d.runs;
  k.b1 = k.w.batch * (run + 1) / d.runs;
  k.i0 = n * band / d.bands;
  k.i1 = n * (band + 1) / d.bands;
  return k;
}

static void finish(const OpCall *s, const Run *r, const Part *k) {
  if (s->epilogue)
    tile_run(s->epilogue, r->epilogue_in, r->epilogue_out,
             k->p0 * k->w.channels, k->p1 * k->w.channels, r->local);
}

static void max_run(const OpCall *s, const Run *r, int64_t task) {
  Part k = part_of(s, task);
  ISA(max_pool)(r->in[0], r->out[0], &k.w, k.p0, k.p1);
  finish(s, r, &k);
}

static bool pool_lines_of(const OpCall *s, int64_t *first, int64_t *end) {
  Window w = window_of(s, &s->in[0]);
  if (s->in[0].rank != 4)
    return false;
  window_lines(&w, first, end);
  return true;
}

static Part lines_part(const OpCall *s, int64_t first, int64_t end) {
  Part k = {.w = window_of(s, &s->in[0])};
  k.p0 = first * k.w.out[2];
  k.p1 = end * k.w.out[2];
  return k;
}

static void max_lines(const OpCall *s, const Run *r, int64_t first,
                      int64_t end) {
  Part k = lines_part(s, first, end);
  ISA(max_pool)(r->in[0], r->out[0], &k.w, k.p0, k.p1);
  finish(s, r, &k);
}

static void average_lines(const OpCall *s, const Run *r, int64_t first,
                          int64_t end) {
  Part k = lines_part(s, first, end);
  ISA(average_pool)(r->in[0], r->out[0], &k.w, k.p0, k.p1);
  finish(s, r, &k);
}

static void pick_run(const OpCall *s, const Run *r, int64_t task) {
  Part k = part_of(s, task);
  ISA(max_pool_pick)(r->in[0], r->in[1], r->out[0], &k.w, k.p0, k.p1);
}

static void scatter_run(const OpCall *s, const Run *r, int64_t task) {
  Share k = share_of(s, task);
  ISA(max_pool_scatter)(r->in[0], r->in[1], r->out[0], &k.w, k.b0, k.b1, k.i0,
                        k.i1);
}

static void average_run(const OpCall *s, const Run *r, int64_t task) {
  Part k = part_of(s, task);
  ISA(average_pool)(r->in[0], r->out[0], &k.w, k.p0, k.p1);
  finish(s, r, &k);
}

static void spread_run(const OpCall *s, const Run *r, int64_t task) {
  Share k = share_of(s, task);
  ISA(average_pool_scatter)(r->in[0], r->out[0], &k.w, k.b0, k.b1, k.i0, k.i1);
}

/* ---- gradients ---------------------------------------------------------- */

static Val pool_pair(Context *c, const char *name, Val a, Val b,
                     const Node *n) {
  return emit_op(c, name, (Val[]){a, b}, 2, n->attr);
}

static void max_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = pool_pair(c, "max_windows_scatter", input(n, 0), dy[0], n);
}

/* Which cell is the largest is constant almost everywhere: x has none. */
static void pick_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[1] = pool_pair(c, "max_windows_scatter", input(n, 0), dy[0], n);
}

static void scatter_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[1] = pool_pair(c, "max_windows_pick", input(n, 0), dy[0], n);
}

static void average_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = pool_pair(c, "mean_windows_spread", dy[0], input(n, 0), n);
}

static void spread_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  dx[0] = emit_op(c, "mean_windows", dy, 1, n->attr);
}

/* ---- whole numbers ------------------------------------------------------- */

/* What the patches of x are as (batch, out..., cells, channels). */
static Attr cells_apart(const Type *x, const Attr *size) {
  Attr shape = {.kind = ATTR_INTS};
  int64_t cells = 1;
  for (int i = 0; i < x->rank - 2; i++)
    cells *= option_at(size, i, 1);
  for (int i = 0; i + 1 < x->rank; i++)
    shape.i[shape.n++] = -2 - i; /* as axis i of the patches */
  shape.i[shape.n++] = cells;
  shape.i[shape.n++] = x->dim[x->rank - 1];
  return shape;
}

/* The kernel knows floats. Of whole numbers the cells under each window are
** laid out, and the largest is taken of each. */
static bool whole_windows(Context *c, const Op *op, const Val *x, int nin,
                          const Attr *attr, Val *y) {
  const Type *t = val_type(x[0]);
  Error e = {.set = false};
  Rule r = {.op = op, .nin = nin, .in = t, .error = &e};
  Type type;
  Attr a[STEPS + WALK_ATTRS + 1];
  memcpy(a, attr, (STEPS + WALK_ATTRS) * sizeof *a);
  r.attr = a;
  if (dtype_compute((DType)t->dtype) == F32 || !pool_type(&r, t, &type))
    return false; /* the rule tells what is wrong */
  Attr shape = cells_apart(t, &attr[SIZE]);
  a[STEPS + WALK_ATTRS] = attr_num(INT32_MIN);
  *y = emit_op(c, "patches", x, 1, a);
  *y = emit_op(c, "reshape", y, 1, &shape);
  Attr axes = {.kind = ATTR_AXES, .n = 1, .i = {-2}};
  *y = emit_op(c, "max", y, 1, (Attr[]){axes, attr_bool(false)});
  return true;
}

#define OPTIONS "size:ints, " WALK_OPTIONS

const Op ops_pool[] = {
  {"max_windows", "x, " OPTIONS, WINDOW, FLOATS, pool_shape,
   .tasks = window_tasks, .run = max_run, .vjp = max_vjp,
   .lines = max_lines, .lines_of = pool_lines_of,
   .expand = whole_windows, .role = POOLS_LARGEST, .traits = EPILOGUE,
   .file_class = "lunula",
   .doc = "The largest cell under each window, by channels."},
  {"max_windows_scatter", "x, g, " OPTIONS, WINDOW, FLOATS, scatter_shape,
   .tasks = image_tasks, .run = scatter_run, .vjp = scatter_vjp,
   .traits = HIDDEN,
   .doc = "g of each window in the place of its first largest cell."},
  {"max_windows_pick", "x, h, " OPTIONS, WINDOW, FLOATS, pick_shape,
   .tasks = window_tasks, .run = pick_run, .vjp = pick_vjp, .traits = HIDDEN,
   .doc = "h in the place of the first largest cell of x under each window."},
  {"mean_windows", "x, " OPTIONS, WINDOW, FLOATS, pool_shape,
   .tasks = window_tasks, .run = average_run, .vjp = average_vjp,
   .lines = average_lines, .lines_of = pool_lines_of,
   .traits = EPILOGUE,
   .file_class = "lunula",
   .doc = "The mean of the cells under each window, by channels; those outside "
          "do not count."},
  {"mean_windows_spread", "g, like, " OPTIONS, WINDOW, FLOATS, spread_shape,
   .tasks = image_tasks, .run = spread_run, .vjp = spread_vjp,
   .shape_only = 2, .traits = HIDDEN,
   .doc = "g of each window shared evenly by its cells."},
  {0}
};
