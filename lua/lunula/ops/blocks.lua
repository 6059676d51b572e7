-- Images cut into blocks and put together, and how alike two are. Windows are rows of C
-- (ops/window.c); the rest is other orders of axes.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.family "nn"

local function pair(name, option, value)
  local list = type(value) == "number" and { value, value } or value
  if #list ~= 2 then core.raise("%s: %s is a number or two, got %d", name, option, #list) end
  if math.max(list[1], list[2]) > 1 << 28 then -- a product of two must be a count
    core.raise("%s: %s must be at most %d, got %d", name, option, 1 << 28,
      math.max(list[1], list[2]))
  end
  return list
end

local function check_rank(name, x, rank)
  if x.rank ~= rank then
    core.raise("%s: x has %d axes, its shape is %s", name, rank, tools.shape_text(x.shape))
  end
end

-- The windows of fold and unfold: sizes, and how they walk.
local function walk(name, kernel, dilation, padding, stride)
  local k, d = pair(name, "kernel_size", kernel), pair(name, "dilation", dilation)
  local p, s = pair(name, "padding", padding), pair(name, "stride", stride)
  for i = 1, 2 do
    if math.min(k[i], d[i], s[i]) < 1 or p[i] < 0 then
      core.raise("%s: kernel_size, dilation and stride are 1 or more, padding 0 or more", name)
    end
  end
  return k, { strides = s, dilation = d, before = p, after = p }
end

op("unfold", "x, kernel_size:ints, dilation:axes=1, padding:axes=0, stride:axes=1",
  "The pixels under each window of images (batch, channels, height, width): (batch, channels * "
  .. "cells, windows).", function (x, kernel_size, dilation, padding, stride)
    check_rank("unfold", x, 4)
    local k, options = walk("unfold", kernel_size, dilation, padding, stride)
    local channels = tools.size(x, 1)
    options.size = k
    local y = ops.patches(ops.transpose(x, { 0, 2, 3, 1 }), options)
    local windows = tools.size(y, 1) * tools.size(y, 2)
    y = ops.reshape(y, { tools.size(x, 0), windows, k[1] * k[2], channels })
    return tools.like(ops.reshape(ops.transpose(y, { 0, 3, 2, 1 }),
      { tools.size(x, 0), channels * (k[1] * k[2]), windows }), x)
  end)

op("fold", "x, output_size:ints, kernel_size:ints, dilation:axes=1, padding:axes=0, stride:axes=1",
  "The images of this size whose windows are given as unfold gives them; where windows overlap "
  .. "they are added up.", function (x, output_size, kernel_size, dilation, padding, stride)
    check_rank("fold", x, 3)
    local k, options = walk("fold", kernel_size, dilation, padding, stride)
    local size, cells = pair("fold", "output_size", output_size), k[1] * k[2]
    local columns, out = x.shape[2], {}
    if columns and columns % cells ~= 0 then
      core.raise("fold: axis 1 has channels of %d cells each, its size is %d", cells, columns)
    end
    for i = 1, 2 do
      out[i] = (size[i] + 2 * options.before[i] - options.dilation[i] * (k[i] - 1) - 1)
        // options.strides[i] + 1
    end
    if x.shape[3] and x.shape[3] ~= out[1] * out[2] then
      core.raise("fold: %d windows fit the size, axis 2 has %d", out[1] * out[2], x.shape[3])
    end
    local batch, channels = tools.size(x, 0), tools.size(x, 1) // cells
    local y = ops.reshape(tools.float(x), { batch, channels, cells, out[1] * out[2] })
    y = ops.reshape(ops.transpose(y, { 0, 3, 2, 1 }), { batch, out[1], out[2], cells * channels })
    local like = ops.broadcast_to(core.tensor(0.0), { batch, size[1], size[2], channels })
    options.size = k
    return tools.like(ops.transpose(ops.fold_patches(y, like, options), { 0, 3, 1, 2 }), x)
  end)

-- ---- space and depth --------------------------------------------------------------------------

local function check_blocks(name, x, block_size, data_format)
  check_rank(name, x, 4)
  if block_size < 2 or block_size > 1 << 15 then   -- its square is a count of channels
    core.raise("%s: block_size must be from 2 to %d, got %d", name, 1 << 15, block_size)
  end
  if data_format ~= "channels_last" and data_format ~= "channels_first" then
    core.raise("%s: data_format must be channels_last or channels_first, got \"%s\"", name,
      data_format)
  end
end

local function check_divides(name, x, axis, n)
  local size = x.shape[axis + 1]
  if size and size % n ~= 0 then
    core.raise("%s: the size of axis %d must be a multiple of %d, the shape is %s", name, axis, n,
      tools.shape_text(x.shape))
  end
end

-- f of the images with their channels last.
local function channels_last(x, data_format, f)
  if data_format == "channels_last" then return f(x) end
  return ops.transpose(f(ops.transpose(x, { 0, 2, 3, 1 })), { 0, 3, 1, 2 })
end

op("space_to_depth", "x, block_size:int, data_format:str=\"channels_last\"",
  "Blocks of pixels as channels.", function (x, block_size, data_format)
    local n = block_size
    check_blocks("space_to_depth", x, n, data_format)
    return channels_last(x, data_format, function (y)
      check_divides("space_to_depth", y, 1, n)
      check_divides("space_to_depth", y, 2, n)
      local h, w, c = tools.size(y, 1) // n, tools.size(y, 2) // n, tools.size(y, 3)
      y = ops.reshape(y, { tools.size(y, 0), h, n, w, n, c })
      return ops.reshape(ops.transpose(y, { 0, 1, 3, 2, 4, 5 }),
        { tools.size(y, 0), h, w, c * (n * n) })
    end)
  end)

op("depth_to_space", "x, block_size:int, data_format:str=\"channels_last\"",
  "Channels as blocks of pixels.", function (x, block_size, data_format)
    local n = block_size
    check_blocks("depth_to_space", x, n, data_format)
    return channels_last(x, data_format, function (y)
      check_divides("depth_to_space", y, 3, n * n)
      local h, w, c = tools.size(y, 1), tools.size(y, 2), tools.size(y, 3) // (n * n)
      y = ops.reshape(y, { tools.size(y, 0), h, w, n, n, c })
      return ops.reshape(ops.transpose(y, { 0, 1, 3, 2, 4, 5 }),
        { tools.size(y, 0), h * n, w * n, c })
    end)
  end)

-- ---- likeness ---------------------------------------------------------------------------------

op("psnr", "x1, x2, max_val:num", "How far x1 is from x2, in decibels below the square of max_val.",
  function (x1, x2, max_val)
    local same = x1.rank == x2.rank
    for i, size in ipairs(x1.shape) do
      same = same and (not size or not x2.shape[i] or size == x2.shape[i])
    end
    if not same then
      core.raise("psnr: the shapes must be the same, they are %s and %s",
        tools.shape_text(x1.shape), tools.shape_text(x2.shape))
    end
    local apart = ops.mean(ops.square(tools.float(x1) - tools.float(x2)))
    return 20 * math.log(max_val, 10) - 10 * ops.log10(apart)
  end, { file_class = "nn.PSNR" })
