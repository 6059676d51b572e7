-- k.utils.FeatureSpace: columns of a table, of numbers and of words, as one vector or as one vector
-- each. It does not stand in layers, as in Keras, because it makes inputs of models.
--
--   local space = k.utils.FeatureSpace {
--     features = { age = "float_normalized", city = "string_categorical" },
--     crosses = { { "city", "kind" } }, output_mode = "concat",
--   }
--   space:adapt { age = { … }, city = { … } }      -- or a dataset of k.data
--   local x = space { age = { … }, city = { … } }
--
-- Columns come in the order of their names, then the crosses in theirs.

local core = require "lunula.core"
local declare = require "lunula.declare"
local feature_kinds = require "lunula.features.kinds"
local functional = require "lunula.models.functional"
local layers = require "lunula.layers"
local ranks = require "lunula.distribution.ranks"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local options = require "lunula.utils.options"
local pick = require "lunula.data.pick"
local source = require "lunula.data.source"
local record = require "lunula.features.record"
local formats = require "lunula.saving.formats"
local json = require "lunula.saving.json"

local NAME <const> = "FeatureSpace"
local FORMAT <const> = "lunula feature space 1"

local allowed = { "features", "output_mode", "crosses", "crossing_dim", "hashing_dim",
  "num_discretization_bins", "name" }

local space = {}
space.__index = space

local function sorted_names(map)
  local names = {}
  for name in pairs(map) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- ---- columns -----------------------------------------------------------------------------------

-- A column as a tensor of (n, 1) or more, and whether it was a single value.
local function column(value, dtype)
  if not core.is_tensor(value) then value = core.tensor(value, dtype) end
  if value.dtype ~= dtype and dtype ~= "string" and value.dtype ~= "string" then
    value = ops.cast(value, dtype)
  end
  if value.rank == 0 then return ops.reshape(value, { 1, 1 }), true end
  return value.rank == 1 and ops.expand_dims(value, -1) or value, false
end

local function check_columns(self, data)
  if not declare.is_plain(data) then
    core.raise("%s is called with a table of columns by name, got %s", NAME, declare.show(data))
  end
  for name in pairs(data) do
    if not self.features[name] then
      core.raise("%s: there is no feature \"%s\"%s", NAME, tostring(name),
        declare.suggestion(tostring(name), sorted_names(self.features)))
    end
  end
  for name in pairs(self.features) do
    if data[name] == nil then core.raise("%s: the column \"%s\" is missing", NAME, name) end
  end
end

-- An iterator over batches of 32 of the values that next_value gives one by one.
local function in_batches(next_value, dtype)
  return function()
    local list = {}
    while #list < 32 do
      local value = next_value()
      if value == nil then break end
      list[#list + 1] = core.is_tensor(value) and value:item() or value
    end
    if #list == 0 then return nil end
    return (column(list, dtype))
  end
end

-- ---- adapting ----------------------------------------------------------------------------------

-- Batches of 32 rows of a column.
local function slices(tensor)
  local at, n, run = 0, tensor.shape[1], pick.of(tensor)
  return function()
    if at >= n then return nil end
    at = at + 32
    return run(at - 32, math.min(32, n - at + 32))
  end
end

-- Batches of one column of the elements of a dataset, which are single values, or batches.
local function of_dataset(dataset, name, dtype)
  local next_element = source.iterator(dataset)
  local function next_value()
    local element = next_element()
    if element == nil then return nil end
    if type(element) ~= "table" or element[name] == nil then
      core.raise("adapt: the elements of the dataset must be tables with a column \"%s\"", name)
    end
    return element[name]
  end
  local first = next_value()
  if first == nil then core.raise "adapt: the dataset has no elements" end
  local function again()
    local value = first or next_value()
    first = nil
    return value
  end
  if not (core.is_tensor(first) and first.rank > 0 or type(first) == "table") then
    return in_batches(again, dtype)
  end
  return function()
    local value = again()
    if value == nil then return nil end
    return (column(value, dtype))
  end
end

-- Finds what the layers must know of data: a table of columns, or a dataset of such tables.
function space:adapt(data)
  local is_dataset = source.is(data)
  if is_dataset then
    source.check(data)
    if select(2, source.len(data)) then
      core.raise "adapt: the dataset repeats without end; its take(n) has n elements"
    end
  elseif declare.is_plain(data) then
    source.refuse_near(data, "adapt: the table")
  else
    core.raise("adapt takes a table of columns by name, or a dataset of such tables, got %s",
      declare.show(data))
  end
  for _, name in ipairs(sorted_names(self.features)) do
    local feature = self.features[name]
    if feature_kinds.wants_data(feature.preprocessor) then
      if not is_dataset and data[name] == nil then
        core.raise("adapt: the column \"%s\" is missing", name)
      end
      feature.preprocessor:adapt(is_dataset and of_dataset(data, name, feature.dtype)
        or slices((column(data[name], feature.dtype))))
    end
  end
  self.adapted, self.encoders = true, {}
end

local function check_adapted(self)
  if self.adapted then return end
  for name, feature in pairs(self.features) do
    if feature_kinds.wants_data(feature.preprocessor) then
      core.raise("%s: call adapt(data) first; \"%s\" must see data", NAME, name)
    end
  end
  self.adapted = true
end

-- ---- encoding ----------------------------------------------------------------------------------

-- What comes out of a layer, as 0 and 1 where that is wanted.
local function encoded(self, name, value, spec, layer)
  if spec.output_mode ~= "one_hot" then return value end
  local depth = feature_kinds.depth(layer)
  if not depth then
    core.raise("%s: feature \"%s\" has output_mode \"one_hot\", and nobody knows how many values "
      .. "its layer gives; say output_mode = \"int\"", NAME, name)
  end
  self.encoders[name] = self.encoders[name]
    or layers.CategoryEncoding { depth, output_mode = "multi_hot" }
  return self.encoders[name](value)
end

local function merged(self, names, values)
  if self.output_mode == "dict" then return values end
  local list = {}
  for i, name in ipairs(names) do
    local value = values[name]
    if value.dtype == "string" or value.dtype:find "int" then
      core.raise("%s: \"%s\" is of %s, which cannot be put beside others; say output_mode = "
        .. "\"dict\"", NAME, name, value.dtype)
    end
    list[i] = value
  end
  return #list == 1 and list[1] or tools.joined(list, -1)
end

-- The features of tensors, or placeholders, by name.
local function encode(self, inputs)
  local found, values, names = {}, {}, {}
  for _, name in ipairs(sorted_names(self.features)) do
    local feature = self.features[name]
    found[name] = feature.preprocessor(inputs[name])
    values[name] = encoded(self, name, found[name], feature, feature.preprocessor)
    names[#names + 1] = name
  end
  for _, name in ipairs(sorted_names(self.crossers)) do
    local cross, list = self.crosses_by_name[name], {}
    for i, feature in ipairs(cross.feature_names) do list[i] = found[feature] end
    values[name] = encoded(self, name, self.crossers[name](list), cross, self.crossers[name])
    names[#names + 1] = name
  end
  return merged(self, names, values)
end

local function squeezed(value)
  if core.is_tensor(value) then return ops.squeeze(value, 0) end
  local result = {}
  for name, inner in pairs(value) do result[name] = squeezed(inner) end
  return result
end

function space:__call(data)
  check_adapted(self)
  check_columns(self, data)
  local inputs, single = {}, false
  for name, value in pairs(data) do
    local one
    inputs[name], one = column(value, self.features[name].dtype)
    single = single or one
  end
  local result = encode(self, inputs)
  return single and squeezed(result) or result
end

-- The inputs of a model, by name.
function space:get_inputs()
  check_adapted(self)
  if not self.inputs then
    self.inputs = {}
    for name, feature in pairs(self.features) do
      self.inputs[name] = functional.Input { shape = { 1 }, dtype = feature.dtype, name = name }
    end
  end
  return self.inputs
end

-- What a model has after them.
function space:get_encoded_features()
  check_adapted(self)
  self.encoded_features = self.encoded_features or encode(self, self:get_inputs())
  return self.encoded_features
end

-- ---- making one --------------------------------------------------------------------------------

local function standardize(o, name, value)
  if feature_kinds.is_feature(value) then return value end
  local make = feature_kinds.by_name[value]
  if not make then
    core.raise("%s: feature \"%s\" is of no known type: %s; there are %s", NAME, name,
      declare.show(value), table.concat(sorted_names(feature_kinds.by_name), ", "))
  end
  return make(name, o)
end

local function read_crosses(self, list)
  self.crosses, self.crosses_by_name, self.crossers = {}, {}, {}
  for i, value in ipairs(list or {}) do
    local cross = feature_kinds.is_cross(value) and value
      or feature_kinds.cross { value, self.crossing_dim }
    for _, name in ipairs(cross.feature_names) do
      if not self.features[name] then
        core.raise("%s: crosses[%d] speaks of \"%s\", which is no feature", NAME, i,
          tostring(name))
      end
    end
    self.crosses[i], self.crosses_by_name[cross.name] = cross, cross
    self.crossers[cross.name] = layers.HashedCrossing { cross.crossing_dim, name = cross.name }
  end
end

local function new(_, given)
  local o = options.read(NAME, given, allowed)
  if not declare.is_plain(o.features) or next(o.features) == nil then
    core.raise("%s: features must be a table of types by name, got %s", NAME,
      declare.show(o.features))
  end
  local self = setmetatable({ features = {}, preprocessors = {}, encoders = {},
    name = o.name or "feature_space" }, space)
  for _, size in ipairs { "crossing_dim", "hashing_dim", "num_discretization_bins" } do
    self[size] = options.count(NAME, size, o[size]) or 32
  end
  for name, value in pairs(o.features) do
    self.features[name] = standardize(self, name, value)
    self.preprocessors[name] = self.features[name].preprocessor
  end
  read_crosses(self, o.crosses)
  self.output_mode = o.output_mode or "concat"
  if self.output_mode ~= "concat" and self.output_mode ~= "dict" then
    core.raise("%s: output_mode must be \"concat\" or \"dict\", got %s", NAME,
      declare.show(o.output_mode))
  end
  return self
end

-- ---- files -------------------------------------------------------------------------------------

function space:get_config()
  local config = { output_mode = self.output_mode, crossing_dim = self.crossing_dim,
    hashing_dim = self.hashing_dim, num_discretization_bins = self.num_discretization_bins,
    name = self.name, adapted = self.adapted == true, features = {}, crosses = {} }
  for name, feature in pairs(self.features) do
    config.features[name] = feature_kinds.config_of(feature)
  end
  for i, cross in ipairs(self.crosses) do
    config.crosses[i] = { feature_names = cross.feature_names, crossing_dim = cross.crossing_dim,
      output_mode = cross.output_mode }
  end
  return config
end

-- What get_config gave, with all that was adapted.
function space.from_config(config)
  local given = {}
  for key, value in pairs(config) do given[key] = value end
  given.features, given.crosses, given.adapted = {}, {}, nil
  for name, inner in pairs(config.features) do
    given.features[name] = feature_kinds.of_config(inner)
  end
  for i, inner in ipairs(config.crosses) do given.crosses[i] = feature_kinds.cross(inner) end
  local made = new(nil, given)
  made.adapted = config.adapted
  return made
end

-- As it stands in Keras's files; what the layers have learned from data stands beside it there.
function space:keras_record()
  check_adapted(self)
  return record.of(self)
end

-- And from there, with layers that are to get what they have learned.
function space.of_keras_record(value)
  local made = new(nil, record.options(value))
  made.adapted = true
  return made
end

local function ending_of(what, path)
  local ending = type(path) == "string" and (path:match "%.safetensors$" or path:match "%.keras$")
  if ending then return ending end
  core.raise("%s: the path of a FeatureSpace ends in .keras or .safetensors, got %s", what,
    declare.show(path))
end

-- save "space.keras", as Keras does, or save "space.safetensors"; k.utils.FeatureSpace.load reads
-- both, and load_model the former.
space.save = ranks.one_writes(function(self, path)
  if ending_of("save", path) == ".keras" then return formats.of(path).save_space(self, path) end
  core.file_write(path, {}, { format = FORMAT, config = json.encode(self:get_config()) })
end)

function space.load(path)
  ranks.await_files()
  if ending_of("FeatureSpace.load", path) == ".keras" then
    return formats.of(path).load_space(path)
  end
  local reader = core.file_read(path)
  local metadata = reader.metadata
  reader:close()
  if metadata.format ~= FORMAT then core.raise("\"%s\": this is no FeatureSpace", path) end
  return space.from_config(json.decode(metadata.config))
end

function space:__tostring()
  return ("FeatureSpace of %s"):format(table.concat(sorted_names(self.features), ", "))
end

local class = { from_config = space.from_config, of_keras_record = space.of_keras_record,
  load = space.load }
for name, f in pairs(feature_kinds.doors) do class[name] = f end

return setmetatable(class, { __call = new, __tostring = function() return "class " .. NAME end })
