-- How much a cell weighs in a new one, by its distance in cells; nothing from `radius` on.

local function lanczos(radius)
  return {
    radius = radius,
    weight = function (d)
      if d >= radius then return 0 end
      if d < 1e-8 then return 1 end
      local angle = math.pi * d
      return radius * math.sin(angle) * math.sin(angle / radius) / (angle * angle)
    end,
  }
end

return {
  bilinear = { radius = 1, weight = function (d) return math.max(0, 1 - d) end },
  bicubic = {
    radius = 2,
    weight = function (d)
      if d >= 2 then return 0 end
      if d >= 1 then return ((-0.5 * d + 2.5) * d - 4) * d + 2 end
      return (1.5 * d - 2.5) * d * d + 1
    end,
  },
  lanczos3 = lanczos(3),
  lanczos5 = lanczos(5),
}
