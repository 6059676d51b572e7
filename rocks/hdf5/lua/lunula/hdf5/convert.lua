-- Weights as older Kerases kept them, as they are kept today: kernels of Keras 1 and of Theano,
-- gates of Keras 1 one by one, and the layout of cuDNN's recurrent layers.

local core = require "lunula.core"
local declare = require "lunula.declare"
local ops = require "lunula.ops"

local convert = {}

local function same_shape(a, b)
  if #a ~= #b then return false end
  for i, size in ipairs(a) do
    if b[i] ~= size then return false end
  end
  return true
end

-- The list with another first element.
local function with_first(list, first)
  local new = table.move(list, 1, #list, 1, {})
  new[1] = first
  return new
end

-- ---- Keras 1 -----------------------------------------------------------------------------------

-- Weights of single gates, in this order of places in the list, side by side.
local function gates_together(list, order)
  local new = {}
  for part = 0, 2 do
    local blocks = {}
    for i, gate in ipairs(order) do blocks[i] = list[3 * gate + part + 1] end
    new[part + 1] = ops.concatenate(blocks, -1)
  end
  return new
end

local channels_first_axes = {
  Conv2D = { 2, 3, 1, 0 }, Conv3D = { 2, 3, 4, 1, 0 }, Conv2DTranspose = { 2, 3, 0, 1 },
}

local function old_conv1d(layer, list)
  local kernel = list[1]
  local shape = kernel.shape
  if #shape ~= 4 then return list end
  if shape[1] == layer.filters and shape[4] == 1 then
    kernel = ops.transpose(kernel, { 2, 3, 1, 0 })
  end
  return with_first(list, ops.squeeze(kernel, 1))
end

local function old_conv(layer, list, name)
  local axes = layer.data_format == "channels_first" and channels_first_axes[name]
    or name == "Conv2DTranspose" and { 0, 1, 3, 2 }
  return axes and with_first(list, ops.transpose(list[1], axes)) or list
end

local function old_conv_lstm(layer, list)
  if #list ~= 12 then return list end
  local new = gates_together(list, { 0, 2, 1, 3 })
  if layer.data_format == "channels_first" then
    for i = 1, 2 do new[i] = ops.transpose(new[i], { 2, 3, 1, 0 }) end
  end
  return new
end

local of_keras1 = {
  Conv1D = old_conv1d, Conv2D = old_conv, Conv3D = old_conv, Conv2DTranspose = old_conv,
  ConvLSTM2D = old_conv_lstm,
  GRU = function (_, list) return #list == 9 and gates_together(list, { 0, 1, 2 }) or list end,
  LSTM = function (_, list)       -- i, c, f, o
    return #list == 12 and gates_together(list, { 0, 2, 1, 3 }) or list
  end,
}

-- ---- convolutions ------------------------------------------------------------------------------

local conv_names = {
  Conv1D = true, Conv2D = true, Conv3D = true, Conv2DTranspose = true, ConvLSTM2D = true,
}

local function flipped(kernel)
  local axes = {}
  for i = 1, kernel.rank - 2 do axes[i] = i - 1 end
  return ops.flip(kernel, axes)
end

-- Theano turned kernels round; some files have the filters in front.
local function of_conv(layer, list, name, backend)
  local variable = layer.weights[1]
  if backend == "theano" then
    list = with_first(list, flipped(list[1]))
    if name == "ConvLSTM2D" then list[2] = flipped(list[2]) end
  end
  if variable and list[1].rank == 4 and not same_shape(variable.shape, list[1].shape) then
    list = with_first(list, ops.transpose(list[1], { 3, 2, 0, 1 }))
    if name == "ConvLSTM2D" then list[2] = ops.transpose(list[2], { 3, 2, 0, 1 }) end
  end
  return list
end

-- ---- cuDNN -------------------------------------------------------------------------------------

local function each_gate(kernel, count, change)
  local blocks = { ops.split(kernel, count, -1) }
  for i, block in ipairs(blocks) do blocks[i] = change(block) end
  return ops.concatenate(blocks, -1)
end

-- cuDNN keeps the transpose, under the shape of the original.
local function from_cudnn(block)
  local shape = block.shape
  return ops.transpose(ops.reshape(block, { shape[2], shape[1] }))
end

local function to_cudnn(block)
  local shape = block.shape
  return ops.reshape(ops.transpose(block), { shape[1], shape[2] })
end

local function kernels(list, count, change)
  return each_gate(list[1], count, change), each_gate(list[2], count, ops.transpose)
end

local function of_lstm(_, list, name)
  if #list ~= 3 then return list end
  local units, size = list[2].shape[1], list[3].size
  if name == "LSTM" and size == 8 * units then
    local kernel, recurrent = kernels(list, 4, from_cudnn)
    local first, second = ops.split(list[3], 2, 0)
    return { kernel, recurrent, first + second }
  elseif name == "CuDNNLSTM" and size == 4 * units then
    local kernel, recurrent = kernels(list, 4, to_cudnn)
    return { kernel, recurrent, ops.concatenate({ list[3] * 0.5, list[3] * 0.5 }, 0) }
  end
  return list
end

local function of_gru(layer, list, name)
  if #list ~= 3 then return list end
  local units, bias = list[2].shape[1], list[3]
  local is_flat = bias.rank == 1 and bias.size == 6 * units
  if name == "GRU" and layer.reset_after and is_flat then
    local kernel, recurrent = kernels(list, 3, from_cudnn)
    return { kernel, recurrent, ops.reshape(bias, { 2, 3 * units }) }
  elseif name == "CuDNNGRU" and bias.rank == 2 then
    local kernel, recurrent = kernels(list, 3, to_cudnn)
    return { kernel, recurrent, ops.reshape(bias, { 6 * units }) }
  end
  return list
end

local of_gates = { LSTM = of_lstm, CuDNNLSTM = of_lstm, GRU = of_gru, CuDNNGRU = of_gru }

-- ---- layers with layers inside -----------------------------------------------------------------

local function slice(list, first, count)
  return table.move(list, first, first + count - 1, 1, {})
end

local function append(list, more)
  return table.move(more, 1, #more, #list + 1, list)
end

local function of_bidirectional(layer, list, from)
  local half = #list // 2
  return append(convert.weights(layer.forward_layer, slice(list, 1, half), from),
    convert.weights(layer.backward_layer, slice(list, half + 1, #list - half), from))
end

-- Trainable weights of all layers come first, then the others.
local function of_model(model, list, from)
  local first, second, trainable, others = 1, #model.trainable_weights + 1, {}, {}
  for _, layer in ipairs(model.layers) do
    local n, m = #layer.trainable_weights, #layer.non_trainable_weights
    if n + m > 0 then
      local own = append(slice(list, first, n), slice(list, second, m))
      local new = convert.weights(layer, own, from)
      append(trainable, slice(new, 1, n))
      append(others, slice(new, n + 1, m))
      first, second = first + n, second + m
    end
  end
  append(trainable, slice(list, first, #model.trainable_weights + 1 - first))
  return append(append(trainable, others), slice(list, second, #list + 1 - second))
end

-- ---- all of it ---------------------------------------------------------------------------------

-- The weights of a layer of today. from: {version = "1" or a later one, backend = a name or nil}.
function convert.weights(layer, list, from)
  local name = declare.class_of(layer).name
  if name == "Bidirectional" then
    list = of_bidirectional(layer, list, from)
  elseif name == "TimeDistributed" then
    list = convert.weights(layer.layer, list, from)
  elseif layer.get_layer and #list == #layer.weights then
    list = of_model(layer, list, from)
  end
  if #list == 0 then return list end
  if from.version == "1" and of_keras1[name] then list = of_keras1[name](layer, list, name) end
  if conv_names[name] then list = of_conv(layer, list, name, from.backend) end
  return of_gates[name] and of_gates[name](layer, list, name) or list
end

-- Numbers that conversions can take.
function convert.readable(tensor)
  return tensor.dtype == "float64" and core.ops.cast(tensor, "float32") or tensor
end

return convert
