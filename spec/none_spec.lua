-- What every parameter of every class and op means when it is not said, and when it is said to be
-- None, against what was recorded from Keras (spec/golden/recorder/none.py). A parameter of ours
-- without a recording fails, unless support/none_exceptions.lua has a reason for it.

local k = require "lunula"
local core = require "lunula.core"
local declare = require "lunula.declare"
local warn = require "lunula.utils.warn"
local check_layer = require "spec.support.check_layer"
local golden = require "spec.support.golden"
local harness = require "spec.support.ops_harness"
local cases_of_ops = require "spec.support.ops_cases"
local exceptions = require "spec.support.none_exceptions"

local ops, None = k.ops, k.None

local function tensor(record) return record ~= None and golden.tensor(record) or nil end

local function quietly(fn, ...)
  local sink = warn.sink
  local _ <close> = setmetatable({}, { __close = function () warn.sink = sink end })
  warn.sink = function () end
  return pcall(fn, ...)
end

-- The reason why name (and parameter) may differ, which is then no longer unused.
local used = {}
local function excused(section, name, parameter)
  local list = exceptions[section]
  local of_name = list[name]
  local key = of_name and (type(of_name) == "string" and name
    or of_name[parameter] and name .. "." .. parameter)
  key = key or list["*"] and list["*"][parameter] and "*." .. parameter
  if key then used[section .. ": " .. key] = true end
  return key ~= nil and key ~= false
end

-- ---- classes -----------------------------------------------------------------------------------

local run = {}    -- of a kind: the results of a first call

function run.layers(layer, case)
  if not case.outputs then return {} end
  local _, inputs = check_layer.ready(case, layer)
  return check_layer.results(case, layer, inputs)
end
run.legacy_layers = run.layers

function run.losses(loss, case)
  return { loss(tensor(case.y_true), tensor(case.y_pred), tensor(case.sample_weight)) }
end

function run.metrics(metric, case)
  local update = case.updates[1]
  if update.values then
    metric:update_state(tensor(update.values), tensor(update.sample_weight))
  else
    metric:update_state(tensor(update.y_true), tensor(update.y_pred), tensor(update.sample_weight))
  end
  return { metric:result() }
end

function run.optimizers(optimizer, case)
  local variables, values = {}, {}
  for i, value in ipairs(case.variables) do
    variables[i] = core.variable {
      value = tensor(value), name = case.names[i]:match "[^/]*$",
    }
  end
  for i = 1, math.min(2, #case.steps) do
    local gradients = {}
    for j, gradient in ipairs(case.steps[i].gradients) do gradients[j] = tensor(gradient) end
    optimizer:apply(gradients, variables)
  end
  for i, variable in ipairs(variables) do values[i] = variable.value end
  return values
end

function run.schedules(schedule, case)
  local values = {}
  for i, step in ipairs(case.steps) do
    local value = schedule(step)
    values[i] = core.is_tensor(value) and value or core.tensor(value)
  end
  return values
end

function run.initializers(initializer, case) return { initializer(case.shape, "float32") } end
function run.regularizers(regularizer, case) return { regularizer(tensor(case.input)) } end
function run.constraints(constraint, case) return { constraint(tensor(case.input)) } end

local function same_results(a, b)
  if #a ~= #b then return false end
  for i, y in ipairs(a) do
    if not pcall(assert.near_all, y, b[i], 1e-4) then return false end
    if core.is_tensor(y) and tostring(y.shape) ~= tostring(b[i].shape)
      and #y.shape ~= #b[i].shape then return false end
  end
  return true
end

-- A value of a config as the recording has it: an object is its class, None is None.
local function shown(value, arg)
  if value == nil or value == None or value == false and not arg.kind.takes_false then
    return "None"
  end
  if type(value) == "table" and value.class_name then return shown(value.class_name, arg) end
  if type(value) == "function" then return "object" end
  if type(value) == "number" then return ("%.6g"):format(value) end
  if type(value) ~= "table" then return tostring(value) end
  local words = {}
  for i, inner in ipairs(value) do words[i] = shown(inner, arg) end
  return "[" .. table.concat(words, ", ") .. "]"
end

-- The config without what only Keras knows.
local function for_us(class, config)
  local copy = {}
  for name, value in pairs(config) do
    if class.by_name[name] then copy[name] = value end
  end
  return copy
end

local function with(config, name, value)
  local copy = {}
  for key, inner in pairs(config) do copy[key] = inner end
  if name then copy[name] = value end
  return copy
end

local function is_refusal(value) return type(value) == "string" and value:sub(1, 1) == "!" end

-- What is configured is compared where Keras's config tells it and no name is counted up.
local function check_value(what, wanted, object, arg)
  if wanted == "!absent" or arg.name == "name" or arg.config == false then return end
  if arg.config == "set" and wanted == None then return end
  local config = object:get_config()
  assert.equal(shown(wanted, arg), shown(config[arg.name], arg), what)
end

local function check_unsaid(class, arg, wanted, config)
  local ok, object = quietly(class.from_config, with(config, arg.name, nil))
  if is_refusal(wanted) and wanted ~= "!absent" then
    assert.is_false(ok, "not said, and yet taken; Keras: " .. wanted)
  else
    assert.is_true(ok, "not said: " .. tostring(object))
    check_value("not said", wanted, object, arg)
  end
end

local function check_none(class, arg, row, config, call)
  local ways = {
    ["null of a file"] = function () return class.from_config(with(config, arg.name, None)) end,
    ["k.None"] = function () return class(with(for_us(class, config), arg.name, None)) end,
    ["false"] = function () return class(with(for_us(class, config), arg.name, false)) end,
  }
  if arg.kind.takes_false then ways["false"] = nil end
  for what, make in pairs(ways) do
    local ok, object = quietly(make)
    local called, results = ok, nil
    if ok and row[3] then called, results = quietly(call, object) end
    if is_refusal(row[2]) and row[2] ~= "!absent" or is_refusal(row[3]) then
      assert.is_false(called, ("%s is taken; Keras: %s"):format(what, row[3] or row[2]))
    else
      assert.is_true(called, ("%s: %s"):format(what, tostring(ok and results or object)))
      check_value(what, row[2], object, arg)
      if row[3] == "same" or row[3] == "other" then
        local base = call(class.from_config(config))
        assert.equal(row[3], same_results(base, results) and "same" or "other", what)
      end
    end
  end
end

local recorded = golden.read("none_classes.json", None)

local function check_class(section, class, case)
  local name = class.name
  if excused(section, name) then return end
  local rows = recorded[section][name]
  if not rows then
    return it(name, function () error("nothing is recorded of it", 0) end)
  elseif rows.case then
    rows = rows.none
  end
  for _, arg in ipairs(class.arguments) do
    it(name .. "." .. arg.name, function ()
      local row = rows[arg.name]
      if row and row[1] == "!untaken" or excused(section, name, arg.name) then return end
      assert.truthy(row, "nothing is recorded of it")
      check_unsaid(class, arg, row[1], case.config)
      check_none(class, arg, row, case.config, function (object)
        return run[section](object, case)
      end)
    end)
  end
end

-- The classes of a module by name, each once.
local function classes_in(module)
  local names, seen = {}, {}
  for _, class in pairs(module) do
    local known = declare.is_class(class) and declare.registry(class.kind)[class.name] == class
    if known and not seen[class] then names[#names + 1], seen[class] = class.name, true end
  end
  table.sort(names)
  return names
end

local function case_of_layer(name, wanted)
  local path = "layers/" .. name .. ".json"
  for i, case in ipairs(golden.read(path) or {}) do
    if case.name == wanted then
      case.config = golden.read(path, None)[i].config      -- where None is not false
      return case
    end
  end
end

describe("None in layers", function ()
  local seen = {}
  for _, alias in ipairs(k.layers.names()) do
    local class = k.layers[alias]
    local section = recorded.legacy_layers[class.name] and "legacy_layers" or "layers"
    local row = recorded[section][class.name] or {}
    if not seen[class] then check_class(section, class, case_of_layer(class.name, row.case)) end
    seen[class] = true
  end
end)

local modules = {
  losses = k.losses, metrics = k.metrics, optimizers = k.optimizers,
  schedules = k.optimizers.schedules, initializers = k.initializers,
  regularizers = k.regularizers, constraints = k.constraints,
}

for section, module in pairs(modules) do
  describe("None in " .. section, function ()
    local first = {}
    for _, case in ipairs(golden.read(section .. ".json", None)) do
      first[case.class_name] = first[case.class_name] or case
    end
    for _, name in ipairs(classes_in(module)) do
      check_class(section, module[name], first[name])
    end
  end)
end

-- Callbacks have no config: they can be made, or not.
describe("None in callbacks", function ()
  local needed = {
    CSVLogger = { filename = "log.csv" }, BackupAndRestore = { backup_dir = "backup" },
    ModelCheckpoint = { filepath = "m.keras" },
    LearningRateScheduler = { schedule = function (_, rate) return rate end },
  }
  for _, name in ipairs(classes_in(k.callbacks)) do
    local class = k.callbacks[name]
    if not excused("callbacks", name) then
      for _, arg in ipairs(class.arguments) do
        it(name .. "." .. arg.name, function ()
          if excused("callbacks", name, arg.name) then return end
          local row = assert(recorded.callbacks[name][arg.name], "nothing is recorded of it")
          local ok, problem = quietly(class, with(needed[name] or {}, arg.name, None))
          assert.equal(not is_refusal(row[2]), ok, tostring(problem))
        end)
      end
    end
  end
end)

-- ---- ops ---------------------------------------------------------------------------------------

local cases = {}
for _, case in ipairs(cases_of_ops) do cases[case.key] = case end

-- The arguments of a case, all by name.
local function arguments_of(case, names)
  local given, inputs = with(case.attributes), harness.tensors(case.inputs)
  if case.call == "list" then
    given[names[1]] = inputs
  elseif case.call == "pairs" then
    local half = #inputs // 2
    given[names[1]] = table.move(inputs, 1, half, 1, {})
    given[names[2]] = table.move(inputs, half + 1, #inputs, 1, {})
  else
    for i, x in ipairs(inputs) do given[case.names and case.names[i] or names[i]] = x end
  end
  return given
end

local function names_of(row)
  local names = {}
  for word in row.signature:gmatch "[^,]+" do names[#names + 1] = word:match "[%w_]+" end
  return names
end

-- The arguments stand in Keras's order; nil is not said.
local function call(row, names, given)
  local list, last = {}, #names
  for i, name in ipairs(names) do list[i] = given[name] end
  return quietly(function () return { ops[row.name](table.unpack(list, 1, last)) } end)
end

local special = { inf = math.huge, ["-inf"] = -math.huge, nan = 0 / 0 }

local function numbers_of(value)
  if type(value) ~= "table" then return special[value] or value end
  local numbers = {}
  for i, inner in ipairs(value) do numbers[i] = numbers_of(inner) end
  return numbers
end

local function check_results(what, wanted, base, ok, results)
  if is_refusal(wanted) then
    return assert.is_false(ok, ("%s is taken; Keras: %s"):format(what, wanted))
  end
  assert.is_true(ok, ("%s: %s"):format(what, tostring(results)))
  if wanted == "same" then
    assert.is_true(same_results(base, results), what .. " makes a difference")
    return
  end
  assert.equal(#wanted, #results, what)
  for i, numbers in ipairs(wanted) do
    assert.near_all(ops.cast(results[i], "float32"), numbers_of(numbers), 1e-4)
  end
end

describe("None in ops", function ()
  local of_keras = require "spec.golden.ops_signatures"
  local of_ops = golden.read("none_ops.json", None)
  for _, row in ipairs(core.catalogue()) do
    local names = names_of(row)
    local theirs = {}
    for name in (of_keras[row.name] or ""):gmatch "%*?([%w_]+)[^,]*" do theirs[name] = true end
    for _, name in ipairs(names) do
      if not theirs[name] then goto continue end
      it(row.name .. "." .. name, function ()
        if excused("ops", row.name, name) then return end
        local record = (of_ops[row.name] or {})[name]
        assert.truthy(record, "nothing is recorded of it")
        local case = assert(cases[record[1]], "record anew: there is no case " .. record[1])
        local given = arguments_of(case, names)
        local _, base = assert(call(row, names, given))
        check_results("not said", record[2], base, call(row, names, with(given, name, nil)))
        check_results("None", record[3], base, call(row, names, with(given, name, None)))
      end)
      ::continue::
    end
  end
end)

describe("None in a model", function ()
  local x = k.tensor { { 1, 2 }, { 3, 4 } }

  it("on a placeholder stays None, in files too", function ()
    local input = k.Input { shape = { 2 }, batch_size = 2 }
    local model = k.Model { inputs = input, outputs = ops.softmax(input, { axis = None }) }
    assert.near_all(model(x), ops.softmax(x, None))
    local text = model:to_json()
    assert.truthy(text:find('"axis": null', 1, true))
    local copy = k.models.model_from_json(text)
    assert.near_all(copy(x), ops.softmax(x, None))
    assert.equal(text, copy:to_json())
  end)

  it("is nothing said to fit and its relatives", function ()
    local model = k.Sequential { k.Input { 2 }, k.layers.Dense(1) }
    model:compile { optimizer = "sgd", loss = "mse", run_eagerly = None }
    local y = k.zeros { 2, 1 }
    for _, none in ipairs { None, false } do
      model:fit(x, y, { verbose = 0, batch_size = none, validation_data = none, callbacks = none,
        class_weight = none, sample_weight = none, steps_per_epoch = none })
      model:evaluate(x, y, { verbose = 0, batch_size = none, sample_weight = none, steps = none })
      model:train_on_batch(x, y, { sample_weight = none, class_weight = none })
      assert.same({ 2, 1 }, model:predict(x, { batch_size = none, verbose = 0 }).shape)
    end
  end)
end)

describe("null in a file", function ()
  it("is an unknown size in lists of sizes", function ()
    local model = k.models.model_from_json [[{"class_name": "Sequential", "keras_version": "2.9",
      "config": {"name": "s", "layers": [{"class_name": "Conv1D", "config": {"filters": 2,
      "kernel_size": [1], "batch_input_shape": [null, null, 3]}}]}}]]
    assert.same({ false, false, 3 }, { table.unpack(model.input_shape) })
    local pair = k.models.model_from_json [[{"class_name": "Sequential", "keras_version": "2.9",
      "config": {"name": "s", "layers": [{"class_name": "Activation", "config": {
      "activation": "relu", "batch_input_shape": [null, null]}}]}}]]
    assert.same({ false, false }, { table.unpack(pair.input_shape) })
    assert.truthy(pair:to_json():find('"batch_shape": [null, null]', 1, true))
  end)

  it("reaches what a user made, in objects and in lists", function ()
    local seen
    local Kept = k.layer "KeptNulls" {
      args = { { "table", "table" }, { "rate", "number", default = 1, none = true } },
      init = function (self) seen = self end,
      call = function (_, y) return y end,
    }
    local record = { class_name = "KeptNulls", config = { rate = None,
      table = { a = None, list = { None, 1 } } } }
    local layer = k.layers.deserialize(record, { KeptNulls = Kept })
    assert.equal(layer, seen)
    assert.is_nil(layer.rate)
    assert.is_false(layer:get_config().rate)
    assert.same({ a = None, list = { None, 1 } }, layer.table)
  end)
end)

describe("the exceptions", function ()
  it("are all needed", function ()
    local idle = {}
    for section, list in pairs(exceptions) do
      for name, reason in pairs(list) do
        for _, key in ipairs(type(reason) == "string" and { name } or {}) do
          if not used[section .. ": " .. key] then idle[#idle + 1] = section .. ": " .. key end
        end
        for parameter in pairs(type(reason) == "table" and reason or {}) do
          local key = section .. ": " .. name .. "." .. parameter
          if not used[key] then idle[#idle + 1] = key end
        end
      end
    end
    table.sort(idle)
    assert.equal("", table.concat(idle, "\n"))
  end)
end)
