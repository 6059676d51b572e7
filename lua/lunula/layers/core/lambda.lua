-- Lambda: a Lua function as a layer.
--
-- In a model the function is traced like the call of any layer, so that it runs without Lua, fuses
-- and has gradients. A function that asks for a value on the way (x:item(), a comparison) cannot be
-- traced: it becomes a host step, which calls it once per batch; that is said once. `trace = false`
-- makes it a host step at once.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local inputs = require "lunula.layers.base.inputs"
local tools = require "lunula.ops.tools"
local nest = require "lunula.utils.nest"
local warn = require "lunula.utils.warn"

-- ---- the parameters of the function -----------------------------------------------------------

local function check_arguments(self, names)
  local keys = {}
  for key in pairs(self._arguments) do
    if type(key) == "string" then keys[#keys + 1] = key end
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local found = false
    for i = 2, #names do found = found or names[i] == key end
    if not found then
      core.raise('Lambda: arguments has "%s", but the function has no parameter of that name%s',
        key, declare.suggestion(key, { table.unpack(names, 2) }))
    end
  end
end

-- What follows x: arguments by parameter name, `mask` and `training` where they are named, else the
-- arguments of a list in their order.
local function call_function(self, x, options)
  local names, given = self.parameters, self._arguments or {}
  if not names then
    if #given > 0 or next(given) == nil then return self.fn(x, table.unpack(given)) end
    return self.fn(x, given)
  end
  local values, count, place = {}, math.max(#names - 1, #given), 0
  for i = 1, count do
    local name = names[i + 1]
    if name and given[name] ~= nil then
      values[i] = given[name]
    elseif name == "mask" then
      values[i] = options.mask
    elseif name == "training" then
      values[i] = options.training
    else
      place = place + 1
      values[i] = given[place]
    end
  end
  return self.fn(x, table.unpack(values, 1, count))
end

-- ---- the output shape -------------------------------------------------------------------------

-- The declared shape of the output, batch and all; nil when none was declared.
local function declared_shape(self, input_shape)
  local declared = self._output_shape
  if declared == nil then return nil end
  if type(declared) == "function" then return declared(input_shape) end
  local first = input_shape
  while type(first[1]) == "table" do first = first[1] end
  return table.move(declared, 1, #declared, 2, { first[1] or false })
end

local function agree(a, b)
  if #a ~= #b then return false end
  for i, size in ipairs(a) do
    if size and size ~= -1 and b[i] and size ~= b[i] then return false end
  end
  return true
end

local function check_shape(self, y, input_shape)
  local wanted = declared_shape(self, input_shape)
  if wanted and core.is_tensor(y) and not agree(wanted, y.shape) then
    core.raise("output_shape says %s, the function returns %s", tools.shape_text(wanted),
      tools.shape_text(y.shape))
  end
end

-- ---- host steps -------------------------------------------------------------------------------

-- Zeros in the shape of x, with `batch` for what is unknown.
local function stand_in(x, batch)
  local shape = x.shape
  for i, size in ipairs(shape) do shape[i] = size or batch end
  return core.ops.full(shape, 0, x.dtype)
end

-- Shapes and types of the results, from a run on zeros in two sizes: what differs is unknown.
local function probe(leaves, run)
  local function try(batch)
    local zeros = {}
    for i, x in ipairs(leaves) do zeros[i] = stand_in(x, batch) end
    local ok, results = pcall(function () return table.pack(run(table.unpack(zeros))) end)
    if not ok then
      core.raise("the output shape could not be found, because the function failed on zeros: "
        .. "%s; give output_shape", tostring(results))
    end
    return results
  end
  local small, large, specs = try(2), try(3), {}
  for i = 1, small.n do
    local shape, other = small[i].shape, large[i].shape
    for axis, size in ipairs(shape) do
      if other[axis] ~= size then shape[axis] = false end
    end
    specs[i] = { shape = shape, dtype = small[i].dtype }
  end
  return specs
end

-- The leaves of the inputs, and of the mask, go in as tensors and come back in their structure.
local function host_step(self, x, options)
  local leaves = nest.flatten(x)
  local number, given = #leaves, options.mask
  if given then nest.each(given, function (m) if m then leaves[#leaves + 1] = m end end) end
  local function run(...)
    local tensors, at = { ... }, 0
    local function next_tensor()
      at = at + 1
      return tensors[at]
    end
    local input = nest.map(x, next_tensor)
    at = number
    local mask = given and nest.map(given, function (m) return m and next_tensor() end)
    local results = table.pack(call_function(self, input, {
      training = options.training, mask = mask,
    }))
    if results.n == 0 or results[1] == nil then
      core.raise("the function returned %s, a tensor is wanted",
        results.n == 0 and "nothing" or "nil")
    end
    for i = 1, results.n do
      local y = core.is_tensor(results[i]) and results[i] or core.tensor(results[i])
      results[i] = self._output_shape and tools.cast(y, "float32") or y
    end
    return table.unpack(results, 1, results.n)
  end
  local wanted = declared_shape(self, inputs.shapes(x))
  local outputs = wanted and { { shape = wanted, dtype = "float32" } }
    or core.untraced(probe, leaves, run)
  return core.host { fn = run, inputs = leaves, outputs = outputs, line = core.where() }
end

local function symbolic(x)
  local found = false
  nest.each(x, function (leaf) found = found or core.is_symbolic(leaf) end)
  return found
end

-- ---- the layer --------------------------------------------------------------------------------

local function traced(self, x, options)
  local results = table.pack(pcall(call_function, self, x, options))
  if results[1] then return table.unpack(results, 2, results.n) end
  local problem = results[2]
  if not (type(problem) == "table" and problem.symbolic) then error(problem, 0) end
  self.hosted = true
  warn.say('layer "%s" (Lambda) runs its Lua function once per batch, because it cannot be traced: '
    .. "%s", self.name, tostring(problem))
  return host_step(self, x, options)
end

-- Python's code in a file: {class_name = "__lambda__"}, or a list that begins with it in Keras 2.
local function is_python(value)
  return type(value) == "table" and (value.class_name == "__lambda__" or type(value[1]) == "string")
end

-- A function, or the name under which it is known: files hold names, never code. What was code in a
-- file may be given under the name of the layer.
local function known_function(value, context)
  local name, python = value, is_python(value)
  if python then
    name = context.object.name
    if context.arg ~= "function" then name = name .. "_" .. context.arg end
  elseif type(value) == "table" and value.class_name == "function" then
    name = value.config
  end
  if type(name) ~= "string" then return kinds.callable.check(value) end
  local known = declare.custom_object(name)
  if known == nil then
    return nil, nil, (python and 'the file holds Python code, which is never executed; pass a '
      .. 'function named "%s" in custom_objects'
      or 'no function is known by the name "%s"; pass it in custom_objects'):format(name)
  end
  return known
end

local function serialise_function(value)
  return declare.name_of(value) or value
end

-- In a file a function without a name bears that of the layer.
local function record_function(suffix)
  return function (value, config)
    if type(value) ~= "string" and type(value) ~= "function" then return value end
    local record = declare.function_record(value)
    return record ~= value and record or declare.function_record(config.name .. suffix)
  end
end

local function function_or(name, suffix, other)
  return {
    name = name,
    check = function (value, context)
      local found, wanted, problem = known_function(value, context)
      if found ~= nil or problem then return found, wanted, problem end
      return other(value)
    end,
    serialise = serialise_function, record = record_function(suffix),
  }
end

local user_function = {
  name = "a function", check = known_function, serialise = serialise_function,
  record = record_function "",
}

local shape_kind = function_or("a shape without the batch, as {10}, or a function of the input "
  .. "shape", "_output_shape", kinds.shape.check)

local mask_kind = function_or("a mask or a function of inputs and mask", "_mask", function (value)
  if core.is_tensor(value) then return value end
  if type(value) == "table" and value.class_name == "__tensor__" then value = value.config.value end
  return type(value) == "table" and core.tensor(value, { dtype = "bool" }) or nil
end)

return layer "Lambda" {
  several = true,
  doc = "function(x, …) as a layer; further parameters come from arguments, mask and training",
  args = {
    { "function", user_function, required = true, field = "fn", alias = { "f", "fn" },
      doc = "the function (x), or (x, { mask =, training = }) by the names of its parameters" },
    { "output_shape", shape_kind, field = "_output_shape", config = "set",
      doc = "the shape that comes out, or a function of the shape that goes in" },
    { "mask", mask_kind, field = "_mask", config = "set",
      doc = "the mask that comes out, or a function (x, mask)" },
    { "arguments", kinds.table, field = "_arguments",
      doc = "further arguments of the function, by name" },
    { "trace", kinds.boolean, keyword = true, config = "set",
      doc = "false: the function is called for each batch" },   -- nil: if it can be
  },
  init = function (self)
    self.supports_masking = self._mask ~= nil
    if type(self.fn) == "function" then self.parameters = core.parameters(self.fn) end
    if self.parameters and self._arguments then check_arguments(self, self.parameters) end
  end,
  compute_mask = function (self, x, mask)
    if type(self._mask) == "function" then return self._mask(x, mask) end
    return self._mask
  end,
  call = function (self, x, options)
    if not symbolic(x) then return call_function(self, x, options) end
    if self.hosted or self.trace == false then return host_step(self, x, options) end
    local results = table.pack(traced(self, x, options))
    check_shape(self, results[1], inputs.shapes(x))
    return table.unpack(results, 1, results.n)
  end,
}
