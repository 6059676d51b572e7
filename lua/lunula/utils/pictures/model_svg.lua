-- The picture of a model: boxes with their facts, frames around nested models, curved edges.

local layout = require "lunula.utils.pictures.layout"
local svg = require "lunula.utils.pictures.svg"
local words = require "lunula.utils.pictures.words"

local model_svg = {}

local TITLE <const>, SMALL <const>, LINE <const>, HEAD <const> = 13, 11, 18, 26
local ARROW <const> = 7
local PAD <const>, FRAME <const>, MARGIN <const>, LONGEST <const> = 12, 16, 16, 44

local colours = {
  head = "#37474f", input = "#00695c", line = "#90a4ae", edge = "#546e7a", text = "#263238",
  soft = "#607d8b", good = "#2e7d32", bad = "#c62828",
  frames = { "#eceff1", "#dfe6ea" },
}

-- ---- sizes -------------------------------------------------------------------------------------

-- Real width and height of a box; long names are cut, and whole in the tip.
local function measure_box(box)
  box.head = box.name and box.name .. " (" .. box.title .. ")" or box.title
  box.shown = words.cut(box.head, LONGEST)
  local width, label_width = words.width(box.shown, TITLE, true), 0
  for _, row in ipairs(box.rows) do
    row.shown = words.cut(row.value, LONGEST)
    label_width = math.max(label_width, words.width(row.name, SMALL))
  end
  for _, row in ipairs(box.rows) do
    width = math.max(width, label_width + 2 * PAD + words.width(row.shown, SMALL))
  end
  box.label_width = label_width
  box.width = math.max(width + 2 * PAD, 90)
  box.height = HEAD + LINE * #box.rows
end

-- Across and along of the drawing are the picture's x and y, or the other way round.
local function is_sideways(direction) return direction == "LR" or direction == "RL" end

local lay_out

-- A nested model is laid out first and then is a box. Its title stands at the picture's top.
local function measure_frame(box, direction)
  box.inner_w, box.inner_h = lay_out(box, direction)
  box.shown = words.cut(box.title, LONGEST)
  local across, along = box.inner_w + 2 * FRAME, box.inner_h + 2 * FRAME
  box.dx, box.dy = FRAME, FRAME
  local title = words.width(box.shown, SMALL, true) + 2 * PAD
  if is_sideways(direction) then
    across, along = across + LINE, math.max(along, title)
    box.dx = box.dx + LINE
    box.dy = (along - box.inner_h) / 2
  else
    along = along + LINE
    if direction == "TB" then box.dy = box.dy + LINE end
    box.dx = box.dx + math.max(0, title - across) / 2
    across = math.max(across, title)
  end
  box.w, box.h = across, along
  box.in_ports, box.out_ports = {}, {}
  for i, point in ipairs(box.sources) do box.in_ports[i] = box.dx + point.x - across / 2 end
  for i, point in ipairs(box.sinks) do box.out_ports[i] = box.dx + point.x - across / 2 end
end

function lay_out(graph, direction)
  for _, box in ipairs(graph.nodes) do
    if box.inner then
      measure_frame(box, direction)
    elseif not box.is_point then
      measure_box(box)
      local sideways = is_sideways(direction)
      box.w, box.h = sideways and box.height or box.width, sideways and box.width or box.height
    end
  end
  return layout.arrange(graph.nodes, graph.edges)
end

-- ---- drawing -----------------------------------------------------------------------------------

-- From (across, along) to (x, y).
local function placer(direction, along_total)
  if direction == "TB" then return function(a, b) return a + MARGIN, b + MARGIN end end
  if direction == "BT" then
    return function(a, b) return a + MARGIN, along_total - b + MARGIN end
  end
  if direction == "LR" then return function(a, b) return b + MARGIN, a + MARGIN end end
  return function(a, b) return along_total - b + MARGIN, a + MARGIN end
end

local function draw_box(out, box, x, y)
  local left, top = x - box.width / 2, y - box.height / 2
  local colour = box.is_input and colours.input or colours.head
  out:add("rect", { x = left, y = top, width = box.width, height = box.height, rx = 4,
    fill = "#ffffff", stroke = colour })
  out:add("path", { fill = colour, d = ("M%s %s v%s h%s v%s q0 -4 -4 -4 h%s q-4 0 -4 4z"):format(
    words.number(left), words.number(top + 4), words.number(HEAD - 4), words.number(box.width),
    words.number(4 - HEAD), words.number(8 - box.width)) })
  out:text(x, top + 17.5, box.shown, { size = TITLE, anchor = "middle", fill = "#ffffff",
    bold = true, tip = box.shown ~= box.head and box.head or nil })
  for i, row in ipairs(box.rows) do
    local base = top + HEAD + LINE * i - 5
    if i > 1 then
      out:add("path", { stroke = "#dfe6ea", d = ("M%s %s h%s"):format(words.number(left),
        words.number(base + 5 - LINE), words.number(box.width)) })
    end
    out:text(left + PAD, base, row.name, { size = SMALL, fill = colours.soft })
    out:text(left + box.width - PAD, base, row.shown, { size = SMALL, anchor = "end",
      fill = colours[row.tone] or colours.text, tip = row.shown ~= row.value and row.value or nil })
  end
end

local function point(place, a, b)
  local x, y = place(a, b)
  return words.number(x) .. " " .. words.number(y)
end

-- Straight through the ranks, curved in the gaps. dx, dy: where the drawing lies in the whole.
local function draw_edge(out, edge, place, dx, dy)
  local from, to = edge.from, edge.to
  local arrow = not edge.plain and not to.inner
  local start, finish = edge.start, edge.finish
  if from.inner then start = start - (from.h - from.dy - from.inner_h) end
  if to.inner then finish = finish + to.dy end   -- frames are entered, up to the point inside
  local parts = { "M" .. point(place, edge.steps[1][1] + dx, start + dy) }
  for i, step in ipairs(edge.steps) do
    local x1, y1, x2, y2 = step[1] + dx, step[2] + dy, step[3] + dx, step[4] + dy
    if arrow and i == #edge.steps then y2 = y2 - ARROW end   -- its head stands upright
    local middle = (y1 + y2) / 2
    parts[#parts + 1] = "L" .. point(place, x1, y1)
    parts[#parts + 1] = math.abs(x1 - x2) < 0.05 and "L" .. point(place, x2, y2)
      or "C" .. point(place, x1, middle) .. " " .. point(place, x2, middle) .. " "
      .. point(place, x2, y2)
  end
  parts[#parts + 1] = "L" .. point(place, edge.steps[#edge.steps][3] + dx, finish + dy)
  out:add("path", { d = table.concat(parts), fill = "none", stroke = colours.edge,
    stroke_width = 1.3, marker_end = arrow and "url(#arrow)" or nil })
end

local draw_graph

local function draw_frame(out, box, place, a, b, depth)
  local x1, y1 = place(a - box.w / 2, b - box.h / 2)
  local x2, y2 = place(a + box.w / 2, b + box.h / 2)
  local left, top = math.min(x1, x2), math.min(y1, y2)
  out:add("rect", { x = left, y = top, width = math.abs(x2 - x1), height = math.abs(y2 - y1),
    rx = 6, fill = colours.frames[(depth - 1) % 2 + 1], stroke = colours.line })
  out.titles[#out.titles + 1] = { left + PAD, top + LINE - 3, box.shown }
  draw_graph(out, box, place, a - box.w / 2 + box.dx, b - box.h / 2 + box.dy, depth)
end

function draw_graph(out, graph, place, dx, dy, depth)
  for _, box in ipairs(graph.nodes) do
    if box.inner then draw_frame(out, box, place, box.x + dx, box.y + dy, depth + 1) end
  end
  for _, edge in ipairs(graph.edges) do
    if not (edge.to.last and not edge.to.used) then draw_edge(out, edge, place, dx, dy) end
  end
  for _, box in ipairs(graph.nodes) do
    if not box.inner and not box.is_point then draw_box(out, box, place(box.x + dx, box.y + dy)) end
  end
end

-- The text of the picture. scale: how large it is shown.
function model_svg.text(graph, direction, scale)
  local across, along = lay_out(graph, direction)
  local out = svg.new()
  out.titles = {}
  out:add("defs", {}, '<marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
    .. 'markerHeight="7" orient="auto"><path d="M0 0.5L8 4L0 7.5z" fill="' .. colours.edge
    .. '"/></marker>')
  draw_graph(out, graph, placer(direction, along), 0, 0, 0)
  for _, title in ipairs(out.titles) do
    out:text(title[1], title[2], title[3], { size = SMALL, bold = true, fill = colours.soft })
  end
  local sideways = is_sideways(direction)
  return out:finish((sideways and along or across) + 2 * MARGIN,
    (sideways and across or along) + 2 * MARGIN, scale)
end

return model_svg
