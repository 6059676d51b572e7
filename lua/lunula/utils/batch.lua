-- A batch as a train step gets it: x alone, or {x, y} or {x, y, sample_weight}, as Keras's tuples.
-- Inputs that are a list stand in one of their own, {{a, b}}, since {a, b} would be x and y.

local core = require "lunula.core"
local declare = require "lunula.declare"

local batch = {}

local function is_list(x)
  return declare.is_plain(x) and #x > 0
end

-- The argument of a call from a flat list: structure is "single", "list" or names in order.
function batch.of(list, structure)
  if structure == "single" then return list[1] end
  if structure == "list" then return list end
  local named = {}
  for i, name in ipairs(structure) do named[name] = list[i] end
  return named
end

function batch.pack(x, y, sample_weight)
  if sample_weight ~= nil then return { x, y == nil and core.None or y, sample_weight } end
  if y ~= nil then return { x, y } end
  return is_list(x) and { x } or x
end

local function given(value)
  if value ~= core.None and value ~= false then return value end
end

-- Returns x, y, sample_weight; nil for what is not there.
function batch.unpack(data)
  if not is_list(data) then return data end
  if #data > 3 then
    core.raise("unpack_x_y_sample_weight: a batch is x, {x, y} or {x, y, sample_weight}, got a "
      .. "list of %d", #data)
  end
  return data[1], given(data[2]), given(data[3])
end

return batch
