-- The output shape of a layer, found by calling it on tensors that have a shape and no numbers.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local nest = require "lunula.utils.nest"

local shapes = {}

-- A list of sizes is a shape; a table of shapes is a structure of several.
local function is_shape(x)
  if type(x) ~= "table" then return false end
  local first = x[1]
  return next(x) == nil or type(first) == "number" or first == false
end

local function gather_specs(self, x, specs)
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
  for _, key in ipairs(nest.keys(x)) do gather_specs(self, x[key], specs) end
end

local function refill(x, tensors, place)
  if is_shape(x) then
    place.at = place.at + 1
    return tensors[place.at]
  end
  local copy = {}
  for _, key in ipairs(nest.keys(x)) do copy[key] = refill(x[key], tensors, place) end
  return copy
end

-- The shapes of the results, as many returns as the layer's call has.
function shapes.compute(self, input_shape)
  local _ <close> = core.enter(self.name, declare.class_of(self).name)
  local specs = {}
  gather_specs(self, input_shape, specs)
  local results
  core.trace(specs, function (...)
    results = table.pack(self(refill(input_shape, { ... }, { at = 0 })))
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
