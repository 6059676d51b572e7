-- What a user's declaration of a layer or a model may hold: hooks, fields, methods.
--
-- In Lua a misspelt hook is a table entry that nobody ever reads. So each entry must be one of
-- these: a hook or an inherited method, which is a function; a field that is known here; or a
-- function under a name of the user's own, which is a method of the class. Numbers and tables of
-- the user's belong into args, or are set by init.

local core = require "lunula.core"
local declare = require "lunula.declare"

local hooks = {}

-- A method was called with a colon: its first value is the object.
function hooks.check_method(self, what, name)
  if not declare.is(self, "layer") or what == "model" and not self.train_on_batch then
    core.raise("%s is a method: %s:%s(…), with a colon", name, what, name)
  end
end

-- The functions that a class may have for us to call, and those that few have: a name that is like
-- one of these is no misspelling of it.
local called = {
  "init", "build", "call", "compute_mask", "compute_output_shape", "get_config", "from_config",
  "get_build_config", "build_from_config", "get_initial_state",
}
local rarely_called = { "draw", "project", "adapt", "prepare", "finish" }

-- Keras's hooks of training, which models have.
local of_training = {
  "train_step", "test_step", "predict_step", "compute_loss", "compute_metrics", "metrics",
  "compile",
}

-- What Keras has and we have not, with what to say.
local refused = {
  make_train_function = "train_step", make_test_function = "test_step",
  make_predict_function = "predict_step",
}

-- What is no function, with its type.
local fields = {
  args = "table", doc = "string", parent = "table", call_args = "table", aliases = "table",
  getters = "table", setters = "table", replace_args = "boolean", abstract = "boolean",
  supports_masking = "boolean", casts = "string", input_dtype = "string",
  default_training = "boolean", auto_name = "string", input_spec = "table",
  reads_strings = "function", begins_at_zero = "boolean", state_size = "number or table",
  output_size = "number",
}

local function set_of(list)
  local set = {}
  for _, name in ipairs(list) do set[name] = true end
  return set
end

local is_called, is_of_training = set_of(called), set_of(of_training)
for _, name in ipairs(rarely_called) do is_called[name] = true end

local known_names = {}
for _, list in ipairs { called, of_training } do
  table.move(list, 1, #list, #known_names + 1, known_names)
end
for name in pairs(fields) do known_names[#known_names + 1] = name end
table.sort(known_names)

-- The hook or field that a method's name is a misspelling of. Two edits apart is near, one in a
-- short name: `cal` is call, but `tell` is not, and `dot` is not doc.
local function misspelt(name)
  for _, known in ipairs(known_names) do
    local allowed = #known > 4 and 2 or #known > 3 and 1 or 0
    if declare.distance(name, known) <= allowed then return known end
  end
end

local function refuse(what, name)
  core.raise("%s: %s is not called: fit traces the model's steps by itself; declare %s, which it "
    .. "calls", what, name, refused[name])
end

-- In Python __init__ gets what the constructor is given; here args says what that is, and init
-- finds it in fields.
local function check_init(what, init)
  local names = core.parameters(init)
  if names and #names > 1 then
    core.raise("%s: init gets self alone; declare %s in args, as args = { { \"%s\" } }, and they "
      .. "are fields: self.%s", what, table.concat(names, ", ", 2), names[2], names[2])
  end
end

local function check_function(what, key, parent)
  local known = is_called[key] or is_of_training[key] or parent[key] ~= nil
  if known or key:sub(1, 2) == "__" then return end
  local meant = misspelt(key)
  if meant then
    core.raise('%s has a method "%s"; did you mean "%s"? If not, give it a name that is less like '
      .. "it", what, key, meant)
  end
end

local function check_value(what, key, value, parent)
  local wanted = fields[key]
  if wanted then
    if wanted:find(type(value), 1, true) then return end
    core.raise("%s: %s must be a %s, got %s", what, key, wanted, declare.show(value))
  elseif is_called[key] or is_of_training[key] or type(parent[key]) == "function" then
    core.raise("%s: %s must be a function, got %s", what, key, declare.show(value))
  end
  core.raise('%s: "%s" is no hook and no field of a declaration%s; values of your own go into '
    .. "args, or are set in init as self.%s = …", what, key, declare.suggestion(key, known_names),
    key)
end

-- kind: "layer" or "model". Raises for the first entry, by name, that does not belong there.
function hooks.check(kind, name, spec, parent)
  local what = ('%s "%s"'):format(kind, tostring(name))
  local keys = {}
  for key in pairs(spec) do
    if type(key) ~= "string" then
      core.raise("%s is declared with named entries only, got %s at [%s]", what,
        declare.show(spec[key]), tostring(key))
    end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local value = spec[key]
    if kind == "model" and refused[key] then
      refuse(what, key)
    elseif type(value) == "function" and not fields[key] then
      check_function(what, key, parent)
      if key == "init" then check_init(what, value) end
    else
      check_value(what, key, value, parent)
    end
  end
end

return hooks
