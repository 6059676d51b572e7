-- The order of the nodes within their ranks, so that few edges cross: each row is sorted by the
-- mean place of its neighbours, downwards and upwards in turn, and the best order seen is kept.

local crossings = {}

local SWEEPS <const> = 24

local function number_row(row)
  for i, node in ipairs(row) do node.place = i end
end

-- In the order in which a walk from the first row comes upon them.
local function first_order(rows)
  local found, seen = {}, {}
  for rank = 1, #rows do found[rank] = {} end
  local stack = {}
  for rank = #rows, 1, -1 do
    for i = #rows[rank], 1, -1 do stack[#stack + 1] = { rows[rank][i], rank } end
  end
  while #stack > 0 do
    local node, rank = table.unpack(table.remove(stack))
    if not seen[node] then
      seen[node] = true
      table.insert(found[rank], node)
      for i = #node.down, 1, -1 do stack[#stack + 1] = { node.down[i], rank + 1 } end
    end
  end
  for rank, row in ipairs(found) do
    rows[rank] = row
    number_row(row)
  end
end

local function places(list)
  local numbers = {}
  for i, node in ipairs(list) do numbers[i] = node.place end
  table.sort(numbers)
  return numbers
end

-- How many edges cross between a row and the next: pairs in the wrong order, counted by a tree of
-- sums (Fenwick) over the places below.
local function crossings_below(row, width)
  local tree, count, entered = {}, 0, 0
  for i = 1, width do tree[i] = 0 end
  for _, node in ipairs(row) do
    local below = places(node.down)
    for _, place in ipairs(below) do
      local i, before = place, 0
      while i > 0 do before, i = before + tree[i], i & (i - 1) end
      count = count + entered - before
    end
    for _, place in ipairs(below) do
      local i = place
      while i <= width do tree[i], i = tree[i] + 1, i + (i & -i) end
    end
    entered = entered + #below
  end
  return count
end

function crossings.count(rows)
  local count = 0
  for rank = 1, #rows - 1 do count = count + crossings_below(rows[rank], #rows[rank + 1]) end
  return count
end

-- side: "up" or "down", where the neighbours are that decide.
local function sort_row(row, side)
  local wanted = {}
  for i, node in ipairs(row) do
    local sum = 0
    for _, other in ipairs(node[side]) do sum = sum + other.place end
    wanted[node] = { #node[side] > 0 and sum / #node[side] or i, i }
  end
  table.sort(row, function(a, b)
    local x, y = wanted[a], wanted[b]
    if x[1] ~= y[1] then return x[1] < y[1] end
    return x[2] < y[2]
  end)
  number_row(row)
end

-- Crossings of the edges of a with those of b, when a stands before b.
local function between(a, b, side)
  local left, right, count, j = places(a[side]), places(b[side]), 0, 0
  for _, place in ipairs(left) do
    while j < #right and right[j + 1] < place do j = j + 1 end
    count = count + j
  end
  return count
end

-- Exchanges neighbours of a row where that helps.
local function exchange(row)
  for i = 1, #row - 1 do
    local a, b = row[i], row[i + 1]
    local now = between(a, b, "up") + between(a, b, "down")
    if now > 0 and between(b, a, "up") + between(b, a, "down") < now then
      row[i], row[i + 1] = b, a
      a.place, b.place = i + 1, i
    end
  end
end

local function sweep(rows, downwards)
  local first, last, step = 2, #rows, 1
  if not downwards then first, last, step = #rows - 1, 1, -1 end
  for rank = first, last, step do sort_row(rows[rank], downwards and "up" or "down") end
  for _, row in ipairs(rows) do exchange(row) end
end

function crossings.reduce(rows)
  first_order(rows)
  local best, kept = math.huge, {}
  for turn = 0, SWEEPS do
    if turn > 0 then sweep(rows, turn % 2 == 1) end
    local count = crossings.count(rows)
    if count < best then
      best = count
      for rank, row in ipairs(rows) do kept[rank] = table.move(row, 1, #row, 1, {}) end
    end
    if best == 0 then break end
  end
  for rank, row in ipairs(kept) do
    rows[rank] = row
    number_row(row)
  end
end

return crossings
