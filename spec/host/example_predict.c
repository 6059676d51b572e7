/* The example that only predicts, as it stands in examples/embed, with what the
** script there trains. */
#define _GNU_SOURCE
int run_example(int argc, char **argv);

#define main run_example
#include "../../examples/embed/predict.c"
#undef main

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The other half of it, for a host that has the script in a runtime. */
static const char writer[] =
    "local core = require 'lunula.core'\n"
    "local model = (function () %s end)()\n"
    "local fn, ins, outs = require 'lunula.models.served'(model)\n"
    "local entries = {}\n"
    "local text = core.graph_text(fn, {inputs = ins, outputs = outs,\n"
    "  variable = function (v)\n"
    "    entries[#entries + 1] = {'w' .. #entries, v}\n"
    "    return entries[#entries][1] end})\n"
    "core.file_write('%s', entries, {format = 'lunula 1', graph = text})";

static int write_model(const char *path) {
  static char script[4000], source[8000];
  lunula_runtime *runtime = NULL;
  lunula_error error = {"", ""};
  FILE *f = fopen("examples/embed/model.lua", "r");
  size_t n = f ? fread(script, 1, sizeof script - 1, f) : 0;
  if (f)
    fclose(f);
  script[n] = '\0';
  snprintf(source, sizeof source, writer, script, path);
  int ok = n > 0 && lunula_new(NULL, &runtime, &error) == LUNULA_OK &&
           lunula_run(runtime, source, strlen(source), "=example", &error) ==
               LUNULA_OK;
  if (!ok)
    printf("  %s\n", error.text);
  lunula_free(runtime);
  return ok;
}

int main(void) {
  char path[] = "/tmp/lunula_example_XXXXXX", name[] = "predict";
  char missing[] = "/tmp/lunula_missing";
  char *right[] = {name, path, NULL}, *wrong[] = {name, missing, NULL};
  close(mkstemp(path));
  int predicts = write_model(path) && run_example(2, right) == 0;
  printf("%s - example: only predicts\n", predicts ? "ok" : "not ok");
  int refused = run_example(2, wrong) == 1;
  printf("%s - example: says what file is missing\n",
         refused ? "ok" : "not ok");
  unlink(path);
  return !(predicts && refused);
}
