-- k.utils.plot_history: what fit returned, as curves over the epochs: a panel for every name, with
-- the values of training and of validation.

local core = require "lunula.core"
local declare = require "lunula.declare"
local options = require "lunula.utils.options"
local pointed = require "lunula.utils.pointed"
local svg = require "lunula.utils.pictures.svg"
local words = require "lunula.utils.pictures.words"

local plot_history = {}

local WIDTH <const>, HEIGHT <const> = 360, 250          -- of a panel
local LEFT <const>, RIGHT <const>, TOP <const>, BOTTOM <const> = 58, 14, 46, 34
local COLUMNS <const> = 3

local colours = { train = "#1565c0", validation = "#e65100", grid = "#e3e8eb", axis = "#90a4ae",
  text = "#263238", soft = "#607d8b" }

-- ---- data --------------------------------------------------------------------------------------

local function check_values(name, values)
  if type(values) ~= "table" or #values == 0 then
    core.raise('plot_history: "%s" has no values', tostring(name))
  end
  for i, value in ipairs(values) do
    if type(value) ~= "number" then
      core.raise('plot_history: value %d of "%s" is no number: %s', i, tostring(name),
        declare.show(value))
    end
  end
end

-- Panels by alphabet, loss first: {name, train, validation}.
local function panels_of(history, wanted)
  local values = type(history) == "table" and (history.history or history)
  if not values or next(values) == nil then
    core.raise("plot_history takes what fit returned, or a table of lists by name, got %s",
      declare.show(history))
  end
  local panels, by_name = {}, {}
  for name, list in pairs(values) do
    check_values(name, list)
    local plain = tostring(name):match "^val_(.+)" or tostring(name)
    local panel = by_name[plain]
    if not panel then
      panel = { name = plain }
      by_name[plain], panels[#panels + 1] = panel, panel
    end
    panel[plain == name and "train" or "validation"] = list
  end
  if wanted then
    panels = {}
    for i, name in ipairs(wanted) do
      if not by_name[name] then
        core.raise('plot_history: there is no "%s" in the history', tostring(name))
      end
      panels[i] = by_name[name]
    end
    return panels
  end
  table.sort(panels, function(a, b)
    if (a.name == "loss") ~= (b.name == "loss") then return a.name == "loss" end
    return a.name < b.name
  end)
  return panels
end

local function is_finite(value) return value == value and math.abs(value) < math.huge end

local function extent(panel)
  local low, high, count = math.huge, -math.huge, 0
  for _, list in ipairs { panel.train or {}, panel.validation or {} } do
    count = math.max(count, #list)
    for _, value in ipairs(list) do
      if is_finite(value) then low, high = math.min(low, value), math.max(high, value) end
    end
  end
  if low > high then low, high = 0, 1 end
  if low == high then
    local room = low ~= 0 and math.abs(low) * 0.1 or 0.5
    low, high = low - room, high + room
  end
  return low, high, count
end

-- About `most` round numbers from low to high: 1, 2 or 5 times a power of ten apart.
local function ticks(low, high, most)
  local rough = (high - low) / most
  local power = 10.0 ^ math.floor(math.log(rough, 10))
  local step = 10 * power
  for _, factor in ipairs { 1, 2, 5 } do
    if factor * power >= rough * 0.999 then
      step = factor * power
      break
    end
  end
  local list = {}
  for i = math.floor(low / step), math.ceil(high / step) do list[#list + 1] = i * step end
  return list, step
end

-- A number of the axis, as many places as its step has.
local function tick_text(value, step)
  if step >= 1e5 or step < 1e-4 then return pointed("%.1e", value) end
  local places = math.max(0, math.ceil(-math.log(step, 10) - 1e-9))
  local text = pointed("%." .. ("%d"):format(places) .. "f", value)
  return (text:gsub("^%-(0%.?0*)$", "%1"))
end

-- ---- drawing -----------------------------------------------------------------------------------

local function draw_axes(out, place, frame)
  local list, step = ticks(frame.low, frame.high, 6)
  for _, value in ipairs(list) do
    local _, y = place(1, value)
    if y >= frame.top - 0.5 and y <= frame.bottom + 0.5 then
      out:add("path", { stroke = colours.grid, d = ("M%s %s H%s"):format(words.number(frame.left),
        words.number(y), words.number(frame.right)) })
      out:text(frame.left - 6, y + 3.5, tick_text(value, step),
        { size = 10, anchor = "end", fill = colours.soft })
    end
  end
  for _, epoch in ipairs((ticks(1, math.max(frame.count, 2), 6))) do
    if epoch >= 1 and epoch <= frame.count and epoch % 1 == 0 then
      out:text(place(epoch, frame.low), frame.bottom + 15, ("%d"):format(epoch),
        { size = 10, anchor = "middle", fill = colours.soft })
    end
  end
  out:add("path", { stroke = colours.axis, fill = "none", d = ("M%s %s V%s H%s"):format(
    words.number(frame.left), words.number(frame.top), words.number(frame.bottom),
    words.number(frame.right)) })
end

-- The line breaks where a value is not finite; few values are dots too.
local function draw_curve(out, place, list, colour)
  local parts, pen = {}, "M"
  for epoch, value in ipairs(list) do
    if is_finite(value) then
      local x, y = place(epoch, value)
      parts[#parts + 1] = pen .. words.number(x) .. " " .. words.number(y)
      pen = "L"
      if #list <= 20 then out:add("circle", { cx = x, cy = y, r = 2.2, fill = colour }) end
    else
      pen = "M"
    end
  end
  out:add("path", { d = #parts > 0 and table.concat(parts) or "M0 0", fill = "none",
    stroke = colour, stroke_width = 1.8, stroke_linejoin = "round" })
end

local function draw_legend(out, panel, left)
  out:text(left, 20, words.cut(panel.name, 34),
    { size = 13, bold = true, fill = colours.text, tip = panel.name })
  local x = left
  for _, curve in ipairs { { "train", "training" }, { "validation", "validation" } } do
    local list = panel[curve[1]]
    if list then
      out:add("path", { d = ("M%s 32 h14"):format(words.number(x)), stroke = colours[curve[1]],
        stroke_width = 2.5 })
      local text = curve[2] .. " " .. pointed("%.4g", list[#list])
      out:text(x + 19, 36, text, { size = 11, fill = colours.soft })
      x = x + 34 + words.width(text, 11)
    end
  end
end

local function draw_panel(out, panel)
  local low, high, count = extent(panel)
  local room = (high - low) * 0.04
  local frame = { left = LEFT, right = WIDTH - RIGHT, top = TOP, bottom = HEIGHT - BOTTOM,
    low = low - room, high = high + room, count = count }
  local function place(epoch, value)
    local along = count > 1 and (epoch - 1) / (count - 1) or 0.5
    local up = (value - frame.low) / (frame.high - frame.low)
    return frame.left + 6 + along * (frame.right - frame.left - 12),
      frame.bottom - up * (frame.bottom - frame.top)
  end
  draw_axes(out, place, frame)
  if panel.train then draw_curve(out, place, panel.train, colours.train) end
  if panel.validation then draw_curve(out, place, panel.validation, colours.validation) end
  draw_legend(out, panel, LEFT - 40)
  out:text((frame.left + frame.right) / 2, HEIGHT - 4, "epoch",
    { size = 10, anchor = "middle", fill = colours.soft })
end

-- options: metrics, the names of the panels. Returns the path.
function plot_history.plot_history(history, path, given)
  local o = options.read("plot_history", given, { "metrics" })
  if type(o.metrics) == "string" then o.metrics = { o.metrics } end
  if type(path) ~= "string" or not path:find "%.svg$" then
    core.raise('plot_history writes a file that ends in ".svg", got %s', declare.show(path))
  end
  local panels, out = panels_of(history, o.metrics), svg.new()
  local columns = math.min(#panels, #panels == 4 and 2 or COLUMNS)
  for i, panel in ipairs(panels) do
    local one = svg.new()
    draw_panel(one, panel)
    out:add("g", { transform = ("translate(%d %d)"):format((i - 1) % columns * WIDTH,
      (i - 1) // columns * HEIGHT) }, "\n" .. table.concat(one.parts, "\n") .. "\n")
  end
  svg.write_file("plot_history", path,
    out:finish(columns * WIDTH, (#panels + columns - 1) // columns * HEIGHT + 6))
  return path
end

return plot_history
