-- What comes into a layer: made tensors, cast to the type the layer computes in, checked for rank.

local core = require "lunula.core"
local declare = require "lunula.declare"
local tools = require "lunula.ops.tools"
local nest = require "lunula.utils.nest"

local inputs = {}

local shape_text = tools.shape_text

local function cast(x, dtype)
  if x.dtype == dtype then return x end
  local y = core.ops.cast(x, dtype)
  y.mask = x.mask
  return y
end

local function made_tensor(x)
  if core.is_variable(x) then return x.value end
  if core.is_tensor(x) then return x end
  if type(x) == "number" or nest.is_data(x) then return core.tensor(x) end
  core.raise("called on %s; a layer takes tensors, or tables of them%s", declare.show(x),
    type(x) == "string" and "; TextVectorization, StringLookup and Hashing make them of strings"
      or "")
end

-- Floats are cast to float32 unless autocast is off. A layer that computes with its input
-- (`casts = "all"`) gets integers and booleans as floats too; one that does not keeps them. A layer
-- of Lua data (`casts = "nothing"`), strings for one, gets what was given.
function inputs.prepare(self, x)
  if x == nil then core.raise("called without an input") end
  if self._read then x = self:_read(x) end   -- a model that begins with strings
  if self.casts == "nothing" then return type(x) == "number" and core.tensor(x) or x end
  return nest.map(x, function (leaf)
    local tensor = made_tensor(leaf)
    local float = tools.is_float(tensor)
    if self.casts == "all" or float and self.autocast ~= false then
      return cast(tensor, "float32")
    end
    return tensor
  end)
end

function inputs.shapes(x)
  if not nest.is_structure(x) then return core.is_tensor(x) and x.shape or nil end
  local shapes = {}
  for _, key in ipairs(nest.keys(x)) do shapes[key] = inputs.shapes(x[key]) end
  return shapes
end

-- The shapes of the tensors among the further arguments of a call, in the order of call_args.
function inputs.further_shapes(self, options)
  local list = {}
  for i, name in ipairs(self.call_args) do
    local x = options[name]
    if core.is_tensor(x) then list[i] = x.shape end
  end
  return table.unpack(list, 1, #self.call_args)
end

-- ---- checks -----------------------------------------------------------------------------------

local fields = {
  "dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes", "allow_last_axis_squeeze", "name",
  "optional",
}

-- What a layer may be called on; kept in its field input_spec.
function inputs.spec(given)
  local names = {}
  for _, field in ipairs(fields) do names[field] = true end
  for key in pairs(given) do
    if not names[key] then
      core.raise('InputSpec: unknown option "%s"%s', tostring(key),
        declare.suggestion(key, fields))
    end
  end
  return given
end

local function check_axes(axes, shape)
  local rank = #shape
  for axis = -rank, rank - 1 do
    local wanted = axes[axis]
    local size = shape[axis < 0 and rank + axis + 1 or axis + 1]
    if wanted and size and size ~= wanted then
      local flatten = axis == -1 and rank > 2 and "; a Flatten before it may be missing" or ""
      core.raise("built for size %d on axis %d, called on shape %s%s", wanted, axis,
        shape_text(shape), flatten)
    end
  end
end

local function check_one(spec, x)
  local shape = x.shape
  local rank = #shape
  if spec.ndim and rank ~= spec.ndim then
    core.raise("takes an input of rank %d, got shape %s", spec.ndim, shape_text(shape))
  elseif spec.min_ndim and rank < spec.min_ndim then
    core.raise("takes an input of rank %d or more, got shape %s%s", spec.min_ndim,
      shape_text(shape), rank == 1 and "; the first axis is the batch" or "")
  elseif spec.max_ndim and rank > spec.max_ndim then
    core.raise("takes an input of rank %d at most, got shape %s", spec.max_ndim,
      shape_text(shape))
  end
  if spec.axes then check_axes(spec.axes, shape) end
  for i, size in ipairs(spec.shape or {}) do
    if rank ~= #spec.shape or size and shape[i] and shape[i] ~= size then
      core.raise("takes an input of shape %s, got %s", shape_text(spec.shape), shape_text(shape))
    end
  end
end

local function check_single(x)
  if nest.is_structure(x) then
    core.raise("takes one tensor, got a table of %d", #nest.flatten(x))
  end
end

-- input_spec is one spec for one tensor, or a list of specs for a list of tensors. Without one, a
-- layer of ours takes one tensor unless it says that it takes several.
function inputs.check(self, x)
  local spec = self.input_spec
  if not spec then
    local ours = declare.class_of(self).module
    if ours and not self.several and self.casts ~= "nothing" then check_single(x) end
    return
  end
  if #spec == 0 then
    check_single(x)
    return check_one(spec, x)
  end
  local leaves = nest.flatten(x)
  if #leaves ~= #spec then
    core.raise("takes %d tensors, got %d", #spec, #leaves)
  end
  for i, one in ipairs(spec) do check_one(one, leaves[i]) end
end

return inputs
