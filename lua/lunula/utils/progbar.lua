-- The progress bar of fit, evaluate and predict, in Keras's format.
--
-- On a terminal a line that redraws itself; anywhere else one line when an epoch is done. It only
-- formats and writes; who measures and averages is the trainer.

local core = require "lunula.core"
local verbosity = require "lunula.utils.verbosity"

local progbar = {}
progbar.__index = progbar

local WIDTH <const> = 20
local LEAST_WIDTH <const> = 4   -- a narrower bar says nothing
local REDRAW_SECONDS <const> = 0.05

function progbar.format_value(value)
  if type(value) ~= "number" then return tostring(value) end
  if value ~= value then return "nan" end
  if math.abs(value) > 1e-3 or value == 0 then return string.format("%.4f", value) end
  return string.format("%.4e", value)
end

-- 3725 -> "1:02:05", 65 -> "1:05", 5.4 -> "5s"
function progbar.format_seconds(seconds)
  local s = math.floor(seconds)
  if s > 3600 then
    return string.format("%d:%02d:%02d", s // 3600, s % 3600 // 60, s % 60)
  elseif s > 60 then
    return string.format("%d:%02d", s // 60, s % 60)
  end
  return string.format("%ds", s)
end

function progbar.format_step_time(seconds, unit)
  if seconds >= 1 or seconds == 0 then
    return string.format("%.0fs/%s", seconds, unit)
  elseif seconds >= 1e-3 then
    return string.format("%.0fms/%s", seconds * 1e3, unit)
  end
  return string.format("%.0fus/%s", seconds * 1e6, unit)
end

function progbar.format_logs(logs)
  local words = {}
  for _, entry in ipairs(logs) do
    words[#words + 1] = " - " .. entry[1] .. ": " .. progbar.format_value(entry[2])
  end
  return table.concat(words)
end

-- options: target (steps, nil when unknown), verbose, unit, write (function), columns, live
-- (boolean, default: a terminal).
function progbar.new(options)
  local self = setmetatable({}, progbar)
  self.target = options.target
  self.verbose = options.verbose or 1
  self.unit = options.unit or "step"
  self.title, self.columns = options.title, options.columns
  self.write = options.write or function(text)
    if core.log then return core.log("progress", text) end
    io.stdout:write(text)
    io.stdout:flush()
  end
  self.live = options.live
  if self.live == nil then self.live = self.verbose == 1 and verbosity.is_watched() end
  self.started = core.clock()
  self.drawn = -math.huge
  self.length, self.step = 0, 0
  return self
end

local function blank(n)
  return string.rep(" ", math.max(n, 0))
end

function progbar:counter(step)
  if self.target then
    local width = #tostring(self.target)
    return string.format("%" .. width .. "d/%d", step, self.target)
  end
  return string.format("%7d/Unknown", step)
end

function progbar:bar(step, width)
  if width == 0 then return "" end
  local filled = self.target > 0 and math.min(width, width * step // self.target) or width
  local line = "━"
  return " \27[32m" .. line:rep(filled) .. "\27[0m\27[37m" .. line:rep(width - filled) .. "\27[0m"
end

-- How wide the bar may be: room columns less counter and time, and less the values where they
-- stand on the same line.
local function bar_width(self, room, values, finished)
  if not self.target then return 0 end
  local left = room - values
  if left <= LEAST_WIDTH and finished then left = room end   -- the values go below
  if left <= LEAST_WIDTH then return 0 end
  return math.min(WIDTH, left - 1)   -- a blank stands before it
end

-- The values in `room` columns. A line that will be drawn anew is cut, since one that wraps could
-- not be; the last goes on below, broken between values.
local function fit_values(logs, room, line_room, finished)
  local text = progbar.format_logs(logs)
  if #text <= room then return text, #text end
  if not finished then
    text = text:sub(1, math.max(room, 0))
    return text, #text
  end
  local words, length = {}, line_room   -- so that they begin on a line of their own
  for _, entry in ipairs(logs) do
    local word = progbar.format_logs { entry }
    if length + #word > line_room then words[#words + 1], length = "\n  ", 2 end
    words[#words + 1], length = word, length + #word
  end
  return table.concat(words), length
end

-- Redraws the line after `step` steps. logs: list of {name, value}. finished: last call of the
-- epoch.
function progbar:update(step, logs, finished)
  self.step, logs = step, logs or {}
  if self.verbose ~= 1 or not self.live then return end
  local now = core.clock()
  if not finished and now - self.drawn < REDRAW_SECONDS then return end
  self.drawn = now
  local elapsed = now - self.started
  local per_step = step > 0 and elapsed / step or 0
  local time
  if finished or not self.target then
    time = progbar.format_seconds(elapsed) .. " " .. progbar.format_step_time(per_step, self.unit)
  else
    time = progbar.format_seconds(per_step * (self.target - step))
      .. " " .. progbar.format_step_time(per_step, self.unit)
  end
  local counter = self:counter(step)
  local room = (self.columns or core.columns and core.columns() or 80) - 1
  local words = #counter + 1 + #time
  local width = bar_width(self, room - words, #progbar.format_logs(logs), finished)
  local head = words + (width > 0 and width + 1 or 0)
  local values, length = fit_values(logs, room - head, room, finished)
  local visible = head + length
  self.write("\r\27[1m" .. counter .. "\27[0m" .. self:bar(step, width) .. " \27[1m" .. time
    .. "\27[0m" .. values .. blank(self.length - visible) .. (finished and "\n" or ""))
  self.length, self.finished = visible, finished
end

-- The one line of an epoch where no bar is drawn: "10/10 - 0s - 3us/step - loss: 0.1000".
function progbar:finish(step, logs)
  if self.verbose == 0 then return end
  if self.verbose == 1 and self.live then return self:update(step, logs, true) end
  local elapsed = core.clock() - self.started
  self.write((self.title or "") .. string.format("%d/%d", step, self.target or step)
    .. " - " .. progbar.format_seconds(elapsed)
    .. " - " .. progbar.format_step_time(step > 0 and elapsed / step or 0, self.unit)
    .. progbar.format_logs(logs) .. "\n")
end

-- A line that is left half drawn, by an error or Ctrl-C, must not swallow what is printed next.
function progbar:__close()
  if self.live and self.verbose == 1 and self.length > 0 and not self.finished then
    self.write("\n")
  end
end

-- n more steps are done.
function progbar:add(n, logs)
  self:update(self.step + n, logs, self.target ~= nil and self.step + n >= self.target)
end

return progbar
