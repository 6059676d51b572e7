-- The graph of a model in the language of Graphviz.

local words = require "lunula.utils.pictures.words"

local model_dot = {}

-- An HTML label: the title on dark ground, a row for every fact.
local function label(box)
  local head = box.name and box.name .. " (" .. box.title .. ")" or box.title
  local rows = { ('<tr><td colspan="2" bgcolor="%s"><font color="white"><b>%s</b></font></td></tr>')
    :format(box.is_input and "#00695c" or "#37474f", words.xml(head)) }
  for _, row in ipairs(box.rows) do
    rows[#rows + 1] = ('<tr><td align="left">%s</td><td align="left">%s</td></tr>'):format(
      words.xml(row.name), words.xml(row.value))
  end
  return '<table border="0" cellborder="1" cellspacing="0" cellpadding="5">'
    .. table.concat(rows) .. "</table>"
end

local function quoted(text)
  return '"' .. words.xml(text):gsub("\\", "\\\\") .. '"'
end

-- Names boxes as they come and says them; edges between frames go to the points inside.
local function write_graph(out, graph, indent, numbers)
  for _, box in ipairs(graph.nodes) do
    numbers.last = numbers.last + 1
    numbers[box] = numbers.last
    if box.inner then
      out[#out + 1] = ("%ssubgraph cluster_%d {\n%s  label=%s;"):format(indent, numbers[box],
        indent, quoted(box.title))
      write_graph(out, box, indent .. "  ", numbers)
      out[#out + 1] = indent .. "}"
    elseif box.is_point and (box.first or box.used) then
      out[#out + 1] = ("%sn%d [shape=point, width=0.02];"):format(indent, numbers[box])
    elseif not box.is_point then
      out[#out + 1] = ("%sn%d [label=<%s>];"):format(indent, numbers[box], label(box))
    end
  end
  for _, edge in ipairs(graph.edges) do
    local from = edge.from.inner and edge.from.sinks[edge.out_port or 1] or edge.from
    local to = edge.to.inner and edge.to.sources[edge.in_port or 1] or edge.to
    if not to.last or to.used then
      out[#out + 1] = ("%sn%d -> n%d%s;"):format(indent, numbers[from], numbers[to],
        to.is_point and " [arrowhead=none]" or "")
    end
  end
end

function model_dot.text(graph, direction, dpi)
  local out = { "digraph model {",
    ("  graph [rankdir=%s, dpi=%s];"):format(direction, words.number(dpi)),
    '  node [shape=plain, fontname="Helvetica"];' }
  write_graph(out, graph, "  ", { last = 0 })
  out[#out + 1] = "}\n"
  return table.concat(out, "\n")
end

return model_dot
