-- What layers of images share: a class for each number of spatial axes, and the layout at their
-- door. Inside, channels are always last; channels_first is a transpose on the way in and out.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local spatial = {}

-- Declares "MaxPooling1D", "MaxPooling2D" … for the pattern "MaxPooling%dD"; declaration(rank) is
-- the layer's table. Returns the classes by name, also by those of further patterns.
function spatial.family(pattern, ranks, declaration, ...)
  local classes, others = {}, { ... }
  for _, rank in ipairs(ranks) do
    local given, aliases = declaration(rank), {}
    for i, other in ipairs(others) do aliases[i] = other:format(rank) end
    given.aliases, given.rank = aliases, rank
    given.input_spec = { ndim = rank + 2 }
    local class = layer(pattern:format(rank))(given)
    classes[class.name] = class
    for _, alias in ipairs(aliases) do classes[alias] = class end
  end
  return classes
end

-- Keras's defaults: 1 for one axis, (1, 1) for two.
function spatial.each(rank, value)
  return rank == 1 and value or tools.fill(rank, value)
end

function spatial.is_first(self)
  return self.data_format == "channels_first"
end

-- x with channels last.
function spatial.enter(self, x)
  return spatial.is_first(self) and ops.moveaxis(x, 1, -1) or x
end

-- A result in the layout of the layer.
function spatial.leave(self, y)
  return spatial.is_first(self) and ops.moveaxis(y, -1, 1) or y
end

-- The number of channels of an input shape, which sizes a weight. From then on inputs must have it.
function spatial.channels(self, shape)
  local axis = spatial.is_first(self) and 1 or self.rank + 1
  local channels = shape[axis + 1]
  if not channels then
    core.raise("the number of channels must be known to make the weights, the input is %s",
      tools.shape_text(shape))
  end
  self.input_spec = { ndim = self.rank + 2, axes = { [axis] = channels } }
  return channels
end

-- Number i of the sizes of an input shape, i from 1 for its first spatial axis.
function spatial.size(self, shape, i)
  return shape[spatial.is_first(self) and i + 2 or i + 1]
end

-- Without padding a window must find room in the input; its sizes are in the field `option`.
function spatial.check_room(self, shape, option)
  if self.padding ~= "valid" then return end
  for i, size in ipairs(self[option]) do
    local n, dilation = spatial.size(self, shape, i), self.dilation_rate and self.dilation_rate[i]
    if n and (size - 1) * (dilation or 1) + 1 > n then
      core.raise("%s=%s%s does not fit an input of shape %s", option, declare.show(self[option]),
        dilation and dilation > 1 and " with dilation_rate=" .. declare.show(self.dilation_rate)
        or "", tools.shape_text(shape))
    end
  end
end

-- Keras refuses strides and dilation together.
function spatial.check_dilation(self)
  local strides, dilation = math.max(table.unpack(self.strides)),
    math.max(table.unpack(self.dilation_rate))
  if strides > 1 and dilation > 1 then
    core.raise("%s: strides above 1 and dilation_rate above 1 exclude each other, got strides=%s "
      .. "and dilation_rate=%s", declare.class_of(self).name, declare.show(self.strides),
      declare.show(self.dilation_rate))
  end
end

-- Keras 2 wrote what a plain convolution has into the configs of its relatives: their one group
-- and, where there is no weight of that name, how to make the kernel. Neither says anything there.
function spatial.from_config(class, config)
  local kept = config
  if declare.is_plain(config) then
    kept = {}
    for name, value in pairs(config) do
      local idle = name == "groups" and value == 1 or name == "kernel_initializer"
      if not idle or class.by_name[name] then kept[name] = value end
    end
  end
  return declare.from_config(class, kept)
end

-- A list of (before, after) for each spatial axis: from a number, a number for each axis, or pairs.
function spatial.borders(rank)
  local count = kinds.count
  local name = rank == 1 and "a count or a pair of them"
    or ("a count, %d of them, or %d pairs"):format(rank, rank)
  local function pair(value)
    local one = count.check(value)
    if one then return { one, one } end
    if not declare.is_plain(value) or #value ~= 2 then return nil end
    local before, after = count.check(value[1]), count.check(value[2])
    return before and after and { before, after } or nil
  end
  return {
    name = name,
    check = function (value)
      if rank == 1 then return pair(value) end
      local pairs_of_axes = {}
      if declare.is_plain(value) and #value ~= rank then return nil end
      for i = 1, rank do
        local one = pair(type(value) == "table" and value[i] or value)
        if not one then return nil end
        pairs_of_axes[i] = one
      end
      return pairs_of_axes
    end,
  }
end

return spatial
