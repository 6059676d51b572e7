-- CategoryEncoding: category numbers as 0 and 1, or as counts.

local kinds = require "lunula.kinds"
local core = require "lunula.core"
local layer = require "lunula.layers.base"
local encoding = require "lunula.layers.preprocessing.encoding"

return layer "CategoryEncoding" {
  doc = "category numbers as one_hot, multi_hot or count vectors of num_tokens places",
  args = {
    { "num_tokens", kinds.positive, doc = "how many ids there are" },
    { "output_mode", encoding.modes { "multi_hot", "one_hot", "count" }, default = "multi_hot" },
    encoding.sparse,
  },
  call_args = { "count_weights" },
  input_dtype = "int32",
  init = function (self)
    if not self.num_tokens then
      core.raise("CategoryEncoding: num_tokens is missing; where it is not known beforehand, "
        .. "IntegerLookup finds it")
    end
  end,
  call = function (self, ids, options)
    local weights = options.count_weights
    if weights ~= nil and self.output_mode ~= "count" then
      core.raise('count_weights needs output_mode "count", it is "%s"', self.output_mode)
    end
    if weights ~= nil and not core.is_tensor(weights) then weights = core.tensor(weights) end
    return encoding.encode(ids, self.output_mode, self.num_tokens, "float32", weights)
  end,
}
