-- mnist, fashion_mnist, cifar10, cifar100: small pictures, as uint8, and the numbers of what is on
-- them.

local core = require "lunula.core"
local files = require "lunula.data.files"
local folder = require "lunula.datasets.folder"
local idx = require "lunula.data.idx"
local npy = require "lunula.data.npy"
local ops = require "lunula.ops"
local pickle = require "lunula.data.pickle"

local images = { mnist = {}, fashion_mnist = {}, cifar10 = {}, cifar100 = {} }

local GOOGLE <const> = folder.GOOGLE
local TORONTO <const> = "https://www.cs.toronto.edu/~kriz/"

-- load_data { path = "mnist.npz" } -> x_train, y_train, x_test, y_test
function images.mnist.load_data(given)
  local o = folder.read("mnist", given, { "path" })
  local path = folder.find("mnist", o.path or "mnist.npz", GOOGLE .. "mnist.npz")
  local found = npy.load(path)
  for _, name in ipairs { "x_train", "y_train", "x_test", "y_test" } do
    if not (type(found) == "table" and found[name]) then
      files.fail(path, "there is no %s in it, as in Keras's mnist.npz", name)
    end
  end
  return found.x_train, found.y_train, found.x_test, found.y_test
end

-- path: the folder of the four files, as those of MNIST itself are; packed or not.
function images.fashion_mnist.load_data(given)
  local o = folder.read("fashion_mnist", given, { "path" })
  local results = {}
  for i, name in ipairs { "train-images-idx3-ubyte", "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte" } do
    local path = (o.path or "fashion-mnist") .. "/" .. name
    results[i] = idx(core.file_kind(path) and path
      or folder.find("fashion_mnist", path .. ".gz", GOOGLE .. name .. ".gz"))
  end
  return table.unpack(results)
end

-- ---- CIFAR -------------------------------------------------------------------------------------

-- The bytes of the pictures and the labels of one file of the Python version: a dict in a pickle.
local function read_batch(path, label_key)
  local dict = pickle(files.bytes(path), 1, path)
  local data, labels = type(dict) == "table" and dict.data, type(dict) == "table"
    and dict[label_key]
  if type(data) ~= "table" or type(data.data) ~= "string" or type(labels) ~= "table" then
    files.fail(path, "it has no data and %s, as the files of CIFAR", label_key)
  end
  if data.dtype ~= "u1" or data.fortran or #data.data ~= #labels * 3072 then
    files.fail(path, "its pictures are not 32 x 32, or not as many as its labels")
  end
  return data.data, labels
end

-- The folder: that which is given, or where Keras 3 unpacks the archive, or where Keras 2 did.
local function cifar_folder(dataset, path, name, archive)
  if path then return folder.find(dataset, path, TORONTO .. archive) end
  local inner = name .. "-target/" .. name
  local found, at = pcall(folder.find, dataset, inner, "")
  return found and at or folder.find(dataset, name, TORONTO .. archive .. ", unpack it")
end

-- What several files have, as one: pixels in the order of channels, rows, columns.
local function read_batches(at, names, label_key)
  local data, labels = {}, {}
  for i, name in ipairs(names) do
    local some
    data[i], some = read_batch(at .. "/" .. name, label_key)
    table.move(some, 1, #some, #labels + 1, labels)
  end
  local x = core.frombytes(table.concat(data), { shape = { #labels, 3, 32, 32 }, dtype = "uint8" })
  return ops.transpose(x, { 0, 2, 3, 1 }), core.tensor(labels, { dtype = "uint8",
    shape = { #labels, 1 } })
end

local function cifar(at, train, test, label_key)
  local x_train, y_train = read_batches(at, train, label_key)
  local x_test, y_test = read_batches(at, test, label_key)
  return x_train, y_train, x_test, y_test
end

-- path: the folder with data_batch_1 … data_batch_5 and test_batch.
function images.cifar10.load_data(given)
  local o = folder.read("cifar10", given, { "path" })
  local at = cifar_folder("cifar10", o.path, "cifar-10-batches-py", "cifar-10-python.tar.gz")
  local train = {}
  for i = 1, 5 do train[i] = "data_batch_" .. i end
  return cifar(at, train, { "test_batch" }, "labels")
end

-- label_mode: "fine" or "coarse"; path: the folder with train and test.
function images.cifar100.load_data(given)
  local o, what = folder.read("cifar100", given, { "label_mode", "path" })
  local mode = o.label_mode or "fine"
  if mode ~= "fine" and mode ~= "coarse" then
    core.raise("%s: label_mode must be \"fine\" or \"coarse\", got %s", what, tostring(mode))
  end
  local at = cifar_folder("cifar100", o.path, "cifar-100-python", "cifar-100-python.tar.gz")
  return cifar(at, { "train" }, { "test" }, mode .. "_labels")
end

return images
