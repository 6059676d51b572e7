-- Weights of older Kerases. What recurrent layers had is compared with Keras (k2_cudnn_*,
-- k2_keras1_*); here are kernels of convolutions, by the formulas of Keras 2.

local convert = require "lunula.hdf5.convert"
local k = require "lunula"

local L = k.layers

local function counted(shape)
  local size = 1
  for _, n in ipairs(shape) do size = size * n end
  return k.ops.reshape(k.arange(size), shape)
end

local function built(layer, shape)
  layer:build(shape)
  return layer
end

local keras1 = { version = "1", backend = "tensorflow" }

describe("a kernel of Keras 1", function ()
  it("of one dimension", function ()
    local layer = built(L.Conv1D { 4, 3 }, { false, 8, 2 })
    local bias = k.zeros { 4 }
    local kernel = counted { 3, 1, 2, 4 }
    local new = convert.weights(layer, { kernel, bias }, keras1)
    assert.same({ 3, 2, 4 }, { table.unpack(new[1].shape) })
    assert.near_all(new[1], k.ops.squeeze(kernel, 1):totable())
    local older = counted { 4, 2, 3, 1 }
    new = convert.weights(layer, { older, bias }, keras1)
    assert.near_all(new[1], k.ops.squeeze(k.ops.transpose(older, { 2, 3, 1, 0 }), 1):totable())
  end)

  it("with the channels first", function ()
    local layer = built(L.Conv2D { 4, { 2, 3 }, data_format = "channels_first" },
      { false, 2, 8, 8 })
    local kernel = counted { 4, 2, 2, 3 }
    local new = convert.weights(layer, { kernel, k.zeros { 4 } }, keras1)
    assert.near_all(new[1], k.ops.transpose(kernel, { 2, 3, 1, 0 }):totable())
  end)

  it("of a transposed convolution", function ()
    local layer = built(L.Conv2DTranspose { 4, { 2, 3 } }, { false, 8, 8, 2 })
    local kernel = counted { 2, 3, 2, 4 }
    local new = convert.weights(layer, { kernel, k.zeros { 4 } }, keras1)
    assert.near_all(new[1], k.ops.transpose(kernel, { 0, 1, 3, 2 }):totable())
  end)
end)

describe("a kernel of Theano", function ()
  it("is turned round", function ()
    local layer = built(L.Conv2D { 4, { 2, 3 } }, { false, 8, 8, 2 })
    local kernel = counted { 2, 3, 2, 4 }
    local new = convert.weights(layer, { kernel, k.zeros { 4 } },
      { version = "2", backend = "theano" })
    assert.near_all(new[1], k.ops.flip(kernel, { 0, 1 }):totable())
  end)
end)

describe("layers with layers inside", function ()
  it("have theirs converted", function ()
    local inner = k.Sequential { k.Input { shape = { 8, 8, 2 } }, L.Conv2D { 4, 2 },
      L.BatchNormalization {}, L.Conv2D { 3, 2 } }
    local list = {}
    for i, weight in ipairs(inner.trainable_weights) do list[i] = counted(weight.shape) end
    for _, weight in ipairs(inner.non_trainable_weights) do
      list[#list + 1] = counted(weight.shape)
    end
    local new = convert.weights(inner, list, { version = "2", backend = "theano" })
    assert.equal(#list, #new)
    for i, value in ipairs(list) do
      local wanted = value.rank == 4 and k.ops.flip(value, { 0, 1 }) or value
      assert.near_all(new[i], wanted:totable())
    end
  end)
end)
