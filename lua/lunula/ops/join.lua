-- Tensors side by side, and tensors in parts. Parts are slices.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.op

-- ---- joining ----------------------------------------------------------------------------------

op("stack", "x:tensors, axis:int=0", "Tensors of one shape, side by side along a new axis.",
  function (x, axis)
    if #x == 0 then core.raise("stack: there is nothing to stack") end
    local parts = table.move(x, 1, #x, 1, {})
    axis = tools.axis("stack", axis, parts[1].rank + 1)
    for i, part in ipairs(parts) do parts[i] = ops.expand_dims(part, axis) end
    return tools.joined(parts, axis)
  end)

op("append", "x1, x2, axis:int=nil", "x2 behind x1 along an axis (None: both as one axis).",
  function (x1, x2, axis)
    if axis == nil then x1, x2, axis = ops.ravel(x1), ops.ravel(x2), 0 end
    return ops.concatenate({ x1, x2 }, axis)
  end)

-- Scalars become vectors; then new axes come in at `place`.
local function at_least(x, rank, place)
  while x.rank < rank do x = ops.expand_dims(x, x.rank == 0 and 0 or place) end
  return x
end

local function joiner(name, doc, prepare, axis_of)
  op(name, "xs:tensors", doc, function (xs)
    local parts = table.move(xs, 1, #xs, 1, {})
    if #parts == 0 then core.raise("%s: there is nothing to join", name) end
    for i, x in ipairs(parts) do parts[i] = prepare(x) end
    return tools.joined(parts, axis_of(parts[1]))
  end)
end

joiner("hstack", "Side by side along the second axis; vectors along their own.",
  function (x) return at_least(x, 1, 0) end,
  function (x) return x.rank > 1 and 1 or 0 end)

joiner("vstack", "One above the other along the first axis; vectors are rows.",
  function (x) return at_least(x, 2, 0) end,
  function () return 0 end)

joiner("dstack", "One behind the other along the third axis; vectors are rows.",
  function (x) return at_least(at_least(x, 2, 0), 3, 2) end,
  function () return 2 end)

-- ---- parting ----------------------------------------------------------------------------------

-- Cut at positions, which ascend.
local function cut(name, x, positions, axis)
  local parts, start = {}, 0
  tools.check_results(name, #positions + 1)
  for i, stop in ipairs(positions) do
    if stop < start then
      core.raise("%s: positions must ascend, %d follows %d", name, stop, start)
    end
    parts[i], start = tools.part(x, axis, start, stop - start), stop
  end
  parts[#parts + 1] = tools.part(x, axis, start, -1)
  return table.unpack(parts)
end

-- n parts; the first ones are longer by one when the size does not divide.
local function even_parts(x, size, n, axis)
  local parts, start = {}, 0
  for i = 1, n do
    local stop = size // n * i + tools.min(size % n, i)
    parts[i], start = tools.part(x, axis, start, stop - start), stop
  end
  return table.unpack(parts)
end

local function split(name, x, indices_or_sections, axis, may_differ)
  axis = tools.axis(name, axis, x.rank)
  if type(indices_or_sections) == "table" then return cut(name, x, indices_or_sections, axis) end
  local n, size = indices_or_sections, tools.size(x, axis)
  if n < 1 or (tools.is_known(size) and size % n ~= 0 and not may_differ) then
    core.raise("%s: axis %d of size %s has no %d equal parts: x is %s", name, axis,
      x.shape[axis + 1] or "None", n, tools.shape_text(x.shape))
  end
  tools.check_results(name, n)
  if not may_differ then x = tools.with_size(x, axis, size // n * n) end
  return even_parts(x, size, n, axis)
end

op("split", "x, indices_or_sections:wholes, axis:int=0",
  "x in so many equal parts, or cut at these positions: several results.",
  function (x, indices_or_sections, axis)
    return split("split", x, indices_or_sections, axis)
  end)

op("array_split", "x, indices_or_sections:int, axis:int=0",
  "split, but the first parts may be longer by one.", function (x, indices_or_sections, axis)
    return split("array_split", x, indices_or_sections, axis, true)
  end)

for name, axis in pairs { vsplit = 0, hsplit = 1, dsplit = 2 } do
  op(name, "x, indices_or_sections:wholes", ("split along axis %d."):format(axis),
    function (x, indices_or_sections)
      return split(name, x, indices_or_sections, name == "hsplit" and x.rank == 1 and 0 or axis)
    end)
end

op("unstack", "x, num:int=nil, axis:int=0", "The parts of x along an axis, without that axis.",
  function (x, num, axis)
    axis = tools.axis("unstack", axis, x.rank)
    local size = x.shape[axis + 1] or num
    if not size then
      core.raise("unstack: num must be given, the size of axis %d is unknown", axis)
    elseif num and num ~= size then
      core.raise("unstack: axis %d has %d parts, not %d", axis, size, num)
    end
    tools.check_results("unstack", size)
    x = tools.with_size(x, axis, size)
    local parts = {}
    for i = 1, size do parts[i] = ops.squeeze(tools.part(x, axis, i - 1, 1), axis) end
    return table.unpack(parts)
  end, { file_class = "core" })
