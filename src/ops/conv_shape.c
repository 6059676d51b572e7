/* What convolutions, their adjoints and transposed ones give for which images
** and kernels: the shape rules, and all that can be wrong. */

#include "ops/conv.h"

/* A transposed convolution is never "same": what that means has become cells
** that are cut off before and after. */
static const Attr not_same = {.kind = ATTR_BOOL, .n = 1};

Walk conv_walk_back(const Type *k, const Attr *attr) {
  return (Walk){kernel_size(k), &attr[STRIDES], &attr[DILATION], &not_same,
                &attr[BEFORE], &attr[AFTER]};
}

static bool same_rank(Rule *r, const Type *x, const Type *k) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  return x->rank == k->rank ||
         fail(r->error, "the kernel has rank %d, the image %d: kernel is %s, x "
                        "is %s", k->rank, x->rank, type_text(k, b),
              type_text(x, a));
}

static bool check_kernel(Rule *r, const Type *x, const Type *k) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  type_text(x, a);
  type_text(k, b);
  for (int i = 0; i < k->rank; i++)
    if (k->dim[i] == 0)
      return fail(r->error, "the kernel's sizes must not be 0, it is %s", b);
  int64_t channels = x->dim[x->rank - 1], per_group = k->dim[k->rank - 2];
  int64_t filters = k->dim[k->rank - 1];
  if (channels == UNKNOWN || per_group == UNKNOWN || filters == UNKNOWN)
    return true;
  if (channels % per_group != 0)
    return fail(r->error, "x has %lld channels, the kernel is for %lld, or a "
                          "multiple in groups: x is %s, kernel is %s",
                (long long)channels, (long long)per_group, a, b);
  int64_t groups = channels / per_group;
  if (groups == 0 || filters % groups != 0)
    return fail(r->error, "%lld filters do not divide into %lld groups: x is "
                          "%s, kernel is %s", (long long)filters,
                (long long)groups, a, b);
  return true;
}

static bool windows_known(const Type *k) {
  for (int i = 0; i < k->rank - 2; i++)
    if (k->dim[i] == UNKNOWN)
      return false;
  return true;
}

/* A convolution whose windows are not known: only "same" can tell how many
** there are, one for each stride. */
static bool open_conv_type(Rule *r, const Type *x, const Type *k, const Walk *w,
                           Type *y) {
  if (!check_kernel(r, x, k))
    return false;
  *y = *x;
  y->dtype = F32;
  y->dim[y->rank - 1] = k->dim[k->rank - 1];
  for (int i = 0; i < x->rank - 2; i++) {
    int64_t *n = &y->dim[i + 1], stride = option_at(w->strides, i, 1);
    if (!w->same->i[0] || stride < 1)
      *n = UNKNOWN;
    else if (*n != UNKNOWN)
      *n = *n / stride + (*n % stride > 0); /* n + stride may be too much */
  }
  return true;
}

bool conv_type(Rule *r, const Type *x, const Type *k, const Walk *w,
               Type *y) {
  int64_t before;
  if (k->rank == x->rank && k->rank > 2 && !windows_known(k))
    return open_conv_type(r, x, k, w, y);
  if (!same_rank(r, x, k) || !walk_check(r, x, w) || !check_kernel(r, x, k) ||
      !walk_check_room(r, x, w, "kernel"))
    return false;
  *y = *x;
  y->dtype = F32;
  for (int i = 0; i < x->rank - 2; i++)
    y->dim[i + 1] = walk_length(w, i, x->dim[i + 1], &before);
  y->dim[y->rank - 1] = k->dim[k->rank - 1];
  return true;
}

bool conv_shape(Rule *r) {
  Walk w = conv_walk(&r->in[1], r->attr);
  return conv_type(r, &r->in[0], &r->in[1], &w, &r->out[0]);
}

static bool agree(Rule *r, const Type *g, const Type *want) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  bool ok = g->rank == want->rank;
  for (int i = 0; ok && i < g->rank; i++)
    ok = may_equal(g->dim[i], want->dim[i]);
  return ok || fail(r->error, "g is %s, the convolution gives %s",
                    type_text(g, a), type_text(want, b));
}

bool conv_image_shape(Rule *r) {
  Walk w = conv_walk(&r->in[1], r->attr);
  Type y;
  r->out[0] = r->in[2];
  r->out[0].dtype = F32;
  return conv_type(r, &r->in[2], &r->in[1], &w, &y) && agree(r, &r->in[0], &y);
}

bool conv_kernel_shape(Rule *r) {
  Walk w = conv_walk(&r->in[2], r->attr);
  Type y;
  r->out[0] = r->in[2];
  r->out[0].dtype = F32;
  return conv_type(r, &r->in[0], &r->in[2], &w, &y) && agree(r, &r->in[1], &y);
}

bool conv_transpose_shape(Rule *r) {
  const Type *x = &r->in[0], *k = &r->in[1];
  Walk w = conv_walk_back(k, r->attr);
  char a[TYPE_TEXT], b[TYPE_TEXT];
  Type y = *x;
  if (!same_rank(r, x, k) || !walk_check(r, x, &w))
    return false;
  /* The kernel is that of the convolution which goes the other way: its filters
     are the channels of x. */
  y.dim[y.rank - 1] = k->dim[k->rank - 2];
  if (!check_kernel(r, &y, k))
    return false;
  if (!may_equal(x->dim[x->rank - 1], k->dim[k->rank - 1]))
    return fail(r->error, "x has %lld channels, the kernel is for %lld: x is "
                          "%s, kernel is %s (sizes, filters, channels)",
                (long long)x->dim[x->rank - 1],
                (long long)k->dim[k->rank - 1], type_text(x, a),
                type_text(k, b));
  const Attr *extras = &r->attr[EXTRA];
  if (attr_given(extras) && extras->n != 1 && extras->n != y.rank - 2)
    return fail(r->error, "%d numbers for %d spatial axes", extras->n,
                y.rank - 2);
  for (int i = 0; i < y.rank - 2; i++) {
    int64_t stride = option_at(w.strides, i, 1), *n = &y.dim[i + 1];
    int64_t extra = option_at(extras, i, 0);
    if (extra < 0 || extra >= stride)
      return fail(r->error, "%lld extra cells after strides of %lld",
                  (long long)extra, (long long)stride);
    if (*n == UNKNOWN)
      continue;
    if ((double)*n * (double)stride > 0x1p60) /* the product below overflows */
      return fail(r->error, "strides of %lld for x of %s", (long long)stride,
                  type_text(x, a));
    *n = (*n - 1) * stride + walk_reach(&w, i) + extra -
         option_at(w.before, i, 0) - option_at(w.after, i, 0);
    if (*n < 0 || x->dim[i + 1] == 0) /* all is cut off, or there is no cell */
      *n = 0;
  }
  r->out[0] = y;
  r->out[0].dtype = F32;
  return true;
}
