-- StringLookup: strings become their numbers in a vocabulary.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local data = require "lunula.layers.preprocessing.data"
local encoding = require "lunula.layers.preprocessing.encoding"
local hashing = require "lunula.layers.preprocessing.hashing"
local lookup = require "lunula.layers.preprocessing.index_lookup"
local vocabulary = require "lunula.layers.preprocessing.vocabulary"
local ops = require "lunula.ops"

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
  getters = { input_dtype = function (self) return self.invert and "int64" or "string" end },
  read = function (_, x)
    local list, shape = data.read(x)
    return data.strings(list, "the layer"), shape
  end,
  read_tensor = function (x) return data.string_tensor(x, "the layer") end,
  tables = vocabulary.words,
  find = function (x, words, strict)
    return ops.find_string(x, words[1], words[2], words[3], strict)
  end,
  written = function (_, tokens, shape) return data.nested(tokens, shape) end,
  parsed = function (_, lines) return lines end,
  tokens_at = function ()
    core.raise("gives the tokens of numbers, which are strings, and a model gives numbers: call "
      .. "the layer on what the model returns")
  end,
  unknown_place = function (self, tokens)
    return hashing.bin(tokens, self.num_oov_indices, self.salt)
  end,
}
