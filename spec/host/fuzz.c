/* The generator of calls with any arguments (spec/support/fuzz.lua) in a
** sandboxed runtime: no script ends the host, and no row that only gradients
** make is in its reach. */
#define _GNU_SOURCE
#include "check.h"

static char *script;

/* The file as a function that is called at once, then what is done with it. */
static void read_script(const char *path, const char *use) {
  FILE *f = fopen(path, "r");
  size_t size = 1 << 20, used;
  if (!EXPECT(f != NULL))
    exit(1);
  script = calloc(1, size);
  strcpy(script, "local fuzz = (function() ");
  used = strlen(script);
  used += fread(script + used, 1, size - used - 1000, f);
  fclose(f);
  snprintf(script + used, 1000, " end)() %s", use);
}

static void print_nothing(void *ud, const char *text, size_t size) {
  (void)ud, (void)text, (void)size;
}

static void calls(void) {
  lunula_runtime *rt;
  lunula_config c = {0};
  c.size = sizeof c;
  c.sandbox = 1;
  c.memory_limit = (size_t)512 << 20;
  c.instruction_budget = 4000000000;
  c.print = print_nothing;
  EXPECT_STATUS(LUNULA_OK, lunula_new(&c, &rt, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, script));
  EXPECT_STATUS(LUNULA_OK, run_text(rt,
    "local k, core = require 'lunula', require 'lunula.core'\n"
    "for _, name in ipairs{'unslice', 'piece', 'call', 'host', 'barrier'} do\n"
    "  assert(k.ops[name] == nil and core.ops[name] == nil, name)\n"
    "  assert(k.ones{1}[name] == nil, name)\n"
    "end"));
  lunula_free(rt);
}

int main(void) {
  read_script("spec/support/fuzz.lua",
              "assert(#fuzz.targets() > 900)\n"
              "local found = fuzz.run{seed = 3, count = 4000}\n"
              "if #found > 0 then error(table.concat(found, '\\n'), 0) end");
  leave_the_house("fuzz");
  test("calls with any arguments in a sandbox", calls);
  free(script);
  return failures > 0;
}
