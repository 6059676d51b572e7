-- Where None means something else here than in Keras, or nothing is recorded of it, and why:
-- section -> class or op ("*" is any) -> the reason, or parameter -> the reason.

local function because(reason, names, more)
  local list = more or {}
  for name in names:gmatch "%S+" do list[name] = reason end
  return list
end

local abstract = "others are made from it"
local unknown = "Keras's class does not take it, or passes over it"
local unused = "not used in the case, and not checked by Keras; here it is a mistake"
local own_None = "Keras 3 forgets None there; here it is as in other layers"
local accident = "taken by TensorFlow by accident"
local functions = "takes functions; what has a default has None"
local nil_only = "a list or a tensor has no default in a signature but nil"

return {
  layers = {
    ["*"] = because("what a layer of Keras 2 is told: None says nothing", "input_shape "
      .. "batch_input_shape batch_size input_dim input_length input_dtype weights implementation "
      .. "time_major num_constants",
      { join_masks = "Keras has none: how layers of its files did it",
        bounding_box_format = "one of Keras's **kwargs, told when there is one" }),
    CustomScaleLayer = "not exported by Keras 3", LayerScale = "not exported by Keras 3",
    ConvLSTM2DCell = "not exported by Keras 3", DepthwiseConv3D = "Keras has none",
    AugMix = because(unused, "num_chains chain_depth alpha"),
    Equalization = because(unused, "bins"), RandAugment = because(unused, "num_ops"),
    RandomErasing = because(unused, "value_range"), RandomHue = because(unused, "value_range"),
    RandomInvert = because(unused, "value_range"), RandomShear = because(unused, "fill_value"),
    RandomElasticTransform = because(unused, "fill_value value_range"),
    RandomGaussianBlur = because(unused, "value_range"),
    RandomPerspective = because(unused, "fill_value"),
    ActivityRegularization = because(unknown, "activity_regularizer"),
    InputLayer = because(unknown, "trainable"),
    IntegerLookup = because(unknown, "activity_regularizer autocast trainable",
      { vocabulary = "without a vocabulary all is unknown" }),
    StringLookup = because(unknown, "activity_regularizer autocast trainable",
      { vocabulary = "without a vocabulary all is unknown" }),
    TextVectorization = { vocabulary = "without a vocabulary all is unknown" },
    MultiHeadAttention = because(own_None, "kernel_initializer bias_initializer"),
    GroupQueryAttention = because(own_None, "kernel_initializer bias_initializer"),
    BatchNormalization = because(unused, "renorm_momentum"),
    Discretization = because(unused, "epsilon"),
    RandomBrightness = because(unused, "factor"),
    RandomContrast = because(unused, "value_range"),
    RandomCrop = { seed = "Keras draws one and tells it" },
    RandomFlip = because(unused, "mode"),
    RandomRotation = because(unused, "factor fill_value"),
    RandomTranslation = because(unused, "fill_value"),
    RandomZoom = because(unused, "fill_value"),
    Resizing = because(unused, "fill_value"),
    Lambda = { trace = "ours alone" },
  },
  legacy_layers = {
    ["*"] = because("what a layer of Keras 2 is told: None says nothing", "input_shape "
      .. "batch_input_shape batch_size input_dim input_length input_dtype weights implementation "
      .. "num_constants"),
    CuDNNGRU = because(unused, "units", { stateful = "told as false" }),
    CuDNNLSTM = because(unused, "units", { stateful = "told as false" }),
  },
  losses = {
    Loss = abstract, LossFunctionWrapper = abstract,
    BinaryFocalCrossentropy = because(unused, "alpha"),
  },
  metrics = {
    Metric = abstract, MeanMetricWrapper = abstract,
    IoU = because(accident, "sparse_y_true sparse_y_pred", { dtype = "int64 does not compute" }),
    MeanIoU = because(accident, "sparse_y_true sparse_y_pred",
      { dtype = "int64 does not compute" }),
    BinaryIoU = { dtype = "int64 does not compute" },
    OneHotIoU = { dtype = "int64 does not compute" },
    OneHotMeanIoU = { dtype = "int64 does not compute" },
  },
  optimizers = {
    ["*"] = because(unused, "ema_momentum"), Optimizer = abstract,
    LossScaleOptimizer = because("fails in the first step", "initial_scale dynamic_growth_steps"),
    MultiOptimizer = because("fails in the first step", "optimizer_map"),
    OptimizerMap = "no optimizer; Keras asks for its first argument",
  },
  schedules = { LearningRateSchedule = abstract },
  initializers = {}, regularizers = {},
  constraints = { RadialConstraint = "not exported by Keras 3; has no arguments" },
  callbacks = {
    CallbackList = because("Keras checks nothing before training", "callbacks add_history "
      .. "add_progbar model epochs steps"),
    RemoteMonitor = because("Keras checks nothing before training; send is ours", "root path field "
      .. "headers send_as_json send"),
    TensorBoard = because("Keras checks nothing before training", "log_dir histogram_freq "
      .. "write_graph write_images write_steps_per_second update_freq profile_batch "
      .. "embeddings_freq embeddings_metadata"),
    ["*"] = because("Keras checks nothing before training", "monitor mode patience verbose "
      .. "start_from_epoch cooldown min_lr filename separator schedule"),
    LambdaCallback = because("one of Keras's **kwargs", "on_test_begin on_test_end "
      .. "on_test_batch_begin on_test_batch_end on_predict_begin on_predict_end "
      .. "on_predict_batch_begin on_predict_batch_end on_batch_begin on_batch_end"),
  },
  ops = because(functions, "cond switch while_loop fori_loop scan map vectorized_map "
    .. "custom_gradient associative_scan vectorize jvp", because("takes its operands one by one; "
    .. "none can be None",
      "einsum meshgrid vstack get_item", {
      adaptive_average_pool = { data_format = "Keras fails when it is not said" },
      adaptive_max_pool = "not on TensorFlow",
      argpartition = { axis = "any order of what is smaller, and of what is larger, will do" },
      average_pool = because(accident, "pool_size"), max_pool = because(accident, "pool_size"),
      ctc_loss = because(accident, "mask_index"),
      ctc_decode = because(unused, "beam_width top_paths"),
      cast = because(accident, "dtype"), cross = because(accident, "axisc"),
      ["image.extract_patches"] = because(accident, "dilation_rate"),
      ["image.extract_patches_3d"] = because(accident, "dilation_rate"),
      svd = { full_matrices = "the signs of vectors are free: ours are LAPACK's",
        compute_uv = "None is as good as false to an op" },
      istft = { center = "neither true nor false to TensorFlow, which cuts one end" },
      space_to_depth = because(accident, "data_format"),
      depth_to_space = because(accident, "data_format"),
      ["image.resize"] = because(unused, "fill_value"),
      ["image.gaussian_blur"] = because(nil_only, "kernel_size sigma"),
      ["image.elastic_transform"] = { alpha = "noise of another generator" },
      leaky_relu = because(accident, "negative_slope"), unstack = because(accident, "axis"),
      rot90 = because(nil_only, "axes"), select = because(nil_only, "default"),
      tensordot = because(nil_only, "axes"),
      solve_triangular = { lower = "true to TensorFlow; None is as good as false to an op" },
      vander = { increasing = "None is as good as false to an op" },
    })),
}
