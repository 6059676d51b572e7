-- Networks in a C program: what a script prepares, and what the program does with it.
--
--   lua5.4 examples/guides/in_c.lua
--
-- The manual is the header, src/host/lunula.h; whole programs are in examples/embed. There are
-- three kinds of hosts. One only predicts, from a file, and needs no Lua. One runs scripts in a
-- runtime of the library's. One has a lua_State of its own, and opens lunula in it.

local k = require "lunula"
k.set_random_seed(7)

-- 1. The script's side: train, and export what predicts.

local x = k.random.uniform({ 256, 2 }, -1, 1)
local y = k.ops.less(k.ops.sum(x ^ 2, 1), 0.5)
local model = k.Sequential {
  k.Input { shape = { 2 } },
  k.layers.Dense { 16, activation = "relu" },
  k.layers.Lambda(function (h) return h * 1.5 end),     -- in the graph: C needs no closure
  k.layers.Dense { 1, activation = "sigmoid" },
}
model:compile { optimizer = k.optimizers.Adam(0.01), loss = "binary_crossentropy" }
model:fit(x, y, { epochs = 20, verbose = 0 })
local base = os.tmpname()
local path = base .. ".safetensors"
model:export(path)

-- 2. The program's side. lunula_load reads the file; lunula_predict takes views, which are a
-- pointer, a type and a shape; the memory is the program's. A model from a file is immutable: any
-- number of threads may predict with it at the same time. Each call gives a status, and says why
-- in a struct.

local program = [[
#include <stdio.h>
#include "lunula.h"
int main(int argc, char **argv) {
  float in[1][2] = {{0.5f, 0.25f}}, out[1][1];
  lunula_view x = {in, LUNULA_FLOAT32, 2, {1, 2}, 1};
  lunula_view y = {out, LUNULA_FLOAT32, 2, {1, 1}, 0};
  lunula_model *model;
  lunula_error why;
  if (argc < 2 || lunula_load(argv[1], &model, &why) ||
      lunula_predict(model, &x, 1, &y, 1, &why))
    return fprintf(stderr, "%s\n", why.text), 1;
  printf("%.6f\n", out[0][0]);
  lunula_model_free(model);
  return 0;
}
]]

-- 3. Building. After `make install` pkg-config and CMake know two packages: lunula, and
-- lunula-predict for hosts that only predict. Here the archive of a built checkout is taken.

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  return pipe:close() and text or nil
end

local function write(name, text)
  local file = assert(io.open(name, "w"))
  file:write(text)
  file:close()
end

local archive = io.open "build/liblunula.a"
local answer
if archive and output "command -v cc" then
  archive:close()
  write(base .. ".c", program)
  assert(output(("cc -Isrc/host -o %s.out %s.c build/liblunula.a -lm -pthread")
    :format(base, base)), "it builds")
  answer = tonumber((assert(output(("%s.out %s"):format(base, path)), "it runs")))

  -- 4. The program says what the script says, to the last digit it prints.

  local here = model:predict({ { 0.5, 0.25 } }, { verbose = 0 }):item()
  assert(math.abs(answer - here) < 1e-6)
  print(("the program says %.6f, the script %.6f"):format(answer, here))
else
  print "left out: no archive build/liblunula.a, or no compiler"
end

-- A host with a runtime runs the script itself: lunula_new, lunula_run_file, lunula_find_model,
-- then lunula_train with its own data or lunula_freeze for its threads. The script only returns
-- the model.

for _, ending in ipairs { "", ".safetensors", ".c", ".out" } do os.remove(base .. ending) end
return answer
