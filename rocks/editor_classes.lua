-- The classes in the file for editors: their options, fields and methods, and what all of a kind
-- have. editor.lua puts them in their places.

local k = require "lunula"
local comments = require "lunula.help.comments"
local declare = require "lunula.declare"
local fields = require "lunula.help.fields"
local functions = require "lunula.help.functions"
local signatures = dofile "rocks/editor_signatures.lua"

local writer = ...                       -- editor_writer.lua, whose lines are one file
local put, sorted, doc, one_line = writer.put, writer.sorted, writer.doc, writer.one_line
local function_of = writer.function_of

-- Fields and methods that have texts of their own.
local function put_fields(list)
  for _, name in ipairs(sorted(list)) do
    put("---@field %s %s %s", name, list[name][1], one_line(list[name][2]))
  end
end

local function put_methods(owner, path)
  for _, name in ipairs(sorted(functions.methods[owner] or {})) do
    local row = functions.methods[owner][name]
    function_of(("%s:%s"):format(path, name), signatures.of_call(row), row[2])
  end
end

local bases = { layer = "Layer", optimizer = "Optimizer", metric = "Metric", loss = "Loss",
  callback = "Callback", initializer = "Initializer", regularizer = "Regularizer",
  constraint = "Constraint", schedule = "Schedule", activation = "Activation" }

-- What a class has for itself, and no user calls.
local inner = { finish = true, init = true, make_from_config = true, prepare = true, respell = true,
  from_function = true }

-- What objects give that are called.
local results = { layer = "lunula.Tensor, ...", loss = "lunula.Tensor",
  metric = "lunula.Tensor", initializer = "lunula.Tensor", regularizer = "lunula.Tensor",
  constraint = "lunula.Tensor", schedule = "number" }

local told = {}   -- class -> the name of its type

local function argument_text(arg)
  local default = arg.required and "required" or "default "
    .. (arg.default == nil and "None" or declare.show(arg.default))
  return one_line(("%s, %s"):format(arg.kind.name, default))
end

-- What may be None may be false in a table.
local function argument_type(arg)
  local name = signatures.kind_type(arg.kind.name)
  local none = arg.none or arg.default == nil and not arg.required
  return none and name ~= "any" and name ~= "boolean" and name .. "|false" or name
end

local function option_fields(class, is_common)
  for _, arg in ipairs(class.arguments) do
    if is_common(arg) then
      put("---@field %s? %s %s", arg.name, argument_type(arg), argument_text(arg))
    end
  end
end

-- Options that all of a kind have stand in its base.
local function options_of(class, name, root)
  put("---@class %s.Options%s", name,
    root and (" : lunula.%s.Options"):format(bases[class.kind]) or "")
  for i, arg in ipairs(class.positional) do
    put("---@field [%d]? %s The same as %s.", i, signatures.kind_type(arg.kind.name), arg.name)
  end
  option_fields(class, function (arg) return not root or root.by_name[arg.name] ~= arg end)
end

local function is_method(name, f)
  return type(f) == "function" and not inner[name] and name:sub(1, 1) ~= "_"
end

-- Methods of the objects of a class are fields there: the name of the class stands for what makes
-- them.
local function put_method_fields(class, name, root)
  local texts = functions.methods[class.kind] or {}
  for _, key in ipairs(sorted(class)) do
    local f = rawget(class, key)
    local is_told = root and (texts[key] or root[key]) or signatures.keywords[key]
    if is_method(key, f) and not is_told then
      local row, parameters = texts[key], { "self: " .. name }
      for _, parameter in ipairs(row and signatures.of_call(row)
        or signatures.of_function(f, true)) do
        parameters[#parameters + 1] = ("%s%s: %s"):format(parameter.name,
          parameter.optional and "?" or "", parameter.type)
      end
      put("---@field %s fun(%s): any %s", key, table.concat(parameters, ", "), one_line(row
        and row[2] or comments.of(f) or ("A method of %s."):format(class.name)))
    end
  end
end

local function own_methods(class, path, root)
  local texts = functions.methods[class.kind] or {}
  for _, name in ipairs(sorted(class)) do
    local f = rawget(class, name)
    local is_told = root and (texts[name] or root[name])
    if is_method(name, f) and not is_told then
      local row = texts[name]
      function_of(("%s:%s"):format(path, name),
        row and signatures.of_call(row) or signatures.of_function(f, true),
        row and row[2] or comments.of(f) or ("A method of %s."):format(class.name))
    end
  end
end

local function own_fields(class, root)
  local texts, seen = fields[class.kind] or {}, {}
  local own = fields[declare.snake_case(class.name)] or {}
  if own ~= texts then put_fields(own) end
  for _, arg in ipairs(class.arguments) do
    local is_common = root and root.by_name[arg.name] == arg
    if type(arg.field) == "string" and not is_common and not texts[arg.field] then
      local name = signatures.kind_type(arg.kind.name)
      put("---@field %s %s The option %s.", arg.field, name, arg.name)
      seen[arg.field] = true
    end
  end
  for _, name in ipairs(sorted(class.metatable.getters)) do
    if not seen[name] and not texts[name] and not own[name] then
      put("---@field %s any %s", name, one_line(comments.of(class.metatable.getters[name])
        or ("A field of %s."):format(class.name)))
    end
  end
end

-- The first of its line: what all of its kind are.
local roots = {}
for _, name in ipairs(k.layers.names()) do k.layers.find(name) end

local function root_of(kind)
  if roots[kind] then return roots[kind] end
  require(declare.homes[kind])
  for _, name in ipairs(sorted(declare.registry(kind))) do
    local class = declare.registry(kind)[name]
    if declare.is_class(class) then
      while rawget(class, "parent") do class = class.parent end
      roots[kind] = class
      return class
    end
  end
end

local function class_text(class)
  return class.doc or ("The %s %s."):format(class.kind, class.name)
end

local function class_of(path, class, parent)
  local name = "lunula." .. path
  told[class] = name
  put ""
  local base = bases[class.kind] -- a kind of one class has none
  local root = base and root_of(class.kind)
  options_of(class, name, root)
  put("---@class %s%s", name, parent and " : " .. parent or base and " : lunula." .. base or "")
  own_fields(class, root)
  put_method_fields(class, name, root)
  if results[class.kind] then put("---@overload fun(...: any): %s", results[class.kind]) end
  put ""
  doc(class_text(class))
  put("---@class %s.Class : lunula.Class", name)
  put("---@overload fun(options?: %s.Options): %s", name, name)
  put("---@overload fun(...: any): %s", name)
  put("k.%s = {}", path)
end

-- What every object of a kind has.
local function base(kind)
  local root = root_of(kind)
  put ""
  put("---@class lunula.%s.Options", bases[kind])
  option_fields(root, function () return true end)
  put("---What every %s has.", kind)
  put("---@class lunula.%s", bases[kind])
  if results[kind] then put("---@overload fun(...: any): %s", results[kind]) end
  put_fields(fields[kind] or {})
  own_fields(root)
  put("local %s = {}", bases[kind])
  put_methods(kind, bases[kind])
  own_methods(root, bases[kind], {})
  -- A class: it makes objects, and its methods are called as the parent's.
  put("---@class lunula.%s.Class : lunula.%s", bases[kind], bases[kind])
  put("---@overload fun(...: any): lunula.%s", bases[kind])
  put ""
end

return { bases = bases, told = told, root_of = root_of, base = base, class_of = class_of,
  class_text = class_text, options_of = options_of, is_method = is_method,
  put_fields = put_fields, put_methods = put_methods }
