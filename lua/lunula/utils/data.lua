-- Small tools for data: one-hot labels, padded sequences, unit rows, a split in two.

local core = require "lunula.core"
local declare = require "lunula.declare"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local options = require "lunula.utils.options"

local data = {}

-- Class ids -> one-hot rows of float32; a last axis of size 1 is dropped first.
function data.to_categorical(x, num_classes)
  if declare.only_names(num_classes) then
    num_classes = options.read("to_categorical", num_classes, { "num_classes" }).num_classes
  end
  x = tools.tensor("to_categorical", x)
  num_classes = options.count("to_categorical", "num_classes", num_classes)
  local shape = x.shape
  if #shape > 1 and shape[#shape] == 1 then x = ops.squeeze(x, -1) end
  local ids = ops.cast(x, "int32")
  if ids.size == 0 and not num_classes then
    core.raise "to_categorical: there are no class ids to count the classes by: give num_classes"
  elseif ids.size == 0 then
    return ops.one_hot(ids, num_classes)
  end
  num_classes = num_classes or math.tointeger(ops.max(ids):item()) + 1
  local least, most = ops.min(ids):item(), ops.max(ids):item()
  if least < 0 or most >= num_classes then
    core.raise("to_categorical: class ids must lie in 0..%d, got %d", num_classes - 1,
      math.tointeger(least < 0 and least or most))
  end
  return ops.one_hot(ids, num_classes)
end

-- Rows of length 1 (order 2 by default) along the axis.
function data.normalize(x, axis, order)
  if declare.only_names(axis) then
    local o = options.read("normalize", axis, { "axis", "order" })
    axis, order = o.axis, o.order
  end
  return ops.normalize(tools.tensor("normalize", x), axis or -1, order or 2)
end

local pad_options = { "maxlen", "dtype", "padding", "truncating", "value" }

local function check_side(name, value)
  if value ~= "pre" and value ~= "post" then
    core.raise("pad_sequences: %s must be \"pre\" or \"post\", got %s", name, tostring(value))
  end
end

-- Lists of numbers of any length -> a (n, maxlen) tensor. Options: maxlen, dtype, padding,
-- truncating, value.
function data.pad_sequences(sequences, given)
  local o = options.read("pad_sequences", given, pad_options)
  local padding, truncating, value = o.padding or "pre", o.truncating or "pre", o.value or 0
  check_side("padding", padding)
  check_side("truncating", truncating)
  if type(sequences) ~= "table" then
    core.raise("pad_sequences takes a list of lists of numbers, got %s", type(sequences))
  end
  if declare.only_names(sequences) then
    core.raise("pad_sequences takes a list of lists of numbers, got %s", declare.show(sequences))
  end
  local longest = 0
  for i, sequence in ipairs(sequences) do
    if type(sequence) ~= "table" or declare.only_names(sequence) then
      core.raise("pad_sequences: sequence %d is no list but %s", i,
        type(sequence) == "table" and declare.show(sequence) or type(sequence))
    end
    longest = math.max(longest, #sequence)
  end
  local maxlen = options.count("pad_sequences", "maxlen", o.maxlen) or longest
  local dtype = o.dtype or "int32"
  options.number("pad_sequences", "value", value)
  local rows = ops.full({ #sequences, maxlen }, value, dtype)
  for i, sequence in ipairs(sequences) do
    local count = math.min(#sequence, maxlen)
    local first = truncating == "pre" and #sequence - count + 1 or 1
    local before = padding == "pre" and maxlen - count or 0
    if count > 0 then
      rows[{ i, { before + 1, before + count } }] = core.tensor(
        table.move(sequence, first, first + count - 1, 1, {}), { dtype = dtype })
    end
  end
  return rows
end

-- The first `fraction` of the rows and the rest: split(x, 0.8) -> two tensors; split({x, y}, 0.8)
-- -> two lists.
function data.split(x, fraction)
  if type(fraction) ~= "number" or fraction <= 0 or fraction >= 1 then
    core.raise("split: the fraction must lie between 0 and 1, got %s", tostring(fraction))
  end
  local function cut(one)
    one = tools.tensor("split", one)
    if one.rank == 0 then core.raise("split: a scalar has no rows") end
    local n = tools.known_size("split", one, 0)
    local point = math.floor(n * fraction)
    local function rows(first, count)
      local starts, counts = { first }, { count }
      for i = 2, one.rank do starts[i], counts[i] = 0, -1 end
      return ops.slice(one, starts, counts)
    end
    return rows(0, point), rows(point, n - point)
  end
  if type(x) == "table" and core.is_tensor(x[1]) then
    local left, right = {}, {}
    for i, one in ipairs(x) do left[i], right[i] = cut(one) end
    return left, right
  end
  return cut(x)
end

return data
