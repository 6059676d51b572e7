-- ops.image: images (height, width, channels), alone or as a batch. Resizing is two products with a
-- matrix of weights. Moving pixels about: warp.lua.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local unified = require("lunula.ops.layouts").unified
local interpolations = require "lunula.ops.interpolation"
local tools = require "lunula.ops.tools"

local ops = core.ops
local declare = tools.family "image"

local function op(name, ...)
  declare("image." .. name, ...)
end

local function height_and_width(x)
  return tools.size(x, 1), tools.size(x, 2)
end

-- ---- resizing ---------------------------------------------------------------------------------

-- (to, from): each row mixes the old cells into a new one. Only those within the radius weigh
-- something; they are scattered into zeros.
local function mixing_matrix(from, to, interpolation, antialias)
  local scale, weight = from / to, interpolation.weight
  local width = antialias and math.max(scale, 1) or 1
  local reach, ids, values = interpolation.radius * width, {}, {}
  for i = 1, to do
    local centre, total, start = (i - 0.5) * scale - 0.5, 0, #values
    local first, last = math.floor(centre - reach), math.ceil(centre + reach)
    for j = math.max(first, 0), math.min(last, from - 1) do
      values[#values + 1] = weight(math.abs(centre - j) / width)
      ids[#values] = (i - 1) * from + j
      total = total + values[#values]
    end
    for at = start + 1, #values do values[at] = values[at] / total end
  end
  return core.untraced(function ()
    local matrix = ops.zeros { to * from }
    if #ids == 0 then return ops.reshape(matrix, { to, from }) end
    ids = core.tensor(ids, { dtype = "int32" })
    return ops.reshape(ops.scatter_add(core.tensor(values, { dtype = "float32" }), ids, matrix),
      { to, from })
  end)
end

local function nearest_cells(from, to)
  local ids = {}
  for i = 1, to do ids[i] = math.tointeger(((i - 0.5) * from / to) // 1) end
  return core.tensor(ids, { dtype = "int32" })
end

-- The centres of the new cells, in old ones, and how many old ones a new one is.
local function centres(x, axis, to)
  local scale = ops.cast(ops.dim(x, axis), "float32") / to
  return (ops.arange(0, to, 1, "float32") + 0.5) * scale, scale
end

-- mixing_matrix for a size that is known only when it runs: ops compute the weights.
local function mixing_matrix_of(x, axis, to, interpolation, antialias)
  local others = axis == 1 and { 0, 2, 3 } or { 0, 1, 3 }
  local old = ops.iota_like(ops.sum(x, others), 0)
  local centre, scale = centres(x, axis, to)
  local distance = ops.abs(ops.expand_dims(centre - 0.5, 1) - ops.expand_dims(old, 0))
  if antialias then distance = distance / ops.maximum(scale, 1) end
  local matrix = interpolations[interpolation].weights(distance)
  return matrix / ops.sum(matrix, 1, true)
end

-- Resizes (b, h, w, c) along rows and columns whose number need not be known.
local function resize_any(x, height, width, interpolation, antialias)
  if interpolation == "nearest" then
    local function cells(axis, to) return ops.cast(ops.floor((centres(x, axis, to))), "int32") end
    return ops.take(ops.take(x, cells(1, height), 1), cells(2, width), 2)
  end
  local rows = ops.reshape(x, { -2, -3, -1 })
  local y = ops.matmul(mixing_matrix_of(x, 1, height, interpolation, antialias), rows)
  y = ops.reshape(y, { -2, height, tools.size(x, 2), tools.size(x, 3) })
  return ops.matmul(mixing_matrix_of(x, 2, width, interpolation, antialias), y)
end

-- The middle part with the proportions of (height, width).
local function cropped(x, height, width)
  local h, w = height_and_width(x)
  local crop_h = tools.max(tools.min(h, w * height // width), 1)
  local crop_w = tools.max(tools.min(w, h * width // height), 1)
  x = tools.part(x, 1, (h - crop_h) // 2, crop_h)
  return tools.part(x, 2, (w - crop_w) // 2, crop_w)
end

-- The whole with a border, so that it has the proportions of (height, width).
local function bordered(x, height, width, value)
  local h, w = height_and_width(x)
  local above = (tools.max(h, w * height // width) - h) // 2
  local beside = (tools.max(w, h * width // height) - w) // 2
  return tools.pad(tools.pad(x, 1, above, above, value), 2, beside, beside, value)
end

-- The nearest whole numbers, where the images are of them.
local function rounded(y, images)
  return (tools.is_float(images) or images.dtype == "bool") and y or ops.round(y)
end

-- The same where their number is known: the matrices are constants, made in Lua.
local function resize_known(x, height, width, interpolation, antialias)
  local h, w = height_and_width(x)
  if interpolation == "nearest" then
    return ops.take(ops.take(x, nearest_cells(h, height), 1), nearest_cells(w, width), 2)
  end
  if height * h > 0x7fffffff or width * w > 0x7fffffff then
    core.raise("image.resize: from (%d, %d) to (%d, %d) is too far at once; \"nearest\" can do it",
      h, w, height, width)
  end
  local kernel = interpolations[interpolation]
  local y = ops.matmul(mixing_matrix(h, height, kernel, antialias), ops.reshape(x, { -2, h, -1 }))
  y = ops.reshape(y, { -2, height, w, tools.size(x, 3) })
  return ops.matmul(mixing_matrix(w, width, kernel, antialias), y)
end

local function check_resize(size, interpolation, crop, pad, fill_mode)
  if #size ~= 2 then
    core.raise("image.resize: size is {height, width}")
  elseif crop and pad then
    core.raise("image.resize: crop_to_aspect_ratio or pad_to_aspect_ratio, not both")
  elseif fill_mode ~= "constant" then
    core.raise("image.resize: fill_mode must be \"constant\", got \"%s\"", fill_mode)
  elseif interpolation ~= "nearest" and not interpolations[interpolation] then
    core.raise("image.resize: interpolation must be nearest, bilinear, bicubic, lanczos3 or "
      .. "lanczos5, got \"%s\"", interpolation)
  end
  for _, side in ipairs(size) do
    if not side or side < 1 or side > 1 << 16 then
      core.raise("image.resize: height and width go from 1 to %d, got %s", 1 << 16, tostring(side))
    end
  end
end

op("resize", "images, size:sizes, interpolation:str=\"bilinear\", antialias:bool=false, "
  .. "crop_to_aspect_ratio:bool=false, pad_to_aspect_ratio:bool=false, "
  .. "fill_mode:str=\"constant\", fill_value:num=0.0, data_format:str=nil",
  "The images in another size: nearest, bilinear, bicubic, lanczos3 or lanczos5.",
  function (images, size, interpolation, antialias, crop, pad, fill_mode, fill_value, data_format)
    check_resize(size, interpolation, crop, pad, fill_mode)
    local x, back = unified("resize", images, data_format)
    local height, width = size[1], size[2]
    if crop then x = cropped(x, height, width) end
    if pad then x = bordered(x, height, width, fill_value) end
    local resize = x.shape[2] and x.shape[3] and resize_known or resize_any
    return back(rounded(resize(x, height, width, interpolation, antialias), images))
  end)

-- ---- borders ----------------------------------------------------------------------------------

-- Of three numbers that add up to `whole` (before, after, and what is left) one may be missing.
local function solve(name, option, before, after, left, whole)
  local given = (before and 1 or 0) + (after and 1 or 0) + (left and 1 or 0)
  if given ~= 2 then
    core.raise("image.%s: two of %s must be given", name, option)
  end
  before = before or whole - after - left
  after = after or whole - before - left
  for _, size in ipairs { before, after, left } do
    if tools.is_known(size) and size < 0 then
      core.raise("image.%s: %s do not fit a size of %s", name, option, whole)
    end
  end
  return before, after
end

op("pad_images", "images, top_padding:int=nil, left_padding:int=nil, bottom_padding:int=nil, "
  .. "right_padding:int=nil, target_height:int=nil, target_width:int=nil, data_format:str=nil",
  "The images with borders of zeros, two of (before, after, target) for each axis.",
  function (images, top, left, bottom, right, target_height, target_width, data_format)
    local x, back = unified("pad_images", images, data_format)
    local h, w = height_and_width(x)
    local function border(option, before, after, target, size)
      if before and after and not target then return before, after end
      return solve("pad_images", option, before, after, target and size, target or 0)
    end
    top, bottom = border("top_padding, bottom_padding and target_height", top, bottom,
      target_height, h)
    left, right = border("left_padding, right_padding and target_width", left, right,
      target_width, w)
    x = tools.pad(x, 1, top, bottom, 0, target_height)
    return back(tools.pad(x, 2, left, right, 0, target_width))
  end)

op("crop_images", "images, top_cropping:int=nil, left_cropping:int=nil, bottom_cropping:int=nil, "
  .. "right_cropping:int=nil, target_height:int=nil, target_width:int=nil, data_format:str=nil",
  "A part of the images, two of (before, after, target) for each axis.",
  function (images, top, left, bottom, right, target_height, target_width, data_format)
    local x, back = unified("crop_images", images, data_format)
    local h, w = height_and_width(x)
    top, bottom = solve("crop_images", "top_cropping, bottom_cropping and target_height", top,
      bottom, target_height, h)
    left, right = solve("crop_images", "left_cropping, right_cropping and target_width", left,
      right, target_width, w)
    x = tools.part(x, 1, top, target_height or h - top - bottom)
    return back(tools.part(x, 2, left, target_width or w - left - right))
  end)

-- ---- colours and patches ----------------------------------------------------------------------

op("rgb_to_grayscale", "images, data_format:str=nil", "How bright each pixel looks: one channel.",
  function (images, data_format)
    local x, back = unified("rgb_to_grayscale", images, data_format)
    local channels = x.shape[4]
    if channels == 1 then return images end
    if channels and channels ~= 3 then
      core.raise("image.rgb_to_grayscale: images have 1 or 3 channels, these have %d", channels)
    end
    x = tools.with_size(x, 3, 3)
    return back(ops.sum(x * core.tensor { 0.2989, 0.5870, 0.1140 }, 3, true))
  end, { file_class = "image.RGBToGrayscale" })

op("extract_patches", "images, size:ints, strides:ints=nil, dilation_rate:axes=1, "
  .. "padding:str=\"valid\", data_format:str=nil",
  "The pixels under each window, one behind the other in the channels.",
  function (images, size, strides, dilation_rate, padding, data_format)
    local x, back = unified("extract_patches", images, data_format)
    if padding ~= "same" and padding ~= "valid" then
      core.raise("image.extract_patches: padding must be \"valid\" or \"same\", got \"%s\"",
        padding)
    end
    if type(size) == "table" and #size ~= 2 then
      core.raise("image.extract_patches: size is a number or {height, width}, got %d numbers",
        #size)
    end
    local function pair(value) return type(value) == "number" and { value, value } or value end
    return back(ops.patches(x, pair(size), pair(strides or size), pair(dilation_rate),
      padding == "same"))
  end)

-- ---- blurring ---------------------------------------------------------------------------------

-- The weights of a Gauss curve at `count` places about its middle.
local function gauss(count, sigma)
  local z = (ops.arange(0, count, 1, "float32") - (count - 1) / 2) / sigma
  local weights = ops.exp(z * z * -0.5)
  return weights / ops.sum(weights)
end

-- Every channel along an axis, with nothing beyond the edges.
local function blurred(x, axis, weights)
  local count = weights.shape[1]
  local kernel = ops.reshape(weights, axis == 1 and { count, 1, 1, 1 } or { 1, count, 1, 1 })
  local one = ops.reshape(ops.ones_like(ops.sum(x, { 0, 1, 2 })), { 1, 1, -1, 1 })
  return ops.depthwise_conv(x, kernel * one, 1, "same", "channels_last")
end

local function check_blur(size, sigma)
  for _, count in ipairs(#size == 2 and size or { 0 }) do
    if count < 1 or count > 1 << 16 then
      core.raise("image.gaussian_blur: kernel_size has two sizes of 1 or more")
    end
  end
  local list = type(sigma) == "table" and #sigma == 2 and sigma
  if not core.is_tensor(sigma) then
    for i = 1, 2 do
      if not list or type(list[i]) ~= "number" then
        core.raise("image.gaussian_blur: sigma has two numbers, or is a tensor of two")
      end
    end
  elseif sigma.rank ~= 1 or (sigma.shape[1] or 2) ~= 2 then
    core.raise("image.gaussian_blur: sigma has two numbers: it is %s",
      tools.shape_text(sigma.shape))
  end
end

op("gaussian_blur", "images, kernel_size:ints=nil, sigma:any=nil, data_format:str=nil",
  "The images blurred by a Gauss curve: how many weights (3) and what deviation (1) along x, and "
  .. "along y.",
  function (images, kernel_size, sigma, data_format)
    local x, back = unified("gaussian_blur", images, data_format)
    kernel_size, sigma = kernel_size or { 3, 3 }, sigma or { 1.0, 1.0 }
    if type(kernel_size) == "number" then kernel_size = { kernel_size } end
    check_blur(kernel_size, sigma)
    x = tools.float(x)
    x = blurred(x, 2, gauss(kernel_size[1], sigma[1]))
    return back(blurred(x, 1, gauss(kernel_size[2], sigma[2])))
  end)

-- ---- colours as hue, saturation and value -------------------------------------------------------

-- The images with their channels last, which are three, and their parts.
local function colours(name, images, data_format)
  local x, back = unified(name, images, data_format)
  if not tools.is_float(images) then
    core.raise("image.%s: images must be floats, they are %s", name, images.dtype)
  end
  if (x.shape[4] or 3) ~= 3 then
    core.raise("image.%s: images have 3 channels, these have %d", name, x.shape[4])
  end
  x = tools.with_size(x, 3, 3)
  return x, back, ops.unstack(x, 3, 3)
end

op("rgb_to_hsv", "images, data_format:str=nil",
  "Hue, saturation and value, from 0 to 1, of red, green and blue.",
  function (images, data_format)
    local x, back, red, green, blue = colours("rgb_to_hsv", images, data_format)
    local value = ops.max(x, 3)
    local range = value - ops.min(x, 3)
    local flat, black = ops.equal(range, 0), ops.less_equal(value, 0)
    local norm = 1 / (6 * ops.where(flat, 1, range))
    local hue = ops.where(ops.equal(red, value), (green - blue) * norm,
      ops.where(ops.equal(green, value), (blue - red) * norm + 1 / 3, (red - green) * norm + 2 / 3))
    hue = ops.where(flat, 0, hue)
    hue = ops.where(ops.less(hue, 0), hue + 1, hue)
    local saturation = ops.where(black, 0, range / ops.where(black, 1, value))
    return back(ops.stack({ hue, saturation, value }, 3))
  end, { file_class = "image.RGBToHSV" })

op("hsv_to_rgb", "images, data_format:str=nil",
  "Red, green and blue of hue, saturation and value.", function (images, data_format)
    local _, back, hue, saturation, value = colours("hsv_to_rgb", images, data_format)
    local at = hue * 6
    local parts = {
      ops.clip(ops.abs(at - 3) - 1, 0, 1),
      ops.clip(2 - ops.abs(at - 2), 0, 1),
      ops.clip(2 - ops.abs(at - 4), 0, 1),
    }
    for i, part in ipairs(parts) do parts[i] = (1 - saturation + saturation * part) * value end
    return back(ops.stack(parts, 3))
  end, { file_class = "image.HSVToRGB" })

-- ---- volumes ----------------------------------------------------------------------------------

op("extract_patches_3d", "volumes, size:ints, strides:ints=nil, dilation_rate:axes=1, "
  .. "padding:str=\"valid\", data_format:str=nil",
  "The cells under each window of volumes, one behind the other in the channels.",
  function (volumes, size, strides, dilation_rate, padding, data_format)
    local name = "image.extract_patches_3d"
    if volumes.rank ~= 4 and volumes.rank ~= 5 then
      core.raise("%s: volumes have 4 axes, or 5 with the batch: they are %s", name,
        tools.shape_text(volumes.shape))
    end
    if padding ~= "same" and padding ~= "valid" then
      core.raise("%s: padding must be \"valid\" or \"same\", got \"%s\"", name, padding)
    end
    local function triple(option, value)
      local list = type(value) == "number" and { value, value, value } or value
      if #list == 3 then return list end
      core.raise("%s: %s is a number or a list of 3, got %d numbers", name, option, #list)
    end
    local single, first = volumes.rank == 4, config.layout(data_format) == "channels_first"
    local x = single and ops.expand_dims(volumes, 0) or volumes
    if first then x = ops.moveaxis(x, 1, -1) end
    local y = ops.patches(x, triple("size", size), triple("strides", strides or size),
      triple("dilation_rate", dilation_rate), padding == "same")
    if first then y = ops.moveaxis(y, -1, 1) end
    return single and ops.squeeze(y, 0) or y
  end, { file_class = "lunula" })
