-- k.help(x): what x is, from its declaration or from a text. An op by name or value, a class, an
-- object, a function, a module; "?word" looks for a word in all of them.

local comments = require "lunula.help.comments"
local core = require "lunula.core"
local declare = require "lunula.declare"
local doors = require "lunula.help.doors"
local fields = require "lunula.help.fields"
local functions = require "lunula.help.functions"
local options = require "lunula.help.options"
local search = require "lunula.help.search"
local words = require "lunula.help.words"

local help = {}

local facade   -- the table k, which stands above this file

function help.set_facade(lunula)
  facade = lunula
end

local function home(module)
  local found = require(module == "random" and "lunula.ops.random" or "lunula." .. module)
  return found
end

-- A question mark in a signature is of what may be None; a default of nil is None.
local function op_text(row)
  local signature = row.signature:gsub("%?", " or None"):gsub("=nil", "=None")
  return string.format("ops.%s(%s)\n  %s%s", row.name, signature, row.doc or "",
    row.differentiable == false and "\n  It has no gradient." or "")
end

local function find_op(x)
  if type(x) == "string" then return core.catalogue(x) end
  local tensor = core.tensor(0)
  for _, row in ipairs(core.catalogue()) do
    if core.ops[row.name] == x or tensor[row.name] == x then return row end
  end
end

local kinds_in_order = {
  "layer", "optimizer", "loss", "metric", "callback", "initializer", "regularizer", "constraint",
  "schedule",
}

local function find_class(name)
  for _, kind in ipairs(kinds_in_order) do
    if declare.homes[kind] then pcall(require, declare.homes[kind]) end
    local found = kind == "layer" and require("lunula.layers").find(name)
      or declare.registry(kind)[name]
    if declare.is_class(found) then return found end
  end
  -- Those that nothing finds by name: DataParallel, OptimizerMap.
  for _, row in ipairs(functions.modules) do
    local found = rawget(home(row[1]), name)
    if declare.is_class(found) then return found end
  end
end

local function tensor_text(x)
  return tostring(x) .. "\n  Ops are methods: x:sum(1), x:reshape{-1}; operators work element "
    .. "by element."
end

-- What a door's text is about, as "layer" or "utils.PyDataset".
local function door(name)
  if name == "None" then return core.None end
  local tool = name:match "^utils%.(.+)"
  if tool then return require("lunula.utils")[tool] end
  local homes = { layer = "lunula.layers.base", model = "lunula.models",
    metric = "lunula.metrics", loss = "lunula.losses", optimizer = "lunula.optimizers",
    callback = "lunula.callbacks" }
  return require(homes[name]).declare
end

local function door_text(x)
  for name, text in pairs(doors) do
    local short = name:match "[^.]+$"
    if x == name or x == short or x == "k." .. name or x == door(name) then return text end
  end
end

-- ---- functions and methods ---------------------------------------------------------------------

-- Words in lines of up to 80 columns, behind an indent.
local function wrapped(text, indent)
  local lines, line = {}, indent
  for word in text:gmatch "%S+" do
    if #line + #word + 1 > 80 and #line > #indent then
      lines[#lines + 1], line = line, indent
    end
    line = line == indent and line .. word or line .. " " .. word
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

-- "model:fit(x, y, { batch_size=, … })", what it does, and what the options mean.
local function call_text(name, row)
  local call, lines, width = row[1], {}, 0
  local list = row.module and require(row.module).options or {}
  for i, option in ipairs(list) do
    lines[i], width = option .. "=", math.max(width, #option)
  end
  if #list > 0 then call = ("%s %s }"):format(call, table.concat(lines, ", ")) end
  for i, option in ipairs(list) do
    lines[i] = ("\n  %-" .. width .. "s  %s"):format(option, options[option])
  end
  call = ("%s(%s)"):format(name, call)
  if #call > 80 then call = wrapped(call, "    "):gsub("^ +", "") end
  return ("%s\n%s%s"):format(call, wrapped(row[2], "  "), table.concat(lines))
end

local function method_texts(name)
  local texts = {}
  for _, owner in ipairs { "model", "layer", "tensor", "variable", "optimizer", "loss",
    "metric", "callback", "py_dataset", "feature_space" } do
    local row = functions.methods[owner][name]
    if row then texts[#texts + 1] = call_text(owner .. ":" .. name, row) end
  end
  return texts
end

-- What the fields of that name are: "layer.weights", one a line.
local function field_text(name)
  local lines = {}
  for owner, list in pairs(fields) do
    if list[name] then lines[#lines + 1] = ("%s.%s\n  %s"):format(owner, name, list[name][2]) end
  end
  table.sort(lines)
  return #lines > 0 and table.concat(lines, "\n") or nil
end

-- Input is a function, but reads its options as the class does.
local function input_text(x)
  if x ~= "Input" and x ~= "k.Input" and x ~= require("lunula.models").Input then return nil end
  local text = declare.help(require "lunula.layers.core.input_layer")
  return (text:gsub("InputLayer", "Input", 1)) .. "\n  The placeholder of a new input."
end

-- The text of a function of a module, or nil.
local function function_text(name)
  for _, module in ipairs(functions.of_modules) do
    local row = functions[module][name]
    if row then return call_text(("k.%s.%s"):format(module, name), row) end
  end
  local row = functions.facade[name]
  return row and call_text("k." .. name, row)
end

local without_texts = {
  "layers", "activations", "losses", "metrics", "optimizers", "initializers", "callbacks",
  "dtype_policies", "backend",
}

-- The class that a function of k.losses is, too: mean_squared_error, mse.
local function class_of_loss(name)
  local losses = declare.registry "loss"
  if losses[name] then return losses[name] end
  for _, class in pairs(losses) do
    if declare.snake_case(class.name) == name then return class end
  end
end

local function is_longer(a, b)
  return #a > #b or #a == #b and a > b
end

-- The name in a module that x is, or the longest name of the function x.
local function name_in(module, x)
  local found
  for name, f in pairs(home(module)) do
    local told = (name == x or f == x) and type(f) == "function"
    if told and not (found and is_longer(found, name)) then found = name end
  end
  return found
end

-- Other functions are told by their parameters and by the comment above them; losses, which are
-- classes too, by what those say. x: a name, or the function.
local function parameters_text(x)
  for _, module in ipairs(without_texts) do
    local name = name_in(module, x)
    if name then
      local f, class = home(module)[name], module == "losses" and class_of_loss(name)
      local told = comments.of(f) or class and class.doc
      return ("k.%s.%s%s%s"):format(module, name, comments.parameters(f),
        told and "\n  " .. told or "")
    end
  end
end

-- The name of a function of ours, or nil: "to_categorical", "fit".
local function name_of(f)
  for _, module in ipairs(functions.of_modules) do
    for name in pairs(functions[module]) do
      if rawget(home(module), name) == f then return name end
    end
  end
  for name in pairs(facade and functions.facade or {}) do
    if facade[name] == f then return name end
  end
  local model = require("lunula.models").Sequential
  for _, owner in ipairs { "model", "layer" } do
    for name in pairs(functions.methods[owner]) do
      if model[name] == f then return name end
    end
  end
end

-- ---- modules -----------------------------------------------------------------------------------

-- What a module is for: "ops", "ops.image".
function help.of_module(path)
  for _, list in ipairs { functions.modules, functions.inner } do
    for _, row in ipairs(list) do
      if row[1] == path then return row[2] end
    end
  end
end

-- The module that x is, or is the name of, and how it is called.
local function module_of(x)
  if type(x) == "string" then
    local name = x:gsub("^k%.", "")
    local doc = help.of_module(name)
    if not doc then return nil end
    local outer, inner = name:match "^([%w_]+)%.([%w_]+)$"
    return inner and home(outer)[inner] or home(name), name, doc
  end
  if type(x) ~= "table" then return nil end
  for _, row in ipairs(functions.inner) do
    local outer, inner = row[1]:match "^([%w_]+)%.([%w_]+)$"
    if rawget(home(outer), inner) == x then return x, row[1], row[2] end
  end
  local name = (getmetatable(x) or {}).module
  if name then return x, name, help.of_module(name) or "" end
end

local function module_text(module, name, doc)
  local names = {}
  for key in pairs(module) do
    if type(key) == "string" and not key:find "%." then names[#names + 1] = key end
  end
  table.sort(names)
  local head = "k." .. name .. (doc == "" and "" or ": " .. doc)
  return head .. "\n" .. wrapped(table.concat(names, " "), "  ")
end

local function all_text()
  local lines = { "lunula is Keras for Lua. Its modules:" }
  for _, row in ipairs(functions.modules) do
    lines[#lines + 1] = ("  k.%-17s %s"):format(row[1], row[2])
  end
  local names = {}
  for name in pairs(functions.facade) do names[#names + 1] = name end
  for name in pairs(doors) do
    if not name:find "%." then names[#names + 1] = name end
  end
  table.sort(names)
  lines[#lines + 1] = "In k itself: Input Sequential Model Layer and"
  lines[#lines + 1] = wrapped(table.concat(names, " "), "  ")
  lines[#lines + 1] = [[
k.help(x) tells about an op ("softmax", k.ops.softmax), a class ("Dense", k.layers.Dense), an
object, a method ("fit"), a function (k.utils.to_categorical) or a module (k.utils);
k.help "?padding" looks for a word.]]
  return table.concat(lines, "\n")
end

-- ---- the door ----------------------------------------------------------------------------------

local function suggestion(x)
  if type(x) ~= "string" then return "" end
  local names = require("lunula.layers").names()
  for _, list in pairs(functions.methods) do
    for name in pairs(list) do names[#names + 1] = name end
  end
  for _, row in ipairs(core.catalogue()) do names[#names + 1] = row.name end
  for _, kind in ipairs(kinds_in_order) do
    for name in pairs(declare.registry(kind)) do names[#names + 1] = name end
  end
  return declare.suggestion(x, names) .. "; k.help \"?" .. x .. "\" looks in all texts"
end

-- All that has the name: a class, an op, methods; else a function.
local function texts_of_name(name)
  local texts, found, row = method_texts(name), find_class(name), find_op(name)
  if row then table.insert(texts, 1, op_text(row)) end
  if found then table.insert(texts, 1, declare.help(found)) end
  if #texts == 0 or functions.facade[name] then
    texts[#texts + 1] = function_text(name) or parameters_text(name)
  end
  local activation = rawget(home "activations", name)
  if #texts == 0 and activation then texts[1] = declare.help(declare.class_of(activation)) end
  if #texts == 0 then texts[1] = field_text(name) end
  return #texts > 0 and table.concat(texts, "\n\n") or nil
end

local function text_of_function(f)
  require "lunula.ops"
  local row = find_op(f)
  if row then return op_text(row) end
  local name = name_of(f)
  if not name then return parameters_text(f) end
  return function_text(name) or table.concat(method_texts(name), "\n\n")
end

local function text_of_object(x)
  local metatable = type(x) == "table" and getmetatable(x)
  if metatable and declare.is_class(metatable.__index) then x = metatable.__index end
  if declare.is_class(x) then return declare.help(x) end
  local class = declare.class_of(x)
  if class then return tostring(x) .. "\n" .. declare.help(class) end
  if core.is_tensor(x) then return tensor_text(x) end
end

-- The text about x, or nil, message.
function help.text(x)
  if x == nil or x == facade then return all_text() end
  local word = type(x) == "string" and x:match "^%?%s*(.+)$"
  if word then return search.text(word) end
  local told = text_of_object(x) or door_text(x) or input_text(x)
  if told then return told end
  local module, name, doc = module_of(x)
  if module then return module_text(module, name, doc) end
  if type(x) == "string" then
    require "lunula.ops"
    told = texts_of_name(x:match "[^.:]*$")
  elseif type(x) == "function" then
    told = text_of_function(x)
  end
  if told then return told end
  return nil, "nothing is known about " .. declare.show(x) .. suggestion(x)
end

-- What a prompt can complete.
function help.words() return words(home) end

help.door_text, help.input_text, help.tensor_text = door_text, input_text, tensor_text

-- Prints what is known about x.
function help.help(x)
  local text, message = help.text(x)
  print(text or message)
end

return help
