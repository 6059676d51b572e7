-- The fields of objects, by the kind of object: the type, and a line. k.help, the manual and
-- editors say them. Fields that a class declares as options stand there; methods stand in
-- functions.lua. spec/editor_spec.lua sees that these are live ones.

local variables, tensor = "lunula.Variable[]", "lunula.Tensor"

return {
  tensor = {
    shape = { "lunula.Shape", "The sizes: #shape, shape[1], shape[-1]; prints as (None, 3)." },
    dtype = { "string", "The type of the numbers, as \"float32\"." },
    ndim = { "integer", "The number of axes." },
    size = { "integer", "How many numbers there are." },
  },
  variable = {
    name = { "string", "The name, as \"kernel\"." },
    path = { "string", "The name with those of its owners, as \"dense/kernel\"." },
    trainable = { "boolean", "Whether training changes it." },
    value = { tensor, "The value now." },
    constraint = { "any", "What the optimizer keeps it to." },
    regularizer = { "any", "The penalty on it." },
  },
  placeholder = {
    name = { "string", "What it is called." },
    shape = { "lunula.Shape", "Its shape; false is an unknown size." },
    dtype = { "string", "Its type." },
    ndim = { "integer", "The number of axes." },
    rank = { "integer", "The number of axes." },
  },
  layer = {
    name = { "string", "The name, \"dense_1\" where none was said." },
    path = { "string", "The name with those of the layers around it." },
    built = { "boolean", "Whether the weights are made." },
    trainable = { "boolean", "Whether training changes the weights." },
    weights = { variables, "All weights." },
    variables = { variables, "All variables, with those of seeds and metrics." },
    trainable_weights = { variables, "The weights that training changes." },
    trainable_variables = { variables, "The same." },
    non_trainable_weights = { variables, "The weights that training leaves alone." },
    non_trainable_variables = { variables, "The same, with those of seeds and metrics." },
    metrics = { "lunula.Metric[]", "The metrics inside." },
    metrics_variables = { variables, "The states of the metrics inside." },
    losses = { "lunula.Tensor[]", "The penalties, and what add_loss was given." },
    input = { "lunula.Tensor|table", "The placeholder it was called with." },
    output = { "lunula.Tensor|table", "What that call gave." },
    input_shape = { "lunula.Shape", "The shape of the input." },
    output_shape = { "lunula.Shape", "The shape of the output." },
    input_mask = { "lunula.Tensor?", "The mask of the input." },
    output_mask = { "lunula.Tensor?", "The mask of the output." },
    input_spec = { "any", "What the inputs must be like." },
    dtype = { "string", "\"float32\"." },
    compute_dtype = { "string", "The type it computes in." },
    variable_dtype = { "string", "The type of its weights." },
    input_dtype = { "string", "The type its inputs are cast to." },
    supports_masking = { "boolean", "Whether a mask goes through." },
  },
  model = {
    layers = { "lunula.Layer[]", "The layers in their order; positions count from 1." },
    inputs = { "lunula.Tensor[]", "The placeholders." },
    outputs = { "lunula.Tensor[]", "The outputs." },
    optimizer = { "lunula.Optimizer", "What compile was given." },
    loss = { "any", "What compile was given." },
    history = { "table", "What the last fit returned: history.history.loss[1]." },
    metrics_names = { "string[]", "The names of what evaluate returns." },
    run_eagerly = { "boolean", "Whether steps run op by op, without a plan." },
    stop_training = { "boolean", "A callback sets it to end fit." },
  },
  optimizer = {
    learning_rate = { "number|lunula.Variable|lunula.Schedule", "The rate, which may be set." },
    iterations = { "integer", "How many steps were made." },
    variables = { variables, "The variables of the optimizer." },
  },
  metric = {
    name = { "string", "The name in logs." },
    dtype = { "string", "\"float32\"." },
    variables = { variables, "The states." },
  },
  loss = {
    name = { "string", "The name." },
    dtype = { "string", "\"float32\"." },
    reduction = { "string", "How the losses of a batch become one." },
  },
  dense = { kernel = { "lunula.Variable", "The weights (inputs, units), once it is built." } },
  einsum_dense = { kernel = { "lunula.Variable", "The weights, once it is built." } },
  conv2d = { kernel = { "lunula.Variable", "The weights (height, width, channels / groups, "
    .. "filters), once it is built." } },
  embedding = { embeddings = { "lunula.Variable", "The rows (input_dim, output_dim), once it is "
    .. "built." } },
  multi_head_attention = {
    query_dense = { "lunula.Layer", "The layer that makes the heads of the query." },
    key_dense = { "lunula.Layer", "The layer that makes the heads of the key." },
    value_dense = { "lunula.Layer", "The layer that makes the heads of the value." },
    output_dense = { "lunula.Layer", "The layer that makes the output of all heads." },
  },
  multi_optimizer = {
    optimizers = { "lunula.Optimizer[]", "The optimizers that variables have, each once." },
  },
  callback = {
    model = { "lunula.Model", "The model that is trained." },
    params = { "table", "The epochs, steps and verbosity of the run." },
  },
}
