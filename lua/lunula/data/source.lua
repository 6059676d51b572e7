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

local source = {}

-- Tensors are userdata, and tables of numbers have no methods.
function source.is(x)
  return type(x) == "table" and (type(x.get_item) == "function"
    or type(x.as_iterator) == "function")
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
  if type(dataset.get_item) ~= "function" then return dataset:as_iterator() end
  local at, count = 0, source.len(dataset)
  return function()
    if at == count then return nil end
    at = at + 1
    return dataset:get_item(order and order[at] or at - 1)
  end
end

return source
