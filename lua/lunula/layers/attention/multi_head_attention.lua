-- MultiHeadAttention: attention in several projections of query, key and value at once.
--
-- The projections are EinsumDense layers, (…, features) to (…, heads, size). The axes that
-- attention goes over are freely chosen; the usual case, one axis of a sequence, is left to the op
-- dot_product_attention, unless weights are asked for.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local inputs = require "lunula.layers.base.inputs"
local scores = require "lunula.layers.attention.scores"
local Softmax = require "lunula.layers.activations.softmax"
local EinsumDense = require "lunula.layers.core.einsum_dense"
local noise = require "lunula.layers.regularization.noise"
local ops = require "lunula.ops"
local by_blocks = require("lunula.ops.attention").by_blocks
local tools = require "lunula.ops.tools"

-- ---- projections ------------------------------------------------------------------------------

local function letters(first, count)
  local list = {}
  for i = 1, count do list[i] = string.char(first + i - 1) end
  return table.concat(list)
end

-- "abc,cde->abde": the last `bound` axes of an input of that rank become `new` others. Returns the
-- equation and the letters of the new ones.
local function equation(rank, bound, new)
  local all = letters(("a"):byte(), rank + new)
  local free, summed, made = all:sub(1, rank - bound), all:sub(rank - bound + 1, rank),
    all:sub(rank + 1)
  return ("%s%s,%s%s->%s%s"):format(free, summed, summed, made, free, made), made
end

-- Equal objects draw equal numbers, so each projection gets its own.
local function own_initializer(initializer)
  local class = declare.class_of(initializer)
  return class and class.from_config(initializer:get_config()) or initializer
end

-- A projection that is built: of a tensor of this shape, to `sizes` in place of its last axes.
local function projection(self, name, shape, bound, sizes, activation)
  local text, made = equation(#shape, bound, #sizes)
  local output_shape = {}
  for i = 1, #shape - bound - 1 do output_shape[i] = false end
  table.move(sizes, 1, #sizes, #output_shape + 1, output_shape)
  local dense = EinsumDense {
    text, output_shape, activation, self.use_bias and made or nil,
    kernel_initializer = own_initializer(self.kernel_initializer),
    bias_initializer = own_initializer(self.bias_initializer),
    kernel_regularizer = self.kernel_regularizer, bias_regularizer = self.bias_regularizer,
    activity_regularizer = self._activity_regularizer,
    kernel_constraint = self.kernel_constraint, bias_constraint = self.bias_constraint,
    name = name,
  }
  dense:build(shape)
  rawset(dense, "_mask_warned", true)   -- masks do not end there: attention sees to them
  return dense
end

local function check_shapes(query, value, key)
  if not value then core.raise("takes a query and a value: layer(query, value)") end
  local fit = #query >= 3 and #value == #query and #key == #value
  for i = 2, fit and #value - 1 or 0 do
    fit = fit and not (value[i] and key[i] and value[i] ~= key[i])
  end
  if not fit then
    core.raise("query (b, …, d), value and key (b, …, e) do not fit: they are %s, %s and %s",
      tools.shape_text(query), tools.shape_text(value), tools.shape_text(key))
  end
end

-- The axes that attention goes over, from 0 and sorted: all but the batch and the features.
local function attention_axes(self, rank)
  if not self.attention_axes then
    local axes = {}
    for axis = 1, rank - 2 do axes[axis] = axis end
    return axes
  end
  local axes = tools.axes("attention_axes", self.attention_axes, rank)
  for _, axis in ipairs(axes) do
    if axis == 0 or axis == rank - 1 then
      core.raise("attention_axes %s: axis %d of an input of rank %d is not one of steps",
        declare.show(self.attention_axes), axis, rank)
    end
  end
  return axes
end

-- ---- attention --------------------------------------------------------------------------------

-- query . key -> scores, and scores . value -> result, for projected tensors of this rank.
local function equations(rank, axes)
  local of_query = letters(("a"):byte(), rank)
  local of_key, shared, own, others = of_query, "", "", ""
  local is_attended = {}
  for i, axis in ipairs(axes) do
    local letter = string.char(("a"):byte() + rank + i - 1)
    is_attended[axis] = true
    own, others = own .. of_query:sub(axis + 1, axis + 1), others .. letter
    of_key = of_key:sub(1, axis) .. letter .. of_key:sub(axis + 2)
  end
  for axis = 0, rank - 2 do
    if not is_attended[axis] then shared = shared .. of_query:sub(axis + 1, axis + 1) end
  end
  local of_scores = shared .. own .. others
  return ("%s,%s->%s"):format(of_query, of_key, of_scores),
    ("%s,%s->%s"):format(of_scores, of_key, of_query)
end

-- Masks start at the batch and end at the keys; the axes between (heads first) are put in.
local function raised(mask, rank, axes)
  while mask ~= nil and mask.rank < rank do
    mask = ops.expand_dims(mask, -2 * #axes - 1)
  end
  return mask
end

-- What every query may see, for scores of this rank: all masks together, or nil.
local function visible(self, query, value, options, of, rank, causal)
  local axes = self.axes
  if #axes > 1 and (options.use_causal_mask or self.sliding_window) then
    core.raise("%s goes along one axis, attention goes over %d",
      options.use_causal_mask and "use_causal_mask" or "sliding_window", #axes)
  end
  local mask = of.query and ops.expand_dims(of.query, -1)
  mask = scores.both(mask, of.value and ops.expand_dims(of.value, -2))
  mask = scores.both(mask, of.key and ops.expand_dims(of.key, -2))
  local places = scores.of_places(query, value, axes[1], causal, self.sliding_window)
  mask = scores.both(raised(mask, rank, axes), places)
  return scores.both(mask, raised(scores.as_bool(options.attention_mask), rank, axes))
end

local function attend(self, query, key, value, mask, options)
  local match = ops.einsum(self.scores_equation, { query * self.factor, key })
  local weights = self.softmax(match, { mask = mask })
  weights.mask = nil   -- it says which keys were seen, not which steps count
  local dropped = scores.dropped(self, weights, options)
  return ops.einsum(self.result_equation, { dropped, value }), weights
end

-- Keras has two ways, by whether the layer ever drops weights; they differ in what a query gets
-- that sees nothing: the mean of all values, or 0.
-- nil where weights are to be dropped and the row does not serve.
local function attend_blocks(self, q, k, v, mask, causal, options)
  local empty = self.dropout > 0 and mask ~= nil
  local y
  if scores.drops(self, options) then
    local rate, draw = scores.dropping(self, options)
    y = by_blocks(q, k, v, nil, mask,
      { scale = self.factor, causal = causal or false, rate = rate }, draw)
  else
    y = ops.dot_product_attention(q, k, v, nil, mask, self.factor, causal)
  end
  if not (empty and y) then return y end
  local sees = ops.any(mask, -1, true)
  while sees.rank < 4 do sees = ops.expand_dims(sees, 0) end
  return ops.where(ops.transpose(sees, { 0, 2, 1, 3 }), y, 0)
end

-- ---- the layer --------------------------------------------------------------------------------

local function check_flash(self, options)
  if self.flash_attention and options.return_attention_scores then
    core.raise("flash_attention makes no scores that could be returned")
  end
end

return layer "MultiHeadAttention" {
  doc = "layer(query, value, key): attention in num_heads projections of size key_dim",
  args = scores.projection_args {
    { "num_heads", kinds.positive, required = true, doc = "how many heads there are" },
    { "key_dim", kinds.positive, required = true, doc = "the size of a head for queries and keys" },
    { "value_dim", kinds.positive, doc = "the size of a head for values; key_dim if not said" },
    { "dropout", kinds.fraction, default = 0.0,
      doc = "which part of the scores is set to 0 in training" },
    { "use_bias", kinds.boolean, default = true },
    { "output_shape", kinds.shape, field = "_output_shape",
      doc = "the sizes of the last axes that come out; those of the query if not said" },
    { "attention_axes", kinds.axes,
      doc = "the axes that attention goes over; all between batch and features if not said" },
  },
  call_args = scores.call_args,
  casts = "all",
  supports_masking = true,
  init = function (self)
    noise.init(self)
    self.value_dim = self.value_dim or self.key_dim
    if type(self.attention_axes) == "number" then self.attention_axes = { self.attention_axes } end
    if self.flash_attention and self.dropout > 0 then
      core.raise("%s: flash_attention cannot drop out; set dropout to 0", self.class_name)
    end
  end,
  -- How many heads key and value have; those of the query are num_heads.
  key_heads = function (self) return self.num_heads end,
  projection = projection,
  build = function (self, query, value, key)
    key = key or value
    check_shapes(query, value, key)
    local heads, key_heads = self.num_heads, self:key_heads()
    self.query_dense = projection(self, "query", query, 1, { heads, self.key_dim })
    self.key_dense = projection(self, "key", key, 1, { key_heads, self.key_dim })
    if self.use_gate then
      self.gate_dense = projection(self, "gate", query, 1, { heads, self.value_dim }, "sigmoid")
    end
    self.value_dense = projection(self, "value", value, 1, { key_heads, self.value_dim })
    local many = table.move(query, 1, #query - 1, 1, {})
    many[#many + 1], many[#many + 2] = heads, self.value_dim
    local sizes = self._output_shape or { query[#query] }
    self.output_dense = projection(self, "attention_output", many, 2, sizes)
    self.axes = attention_axes(self, #query)
    self.factor = 1 / math.sqrt(self.key_dim)
    self.scores_equation, self.result_equation = equations(#query + 1, self.axes)
    local last = {}
    for i = 1, #self.axes do last[i] = i - 1 - #self.axes end
    self.softmax = Softmax { axis = #last == 1 and -1 or last, name = "softmax" }
  end,
  -- The masks that count, by what they belong to. That of the query is the one it carries.
  masks_of = function (_, options, value, key)
    return {
      query = scores.as_bool(options.mask),
      value = scores.as_bool(options.value_mask or value.mask),
      key = scores.as_bool(options.key_mask or options.key and key.mask),
    }
  end,
  call = function (self, query, options)
    check_flash(self, options)
    if options.value == nil then check_shapes(query.shape) end
    local value = inputs.prepare(self, options.value)
    local key = options.key ~= nil and inputs.prepare(self, options.key) or value
    check_shapes(query.shape, value.shape, key.shape)
    local of = self:masks_of(options, value, key)
    local causal, rank = options.use_causal_mask, query.rank + #self.axes
    local q, k, v = self.query_dense(query), self.key_dense(key), self.value_dense(value)
    local y, weights
    if rank == 4 and not options.return_attention_scores then
      local mask, forwards = visible(self, query, value, options, of, rank), causal
      if mask and self.dropout > 0 then   -- all that hides a key counts there, see attend_blocks
        mask, forwards = visible(self, query, value, options, of, rank, causal), false
      end
      y = attend_blocks(self, q, k, v, mask, forwards, options)
    end
    if not y then
      local heads, own = self.num_heads, self:key_heads()
      if own ~= heads then
        k, v = ops["repeat"](k, heads // own, -2), ops["repeat"](v, heads // own, -2)
      end
      local seen = visible(self, query, value, options, of, rank, causal)
      y, weights = attend(self, q, k, v, seen, options)
    end
    if self.use_gate then y = y * self.gate_dense(query) end
    y = self.output_dense(y)
    if options.return_attention_scores then return y, weights end
    return y
  end,
}
