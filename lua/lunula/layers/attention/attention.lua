-- Attention: for every query a mean of the values, weighted by how well their keys match it.
--
-- What matching means is the method `match`; AdditiveAttention has another one.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local scores = require "lunula.layers.attention.scores"
local noise = require "lunula.layers.regularization.noise"
local ops = require "lunula.ops"
local by_blocks = require("lunula.ops.attention").by_blocks
local tools = require "lunula.ops.tools"
local nest = require "lunula.utils.nest"

local far_below = 1e9   -- taken from a score, it leaves a weight of 0

-- Query, value and key; without a key the value is it.
local function read(inputs)
  local all = nest.is_structure(inputs) and #inputs >= 2 and #inputs <= 3
  for i = 1, all and #inputs or 0 do all = all and core.is_tensor(inputs[i]) end
  if not all then
    core.raise("takes a list of two or three tensors: layer{query, value} or "
      .. "layer{query, value, key}")
  end
  return inputs[1], inputs[2], inputs[3] or inputs[2]
end

local function check(query, value, key)
  local q, v, k = query.shape, value.shape, key.shape
  local same = query.rank == key.rank and value.rank == key.rank and query.rank >= 2
    and not (q[#q] and k[#k] and q[#q] ~= k[#k])
    and not (v[#v - 1] and k[#k - 1] and v[#v - 1] ~= k[#k - 1])
  if not same then
    core.raise("query (…, T, d), value (…, S, e) and key (…, S, d) do not fit: they are %s, %s "
      .. "and %s", tools.shape_text(q), tools.shape_text(v), tools.shape_text(k))
  end
end

-- The masks of query and value; nil for none.
local function masks_of(mask)
  if mask == nil then return nil, nil end
  if not nest.is_structure(mask) or #mask < 2 or #mask > 3 then
    core.raise("mask must be a list, {query_mask, value_mask}; false where there is none")
  end
  return scores.as_bool(mask[1] or nil), scores.as_bool(mask[2] or nil)
end

-- Every query beside every key: (…, T, 1, d) and (…, 1, S, d).
local function side_by_side(query, key)
  return ops.expand_dims(query, -2), ops.expand_dims(key, -3)
end

local Attention

-- The usual case, products of sequences whose weights nobody asks for, as attention of one head.
local function in_blocks(self, query, key, value, mask, causal, options)
  if self.match ~= Attention.match or self.score_mode ~= "dot" or query.rank ~= 3
    or options.return_attention_scores then return nil end
  if self.use_scale then query = query * self.scale end
  local function one_head(x) return ops.expand_dims(x, 2) end
  local rate, draw = scores.dropping(self, options)
  local y = by_blocks(one_head(query), one_head(key), one_head(value), nil,
    mask and ops.expand_dims(mask, 1),
    { scale = 1, causal = causal or false, hidden = -far_below, add = true, rate = rate }, draw)
  return y and ops.squeeze(y, 2)
end

Attention = layer "Attention" {
  several = true,
  doc = "for {query, value, key}: softmax(query . key) . value",
  args = {
    { "use_scale", kinds.boolean, default = false },
    { "score_mode", kinds.one_of { "dot", "concat" }, default = "dot",
      doc = "how a query meets a key: their product, or tanh of their sum" },
    { "dropout", kinds.fraction, default = 0.0,
      doc = "which part of the scores is set to 0 in training" },
    { "seed", kinds.seed },
  },
  call_args = { "return_attention_scores", "use_causal_mask" },
  casts = "all",
  supports_masking = true,
  init = noise.init,
  build = function (self)
    if self.use_scale then
      self:add_weight { name = "scale", shape = {}, initializer = "ones" }
    end
    if self.score_mode == "concat" then
      self:add_weight { name = "concat_score_weight", shape = {}, initializer = "ones" }
    end
  end,
  compute_mask = function (_, _, mask) return mask and mask[1] or nil end,
  match = function (self, query, key)
    if self.score_mode == "concat" then
      local q, k = side_by_side(query, key)
      local sum = q + k
      if self.use_scale then sum = sum * self.scale end
      return ops.sum(ops.tanh(sum), -1) * self.concat_score_weight
    end
    local y = ops.matmul(query, key, false, true)
    return self.use_scale and y * self.scale or y
  end,
  call = function (self, inputs, options)
    local query, value, key = read(inputs)
    check(query, value, key)
    local of_query, of_value = masks_of(options.mask)
    local seen, causal = of_value and ops.expand_dims(of_value, -2), options.use_causal_mask
    local y, weights = in_blocks(self, query, key, value, seen, causal, options), nil
    if not y then
      local match = self:match(query, key)
      seen = scores.both(seen, scores.of_places(query, key, query.rank - 2, causal))
      if seen then match = ops.where(seen, match, match - far_below) end
      weights = scores.dropped(self, ops.softmax(match, -1), options)
      y = ops.matmul(weights, value)
    end
    if of_query then y = ops.where(ops.expand_dims(of_query, -1), y, 0) end
    if options.return_attention_scores then return y, weights end
    return y
  end,
  side_by_side = side_by_side,
}

return Attention
