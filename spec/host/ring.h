/* The network of examples/embed in a file, for the hosts that predict with it. */
#ifndef HOST_RING_H
#define HOST_RING_H

#include <stdio.h>
#include <string.h>

#include "lunula.h"

/* The other half of export.lua, for a host that has the script in a runtime. */
static const char ring_writer[] =
    "local model = (function () %s end)()\n"
    "model:export('%s')";

/* Runs examples/embed/model.lua, and writes what it has trained; 0: it failed. */
static int ring_write(const char *path) {
  static char script[4000], source[8000];
  lunula_runtime *runtime = NULL;
  lunula_error error = {"", ""};
  FILE *f = fopen("examples/embed/model.lua", "r");
  size_t n = f ? fread(script, 1, sizeof script - 1, f) : 0;
  if (f)
    fclose(f);
  script[n] = '\0';
  snprintf(source, sizeof source, ring_writer, script, path);
  int ok = n > 0 && lunula_new(NULL, &runtime, &error) == LUNULA_OK &&
           lunula_run(runtime, source, strlen(source), "=example", &error) ==
               LUNULA_OK;
  if (!ok)
    printf("  %s\n", error.text);
  lunula_free(runtime);
  return ok;
}

#endif
