-- What the cases recorded from Keras (spec/golden/layers) tell of a layer: an example, and the
-- shapes that come in and go out. Of the options of a case only those are shown that the shape of
-- the output depends on.

local declare = require "lunula.declare"
local golden = require "spec.support.golden"
local k = require "lunula"
local nest = require "lunula.utils.nest"
local written = require "spec.docs.written"

local layers = {}

local most_rows <const> = 6

local letters = { "x", "y", "z", "u", "v", "w" }

local function shape_text(shape)
  local parts = {}
  for i = 2, #shape do parts[i - 1] = shape[i] and tostring(shape[i]) or "false" end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

-- ---- a case as a call --------------------------------------------------------------------------

-- The numbers of the inputs that a recorded argument has, and that argument with make(number) for
-- each of them.
local function filled(argument, make)
  if type(argument) ~= "table" then return argument end
  if argument.input then return make(argument.input + 1) end
  local copy = {}
  for i, inner in ipairs(argument) do copy[i] = filled(inner, make) end
  for key, inner in pairs(argument) do
    if type(key) == "string" then copy[key] = filled(inner, make) end
  end
  return copy
end

-- Further arguments, and those by name, as our layers take them: in one table by name.
local function options_of(case, layer)
  local options = {}
  for name, value in pairs(case.call.keywords) do
    if value ~= false then options[name] = value end
  end
  for i = 2, #case.call.arguments do
    local name = layer.call_args[i - 1]
    if name then options[name] = case.call.arguments[i] end
  end
  return options
end

-- { layer =, inputs = { { shape =, dtype = } … }, input =, options = }, or nil.
local function call_of(class, case)
  if not case.call or not case.inputs or #case.inputs == 0 or #case.inputs > 5 then return nil end
  for _, input in ipairs(case.inputs) do
    if not input or #input.shape == 0 then return nil end
  end
  local layer = k.layers.deserialize { class_name = case.class_name, config = case.config }
  if layer.class_name ~= class.name or layer.stateful == true then return nil end
  return { layer = layer, inputs = case.inputs, input = case.call.arguments[1],
    options = options_of(case, layer) }
end

local function cases_of(class)
  local list = {}
  for _, case in ipairs(golden.read("layers/" .. class.name .. ".json") or {}) do
    local ok, call = pcall(call_of, class, case)
    if ok and call then list[#list + 1] = call end
  end
  return list
end

-- ---- shapes ------------------------------------------------------------------------------------

-- The shapes of what a layer gives for placeholders of these shapes, as text; or nil.
local function output_text(call, layer, shapes)
  local function placeholder(i)
    return k.Input { shape = table.move(shapes[i], 2, #shapes[i], 1, {}), batch_size = shapes[i][1],
      dtype = call.inputs[i].dtype }
  end
  local ok, results = pcall(function ()
    return table.pack(layer(filled(call.input, placeholder), filled(call.options, placeholder)))
  end)
  if not ok then return nil end
  local texts = {}
  for i = 1, results.n do
    nest.each(results[i], function (y) texts[#texts + 1] = tostring(y.shape) end)
  end
  return #texts > 0 and table.concat(texts, ", ") or nil
end

-- The shapes of a case for an unknown batch, and with all but the last size unknown.
local function shapes_of(call, unknown)
  local shapes = {}
  for i, input in ipairs(call.inputs) do
    shapes[i] = table.move(input.shape, 1, #input.shape, 1, {})
    for axis = 1, unknown and #input.shape - 1 or 1 do shapes[i][axis] = false end
  end
  return shapes
end

-- As shapes are printed.
local function printed(shape)
  local sizes = {}
  for axis, size in ipairs(shape) do sizes[axis] = size and tostring(size) or "None" end
  return "(" .. table.concat(sizes, ", ") .. (#sizes == 1 and ",)" or ")")
end

-- The shapes of the inputs; those that go by an option behind its name.
local function input_text(call, shapes)
  local texts = {}
  local function add(argument, name)
    filled(argument, function (i)
      texts[#texts + 1] = (name and name .. " " or "") .. printed(shapes[i])
    end)
  end
  add(call.input)
  for _, name in ipairs(call.layer.call_args) do
    local value = call.options[name]
    add(value, name)
    if value ~= nil and type(value) ~= "table" and name ~= "training" then
      texts[#texts + 1] = name .. " = " .. tostring(value)
    end
  end
  return table.concat(texts, ", ")
end

-- The layer without the options that do not change what comes out, and that.
local function shortest(call)
  local class, layer, shapes = declare.class_of(call.layer), call.layer, shapes_of(call)
  local config, out = layer:get_config(), output_text(call, layer, shapes)
  if not out then return nil end
  for _, row in ipairs(declare.said(layer)) do
    local fewer = {}
    for name, value in pairs(config) do fewer[name] = name ~= row[1] and value or nil end
    local ok, other = pcall(class.from_config, fewer)
    if ok and output_text(call, other, shapes) == out then config, layer = fewer, other end
  end
  return layer, shapes, out
end

-- Rows { call, shapes in, shapes out }; each other options, or another rank.
function layers.shapes(class)
  local rows, seen = {}, {}
  for _, call in ipairs(cases_of(class)) do
    local layer, shapes, out = shortest(call)
    local text = layer and written.call(layer)
    if text then
      local key = { #call.inputs, #call.inputs[1].shape, select(2, out:gsub("%(", "")) }
      for _, row in ipairs(declare.said(layer)) do key[#key + 1] = row[1] end
      key = table.concat(key, " ")
      if not seen[key] and #rows < most_rows then
        seen[key] = true
        text = text:gsub("k%.layers%.", "")
        rows[#rows + 1] = { text, input_text(call, shapes), out, call = call, layer = layer }
      end
    end
  end
  layers.add_unknown(rows)
  return rows
end

-- One row more, where sizes may be unknown, and that is more than the batch.
function layers.add_unknown(rows)
  local first = rows[1]
  if not first or not first[3]:find ", %d" then return end
  for _, input in ipairs(first.call.inputs) do
    if #input.shape < 3 then return end
  end
  local shapes = shapes_of(first.call, true)
  local out = output_text(first.call, first.layer, shapes)
  if out then rows[#rows + 1] = { first[1], input_text(first.call, shapes), out } end
end

-- ---- examples ----------------------------------------------------------------------------------

-- An input is called as the option that it is given by, or by a letter.
local function names_of(call)
  local names = {}
  for name, value in pairs(call.options) do
    if type(value) == "table" and value.input then names[value.input + 1] = name end
  end
  local free = 1
  for i in ipairs(call.inputs) do
    if not names[i] then names[i], free = letters[free], free + 1 end
  end
  return names
end

-- A recorded argument in the code of an example.
local function argument_text(argument, names)
  if type(argument) ~= "table" then return written.value(argument) end
  if argument.input then return names[argument.input + 1] end
  local parts, keys = {}, {}
  for key in pairs(argument) do keys[#keys + 1] = key end
  table.sort(keys)
  for i, key in ipairs(keys) do
    local text = argument_text(argument[key], names)
    if not text then return nil end
    parts[i] = type(key) == "string" and key .. " = " .. text or text
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

local function code_of(call)
  local layer, _, out = shortest(call)
  local names, lines, made = names_of(call), {}, layer and written.call(layer)
  if not made then return nil end
  for i, input in ipairs(call.inputs) do
    local dtype = input.dtype ~= "float32" and (', dtype = "%s"'):format(input.dtype) or ""
    lines[i] = ("local %s = k.Input { shape = %s%s }"):format(names[i], shape_text(input.shape),
      dtype)
  end
  local given = argument_text(call.input, names)
  if next(call.options) ~= nil then
    given = given .. ", " .. argument_text(call.options, names)
  end
  local count = select(2, out:gsub("%(", ""))
  lines[#lines + 1] = "local layer = " .. made
  if count == 1 then
    lines[#lines + 1] = ("print(layer(%s).shape)"):format(given)
  else
    lines[#lines + 1] = ("local out, more = layer(%s)"):format(given)
    lines[#lines + 1] = "print(out.shape, more.shape or more[1].shape)"
  end
  return table.concat(lines, "\n")
end

-- The code of one of the first cases, or nil: one whose inputs have more than a batch.
function layers.example(class)
  local fallback
  for i, call in ipairs(cases_of(class)) do
    if i > 4 then break end
    local ok, code = pcall(code_of, call)
    if ok and code then
      if #call.inputs[1].shape > 1 then return code end
      fallback = fallback or code
    end
  end
  return fallback
end

return layers
