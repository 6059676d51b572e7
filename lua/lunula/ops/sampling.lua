-- ops.image, the part that takes numbers from between the cells: at any coordinates, on another
-- grid; and what compares images by their neighbourhoods: edges, similarity.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local interpolations = require "lunula.ops.interpolation"
local tools = require "lunula.ops.tools"

local ops = core.ops
local declare = tools.family "image"

local function op(name, ...)
  declare("image." .. name, ...)
end

local function whole(x) return not tools.is_float(x) end

-- ---- at any coordinates -----------------------------------------------------------------------

local function wave(at, period) -- 0 1 2 … period … 2 1 0
  return ops.abs(ops.mod(at + period, ops.maximum(2 * period, 1)) - period)
end

-- A cell beyond the edge as one inside; size is a scalar tensor. As Keras says it and does on JAX
-- and PyTorch: TensorFlow counts the mirrors of reflect and mirror from another cell.
local cell_of = {
  constant = function (at, size) return ops.clip(at, 0, size - 1) end,
  nearest = function (at, size) return ops.clip(at, 0, size - 1) end,
  wrap = function (at, size) return ops.mod(at, size) end,
  mirror = function (at, size) return wave(at, size - 1) end,
  reflect = function (at, size) return (wave(2 * at + 1, 2 * size) - 1) // 2 end,
}

-- The cells beside a position along an axis, each with its weight.
local function neighbours(position, order)
  if whole(position) then position = ops.cast(position, "float32") end
  if order == 0 then return { { ops.cast(ops.round(position), "int32") } } end
  local below = ops.floor(position)
  local share, cell = position - below, ops.cast(below, "int32")
  return { { cell, 1 - share }, { cell + 1, share } }
end

local function check_coordinates(inputs, coordinates, order, fill_mode)
  local name = "image.map_coordinates"
  if coordinates.rank < 2 or inputs.rank == 0
    or (coordinates.shape[1] or inputs.rank) ~= inputs.rank then
    core.raise("%s: coordinates are (axes of inputs, ...), at least 2 axes: inputs are %s, "
      .. "coordinates %s", name, tools.shape_text(inputs.shape),
      tools.shape_text(coordinates.shape))
  elseif order ~= 0 and order ~= 1 then
    core.raise("%s: order must be 0 or 1, got %d", name, order)
  elseif not cell_of[fill_mode] then
    core.raise("%s: fill_mode must be constant, nearest, wrap, mirror or reflect, got \"%s\"", name,
      fill_mode)
  end
end

-- All ways to take one neighbour of each axis: its flat number, its weight, whether it is inside.
local function corners(axes)
  local found = { {} }
  for _, axis in ipairs(axes) do
    local more = {}
    for _, corner in ipairs(found) do
      for _, near in ipairs(axis.near) do
        local cell = cell_of[axis.mode](near[1], axis.size)
        local here = axis.mode == "constant" and ops.equal(cell, near[1]) or nil
        more[#more + 1] = {
          at = corner.at and corner.at * axis.size + cell or cell,
          weight = corner.weight and corner.weight * near[2] or near[2],
          here = corner.here and corner.here & here or here,
        }
      end
    end
    found = more
  end
  return found
end

op("map_coordinates", "inputs, coordinates, order:int, fill_mode:str=\"constant\", "
  .. "fill_value:num=0", "The numbers of inputs at coordinates (axes of inputs, ...): those of the "
  .. "nearest cells (order 0), or mixed from the cells around (1).",
  function (inputs, coordinates, order, fill_mode, fill_value)
    check_coordinates(inputs, coordinates, order, fill_mode)
    coordinates = tools.with_size(coordinates, 0, inputs.rank)
    local axes = {}
    for i, position in ipairs { ops.unstack(coordinates, inputs.rank, 0) } do
      axes[i] = { near = neighbours(position, order), size = ops.dim(inputs, i - 1),
        mode = fill_mode }
    end
    local numbers, sum = ops.reshape(tools.float(inputs), { -1 }), nil
    local fill = fill_value -- as inputs could hold it
    if inputs.dtype == "bool" then
      fill = fill_value ~= 0 and 1 or 0
    elseif whole(inputs) then
      fill = fill_value < 0 and math.ceil(fill_value) or math.floor(fill_value)
    end
    for _, corner in ipairs(corners(axes)) do
      local value = ops.gather(numbers, corner.at)
      if corner.here then value = ops.where(corner.here, value, fill) end
      if corner.weight then value = value * corner.weight end
      sum = sum and sum + value or value
    end
    local rounds = whole(inputs) and inputs.dtype ~= "bool" -- true is where any part is
    return tools.like(rounds and ops.round(sum) or sum, inputs)
  end)

-- ---- on another grid --------------------------------------------------------------------------

-- Weights by distance.
local linear, cubic = interpolations.bilinear.weights, interpolations.bicubic.weights
local kernels = {
  linear = linear, bilinear = linear, trilinear = linear, triangle = linear,
  cubic = cubic, bicubic = cubic, tricubic = cubic,
  lanczos3 = interpolations.lanczos3.weights, lanczos5 = interpolations.lanczos5.weights,
}

-- (from, to): how much each cell along an axis gives to each new one; nothing to those whose middle
-- lies outside.
local function weights(from, to, scale, translation, kernel, antialias)
  local inverse = 1 / scale
  local width = antialias and ops.maximum(inverse, 1) or 1
  local middle = (ops.cast(ops.arange(to), "float32") + 0.5) * inverse - translation * inverse - 0.5
  local cells = ops.cast(tools.positions(from), "float32")
  local w = kernel(ops.abs(ops.expand_dims(middle, 0) - ops.expand_dims(cells, 1)) / width)
  local total = ops.sum(w, 0, true)
  local counts = ops.greater(ops.abs(total), 1000 * 2 ^ -23)
  w = ops.where(counts, w / ops.where(counts, total, 1), 0)
  local last = tools.is_known(from) and from - 0.5 or ops.cast(from, "float32") - 0.5
  local inside = ops.greater_equal(middle, -0.5) & ops.less_equal(middle, last)
  return ops.where(ops.expand_dims(inside, 0), w, 0)
end

local function one_of(x, i) return ops.squeeze(tools.part(x, 0, i, 1), 0) end

local function check_translation(images, output_shape, scale, translation, spatial_dims, method)
  local name, n = "image.scale_and_translate", #spatial_dims
  if not kernels[method] then
    core.raise("%s: method must be linear, cubic, lanczos3 or lanczos5, got \"%s\"", name, method)
  elseif #output_shape ~= images.rank then
    core.raise("%s: output_shape has %d sizes, images are %s", name, #output_shape,
      tools.shape_text(images.shape))
  end
  for what, x in pairs { scale = scale, translation = translation } do
    if x.rank ~= 1 or (x.shape[1] or n) < n then
      core.raise("%s: %s has a number for each of %d spatial_dims, its shape is %s", name, what, n,
        tools.shape_text(x.shape))
    end
  end
  for i, size in ipairs(output_shape) do
    if size < 0 then core.raise("%s: size %d of output_shape is %d", name, i, size) end
  end
end

op("scale_and_translate", "images, output_shape:ints, scale, translation, spatial_dims:ints, "
  .. "method:str, antialias:bool=true", "The images on a grid of output_shape, where what was at x "
  .. "is at x * scale + translation along each of the axes spatial_dims; 0 beyond the edges.",
  function (images, output_shape, scale, translation, spatial_dims, method, antialias)
    check_translation(images, output_shape, scale, translation, spatial_dims, method)
    local axes = tools.axes("image.scale_and_translate", spatial_dims, images.rank)
    scale, translation = tools.float(scale), tools.float(translation)
    local y = tools.float(images)
    for i, axis in ipairs(axes) do
      local w = weights(tools.size(y, axis), output_shape[axis + 1], one_of(scale, i - 1),
        one_of(translation, i - 1), kernels[method], antialias)
      y = ops.moveaxis(ops.tensordot(y, w, { { axis }, { 0 } }), -1, axis)
    end
    if whole(images) and #axes > 0 then
      y = ops.clip(ops.round(y), ops.min(images), ops.max(images))
    end
    return tools.like(y, images)
  end, { file_called = "output_shape" })

-- ---- by their neighbourhoods ------------------------------------------------------------------

-- n cells along an axis, from `start` on.
local function run(x, axis, start, n) return tools.part(x, axis, start, n) end

-- Differences of the cells before and behind along one axis, smoothed along the other.
local function slope(x, along, across, n, m)
  local d = run(x, along, 2, n) - run(x, along, 0, n)
  return run(d, across, 0, m) + 2 * run(d, across, 1, m) + run(d, across, 2, m)
end

op("sobel_edges", "images, data_format:str=nil", "How fast images (batch, height, width, channels) "
  .. "change, (..., {downwards, to the right}), by Sobel's weights; beyond the edges they are "
  .. "mirrored.", function (images, data_format)
    if images.rank ~= 4 then
      core.raise("image.sobel_edges: images are (batch, height, width, channels), got %s",
        tools.shape_text(images.shape))
    end
    local first = config.layout(data_format) == "channels_first"
    local x = tools.float(first and ops.moveaxis(images, 1, -1) or images)
    local height, width = tools.size(x, 1), tools.size(x, 2)
    if height == 1 or width == 1 then
      core.raise("image.sobel_edges: images are mirrored at their edges, so they must have 2 or "
        .. "more rows and columns; they are %s", tools.shape_text(images.shape))
    end
    local wide = ops.pad(x, { { 0, 0 }, { 1, 1 }, { 1, 1 }, { 0, 0 } }, "reflect")
    local y = ops.stack({ slope(wide, 1, 2, height, width), slope(wide, 2, 1, width, height) }, 4)
    return tools.like(first and ops.moveaxis(y, 3, 1) or y, images)
  end)

local function gaussian(size, sigma)
  local list, sum = {}, 0
  for i = 1, size do
    list[i] = math.exp(-(i - 1 - (size - 1) / 2) ^ 2 / (2 * sigma ^ 2))
    sum = sum + list[i]
  end
  for i = 1, size do list[i] = list[i] / sum end
  return core.tensor(list, { dtype = "float32" })
end

-- Means under a window, of images (batch, height, width, 1).
local function mean_of(weights_of_row, size)
  local down = ops.reshape(weights_of_row, { size, 1, 1, 1 })
  local right = ops.reshape(weights_of_row, { 1, size, 1, 1 })
  return function (x) return ops.conv(ops.conv(x, down), right) end
end

-- The images as (batch, height, width, channels) in floats.
local function floats(x, data_format)
  if x.rank == 3 then x = ops.expand_dims(x, 0) end
  if config.layout(data_format) == "channels_first" then x = ops.moveaxis(x, 1, -1) end
  return tools.float(x)
end

-- Each channel as an image of its own.
local function apart(x)
  return ops.reshape(ops.transpose(x, { 0, 3, 1, 2 }),
    { -1, tools.size(x, 1), tools.size(x, 2), 1 })
end

local function check_alike(image1, image2, filter_size, data_format)
  local a, b = image1.shape, image2.shape
  local text_a, text_b = tools.shape_text(a), tools.shape_text(b)
  if #a ~= 3 and #a ~= 4 then
    core.raise("image.ssim: images have 3 axes, or 4 with the batch: they are %s and %s", text_a,
      text_b)
  end
  local differ = #a ~= #b
  for i, size in ipairs(a) do
    local is_one_for_all = i == 1 and #a == 4 and (size == 1 or b[1] == 1)
    if size and b[i] and size ~= b[i] and not is_one_for_all then differ = true end
  end
  if differ then
    core.raise("image.ssim: both must have the same shape: they are %s and %s", text_a,
      text_b)
  end
  local height = #a - (config.layout(data_format) == "channels_first" and 1 or 2)
  for i = height, height + 1 do
    if filter_size < 1 or filter_size > math.min(a[i] or 1024, 1024) then
      core.raise("image.ssim: filter_size goes from 1 to 1024, and to height and width: it is %d, "
        .. "the images are %s", filter_size, text_a)
    end
  end
end

op("ssim", "image1, image2, max_val:num=1.0, filter_size:int=11, filter_sigma:num=1.5, "
  .. "k1:num=0.01, k2:num=0.03, data_format:str=nil", "How alike images are by brightness, "
  .. "contrast and structure, from -1 to 1: a number for each.",
  function (image1, image2, max_val, filter_size, filter_sigma, k1, k2, data_format)
    check_alike(image1, image2, filter_size, data_format)
    local a, b = floats(image1, data_format), floats(image2, data_format)
    local batch, channels = tools.size(a, 0), tools.size(a, 3)
    a, b = apart(a), apart(b)
    local mean = mean_of(gaussian(filter_size, filter_sigma), filter_size)
    local c1, c2 = (k1 * max_val) ^ 2, (k2 * max_val) ^ 2
    local ma, mb = mean(a), mean(b)
    local aa, bb, ab = ma * ma, mb * mb, ma * mb
    local va, vb, vab = mean(a * a) - aa, mean(b * b) - bb, mean(a * b) - ab
    local alike = (2 * ab + c1) * (2 * vab + c2) / ((aa + bb + c1) * (va + vb + c2))
    local y = ops.mean(ops.reshape(ops.mean(alike, { 1, 2, 3 }), { batch, channels }), -1)
    if image1.rank == 3 then y = ops.squeeze(y, 0) end
    return tools.like(y, image1)
  end, { file_class = "image.SSIM" })
