-- Where the nodes of ordered rows stand across: Brandes and Köpf, "Fast and Simple Horizontal
-- Coordinate Assignment" (2001). Nodes are put into vertical blocks with the middle one of their
-- neighbours, blocks as near to each other as their widths allow, in four ways (from above or
-- below, leaning left or right); the mean of the two middle ones is taken. Long edges stay
-- straight.

local positions = {}

local GAP <const>, DUMMY_GAP <const> = 26, 14

local function separation(a, b)
  local gap = (a.is_dummy or b.is_dummy) and DUMMY_GAP or GAP
  return (a.w + b.w) / 2 + gap
end

-- Steps that cross one between two dummies do not decide: conflicts[upper][lower]. Such a step is
-- a part of a long edge, which shall be straight.
local function find_conflicts(rows)
  local conflicts = {}
  for rank = 2, #rows do
    local inner, plain = {}, {}
    for _, node in ipairs(rows[rank]) do
      for _, upper in ipairs(node.up) do
        table.insert(node.is_dummy and upper.is_dummy and inner or plain, { upper, node })
      end
    end
    for _, a in ipairs(inner) do
      for _, b in ipairs(plain) do
        if (a[1].place - b[1].place) * (a[2].place - b[2].place) < 0 then
          conflicts[b[1]] = conflicts[b[1]] or {}
          conflicts[b[1]][b[2]] = true
        end
      end
    end
  end
  return conflicts
end

local function is_conflict(conflicts, a, b)
  return conflicts[a] and conflicts[a][b] or conflicts[b] and conflicts[b][a]
end

-- Rows as one of the four ways sees them.
local function seen_from(rows, below, right)
  local seen = {}
  for rank = 1, #rows do
    local row = rows[below and #rows + 1 - rank or rank]
    local copy = {}
    for i = 1, #row do copy[i] = row[right and #row + 1 - i or i] end
    seen[rank] = copy
  end
  return seen
end

-- root[node]: the first node of its block.
local function align(rows, side, conflicts)
  local root, taken, place = {}, {}, {}
  for _, row in ipairs(rows) do
    for i, node in ipairs(row) do root[node], place[node] = node, i end
  end
  for rank = 2, #rows do
    local reached = 0
    for _, node in ipairs(rows[rank]) do
      local near = table.move(node[side], 1, #node[side], 1, {})
      table.sort(near, function(a, b) return place[a] < place[b] end)
      for i = (#near + 1) // 2, #near // 2 + 1 do
        local other = near[i]
        if other and root[node] == node and not taken[other] and place[other] > reached
          and not is_conflict(conflicts, node, other) then
          root[node], taken[other], reached = root[other], true, place[other]
        end
      end
    end
  end
  return root
end

-- Blocks in an order in which each comes behind those on its left. after[block][other] = distance.
local function block_order(rows, root)
  local after, waiting, blocks = {}, {}, {}
  for _, row in ipairs(rows) do
    for i, node in ipairs(row) do
      local block = root[node]
      if not after[block] then
        after[block], waiting[block] = {}, waiting[block] or 0
        blocks[#blocks + 1] = block
      end
      local left = i > 1 and root[row[i - 1]]
      if left then
        if not after[left][block] then waiting[block] = waiting[block] + 1 end
        after[left][block] = math.max(after[left][block] or 0, separation(row[i - 1], node))
      end
    end
  end
  local order, i = {}, 1
  for _, block in ipairs(blocks) do
    if waiting[block] == 0 then order[#order + 1] = block end
  end
  while order[i] do
    for other in pairs(after[order[i]]) do
      waiting[other] = waiting[other] - 1
      if waiting[other] == 0 then order[#order + 1] = other end
    end
    i = i + 1
  end
  return order, after
end

-- As far left as can be, then towards what stands on the right.
local function compact(rows, root)
  local order, after = block_order(rows, root)
  local x = {}
  for _, block in ipairs(order) do
    x[block] = x[block] or 0
    for other, distance in pairs(after[block]) do
      x[other] = math.max(x[other] or 0, x[block] + distance)
    end
  end
  for i = #order, 1, -1 do
    local least = math.huge
    for other, distance in pairs(after[order[i]]) do
      least = math.min(least, x[other] - distance)
    end
    if least < math.huge then x[order[i]] = math.max(x[order[i]], least) end
  end
  return x
end

-- One way: {x = by node, left =, right =}.
local function way(rows, conflicts, below, right)
  local seen = seen_from(rows, below, right)
  local root = align(seen, below and "down" or "up", conflicts)
  local of_block, found = compact(seen, root), { x = {}, left = math.huge, right = -math.huge }
  for node, block in pairs(root) do
    local x = right and -of_block[block] or of_block[block]
    found.x[node] = x
    found.left = math.min(found.left, x - node.w / 2)
    found.right = math.max(found.right, x + node.w / 2)
  end
  found.leans_right = right
  return found
end

-- Sets x of every node, from 0. Returns the width.
function positions.assign(rows)
  local conflicts, ways = find_conflicts(rows), {}
  for _, below in ipairs { false, true } do
    for _, right in ipairs { false, true } do
      ways[#ways + 1] = way(rows, conflicts, below, right)
    end
  end
  local narrowest = ways[1]
  for _, found in ipairs(ways) do
    if found.right - found.left < narrowest.right - narrowest.left then narrowest = found end
  end
  local left, right = math.huge, -math.huge
  for _, row in ipairs(rows) do
    for _, node in ipairs(row) do
      local xs = {}
      for i, found in ipairs(ways) do
        local shift = found.leans_right and narrowest.right - found.right
          or narrowest.left - found.left
        xs[i] = found.x[node] + shift
      end
      table.sort(xs)
      node.x = (xs[2] + xs[3]) / 2
      left, right = math.min(left, node.x - node.w / 2), math.max(right, node.x + node.w / 2)
    end
  end
  for _, row in ipairs(rows) do
    for _, node in ipairs(row) do node.x = node.x - left end
  end
  return right - left
end

return positions
