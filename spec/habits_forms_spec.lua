-- Forms that a reader of Keras writes out of habit, where Lua has others: indices, tuples, loops,
-- lists of pairs, classes. They work, or what to write is told.

local k = require "lunula"
local layers = k.layers

describe("an index", function ()
  local x = k.tensor { { 1, 2, 3 }, { 4, 5, 6 } }
  local placeholder = k.Input { shape = { 5, 3 } }

  it("may be None for a new axis", function ()
    assert.same({ 1, 2, 3 }, { table.unpack(x[{ false }].shape) })
    assert.same({ 2, 1, 3 }, { table.unpack(x[{ {}, k.None }].shape) })
    assert.same({ { 2 }, { 5 } }, x[{ {}, false, 2 }]:totable())
    assert.same({ 2, 3, 1, 1 }, { table.unpack(x[{ {}, {}, false, false }].shape) })
    assert.same({ { 4, 5, 6 } }, x[{ 2, false }]:totable())
    assert.error_at_line(function () x[{ {}, false }] = 1 end,
      "new axes (None) are for reading alone")
    assert.error_at_line(function () return x[{ 1, 2, 3, false }] end, "3 indices for 2 axes")
    local many = {}
    for i = 1, 1 << 20 do many[i] = 1 end
    many[#many + 1] = false
    assert.error_at_line(function () return x[many] end, "1048576 indices for 2 axes")
    assert.error_at_line(function () return x[{ false, false, false, false, false, false, false }]
    end, "new axes (None) make more than 8 axes")
  end)

  it("selects from placeholders as from tensors", function ()
    local selections = { { {}, 1 }, { {}, -1, { 2, 3 } }, { {}, { 2, 4 }, -1 },
      { {}, { 1, -2, 2 }, false }, { { 1, -1 }, { -3 } },
      { {}, { -3, -2 }, { 2, 1 } } }
    local outputs = {}
    for i, selection in ipairs(selections) do outputs[i] = placeholder[selection] end
    local model = k.Model { inputs = placeholder, outputs = outputs }
    local values = k.random.normal { 4, 5, 3 }
    local found = table.pack(model:predict(values, { verbose = 0 }))
    local again = k.models.model_from_json(model:to_json()):predict(values, { verbose = 0 })
    for i, selection in ipairs(selections) do
      assert.is_true(found[i] == values[selection])
    end
    assert.is_true(found[1] == again)
    assert.error_at_line(function () return placeholder[1] end,
      "a placeholder has no rows to count; x[{ {}, 1 }] selects along its axes")
  end)

  it("is wrong for placeholders as for tensors", function ()
    local values = k.zeros { 4, 5, 3 }
    for _, case in ipairs {
      { 0, "index 0 is out of range 1..5 along axis 1 (positions count from 1)" },
      { 6, "index 6 is out of range 1..5 along axis 1 (positions count from 1)" },
      { 1.5, "an index is a whole number or a range {first, last, step}, got number" },
      { { 4, 2 }, "range 4..2 does not lie in 1..5 of axis 1" },
      { { 2, 6 }, "range 2..6 does not lie in 1..5 of axis 1" },
      { { 0, 2 }, "range 0..2 does not lie in 1..5 of axis 1" },
      { { 5, 1, -1 }, "a range goes forward in steps of 1 or more" },
      { { 1.5 }, "a range is {first, last, step} in whole numbers" },
      { { 1, 2, 1, 4 }, "a range is {first, last, step}, got a key 4" },
      { { first = 2 }, "a range is {first, last, step}, got a key first" },
    } do
      for _, x_of in ipairs { values, placeholder } do
        assert.error_at_line(function () return x_of[{ {}, case[1] }] end, case[2])
      end
    end
    for _, x_of in ipairs { values, placeholder } do
      assert.error_at_line(function () return x_of[{ {}, {}, {}, 1 }] end, "4 indices for 3 axes")
      assert.error_at_line(function () return x_of[{ {}, axis = 1 }] end,
        "a selection is a list, an index or a range for each axis, got a key axis")
    end
    assert.error_at_line(function () return placeholder[{ 0 }] end,
      "index 0 is out of range 1..None along axis 0 (positions count from 1)")
  end)

  it("is no tensor, and what to write is told", function ()
    assert.error_at_line(function () return x[k.tensor({ 0, 1 }, "int32")] end,
      "rows by their numbers, from 0, are ops.take(x, numbers, 0), and ops.where chooses")
    assert.error_at_line(function () x[x] = 1 end, "rows by their numbers, from 0, are ops.take")
    for _, numbers in ipairs { k.Input { shape = { 2 }, name = "kt" }, k.tensor { 1 } } do
      local remedy = "; rows by their numbers, from 0, are ops.take(x, numbers, "
      local said = tostring(numbers) .. remedy
      for _, x_of in ipairs { x, placeholder } do
        assert.error_at_line(function () return x_of[numbers] end, said .. "0)")
        assert.error_at_line(function () return x_of[{ numbers }] end, said .. "0)")
        assert.error_at_line(function () return x_of[{ {}, numbers }] end, said .. "1)")
        assert.error_at_line(function () return k.ops.get_item(x_of, numbers) end,
          remedy .. "0)")
        assert.error_at_line(function () return k.ops.get_item(x_of, { {}, numbers }) end,
          remedy .. "1)")
      end
      assert.error_at_line(function () x[{ {}, numbers }] = 1 end, said .. "1)")
    end
  end)

  it("sets nothing in a placeholder", function ()
    assert.error_at_line(function () placeholder[1] = 3 end, "has no numbers to set: "
      .. "ops.slice_update(x, start, updates) and ops.where make what x is to be")
    assert.error_at_line(function () placeholder[{ {}, 1 }] = 3 end, "has no numbers to set")
  end)
end)

describe("a tuple as the first argument", function ()
  it("may stand bare where it can mean nothing else", function ()
    assert.same({ { 2, 2 }, { 3, 3 } }, layers.ZeroPadding2D({ 2, 3 }).padding)
    assert.same({ { 1, 2 }, { 3, 4 } }, layers.Cropping2D({ { 1, 2 }, { 3, 4 } }).cropping)
    assert.same({ { 1, 2 } }, { layers.Cropping1D({ 1, 2 }).cropping })
    assert.same({ 2, 3 }, layers.UpSampling2D({ 2, 3 }).size)
    assert.same({ 2, 3, 4 }, layers.UpSampling3D({ 2, 3, 4 }).size)
    assert.same({ -0.1, 0.2 }, layers.RandomRotation({ -0.1, 0.2 }).factor)
    assert.same({ -0.1, 0.2 }, layers.RandomBrightness({ -0.1, 0.2 }).factor)
    assert.same({ 2, 2 }, layers.UpSampling2D({ 2, "channels_first" }).size)
    assert.error_at_line(function () layers.UpSampling2D({ 2, 2, 2 }) end,
      "UpSampling2D: size must be")
  end)
end)

describe("gradients and variables", function ()
  it("may be given as pairs, or as two lists", function ()
    local v = k.Variable(3)
    local sgd = k.optimizers.SGD { learning_rate = 1 }
    sgd:apply_gradients { { k.tensor(1), v } }
    sgd:apply_gradients({ k.tensor(1) }, { v })
    assert.equal(1, v:numpy():item())
    assert.error_at_line(function () sgd:apply_gradients { k.tensor(1) } end,
      "apply_gradients takes a list of pairs {gradient, variable}, or two lists; entry 1 is")
  end)
end)

describe("elements of a dataset that are no rows", function ()
  it("are told when they are batched", function ()
    local dataset = k.data.from { k.ones { 4, 2 }, k.ones { 4 } }:batch(2)
    assert.error_at_line(function () dataset:as_iterator()() end,
      "batch: its elements have the shapes (4, 2) and (4,); elements that are the rows of several "
        .. "tensors come from k.data.from(x, y)")
  end)
end)

describe("an __init__ with arguments", function ()
  it("is told to declare them", function ()
    local function call(_, x) return x end
    assert.error_at_line(function ()
      k.layer "Patches" { init = function (self, size, stride) self.s = { size, stride } end,
        call = call }
    end, 'layer "Patches": init gets self alone; declare size, stride in args, as args = '
      .. '{ { "size" } }, and they are fields: self.size')
    assert.error_at_line(function ()
      k.model "Pair" { init = function (self, student) self.s = student end, call = call }
    end, 'model "Pair": init gets self alone; declare student in args')
  end)
end)

describe("many tensors", function ()
  it("are stacked", function ()
    local list = {}
    for i = 1, 1000 do list[i] = k.ops.full({ 2 }, i) end
    local wanted = k.ops.expand_dims(k.ops.arange(1, 1001, 1, "float32"), 1) * k.ones { 1, 2 }
    assert.is_true(wanted == k.ops.stack(list))
    assert.is_true(wanted:transpose() == k.ops.stack(list, 1))
    assert.is_true(wanted == k.ops.vstack(list))
    assert.is_true(wanted:reshape { -1 } == k.ops.hstack(list))
    assert.same({ 1000, 2 }, { table.unpack(k.data.from(list):batch(1000):as_iterator()().shape) })
    assert.error_at_line(function () k.ops.concatenate(list) end,
      "concatenate: 1000 tensors in a list, at most 232; join some of them first")
  end)
end)

describe("an activation that is taken away", function ()
  it("is none from then on, as Grad-CAM wants it", function ()
    k.set_random_seed(1)   -- by which something is below 0
    for i, make in ipairs {
      function () return layers.Dense { 2, activation = "relu" }, { 3, 4 } end,
      function ()
        return layers.EinsumDense { "ab,bc->ac", { 2 }, activation = "relu" }, { 3, 4 }
      end,
      function () return layers.Conv1D { 2, 2, activation = "relu" }, { 3, 4, 2 } end,
      function () return layers.Conv2DTranspose { 2, 2, activation = "relu" }, { 3, 4, 4, 2 } end,
      function () return layers.DepthwiseConv2D { 2, activation = "relu" }, { 3, 4, 4, 2 } end,
      function () return layers.SeparableConv1D { 2, 2, activation = "relu" }, { 3, 4, 2 } end,
    } do
      local layer, shape = make()
      local x = k.random.normal(shape, { seed = i })
      local before = layer(x)
      for _, none in ipairs { "nil", "false", "None" } do
        layer.activation = ({ ["false"] = false, None = k.None })[none]
        local after = layer(x)
        assert.is_true(k.ops.min(after):item() < 0, none)
        assert.is_true(before == k.ops.relu(after), none)
      end
    end
  end)
end)

describe("a loop over a dataset", function ()
  local dataset = k.data.from(k.arange(5), k.arange(5) * 2):batch(2)

  it("goes through its elements", function ()
    local seen = {}
    for x, y in dataset do
      seen[#seen + 1] = x.shape[1]
      assert.is_true(y == x * 2)
    end
    assert.same({ 2, 2, 1 }, seen)
  end)

  it("may stand in another one, and be left", function ()
    local seen, numbers = {}, k.data.range(3)
    for i in numbers do
      for j in numbers do
        if i == j then break end
        seen[#seen + 1] = i .. j
      end
      for x in dataset do if x.rank == 1 then break end end
      for _ in dataset do seen[#seen + 1] = "." end
    end
    assert.equal(". . . 10 . . . 20 21 . . .", table.concat(seen, " "))
    for _ = 1, 100 do
      for x in dataset do if x.rank == 1 then break end end
    end
    assert.is_true(#dataset.passes <= 16)
  end)

  it("is all that calls it", function ()
    assert.error_at_line(function () k.data.range(3)(1, 2) end,
      "a dataset is called by loops alone: for x, y in dataset do … end")
  end)
end)

describe("a model's class of one's own", function ()
  it("keeps what its layers mean in a text", function ()
    local Own = k.model "OwnFunctional" { parent = k.Model }
    local i = k.Input { shape = { 4 }, dtype = "int32" }
    local word = layers.Embedding { 5, 3, mask_zero = true } (i)
    local model = Own { inputs = i,
      outputs = layers.GRU(2)(layers.Add() { word, layers.Dense(3)(word) } + 1) }
    local again = k.models.model_from_json(model:to_json(), { OwnFunctional = Own })
    assert.is_true(again.layers[#again.layers].reset_after)   -- Keras 2's default is false
    again:set_weights(model:get_weights())
    local x = k.tensor({ { 1, 2, 0, 0 }, { 0, 3, 4, 1 } }, "int32")
    assert.is_true(model:predict(x) == again:predict(x))
  end)
end)

describe("sizes and axes", function ()
  local x = k.ops.reshape(k.arange(24), { 2, 3, 4 })

  it("may stand one by one at the end", function ()
    assert.is_true(x:reshape(-1, 4) == x:reshape { -1, 4 })
    assert.is_true(x:transpose(0, 2, 1) == x:transpose { 0, 2, 1 })
    assert.is_true(k.ops.transpose(x, 2, 1, 0) == k.ops.transpose(x, { 2, 1, 0 }))
    local lambda = layers.Lambda(function (t) return t:reshape(k.ops.shape(t)[1], 2, 2) end)
    local model = k.Sequential { k.Input { 4 }, lambda }
    assert.same({ 3, 2, 2 }, { table.unpack(model:predict(k.ones { 3, 4 }).shape) })
    assert.error_at_line(function () x:reshape(2, "a") end, "reshape: 3 arguments, it takes at")
    assert.error_at_line(function () x:sum(0, 1, 2, 3) end, "sum: 5 arguments, it takes at most 3")
  end)
end)

describe("an output without a loss", function ()
  local x, y = k.random.normal({ 8, 3 }, { seed = 1 }), k.random.normal({ 8, 2 }, { seed = 2 })
  local other = k.ones { 8, 4 }

  local function history_of(loss, targets, metrics)
    k.set_random_seed(3)
    local i = k.Input { shape = { 3 } }
    local model = k.Model { inputs = i, outputs = { layers.Dense { 2, name = "a" } (i),
      layers.Dense { 4, name = "b" } (i) } }
    model:compile { optimizer = "sgd", loss = loss, metrics = metrics }
    local history = model:fit(x, targets, { epochs = 2, verbose = 0 }).history
    local loss_at_end = model:evaluate(x, targets, { verbose = 0 })
    assert.is_true(loss_at_end < history.loss[1])
    return history
  end

  it("needs no target", function ()
    local wanted = history_of({ "mse", k.None }, { y, other }).loss
    assert.same(wanted, history_of({ "mse", k.None }, y).loss)
    assert.same(wanted, history_of({ "mse", k.None }, { y }).loss)
    assert.same(wanted, history_of({ a = "mse" }, y).loss)
    assert.same(wanted, history_of({ a = "mse" }, { a = y }).loss)
    assert.same(history_of({ k.None, "mse" }, { y, other }).loss,
      history_of({ k.None, "mse" }, other).loss)
    local history = history_of({ "mse", k.None }, y, { { "mae" }, k.None })
    assert.is_number(history.a_mae[2])
    local _, message = pcall(history_of, "mse", y)
    assert.matches("habits_forms_spec.lua:%d+: y must be a list or a name table of 2 tensors",
      message)
  end)
end)

describe("a model that is never called", function ()
  it("has weights when its layers have", function ()
    local function gan()
      return k.model "NeverCalled" {
        init = function (self)
          self.network = k.Sequential { k.Input { 3 }, layers.Dense(2) }
        end,
      } {}
    end
    local path, from, to = os.tmpname() .. ".safetensors", gan(), gan()
    from:save_weights(path)
    to:load_weights(path)
    os.remove(path)
    assert.is_true(from.network.weights[1].value == to.network.weights[1].value)
    local open = k.model "NotYet" { init = function (self) self.dense = layers.Dense(2) end }
    assert.error_at_line(function () open {}:save_weights(path) end,
      'model "not_yet" has no weights yet, because it has not been built')
  end)
end)

describe("options that are nil", function ()
  it("are not said", function ()
    local function dense(activation) return layers.Dense(2, { activation = activation }) end
    assert.equal("relu", dense("relu"):get_config().activation)
    assert.equal("linear", dense():get_config().activation)
  end)

  it("leave a Sequential a name of its own", function ()
    local function make(name) return k.Sequential({ layers.Dense(1) }, { name = name }) end
    assert.equal("given", make("given").name)
    assert.matches("^sequential", make().name)
  end)
end)
