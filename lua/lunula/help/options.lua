-- What the options of compile, fit, evaluate and predict mean.

return {
  optimizer = "how weights follow gradients: \"adam\", k.optimizers.Adam{1e-3}",
  loss = "what is made small: a name, an object, a function (y_true, y_pred); a list or a table "
    .. "by output for several",
  loss_weights = "by what the losses of several outputs are multiplied",
  metrics = "what is measured: a list of names, objects or functions; a table by output",
  weighted_metrics = "metrics that sample_weight and class_weight act on",
  run_eagerly = "whether steps run op by op, not as a plan: for finding faults",
  batch_size = "how many samples a batch has; 32 if not said",
  epochs = "how often all samples are gone through",
  verbose = "0: nothing is shown; 1: a bar; 2: a line an epoch",
  callbacks = "a list of callbacks",
  validation_split = "which part of the samples, the last ones, is kept for validation",
  validation_data = "{x, y} or {x, y, sample_weight}, or a dataset: measured after each epoch",
  shuffle = "whether the order of samples is new in each epoch",
  class_weight = "by what the losses of a class are multiplied, a table by its number",
  sample_weight = "by what the loss of each sample is multiplied",
  initial_epoch = "the epoch it begins with, from 0: for going on",
  steps_per_epoch = "how many batches make an epoch, for data that does not end",
  validation_steps = "how many batches validation takes, for data that does not end",
  validation_batch_size = "how many samples a batch of validation has",
  validation_freq = "after how many epochs there is a validation, or a list of epochs",
  steps = "how many batches are taken, for data that does not end",
  return_dict = "whether the results are a table by name",
}
