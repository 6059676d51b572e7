-- Folders of files as datasets: what text_dataset_from_directory and image_dataset_from_directory
-- have in common. The folder below `directory` in which a file lies names its class.
--
--   local o = folders.read("image_dataset_from_directory", directory, given, { "image_size" })
--   return folders.datasets(o, { ".png", ".jpg" }, function(paths) return tensor end)
--
-- `paths` are those of one batch, and the tensor has a row for each.

local core = require "lunula.core"
local ops = require "lunula.ops"
local dice = require "lunula.data.dice"
local numpy_order = require "lunula.data.numpy_order"
local pipeline = require "lunula.data.pipeline"
local options = require "lunula.utils.options"
local verbosity = require "lunula.utils.verbosity"

local folders = {}

local common = {
  "labels", "label_mode", "class_names", "batch_size", "shuffle", "seed", "validation_split",
  "subset", "follow_links", "format", "verbose",
}

local function is_none(value) return value == false or value == core.None end

local function one_of(name, option, value, names)
  for _, allowed in ipairs(names) do
    if value == allowed then return value end
  end
  core.raise("%s: %s must be \"%s\", got %s", name, option, table.concat(names, '", "'),
    tostring(value))
end

-- ---- options -----------------------------------------------------------------------------------

-- "inferred", false for none, or a list of whole numbers.
local function read_labels(name, value)
  if value == nil or value == "inferred" then return "inferred" end
  if is_none(value) then return false end
  if core.is_tensor(value) then value = value:totable() end
  if type(value) ~= "table" then
    core.raise("%s: labels must be \"inferred\", None (false) or a list with a whole number for "
      .. "each file, got %s", name, tostring(value))
  end
  local labels = {}
  for i, label in ipairs(value) do
    labels[i] = options.count(name, ("labels[%d]"):format(i), label, 0)
  end
  return labels
end

local function check_split(o)
  local name, split = o.name, options.number(o.name, "validation_split", o.validation_split)
  if split and not (split > 0 and split < 1) then
    core.raise("%s: validation_split must be between 0 and 1, got %s", name, split)
  end
  if o.subset then one_of(name, "subset", o.subset, { "training", "validation", "both" }) end
  if (split == nil) ~= (o.subset == nil) then
    core.raise("%s: %s is given, then %s must be too", name, split and "validation_split"
      or "subset", split and "subset (\"training\", \"validation\" or \"both\")"
      or "validation_split")
  end
  if split and o.shuffle and not o.seed then
    core.raise("%s: a validation_split of shuffled files needs a seed, so that training and "
      .. "validation have no file in common", name)
  end
end

local function check_class_names(o)
  if not o.class_names then return end
  if o.labels ~= "inferred" then
    core.raise("%s: class_names are for labels = \"inferred\"", o.name)
  end
  if type(o.class_names) ~= "table" then
    core.raise("%s: class_names must be a list of names of folders, got %s", o.name,
      tostring(o.class_names))
  end
end

-- Checks the options that all have, and those named in `more`, which the caller checks. The table
-- to read from holds all of them by name: labels and label_mode are false where there are none,
-- batch_size where there are no batches.
function folders.read(name, directory, given, more)
  if type(directory) ~= "string" then
    core.raise("%s: the path of a folder comes first, got %s", name, type(directory))
  end
  local allowed = table.move(more or {}, 1, #(more or {}), #common + 1,
    table.move(common, 1, #common, 1, {}))
  local o, said = { name = name, directory = directory }, given or {}
  for key, value in pairs(options.read(name, given, allowed)) do o[key] = value end
  o.labels = read_labels(name, said.labels)
  o.label_mode = not is_none(said.label_mode)
    and one_of(name, "label_mode", o.label_mode or "int", { "int", "categorical", "binary" })
  if not (o.labels and o.label_mode) then o.labels, o.label_mode = false, false end
  o.batch_size = not is_none(said.batch_size)
    and (options.count(name, "batch_size", o.batch_size) or 32)
  o.shuffle = o.shuffle == nil or o.shuffle == true
  o.verbose = o.verbose == nil or o.verbose ~= false and o.verbose ~= 0
  o.seed = options.count(name, "seed", o.seed, 0)
  if o.format and o.format ~= "tf" then
    core.raise("%s: format is for Python, datasets of k.data are what there is; leave it out", name)
  end
  check_class_names(o)
  check_split(o)
  o.seed = o.seed or dice.seed() % 1000000
  return o
end

-- ---- files -------------------------------------------------------------------------------------

local function say(o, format, ...)
  if o.verbose and verbosity.is_interactive_logging_enabled() then
    io.stdout:write(format:format(...), "\n")
  end
end

local function join(folder, name)
  return folder:sub(-1) == "/" and folder .. name or folder .. "/" .. name
end

-- path -> names of the files in it, for the folder and all below it.
local function walk(path, follow_links, found)
  local files, inner, links = core.folder(path)
  found[path] = files
  for _, name in ipairs(inner) do walk(join(path, name), follow_links, found) end
  if follow_links then
    for _, name in ipairs(links) do walk(join(path, name), true, found) end
  end
  return found
end

local function has_ending(name, endings)
  name = name:lower()
  for _, ending in ipairs(endings) do
    if name:sub(-#ending) == ending then return true end
  end
end

-- Appends the paths of the files with these endings, folder by folder, as Keras orders them.
local function list_files(folder, o, endings, paths)
  local found, order = walk(folder, o.follow_links, {}), {}
  for path in pairs(found) do order[#order + 1] = path end
  table.sort(order)
  for _, path in ipairs(order) do
    table.sort(found[path])
    for _, name in ipairs(found[path]) do
      if has_ending(name, endings) then paths[#paths + 1] = join(path, name) end
    end
  end
end

-- The folders in the directory, or those that class_names says.
local function class_names_of(o)
  local _, names, links = core.folder(o.directory)
  local there = {}
  table.move(links, 1, #links, #names + 1, names)
  for i = #names, 1, -1 do
    if names[i]:sub(1, 1) == "." then table.remove(names, i) else there[names[i]] = true end
  end
  table.sort(names)
  for _, name in ipairs(o.class_names or {}) do
    if not there[name] then
      core.raise("%s: class_names has \"%s\", which is no folder in %s; there are: %s", o.name,
        tostring(name), o.directory, table.concat(names, ", "))
    end
  end
  return o.class_names or names
end

local function inferred(o, endings)
  local paths, labels, names = {}, {}, class_names_of(o)
  for i, name in ipairs(names) do
    list_files(join(o.directory, name), o, endings, paths)
    for at = #labels + 1, #paths do labels[at] = i - 1 end
  end
  return paths, labels, names
end

-- The labels as texts, each once.
local function names_of(labels)
  local sorted, names = table.move(labels, 1, #labels, 1, {}), {}
  table.sort(sorted)
  for i, label in ipairs(sorted) do
    if label ~= sorted[i - 1] then names[#names + 1] = tostring(label) end
  end
  return names
end

local function listed(o, endings)
  local paths = {}
  list_files(o.directory, o, endings, paths)
  if not o.labels then return paths end
  if #o.labels ~= #paths then
    core.raise("%s: %d labels were given, but %s has %d files", o.name, #o.labels, o.directory,
      #paths)
  end
  return paths, table.move(o.labels, 1, #paths, 1, {}), names_of(o.labels)
end

-- The paths of all files, their labels from 0, the names of the classes; the last two are nil
-- where labels is false. The order is Keras's, also the shuffled one.
function folders.index(o, endings)
  local read = o.labels == "inferred" and inferred or listed
  local paths, labels, names = read(o, endings)
  if labels then
    say(o, "Found %d files belonging to %d classes.", #paths, #names)
  else
    say(o, "Found %d files.", #paths)
  end
  if o.shuffle then
    numpy_order.shuffle(paths, o.seed)
    if labels then numpy_order.shuffle(labels, o.seed) end
  end
  return paths, labels, names
end

-- The last of the files are for validation.
local function split(o, list, subset)
  if not (list and o.validation_split) then return list end
  local kept = #list - math.floor(o.validation_split * #list)
  if subset == "training" then return table.move(list, 1, kept, 1, {}) end
  return table.move(list, kept + 1, #list, 1, {})
end

-- ---- datasets ----------------------------------------------------------------------------------

local function labels_of(o, labels, classes)
  if not labels then return nil end
  local ids = core.tensor(labels, "int32")
  if o.label_mode == "categorical" then return ops.one_hot(ids, classes) end
  if o.label_mode == "binary" then return ops.expand_dims(ops.cast(ids, "float32"), -1) end
  return ids
end

local function pick(list, numbers)
  if not list then return nil end
  local picked = {}
  for i, number in ipairs(numbers) do picked[i] = list[number] end
  return picked
end

-- The numbers of the files from 1, in lists of a batch.
local function batches_of_numbers(n, o, shuffled)
  local numbers = {}
  for i = 1, n do numbers[i] = i end
  local all = pipeline.new(function()
    local at = 0
    return function()
      at = at + 1
      return numbers[at]
    end
  end, n)
  if shuffled then
    all = all:shuffle(o.batch_size and o.batch_size * 8 or 1024, { seed = o.seed })
  end
  local size = o.batch_size or 1
  return pipeline.new(function()
    local next_number = all.start()
    return function()
      local batch = {}
      while #batch < size do
        local number = next_number()
        if not number then break end
        batch[#batch + 1] = number
      end
      return batch[1] and batch or nil
    end
  end, (n + size - 1) // size)
end

-- A dataset of some of the files. It also has the names of the classes and the paths, as Keras's.
local function dataset(o, paths, labels, names, shuffled, load)
  local made = batches_of_numbers(#paths, o, shuffled):map(function(numbers)
    local x = load(pick(paths, numbers))
    local y = labels_of(o, pick(labels, numbers), names and #names)
    if o.batch_size then return x, y end
    return x[1], y and y[1]
  end)
  made.class_names, made.file_paths = names or nil, paths
  return made
end

local function check_found(o, paths, subset, endings)
  if #paths > 0 then return end
  core.raise("%s: no %sfiles in %s; files with these endings are read: %s", o.name,
    subset and "files for " .. subset .. ", of all " or "", o.directory,
    table.concat(endings, ", "))
end

-- The dataset that the options of folders.read want; for subset = "both" two: training and
-- validation.
function folders.datasets(o, endings, load)
  local paths, labels, names = folders.index(o, endings)
  if o.label_mode == "binary" and #names ~= 2 then
    core.raise("%s: label_mode \"binary\" is for two classes, there are %d: %s", o.name, #names,
      table.concat(names, ", "))
  end
  local function part(subset, shuffled)
    local own = split(o, paths, subset)
    check_found(o, own, subset, endings)
    if subset then say(o, "Using %d files for %s.", #own, subset) end
    return dataset(o, own, split(o, labels, subset), names, shuffled, load)
  end
  if o.subset ~= "both" then return part(o.subset, o.shuffle) end
  local training = part("training", o.shuffle)
  return training, part("validation", false)
end

return folders
