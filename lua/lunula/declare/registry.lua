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
local waiting = {}                                        -- kind -> name -> what registers it
local file_names = setmetatable({}, { __mode = "k" })   -- class, function -> "package>Name"

local are_ours = false   -- are the classes that are registered now ours, and late?

-- f(…), which declares classes of ours that waited: they do not take the place of what a user has
-- registered before.
function registry.as_ours(f, ...)
  local before = are_ours
  local _ <close> = setmetatable({}, { __close = function () are_ours = before end })
  are_ours = true
  return f(...)
end

local function fetch(kind, name)
  registry.as_ours(waiting[kind][name], name)
  waiting[kind][name] = nil
end

function registry.registry(kind)
  if not known[kind] then
    waiting[kind] = {}
    known[kind] = setmetatable({}, {
      __index = function (names, name)
        if waiting[kind][name] then
          fetch(kind, name)
          return rawget(names, name)
        end
      end,
      __pairs = function (names)
        for name in pairs(waiting[kind]) do fetch(kind, name) end
        return next, names, nil
      end,
    })
  end
  return known[kind]
end

-- Makes a class or function known by a name; the last one wins.
function registry.register(kind, name, value)
  local names = registry.registry(kind)
  if not are_ours or rawget(names, name) == nil then names[name] = value end
end

-- Names that are registered by register_one(name), when they are first asked for.
function registry.later(kind, names, register_one)
  local _ = registry.registry(kind)
  for _, name in ipairs(names) do waiting[kind][name] = register_one end
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
