-- The files that real Keras wrote, and what it said of the models in them: golden/record.py tells
-- the format.

local core = require "lunula.core"
local files = require "spec.support.files"
local golden = require "spec.support.golden"
local hdf5 = require "lunula.hdf5.core"
local k = require "lunula"
local kinds = require "lunula.kinds"
local nest = require "lunula.utils.nest"

local recorded = {}

local folder = "rocks/hdf5/spec/golden/"

recorded.read, recorded.write = files.read, files.write

-- A path in a folder for temporary files; the files go when the program ends.
local made = setmetatable({}, { __gc = function (list)
  for _, path in ipairs(list) do os.remove(path) end
end })

function recorded.temporary(ending)
  local name = os.tmpname()
  local path = name .. ending
  made[#made + 1], made[#made + 2] = name, path
  return path
end

function recorded.cases()
  return assert(core.json_read(files.read(folder .. "cases.json"), false))
end

local archive, entries

-- A file of h5.zip, as bytes.
function recorded.packed(name)
  archive = archive or assert(hdf5.open(folder .. "h5.zip"))
  entries = entries or assert(hdf5.zip(archive))
  local entry = assert(entries[name], name)
  return assert(hdf5.unzip(archive, entry, 1 << 24)):string()
end

-- The path of a case's file.
function recorded.path(case)
  local path = folder .. "models/" .. case.file
  local file = io.open(path)
  if file then
    file:close()
    return path
  end
  path = recorded.temporary((case.file:match "%.weights%.h5$" or case.file:match "%.%w+$"))
  recorded.write(path, recorded.packed(case.file))
  return path
end

local function tensors(structure)
  if not structure then return nil end
  local list = {}
  for key, record in pairs(structure) do list[key] = golden.tensor(record) end
  return #list == 1 and list[1] or list
end

-- Inputs, targets, and flat lists of outputs.
function recorded.data(case)
  return {
    x = tensors(case.inputs), y = tensors(case.targets),
    outputs = nest.flatten(tensors(case.outputs)),
    trained = case.trained and nest.flatten(tensors(case.trained)) or nil,
  }
end

-- What a model says, as a flat list.
function recorded.predict(model, x)
  local results = table.pack(model:predict(x))
  return nest.flatten(results.n == 1 and results[1] or { table.unpack(results, 1, results.n) })
end

-- ---- classes of one's own, as in models.py -----------------------------------------------------

local Dense = k.layers.Dense

local Scaled = k.layer "Scaled" {
  args = { { "units", kinds.positive, required = true } },
  init = function (self)
    self.blocks = { Dense(self.units), Dense(self.units) }
    self._last = Dense(self.units)
    self.Aside = Dense(self.units)
  end,
  build = function (self, shape)
    self:add_weight { name = "scale", shape = { shape[#shape] }, initializer = "ones" }
    self.blocks[1]:build(shape)
    for _, layer in ipairs { self.blocks[2], self._last, self.Aside } do
      layer:build { false, self.units }
    end
  end,
  call = function (self, x)
    x = x * self.scale
    for _, layer in ipairs { self.blocks[1], self.blocks[2], self._last, self.Aside } do
      x = layer(x)
    end
    return x
  end,
}

local Net = k.model "Net" {
  args = { { "units", kinds.positive, default = 3 } },
  init = function (self)
    self.zeta = Dense(self.units)
    self.alpha = Dense(self.units)
    self._hidden = Scaled(self.units)
  end,
  call = function (self, x) return self._hidden(self.alpha(self.zeta(x))) end,
}

k.saving.register_keras_serializable "mine" (Scaled)
k.saving.register_keras_serializable "mine" (Net)

return recorded
