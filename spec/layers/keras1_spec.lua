-- The options of Keras 1 are those of today by another name.

local k = require "lunula"
local layers = k.layers

-- { class, options of Keras 1, the same today }
local cases = {
  { "Dense", { output_dim = 3, init = "he_normal", W_regularizer = "l2", b_regularizer = "l1",
    W_constraint = "non_neg", b_constraint = "max_norm", bias = true },
    { 3, kernel_initializer = "he_normal", kernel_regularizer = "l2", bias_regularizer = "l1",
      kernel_constraint = "non_neg", bias_constraint = "max_norm" } },
  { "Dense", { 3, bias = false }, { 3, use_bias = false } },
  { "Embedding", { 5, 4, init = "zeros", W_regularizer = "l2", W_constraint = "non_neg" },
    { 5, 4, embeddings_initializer = "zeros", embeddings_regularizer = "l2",
      embeddings_constraint = "non_neg" } },
  { "Conv1D", { nb_filter = 2, filter_length = 3, subsample_length = 2, border_mode = "same",
    init = "ones", W_regularizer = "l2", b_regularizer = "l1", bias = false },
    { 2, 3, 2, "same", kernel_initializer = "ones", kernel_regularizer = "l2",
      bias_regularizer = "l1", use_bias = false } },
  { "Conv1D", { 2, 3, atrous_rate = 2 }, { 2, 3, dilation_rate = 2 } },
  { "Conv2D", { 64, 3, 3, border_mode = "same" }, { 64, { 3, 3 }, padding = "same" } },
  { "Convolution2D", { 8, 3, 5, subsample = { 2, 2 }, init = "he_normal", activation = "relu" },
    { 8, { 3, 5 }, strides = { 2, 2 }, kernel_initializer = "he_normal", activation = "relu" } },
  { "Conv2D", { nb_filter = 8, nb_row = 2, nb_col = 3, dim_ordering = "th" },
    { 8, { 2, 3 }, data_format = "channels_first" } },
  { "Conv2D", { 8, nb_row = 2, nb_col = 3, dim_ordering = "tf" },
    { 8, { 2, 3 }, data_format = "channels_last" } },
  { "Conv2D", { 8, 3, W_constraint = "max_norm" }, { 8, 3, kernel_constraint = "max_norm" } },
  { "Conv2D", { 8, { 3, 2 }, 1, border_mode = "same" }, { 8, { 3, 2 }, 1, "same" } },
  { "Conv2D", { 8, 3, 2 }, { 8, 3, strides = 2 } },
  { "Conv3D", { 4, 2, 3, 4, border_mode = "same" }, { 4, { 2, 3, 4 }, padding = "same" } },
  { "Conv3D", { 4, kernel_dim1 = 1, kernel_dim2 = 2, kernel_dim3 = 3, subsample = { 1, 2, 1 } },
    { 4, { 1, 2, 3 }, { 1, 2, 1 } } },
  { "Conv2DTranspose", { 4, 3, 3, border_mode = "same", subsample = { 2, 2 } },
    { 4, { 3, 3 }, { 2, 2 }, "same" } },
  { "SeparableConv2D", { 4, 3, 3, border_mode = "same", bias = false },
    { 4, { 3, 3 }, padding = "same", use_bias = false } },
  { "LocallyConnected1D", { nb_filter = 2, filter_length = 3, subsample_length = 2 }, { 2, 3, 2 } },
  { "LocallyConnected2D", { 2, 3, 3, subsample = { 1, 1 }, b_regularizer = "l2" },
    { 2, { 3, 3 }, { 1, 1 }, bias_regularizer = "l2" } },
  { "MaxPooling1D", { pool_length = 3, stride = 2, border_mode = "same" }, { 3, 2, "same" } },
  { "AveragePooling1D", { pool_length = 3 }, { 3 } },
  { "MaxPooling2D", { { 2, 2 }, border_mode = "same", dim_ordering = "th" },
    { { 2, 2 }, padding = "same", data_format = "channels_first" } },
  { "AveragePooling3D", { 2, border_mode = "same" }, { 2, padding = "same" } },
  { "GlobalMaxPooling2D", { dim_ordering = "th" }, { data_format = "channels_first" } },
  { "ZeroPadding2D", { { 1, 1 }, dim_ordering = "th" }, { 1, data_format = "channels_first" } },
  { "UpSampling1D", { length = 3 }, { 3 } },
  { "UpSampling2D", { dim_ordering = "tf" }, {} },
  { "LSTM", { output_dim = 4, init = "ones", inner_init = "zeros", inner_activation = "sigmoid",
    forget_bias_init = "zero", W_regularizer = "l2", U_regularizer = "l1", b_regularizer = "l2",
    dropout_W = 0.25, dropout_U = 0.5, consume_less = "gpu" },
    { 4, kernel_initializer = "ones", recurrent_initializer = "zeros",
      recurrent_activation = "sigmoid", unit_forget_bias = false, kernel_regularizer = "l2",
      recurrent_regularizer = "l1", bias_regularizer = "l2", dropout = 0.25,
      recurrent_dropout = 0.5 } },
  { "GRU", { 4, inner_activation = "hard_sigmoid" }, { 4, recurrent_activation = "hard_sigmoid" } },
  { "SimpleRNN", { output_dim = 4, init = "ones", dropout_W = 0.5 },
    { 4, kernel_initializer = "ones", dropout = 0.5 } },
  { "ConvLSTM2D", { nb_filter = 2, kernel_size = 3, border_mode = "same", inner_init = "zeros" },
    { 2, 3, padding = "same", recurrent_initializer = "zeros" } },
  { "BatchNormalization", { beta_init = "ones", gamma_init = "zeros" },
    { beta_initializer = "ones", gamma_initializer = "zeros" } },
  { "Dropout", { p = 0.5 }, { 0.5 } }, { "GaussianDropout", { p = 0.5 }, { 0.5 } },
  { "SpatialDropout2D", { p = 0.5, dim_ordering = "th" },
    { 0.5, data_format = "channels_first" } },
  { "GaussianNoise", { sigma = 0.5 }, { 0.5 } },
}

local function config_of(layer)
  local config = layer:get_config()
  config.name = nil
  return config
end

describe("the options of Keras 1", function ()
  for i, case in ipairs(cases) do
    it(("are those of today: %s, %d"):format(case[1], i), function ()
      local class = layers[case[1]]
      assert.same(config_of(class(case[3])), config_of(class(case[2])))
    end)
  end

  it("stand in configs too", function ()
    local conv = layers.Conv2D.from_config {
      nb_filter = 8, nb_row = 2, nb_col = 3, border_mode = "same", subsample = { 1, 1 },
      dim_ordering = "th", init = "he_normal",
    }
    assert.same(config_of(layers.Conv2D { 8, { 2, 3 }, padding = "same",
      data_format = "channels_first", kernel_initializer = "he_normal" }), config_of(conv))
  end)

  it("build the model of the Keras 1 picture, and train it", function ()
    local model = k.Sequential {
      layers.Convolution2D { 4, 3, 3, border_mode = "same", input_shape = { 3, 8, 8 },
        dim_ordering = "th" },
      layers.Activation "relu", layers.MaxPooling2D { pool_size = { 2, 2 }, dim_ordering = "th" },
      layers.Dropout(0.25), layers.Flatten(), layers.Dense { output_dim = 2, init = "uniform" },
    }
    assert.same({ false, 4, 8, 8 }, model.layers[1].output_shape)
    model:compile { optimizer = k.optimizers.SGD { lr = 0.01 }, loss = "mse" }
    local history = model:fit(k.ones { 4, 3, 8, 8 }, k.zeros { 4, 2 },
      { nb_epoch = 3, verbose = 0 })
    assert.equal(3, #history.epoch)
  end)

  it("are refused where they say too little, or too much", function ()
    assert.error_at_line(function () layers.Conv2D { 8, nb_row = 3 } end,
      "Conv2D: nb_row, nb_col go together, in place of kernel_size")
    assert.error_at_line(function ()
      layers.Conv2D { 8, kernel_size = 3, nb_row = 3, nb_col = 3 }
    end, "go together")
    assert.error_at_line(function () layers.Conv2D { 8, 3, nb_row = 3, nb_col = 3 } end,
      "Conv2D: kernel_size is given twice")
    assert.error_at_line(function () layers.Dense { 3, output_dim = 4 } end,
      "Dense: units is given twice")
    assert.error_at_line(function () layers.Conv2D { 8, 3, dim_ordering = "xy" } end,
      'Conv2D: data_format must be one of "channels_last", "channels_first", got "xy"')
    assert.error_at_line(function () layers.DepthwiseConv2D { 3, border_mode = "same" } end,
      'unknown option "border_mode"')
    assert.error_at_line(function () layers.Dense { 3, unit = 4 } end, '(did you mean "units"?)')
    local model = k.Sequential { layers.Dense(1) }
    model:compile {}
    assert.error_at_line(function ()
      model:fit(k.ones { 1, 1 }, k.ones { 1, 1 }, { epochs = 1, nb_epoch = 2 })
    end, "fit: epochs is given twice")
  end)

  it("are not options of the user's own layers", function ()
    local Own = k.layer "Conv1D" {
      args = { { "padding", "string" } }, call = function (_, x) return x end,
    }
    local ok, problem = pcall(function () return Own { border_mode = "same" } end)
    require "lunula.declare".registry("layer").Conv1D = layers.Conv1D
    assert.is_false(ok)
    assert.truthy(problem:find('unknown option "border_mode"', 1, true))
  end)
end)
