-- InputLayer: the place where data enters a model. It has a shape and does nothing.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"

-- What Keras has and we have not: false may be said, true may not.
local function only_false(reason)
  return {
    name = "false",
    takes_false = true, none = true,
    check = function (value)
      if value == false then return false end
      return nil, nil, "not supported: " .. reason
    end,
  }
end

-- Strings come into a model, and no layer has them for numbers.
local dtype = {
  name = kinds.dtype.name .. ", string",
  check = function (value) return value == "string" and value or kinds.dtype.check(value) end,
}

local function unknown_for_minus_one(shape)
  for i, size in ipairs(shape) do
    if size == -1 then shape[i] = false end
  end
  return shape
end

return layer "InputLayer" {
  several = true,
  doc = "where data of a given shape enters",
  args = {
    { "shape", kinds.shape, config = false, spread = true },
    { "batch_size", kinds.positive, config = false, field = "_batch_size" },
    { "dtype", dtype, default = "float32", none = "default" },
    { "sparse", only_false "tensors are dense", default = false, none = "default" },
    { "ragged", only_false "tensors are dense", default = false, none = "default" },
    { "batch_shape", kinds.shape },
    { "input_tensor", kinds.unsupported "wrapping a tensor", config = false, alias = "tensor" },
    { "optional", only_false "a model needs all of its inputs", default = false },
    { "trainable", kinds.boolean, default = true, none = false, field = "_trainable",
      keyword = true, config = false },
  },
  getters = { batch_input_shape = function (self) return self.batch_shape end },
  supports_masking = true,
  init = function (self)
    -- Keras 2 named them as those of any first layer.
    self.shape = self.shape or self._input_shape
    self.batch_shape = self.batch_shape or self._batch_input_shape
    self.dtype = self._input_dtype or self.dtype
    if self.shape and self.batch_shape then
      core.raise("InputLayer: shape and batch_shape cannot both be given")
    elseif self.batch_shape and self._batch_size then
      core.raise("InputLayer: batch_size is given twice, by batch_shape too; leave it out")
    elseif not (self.shape or self.batch_shape) then
      core.raise("InputLayer: shape is missing (without the batch, as {28, 28, 1})")
    end
    local shape = self.shape
    if shape then
      self.batch_shape = table.move(shape, 1, #shape, 2, { self._batch_size or false })
      self.shape = nil
    end
    unknown_for_minus_one(self.batch_shape)
    self.input_dtype = self.dtype
  end,
  call = function (_, x) return x end,
  compute_output_shape = function (self)
    local shape = self.batch_shape
    return table.move(shape, 1, #shape, 1, {})
  end,
  __tostring = function (self)
    return ("InputLayer{batch_shape=%s, dtype=%s, name=%s}"):format(
      declare.show(self.batch_shape), declare.show(self.dtype), declare.show(self.name))
  end,
}
