-- Shapes: what an array looks like, never what is in it. Rows reshape, transpose, slice, flip,
-- concatenate and pad_with do the work. Sizes may be unknown, so nothing is computed from one.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.op

-- ---- axes that come and go --------------------------------------------------------------------

op("expand_dims", "x, axis:axes", "x with axes of size 1, at these places of the result.",
  function (x, axis)
    local list = type(axis) == "table" and axis or { axis }
    local rank = x.rank + #list
    local new = {}
    for _, at in ipairs(tools.axes("expand_dims", list, rank)) do new[at + 1] = true end
    local sizes, target, old = tools.sizes(x), {}, 0
    for i = 1, rank do
      if not new[i] then old = old + 1 end
      target[i] = new[i] and 1 or sizes[old]
    end
    return ops.reshape(x, target)
  end)

op("squeeze", "x, axis:axes=nil", "x without these axes of size 1 (None: without any).",
  function (x, axis)
    local sizes, gone, target = x.shape, {}, {}
    for _, at in ipairs(tools.axes("squeeze", axis, x.rank)) do
      if axis == nil then
        gone[at + 1] = sizes[at + 1] == 1
      elseif sizes[at + 1] and sizes[at + 1] ~= 1 then
        core.raise("squeeze: axis %d has size %d, not 1: x is %s", at, sizes[at + 1],
          tools.shape_text(sizes))
      else
        gone[at + 1] = true
      end
    end
    for i, size in ipairs(tools.sizes(x)) do
      if not gone[i] then target[#target + 1] = size end
    end
    return ops.reshape(x, target)
  end)

op("ravel", "x", "All elements in one axis.", function (x)
  return ops.reshape(x, { -1 })
end)

op("swapaxes", "x, axis1:int, axis2:int", "x with two axes exchanged.", function (x, axis1, axis2)
  local order = tools.axes("swapaxes", nil, x.rank)
  local a = tools.axis("swapaxes", axis1, x.rank) + 1
  local b = tools.axis("swapaxes", axis2, x.rank) + 1
  order[a], order[b] = order[b], order[a]
  return ops.transpose(x, order)
end)

op("moveaxis", "x, source:axes, destination:axes", "x with axes moved to other places.",
  function (x, source, destination)
    local from = tools.axes("moveaxis", source, x.rank)
    local to = tools.axes("moveaxis", destination, x.rank)
    if #from ~= #to then
      core.raise("moveaxis: %d axes for %d places", #from, #to)
    end
    local order, moved = {}, {}
    for i, axis in ipairs(from) do order[to[i] + 1], moved[axis] = axis, true end
    local next_axis = 0
    for i = 1, x.rank do
      if not order[i] then
        while moved[next_axis] do next_axis = next_axis + 1 end
        order[i], next_axis = next_axis, next_axis + 1
      end
    end
    return ops.transpose(x, order)
  end)

-- `count` elements along an axis from a place on that only the run tells.
local function from_place(x, axis, start, count)
  if count == -1 then
    core.raise("slice: axis %d: the size must be given, as the start is a traced tensor", axis)
  end
  local places = tools.positions(count) + tools.cast(start, "int32")
  local size = tools.positions(tools.size(x, axis))
  return ops.take(x, ops.take_along_axis(size, places, 0), axis)
end

op("slice", "inputs, start_indices:shape, shape:sizes",
  "The block of a shape from a corner on; a size of -1 goes to the end. Where the corner is a "
  .. "traced tensor, the sizes must be given.",
  function (inputs, start_indices, shape)
    local rank = inputs.rank
    if #start_indices ~= rank or #shape ~= rank then
      core.raise("slice: inputs has rank %d, start_indices %d, shape %d", rank, #start_indices,
        #shape)
    end
    for i, start in ipairs(start_indices) do
      if core.is_tensor(start) then
        inputs = from_place(inputs, i - 1, start, shape[i])
        start_indices[i], shape[i] = 0, -1
      elseif start and start < 0 then
        core.raise("slice: axis %d: a start of %d, positions count from 0 (get_item also counts "
          .. "from the end)", i - 1, start)
      end
    end
    return ops.slice_steps(inputs, start_indices, nil, shape)
  end, { file_class = "core", file_called = "start_indices" })

-- ---- repetition -------------------------------------------------------------------------------

-- x with a new axis of n copies at `axis`.
local function copies(x, n, axis)
  x = ops.expand_dims(x, axis)
  local sizes = tools.sizes(x)
  sizes[axis + 1] = n
  return ops.broadcast_to(x, sizes)
end

-- Axis `axis` and the next one as one.
local function merge(x, axis)
  local sizes = tools.sizes(x)
  sizes[axis + 1] = tools.product { sizes[axis + 1], table.remove(sizes, axis + 2) }
  return ops.reshape(x, sizes)
end

-- Each place as often as the list says: a step up at the end of every run, added up.
local function ids_of(repeats)
  local total, ends = 0, {}
  for i, times in ipairs(repeats) do
    total = total + times
    if times < 0 or total > 0x7fffffff then
      core.raise("repeat: %d times", times < 0 and times or total)
    end
    if i < #repeats then ends[i] = total end
  end
  local steps = ops.zeros({ total }, "int32")
  if #ends == 0 then return steps end
  ends = core.tensor(ends, { dtype = "int32" })
  return ops.cumsum(ops.scatter_add(ops.ones_like(ends), ends, steps), 0)
end

local function repeat_each(x, repeats, axis)
  if type(repeats) == "number" then
    if repeats < 0 then core.raise("repeat: %d times", repeats) end
    return merge(copies(x, repeats, axis + 1), axis)
  end
  if #repeats == 1 then return repeat_each(x, repeats[1], axis) end
  local n = x.shape[axis + 1]
  if n and #repeats ~= n then
    core.raise("repeat: %d numbers for the %d elements of axis %d", #repeats, n, axis)
  end
  return ops.take(tools.with_size(x, axis, #repeats), ids_of(repeats), axis)
end

local function repeat_elements(x, repeats, axis)
  if axis == nil then x, axis = ops.ravel(x), 0 end
  return repeat_each(x, repeats, tools.axis("repeat", axis, x.rank))
end

op("repeat", "x, repeats:wholes, axis:int=nil", "Every element of an axis so many times.",
  repeat_elements)
op("repeat_elements", "x, rep:wholes, axis:int", "repeat under a name that Lua can write.",
  repeat_elements, { file_class = "lunula" })

op("tile", "x, repeats:sizes", "The whole of x so many times along each axis.",
  function (x, repeats)
    local times = table.move(repeats, 1, #repeats, 1, {})
    for _, n in ipairs(times) do
      if not n or n < 0 then core.raise("tile: %s times", tostring(n)) end
    end
    while #times < x.rank do table.insert(times, 1, 1) end
    while x.rank < #times do x = ops.expand_dims(x, 0) end
    for i, n in ipairs(times) do
      if n ~= 1 then x = merge(copies(x, n, i - 1), i - 1) end
    end
    return x
  end)

-- ---- turning ----------------------------------------------------------------------------------

op("fliplr", "x", "x with its second axis reversed.", function (x) return ops.flip(x, 1) end)
op("flipud", "x", "x with its first axis reversed.", function (x) return ops.flip(x, 0) end)

-- Towards the start by n places; what falls off comes back at the end.
local function roll_back(x, n, axis)
  return ops.concatenate({ tools.part(x, axis, n, -1), tools.part(x, axis, 0, n) }, axis)
end

local function roll_axis(x, shift, axis)
  local size = tools.size(x, axis)
  shift = shift % tools.max(size, 1)
  if shift == 0 then return x end
  return roll_back(x, size - shift, axis)
end

op("roll", "x, shift:wholes, axis:axes=nil",
  "x moved along an axis, what falls off coming back (None: as one axis, in the same shape).",
  function (x, shift, axis)
    if axis == nil then
      if type(shift) == "table" then
        core.raise("roll: several shifts need the axes that they are for")
      end
      return ops.reshape_like(roll_axis(ops.ravel(x), shift, 0), x)
    end
    local axes = type(axis) == "table" and axis or { axis }
    if type(shift) == "table" and #shift ~= #axes then
      core.raise("roll: %d shifts for %d axes", #shift, #axes)
    end
    for i, at in ipairs(axes) do
      at = tools.axis("roll", at, x.rank)
      x = roll_axis(x, type(shift) == "table" and shift[i] or shift, at)
    end
    return x
  end)

op("rot90", "array, k:int=1, axes:sizes=nil",
  "Turned by k right angles in the plane of two axes (None: the first two).",
  function (array, k, axes)
    axes = axes or { 0, 1 }
    if #axes ~= 2 or not axes[1] or not axes[2] then core.raise("rot90: axes must be two") end
    local first = tools.axis("rot90", axes[1], array.rank)
    local second = tools.axis("rot90", axes[2], array.rank)
    if first == second then core.raise("rot90: axis %d is given twice", first) end
    k = k % 4
    if k == 0 then return array end
    if k == 2 then return ops.flip(ops.flip(array, first), second) end
    local turned = ops.swapaxes(k == 1 and ops.flip(array, second) or array, first, second)
    return k == 3 and ops.flip(turned, second) or turned
  end)

-- ---- padding ----------------------------------------------------------------------------------

local function pad_size(pair, side)
  local n = type(pair) == "table" and (pair[side] == nil and pair[1] or pair[side])
  if not math.tointeger(n) or type(n) == "string" then
    core.raise("pad: pad_width has pairs of whole numbers, got %s", tostring(n))
  end
  return math.tointeger(n)
end

-- {before, after} for each axis, from any of Keras's ways to write it.
local function pad_widths(pad_width, rank)
  if type(pad_width) == "number" then pad_width = { pad_width, pad_width } end
  if type(pad_width) ~= "table" then
    core.raise("pad: pad_width must be a whole number or a list of {before, after}, got %s",
      type(pad_width))
  end
  if type(pad_width[1]) == "number" then pad_width = { pad_width } end
  local widths = {}
  for i = 1, rank do
    local pair = #pad_width == 1 and pad_width[1] or pad_width[i]
    if type(pair) == "number" then pair = { pair, pair } end
    if type(pair) == "table" and #pair ~= 2 then
      core.raise("pad: pad_width has pairs {before, after}, got one of %d numbers", #pair)
    end
    if pair == nil then
      core.raise("pad: pad_width has %d entries for a tensor of rank %d", #pad_width, rank)
    end
    widths[i] = { pad_size(pair, 1), pad_size(pair, 2) }
  end
  if #pad_width > 1 and #pad_width ~= rank then
    core.raise("pad: pad_width has %d entries for a tensor of rank %d", #pad_width, rank)
  end
  return widths
end

-- The n elements before x along an axis, in order, by the mode; those after it are the same of the
-- flipped x. Works from the start of x alone, so that its size may be unknown.
local borders = {
  reflect = function (x, n, axis) return ops.flip(tools.part(x, axis, 1, n), axis) end,
  symmetric = function (x, n, axis) return ops.flip(tools.part(x, axis, 0, n), axis) end,
  edge = function (x, n, axis) return merge(copies(tools.part(x, axis, 0, 1), n, axis), axis) end,
}

-- How wide a border can be made of so many elements: edge repeats one, reflect leaves one out.
local widest = {
  reflect = function (size) return math.max(size - 1, 0) end,
  symmetric = function (size) return size end,
  edge = function (size) return size > 0 and math.huge or 0 end,
}

local function check_border(x, width, axis, mode)
  local size, wide = x.shape[axis + 1], math.max(width[1], width[2])
  local most = size and widest[mode](size)
  if most and wide > most then
    core.raise('pad: the mode is "%s": a border of %d has no such elements in axis %d of %s, which '
      .. "has room for %d", mode, wide, axis, tools.shape_text(x.shape), most)
  end
end

local function pad_axis(x, width, axis, mode)
  check_border(x, width, axis, mode)
  local parts = { x }
  if width[1] > 0 then table.insert(parts, 1, borders[mode](x, width[1], axis)) end
  if width[2] > 0 then
    parts[#parts + 1] = ops.flip(borders[mode](ops.flip(x, axis), width[2], axis), axis)
  end
  return #parts > 1 and ops.concatenate(parts, axis) or x
end

op("pad", "x, pad_width:any, mode:str=\"constant\", constant_values:num=nil",
  "x with a border: constant, reflect, symmetric or edge.",
  function (x, pad_width, mode, constant_values)
    local widths = pad_widths(pad_width, x.rank)
    if mode == "constant" then
      local before, after = {}, {}
      for i, width in ipairs(widths) do before[i], after[i] = width[1], width[2] end
      return ops.pad_with(x, before, after, nil, constant_values or 0)
    end
    if not borders[mode] then
      core.raise("pad: mode must be constant, reflect, symmetric or edge, got \"%s\"", mode)
    elseif constant_values then
      core.raise("pad: constant_values goes with mode=\"constant\", the mode is \"%s\"", mode)
    end
    for i, width in ipairs(widths) do x = pad_axis(x, width, i - 1, mode) end
    return x
  end, { file_called = "constant_values" })
