-- The Shape value: what x.shape, layer.input_shape and ops.shape(x) are, and sizes that are not
-- known before a batch comes, given on to what makes tensors.

local k = require "lunula"
local layers, ops = k.layers, k.ops

describe("a shape", function ()
  local x = k.ones { 2, 3 }

  it("counts from both ends, and prints as in Keras", function ()
    local s = x.shape
    assert.same({ 2, 2, 3, 3, 2 }, { #s, s[1], s[2], s[-1], s[-2] })
    assert.is_nil(s[3])
    assert.is_nil(s[0])
    assert.is_nil(s[-3])
    assert.is_nil(s.rank)
    assert.equal("(2, 3)", tostring(s))
    assert.equal("(2,)", tostring(k.ones { 2 }.shape))
    assert.equal("()", tostring(k.tensor(1).shape))
    local list = {}
    for i, size in ipairs(s) do list[i] = size end
    assert.same({ 2, 3 }, list)
  end)

  it("is equal to one of the same sizes, and to a table of them", function ()
    assert.is_true(x.shape == k.zeros { 2, 3 }.shape)
    assert.is_true(x.shape == { 2, 3 })
    assert.is_false(x.shape == { 2, 4 })
    assert.is_false(x.shape == { 2 })
    assert.is_true(k.Input { shape = { 3 } }.shape == { false, 3 })
  end)

  it("is one of variables, placeholders, layers and models", function ()
    local dense = layers.Dense { 2, input_shape = { 3 } }
    local m = k.Sequential { dense }
    for text, s in pairs {
      ["(3, 2)"] = dense.kernel.shape, ["(None, 3)"] = dense.input_shape,
      ["(None, 2)"] = m.output_shape, ["(None, None, 5)"] = k.Input { shape = { false, 5 } }.shape,
    } do
      assert.equal(text, tostring(s))
    end
    assert.equal(3, m.input_shape[-1])
    assert.equal("(None, 2)", tostring(dense:get_output_shape_at(0)))
    assert.equal("(7, 2)", tostring(dense:compute_output_shape { 7, 3 }))
    assert.equal("(None, 4)", tostring(ops.shape(k.Input { shape = { 4 } })))
  end)

  it("may be given wherever a table of sizes may", function ()
    local s = x.shape
    for _, y in ipairs { k.zeros(s), k.ones(s), k.full(s, 2), ops.zeros(s), ops.ones(s),
      k.random.normal(s), k.random.uniform(s), ops.reshape(k.ones { 6 }, s),
      ops.broadcast_to(k.ones { 3 }, s), k.tensor({ 1, 2, 3, 4, 5, 6 }, { shape = s }) } do
      assert.is_true(y.shape == s)
    end
    assert.equal("(None, 2, 3)", tostring(k.Input { shape = s }.shape))
    assert.equal("(None, 2, 4)",
      tostring(k.Sequential { layers.Dense { 4, input_shape = s } }.output_shape))
    local text = k.Sequential { layers.Reshape { s, input_shape = { 6 } } }:to_json()
    assert.is_truthy(text:find('"target_shape": [2, 3]', 1, true))
    assert.same({ 2, 3 }, k.tensor(s):totable())
  end)
end)

-- A model of one layer of that call, on rows of four.
local function model_of(call)
  local class = k.layer "OfUnknownBatch" { call = call }
  local input = k.Input { shape = { 4 } }
  return k.Model { inputs = input, outputs = class {} (input) }
end

describe("an unknown size", function ()
  local rows = k.tensor { { 1, 2, 3, 4 }, { 5, 6, 7, 8 }, { 9, 10, 11, 12 } }

  it("is given to zeros, ones, reshape, broadcast_to and arange", function ()
    local m = model_of(function (_, x)
      local batch, width = table.unpack(ops.shape(x))
      local number = ops.reshape(ops.cast(ops.arange(batch), "float32"), { batch, 1 })
      return x * ops.ones { batch, width } + ops.zeros { batch, 1 }
        + ops.broadcast_to(number, { batch, width })
    end)
    assert.same({ { 1, 2, 3, 4 }, { 6, 7, 8, 9 }, { 11, 12, 13, 14 } },
      m:predict(rows):totable())
    assert.equal("(None, 4)", tostring(m.output_shape))
    assert.equal("(2, 4)", tostring(m:predict(k.ones { 2, 4 }).shape))
  end)

  it("prints as None in a trace", function ()
    local text
    model_of(function (_, x)
      text = text or tostring(ops.shape(x))
      return x
    end)
    assert.equal("(None, 4)", text)
  end)

  -- keras.io, "Variational AutoEncoder"
  it("makes Keras's Sampling layer", function ()
    k.set_random_seed(1)
    local Sampling = k.layer "Sampling" {
      init = function (self) self.seed_generator = k.random.SeedGenerator(1337) end,
      call = function (self, inputs)
        local z_mean, z_log_var = table.unpack(inputs)
        local batch = ops.shape(z_mean)[1]
        local dim = ops.shape(z_mean)[2]
        local epsilon = k.random.normal({ batch, dim }, { seed = self.seed_generator })
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon
      end,
    }
    local input = k.Input { shape = { 4 } }
    local z_mean = layers.Dense { 2, name = "z_mean" } (input)
    local z_log_var = layers.Dense { 2, name = "z_log_var" } (input)
    local m = k.Model { inputs = input, outputs = Sampling {} { z_mean, z_log_var } }
    m:compile { optimizer = k.optimizers.Adam(0.05), loss = "mse" }
    local history = m:fit(k.random.normal { 10, 4 }, k.zeros { 10, 2 },
      { epochs = 50, batch_size = 4, verbose = 0 })
    assert.is_true(history.history.loss[50] < history.history.loss[1] / 2)
    local a, b = m:predict(rows), m:predict(rows)
    assert.equal("(3, 2)", tostring(a.shape))
    assert.is_true(ops.max(ops.abs(a - b)):item() > 1e-3, "new numbers each time")
  end)
end)

describe("a sequence of unknown length", function ()
  local function learns(...)
    local list = { k.Input { shape = { false, 3 } }, ... }
    list[#list + 1] = layers.Dense { 2 }
    local m = k.Sequential(list)
    m:compile { optimizer = "adam", loss = "mse" }
    local x5, y5 = k.random.normal { 6, 5, 3 }, k.ones { 6, 5, 2 }
    local first = m:evaluate(x5, y5, { verbose = 0 })
    m:fit(x5, y5, { epochs = 8, batch_size = 4, verbose = 0 })
    m:fit(k.random.normal { 6, 7, 3 }, k.ones { 6, 7, 2 }, { batch_size = 4, verbose = 0 })
    assert.is_true(m:evaluate(x5, y5, { verbose = 0 }) < first)
    assert.equal("(2, 9, 2)", tostring(m:predict(k.ones { 2, 9, 3 }).shape))
    assert.equal("(None, None, 2)", tostring(m.output_shape))
  end

  for name, make in pairs {
    LSTM = function () return layers.LSTM { 4, return_sequences = true } end,
    GRU = function () return layers.GRU { 4, return_sequences = true } end,
    SimpleRNN = function () return layers.SimpleRNN { 4, return_sequences = true } end,
    Bidirectional = function ()
      return layers.Bidirectional { layers.LSTM { 4, return_sequences = true } }
    end,
    stacked = function ()
      return layers.LSTM { 4, return_sequences = true }, layers.GRU { 3, return_sequences = true }
    end,
    masked = function ()
      return layers.Masking {}, layers.LSTM { 4, return_sequences = true },
        layers.Bidirectional { layers.GRU { 3, return_sequences = true } }
    end,
  } do
    it("is fitted: " .. name, function () learns(make()) end)
  end
end)
