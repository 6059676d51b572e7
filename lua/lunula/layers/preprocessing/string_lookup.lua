-- StringLookup: strings become their numbers in a vocabulary.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local data = require "lunula.layers.preprocessing.data"
local encoding = require "lunula.layers.preprocessing.encoding"
local hashing = require "lunula.layers.preprocessing.hashing"
local lookup = require "lunula.layers.preprocessing.index_lookup"

return layer "StringLookup" {
  parent = lookup.IndexLookup,
  doc = "the number of each string in a vocabulary, which is given or adapted to data",
  args = {
    lookup.max_tokens,
    { "num_oov_indices", kinds.count, default = 1 },
    { "mask_token", kinds.string },
    { "oov_token", kinds.string, default = "[UNK]", none = true },
    lookup.vocabulary,
    { "idf_weights", kinds.values },
    { "invert", kinds.boolean, default = false },
    { "output_mode", lookup.modes, default = "int" },
    { "pad_to_max_tokens", kinds.boolean, default = false },
    encoding.sparse,
    { "encoding", kinds.one_of { "utf-8" }, default = "utf-8", none = true },
    { "salt", hashing.salt },
    { "oov_method", kinds.one_of { "floormod", "farmhash" }, default = "floormod", keyword = true },
  },
  getters = { reads_strings = function (self) return not self.invert end },
  read = function (_, x)
    data.refuse_tensor(x)
    local list, shape = data.read(x)
    return data.strings(list, "the layer"), shape
  end,
  written = function (_, tokens, shape) return data.nested(tokens, shape) end,
  parsed = function (_, lines) return lines end,
  check_symbolic = function (self, x)
    if not self.invert then data.refuse_tensor(x) end
    core.raise("gives strings, which are Lua data and no part of a model: call the layer on what "
      .. "the model returns")
  end,
  unknown_place = function (self, token)
    return hashing.bin(token, self.num_oov_indices, self.salt)
  end,
}
