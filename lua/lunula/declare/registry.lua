-- The names of classes and functions, by kind, and what files call them.

local registry = {}

-- The module that loads all built-in classes of a kind, asked when a name is looked up.
registry.homes = {
  layer = "lunula.layers", activation = "lunula.activations", initializer = "lunula.initializers",
  regularizer = "lunula.regularizers", constraint = "lunula.constraints", loss = "lunula.losses",
  metric = "lunula.metrics", optimizer = "lunula.optimizers", callback = "lunula.callbacks",
  optimizer_map = "lunula.optimizers",
}

-- The module of a kind's built-in classes, loaded now if it was not; nil for a kind without one.
function registry.home(kind)
  local module = registry.homes[kind]
  return module and require(module)
end

local known = {}                                          -- kind -> name -> class or function
local file_names = setmetatable({}, { __mode = "k" })   -- class, function -> "package>Name"

function registry.registry(kind)
  local names = known[kind]
  if not names then
    names = {}
    known[kind] = names
  end
  return names
end

-- Makes a class or function known by a name; the last one wins.
function registry.register(kind, name, value)
  registry.registry(kind)[name] = value
end

-- What files call a class, if not by its name.
function registry.set_file_name(class, name)
  file_names[class] = name
end

-- What a class or function was registered as in files, or nil.
function registry.file_name(value)
  return file_names[value]
end

return registry
