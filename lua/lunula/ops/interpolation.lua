-- How much a cell weighs in a new one, by its distance in cells; nothing from `radius` on. `weight`
-- takes a number, `weights` a tensor, for sizes or places that are known only when it runs.

local ops = require("lunula.core").ops

local function lanczos(radius)
  return {
    radius = radius,
    weight = function (d)
      if d >= radius then return 0 end
      if d < 1e-8 then return 1 end
      local angle = math.pi * d
      return radius * math.sin(angle) * math.sin(angle / radius) / (angle * angle)
    end,
    weights = function (d)
      local y = radius * ops.sin(math.pi * d) * ops.sin(math.pi * d / radius)
      local near = ops.less_equal(d, 1e-3)
      y = ops.where(near, 1, y / ops.where(near, 1, math.pi ^ 2 * d * d))
      return ops.where(ops.greater(d, radius), 0, y)
    end,
  }
end

return {
  bilinear = {
    radius = 1,
    weight = function (d) return math.max(0, 1 - d) end,
    weights = function (d) return ops.maximum(1 - d, 0) end,
  },
  bicubic = {
    radius = 2,
    weight = function (d)
      if d >= 2 then return 0 end
      if d >= 1 then return ((-0.5 * d + 2.5) * d - 4) * d + 2 end
      return (1.5 * d - 2.5) * d * d + 1
    end,
    weights = function (d)
      local y = ((1.5 * d - 2.5) * d) * d + 1
      y = ops.where(ops.greater_equal(d, 1), ((-0.5 * d + 2.5) * d - 4) * d + 2, y)
      return ops.where(ops.greater_equal(d, 2), 0, y)
    end,
  },
  lanczos3 = lanczos(3),
  lanczos5 = lanczos(5),
}
