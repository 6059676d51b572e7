-- boston_housing, california_housing: numbers about houses, and what they cost.

local core = require "lunula.core"
local files = require "lunula.data.files"
local folder = require "lunula.datasets.folder"
local npy = require "lunula.data.npy"
local numpy_order = require "lunula.data.numpy_order"
local ops = require "lunula.ops"
local options = require "lunula.utils.options"

local housing = { boston_housing = {}, california_housing = {} }

-- The rows at the places from i on, j of them; in the order of `numbers`.
local function rows(x, numbers, i, j)
  return ops.take(x, core.tensor(table.move(numbers, i, j, 1, {}), "int32"), 0)
end

local function read(dataset, o, what, count)
  local name = dataset .. ".npz"
  local path = folder.find(dataset, o.path or name, folder.GOOGLE .. name)
  local split, found = folder.test_split(what, o.test_split), npy.load(path)
  local x, y = type(found) == "table" and found.x, type(found) == "table" and found.y
  if not (core.is_tensor(x) and core.is_tensor(y) and x.shape[1] == y.shape[1]) then
    files.fail(path, "there are no x and y in it, as in Keras's %s", name)
  end
  local n = math.min(count or x.shape[1], x.shape[1])
  local order = numpy_order.numbers(n, options.count(what, "seed", o.seed, 0) or 113)
  local kept = math.floor(n * (1 - split))
  return rows(x, order, 1, kept), rows(y, order, 1, kept), rows(x, order, kept + 1, n),
    rows(y, order, kept + 1, n)
end

-- load_data { path =, test_split = 0.2, seed = 113 } -> x_train, y_train, x_test, y_test
function housing.boston_housing.load_data(given)
  local o, what = folder.read("boston_housing", given, { "path", "test_split", "seed" })
  return read("boston_housing", o, what)
end

-- version: "large", or "small", of 600 rows
function housing.california_housing.load_data(given)
  local o, what = folder.read("california_housing", given,
    { "version", "path", "test_split", "seed" })
  local version = o.version or "large"
  if version ~= "large" and version ~= "small" then
    core.raise("%s: version must be \"small\" or \"large\", got %s", what, tostring(version))
  end
  return read("california_housing", o, what, version == "small" and 600 or nil)
end

return housing
