-- HashedCrossing: one bin number for a combination of strings and integers.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local data = require "lunula.layers.preprocessing.data"
local encoding = require "lunula.layers.preprocessing.encoding"
local result_type = require "lunula.layers.preprocessing.hashing".result_type
local tools = require "lunula.ops.tools"
local fingerprint = require "lunula.utils.fingerprint"

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
local function fingerprints(list)
  if type(list[1]) ~= "string" then return data.integers(list, "the layer") end
  local prints = {}
  for i, text in ipairs(data.strings(list, "a table of strings")) do
    prints[i] = fingerprint.farm(text)
  end
  return prints
end

local function look(self, inputs)
  local features, shapes = {}, {}
  for i, x in ipairs(inputs) do
    local list
    list, shapes[i] = data.read(x)
    features[i] = fingerprints(list)
  end
  check_shapes(shapes)
  local found = {}
  for i = 1, #features[1] do
    local hash = KEY
    for _, feature in ipairs(features) do hash = fingerprint.join(hash, feature[i]) end
    found[i] = fingerprint.bucket(hash, self.num_bins)
  end
  local ids = data.tensor(found, shapes[1], "int64")
  return encoding.encode(ids, self.output_mode, self.num_bins, self.dtype)
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
    local output
    if core.is_tensor(inputs[1]) then
      local shape = encoding.shape(inputs[1].shape, self.output_mode, self.num_bins)
      output = { shape = shape, dtype = self.dtype }
    end
    return data.now_or_hosted(inputs, output, function (values) return look(self, values) end)
  end,
}
