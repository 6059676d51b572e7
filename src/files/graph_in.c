/* Reading of graph_file.h. The text is read once, piece by piece, and each node
** is emitted into an open trace as it was when it was traced, so that its rule
** speaks again; the context refuses what would be computed at once. */

#include <stdio.h>
#include <string.h>

#include "files/graph_file.h"
#include "files/json.h"
#include "scan/scan.h"

/* What an entry of the list is, by its "op". */
typedef enum EntryKind {
  A_ROW, AN_INPUT, A_VARIABLE, A_CONSTANT, A_SHAPE, AN_ASSIGN, ENTRY_KINDS
} EntryKind;
static const char *const kind_names[ENTRY_KINDS] = {
  "", "input", "variable", "constant", "shape", "assign"
};

typedef struct Entry {
  Val v;
  int binding; /* of a variable: its number, else -1 */
} Entry;

/* The node that is being read: its fields, as far as they were there. */
typedef struct Draft {
  EntryKind kind;
  const Op *op; /* of a row; NULL: "op" was not there yet */
  Val in[MAX_INPUTS];
  Attr attr[MAX_ATTRS];
  Type type[MAX_OUTPUTS];
  int nin, ntypes, variable;
  char *name;    /* of an input, a variable, a constant's tensor */
  Tensor values; /* buffer NULL: there are none */
} Draft;

/* A function that is being read: the whole one, or a body in it. On the heap:
** it is too large for a small stack, and bodies have bodies. */
typedef struct Level {
  int depth;
  bool open; /* its scope is the innermost trace */
  Scope scope;
  Entry *entry;
  int n, room;
  Val output[MAX_OUTPUTS];
  int noutputs;
  Draft draft;
} Level;

typedef struct Reader {
  Context *c;
  JsonReader json;
  const GraphSource *source;
  StoredGraph *g;
  int inputs, input_room, outputs; /* names that were read */
  bool has_format;
} Reader;

static Function *read_function(Reader *r, int depth);

/* ---- pieces -------------------------------------------------------------- */

static Error *error_of(const Reader *r) {
  return &r->c->error;
}

static bool out_of_memory(const Reader *r) {
  return fail_memory(error_of(r), "out of memory");
}

/* Is the string or name that was just found this one? Ours need no escapes. */
static bool is_word(const Reader *r, const char *word) {
  return strlen(word) == r->json.length &&
         memcmp(word, r->json.raw, r->json.length) == 0;
}

static int shown(const Reader *r) {
  return r->json.length < 60 ? (int)r->json.length : 60;
}

static bool fail_unknown(const Reader *r) {
  return fail(error_of(r), "what is \"%.*s\"?", shown(r), r->json.raw);
}

/* The string that was just found, as one of ours; NULL when memory is out. */
static char *copy_string(const Reader *r) {
  char *text = mem_new(r->c->account, r->json.length + 1, 1);
  if (text)
    text[json_decode(&r->json, text)] = '\0';
  else
    out_of_memory(r);
  return text;
}

static bool read_string(Reader *r, char **text, const char *what) {
  if (*text)
    return fail(error_of(r), "its name stands there twice");
  if (!json_expect(&r->json, JSON_STRING, what))
    return false;
  *text = copy_string(r);
  return *text != NULL;
}

static bool read_dtype(Reader *r, int32_t *dtype) {
  char name[16];
  DType d;
  if (!json_expect(&r->json, JSON_STRING, "an element type is no text"))
    return false;
  snprintf(name, sizeof name, "%.*s", shown(r), r->json.raw);
  if (!dtype_find(name, &d) || strcmp(dtype_name(d), name) != 0)
    return fail(error_of(r), "there is no element type \"%.*s\"", shown(r),
                r->json.raw);
  *dtype = (int32_t)d;
  return true;
}

/* What follows the "[" of a type. */
static bool read_type_rest(Reader *r, Type *t) {
  memset(t, 0, sizeof *t);
  if (!read_dtype(r, &t->dtype))
    return false;
  for (;;) {
    JsonKind kind = json_next(&r->json);
    if (kind == JSON_ARRAY_END)
      break;
    bool unknown = kind == JSON_NULL;
    if (kind == JSON_ERROR)
      return false;
    if (t->rank == MAX_RANK || (kind != JSON_INTEGER && !unknown) ||
        (kind == JSON_INTEGER && r->json.integer < 0))
      return fail(error_of(r), "a type has at most 8 sizes, or nulls");
    t->dim[t->rank++] = unknown ? UNKNOWN : r->json.integer;
  }
  return type_countable(t) ||
         fail(error_of(r), "no memory has so many numbers");
}

static bool read_type(Reader *r, Type *t) {
  return json_expect(&r->json, JSON_ARRAY, "a type is no list") &&
         read_type_rest(r, t);
}

/* A value: the number of a node before this one, or [number, output]. */
static bool read_value(Reader *r, const Level *l, JsonKind kind, Val *v) {
  int64_t number = r->json.integer, out = 0;
  if (kind == JSON_ARRAY) {
    if (!json_expect(&r->json, JSON_INTEGER, "a value is no number"))
      return false;
    number = r->json.integer;
    if (!json_expect(&r->json, JSON_INTEGER, "an output is no number"))
      return false;
    out = r->json.integer;
    if (!json_expect(&r->json, JSON_ARRAY_END, "a value is [node, output]"))
      return false;
  } else if (kind != JSON_INTEGER) {
    return kind == JSON_ERROR ? false
                              : fail(error_of(r), "a value is no number");
  }
  if (number < 0 || number >= l->n)
    return fail(error_of(r), "there is no node %lld before it",
                (long long)number);
  *v = l->entry[number].v;
  if (out < 0 || out >= v->node->nout - v->out)
    return fail(error_of(r), "node %lld has no output %lld", (long long)number,
                (long long)out);
  v->out += (int)out;
  return true;
}

/* The values of a list, up to `most`; how many, or -1. */
static int read_values(Reader *r, const Level *l, Val *list, int most,
                       const char *what) {
  int n = 0;
  if (!json_expect(&r->json, JSON_ARRAY, what))
    return -1;
  for (;;) {
    JsonKind kind = json_next(&r->json);
    if (kind == JSON_ARRAY_END)
      return n;
    if (n == most) {
      fail(error_of(r), "more than %d %s", most, what);
      return -1;
    }
    if (!read_value(r, l, kind, &list[n++]))
      return -1;
  }
}

/* ---- attributes ---------------------------------------------------------- */

static bool read_ints(Reader *r, Attr *a) {
  for (;;) {
    JsonKind kind = json_next(&r->json);
    if (kind == JSON_ARRAY_END)
      return true;
    if (kind == JSON_ERROR)
      return false;
    if (kind != JSON_INTEGER || a->n == MAX_RANK)
      return fail(error_of(r), "a list of at most 8 whole numbers is wanted");
    a->i[a->n++] = r->json.integer;
  }
}

static bool read_body(Reader *r, const Level *l, Attr *a) {
  a->body = read_function(r, l->depth + 1);
  if (a->body == NULL)
    a->kind = ATTR_NIL;
  return a->body != NULL;
}

static bool read_attr(Reader *r, const Level *l, AttrKind wanted, Attr *a) {
  if (wanted == ATTR_DTYPE) {
    int32_t d = 0;
    if (!read_dtype(r, &d))
      return false;
    *a = (Attr){.kind = ATTR_DTYPE, .n = 1, .i = {d}};
    return true;
  }
  JsonKind kind = json_next(&r->json);
  bool list = wanted == ATTR_INTS || wanted == ATTR_AXES;
  *a = (Attr){.kind = wanted, .n = list || wanted == ATTR_BODY ? 0 : 1};
  if (list && kind == JSON_ARRAY)
    return read_ints(r, a);
  if (wanted == ATTR_BODY && kind == JSON_OBJECT)
    return read_body(r, l, a);
  if (wanted == ATTR_BOOL && (kind == JSON_TRUE || kind == JSON_FALSE))
    a->i[0] = kind == JSON_TRUE;
  else if (wanted == ATTR_INT && kind == JSON_INTEGER)
    a->i[0] = r->json.integer;
  else if (wanted == ATTR_NUM && kind == JSON_INTEGER)
    a->f = (double)r->json.integer;
  else if (wanted == ATTR_NUM && kind == JSON_NUMBER)
    a->f = r->json.number;
  else
    *a = (Attr){.kind = ATTR_NIL};
  return attr_given(a) || kind == JSON_ERROR ||
         fail(error_of(r), "it is of another kind");
}

/* The attribute of that name; -1: there is none. */
static int find_attr(const Reader *r, const Op *op, OpParam *p) {
  int n = op_nattr(op);
  for (int i = 0; i < n; i++) {
    *p = op_attr(op, i);
    if ((size_t)p->length == r->json.length &&
        memcmp(p->name, r->json.raw, r->json.length) == 0)
      return i;
  }
  return -1;
}

static bool read_attrs(Reader *r, Level *l) {
  const Op *op = l->draft.op;
  OpParam p;
  if (!json_expect(&r->json, JSON_OBJECT, "its attr is no object"))
    return false;
  for (;;) {
    JsonKind kind = json_next(&r->json);
    if (kind == JSON_OBJECT_END)
      return true;
    if (kind == JSON_ERROR)
      return false;
    int i = find_attr(r, op, &p);
    if (i < 0)
      return fail(error_of(r), "it has no attribute \"%.*s\"", shown(r),
                  r->json.raw);
    if (attr_given(&l->draft.attr[i]))
      return fail(error_of(r), "%.*s stands there twice", p.length, p.name);
    if (!read_attr(r, l, p.kind, &l->draft.attr[i]))
      return error_prefix(error_of(r), "%.*s: ", p.length, p.name);
  }
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

/* ---- constants and variables --------------------------------------------- */

/* Numbers in the text: no more than it has room for. */
static bool read_numbers(Reader *r, Draft *d) {
  const Type *t = &d->type[0];
  if (d->ntypes != 1 || !type_known(t))
    return fail(error_of(r), "a type with sizes comes before its values");
  int64_t n = type_elements(t), i = 0;
  if (d->values.buffer || n > r->json.end - r->json.at)
    return fail(error_of(r), "these are not all of its values");
  if (!tensor_new(&d->values, r->c->account, t, error_of(r)) ||
      !json_expect(&r->json, JSON_ARRAY, "its values are no list"))
    return false;
  for (;; i++) {
    JsonKind kind = json_next(&r->json);
    if (kind == JSON_ARRAY_END)
      return i == n || fail(error_of(r), "%lld values, its type has %lld",
                            (long long)i, (long long)n);
    if (kind == JSON_ERROR)
      return false;
    if ((kind != JSON_INTEGER && kind != JSON_NUMBER) || i == n)
      return fail(error_of(r), "its values are not %lld numbers", (long long)n);
    double v = kind == JSON_INTEGER ? (double)r->json.integer : r->json.number;
    if (!dtype_holds((DType)t->dtype, v))
      return fail(error_of(r), "%s cannot hold %g",
                  dtype_name((DType)t->dtype), v);
    tensor_put(&d->values, i, v);
  }
}

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

/* Gives the variable of node `number` a new value; false when it is none. */
static bool assign(Reader *r, const Level *l, int number, Val v) {
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
  if (!assign(r, l, d->variable, d->in[0]))
    return false;
  int binding = l->entry[d->variable].binding;
  return add_entry(r, l, l->scope.bindings[binding].current, -1);
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

static bool make_row(Reader *r, Level *l) {
  Draft *d = &l->draft;
  if (!check_inputs(r, d) || !check_attrs(r, d))
    return false;
  Val v = emit(r->c, d->op, d->in, d->nin, d->attr);
  return !error_of(r)->set && check_types(r, d, v) && add_entry(r, l, v, -1);
}

static bool make_node(Reader *r, Level *l) {
  static bool (*const make[ENTRY_KINDS])(Reader *r, Level *l) = {
    make_row, make_input, make_variable, make_constant, make_shape, make_assign
  };
  const Draft *d = &l->draft;
  if (d->kind == A_ROW && d->op == NULL)
    return fail(error_of(r), "its op is missing");
  return make[d->kind](r, l);
}

/* ---- fields of nodes ----------------------------------------------------- */

static void draft_clear(Draft *d) {
  int n = d->op ? op_nattr(d->op) : 0;
  for (int i = 0; i < n; i++)
    if (d->attr[i].kind == ATTR_BODY)
      function_release(d->attr[i].body);
  mem_free(d->name);
  tensor_drop(&d->values);
  d->kind = A_ROW;
  d->op = NULL;
  d->name = NULL;
  d->nin = d->ntypes = 0;
  d->variable = -1;
  memset(d->attr, 0, sizeof d->attr);
}

/* What a file may have: what users call, and what that becomes. */
static bool find_row(Reader *r, Draft *d) {
  char name[60];
  snprintf(name, sizeof name, "%.*s", shown(r), r->json.raw);
  const Op *op = catalogue_find(r->c->catalogue, name);
  bool hidden = op && op->traits & HIDDEN && !(op->traits & FILED);
  if (op == NULL || hidden || op->traits & HOST)
    return fail(error_of(r), "there is no op \"%s\" that files may have", name);
  d->op = op;
  return true;
}

static bool read_op(Reader *r, Draft *d) {
  if (d->op || d->kind != A_ROW)
    return fail(error_of(r), "its op stands there twice");
  if (!json_expect(&r->json, JSON_STRING, "its op is no text"))
    return false;
  for (int i = AN_INPUT; i < ENTRY_KINDS; i++)
    if (is_word(r, kind_names[i])) {
      d->kind = (EntryKind)i;
      return true;
    }
  return find_row(r, d);
}

static bool read_version(Reader *r, const Draft *d) {
  if (!json_expect(&r->json, JSON_INTEGER, "its version is no number"))
    return false;
  return r->json.integer == op_version(d->op) ||
         fail(error_of(r), "version %lld of this op, lunula has version %d",
              (long long)r->json.integer, op_version(d->op));
}

static bool read_types(Reader *r, Draft *d) {
  d->ntypes = 0;
  if (!json_expect(&r->json, JSON_ARRAY, "its types are no list"))
    return false;
  for (;;) {
    JsonKind kind = json_next(&r->json);
    if (kind == JSON_ARRAY_END)
      return true;
    if (kind != JSON_ARRAY || d->ntypes == MAX_OUTPUTS)
      return kind == JSON_ERROR
                 ? false
                 : fail(error_of(r), "its types are no list of types");
    if (!read_type_rest(r, &d->type[d->ntypes++]))
      return false;
  }
}

static bool read_variable_number(Reader *r, Draft *d) {
  if (!json_expect(&r->json, JSON_INTEGER, "its variable is no number"))
    return false;
  bool fits = r->json.integer >= 0 && r->json.integer <= INT32_MAX;
  d->variable = fits ? (int)r->json.integer : -1;
  return true;
}

static bool read_inputs(Reader *r, Level *l) {
  Draft *d = &l->draft;
  d->nin = read_values(r, l, d->in, MAX_INPUTS, "inputs");
  if (d->nin < 0)
    d->nin = 0;
  return !error_of(r)->set;
}

/* A field of an op, or of one of the others. */
static bool read_field(Reader *r, Level *l) {
  Draft *d = &l->draft;
  if (is_word(r, "op"))
    return read_op(r, d);
  if (d->op == NULL && d->kind == A_ROW)
    return fail(error_of(r), "its op comes first");
  bool row = d->kind == A_ROW, leaf = !row && d->kind != AN_ASSIGN;
  if (!leaf && is_word(r, "in"))
    return read_inputs(r, l);
  if (row && is_word(r, "attr"))
    return read_attrs(r, l);
  if (row && is_word(r, "types"))
    return read_types(r, d);
  if (row && is_word(r, "version"))
    return read_version(r, d);
  if (leaf && is_word(r, "type")) {
    d->ntypes = d->values.buffer ? 0 : 1;
    return read_type(r, &d->type[0]);
  }
  if ((d->kind == AN_INPUT || d->kind == A_VARIABLE) && is_word(r, "name"))
    return read_string(r, &d->name, "its name is no text");
  if (d->kind == A_CONSTANT && is_word(r, "tensor"))
    return read_string(r, &d->name, "its tensor is no text");
  if (d->kind == A_CONSTANT && is_word(r, "values"))
    return read_numbers(r, d);
  if (d->kind == AN_ASSIGN && is_word(r, "variable"))
    return read_variable_number(r, d);
  return fail_unknown(r);
}

static bool read_fields(Reader *r, Level *l) {
  for (;;) {
    JsonKind kind = json_next(&r->json);
    if (kind == JSON_OBJECT_END)
      return make_node(r, l);
    if (kind == JSON_ERROR || !read_field(r, l))
      return false;
  }
}

static bool read_node(Reader *r, Level *l) {
  Draft *d = &l->draft;
  draft_clear(d);
  if (read_fields(r, l))
    return true;
  const char *name = d->op ? d->op->name : kind_names[d->kind];
  return error_prefix(error_of(r), *name ? "node %d (%s): " : "node %d%s: ",
                      l->n, name);
}

static bool read_nodes(Reader *r, Level *l) {
  if (l->n > 0 || !json_expect(&r->json, JSON_ARRAY, "its nodes are no list"))
    return fail(error_of(r), "its nodes stand there twice");
  for (;;) {
    JsonKind kind = json_next(&r->json);
    if (kind == JSON_ARRAY_END)
      return true;
    if (kind != JSON_OBJECT)
      return kind == JSON_ERROR
                 ? false
                 : fail(error_of(r), "node %d is no object", l->n);
    if (!read_node(r, l))
      return false;
  }
}

/* ---- what a function leaves behind --------------------------------------- */

static bool read_outputs(Reader *r, Level *l) {
  if (l->noutputs >= 0)
    return fail(error_of(r), "its outputs stand there twice");
  l->noutputs = read_values(r, l, l->output, MAX_OUTPUTS, "outputs");
  for (int i = 0; i < l->noutputs; i++)
    if (node_is_shape(l->output[i].node))
      return fail(error_of(r), "output %d is a shape, a value is wanted",
                  i + 1);
  return l->noutputs >= 0;
}

static bool read_update(Reader *r, Level *l) {
  Val v;
  if (!json_expect(&r->json, JSON_INTEGER, "an update is no variable"))
    return false;
  int number = r->json.integer <= INT32_MAX ? (int)r->json.integer : -1;
  if (!read_value(r, l, json_next(&r->json), &v) ||
      !assign(r, l, number, v))
    return false;
  return json_expect(&r->json, JSON_ARRAY_END, "an update is [node, value]");
}

static bool read_updates(Reader *r, Level *l) {
  if (!json_expect(&r->json, JSON_ARRAY, "its updates are no list"))
    return false;
  for (;;) {
    JsonKind kind = json_next(&r->json);
    if (kind == JSON_ARRAY_END)
      return true;
    if (kind != JSON_ARRAY)
      return kind == JSON_ERROR
                 ? false
                 : fail(error_of(r), "its updates are no list of pairs");
    if (!read_update(r, l))
      return error_prefix(error_of(r), "updates: ");
  }
}

static bool read_output_names(Reader *r) {
  if (r->outputs || !json_expect(&r->json, JSON_ARRAY, "its output_names are "
                                                       "no list"))
    return fail(error_of(r), "its output_names stand there twice");
  for (;;) {
    JsonKind kind = json_next(&r->json);
    if (kind == JSON_ARRAY_END)
      return true;
    if (kind != JSON_STRING || r->outputs == MAX_OUTPUTS)
      return kind == JSON_ERROR
                 ? false
                 : fail(error_of(r), "its output_names are no list of texts");
    char *name = copy_string(r);
    if (name == NULL)
      return false;
    r->g->output[r->outputs++] = name;
  }
}

static bool read_format(Reader *r) {
  if (!json_expect(&r->json, JSON_INTEGER, "its format is no number"))
    return false;
  r->has_format = r->json.integer == GRAPH_FORMAT;
  return r->has_format ||
         fail(error_of(r), "a graph of format %lld, lunula reads format %d",
              (long long)r->json.integer, GRAPH_FORMAT);
}

static bool read_part(Reader *r, Level *l) {
  if (is_word(r, "nodes"))
    return read_nodes(r, l);
  if (is_word(r, "outputs"))
    return read_outputs(r, l);
  if (l->depth == 0 && is_word(r, "updates"))
    return read_updates(r, l);
  if (l->depth == 0 && is_word(r, "output_names"))
    return read_output_names(r);
  if (l->depth == 0 && is_word(r, "format"))
    return read_format(r);
  return fail_unknown(r);
}

static bool read_parts(Reader *r, Level *l) {
  for (;;) {
    JsonKind kind = json_next(&r->json);
    if (kind == JSON_OBJECT_END)
      return l->noutputs >= 0 ||
             fail(error_of(r), "its outputs are missing");
    if (kind == JSON_ERROR || !read_part(r, l))
      return false;
  }
}

/* What follows the "{" of a function; NULL with the error. */
static Function *read_function(Reader *r, int depth) {
  Function *f = NULL;
  if (depth > GRAPH_DEPTH) {
    fail(error_of(r), "more than %d functions in one another", GRAPH_DEPTH);
    return NULL;
  }
  Level *l = mem_new(r->c->account, 1, sizeof *l);
  if (l == NULL) {
    out_of_memory(r);
    return NULL;
  }
  l->depth = depth;
  l->noutputs = -1;
  scope_open(r->c, &l->scope, depth > 0);
  if (read_parts(r, l))
    f = scope_finish(r->c, &l->scope, l->output, l->noutputs, NULL, NULL);
  else
    scope_close(r->c, &l->scope);
  draft_clear(&l->draft);
  mem_free(l->entry);
  mem_free(l);
  return f;
}

/* ---- the whole ----------------------------------------------------------- */

static bool read_graph(Reader *r) {
  StoredGraph *g = r->g;
  g->input = mem_new(r->c->account, MAX_INPUTS + 1, sizeof *g->input);
  g->output = mem_new(r->c->account, MAX_OUTPUTS + 1, sizeof *g->output);
  if (g->input == NULL || g->output == NULL)
    return out_of_memory(r);
  if (!json_expect(&r->json, JSON_OBJECT, "no graph"))
    return false;
  g->function = read_function(r, 0);
  if (g->function == NULL ||
      !json_expect(&r->json, JSON_END, "there is more after the graph"))
    return false;
  if (!r->has_format)
    return fail(error_of(r), "its format is missing");
  return r->outputs == g->function->noutputs ||
         fail(error_of(r), "%d output_names, it has %d outputs", r->outputs,
              g->function->noutputs);
}

bool graph_read(StoredGraph *g, Context *c, const char *text, size_t length,
                const GraphSource *source, Error *e) {
  Reader r = {.c = c, .source = source, .g = g};
  const char *(*origin)(void *ud) = c->origin;
  int mark = context_mark(c), recording = c->recording;
  *g = (StoredGraph){.function = NULL};
  c->later_only = true;
  c->recording = 0;
  c->origin = NULL;
  json_begin(&r.json, text, length, &c->error);
  bool ok = read_graph(&r);
  c->later_only = false;
  c->recording = recording;
  c->origin = origin;
  if (!ok) {
    fail_again(e, &c->error);
    c->error.set = false;
    graph_free(g);
  }
  context_drain(c, mark);
  return ok;
}

void graph_free(StoredGraph *g) {
  function_release(g->function);
  for (int i = 0; g->input && g->input[i]; i++)
    mem_free(g->input[i]);
  for (int i = 0; g->output && g->output[i]; i++)
    mem_free(g->output[i]);
  mem_free(g->input);
  mem_free(g->output);
  *g = (StoredGraph){.function = NULL};
}
