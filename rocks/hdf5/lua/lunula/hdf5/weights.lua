-- The weights of a model as Keras 3 lays them out: each object has a group at its path in the model
-- (tree.lua), in it the group "vars", in that its own variables, "0", "1" …

local changes = require "lunula.layers.base.changes"
local core = require "lunula.core"
local declare = require "lunula.declare"
local loading = require "lunula.hdf5.loading"
local optimizer = require "lunula.hdf5.optimizer"
local tree = require "lunula.hdf5.tree"
local warn = require "lunula.utils.warn"
local writing = require "lunula.hdf5.writing"

local weights = {}

-- The layer, this one or one of its own, that has a vocabulary; nil where there is none.
local function lookup_of(object)
  return object.get_vocabulary and (object.lookup or object)
end

-- Its weights of tf_idf, nil where there are none.
local function tf_idf_of(object)
  local lookup = lookup_of(object)
  return lookup and lookup.weights_of_places
end

local function joined(path, name)
  return (path == "" or name == "") and path .. name or path .. "/" .. name
end

-- ---- writing -----------------------------------------------------------------------------------

local check = writing.checked

local function write_tensor(writer, path, tensor)
  check(writer:dataset(path, tensor.dtype, tensor.shape, tensor:tobytes()))
  if tensor.dtype == "bfloat16" then check(writer:text(path, "dtype", "bfloat16")) end
end

-- The weights that an optimizer trains. One in a field, of a train step of the user's own, may have
-- some of the model's only, which it knows once it is built.
local function trained_by(object, model)
  if object == model.optimizer or not object.built then return model.trainable_weights end
  local list = {}
  for _, variable in ipairs(model.trainable_weights) do
    if object.slot_of[variable] then list[#list + 1] = variable end
  end
  return list
end

local LONGEST <const> = 60000   -- bytes of an attribute

-- Which weights an optimizer in a field trains, Keras does not tell. We do, beside its variables:
-- "0 3", their places among all weights.
local function note_trained(writer, vars, object, model)
  if object == model.optimizer or not object.built then return end
  local places = {}
  for i, variable in ipairs(model.weights) do
    if object.slot_of[variable] then places[#places + 1] = i - 1 end
  end
  local text = table.concat(places, " ")
  if #text <= LONGEST then check(writer:text(vars, "trained", text)) end
end

-- The group of an object's variables at its path.
function weights.write_group(writer, path, name)
  local vars = joined(path, "vars")
  check(writer:group(vars))
  check(writer:text(vars, "name", name))
  return vars
end

local function write_object(writer, model, object, path)
  local vars = weights.write_group(writer, path, object.name)
  if declare.is(object, "optimizer") then
    for i, entry in ipairs(optimizer.variables(object, trained_by(object, model))) do
      write_tensor(writer, vars .. "/" .. i - 1, optimizer.value(object, entry))
    end
    note_trained(writer, vars, object, model)
  elseif tf_idf_of(object) then
    write_tensor(writer, vars .. "/idf_weights", tf_idf_of(object))
  else
    for i, variable in ipairs(tree.variables(object)) do
      write_tensor(writer, vars .. "/" .. i - 1, variable.value)
    end
  end
end

-- The state of the optimizer is written with the weights, where there is one. place: where the
-- model lies, "" for the root.
function weights.write(writer, model, with_optimizer, place)
  local trained = model.optimizer
  if with_optimizer and trained and trained.built then trained:build(model.trainable_weights) end
  tree.walk(model, function (object, path, _, holder)
    if (holder or object) ~= trained or with_optimizer then
      write_object(writer, model, object, joined(place or "", path))
    end
  end)
end

-- ---- reading -----------------------------------------------------------------------------------

-- The group with the variables of an object, or nil. Files of Keras 2.12 called the layers of a
-- model otherwise.
local function vars_at(root, path, older)
  local group = root:find(joined(path, "vars")) or older and root:find(joined(older, "vars"))
  if group or not root.object.links._layer_checkpoint_dependencies then return group end
  return root:find(joined(path:gsub("layers", "_layer_checkpoint_dependencies"), "vars"))
end

local function described(object)
  return ('%s "%s"'):format(declare.class_of(object).name, object.name)
end

local function read_variables(load, object, group, path)
  local variables = tree.variables(object)
  local count = group and group:count() or 0
  if count ~= #variables then
    return load:misfit("%s: %s has %d variables here and %d in the file", joined(path, "vars"),
      described(object), #variables, count)
  end
  local pairs_of = {}
  for i, variable in ipairs(variables) do
    local value = load:value(variable, group:get(tostring(i - 1)), ("%s of %s"):format(
      variable.name, described(object)))
    if not value then return end
    pairs_of[i] = { variable, value }
  end
  for _, pair in ipairs(pairs_of) do load:assign(pair[1], pair[2]) end
end

-- The weights of tf_idf. Where there are none yet they come with the vocabulary (vocabulary.lua).
local function read_tf_idf(load, object, group, path)
  local lookup, dataset = lookup_of(object), group and group:find "idf_weights"
  local here = lookup.weights_of_places
  if not here then return end
  if not dataset then
    return load:misfit("%s: %s has idf_weights here, and the file has none", joined(path, "vars"),
      described(object))
  end
  local value = load:value(here, dataset, "idf_weights of " .. described(object))
  if not value then return end
  value = load:converted(here, value)
  load:later(function ()
    changes.note(lookup)
    lookup.weights_of_places = value
  end)
end

-- The values of the optimizer's variables as its own are now; nil and a text when they do not fit.
local function optimizer_values(load, variables, group)
  local values = {}
  for i, entry in ipairs(variables) do
    local dataset = group:find(tostring(i - 1))
    if not dataset then return nil, "a variable is missing" end
    if core.is_variable(entry) then
      local problem = loading.difference(entry, dataset:shape(), entry.name)
      if problem then return nil, problem end
      values[i] = load:converted(entry, dataset:tensor())
    end
  end
  return values
end

-- The weights that the file says an optimizer trains; none where it says nothing that fits.
local function told_trained(model, group)
  local list, all, seen = {}, model.weights, {}
  for word in (group:text "trained" or ""):gmatch "%S+" do
    local variable = all[(math.tointeger(tonumber(word)) or -1) + 1]
    if not variable or seen[variable] then
      group:fail('the attribute "trained" names %s: %s', variable and "a weight twice"
        or "no weight of the model", word)
    end
    seen[variable] = true
    list[#list + 1] = variable
  end
  return list
end

-- One that has made no step has no slots yet; they are made when the file has them. Of which
-- weights, a file of Keras's does not tell of one in a field.
local function build(model, object, group)
  local list = object == model.optimizer and model.trainable_weights or told_trained(model, group)
  if #list > 0 then object:build(list) end
end

local function read_optimizer(load, model, object, group)
  local count = group and group:count() or 0
  if count == 0 then return end
  local before = optimizer.variables(object, trained_by(object, model))
  if count > #before then build(model, object, group) end
  local variables = optimizer.in_file(object, trained_by(object, model), count, function (i)
    return group:get(tostring(i - 1)):shape()
  end)
  local values, problem
  if count == #variables then
    values, problem = optimizer_values(load, variables, group)
  else
    problem = ("it has %d variables here and %d in the file"):format(#variables, count)
  end
  if not values then
    return warn.say("%s: the state of the optimizer is left out, it does not fit %s: %s", load.path,
      described(object), problem)
  end
  for i, entry in ipairs(variables) do
    if values[i] then
      load:later(function () optimizer.assign(object, entry, values[i]) end)
    end
  end
  load:later(function () optimizer.complete(object, variables) end)
end

-- The weights of tf_idf, as a list; nil where there are none.
function weights.lookup_values(root, path)
  local dataset = root:find(joined(path, "vars/idf_weights"))
  return dataset and dataset:tensor():totable()
end

-- Notes in `load` what the file has for the model. Options: optimizer = is its state read?
function weights.read(load, root, model, options)
  tree.walk(model, function (object, path, older, holder)
    if holder then return end
    local group = vars_at(root, path, older)
    if declare.is(object, "optimizer") then
      if options.optimizer then read_optimizer(load, model, object, group) end
    elseif lookup_of(object) then
      read_tf_idf(load, object, group, path)
    else
      read_variables(load, object, group, path)
    end
  end)
end

return weights
