/* What becomes of a node that was read: it is emitted into the open trace as it
** was when it was traced, so that its rule speaks again, and what the rule says
** is held against what the file says. */

#include <string.h>

#include "files/graph_in.h"
#include "scan/scan.h"

/* ---- constants and variables --------------------------------------------- */

/* The tensor of that name in the file, as what the graph has for it: floats may
** be stored as others. */
static bool take_tensor(Reader *r, const char *name, const Type *type,
                        Tensor *t) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  TensorFile *file = r->source->file;
  const TensorEntry *x = file ? tensor_file_find(file, name) : NULL;
  if (x == NULL)
    return fail(error_of(r), "there is no tensor \"%.200s\"", name);
  if (!tensor_file_take(file, x, t, error_of(r)))
    return false;
  DType d = (DType)type->dtype;
  Type as = t->type;
  if (dtype_is_float(d) && dtype_is_float((DType)as.dtype))
    as.dtype = type->dtype;
  if (!type_equal(&as, type)) {
    tensor_drop(t);
    return fail(error_of(r), "tensor \"%.200s\" is %s %s, not %s %s", name,
                dtype_name((DType)x->type.dtype), type_text(&x->type, a),
                dtype_name(d), type_text(type, b));
  }
  if (x->type.dtype == type->dtype)
    return true;
  r->c->later_only = false;
  Val v = value_as(r->c, value_of(r->c, *t), d);
  r->c->later_only = true;
  *t = tensor_share(val_tensor(v));
  if (error_of(r)->set)
    tensor_drop(t);
  return !error_of(r)->set;
}

static Variable *variable_of_file(Reader *r, const char *name,
                                  const Type *type) {
  Tensor t;
  if (!take_tensor(r, name, type, &t))
    return NULL;
  Variable *v = variable_new(r->c->account, name, t, false);
  if (v == NULL)
    out_of_memory(r);
  return v;
}

static Variable *find_variable(Reader *r, const char *name, const Type *type) {
  const GraphSource *s = r->source;
  char a[TYPE_TEXT], b[TYPE_TEXT];
  Variable *v = s->variable ? s->variable(s->ud, name, type, error_of(r))
                            : NULL;
  if (error_of(r)->set)
    return NULL;
  if (v == NULL)
    return variable_of_file(r, name, type);
  if (type_equal(&v->tensor.type, type))
    return v;
  fail(error_of(r), "variable \"%.200s\" is %s %s, not %s %s", name,
       dtype_name((DType)v->tensor.type.dtype), type_text(&v->tensor.type, a),
       dtype_name((DType)type->dtype), type_text(type, b));
  variable_release(v);
  return NULL;
}

/* ---- making nodes -------------------------------------------------------- */

static bool add_entry(Reader *r, Level *l, Val v, int binding) {
  if (error_of(r)->set)
    return false;
  if (l->n == l->room) {
    int room = l->room ? 2 * l->room : 64;
    Entry *grown = mem_resize(r->c->account, l->entry, (size_t)room,
                              sizeof *grown);
    if (grown == NULL)
      return out_of_memory(r);
    l->entry = grown;
    l->room = room;
  }
  l->entry[l->n++] = (Entry){v, binding};
  return true;
}

static bool want_one_type(Reader *r, const Draft *d, bool known) {
  if (d->ntypes != 1)
    return fail(error_of(r), "its type is missing");
  return !known || type_known(&d->type[0]) ||
         fail(error_of(r), "a size of its type is not known");
}

/* Inputs of the whole function have names, which the caller gets. */
static bool make_input(Reader *r, Level *l) {
  Draft *d = &l->draft;
  if (!want_one_type(r, d, false))
    return false;
  if (l->scope.ninputs == MAX_INPUTS)
    return fail(error_of(r), "more than %d inputs", MAX_INPUTS);
  if (l->depth == 0) {
    if (d->name == NULL)
      return fail(error_of(r), "its name is missing");
    r->g->input[r->inputs++] = d->name;
    d->name = NULL;
  }
  return add_entry(r, l, scope_input(r->c, &d->type[0]), -1);
}

static bool make_variable(Reader *r, Level *l) {
  Draft *d = &l->draft;
  if (l->depth > 0)
    return fail(error_of(r), "a body has no variables of its own");
  if (d->name == NULL)
    return fail(error_of(r), "its name is missing");
  if (!want_one_type(r, d, true))
    return false;
  Variable *v = find_variable(r, d->name, &d->type[0]);
  if (v == NULL)
    return false;
  Val leaf = variable_leaf(r->c, v);
  int binding = nodemap_get(&l->scope.bound, v);
  variable_release(v); /* the trace has it */
  return add_entry(r, l, leaf, binding);
}

static bool make_constant(Reader *r, Level *l) {
  Draft *d = &l->draft;
  if (!want_one_type(r, d, true))
    return false;
  if ((d->values.buffer != NULL) == (d->name != NULL))
    return fail(error_of(r), "it has values, or the name of a tensor");
  if (d->name && !take_tensor(r, d->name, &d->type[0], &d->values))
    return false;
  Tensor t = d->values;
  d->values = (Tensor){.buffer = NULL};
  return add_entry(r, l, value_of(r->c, t), -1);
}

static bool make_shape(Reader *r, Level *l) {
  return want_one_type(r, &l->draft, true) &&
         add_entry(r, l, shape_leaf(r->c, &l->draft.type[0]), -1);
}

bool reader_assign(Reader *r, const Level *l, int number, Val v) {
  if (l->depth > 0 || number < 0 || number >= l->n ||
      l->entry[number].binding < 0)
    return fail(error_of(r), "node %d is no variable that it could assign to",
                number);
  if (node_is_shape(v.node))
    return fail(error_of(r), "a shape has no value");
  const Binding *b = &l->scope.bindings[l->entry[number].binding];
  return val_same(b->current, v) ||
         variable_assign(r->c, b->variable, v);
}

static bool make_assign(Reader *r, Level *l) {
  const Draft *d = &l->draft;
  if (d->nin != 1)
    return fail(error_of(r), "%d inputs, it takes 1", d->nin);
  if (!reader_assign(r, l, d->variable, d->in[0]))
    return false;
  int binding = l->entry[d->variable].binding;
  return add_entry(r, l, l->scope.bindings[binding].current, -1);
}

/* What must be said is there. */
static bool check_attrs(Reader *r, Draft *d) {
  int n = op_nattr(d->op);
  if (d->op->role == LOOPS)
    d->attr[SCAN_ID] = (Attr){.kind = ATTR_INT, .n = 1,
                              .i = {(int64_t)++r->c->seq}};
  if (d->op->role == LOOPS && attr_given(&d->attr[SCAN_BACKWARD]))
    return fail(error_of(r), "a part of a gradient in a file");
  for (int i = 0; i < n; i++) {
    OpParam p = op_attr(d->op, i);
    if (!attr_given(&d->attr[i]) && !p.may_be_nil)
      return fail(error_of(r), "%.*s is missing", p.length, p.name);
  }
  return true;
}

static bool check_inputs(Reader *r, const Draft *d) {
  bool more;
  int wanted = op_inputs(d->op, &more);
  if (d->nin < wanted || (d->nin > wanted && !more))
    return fail(error_of(r), "%d inputs, it takes %d%s", d->nin, wanted,
                more ? " or more" : "");
  for (int i = 0; i < d->nin; i++)
    if (node_is_shape(d->in[i].node) && !op_shape_only(d->op, i))
      return fail(error_of(r), "input %d is a shape, a value is wanted", i + 1);
  return true;
}

/* A later rule may know a size that an earlier one did not, or the other way
** round. */
static bool agree(const Type *a, const Type *b) {
  bool same = a->dtype == b->dtype && a->rank == b->rank;
  for (int i = 0; same && i < a->rank; i++)
    same = a->dim[i] == b->dim[i] || a->dim[i] == UNKNOWN ||
           b->dim[i] == UNKNOWN;
  return same;
}

/* What the rule says is what the file says. */
static bool check_types(Reader *r, const Draft *d, Val v) {
  char a[TYPE_TEXT], b[TYPE_TEXT];
  int outs = v.node->op == d->op ? v.node->nout : 1;
  if (d->ntypes != outs)
    return fail(error_of(r), "%d types, it has %d outputs", d->ntypes, outs);
  for (int i = 0; i < outs; i++) {
    const Type *got = val_type((Val){v.node, v.out + i});
    if (!agree(got, &d->type[i]))
      return fail(error_of(r), "output %d is %s %s, the file says %s %s", i,
                  dtype_name((DType)got->dtype), type_text(got, a),
                  dtype_name((DType)d->type[i].dtype),
                  type_text(&d->type[i], b));
  }
  return true;
}

/* An op that has come to mean something else is not what an old file meant,
** which says no version. */
static bool check_version(Reader *r, const Draft *d) {
  return d->version == op_version(d->op) ||
         fail(error_of(r), "version %lld of this op, lunula has version %d",
              (long long)d->version, op_version(d->op));
}

static bool make_row(Reader *r, Level *l) {
  Draft *d = &l->draft;
  if (!check_version(r, d) || !check_inputs(r, d) || !check_attrs(r, d))
    return false;
  Val v = emit(r->c, d->op, d->in, d->nin, d->attr);
  return !error_of(r)->set && check_types(r, d, v) && add_entry(r, l, v, -1);
}

bool reader_make(Reader *r, Level *l) {
  static bool (*const make[ENTRY_KINDS])(Reader *r, Level *l) = {
    make_row, make_input, make_variable, make_constant, make_shape, make_assign
  };
  const Draft *d = &l->draft;
  if (d->kind == A_ROW && d->op == NULL)
    return fail(error_of(r), "its op is missing");
  return make[d->kind](r, l);
}
