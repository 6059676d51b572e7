-- What k.help says of the functions that declare classes, and of k.None.

return {
  layer = [[
k.layer "Name" { args =, init =, build =, call =, … }
  declares a class of layers, to be used as k.layers' own are.
  args   the options: { { "units", "positive", required = true }, { "rate", default = 0.5 } }
  init   function (self): the options are fields, self.units; layers inside are made here
  build  function (self, input_shape): weights, self:add_weight { name =, shape = }
  call   function (self, x, …): returns the output. What follows x comes by the name of the
         parameter: training, mask, options (all in one table), or a name of your own, which
         becomes an option of the call: layer(x, { name = value })
  Further hooks: compute_mask, compute_output_shape, get_config, from_config. Functions under
  other names are methods.]],
  model = [[
k.model "Name" { args =, init =, call =, … }
  declares a class of models; init makes its layers, call(self, x, training) puts them together.
  Without both it is made as k.Model is. Like k.layer otherwise. Training:
  train_step, test_step   function (self, data): one batch; returns the logs, a table by name.
         data is x, or what k.utils.unpack_x_y_sample_weight(data) takes apart
  compute_loss, compute_metrics   function (self, x, y, y_pred, sample_weight)
  predict_step, compile, metrics (a function or a list); k.Model.train_step(self, data) and the
  like are the built-in ones.]],
  None = [[
k.None
  Keras's None, where nil would mean that nothing is said: Dense{4, kernel_initializer = k.None}.
  An option that cannot be false may be false for it.]],
  ["utils.PyDataset"] = [[
k.utils.PyDataset "Name" { init =, len =, get_item =, on_epoch_begin =, on_epoch_end =, … }
  declares a class of datasets, for fit, evaluate and predict. Sequence is its old name.
  init      function (self, …): what the class is called with: local d = Name(x, y)
  len       function (self): the number of batches, or nil when they do not end
  get_item  function (self, index): the batch x, y, sample_weight; index counts from 0
  Functions under other names are methods.]],
  ["utils.load_img"] = [[
k.utils.load_img(path, { color_mode = "rgb", target_size =, interpolation = "nearest",
  keep_aspect_ratio = })
  reads a PNG or JPEG as a tensor (height, width, channels) of uint8, by the rock lunula-images.
  color_mode     "rgb", "rgba", "grayscale"
  target_size    {height, width}
  interpolation  nearest, bilinear, bicubic, hamming, box, lanczos]],
  ["utils.save_img"] = [[
k.utils.save_img(path, x, { data_format =, file_format =, scale = true, quality = 75,
  progressive =, compress_level = 6 })
  writes (height, width, channels) as .png or .jpg, by the rock lunula-images. Unless scale is
  false the least number becomes 0 and the greatest 255. quality and progressive are for JPEG,
  compress_level is for PNG.]],
  ["utils.image_dataset_from_directory"] = [[
k.utils.image_dataset_from_directory(directory, { labels = "inferred", label_mode = "int",
  class_names =, color_mode = "rgb", batch_size = 32, image_size = {256, 256}, shuffle = true,
  seed =, validation_split =, subset =, interpolation = "bilinear", follow_links =,
  crop_to_aspect_ratio =, pad_to_aspect_ratio =, data_format =, verbose = true })
  gives a dataset of batches (images, labels) of the PNG and JPEG files in the directory, whose
  folders name the classes; for subset = "both" two. By the rock lunula-images.]],
  ["utils.FeatureSpace"] = [[
k.utils.FeatureSpace { features =, output_mode = "concat", crosses =, crossing_dim = 32,
                       hashing_dim = 32, num_discretization_bins = 32 }
  makes vectors of the columns of a table.
  features  types by name: { age = "float_normalized", city = "string_categorical" }; the types are
            float, float_rescaled, float_normalized, float_discretized, integer_categorical,
            string_categorical, integer_hashed, string_hashed, or with options
            FeatureSpace.float_discretized { num_bins = 5 }, FeatureSpace.feature { … }
  crosses   { { "city", "kind" } }, or FeatureSpace.cross { { "city", "kind" }, 32 }
  space:adapt(columns or dataset), space(columns), space:get_inputs(),
  space:get_encoded_features(), space:save "space.keras" (or .safetensors), FeatureSpace.load(path)
  and k.models.load_model "space.keras"]],
  metric = [[
k.metric "Name" { args =, init =, update_state =, result =, … }
  declares a class of metrics.
  init          function (self): states, self.total = self:add_weight { name =, shape = }
  update_state  function (self, y_true, y_pred, sample_weight): adds samples to the states
  result        function (self): the number, or numbers by name
  reset_state   function (self), where zeros are not what it begins with]],
  loss = [[
k.loss "Name" { args =, call =, … }
  declares a class of losses.
  call  function (self, y_true, y_pred): the loss of each sample; the class weighs and reduces]],
  optimizer = [[
k.optimizer "Name" { args =, learning_rate =, build =, update_step =, … }
  declares a class of optimizers; learning_rate is the default.
  build        function (self, variables): slots,
               self:add_variable_from_reference(variable, "momentum")
  update_step  function (self, gradient, variable, learning_rate): one variable, by self:assign]],
  callback = [[
k.callback "Name" { args =, on_epoch_end =, … }
  declares a class of callbacks; fit(x, y, { callbacks = { { on_epoch_end = f } } }) takes a plain
  table of functions too. self.model is the model.
  on_train_begin, on_train_end            function (self, logs)
  on_epoch_begin, on_epoch_end            function (self, epoch, logs); epoch counts from 0
  on_train_batch_begin, on_train_batch_end  function (self, batch, logs)
  and the same with test and predict for train.]],
}
