-- A file of 100 MB in 25 tensors against fread of it, and what is written against fwrite and fsync.
-- To load is: the file opened and checked; then every number of every tensor read once, or copied
-- into a variable. The same for a whole model of six tables, from Lua, in our files and in Keras's.
-- Then what a process holds at most when it loads the file.

local bench = require "bench"
local core = require "lunula.core"
local k = require "lunula"
local lua = require "spec.support.lua"

local peer = bench.peer "files_peer"
local path, other = "build/bench/files.safetensors", "build/bench/files.bytes"
local count, elements = 25, 1 << 20
local bytes = count * elements * 4

local items = {}
for i = 1, count do items[i] = { "w" .. i, core.ops.full({ elements }, i) } end
local text = items[1][2]:tobytes()

local function time(f, ...)
  local start = core.clock()
  f(...)
  return core.clock() - start
end

local function load(take)
  local file <close> = core.file_read(path)
  for _, name in ipairs(file.names) do take(file:tensor(name)) end
end

local function save() core.file_write(path, items) end
local function sum(x) core.ops.max(x):release() x:release() end
local function copy(x) core.variable { value = x } x:release() end

save()
peer.write(other, text, count)
local function read() peer.read(other, bytes) end
bench.compare("load 100 MB: opened and checked", function () return time(load, function () end) end,
  function () return time(read) end)
bench.compare("load 100 MB: every number read", function () return time(load, sum) end,
  function () return time(read) end)
bench.compare("load 100 MB: into variables", function ()
  local spent = time(load, copy)
  collectgarbage()
  return spent
end, function () return time(read) end)
bench.compare("save 100 MB", function () return time(save) end,
  function () return time(peer.write, other, text, count) end)

local net = k.Sequential { k.Input { shape = { 2048 } } }
for _ = 1, 6 do net:add(k.layers.Dense(2048)) end
local model_path = "build/bench/model.safetensors"
bench.compare("save a model of 100 MB in Lua", function ()
  return time(net.save, net, model_path)
end, function () return time(peer.write, other, text, count) end)
bench.compare("load a model of 100 MB in Lua", function ()
  local spent = time(k.models.load_model, model_path)
  collectgarbage()
  collectgarbage()
  return spent
end, function () return time(read) end)

-- Keras's own files, where the sister rock is built.
package.path = package.path .. ";rocks/hdf5/lua/?.lua;rocks/hdf5/lua/?/init.lua"
package.cpath = package.cpath .. ";rocks/hdf5/build/?.so"
local keras_paths = {}
for _, ending in ipairs(pcall(require, "lunula.hdf5") and { ".keras", ".h5" } or {}) do
  local keras_path = "build/bench/model" .. ending
  keras_paths[#keras_paths + 1] = keras_path
  net:save(keras_path)
  bench.compare("load a model of 100 MB, " .. ending, function ()
    local spent = time(k.models.load_model, keras_path, { compile = false })
    collectgarbage()
    collectgarbage()
    return spent
  end, function () return time(read) end)
end

local ways = { { "read once", "core.ops.max(x):release()" },
               { "into variables", "all[#all + 1] = core.variable { value = x }" } }
local function report_peak(what, script)
  script = script .. [[
    for line in io.lines "/proc/self/status" do
      local kb = line:match "^VmHWM:%s+(%d+)"
      if kb then print(kb / 1024) end
    end]]
  local command = ("%s %s -e %q"):format(lua.paths(package.path, package.cpath), lua.command,
    (script:gsub("\n", " ")))
  local pipe = assert(io.popen(command))
  bench.report("peak of a load, of 100 MB " .. what, pipe:read "n", "MB")
  pipe:close()
end

for _, way in ipairs(ways) do
  report_peak(way[1], ([[
    local core = require "lunula.core"
    local file, all = core.file_read %q, {}
    for _, name in ipairs(file.names) do local x = file:tensor(name) %s x:release() end
    ]]):format(path, way[2]))
end
report_peak("as a model in Lua",
  ("local model = require 'lunula'.models.load_model %q "):format(model_path))
for _, keras_path in ipairs(keras_paths) do
  report_peak("as " .. keras_path:match "[^/]*$",
    ("local model = require 'lunula'.models.load_model %q "):format(keras_path))
  os.remove(keras_path)
end
os.remove(path)
os.remove(other)
os.remove(model_path)
