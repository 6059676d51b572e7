-- Layers of layers/core, reshaping, regularization and activations, where Keras's numbers do not
-- reach: errors, options of Keras 2, unknown sizes, chance.

local core = require "lunula.core"
local layers = require "lunula.layers"
local ops = require "lunula.ops"
local warn = require "lunula.utils.warn"
local check_layer = require "spec.support.check_layer"

local x = core.tensor { { 1, 2, 3 }, { 4, 5, 6 } }

local function shape_of(object, shape)
  return object:compute_output_shape(shape)
end

describe("Dense", function ()
  it("works on the last axis of any rank", function ()
    check_layer.any { layer = layers.Dense { 4, "tanh" }, input = ops.ones { 2, 3, 5 },
      output = { 2, 3, 4 }, weights = 2 }
    assert.are.same({ false, false, 4 }, shape_of(layers.Dense(4), { false, false, 5 }))
  end)

  it("takes a layer or a function as activation", function ()
    local relu = layers.ReLU { max_value = 1 }
    local dense = layers.Dense { 2, relu, kernel_initializer = "ones" }
    assert.near_all(dense(x), { { 1, 1 }, { 1, 1 } })
    assert.are.equal("ReLU", dense:get_config().activation.class_name)
    local cubed = layers.Dense { 1, function (y) return y ^ 3 end, kernel_initializer = "ones" }
    assert.near_all(cubed(x), { { 216 }, { 3375 } })
  end)
end)

describe("Embedding", function ()
  local function small(options)
    local embedding = layers.Embedding { 3, 2, mask_zero = options }
    embedding:build { false, 2 }
    embedding:set_weights { { { 1, 2 }, { 3, 4 }, { 5, 6 } } }
    return embedding
  end

  it("looks up ids, negative ones from the end", function ()
    local ids = core.tensor({ { 0, 2 }, { -1, 1 } }, { dtype = "int32" })
    assert.near_all(small()(ids), { { { 1, 2 }, { 5, 6 } }, { { 5, 6 }, { 3, 4 } } })
  end)

  it("refuses ids that are not in the table", function ()
    local embedding = small()
    assert.error_at_line(function () embedding { { 0, 3 } } end, "out of range")
  end)

  it("masks zeros when told to", function ()
    assert.near_all(small(true) { { 0, 2 } } .mask, { { false, true } })
    assert.is_nil(small() { { 0, 2 } } .mask)
  end)

  it("takes its table as an option", function ()
    local embedding = layers.Embedding { 2, 1, weights = { { { 7 }, { 8 } } } }
    assert.near_all(embedding { { 1, 0 } }, { { { 8 }, { 7 } } })
  end)
end)

describe("EinsumDense", function ()
  it("is one product, bias included, where columns are laid out in axes", function ()
    local a = ops.reshape(ops.arange(24, { dtype = "float32" }), { 2, 3, 4 })
    for _, bias_axes in ipairs { "de", "e" } do
      local dense = layers.EinsumDense { "abc,cde->abde", { false, 2, 5 }, "softmax",
        bias_axes = bias_axes, bias_initializer = "random_normal" }
      local y, sums = dense(a), ops.einsum("abc,cde->abde", a, dense.kernel)
      assert.near_all(y, ops.softmax(sums + dense.bias), 1e-6)
      assert.are.same({ 2, 3, 2, 5 }, y.shape)
      assert.are.same({ false, false, 2, 5 }, shape_of(dense, { false, false, 4 }))
    end
  end)

  it("draws its kernel from the fans that the equation gives", function ()
    local dense = layers.EinsumDense {
      "abc,cde->abde", { false, 8, 16 }, kernel_initializer = { class_name = "GlorotUniform" },
    }
    dense:build { false, 5, 32 }
    local limit = math.sqrt(6 / (32 + 8 * 16))
    local largest = ops.max(ops.abs(dense.kernel)):item()
    assert.is_true(largest <= limit and largest > 0.95 * limit)
  end)

  it("keeps an unknown length", function ()
    local dense = layers.EinsumDense { "abc,cd->abd", { false, 4 }, bias_axes = "d" }
    assert.are.same({ false, false, 4 }, shape_of(dense, { false, false, 5 }))
    check_layer.any { layer = layers.EinsumDense { "...x,xy->...y", 4 }, input = ops.ones { 2, 3 },
      output = { 2, 4 }, weights = 1 }
  end)

  it("says what is wrong with an equation", function ()
    local function build(equation, output_shape, more)
      local options = { equation, output_shape, name = "e" }
      for key, value in pairs(more or {}) do options[key] = value end
      return function () layers.EinsumDense(options)(ops.ones { 2, 3, 5 }) end
    end
    local function says(f, text)
      local ok, message = pcall(f)
      assert.is_false(ok)
      assert.is_truthy(tostring(message):find('layer "e" (EinsumDense): ' .. text, 1, true),
        tostring(message))
    end
    says(build("abc->ab", 4), 'equation "abc->ab": must be "x,k->y"')
    says(build("ab,bc->ac", 4), "equation \"ab,bc->ac\": the input has 2 axes, got shape (2, 3, 5)")
    says(build("abc,cd->abe", { false, 4 }), 'equation "abc,cd->abe": the result has "e"')
    says(build("abc,cd->abd", 4), 'equation "abc,cd->abd": output_shape {4} has no size for "d"')
    says(build("abc,cd->abd", { 7, 4 }),
      'equation "abc,cd->abd": axis "b" has size 3 in the input and 7 in output_shape')
    says(build("abc,cd->abd", { false, 4 }, { bias_axes = "z" }),
      'equation "abc,cd->abd": bias_axes "z" must be letters of the result')
    assert.error_at_line(build("abc->ab", 4), "must be")
  end)
end)

describe("ReversibleEmbedding", function ()
  it("goes both ways with one table", function ()
    local embedding = layers.ReversibleEmbedding { 3, 2 }
    embedding:build { false, 2 }
    embedding:set_weights { { { 1, 0 }, { 0, 1 }, { 2, 2 } } }
    assert.near_all(embedding(embedding { { 0, 2 } }, { reverse = true }),
      { { { 1, 0, 2 }, { 2, 2, 8 } } })
    assert.are.same({ false, 7, 3 },
      (embedding:compute_output_shape({ false, 7, 2 }, { reverse = true })))
    assert.error_at_line(function () embedding({ { 1 } }, { revers = true }) end,
      'unknown option "revers" (did you mean "reverse"?)')
  end)
end)

describe("Wrapper", function ()
  it("is the parent of layers around layers", function ()
    local Twice = require "lunula.layers.base" "Twice" {
      parent = layers.Wrapper,
      call = function (self, y) return self.layer(self.layer(y)) end,
    }
    local twice = Twice(layers.Dense { 3, use_bias = false, kernel_initializer = "ones" })
    assert.near_all(twice { { 1, 2, 3 } }, { { 18, 18, 18 } })
    assert.are.equal(1, #twice.trainable_weights)
    assert.are.equal("Dense", twice:get_config().layer.class_name)
    assert.error_at_line(function () layers.Wrapper(layers.Dense(3))(x) end,
      "a Wrapper has no call of its own")
    assert.error_at_line(function () layers.Wrapper() end, "layer is missing")
  end)
end)

describe("Masking", function ()
  it("does not mask NaN", function ()
    local y = layers.Masking() { { { 0 / 0, 0 }, { 0, 0 } } }
    assert.near_all(y.mask, { { true, false } })
  end)
end)

describe("Flatten", function ()
  it("keeps an unknown batch", function ()
    assert.are.same({ false, 24 }, shape_of(layers.Flatten(), { false, 2, 3, 4 }))
    assert.are.same({ false, false }, shape_of(layers.Flatten(), { false, false, 4 }))
    assert.are.same({ 5, 1 }, shape_of(layers.Flatten(), { 5 }))
  end)
end)

describe("Reshape", function ()
  it("takes sizes bare or in a list", function ()
    assert.are.same({ false, 3, 4 }, shape_of(layers.Reshape { 3, 4 }, { false, 12 }))
    assert.are.same({ false, 3, 4 }, shape_of(layers.Reshape { { 3, 4 } }, { false, 12 }))
    local named = layers.Reshape { target_shape = { 3, -1 } }
    assert.are.same({ false, 3, 4 }, shape_of(named, { false, 12 }))
    assert.are.same({ false, 12 }, shape_of(layers.Reshape(-1), { false, 3, 4 }))
  end)

  it("infers a size behind unknown ones", function ()
    assert.are.same({ false, false, 2 }, shape_of(layers.Reshape { -1, 2 }, { false, false, 4 }))
  end)

  it("says what does not fit", function ()
    local reshape = layers.Reshape { { 4, 4 }, name = "r" }
    assert.error_at_line(function () reshape(x) end,
      'layer "r" (Reshape): cannot reshape (2, 3) into {4, 4}: the sizes after the batch make '
        .. "3 and 16")
    assert.error_at_line(function () layers.Reshape { -1, -1 } end, "may have one -1")
  end)
end)

describe("Permute", function ()
  it("counts axes from 1, without the batch", function ()
    assert.are.same({ false, 4, 3 }, shape_of(layers.Permute { 2, 1 }, { false, 3, 4 }))
    assert.error_at_line(function () layers.Permute { 1, 3 } end,
      "dims must hold each of 1 to 2 once")
    assert.error_at_line(function () layers.Permute { 2, 1 } (x) end, "takes an input of rank 3")
  end)
end)

describe("RepeatVector", function ()
  it("needs rank 2", function ()
    assert.are.same({ false, 5, 3 }, shape_of(layers.RepeatVector(5), { false, 3 }))
    assert.error_at_line(function () layers.RepeatVector(5)(ops.ones { 2, 3, 4 }) end, "rank 2")
    assert.error_at_line(function () layers.RepeatVector(2.5) end, "n must be a positive integer")
  end)
end)

describe("Dropout", function ()
  local ones = ops.ones { 100, 100 }

  it("does nothing outside training", function ()
    assert.near_all(layers.Dropout(0.5)(x), x, 0)
    assert.near_all(layers.Dropout(0)(x, { training = true }), x, 0)
  end)

  it("drops a share and scales the rest", function ()
    local y = layers.Dropout { 0.25, seed = 3 } (ones, { training = true })
    assert.near_all(ops.mean(y), 1, 0.05)
    local kept = ops.sum(ops.cast(ops.not_equal(y, 0), "float32")):item() / 10000
    assert.near_all(kept, 0.75, 0.03)
    assert.near_all(ops.max(y), 1 / 0.75)
    assert.near_all(layers.Dropout(1)(ones, { training = true }), ops.zeros_like(ones), 0)
  end)

  it("draws anew at every call and every planned run", function ()
    local dropout = layers.Dropout { 0.5, seed = 1 }
    local function draw() return dropout(ones, { training = true }) end
    assert.is_true(ops.sum(ops.abs(draw() - draw())):item() > 0)
    local f = core.trace({ { shape = { false, 100 } } }, function (y)
      return dropout(y, { training = true })
    end)
    assert.is_true(ops.sum(ops.abs(f(ones) - f(ones))):item() > 0)
  end)

  it("repeats itself with a seed", function ()
    local a = layers.Dropout { 0.5, seed = 9 } (ones, { training = true })
    local b = layers.Dropout { 0.5, seed = 9 } (ones, { training = true })
    assert.near_all(a, b, 0)
  end)

  it("shares one draw along the axes where noise_shape is 1", function ()
    local dropout = layers.Dropout { 0.5, noise_shape = { false, 1 }, seed = 4 }
    local rows = ops.sum(dropout(ones, { training = true }), 1):totable()
    for _, sum in ipairs(rows) do assert.is_true(sum == 0 or sum == 200) end
    assert.error_at_line(function ()
      layers.Dropout { 0.5, noise_shape = { 1 } } (ones, { training = true })
    end, "noise_shape {1} does not fit an input of shape (100, 100)")
  end)

  it("checks its rate", function ()
    assert.error_at_line(function () layers.Dropout(1.5) end, "rate must be a number from 0 to 1")
  end)
end)

describe("ReLU", function ()
  it("refuses negative options", function ()
    assert.error_at_line(function () layers.ReLU { negative_slope = -1 } end, "0 or more")
  end)
end)

describe("Softmax", function ()
  it("gives zeros to a row that is masked as a whole", function ()
    local y = layers.Softmax()(core.tensor { { 1, 2 }, { 3, 4 } }, {
      mask = { { true, false }, { false, false } },
    })
    assert.near_all(y, { { 1, 0 }, { 0, 0 } }, 1e-6)
  end)

  it("takes a mask of steps for all that is in them", function ()
    local y = layers.Softmax()(layers.Masking() { { { 1, 1 }, { 0, 0 } } })
    assert.near_all(y, { { { 0.5, 0.5 }, { 0, 0 } } }, 1e-6)
  end)
end)

describe("Activation", function ()
  it("takes names, functions and layers", function ()
    assert.near_all(layers.Activation "relu" { { -1, 2 } }, { { 0, 2 } })
    assert.near_all(layers.Activation(function (y) return y * 3 end)(x), x * 3)
    local leaky = layers.Activation(layers.ReLU { negative_slope = 0.5 })
    assert.near_all(leaky { { -2, 2 } }, { { -1, 2 } })
    assert.error_at_line(function () layers.Activation() end, "activation is missing")
  end)
end)

describe("InputLayer", function ()
  it("has a shape with the batch", function ()
    assert.are.same({ false, 28, 28 }, layers.InputLayer { shape = { 28, 28 } }.batch_shape)
    local sized = layers.InputLayer { shape = { false, 2 }, batch_size = 4 }
    assert.are.same({ 4, false, 2 }, sized.batch_shape)
    assert.are.same({ 4, 2 }, layers.InputLayer { batch_shape = { 4, 2 } }.batch_shape)
    assert.has_error(function () layers.InputLayer {} end)
    assert.has_error(function () layers.InputLayer { shape = { 1 }, batch_shape = { 1, 1 } } end)
  end)
end)

describe("Lambda", function ()
  local function planned(object, input)
    local f = core.trace({ { shape = { false, table.unpack(input.shape, 2) } } },
      function (y) return object(y) end)
    return f(input), f
  end

  it("is traced like any layer", function ()
    local square = layers.Lambda(function (y) return y ^ 2 end)
    assert.near_all(square(x), x * x)
    assert.near_all(planned(square, x), x * x)
    assert.are.same({ false, 3 }, shape_of(square, { false, 3 }))
  end)

  it("passes arguments by the names of parameters", function ()
    local f = layers.Lambda(function (y, scale, shift) return y * scale + shift end,
      { arguments = { shift = 1, scale = 2 } })
    assert.near_all(f(x), x * 2 + 1)
    local listed = layers.Lambda { function (y, a, b) return y * a - b end, arguments = { 2, 3 } }
    assert.near_all(listed(x), x * 2 - 3)
    assert.error_at_line(function ()
      layers.Lambda { function (y) return y end, arguments = { alpha = 1 } }
    end, 'arguments has "alpha", but the function has no parameter of that name')
  end)

  it("passes training and mask where they are named", function ()
    local f = layers.Lambda(function (y, training) return training and y * 2 or y end)
    assert.near_all(f(x, { training = true }), x * 2)
    assert.near_all(f(x), x)
    local m = layers.Lambda { function (y, mask)
      return y * ops.expand_dims(ops.cast(mask, "float32"), -1)
    end, mask = function (_, mask) return mask end }
    local y = m(core.tensor { { { 1, 2 }, { 3, 4 } } }, { mask = { { true, false } } })
    assert.near_all(y, { { { 1, 2 }, { 0, 0 } } })
  end)

  it("checks a declared shape", function ()
    local right = layers.Lambda(function (y) return ops.concatenate({ y, y }, 1) end,
      { output_shape = { 6 } })
    assert.near_all(planned(right, x), ops.concatenate({ x, x }, 1))
    local wrong = layers.Lambda { function (y) return y end, output_shape = { 7 }, name = "w" }
    assert.error_at_line(function () wrong:compute_output_shape { false, 3 } end,
      "output_shape says (None, 7), the function returns (None, 3)")
  end)

  it("becomes a host step when it needs a value, with one warning", function ()
    local texts, sink = {}, warn.sink
    warn.sink = function (text) texts[#texts + 1] = text end
    local function clip(y)
      local top = ops.max(y):item()
      return ops.minimum(y, top / 2)
    end
    local host = layers.Lambda { clip, name = "h" }
    local y, f = planned(host, x)
    warn.sink = sink
    assert.near_all(y, ops.minimum(x, 3))
    assert.near_all(f(x * 2), ops.minimum(x * 2, 6))
    assert.are.same({ false, 3 }, f.outputs[1].shape)
    assert.are.equal(1, #texts)
    local said = 'layer "h" (Lambda) runs its Lua function once per batch'
    assert.is_truthy(texts[1]:find(said, 1, true))
  end)

  it("is a host step when tracing is off", function ()
    local calls = 0
    local host = layers.Lambda { function (y)
      calls = calls + 1
      return y + 1
    end, trace = false, output_shape = { 3 } }
    local y, f = planned(host, x)
    assert.near_all(y, x + 1)
    assert.are.equal(1, calls)
    f(x)
    assert.are.equal(2, calls)
  end)

  it("passes other errors on", function ()
    local bad = layers.Lambda(function (y) return ops.matmul(y, y) end)
    assert.has_error(function () planned(bad, x) end)
    local own = layers.Lambda(function () error("my own words") end)
    local ok, message = pcall(planned, own, x)
    assert.is_false(ok)
    assert.is_truthy(tostring(message):find("my own words", 1, true))
  end)

  it("keeps its function in a copy", function ()
    local square = layers.Lambda { function (y) return y ^ 2 end, name = "sq" }
    local copy = layers.Lambda.from_config(square:get_config())
    assert.near_all(copy(x), x * x)
    local named = layers.deserialize({
      class_name = "Lambda", config = { ["function"] = "cube" },
    }, { cube = function (y) return y ^ 3 end })
    assert.near_all(named(x), x ^ 3)
    assert.error_at_line(function ()
      layers.Lambda.from_config { ["function"] = "unheard_of" }
    end, 'no function is known by the name "unheard_of"')
  end)
end)
