-- HashedCrossing: one bin number for a combination of strings and integers.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local data = require "lunula.layers.preprocessing.data"
local encoding = require "lunula.layers.preprocessing.encoding"
local result_type = require "lunula.layers.preprocessing.hashing".result_type
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local KEY <const> = 0xDECAFCAFFE   -- where every combination starts

local function check_shapes(shapes)
  local first = tools.shape_text(shapes[1])
  for _, shape in ipairs(shapes) do
    if tools.shape_text(shape) ~= first or #shape > 2 or #shape == 2 and shape[2] ~= 1 then
      local words = {}
      for i, other in ipairs(shapes) do words[i] = tools.shape_text(other) end
      core.raise("takes tables of one shape, (), (batch) or (batch, 1), got %s",
        table.concat(words, ", "))
    end
  end
end

-- What stands for a value: a string's fingerprint, an integer itself.
local function fingerprints(x)
  return x.dtype == "string" and ops.fingerprint(x) or x
end

local function read(x)
  if data.is_strings(x) then return x end
  if core.is_tensor(x) then return data.integer_tensor(x, "the layer") end
  local list, shape = data.read(x)
  if type(list[1]) == "string" then
    return data.tensor(data.strings(list, "a table of strings"), shape, "string")
  end
  return data.tensor(data.integers(list, "the layer"), shape, "int64")
end

local function crossed(inputs)
  local features, shapes = {}, {}
  for i, x in ipairs(inputs) do
    features[i] = read(x)
    shapes[i] = features[i].shape
  end
  check_shapes(shapes)
  local hash = ops.full_like(features[1], KEY, "int64")
  for _, feature in ipairs(features) do hash = ops.fingerprint_join(hash, fingerprints(feature)) end
  return hash
end

return layer "HashedCrossing" {
  several = true,
  doc = "the hash of a combination of features, as a number from 0 to num_bins - 1",
  args = {
    { "num_bins", kinds.positive, required = true },
    { "output_mode", encoding.modes { "int", "one_hot" }, default = "int" },
    encoding.sparse,
    result_type,
    { "trainable", kinds.boolean, default = true, field = "_trainable", keyword = true,
      config = false },                        -- Keras's config does not tell it
  },
  casts = "nothing",
  input_dtype = "int64",
  call = function (self, inputs)
    if not declare.is_plain(inputs) or #inputs < 2 then
      core.raise("takes a list of two or more tables or tensors: layer{a, b}")
    end
    local ids = ops.hash_bin(crossed(inputs), self.num_bins)
    return encoding.encode(ids, self.output_mode, self.num_bins, self.dtype)
  end,
}
