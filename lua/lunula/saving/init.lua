-- Models as text and as files: to_json and model_from_json, save and load.
--
-- Here is what all kinds of files have in common: what is said is checked, the ending of the path
-- tells the module that does the work (formats.lua). A file holds names and numbers, no code.

local core = require "lunula.core"
local declare = require "lunula.declare"
local options_of = require "lunula.utils.options"
local config = require "lunula.saving.config"
local formats = require "lunula.saving.formats"
local ranks = require "lunula.distribution.ranks"
local objects = require "lunula.saving.objects"
local state = require "lunula.saving.state"

local saving = { to_json = config.to_json, model_from_json = config.model_from_json }

for name, fn in pairs(objects) do saving[name] = fn end
saving.CustomObjectScope = objects.custom_object_scope

-- ---- what is said ------------------------------------------------------------------------------

local function check_model(name, model)
  if not config.is_model(model) then
    core.raise("%s takes a model, got %s", name, declare.show(model))
  end
end

local stored_as = { float16 = true, bfloat16 = true, float32 = true, float64 = true }

-- The options by name, where `flags` are true or false: {overwrite = true} has true as default.
local function read(name, given, allowed, flags)
  local said = options_of.read(name, given, allowed)
  for flag, default in pairs(flags) do
    local value = given and given[flag]
    if value == nil or value == core.None then value = default end
    if type(value) ~= "boolean" then
      core.raise("%s: %s must be true or false, got %s", name, flag, declare.show(value))
    end
    said[flag] = value
  end
  if said.dtype ~= nil and not stored_as[said.dtype] then
    core.raise('%s: dtype, as which floats are stored, is "float32", "float16", "bfloat16" or '
      .. '"float64", got %s', name, declare.show(said.dtype))
  end
  return said
end

local function folder_of(path)
  return path:match "^(.*)/[^/]*$"
end

-- A file can be written there.
local function check_target(name, path, overwrite)
  local ending = formats.ending(path)
  local kind, folder = core.file_kind(path), folder_of(path)
  if kind and kind ~= "file" then core.raise('%s: "%s" is a %s', name, path, kind) end
  if kind and not overwrite then
    core.raise('%s: "%s" is there already; give overwrite=true, or another path', name, path)
  end
  if folder and folder ~= "" and core.file_kind(folder) ~= "folder" then
    core.raise('%s: there is no folder "%s" to put "%s" into', name, folder,
      path:sub(#folder + 2))
  end
  return ending
end

local function check_source(name, path)
  ranks.await_files()
  formats.ending(path)
  local kind = core.file_kind(path)
  if not kind then core.raise('%s: there is no file "%s"', name, path) end
  if kind ~= "file" then core.raise('%s: "%s" is a %s', name, path, kind) end
end

-- What only our own files can do.
local function check_native(name, ending, said, ...)
  for _, option in ipairs { ... } do
    if said[option] ~= nil and ending ~= ".safetensors" then
      core.raise("%s: %s is for files that end in .safetensors, not in %s", name, option, ending)
    end
  end
end

-- ---- models ------------------------------------------------------------------------------------

-- Layers that run graphs of a file of ours have no place in files without graphs.
local function check_stand_ins(name, model, ending)
  if ending == ".safetensors" then return end
  state.each_layer(model, function (layer)
    if layer.stands_in then
      core.raise('%s: layer "%s" (%s) was loaded as a graph, which files that end in %s do not '
        .. "have; load the model with its class or function in custom_objects", name, layer.name,
        declare.class_of(layer).name, ending)
    end
  end)
end

local to_save = { "overwrite", "include_optimizer", "dtype", "class_names", "test" }

-- Options: overwrite = true, include_optimizer = true; of our own files: dtype = "float16" or
-- "bfloat16" (how floats are stored), class_names (a list), test (an input, stored with what the
-- model says to it: `lunula check` compares).
saving.save_model = ranks.one_writes(function(model, path, given)
  check_model("save", model)
  local said = read("save", given, to_save, { overwrite = true, include_optimizer = true })
  local ending = check_target("save", path, said.overwrite)
  check_native("save", ending, said, "dtype", "class_names", "test")
  check_stand_ins("save", model, ending)
  formats.of(path).save_model(model, path, said)
end)

local to_load = { "custom_objects", "compile", "check" }

-- Options: custom_objects (classes and functions by name), compile = true (with all that training
-- goes on with, where the file has it), check (the file's own test is made).
function saving.load_model(path, given)
  local said = read("load_model", given, to_load, { compile = true, check = false })
  check_source("load_model", path)
  if said.check then check_native("load_model", formats.ending(path), said, "check") end
  return formats.of(path).load_model(path, said)
end

local to_export = { "overwrite", "dtype", "class_names", "test" }

-- What predicts, and no more: the graph and the weights.
saving.export = ranks.one_writes(function(model, path, given)
  check_model("export", model)
  local said = read("export", given, to_export, { overwrite = true })
  local ending = check_target("export", path, said.overwrite)
  if ending ~= ".safetensors" then
    core.raise('export: "%s" must end in .safetensors; save writes the other kinds of files', path)
  end
  formats.of(path).export(model, path, said)
end)

-- ---- weights -----------------------------------------------------------------------------------

-- A model that is never called, whose own train step calls its layers, is built when these are.
local function is_built(model)
  if model.built then return true end
  local layers = model:tracked_layers()
  for _, layer in ipairs(layers) do
    if not layer.built then return false end
  end
  return #layers > 0 and #model.weights > 0
end

local function check_built(name, model, doing)
  if is_built(model) then return end
  core.raise('%s: model "%s" has no weights yet, because it has not been built: call it on data, '
    .. "or build it by model:build{…}, before %s", name, model.name, doing)
end

-- As in Keras, one of the two is not said without the other.
local function check_shards(ending, path, size)
  if size ~= nil and (type(size) ~= "number" or not (size > 0 and size < math.huge)) then
    core.raise("save_weights: max_shard_size must be a positive number (of GB), got %s",
      declare.show(size))
  end
  if size and ending ~= ".weights.json" then
    core.raise('save_weights: "%s": with max_shard_size, the path ends in .weights.json', path)
  elseif not size and ending == ".weights.json" then
    core.raise('save_weights: "%s" lists weights in several files: give max_shard_size, in GB, or '
      .. "a path that ends in .weights.h5", path)
  end
end

-- Options: overwrite = true; of our own files: dtype, as of save_model; of .weights.json:
-- max_shard_size (GB that one of the files beside it may have).
saving.save_weights = ranks.one_writes(function(model, path, given)
  check_model("save_weights", model)
  local said = read("save_weights", given, { "overwrite", "max_shard_size", "dtype" },
    { overwrite = true })
  check_built("save_weights", model, "its weights are saved")
  local ending = check_target("save_weights", path, said.overwrite)
  check_shards(ending, path, said.max_shard_size)
  check_native("save_weights", ending, said, "dtype")
  formats.of(path).save_weights(model, path, said)
end)

-- Options: skip_mismatch (what fits is loaded, the rest is told in a warning), by_name (of .h5
-- files of Keras 2). A load that fails changes nothing in the model.
function saving.load_weights(model, path, given)
  check_model("load_weights", model)
  local said = read("load_weights", given, { "skip_mismatch", "by_name" },
    { skip_mismatch = false, by_name = false })
  check_built("load_weights", model, "weights are loaded")
  check_source("load_weights", path)
  local ending = formats.ending(path)
  if said.by_name and ending ~= ".h5" and ending ~= ".hdf5" then
    core.raise('load_weights: by_name is for files of Keras 2 that end in .h5 or .hdf5, not "%s"',
      path)
  end
  formats.of(path).load_weights(model, path, said)
end

-- ---- a fit that is broken off ------------------------------------------------------------------

-- All that the fit which is running needs to go on, in a file of our own.
saving.save_training = ranks.one_writes(function(model, path)
  formats.of(path).save_training(model, path)
end)

-- Gives it back to a model of the same make, and returns where the fit stood.
function saving.load_training(model, path)
  return formats.of(path).load_training(model, path)
end

-- A path with an ending that nobody knows, or whose rock is not there, is told before it is needed.
function saving.check_ending(_, path)
  formats.of(path)
end

return saving
