-- get_item: Python's x[key] as an op, under the rules of Python: positions count from 0, below 0
-- from the end, and a slice that reaches too far stops at the end.
--
-- A key is a list of: a number (the axis goes away), {start=, stop=, step=} ({} is a whole axis),
-- "..." (the axes in between), false (a new axis).

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.op

-- ---- along one axis ---------------------------------------------------------------------------

local function cut(x, axis, start, count, step)
  if start == 0 and count == -1 and step == 1 then return x end
  local starts, counts = tools.fill(x.rank, 0), tools.fill(x.rank, -1)
  local steps = tools.fill(x.rank, 1)
  starts[axis + 1], counts[axis + 1], steps[axis + 1] = start, count, step
  return ops.slice_steps(x, starts, steps, counts)
end

-- What Python's slice.indices does; the size of the axis need not be known.
local function sliced(x, axis, slice)
  local n, step = tools.size(x, axis), slice.step or 1
  local low, high = step > 0 and 0 or -1, step > 0 and n or n - 1
  local function position(i, default)
    if not i then return default end
    return tools.max(low, tools.min(i < 0 and n + i or i, high))
  end
  if slice.start or slice.stop then
    local start = position(slice.start, step > 0 and low or high)
    local stop = position(slice.stop, step > 0 and high or low)
    if step < 0 then start, stop = stop + 1, start + 1 end
    x = tools.part(x, axis, start, tools.max(stop - start, 0))
  end
  if step < 0 then x = ops.flip(x, axis) end
  return cut(x, axis, 0, -1, math.abs(step))
end

local function picked(x, axis, n, i)
  if n then
    if i < -n or i >= n then
      core.raise("get_item: axis %d has %d elements, there is no number %d", axis, n, i)
    end
    x = cut(x, axis, i < 0 and i + n or i, 1, 1)
  elseif i < 0 then
    x = tools.part(x, axis, tools.size(x, axis) + i, 1)
  else
    x = cut(x, axis, i, 1, 1)
  end
  return ops.squeeze(x, axis)
end

-- ---- all axes ---------------------------------------------------------------------------------

local function is_slice(item)
  return type(item) == "table" and #item == 0
end

local function check(item, axis)
  core.refuse_index(item, axis)
  if item == false or item == "..." or math.tointeger(item) then return end
  if is_slice(item) then
    for name, value in pairs(item) do
      if name ~= "start" and name ~= "stop" and name ~= "step" or not math.tointeger(value)
        or name == "step" and value == 0 then
        core.raise("get_item: a slice has integers named start, stop and step, got %s = %s",
          tostring(name), tostring(value))
      end
    end
    return
  end
  core.raise("get_item: a key has numbers, slices as {start = 1, stop = 3}, \"...\" and false, "
    .. "got %s", tostring(item))
end

-- The key with a whole slice for every axis that it does not name.
local function completed(key, rank)
  local used, dots = 0, nil
  for i, item in ipairs(key) do
    check(item, used)
    if item == "..." then
      if dots then core.raise("get_item: a key has one \"...\" at most") end
      dots = i
    elseif item ~= false then
      used = used + 1
    end
  end
  if used > rank then
    core.raise("get_item: %d axes are named, the tensor has rank %d", used, rank)
  end
  local whole = {}
  for i = 1, rank - used do whole[i] = {} end
  dots = dots or #key + 1
  local list = table.move(key, 1, dots - 1, 1, {})
  table.move(whole, 1, #whole, #list + 1, list)
  return table.move(key, dots + 1, #key, #list + 1, list)
end

op("get_item", "x, key:any", "Python's x[key]: numbers, slices {start=, stop=, step=}, \"...\", "
  .. "and false for a new axis.", function (x, key)
    core.refuse_index(key, 0)
    if type(key) ~= "table" or is_slice(key) then key = { key } end
    local axis = 0
    for _, item in ipairs(completed(key, x.rank)) do
      if item == false then
        x = ops.expand_dims(x, axis)
        axis = axis + 1
      elseif type(item) == "number" then
        x = picked(x, axis, x.shape[axis + 1], math.tointeger(item))
      else
        x = sliced(x, axis, item)
        axis = axis + 1
      end
    end
    return x
  end, { file_called = "key" })
