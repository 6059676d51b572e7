-- What k.help says of functions, methods and modules: texts, which no declaration holds. Each is
-- { how it is called, what it does }; spec/help_spec.lua sees that none is missing or left over.

local functions = {}

functions.modules = {
  { "layers", "what models are made of: k.layers.Dense { 64, activation = \"relu\" }" },
  { "models", "Sequential, functional and own models; loading, cloning" },
  { "ops", "Keras's operations on tensors, with image, linalg, nn and numpy in it" },
  { "random", "random tensors" },
  { "optimizers", "optimizers, and schedules of learning rates" },
  { "losses", "losses" },
  { "metrics", "metrics" },
  { "activations", "activations" },
  { "initializers", "first values of weights" },
  { "regularizers", "penalties on weights" },
  { "constraints", "what weights may be" },
  { "callbacks", "what watches training" },
  { "data", "pipelines of batches" },
  { "utils", "labels, sequences, pictures, files of arrays, logging" },
  { "datasets", "data that everybody knows, from files that are there" },
  { "saving", "models and weights in files, own classes in them" },
  { "config", "settings" },
  { "backend", "the functions of the old keras.backend" },
  { "preprocessing", "old names of what k.utils has" },
  { "mixed_precision", "the policy of layers, which is float32" },
  { "dtype_policies", "that policy by its names" },
  { "tree", "functions over nested tables" },
  { "distribution", "the same script on many machines, by the rock lunula-mpi" },
}

-- Modules inside these.
functions.inner = {
  { "ops.core", "ops under Keras's module names: loops, conditions, shapes, casts" },
  { "ops.image", "ops on images: (height, width, channels), alone or as a batch" },
  { "ops.linalg", "ops under Keras's module names: decompositions, solving, norms" },
  { "ops.nn", "ops under Keras's module names: activations, convolutions, pools, cross-entropies" },
  { "ops.numpy", "ops under Keras's module names: those of NumPy" },
  { "optimizers.schedules", "learning rates that change with the steps" },
  { "preprocessing.image", "names that stood there in Keras 2: images" },
  { "preprocessing.sequence", "names that stood there in Keras 2: sequences" },
  { "utils.bounding_boxes", "boxes in images: formats, cutting, overlaps" },
  { "datasets.mnist", "digits by hand" },
  { "datasets.fashion_mnist", "clothes, as mnist" },
  { "datasets.cifar10", "small pictures of 10 classes" },
  { "datasets.cifar100", "small pictures of 100 classes" },
  { "datasets.imdb", "reviews of films as numbers of words, with what they mean" },
  { "datasets.reuters", "news as numbers of words, with topics" },
  { "datasets.boston_housing", "prices of houses" },
  { "datasets.california_housing", "prices of houses" },
}

functions.facade = {
  tensor = { "values, { dtype=, shape= }", "A tensor of nested tables or a number; "
    .. "k.tensor(values, \"int32\") too." },
  zeros = { "shape, dtype", "A tensor of zeros: k.zeros { 2, 3 }." },
  ones = { "shape, dtype", "A tensor of ones." },
  full = { "shape, value, dtype", "A tensor of one value." },
  arange = { "start, stop, step", "Numbers in even steps; one number is the stop." },
  frombytes = { "bytes, { dtype=, shape= }", "A tensor of numbers as they lie in memory." },
  is_tensor = { "x", "Is x a tensor or a variable?" },
  Variable = { "value, { shape=, dtype=, trainable=, name= }", "A value that is changed: v:assign, "
    .. "v:assign_add, v:assign_sub; an initializer takes a shape: k.Variable(\"zeros\", {2, 3})." },
  InputSpec = { "{ shape=, ndim=, min_ndim=, max_ndim=, axes=, dtype=, … }", "What a layer may be "
    .. "called on, for its field input_spec." },
  value_and_grad = { "f, variables", "A function that gives f's value, then the gradients of its "
    .. "tensors or of the variables." },
  gradcheck = { "f, inputs", "Compares the gradients of f with small differences." },
  remat = { "f", "f, whose values are computed again for the gradient instead of being kept." },
  set_random_seed = { "seed", "Decides everything random that follows." },
  seed = { "seed", "The same." },
  memory = { "", "Bytes of tensors: now, at most, and the limit, which a C host sets "
    .. "(memory_limit of lunula_config); 0 is none." },
  threads = { "count", "The number of threads; with a number sets it." },
  build_info = { "", "How lunula was built: version, instruction set, library of products." },
  help = { "x", "This." },
}

functions.utils = {
  CustomObjectScope = { "objects, f", "The same as custom_object_scope." },
  Progbar = { "{ target=, verbose=, unit= }", "A progress bar: bar:update(step, logs), "
    .. "bar:add(n, logs)." },
  clear_session = { "", "Names of layers are counted from the beginning again." },
  custom_object_scope = { "objects, f", "Calls f; names in files mean the classes and functions of "
    .. "the table meanwhile." },
  deserialize_keras_object = { "config, { custom_objects= }", "The object of a config." },
  disable_interactive_logging = { "", "No progress is drawn unless verbose asks for it." },
  enable_interactive_logging = { "", "Progress is drawn on a terminal again." },
  is_interactive_logging_enabled = { "", "Is it?" },
  get_custom_objects = { "", "The table of names that files may use." },
  get_registered_name = { "class", "The name it was registered under, \"package>Name\"." },
  get_registered_object = { "name", "The class or function of that name." },
  is_keras_tensor = { "x", "Is x a placeholder, as k.Input makes it?" },
  load_csv = { "path, { header=true, separator=\",\", columns=, dtypes=, missing=, missing_value=, "
    .. "matrix= }", "The columns of a table as tensors by name, and the list of the names. A "
    .. "column of whole numbers is int32; one with fractions, gaps or greater numbers is float32, "
    .. "which holds whole numbers up to 2^24 only: dtypes = { id = \"float64\" } keeps them." },
  load_idx = { "path", "The array of a file as MNIST's own, .gz too, as a tensor." },
  load_npy = { "path", "The array of a .npy file as a tensor, of a .npz file as tensors by name." },
  save_npy = { "path, tensor", "Writes a .npy file." },
  model_to_dot = { "model, { show_shapes=, rankdir=, … }", "The model as a text for Graphviz." },
  plot_model = { "model, path, { show_shapes=, show_dtype=, show_layer_names=, rankdir=, "
    .. "expand_nested=, dpi=, show_layer_activations=, show_trainable= }",
    "Draws the model into a .svg file (or .png, where dot is installed)." },
  plot_history = { "history, path, { metrics= }", "Draws what fit returned, epoch by epoch." },
  plot_images = { "x, path, { cols=, scale=, value_range=, labels= }", "Draws a batch of images." },
  normalize = { "x, axis=-1, order=2", "Vectors of length 1 along the axis." },
  pack_x_y_sample_weight = { "x, y, sample_weight", "A batch as train_step gets it." },
  unpack_x_y_sample_weight = { "data", "x, y and sample_weight of a batch." },
  pad_sequences = { "sequences, { maxlen=, dtype=, padding=, truncating=, value= }",
    "Lists of different lengths as one tensor; padding and truncating are \"pre\" or \"post\"." },
  register_keras_serializable = { "package, name", "A function that registers a class for files: "
    .. "register_keras_serializable \"my\" (Class)." },
  serialize_keras_object = { "object", "The object as a config." },
  set_random_seed = { "seed", "Decides everything random that follows." },
  Sequence = { "name", "The old name of PyDataset." },
  split = { "x, fraction", "The first part of the rows and the rest." },
  standardize_dtype = { "dtype", "The name of a dtype." },
  timeseries_dataset_from_array = { "data, targets, { sequence_length=, sequence_stride=1, "
    .. "sampling_rate=1, batch_size=128, shuffle=false, seed=, start_index=, end_index= }",
    "Windows of a series as batches for fit." },
  array_to_img = { "x, { data_format=, scale=true, dtype= }", "An image of an array." },
  img_to_array = { "image, { data_format=, dtype= }", "The array of an image." },
  text_dataset_from_directory = { "directory, { batch_size=, … }",
    "Texts of folders, one a class, as batches." },
  split_dataset = { "dataset, { left_size=, right_size=, shuffle=, seed= }", "Two parts of one." },
  to_categorical = { "x, num_classes", "Class ids as rows with a 1 at the id." },
}

functions.random = {
  normal = { "shape, { mean=0, stddev=1, dtype=, seed= }", "Numbers of the normal distribution." },
  uniform = { "shape, { minval=0, maxval=1, dtype=, seed= }", "Numbers between two bounds." },
  truncated_normal = { "shape, { mean=0, stddev=1, dtype=, seed= }", "The same as normal, within "
    .. "two deviations." },
  randint = { "shape, minval, maxval, { dtype=, seed= }", "Whole numbers below maxval." },
  bernoulli = { "shape, p=0.5", "Whether chance p came true." },
  categorical = { "logits, num_samples", "Class ids, drawn by their logits." },
  dropout = { "inputs, rate, { noise_shape=, seed= }", "Zeros at that rate, the rest scaled up." },
  shuffle = { "x, axis=0", "The same in another order." },
  gamma = { "shape, alpha", "Numbers of the gamma distribution." },
  beta = { "shape, alpha, beta", "Numbers of the beta distribution." },
  binomial = { "shape, counts, probabilities", "How many of so many trials came true." },
  SeedGenerator = { "seed", "Seeds one after another, for seed=." },
}

functions.models = {
  clone_model = { "model, { input_tensors=, clone_function= }", "The same layers, new weights." },
  load_model = { "path, { custom_objects=, compile= }", "The model of a .keras, .safetensors or .h5"
    .. " file." },
  model_from_json = { "text, custom_objects", "The model of a JSON text, with new weights." },
  save_model = { "model, path, { overwrite=, include_optimizer= }", "The same as model:save." },
}

functions.saving = {
  load_weights = { "model, path, { skip_mismatch=, by_name= }", "The same as model:load_weights." },
  save_weights = { "model, path, { overwrite= }", "The same as model:save_weights." },
  export = { "model, path", "The same as model:export." },
  to_json = { "model", "The same as model:to_json." },
}

functions.data = {
  from = { "x, y", "Rows of tensors, values of a list, or what an iterator gives, one by one." },
  lines = { "paths", "The lines of text files." },
  range = { "first, stop", "Whole numbers." },
  zip = { "a, b", "Pipelines side by side." },
}

functions.tree = {
  assert_same_paths = { "a, b", "Raises where structures differ, and says where." },
  assert_same_structure = { "a, b", "The same." },
  flatten = { "structure", "The leaves of nested tables, as a list." },
  flatten_with_path = { "structure", "A list of { path, leaf }." },
  is_nested = { "x", "Is x a plain table, which has leaves?" },
  lists_to_tuples = { "structure", "A copy; there are no tuples." },
  map_shape_structure = { "f, structure", "What f gives for each shape, in the same structure." },
  map_structure = { "f, …", "What f gives for the leaves of structures that are alike, in their "
    .. "structure." },
  map_structure_up_to = { "shallow, f, …", "The same; where shallow has a leaf, f gets what the "
    .. "others have there." },
  pack_sequence_as = { "structure, flat_sequence", "The values of a list in the structure." },
  traverse = { "f, structure, top_down=true", "What f answers to a part stands in its place; where "
    .. "it answers nil, its parts are asked." },
}

functions.distribution = {
  initialize = { "{ job_addresses=, num_processes=, process_id= }",
    "Joins the processes that mpirun started; alone it does nothing." },
  set_distribution = { "distribution",
    "From now on fit, evaluate and predict share batches out: DataParallel(). nil: no more." },
  distribution = { "", "The one in force, or nil." },
  rank = { "", "The number of this process, from 0." },
  size = { "", "How many processes there are." },
  list_devices = { "device_type", "{ \"cpu:0\", … }, one for each process." },
  get_device_count = { "device_type", "How many there are." },
}

for _, name in ipairs {
  "ModelParallel", "DeviceMesh", "LayoutMap", "TensorLayout", "distribute_tensor",
} do
  functions.distribution[name] = { "", "Not here, and says so: each process has the whole model." }
end

functions.config = {
  backend = { "", "\"lunula\"." },
  dtype_policy = { "", "\"float32\"." },
  disable_interactive_logging = { "", "The same as k.utils.disable_interactive_logging." },
  enable_interactive_logging = { "", "The same as k.utils.enable_interactive_logging." },
  is_interactive_logging_enabled = { "", "Whether progress is drawn on a terminal." },
  set_dtype_policy = { "policy", "Takes \"float32\"." },
  floatx = { "", "\"float32\"." },
  set_floatx = { "dtype", "Takes \"float32\"." },
  epsilon = { "", "The small number that keeps divisions finite." },
  set_epsilon = { "value", "Sets it." },
  image_data_format = { "", "\"channels_last\" or \"channels_first\"." },
  set_image_data_format = { "layout", "Sets it." },
}

-- Methods by the kind of object. Those with a module take the options that it lists.
functions.methods = {
  model = {
    compile = { "{", "Says how the model is trained: optimizer and loss by name or as objects, "
      .. "metrics as a list, or by the name of the output.", module = "lunula.trainers.trainer" },
    fit = { "x, y, {", "Trains on samples and returns the history; x and y are tensors, nested "
      .. "tables, lists or name tables of them, or x is an iterator of batches or a dataset.",
      module = "lunula.trainers.fit" },
    evaluate = { "x, y, {", "Returns the loss and the metrics of samples.",
      module = "lunula.trainers.evaluate" },
    predict = { "x, {", "Returns the outputs for samples.", module = "lunula.trainers.predict" },
    train_on_batch = { "x, y, { sample_weight=, class_weight= }", "One step; gives the results." },
    test_on_batch = { "x, y, { sample_weight= }", "The results of one batch." },
    predict_on_batch = { "x", "The outputs of one batch." },
    summary = { "{ line_length=, positions=, print_fn=, expand_nested=, show_trainable=, "
      .. "layer_range= }", "Prints the layers, their output shapes and parameters." },
    get_layer = { "name or position", "A layer; positions count from 1, -1 is the last." },
    add = { "layer", "One more layer at the end of a Sequential." },
    pop = { "", "Takes the last layer of a Sequential away, returns it." },
    save = { "path, { overwrite=, include_optimizer= }", "Writes the model into a .keras, "
      .. ".safetensors or .h5 file." },
    save_weights = { "path, { overwrite= }", "Writes the weights only." },
    load_weights = { "path, { skip_mismatch=, by_name= }", "Reads the weights of a file." },
    export = { "path", "Writes what predicts, and no more, into a .safetensors file." },
    to_json = { "", "The model without weights as a JSON text." },
    reset_metrics = { "", "The metrics begin anew." },
    train_step = { "data", "One step of fit; a class of models may have its own." },
    compute_loss = { "{ x=, y=, y_pred=, sample_weight= }", "The loss of a batch." },
    compute_metrics = { "x, y, y_pred, sample_weight", "The logs of a batch, a table by name; a "
      .. "class of models may have its own." },
    test_step = { "data", "One batch of evaluate; a class of models may have its own." },
    predict_step = { "data", "The outputs of one batch; a class of models may have its own." },
    get_compile_config = { "", "What compile was given, as plain data." },
    compile_from_config = { "config", "Compiles by what get_compile_config gave." },
    get_metrics_result = { "", "The metrics as they are now, a table by name." },
  },
  layer = {
    add_weight = { "{ name=, shape=, initializer=, dtype=, trainable=, regularizer=, constraint= }",
      "A weight of the layer, made in init or build." },
    add_loss = { "loss", "A loss of the layer, beside that of compile." },
    build = { "input_shape", "Makes the weights." },
    count_params = { "", "The number of numbers in the weights." },
    get_weights = { "", "The values of the weights, in their order." },
    set_weights = { "values", "Gives the weights their values." },
    get_config = { "", "The options as plain data." },
    compute_output_shape = { "input_shape", "The shape of the output." },
    add_variable = { "{ name=, shape=, initializer=, … }", "The same as add_weight." },
    call = { "x, …", "Computes the output; layers are called as layer(x)." },
    compute_mask = { "inputs, mask", "The mask of the output." },
    from_config = { "config", "One of what get_config gave: Class.from_config(config)." },
  },
  variable = {
    assign = { "x", "Gives it a value." }, assign_add = { "x", "Adds x to it." },
    assign_sub = { "x", "Subtracts x from it." },
  },
  tensor = {
    totable = { "", "The numbers as nested tables." }, item = { "", "The only number." },
    numpy = { "", "The value as a tensor; there is no NumPy." },
    get = { "i, j, …", "One number, by positions from 1." },
    set = { "i, j, …, value", "Changes one number." }, tobytes = { "", "The numbers as bytes." },
  },
  optimizer = {
    apply = { "gradients, variables", "One step along the gradients." },
    apply_gradients = { "{ { gradient, variable }, … }", "The same; two lists will do, too." },
    add_variable = { "name, shape, initial", "A variable of its own." },
    assign = { "variable, value", "Sets a variable." },
    assign_add = { "variable, value", "Adds to a variable." },
    assign_sub = { "variable, value", "Subtracts from a variable." },
  },
  callback = {
    on_train_begin = { "logs", "fit begins." },
    on_train_end = { "logs", "fit ends; logs are those of the last epoch." },
    on_epoch_begin = { "epoch, logs", "An epoch of fit begins; epochs count from 0." },
    on_epoch_end = { "epoch, logs", "An epoch of fit ends; logs has its loss and metrics by name, "
      .. "those of validation as val_loss." },
    on_train_batch_begin = { "batch, logs", "A batch of fit begins; batches count from 0." },
    on_train_batch_end = { "batch, logs", "A batch of fit ends; logs has the loss and the metrics "
      .. "of the epoch so far." },
    on_batch_begin = { "batch, logs", "The old name of on_train_batch_begin." },
    on_batch_end = { "batch, logs", "The old name of on_train_batch_end." },
    on_test_begin = { "logs", "evaluate begins, or the validation of fit." },
    on_test_end = { "logs", "evaluate ends, or the validation of fit." },
    on_test_batch_begin = { "batch, logs", "A batch of evaluate begins." },
    on_test_batch_end = { "batch, logs", "A batch of evaluate ends." },
    on_predict_begin = { "logs", "predict begins." },
    on_predict_end = { "logs", "predict ends." },
    on_predict_batch_begin = { "batch, logs", "A batch of predict begins." },
    on_predict_batch_end = { "batch, logs", "A batch of predict ends; logs has its outputs." },
    set_model = { "model", "Is told the model that is trained." },
    set_params = { "params", "Is told the epochs, steps and verbosity of the run." },
  },
  py_dataset = {
    on_epoch_begin = { "", "An epoch begins; a dataset may have its own." },
    on_epoch_end = { "", "An epoch has ended: here a dataset may shuffle its rows." },
  },
  feature_space = {
    float = { "{ name= }", "A column of numbers, as it is." },
    float_rescaled = { "{ scale=, offset=, name= }", "Numbers times scale, plus offset." },
    float_normalized = { "{ name= }", "Numbers less their mean, by their deviation; both come from "
      .. "adapt." },
    float_discretized = { "{ num_bins=, bin_boundaries=, name=, output_mode= }",
      "Numbers by the bin they fall into, as one_hot rows or as \"int\"." },
    integer_categorical = { "{ max_tokens=, num_oov_indices=, name=, output_mode= }",
      "Whole numbers that name categories; adapt learns which there are." },
    string_categorical = { "{ max_tokens=, num_oov_indices=, name=, output_mode= }",
      "Strings that name categories; adapt learns which there are." },
    integer_hashed = { "{ num_bins=, name=, output_mode= }",
      "Whole numbers, of which a hash makes num_bins categories." },
    string_hashed = { "{ num_bins=, name=, output_mode= }",
      "Strings, of which a hash makes num_bins categories." },
  },
  loss = {
    call = { "y_true, y_pred", "The losses of the samples; the loss is called as a function." },
  },
  metric = {
    update_state = { "y_true, y_pred, sample_weight", "Adds samples." },
    result = { "", "The result so far, a tensor." }, reset_state = { "", "Forgets all." },
  },
}

-- The modules whose functions stand above.
functions.of_modules = { "utils", "models", "saving", "data", "config", "random", "tree",
  "distribution" }

return functions
