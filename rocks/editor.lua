-- Writes lunula/meta.lua, from which editors know every name (LuaCATS annotations):
--   lua5.4 rocks/editor.lua FILE
-- All of it comes from the declarations and from the texts of k.help. Called without a file, as the
-- spec does, it returns the text.

local k = require "lunula"
local comments = require "lunula.help.comments"
local core = require "lunula.core"
local declare = require "lunula.declare"
local doors = require "lunula.help.doors"
local fields = require "lunula.help.fields"
local functions = require "lunula.help.functions"
local taken = require("lunula.ops.tools").taken
local signatures = dofile "rocks/editor_signatures.lua"

local writer = dofile "rocks/editor_writer.lua"

local lines, put, sorted, doc = writer.lines, writer.put, writer.sorted, writer.doc
local put_overload, function_of = writer.put_overload, writer.function_of

local classes = assert(loadfile "rocks/editor_classes.lua")(writer)
local bases, told = classes.bases, classes.told
local put_fields, put_methods = classes.put_fields, classes.put_methods

-- ---- ops and tensors ---------------------------------------------------------------------------

local ops = k.ops
local rows = {}
for _, row in ipairs(core.catalogue()) do rows[row.name] = row end

-- An op takes its options in their order, or in one table behind the tensors.
local function op(name, row)
  local list = signatures.of_signature(row.signature)
  put_overload(list, "lunula.Tensor")
  function_of(name, list, row.doc, "lunula.Tensor")
end

local function module_head(name, text)
  put ""
  doc(text)
  put("---@class lunula.module.%s", name)
  put("k.%s = {}", name)
end

local function all_ops(text)
  module_head("ops", text)
  for _, name in ipairs(sorted(ops)) do
    if type(ops[name]) == "function" then
      if rows[name] then op("k.ops." .. name, rows[name])
      else
        function_of("k.ops." .. name, signatures.of_function(ops[name]),
          comments.of(ops[name]) or text)
      end
    end
  end
  for _, inner in ipairs(sorted(ops)) do
    if type(ops[inner]) == "table" then
      module_head("ops." .. inner, ("The part %s of k.ops."):format(inner))
      for _, name in ipairs(sorted(ops[inner])) do
        local value, path = ops[inner][name], ("k.ops.%s.%s"):format(inner, name)
        local row = rows[inner .. "." .. name]
        if value == ops[name] and not row then
          put('k.ops.%s["%s"] = k.ops["%s"]', inner, name, name)
        elseif row or rows[name] then op(path, row or rows[name])
        else function_of(path, signatures.of_function(value), "A part of k.ops.") end
      end
    end
  end
end

local operators = { "add", "sub", "mul", "div", "pow", "mod", "idiv" }

local function tensors()
  put ""
  put "---A tensor; a tensor that is traced; a placeholder."
  put "---@class lunula.Tensor"
  put_fields(fields.tensor)
  for _, name in ipairs(operators) do put("---@operator %s(lunula.Value): lunula.Tensor", name) end
  put "---@operator unm: lunula.Tensor"
  put "local Tensor = {}"
  put_methods("tensor", "Tensor")
  local tensor = core.tensor(0)
  for _, row in ipairs(core.catalogue()) do
    local list = signatures.of_signature(row.signature)
    local own = functions.methods.tensor[row.name]
    if not own and row.name:find "^[%w_]+$" and tensor[row.name] and list[1] then
      table.remove(list, 1)
      function_of("Tensor:" .. row.name, list, row.doc, "lunula.Tensor")
    end
  end
  put ""
  put "---A value that is changed."
  put "---@class lunula.Variable : lunula.Tensor"
  put_fields(fields.variable)
  put "local Variable = {}"
  put_methods("variable", "Variable")
end

-- ---- modules -----------------------------------------------------------------------------------

local function find(module, name)
  return name:find "^%u" and rawget(module, "find") and module.find(name) or module[name]
end

-- Names that a module does not have before they are asked for.
local late = {
  layers = { "Input", "InputSpec", "Layer" }, utils = { "FeatureSpace", "bounding_boxes" },
  datasets = { "boston_housing", "california_housing", "cifar10", "cifar100", "fashion_mnist",
    "imdb", "mnist", "reuters" },
}
for _, name in ipairs(k.layers.names()) do
  local snake = declare.snake_case(name)
  local found, f = pcall(function () return k.layers[snake] end)
  if found and type(f) == "function" then table.insert(late.layers, snake) end
end

local function names_of(path, module)
  local names = {}
  for _, name in ipairs(late[path] or {}) do names[name] = true end
  for name in pairs(module) do names[name] = true end
  for _, name in ipairs(rawget(module, "names") and module.names() or {}) do names[name] = true end
  return sorted(names)
end

local function member(path, name, value, text)
  local row, place = functions[path] and functions[path][name], ("k.%s.%s"):format(path, name)
  local class = declare.class_of(value)
  if type(value) == "function" then
    local list = signatures.of_function(value)
    if taken[value] then put_overload(list, "any")
    elseif row then list = signatures.of_call(row) end
    function_of(place, list, row and row[2] or comments.of(value) or text)
  elseif class then
    function_of(place, signatures.of_function(class.apply, true), classes.class_text(class),
      "lunula.Tensor")
  elseif type(value) == "table" then
    function_of(place, signatures.of_function(value), text)
  else
    put("---@type %s", type(value))
    put("%s = nil", place)
  end
end

local function is_module(value)
  local metatable = getmetatable(value)
  return type(value) == "table" and not declare.class_of(value)
    and not (metatable and metatable.__call)
end

local function module_of(path, module, text)
  module_head(path, text)
  local later = {}
  for _, name in ipairs(names_of(path, module)) do
    local value = find(module, name)
    if declare.is_class(value) then later[#later + 1] = name
    elseif is_module(value) then
      module_of(path .. "." .. name, value, ("The part %s of k.%s."):format(name, path))
    else
      member(path, name, value, text)
    end
  end
  for _, name in ipairs(later) do
    local class = find(module, name)
    if not told[class] and class.name == name then classes.class_of(path .. "." .. name, class) end
  end
  for _, name in ipairs(later) do
    local class = find(module, name)
    if told[class] ~= "lunula." .. path .. "." .. name then
      put("---@type %s", told[class] and told[class] .. ".Class" or "any")
      put("k.%s.%s = nil", path, name)
    end
  end
end

-- Names of the facade that are no functions with a text.
local facade_types = {
  Layer = "lunula.Layer.Class", Loss = "lunula.Loss.Class", Metric = "lunula.Metric.Class",
  Optimizer = "lunula.Optimizer.Class", Initializer = "lunula.Initializer.Class",
  Regularizer = "lunula.Regularizer.Class", InputSpec = "any",
  None = "any", version = "string",
}

-- What functions of the facade give, where more than anything is known.
local facade_results = { Variable = "lunula.Variable", threads = "integer", is_tensor = "boolean" }
for name in ("tensor zeros ones full arange frombytes"):gmatch "%a+" do
  facade_results[name] = "lunula.Tensor"
end

local function facade()
  for _, name in ipairs(sorted(functions.facade)) do
    local row = functions.facade[name]
    if name == "tensor" then
      put "---@overload fun(values: any, dtype: string): lunula.Tensor"
    end
    function_of("k." .. name, signatures.of_call(row), row[2], facade_results[name])
  end
  for _, name in ipairs(sorted(doors)) do
    if not facade_types[name] then -- one that declares a class
      doc(doors[name]:match "\n  (%l[^\n]*)")
      put "---@param name string"
      put("---@return fun(declaration: table): lunula.%s.Class", bases[name] or "Model")
      put("function k.%s(name) end", name)
    end
  end
  for _, name in ipairs(sorted(facade_types)) do
    put("---@type %s", facade_types[name])
    put("k.%s = nil", name)
  end
end

local function models()
  put ""
  put "---@class lunula.Model : lunula.Layer"
  put_fields(fields.model)
  put "local Model = {}"
  put_methods("model", "Model")
  local class, layer, put_already = declare.class_of(k.Sequential {}), classes.root_of "layer", {}
  while class ~= layer do
    local texts = functions.methods.model
    for _, name in ipairs(sorted(class)) do
      local f = rawget(class, name)
      local is_own = classes.is_method(name, f) and layer[name] == nil
      if is_own and not texts[name] and not put_already[name] then
        put_already[name] = true
        function_of("Model:" .. name, signatures.of_function(f, true),
          comments.of(f) or "A method of models.")
      end
    end
    class = class.parent
  end
  local input = require "lunula.layers.core.input_layer"
  classes.options_of(input, "lunula.Input")
  put "---The placeholder of a new input."
  put "---@overload fun(...: any): lunula.Tensor"
  put "---@param options? lunula.Input.Options"
  put "---@return lunula.Tensor"
  put "function k.Input(options) end"
  -- A method of the class is called as the parent's: k.Model.compile(self, options).
  for _, name in ipairs { "Sequential", "Model" } do
    put ""
    put("---%s", name == "Model" and "A model of recorded layer calls." or "Layers in a row.")
    put("---@class lunula.%s.Class : lunula.Model", name)
    put "---@overload fun(options?: table): lunula.Model"
    put("k.%s = {}", name)
  end
end

local function all()
  put "---@meta lunula"
  put "-- Written by rocks/editor.lua for editors; nothing requires it."
  put ""
  put "---Keras for Lua."
  put "---@class lunula"
  put "local k = {}"
  put ""
  put "---@alias lunula.Value lunula.Tensor|number|boolean|string|table"
  put "---@class lunula.Shape"
  put "---@class lunula.Class"
  put "---@field name string The name, as in configs."
  put "---@field from_config fun(config: table): any An object of what get_config gave."
  tensors()
  for _, kind in ipairs(sorted(bases)) do classes.base(kind) end
  models()
  put ""
  facade()
  local texts = {}
  for _, row in ipairs(functions.modules) do texts[row[1]] = row[2] end
  for _, name in ipairs(sorted(texts)) do
    if name == "ops" then all_ops(texts.ops) else module_of(name, k[name], texts[name]) end
  end
  put ""
  put "return k"
  return table.concat(lines, "\n") .. "\n"
end

local path = arg and arg[0] and arg[0]:find "editor%.lua$" and arg[1]
if not path then return all() end
local file = assert(io.open(path, "wb"))
assert(file:write(all()))
assert(file:close())
