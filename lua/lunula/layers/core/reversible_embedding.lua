-- ReversibleEmbedding: ids to vectors, and back from vectors to a score for every id.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local Embedding = require "lunula.layers.core.embedding"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local function logits(self, x)
  x = tools.float(x)
  local y = self.tie_weights and ops.matmul(x, self.embeddings, false, true)
    or ops.matmul(x, self.reverse_embeddings)
  local cap = self.logit_soft_cap
  return cap and ops.tanh(y / cap) * cap or y
end

return layer "ReversibleEmbedding" {
  parent = Embedding, replace_args = true,
  doc = "an Embedding; with reverse=true x . embeddings transposed, a score for every id",
  args = {
    { "input_dim", kinds.positive, required = true,
      doc = "how many words there are, the greatest number and one" },
    { "output_dim", kinds.positive, required = true },
    { "tie_weights", kinds.boolean, default = true,
      doc = "whether the way back uses the same weights" },
    { "embeddings_initializer", kinds.initializer, default = "uniform" },
    { "embeddings_regularizer", kinds.regularizer },
    { "embeddings_constraint", kinds.constraint },
    { "mask_zero", kinds.boolean, default = false },
    { "reverse_dtype", kinds.policy,
      doc = "the type that the way back computes in" },
    { "logit_soft_cap", kinds.number,
      doc = "the way back gives tanh(x / cap) * cap" },
  },
  call_args = { "reverse" },
  build = function (self, shape)
    Embedding.build(self, shape)
    if not self.tie_weights then
      self:add_weight {
        name = "reverse_embeddings", shape = { self.output_dim, self.input_dim },
        initializer = self.embeddings_initializer,
      }
    end
  end,
  -- The ids have the mask; vectors that go back have none to give.
  compute_mask = function () end,
  call = function (self, x, options)
    if options.reverse then return logits(self, x) end
    local y = Embedding.call(self, x)
    if self.mask_zero then y.mask = ops.not_equal(x, 0) end
    return y
  end,
}
