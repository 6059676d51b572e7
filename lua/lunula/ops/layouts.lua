-- Images in one form for the ops of images: a batch, with channels last.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local tools = require "lunula.ops.tools"

local ops = core.ops
local layouts = {}

-- The images as (batch, height, width, channels), and how to give a result their form and their
-- type back.
function layouts.unified(name, images, data_format)
  if images.rank ~= 3 and images.rank ~= 4 then
    core.raise("image.%s: images have 3 axes, or 4 with the batch: they are %s", name,
      tools.shape_text(images.shape))
  end
  local single = images.rank == 3
  local first = config.layout(data_format) == "channels_first"
  local x = single and ops.expand_dims(images, 0) or images
  if first then x = ops.moveaxis(x, 1, -1) end
  return x, function (y)
    y = tools.like(y, images)
    if first then y = ops.moveaxis(y, -1, 1) end
    return single and ops.squeeze(y, 0) or y
  end
end

return layouts
