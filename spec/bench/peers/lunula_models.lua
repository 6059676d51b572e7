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

-- The rows of NAME.list, without their names: the sample's shape, the flops, the loss and the
-- target's shape, then a weight each.
local function rows(name)
  local list = {}
  for line in open(name .. ".list"):lines() do
    local row = {}
    for word in line:gmatch " (%S+)" do row[#row + 1] = tonumber(word) or word end
    list[#list + 1] = row
  end
  return list
end

-- With the first values of its weights.
function models.untrained(name)
  return k.models.model_from_json(open(name .. ".json"):read "a")
end

-- With the weights one after the other, so that a second set of them never exists.
function models.make(name)
  local model = models.untrained(name)
  local file <close> = open(name .. ".weights")
  for i, shape in ipairs { table.unpack(rows(name), 4) } do
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
  local row = rows(name)[3]
  local loss = row[1]
  if loss ~= "mse" then return loss, k.random.randint({ batch }, 0, 10) end
  return loss, k.random.normal { batch, table.unpack(row, 2) }
end

-- The largest difference from Keras's output, relative to the largest number there.
function models.difference(name)
  local x = numbers(name .. ".x", models.shape(name, 2))
  local y = models.make(name):predict_on_batch(x)
  local want = numbers(name .. ".y", y.shape)
  return k.ops.max(k.ops.abs(y - want)):item() / k.ops.max(k.ops.abs(want)):item()
end

return models
