-- model:summary(): Keras 3's box table, character for character.
--
-- Rows are gathered from the model's layers, then laid out as rich lays out a table of fixed
-- columns: the columns give up the same number of characters each until the table fits. It reads
-- models and changes nothing.

local core = require "lunula.core"
local node_module = require "lunula.models.call_record"

local summary = {}

-- ---- numbers -----------------------------------------------------------------------------------

local function thousands(n)
  local text = string.format("%d", n)
  local head = #text % 3
  local groups = head > 0 and { text:sub(1, head) } or {}
  for i = head + 1, #text, 3 do groups[#groups + 1] = text:sub(i, i + 2) end
  return table.concat(groups, ",")
end

local function readable_size(bytes)
  for _, unit in ipairs { "B", "KB", "MB", "GB", "TB" } do
    if bytes < 1024 then return string.format("%.2f %s", bytes, unit) end
    bytes = bytes / 1024
  end
  return string.format("%.2f PB", bytes)
end

local bytes_of_dtype = {
  float32 = 4, float64 = 8, float16 = 2, bfloat16 = 2, int64 = 8, int32 = 4, int8 = 1, uint8 = 1,
  bool = 1,
}

-- Number of weights of a list and the bytes they take; a shared one counts once.
local function weigh(weights)
  local count, bytes, seen = 0, 0, {}
  for _, weight in ipairs(weights) do
    if not seen[weight] then
      seen[weight] = true
      count = count + weight.size
      bytes = bytes + weight.size * (bytes_of_dtype[weight.dtype] or 4)
    end
  end
  return count, bytes
end

-- ---- facts about a layer -----------------------------------------------------------------------

local function format_shape(shape)
  local words = {}
  for i, dim in ipairs(shape) do words[i] = dim and string.format("%d", dim) or "None" end
  return "(" .. table.concat(words, ", ") .. ")"
end

local function shape_cell(layer)
  local nodes = layer._nodes
  local shapes = #nodes > 0 and nodes[#nodes].output_shapes
  if not shapes and layer._build_shape then      -- a layer that was only called on tensors
    local results = table.pack(pcall(layer.compute_output_shape, layer, layer._build_shape))
    shapes = results[1] and table.move(results, 2, results.n, 1, {})
  end
  if not shapes then return "?" end
  local words = {}
  for i, shape in ipairs(shapes) do words[i] = format_shape(shape) end
  if #words == 1 then return words[1] end
  return "[" .. table.concat(words, ", ") .. "]"
end

local function params_cell(layer)
  if not layer.built then return "0 (unbuilt)" end
  return thousands((weigh(layer.weights)))
end

-- "a[0][0], b[0][0]": what every relevant call of the layer was given.
local function connections_cell(layer, relevant)
  local words = {}
  for _, node in ipairs(layer._nodes or {}) do
    if relevant[node] then
      for _, kt in ipairs(node.inputs) do
        words[#words + 1] = string.format("%s[%d][%d]", kt.node.layer.name,
          node_module.number(kt.node), kt.index - 1)
      end
    end
  end
  return #words > 0 and table.concat(words, ", ") or "-"
end

local function class_name(layer)
  return layer.class_name or "Layer"
end

-- A graph in which every layer is called once and each call takes the one before it needs no
-- connections column.
local function is_chain(model)
  local nodes = model._graph and model._graph.nodes
  if not nodes then return true end
  local calls = {}
  for i, node in ipairs(nodes) do
    if #node.inputs ~= 1 or #node.outputs ~= 1 or calls[node.layer] then return false end
    calls[node.layer] = true
    if i > 1 and node.inputs[1].node ~= nodes[i - 1] then return false end
  end
  return #model._inputs == 1 and #model._outputs == 1
end

-- ---- layout ------------------------------------------------------------------------------------

local function round_half_even(x)
  local floor = math.floor(x)
  local rest = x - floor
  if rest > 0.5 or (rest == 0.5 and floor % 2 == 1) then return floor + 1 end
  return floor
end

-- Widths of the columns without padding, from their right edges as fractions of the line.
local function column_widths(positions, line_length)
  local widths, left, total = {}, 0, 0
  for i, position in ipairs(positions) do
    local right = position <= 1 and math.floor(line_length * position) or position
    widths[i] = right - left + 2
    left, total = right, total + widths[i]
  end
  local excess = total - (line_length - #widths - 1)
  for i = 1, #widths do
    local share = round_half_even(excess / (#widths - i + 1))
    widths[i] = math.max(widths[i] - share, 3) - 2
    excess = excess - share
  end
  return widths
end

-- Lines of at most `width` characters, broken between words; a longer word is cut.
local function wrap(text, width)
  local lines, line = {}, ""
  for indent, word in text:gmatch("(%s*)(%S+)") do
    local longer = line .. (line == "" and #lines > 0 and "" or indent) .. word
    if utf8.len(longer) <= width then
      line = longer
    else
      if line ~= "" then lines[#lines + 1] = line end
      while utf8.len(word) > width do
        local cut = utf8.offset(word, width + 1)
        lines[#lines + 1] = word:sub(1, cut - 1)
        word = word:sub(cut)
      end
      line = word
    end
  end
  lines[#lines + 1] = line
  return lines
end

local function pad(text, width, align)
  local room = string.rep(" ", width - utf8.len(text))
  return align == "right" and room .. text or text .. room
end

local function rule(widths, left, fill, middle, right)
  local parts = {}
  for i, width in ipairs(widths) do parts[i] = fill:rep(width + 2) end
  return left .. table.concat(parts, middle) .. right
end

local function row_lines(cells, columns, widths, bar)
  local wrapped, height = {}, 1
  for i, cell in ipairs(cells) do
    wrapped[i] = wrap(cell, widths[i])
    height = math.max(height, #wrapped[i])
  end
  local lines = {}
  for l = 1, height do
    local parts = {}
    for i, column in ipairs(columns) do
      parts[i] = " " .. pad(wrapped[i][l] or "", widths[i], column.align) .. " "
    end
    lines[l] = bar .. table.concat(parts, bar) .. bar
  end
  return lines
end

local function box(columns, rows, widths)
  local header = {}
  for i, column in ipairs(columns) do header[i] = column.title end
  local lines = { rule(widths, "┏", "━", "┳", "┓") }
  local function append(list) table.move(list, 1, #list, #lines + 1, lines) end
  append(row_lines(header, columns, widths, "┃"))
  lines[#lines + 1] = rule(widths, "┡", "━", "╇", "┩")
  for i, row in ipairs(rows) do
    if i > 1 then lines[#lines + 1] = rule(widths, "├", "─", "┼", "┤") end
    append(row_lines(row, columns, widths, "│"))
  end
  lines[#lines + 1] = rule(widths, "└", "─", "┴", "┘")
  return lines
end

-- ---- the table ---------------------------------------------------------------------------------

-- The layers from the first whose name matches range[1] to the last that matches range[2].
local function within(layers, range)
  if not range then return layers end
  local first, last
  for i, layer in ipairs(layers) do
    if not first and layer.name:find(range[1]) then first = i end
    if layer.name:find(range[2]) then last = i end
  end
  if not first or not last then
    core.raise("summary: no layers are named like %s and %s", tostring(range[1]),
      tostring(range[2]))
  end
  return table.move(layers, math.min(first, last), math.max(first, last), 1, {})
end

local function layer_rows(model, options, connected)
  local relevant = {}
  for _, node in ipairs(model._graph and model._graph.nodes or {}) do relevant[node] = true end
  local rows = {}
  local function add(layer, level)
    local prefix = level > 0 and string.rep("   ", level) .. "└ " or ""
    local row = { prefix .. layer.name .. " (" .. class_name(layer) .. ")", shape_cell(layer),
      params_cell(layer) }
    if connected then row[#row + 1] = connections_cell(layer, relevant) end
    if options.show_trainable then
      row[#row + 1] = #layer.weights == 0 and "-" or (layer.trainable and "Y" or "N")
    end
    rows[#rows + 1] = row
    if options.expand_nested and layer.layers then
      for _, inner in ipairs(layer.layers) do add(inner, level + 1) end
    end
  end
  local layers = model._shown_layers and model:_shown_layers() or model.layers
  for _, layer in ipairs(within(layers, options.layer_range)) do add(layer, 0) end
  return rows
end

local function totals(model)
  local trainable, trainable_bytes = weigh(model.trainable_weights)
  local other, other_bytes = weigh(model.non_trainable_weights)
  local optimizer = model.optimizer
  local extra, extra_bytes = 0, 0
  if optimizer and optimizer.built then extra, extra_bytes = weigh(optimizer.variables) end
  local function line(label, count, bytes)
    return string.format(" %s params: %s (%s)", label, thousands(count), readable_size(bytes))
  end
  local lines = {
    line("Total", trainable + other + extra, trainable_bytes + other_bytes + extra_bytes),
    line("Trainable", trainable, trainable_bytes),
    line("Non-trainable", other, other_bytes),
  }
  if extra > 0 then lines[4] = line("Optimizer", extra, extra_bytes) end
  return lines
end

-- The whole text. options: line_length, positions, show_trainable, expand_nested.
function summary.text(model, options)
  options = options or {}
  local connected = not is_chain(model)
  local columns = {
    { title = "Layer (type)" }, { title = "Output Shape" }, { title = "Param #", align = "right" },
  }
  local line_length, positions = 88, { .45, .8, 1 }
  if connected then
    columns[4] = { title = "Connected to" }
    line_length, positions = 108, { .3, .56, .74, 1 }
  end
  if options.show_trainable then
    columns[#columns + 1] = { title = "Trainable" }
    line_length = line_length + 12
    for i, position in ipairs(positions) do positions[i] = position * .9 end
    positions[#positions + 1] = 1
  end
  if core.isatty(1) then line_length = math.min(line_length, math.max(core.columns() - 4, 40)) end
  line_length = options.line_length or line_length
  local widths = column_widths(options.positions or positions, line_length)
  local lines = { string.format('Model: "%s"', model.name) }
  local function append(list) table.move(list, 1, #list, #lines + 1, lines) end
  append(box(columns, layer_rows(model, options, connected), widths))
  append(totals(model))
  return table.concat(lines, "\n")
end

return summary
