-- The parent of the layers that change images: an image or a batch of them, or a table with labels,
-- segmentation masks and bounding boxes beside them.
--
-- A child says what one draw is (`draw`, in training) and what it does to a batch of images with
-- channels last (`transform`). Called directly the random ones are in training, inside of a model
-- they follow it. A mask is moved as its image is, but its values are never mixed: they are class
-- numbers.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local base = require "lunula.layers.base"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local boxes = require "lunula.layers.preprocessing.image_preprocessing.boxes"
local noise = require "lunula.layers.regularization.noise"
local random = require "lunula.ops.random"

local image = {}

-- ---- kinds of argument ------------------------------------------------------------------------

-- A number, for what lies as far on both sides, or a list of two. Normalised to {lower, upper} when
-- `keep` is not set; a number alone starts no lower than `least`.
function image.factor(least, most, keep)
  local function within(x) return type(x) == "number" and x >= least and x <= most end
  return {
    name = ("a number from %g to %g or a list of two"):format(least, most),
    check = function (value)
      if within(value) then
        return keep and value or { math.max(-math.abs(value), least), math.abs(value) }
      end
      if type(value) ~= "table" or #value ~= 2 or not (within(value[1]) and within(value[2])) then
        return nil
      end
      if keep then return { value[1], value[2] } end
      return { math.min(value[1], value[2]), math.max(value[1], value[2]) }
    end,
  }
end

image.value_range = {
  name = "a list of two numbers that differ",
  check = function (value)
    if type(value) ~= "table" or #value ~= 2 then return nil end
    local a, b = kinds.number.check(value[1]), kinds.number.check(value[2])
    return a and b and a ~= b and { math.min(a, b), math.max(a, b) } or nil
  end,
}

image.interpolation = kinds.one_of { "nearest", "bilinear" }
image.fill_mode = kinds.one_of { "reflect", "wrap", "constant", "nearest" }
image.data_format = { "data_format", kinds.data_format }

-- The arguments of a layer that changes colours: its factor, from `least` to 1, and the common
-- ones.
function image.colour_args(least)
  return {
    { "factor", image.factor(least, 1), required = true, spread = true },
    { "value_range", image.value_range, default = { 0, 255 } },
    image.data_format,
    { "seed", kinds.seed },
  }
end

-- ---- draws ------------------------------------------------------------------------------------

-- Something of shape (b, 1).
function image.per_image(images)
  local first = ops.slice_steps(images, { 0, 0, 0, 0 }, nil, { -1, 1, 1, 1 })
  return ops.reshape(first, { -2, 1 })
end

-- Even numbers of this shape.
function image.uniform(self, shape, lower, upper)
  return random.uniform(shape, lower, upper, nil, self.generator)
end

-- Even numbers, one for each image: (b, 1).
function image.one_per_image(self, images, lower, upper)
  return image.uniform(self, image.per_image(images), lower, upper)
end

-- The same numbers as (b, 1, 1, 1).
function image.over_pixels(draws)
  return ops.expand_dims(draws, { 2, 3 })
end

-- A number from between the ends of the layer's own factor, one an image: (b, 1, 1, 1).
function image.drawn_factor(self, images)
  return image.over_pixels(image.one_per_image(self, images, self.factor[1], self.factor[2]))
end

-- Which images are chosen, each with a chance that is drawn itself: (b, 1, 1, 1).
function image.chosen(self, images, factor)
  local chance = image.one_per_image(self, images, factor[1], factor[2])
  return image.over_pixels(ops.less(image.one_per_image(self, images, 0, 1), chance))
end

-- ---- values -----------------------------------------------------------------------------------

-- Values of one range as those of another.
function image.rescale(images, from, to)
  if from[1] == to[1] and from[2] == to[2] then return images end
  return (images - from[1]) / (from[2] - from[1]) * (to[2] - to[1]) + to[1]
end

function image.clip(self, images)
  return ops.clip(images, self.value_range[1], self.value_range[2])
end

-- ---- windows ----------------------------------------------------------------------------------

-- `count` rows (axis 1) or columns (axis 2) from `start` on, which may be known only when it runs.
function image.window(images, axis, start, count)
  if type(start) == "number" then return tools.part(images, axis, start, count) end
  return ops.take(images, ops.arange(0, count, 1, "int32") + start, axis)
end

-- ---- the layer --------------------------------------------------------------------------------

local function check_rank(images)
  local shape = images.shape
  if #shape ~= 3 and #shape ~= 4 then
    core.raise("takes images (height, width, channels) or a batch of them, got shape %s",
      tools.shape_text(shape))
  end
end

-- Images as a batch with channels last, and the way back.
local function unified(self, images)
  check_rank(images)
  local single, first = #images.shape == 3, self.data_format == "channels_first"
  local x = single and ops.expand_dims(images, 0) or images
  if first then x = ops.moveaxis(x, 1, -1) end
  return x, function (y)
    if first then y = ops.moveaxis(y, -1, 1) end
    return single and ops.squeeze(y, 0) or y
  end
end

local known = { "images", "labels", "segmentation_masks", "bounding_boxes" }
local is_known = {}
for _, name in ipairs(known) do is_known[name] = true end

local function check_table(given)
  for name in pairs(given) do
    if not is_known[name] then
      core.raise("takes images alone or a table of images, labels, segmentation_masks and "
        .. "bounding_boxes, not %s%s", declare.show(name), declare.suggestion(name, known))
    end
  end
  if given.images == nil then core.raise("the table has no images") end
end

-- Masks are moved as the images are, by whole pixels, and keep their type.
function image.move_masks(self, masks, draw)
  local moved = self:transform(tools.cast(masks, "float32"), draw, "nearest")
  return tools.cast(moved, masks.dtype)
end

-- What stands beside the images, after this draw.
local function labels_and_masks(self, given, draw)
  local labels, masks = given.labels, given.segmentation_masks
  if labels ~= nil and self.transform_labels then
    local single = #given.images.shape == 3
    labels = self:transform_labels(single and ops.expand_dims(labels, 0) or labels, draw)
    if single then labels = ops.squeeze(labels, 0) end
  end
  local change = self.transform_masks or self.moves_pixels and image.move_masks
  if masks ~= nil and change then
    local x, back = unified(self, masks)
    masks = back(change(self, x, draw))
  end
  return labels, masks
end

-- The table `given`, whose images are `after` now; `before` they were this batch.
local function beside(self, given, after, before, draw, active)
  local result = {
    images = after, labels = given.labels, segmentation_masks = given.segmentation_masks,
  }
  if active then result.labels, result.segmentation_masks = labels_and_masks(self, given, draw) end
  if given.bounding_boxes ~= nil then
    local single = #given.images.shape == 3
    result.bounding_boxes = boxes.beside(self, given.bounding_boxes, draw, before, single, active)
  end
  return result
end

-- A child's `transform_labels` and `transform_masks` get batches too. Of boxes see boxes.lua.
image.Layer = base.layer "BaseImagePreprocessingLayer" {
  abstract = true,
  doc = "changes images",
  several = true,
  args = { boxes.arg },
  default_training = true,
  random = true,             -- does nothing outside training
  init = noise.init,
  draw = function () end,
  call = function (self, given, options)
    local alone = core.is_tensor(given)
    if not alone then check_table(given) end
    local images = alone and given or given.images
    if self.random or self.computes then images = tools.cast(images, "float32") end
    local active, before, draw = options.training or not self.random, nil, nil
    if active then
      local back
      before, back = unified(self, images)
      draw = self:draw(before, options.training)
      images = back(self:transform(before, draw, self.interpolation))
    end
    return alone and images or beside(self, given, images, before, draw, active)
  end,
}

return image
