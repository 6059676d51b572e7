-- Normalisation, cross-entropies, attention, convolutions.

local from = require "spec.support.ops_inputs"
local real, positive, chance = from.real, from.positive, from.chance
local exact, bools = from.exact, from.bools

local function numbers(data, shape) return exact(data, { dtype = "int32", shape = shape }) end

local both = { { 0 }, { 0 } }
local loose = 1e-4

local image = real { 2, 6, 5, 3 }
local line = real { 2, 7, 4 }

return {
  { "moments", { real { 3, 4, 2 } }, { axes = { 0, 1 } }, tol = loose },
  { "moments", { real { 3, 4 } }, { axes = { 1 }, keepdims = true }, tol = loose },
  { "normalize", { real { 3, 4 } } },
  { "normalize", { real { 3, 4 } }, { axis = 0, order = 3 } },
  { "normalize", { real { 3, 4 } }, { order = 1 } },
  { "normalize", { exact { 0, 0, 0 } }, grad = false },
  { "batch_normalization", { real { 5, 3 }, real { 3 }, positive { 3 } }, { axis = -1 },
    tol = loose },
  { "batch_normalization", { real { 2, 3, 4 }, real { 3 }, positive { 3 }, real { 3, seed = 3 },
    positive { 3, seed = 4 } }, { axis = 1, epsilon = 0.01 },
    names = { "x", "mean", "variance", "offset", "scale" }, tol = loose },
  { "layer_normalization", { real { 3, 4 } }, { epsilon = 1e-3 }, tol = loose },
  { "layer_normalization", { real { 3, 4 }, positive { 4 }, real { 4 } }, { epsilon = 1e-3 },
    tol = loose },
  { "layer_normalization", { real { 2, 3, 4 }, positive { 3, 4 }, real { 3, 4 } },
    { axis = { 1, 2 }, epsilon = 1e-3 }, tol = loose },
  { "rms_normalization", { real { 3, 4 } } },
  { "rms_normalization", { real { 3, 4 }, positive { 4 } }, { epsilon = 0.01 } },

  { "categorical_crossentropy", { chance { 3, 4 }, chance { 3, 4, seed = 2 } }, free = both },
  { "categorical_crossentropy", { chance { 3, 4 }, real { 3, 4 } }, { from_logits = true },
    free = both },
  { "categorical_crossentropy", { chance { 2, 3, 4 }, real { 2, 3, 4 } },
    { from_logits = true, axis = 1 }, free = both },
  { "sparse_categorical_crossentropy", { numbers { 1, 3, 0 }, chance { 3, 4 } }, free = both },
  { "sparse_categorical_crossentropy", { numbers({ 1, 3, 0 }, { 3, 1 }), real { 3, 4 } },
    { from_logits = true }, free = both },
  { "sparse_categorical_crossentropy", { numbers({ 1, 3, 0, 2, 2, 1 }, { 2, 3 }),
    real { 2, 3, 4 } }, { from_logits = true }, free = { { 0, 1 }, { 0, 1 } } },
  { "binary_crossentropy", { chance { 3, 4 }, chance { 3, 4, seed = 2 } }, free = both },
  { "binary_crossentropy", { chance { 3, 4 }, real { 3, 4 } }, { from_logits = true },
    free = both },
  { "binary_crossentropy", { exact { 0, 1, 1 }, exact { 1, 0, 1 } }, grad = false, tol = 1e-2 },
  { "dot_product_attention", { real { 2, 3, 2, 4 }, real { 2, 5, 2, 4, seed = 2 },
    real { 2, 5, 2, 4, seed = 3 } }, free = { { 0, 1 }, { 0, 1 }, { 0, 1 } } },
  { "dot_product_attention", { real { 2, 4, 2, 3 }, real { 2, 4, 2, 3, seed = 2 },
    real { 2, 4, 2, 3, seed = 3 } }, { is_causal = true, scale = 0.5 },
    free = { { 0, 1 }, { 0, 1 }, { 0, 1 } } },
  { "dot_product_attention", { real { 2, 3, 2, 4 }, real { 2, 5, 2, 4, seed = 2 },
    real { 2, 5, 2, 4, seed = 3 }, real { 2, 2, 3, 5 }, bools { 2, 1, 3, 5, seed = 2 } },
    grad = { 1, 2, 3, 4 }, names = { "query", "key", "value", "bias", "mask" },
    free = { { 0, 1 }, { 0, 1 }, { 0, 1 }, { 0, 2 }, { 0, 2 } } },

  { "conv", { image, real { 3, 2, 3, 4, seed = 2 } }, tol = loose },
  { "conv", { image, real { 3, 2, 3, 4, seed = 2 } }, { strides = 2, padding = "same" },
    tol = loose },
  { "conv", { image, real { 2, 2, 3, 2, seed = 2 } }, { dilation_rate = { 2, 1 } }, tol = loose,
    free = { { 0 } } },
  { "conv", { real { 2, 6, 5, 4 }, real { 2, 2, 2, 6, seed = 2 } }, tol = loose,
    free = { { 0 } } },
  { "conv", { real { 2, 3, 6, 5 }, real { 3, 2, 3, 4, seed = 2 } },
    { data_format = "channels_first" }, tol = loose },
  { "conv", { line, real { 3, 4, 2, seed = 2 } }, { strides = 2 }, tol = loose },
  { "conv", { real { 1, 3, 4, 3, 2 }, real { 2, 2, 2, 2, 3, seed = 2 } }, { padding = "same" },
    tol = loose },
  { "depthwise_conv", { image, real { 3, 2, 3, 2, seed = 2 } }, tol = loose },
  { "depthwise_conv", { line, real { 3, 4, 1, seed = 2 } }, { strides = 2, padding = "same" },
    tol = loose },
  { "separable_conv", { image, real { 3, 2, 3, 2, seed = 2 }, real { 1, 1, 6, 4, seed = 3 } },
    tol = loose, second = false },
  { "conv_transpose", { real { 2, 3, 2, 4 }, real { 3, 2, 5, 4, seed = 2 } }, { strides = 2 },
    tol = loose },
  { "conv_transpose", { real { 2, 3, 2, 4 }, real { 3, 2, 5, 4, seed = 2 } },
    { strides = 2, padding = "same" }, tol = loose },
  { "conv_transpose", { real { 2, 4, 3 }, real { 2, 2, 3, seed = 2 } },
    { strides = 3, padding = "same" }, tol = loose, free = { { 0 } } },
  { "conv_transpose", { real { 2, 4, 3 }, real { 3, 2, 3, seed = 2 } },
    { strides = 2, padding = "same", output_padding = 1 }, tol = loose },
  { "conv_transpose", { real { 2, 4, 3 }, real { 3, 2, 3, seed = 2 } }, { dilation_rate = 2 },
    tol = loose },
  { "conv_transpose", { real { 2, 4, 3 }, real { 1, 2, 3, seed = 2 } }, { strides = 3 },
    tol = loose },
  { "max_pool", { image }, { pool_size = { 2, 2 }, strides = { 2, 2 } } },
  { "max_pool", { image }, { pool_size = { 2, 3 }, strides = { 2, 1 }, padding = "same" } },
  { "max_pool", { line }, { pool_size = 3, strides = 2 } },
  { "average_pool", { image }, { pool_size = { 2, 2 }, strides = { 2, 2 } } },
  { "average_pool", { image }, { pool_size = { 2, 3 }, strides = { 2, 1 }, padding = "same" } },
  { "average_pool", { real { 2, 3, 6, 5 } },
    { pool_size = { 2, 2 }, strides = { 2, 2 }, data_format = "channels_first" } },
  { "average_pool", { real { 1, 5, 1 } }, { pool_size = 2 },
    ref = function (data)
      local x = data[1]
      return { (x[1] + x[2]) / 2, (x[3] + x[4]) / 2 }
    end },
  { "patches", { real { 1, 4, 2 } }, { size = { 3 }, before = { 1 }, after = { 0 }, value = 7 },
    ref = function (data)
      local x, all = data[1], {}
      for start = -1, 1 do
        for i = start, start + 2 do
          for c = 1, 2 do all[#all + 1] = i < 0 and 7 or x[i * 2 + c] end
        end
      end
      return all
    end },
  { "fold_patches", { real { 1, 2, 4 }, real { 1, 3, 2 } }, { size = { 2 } }, grad = { 1 },
    ref = function (data)
      local x = data[1]
      return { x[1], x[2], x[3] + x[5], x[4] + x[6], x[7], x[8] }
    end },
}
