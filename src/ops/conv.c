/* Convolutions, channels last, as four rows that are closed under
** differentiation: the convolution, its adjoint in the image, once with the
** image's sizes given (a gradient) and once computed (the transposed
** convolution), and its adjoint in the kernel. A kernel is (size..., channels
** / groups, filters); the groups follow from the channels. The lowering of all
** four is patches and matmul; the spec holds the kernels against it. */

#include <string.h>

#include "ops/conv.h"
#include "ops/product.h"

/* The kernel as panels: packed before, or by the caller before the tasks. */
static const float *panels_in(const OpCall *s, const Run *r) {
  return s->in[1].rank == 1 ? r->in[1] : r->scratch;
}

/* ---- forward ------------------------------------------------------------ */

static int64_t conv_tasks(const OpCall *s) {
  Conv c = conv_of_call(s);
  if (is_depthwise(&c))
    return depthwise_tasks(&c);
  Division d = conv_divide(&c, CONV_FORWARD);
  return d.runs * d.parts;
}

static int64_t conv_local(const OpCall *s) {
  Conv c = conv_of_call(s);
  return is_depthwise(&c) ? 0 : conv_scratch(&c, CONV_FORWARD);
}

static int64_t conv_room(const OpCall *s) {
  Conv c = conv_of_call(s);
  return is_depthwise(&c) ? 0 : 4 * conv_panels(&c, false);
}

static void conv_begin(const OpCall *s, const Run *r) {
  Conv c = conv_of_call(s);
  if (!is_depthwise(&c))
    ISA(conv_pack)(r->in[1], &c, false, r->scratch);
}

/* A band, with the call's ending. */
static void forward(const OpCall *s, const Run *r, const Conv *c,
                    const ConvBand *b, int64_t f0, int64_t f1) {
  float *y = r->out[0];
  Ending end = {0};
  if (s->ending)
    end = run_ending(s, r);
  ending_move(&end, b->pixel0, 0);
  ISA(conv_forward)(r->in[0], panels_in(s, r), y + b->pixel0 * c->filters, c, b,
                    f0, f1, s->ending ? &end : NULL, r->local);
}

/* Sums stay in registers, so a result may lie where it is added to. Depthwise
** convolutions make some results twice: what they add must still be there, and
** they know bias alone. */
static bool convolution_ends(const OpCall *s, bool in_place) {
  const Ending *e = s->ending;
  Conv c = conv_of_call(s);
  if (is_depthwise(&c))
    return !in_place && (e->pluses == 0 ||
                         (e->pluses == 1 && e->plus_row[0] == 0));
  return conv_ends(&c);
}

static void conv_run(const OpCall *s, const Run *r, int64_t task) {
  Conv c = conv_of_call(s);
  if (is_depthwise(&c)) {
    depthwise_run(s, r, &c, task);
    return;
  }
  Division d = conv_divide(&c, CONV_FORWARD);
  int64_t run = task / d.parts, part = task % d.parts;
  int64_t f0 = columns_begin(c.filters, part, d.parts);
  int64_t f1 = columns_begin(c.filters, part + 1, d.parts);
  int64_t q = d.n * run / d.runs, end = d.n * (run + 1) / d.runs;
  for (; q < end && !env_stopped(r->env); q++) {
    ConvBand b = conv_band(&d.bands, q);
    forward(s, r, &c, &b, f0, f1);
    conv_finish(s, r, c.filters, b.pixel0, b.pixel1, f0, f1);
  }
}

/* ---- by lines ------------------------------------------------------------- */

/* Whether the walk's lines are those of the images, and a band has room for
** one; depthwise ones need none. */
static bool goes_by_lines(const OpCall *s, const Conv *c) {
  const Type *x = &s->in[0], *y = &s->out[0];
  if (x->rank != 4)
    return false;
  return is_depthwise(c) ||
         (s->in[1].rank == 1 && c->w.batch == x->dim[0] && c->w.out[0] == 1 &&
          c->w.in[1] == x->dim[1] && c->w.out[1] == y->dim[1] &&
          conv_lines_at_once(c) > 0);
}

static bool conv_lines_of(const OpCall *s, int64_t *first, int64_t *end) {
  Conv c = conv_of_call(s);
  if (!goes_by_lines(s, &c))
    return false;
  window_lines(&c.w, first, end);
  return true;
}

static void conv_lines(const OpCall *s, const Run *r, int64_t first,
                       int64_t end) {
  Conv c = conv_of_call(s);
  int64_t columns = c.w.out[2], lines = c.w.out[1];
  if (is_depthwise(&c)) {
    depthwise_pixels(s, r, &c, first * columns, end * columns);
    return;
  }
  int64_t most = conv_lines_at_once(&c);
  for (int64_t l = first, next; l < end; l = next) {
    next = l - l % lines + lines; /* of one image */
    next = next < end ? next : end;
    next = next < l + most ? next : l + most;
    ConvBand b = {l, next, 0, columns, l * columns, next * columns};
    forward(s, r, &c, &b, 0, c.filters);
    conv_finish(s, r, c.filters, b.pixel0, b.pixel1, 0, c.filters);
  }
}

/* ---- the kernel packed before ------------------------------------------- */

/* Panels are those of any image. */
static Conv packed_conv(const Type *k, int64_t groups) {
  Conv c = {.filters = k->dim[k->rank - 1], .groups = groups};
  for (int i = 0; i < 3; i++)
    c.w.in[i] = c.w.out[i] = c.w.size[i] = c.w.stride[i] = c.w.dilation[i] = 1;
  for (int i = 0; i < k->rank - 2; i++)
    c.w.size[i] = k->dim[i];
  c.w.channels = groups * k->dim[k->rank - 2];
  return c;
}

static bool conv_panels_shape(Rule *r) {
  const Type *k = &r->in[0];
  if (k->rank < 3 || k->rank > 5 || !type_known(k))
    return fail(r->error, "needs a kernel of known sizes");
  Conv c = packed_conv(k, r->attr[0].i[0]);
  int64_t n = conv_panels(&c, false);
  r->out[0] = type_new(F32, 1, &n);
  return true;
}

static void conv_panels_run(const OpCall *s, const Run *r, int64_t task) {
  (void)task;
  Conv c = packed_conv(&s->in[0], s->attr[0].i[0]);
  ISA(conv_pack)(r->in[0], &c, false, r->out[0]);
}

static bool panels_conv_shape(Rule *r) {
  Type k = kernel_like(&r->attr[KERNEL]);
  Walk w = conv_walk(&k, r->attr);
  return conv_type(r, &r->in[0], &k, &w, &r->out[0]);
}

/* Windows of one cell are rows of a matrix; those that stand apart are moved
** together. Longer sums than that are not one chain in a product. */
static bool conv_as_product(Context *c, const Node *n, Val *y) {
  Val x = input(n, 0), k = input(n, 1);
  const Type *image = val_type(x), *kernel = val_type(k);
  const Attr no = attr_bool(false), transpose[] = {no, no};
  Walk w = conv_walk(kernel, n->attr);
  int64_t channels = kernel->dim[kernel->rank - 2], before;
  Attr start = attr_ints(image->rank, (int64_t[MAX_RANK]){0}), step = start;
  bool apart = false;
  for (int i = 0; i < image->rank; i++)
    step.i[i] = 1;
  for (int i = 0; i < image->rank - 2; i++) {
    int64_t cells = image->dim[i + 1], stride = option_at(w.strides, i, 1);
    int64_t out = walk_length(&w, i, cells, &before);
    if (kernel->dim[i] != 1 || before != 0 || out != (cells - 1) / stride + 1)
      return false;
    step.i[i + 1] = stride;
    apart = apart || stride > 1;
  }
  if (channels != image->dim[image->rank - 1] || channels > GEMM_CHAIN)
    return false;
  if (apart)
    x = emit_op(c, "slice_steps", &x, 1,
                (Attr[]){start, step, {.kind = ATTR_NIL}});
  k = reshaped(c, k, 2, (int64_t[]){channels, kernel->dim[kernel->rank - 1]});
  return product_prepare(c, x, k, transpose, y);
}

static bool conv_prepare(Context *c, const Node *n, unsigned how, Val *y) {
  const Type *x = val_type(input(n, 0)), *k = val_type(input(n, 1));
  int64_t groups = x->dim[x->rank - 1] / k->dim[k->rank - 2];
  bool lasts = how & PREPARE_LASTING;
  if ((lasts && conv_as_product(c, n, y)) ||
      ((how & PREPARE_FEWER) && conv_winograd(c, n, y)))
    return true;
  if (!lasts)
    return false;
  if (groups > 1 && groups == x->dim[x->rank - 1])
    return false;
  Attr one = attr_int(groups);
  Val packed = emit_op(c, "convolution_panels", (Val[]){input(n, 1)}, 1, &one);
  *y = conv_with_panels(c, n, packed, "convolution_with_panels");
  return true;
}

/* ---- simpler forms ------------------------------------------------------ */

/* Padding is read, not made: the walk has it instead of the image. */
static bool without_padding(Context *c, const Node *n, const Type *kernel,
                            Val *y) {
  Attr size = kernel_size(kernel), walk[WALK_ATTRS];
  Val in[3];
  memcpy(in, n->in, (size_t)n->nin * sizeof *in);
  if (!walk_unpad(n->in[0], &size, n->attr, &in[0], walk))
    return false;
  *y = emit_op(c, n->op->name, in, n->nin, walk);
  if (!c->error.set)
    y->node->origin = n->origin;
  return true;
}

static bool conv_simpler(Context *c, const Node *n, Val *y) {
  return without_padding(c, n, val_type(n->in[1]), y);
}

static bool kernel_gradient_simpler(Context *c, const Node *n, Val *y) {
  return without_padding(c, n, val_type(n->in[2]), y);
}

static int conv_columns(const Node *n) {
  (void)n;
  return 1;
}

#define TRANSPOSE_OPTIONS                                          \
  "strides:ints=nil, dilation:ints=nil, before:ints=nil, "         \
  "after:ints=nil, extra:ints=nil"

const Op ops_conv[] = {
  {"convolution", "x, kernel, " WALK_OPTIONS, WINDOW, FLOATS, conv_shape,
   .tasks = conv_tasks, .run = conv_run, .local = conv_local,
   .scratch = conv_room, .begin = conv_begin, .vjp = conv_vjp,
   .lines = conv_lines, .lines_of = conv_lines_of, .ends = convolution_ends,
   .traits = EPILOGUE, .simpler = conv_simpler, .columns = conv_columns,
   .prepare = conv_prepare, .prepared = 1 << 1, .join = conv_join,
   .file_class = "lunula",
   .doc = "The products of each window of an image with a kernel (size..., "
          "channels / groups, filters)."},
  {"convolution_panels", "kernel, groups:int=1", WINDOW, FLOATS,
   conv_panels_shape, .run = conv_panels_run,
   .traits = LASTS | HIDDEN | NO_GRADIENT,
   .doc = "A kernel as the panels that a convolution reads."},
  {"convolution_with_panels", "x, panels, " WALK_OPTIONS ", kernel:ints=nil",
   WINDOW, FLOATS, panels_conv_shape, .tasks = conv_tasks, .run = conv_run,
   .local = conv_local, .lines = conv_lines, .lines_of = conv_lines_of,
   .ends = convolution_ends, .traits = EPILOGUE | HIDDEN | NO_GRADIENT,
   .doc = "The convolution with a kernel of these sizes that is packed."},
  {"winograd_panels", "kernel", WINDOW, FLOATS, winograd_panels_shape,
   .run = winograd_panels_run,
   .traits = LASTS | HIDDEN | NO_GRADIENT,
   .doc = "A kernel (3, 3, channels, filters) for winograd_convolution."},
  {"winograd_convolution", "x, panels, " WALK_OPTIONS ", kernel:ints=nil",
   WINDOW, FLOATS, panels_conv_shape, .tasks = conv_winograd_tasks,
   .run = conv_winograd_run, .local = conv_winograd_local,
   .ends = conv_winograd_ends, .traits = EPILOGUE | HIDDEN | NO_GRADIENT,
   .doc = "The convolution with a kernel of these sizes, by fewer products."},
  {"convolution_pooled",
   "x, kernel, " WALK_OPTIONS ", size:ints=nil, pool:ints=nil, "
   "winograd:bool=false", WINDOW, FLOATS,
   conv_pooled_shape, .tasks = conv_pooled_tasks, .run = conv_pooled_run,
   .local = conv_pooled_local, .scratch = conv_pooled_room,
   .begin = conv_pooled_begin, .prepare = conv_pooled_prepare,
   .prepared = 1 << 1, .traits = EPILOGUE | HIDDEN | NO_GRADIENT,
   .doc = "The largest pixel of each window of a convolution."},
  {"convolution_input_gradient", "g, kernel, like, " WALK_OPTIONS, WINDOW,
   FLOATS, conv_image_shape, .tasks = conv_image_tasks,
   .run = conv_image_run, .local = conv_image_local,
   .scratch = conv_image_room, .begin = conv_image_begin,
   .vjp = conv_image_vjp, .prepare = conv_image_prepare,
   .prepared = 1 << 1, .shape_only = 4, .traits = EPILOGUE,
   .file_class = "lunula",
   .doc = "The adjoint of a convolution in its image."},
  {"convolution_kernel_gradient", "x, g, like, " WALK_OPTIONS, WINDOW, FLOATS,
   conv_kernel_shape, .tasks = conv_kernel_tasks,
   .run = conv_kernel_run, .local = conv_kernel_local,
   .scratch = conv_kernel_room, .end = conv_kernel_end,
   .vjp = conv_kernel_vjp, .shape_only = 4,
   .traits = HIDDEN, .simpler = kernel_gradient_simpler,
   .doc = "The adjoint of a convolution in its kernel."},
  {"transposed_convolution", "x, kernel, " TRANSPOSE_OPTIONS, WINDOW, FLOATS,
   conv_transpose_shape,
   .tasks = conv_transpose_tasks, .run = conv_transpose_run,
   .local = conv_transpose_local,
   .scratch = conv_transpose_room, .begin = conv_transpose_begin,
   .vjp = conv_transpose_vjp, .prepare = conv_transpose_prepare,
   .prepared = 1 << 1, .traits = EPILOGUE,
   .file_class = "lunula",
   .doc = "Each cell times a kernel (size..., filters, channels), added up "
          "where they overlap; `before` and `after` are cut off, `extra` cells "
          "are 0."},
  {"turned_panels",
   "kernel, " TRANSPOSE_OPTIONS ", image:ints=nil", WINDOW, FLOATS,
   conv_turned_panels_shape, .run = conv_turned_panels_run,
   .traits = LASTS | HIDDEN | NO_GRADIENT,
   .doc = "A kernel as the panels that a transposed convolution of an image of "
          "these sizes reads."},
  {"transposed_with_panels",
   "x, panels, " TRANSPOSE_OPTIONS ", kernel:ints=nil", WINDOW, FLOATS,
   conv_turned_shape, .tasks = conv_transpose_tasks,
   .run = conv_transpose_run, .local = conv_transpose_local,
   .traits = EPILOGUE | HIDDEN | NO_GRADIENT,
   .doc = "The transposed convolution with a kernel of these sizes that is "
          "packed."},
  {0}
};
