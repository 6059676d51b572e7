-- Cropping1D, Cropping2D, Cropping3D: without so many cells at the start and end of each spatial
-- axis.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local spatial = require "lunula.layers.base.spatial"
local tools = require "lunula.ops.tools"

-- The axis without its last cells when its size is unknown: cut off from the other end.
local function cut_end(x, axis, count)
  return ops.flip(tools.part(ops.flip(x, axis), axis, count, -1), axis)
end

local function crop(self, x)
  local shape, starts, counts = x.shape, tools.fill(x.rank, 0), tools.fill(x.rank, -1)
  local borders = self.rank == 1 and { self.cropping } or self.cropping
  local open = {}
  for i, border in ipairs(borders) do
    local at = spatial.is_first(self) and i + 2 or i + 1
    local n = shape[at]
    starts[at] = border[1]
    if n and border[1] + border[2] >= n then
      core.raise("cropping=%s leaves nothing of an input of shape %s",
        declare.show(self.cropping), tools.shape_text(shape))
    elseif n then
      counts[at] = n - border[1] - border[2]
    elseif border[2] > 0 then
      open[#open + 1] = { at - 1, border[2] }
    end
  end
  local y = ops.slice_steps(x, starts, nil, counts)
  for _, cut in ipairs(open) do y = cut_end(y, cut[1], cut[2]) end
  return y
end

return spatial.family("Cropping%dD", { 1, 2, 3 }, function (rank)
  local border = rank == 2 and 0 or 1
  local default = { border, border }
  return {
    doc = "x without its first and last cells",
    args = {
      { "cropping", spatial.borders(rank), default = rank == 1 and default
        or tools.fill(rank, default), spread = "lists" },
      rank > 1 and { "data_format", kinds.data_format } or nil,
    },
    call = crop,
  }
end)
