-- Functional models: what calling layers on placeholders records, and what replaying it gives.

local k = require "lunula"
local layers, ops = k.layers, k.ops

local function by_hand(dense, x)
  local y = ops.matmul(x, dense.kernel) + dense.bias
  return y
end

describe("Input", function()
  it("is a placeholder with a shape and no value", function()
    local x = k.Input { shape = { 28, 28, 1 }, dtype = "uint8", name = "pixels" }
    assert.same({ false, 28, 28, 1 }, x.shape)
    assert.equal("uint8", x.dtype)
    assert.equal(4, x.rank)
    assert.equal("pixels", x.name)
    assert.same({ 16, 3 }, k.Input { shape = { 3 }, batch_size = 16 }.shape)
    assert.error_at_line(function() x:item() end, "has no value")
    assert.error_at_line(function() local _ = x < 1 end, "ops.less")
    assert.error_at_line(function() local _ = x.shap end, 'no field or op named "shap"')
    assert.error_at_line(function() k.Input {} end, "shape is missing")
    assert.error_at_line(function() k.Input { shap = { 1 } } end, 'did you mean "shape"?')
  end)
end)

describe("functional models", function()
  it("replay the layers between inputs and outputs", function()
    local x = k.Input { shape = { 3 } }
    local first, second = layers.Dense { 4, activation = "relu" }, layers.Dense(2)
    local y = second(first(x))
    assert.same({ false, 2 }, y.shape)
    local model = k.Model { inputs = x, outputs = y }
    local data = k.tensor { { 1, 2, 3 }, { -1, 0, 1 } }
    assert.near_all(model(data), by_hand(second, ops.relu(by_hand(first, data))))
    assert.near_all(model:predict(data), model(data))
    assert.same({ false, 3 }, model.input_shape)
    assert.same({ false, 2 }, model.output_shape)
    assert.equal(4, #model.weights)
    assert.equal(3, #model.layers)
  end)

  it("record operators and ops as layers", function()
    local x = k.Input { shape = { 3 } }
    local y = (x * 2 + 1):sum(1)
    local z = ops.concatenate({ x, -x }, 1)
    assert.same({ false }, y.shape)
    assert.same({ false, 6 }, z.shape)
    local model = k.Model { inputs = x, outputs = { y, z } }
    local a, b = model(k.tensor { { 1, 2, 3 } })
    assert.near_all(a, { 15 })
    assert.near_all(b, { { 1, 2, 3, -1, -2, -3 } })
    assert.near_all((k.Model { inputs = x, outputs = 1 - x })(k.tensor { { 1, 2, 3 } }),
      { { 0, -1, -2 } })
  end)

  it("take several inputs by position or by name, and give several results", function()
    local a, b = k.Input { shape = { 2 }, name = "a" }, k.Input { shape = { 2 }, name = "b" }
    local model = k.Model { inputs = { a, b }, outputs = { a + b, a * b } }
    local x, y = k.tensor { { 1, 2 } }, k.tensor { { 3, 4 } }
    local sum, product = model { x, y }
    assert.near_all(sum, { { 4, 6 } })
    assert.near_all(product, { { 3, 8 } })
    sum, product = model:predict { b = y, a = x }
    assert.near_all(sum, { { 4, 6 } })
    assert.near_all(product, { { 3, 8 } })
    assert.error_at_line(function() model:predict { a = x } end, 'missing data for "b"')
    assert.error_at_line(function() model:predict(x) end, "2 tensors")
    assert.error_at_line(function() model:predict { x, k.zeros { 2, 2 } } end, "samples")
  end)

  it("name their inputs and outputs by a table", function()
    local a, b = k.Input { shape = { 2 } }, k.Input { shape = { 2 } }
    local model = k.Model { inputs = { left = a, right = b },
      outputs = { sum = a + b, difference = a - b } }
    local y = model:predict { left = k.tensor { { 1, 2 } }, right = k.tensor { { 3, 5 } } }
    assert.near_all(y.sum, { { 4, 7 } })
    assert.near_all(y.difference, { { -2, -3 } })
  end)

  it("share layers", function()
    local a, b = k.Input { shape = { 2 } }, k.Input { shape = { 2 } }
    local shared = layers.Dense { 3, use_bias = false }
    local model = k.Model { inputs = { a, b }, outputs = shared(a) - shared(b) }
    assert.equal(1, #model.weights)
    assert.near_all(model { k.ones { 1, 2 }, k.ones { 1, 2 } }, { { 0, 0, 0 } })
    assert.same({ false, 3 }, shared:get_output_at(1).shape)
  end)

  it("nest, and may begin at tensors of another model", function()
    local x = k.Input { shape = { 2 } }
    local inner = k.Sequential { layers.Dense(3), layers.Dense(3) }
    local middle = inner(x)
    local y = layers.Dense(1)(middle)
    local model = k.Model { inputs = x, outputs = y }
    local data = k.tensor { { 1, 2 }, { 3, 4 } }
    assert.equal(6, #model.weights)
    local head = k.Model { inputs = x, outputs = middle }
    local tail = k.Model { inputs = middle, outputs = y }
    assert.near_all(tail(head(data)), model(data))
    assert.near_all(head:predict(data), inner(data))
    local outer_input = k.Input { shape = { 2 } }
    local outer = k.Model { inputs = outer_input, outputs = model(outer_input) * 2 }
    assert.near_all(outer(data), model(data) * 2)
  end)

  it("carry masks", function()
    local x = k.Input { shape = { 3 }, dtype = "int32" }
    local embedded = layers.Embedding { 5, 2, mask_zero = true } (x)
    assert.truthy(embedded.mask)
    local model = k.Model { inputs = x, outputs = layers.Dense(1)(embedded) }
    local y = model(k.tensor({ { 1, 2, 0 } }, { dtype = "int32" }))
    assert.same({ { true, true, false } }, y.mask:totable())
  end)

  -- What Keras 3 shows of each: what the model is told wins, then the call's own flag.
  it("are told of training by predict and fit, whatever a call says", function()
    local seen
    local Watch = k.layer "WatchTraining" {
      call = function(_, x, training)
        seen = training
        return x
      end,
    }
    for _, flag in ipairs { true, false } do
      local x, data = k.Input { shape = { 3 } }, k.ones { 4, 3 }
      local inner = k.Sequential { Watch {} }
      for _, watch in ipairs { Watch {}, inner } do
        local model = k.Model { inputs = x,
          outputs = layers.Dense(1)(watch(x, { training = flag })) }
        model:compile { optimizer = "sgd", loss = "mse" }
        model:predict(data)
        assert.is_false(seen)
        model:fit(data, k.ones { 4, 1 }, { verbose = 0 })
        assert.is_true(seen)
        model(data, { training = not flag })
        assert.equal(not flag, seen)
        model(data)
        assert.equal(flag, seen)
      end
    end
  end)

  it("tell training from inference", function()
    local x = k.Input { shape = { 100 } }
    local model = k.Model { inputs = x, outputs = layers.Dropout(.5)(x) }
    local data = k.ones { 1, 100 }
    assert.near_all(model(data), data)
    local dropped = model(data, { training = true })
    assert.truthy(ops.min(dropped):item() == 0)
    local always = k.Model { inputs = x, outputs = layers.Dropout(.5)(x, { training = true }) }
    assert.truthy(ops.min(always(data)):item() == 0)
    assert.near_all(always:predict(data), data)
  end)

  -- Names and numbers of Keras.
  it("take and give tables within tables", function()
    local function input(name) return k.Input { shape = { 2 }, name = name } end
    local function dense(name, x)
      return layers.Dense { 1, kernel_initializer = "ones", name = name } (x)
    end
    local function data(v) return k.full({ 2, 2 }, v) end
    local a, b, c, one = input "a", input "b", input "c", k.ones { 2, 1 }
    local p, q, r = dense("da", a), dense("db", b), dense("dc", c)
    local wanted = { da = k.full({ 2, 1 }, 2), db = k.full({ 2, 1 }, 4), dc = k.full({ 2, 1 }, 6) }
    local x = { u = data(1), v = { data(2), data(3) } }
    local cases = {
      { { u = a, v = { b, c } }, { o = { p, q }, n = r }, x, { o = { one, one }, n = one },
        { "loss", "n_loss", "o/da_loss", "o/db_loss" }, { 35, 25, 1, 9 } },
      { { { a = a, b = b }, c }, { { p = p, q = q }, r }, { { a = data(1), b = data(2) }, data(3) },
        { { p = one, q = one }, one },
        { "loss", "0/p_loss", "0/q_loss", "dc_loss" }, { 35, 1, 9, 25 } },
      { { { a }, { b, c } }, { { p }, { q, r } }, { { data(1) }, { data(2), data(3) } },
        { { one }, { one, one } },
        { "loss", "0/da_loss", "1/db_loss", "1/dc_loss" }, { 35, 1, 9, 25 } },
    }
    local nest = require "lunula.utils.nest"
    for _, case in ipairs(cases) do
      local inputs, outputs, given, targets, labels, losses = table.unpack(case)
      local first = k.Model { inputs = inputs, outputs = outputs }
      local copy = k.models.model_from_json(first:to_json())
      copy:set_weights(first:get_weights())
      for _, model in ipairs { first, copy } do
        for _, results in ipairs { { model(given) }, { model:predict(given) } } do
          if #outputs == 0 then results = results[1] end
          assert.is_nil(nest.each_as(outputs, results, function(y, place)
            local kt = load("return (...)" .. place)(outputs)
            assert.near_all(y, wanted[kt.node.layer.name])
          end))
        end
        model:compile { optimizer = k.optimizers.SGD { learning_rate = 0 }, loss = "mse" }
        assert.near_all(model:fit(given, targets, { verbose = 0 }).history.loss, { 35 })
        assert.same(labels, model.metrics_names)
        assert.near_all({ model:evaluate(given, targets) }, losses)
      end
      assert.error_at_line(function() first:predict { data(1), data(2) } end, "x must be like {")
      assert.error_at_line(function() first { data(1), { data(2) } } end, "is called on {")
    end
    local model = k.Model { inputs = cases[1][1], outputs = cases[1][2] }
    assert.error_at_line(function() model:predict { u = data(1), v = { data(2) } } end,
      'x must be like { u = a, v = { b, c } }; it differs at x["v"][2]')
    assert.near_all(model { data(1), data(2), data(3) } .n, wanted.dc)
  end)

  it("squeeze or add a last axis of size 1", function()
    local x = k.Input { shape = { 1 } }
    local model = k.Model { inputs = x, outputs = x * 2 }
    assert.near_all(model:predict(k.tensor { 1, 2, 3 }), { { 2 }, { 4 }, { 6 } })
  end)

  it("say what is wrong with them", function()
    local a, b = k.Input { shape = { 2 }, name = "a" }, k.Input { shape = { 2 }, name = "b" }
    assert.error_at_line(function()
      k.Model { inputs = a, outputs = a + b }
    end, 'depend on the input "b"')
    assert.error_at_line(function() k.Model { inputs = a } end, "outputs is missing")
    assert.error_at_line(function()
      k.Model { inputs = a, outputs = k.zeros { 2 } }
    end, "must be made by Input")
    local d1, d2 = layers.Dense { 2, name = "same" }, layers.Dense { 2, name = "same" }
    assert.error_at_line(function()
      k.Model { inputs = a, outputs = d2(d1(a)) }
    end, 'two layers are named "same"')
    local model = k.Model { inputs = a, outputs = layers.Dense(1)(a) }
    assert.error_at_line(function()
      model:predict(k.zeros { 3, 5 })
    end, "expects shape (None, 2), got (None, 5)")
    assert.error_at_line(function() model(k.zeros { 2 }) end, "the batch axis is missing")
  end)

  it("find their layers", function()
    local x = k.Input { shape = { 2 } }
    local dense = layers.Dense { 1, name = "head" }
    local model = k.Model { inputs = x, outputs = dense(x) }
    assert.equal(dense, model:get_layer "head")
    assert.equal(dense, model:get_layer(2))
    assert.equal(dense, model:get_layer { name = "head" })
    assert.error_at_line(function() model:get_layer "heat" end, 'did you mean "head"?')
    assert.error_at_line(function() model:get_layer(9) end, "there is no layer 9")
  end)
end)
