local core = require "lunula.core"
local k = require "lunula"
local layers = require "lunula.layers"
local ops = require "lunula.ops"
local check_layer = require "spec.support.check_layer"

local x = core.tensor { { 1, 2 }, { 3, 6 }, { 5, 1 } }
local training = { training = true }

describe("BatchNormalization", function ()
  it("uses the batch in training and running moments otherwise", function ()
    local bn = layers.BatchNormalization()
    assert.near_all(bn(x, training),
      { { -1.224515, -0.46286 }, { 0, 1.388581 }, { 1.224515, -0.925721 } }, 2e-6)
    assert.near_all(bn.moving_mean, { 0.03, 0.03 }, 1e-6)
    assert.near_all(bn.moving_variance, { 1.016667, 1.036667 }, 1e-6)
    assert.near_all(bn(x),
      { { 0.961544, 1.933915 }, { 2.944108, 5.860645 }, { 4.926672, 0.952232 } }, 2e-6)
    assert.near_all(bn.moving_mean, { 0.03, 0.03 }, 1e-6)
  end)

  it("updates its running moments in a planned run", function ()
    local bn = layers.BatchNormalization { momentum = 0.5 }
    local f = core.trace({ { shape = { false, 2 } } }, function (y) return bn(y, training) end)
    f(x)
    assert.near_all(bn.moving_mean, { 1.5, 1.5 }, 1e-6)
    f(x)
    assert.near_all(bn.moving_mean, { 2.25, 2.25 }, 1e-6)
  end)

  it("has four weights, two of them not trainable", function ()
    local bn = layers.BatchNormalization()
    bn(x)
    assert.are.equal(4, #bn.weights)
    assert.are.equal(2, #bn.trainable_weights)
    assert.are.equal(8, bn:count_params())
    local plain = layers.BatchNormalization { center = false, scale = false }
    plain(x)
    assert.are.equal(2, #plain.weights)
  end)

  it("works as in inference when it is frozen", function ()
    local bn = layers.BatchNormalization { trainable = false }
    assert.near_all(bn(x, training), x * (1 / math.sqrt(1.001)), 1e-5)
    assert.near_all(bn.moving_mean, { 0, 0 })
  end)

  it("works along any axis", function ()
    local y = layers.BatchNormalization { axis = 1 } (ops.reshape(x, { 1, 3, 2 }), training)
    for _, row in ipairs(y[1]:totable()) do assert.near_all(row[1] + row[2], 0, 1e-5) end
    check_layer.any { layer = layers.BatchNormalization { axis = 1 }, input = ops.ones { 2, 3, 4 },
      output = { 2, 3, 4 }, weights = 4 }
  end)

  it("leaves masked steps out of the moments", function ()
    local steps = core.tensor { { { 1, 10 }, { 3, 20 }, { 100, 100 } } }
    local bn = layers.BatchNormalization { momentum = 0 }
    bn(steps, { training = true, mask = { { true, true, false } } })
    assert.near_all(bn.moving_mean, { 2, 15 }, 1e-5)
    assert.near_all(bn.moving_variance, { 1, 25 }, 1e-5)
    assert.error_at_line(function () bn(steps, { training = true, mask = { true } }) end,
      "the mask must have one axis less than the input")
  end)

  it("renormalises", function ()
    local bn = layers.BatchNormalization { renorm = true, renorm_momentum = 0.5, momentum = 0.5 }
    local y = bn(x, training)
    -- with clipping off, r and d undo the batch's moments: (x - 0) / 1
    assert.near_all(y, x, 1e-4)
    assert.near_all(bn.renorm_mean, { 1.5, 1.5 }, 1e-5)
    assert.are.equal(7, #bn.weights)
    local clipped = layers.BatchNormalization {
      renorm = true, renorm_clipping = { rmax = 1, rmin = 1, dmax = 0 },
    }
    assert.near_all(clipped(x, training), layers.BatchNormalization()(x, training), 1e-5)
  end)

  it("is the same with synchronized=true in a process that is alone", function ()
    local rows = k.random.normal { 5, 3 }
    local alone, synchronized = layers.BatchNormalization {},
      layers.BatchNormalization { synchronized = true }
    assert.near_all(synchronized(rows, training), alone(rows, training), 0)
  end)
end)

describe("LayerNormalization", function ()
  it("normalises each sample", function ()
    assert.near_all(layers.LayerNormalization()(x),
      { { -0.998006, 0.998006 }, { -0.999778, 0.999778 }, { 0.999875, -0.999875 } }, 2e-6)
  end)

  it("works over several axes, in their order in the input", function ()
    local norm = layers.LayerNormalization { axis = { -1, 1 } }
    local y = norm(ops.reshape(ops.arange(12), { 1, 2, 2, 3 }))
    assert.are.same({ 2, 3 }, norm.gamma.shape)
    assert.near_all(ops.mean(y, { 1, 3 }), { { 0, 0 } }, 1e-5)
  end)

  it("may leave out the mean", function ()
    local norm = layers.LayerNormalization { rms_scaling = true }
    norm(x)
    assert.are.equal(1, #norm.weights)
  end)
end)

describe("GroupNormalization", function ()
  it("takes its moments over all positions of a group", function ()
    local y = layers.GroupNormalization { groups = 2 } (ops.reshape(ops.arange(8), { 1, 2, 4 }))
    assert.near_all(y, { { { -1.212536, -0.727521, -1.212536, -0.727521 },
      { 0.727521, 1.212536, 0.727521, 1.212536 } } }, 2e-6)
  end)

  it("keeps unknown positions", function ()
    local norm = layers.GroupNormalization { groups = 2 }
    assert.are.same({ false, false, false, 6 },
      (norm:compute_output_shape { false, false, false, 6 }))
    check_layer.any { layer = layers.GroupNormalization { groups = -1, axis = 1 },
      input = ops.ones { 2, 4, 3 }, output = { 2, 4, 3 }, weights = 2 }
  end)

  it("says which groups do not fit", function ()
    assert.error_at_line(function ()
      layers.GroupNormalization { groups = 3, name = "g" } (ops.ones { 2, 4 })
    end, 'layer "g" (GroupNormalization): 4 channels cannot be split into 3 groups')
    assert.error_at_line(function () layers.GroupNormalization()(ops.ones { 2, 4 }) end,
      "4 channels cannot be split into 32 groups")
    assert.error_at_line(function () layers.GroupNormalization { groups = 0 } end,
      "groups must be a positive integer, or -1")
  end)
end)

describe("RMSNormalization", function ()
  it("divides by the root mean square", function ()
    assert.near_all(layers.RMSNormalization()(x),
      { { 0.632455, 1.264911 }, { 0.632455, 1.264911 }, { 1.38675, 0.27735 } }, 2e-6)
  end)

  it("lays its scale along any axis", function ()
    local norm = layers.RMSNormalization { axis = 1 }
    norm:build { 1, 2, 3 }
    norm:set_weights { { 1, 10 } }
    assert.near_all(norm(ops.ones { 1, 2, 3 }), { { { 1, 1, 1 }, { 10, 10, 10 } } }, 1e-5)
  end)
end)

describe("UnitNormalization", function ()
  it("gives every sample length 1", function ()
    assert.near_all(layers.UnitNormalization()(x),
      { { 0.447214, 0.894427 }, { 0.447214, 0.894427 }, { 0.980581, 0.196116 } }, 2e-6)
  end)
end)

describe("SpectralNormalization", function ()
  it("brings the kernel to norm 1 in a planned run", function ()
    local norm = layers.SpectralNormalization { layers.Dense { 3, use_bias = false }, 20 }
    norm:build { false, 2 }
    norm:set_weights { { { 3, 0, 0 }, { 0, 2, 0 } }, { { 1, 1, 1 } } }
    local f = core.trace({ { shape = { false, 2 } } }, function (y) return norm(y, training) end)
    f(x)
    assert.near_all(norm.kernel, { { 1, 0, 0 }, { 0, 2 / 3, 0 } }, 1e-4)
    assert.are.same({ "kernel", "vector_u" }, { norm.weights[1].name, norm.weights[2].name })
  end)

  it("trains the normalised kernel, planned as in Lua", function ()
    local kernels = {}
    for _, eagerly in ipairs { true, false } do
      local norm = layers.SpectralNormalization(layers.Dense { 1 })
      local model = k.Sequential { k.Input { shape = { 2 } }, norm }
      norm:set_weights { { { 2 }, { 1 } }, { { 1 } }, { 0 } }
      model:compile { optimizer = k.optimizers.SGD(0.1), loss = "mse", run_eagerly = eagerly }
      model:fit(x, { { 1 }, { 0 }, { 2 } }, { batch_size = 3, verbose = 0, shuffle = false })
      kernels[#kernels + 1] = norm.kernel.value
    end
    assert.near_all(kernels[1], kernels[2], 1e-5)
    local start = core.tensor { { 2 }, { 1 } } / math.sqrt(5)
    local far = ops.matmul(x, start) - core.tensor { { 1 }, { 0 }, { 2 } }
    local slope = ops.matmul(ops.transpose(x), far)
    assert.near_all(kernels[1], start - slope * (0.1 * 2 / 3), 1e-5)
  end)

  it("leaves a kernel of zeros as it is", function ()
    local norm = layers.SpectralNormalization(layers.Dense { 3, kernel_initializer = "zeros" })
    assert.near_all(norm(x, training), ops.zeros { 3, 3 }, 0)
  end)

  it("needs something to normalise", function ()
    assert.error_at_line(function () layers.SpectralNormalization(layers.Flatten())(x) end,
      "has neither a kernel nor embeddings")
    assert.error_at_line(function () layers.SpectralNormalization(7) end, "layer must be a layer")
  end)
end)
