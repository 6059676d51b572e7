-- k.data: where pipelines begin. Their methods stand in pipeline.lua.

local core = require "lunula.core"
local declare = require "lunula.declare"
local pipeline = require "lunula.data.pipeline"
local rows = require "lunula.data.rows"

local data = { zip = pipeline.zip, AUTOTUNE = -1 }

-- Is the value a tensor, or a table of tensors by name?
local function holds_tensors(value)
  if core.is_tensor(value) then return true end
  if type(value) ~= "table" or value[1] ~= nil or next(value) == nil then return false end
  for _, inner in pairs(value) do
    if not core.is_tensor(inner) then return false end
  end
  return true
end

local function of_list(list)
  return pipeline.new(function()
    local at = 0
    return function()
      at = at + 1
      return list[at]
    end
  end, #list)
end

-- An iterator gives one pass; a function that returns an iterator gives as many as are wanted.
local function of_function(f)
  return pipeline.new(function()
    local first = table.pack(f())
    if type(first[1]) == "function" then return first[1] end
    return function()
      local element = first or table.pack(f())
      first = nil
      return table.unpack(element, 1, element.n)
    end
  end)
end

-- from(x, y): the rows of tensors, or of tables of tensors by name. from { … }: the values of a
-- list, one by one. from(f): what an iterator gives, or a function that returns one.
function data.from(...)
  local values = table.pack(...)
  local first = values[1]
  if values.n == 1 and type(first) == "function" then return of_function(first) end
  if values.n == 1 and type(first) == "table" and first[1] ~= nil then return of_list(first) end
  for i = 1, values.n do
    if core.is_variable(values[i]) then values[i] = values[i].value end
    if not holds_tensors(values[i]) then
      core.raise("k.data.from takes tensors, tables of tensors by name, one list or one function; "
        .. "value %d is %s", i, type(values[i]))
    end
  end
  if values.n == 0 then core.raise "k.data.from takes tensors, a list or a function" end
  return rows.new(values, rows.count("k.data.from", values))
end

-- The whole numbers from 0 to below n, or from a to below b, in steps of 1 or of `step`, which may
-- go down.
function data.range(a, b, step)
  if b == nil then a, b = 0, a end
  local first, last = math.tointeger(a), math.tointeger(b)
  step = step == nil and 1 or math.tointeger(step)
  if not (first and last and step) then
    core.raise "k.data.range takes whole numbers: range(n), range(a, b) or range(a, b, step)"
  end
  if step == 0 then core.raise "k.data.range: the step must not be 0" end
  local away = step > 0 and 1 or -1
  local count = math.max((last - first + step - away) // step, 0)
  return pipeline.new(function()
    local at = 0
    return function()
      if at == count then return nil end
      at = at + 1
      return first + (at - 1) * step
    end
  end, count)
end

-- The lines of text files, without their ends; files are opened when they are reached.
function data.lines(paths)
  if type(paths) == "string" then paths = { paths } end
  if type(paths) ~= "table" or declare.only_names(paths) then
    core.raise("k.data.lines takes a path or a list of them, got %s", declare.show(paths))
  end
  for i, path in ipairs(paths) do
    if type(path) ~= "string" then
      core.raise("k.data.lines: value %d of the list is no path but a %s", i, type(path))
    end
  end
  return pipeline.new(function()
    local at, file = 0, nil
    return function()
      while true do
        local line, problem
        if file then line, problem = file:read "l" end
        if line then return line end
        if file then file:close() end
        if problem then core.raise("k.data.lines: %s: %s", paths[at], problem) end
        at = at + 1
        if not paths[at] then return nil end
        file, problem = io.open(paths[at])
        if not file then core.raise("k.data.lines: %s", problem) end
      end
    end
  end)
end

return data
