-- The output shape of a layer, found by calling it on tensors that have a shape and no numbers.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local nest = require "lunula.utils.nest"

local shapes = {}

-- A list of sizes is a shape; a table of shapes is a structure of several.
local function is_shape(x)
  if type(x) ~= "table" then return false end
  for _, size in pairs(x) do
    if type(size) ~= "number" and size ~= false then return false end
  end
  return true
end

-- A shape, or a structure of shapes with tables in tables.
local function holds_only_shapes(x, depth)
  if is_shape(x) then return kinds.shape.check(x) ~= nil end
  if not declare.is_plain(x) or depth > 8 then return false end
  for _, inner in pairs(x) do
    if inner ~= false and not holds_only_shapes(inner, depth + 1) then return false end
  end
  return true
end

function shapes.check(self, what, shape)
  if shape == nil and self.needs_no_shape then return end
  local single = declare.class_of(self).module and not self.several and self.casts ~= "nothing"
  if holds_only_shapes(shape, 0) and (is_shape(shape) or not single) then return end
  local _ <close> = core.enter(self.name, declare.class_of(self).name)
  core.raise("%s takes the input's shape, as {false, 28, 28, 1}, got %s", what,
    declare.show(shape))
end

-- Where there is no tensor, as in a list of masks, `false` stands for none.
local function gather_specs(self, x, specs, inside)
  if x == false and inside then return end
  if is_shape(x) then
    local shape = kinds.shape.check(x)
    if not shape then core.raise("compute_output_shape: %s is not a shape", declare.show(x)) end
    for i, size in ipairs(shape) do
      if size == -1 then shape[i] = false end
    end
    specs[#specs + 1] = { shape = shape, dtype = self.input_dtype }
    return
  end
  if type(x) ~= "table" then
    core.raise("compute_output_shape takes a shape as {false, 28, 28, 1}, got %s",
      declare.show(x))
  end
  for _, key in ipairs(nest.keys(x)) do gather_specs(self, x[key], specs, true) end
end

local function refill(x, tensors, place)
  if x == false then return false end
  if is_shape(x) then
    place.at = place.at + 1
    return tensors[place.at]
  end
  local copy = {}
  for _, key in ipairs(nest.keys(x)) do copy[key] = refill(x[key], tensors, place) end
  return copy
end

-- What follows the input's shape, by name: shapes of further tensors in the order of call_args, and
-- a table of options, in which a shape stands for a tensor.
local function further(self, ...)
  local options, count = {}, select("#", ...)
  for i = 1, count do
    local value = select(i, ...)
    local bare = type(value) == "table" and next(value) == nil
    if i == count and (bare or declare.only_names(value)) then
      for name, option in pairs(value) do options[name] = option end
    elseif value ~= nil then
      options[self.call_args[i] or #self.call_args + 1] = value
    end
  end
  return options
end

local function holds_shapes(x)
  if is_shape(x) then return true end
  if not declare.is_plain(x) then return false end
  for _, inner in pairs(x) do
    if holds_shapes(inner) then return true end
  end
  return false
end

-- The shapes of the results, as many returns as the layer's call has.
function shapes.compute(self, input_shape, ...)
  local _ <close> = core.enter(self.name, declare.class_of(self).name)
  local specs, options = {}, further(self, ...)
  gather_specs(self, input_shape, specs)
  local names = nest.keys(options)
  for _, name in ipairs(names) do
    if holds_shapes(options[name]) then gather_specs(self, options[name], specs) end
  end
  local results
  core.trace(specs, function (...)
    local tensors, place, given = { ... }, { at = 0 }, {}
    local input = refill(input_shape, tensors, place)
    for _, name in ipairs(names) do
      local value = options[name]
      given[name] = holds_shapes(value) and refill(value, tensors, place) or value
    end
    results = table.pack(self(input, given))
    local flat = {}
    for i = 1, results.n do
      results[i] = nest.map(results[i], function (y)
        flat[#flat + 1] = y
        return y.shape
      end)
    end
    return table.unpack(flat)
  end)
  return table.unpack(results, 1, results.n)
end

return shapes
