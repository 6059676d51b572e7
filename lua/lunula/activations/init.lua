-- Activations: the functions of keras.activations as objects that are called.
--
--   relu(x)   elu(x, 0.5)   elu(x, {alpha = 0.5})   -- a tensor: the result
--   elu{alpha = 0.5}                                -- options alone: an activation that keeps them
--
-- What they compute is in ops/nn.lua; here are Keras's names, arguments and defaults.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local number, axis, tensor = kinds.number, kinds.axis, tools.tensor

-- Each is made when it is first asked for, under any of its names.
local makers, names = {}, {}
local activations = setmetatable({}, {
  __index = function (_, name) return makers[name] and makers[name]() end,
  __pairs = function (self)
    for _, make in pairs(makers) do make() end
    return next, self, nil
  end,
})

local Activation = declare.class {
  kind = "activation", name = "Activation", abstract = true,
  doc = "a function from tensors to tensors of the same shape",
}

function Activation:__call(x, ...)
  local class = declare.class_of(self)
  if select("#", ...) > 0 then return class(...):apply(tensor(class.name, x)) end
  if declare.only_names(x) then return class(x) end
  return self:apply(tensor(class.name, x))
end

-- Declares an activation; `apply(self, x)` finds its arguments in self. `doc` says what it is where
-- no op of its name does.
local function activation(name, args, apply, aliases, doc)
  local all, made = { name, table.unpack(aliases or {}) }, nil
  local function make()
    if made then return made end
    local class = declare.class {
      name = name, parent = Activation, args = args, apply = apply, aliases = aliases,
      doc = doc or core.catalogue(name).doc,
    }
    class.module = "keras.activations"
    made = class {}
    for _, known in ipairs(all) do activations[known] = made end
    return made
  end
  for _, known in ipairs(all) do makers[known], names[#names + 1] = make, known end
end

-- An activation without arguments that is the op of its name.
local function plain(name, aliases)
  activation(name, nil, function (_, x) return ops[name](x) end, aliases)
end

activation("linear", nil, function (_, x) return x end, nil, "x itself")

activation("relu", {
  { "negative_slope", number, default = 0.0, alias = "alpha",
    doc = "the slope below the threshold" },
  { "max_value", number, doc = "the largest value that comes out" },
  { "threshold", number, default = 0.0, doc = "x up to here counts as below" },
}, function (self, x)
  local slope, top, threshold = self.negative_slope, self.max_value, self.threshold
  if slope == 0 and top == nil and threshold == 0 then return ops.relu(x) end
  local y = threshold == 0 and ops.relu(x) or ops.where(ops.less(threshold, x), x, 0)
  if top ~= nil then y = ops.minimum(y, top) end
  if slope ~= 0 then y = y - ops.relu(threshold - x) * slope end
  return y
end)

plain "relu6"

activation("leaky_relu", { { "negative_slope", number, default = 0.2, alias = "alpha",
    doc = "the slope below 0" } },
  function (self, x) return ops.leaky_relu(x, self.negative_slope) end)

activation("elu", { { "alpha", number, default = 1.0, doc = "-alpha is the limit far below 0" } },
  function (self, x) return ops.elu(x, self.alpha) end)

plain "selu"

activation("celu", { { "alpha", number, default = 1.0, doc = "-alpha is the limit far below 0" } },
  function (self, x) return ops.celu(x, self.alpha) end)

activation("gelu", { { "approximate", kinds.boolean, default = false,
    doc = "by tanh, instead of the error function" } },
  function (self, x) return ops.gelu(x, self.approximate) end)

plain("silu", { "swish" })

activation("mish", nil, function (_, x) return x * ops.tanh(ops.softplus(x)) end, nil,
  "x tanh(softplus(x))")

plain "softplus"
plain "softsign"
plain "sigmoid"

-- Keras 2 had slope 0.2: hard_sigmoid{slope = 0.2}.
activation("hard_sigmoid", { { "slope", number, default = 1 / 6,
    doc = "the slope of the middle part" } }, function (self, x)
  if self.slope == 1 / 6 then return ops.hard_sigmoid(x) end
  return ops.clip(x * self.slope + 0.5, 0, 1)
end)

plain("hard_silu", { "hard_swish" })
plain "log_sigmoid"
plain "sparse_sigmoid"
plain "tanh"
plain "hard_tanh"
plain "tanh_shrink"

activation("soft_shrink", { { "threshold", number, default = 0.5,
    doc = "how far values move towards 0" } },
  function (self, x) return ops.soft_shrink(x, self.threshold) end)

activation("hard_shrink", { { "threshold", number, default = 0.5,
    doc = "what is nearer to 0 becomes 0" } },
  function (self, x) return ops.hard_shrink(x, self.threshold) end)

activation("threshold", {
  { "threshold", number, default = 0.0, doc = "values above stay" },
  { "default_value", number, default = 0.0, doc = "what the others become" },
}, function (self, x) return ops.threshold(x, self.threshold, self.default_value) end)

plain "sparse_plus"

activation("squareplus", { { "b", number, default = 4, doc = "how smooth the bend is" } },
  function (self, x) return ops.squareplus(x, self.b) end)

activation("exponential", nil, function (_, x) return ops.exp(x) end, nil, "exp(x)")

activation("glu", { { "axis", axis, default = -1 } },
  function (self, x) return ops.glu(x, self.axis) end)

-- Over one axis, over several at once, or over all.
activation("softmax", { { "axis", kinds.axes, default = -1, none = true } }, function (self, x)
  return ops.softmax(x, self.axis or core.None)
end)

activation("log_softmax", { { "axis", kinds.axes, default = -1, none = true } }, function (self, x)
  return ops.log_softmax(x, self.axis or core.None)
end)

activation("sparsemax", { { "axis", axis, default = -1 } },
  function (self, x) return ops.sparsemax(x, self.axis) end)

-- ---- names ------------------------------------------------------------------------------------

declare.later("activation", names, function (name) makers[name]() end)

-- The activation meant by a name, a config, a layer or a function; linear for nil.
function activations.get(identifier)
  if identifier == nil then return activations.linear end
  return declare.get("activation", identifier)
end

-- The plain name where that says it all, as in Keras's files; else a config. A function that was
-- not registered stays itself: a clone keeps it, and who writes a file has to say no.
function activations.serialize(value)
  local class = declare.class_of(value)
  if not class then return declare.name_of(value) or value end
  if class.kind ~= "activation" then return declare.serialize(value) end
  for _, arg in ipairs(class.arguments) do
    if value[arg.field] ~= arg.default then return declare.serialize(value) end
  end
  return class.name
end

function activations.deserialize(config, custom_objects)
  return declare.with_custom_objects(custom_objects, activations.get, config)
end

-- A user's function under a name: k.activations.register("cube", function (x) return x^3 end)
function activations.register(name, fn)
  if type(name) ~= "string" then
    core.raise("activations.register: a name comes first, got %s", declare.show(name))
  end
  declare.custom_objects()[name] = fn
  return fn
end

return activations
