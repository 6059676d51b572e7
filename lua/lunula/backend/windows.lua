-- K's convolutions and pools, with the order of their arguments in Keras 2.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local takes = tools.takes

local K = {}

for _, name in ipairs { "conv1d", "conv2d", "conv3d" } do
  -- The convolution of x with the kernel; padding may be "causal" in conv1d.
  K[name] = takes("K." .. name,
    "x:data, kernel:data, strides:axes=1, padding:str=\"valid\", data_format:str=nil, "
      .. "dilation_rate:axes=1",
    function (x, kernel, strides, padding, data_format, dilation_rate)
      if padding == "causal" then
        local widths = { { 0, 0 }, { 0, 0 }, { 0, 0 } }
        local time = config.layout(data_format) == "channels_first" and 3 or 2
        local rate = type(dilation_rate) == "table" and dilation_rate[1] or dilation_rate
        widths[time] = { rate * (kernel.shape[1] - 1), 0 }
        x, padding = ops.pad(x, widths), "valid"
      end
      return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)
    end)
end

-- The convolution of each channel with kernels of its own.
K.depthwise_conv2d = takes("K.depthwise_conv2d",
  "x, depthwise_kernel, strides:axes=1, padding:str=\"valid\", data_format:str=nil, "
    .. "dilation_rate:axes=1",
  function (x, kernel, strides, padding, data_format, dilation_rate)
    return ops.depthwise_conv(x, kernel, strides, padding, data_format, dilation_rate)
  end)

-- A convolution of each channel by itself, then a 1 × 1 convolution of all.
K.separable_conv2d = takes("K.separable_conv2d",
  "x, depthwise_kernel, pointwise_kernel, strides:axes=1, padding:str=\"valid\", "
    .. "data_format:str=nil, dilation_rate:axes=1",
  function (x, depthwise_kernel, pointwise_kernel, strides, padding, data_format, dilation_rate)
    return ops.separable_conv(x, depthwise_kernel, pointwise_kernel, strides, padding, data_format,
      dilation_rate)
  end)

-- The sizes of output_shape say how much of the padding comes back.
K.conv2d_transpose = takes("K.conv2d_transpose",
  "x:data, kernel:data, output_shape:sizes, strides:axes=1, padding:str=\"valid\", "
    .. "data_format:str=nil, dilation_rate:axes=1",
  function (x, kernel, output_shape, strides, padding, data_format, dilation_rate)
    local function of_axis(value, i)
      return type(value) == "table" and (value[i] or value[1] or 1) or value
    end
    local first = config.layout(data_format) == "channels_first" and 2 or 1
    local added = {}
    if x.rank ~= 4 or kernel.rank ~= 4 or #output_shape ~= 4 then
      core.raise("K.conv2d_transpose: x, kernel and output_shape have 4 axes, got %d, %d and %d",
        x.rank, kernel.rank, #output_shape)
    end
    for i = 1, 2 do
      local reach = (kernel.shape[i] - 1) * of_axis(dilation_rate, i) + 1
      local n = tools.known_size("K.conv2d_transpose", x, first + i - 1)
      local kept = padding == "same" and reach % 2 or reach
      added[i] = (output_shape[first + i] or 0) - (n - 1) * of_axis(strides, i) - kept
    end
    return ops.conv_transpose(x, kernel, strides, padding, added, data_format, dilation_rate)
  end)

for _, name in ipairs { "pool2d", "pool3d" } do
  -- The largest value ("max") or the mean ("avg") of each window.
  K[name] = takes("K." .. name, "x, pool_size:axes, strides:axes=1, padding:str=\"valid\", "
    .. "data_format:str=nil, pool_mode:str=\"max\"",
    function (x, pool_size, strides, padding, data_format, pool_mode)
      local pool = ({ max = ops.max_pool, avg = ops.average_pool })[pool_mode]
      if not pool then
        core.raise("K.%s: pool_mode must be max or avg, got %s", name, tostring(pool_mode))
      end
      return pool(x, pool_size, strides, padding, data_format)
    end)
end

return K
