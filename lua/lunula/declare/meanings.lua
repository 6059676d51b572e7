-- What an argument means, in a few words: what its declaration says, and where that says nothing
-- what an argument of its name means in all classes of its kind.

local meanings = {}

-- kind of class -> name of the argument -> its meaning
local shared = {
  layer = {
    name = "what it is called, in summaries, files and errors; made from the class if not said",
    trainable = "whether training changes its weights",
    dtype = "the policy: layers compute in float32",
    autocast = "whether inputs of other floats are cast to its compute type",
    activity_regularizer = "a penalty on the outputs, added to the loss",
    weights = "values that the weights begin with, as get_weights gives them",
    activation = "the function applied to the result, by name or as a function; None: none",
    recurrent_activation = "the function of the gates",
    use_bias = "whether a bias is added",
    units = "how many outputs there are, the size of the last axis",
    filters = "how many channels come out",
    kernel_size = "the sizes of the window; one number is for every axis",
    pool_size = "the sizes of the window; one number is for every axis",
    strides = "how far the window goes on at each step; one number is for every axis",
    padding = "valid: windows lie inside the input; same: zeros around it, so that with stride 1 "
      .. "the sizes stay; causal (of one axis): zeros before it",
    dilation_rate = "how far the places of a window lie apart",
    output_padding = "what is added to the sizes of the output",
    groups = "into how many groups the channels are divided, each with kernels of its own",
    depth_multiplier = "how many channels each channel becomes in the depthwise step",
    data_format = "channels_last: (batch, sizes…, channels); channels_first: "
      .. "(batch, channels, sizes…)",
    keepdims = "whether the axes that are reduced stay, with size 1",
    output_size = "the sizes that come out",
    seed = "a number, or a SeedGenerator: the same random numbers at each run of the program",
    dropout = "which part of the inputs is set to 0 in training",
    recurrent_dropout = "which part of the state is set to 0 in training",
    rate = "which part of the values is dropped in training",
    noise_shape = "the shape of the mask; where it has 1 all values share a fate",
    return_sequences = "whether the outputs of all steps are returned, or those of the last one",
    return_state = "whether the last state is returned too, as further values",
    go_backwards = "whether the steps are taken from the last to the first",
    stateful = "whether a batch begins with the state in which the one before it ended",
    unroll = "as in Keras; the numbers are the same",
    unit_forget_bias = "whether the bias of the forget gate begins with 1",
    reset_after = "whether the reset gate acts behind the product, as in cuDNN",
    zero_output_for_mask = "whether steps that are masked give 0, or the output before them",
    num_constants = "how many constants follow the states in the call",
    implementation = "as in Keras; the numbers are the same",
    use_cudnn = "as in Keras; the numbers are the same",
    axis = "the axis, or axes, it works on; -1 is the last",
    epsilon = "a small number added so that nothing is divided by 0",
    momentum = "how much of the old moving averages stays at each step",
    center = "whether beta is added",
    scale = "whether the result is multiplied by gamma",
    renorm = "as in Keras",
    synchronized = "whether ranks that share a batch take its moments, not their part's",
    value_range = "the least and the greatest value that images have",
    factor = "how strongly it acts: a number, or the two ends of an interval",
    interpolation = "how values between pixels are found: nearest, bilinear …",
    fill_mode = "what lies outside the picture: constant, nearest, reflect, wrap",
    fill_value = "the value outside the picture, for fill_mode constant",
    height = "the height of the output", width = "the width of the output",
    height_factor = "how far vertically: a part of the height, or two ends of an interval",
    width_factor = "how far horizontally: a part of the width, or two ends of an interval",
    sparse = "as in Keras; results are dense here", ragged = "as in Keras; tensors are dense here",
    output_mode = "what comes out: int, one_hot, multi_hot, count, tf_idf",
    layer = "the layer inside", cell = "the cell that makes one step, or a list of them",
    cells = "the cells, the first one below",
    alpha = "the slope, or the strength of the effect",
    negative_slope = "the slope of negative values",
    max_value = "the greatest value that comes out", threshold = "what lies below becomes 0",
    size = "by how much each axis is enlarged", cropping = "how much is cut off at each side",
    vocabulary = "the words in their order, or the path of a file with one a line",
    vocabulary_size = "the number of words, where a file gives them",
    max_tokens = "the greatest number of words, with those for padding and unknown ones",
    num_oov_indices = "how many numbers unknown words share",
    oov_token = "the word that unknown ones become when numbers are made words",
    mask_token = "the word that stands for padding", idf_weights = "the weights of tf_idf",
    invert = "whether it goes back: from results to inputs",
    pad_to_max_tokens = "whether the last axis has max_tokens places though there are fewer words",
    encoding = "utf-8 is the only one", salt = "a number or two that change the hash",
    num_bins = "how many bins there are", mask_value = "the value that stands for padding",
    output_dim = "the size of a vector",
    mask_zero = "whether 0 is padding, which later layers skip",
    use_scale = "whether the scores are multiplied by a trained number",
    use_gate = "whether a trained gate is put before the output",
    flash_attention = "attention always goes by blocks",
    sliding_window = "how many places before it a query sees",
    l1 = "the weight of the sum of absolute values", l2 = "the weight of the sum of squares",
    join_masks = "how the masks of the inputs become one",
    layers = "the layers, as a list or one after the other",
    num_ops = "how many changes are made to each picture",
    mode = "in which direction: horizontal, vertical, horizontal_and_vertical",
    crop_to_aspect_ratio = "whether what is too long is cut off, so that nothing is stretched",
    pad_to_aspect_ratio = "whether what is too short is filled up, so that nothing is stretched",
    antialias = "whether pixels are averaged when the picture becomes smaller",
    brightness_factor = "how much brighter or darker, as RandomBrightness's factor",
    contrast_factor = "how much more or less contrast, as RandomContrast's factor",
    saturation_factor = "how much more or less colour, as RandomSaturation's factor",
    hue_factor = "how far colours are turned, as RandomHue's factor",
    bounding_box_format = "how boxes are written, where there are any: xyxy, center_xywh …",
    sigma = "how wide the blur is, in pixels: a number, or the two ends of an interval",
    x_factor = "how far rows are pushed: a part of the width, or two ends of an interval",
    y_factor = "how far columns are pushed: a part of the height, or two ends of an interval",
    fft_length = "over how many samples each transform goes",
    sequence_stride = "how many samples lie between the beginnings of windows",
    sequence_length = "how many samples a window has; None: fft_length",
    window = "the form of the windows, by name or as numbers; None: all samples count alike",
    periodic = "whether the window is one period of its form",
    scaling = "what windows are divided by: density, spectrum, None",
    frame_length = "how many samples a window has",
    frame_step = "how many samples lie between the beginnings of windows",
    expand_dims = "whether the result has a last axis of size 1, as images have",
    sampling_rate = "how many samples a second has", num_mel_bins = "how many bins there are",
    min_freq = "the least frequency", max_freq = "the greatest; None: half the sampling rate",
    power_to_db = "whether the result is in decibels",
    top_db = "how many decibels below the greatest value the least one lies",
    mag_exp = "the power that magnitudes are taken to", ref_power = "the power that is 0 decibels",
    min_power = "the least power", oov_method = "how unknown ones share their numbers",
    vocabulary_dtype = "the type of the vocabulary",
    optional = "whether the input may be None",
    shape = "the shape of one sample, without the batch; false is an unknown size",
    batch_shape = "the shape with the batch in front",
    batch_size = "the size of the batch, where it is known",
  },
  optimizer = {
    name = "what it is called, in files", learning_rate = "the size of a step: a number, or a "
      .. "schedule", epsilon = "a small number added so that nothing is divided by 0",
    weight_decay = "what part of each weight is taken off at a step, times the learning rate",
    clipnorm = "the greatest norm of each gradient; longer ones are shortened",
    clipvalue = "the greatest absolute value in a gradient; greater ones are cut",
    global_clipnorm = "the greatest norm of all gradients together",
    use_ema = "whether moving averages of the weights are kept",
    ema_momentum = "how much of the averages stays at a step",
    ema_overwrite_frequency = "after how many steps the averages become the weights; "
      .. "None: at the end of fit",
    loss_scale_factor = "by what the loss is multiplied before gradients are taken, and they are "
      .. "divided after that",
    gradient_accumulation_steps = "the gradients of how many batches make one step",
    beta_1 = "how much of the mean of gradients stays at a step",
    beta_2 = "how much of the mean of their squares stays at a step",
    amsgrad = "whether the greatest mean of squares so far divides, in place of the last",
    momentum = "how much of the last step goes into the next",
    nesterov = "whether the gradient is taken ahead, as Nesterov does",
    rho = "how much of the mean of squares stays at a step",
    centered = "whether gradients are divided by their deviation in place of their square",
    initial_accumulator_value = "what the sums of squares begin with",
  },
  schedule = {
    name = "what it is called",
    initial_learning_rate = "the rate at step 0",
    decay_steps = "over how many steps it falls", decay_rate = "by what it is multiplied in them",
    staircase = "whether it falls at once after decay_steps, and not at each step",
    alpha = "the least rate, as a part of the first",
    first_decay_steps = "how many steps the first period has",
    t_mul = "how much longer each period is than the one before",
    m_mul = "how much lower each period begins than the one before",
    warmup_target = "the rate that warming up ends with",
    warmup_steps = "how many steps warming up takes",
    end_learning_rate = "the rate at the end", power = "the power of the polynomial",
    cycle = "whether it begins again behind decay_steps",
    boundaries = "the steps at which the rate changes",
    values = "the rates, one more than there are boundaries",
  },
  loss = {
    name = "what it is called", dtype = "the type it computes in",
    reduction = "how the losses of samples become one number: sum_over_batch_size (the mean), "
      .. "sum, mean, mean_with_sample_weight, None",
    axis = "the axis of the classes, or of the vectors",
    from_logits = "whether predictions are logits; else they are probabilities",
    label_smoothing = "how far targets are moved towards being all alike, from 0 to 1",
    alpha = "the weight of a class", gamma = "how little what is easy counts",
    ignore_class = "the class whose samples do not count", delta = "where the square ends and "
      .. "the line begins", fn = "the function (y_true, y_pred)",
    apply_class_balancing = "whether alpha weighs the classes",
  },
  metric = {
    name = "what it is called in logs and in history", dtype = "the type it computes in",
    axis = "the axis of the classes, or of the vectors",
    thresholds = "above what a prediction counts as positive; several give a result each",
    threshold = "above what a prediction counts as positive",
    num_thresholds = "how many thresholds are tried", top_k = "how many of the best classes count",
    k = "how many of the best classes count", class_id = "the class that is looked at; "
      .. "None: all", ignore_class = "the class whose samples do not count",
    num_classes = "how many classes there are",
    from_logits = "whether predictions are logits; else they are probabilities",
    target_class_ids = "the classes that are looked at",
    label_smoothing = "how far targets are moved towards being all alike, from 0 to 1",
    sparse_y_true = "whether targets are numbers of classes; else one-hot",
    sparse_y_pred = "whether predictions are numbers of classes; else one value a class",
    recall = "the recall that must be reached", precision = "the precision that must be reached",
    specificity = "the specificity that must be reached",
    sensitivity = "the sensitivity that must be reached",
    beta = "how much more recall counts than precision",
    class_aggregation = "how the scores of classes become one",
    num_regressors = "how many inputs the model has, for the adjusted score; 0: the plain one",
    from_sorted_ids = "whether predictions are ids, the best first; else one score a class",
    average = "how the values of classes become one: micro, macro, weighted, None",
    fn = "the function (y_true, y_pred)",
  },
  callback = {
    verbose = "0: says nothing; 1: says what it does",
    monitor = "the number that is watched, by its name in the logs",
    mode = "whether less or more of it is better: min, max, or auto: from its name",
    patience = "for how many epochs there may be no progress",
    min_delta = "what change counts as progress",
    save_freq = "epoch, or after how many batches",
    callbacks = "a list of callbacks", model = "the model that they watch",
    add_history = "whether a History is among them", add_progbar = "whether a bar is shown",
    epochs = "how many epochs there are", steps = "how many steps an epoch has",
    write_images = "not supported", profile_batch = "not supported",
    embeddings_freq = "not supported", embeddings_metadata = "not supported",
    write_steps_per_second = "whether the number of steps a second is written",
  },
  initializer = {
    seed = "a number: the same values at each run of the program",
    mean = "the mean", stddev = "the standard deviation",
    gain = "by what the values are multiplied",
    minval = "the least value", maxval = "the greatest value", value = "the value",
    scale = "by what the variance is multiplied",
    mode = "by what it is divided: fan_in, fan_out, fan_avg",
    distribution = "truncated_normal, untruncated_normal, uniform",
    side = "real or imag: cosines or sines", scaling = "what windows are divided by",
    window = "the form of the windows, by name or as numbers",
    periodic = "whether the window is one period of its form",
    input_axes = "the axes that count as inputs", output_axes = "the axes that count as outputs",
  },
  regularizer = {
    l1 = "the weight of the sum of absolute values", l2 = "the weight of the sum of squares",
    factor = "the weight of the penalty", mode = "rows or columns are to be orthogonal",
  },
  constraint = {
    axis = "the axes that a norm goes over: 0 for a Dense kernel, {0, 1, 2} for a Conv2D kernel",
    max_value = "the greatest norm", min_value = "the least norm",
    rate = "how far norms are moved towards the interval, from 0 to 1",
  },
}

-- What names end in tells what they mean of the weight in front.
local endings = {
  _initializer = "what %s begins with", _regularizer = "a penalty on %s, added to the loss",
  _constraint = "what %s is made to be after each step",
}

-- Weights that are called by half of their name there.
local kernels = {
  recurrent = "recurrent kernel", depthwise = "depthwise kernel", pointwise = "pointwise kernel",
}

-- A hook given as an option: "on_epoch_end" is called at the end of an epoch.
local function of_hook(class, name)
  local what, when = name:match "^on_(.+)_(%l+)$"
  if class.kind ~= "callback" or not what then return nil end
  return ("the function called at the %s of a %s"):format(when == "begin" and "beginning" or when,
    (what:gsub("_", " ")))
end

-- The meaning of an argument of a class, or nil.
function meanings.of(class, arg)
  if arg.doc then return arg.doc end
  local told = (shared[class.kind] or {})[arg.name]
  if told then return told end
  local hook = of_hook(class, arg.name)
  if hook then return hook end
  local weight, ending = arg.name:match "^(.+)(_%l+)$"
  if endings[ending] then
    return endings[ending]:format("the " .. (kernels[weight] or weight:gsub("_", " ")))
  end
end

return meanings
