-- k.utils.PyDataset, once Sequence: batches by their number, in a class of the user's.
--
--   local Batches = k.utils.PyDataset "Batches" {
--     init = function (self, x, y) self.x, self.y = x, y end,
--     len = function (self) return #self.x // 32 end,
--     get_item = function (self, index) … return x, y end,      -- index counts from 0
--   }
--   model:fit(Batches(x, y), { epochs = 2 })

local core = require "lunula.core"
local declare = require "lunula.declare"

local hooks = { "init", "len", "get_item", "on_epoch_begin", "on_epoch_end" }

-- Python's names for them.
local pythonic = { __init__ = "init", __len__ = "len", __getitem__ = "get_item",
  num_batches = "len" }

-- Options of Keras's class: its workers are threads or processes of Python.
local refused = { "workers", "use_multiprocessing", "max_queue_size" }

local function check_hook(name, key, value)
  if pythonic[key] then
    core.raise("PyDataset \"%s\": write %s for %s", name, pythonic[key], key)
  end
  for _, hook in ipairs(hooks) do
    if key == hook and type(value) ~= "function" then
      core.raise("PyDataset \"%s\": %s must be a function, got %s", name, hook,
        declare.show(value))
    end
    if key ~= hook and declare.distance(key, hook) == 1 then
      core.raise("PyDataset \"%s\": there is no %s (did you mean \"%s\"?)", name, key, hook)
    end
  end
end

local function check_workers(name, ...)
  for i = 1, select("#", ...) do
    local given = select(i, ...)
    for _, option in ipairs(refused) do
      if declare.is_plain(given) and given[option] ~= nil then
        core.raise("%s: %s is not for Lua, which makes each batch when it is asked for, in one "
          .. "thread; leave it out", name, option)
      end
    end
  end
end

local function no_hook() end

local function as_text(class)
  return "dataset " .. class.name
end

-- PyDataset "Name" { init =, len =, get_item =, on_epoch_begin =, on_epoch_end =, methods }
local function py_dataset(name)
  if type(name) ~= "string" then
    core.raise("PyDataset is declared as k.utils.PyDataset \"Name\" { len =, get_item = }, got %s",
      declare.show(name))
  end
  return function(declaration)
    if not declare.is_plain(declaration) then
      core.raise("PyDataset \"%s\" takes a table of its functions, got %s", name,
        declare.show(declaration))
    end
    local class = { name = name, on_epoch_begin = no_hook, on_epoch_end = no_hook }
    for key, value in pairs(declaration) do
      if type(key) == "string" then check_hook(name, key, value) end
      class[key] = value
    end
    for _, hook in ipairs { "len", "get_item" } do
      if not class[hook] then
        core.raise("PyDataset \"%s\" needs a function %s(self%s)", name, hook,
          hook == "get_item" and ", index" or "")
      end
    end
    class.__index = class
    class.__len = class.len
    class.__tostring = as_text
    return setmetatable(class, {
      __tostring = function() return "class " .. name end,
      __call = function(_, ...)
        check_workers(name, ...)
        local object = setmetatable({}, class)
        if class.init then class.init(object, ...) end
        return object
      end,
    })
  end
end

return py_dataset
