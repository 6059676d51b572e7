-- How the options of a call reach the function that is a layer's call: by the names of its
-- parameters, as in Python.
--
--   call = function (self, x, training) … end
--   call = function (self, x, context, mask) … end    called as layer(x, context, {mask = m})
--
-- `options` gets all of them in one table (`ctx` is its old name). A name that neither this file
-- nor call_args knows is an option of the layer's own; one that begins with `_` gets nothing. The
-- first parameter after the input of a cell is its states, whatever its name. Where there are no
-- names, because of `...` or because the code was stripped of them, call_args says them in order.

local core = require "lunula.core"
local cells = require "lunula.layers.base.cells"
local declare = require "lunula.declare"

local parameters = {}

local of_every_call = { training = true, mask = true, options = true, ctx = true }
local whole_table = { options = true, ctx = true }

local known = setmetatable({}, { __mode = "k" })   -- function -> what after_input says

-- The names that follow self and the input; `nameless` when there are more without a name.
local function after_input(fn)
  local found = known[fn]
  if not found then
    local names, more = core.parameters(fn)
    found = names and { nameless = more, table.unpack(names, 3) } or { nameless = more > 2 }
    known[fn] = found
  end
  return found
end

-- The same, with those of call_args for what has no names.
local function names_for(fn, call_args)
  local names = after_input(fn)
  if not names.nameless then return names end
  local all, seen = { table.unpack(names) }, {}
  for _, name in ipairs(names) do seen[name] = true end
  for _, name in ipairs(call_args) do
    if not seen[name] then all[#all + 1] = name end
  end
  return all
end

-- self:call(x, …), what follows taken from the options.
function parameters.call(self, x, options)
  local fn = self.call
  local names = names_for(fn, self.call_args)
  local count = #names
  if count == 0 then return fn(self, x) end
  local values, is_cell = {}, self.call_args == cells.arguments
  for i = 1, count do
    local name = names[i]
    local whole = whole_table[name] or is_cell and i == 1 and not of_every_call[name]
    if whole then values[i] = options else values[i] = options[name] end
  end
  return fn(self, x, table.unpack(values, 1, count))
end

-- ---- declarations -----------------------------------------------------------------------------

local function check_name(class_name, name)
  local meant = name:find "train" and "training"
    or declare.nearest(name, { "training", "mask", "options" })
  if meant then
    core.raise('layer "%s": call has a parameter "%s"; did you mean "%s"? If not, list it: '
      .. 'call_args = { "%s" }', class_name, name, meant, name)
  end
end

-- The options of the layer's own that the parameters of its call name, appended to the list.
local function add_own(class_name, spec, names, list)
  local is_cell = spec.state_size ~= nil or spec.parent and spec.parent.state_size ~= nil
  for i, name in ipairs(names) do
    local is_states = is_cell and i == 1
    if not (of_every_call[name] or list[name] or name:sub(1, 1) == "_" or is_states) then
      check_name(class_name, name)
      if spec.call_args then
        core.raise('layer "%s": call has a parameter "%s", which is not in call_args (%s)',
          class_name, name, table.concat(spec.call_args, ", "))
      end
      list[#list + 1], list[name] = name, true
    end
  end
end

-- The call_args of a class: those of its declaration or its parent, and those that the parameters
-- of its call name. They are a list and a set in one.
function parameters.call_args(class_name, spec, parent)
  local list = {}
  for _, name in ipairs(spec.call_args or parent.call_args) do
    list[#list + 1], list[name] = name, true
  end
  if not spec.call then return list end
  local names = after_input(spec.call)
  if names.nameless and not spec.call_args then
    core.raise('layer "%s": some parameters of call have no names, because of `...` or because its '
      .. 'code was stripped of them; list those after the input: call_args = { "training" }',
      class_name)
  end
  add_own(class_name, spec, names, list)
  return list
end

return parameters
