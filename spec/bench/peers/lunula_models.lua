-- The models in lunula: Keras's JSON, and the weights as raw float32. data.py describes the files.

local core = require "lunula.core"
local k = require "lunula"

local models = {}

local folder = os.getenv "PEERS_DATA" or "build/peers/data"

local function open(name)
  return assert(io.open(folder .. "/" .. name, "rb"))
end

-- All of a file as a tensor.
local function numbers(name, shape)
  local file <close> = open(name)
  return core.frombytes(file:read "a", { shape = shape })
end

local function count(shape)
  local n = 1
  for _, size in ipairs(shape) do n = n * size end
  return n
end

-- The rows of NAME.list as lists of numbers: the sample's shape, the flops, then a weight each.
local function rows(name)
  local list = {}
  for line in open(name .. ".list"):lines() do
    local row = {}
    for word in line:gmatch " (%S+)" do row[#row + 1] = math.tointeger(tonumber(word)) end
    list[#list + 1] = row
  end
  return list
end

-- With the weights one after the other, so that a second set of them never exists.
function models.make(name)
  local model = k.models.model_from_json(open(name .. ".json"):read "a")
  local file <close> = open(name .. ".weights")
  for i, shape in ipairs { table.unpack(rows(name), 3) } do
    local weight = core.frombytes(file:read(4 * count(shape)), { shape = shape })
    model.weights[i]:assign(weight)
    weight:release()
  end
  return model
end

function models.shape(name, batch)
  return { batch, table.unpack(rows(name)[1]) }
end

function models.sample(name, batch)
  return k.random.normal(models.shape(name, batch))
end

-- The loss of its training, and what a step is given: see target in data.py.
function models.target(name, batch)
  if name == "tiny" then return "mse", k.random.normal { batch, 1 } end
  if name == "transformer" then return "mse", models.sample(name, batch) end
  return "sparse_categorical_crossentropy", k.random.randint({ batch }, 0, 10)
end

-- The largest difference from Keras's output, relative to the largest number there.
function models.difference(name)
  local x = numbers(name .. ".x", models.shape(name, 2))
  local y = models.make(name):predict_on_batch(x)
  local want = numbers(name .. ".y", y.shape)
  return k.ops.max(k.ops.abs(y - want)):item() / k.ops.max(k.ops.abs(want)):item()
end

return models
