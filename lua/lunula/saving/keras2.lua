-- What Keras 2 wrote, in the words of Keras 3: classes and fields that were named otherwise are
-- renamed, defaults that were others are spelled out, and what says nothing today is left out.
--
-- The calls of layers are left as they are; models/deserialize.lua reads both kinds.

local core = require "lunula.core"
local declare = require "lunula.declare"
local json_path = require "lunula.json_path"
local records = require "lunula.models.saved_calls"
local tf_ops = require "lunula.saving.tf_ops"

local keras2 = {}

local None = core.None

-- ---- versions ----------------------------------------------------------------------------------

-- As a number that can be compared: 2.21 is 221. Keras 3 says its modules and no version, null for
-- a class of the user's, which has a registered_name; every other one said its version.
local function version_of(record)
  local version = record.keras_version
  if type(version) == "string" then
    local major, minor = version:match "^(%d+)%.?(%d*)"
    return (tonumber(major) or 2) * 100 + (tonumber(minor) or 0)
  end
  return (record.module ~= nil or record.registered_name ~= nil) and 300 or 200
end

-- ---- configs of classes ------------------------------------------------------------------------

-- Drops fields that only repeat what is always so.
local function drop(config, ...)
  for _, name in ipairs { ... } do config[name] = nil end
end

local function drop_if(config, name, value)
  if config[name] == value then config[name] = nil end
end

local function default(config, name, value)
  if config[name] == nil or config[name] == None then config[name] = value end
end

local function recurrent(config)
  drop(config, "implementation")
  drop_if(config, "time_major", false)
end

-- Before 2.3 the gates were hard.
local function gated(config, version)
  recurrent(config)
  default(config, "recurrent_activation", version < 203 and "hard_sigmoid" or "sigmoid")
end

local function gru(config, version)
  gated(config, version)
  default(config, "reset_after", false)
end

local function conv_lstm(config)
  recurrent(config)
  default(config, "recurrent_activation", "hard_sigmoid")
end

local function without_groups(config) drop_if(config, "groups", 1) end

local function separable(config)
  without_groups(config)
  drop(config, "kernel_initializer", "kernel_regularizer", "kernel_constraint")
end

local function depthwise(config)
  separable(config)
  drop(config, "filters")
end

-- A list of the one axis.
local function batch_normalization(config)
  if type(config.axis) == "table" and #config.axis == 1 then config.axis = config.axis[1] end
  drop(config, "fused")
  for _, name in ipairs { "virtual_batch_size", "adjustment" } do drop_if(config, name, None) end
  drop_if(config, "mode", 0)           -- other modes of Keras 1 took other means
end

-- A function was told by its name, or by its code: [code, defaults, closure].
local function lambda(config)
  local function read(name)
    local kind = config[name .. "_type"]
    local value = config[name]
    if kind == "lambda" or type(value) == "table" and type(value[1]) == "string" then
      config[name] = { class_name = "__lambda__" }
    elseif kind == "function" and type(value) == "string" then
      config[name] = { class_name = "function", config = value }
    end
    drop(config, name .. "_type", name .. "_module")
  end
  read "function"
  read "mask"
  read "output_shape"
  drop(config, "module")
  local shape = config.output_shape
  if type(shape) == "table" and shape.class_name == "__lambda__" then config.output_shape = nil end
end

local function attention(config)
  drop(config, "query_shape", "key_shape", "value_shape", "softmax_robust_masking")
  drop_if(config, "causal", false)
end

-- The type was that of the codes.
local function encoder(config) drop(config, "dtype") end

-- A step counted where all masks let it; today where any does.
local function merging(config) default(config, "join_masks", "all") end

local readers = {
  Add = merging, Average = merging, Concatenate = merging, Maximum = merging, Minimum = merging,
  Multiply = merging, Subtract = merging,
  LSTM = gated, LSTMCell = gated, GRU = gru, GRUCell = gru, SimpleRNN = recurrent,
  SimpleRNNCell = recurrent, RNN = recurrent, Bidirectional = recurrent,
  ConvLSTM1D = conv_lstm, ConvLSTM2D = conv_lstm, ConvLSTM3D = conv_lstm,
  ConvLSTM2DCell = conv_lstm, BatchNormalization = batch_normalization, Lambda = lambda,
  DepthwiseConv1D = depthwise, DepthwiseConv2D = depthwise, SeparableConv1D = separable,
  SeparableConv2D = separable, Conv1DTranspose = without_groups, Conv2DTranspose = without_groups,
  Conv3DTranspose = without_groups, MultiHeadAttention = attention, Attention = attention,
  AdditiveAttention = attention, CategoryEncoding = encoder, Discretization = encoder,
  Hashing = encoder, HashedCrossing = encoder, IntegerLookup = encoder, StringLookup = encoder,
  TextVectorization = encoder,
}

-- ---- names -------------------------------------------------------------------------------------

local renamed = {
  Model = "Functional", Network = "Functional", BatchNormalizationV1 = "BatchNormalization",
  BatchNormalizationV2 = "BatchNormalization", SyncBatchNormalization = "BatchNormalization",
  LSTMV1 = "LSTM", LSTMV2 = "LSTM", GRUV1 = "GRU", GRUV2 = "GRU", Convolution1D = "Conv1D",
  Convolution2D = "Conv2D", Convolution3D = "Conv3D", Deconvolution2D = "Conv2DTranspose",
  Deconvolution3D = "Conv3DTranspose",
}

local function is_record(value)
  return type(value) == "table" and type(value.class_name) == "string"
end

-- The slope of the hard sigmoid was 0.2.
local function activation(value)
  if value == "hard_sigmoid" then
    return { class_name = "hard_sigmoid", config = { slope = 0.2 } }
  end
  return value
end

-- Initializers told their type, which is that of the weight.
local function initializer(value)
  if is_record(value) and type(value.config) == "table" then
    drop(value.config, "dtype", "verify_shape")
  end
  return value
end

local modernise

local function read_entry(entry, version)
  if entry.class_name == "TFOpLambda" or entry.class_name == "SlicingOpLambda" then
    return tf_ops.entry(entry, records.modern_value)
  end
  if not declare.custom_object(entry.class_name) then
    entry.class_name = renamed[entry.class_name] or entry.class_name
    local read, config = readers[entry.class_name], entry.config
    if type(config) == "table" then
      if read then read(config, version) end
      drop(config, "rng_type")
    end
  end
  return entry
end

-- The value with everything inside of it, as a copy. Calls are no configs.
function modernise(value, version)
  if type(value) ~= "table" then return value end
  local copy = setmetatable({}, getmetatable(value))
  for key, inner in pairs(value) do
    local name = type(key) == "string" and key or ""
    if name == "inbound_nodes" then
      copy[key] = inner
    else
      local step = type(key) == "number" and json_path.element(key) or "." .. name
      local read = json_path.at(step, modernise, inner, version)
      if name:find "activation$" then read = activation(read) end
      if name:find "initializer$" then read = initializer(read) end
      copy[key] = read
    end
  end
  if is_record(copy) then return read_entry(copy, version) end
  return copy
end

-- The record of a model as Keras 3 would have written it, whoever wrote it.
function keras2.modernised(record)
  if type(record) ~= "table" then
    core.raise("a model is an object, got %s", declare.show(record))
  end
  local version = version_of(record)
  local copy = {}
  for key, value in pairs(record) do copy[key] = value end
  drop(copy, "keras_version", "backend")
  if version >= 300 then return copy end
  return modernise(copy, version)
end

return keras2
