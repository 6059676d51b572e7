-- A stack of layers, each fed with what the one before gave: k.Sequential{ … }.
--
-- As soon as the shape of the input is known, from an Input, from input_shape= on the first layer
-- or from the first data, the stack is recorded as a graph; from then on it is a functional model
-- that can grow and shrink at its end.
--
-- A first layer that reads strings is no part of the graph: it is called on the data before they
-- are anything to compute with.

local core = require "lunula.core"
local late = require "lunula.late"
local changes = require "lunula.layers.base.changes"
local context = require "lunula.layers.base.context"
local hooks = require "lunula.layers.base.hooks"
local base = require "lunula.layers.base"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local ktensor = require "lunula.models.ktensor"
local config = late(function () return require "lunula.models.config" end)
local deserialize = late(function () return require "lunula.models.deserialize" end)
local functional = require "lunula.models.functional"
local input = require "lunula.models.input"
local model = require "lunula.models.model"

local is_input = function(layer) return declare.is(layer, input.InputLayer) end

-- ---- recording ---------------------------------------------------------------------------------

-- The placeholder after `layer`, called on kt.
local function extend(self, kt, layer)
  local _ <close> = context.within(self)
  local results = table.pack(layer(kt))
  if results.n ~= 1 or not ktensor.is(results[1]) then
    core.raise("model \"%s\": layer \"%s\" gives %d tensors; a layer of a Sequential gives one",
      self.name, layer.name,
      results.n)
  end
  return results[1]
end

-- Runs fn; when it fails, what it recorded on the layers is forgotten.
local function all_or_nothing(self, fn)
  local counts, done = {}, false
  for _, layer in ipairs(self._stack) do counts[layer] = #layer._nodes end
  local _ <close> = setmetatable({}, { __close = function()
    if done then return end
    for layer, count in pairs(counts) do
      for i = #layer._nodes, count + 1, -1 do layer._nodes[i] = nil end
    end
  end })
  fn()
  done = true
end

-- The first layer, when it reads strings and can be no part of the graph.
local function reader(self)
  local first = self._stack[1]
  return first and first.reads_strings and first:reads_strings() and first or nil
end

-- The position of the first layer of the graph.
local function first_place(self) return reader(self) and 2 or 1 end

local function begin(self, kt)
  all_or_nothing(self, function()
    local last = kt
    for i = first_place(self), #self._stack do last = extend(self, last, self._stack[i]) end
    functional.define(self, kt, last)
    rawset(self, "_start", kt)
  end)
end

-- Where the first layer says what it takes: Dense{64, input_shape={10}}.
local function start_from(self, layer)
  local shape = layer.batch_input_shape
  if shape then
    begin(self, input.like({
      shape = shape, dims = shape, dtype = layer._input_dtype or layer.input_dtype, mask = nil,
    }))
  elseif declare.is(layer, model.Model) and layer._inputs then
    begin(self, input.like(layer._inputs[1]))
  end
end

-- ---- growing and shrinking ---------------------------------------------------------------------

local function as_layer(self, item)
  if ktensor.is(item) then
    if not item.node.is_input then
      core.raise("model \"%s\": only Input{} may stand among the layers of a Sequential, got %s",
        self.name,
        tostring(item))
    end
    return item.node.layer
  end
  if type(item) == "function" then
    core.raise("model \"%s\": a function must be wrapped to be a layer: "
      .. "layers.Lambda(function (x) … end)", self.name)
  end
  if not declare.is(item, "layer") then
    core.raise("model \"%s\": %s is no layer", self.name, declare.show(item))
  end
  if item == self then core.raise("model \"%s\" cannot be a layer of itself", self.name) end
  return item
end

local function check_name(self, name)
  local taken = self._start and self._start.node.layer.name == name
  for _, other in ipairs(self._stack) do taken = taken or other.name == name end
  if taken then
    core.raise("model \"%s\": a layer named \"%s\" is there already; the names of the layers "
      .. "must be unique", self.name, name)
  end
end

local function add(self, item)
  hooks.check_method(self, "model", "add")
  local layer = as_layer(self, item)
  if is_input(layer) then
    if self._start or #self._stack >= first_place(self) then
      core.raise("model \"%s\": an Input can only stand first", self.name)
    end
    begin(self, input.output_of(layer))
    return self
  end
  check_name(self, layer.name)
  if self._start then
    local last = extend(self, self._outputs[1], layer)
    table.insert(self._stack, layer)
    functional.grow(self, last)
  else
    table.insert(self._stack, layer)
    if #self._stack == first_place(self) then
      local ok, failure = pcall(start_from, self, layer)
      if not ok then
        table.remove(self._stack)
        error(failure, 0)
      end
    end
    changes.note(self)
  end
  return self
end

local function pop(self)
  hooks.check_method(self, "model", "pop")
  local layer = table.remove(self._stack)
  if not layer then core.raise("model \"%s\" has no layer to pop", self.name) end
  if self._start then
    local last, nodes = self._outputs[1].node, layer._nodes
    if nodes[#nodes] == last then nodes[#nodes] = nil end
    functional.shrink(self, last.inputs[1])
  else
    changes.note(self)
  end
  return layer
end

-- Building from the shape of the first data.
local function build(self, shape)
  if self._start then return end
  if #self._stack == 0 then
    core.raise("model \"%s\" has no layers yet; add some first", self.name)
  end
  if type(shape) ~= "table" or type(shape[1]) == "table" then
    core.raise("model \"%s\" is a Sequential and takes one input", self.name)
  end
  local dims = table.move(shape, 1, #shape, 1, {})
  dims[1] = false
  local first = self._stack[first_place(self)]
  if not first then
    core.raise("model \"%s\" has no layer after \"%s\"", self.name, self._stack[1].name)
  end
  begin(self, input.like { shape = dims, dims = dims, dtype = first.input_dtype })
end

local declaration = {
  parent = model.Model,
  doc = "A stack of layers: Sequential{ layers.Dense{8, activation=\"relu\"}, layers.Dense(1) }.",
  replace_args = true,
  args = { { "layers", kinds.any, config = false, field = "_given_layers" } },
  init = function(self)
    local given = rawget(self, "_given_layers")
    rawset(self, "_given_layers", nil)
    if given ~= nil and type(given) ~= "table" then
      core.raise("Sequential: layers must be a list of layers, got %s", declare.show(given))
    end
    rawset(self, "_stack", {})
    for _, item in ipairs(given or {}) do add(self, item) end
  end,
  build = build,
  call = function(self, x)
    if not self._graph then
      core.raise("model \"%s\" has no layers yet; add some first", self.name)
    end
    return functional.call(self, x)
  end,
  add = add,
  pop = pop,
}

for name, method in pairs(functional.methods) do declaration[name] = method end

declaration.get_config = function(self) return config.of_sequential(self) end
declaration.get_build_config = function(self)
  return config.build_config_of_sequential(self)
end
declaration.from_config = function(class, given)
  return deserialize.from_config("Sequential", "sequential", class, given)
end
declaration._output_names = function(self)
  return self._outputs and { self._outputs[1].node.layer.name } or { "output" }
end
declaration._ensure_built = function(self, xs)
  if self.built then return end
  self:build(xs[1].shape)
end
-- Strings as what the first layer makes of them, where it stands before the graph.
declaration._read = function(self, x)
  local layer = reader(self)
  if not layer then return model.Model._read(self, x) end
  local hosted = core.is_tensor(x) and (core.is_symbolic(x) or x.dtype ~= "string")
  if hosted or ktensor.within(x) then return x end
  return layer(x)
end
declaration._first_dtype = function(self)
  local first = self._start or self._stack[1]
  return first and (self._start and first.dtype or first.input_dtype)
end
declaration.tracked_layers = function(self) return self._stack end
declaration._shown_layers = function(self) return self._stack end

local Sequential = base.layer "Sequential" (declaration)
Sequential.module = "keras"

-- Sequential({ l1, l2 }, { name = }): the options follow the list, or the layers.
local function with_options(...)
  local stack = table.pack(...)
  local options = table.remove(stack)
  local empty = declare.is_plain(options) and next(options) == nil   -- { name = nil }
  if declare.is_plain(stack[1]) and #stack > 1 or not (empty or declare.only_names(options)) then
    core.raise("Sequential: what follows the list of layers is a table of options by name, as "
      .. "Sequential({…}, { name = \"m\" }), got %s", declare.show((select(2, ...))))
  end
  local given = { layers = declare.is_plain(stack[1]) and stack[1] or stack }
  for key, value in pairs(options) do given[key] = value end
  return Sequential(given)
end

-- Sequential{ l1, l2, name= }: the positional values are the layers, whether in a list of their
-- own or not.
local function construct(...)
  local first = ...
  local many = select("#", ...) > 1
  if many and (declare.is_plain(first) or declare.only_names((select(-1, ...)))) then
    return with_options(...)
  end
  if select("#", ...) ~= 1 or not declare.is_plain(first) then
    if first == nil then return Sequential {} end
    return Sequential { { ... } }
  end
  local options, stack = {}, {}
  for key, value in pairs(first) do
    if type(key) == "string" then options[key] = value end
  end
  for i, item in ipairs(first) do
    if declare.is_plain(item) and #first == 1 then
      table.move(item, 1, #item, 1, stack)
    else
      stack[i] = item
    end
  end
  options.layers = options.layers or stack
  return Sequential(options)
end

-- What users call. It reads as the class does: Sequential.from_config(config).
local callable = setmetatable({}, {
  __call = function(_, ...) return construct(...) end,
  __index = Sequential,
  __tostring = function() return tostring(Sequential) end,
})

return { class = Sequential, Sequential = callable }
