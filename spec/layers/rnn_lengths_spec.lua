-- Recurrent models that do not know the number of steps are the same as those that do.

local core = require "lunula.core"
local k = require "lunula"
local layers = k.layers

-- Layers by name, made anew for each model.
local stacks = {
  LSTM = function () return { layers.LSTM { 4, return_sequences = true } } end,
  GRU = function () return { layers.GRU { 4, return_sequences = true } } end,
  SimpleRNN = function () return { layers.SimpleRNN { 4, return_sequences = true } } end,
  ["LSTM backwards"] = function ()
    return { layers.LSTM { 4, return_sequences = true, go_backwards = true } }
  end,
  ["Bidirectional GRU"] = function ()
    return { layers.Bidirectional { layers.GRU { 4, return_sequences = true } } }
  end,
  ["masked LSTM"] = function ()
    return { layers.Masking(), layers.LSTM { 4, return_sequences = true } }
  end,
  ["masked Bidirectional SimpleRNN"] = function ()
    return {
      layers.Masking(), layers.Bidirectional { layers.SimpleRNN { 4, return_sequences = true } },
    }
  end,
  ["stacked LSTM and GRU"] = function ()
    return {
      layers.LSTM { 4, return_sequences = true }, layers.GRU { 3, return_sequences = true },
    }
  end,
  ["stacked cells"] = function ()
    return { layers.RNN { { layers.LSTMCell(4), layers.GRUCell(3) }, return_sequences = true } }
  end,
}

local function model_of(make, steps, last)
  local model = k.Sequential { k.Input { steps, 3 } }
  for _, layer in ipairs(make()) do model:add(layer) end
  model:add(last or layers.Dense(2))
  model:compile { optimizer = k.optimizers.SGD { 0.5 }, loss = "mse" }
  return model
end

-- Some numbers, with masked steps at the end of the second sample.
local function data(steps)
  k.set_random_seed(steps)
  local x = k.random.normal { 4, steps, 3 }
  x[2][steps] = { 0, 0, 0 }
  return x, k.random.normal { 4, steps, 2 }
end

local function same_weights(a, b)
  for i, w in ipairs(b:get_weights()) do assert.near_all(a:get_weights()[i], w, 1e-4) end
end

local quiet = { verbose = 0, shuffle = false, epochs = 2 }

describe("with an unknown number of steps", function ()
  for name, make in pairs(stacks) do
    it(name .. " is fitted, and predicts, for sequences of several lengths", function ()
      k.set_random_seed(1)
      local free = model_of(make, false)
      local weights = free:get_weights()
      for _, steps in ipairs { 5, 7 } do
        local fixed, x, y = model_of(make, steps), data(steps)
        free:set_weights(weights)
        fixed:set_weights(weights)
        local loss, wanted = free:fit(x, y, quiet).history.loss, fixed:fit(x, y, quiet).history.loss
        assert.near_all(loss, wanted, 1e-4)
        assert.truthy(wanted[2] < wanted[1])
        same_weights(free, fixed)
        assert.near_all(free:predict(x), fixed:predict(x), 1e-4)
        assert.near_all(free:evaluate(x, y), fixed:evaluate(x, y), 1e-4)
      end
      local traces = 0
      for _ in pairs(free._functions) do traces = traces + 1 end
      assert.equal(3, traces)            -- train, predict, test: one for all lengths
    end)
  end

  it("the last output alone is fitted too", function ()
    local function make() return { layers.LSTM(4) } end
    local free, fixed = model_of(make, false), model_of(make, 6)
    fixed:set_weights(free:get_weights())
    local x = data(6)
    free:fit(x, k.ones { 4, 2 }, quiet)
    fixed:fit(x, k.ones { 4, 2 }, quiet)
    same_weights(free, fixed)
  end)

  it("class ids, and weights for each step, are as long as the sequences", function ()
    local function model(steps)
      local made = k.Sequential {
        k.Input { steps, 3 }, layers.GRU { 4, return_sequences = true },
        layers.Dense { 5, activation = "softmax" },
      }
      made:compile { optimizer = "sgd", loss = "sparse_categorical_crossentropy" }
      return made
    end
    local free, fixed, x = model(false), model(6), data(6)
    fixed:set_weights(free:get_weights())
    local ids = k.ops.cast(k.random.uniform({ 4, 6 }, 0, 4.9), "int32")
    local options = {
      verbose = 0, shuffle = false, sample_weight = k.random.uniform { 4, 6 },
    }
    free:fit(x, ids, options)
    fixed:fit(x, ids, options)
    same_weights(free, fixed)
  end)

  it("targets may be shorter than the sequences", function ()
    local model = k.Sequential {
      k.Input { false, 3 }, layers.Conv1D { 4, 2, strides = 2 },
      layers.LSTM { 4, return_sequences = true }, layers.Dense(2),
    }
    model:compile { optimizer = "sgd", loss = "mse" }
    for _, steps in ipairs { 6, 8, 6 } do
      local history = model:fit(k.ones { 2, steps, 3 }, k.ones { 2, steps // 2, 2 },
        { verbose = 0 })
      assert.is_true(history.history.loss[1] > 0)
    end
    local ids = model_of(stacks.GRU, false, layers.Dense(5))
    ids:compile {
      loss = function (y, scores)
        assert.same({ false, 3 }, y.shape)
        return k.ops.mean(scores, { 1, 2 })
      end,
    }
    ids:fit(k.ones { 2, 6, 3 }, k.ones { 2, 3 }, { verbose = 0 })
  end)

  it("targets of another length are refused", function ()
    local model = model_of(stacks.LSTM, false)
    assert.error_at_line(function ()
      model:fit(k.ones { 4, 5, 3 }, k.ones { 4, 6, 2 }, { verbose = 0 })
    end, "(4, 6, 2)")
  end)

  it("a loop takes one sequence that knows its length and one that does not", function ()
    local specs = { { shape = { false, 2 } }, { shape = { 3, 2 } } }
    local f = core.trace(specs, function (a, b)
      local _, results = core.scan(function (_, at) return {}, { at[1] * at[2] } end, {}, { a, b })
      return results[1]
    end)
    assert.same({ 3, 2 }, f.outputs[1].shape)
    assert.near_all(f(k.ones { 3, 2 }, k.full({ 3, 2 }, 2)), k.full({ 3, 2 }, 2))
    assert.error_at_line(function () f(k.ones { 4, 2 }, k.ones { 3, 2 }) end,
      "sequences of (4, 2) and (3, 2) steps differ in length")
    assert.error_at_line(function ()
      core.scan(function (_, at) return {}, { at[1] } end, {}, { k.ones { 4 }, k.ones { 3 } })
    end, "differ in length")
  end)
end)
