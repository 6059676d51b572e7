/* Models from files: the traced graph in the metadata, the weights as tensors.
** What becomes of them is a frozen model, which has nothing to do with the file
** any more. Knows no Lua. */

#include <stdio.h>
#include <string.h>

#include "base/isa.h"
#include "files/graph_file.h"
#include "files/json.h"
#include "host/host.h"
#include "kernels/provider.h"

/* ---- texts of the file -------------------------------------------------- */

/* What only loading itself reads, here or in a script: it may be large. */
static bool is_ours(const char *name) {
  static const char *const ours[] = {"config", "graph", "graphs", "state"};
  for (int i = 0; i < COUNT_OF(ours); i++)
    if (strcmp(name, ours[i]) == 0)
      return true;
  return false;
}

static char *copy_text(Account *account, const char *text, size_t length) {
  char *copy = mem_new(account, length + 1, 1);
  return copy ? memcpy(copy, text, length) : NULL;
}

static bool keep_texts(lunula_model *m, const TensorFile *f) {
  const TextEntry *x;
  int n = 0;
  Account *account = plan_cache_account(m->k);
  while (tensor_file_text_at(f, n))
    n++;
  m->meta = mem_new(account, (size_t)n + 1, sizeof *m->meta);
  for (int i = 0; m->meta && (x = tensor_file_text_at(f, i)); i++) {
    if (is_ours(x->name))
      continue;
    ModelText *t = &m->meta[m->nmeta++];
    t->name = mem_text(account, x->name);
    t->text = copy_text(account, x->text, x->length);
    if (t->name == NULL || t->text == NULL)
      return false;
  }
  return m->meta != NULL;
}

/* How many texts the list has; -1: it is no list of texts. It is read once more
** to keep them, and then nothing but memory can be missing. */
static int count_classes(const TextEntry *x) {
  JsonReader r;
  Error e = {.set = false};
  int n = 0;
  json_begin(&r, x->text, x->length, &e);
  if (json_next(&r) != JSON_ARRAY)
    return -1;
  for (;;) {
    JsonKind kind = json_next(&r);
    if (kind == JSON_ARRAY_END)
      return json_next(&r) == JSON_END ? n : -1;
    if (kind != JSON_STRING || n == INT32_MAX)
      return -1;
    n++;
  }
}

static bool keep_classes(lunula_model *m, const TextEntry *x, int n) {
  JsonReader r;
  Error e = {.set = false};
  Account *account = plan_cache_account(m->k);
  m->class_name = mem_new(account, (size_t)n + 1, sizeof *m->class_name);
  json_begin(&r, x->text, x->length, &e);
  json_next(&r);
  for (; m->class_name && m->classes < n; m->classes++) {
    json_next(&r);
    char *name = mem_new(account, r.length + 1, 1);
    if (name == NULL)
      return false;
    json_decode(&r, name);
    m->class_name[m->classes] = name;
  }
  return m->class_name != NULL;
}

static bool read_classes(lunula_model *m, const TensorFile *f, Error *e) {
  const TextEntry *x = tensor_file_text(f, "class_names");
  int n = x ? count_classes(x) : 0;
  if (n < 0)
    return fail(e, "%s: class_names is no list of texts in JSON",
                tensor_file_name(f));
  return x == NULL || keep_classes(m, x, n) || fail_memory(e, "out of memory");
}

/* The graph's names become the model's. */
static bool take_names(lunula_model *m, StoredGraph *g, Error *e) {
  if (!model_make_names(m))
    return fail_memory(e, "out of memory");
  for (int i = 0; i < m->ninputs; i++) {
    m->name[i] = g->input[i];
    g->input[i] = NULL;
  }
  for (int i = 0; i < m->noutputs; i++) {
    m->name[m->ninputs + i] = g->output[i];
    g->output[i] = NULL;
  }
  return true;
}

/* ---- the self-test ------------------------------------------------------ */

/* The tensor as one of that type, in memory of its own: a file may store floats
** as others. */
static bool copy_as(Tensor *own, Account *account, const Tensor *t, DType d,
                    Error *e) {
  Type type = t->type;
  type.dtype = d;
  if (!tensor_new(own, account, &type, e))
    return false;
  if (d == (DType)t->type.dtype)
    memcpy(own->data, t->data, (size_t)type_bytes(&type));
  else
    for (int64_t i = 0; i < type_elements(&type); i++)
      tensor_put(own, i, tensor_get(t, i));
  return true;
}

static bool take_test_tensor(lunula_model *m, TensorFile *f, const char *what,
                             int i, DType d, Tensor *own, Error *e) {
  char name[60];
  Tensor t;
  snprintf(name, sizeof name, "lunula/test/%s/%d", what, i);
  const TensorEntry *x = tensor_file_find(f, name);
  if (x == NULL)
    return fail(e, "%s: there is no tensor \"%s\"", tensor_file_name(f), name);
  if (d == STR) /* numbers would be taken for addresses */
    return fail(e, "%s: tensor \"%s\" has numbers, the model's %s %d is "
                   "strings", tensor_file_name(f), name, what, i);
  if (!tensor_file_take(f, x, &t, e))
    return false;
  bool ok = copy_as(own, plan_cache_account(m->k), &t, d, e);
  tensor_drop(&t);
  return ok;
}

/* A file need not have a test; one that begins has to be whole. */
static bool take_test(lunula_model *m, TensorFile *f, Error *e) {
  if (!tensor_file_find(f, "lunula/test/output/0"))
    return true;
  const Function *fn = plan_cache_function(m->k);
  m->test = mem_new(plan_cache_account(m->k),
                    (size_t)(m->ninputs + m->noutputs), sizeof *m->test);
  if (m->test == NULL)
    return fail_memory(e, "out of memory");
  bool ok = true;
  for (int i = 0; ok && i < m->ninputs; i++)
    ok = take_test_tensor(m, f, "input", i,
                          (DType)val_type(fn->inputs[i])->dtype, &m->test[i],
                          e);
  for (int i = 0; ok && i < m->noutputs; i++)
    ok = take_test_tensor(m, f, "output", i,
                          (DType)val_type(fn->outputs[i])->dtype,
                          &m->test[m->ninputs + i], e);
  return ok;
}

/* ---- loading ------------------------------------------------------------ */

static bool check_format(const TensorFile *f, const TextEntry **graph,
                         Error *e) {
  static const char known[] = "lunula 1";
  const char *path = tensor_file_name(f);
  const TextEntry *format = tensor_file_text(f, "format");
  *graph = tensor_file_text(f, "graph");
  if (format && (format->length != strlen(known) ||
                 memcmp(format->text, known, format->length) != 0))
    return fail(e, "%s: its format is \"%.*s\", this lunula reads \"%s\"", path,
                (int)(format->length < 40 ? format->length : 40), format->text,
                known);
  return *graph ||
         fail(e, "%s: there is no graph in it, only %s; a host can load what "
                 "model:save or model:export wrote", path,
              format ? "what a script needs" : "tensors");
}

/* Everything of the file is let go but the tensors that the function has. */
static Function *read_function(Context *c, TensorFile *f, StoredGraph *g,
                               Texts *origins, Error *e) {
  const TextEntry *graph;
  GraphSource source = {.file = f};
  if (!check_format(f, &graph, e))
    return NULL;
  if (!graph_read(g, c, graph->text, graph->length, &source, e)) {
    error_prefix(e, "%s: ", tensor_file_name(f));
    return NULL;
  }
  Function *own = function_clone(c, g->function, origins);
  function_release(g->function);
  g->function = NULL;
  context_drain(c, 0);
  if (own == NULL)
    fail_again(e, &c->error);
  return own;
}

static lunula_model *load_in(Context *c, TensorFile *f, const Watch *watch,
                             Error *e) {
  StoredGraph g = {.function = NULL};
  Texts origins = {.seen = {.account = c->account}};
  Function *own = read_function(c, f, &g, &origins, e);
  lunula_model *m = own ? frozen_new(own, 0, c->account, watch, e) : NULL;
  if (m)
    m->origins = origins;
  else
    texts_free(&origins);
  bool ok = m && take_names(m, &g, e) && read_classes(m, f, e) &&
            take_test(m, f, e) &&
            (keep_texts(m, f) || fail_memory(e, "out of memory"));
  graph_free(&g);
  if (ok)
    return m;
  lunula_model_free(m);
  return NULL;
}

static bool no_module(void *ud, Error *e) {
  (void)ud;
  return fail(e, "lunula_use_blas was not called");
}

/* What the process decides once. What the processor can do comes first: by that
** it is decided who makes the products. */
static bool settle(Error *e) {
  return isa_choose(e) && provider_choose(no_module, NULL, e);
}

/* A file by its path or, where that is NULL, by its bytes. */
typedef struct Source {
  const char *path;
  const void *data;
  size_t size;
} Source;

static TensorFile *open_file(Account *account, const Source *s, Error *e) {
  if (s->path)
    return tensor_file_open(account, s->path, e);
  FileIn *in = file_in_lent(account, s->data, s->size, NULL, NULL, e);
  return in ? tensor_file_of(account, in, "the bytes", e) : NULL;
}

static lunula_model *load(Account *account, const Source *s, const Watch *watch,
                          Error *e) {
  Context c;
  TensorFile *f = open_file(account, s, e);
  if (f == NULL)
    return NULL;
  context_open(&c, account, op_catalogue());
  lunula_model *m = NULL;
  if (c.error.set)
    fail_again(e, &c.error);
  else
    m = load_in(&c, f, watch, e);
  context_close(&c);
  tensor_file_release(f);
  return m;
}

/* What is no matter of memory, or of the watch, is one of the file. */
static lunula_status refuse_file(lunula_error *error, const Error *e) {
  lunula_status s = host_status(e->kind);
  return host_refuse(error, s == LUNULA_MEMORY || s == LUNULA_CANCELLED
                                ? s : LUNULA_FILE, "%s", e->text);
}

static lunula_status load_model(const Source *s, const Watch *watch,
                                lunula_model **model, lunula_error *error) {
  Error e = {.set = false};
  if (!settle(&e))
    return host_refuse_error(error, &e);
  Account *account = account_new();
  if (account == NULL)
    return host_refuse(error, LUNULA_MEMORY, "out of memory");
  *model = load(account, s, watch, &e);
  account_release(account); /* the model has a count of its own */
  return *model ? LUNULA_OK : refuse_file(error, &e);
}

lunula_status lunula_load(const char *path, lunula_model **model,
                          lunula_error *error) {
  if (model == NULL)
    return host_refuse_null(error, "place for the model");
  *model = NULL;
  if (path == NULL)
    return host_refuse_null(error, "path");
  return load_model(&(Source){.path = path}, NULL, model, error);
}

lunula_status lunula_load_bytes(const void *data, size_t size,
                                lunula_model **model, lunula_error *error) {
  if (model == NULL)
    return host_refuse_null(error, "place for the model");
  *model = NULL;
  if (data == NULL)
    return host_refuse_null(error, "data");
  return load_model(&(Source){.data = data, .size = size}, NULL, model, error);
}

lunula_status lunula_load_watched(const char *path, const void *data,
                                  size_t size, const lunula_watch *watch,
                                  lunula_model **model, lunula_error *error) {
  Watch ours;
  if (model == NULL)
    return host_refuse_null(error, "place for the model");
  *model = NULL;
  if (path == NULL && data == NULL)
    return host_refuse_null(error, "path and data");
  if (watch == NULL)
    return host_refuse_null(error, "watch");
  lunula_status s = watch_open(watch, &ours, error);
  return s == LUNULA_OK ? load_model(&(Source){path, data, size}, &ours, model,
                                     error) : s;
}

/* ---- what else a file says ---------------------------------------------- */

const char *lunula_model_class_name(const lunula_model *m, int i) {
  return m && i >= 0 && i < m->classes ? m->class_name[i] : NULL;
}

const char *lunula_model_metadata(const lunula_model *m, const char *name) {
  for (int i = 0; m && name && i < m->nmeta; i++)
    if (strcmp(m->meta[i].name, name) == 0)
      return m->meta[i].text;
  return NULL;
}

/* ---- the self-test, made ------------------------------------------------ */

/* Other machines round otherwise. */
static bool close_to(double got, double want) {
  static const double tolerance = 1e-4;
  double size = want < 0 ? -want : want, off = got < want ? want - got
                                                          : got - want;
  return got == want || (got != got && want != want) ||
         off <= tolerance * (size > 1 ? size : 1);
}

static lunula_status compare(int number, const Tensor *got, const Tensor *want,
                             lunula_error *error) {
  int64_t n = type_elements(&want->type);
  for (int64_t i = 0; i < n; i++) {
    double is = tensor_get(got, i), was = tensor_get(want, i);
    if (!close_to(is, was))
      return host_refuse(error, LUNULA_ERROR,
                         "the self-test failed: number %lld of output %d is "
                         "%.9g, and was %.9g when the file was written",
                         (long long)i, number, is, was);
  }
  return LUNULA_OK;
}

/* Views of the tensors, and tensors for the results. */
typedef struct TestRun {
  lunula_view *view;
  Tensor *out;
} TestRun;

static lunula_status run_test(lunula_model *m, TestRun *t, Account *account,
                              lunula_error *error) {
  Error e = {.set = false};
  lunula_view *out = t->view + m->ninputs;
  for (int i = 0; i < m->ninputs; i++)
    view_of_tensor(&t->view[i], &m->test[i]);
  for (int i = 0; i < m->noutputs; i++) {
    const Tensor *want = &m->test[m->ninputs + i];
    if (!tensor_new(&t->out[i], account, &want->type, &e))
      return host_refuse_error(error, &e);
    view_of_tensor(&out[i], &t->out[i]);
    out[i].read_only = 0;
  }
  lunula_status s = lunula_predict(m, t->view, m->ninputs, out, m->noutputs,
                                   error);
  for (int i = 0; s == LUNULA_OK && i < m->noutputs; i++)
    s = compare(i, &t->out[i], &m->test[m->ninputs + i], error);
  return s;
}

lunula_status lunula_model_test(lunula_model *m, lunula_error *error) {
  if (m == NULL)
    return host_refuse_null(error, "model");
  if (m->test == NULL)
    return host_refuse(error, LUNULA_ARGUMENT,
                       "the model has no self-test: model:save(path, {test = "
                       "an input}) puts one into the file");
  Account *account = plan_cache_account(m->k);
  size_t n = (size_t)(m->ninputs + m->noutputs);
  TestRun t = {mem_new(account, n, sizeof *t.view),
               mem_new(account, n, sizeof *t.out)};
  lunula_status s = t.view && t.out
                        ? run_test(m, &t, account, error)
                        : host_refuse(error, LUNULA_MEMORY, "out of memory");
  for (int i = 0; t.out && i < m->noutputs; i++)
    tensor_drop(&t.out[i]);
  mem_free(t.out);
  mem_free(t.view);
  return s;
}
