-- Keras's files with random damage: spec/support/damage.lua. Weights that are loaded into a model
-- stay as they were when the load fails.

local core = require "lunula.core"
local damage = require "spec.support.damage"
local hdf5 = require "lunula.hdf5"
local recorded = require "rocks.hdf5.spec.support.recorded"
require "lunula.utils.warn".sink = function () end

local put, upto = damage.put, damage.upto
damage.start()
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

-- Changes of one place.
local edits = {
  damage.flip,
  function (bytes, at) return put(bytes, at, special[upto(#special)]) end,
  function (bytes, at) return put(bytes, at, ("<I4"):pack(math.random(0, 0xFFFFFFFF))) end,
  function (bytes, at) return put(bytes, at, ("\xFF"):rep(8)) end,
  function (bytes, at) return put(bytes, at, ("<I8"):pack(upto(#bytes))) end,   -- another address
}

local function make(i)
  local source = sources[(i - 1) % #sources + 1]
  return source.ending, damage.damaged(source.bytes, edits), source
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

local function try(path, source)
  if source.ending ~= ".weights.h5" and upto(2) == 1 then
    return pcall(hdf5.load_model, path, { compile = true })
  end
  local model = target(source.name)
  local before = sum_of(model)
  local ok, problem = pcall(hdf5.load_weights, model, path, {})
  if not ok then assert(sum_of(model) == before, "a load that failed changed the model") end
  return ok, problem
end

damage.each(make, try)
