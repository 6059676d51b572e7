-- GroupQueryAttention: a MultiHeadAttention in which several heads of the query share a head of key
-- and value.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local scores = require "lunula.layers.attention.scores"
local MultiHeadAttention = require "lunula.layers.attention.multi_head_attention"

return layer "GroupQueryAttention" {
  parent = MultiHeadAttention, replace_args = true, aliases = { "GroupedQueryAttention" },
  auto_name = "grouped_query_attention",
  doc = "layer(query, value, key): attention whose query heads share key and value heads",
  args = scores.projection_args {
    { "head_dim", kinds.positive, required = true, doc = "the size of a head" },
    { "num_query_heads", kinds.positive, required = true, field = "num_heads",
      doc = "how many heads queries have" },
    { "num_key_value_heads", kinds.positive, required = true,
      doc = "how many heads keys and values have; several heads of queries share one" },
    { "dropout", kinds.fraction, default = 0.0,
      doc = "which part of the scores is set to 0 in training" },
    { "use_bias", kinds.boolean, default = true },
  },
  init = function (self)
    if self.num_heads % self.num_key_value_heads ~= 0 then
      core.raise("GroupQueryAttention: %d query heads cannot share %d key and value heads",
        self.num_heads, self.num_key_value_heads)
    end
    self.key_dim, self.num_query_heads = self.head_dim, self.num_heads
    MultiHeadAttention.init(self)
  end,
  input_spec = { ndim = 3 },
  key_heads = function (self) return self.num_key_value_heads end,
  masks_of = function (self, options, value, key)
    local of = MultiHeadAttention.masks_of(self, options, value, key)
    if options.query_mask ~= nil then of.query = scores.as_bool(options.query_mask) end
    return of
  end,
}
