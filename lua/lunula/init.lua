-- lunula: Keras for Lua. This is the facade: names, and where they come from.
--
-- Whatever is large is loaded when it is first asked for, so that requiring lunula costs next to
-- nothing.

local core = require "lunula.core"

local lunula = { _VERSION = "lunula " .. core.version }

-- Modules by their name in the facade.
local modules = {
  ops = "lunula.ops", random = "lunula.ops.random", backend = "lunula.backend",
  layers = "lunula.layers",
  models = "lunula.models", activations = "lunula.activations",
  initializers = "lunula.initializers",
  regularizers = "lunula.regularizers", constraints = "lunula.constraints",
  losses = "lunula.losses",
  metrics = "lunula.metrics", optimizers = "lunula.optimizers", callbacks = "lunula.callbacks",
  utils = "lunula.utils", data = "lunula.data", config = "lunula.config",
  saving = "lunula.saving", mixed_precision = "lunula.mixed_precision",
  preprocessing = "lunula.preprocessing", datasets = "lunula.datasets", tree = "lunula.tree",
  dtype_policies = "lunula.dtype_policies",
  distribution = "lunula.distribution",
}

-- Single values out of modules: name = {module, field}.
local values = {
  Input = { "lunula.models", "Input" },
  Sequential = { "lunula.models", "Sequential" },
  Model = { "lunula.models", "Model" },
  model = { "lunula.models", "declare" },
  Layer = { "lunula.layers.base", "Layer" }, InputSpec = { "lunula.layers", "InputSpec" },
  Variable = { "lunula.variables", "Variable" }, Loss = { "lunula.losses", "Loss" },
  Metric = { "lunula.metrics", "Metric" }, Optimizer = { "lunula.optimizers", "Optimizer" },
  Initializer = { "lunula.initializers", "Initializer" },
  Regularizer = { "lunula.regularizers", "Regularizer" },
  layer = { "lunula.layers.base", "declare" },
  callback = { "lunula.callbacks", "declare" },
  metric = { "lunula.metrics", "declare" }, loss = { "lunula.losses", "declare" },
  optimizer = { "lunula.optimizers", "declare" },
  value_and_grad = { "lunula.gradients", "value_and_grad" },
  gradcheck = { "lunula.gradients", "gradcheck" },
  remat = { "lunula.gradients", "remat" },
  set_random_seed = { "lunula.utils", "set_random_seed" },
  help = { "lunula.help", "help" },
}

-- A library of products that takes this processor for an old one.
local blas = core.build_info().blas
if blas and blas.advice then require("lunula.utils.warn").say("%s", blas.advice) end

-- ---- tensors -----------------------------------------------------------------------------------

-- x:mean() in a script that has not spoken of ops yet.
core.set_teller(function () require "lunula.ops" end)

lunula.tensor = core.tensor
lunula.frombytes = core.frombytes
lunula.is_tensor = core.is_tensor
lunula.threads = core.threads
lunula.seed = core.seed
lunula.None = core.None
lunula.version = core.version

-- Tables that show what is in them when they are printed.
local function printed(t) return require("lunula.declare.lists").of(t) end

function lunula.memory() return printed(core.memory()) end

function lunula.build_info() return printed(core.build_info()) end

-- The named values of a table that may have positions too, as {2, 3, dtype = "int32"}; the n of
-- table.pack is none of them.
local function named_of(name, given, allowed)
  local named = {}
  for key, value in pairs(given) do
    if math.type(key) ~= "integer" and key ~= "n" then named[key] = value end
  end
  if next(named) == nil then return named end
  return require("lunula.utils.options").read(name, named, allowed)
end

-- zeros{2, 3}, zeros({2, 3}, "int32"), zeros({2, 3}, {dtype = "int32"}) or zeros{shape = {2, 3}}
local function filled(name, value)
  return function(shape, dtype)
    if type(shape) == "number" then shape = { shape } end
    if type(shape) ~= "table" then
      core.raise("%s takes a shape, as %s{2, 3}, got %s", name, name, type(shape))
    end
    local said = named_of(name, shape, { "shape", "dtype" })
    if type(dtype) == "table" then dtype = named_of(name, dtype, { "dtype" }).dtype end
    dtype = dtype or said.dtype or "float32"
    return core.ops.full(said.shape or table.move(shape, 1, #shape, 1, {}), value, dtype)
  end
end

lunula.zeros = filled("zeros", 0)
lunula.ones = filled("ones", 1)

-- full({2, 3}, 7)
function lunula.full(shape, value, dtype)
  if type(value) ~= "number" and type(value) ~= "boolean" then
    core.raise("full takes a shape and a number, got %s", type(value))
  end
  return filled("full", value)(shape, dtype)
end

function lunula.arange(...)
  return require("lunula.ops").arange(...)
end

local inner = { ops = { "image", "linalg", "nn", "numpy" }, optimizers = { "schedules" },
  preprocessing = { "image", "sequence" } }

-- print(k.utils) says what it is, as far as the table is free for that.
local named
function named(name, module)
  for _, part in ipairs(inner[name] or {}) do named(name .. "." .. part, module[part]) end
  local metatable = getmetatable(module) or {}
  if metatable.__tostring then return module end
  metatable.module = name
  metatable.__tostring = function()
    return ("k.%s: a module; k.help(k.%s) lists its names"):format(name, name)
  end
  return setmetatable(module, metatable)
end

local float32 = "everything computes in float32"

-- Names of Keras that are not here, with what to do.
local absent = {
  applications = "there are no models by name and nothing is downloaded; save one in Keras as a "
    .. ".keras file and load it by k.models.load_model",
  device = "a model runs on the processor, on all its cores",
  quantizers = float32, DTypePolicy = float32,
  export = "model:export(path) writes what predicts",
  wrappers = "there is no scikit-learn",
  visualization = "k.utils.plot_images draws a batch of images",
  name_scope = "a name is an option of what is made: layers.Dense { 8, name = \"head\" }",
}

local function found(self, name)
  local value
  if modules[name] then
    require "lunula.ops"                  -- all of them stand upon the ops
    value = named(name, require(modules[name]))
  elseif values[name] then
    value = require(values[name][1])[values[name][2]]
  end
  if absent[name] then core.raise("k has no %s: %s", name, absent[name]) end
  if name == "help" then require("lunula.help").set_facade(lunula) end
  if value ~= nil then rawset(self, name, value) end
  return value
end

return setmetatable(lunula, {
  __tostring = function()
    return lunula._VERSION .. ": Keras for Lua; k.help() says what there is"
  end,
  __index = found,
  __pairs = function (self)                 -- all names, whether they were asked for or not
    for _, list in ipairs { modules, values } do
      for name in pairs(list) do
        if rawget(self, name) == nil then found(self, name) end
      end
    end
    return next, self, nil
  end,
})
