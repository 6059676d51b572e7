/* Traces: what a function reads (inputs, variables, captured values) and what
** it leaves behind (outputs, new values of variables). A variable is bound once
** in a trace: the binding has the value at the start (a leaf) and the current
** one, so that assign records a new current value and changes nothing now. */

#include <string.h>

#include "graph/scope.h"

static const Op leaf_input = {.name = "input", .signature = "", .kind = LEAF};
static const Op leaf_variable = {.name = "variable", .signature = "",
                                 .kind = LEAF};

/* Appends one element; NULL (with the error) when memory is out. */
static void *append(Context *c, void **list, int *n, size_t item) {
  void *grown = *list;
  if ((*n & (*n - 1)) == 0) { /* full: the room is always a power of two */
    grown = mem_resize(c->account, *list, (size_t)(*n ? 2 * *n : 1), item);
    if (grown == NULL) {
      fail_memory(&c->error, "out of memory");
      return NULL;
    }
    *list = grown;
  }
  return (char *)grown + (size_t)(*n)++ * item;
}

/* ---- variables ---------------------------------------------------------- */

/* The variable's value outside of traces. The leaf is kept until the value
** changes: a tape finds a variable again by its node. */
static Val eager_leaf(Context *c, Variable *v) {
  if (v->leaf.node == NULL) {
    Node *n = node_new(c, &leaf_variable, NULL, 0, NULL, &v->tensor.type, 1);
    if (n == NULL)
      return (Val){c->dummy, 0};
    n->out[0] = tensor_share(&v->tensor);
    n->tracked = true;
    v->leaf.node = n;
  }
  Node *n = value_keep(c, node_retain(v->leaf.node)).node;
  return (Val){n, v->leaf.out};
}

/* NULL (with the error) when memory is out. */
static Binding *find_binding(Context *c, Variable *v) {
  Scope *s = c->scope;
  int *number = nodemap_at(&s->bound, v);
  if (number && *number >= 0)
    return &s->bindings[*number];
  if (number == NULL) {
    fail_memory(&c->error, "out of memory");
    return NULL;
  }
  Node *leaf = node_new(c, &leaf_variable, NULL, 0, NULL, &v->tensor.type, 1);
  if (leaf == NULL)
    return NULL;
  leaf->scope = s->id;
  Binding *b = append(c, (void **)&s->bindings, &s->nbindings, sizeof *b);
  if (b == NULL) {
    node_release(leaf);
    return NULL;
  }
  *number = s->nbindings - 1;
  *b = (Binding){.variable = variable_retain(v), .leaf = {leaf, 0},
                 .current = {node_retain(leaf), 0}};
  return b;
}

/* What reads of an assigned variable give: no gradient goes back through the
** assign to what the value was made of, as none does on a tape. */
static Val read_assigned(Context *c, Binding *b) {
  if (b->read.node == NULL) {
    Val v = emit_op(c, "stop_gradient", &b->current, 1, NULL);
    if (c->error.set)
      return v;
    node_retain(v.node);
    b->read = v;
  }
  return b->read;
}

static Val current_value(Context *c, Binding *b) {
  return val_same(b->current, b->leaf) ? b->leaf : read_assigned(c, b);
}

static void set_current(Binding *b, Val value) {
  node_retain(value.node);
  node_release(b->current.node);
  b->current = value;
  if (b->read.node)
    node_release(b->read.node);
  b->read = (Val){NULL, 0};
}

/* The body of a loop has no variables of its own: it asks the trace around it
** and captures what that says. */
static Val read_binding(Context *c, Variable *v, bool at_start) {
  if (c->scope == NULL)
    return eager_leaf(c, v);
  if (!c->scope->body) {
    Binding *b = find_binding(c, v);
    if (b == NULL)
      return (Val){c->dummy, 0};
    return at_start ? b->leaf : current_value(c, b);
  }
  Scope *inner = c->scope;
  c->scope = inner->outer;
  Val outer = read_binding(c, v, at_start);
  c->scope = inner;
  return scope_import(c, outer);
}

Val variable_read(Context *c, Variable *v) {
  return read_binding(c, v, false);
}

Val variable_leaf(Context *c, Variable *v) {
  return read_binding(c, v, true);
}

/* A size that only the run knows may turn out to be another than the
** variable's, whose memory is no larger: a node asks when it is known. */
static Val hold_to(Context *c, const Binding *b, Val value) {
  Attr number = {.kind = ATTR_INT, .n = 1, .i = {b - c->scope->bindings}};
  if (type_known(val_type(value)))
    return value;
  return emit_op(c, "assigned", (Val[]){value, b->leaf}, 2, &number);
}

bool variable_assign(Context *c, Variable *v, Val value) {
  char want[TYPE_TEXT], got[TYPE_TEXT];
  if (c->error.set)
    return false;
  if (!type_may_be(val_type(value), &v->tensor.type))
    return fail(&c->error, "assign: variable \"%s\" is %s, the value is %s",
                v->name, type_text(&v->tensor.type, want),
                type_text(val_type(value), got));
  value = value_as(c, value, (DType)v->tensor.type.dtype);
  if (c->error.set)
    return false;
  if (c->scope == NULL) {
    if (val_symbolic(value))
      return fail(&c->error, "assign: a symbolic value needs an open trace");
    Tensor old = v->tensor;
    v->tensor = tensor_share(val_tensor(value));
    tensor_drop(&old);
    variable_forget(v);
    atomic_fetch_add(&v->version, 1);
    return true;
  }
  if (c->scope->body)
    return fail(&c->error, "assign: not inside the body of a loop");
  value = scope_import(c, value);
  Binding *b = find_binding(c, v);
  if (b == NULL || c->error.set)
    return false;
  value = hold_to(c, b, value);
  if (c->error.set)
    return false;
  set_current(b, value);
  return true;
}

bool variable_lend(Context *c, Variable *v, Val value) {
  if (!variable_assign(c, v, value))
    return false;
  if (c->scope) {
    Binding *b = find_binding(c, v);
    node_retain(b->current.node);
    b->read = b->current;
  } else if (val_type(value)->dtype == v->tensor.type.dtype) {
    node_retain(value.node);
    v->leaf = value;
  }
  return true;
}

/* ---- scopes ------------------------------------------------------------- */

void scope_open(Context *c, Scope *s, bool body) {
  *s = (Scope){.outer = c->scope, .id = ++c->scopes, .body = body,
               .bound = {.account = c->account}};
  c->scope = s;
}

static void drop_values(Scope *s) {
  for (int i = 0; i < s->ninputs; i++)
    node_release(s->inputs[i].node);
  for (int i = 0; i < s->nbindings; i++) {
    node_release(s->bindings[i].leaf.node);
    node_release(s->bindings[i].current.node);
    if (s->bindings[i].read.node)
      node_release(s->bindings[i].read.node);
    variable_release(s->bindings[i].variable);
  }
  for (int i = 0; i < s->ncaptures; i++) {
    node_release(s->captures[i].outer.node);
    node_release(s->captures[i].inner.node);
  }
  mem_free(s->inputs);
  mem_free(s->bindings);
  mem_free(s->captures);
  nodemap_free(&s->bound);
}

void scope_close(Context *c, Scope *s) {
  c->scope = s->outer;
  drop_values(s);
}

/* A placeholder of the innermost trace, held by whoever lists it. */
static Node *placeholder(Context *c, const Type *type) {
  Node *n = node_new(c, &leaf_input, NULL, 0, NULL, type, 1);
  if (n)
    n->scope = c->scope->id;
  return n;
}

Val scope_input(Context *c, const Type *type) {
  Scope *s = c->scope;
  Node *n = c->error.set ? NULL : placeholder(c, type);
  if (n == NULL)
    return (Val){c->dummy, 0};
  Val *in = append(c, (void **)&s->inputs, &s->ninputs, sizeof *in);
  if (in == NULL) {
    node_release(n);
    return (Val){c->dummy, 0};
  }
  return *in = (Val){n, 0};
}

/* A value of an outer trace becomes one more input of the body, once however
** often it is read. */
static Val capture(Context *c, Val outer) {
  Scope *s = c->scope;
  for (int i = 0; i < s->ncaptures; i++)
    if (val_same(s->captures[i].outer, outer))
      return s->captures[i].inner;
  if (s->ncaptures == MAX_INPUTS) {
    fail(&c->error, "a loop's function reads more than %d values from outside",
         MAX_INPUTS);
    return (Val){c->dummy, 0};
  }
  Node *n = placeholder(c, val_type(outer));
  if (n == NULL)
    return (Val){c->dummy, 0};
  Capture *k = append(c, (void **)&s->captures, &s->ncaptures, sizeof *k);
  if (k == NULL) {
    node_release(n);
    return (Val){c->dummy, 0};
  }
  *k = (Capture){{node_retain(outer.node), outer.out}, {n, 0}};
  return k->inner;
}

Val scope_import(Context *c, Val v) {
  Scope *s = c->scope;
  if (c->rebuild || c->error.set)
    return v;
  /* a value from outside is a constant of the trace; but a tape that is open
     must see that a body reads it, so there it becomes an input of the body */
  if (!val_symbolic(v))
    return s && s->body && c->recording > 0 && v.node->tracked ? capture(c, v)
                                                               : v;
  if (s && v.node->scope == s->id)
    return v;
  if (s == NULL || !s->body) {
    fail(&c->error, "a symbolic tensor was used outside its trace");
    if (v.node->origin)
      error_suffix(&c->error, " (it was made at %s)", v.node->origin);
    return (Val){c->dummy, 0};
  }
  c->scope = s->outer;
  Val outer = scope_import(c, v);
  c->scope = s;
  return c->error.set ? outer : capture(c, outer);
}

/* ---- the end of a trace ------------------------------------------------- */

/* All that may fail: room for the inputs, and the outputs as this scope sees
** them, which may capture more values. */
static bool gather(Context *c, Scope *s, Function *f, const Val *outputs,
                   int n) {
  f->outputs = mem_new(c->account, (size_t)n + 1, sizeof *f->outputs);
  for (int i = 0; f->outputs && i < n && !c->error.set; i++) {
    Val v = scope_import(c, outputs[i]);
    if (c->error.set)
      break;
    node_retain(v.node);
    f->outputs[f->noutputs++] = v;
  }
  size_t inputs = (size_t)(s->ncaptures + s->ninputs);
  f->inputs = mem_new(c->account, inputs + 1, sizeof *f->inputs);
  return f->inputs && f->outputs && !c->error.set;
}

/* The values of the scope become the function's; captured ones its first
** inputs. */
static void take_over(Context *c, Scope *s, Function *f) {
  for (int i = 0; i < s->ncaptures; i++)
    f->inputs[f->ninputs++] = s->captures[i].inner;
  for (int i = 0; i < s->ninputs; i++)
    f->inputs[f->ninputs++] = s->inputs[i];
  f->nbindings = s->nbindings;
  f->bindings = s->bindings;
  for (int i = 0; i < f->nbindings; i++) {
    if (f->bindings[i].read.node)
      node_release(f->bindings[i].read.node);
    f->bindings[i].read = (Val){NULL, 0};
  }
  for (int i = 0; i < s->ncaptures; i++)
    value_keep(c, s->captures[i].outer.node); /* until the caller drains */
  mem_free(s->captures);
  mem_free(s->inputs);
  nodemap_free(&s->bound);
  c->scope = s->outer;
}

Function *scope_finish(Context *c, Scope *s, const Val *outputs, int n,
                       Val *captured, int *ncaptured) {
  Function *f = function_new(c);
  if (f == NULL || !gather(c, s, f, outputs, n)) {
    fail_memory(&c->error, "out of memory");
    function_release(f);
    scope_close(c, s);
    return NULL;
  }
  if (captured) {
    *ncaptured = s->ncaptures;
    for (int i = 0; i < s->ncaptures; i++)
      captured[i] = s->captures[i].outer;
  }
  take_over(c, s, f);
  if (!function_look(f))
    fail_memory(&c->error, "out of memory");
  if (!c->error.set)
    return f;
  function_release(f);
  return NULL;
}
