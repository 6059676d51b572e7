-- What a callback is, and the list that fit, evaluate and predict tell their events to.
--
-- A callback is an object with some of Keras's hooks (on_epoch_end …) as methods, or a plain
-- table of such functions. Hooks that nobody overrides cost nothing: the list looks who has which
-- once.

local core = require "lunula.core"
local declare = require "lunula.declare"
local declaration_of = require "lunula.utils.declaration"
local ranks = require "lunula.distribution.ranks"

local callback = { classes = {} }

local hooks = {
  "on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end", "on_train_batch_begin",
  "on_train_batch_end",
  "on_test_begin", "on_test_end", "on_test_batch_begin", "on_test_batch_end", "on_predict_begin",
  "on_predict_end",
  "on_predict_batch_begin", "on_predict_batch_end", "on_batch_begin", "on_batch_end",
}
callback.hooks = hooks

local Callback = declare.class {
  kind = "callback",
  name = "Callback",
  doc = "Is told what happens in training, by hooks like on_epoch_end(self, epoch, logs).",
}
callback.Callback = Callback
callback.classes[1] = Callback

-- Declares a class of callbacks: callback.declare "Name" {args = {…}, on_epoch_end =
-- function(self, epoch, logs) …}.
function callback.declare(name)
  return function(declaration)
    local spec = {}
    for key, value in pairs(declaration) do spec[key] = value end
    spec.kind, spec.name, spec.parent = "callback", name, declaration.parent or Callback
    local class = declare.class(spec)
    callback.classes[#callback.classes + 1] = class
    return class
  end
end

-- The same for users, whose misspelt hooks nobody would call.
local own_hooks = table.move(hooks, 1, #hooks, 3, { "set_model", "set_params" })

function callback.door(name)
  declaration_of.name("callback", name, "on_epoch_end")
  return function(given)
    return callback.declare(name)(declaration_of.check("callback", name, given, {
      base = Callback, hooks = own_hooks, needed = {}, example = "on_epoch_end",
      fields = { tells_others = "boolean", handles_nan = "boolean", comes_last = "boolean" },
    }))
  end
end

-- ---- the list ----------------------------------------------------------------------------------

local list = {}
list.__index = list

-- Old names that stand for the train hooks.
local old_names = { on_train_batch_begin = "on_batch_begin", on_train_batch_end = "on_batch_end" }

-- place: "callbacks[1]".
local function check_plain(given, place)
  local known, has_one = { set_model = true, set_params = true }, false
  for _, name in ipairs(hooks) do known[name] = true end
  for key in pairs(given) do
    has_one = has_one or known[key]
    if not known[key] and type(key) == "string" and key:sub(1, 3) == "on_" then
      core.raise("a callback has no hook \"%s\"%s", key, declare.suggestion(key, hooks))
    end
  end
  if not has_one then
    core.raise("%s is no callback: it has no hook, as { on_epoch_end = function(self, epoch, logs) "
      .. "… end } has: %s", place, declare.show(given))
  end
end

local function check_hooks(item, place)
  for _, hook in ipairs(own_hooks) do
    local method = item[hook]
    if method and type(method) ~= "function" then
      core.raise("%s: %s must be a function, got %s", place, hook, declare.show(method))
    end
  end
end

-- The list of callbacks that was given, or an error that says what is none.
function callback.check(given)
  if given == nil then return {} end
  if declare.is(given, "callback") then return { given } end
  if type(given) ~= "table" then
    core.raise("callbacks must be a list, got %s", declare.show(given))
  end
  if declare.is_plain(given) and #given == 0 and next(given) ~= nil then given = { given } end
  for i, item in ipairs(given) do
    if type(item) ~= "table" then
      core.raise("callbacks[%d] is no callback: %s", i, declare.show(item))
    end
    if declare.is_class(item) then
      core.raise("callbacks[%d] is the class %s; make one with %s{}", i, item.name, item.name)
    end
    local place = ("callbacks[%d]"):format(i)
    if declare.is_plain(item) then check_plain(item, place) end
    check_hooks(item, place)
  end
  return given
end

-- Who saves what all the others did is called after them.
local function called_order(items)
  local order, last = {}, {}
  for _, item in ipairs(items) do
    local place = item.comes_last and last or order
    place[#place + 1] = item
  end
  return table.move(last, 1, #last, #order + 1, order)
end

local function nothing() end

-- Of several ranks one calls those that only write for others to see (tells_others).
--
-- history: the History object that the list shall end with, or nil. params: what callbacks find in
-- their params; with draws_progress the caller draws a bar, and callbacks that would are left out.
function callback.list(model, given, params, history)
  local self = setmetatable({ items = {}, having = {} }, list)
  for _, item in ipairs(callback.check(given)) do
    if not (params.draws_progress and item.draws_progress) then
      self.items[#self.items + 1] = item
    end
  end
  for _, item in ipairs(self.items) do
    if history and declare.class_of(item) == declare.class_of(history) then history = item end
  end
  if history then
    self.history = history
    local there = false
    for _, item in ipairs(self.items) do there = there or item == history end
    if not there then self.items[#self.items + 1] = history end
  end
  for _, item in ipairs(self.items) do
    rawset(item, "model", model)
    rawset(item, "params", params)
    if item.set_model then item:set_model(model) end
    if item.set_params then item:set_params(params) end
  end
  local order = called_order(self.items)
  for _, hook in ipairs(hooks) do
    local having = {}
    for _, item in ipairs(order) do
      local method = item[hook] or old_names[hook] and item[old_names[hook]]
      if method and item.tells_others and not ranks.writes() then method = nothing end
      if method then having[#having + 1] = { item, method } end
    end
    if #having > 0 then self.having[hook] = having end
  end
  return self
end

function list:call(hook, ...)
  local having = self.having[hook]
  if not having then return end
  for _, pair in ipairs(having) do pair[2](pair[1], ...) end
end

-- Must the loop come back to Lua after every batch? mode: "train", "test" or "predict".
function list:has_batch_hooks(mode)
  return self.having["on_" .. mode .. "_batch_begin"] ~= nil
    or self.having["on_" .. mode .. "_batch_end"] ~= nil
end

-- What the callbacks of our own and of declared classes have counted so far, in their order: for
-- each its plain fields, without what it was made with. Tensors in a list (the best weights) are
-- told too.
local function state_of(item)
  local class = declare.class_of(item)
  if not class or class.is_history then return {} end
  local made_with, state = {}, {}
  for _, arg in ipairs(class.arguments) do made_with[arg.field] = true end
  for key, value in next, item do
    local plain = type(value) == "number" or type(value) == "boolean" or type(value) == "string"
    local tensors = declare.is_plain(value) and core.is_tensor(value[1])
    if type(key) == "string" and not made_with[key] and (plain or tensors) then
      state[key] = value
    end
  end
  return state
end

function list:get_state()
  local states = {}
  for i, item in ipairs(self.items) do states[i] = state_of(item) end
  return states
end

-- Gives back what get_state told, to the same callbacks.
function list:set_state(states)
  for i, item in ipairs(self.items) do
    for key, value in pairs(states[i] or {}) do
      if declare.class_of(item) then rawset(item, key, value) end
    end
  end
end

-- Has somebody said what to do when the loss is not finite?
function list:tolerates_nan()
  for _, item in ipairs(self.items) do
    if item.handles_nan and not item.raise_error then return true end
  end
  return false
end

return callback
