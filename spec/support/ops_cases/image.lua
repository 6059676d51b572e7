-- Images.

local from = require "spec.support.ops_inputs"
local real = from.real

local images = real { 2, 4, 6, 3 }
local one = real { 5, 4, 2 }

local turn = from.exact({ 0.5, 0.75, 1, -0.25, 1, 0.5, 0, 0, 1, 0, -1.25, 0, 1, 0.25, 0, 0 },
  { shape = { 2, 8 } })

-- The same with a vanishing line.
local far = from.exact({ 0.5, 0.75, 1, -0.25, 1, 0.5, 0.125, -0.0625, 1, 0, -1.25, 0, 1, 0.25, -0.5,
  0.25 }, { shape = { 2, 8 } })

local function affine(attributes, transform)
  return { "image.affine_transform", { images, transform or turn }, attributes, grad = { 1 },
    free = { { 0 }, { 0 } } }
end

-- Corners of a picture of 4 by 6, and where they go.
local corners = { 0, 0, 5, 0, 0, 3, 5, 3 }
local starts = from.exact({ 0, 0, 5, 0, 0, 3, 5, 3, 0, 0, 5, 0, 0, 3, 5, 3 },
  { shape = { 2, 4, 2 } })
local ends = from.exact({ 0.5, 0.25, 4.5, -0.5, 0.25, 3.5, 5.75, 2.5, 0, 0, 5, 1, 1, 3, 4.5, 2 },
  { shape = { 2, 4, 2 } })

-- `one` under three weights along x and five along y, written out.
local function blurred(data)
  local function weights(reach, sigma)
    local list, sum = {}, 0
    for i = -reach, reach do
      list[i] = math.exp(-0.5 * (i / sigma) ^ 2)
      sum = sum + list[i]
    end
    for i = -reach, reach do list[i] = list[i] / sum end
    return list
  end
  local across, down, y = weights(1, 0.75), weights(2, 1.5), {}
  for at = 0, 5 * 4 * 2 - 1 do
    local row, column, channel, sum = at // 8, at // 2 % 4, at % 2, 0
    for i = math.max(-2, -row), math.min(2, 4 - row) do
      for j = math.max(-1, -column), math.min(1, 3 - column) do
        sum = sum + down[i] * across[j] * data[1][((row + i) * 4 + column + j) * 2 + channel + 1]
      end
    end
    y[at + 1] = sum
  end
  return y
end

local chance = from.chance
local near = real { 2, 7, seed = 3, low = -2, high = 5, away = { -2, -1, 0, 1, 2, 3, 4, 5 } }

local function scaled(options)
  options.output_shape, options.spatial_dims = { 2, 3, 6, 3 }, { 1, 2 }
  return { "image.scale_and_translate",
    { images, from.exact { 0.7, 1.6 }, from.exact { 0.3, -0.4 } },
    options, names = { "images", "scale", "translation" }, grad = { 1 }, batches = false,
    tol = 1e-4, free = { { 1, 2 } } }
end

return {
  { "image.gaussian_blur", { images } },
  { "image.gaussian_blur", { images }, { kernel_size = { 5, 5 }, sigma = { 0.75, 1.5 } } },
  -- TensorFlow and torch turn a kernel with two sizes round; NumPy and JAX do not
  { "image.gaussian_blur", { one }, { kernel_size = { 3, 5 }, sigma = { 0.75, 1.5 } }, free = false,
    ref = blurred },
  { "image.gaussian_blur", { real { 2, 4, 5 } },
    { kernel_size = { 4, 4 }, sigma = { 1, 2 }, data_format = "channels_first" }, free = false },
  { "image.perspective_transform", { images, starts, ends }, grad = { 1 },
    free = { { 0 }, { 0 }, { 0 } } },
  { "image.perspective_transform", { images, starts, ends },
    { interpolation = "nearest", fill_value = 9 }, grad = { 1 }, free = { { 0 }, { 0 }, { 0 } } },
  { "image.perspective_transform", { real { 2, 4, 6 }, from.exact(corners, { shape = { 4, 2 } }),
    from.exact({ 0, 0, 5.5, 0.5, 0.25, 3, 5, 3.25 }, { shape = { 4, 2 } }) },
    { data_format = "channels_first" }, grad = { 1 }, free = false },
  -- moved by nothing; what noise does: ops_random_spec.lua
  { "image.elastic_transform", { images }, { alpha = 0, sigma = 1.5 },
    ref = function (data) return data[1] end },
  { "image.resize", { images }, { size = { 8, 3 } } },
  { "image.resize", { images }, { size = { 3, 4 }, interpolation = "nearest" } },
  { "image.resize", { images }, { size = { 3, 9 }, interpolation = "bicubic" }, tol = 1e-4 },
  { "image.resize", { images }, { size = { 2, 3 }, antialias = true }, tol = 1e-4 },
  { "image.resize", { images }, { size = { 6, 9 }, interpolation = "lanczos3" }, tol = 1e-4 },
  { "image.resize", { images }, { size = { 6, 9 }, interpolation = "lanczos5" }, tol = 1e-4 },
  { "image.resize", { images }, { size = { 4, 4 }, crop_to_aspect_ratio = true } },
  { "image.resize", { images }, { size = { 4, 4 }, pad_to_aspect_ratio = true, fill_value = 2 } },
  { "image.resize", { one }, { size = { 3, 3 } }, free = false },
  { "image.resize", { real { 2, 3, 4, 6 } }, { size = { 3, 3 }, data_format = "channels_first" } },
  { "image.pad_images", { images },
    { top_padding = 1, left_padding = 2, target_height = 7, target_width = 9 } },
  { "image.pad_images", { one },
    { top_padding = 1, left_padding = 0, bottom_padding = 2, right_padding = 3 }, free = false },
  { "image.crop_images", { images },
    { top_cropping = 1, left_cropping = 2, target_height = 2, target_width = 3 } },
  { "image.crop_images", { images },
    { bottom_cropping = 1, right_cropping = 2, target_height = 2, left_cropping = 1 } },
  { "image.rgb_to_grayscale", { images } },
  { "image.rgb_to_grayscale", { real { 3, 2, 2 } }, { data_format = "channels_first" },
    free = false },
  { "image.extract_patches", { images }, { size = 2 } },
  { "image.extract_patches", { images },
    { size = { 2, 3 }, strides = { 1, 2 }, padding = "same" } },
  affine {},
  affine { interpolation = "nearest", fill_value = 9 },
  affine { fill_mode = "nearest" },
  affine { fill_mode = "wrap" },
  affine { fill_mode = "mirror" },
  affine { fill_mode = "reflect", interpolation = "nearest" },
  affine({ fill_value = 0.5 }, far),
  affine({ fill_mode = "reflect" }, far),
  { "image.rgb_to_hsv", { from.chance { 2, 3, 4, 3 } }, tol = 1e-4 },
  { "image.hsv_to_rgb", { from.chance { 2, 3, 4, 3 } }, grad = false }, -- too near to its corners
  { "image.hsv_to_rgb", { from.chance { 3, 2, 2 } }, { data_format = "channels_first" },
    free = false },
  { "image.extract_patches_3d", { real { 2, 3, 4, 5, 2 } }, { size = 2 } },
  { "image.extract_patches_3d", { real { 2, 3, 4, 5, 2 } },
    { size = { 1, 2, 3 }, strides = { 1, 1, 2 }, padding = "same" } },
  { "image.map_coordinates", { real { 3, 4 }, near }, { order = 1 }, free = { { 0, 1 }, { 1 } } },
  { "image.map_coordinates", { real { 3, 4 }, near }, { order = 0, fill_value = 9 } },
  { "image.map_coordinates", { real { 3, 4 }, near }, { order = 1, fill_mode = "nearest" } },
  { "image.map_coordinates", { real { 3, 4 }, near }, { order = 1, fill_mode = "wrap" } },
  { "image.map_coordinates", { real { 3, 4 }, near }, { order = 1, fill_mode = "mirror" } },
  { "image.map_coordinates", { real { 3, 4 }, near }, { order = 1, fill_mode = "reflect" } },
  { "image.map_coordinates", { real { 2, 3, 4 }, real { 3, 2, 2, low = 0, high = 2 } },
    { order = 1, fill_mode = "constant", fill_value = 0.5 }, free = { { 0 }, { 1 } } },
  scaled { method = "linear" },
  scaled { method = "cubic" },
  scaled { method = "lanczos3", antialias = false },
  scaled { method = "lanczos5" },
  { "image.sobel_edges", { images }, free = { { 0, 1, 2 } } },
  { "image.sobel_edges", { real { 1, 2, 3, 4 } }, { data_format = "channels_first" } },
  { "image.ssim", { chance { 2, 11, 12, 1 }, chance { 2, 11, 12, 1, seed = 2 } }, second = false,
    grad = { 1 },
    free = { { 0, 3 }, { 0, 3 } } },
  { "image.ssim", { chance { 3, 6, 5 }, chance { 3, 6, 5, seed = 2 } }, { max_val = 2.0,
    filter_size = 3, filter_sigma = 1.0, k1 = 0.1, k2 = 0.2, data_format = "channels_first" },
    free = false },
}
