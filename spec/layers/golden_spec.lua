-- Every layer against what Keras computed: spec/golden/layers, case by case.

local layers = require "lunula.layers"
local check_layer = require "spec.support.check_layer"
local golden = require "spec.support.golden"
local custom = require "spec.support.custom_functions"

-- Where Keras is wrong and we are not.
local wrong = {
  Activation = {
    -- tau is taken from the sum of all partial sums: rows that should add up to 1 are all 0
    sparsemax = true,
  },
  SpectralNormalization = {
    -- the vectors are cast to the type of the ids: integers, all 0
    ["embedding in training"] = true,
  },
  UpSampling2D = {
    -- TensorFlow takes the weights from a table of 1024 distances, a third is not among them
    ["bicubic uneven"] = true,
  },
  Resizing = { ["bicubic up"] = true, ["bicubic down"] = true, ["bytes bicubic"] = true },   -- too
}

for _, name in ipairs(layers.names()) do
  local cases = golden.read("layers/" .. name .. ".json")
  describe(name, function ()
    for _, case in ipairs(cases or {}) do
      if not (wrong[name] and wrong[name][case.name]) then
        it("as Keras: " .. case.name, function () check_layer.golden(case, custom) end)
      end
    end
  end)
end

describe("the recorded layers", function ()
  it("are the catalogue: none is without a case, none is unknown", function ()
    local missing, known = {}, {}
    for _, name in ipairs(layers.names()) do
      local own = layers[name].name      -- another name of a class has the cases of the class
      known[own] = true
      if not golden.read("layers/" .. own .. ".json") then missing[#missing + 1] = name end
    end
    assert.equal("", table.concat(missing, " "))
    for file in io.popen "ls spec/golden/layers":lines() do
      local name = file:match "^(.+)%.json$"
      assert.is_true(known[name], file .. " is of no layer here")
    end
  end)
end)
