-- Where in a text of data something went wrong: `.config.layers[2].config`, counted from 0 as in
-- JSON.
--
-- A reader calls json_path.at(step, fn, …) for every step inwards. The steps lie on a stack, which
-- an error leaves as it is: the reading that began them takes the place from there, and raises the
-- error anew at the line of the user. Outside of a reading the steps cost nothing.

local core = require "lunula.core"

local json_path = {}

local reading = false
local steps, depth = {}, 0

-- "file:line: text" without what stands before the text; the line is told again later.
local function without_line(message)
  local line = core.where() .. ": "
  if message:sub(1, #line) == line then return message:sub(#line + 1) end
  return message
end

local function back_to(level, ...)
  depth = level
  return ...
end

-- fn(…), one step further inwards: ".config", or the number of an element.
function json_path.at(step, fn, ...)
  if not reading then return fn(...) end
  local level = depth
  depth = level + 1
  steps[depth] = step
  return back_to(level, fn(...))
end

-- Where an error is on its way: these steps led to it, from the last call of `at` inwards.
function json_path.deeper(...)
  for i = 1, reading and select("#", ...) or 0 do
    depth = depth + 1
    steps[depth] = json_path.step((select(i, ...)))
  end
end

-- The step to a key of a table: a position stays a number until somebody asks for the place.
function json_path.step(key)
  return math.type(key) == "integer" and key or "." .. tostring(key)
end

-- The step to the i-th element of a list.
function json_path.element(i)
  return ("[%d]"):format(i - 1)
end

local function place()
  local words = {}
  for i = 1, depth do
    local step = steps[i]
    words[i] = math.type(step) == "integer" and json_path.element(step) or step
  end
  return table.concat(words)
end

-- pcall for a part of a reading that may fail: the steps are again where they were. A problem in
-- words is told without its line.
function json_path.try(fn, ...)
  local level = depth
  local ok, result = pcall(fn, ...)
  depth = level
  if not ok and type(result) == "string" then result = without_line(result) end
  return ok, result
end

local function begin()
  reading, depth = true, 0
  return setmetatable({}, { __close = function () reading = false end })
end

-- fn(…), whose errors tell the place. `what` names the function that the user called. Inside of
-- another reading it is a part of that one.
function json_path.reading(what, fn, ...)
  if reading then return fn(...) end
  local results
  do
    local _ <close> = begin()
    results = table.pack(pcall(fn, ...))
  end
  if results[1] then return table.unpack(results, 2, results.n) end
  local problem = results[2]
  if type(problem) ~= "string" then error(problem, 0) end
  local at = depth == 0 and "" or "at " .. place() .. ": "
  core.raise_as(core.error_kind(problem), what .. ": " .. at .. without_line(problem))
end

return json_path
