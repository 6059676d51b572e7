-- A layered drawing of a graph without cycles: ranks by depth, few crossings, long edges straight.
--
-- Edges run across only in the gaps between ranks, where no box stands, and straight through the
-- ranks in room of their own: so none runs through a box. A node may hold a drawing of its own
-- (node.inner), which edges enter by its ports.

local crossings = require "lunula.utils.pictures.crossings"
local positions = require "lunula.utils.pictures.positions"
local ranks = require "lunula.utils.pictures.ranks"

local layout = {}

local LEAST_GAP <const>, MOST_GAP <const> = 26, 90

-- Where an edge leaves or enters a node, across.
local function port(node, ports, number)
  local offset = number and node[ports] and node[ports][number] or 0
  return node.x + offset
end

local function ends(edge, i)
  local chain = edge.chain
  local from = i == 1 and port(edge.from, "out_ports", edge.out_port) or chain[i].x
  local to = i + 1 == #chain and port(edge.to, "in_ports", edge.in_port) or chain[i + 1].x
  return from, to
end

-- Wide steps get a deeper gap, that they be not too flat.
local function gap_of(width)
  return math.max(LEAST_GAP, math.min(MOST_GAP, 20 + width * 0.12))
end

-- Sets y of every node and top and bottom of every row. Returns the height.
local function stack(rows, edges)
  local gaps = {}
  for rank = 1, #rows do gaps[rank] = 0 end
  for _, edge in ipairs(edges) do
    for i = 1, #edge.chain - 1 do
      local from, to = ends(edge, i)
      local rank = edge.chain[i].rank
      gaps[rank] = math.max(gaps[rank], gap_of(math.abs(to - from)))
    end
  end
  local y = 0
  for rank, row in ipairs(rows) do
    local height = 0
    for _, node in ipairs(row) do height = math.max(height, node.h) end
    row.top, row.bottom = y, y + height
    for _, node in ipairs(row) do node.y = y + height / 2 end
    y = y + height + (rank < #rows and gaps[rank] or 0)
  end
  return y
end

-- The way of an edge: {x, y, x2, y2} of every step across, in order.
local function trace(edge, rows)
  local steps = {}
  for i = 1, #edge.chain - 1 do
    local from, to = ends(edge, i)
    local rank = edge.chain[i].rank
    steps[i] = { from, rows[rank].bottom, to, rows[rank + 1].top }
  end
  edge.steps = steps
  edge.start = edge.from.y + edge.from.h / 2
  edge.finish = edge.to.y - edge.to.h / 2
end

-- Sets x and y (the middle) of the nodes, steps of the edges. Returns width and height.
function layout.arrange(nodes, edges)
  local rows = ranks.of(nodes, edges)
  crossings.reduce(rows)
  local width = positions.assign(rows)
  local height = stack(rows, edges)
  for _, edge in ipairs(edges) do trace(edge, rows) end
  return width, height
end

return layout
