-- The arguments of layers, losses, metrics, optimizers, schedules and callbacks: Keras's names,
-- order and defaults, from the table that was taken from Keras (spec/golden/signatures.json).

local k = require "lunula"
local declare = require "lunula.declare"
local golden = require "spec.support.golden"

-- What is not there, and why.
local missing = {
  BackupAndRestore = "files", ModelCheckpoint = "files", OrbaxCheckpoint = "a format of JAX's",
}

-- LambdaCallback takes the other hooks as **kwargs in Keras, CallbackList the params; RemoteMonitor
-- takes a function that sends.
local open_ended = { LambdaCallback = true, CallbackList = true, RemoteMonitor = true }

-- Names and types that Keras leaves to None and fills in later.
local filled_in = { name = true, dtype = true }

local function same(a, b)
  if type(a) == "table" and type(b) == "table" then
    if #a ~= #b then return false end
    for i = 1, #a do
      if not same(a[i], b[i]) then return false end
    end
    return true
  end
  if type(a) == "number" and type(b) == "number" then return math.abs(a - b) < 1e-12 end
  return a == b
end

local function sorted(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function agrees(wanted, arg)
  local default = wanted.default
  if default == nil then return true end                        -- required
  if default == false then
    return arg.default == nil or arg.default == false or filled_in[arg.name]
  end
  return same(default, arg.default)
end

-- Layers of Keras that are not here: those that hold what other frameworks made.
local absent = {
  FlaxLayer = true, JaxLayer = true, TFSMLayer = true, TorchModuleWrapper = true,
}

-- A layer takes its name and dtype by name only; InputLayer has its dtype among the others.
local function own_arguments(name, list)
  local own = {}
  for _, arg in ipairs(list) do
    if arg.name ~= "name" and (arg.name ~= "dtype" or name == "InputLayer") then
      own[#own + 1] = arg
    end
  end
  return own
end

-- The further arguments of a call, in Keras's order. States are an input of cells.
local function check_call(class, wanted)
  local names, own = {}, {}
  for i, arg in ipairs(wanted) do
    local name = arg.name
    if i > 1 and name ~= "training" and name ~= "mask" and name ~= "states" then
      names[#names + 1] = name
    end
  end
  for i in ipairs(names) do own[i] = class.call_args[i] end
  assert.are.same(names, own)
end

local function check_layers(section)
  local table_of_keras = assert(golden.read "signatures.json")[section]
  for _, name in ipairs(sorted(table_of_keras)) do
    it(name, function()
      local class = k.layers.find(name)
      if absent[name] then return assert.is_nil(class) end
      assert.truthy(declare.is_class(class), "no class " .. name)
      local wanted = own_arguments(name, table_of_keras[name].arguments)
      for i, argument in ipairs(wanted) do
        local own = class.positional[i]
        assert.equal(argument.name, own and own.name)
        assert.truthy(agrees(argument, own),
          ("the default of %s is %s"):format(argument.name, declare.show(own.default)))
      end
      assert.equal(#wanted, #class.positional)
      check_call(class, table_of_keras[name].call or {})
    end)
  end
end

describe("signatures of layers", function() check_layers "layers" end)
describe("signatures of layers of Keras 2", function() check_layers "legacy_layers" end)

local function check(section, module)
  local table_of_keras = assert(golden.read "signatures.json")[section]
  for _, name in ipairs(sorted(table_of_keras)) do
    local signature = table_of_keras[name]
    if not missing[name] then
      it(name, function()
        local class = module[name]
        assert.truthy(declare.is_class(class), "no class " .. name)
        local arguments = class.positional
        for i, wanted in ipairs(signature.arguments) do
          assert.equal(wanted.name, arguments[i] and arguments[i].name)
          assert.truthy(agrees(wanted, arguments[i]),
            ("the default of %s is %s"):format(wanted.name,
            declare.show(arguments[i].default)))
        end
        if not open_ended[name] then assert.equal(#signature.arguments, #arguments) end
      end)
    end
  end
end

describe("signatures of losses", function() check("losses", k.losses) end)
describe("signatures of metrics", function() check("metrics", k.metrics) end)
describe("signatures of optimizers", function() check("optimizers", k.optimizers) end)
describe("signatures of schedules", function() check("schedules", k.optimizers.schedules) end)
describe("signatures of callbacks", function() check("callbacks", k.callbacks) end)

describe("functions", function()
  for section, module in pairs { loss_functions = k.losses, metric_functions = k.metrics } do
    for _, name in ipairs(sorted(assert(golden.read "signatures.json")[section])) do
      it(name, function() assert.equal("function", type(module[name])) end)
    end
  end
end)
