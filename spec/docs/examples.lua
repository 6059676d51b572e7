-- An example for a page: code that is derived from the cases of the specs, run when the site is
-- written, and shown with what it printed. What does not run, or says nothing, is not shown.

local further = require "spec.docs.further_examples"
local k = require "lunula"
local layers = require "spec.docs.layers"
local op_cases = require "spec.docs.op_cases"

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
  for whole in (code .. "\n"):gmatch "(.-)\n" do
    local line = whole
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

-- op -> example, from the cases of the specs: the first that runs.
function examples.of_ops()
  local found = {}
  for op, list in pairs(op_cases.codes()) do
    for _, entry in ipairs(list) do
      found[op] = found[op] or with_output(entry.code)
    end
  end
  return found
end

-- ---- classes -----------------------------------------------------------------------------------

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

-- The example of what no case shows, or nil.
function examples.further(path)
  return further[path] and with_output(further[path])
end

-- The example of a class that is called `path` ("k.losses.Huber"), or nil.
function examples.of_class(class, path)
  if further[path] then return examples.further(path) end
  local code = class.kind == "layer" and layers.example(class)
  if code then return with_output(code) end
  if touches_the_world(class) then return nil end
  for _, form in ipairs(forms[class.kind] or {}) do
    local example = with_output((form:gsub("%%s", path)))
    if example then return example end
  end
end

return examples
