-- Blocks of images, segments of rows.

local from = require "spec.support.ops_inputs"
local real = from.real

local images = real { 2, 3, 4, 6 }
local ids = from.exact({ 1, 0, 1, 2, 0 }, { dtype = "int32" })
local rows = real { 5, 3 }

local function segment(name, more)
  local row = { name, { rows, ids }, { num_segments = 3 }, grad = { 1 }, second = false,
    free = { { 0 }, { 0 } }, batches = false }
  for key, value in pairs(more or {}) do row[key] = value end
  return row
end

return {
  { "unfold", { images }, { kernel_size = 2 } },
  { "unfold", { images }, { kernel_size = { 2, 3 }, stride = { 1, 2 } } },
  { "unfold", { images }, { kernel_size = 2, dilation = 2, padding = 1 } },
  { "fold", { real { 2, 12, 15 } }, { output_size = { 4, 6 }, kernel_size = 2 } },
  { "fold", { real { 2, 8, 12 } },
    { output_size = { 3, 6 }, kernel_size = 2, stride = { 1, 3 }, padding = { 1, 1 } } },
  { "space_to_depth", { real { 2, 4, 6, 3 } }, { block_size = 2 } },
  { "depth_to_space", { real { 2, 2, 3, 8 } }, { block_size = 2 } },
  { "psnr", { real { 3, 4 }, real { 3, 4, seed = 2 } }, { max_val = 2 } },
  segment "segment_max", segment "segment_min", segment "segment_prod",
  { "segment_max", { from.exact({ 5, -7, 3 }, { dtype = "int32" }),
    from.exact({ 1, 1, 0 }, { dtype = "int32" }) }, { num_segments = 2 }, free = false },
}
