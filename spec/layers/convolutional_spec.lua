-- Convolutions beyond the recorded cases: the numbers that were worked out by hand, sizes that are
-- not known, bias and activation in the same step, and what is refused. Pooling, cropping, padding
-- and up-sampling of images too.

local core = require "lunula.core"
local k = require "lunula"
local layers, ops = k.layers, k.ops

local function count(shape)
  local n = 1
  for _, size in ipairs(shape) do n = n * size end
  return n
end

-- (0, 1, 2, … modulo 7, less 3) / 10
local function pattern(shape)
  local data = {}
  for i = 1, count(shape) do data[i] = ((i - 1) % 7 - 3) / 10 end
  return core.tensor(data, { shape = shape })
end

local x = ops.reshape(pattern { 6, 2 } * 10, { 1, 6, 2 })

-- The layer's output, flat, when every kernel is the pattern and every bias 0.
local function worked(layer, input)
  layer:build(input.shape)
  for _, weight in ipairs(layer.weights) do
    if weight.name:find "kernel" then weight:assign(pattern(weight.shape)) end
  end
  return ops.reshape(layer(input), { -1 })
end

describe("worked by hand", function ()
  local first = ops.slice_steps(x, { 0, 0, 0 }, nil, { -1, 3, -1 })
  for i, case in ipairs {
    { layers.Conv1D { 2, 3 }, x, { .8, .5, .4, -.8, -.7, 1.4, -1.1, -.6 } },
    { layers.Conv1D { 2, 3, padding = "same" }, x,
      { -.7, .1, .8, .5, .4, -.8, -.7, 1.4, -1.1, -.6, 1, .1 } },
    { layers.Conv1D { 2, 3, strides = 2, padding = "same" }, x, { .8, .5, -.7, 1.4, 1, .1 } },
    { layers.Conv1D { 2, 3, dilation_rate = 2, padding = "causal" }, x,
      { .6, .1, .2, .1, -1.1, .1, -.7, -.8, 2.2, .3, -.3, 1.8 } },
    { layers.Conv1D { 4, 3, groups = 2 }, x,
      { .6, .3, .2, .2, -.2, .1, .6, -.9, .4, .6, -1.1, .8, -1.1, -1, 0, .4 } },
    { layers.DepthwiseConv1D { 3, depth_multiplier = 2 }, x,
      { .6, .3, .2, .2, -.2, .1, .6, -.9, .4, .6, -1.1, .8, -1.1, -1, 0, .4 } },
    { layers.SeparableConv1D { 1, 3, depth_multiplier = 2 }, x, { -.26, -.02, -.13, .53 } },
    { layers.Conv1DTranspose { 1, 3, strides = 2 }, first, { 1.3, .3, -.4, .1, -.8, -.1, .5 } },
    { layers.Conv1DTranspose { 1, 3, strides = 2, padding = "same" }, first,
      { 1.3, .3, -.4, .1, -.8, -.1 } },
    { layers.Conv1DTranspose { 1, 3, strides = 2, padding = "same", output_padding = 1 }, first,
      { 1.3, .3, -.4, .1, -.8, -.1 } },
    { layers.Conv1DTranspose { 1, 3, strides = 3 }, first,
      { 1.3, .3, -.7, .3, .1, -.1, -.7, -.1, .5 } },
    { layers.Conv1DTranspose { 1, 2, strides = 3, padding = "same" }, first,
      { 1.3, .3, 0, .3, .1, 0, -.7, -.1, 0 } },
    { layers.Conv1DTranspose { 1, 4, strides = 2, padding = "same" }, first,
      { .3, -.4, -.2, -.8, -.4, .5 } },
    { layers.LocallyConnected1D { 1, 2 }, x, { 1.4, -.4, -.7, .5, .4 } },
    { layers.AveragePooling1D { 3, 2, padding = "same" }, x,
      { -1, 0, .666667, -.666667, -1, 0 } },
    { layers.MaxPooling1D { 3, 2, padding = "same" }, x, { 1, 2, 3, 2, 0, 1 } },
    { layers.AdaptiveAveragePooling1D(4), x, { -2, -1, 0, 1, .5, -2, -1, 0 } },
  } do
    it(("case %d, %s"):format(i, case[1].class_name), function ()
      assert.near_all(worked(case[1], case[2]), case[3], 1e-5)
    end)
  end

  it("windows of the Keras 1 picture", function ()
    local layer = layers.Conv2D { 64, 3, padding = "same", data_format = "channels_first" }
    assert.are.same({ false, 64, 32, 32 }, layer:compute_output_shape { false, 3, 32, 32 })
  end)
end)

describe("names", function ()
  for alias, name in pairs {
    Convolution1D = "Conv1D", Convolution3D = "Conv3D", Convolution2DTranspose = "Conv2DTranspose",
    SeparableConvolution2D = "SeparableConv2D", MaxPool2D = "MaxPooling2D",
    AvgPool1D = "AveragePooling1D", GlobalAvgPool3D = "GlobalAveragePooling3D",
    GlobalMaxPool1D = "GlobalMaxPooling1D",
  } do
    it(alias .. " is " .. name, function () assert.are.equal(layers[name], layers[alias]) end)
  end

  it("an alias may stand in a config", function ()
    local layer = layers.deserialize { class_name = "Convolution2D",
      config = { filters = 2, kernel_size = 3 } }
    assert.are.equal("Conv2D", layer.class_name)
  end)
end)

describe("a config of Keras 2", function ()
  it("names one group, and a kernel that is not there", function ()
    local config = layers.SeparableConv2D { 4, 3 }:get_config()
    config.groups, config.kernel_initializer = 1, { class_name = "GlorotUniform", config = {} }
    assert.are.equal(4, layers.SeparableConv2D.from_config(config).filters)
    local deep = layers.DepthwiseConv2D(3):get_config()
    deep.groups = 1
    assert.are.same({ 3, 3 }, layers.DepthwiseConv2D.from_config(deep).kernel_size)
    local back = layers.Conv2DTranspose { 4, 3, kernel_initializer = "ones" }:get_config()
    back.groups = 1
    assert.are.equal("Ones",
      layers.Conv2DTranspose.from_config(back):get_config().kernel_initializer.class_name)
    back.groups = 2
    assert.error_at_line(function () layers.Conv2DTranspose.from_config(back) end,
      'Conv2DTranspose: unknown option "groups" in the config')
  end)
end)

-- ---- sizes that are not known -----------------------------------------------------------------

-- A trace for any height, width and batch gives at two sizes what the layer gives by itself.
local function serves_any_size(layer, rank, ...)
  local shape = { false }
  for i = 2, rank + 1 do shape[i] = false end
  shape[rank + 2] = 3
  local sizes = { ... }
  layer:build { false, table.unpack(shape, 2) }
  local f = core.trace({ { shape = shape } }, function (image) return layer(image) end)
  for _, size in ipairs(sizes) do
    local image = k.random.normal(size)
    local y = layer(image)
    assert.near_all(f(image), y, 1e-6)
    local told = layer:compute_output_shape { false, table.unpack(size, 2) }
    assert.are.same({ table.unpack(y.shape, 2) }, { table.unpack(told, 2) })
  end
  local told = layer:compute_output_shape(shape)
  for i = 1, #told - 1 do assert.is_false(told[i]) end
end

describe("any size", function ()
  local small, large = { 2, 7, 6, 3 }, { 1, 9, 12, 3 }
  for _, layer in ipairs {
    layers.Conv2D { 4, 3, strides = 2, padding = "same", activation = "relu" },
    layers.Conv2D { 4, { 3, 2 }, dilation_rate = 2, groups = 1 },
    layers.Conv2DTranspose { 4, 3, strides = 2, padding = "same" },
    layers.Conv2DTranspose { 4, 2, strides = 3, output_padding = { 0, 1 } },
    layers.DepthwiseConv2D { 3, padding = "same", depth_multiplier = 2 },
    layers.SeparableConv2D { 5, 3 },
    layers.MaxPooling2D { 3, strides = 2, padding = "same" },
    layers.AveragePooling2D { 3, strides = 2, padding = "same" },
    layers.ZeroPadding2D { { { 1, 0 }, { 2, 1 } } },
    layers.Cropping2D { { { 1, 0 }, { 2, 1 } } },
    layers.UpSampling2D { { 2, 3 } },
    layers.UpSampling2D { { 2, 3 }, interpolation = "bilinear" },
    layers.UpSampling2D { { 1, 4 }, interpolation = "lanczos3" },
  } do
    it(tostring(layer), function () serves_any_size(layer, 2, small, large) end)
  end
  it("a line", function ()
    serves_any_size(layers.Conv1D { 4, 3, padding = "causal", dilation_rate = 2 }, 1, { 2, 9, 3 },
      { 1, 4, 3 })
    serves_any_size(layers.UpSampling1D(3), 1, { 2, 9, 3 }, { 1, 4, 3 })
    serves_any_size(layers.Cropping1D { { 1, 2 } }, 1, { 2, 9, 3 }, { 1, 4, 3 })
  end)
  it("a volume", function ()
    serves_any_size(layers.Conv3D { 2, 2 }, 3, { 1, 3, 4, 2, 3 }, { 2, 2, 2, 5, 3 })
    serves_any_size(layers.UpSampling3D(2), 3, { 1, 3, 4, 2, 3 }, { 2, 2, 2, 5, 3 })
  end)
end)

describe("UpSampling2D", function ()
  for _, interpolation in ipairs { "bilinear", "bicubic", "lanczos3", "lanczos5" } do
    for _, size in ipairs { { 2, 3 }, { 5, 1 }, { 4, 2 } } do
      local layer = layers.UpSampling2D { size, interpolation = interpolation }
      it(("is a resize: %s %d %d"):format(interpolation, size[1], size[2]), function ()
        local image = k.random.normal { 2, 3, 7, 2 }
        assert.near_all(layer(image),
          ops.image.resize(image, { 3 * size[1], 7 * size[2] }, interpolation), 1e-5)
      end)
    end
  end
end)

-- ---- in a plan --------------------------------------------------------------------------------

describe("a plan", function ()
  for _, layer in ipairs {
    layers.Conv2D { 4, 3, padding = "same", activation = "relu" },
    layers.Conv2D { 80, 3, activation = "tanh" },
    layers.Conv2DTranspose { 4, 3, strides = 2, activation = "relu" },
    layers.DepthwiseConv2D { 3, activation = "relu" },
  } do
    it("may add bias and activation in the step of " .. tostring(layer), function ()
      layer:build { false, false, false, 3 }
      layer.bias:assign(k.random.normal(layer.bias.shape))
      local f = core.trace({ { shape = { false, 9, 8, 3 } } }, function (image)
        return layer(image)
      end)
      local image = k.random.normal { 2, 9, 8, 3 }
      local fused = f(image)
      f:passes "naive"
      assert.near_all(f(image), fused, 0)
    end)
  end

  it("trains a small net of all of them", function ()
    k.set_random_seed(1)
    local model = k.Sequential {
      k.Input { shape = { 12, 12, 1 } },
      layers.Conv2D { 4, 3, activation = "relu", padding = "same" },
      layers.MaxPooling2D(),
      layers.SeparableConv2D { 6, 3, activation = "relu", padding = "same" },
      layers.UpSampling2D(), layers.Conv2DTranspose { 3, 3, strides = 2, padding = "same" },
      layers.AveragePooling2D { 2 }, layers.Cropping2D(1), layers.ZeroPadding2D(1),
      layers.SpatialDropout2D(0.1), layers.GlobalAveragePooling2D(), layers.Dense(1),
    }
    model:compile { optimizer = "adam", loss = "mse" }
    local images = k.random.uniform { 64, 12, 12, 1 }
    local wanted = ops.mean(images, { 1, 2 }) * 3
    local history = model:fit(images, wanted, { epochs = 8, verbose = 0, batch_size = 16 }).history
    assert.is_true(history.loss[8] < history.loss[1])
  end)
end)

-- ---- masks and noise --------------------------------------------------------------------------

describe("GlobalAveragePooling1D", function ()
  it("takes the mask and gives none", function ()
    local line = layers.Masking() { { { 1, 2 }, { 0, 0 }, { 3, 6 } } }
    local y = layers.GlobalAveragePooling1D()(line)
    assert.near_all(y, { { 2, 4 } }, 1e-6)
    assert.is_nil(y.mask)
  end)
end)

describe("SpatialDropout", function ()
  for rank, make in ipairs { layers.SpatialDropout1D, layers.SpatialDropout2D,
    layers.SpatialDropout3D } do
    it(("drops whole channels of rank %d, as many as it says"):format(rank), function ()
      local shape = { 40, 3, 2, 2, 50 }
      for _ = 1, 3 - rank do table.remove(shape, 2) end
      local y = make { 0.3, seed = 3 } (ops.ones(shape), { training = true })
      local flat = ops.reshape(y, { 40, -1, 50 })
      local largest, smallest = ops.max(flat, 1), ops.min(flat, 1)
      assert.near_all(largest, smallest, 0)
      assert.near_all(ops.mean(ops.cast(ops.equal(largest, 0), "float32")):item(), 0.3, 0.05)
      assert.near_all(ops.max(y):item(), 1 / 0.7, 1e-6)
    end)
  end
end)

-- ---- what is refused --------------------------------------------------------------------------

local function refuses(rows)
  for i = 1, #rows, 2 do
    it("says: " .. rows[i], function () assert.error_at_line(rows[i + 1], rows[i]) end)
  end
end

describe("what cannot be", function ()
  local image = ops.ones { 1, 5, 4, 3 }
  refuses {
    "Conv2D: filters=8 do not divide into groups=3",
    function () layers.Conv2D { 8, 3, groups = 3 } end,
    "(Conv2D): 3 channels do not divide into groups=2",
    function () layers.Conv2D { 8, 3, groups = 2 } (image) end,
    "Conv2D: strides above 1 and dilation_rate above 1 exclude each other, got strides={2, 2} "
      .. "and dilation_rate={1, 3}",
    function () layers.Conv2D { 8, 3, strides = 2, dilation_rate = { 1, 3 } } end,
    'Conv2D: padding must be one of "valid", "same", got "causal"',
    function () layers.Conv2D { 8, 3, padding = "causal" } end,
    "Conv1D: kernel_size must be a positive integer or a list of 1, got {3, 3}",
    function () layers.Conv1D { 8, { 3, 3 } } end,
    "(Conv2D): takes an input of rank 4, got shape (1, 5, 4)",
    function () layers.Conv2D { 8, 3 } (ops.ones { 1, 5, 4 }) end,
    "(Conv2D): kernel_size={6, 3} does not fit an input of shape (1, 5, 4, 3)",
    function () layers.Conv2D { 8, { 6, 3 } } (image) end,
    "(Conv1D): kernel_size={3} with dilation_rate={2} does not fit an input of shape (None, 4, 2)",
    function () layers.Conv1D { 8, 3, dilation_rate = 2 } (k.Input { shape = { 4, 2 } }) end,
    "(Conv2D): the number of channels must be known to make the weights, the input is "
      .. "(None, 5, 5, None)",
    function () layers.Conv2D { 8, 3 } (k.Input { shape = { 5, 5, false } }) end,
    "Conv2DTranspose: output_padding must be below strides, got output_padding={2, 2} and "
      .. "strides={2, 2}",
    function () layers.Conv2DTranspose { 8, 3, strides = 2, output_padding = 2 } end,
    "(MaxPooling2D): pool_size={3, 5} does not fit an input of shape (1, 3, 5, 4)",
    function ()
      layers.MaxPooling2D { { 3, 5 }, data_format = "channels_first" } (ops.ones { 1, 3, 5, 4 })
    end,
    "AveragePooling2D: pool_size is missing",
    function () layers.AveragePooling2D() end,
    "(Cropping2D): cropping={{3, 2}, {0, 0}} leaves nothing of an input of shape (1, 5, 4, 3)",
    function () layers.Cropping2D { { { 3, 2 }, { 0, 0 } } } (image) end,
    "Cropping2D: cropping must be a count, 2 of them, or 2 pairs, got {1, 2, 3}",
    function () layers.Cropping2D { { 1, 2, 3 } } end,
    'LocallyConnected1D: padding="same" needs implementation=2 or 3; 1 takes "valid" only',
    function () layers.LocallyConnected1D { 3, 2, padding = "same" } end,
    "(LocallyConnected1D): kernel_size={9} does not fit an input of shape (1, 6, 2)",
    function () layers.LocallyConnected1D { 3, 9 } (ops.ones { 1, 6, 2 }) end,
    "(LocallyConnected1D): every place has its own weights, so the sizes of the input must be "
      .. "known: it has (None, None, 2)",
    function () layers.LocallyConnected1D { 3, 2 } (k.Input { shape = { false, 2 } }) end,
    "UpSampling2D: size must be a positive integer or a list of 2, got 0",
    function () layers.UpSampling2D { 0 } end,
    "SpatialDropout2D: rate must be a number from 0 to 1, got 2",
    function () layers.SpatialDropout2D(2) end,
    'Conv2D: padding must be one of "valid", "same", got "full"',
    function () layers.Conv2D { 64, 3, 3, border_mode = "full" } end,
  }

  it("a size that turns out too small when a plan is made", function ()
    local layer = layers.Conv1D { 2, 3 }
    layer:build { false, false, 2 }
    local f = core.trace({ { shape = { false, false, 2 } } }, function (line)
      return layer(line)
    end)
    assert.error_at_line(function () f(ops.ones { 1, 2, 2 }) end,
      "convolution: the kernel spans 3 cells of axis 1, more than there are: x is (1, 2, 2)")
  end)
end)
