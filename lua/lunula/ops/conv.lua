-- Convolutions and pooling under Keras's names, over the rows of C, which know images (batch, 1 to
-- 3 spatial axes, channels). channels_first is a transpose on the way in and out.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.family "nn"

-- ---- layouts and options ----------------------------------------------------------------------

-- One number or a list, as a list of `rank` numbers.
local function spread(name, option, value, rank)
  if type(value) == "number" then return tools.fill(rank, value) end
  if #value ~= rank then
    core.raise("%s: %s has %d numbers for %d spatial axes", name, option, #value, rank)
  end
  return value
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
  return ops.moveaxis(x, 1, -1), channels_first
end

local function is_same(name, padding)
  padding = padding:lower()
  if padding ~= "same" and padding ~= "valid" then
    core.raise("%s: padding must be \"valid\" or \"same\", got \"%s\"", name, padding)
  end
  return padding == "same"
end

-- ---- convolution ------------------------------------------------------------------------------

local function check_kernel(name, kernel, x)
  if kernel.rank == x.rank then return end
  core.raise("%s: kernel has rank %d, inputs %d: kernel is %s, inputs are %s", name, kernel.rank,
    x.rank, tools.shape_text(kernel.shape), tools.shape_text(x.shape))
end

-- The channels make groups, as many as the kernel's channels go into them.
local function check_groups(name, x, kernel)
  local rank = x.rank
  local channels, per_group, filters = x.shape[rank], kernel.shape[rank - 1], kernel.shape[rank]
  if not (channels and per_group and filters)
    or per_group > 0 and channels % per_group == 0 and channels >= per_group
    and filters % (channels // per_group) == 0 then
    return
  end
  core.raise("%s: %d channels and %d filters do not fit a kernel of shape %s", name, channels,
    filters, tools.shape_text(kernel.shape))
end

-- Whole numbers stay exact: the cells under each window as a row, times the kernel as a matrix, one
-- group after another.
local function convolve_whole(name, x, kernel, ...)
  local last, size = x.rank - 1, kernel.shape
  local filters, per_group = table.remove(size), table.remove(size)
  local groups = tools.known_size(name, x, last) // per_group
  local parts = {}
  for group = 0, groups - 1 do
    local rows = ops.patches(tools.part(x, last, group * per_group, per_group), size, ...)
    local part = tools.part(kernel, last, group * filters // groups, filters // groups)
    parts[group + 1] = ops.matmul(rows, ops.reshape(part, { -1, filters // groups }))
  end
  return tools.joined(parts, last)
end

local function convolve(name, x, kernel, strides, padding, dilation_rate)
  local rank = x.rank - 2
  check_groups(name, x, kernel)
  strides = spread(name, "strides", strides or 1, rank)
  dilation_rate = spread(name, "dilation_rate", dilation_rate or 1, rank)
  if tools.is_float(x) or tools.is_float(kernel) then
    return ops.convolution(x, kernel, strides, dilation_rate, is_same(name, padding))
  end
  return convolve_whole(name, x, kernel, strides, dilation_rate, is_same(name, padding))
end

op("conv", "inputs, kernel, strides:axes?=1, padding:str=\"valid\", data_format:str=nil, "
  .. "dilation_rate:axes?=1",
  "The product of each window with the kernel (sizes..., channels / groups, filters).",
  function (inputs, kernel, strides, padding, data_format, dilation_rate)
    local x, back = laid_out("conv", inputs, data_format)
    check_kernel("conv", kernel, x)
    return back(convolve("conv", x, kernel, strides, padding, dilation_rate))
  end)

-- Every channel is a group, so the kernel (sizes..., channels, times) is one of a single channel
-- and channels * times filters.
op("depthwise_conv", "inputs, kernel, strides:axes=1, padding:str=\"valid\", "
  .. "data_format:str=nil, dilation_rate:axes?=1",
  "Each channel with its own kernels (sizes..., channels, multiplier).",
  function (inputs, kernel, strides, padding, data_format, dilation_rate)
    local name = "depthwise_conv"
    local x, back = laid_out(name, inputs, data_format)
    check_kernel(name, kernel, x)
    local shape, rank = kernel.shape, kernel.rank
    local channels, own = x.shape[rank], shape[rank - 1]
    if channels and own and channels ~= own then
      core.raise("%s: inputs are %s, kernel is %s: the channels differ", name,
        tools.shape_text(x.shape), tools.shape_text(shape))
    end
    x = tools.with_size(x, rank - 1, own or tools.size(kernel, rank - 2))
    kernel = tools.with_size(kernel, rank - 2, tools.size(x, rank - 1))
    local sizes = tools.sizes(kernel)
    sizes[rank - 1], sizes[rank] = 1, tools.size(kernel, rank - 2) * tools.size(kernel, rank - 1)
    return back(convolve(name, x, ops.reshape(kernel, sizes), strides, padding, dilation_rate))
  end)

op("separable_conv", "inputs, depthwise_kernel, pointwise_kernel, strides:axes=1, "
  .. "padding:str=\"valid\", data_format:str=nil, dilation_rate:axes?=1",
  "depthwise_conv, then conv with a kernel of size 1.",
  function (inputs, depthwise_kernel, pointwise_kernel, strides, padding, data_format, dilation)
    local y = ops.depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation)
    return ops.conv(y, pointwise_kernel, 1, "valid", data_format)
  end)

-- Along one axis: cells of the full sum that are cut off before and after, and cells after it that
-- nothing reaches. Keras's rule; none of them depends on the size of the image.
local function transposed_span(size, stride, dilation, same, output_padding)
  local reach = (size - 1) * dilation + 1
  if not same then return 0, 0, output_padding or math.max(reach, stride) - reach end
  local total = output_padding and reach + reach % 2 - 2 + output_padding or stride + reach - 2
  local kept = output_padding and reach % 2 + output_padding or stride
  local before = reach - 1 - math.min((total + 1) // 2, reach - 1)
  local after = reach - before - kept
  return before, math.max(after, 0), math.max(-after, 0)
end

-- Of whole numbers: the cells set apart by the strides, under a convolution with the kernel turned
-- round; of its full length `before` and `after` are cut off, `extra` is added.
local function transpose_whole(name, x, kernel, strides, dilation, before, after, extra)
  local rank, shape = x.rank - 2, kernel.shape
  local low, high, between = { 0 }, { 0 }, { 0 }
  for i = 1, rank do
    local reach = (shape[i] - 1) * dilation[i]
    low[i + 1], high[i + 1] = reach - before[i], reach - after[i] + extra[i]
    between[i + 1] = strides[i] - 1
  end
  low[rank + 2], high[rank + 2], between[rank + 2] = 0, 0, 0
  local turned = kernel
  for axis = 0, rank - 1 do turned = ops.flip(turned, axis) end
  turned = ops.swapaxes(turned, -1, -2)
  return convolve_whole(name, ops.pad_with(x, low, high, between), turned, tools.fill(rank, 1),
    dilation)
end

op("conv_transpose", "inputs, kernel, strides:axes=1, padding:str=\"valid\", "
  .. "output_padding:axes=nil, data_format:str=nil, dilation_rate:axes=1",
  "Each input cell times the kernel (sizes..., filters, channels), added up where they overlap.",
  function (inputs, kernel, strides, padding, output_padding, data_format, dilation_rate)
    local name = "conv_transpose"
    local x, back = laid_out(name, inputs, data_format)
    check_kernel(name, kernel, x)
    local rank, shape, same = x.rank - 2, kernel.shape, is_same(name, padding)
    strides = spread(name, "strides", strides, rank)
    dilation_rate = spread(name, "dilation_rate", dilation_rate, rank)
    output_padding = output_padding and spread(name, "output_padding", output_padding, rank)
    local before, after, extra = {}, {}, {}
    for i = 1, rank do
      if not shape[i] then
        core.raise("%s: the kernel's size along spatial axis %d must be known: kernel is %s", name,
          i, tools.shape_text(shape))
      end
      local padded = output_padding and output_padding[i]
      if padded and (padded < 0 or padded >= strides[i]) then
        core.raise("%s: output_padding must be from 0 to below strides, got %d for a stride of %d",
          name, padded, strides[i])
      end
      before[i], after[i], extra[i] =
        transposed_span(shape[i], strides[i], dilation_rate[i], same, padded)
    end
    if not (tools.is_float(x) or tools.is_float(kernel)) then
      return back(transpose_whole(name, x, kernel, strides, dilation_rate, before, after, extra))
    end
    return back(ops.transposed_convolution(x, kernel, strides, dilation_rate, before, after, extra))
  end)

-- ---- pooling ----------------------------------------------------------------------------------

local function pool(name, row, inputs, pool_size, strides, padding, data_format)
  local x, back = laid_out(name, inputs, data_format)
  local rank = x.rank - 2
  local size = spread(name, "pool_size", pool_size, rank)
  return back(row(x, size, spread(name, "strides", strides or pool_size, rank), nil,
    is_same(name, padding)))
end

local pooling = "inputs, pool_size:axes, strides:axes=nil, padding:str=\"valid\", "
  .. "data_format:str=nil"

op("max_pool", pooling, "The largest cell under each window.",
  function (inputs, pool_size, strides, padding, data_format)
    return pool("max_pool", ops.max_windows, inputs, pool_size, strides, padding, data_format)
  end)

op("average_pool", pooling, "The mean of the cells under each window; padding does not count.",
  function (inputs, pool_size, strides, padding, data_format)
    return pool("average_pool", ops.mean_windows, inputs, pool_size, strides, padding, data_format)
  end)

-- ---- adaptive pooling -------------------------------------------------------------------------

local most_windows <const> = 1000000

-- Window i of `out` over n cells: cells from floor(i n / out) up to ceil((i + 1) n / out).
local function adaptive_window(i, n, out)
  return i * n // out, ((i + 1) * n + out - 1) // out
end

-- For a number of cells that is known when it runs: (out, n), whether a cell lies in a window, and
-- how many cells each window has.
local function adaptive_windows(n, out)
  local i, cell = ops.arange(out), ops.expand_dims(tools.positions(n), 0)
  local first, last = i * n // out, ((i + 1) * n + (out - 1)) // out
  local lies = ops.less_equal(ops.expand_dims(first, 1), cell)
    & ops.less(cell, ops.expand_dims(last, 1))
  return lies, ops.expand_dims(last - first, 1)
end

-- The largest along one axis in each of those windows.
local function adaptive_open_max(x, axis, out)
  local lies = adaptive_windows(tools.size(x, axis), out)
  x = ops.expand_dims(ops.moveaxis(x, axis, -1), x.rank - 1)
  return ops.moveaxis(ops.max(ops.where(lies, x, -math.huge), -1), -1, axis)
end

-- A whole number of cells for each window: an ordinary pool. Elsewhere one axis at a time: the
-- cells of its windows side by side, the last ones repeated where a window is shorter.
local function adaptive_axis(x, axis, out, pool_windows)
  local n = x.shape[axis + 1]
  local size, strides = tools.fill(x.rank - 2, 1), tools.fill(x.rank - 2, 1)
  if n % out == 0 then
    size[axis], strides[axis] = n // out, n // out
    return pool_windows(x, size, strides)
  end
  local longest = 0
  for i = 0, out - 1 do
    local first, last = adaptive_window(i, n, out)
    longest = math.max(longest, last - first)
  end
  local ids = {}
  for i = 0, out - 1 do
    local first, last = adaptive_window(i, n, out)
    for k = first, first + longest - 1 do ids[#ids + 1] = math.min(k, last - 1) end
  end
  x = ops.take(x, core.tensor(ids, { dtype = "int32" }), axis)
  size[axis], strides[axis] = longest, longest
  return pool_windows(x, size, strides)
end

-- The mean along one axis, as a product with the windows' shares.
local function adaptive_mean(x, axis, out)
  local n = x.shape[axis + 1]
  if n and n % out == 0 then return adaptive_axis(x, axis, out, ops.mean_windows) end
  local lies, cells = adaptive_windows(n or tools.size(x, axis), out)
  local shares = ops.cast(lies, "float32") / cells
  return ops.moveaxis(ops.matmul(ops.moveaxis(x, axis, -1), shares, false, true), -1, axis)
end

local function adaptive(name, inputs, output_size, data_format, one_axis)
  local x, back = laid_out(name, inputs, data_format)
  local sizes = spread(name, "output_size", output_size, x.rank - 2)
  for axis = #sizes, 1, -1 do -- the last first, so that of equal cells the first one counts
    if sizes[axis] < 1 or sizes[axis] > most_windows then
      core.raise("%s: output_size must be from 1 to %d, got %d", name, most_windows, sizes[axis])
    end
    x = one_axis(x, axis, sizes[axis])
  end
  return back(x)
end

op("adaptive_average_pool", "inputs, output_size:axes, data_format:str=nil",
  "The mean over as many windows as are wanted, as equal as can be.",
  function (inputs, output_size, data_format)
    local name = "adaptive_average_pool"
    return adaptive(name, inputs, output_size, data_format, adaptive_mean)
  end)

op("adaptive_max_pool", "inputs, output_size:axes, data_format:str=nil",
  "The largest over as many windows as are wanted, as equal as can be.",
  function (inputs, output_size, data_format)
    local name = "adaptive_max_pool"
    return adaptive(name, inputs, output_size, data_format, function (x, axis, out)
      if not x.shape[axis + 1] then return adaptive_open_max(x, axis, out) end
      return adaptive_axis(x, axis, out, ops.max_windows)
    end)
  end)
