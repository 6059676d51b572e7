-- AdditiveAttention: a key matches a query by a weighted sum of tanh(query + key).

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local Attention = require "lunula.layers.attention.attention"
local ops = require "lunula.ops"

return layer "AdditiveAttention" {
  parent = Attention, replace_args = true,
  doc = "for {query, value, key}: softmax(sum(scale * tanh(query + key))) . value",
  args = {
    { "use_scale", kinds.boolean, default = true },
    { "dropout", kinds.fraction, default = 0.0 },
    { "seed", kinds.seed, keyword = true },
  },
  build = function (self, shapes)
    if not self.use_scale then return end
    local query = shapes[1]
    self:add_weight {
      name = "scale", shape = { query[#query] }, initializer = "glorot_uniform",
    }
  end,
  match = function (self, query, key)
    local q, k = Attention.side_by_side(query, key)
    local y = ops.tanh(q + k)
    return ops.sum(self.use_scale and y * self.scale or y, -1)
  end,
}
