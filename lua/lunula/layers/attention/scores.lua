-- What all attention layers share: which steps may see which, and the weights that follow.

local kinds = require "lunula.kinds"
local core = require "lunula.core"
local ops = require "lunula.ops"
local random = require "lunula.ops.random"
local tools = require "lunula.ops.tools"

local scores = {}

-- The places 0, 1, … along an axis of x, as a vector; the size need not be known.
local function places(x, axis)
  local size = x.shape[axis + 1]
  if size then return ops.arange(0, size, 1, "int32") end
  local others = {}
  for i = 0, x.rank - 1 do
    if i ~= axis then others[#others + 1] = i end
  end
  return ops.cast(ops.iota_like(ops.sum(x, others), 0), "int32")
end

-- Which of the places along an axis of the query may see which of the key's, as a (T, S) mask: none
-- after its own when causal, none as far away as window or further. nil when all may.
function scores.of_places(query, key, axis, causal, window)
  if not (causal or window) then return nil end
  local own = ops.expand_dims(places(query, axis), 1)
  local seen = ops.expand_dims(places(key, axis), 0)
  local mask = causal and ops.less_equal(seen, own)
  if not window then return mask end
  local near = ops.less(ops.abs(own - seen), window)
  return mask and mask & near or near
end

-- Both masks; either may be nil.
function scores.both(a, b)
  if a == nil then return b end
  if b == nil then return a end
  return a & b
end

function scores.as_bool(mask)
  if mask == nil then return nil end
  if not core.is_tensor(mask) then mask = core.tensor(mask) end
  return tools.cast(mask, "bool")
end

-- In training some weights are dropped.
function scores.drops(self, options) return options.training and self.dropout > 0 end

-- What the op of attention by blocks is told of it: the rate, and by which key it draws.
function scores.dropping(self, options)
  if not scores.drops(self, options) then return nil, nil end
  return self.dropout, random.uniform({ 4 }, 0, 1, "float32", self.generator)
end

function scores.dropped(self, weights, options)
  if not scores.drops(self, options) then return weights end
  return random.dropout(weights, self.dropout, nil, self.generator)
end

scores.call_args = {
  "value", "key", "query_mask", "value_mask", "key_mask", "attention_mask",
  "return_attention_scores", "use_causal_mask",
}

-- Rows that attention layers with projections have in common, before and after the window.
function scores.projection_args(args)
  local common = {
    { "sliding_window", kinds.positive },
    { "flash_attention", kinds.boolean, config = false },
    { "kernel_initializer", kinds.initializer, default = "glorot_uniform" },
    { "bias_initializer", kinds.initializer, default = "zeros" },
    { "kernel_regularizer", kinds.regularizer },
    { "bias_regularizer", kinds.regularizer },
    { "activity_regularizer", kinds.regularizer, field = "_activity_regularizer" },
    { "kernel_constraint", kinds.constraint },
    { "bias_constraint", kinds.constraint },
    { "use_gate", kinds.boolean, default = false },
    { "seed", kinds.seed },
  }
  return table.move(common, 1, #common, #args + 1, args)
end

return scores
