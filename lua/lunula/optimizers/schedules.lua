-- Learning rates that change with the step. A schedule is called with the number of steps done
-- (0, 1, 2, …), as a number or as an optimizer's iterations, and answers a scalar; inside a trace
-- it is part of the plan.

local core = require "lunula.core"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"

local classes = {}

local LearningRateSchedule = declare.class {
  kind = "schedule",
  name = "LearningRateSchedule",
  doc = "A learning rate as a function of the step: schedule(step).",
  __call = function(self, step)
    if not self.call then core.raise("%s has no formula (call)", declare.class_of(self).name) end
    step = tools.tensor(declare.class_of(self).name .. ": step", step)
    return self:call(ops.cast(step, "float32"))
  end,
}
classes[1] = LearningRateSchedule

local function schedule(name)
  return function(declaration)
    declaration.kind, declaration.name, declaration.parent = "schedule", name, LearningRateSchedule
    local args, named = declaration.args, false
    for _, arg in ipairs(args) do named = named or arg[1] == "name" end
    if not named then
      args[#args + 1] = { "name", kinds.string, default = declaration.default_name or name }
    end
    declaration.default_name = nil
    classes[#classes + 1] = declare.class(declaration)
  end
end

local rate = { "initial_learning_rate", kinds.number, required = true }
local steps = { "decay_steps", kinds.positive, required = true }
local decay_rate = { "decay_rate", kinds.number, required = true }
local staircase = { "staircase", kinds.boolean, default = false }

schedule "ExponentialDecay" {
  doc = "rate decay_rate^(step / decay_steps)",
  args = { rate, steps, decay_rate, staircase },
  call = function(self, step)
    local p = step / self.decay_steps
    if self.staircase then p = ops.floor(p) end
    return self.initial_learning_rate * ops.power(self.decay_rate, p)
  end,
}

schedule "InverseTimeDecay" {
  doc = "rate / (1 + decay_rate step / decay_steps)",
  args = { rate, steps, decay_rate, staircase },
  call = function(self, step)
    local p = step / self.decay_steps
    if self.staircase then p = ops.floor(p) end
    return self.initial_learning_rate / (1 + self.decay_rate * p)
  end,
}

schedule "PiecewiseConstantDecay" {
  doc = "values[1] up to boundaries[1], values[2] up to boundaries[2], …",
  args = {
    { "boundaries", kinds.list_of(kinds.number), required = true },
    { "values", kinds.list_of(kinds.number), required = true },
  },
  default_name = "PiecewiseConstant",
  init = function(self)
    if #self.values ~= #self.boundaries + 1 then
      core.raise("PiecewiseConstantDecay: %d boundaries need %d values, got %d", #self.boundaries,
        #self.boundaries + 1, #self.values)
    end
  end,
  call = function(self, step)
    local value = core.tensor(self.values[#self.values], { dtype = "float32" })
    for i = #self.boundaries, 1, -1 do
      value = ops.where(ops.less_equal(step, self.boundaries[i]), self.values[i], value)
    end
    return value
  end,
}

schedule "PolynomialDecay" {
  doc = "from rate to end_learning_rate along (1 - step / decay_steps)^power",
  args = {
    rate, steps, { "end_learning_rate", kinds.number, default = 1e-4 },
    { "power", kinds.number, default = 1.0 },
    { "cycle", kinds.boolean, default = false },
  },
  call = function(self, step)
    local length = self.decay_steps
    if self.cycle then
      length = length * ops.maximum(ops.ceil(step / length), 1)
    else
      step = ops.minimum(step, length)
    end
    local left = ops.power(1 - step / length, self.power)
    return (self.initial_learning_rate - self.end_learning_rate) * left + self.end_learning_rate
  end,
}

local function cosine(part)
  return 0.5 * (1 + ops.cos(math.pi * part))
end

schedule "CosineDecay" {
  doc = "half a cosine from rate to alpha rate, after a straight warm-up if there is one",
  args = {
    rate, steps, { "alpha", kinds.number, default = 0.0 },
    { "name", kinds.string, default = "CosineDecay" },
    { "warmup_target", kinds.number },
    { "warmup_steps", kinds.count, default = 0, none = true },
  },
  call = function(self, step)
    local from, warm = self.initial_learning_rate, self.warmup_steps or 0
    local top = self.warmup_target or from
    local function decayed(k)
      local part = ops.minimum(k, self.decay_steps) / self.decay_steps
      return top * ((1 - self.alpha) * cosine(part) + self.alpha)
    end
    if not self.warmup_target then return decayed(step) end
    local rising = from + (top - from) * (step / math.max(warm, 1))
    return ops.where(ops.less(step, warm), rising, decayed(ops.maximum(step - warm, 0)))
  end,
}

schedule "CosineDecayRestarts" {
  doc = "half cosines one after another, each t_mul as long and m_mul as high as the one before",
  args = {
    rate, { "first_decay_steps", kinds.positive, required = true },
    { "t_mul", kinds.number, default = 2.0 },
    { "m_mul", kinds.number, default = 1.0 }, { "alpha", kinds.number, default = 0.0 },
  },
  default_name = "SGDRDecay",
  call = function(self, step)
    local part = step / self.first_decay_steps
    local restarts
    if self.t_mul == 1 then
      restarts = ops.floor(part)
      part = part - restarts
    else
      local t = self.t_mul
      restarts = ops.floor(ops.log(1 - part * (1 - t)) / math.log(t))
      local scale = ops.power(t, restarts)
      part = (part - (1 - scale) / (1 - t)) / scale
    end
    local height = ops.power(self.m_mul, restarts)
    return self.initial_learning_rate * ((1 - self.alpha) * height * cosine(part) + self.alpha)
  end,
}

declare.homes.schedule = "lunula.optimizers.schedules"

local schedules = declare.catalogue("schedule", classes)
for _, class in ipairs(classes) do class.module = "keras.optimizers.schedules" end
return schedules
