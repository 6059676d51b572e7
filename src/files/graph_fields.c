/* What the text of a graph says of a node: values, types, attributes, numbers.
** Whatever is wrong with it alone is refused here. */

#include <stdio.h>
#include <string.h>

#include "files/graph_in.h"

const char *const reader_kinds[ENTRY_KINDS] = {
  "", "input", "variable", "constant", "shape", "assign"
};

/* ---- pieces -------------------------------------------------------------- */

char *reader_string(const Reader *r) {
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
  *text = reader_string(r);
  return *text != NULL;
}

/* By its own name: dtype_find knows others, which no file of ours has. */
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

/* An entry may itself be a later output of its node: outputs count from it. */
bool reader_value(Reader *r, const Level *l, JsonKind kind, Val *v) {
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

int reader_values(Reader *r, const Level *l, Val *list, int most,
                  const char *what) {
  int n = 0;
  if (!json_expect(&r->json, JSON_ARRAY, "a list of values is wanted"))
    return -1;
  for (;;) {
    JsonKind kind = json_next(&r->json);
    if (kind == JSON_ARRAY_END)
      return n;
    if (n == most) {
      fail(error_of(r), "more than %d %s", most, what);
      return -1;
    }
    if (!reader_value(r, l, kind, &list[n++]))
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

/* A body that was not read is none, so that nobody releases it. */
static bool read_body(Reader *r, const Level *l, Attr *a) {
  a->body = r->function(r, l->depth + 1);
  if (a->body == NULL)
    a->kind = ATTR_NIL;
  return a->body != NULL;
}

/* The row knows its kind. A whole number serves where any is wanted. */
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

/* ---- numbers ------------------------------------------------------------ */

/* Numbers in the text. Each takes a byte of it or more, so that a short text
** cannot ask for much memory. */
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

/* ---- fields of nodes ----------------------------------------------------- */

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
    if (is_word(r, reader_kinds[i])) {
      d->kind = (EntryKind)i;
      return true;
    }
  return find_row(r, d);
}

static bool read_version(Reader *r, Draft *d) {
  if (!json_expect(&r->json, JSON_INTEGER, "its version is no number"))
    return false;
  d->version = r->json.integer;
  return true;
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

/* What is no number of a node becomes -1, which no node has: reader_assign
** refuses it. */
static bool read_variable_number(Reader *r, Draft *d) {
  if (!json_expect(&r->json, JSON_INTEGER, "its variable is no number"))
    return false;
  bool fits = r->json.integer >= 0 && r->json.integer <= INT32_MAX;
  d->variable = fits ? (int)r->json.integer : -1;
  return true;
}

static bool read_inputs(Reader *r, Level *l) {
  Draft *d = &l->draft;
  d->nin = reader_values(r, l, d->in, MAX_INPUTS, "inputs");
  if (d->nin < 0)
    d->nin = 0;
  return !error_of(r)->set;
}

/* A field of an op, or of one of the others. "op" comes first, because what
** else there may be, and of what kind, depends on it. */
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
  if (leaf && is_word(r, "type")) { /* values were read by the one before */
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

bool reader_fields(Reader *r, Level *l) {
  for (;;) {
    JsonKind kind = json_next(&r->json);
    if (kind == JSON_OBJECT_END)
      return true;
    if (kind == JSON_ERROR || !read_field(r, l))
      return false;
  }
}
