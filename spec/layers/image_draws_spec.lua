-- What layers of images do with draws of Keras (spec/golden/image_draws.json): images, labels,
-- masks and boxes by number.

local core = require "lunula.core"
local k = require "lunula"
local ops = require "lunula.ops"
local golden = require "spec.support.golden"

-- (b) as (b, 1, 1, 1)
local function over_pixels(x) return ops.reshape(x, { x.shape[1], 1, 1, 1 }) end

local function chosen(x) return ops.less(0, over_pixels(x)) end

local function column(x, i)
  return ops.slice(x, { 0, i }, { x.shape[1], 1 })
end

-- Keras's draw of a class as ours is; at(name) is a tensor of it.
local ours = {}

function ours.RandomHue(at) return over_pixels(at "factor") end
ours.RandomSaturation, ours.RandomSharpness = ours.RandomHue, ours.RandomHue
ours.RandomColorDegeneration = ours.RandomHue
function ours.RandomPosterization(at) return ops.power(2.0, over_pixels(at "shift_factor")) end
function ours.Solarization(at)
  return { addition = at "additions", threshold = at "thresholds" }
end
function ours.RandomInvert(at) return chosen(at "apply_inversion") end
function ours.RandomGrayscale(at) return chosen(at "") end
function ours.RandomBrightness(at, layer)
  return at "rgb_delta" / (layer.value_range[2] - layer.value_range[1])
end
function ours.RandomContrast(at) return at "contrast_factor" end
function ours.RandomFlip(at) return ops.less(0, at "flips") end
function ours.RandomRotation(at) return ops.expand_dims(at "angle", 1) * (math.pi / 180) end
function ours.RandomTranslation(at)
  local ways = at "translations"
  return { right = column(ways, 0), down = column(ways, 1) }
end
function ours.RandomZoom(at) return { tall = at "height_zoom", wide = at "width_zoom" } end
function ours.RandomShear(at)
  local factors = at "shear_factor"
  return { x = column(factors, 0), y = column(factors, 1) }
end
function ours.RandomErasing(at)
  return { mask = ops.logical_and(ops.less(0, at "batch_masks"), chosen(at "apply_erasing")),
    filling = at "fill_value" }
end
function ours.RandomGaussianBlur(at)
  return { chosen = chosen(at "should_apply_blur"), sigma = at "blur_factor" }
end
function ours.RandomPerspective(at)
  return { chosen = chosen(at "apply_perspective"), from = at "start_points",
    to = at "end_points" }
end
function ours.MixUp(at)
  return { order = ops.cast(at "permutation_order", "int32"),
    weight = ops.reshape(at "mix_weight", { -1, 1 }) }
end
function ours.CutMix(at)
  return { order = ops.cast(at "permutation_order", "int32"),
    weight = ops.reshape(at "mix_weight", { -1, 1 }),
    mask = ops.slice(ops.less(0, at "batch_masks"), { 0, 0, 0, 0 }, { -1, -1, -1, 1 }) }
end

-- The name of Keras's attribute that holds a layer.
local function attribute(layer) return layer and layer.name:gsub("_%d+$", "") end

-- The draws of the layers inside, from the path that path_of(attribute) gives; false without one.
local function inner_draws(layer, at, path_of)
  local draws = {}
  for i, one in ipairs(layer._layers) do
    local path, change = path_of(attribute(one)), ours[k.layers.serialize(one).class_name]
    draws[i] = path and change and change(function (name)
      return at(path .. "/" .. name)
    end, one) or false
  end
  return draws
end

function ours.RandAugment(at, layer)
  return { numbers = at "layer_idxes", draws = inner_draws(layer, at, function (name)
    return "transforms/" .. name
  end) }
end

-- Links that Keras leaves out have the number behind the last layer.
function ours.AugMix(at, layer)
  local numbers, draws, depth = {}, {}, layer.chain_depth
  for link = 1, layer.num_chains * depth do
    local path = ("chain_transforms/%d/%d"):format((link - 1) // depth, (link - 1) % depth)
    numbers[link] = #layer._layers
    for i, one in ipairs(layer._layers) do
      if at(path .. "/layer_name=" .. attribute(one)) then numbers[link] = i - 1 end
    end
    local chosen_one = attribute(layer._layers[numbers[link] + 1])
    draws[link] = inner_draws(layer, at, function (name)
      return name == chosen_one and path .. "/transformation"
    end)
  end
  return { numbers = core.tensor(numbers), draws = draws, weight = at "weight_sample",
    shares = at "chain_mixing_weights" }
end

-- Where Keras is wrong, or refused here with a reason: outputs of all cases of a class.
local differs = {}
for class, names in pairs {
  MixUp = "segmentation_masks box_labels", -- pixels of the flat masks; labels behind the batch
  CutMix = "segmentation_masks",        -- ... as many channels as the images have
  CenterCrop = "segmentation_masks",    -- ... mixes class numbers where it enlarges
  RandomShear = "boxes box_labels",     -- ... takes shares of the sides for pixels
  AugMix = "segmentation_masks boxes box_labels",  -- mixes class numbers, leaves boxes; refused
} do
  differs[class] = {}
  for name in names:gmatch "%S+" do differs[class][name] = true end
end

-- Outputs by our names.
local function outputs_of(layer, given)
  local found = layer(given, { training = true })
  local boxes = found.bounding_boxes or {}
  found.boxes, found.box_labels = boxes.boxes, boxes.labels
  return found
end

local function inputs_of(case)
  local other, given = differs[case.class_name] or {}, {}
  for name, record in pairs(case.inputs) do given[name] = golden.tensor(record) end
  if other.segmentation_masks then given.segmentation_masks = nil end
  if case.outputs.boxes and not other.boxes then
    given.bounding_boxes = { boxes = given.boxes, labels = given.box_labels }
  end
  given.boxes, given.box_labels = nil, nil
  return given
end

local function check(case)
  local options = { bounding_box_format = "xyxy" }
  for name, value in pairs(case.options) do options[name] = value end
  local layer = k.layers[case.class_name](options)
  local function at(name)
    local record = case.draw[name]
    return record and golden.tensor(record)
  end
  local change = ours[case.class_name]
  if change then
    local draw = change(at, layer)
    function layer.draw() return draw end
  end
  local found, other = outputs_of(layer, inputs_of(case)), differs[case.class_name] or {}
  for name, record in pairs(case.outputs) do
    if not other[name] then
      assert.near_all(found[name], golden.tensor(record), name == "images" and 2e-4 or 1e-4)
    end
  end
end

describe("Keras's draws", function ()
  for i, case in ipairs(golden.read "image_draws.json") do
    it(("in %s, case %d"):format(case.class_name, i), function () check(case) end)
  end
end)
