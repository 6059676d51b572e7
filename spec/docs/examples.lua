-- An example for a page: code that is derived from the cases of the specs, run when the site is
-- written, and shown with what it printed. What does not run, or says nothing, is not shown.

local declare = require "lunula.declare"
local k = require "lunula"

local examples = {}

-- Runs the code as a script; what it prints, or nil, message.
function examples.run(code)
  local written = {}
  local env = setmetatable({ k = k, print = function (...)
    local words = table.pack(...)
    for i = 1, words.n do words[i] = tostring(words[i]) end
    written[#written + 1] = table.concat(words, "\t", 1, words.n)
  end }, { __index = _G })
  local chunk, message = load(code, "=example", "t", env)
  if not chunk then return nil, message end
  k.set_random_seed(1)
  local ok, problem = pcall(chunk)
  if not ok then return nil, tostring(problem) end
  return table.concat(written, "\n")
end

-- Long lines are cut behind a comma.
local function cut(code)
  local lines = {}
  for line in (code .. "\n"):gmatch "(.-)\n" do
    while #line > 78 do
      local head = line:sub(1, 78):match "^(.+},) {" or line:sub(1, 78):match "^(.+,) "
      if not head or #head < 12 then break end
      lines[#lines + 1] = head
      line = "  " .. line:sub(#head + 2)
    end
    lines[#lines + 1] = line
  end
  return table.concat(lines, "\n")
end

local function with_output(code)
  code = cut(code)
  local output, problem = examples.run(code)
  if not output or output == "" or #output > 1500 then return nil, problem end
  return { code = code, output = output }
end

-- ---- ops ---------------------------------------------------------------------------------------

local function number(x)
  if type(x) ~= "number" then return tostring(x) end
  if x ~= x or x == math.huge or x == -math.huge then return nil end
  if math.type(x) == "integer" or x % 1 == 0 then return ("%d"):format(x) end
  return (("%.2f"):format(x):gsub("0$", ""))
end

-- Numbers of a flat list, nested as the shape says; nil where one cannot be written.
local function nested(data, shape, depth, at)
  if depth > #shape then
    at.i = at.i + 1
    return number(data[at.i])
  end
  local parts = {}
  for i = 1, shape[depth] do
    parts[i] = nested(data, shape, depth + 1, at)
    if not parts[i] then return nil end
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

local function literal(input)
  local data = input.data
  if input.dtype == "bool" then
    data = {}
    for i, x in ipairs(input.data) do data[i] = x ~= 0 and x ~= false end
  end
  local text = nested(data, input.shape, 1, { i = 0 })
  if not text or #data == 0 then return nil end
  if input.dtype == "float32" then return ("k.tensor(%s)"):format(text) end
  return ('k.tensor(%s, "%s")'):format(text, input.dtype)
end

-- A value of an option as Lua writes it; nil where that cannot be.
local function written(value)
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) == "boolean" then return tostring(value) end
  if type(value) == "number" then return value == value and declare.show(value) or nil end
  if type(value) ~= "table" or getmetatable(value) then return nil end
  local parts, names = {}, {}
  for i, inner in ipairs(value) do
    parts[i] = written(inner)
    if not parts[i] then return nil end
  end
  for name in pairs(value) do
    if type(name) == "string" then names[#names + 1] = name
    elseif math.type(name) ~= "integer" or name > #value then return nil end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local text = written(value[name])
    if not text then return nil end
    parts[#parts + 1] = name .. " = " .. text
  end
  return #parts == 0 and "{}" or "{ " .. table.concat(parts, ", ") .. " }"
end

local letters = { "x", "y", "z", "u", "v", "w" }

-- The code of a case, or nil where it is too large or cannot be written down.
local function code_of(case)
  local lines, list, options, size = {}, {}, {}, 0
  for name, value in pairs(case.attributes) do options[name] = value end
  if case.call and case.call ~= "list" or #case.inputs > #letters then return nil end
  local text = written(options)
  if not text then return nil end
  local named = {}
  for i, input in ipairs(case.inputs) do
    size = size + #input.data
    local tensor, name = literal(input), case.names and case.names[i] or letters[i]
    if not tensor then return nil end
    lines[i] = ("local %s = %s"):format(name, tensor)
    if case.names and i > 1 then named[#named + 1] = name .. " = " .. name
    else list[#list + 1] = name end
  end
  if size > 40 then return nil end
  if case.call == "list" then list = { "{ " .. table.concat(list, ", ") .. " }" } end
  if #named > 0 then
    local rest = text == "{}" and "" or text:sub(3, -3) .. ", "
    text = "{ " .. rest .. table.concat(named, ", ") .. " }"
  end
  if text ~= "{}" or #list == 0 then list[#list + 1] = text end
  lines[#lines + 1] = ("print(k.ops.%s(%s))"):format(case.op, table.concat(list, ", "))
  return table.concat(lines, "\n"), size
end

-- op -> example, from the cases of the specs: of those that can be written, the one of middle size.
function examples.of_ops()
  local best = {}
  for _, case in ipairs(require "spec.support.ops_cases") do
    local ok, code, size = pcall(code_of, case)
    if ok and code then
      local score = math.abs(size - 8) + (code:find "{ }" and 100 or 0)
      if not best[case.op] or score < best[case.op].score then
        local example = with_output(code)
        if example then
          example.score = score
          best[case.op] = example
        end
      end
    end
  end
  return best
end

-- ---- classes -----------------------------------------------------------------------------------

local function shape_text(shape)
  local parts = {}
  for i = 2, #shape do parts[i - 1] = shape[i] and tostring(shape[i]) or "false" end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

-- The call that makes a layer, without its name and what is the default in other words.
local function short_call(layer)
  local text = tostring(layer)
  for _, word in ipairs { 'name="[^"]*"', 'dtype="float32"', 'activation="linear"',
    'data_format="channels_last"' } do
    text = text:gsub(", " .. word, ""):gsub("{" .. word .. ",? ?", "{")
  end
  return text
end

-- A layer on a placeholder, with the options and the shape of a recorded case.
local function of_layer_case(class, case)
  local layer = require "lunula.layers".deserialize { class_name = case.class_name,
    config = case.config }
  local lines, inputs = {}, {}
  for i, input in ipairs(case.inputs) do
    inputs[i] = letters[i]
    local dtype = input.dtype ~= "float32" and (', dtype = "%s"'):format(input.dtype) or ""
    lines[i] = ("local %s = k.Input { shape = %s%s }"):format(letters[i], shape_text(input.shape),
      dtype)
  end
  if #inputs == 0 or #inputs > 3 then return nil end
  local given = #inputs == 1 and inputs[1] or "{ " .. table.concat(inputs, ", ") .. " }"
  lines[#lines + 1] = ("local layer = k.layers.%s"):format(short_call(layer))
  lines[#lines + 1] = ("print(layer(%s).shape)"):format(given)
  if layer.class_name ~= class.name then return nil end
  return with_output(table.concat(lines, "\n"))
end

local function of_layer(class)
  local golden = require "spec.support.golden"
  local fallback
  for i, case in ipairs(golden.read("layers/" .. class.name .. ".json") or {}) do
    if i > 4 then break end
    local ok, example = pcall(of_layer_case, class, case)
    if ok and example then
      if #case.inputs[1].shape > 1 then return example end
      fallback = fallback or example
    end
  end
  return fallback
end

local some = "k.tensor { { 0.5, -2.0 }, { 1.0, 3.0 } }"

-- By the kind of the class, with the path that it has in k; the first that runs is shown.
local forms = {
  loss = {
    "local loss = %s()\nprint(loss(k.tensor { { 0, 1 }, { 1, 0 } }, "
      .. "k.tensor { { 0.2, 0.8 }, { 0.6, 0.4 } }))",
    'local loss = %s()\nprint(loss(k.tensor({ 1, 0 }, "int32"), '
      .. "k.tensor { { 0.2, 0.8 }, { 0.6, 0.4 } }))",
  },
  metric = {
    "local metric = %s()\nmetric:update_state(k.tensor { { 0, 1 }, { 1, 0 } }, "
      .. "k.tensor { { 0.2, 0.8 }, { 0.6, 0.4 } })\nprint(metric:result())",
    "local metric = %s(0.5)\nmetric:update_state(k.tensor { { 0, 1 }, { 1, 0 } }, "
      .. "k.tensor { { 0.2, 0.8 }, { 0.6, 0.4 } })\nprint(metric:result())",
    "local metric = %s { 2, { 1 } }\nmetric:update_state(k.tensor { 0, 1, 1 }, "
      .. "k.tensor { 0, 1, 0 })\nprint(metric:result())",
    "local metric = %s { 2 }\nmetric:update_state(k.tensor { 0, 1, 1 }, "
      .. "k.tensor { 0, 1, 0 })\nprint(metric:result())",
    "local metric = %s()\nmetric:update_state(k.tensor { 1, 2, 3 })\nprint(metric:result())",
  },
  optimizer = {
    "local w = k.Variable(k.tensor { { 1.0, -1.0 } })\nlocal optimizer = %s { learning_rate = 0.1 }"
      .. "\noptimizer:apply({ k.tensor { { 0.5, 0.5 } } }, { w })\nprint(w.value)",
  },
  schedule = {
    "local schedule = %s { 0.1, 100 }\nprint(schedule(0), schedule(50), schedule(100))",
    "local schedule = %s { 0.1, 100, 0.5 }\nprint(schedule(0), schedule(50), schedule(100))",
    "local schedule = %s { { 10, 20 }, { 1, 0.5, 0.1 } }\nprint(schedule(0), schedule(15))",
  },
  initializer = { "print(%s { seed = 1 } ({ 2, 3 }))", "print(%s() ({ 2, 3 }))",
    "print(%s() ({ 2, 2 }))" },
  regularizer = { "print(%s() (" .. some .. "))" },
  constraint = { "print(%s() (" .. some .. "))" },
  callback = {
    "local model = k.Sequential { k.Input { shape = { 1 } }, k.layers.Dense(1) }\n"
      .. 'model:compile { optimizer = "sgd", loss = "mse" }\n'
      .. "local x = k.tensor { { 1 }, { 2 }, { 3 }, { 4 } }\n"
      .. "model:fit(x, 2 * x, { epochs = 3, verbose = 0, validation_split = 0.25,\n"
      .. "  callbacks = { %s() } })\nprint(#model.history.epoch)",
  },
}

-- Nothing is written to files, or sent.
local function touches_the_world(class)
  for _, arg in ipairs(class.arguments) do
    local name = arg.name
    if name:find "dir$" or name:find "path$" or name == "filename" then return true end
  end
  return false
end

-- The example of a class that is called `path` ("k.losses.Huber"), or nil.
function examples.of_class(class, path)
  if class.kind == "layer" then return of_layer(class) end
  if touches_the_world(class) then return nil end
  for _, form in ipairs(forms[class.kind] or {}) do
    local example = with_output((form:gsub("%%s", path)))
    if example then return example end
  end
end

return examples
