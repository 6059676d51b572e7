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

local loading = false   -- are classes of ours being loaded that waited?

-- f(…), which loads such classes: they do not take the place of what a user has registered before.
function registry.loading(f, ...)
  local before = loading
  local _ <close> = setmetatable({}, { __close = function () loading = before end })
  loading = true
  return f(...)
end

local function load(kind, name)
  registry.loading(waiting[kind][name], name)
  waiting[kind][name] = nil
end

function registry.registry(kind)
  if not known[kind] then
    local late = {}
    waiting[kind] = late
    known[kind] = setmetatable({}, {
      __index = function (names, name)
        if late[name] then
          load(kind, name)
          return rawget(names, name)
        end
      end,
      __pairs = function (names)
        for name in pairs(late) do load(kind, name) end
        return next, names, nil
      end,
    })
  end
  return known[kind]
end

-- Makes a class or function known by a name; the last one wins.
function registry.register(kind, name, value)
  local names = registry.registry(kind)
  if not loading or rawget(names, name) == nil then names[name] = value end
end

-- Names that are registered by load(name), when they are first asked for.
function registry.later(kind, names, load_name)
  local _ = registry.registry(kind)
  for _, name in ipairs(names) do waiting[kind][name] = load_name end
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
