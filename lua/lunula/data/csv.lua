-- k.utils.load_csv: tables as text, as tensors by the names of their columns.
--
-- A column that is no int32 and all numbers is float32, since that is what models take; greater
-- whole numbers than 2^24 are kept by dtypes = { name = "float64" }.

local core = require "lunula.core"
local files = require "lunula.data.files"
local ops = require "lunula.ops"
local options = require "lunula.utils.options"

local NAME <const> = "load_csv"

local allowed = { "header", "separator", "columns", "dtypes", "missing", "missing_value", "matrix" }

-- What pandas takes for a missing value, without the rare ones.
local missing = { "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None" }

-- Dtypes that the reader in C makes, and what it reads for the others.
local read_as = {
  int32 = "int32", float32 = "float32", float64 = "float64", string = "string",
  bool = "int32", int8 = "int32", uint8 = "int32", int64 = "int32",
  float16 = "float32", bfloat16 = "float32",
}

local function list_of_texts(option, value)
  if type(value) ~= "table" then
    core.raise("%s: %s must be a list of texts, got %s", NAME, option, tostring(value))
  end
  for i, text in ipairs(value) do
    if type(text) ~= "string" then
      core.raise("%s: %s[%d] must be a text, got %s", NAME, option, i, tostring(text))
    end
  end
  return value
end

-- The names of the columns, nil where there are none, and their number; where the rows begin.
local function read_header(path, o, header)
  local first, next_byte, line = core.csv_line(path, o.separator)
  if header == true then return first, #first, next_byte, line end
  if header and #header ~= #first then
    core.raise("%s: header has %d names, the rows of %s have %d fields", NAME, #header, path,
      #first)
  end
  return header or nil, #first, 0, 1
end

local function places_of(names, path)
  local places = {}
  for i, name in ipairs(names) do
    if places[name] then core.raise("%s: %s has two columns \"%s\"", NAME, path, name) end
    places[name] = i
  end
  return places
end

local function check_dtype(dtype, name)
  if read_as[dtype] then return dtype end
  core.raise("%s: column %s cannot be read as %s", NAME, name, tostring(dtype))
end

-- The dtype that was said for each column, false for those that are guessed.
local function wanted_dtypes(o, places, count)
  local dtypes, said = {}, o.dtypes or {}
  for i = 1, count do dtypes[i] = false end
  if type(said) == "string" then
    for i = 1, count do dtypes[i] = check_dtype(said, i) end
    return dtypes
  end
  for key, dtype in pairs(said) do
    local i = places and places[key] or not places and math.type(key) == "integer" and key
    if not (i and i >= 1 and i <= count) then
      core.raise("%s: dtypes speaks of column %s, which is not there", NAME, tostring(key))
    end
    dtypes[i] = check_dtype(dtype, key)
  end
  return dtypes
end

local function kinds_of(dtypes, chosen)
  local kinds = {}
  for i, dtype in ipairs(dtypes) do
    kinds[i] = chosen and not chosen[i] and "skip" or dtype and read_as[dtype] or "guess"
  end
  return kinds
end

-- Which places are wanted, and the names in the order that was wanted.
local function choose(o, names, places, path)
  if not o.columns then return nil, names end
  if not names then
    core.raise("%s: columns are chosen by name; give header = { names }", NAME)
  end
  local chosen = {}
  for _, name in ipairs(list_of_texts("columns", o.columns)) do
    if not places[name] then
      core.raise("%s: %s has no column \"%s\"; it has: %s", NAME, path, name,
        table.concat(names, ", "))
    end
    chosen[places[name]] = true
  end
  return chosen, o.columns
end

local function in_dtypes(tensors, dtypes)
  for i, dtype in ipairs(dtypes) do
    if tensors[i] and dtype and tensors[i].dtype ~= dtype then
      tensors[i] = ops.cast(tensors[i], dtype)
    end
  end
end

local function by_name(tensors, names, places)
  local found = {}
  for _, name in ipairs(names) do found[name] = tensors[places[name]] end
  return found
end

local function read_options(path, given)
  files.check_path(NAME, path)
  local o = {}
  for key, value in pairs(options.read(NAME, given, allowed)) do o[key] = value end
  o.separator = o.separator or ","
  if o.separator == "\\t" then o.separator = "\t" end
  o.missing = o.missing and list_of_texts("missing", o.missing) or missing
  o.instead = options.number(NAME, "missing_value", o.missing_value) or 0 / 0
  return o
end

-- A matrix of some of the columns.
local function stacked(tensors, names, places)
  local list = {}
  for i, name in ipairs(names) do list[i] = tensors[places[name]] end
  return ops.stack(list, 1)
end

-- ("x.csv", { … }) -> the columns as tensors by name, and the list of the names. A column is int32
-- where all its fields are whole numbers, float32 where they are numbers, and else string.
--   header     true: the first line has the names; false: there are none, and the rows are the
--              rows of one tensor of float32; or a list of names
--   separator  ","       columns   the names of those that are wanted
--   dtypes     by name, or one for all
--   missing    texts that stand for no number, beside the empty one; missing_value: what they
--              become, not a number unless said
--   matrix     true: one tensor of float32, a row each
return function(path, given)
  local o = read_options(path, given)
  local header = given and given.header
  if header == nil then header = true end
  if header and header ~= true then list_of_texts("header", header) end
  local names, count, first, line = read_header(path, o, header)
  local places = names and places_of(names, path)
  local chosen, order = choose(o, names, places, path)
  local matrix = o.matrix == true or not names and not (given and given.matrix == false)
  local dtypes = wanted_dtypes(o, places, count)
  if matrix then
    for i = 1, count do dtypes[i] = "float32" end
  end
  local read = core.csv(path, kinds_of(dtypes, chosen), { first = first, line = line,
    separator = o.separator, missing = o.missing, instead = o.instead,
    matrix = matrix and not chosen })
  if matrix then return chosen and stacked(read, order, places) or read, order end
  in_dtypes(read, dtypes)
  if not names then return read end
  return by_name(read, order, places), order
end
