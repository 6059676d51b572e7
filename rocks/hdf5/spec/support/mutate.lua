-- Files with random damage, one after the other, in a process of its own under a memory limit:
--   lua5.4 mutate.lua SEED COUNT FOLDER
-- Each load must end in a model, or in an error that begins with the file's path, and within a
-- second or so; weights that are loaded into a model stay as they were when the load fails. Prints
-- how many of each there were. FOLDER holds the file that is tried, so that it can be looked at
-- when the process dies.

local core = require "lunula.core"
local hdf5 = require "lunula.hdf5"
local recorded = require "rocks.hdf5.spec.support.recorded"
require "lunula.utils.warn".sink = function () end

local seed, count, folder = tonumber(arg[1]), tonumber(arg[2]), arg[3]
math.randomseed(seed)
core.set_memory_limit(256 << 20)

-- ---- what is damaged ---------------------------------------------------------------------------

local function read(file)
  local path = "rocks/hdf5/spec/golden/models/" .. file
  local f = io.open(path)
  if f then f:close() end
  return f and recorded.read(path) or recorded.packed(file)
end

local sources = {}
for _, file in ipairs {
  "dense.keras", "string_lookup.keras", "dense.h5", "dense.weights.h5", "nested.weights.h5",
  "k2_lstm.h5", "k2_dense.keras", "many.weights.h5", "chunks.weights.h5",
} do
  local name = file:match "^[^.]+"
  sources[#sources + 1] = {
    bytes = read(file), ending = file:sub(#name + 1), name = name,
  }
end

local special = { "\0", "\xFF", "\x7F", "\x80", "\1" }

local function upto(n) return math.random(1, n) end

-- Changes of one place.
local edits = {
  function (bytes, at) return bytes:sub(1, at - 1)
    .. string.char(bytes:byte(at) ~ 1 << upto(8) - 1) .. bytes:sub(at + 1) end,
  function (bytes, at)
    return bytes:sub(1, at - 1) .. special[upto(#special)] .. bytes:sub(at + 1)
  end,
  function (bytes, at) return bytes:sub(1, at - 1) .. ("<I4"):pack(math.random(0, 0xFFFFFFFF))
    .. bytes:sub(at + 4) end,
  function (bytes, at) return bytes:sub(1, at - 1) .. ("\xFF"):rep(8) .. bytes:sub(at + 8) end,
  function (bytes, at)                                              -- another address of the file
    return bytes:sub(1, at - 1) .. ("<I8"):pack(upto(#bytes)) .. bytes:sub(at + 8)
  end,
}

local function damaged(bytes)
  if upto(20) == 1 then return bytes:sub(1, upto(#bytes) - 1) end
  for _ = 1, upto(4) == 1 and upto(12) or 1 do
    bytes = edits[upto(#edits)](bytes, upto(#bytes))
  end
  return bytes
end

-- ---- trying ------------------------------------------------------------------------------------

local targets = {}

-- A model that the file's weights fit.
local function target(name)
  if not targets[name] then
    local of = name == "chunks" and "dense" or name:gsub("^k2_", "")
    targets[name] = hdf5.load_model("rocks/hdf5/spec/golden/models/" .. of .. ".keras",
      { compile = true })
  end
  return targets[name]
end

local function sum_of(model)
  local parts = {}
  for i, value in ipairs(model:get_weights()) do parts[i] = value:tobytes() end
  return table.concat(parts)
end

local function try(source, path)
  if source.ending ~= ".weights.h5" and upto(2) == 1 then
    return pcall(hdf5.load_model, path, { compile = true })
  end
  local model = target(source.name)
  local before = sum_of(model)
  local ok, problem = pcall(hdf5.load_weights, model, path, {})
  if not ok then assert(sum_of(model) == before, "a load that failed changed the model") end
  return ok, problem
end

local loaded, refused, worst = 0, 0, 0
for i = 1, count do
  local source = sources[(i - 1) % #sources + 1]
  local path = folder .. "/damaged" .. source.ending
  recorded.write(path, damaged(source.bytes))
  local start = os.clock()
  local ok, problem = try(source, path)
  worst = math.max(worst, os.clock() - start)
  if ok then
    loaded = loaded + 1
  else
    refused = refused + 1
    if not tostring(problem):find(path, 1, true) then
      print(("case %d: the error does not name the file: %s"):format(i, tostring(problem)))
      os.exit(1)
    end
  end
end
print(("%d loaded, %d refused, the slowest took %.1f s"):format(loaded, refused, worst))
os.exit(worst < 20)
