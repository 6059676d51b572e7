-- Where in a text of data something went wrong: `.config.layers[2].config`, counted from 0 as in
-- JSON.
--
-- A reader calls json_path.at(step, fn, …) for every step inwards. An error collects the steps on
-- its way out and is raised anew at the line of the user, once, by the reading that began it.
-- Outside of a reading the steps cost nothing.

local core = require "lunula.core"

local json_path = {}

local reading = false

local Failure = {}

-- "file:line: text" without what stands before the text; the line is told again later.
local function without_line(message)
  local line = core.where() .. ": "
  if message:sub(1, #line) == line then return message:sub(#line + 1) end
  return message
end

local function failure_of(problem)
  if type(problem) ~= "string" then return problem end
  return setmetatable({ path = "", text = without_line(problem),
                        kind = core.error_kind(problem) }, Failure)
end

-- fn(…), one step further inwards.
function json_path.at(step, fn, ...)
  if not reading then return fn(...) end
  local results = table.pack(pcall(fn, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local failure = failure_of(results[2])
  if getmetatable(failure) == Failure then failure.path = step .. failure.path end
  error(failure, 0)
end

-- The step to the i-th element of a list.
function json_path.element(i)
  return ("[%d]"):format(i - 1)
end

local function begin()
  reading = true
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
  local failure = failure_of(results[2])
  if getmetatable(failure) ~= Failure then error(failure, 0) end
  local at = failure.path == "" and "" or "at " .. failure.path .. ": "
  core.raise_as(failure.kind, what .. ": " .. at .. failure.text)
end

return json_path
