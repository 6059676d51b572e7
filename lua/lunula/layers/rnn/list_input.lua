-- layer{x, h, c, constant} of Keras 2, which says layer(x, {initial_state = {h, c}, constants =
-- {constant}}): a __call for layers that have a count_states.

local base = require "lunula.layers.base"
local declare = require "lunula.declare"
local nest = require "lunula.utils.nest"

local plain_call = base.Layer.metatable.__call

local function spread(list, options, states, constants)
  local rest = table.move(list, 2, #list, 1, {})
  local number = constants or math.max(0, #rest - states)
  local given = {}
  for key, value in pairs(options or {}) do given[key] = value end
  if number > 0 then given.constants = table.move(rest, #rest - number + 1, #rest, 1, {}) end
  if #rest > number then given.initial_state = table.move(rest, 1, #rest - number, 1, {}) end
  return list[1], given
end

return function (self, input, options, ...)
  if not nest.is_structure(input) or #input == 0 then
    return plain_call(self, input, options, ...)
  elseif #input == 1 or not (options == nil or declare.is_plain(options)) then
    return plain_call(self, input[1], options, ...)
  end
  return plain_call(self, spread(input, options, self:count_states(), self.num_constants))
end
