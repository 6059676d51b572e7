/* Reading of graph_file.h. The text is read once, piece by piece, and each node
** is emitted into an open trace when its fields are there; the context refuses
** what would be computed at once. */

#include <string.h>

#include "files/graph_in.h"

/* ---- nodes -------------------------------------------------------------- */

/* Before each node, and after the last: what was read and not taken over by a
** node is freed here alone, whatever failed. */
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
  d->version = 1;
  memset(d->attr, 0, sizeof d->attr);
}

static bool read_node(Reader *r, Level *l) {
  Draft *d = &l->draft;
  draft_clear(d);
  if (reader_fields(r, l) && reader_make(r, l))
    return true;
  const char *name = d->op ? d->op->name : reader_kinds[d->kind];
  return error_prefix(error_of(r), *name ? "node %d (%s): " : "node %d%s: ",
                      l->n, name);
}

/* Here and below: the first failure stays, so that what json_expect says is not
** lost to the second text. */
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
  l->noutputs = reader_values(r, l, l->output, MAX_OUTPUTS, "outputs");
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
  bool fits = r->json.integer >= 0 && r->json.integer <= INT32_MAX;
  int number = fits ? (int)r->json.integer : -1;
  if (!reader_value(r, l, json_next(&r->json), &v) ||
      !reader_assign(r, l, number, v))
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
    char *name = reader_string(r);
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

/* Parts may come in any order, but values only name nodes that were read. */
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
  Reader r = {.c = c, .source = source, .g = g, .function = read_function};
  const char *(*origin)(void *ud) = c->origin;
  int mark = context_mark(c), recording = c->recording;
  *g = (StoredGraph){.function = NULL};
  /* Whoever loads may be under a tape, or inside a layer: the nodes of a file
  ** are neither recorded nor made at that line. */
  c->later_only = true;
  c->recording = 0;
  c->origin = NULL;
  json_begin(&r.json, text, length, &c->error);
  bool ok = read_graph(&r);
  c->later_only = false;
  c->recording = recording;
  c->origin = origin;
  if (!ok) { /* the context is the caller's, and goes on without a fault */
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
