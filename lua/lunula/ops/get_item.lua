-- get_item: Python's x[key] as an op, under the rules of Python: positions count from 0, below 0
-- from the end, and a slice that reaches too far stops at the end.
--
-- A key is a list of: a number (the axis goes away), {start=, stop=, step=} ({} is a whole axis),
-- "..." (the axes in between), false (a new axis). An axis of unknown size can be cut at both ends
-- all the same: what counts from its end is cut when the axis is turned round.

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

local function clamp(i, low, high)
  return math.max(low, math.min(i, high))
end

-- What Python's slice.indices does, for an axis of n elements.
local function sliced(x, axis, n, slice)
  local step = slice.step or 1
  local low, high = step > 0 and 0 or -1, step > 0 and n or n - 1
  local function position(i, default)
    if not i then return default end
    return clamp(i < 0 and i + n or i, low, high)
  end
  local start = position(slice.start, step > 0 and low or high)
  local stop = position(slice.stop, step > 0 and high or low)
  if step > 0 then
    return cut(x, axis, start, math.max(0, (stop - start + step - 1) // step), step)
  end
  local count = math.max(0, (start - stop - step - 1) // -step)
  if count == 0 then return cut(x, axis, 0, 0, 1) end
  return ops.flip(cut(x, axis, start + (count - 1) * step, count, -step), axis)
end

local function from_end(x, axis, start, count)
  return ops.flip(cut(ops.flip(x, axis), axis, start, count, 1), axis)
end

local function sliced_unknown(x, axis, slice)
  local start, stop, step = slice.start or 0, slice.stop, slice.step or 1
  if step < 0 then
    if slice.start or stop or step ~= -1 then
      core.raise("get_item: the size of axis %d must be known to go through it in steps of %d",
        axis, step)
    end
    return ops.flip(x, axis)
  end
  if stop and stop < 0 then
    x = from_end(x, axis, -stop, -1)
    if start < 0 then return cut(from_end(x, axis, 0, stop - start), axis, 0, -1, step) end
    stop = nil
  elseif start < 0 then
    if stop then
      core.raise("get_item: the size of axis %d must be known to go from %d to %d", axis, start,
        stop)
    end
    return cut(from_end(x, axis, 0, -start), axis, 0, -1, step)
  end
  return cut(x, axis, start, stop and math.max(0, (stop - start + step - 1) // step) or -1, step)
end

local function picked(x, axis, n, i)
  if n then
    if i < -n or i >= n then
      core.raise("get_item: axis %d has %d elements, there is no number %d", axis, n, i)
    end
    x = cut(x, axis, i < 0 and i + n or i, 1, 1)
  elseif i < 0 then
    x = from_end(x, axis, -i - 1, 1)
  else
    x = cut(x, axis, i, 1, 1)
  end
  return ops.squeeze(x, axis)
end

-- ---- all axes ---------------------------------------------------------------------------------

local function is_slice(item)
  return type(item) == "table" and #item == 0
end

local function check(item)
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
    check(item)
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
    if type(key) ~= "table" or is_slice(key) then key = { key } end
    local axis = 0
    for _, item in ipairs(completed(key, x.rank)) do
      if item == false then
        x = ops.expand_dims(x, axis)
        axis = axis + 1
      elseif type(item) == "number" then
        x = picked(x, axis, x.shape[axis + 1], math.tointeger(item))
      else
        local size = x.shape[axis + 1]
        x = size and sliced(x, axis, size, item) or sliced_unknown(x, axis, item)
        axis = axis + 1
      end
    end
    return x
  end, { file_called = "key" })
