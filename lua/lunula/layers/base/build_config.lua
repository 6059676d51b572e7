-- The shapes a layer was built with, as Keras's files hold them: {input_shape = …}, or, where the
-- build was told of further tensors, {shapes_dict = {query_shape = …, value_shape = …}}.

local core = require "lunula.core"
local declare = require "lunula.declare"
local nest = require "lunula.utils.nest"

local build_config = {}

-- What Keras calls the first argument of the layer's call.
local function first_name(self)
  local call_args = self.call_args
  return call_args.value and "query" or call_args.initial_state and "sequences" or "input"
end

local function ordered(t, order)
  return setmetatable(t, { __jsonorder = order })
end

-- nil for a layer that is not built, or has nothing to build.
function build_config.get(self)
  local shape, further = self._build_shape, self._further_shapes or { n = 0 }
  if not shape and self.built and self.needs_no_shape then
    return { shapes_dict = ordered({}, {}) }
  end
  if not shape then return nil end
  local first = first_name(self) .. "_shape"
  local shapes, order = { [first] = shape }, { first }
  for i = 1, further.n do
    local name = self.call_args[i]
    if further[i] and name and not name:find "mask$" then      -- builds are not told of masks
      order[#order + 1] = name .. "_shape"
      shapes[order[#order]] = further[i]
    end
  end
  if #order == 1 then return { input_shape = shape } end
  return { shapes_dict = ordered(shapes, order) }
end

-- Builds the layer as such a config says. Without any shape it builds what needs none.
function build_config.build(self, config)
  local shapes = config.shapes_dict
  if type(shapes) ~= "table" then
    local shape = config.input_shape
    if type(shape) == "table" then self:build(nest.shape(shape)) end
    return
  end
  if self.needs_no_shape and next(shapes) == nil then return self:build() end
  local first, further = first_name(self) .. "_shape", {}
  if type(shapes[first]) ~= "table" then
    core.raise("build_config: shapes_dict has no %s%s", first,
      declare.suggestion(first, nest.keys(shapes)))
  end
  for i, name in ipairs(self.call_args) do
    local shape = shapes[name .. "_shape"]
    if type(shape) == "table" then further[i] = nest.shape(shape) end
  end
  self:build(nest.shape(shapes[first]), table.unpack(further, 1, #self.call_args))
end

return build_config
