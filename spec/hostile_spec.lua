-- Use that nobody means: tables that hold themselves, closures that change what a running plan
-- reads, metamethods called by hand. All end in an error at the user's line or in right numbers.

local core = require "lunula.core"
local k = require "lunula"
local layers, ops = k.layers, k.ops

local function model_with(closure)
  local model = k.Sequential {
    k.Input { shape = { 2 } }, layers.Dense { 4, kernel_initializer = "ones" },
    layers.Lambda { closure, trace = false }, layers.Dense { 1, kernel_initializer = "ones" },
  }
  model:compile { optimizer = "sgd", loss = "mse" }
  return model
end

local function message_of(f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok)
  return tostring(message)
end

describe("tables that hold themselves", function ()
  local ring = {}
  ring[1] = ring
  local hidden = { 1, { ring } }
  local names = {}
  names.x = names

  it("are no tensors", function ()
    for _, value in ipairs { ring, hidden, { 1, ring } } do
      assert.error_at_line(function () core.tensor(value) end, "nested deeper than 8 levels")
      assert.error_at_line(function () k.ops.abs(value) end, "nested deeper than 8 levels")
    end
  end)

  it("are no data and no inputs", function ()
    local model = model_with(function (h) return h end)
    assert.error_at_line(function () model:predict(ring) end, "nested deeper than 8 levels")
    assert.error_at_line(function () model:fit(ring, { 1 }) end, "nested deeper than 8 levels")
    for _, value in ipairs { ring, { ring, names }, names } do
      assert.error_at_line(function () layers.Dense(1)(value) end, "does a table hold itself?")
    end
  end)
end)

describe("a closure that a plan calls", function ()
  local x, y = k.ones { 8, 2 }, k.ones { 8, 1 }

  it("may give variables other values: the run goes on with the old ones", function ()
    local model, kept, armed
    model = model_with(function (h)
      if armed then
        for _, v in ipairs(model.weights) do v:assign(v * 0) end
        kept = { k.ops.full({ 4, 1 }, 9), k.ops.full({ 2, 4 }, 9) } -- where the old ones were
      end
      return h
    end)
    model:predict(x, { batch_size = 8, verbose = 0 })
    armed = true
    assert.near_all(model:predict(x, { batch_size = 8, verbose = 0 }), k.ops.full({ 8, 1 }, 8))
    assert.near_all(model:predict(x, { batch_size = 8, verbose = 0 }), k.ops.zeros { 8, 1 })
    assert.equal(2, #kept)
  end)

  it("keeps the values that it read, while the plan writes new ones", function ()
    local values, sums, model = {}, {}, nil
    model = model_with(function (h)
      if model and h.shape[1] == 4 then
        values[#values + 1] = model.weights[1].value
        sums[#values] = values[#values]:sum():item()
      end
      return h
    end)
    model:fit(x, y, { epochs = 4, batch_size = 4, verbose = 0 })
    assert.equal(8, #values)
    assert.is_true(sums[8] ~= sums[2])
    for i, value in ipairs(values) do assert.equal(sums[i], value:sum():item()) end
  end)

  it("must return a tensor", function ()
    local calls = 0
    local model = model_with(function (h)
      calls = calls + 1
      if calls < 3 then return h end
    end)
    assert.error_at_line(function ()
      model:predict(x, { verbose = 0 })
    end, "the function returned nothing, a tensor is wanted")
  end)
end)

-- Freed memory is seen by the sanitizers, and by numbers that are wrong.
describe("a function that releases what it was given", function ()
  it("is traced all the same", function ()
    local s, x = core.tensor { 1, 2 }, core.tensor { { 1, 2 }, { 3, 4 } }
    local states, rows = { s }, { x }
    local last, results = core.scan(function (state, row)
      s:release()
      x:release()
      states[1], rows[1] = nil, nil
      collectgarbage()
      return { state[1] + row[1] }, { row[1] * 2 }
    end, states, rows)
    assert.near_all(last[1], { 5, 8 })
    assert.near_all(results[1], { { 2, 4 }, { 6, 8 } })
    local y = core.tensor { 5, 6 }
    local list = { y }
    local doubled = core.call(function (t)
      y:release()
      list[1] = nil
      collectgarbage()
      return { t * 2 }
    end, list)
    assert.near_all(doubled[1], { 10, 12 })
  end)
end)

describe("metamethods called by hand", function ()
  it("refuse what is not theirs", function ()
    local t = k.ones { 3 }
    local v = layers.Dense(1):add_weight { name = "w", shape = { 2 } }
    for _, object in ipairs { t, v } do
      for name, method in pairs(debug.getmetatable(object)) do
        if type(method) == "function" and name ~= "__gc" then
          for _, other in ipairs { false, 1, "shape", {}, io.stdout } do
            pcall(method, other)
            pcall(method, other, other)
            pcall(method, other, 1, 1)
          end
        end
      end
    end
    assert.matches("expected", message_of(debug.getmetatable(t).__len, "x"))
    assert.matches("expected", message_of(debug.getmetatable(t).__index, io.stdout, 1))
    assert.matches("expected", message_of(debug.getmetatable(v).__index, t, "value"))
  end)

  it("close a tensor or a variable once", function ()
    local t = k.ones { 3 }
    local v = layers.Dense(1):add_weight { name = "w", shape = { 2 } }
    for _, object in ipairs { t, v } do
      debug.getmetatable(object).__gc(object)
      debug.getmetatable(object).__gc(object)
    end
    assert.error_at_line(function () return t + 1 end, "this tensor was released")
    assert.error_at_line(function () return v + 1 end, "this variable was closed")
    assert.error_at_line(function () return v.value end, "this variable was closed")
  end)
end)

describe("numbers and names beyond reason", function ()
  it("are refused in little time", function ()
    assert.error_at_line(function ()
      k.metrics.AUC { num_thresholds = 1e18 }
    end, "num_thresholds must be at most 1000000")
    assert.error_at_line(function ()
      layers.AdaptiveMaxPooling1D(1e18)(k.ones { 1, 3, 2 })
    end, "output_size must be from 1 to 1000000")
    assert.error_at_line(function () layers.ReLU { negative_slope = false } end, "must be a number")
    assert.error_at_line(function () k.Sequential { layers = 1 } end, "must be a list of layers")
    for _, n in ipairs { math.maxinteger, 2^62, 2^32 } do
      assert.error_at_line(function () k.ops.pad(k.ones { 2, 3 }, n) end, "pad")
    end
    assert.error_at_line(function ()
      k.ops.expand_like(k.ones { 1 }, 0, { 1e9 })
    end, "out of range")
    assert.error_at_line(function ()
      k.ops.expand_like(k.ones { 1 }, k.ones { 9 }, {})
    end, "expand_like: (1,) does not fill (9,)")
    local long = ("x"):rep(100000)
    local message = message_of(layers.Dense, { 1, dtype = long })
    assert.is_true(#message < 300)
    assert.error_at_line(function () layers.Dense { 1, [long] = 1 } end, "unknown option")
  end)
end)

describe("layers called on what they do not take", function ()
  it("say so", function ()
    local x = k.ones { 2, 4 }
    for text, f in pairs {
      ['(AdditiveAttention): takes a list of two or three tensors'] = function ()
        layers.AdditiveAttention {}(x)
      end,
      ['(Add): takes a list of tensors'] = function () layers.Add {} { x, {} } end,
      ['(GroupNormalization): takes one tensor, got a table of 2'] = function ()
        layers.GroupNormalization(1) { x, x }
      end,
      ["build takes the input's shape, as {false, 28, 28, 1}, got {{2}, {3}}"] = function ()
        layers.Dense(1):build { { 2 }, { 3 } }
      end,
      ['compute_output_shape takes the input\'s shape'] = function ()
        layers.TextVectorization():compute_output_shape()
      end,
      ['add_weight: name must be a string, got {}'] = function ()
        layers.Dense(1):add_weight { name = {} }
      end,
    } do
      assert.error_at_line(f, text)
    end
  end)
end)

describe("very deep models", function ()
  it("train: there is no limit on the number of weights", function ()
    local model = k.Sequential { k.Input { shape = { 4 } } }
    for _ = 1, 150 do model:add(layers.Dense { 4, activation = "tanh" }) end
    model:compile { optimizer = "sgd", loss = "mse" }
    local before = model:get_weights()[300]:totable()
    model:fit(k.ones { 8, 4 }, k.ones { 8, 4 }, { verbose = 0 })
    assert.is_true(#model.trainable_weights == 300)
    assert.is_true(model:get_weights()[300]:totable()[1] ~= before[1])
  end)

  it("cannot hold themselves", function ()
    local model = k.Sequential { k.Input { shape = { 4 } } }
    assert.error_at_line(function () model:add(model) end, "cannot be a layer of itself")
    local Echo = k.layer "Echo" { call = function (self, x) return (self(x)) end }
    assert.error_at_line(function () Echo {} (k.ones { 2 }) end, "does the layer call itself?",
      debug.getinfo(1, "l").currentline - 2)
    local Tail = k.layer "EchoOfTails" { call = function (self, x) return self(x) end }
    assert.error_at_line(function () Tail {} (k.ones { 2 }) end, "deeper than 150")
    local Countdown = k.layer "Countdown" {
      call = function (self, x, n) return n == 0 and x or self(x, { n = n - 1 }) + 1 end,
    }
    assert.near_all(Countdown {} (k.zeros { 1 }, { n = 100 }), { 100 })
  end)
end)

describe("a loop over rows whose number is not known", function ()
  it("has an end: an error that says so", function ()
    assert.error_at_line(function ()
      core.trace({ { shape = { false, 2 } } }, function (x)
        local sum = x[1]
        for _, row in ipairs(x) do sum = sum + row end
        return sum
      end)
    end, "row 16385 of an axis whose size is not known: a loop over such rows has no end")
  end)
end)

describe("a token id out of range", function ()
  local model = k.Sequential { layers.Embedding { 10, 4 }, layers.Flatten(), layers.Dense(1) }
  model:compile { optimizer = "sgd", loss = "mse" }
  local ids, y = {}, {}
  for i = 1, 10 do ids[i], y[i] = { 1, 2 }, { 1 } end
  ids[8][2] = 77
  local text = "id 77 in sample 8 is out of range 0..9"

  it("is the same sample in every batch and in every order", function ()
    for _, batch in ipairs { 2, 3, 32 } do
      local options = { batch_size = batch, verbose = 0 }
      assert.error_at_line(function () model:predict(ids, options) end, text)
      assert.error_at_line(function () model:evaluate(ids, y, options) end, text)
      assert.error_at_line(function () model:fit(ids, y, options) end, text)
      assert.error_at_line(function ()
        model:fit(ids, y, { batch_size = batch, shuffle = false, verbose = 0 })
      end, text)
    end
    assert.error_at_line(function () model(ids) end, text)
  end)

  it("is the first of several, however many tasks look", function ()
    local many = ops.reshape(ops.zeros { 300000 }, { -1, 1 })
    for _, row in ipairs { 4, 5, 150000, 299999 } do many[row] = 70 + row end
    many = ops.cast(many, "int32")
    local threads = core.threads()
    core.threads(1)
    local _, of_gather = pcall(ops.gather, ops.ones { 10, 4 }, many)
    local _, of_take = pcall(ops.take_along_axis, ops.ones { 300000, 2 }, many, 1)
    core.threads(threads)
    assert.matches("id 74 in sample 4 is out of range 0..9", of_gather, 1, true)
    assert.matches("index 74 in sample 4 is out of range 0..1", of_take, 1, true)
  end)

  it("is the same sample where the steps run in Lua", function ()
    local eager = k.Sequential { layers.Embedding { 10, 4 }, layers.Flatten(), layers.Dense(1) }
    eager:compile { optimizer = "sgd", loss = "mse", run_eagerly = true }
    local host = k.Sequential {
      layers.Lambda { function (t) return k.ops.take(k.ones { 10, 4 }, t, 0) end, trace = false },
    }
    for _, batch in ipairs { 1, 3, 32 } do
      assert.error_at_line(function ()
        eager:fit(ids, y, { batch_size = batch, verbose = 0 })
      end, text)
      assert.error_at_line(function ()
        host:predict(ids, { batch_size = batch, verbose = 0 })
      end, text)
    end
    assert.error_at_line(function () k.ops.take(k.ones { 10, 4 }, ids, 0) end, text)
  end)

  it("names the class of the layer", function ()
    assert.error_at_line(function () model:predict(ids, { verbose = 0 }) end, "in Embedding")
  end)
end)
