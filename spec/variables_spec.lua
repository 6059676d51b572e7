-- k.Variable, and what every variable has: Keras's fields and assignments.

local core = require "lunula.core"
local k = require "lunula"

describe("k.Variable", function ()
  it("takes a value, with Keras's types for it", function ()
    assert.equal("int32", k.Variable(1).dtype)
    assert.equal("float32", k.Variable({ 1, 2.5 }).dtype)
    assert.equal("bool", k.Variable({ true, false }).dtype)
    assert.equal("float16", k.Variable(1, { dtype = "float16" }).dtype)
    assert.same({ 2, 1 }, { table.unpack(k.Variable { { 1.5 }, { 2 } }.shape) })
  end)

  it("takes an initializer and a shape", function ()
    assert.near_all(k.Variable("ones", { shape = { 2 } }), { 1, 1 })
    assert.near_all(k.Variable("zeros", { 1, 2 }), { { 0, 0 } })
    assert.near_all(k.Variable(k.initializers.Constant(3), { shape = { 1 } }), { 3 })
    assert.near_all(k.Variable { initializer = k.initializers.Ones, shape = { 1 } }, { 1 })
    assert.near_all(k.Variable(function (shape) return k.full(shape, 7) end, { shape = { 2 } }),
      { 7, 7 })
  end)

  it("has Keras's fields", function ()
    k.utils.clear_session()
    local v = k.Variable({ 1, 2 }, { trainable = false })
    assert.equal("variable", v.name)
    assert.equal("variable", v.path)
    assert.equal("variable_1", k.Variable(1).name)
    assert.equal("own", k.Variable(1, { name = "own" }).path)
    assert.is_false(v.trainable)
    assert.is_true(k.Variable(1).trainable)
    assert.equal(1, v.ndim)
    assert.equal(2, k.ones { 2, 3 }.ndim)
    local dense = k.layers.Dense { 2, kernel_constraint = "max_norm", kernel_regularizer = "l2",
      name = "d" }
    dense(k.ones { 1, 3 })
    assert.equal("d/kernel", dense.kernel.path)
    assert.equal("MaxNorm{}", tostring(dense.kernel.constraint))
    assert.equal("L2{}", tostring(dense.kernel.regularizer))
    assert.is_nil(dense.bias.constraint)
    assert.is_nil(dense.bias.regularizer)
  end)

  it("is changed by assign, assign_add and assign_sub", function ()
    local v = k.Variable { 1.0, 2.0 }
    assert.equal(v, v:assign_add(1))
    assert.near_all(v, { 2, 3 })
    assert.near_all(v:assign_sub { 1, 5 }, { 1, -2 })
    assert.near_all(v:assign { 7, 8 }, { 7, 8 })
    local count = k.Variable(1)
    count:assign_add(2)
    assert.equal(3, count.value:item())
    assert.equal("int32", count.dtype)
  end)

  -- A plan writes into the memory of a variable: nobody else may have that.
  it("takes what is handed over to it, and leaves what others have", function ()
    local dense = k.layers.Dense { 40, use_bias = false }
    local model = k.Sequential { k.Input { shape = { 1 } }, dense }
    local kernel = dense.kernel
    model:compile { optimizer = k.optimizers.SGD(0.5), loss = "mse" }
    local function fit() model:train_on_batch(k.ones { 2, 1 }, k.zeros { 2, 40 }) end
    fit()
    local function ones() return k.ones { 1, 40 } end
    local tensor, of_variable = ones(), k.Variable(ones())
    local view = tensor:reshape { 40, 1 }
    core.hand_over(kernel, tensor)
    fit()
    core.hand_over(kernel, of_variable)
    fit()
    assert.equal(1, view:totable()[40][1])
    assert.equal(1, of_variable:totable()[1][40])
    assert.error_at_line(function () return tensor + 1 end, "this tensor was released")
    core.hand_over(kernel, ones())
    fit()
    assert.is_true(kernel:totable()[1][1] < 1)
    core.hand_over(kernel, 3 * ones())
    assert.equal(3, kernel:totable()[1][40])
    assert.error_at_line(function () core.hand_over(kernel, k.ones { 2 }) end, "the value is (2,)")
    assert.error_at_line(function () core.hand_over(1, ones()) end, "variable")
    core.hand_over(kernel, ones():totable())
    assert.equal(1, kernel:totable()[1][40])
  end)

  it("has a value of now as numpy()", function ()
    local v = k.Variable { 1.0, 2.0 }
    local before = v:numpy()
    v:assign_add(1)
    assert.near_all(before, { 1, 2 })
    local x = k.ones { 2 }
    assert.equal(x, x:numpy())
  end)

  it("is a weight of the layer or model that keeps it, and changes in its plan", function ()
    local Counted = k.layer "CountedOnce" {
      init = function (self)
        self.scale = k.Variable(2.0, { name = "scale" })
        self.calls = k.Variable(0, { name = "calls", trainable = false })
      end,
      call = function (self, x, training)
        if training then self.calls:assign_add(1) else self.calls:assign_sub(0) end
        return x * self.scale
      end,
    }
    local layer = Counted()
    local model = k.Sequential { k.Input { shape = { 1 } }, layer }
    assert.same({ "scale", "calls" }, { model.weights[1].name, model.weights[2].name })
    model:compile { optimizer = k.optimizers.SGD(0.1), loss = "mse" }
    model:fit(k.ones { 6, 1 }, k.zeros { 6, 1 }, { batch_size = 2, epochs = 2, verbose = 0 })
    assert.equal(6, layer.calls.value:item())
    assert.is_true(layer.scale.value:item() < 2)
  end)

  it("says what it takes", function ()
    assert.error_at_line(function () k.Variable() end, "Variable takes its value, or an "
      .. "initializer and a shape")
    assert.error_at_line(function () k.Variable "zeros" end, "say which: Variable(\"zeros\", "
      .. "{ shape = {2, 3} })")
    assert.error_at_line(function () k.Variable(1, { nam = "x" }) end,
      'Variable: unknown option "nam" (did you mean "name"?)')
    assert.error_at_line(function () k.Variable(1, { name = "a/b" }) end,
      "Variable: name must be a string without a slash")
    assert.error_at_line(function () k.Variable(1, { trainable = 1 }) end,
      "trainable must be true or false")
    assert.error_at_line(function () k.Variable(1, 2, 3) end, "one table of options")
    assert.error_at_line(function () k.Variable({ 1, 2 }):assign_add { 1, 2, 3 } end,
      "add: shapes (2,) and (3,) do not broadcast")
    assert.error_at_line(function () k.Variable({ 1, 2 }):assign_add(k.ones { 2, 2 }) end,
      'is (2,), the value is (2, 2)')
    assert.error_at_line(function () k.ones { 2 }:assign_add(1) end, "a variable is expected")
  end)
end)

describe("the facade", function ()
  it("has Keras's classes at the top", function ()
    assert.equal(k.layers.Layer, k.Layer)
    assert.equal(k.losses.Loss, k.Loss)
    assert.equal(k.metrics.Metric, k.Metric)
    assert.equal(k.optimizers.Optimizer, k.Optimizer)
    assert.equal(k.initializers.Initializer, k.Initializer)
    assert.equal(k.regularizers.Regularizer, k.Regularizer)
    assert.equal(k.layers.InputSpec, k.InputSpec)
    assert.equal(k._VERSION, "lunula " .. k.version)
  end)
end)
