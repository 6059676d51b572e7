-- IntegerLookup: integers become their numbers in a vocabulary.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local data = require "lunula.layers.preprocessing.data"
local encoding = require "lunula.layers.preprocessing.encoding"
local hashing = require "lunula.layers.preprocessing.hashing"
local lookup = require "lunula.layers.preprocessing.index_lookup"
local vocabulary = require "lunula.layers.preprocessing.vocabulary"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local IndexLookup = lookup.IndexLookup

return layer "IntegerLookup" {
  parent = IndexLookup,
  doc = "the number of each integer in a vocabulary, which is given or adapted to data",
  args = {
    lookup.max_tokens,
    { "num_oov_indices", kinds.count, default = 1 },
    { "mask_token", kinds.integer },
    { "oov_token", kinds.integer, default = -1, none = true },
    lookup.vocabulary,
    { "vocabulary_dtype", kinds.one_of { "int64" }, default = "int64" },
    { "idf_weights", kinds.values },
    { "invert", kinds.boolean, default = false },
    { "output_mode", lookup.modes, default = "int" },
    encoding.sparse,
    { "pad_to_max_tokens", kinds.boolean, default = false },
    { "oov_method", kinds.one_of { "floormod", "farmhash" }, default = "floormod" },
    { "salt", hashing.salt },
  },
  init = function (self)
    if self.salt and self.oov_method ~= "farmhash" then
      core.raise('IntegerLookup: salt needs oov_method "farmhash"')
    end
    IndexLookup.init(self)
  end,
  read = function (_, x)
    local list, shape = data.read(x)
    return data.integers(list, "the layer"), shape
  end,
  written = function (_, tokens, shape) return data.tensor(tokens, shape, "int64") end,
  parsed = function (_, lines)
    for i, line in ipairs(lines) do lines[i] = math.tointeger(tonumber(line)) or line end
    return lines
  end,
  read_tensor = function (x) return data.integer_tensor(x, "the layer") end,
  tables = vocabulary.integers,
  find = function (x, keys, strict) return ops.find_integer(x, keys[1], keys[2], strict) end,
  -- In a model: the table has the token of unknown numbers in front.
  tokens_at = function (self, numbers, start, first)
    local none = self.oov_token or -1
    local list = { none, table.unpack(self.tokens) }
    if start > 0 then table.insert(list, self.mask_token) end
    local all = core.tensor(list, { dtype = "int64" })
    local at = tools.cast(numbers, "int32") - (first - 1)
    at = ops.where(ops.logical_and(ops.greater(at, 0), ops.less_equal(at, #self.tokens)), at, 0)
    if start > 0 then at = ops.where(ops.equal(numbers, 0), #self.tokens + 1, at) end
    return tools.cast(ops.take(all, at, 0), "int64")
  end,
  unknown_place = function (self, tokens)
    if self.oov_method == "floormod" then
      return ops.hash_bin(tokens, self.num_oov_indices, true)
    end
    return hashing.bin(tokens, self.num_oov_indices, self.salt)
  end,
}
