-- What a user's declaration of a metric, a loss or an optimizer may hold: hooks, which are
-- functions; fields that are known; methods under names of the user's own. Whatever else stands in
-- it nobody would read, so it is refused.

local core = require "lunula.core"
local declare = require "lunula.declare"

local declaration = {}

local common = { args = "table", doc = "string", parent = "table" }
local hooks_of_all = { "init", "get_config", "from_config" }

local function check_entry(what, key, value, is_hook, fields, names)
  local wanted = fields[key] or common[key] or is_hook[key] and "function"
  if wanted and type(value) ~= wanted then
    core.raise("%s: %s must be a %s, got %s", what, key, wanted, declare.show(value))
  elseif wanted or type(key) == "string" and key:sub(1, 2) == "__" then
    return
  elseif type(value) ~= "function" then
    core.raise('%s: "%s" is no hook and no field of a declaration%s; values of your own go into '
      .. "args, or are set in init as self.%s = …", what, tostring(key),
      declare.suggestion(key, names), tostring(key))
  end
  for _, known in ipairs(names) do
    if declare.distance(key, known) <= (#known > 4 and 2 or 1) then
      core.raise('%s has a method "%s"; did you mean "%s"? If not, give it a name that is less '
        .. "like it", what, key, known)
    end
  end
end

-- The first argument of a door.
function declaration.name(kind, name, hook)
  if type(name) == "string" then return end
  core.raise('k.%s takes a name first: k.%s "Name" { %s = function (self, …) … end }', kind, kind,
    hook)
end

-- kind: "metric"; base: the class that all are made from; hooks: the names of functions; fields:
-- name -> type; needed: hooks that the class must have; example: one for the message, where it need
-- have none. Returns a copy, with a parent.
function declaration.check(kind, name, given, o)
  local what = ('%s "%s"'):format(kind, tostring(name))
  if not declare.is_plain(given) then
    core.raise('%s is declared with a table: k.%s "Name" { %s = function (self, …) … end }', what,
      kind, o.example or o.needed[1])
  end
  local copy, is_hook, names = {}, {}, {}
  for _, list in ipairs { hooks_of_all, o.hooks } do
    for _, hook in ipairs(list) do is_hook[hook], names[#names + 1] = true, hook end
  end
  for field in pairs(o.fields or {}) do names[#names + 1] = field end
  table.sort(names)
  for key, value in pairs(given) do
    check_entry(what, key, value, is_hook, o.fields or {}, names)
    copy[key] = value
  end
  copy.parent = given.parent or o.base
  if not declare.is_class(copy.parent) or copy.parent.kind ~= kind then
    core.raise("%s: parent must be a class of %ss", what, kind)
  end
  for _, hook in ipairs(o.needed) do
    local found = given[hook] or copy.parent[hook]
    if not found or not given[hook] and found == o.base[hook] then
      core.raise("%s needs %s = function (self, …) … end", what, hook)
    end
  end
  return copy
end

return declaration
