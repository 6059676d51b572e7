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
    { "dropout", kinds.fraction, default = 0.0,
      doc = "which part of the scores is set to 0 in training" },
    { "seed", kinds.seed, keyword = true },
  },
  build = function (self, shapes)
    local query = shapes[1]
    if not self.use_scale or type(query) ~= "table" or #query == 0 then return end -- call says it
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
