-- IntegerLookup: integers become their numbers in a vocabulary.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local data = require "lunula.layers.preprocessing.data"
local encoding = require "lunula.layers.preprocessing.encoding"
local hashing = require "lunula.layers.preprocessing.hashing"
local lookup = require "lunula.layers.preprocessing.index_lookup"

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
  check_symbolic = function () end,
  unknown_place = function (self, token)
    if self.oov_method == "floormod" then return token % self.num_oov_indices end
    return hashing.bin(("%d"):format(token), self.num_oov_indices, self.salt)
  end,
}
