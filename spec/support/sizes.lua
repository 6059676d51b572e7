-- Sizes that are not known in a trace. A pattern says which: "1.0" is axis 0 of input 1 (from 0),
-- "*.0" axis 0 of the first input and of all others that have the same size there. The same names
-- stand in spec/golden/sizes_ops.json and sizes_layers.json, written by recorder/sizes.py.

local core = require "lunula.core"

local sizes = {}

local function copy(list) return table.move(list, 1, #list, 1, {}) end

-- Each pattern of the shapes with, for each input, a set of axes (from 1).
function sizes.patterns(shapes)
  local found = {}
  for i, shape in ipairs(shapes) do
    for axis, size in ipairs(shape) do
      local alone, together, n = {}, {}, 0
      for k, other in ipairs(shapes) do
        alone[k] = { [axis] = k == i or nil }
        together[k] = { [axis] = other[axis] == size or nil }
        n = n + (other[axis] == size and 1 or 0)
      end
      if i == 1 and n > 1 then found[("*.%d"):format(axis - 1)] = together end
      found[("%d.%d"):format(i - 1, axis - 1)] = alone
    end
  end
  return found
end

-- The shapes with `false` for what is unknown, or with change(size).
function sizes.changed(shapes, pattern, change)
  local list = {}
  for i, shape in ipairs(shapes) do
    list[i] = copy(shape)
    for axis in pairs(pattern[i]) do
      list[i][axis] = change and change(shape[axis]) or false
    end
  end
  return list
end

-- What an op cannot take apart, strings and wide numbers, as a table.
local function resized_table(x, shape, axis)
  if axis > #shape then return x end
  local y = {}
  for i = 1, shape[axis] do y[i] = resized_table(x[(i - 1) % #x + 1], shape, axis + 1) end
  return y
end

-- The tensor with another shape: fewer elements along an axis, or the first ones again.
function sizes.resized(x, shape)
  if x.dtype == "string" or x.dtype == "int64" then
    return core.tensor(resized_table(x:totable(), shape, 1), { dtype = x.dtype })
  end
  for axis, n in ipairs(shape) do
    local old = x.shape[axis]
    if n ~= old then
      local ids = {}
      for i = 1, n do ids[i] = (i - 1) % old end
      local dtype = x.dtype
      x = core.ops.take(x, core.tensor(ids, { dtype = "int32", shape = { n } }), axis - 1)
      x = core.ops.cast(x, dtype)
    end
  end
  return x
end

-- "2,?;3" for (2, None) and (3,).
function sizes.text(results)
  local texts = {}
  for i, y in ipairs(results) do
    local words = {}
    for k, size in ipairs(y.shape) do words[k] = size and ("%d"):format(size) or "?" end
    texts[i] = #words > 0 and table.concat(words, ",") or "()"
  end
  return table.concat(texts, ";")
end

-- Is every size the wanted one? A size that Keras leaves open may be told: a run shows it right.
-- And where an unknown size stands beside 1, Keras takes it for 1, though it may be repeated.
function sizes.tells(given, wanted)
  if #given:gsub("[^,;]", "") ~= #wanted:gsub("[^,;]", "") then return false end
  local next_given = given:gmatch "[^,;]+"
  for word in wanted:gmatch "[^,;]+" do
    local own = next_given()
    local open = word == "?" and own:find "^%d+$" or word == "1" and own == "?"
    if own ~= word and not open then return false end
  end
  return given:gsub("[^;]", "") == wanted:gsub("[^;]", "")
end

-- One size less, and twice as many.
sizes.others = {
  function (n) return n > 1 and n - 1 or n end,
  function (n) return 2 * n end,
}

return sizes
