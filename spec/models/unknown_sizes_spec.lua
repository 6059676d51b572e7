-- Models that do not know the sizes of their images and sequences are fitted, and predict, as those
-- that do.

local k = require "lunula"
local layers = k.layers

-- name -> { input shape, sizes in place of its unknown ones, layers }
local stacks = {
  ["Conv2D and MaxPooling2D"] = { { false, false, 2 }, { { 6, 7 }, { 9, 5 } }, function ()
    return { layers.Conv2D { 3, 3, activation = "relu" }, layers.MaxPooling2D(2),
      layers.GlobalAveragePooling2D() }
  end },
  ["strided Conv2D of the same size"] = { { false, false, 2 }, { { 5, 8 }, { 7, 3 } }, function ()
    return { layers.Conv2D { 3, 3, strides = 2, padding = "same" }, layers.AveragePooling2D(2) }
  end },
  ["Conv1D and UpSampling1D"] = { { false, 2 }, { { 7 }, { 4 } }, function ()
    return { layers.Conv1D { 3, 2, padding = "causal" }, layers.UpSampling1D(3) }
  end },
  ["Conv3D"] = { { false, 4, false, 1 }, { { 3, 5 }, { 6, 4 } }, function ()
    return { layers.Conv3D { 2, 2 }, layers.MaxPooling3D { pool_size = { 1, 2, 1 } } }
  end },
  ["DepthwiseConv2D, SeparableConv2D"] = { { false, 6, 3 }, { { 5 }, { 8 } }, function ()
    return { layers.DepthwiseConv2D { 3, padding = "same" }, layers.SeparableConv2D { 4, 2 } }
  end },
  ["Conv2DTranspose"] = { { false, false, 2 }, { { 3, 4 }, { 5, 2 } }, function ()
    return { layers.Conv2DTranspose { 3, 3, strides = 2, padding = "same" } }
  end },
  ["cropping and padding"] = { { false, false, 2 }, { { 6, 7 }, { 5, 9 } }, function ()
    return { layers.ZeroPadding2D { { { 1, 2 }, { 0, 3 } } },
      layers.Cropping2D { { { 0, 1 }, { 2, 1 } } }, layers.Conv2D { 2, 3 } }
  end },
  ["UpSampling2D, by interpolation too"] = { { false, false, 2 }, { { 3, 2 }, { 4, 5 } },
    function ()
      return { layers.Conv2D { 2, 1 }, layers.UpSampling2D(2),
        layers.UpSampling2D { 2, interpolation = "bilinear" } }
    end },
  ["adaptive pooling"] = { { false, false, 2 }, { { 5, 7 }, { 8, 4 } }, function ()
    return { layers.Conv2D { 2, 1 }, layers.AdaptiveAveragePooling2D { { 3, 2 } }, layers.Flatten(),
      layers.Dense(2) }
  end },
  ["Resizing and CenterCrop"] = { { false, false, 2 }, { { 6, 7 }, { 9, 5 } }, function ()
    return { layers.Conv2D { 2, 1 }, layers.Resizing { 5, 6, crop_to_aspect_ratio = true },
      layers.CenterCrop { 3, 4 }, layers.Flatten(), layers.Dense(2) }
  end },
  ["CenterCrop of what may be too small"] = { { false, false, 1 }, { { 6, 7 }, { 2, 5 } },
    function ()
      return { layers.Conv2D { 2, 1 }, layers.CenterCrop { 3, 4 }, layers.Flatten(),
        layers.Dense(2) }
    end },
  ["TimeDistributed"] = { { false, false, 2 }, { { 3, 4 }, { 5, 2 } }, function ()
    return { layers.TimeDistributed { layers.Conv1D { 3, 2 } },
      layers.TimeDistributed { layers.GlobalMaxPooling1D() },
      layers.TimeDistributed { layers.Dense(2) } }
  end },
  ["ConvLSTM1D"] = { { false, false, 2 }, { { 3, 5 }, { 4, 6 } }, function ()
    return { layers.ConvLSTM1D { 2, 3, padding = "same", return_sequences = true } }
  end },
  ["ConvLSTM2D"] = { { false, false, 4, 1 }, { { 2, 5 }, { 3, 4 } }, function ()
    return { layers.ConvLSTM2D { 2, 3, return_sequences = true }, layers.ConvLSTM2D { 1, 2 } }
  end },
  ["LSTM, Bidirectional GRU"] = { { false, 2 }, { { 5 }, { 3 } }, function ()
    return { layers.LSTM { 3, return_sequences = true }, layers.Bidirectional { layers.GRU(2) } }
  end },
  ["self-attention"] = { { false, 4 }, { { 5 }, { 3 } }, function ()
    return { k.layer "SelfAttention" {
      args = {},
      init = function (self) self.inner = layers.MultiHeadAttention { 2, 3 } end,
      call = function (self, x) return self.inner(x, x) end,
    } {}, layers.LayerNormalization(), layers.GlobalAveragePooling1D() }
  end },
  ["a cut and a running product"] = { { false, 4 }, { { 6 }, { 4 } }, function ()
    return { layers.Dense(4), layers.Lambda(function (x)
      local a, b = k.ops.split(x, 2, 1)
      return k.ops.cumprod(a, 1) + k.ops.roll(b, 1, 1)
    end) }
  end },
}

local function model_of(stack, sizes)
  local shape, next_size = {}, 0
  for i, size in ipairs(stack[1]) do
    if not size and sizes then
      next_size = next_size + 1
      size = sizes[next_size]
    end
    shape[i] = size
  end
  local model = k.Sequential { k.Input { shape = shape } }
  for _, layer in ipairs(stack[3]()) do model:add(layer) end
  model:compile { optimizer = k.optimizers.SGD { 0.1 }, loss = "mse" }
  return model, shape
end

local quiet = { verbose = 0, shuffle = false, epochs = 2, batch_size = 2 }

describe("with unknown sizes", function ()
  for name, stack in pairs(stacks) do
    it(name, function ()
      local open = model_of(stack)
      for i, sizes in ipairs(stack[2]) do
        local known, shape = model_of(stack, sizes)
        known:set_weights(open:get_weights())
        k.set_random_seed(i)
        local x = k.random.normal { 3, table.unpack(shape) }
        local wanted = known:predict(x)
        assert.near_all(open:predict(x), wanted, 1e-4)
        local y = k.random.normal(wanted.shape)
        known:fit(x, y, quiet)
        open:fit(x, y, quiet)
        for w, value in ipairs(known:get_weights()) do
          assert.near_all(open:get_weights()[w], value, 1e-4)
        end
        assert.near_all(open:predict(x), known:predict(x), 1e-4)
      end
    end)
  end
end)
