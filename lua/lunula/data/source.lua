-- What a dataset is to fit, evaluate and predict: an object with one of two pairs of methods.
--
--   get_item(self, index), len(self)   batches by their number, from 0 as in Keras; len may give
--                                      nil for batches without end (k.utils.PyDataset)
--   as_iterator(self), len(self)       a function that gives the batches of one pass, nil at the
--                                      end; len may be missing, or give nil or math.huge (k.data)
--
-- A batch is x, y, sample_weight as several returns. on_epoch_begin and on_epoch_end are called
-- where they are there.

local core = require "lunula.core"
local declare = require "lunula.declare"

local source = {}

-- Tensors are userdata, and tables of numbers have no methods.
function source.is(x)
  return type(x) == "table" and (type(x.get_item) == "function"
    or type(x.as_iterator) == "function")
end

local hooks = { "get_item", "as_iterator", "len" }

-- The field by which a table that has data's place was meant as a dataset: a function, or what
-- should be one; the first by alphabet, but sooner one that is nearly named as those of datasets.
local function telling_field(x)
  local names, first = {}, nil
  for key, value in pairs(x) do
    local tells = type(value) == "function" or key == "get_item" or key == "as_iterator"
    if type(key) == "string" and tells then names[#names + 1] = key end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local suggestion = type(x[name]) == "function" and declare.suggestion(name, hooks) or ""
    if suggestion ~= "" then return name, suggestion end
    first = first or name
  end
  return first, ""
end

-- An error where a table that is taken for data was meant as a dataset.
function source.refuse_near(x, what)
  local key, suggestion = telling_field(x)
  if not key then return end
  core.raise('%s has a field "%s", %s%s, and is no dataset: that has the functions '
    .. "get_item(self, index) and len(self), or as_iterator(self); k.utils.PyDataset declares one, "
    .. "k.data.from makes one of tensors", what, key,
    type(x[key]) == "function" and "a function" or "which is " .. declare.show(x[key]), suggestion)
end

-- What a dataset is told that would never end, or not begin.
function source.check(dataset)
  local metatable = getmetatable(dataset)
  if rawget(dataset, "__index") == dataset and metatable and metatable.__call then
    core.raise("%s is given where a dataset of it is wanted: call it to make one",
      declare.show(dataset))
  end
  if type(dataset.len) == "function" or dataset.len == nil and dataset.as_iterator then return end
  core.raise("the dataset must have a function len(self) that gives the number of its batches, nil "
    .. "where nobody knows it, got %s", dataset.len == nil and "nothing"
      or declare.show(dataset.len))
end

-- The number of batches, or nil where nobody knows or there is no end; and whether there is none.
function source.len(dataset)
  if type(dataset.len) ~= "function" then return nil end
  local n = dataset:len()
  if n == nil or n == math.huge then return nil, n == math.huge end
  local count = math.type(n) and math.tointeger(n)
  if not count or count < 0 then
    core.raise("the dataset's len must give a whole number of batches, got %s", tostring(n))
  end
  return count
end

-- Can batches come in any order?
function source.has_order(dataset)
  return type(dataset.get_item) == "function" and source.len(dataset) ~= nil
end

-- A function that gives the batches of one pass. order: the numbers of the batches, or nil.
function source.iterator(dataset, order)
  if type(dataset.get_item) ~= "function" then
    local next_batch = dataset:as_iterator()
    local metatable = getmetatable(next_batch)
    if type(next_batch) == "function" or metatable and metatable.__call then return next_batch end
    core.raise("the dataset's as_iterator must return a function that gives the next batch, got %s",
      declare.show(next_batch))
  end
  local at, count = 0, source.len(dataset)
  return function()
    if at == count then return nil end
    at = at + 1
    return dataset:get_item(order and order[at] or at - 1)
  end
end

return source
