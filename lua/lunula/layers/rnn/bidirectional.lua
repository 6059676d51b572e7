-- Bidirectional: two recurrent layers, one from the first step on, one from the last; their outputs
-- are merged.
--
-- The layer that was given is a pattern: the forward layer is a new one made from its config, and
-- so is the backward layer unless one was given.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local nest = require "lunula.utils.nest"
local ops = require "lunula.ops"
local RNN = require "lunula.layers.rnn.rnn"
local list_input = require "lunula.layers.rnn.list_input"

local merges = {
  sum = function (y, z) return y + z end,
  mul = function (y, z) return y * z end,
  ave = function (y, z) return (y + z) / 2 end,
  concat = function (y, z) return ops.concatenate({ y, z }, -1) end,
}

-- ---- the two layers ---------------------------------------------------------------------------

local function copy_of(pattern, prefix, backwards)
  local config = pattern:get_config()
  config.name = prefix .. pattern.name:gsub("^" .. prefix, "")
  if backwards then config.go_backwards = true end
  return declare.class_of(pattern).from_config(config)
end

local function check_recurrent(what, one)
  for _, field in ipairs { "go_backwards", "return_sequences", "return_state", "stateful" } do
    if one[field] == nil then
      core.raise("Bidirectional: %s must be a recurrent layer, which has an option %s; got %s",
        what, field, declare.show(one))
    end
  end
end

local function check_pair(forward, backward)
  if forward.go_backwards == backward.go_backwards then
    core.raise("Bidirectional: layer and backward_layer must have opposite go_backwards, both "
      .. "have %s", tostring(forward.go_backwards))
  end
  for _, field in ipairs { "stateful", "return_sequences", "return_state" } do
    if forward[field] ~= backward[field] then
      core.raise("Bidirectional: layer and backward_layer must agree in %s: one has %s, the "
        .. "other %s", field, tostring(forward[field]), tostring(backward[field]))
    end
  end
end

-- Steps that do not count must not add to a merged output.
local function zero_masked(one)
  if one.zero_output_for_mask ~= nil then one.zero_output_for_mask = one.return_sequences end
end

-- ---- the call ---------------------------------------------------------------------------------

-- The states of the forward layer, then those of the backward layer.
local function halves(self, states)
  if states == nil then return nil end
  local list = nest.flatten(states)
  local first, total = self.forward_layer:count_states(), self:count_states()
  if #list ~= total then
    core.raise("initial_state: the layers have %d states, got %d", total, #list)
  end
  return table.move(list, 1, first, 1, {}), table.move(list, first + 1, total, 1, {})
end

-- Sets the states of both layers to zero, or to these: those of the forward layer come first.
local function reset_states(self, states)
  local forward, backward = halves(self, states)
  self.forward_layer:reset_states(forward)
  self.backward_layer:reset_states(backward)
end

-- Output and states of one of the layers.
local function run(one, x, given, states, in_time)
  local options = { initial_state = states, constants = given.constants, mask = given.mask,
    in_time = in_time }
  local results = table.pack(one(x, options))
  return results[1], table.move(results, 2, results.n, 1, {})
end

-- What goes backwards gives its outputs last step first; a layer of ours can turn them itself.
local function run_backward(self, x, options, states)
  local backward = self.backward_layer
  local turns = self.return_sequences and backward.go_backwards and declare.is(backward, RNN)
  local y, final = run(backward, x, options, states, turns or nil)
  if self.return_sequences and not turns then y = ops.flip(y, 1) end
  return y, final
end

local function of_forward(field)
  return function (self) return self.forward_layer[field] end
end

return layer "Bidirectional" {
  several = true,
  doc = "a recurrent layer and one that goes backwards, their outputs merged",
  args = {
    { "layer", kinds.layer, required = true, field = "forward_layer" },
    { "merge_mode", kinds.one_of { "sum", "mul", "ave", "concat" }, default = "concat",
      none = true, doc = "how both results become one; None: both are returned" },
    { "weights", kinds.table, config = false, field = "_given_weights" },
    { "backward_layer", kinds.layer,
      doc = "the layer that goes backwards; if not said, one like the other" },
  },
  call_args = RNN.call_args,
  supports_masking = true,
  getters = {
    layer = function (self) return self.forward_layer end,
    stateful = of_forward "stateful",
    return_sequences = of_forward "return_sequences",
    return_state = of_forward "return_state",
    num_constants = of_forward "num_constants",
    -- The states of the forward layer, then those of the backward layer; nil unless stateful.
    states = function (self)
      local list = {}
      for _, one in ipairs { self.forward_layer, self.backward_layer } do
        local states = one.states and nest.flatten(one.states) or {}
        table.move(states, 1, #states, #list + 1, list)
      end
      return #list > 0 and list or nil
    end,
  },
  __call = list_input,
  init = function (self)
    local pattern = self.forward_layer
    check_recurrent("layer", pattern)
    self.forward_layer = copy_of(pattern, "forward_")
    if self.backward_layer then
      check_recurrent("backward_layer", self.backward_layer)
    else
      self.backward_layer = copy_of(pattern, "backward_", true)
    end
    check_pair(self.forward_layer, self.backward_layer)
    zero_masked(self.forward_layer)
    zero_masked(self.backward_layer)
  end,
  build = function (self, shape)
    for _, one in ipairs { self.forward_layer, self.backward_layer } do
      if not one.built then one:build(shape) end
    end
  end,
  count_states = function (self)
    return self.forward_layer:count_states() + self.backward_layer:count_states()
  end,
  reset_states = reset_states,
  reset_state = reset_states,
  compute_mask = function (self, _, mask)
    if mask and nest.is_structure(mask) then mask = mask[1] end
    if not mask or not self.return_sequences then return nil end
    return self.merge_mode and mask or { mask, mask }
  end,
  call = function (self, x, options)
    local first, second = halves(self, options.initial_state)
    local y, states = run(self.forward_layer, x, options, first)
    local z, more = run_backward(self, x, options, second)
    if self.return_state then table.move(more, 1, #more, #states + 1, states) else states = {} end
    local merge = merges[self.merge_mode]
    if not merge then return y, z, table.unpack(states) end
    return merge(y, z), table.unpack(states)
  end,
}
