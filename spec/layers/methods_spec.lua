-- What every layer can be asked, whatever it does: its calls, its weights, what is inside.

local k = require "lunula"

local layers = k.layers

describe("a shared layer", function ()
  it("knows every call", function ()
    local a, b = k.Input { shape = { 4 } }, k.Input { shape = { 2, 4 } }
    local dense = layers.Dense(3)
    local first, second = dense(a), dense(b)
    assert.equal(a, dense.input)
    assert.equal(first, dense.output)
    assert.equal(b, dense:get_input_at(1))
    assert.equal(second, dense:get_output_at(1))
    assert.same({ false, 4 }, dense:get_input_shape_at(0))
    assert.same({ false, 2, 3 }, dense:get_output_shape_at(1))
    assert.error_at_line(function () dense:get_output_at(2) end, "has 2 nodes, counted from 0")
    assert.error_at_line(function () layers.Dense(1):get_input_at(0) end, "never been called")
  end)

  it("knows the masks of every call", function ()
    local ids = k.Input { shape = { 5 }, dtype = "int32" }
    local masked = layers.Embedding { 7, 3, mask_zero = true } (ids)
    local bare = k.Input { shape = { 5, 3 } }
    local dense = layers.Dense(2)
    dense(bare)
    dense(masked)
    assert.is_nil(dense:get_input_mask_at(0))
    assert.is_nil(dense:get_output_mask_at(0))
    assert.truthy(dense:get_input_mask_at(1))
    assert.truthy(dense:get_output_mask_at(1))
    assert.is_nil(dense.input_mask)
  end)

  it("with several inputs gives lists", function ()
    local a, b = k.Input { shape = { 4 } }, k.Input { shape = { 4 } }
    local add = layers.Add {}
    local sum = add { a, b }
    add { b, sum }
    assert.same({ a, b }, add:get_input_at(0))
    assert.equal(sum, add:get_input_at(1)[2])
    assert.same({ { false, 4 }, { false, 4 } }, add:get_input_shape_at(1))
  end)
end)

describe("layers inside of a layer", function ()
  local Block = k.layer "Block" {
    init = function (self)
      self.first = layers.Dense(3)
      self.rest = { layers.Dense(2), { deep = layers.BatchNormalization {} } }
    end,
    call = function (self, x) return self.rest[2].deep(self.rest[1](self.first(x))) end,
  }

  it("are found in fields, lists and tables within", function ()
    local block = Block {}
    block(k.ones { 1, 4 })
    assert.equal(8, #block.weights)
    assert.equal(4 * 3 + 3 + 3 * 2 + 2 + 4 * 2, block:count_params())
    assert.equal(6, #block.trainable_weights)
    block.rest[3] = layers.Dense(1)
    block.rest[3](k.ones { 1, 2 })
    assert.equal(10, #block.weights)
    assert.equal(10, #block:get_weights())
  end)

  it("are frozen and freed with it", function ()
    local block = Block {}
    block(k.ones { 1, 4 })
    block.trainable = false
    assert.equal(0, #block.trainable_weights)
    assert.equal(8, #block.non_trainable_weights)
    assert.is_false(block.rest[2].deep.trainable)
    block.trainable = true
    assert.equal(6, #block.trainable_weights)
    block.rest[1].trainable = false
    assert.equal(4, #block.trainable_weights)
  end)
end)

describe("stateless_call", function ()
  local ops = k.ops

  local function model()
    k.set_random_seed(2)
    local x = k.Input { shape = { 3 } }
    local h = layers.BatchNormalization {} (layers.Dense { 2, kernel_regularizer = "l2" } (x))
    return k.Model { inputs = x, outputs = layers.Dense(1)(h) }, k.random.normal { 8, 3 }
  end

  local function numbers(list)
    local all = {}
    for i, value in ipairs(list) do all[i] = ops.reshape(value, { -1 }):totable() end
    return all
  end

  it("takes the values of the variables, and changes none", function ()
    local m, x = model()
    local before = numbers(m.weights)
    local twice = {}
    for i, variable in ipairs(m.trainable_variables) do twice[i] = 2 * variable.value end
    local y, others, losses = m:stateless_call(twice, m.non_trainable_variables, x,
      { training = true, return_losses = true })
    assert.same(before, numbers(m.weights))
    for i, variable in ipairs(m.trainable_variables) do variable:assign(twice[i]) end
    assert.same(m(x, { training = true }):totable(), y:totable())
    assert.same(numbers(m.non_trainable_variables), numbers(others))
    assert.equal(1, #losses)
    assert.is_near(m.losses[1]:item(), losses[1]:item(), 1e-7)
  end)

  it("has gradients with respect to what it was given", function ()
    local dense = layers.Dense(2)
    dense(k.ones { 1, 3 })
    local x = k.tensor { { 1, 2, 3 }, { 4, 5, 6 } }
    local _, grads = k.value_and_grad(function (kernel)
      return ops.sum((dense:stateless_call({ kernel, dense.bias }, {}, x)))
    end)(k.zeros { 3, 2 })
    assert.same({ { 5, 5 }, { 7, 7 }, { 9, 9 } }, grads[1]:totable())
    local before = dense.kernel.value
    local loss = k.value_and_grad(function (kernel)          -- its own, beside the given one
      return ops.sum(dense:stateless_call({ kernel, dense.bias }, {}, x) * dense(x))
    end, { dense.kernel })
    local value, given, own = loss(before)
    assert.is_near(ops.sum(dense(x) ^ 2):item(), value:item(), 1e-5)
    assert.near_all(given[1], own[1], 1e-6)
    assert.equal(before:tobytes(), dense.kernel.value:tobytes())
  end)

  it("puts the variables back after an error, too", function ()
    local dense = layers.Dense(2)
    dense(k.ones { 1, 3 })
    local before = dense.kernel.value:totable()
    assert.error_at_line(function ()
      dense:stateless_call({ k.zeros { 3, 2 }, k.zeros { 2 } }, {}, k.ones { 1, 4 })
    end, "built for size 3")
    assert.same(before, dense.kernel.value:totable())
  end)

  it("tells what is missing", function ()
    local dense = layers.Dense(2)
    assert.error_at_line(function () dense:stateless_call({}, {}, k.ones { 1, 3 }) end,
      "has no variables yet; call it on data first")
    dense(k.ones { 1, 3 })
    assert.error_at_line(function () dense:stateless_call({ 1 }, {}, k.ones { 1, 3 }) end,
      "trainable_variables must have a tensor for each of the 2")
    assert.error_at_line(function () dense:stateless_call(3, {}, k.ones { 1, 3 }) end,
      "trainable_variables must be a list of tensors, got 3")
    assert.error_at_line(function () dense.stateless_call({}, {}, k.ones { 1, 3 }) end,
      "stateless_call is a method: layer:stateless_call(…), with a colon")
  end)
end)
