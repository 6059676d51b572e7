/* Files with something wrong, read by a script in a sandbox: each is an error
** or is right, whatever of it was changed, and takes no more than a runtime's
** memory. spec/core/graph_spec.lua does the same with graphs of all kinds. */
#define _GNU_SOURCE
#include <lua.h>

#include "check.h"

/* Makes a file of tensors with a graph, changes a few of its bytes (in words of
** the header, mostly), reads and runs it. */
static const char script[] =
  "local core = require 'lunula.core'\n"
  "local seed = 5\n"
  "local function random(n)\n"
  "  seed = (seed * 1103515245 + 12345) % 2^31\n"
  "  return math.tointeger(seed // 65536 % n) + 1\n"
  "end\n"
  "local bytes = ...\n"
  "local length = string.unpack('<I8', bytes)\n"
  "local words = {'0', '1', '-1', '7', '99', '4611686018427387904', '[]',\n"
  "  '{}',\n"
  "  '\"F16\"', '\"BOOL\"', '\"scan\"', '\"tanh\"', 'null', '\\\\n', '\\\"'}\n"
  "local function changed()\n"
  "  local text = bytes\n"
  "  for _ = 1, random(3) do\n"
  "    local at = random(4) > 1 and random(length + 8) or random(#text)\n"
  "    local from, to = text:find('[%w_-]+', at)\n"
  "    if random(2) == 1 or not from then from, to = at, at end\n"
  "    local by = random(2) == 1 and words[random(#words)] or\n"
  "      string.char(random(256) - 1)\n"
  "    if random(2) == 1 then by = (by .. text:sub(from + #by, to)) end\n"
  "    text = text:sub(1, from - 1) .. by .. text:sub(to + 1)\n"
  "  end\n"
  "  if random(2) == 1 then\n"
  "    text = string.pack('<I8', length + #text - #bytes) .. text:sub(9)\n"
  "  end\n"
  "  return text\n"
  "end\n"
  "local x, right = core.tensor({{1, 2}, {3, 4}}), 0\n"
  "for i = 1, COUNT do\n"
  "  local ok, message = pcall(function ()\n"
  "    local file <close> = core.file_bytes(changed())\n"
  "    for _, name in ipairs(file.names) do\n"
  "      file:type(name)\n"
  "      file:tensor(name):tobytes()\n"
  "    end\n"
  "    local f = core.graph_function(file.metadata.graph or '', file)\n"
  "    f(x)\n"
  "  end)\n"
  "  right = right + (ok and 1 or 0)\n"
  "  if not ok and tostring(message):find 'attempt to' then\n"
  "    error(message, 0)\n"
  "  end\n"
  "end\n"
  "assert(right > 0 and right < COUNT, right)\n";

static const char maker[] =
  "local k, core = require 'lunula', require 'lunula.core'\n"
  "local w = core.variable{value = k.tensor{{1, 2}, {3, 4}}, name = 'w'}\n"
  "local f = core.trace({{shape = {false, 2}}}, function (x)\n"
  "  local s = core.scan(function (s, y)\n"
  "    return {k.ops.tanh(k.ops.matmul(s[1], w)) + y[1]}, {} end,\n"
  "    {x}, {k.ops.expand_dims(x, 0)})\n"
  "  return k.ops.softmax(s[1]) + k.ops.arange(40)[{{39, 40}}] end)\n"
  "local text, list = core.graph_text(f)\n"
  "list[#list + 1] = {'w', w}\n"
  "list[#list + 1] = {'b', k.tensor{true, false}}\n"
  "local path = PATH\n"
  "core.file_write(path, list, {graph = text})\n"
  "local file = io.open(path, 'rb')\n"
  "bytes = file:read 'a'\n"
  "file:close()";

static char *bytes;
static size_t size;

static void make_file(void) {
  char file[] = "/tmp/lunula_files_XXXXXX", line[100];
  static char text[4000];
  lunula_runtime *rt;
  int fd = mkstemp(file);
  if (!EXPECT(fd >= 0))
    return;
  close(fd);
  EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &rt, &why));
  snprintf(line, sizeof line, "PATH = '%s'", file);
  snprintf(text, sizeof text, "%s\n%s", line, maker);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, text));
  lua_State *L = lunula_state(rt);
  lua_getglobal(L, "bytes");
  const char *made = lua_tolstring(L, -1, &size);
  bytes = malloc(size + 1);
  if (EXPECT(made && bytes))
    memcpy(bytes, made, size);
  lua_pop(L, 1);
  lunula_free(rt);
  unlink(file);
}

static void changes(void) {
  lunula_runtime *rt;
  lunula_config c = {0};
  static char text[6000];
  const char *count = getenv("LUNULA_FUZZ_COUNT");
  c.size = sizeof c;
  c.sandbox = 1;
  c.memory_limit = (size_t)64 << 20;
  EXPECT_STATUS(LUNULA_OK, lunula_new(&c, &rt, &why));
  lua_State *L = lunula_state(rt);
  lua_pushlstring(L, bytes, size);
  lua_setglobal(L, "bytes");
  snprintf(text, sizeof text, "COUNT = %d\nlocal function run(...) %s end\n"
           "run(bytes)", count ? atoi(count) : 20000, script);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, text));
  lunula_free(rt);
}

static void no_files(void) {
  lunula_runtime *rt;
  lunula_config c = {0};
  c.size = sizeof c;
  c.sandbox = 1;
  EXPECT_STATUS(LUNULA_OK, lunula_new(&c, &rt, &why));
  EXPECT_STATUS(LUNULA_ERROR,
                run_text(rt, "require 'lunula.core'.file_read '/etc/hosts'"));
  EXPECT_TEXT("scripts in a sandbox see no files");
  EXPECT_STATUS(LUNULA_ERROR,
                run_text(rt, "require 'lunula.core'.file_write('/tmp/x', {})"));
  EXPECT_TEXT("scripts in a sandbox see no files");
  lunula_free(rt);
}

int main(void) {
  leave_the_house("files");
  make_file();
  if (bytes)
    test("any change is an error or is right", changes);
  test("a sandbox sees none", no_files);
  free(bytes);
  return failures > 0;
}
