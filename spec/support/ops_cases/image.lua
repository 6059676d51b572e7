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

return {
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
}
