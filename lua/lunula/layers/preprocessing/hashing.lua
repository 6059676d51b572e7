-- Hashing: strings and integers become bin numbers by their hash, without a vocabulary.

local declare = require "lunula.declare"
local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local data = require "lunula.layers.preprocessing.data"
local encoding = require "lunula.layers.preprocessing.encoding"
local fingerprint = require "lunula.utils.fingerprint"

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

-- The bin of a string: by SipHash when there is a salt.
function hashing.bin(text, bins, salt)
  local hash = salt and fingerprint.sip(text, salt[1], salt[2]) or fingerprint.farm(text)
  return fingerprint.bucket(hash, bins)
end

-- Strings as they are, numbers as they are written.
local function texts_of(list)
  if type(list[1]) == "string" then return data.strings(list, "a table of strings") end
  local texts = {}
  for i, n in ipairs(data.integers(list, "the layer", true)) do texts[i] = ("%d"):format(n) end
  return texts
end

local function look(self, x)
  local list, shape = data.read(x)
  local texts, bins = texts_of(list), self.num_bins
  local masked = self.mask_value ~= nil and bins > 1
  if masked then bins = bins - 1 end
  local found = {}
  for i, text in ipairs(texts) do
    if masked then
      found[i] = list[i] == self.mask_value and 0 or 1 + hashing.bin(text, bins, self.salt)
    else
      found[i] = hashing.bin(text, bins, self.salt)
    end
  end
  local ids = data.tensor(found, shape, "int64")
  return encoding.encode(ids, self.output_mode, self.num_bins, self.dtype)
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
    local output
    if core.is_tensor(x) then
      local shape = encoding.shape(x.shape, self.output_mode, self.num_bins)
      output = { shape = shape, dtype = self.dtype }
    end
    return data.now_or_hosted(x, output, function (values) return look(self, values) end)
  end,
}

return hashing
