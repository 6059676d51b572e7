-- The rows of a layered drawing: which rank every node has, and dummies on the edges that pass
-- over ranks, so that each edge is a chain of steps to the next rank and takes up room there.
--
-- Nodes are tables with w and h, edges {from=, to=}; the graph has no cycle.

local ranks = {}

-- Nodes, producers first, and for each the edges that come in and go out.
local function sorted(nodes, edges)
  local waiting, order = {}, {}
  for _, node in ipairs(nodes) do node.ins, node.outs = {}, {} end
  for _, edge in ipairs(edges) do
    table.insert(edge.from.outs, edge)
    table.insert(edge.to.ins, edge)
  end
  for _, node in ipairs(nodes) do
    waiting[node] = #node.ins
    if #node.ins == 0 then order[#order + 1] = node end
  end
  local i = 1
  while order[i] do
    for _, edge in ipairs(order[i].outs) do
      waiting[edge.to] = waiting[edge.to] - 1
      if waiting[edge.to] == 0 then order[#order + 1] = edge.to end
    end
    i = i + 1
  end
  return order
end

-- As early as can be; then what feeds more than it is fed, as an input that is needed late, goes
-- down to where it is used. `first` and `last` keep a node at an end.
local function assign(order)
  local deepest = 1
  for _, node in ipairs(order) do
    node.rank = 1
    for _, edge in ipairs(node.ins) do node.rank = math.max(node.rank, edge.from.rank + 1) end
    deepest = math.max(deepest, node.rank)
  end
  for i = #order, 1, -1 do
    local node = order[i]
    local least = math.huge
    for _, edge in ipairs(node.outs) do least = math.min(least, edge.to.rank - 1) end
    if node.last then
      node.rank = deepest
    elseif not node.first and #node.outs > #node.ins and least < math.huge then
      node.rank = least
    end
  end
  return deepest
end

-- The chain of an edge: from, its dummies, to.
local function chain_of(edge, rows)
  local chain = { edge.from }
  for rank = edge.from.rank + 1, edge.to.rank - 1 do
    local dummy = { w = 4, h = 0, rank = rank, is_dummy = true }
    table.insert(rows[rank], dummy)
    chain[#chain + 1] = dummy
  end
  chain[#chain + 1] = edge.to
  edge.chain = chain
end

-- Returns the rows: lists of nodes and dummies, each with up and down, its neighbours.
function ranks.of(nodes, edges)
  local order, rows = sorted(nodes, edges), {}
  for rank = 1, assign(order) do rows[rank] = {} end
  for _, node in ipairs(order) do table.insert(rows[node.rank], node) end
  for _, edge in ipairs(edges) do chain_of(edge, rows) end
  for _, row in ipairs(rows) do
    for _, node in ipairs(row) do node.up, node.down = {}, {} end
  end
  for _, edge in ipairs(edges) do
    for i = 2, #edge.chain do
      table.insert(edge.chain[i - 1].down, edge.chain[i])
      table.insert(edge.chain[i].up, edge.chain[i - 1])
    end
  end
  return rows
end

return ranks
