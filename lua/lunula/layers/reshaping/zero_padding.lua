-- ZeroPadding1D, ZeroPadding2D, ZeroPadding3D: zeros at the start and end of each spatial axis.

local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local spatial = require "lunula.layers.base.spatial"
local tools = require "lunula.ops.tools"

return spatial.family("ZeroPadding%dD", { 1, 2, 3 }, function (rank)
  local default = { 1, 1 }
  return {
    doc = "x with zeros around it",
    args = {
      { "padding", spatial.borders(rank), default = rank == 1 and 1
        or rank == 2 and default or tools.fill(rank, default), spread = "lists",
        doc = "how many zeros stand at each side: a number, one for each axis, or {before, "
          .. "after} for each axis" },
      { "data_format", kinds.data_format },
    },
    call = function (self, x)
      local before, after = tools.fill(x.rank, 0), tools.fill(x.rank, 0)
      for i, border in ipairs(rank == 1 and { self.padding } or self.padding) do
        local at = spatial.is_first(self) and i + 2 or i + 1
        before[at], after[at] = border[1], border[2]
      end
      return ops.pad_with(x, before, after)
    end,
  }
end)
