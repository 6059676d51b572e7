-- RandomGaussianBlur: some images are blurred.

local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local image = require "lunula.layers.preprocessing.image_preprocessing.base_layer"
local ops = require "lunula.ops"

local odd = {
  name = "an odd number or a list of two",
  check = function (value)
    if type(value) == "number" then value = { value, value } end
    if type(value) ~= "table" or #value ~= 2 then return nil end
    for i = 1, 2 do
      local n = math.tointeger(value[i])
      if not n or n < 1 or n % 2 == 0 then return nil end
    end
    return { value[1], value[2] }
  end,
}

return layer "RandomGaussianBlur" {
  parent = image.Layer,
  doc = "in training blurs images, each with a chance drawn from factor, by a drawn sigma",
  args = {
    { "factor", image.factor(0, 1), default = 1.0 },
    { "kernel_size", odd, default = 3 },
    { "sigma", image.factor(0, 1), default = 1.0 },
    { "value_range", image.value_range, default = { 0, 255 } },
    image.data_format,
    { "seed", kinds.seed },
  },
  draw = function (self, images)
    local sigma = image.uniform(self, { 2 }, self.sigma[1], self.sigma[2]) + 1e-6
    return { chosen = image.chosen(self, images, self.factor), sigma = sigma }
  end,
  transform = function (self, images, draw)
    local blurred = ops.image.gaussian_blur(images, self.kernel_size, draw.sigma, "channels_last")
    return image.clip(self, ops.where(draw.chosen, blurred, images))
  end,
}
