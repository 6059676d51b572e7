-- Hashing: strings and integers become bin numbers by their hash, without a vocabulary.

local declare = require "lunula.declare"
local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local data = require "lunula.layers.preprocessing.data"
local encoding = require "lunula.layers.preprocessing.encoding"
local vocabulary = require "lunula.layers.preprocessing.vocabulary"
local ops = require "lunula.ops"

local hashing = {}

-- One integer, or two.
hashing.salt = {
  name = "an integer or a list of two",
  check = function (value)
    if type(value) == "number" then value = { value, value } end
    if type(value) ~= "table" or #value ~= 2 then return nil end
    local a, b = kinds.integer.check(value[1]), kinds.integer.check(value[2])
    return a and b and { a, b } or nil
  end,
}

-- The bins of a tensor of strings or integers: by SipHash when there is a salt.
function hashing.bin(x, bins, salt)
  return ops.hash_bin(ops.fingerprint(x, salt), bins)
end

-- A tensor of strings, or of int64 without fractions.
function hashing.tensor(x)
  if data.is_strings(x) then return x end
  if core.is_tensor(x) then return data.integer_tensor(x, "the layer", true) end
  local list, shape = data.read(x)
  if type(list[1]) == "string" then
    return data.tensor(data.strings(list, "a table of strings"), shape, "string")
  end
  return data.tensor(data.integers(list, "the layer", true), shape, "int64")
end

-- Where the value is the one that stands for nothing.
local function is_mask(x, value)
  if (type(value) == "string") ~= (x.dtype == "string") then return nil end
  if type(value) == "number" then return ops.equal(ops.find_integer(x,
    table.unpack(vocabulary.integers { value })), 0) end
  return ops.equal(ops.find_string(x, table.unpack(vocabulary.words { value })), 0)
end

local function ids_of(self, x)
  local masks = self.mask_value ~= nil and self.num_bins > 1
  if not masks then return hashing.bin(x, self.num_bins, self.salt) end
  local ids = hashing.bin(x, self.num_bins - 1, self.salt) + 1
  local masked = is_mask(x, self.mask_value)
  return masked and ops.where(masked, 0, ids) or ids
end

local string_or_integer = {
  name = "a string or an integer",
  check = function (value)
    return type(value) == "string" and value or kinds.integer.check(value)
  end,
}

-- The type of the result: of layers that give integers as well as floats.
hashing.result_type = {
  "dtype",
  {
    name = kinds.dtype.name, check = kinds.dtype.check,
    absent = function (self) return self.output_mode == "int" and "int64" or "float32" end,
  },
  keyword = true,
}

hashing.Hashing = layer "Hashing" {
  doc = "the hash of each string or integer, as a number from 0 to num_bins - 1",
  args = {
    { "num_bins", kinds.positive, required = true },
    { "mask_value", string_or_integer },
    { "salt", hashing.salt },
    { "output_mode", encoding.modes { "int", "one_hot", "multi_hot", "count" }, default = "int" },
    encoding.sparse,
    hashing.result_type,
  },
  casts = "nothing",
  input_dtype = "int64",
  init = function (self)
    if self.output_mode == "int" and self.dtype ~= "int64" and self.dtype ~= "int32" then
      core.raise('Hashing: with output_mode "int" dtype must be int32 or int64, got %s',
        declare.show(self.dtype))
    end
  end,
  call = function (self, x)
    local ids = ids_of(self, hashing.tensor(x))
    return encoding.encode(ids, self.output_mode, self.num_bins, self.dtype)
  end,
}

return hashing
