-- Losses, metrics, optimizers and schedules against every case that was recorded from Keras.
--
-- A case is the config that Keras wrote and tensors that went in and came out (spec/golden). Where
-- a config does not tell all arguments, all that Keras could have meant are tried.

local k = require "lunula"
local core = require "lunula.core"
local golden = require "spec.support.golden"

local ops, tensor = k.ops, golden.tensor

-- Arguments that Keras 3.15 leaves out of the config.
local untold = {
  CosineSimilarity = { axis = { -1, 1 } },
  Huber = { delta = { 1, .4 } },
}

local function variants(case)
  local list = { case.config }
  for name, values in pairs(untold[case.class_name] or {}) do
    if case.config[name] == nil then
      list = {}
      for i, value in ipairs(values) do
        list[i] = { [name] = value }
        for key, given in pairs(case.config) do list[i][key] = given end
      end
    end
  end
  return list
end

-- Runs check(config); of several possible configs one must pass.
local function with_config(case, check)
  local failure
  for _, config in ipairs(variants(case)) do
    local ok, message = pcall(check, config)
    if ok then return end
    failure = failure or message
  end
  error(failure, 0)
end

local function described(case, i)
  local words = {}
  for key, value in pairs(case.config) do
    if value and type(value) ~= "table" and key ~= "dtype" then
      words[#words + 1] = key .. "=" .. tostring(value)
    end
  end
  table.sort(words)
  return ("%d %s{%s}"):format(i, case.class_name, table.concat(words, ", "))
end

local function each(path, check)
  for i, case in ipairs(assert(golden.read(path), path .. " is missing")) do
    it(described(case, i), function() check(case) end)
  end
end

-- A class that nobody recorded would be compared with nothing. base: those that are no end in
-- themselves.
local function compare_names(what, module, path, base)
  it("are all there are of " .. what, function()
    local recorded, abstract, missing = {}, {}, {}
    for _, case in ipairs(golden.read(path)) do recorded[case.class_name] = true end
    for _, name in ipairs(base) do abstract[name] = true end
    for name, class in pairs(module) do
      local is_class = type(class) == "table" and class.name == name
      if is_class and not recorded[name] and not abstract[name] then
        missing[#missing + 1] = name
      end
    end
    assert.equal("", table.concat(missing, " "), path .. " has no numbers of them")
    for name in pairs(recorded) do assert.is_table(module[name], name) end
  end)
end

describe("recorded numbers", function()
  compare_names("losses", k.losses, "losses.json", { "Loss", "LossFunctionWrapper" })
  compare_names("metrics", k.metrics, "metrics.json", { "Metric", "MeanMetricWrapper" })
  compare_names("optimizers", k.optimizers, "optimizers.json", { "Optimizer", "OptimizerMap" })
  compare_names("schedules", k.optimizers.schedules, "schedules.json", { "LearningRateSchedule" })
  compare_names("constraints", k.constraints, "constraints.json",
    { "Constraint", "RadialConstraint" })
  compare_names("initializers", k.initializers, "initializers.json", { "Initializer" })
  compare_names("regularizers", k.regularizers, "regularizers.json", { "Regularizer" })

  it("are of all losses that are functions, by their classes", function()
    for name, call in pairs(k.losses) do
      if type(call) == "function" and k.losses.name_of(call) then
        assert.is_not.equal("LossFunctionWrapper", k.losses.get(name).class_name, name)
      end
    end
  end)
end)

local function float(x) return ops.cast(x, "float32") end

describe("recorded losses", function()
  each("losses.json", function(case)
    with_config(case, function(config)
      local loss = k.losses[case.class_name].from_config(config)
      local y_true, y_pred = tensor(case.y_true), tensor(case.y_pred)
      local weight, mask = tensor(case.sample_weight), tensor(case.mask)
      y_pred.mask = mask
      assert.near_all(loss(y_true, y_pred, weight), tensor(case.output), 2e-5)
      if not case.gradient then return end
      local _, grads = core.value_and_grad(function(p)
        p.mask = mask
        return ops.sum(loss(y_true, p, weight) * tensor(case.cotangent))
      end)(y_pred)
      assert.near_all(grads[1], tensor(case.gradient), 5e-5)
    end)
  end)
end)

describe("recorded metrics", function()
  each("metrics.json", function(case)
    with_config(case, function(config)
      local metric = k.metrics[case.class_name].from_config(config)
      for _, update in ipairs(case.updates) do
        local weight = tensor(update.sample_weight)
        if update.y_true then
          metric:update_state(tensor(update.y_true), tensor(update.y_pred), weight)
        else
          metric:update_state(tensor(update.values), weight)
        end
        assert.near_all(float(metric:result()), float(tensor(update.result)), 2e-5)
      end
      metric:reset_state()
    end)
  end)
end)

-- Keras's torch engine, which recorded the numbers, lets a copy share memory with the variable that
-- it is a copy of; the steps of this optimizer differ there from the second one on.
local shares_memory = { ScheduleFreeAdamW = true }

describe("recorded optimizers", function()
  each("optimizers.json", function(case)
    local optimizer = k.optimizers[case.class_name].from_config(case.config)
    local variables = {}
    for i, name in ipairs(case.names) do
      variables[i] = core.variable { value = tensor(case.variables[i]), name = name,
        trainable = true }
    end
    for number, step in ipairs(case.steps) do
      if number > 1 and shares_memory[case.class_name] then return end
      local grads = {}
      for i, record in ipairs(step.gradients) do grads[i] = tensor(record) end
      optimizer:apply(grads, variables)
      for i, record in ipairs(step.variables) do
        assert.near_all(variables[i].value, tensor(record), 2e-5)
      end
    end
    if case.scale then assert.equal(case.scale, optimizer.dynamic_scale.value:item()) end
  end)
end)

describe("recorded schedules", function()
  each("schedules.json", function(case)
    local schedule = k.optimizers.schedules[case.class_name].from_config(case.config)
    for i, step in ipairs(case.steps) do
      assert.near_all(schedule(step):item(), case.values[i], 1e-6)
    end
  end)
end)
