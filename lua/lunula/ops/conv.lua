-- Convolutions and pooling as Keras's ops, written with windows: the cells under each window side
-- by side (patches), then a matrix product, a maximum or a mean. Images are (batch, 1 to 3 spatial
-- axes, channels); channels_first is a transpose on the way in and out.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.op

-- ---- layouts and options ----------------------------------------------------------------------

-- One number or a list, as a list of `rank` numbers.
local function spread(name, option, value, rank)
  if type(value) == "number" then return tools.fill(rank, value) end
  if #value ~= rank then
    core.raise("%s: %s has %d numbers for %d spatial axes", name, option, #value, rank)
  end
  return value
end

local function channels_last(x)
  return ops.moveaxis(x, 1, -1)
end

local function channels_first(x)
  return ops.moveaxis(x, -1, 1)
end

-- x with channels last, and how to give the result its layout back.
local function laid_out(name, x, data_format)
  if x.rank < 3 or x.rank > 5 then
    core.raise("%s: inputs have a batch, 1 to 3 spatial axes and channels: they are %s", name,
      tools.shape_text(x.shape))
  end
  if config.layout(data_format) == "channels_last" then return x, function (y) return y end end
  return channels_last(x), channels_first
end

local function is_same(name, padding)
  padding = padding:lower()
  if padding ~= "same" and padding ~= "valid" then
    core.raise("%s: padding must be \"valid\" or \"same\", got \"%s\"", name, padding)
  end
  return padding == "same"
end

-- ---- convolution ------------------------------------------------------------------------------

local function kernel_sizes(name, kernel, x)
  if kernel.rank ~= x.rank then
    core.raise("%s: kernel has rank %d, inputs %d: kernel is %s, inputs are %s", name, kernel.rank,
      x.rank, tools.shape_text(kernel.shape), tools.shape_text(x.shape))
  end
  return kernel.shape
end

-- The parts of an axis that belong to the groups, each treated alike, side by side again.
local function by_groups(patches, kernel, cells, channels, groups)
  local filters = kernel.shape[kernel.rank] // groups
  local sizes = tools.sizes(patches)
  -- (b, out..., cells, groups, channels / groups) -> (groups, b, out..., cells * channels / groups)
  local target = table.move(sizes, 1, #sizes - 1, 1, {})
  target[#sizes], target[#sizes + 1], target[#sizes + 2] = cells, groups, channels // groups
  local split = ops.moveaxis(ops.reshape(patches, target), -2, 0)
  sizes = tools.sizes(split)
  table.remove(sizes)
  sizes[#sizes] = cells * (channels // groups)
  local x = ops.reshape(split, sizes)
  local w = ops.reshape(kernel, { cells * (channels // groups), groups, filters })
  w = ops.transpose(w, { 1, 0, 2 })
  local parts, many = {}, { ops.unstack(x, groups, 0) }
  for i, part in ipairs { ops.unstack(w, groups, 0) } do parts[i] = ops.matmul(many[i], part) end
  return ops.concatenate(parts, -1)
end

op("conv", "inputs, kernel, strides:axes=1, padding:str=\"valid\", data_format:str=nil, "
  .. "dilation_rate:axes=1",
  "The product of each window with the kernel (sizes..., channels / groups, filters).",
  function (inputs, kernel, strides, padding, data_format, dilation_rate)
    local x, back = laid_out("conv", inputs, data_format)
    local rank, shape = x.rank - 2, kernel_sizes("conv", kernel, x)
    local channels = tools.known_size("conv", x, x.rank - 1)
    local groups = channels // math.max(shape[rank + 1], 1)
    if groups * shape[rank + 1] ~= channels or groups == 0 or shape[rank + 2] % groups ~= 0 then
      core.raise("conv: %d channels and %d filters do not fit a kernel of shape %s", channels,
        shape[rank + 2], tools.shape_text(shape))
    end
    local size, cells = table.move(shape, 1, rank, 1, {}), 1
    for _, n in ipairs(size) do cells = cells * n end
    local patches = ops.patches(x, size, spread("conv", "strides", strides, rank),
      spread("conv", "dilation_rate", dilation_rate, rank), is_same("conv", padding))
    if groups > 1 then return back(by_groups(patches, kernel, cells, channels, groups)) end
    return back(ops.matmul(patches, ops.reshape(kernel, { cells * channels, shape[rank + 2] })))
  end)

op("depthwise_conv", "inputs, kernel, strides:axes=1, padding:str=\"valid\", "
  .. "data_format:str=nil, dilation_rate:axes=1",
  "Each channel with its own kernels (sizes..., channels, multiplier).",
  function (inputs, kernel, strides, padding, data_format, dilation_rate)
    local x, back = laid_out("depthwise_conv", inputs, data_format)
    local rank, shape = x.rank - 2, kernel_sizes("depthwise_conv", kernel, x)
    local channels, times = shape[rank + 1], shape[rank + 2]
    if tools.known_size("depthwise_conv", x, x.rank - 1) ~= channels then
      core.raise("depthwise_conv: inputs are %s, kernel is %s: the channels differ",
        tools.shape_text(x.shape), tools.shape_text(shape))
    end
    local size, cells = table.move(shape, 1, rank, 1, {}), 1
    for _, n in ipairs(size) do cells = cells * n end
    local patches = ops.patches(x, size, spread("depthwise_conv", "strides", strides, rank),
      spread("depthwise_conv", "dilation_rate", dilation_rate, rank),
      is_same("depthwise_conv", padding))
    -- (b, out..., cells, channels, 1) . (cells, channels, times), summed over the cells
    local target = tools.sizes(patches)
    local last = #target
    target[last], target[last + 1], target[last + 2] = cells, channels, 1
    local w = ops.reshape(kernel, { cells, channels, times })
    local y = ops.sum(ops.reshape(patches, target) * w, last - 1)
    local merged = tools.sizes(y)
    table.remove(merged)
    merged[#merged] = channels * times
    return back(ops.reshape(y, merged))
  end)

op("separable_conv", "inputs, depthwise_kernel, pointwise_kernel, strides:axes=1, "
  .. "padding:str=\"valid\", data_format:str=nil, dilation_rate:axes=1",
  "depthwise_conv, then conv with a kernel of size 1.",
  function (inputs, depthwise_kernel, pointwise_kernel, strides, padding, data_format, dilation)
    local y = ops.depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation)
    return ops.conv(y, pointwise_kernel, 1, "valid", data_format)
  end)

-- Of one axis: how much of the full scatter to cut at the start, and the size that remains.
local function transposed_span(n, size, stride, dilation, same, output_padding)
  local reach = (size - 1) * dilation + 1
  if not same then
    return 0, (n - 1) * stride + reach + (output_padding or math.max(reach, stride) - reach)
  end
  local out = output_padding and (n - 1) * stride + reach % 2 + output_padding or n * stride
  local total = output_padding and reach + reach % 2 - 2 + output_padding or stride + reach - 2
  local left = math.min((total + 1) // 2, reach - 1)
  return reach - 1 - left, out
end

op("conv_transpose", "inputs, kernel, strides:axes=1, padding:str=\"valid\", "
  .. "output_padding:axes=nil, data_format:str=nil, dilation_rate:axes=1",
  "Each input cell times the kernel (sizes..., filters, channels), added up where they overlap.",
  function (inputs, kernel, strides, padding, output_padding, data_format, dilation_rate)
    local name = "conv_transpose"
    local x, back = laid_out(name, inputs, data_format)
    local rank, shape = x.rank - 2, kernel_sizes(name, kernel, x)
    local filters, channels, same = shape[rank + 1], shape[rank + 2], is_same(name, padding)
    local size, cells = table.move(shape, 1, rank, 1, {}), 1
    for _, n in ipairs(size) do cells = cells * n end
    strides = spread(name, "strides", strides, rank)
    dilation_rate = spread(name, "dilation_rate", dilation_rate, rank)
    output_padding = output_padding and spread(name, "output_padding", output_padding, rank)

    -- (b, in..., channels) . (channels, cells * filters), folded over an image that holds it all
    local w = ops.transpose(ops.reshape(kernel, { cells * filters, channels }))
    local patches = ops.matmul(x, w)
    local target, others, before, after = { -2 }, {}, {}, {}
    for i = 1, rank do
      local n = tools.known_size(name, x, i)
      local full = (n - 1) * strides[i] + (size[i] - 1) * dilation_rate[i] + 1
      local cut, out = transposed_span(n, size[i], strides[i], dilation_rate[i], same,
        output_padding and output_padding[i])
      target[i + 1], others[i] = out, i
      before[i], after[i] = cut, math.max(full - cut - out, 0)
    end
    target[rank + 2], others[rank + 1] = filters, rank + 1
    local image = ops.broadcast_to(ops.sum(x, others, true), target)
    return back(ops.fold_patches(patches, image, size, strides, dilation_rate, false, before,
      after))
  end)

-- ---- pooling ----------------------------------------------------------------------------------

-- The cells under each window as an axis before the channels.
local function windows(name, inputs, pool_size, strides, padding, value)
  local rank = inputs.rank - 2
  local size = spread(name, "pool_size", pool_size, rank)
  local cells = 1
  for _, n in ipairs(size) do cells = cells * n end
  strides = spread(name, "strides", strides or pool_size, rank)
  local patches = ops.patches(inputs, size, strides, nil, is_same(name, padding), nil, nil, value)
  local target = tools.sizes(patches)
  local last = #target
  target[last], target[last + 1] = cells, tools.known_size(name, inputs, inputs.rank - 1)
  return ops.reshape(patches, target), last - 1
end

op("max_pool", "inputs, pool_size:axes, strides:axes=nil, padding:str=\"valid\", "
  .. "data_format:str=nil", "The largest cell under each window.",
  function (inputs, pool_size, strides, padding, data_format)
    local x, back = laid_out("max_pool", inputs, data_format)
    local cells, axis = windows("max_pool", x, pool_size, strides, padding, -math.huge)
    return back(ops.max(cells, axis))
  end)

op("average_pool", "inputs, pool_size:axes, strides:axes=nil, padding:str=\"valid\", "
  .. "data_format:str=nil", "The mean of the cells under each window; padding does not count.",
  function (inputs, pool_size, strides, padding, data_format)
    local x, back = laid_out("average_pool", inputs, data_format)
    local cells, axis = windows("average_pool", x, pool_size, strides, padding, 0)
    if not is_same("average_pool", padding) then return back(ops.mean(cells, axis)) end
    local real = windows("average_pool", ops.ones_like(x), pool_size, strides, padding, 0)
    return back(ops.sum(cells, axis) / ops.sum(real, axis))
  end)
