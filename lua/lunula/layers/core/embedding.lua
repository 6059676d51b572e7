-- Embedding: a row of a table for every id.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"

local function table_weights(value)
  return type(value) == "table" and value[1] ~= nil and value or nil
end

return layer "Embedding" {
  doc = "the row of a (input_dim, output_dim) table for every id",
  args = {
    { "input_dim", kinds.positive, required = true,
      doc = "how many vectors there are: the greatest id plus 1" },
    { "output_dim", kinds.positive, required = true },
    { "embeddings_initializer", kinds.initializer, default = "uniform" },
    { "embeddings_regularizer", kinds.regularizer },
    { "embeddings_constraint", kinds.constraint },
    { "mask_zero", kinds.boolean, default = false },
    { "weights", { name = "a list with the table", check = table_weights },
      config = false, field = "_given_weights" },
    { "input_length", kinds.either(kinds.positive, kinds.shape), config = false,
      field = "_input_length", keyword = true },
    { "lora_rank", kinds.unsupported "low-rank adaptation", config = "set" },
    { "lora_alpha", kinds.unsupported "low-rank adaptation", config = "set" },
    { "quantization_config", kinds.unsupported "quantization", config = "set" },
  },
  input_dtype = "int32",
  needs_no_shape = true,   -- to be built
  getters = {
    batch_input_shape = function (self)
      if self._batch_input_shape then return self._batch_input_shape end
      local length = self._input_length
      local shape = self._input_shape or type(length) == "table" and length
        or length and { length }
      if not shape then return nil end
      return table.move(shape, 1, #shape, 2, { self._batch_size or false })
    end,
  },
  init = function (self) self.supports_masking = self.mask_zero end,
  build = function (self)
    self:add_weight { name = "embeddings", shape = { self.input_dim, self.output_dim } }
  end,
  compute_mask = function (_, ids) return ops.not_equal(ids, 0) end,
  call = function (self, ids)
    if ids.dtype ~= "int32" then ids = ops.cast(ids, "int32") end
    return ops.gather(self.embeddings, ids)
  end,
}
