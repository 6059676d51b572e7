-- A model as boxes and edges, for a picture or for Graphviz: one box a layer, as Keras draws it.
--
-- It reads the record of the layers' calls and changes nothing. A layer that is called on what
-- comes of itself has a box for every call, since a layered drawing has no circles.

local core = require "lunula.core"

local model_graph = {}

-- ---- what is written in a box ------------------------------------------------------------------

local function shape_text(shape)
  local words = {}
  for i, dim in ipairs(shape) do words[i] = dim and ("%d"):format(dim) or "None" end
  return "(" .. table.concat(words, ", ") .. (#words == 1 and "," or "") .. ")"
end

-- Each text once, in order of appearance, and how often it was there.
local function distinct(texts)
  local counts, words = {}, {}
  for _, text in ipairs(texts) do
    if not counts[text] then words[#words + 1] = text end
    counts[text] = (counts[text] or 0) + 1
  end
  return words, counts
end

-- One text of several: "2 × (None, 8), (None, 4)".
local function joined(texts)
  local words, counts = distinct(texts)
  for i, word in ipairs(words) do
    if counts[word] > 1 then words[i] = ("%d × %s"):format(counts[word], word) end
  end
  if #words > 3 then words = { words[1], words[2], ("… %d more"):format(#words - 2) } end
  return #words > 0 and table.concat(words, ", ") or "?"
end

-- What is the same in every call of a shared layer is said once.
local function of_calls(calls, read)
  local texts = {}
  for i, call in ipairs(calls) do texts[i] = joined(read(call)) end
  return table.concat((distinct(texts)), ", ")
end

local function shapes(list)
  local texts = {}
  for i, kt in ipairs(list) do texts[i] = shape_text(kt.shape) end
  return texts
end

local function dtypes(call)
  local texts = {}
  for i, kt in ipairs(call.outputs) do texts[i] = kt.dtype end
  return texts
end

local function class_text(layer)
  local wrapped = rawget(layer, "layer")
  local inner = type(wrapped) == "table" and wrapped.class_name
  return layer.class_name .. (inner and "(" .. inner .. ")" or "")
end

-- The name of the activation, or nil where the layer has none.
local function activation_of(layer)
  if layer._graph_layers or layer.activation == nil then return nil end
  local ok, config = pcall(layer.get_config, layer)
  local found = ok and config.activation
  if type(found) == "table" then found = found.class_name or found.registered_name end
  return type(found) == "string" and found or nil
end

local function label(layer, calls, options)
  local box = { title = class_text(layer), rows = {}, is_input = calls[1] and calls[1].is_input }
  local function row(name, value, tone)
    box.rows[#box.rows + 1] = { name = name, value = value, tone = tone }
  end
  if options.show_layer_names then box.name = layer.name end
  local activation = options.show_layer_activations and activation_of(layer)
  if activation then row("Activation", activation) end
  if options.show_shapes then
    if not box.is_input then
      row("Input shape", of_calls(calls, function(call) return shapes(call.inputs) end))
    end
    row("Output shape", of_calls(calls, function(call) return shapes(call.outputs) end))
  end
  if options.show_dtype then row("Output dtype", of_calls(calls, dtypes)) end
  if options.show_trainable and #layer.weights > 0 then
    row("Trainable", layer.trainable and "Yes" or "No", layer.trainable and "good" or "bad")
  end
  return box
end

-- ---- boxes and edges ---------------------------------------------------------------------------

-- The calls of the graph with those that stand for the inputs, in running order.
local function calls_of(model)
  local calls, source = {}, {}
  for i, kt in ipairs(model._inputs) do
    local from = kt.node
    if not from.is_input then                  -- the model begins behind another layer
      local layer = model._alias and model._alias[kt] and model._alias[kt].node.layer or from.layer
      from = { layer = layer, inputs = {}, outputs = { kt }, is_input = true }
    end
    source[kt], calls[i] = from, from
  end
  for _, node in ipairs(model._graph.nodes) do calls[#calls + 1] = node end
  return calls, source
end

-- Is a layer called on what comes of itself?
local function has_circle(calls, source)
  local next_of, state = {}, {}
  for _, call in ipairs(calls) do
    next_of[call.layer] = next_of[call.layer] or {}
    for _, kt in ipairs(call.inputs) do
      local from = (source[kt] or kt.node).layer
      next_of[from] = next_of[from] or {}
      next_of[from][call.layer] = true
    end
  end
  -- Without recursion: models may be thousands of layers deep.
  for layer in pairs(next_of) do
    local stack = { { layer } }
    while #stack > 0 do
      local top = stack[#stack]
      if top[2] == nil and state[top[1]] == "done" then
        stack[#stack] = nil
      else
        state[top[1]] = "open"
        top[2] = next(next_of[top[1]], top[2])
        if top[2] == nil then
          state[top[1]] = "done"
          stack[#stack] = nil
        elseif state[top[2]] == "open" then
          return true
        else
          stack[#stack + 1] = { top[2] }
        end
      end
    end
  end
  return false
end

local graph_of

local function new_box(layer, calls, options)
  if options.expand_nested and layer._graph and layer._inputs then
    local box = graph_of(layer, options, true)
    box.title, box.name = layer.name, nil
    return box
  end
  return label(layer, calls, options)
end

-- Calls by the box that they share.
local function boxes_of(calls, source, options, graph)
  local key_of, groups, order = {}, {}, {}
  local apart = has_circle(calls, source)
  for _, call in ipairs(calls) do
    local key = apart and call or call.layer
    key_of[call] = key
    if not groups[key] then
      groups[key] = {}
      order[#order + 1] = key
    end
    table.insert(groups[key], call)
  end
  local box_of = {}
  for _, key in ipairs(order) do
    local box = new_box(groups[key][1].layer, groups[key], options)
    box_of[key] = box
    graph.nodes[#graph.nodes + 1] = box
  end
  return function(call) return box_of[key_of[call]] end
end

local function connect(graph, edge)
  local from = graph.known[edge.from] or {}
  graph.known[edge.from] = from
  local key = ("%d %d"):format(edge.out_port or 0, edge.in_port or 0)
  from[edge.to] = from[edge.to] or {}
  if from[edge.to][key] then return end
  from[edge.to][key] = true
  if edge.from.inner then edge.from.sinks[edge.out_port].used = true end
  graph.edges[#graph.edges + 1] = edge
end

-- Edges enter and leave a nested model at points of their own, one a tensor.
local function add_ports(graph, model, box_at, source)
  for i, kt in ipairs(model._inputs) do
    local point = { w = 0, h = 0, first = true, is_point = true }
    graph.nodes[#graph.nodes + 1], graph.sources[i] = point, point
    connect(graph, { from = point, to = box_at(source[kt]) })
  end
  for i, kt in ipairs(model._outputs) do
    local point = { w = 0, h = 0, last = true, is_point = true }
    graph.nodes[#graph.nodes + 1], graph.sinks[i] = point, point
    local from = box_at(source[kt] or kt.node)
    connect(graph, { from = from, to = point, out_port = from.inner and kt.index, plain = true })
  end
end

-- {nodes, edges}; of a nested model with sources and sinks too, the points at its border.
function graph_of(model, options, nested)
  local graph = { nodes = {}, edges = {}, known = {}, sources = {}, sinks = {}, inner = nested }
  local calls, source = calls_of(model)
  local box_at = boxes_of(calls, source, options, graph)
  for _, call in ipairs(calls) do
    local box = box_at(call)
    for i, kt in ipairs(call.inputs) do
      local from = box_at(source[kt] or kt.node)
      connect(graph, { from = from, to = box, in_port = box.inner and i,
        out_port = from.inner and kt.index })
    end
  end
  if nested then add_ports(graph, model, box_at, source) end
  return graph
end

-- A first layer that reads strings stands before the graph of a Sequential.
local function add_reader(model, graph, options)
  local first = model._stack and model._stack[1]
  if not first or not (first.reads_strings and first:reads_strings()) then return end
  local box = label(first, {}, options)
  box.rows = {}
  table.insert(graph.nodes, 1, box)
  table.insert(graph.edges, 1, { from = box, to = graph.nodes[2] })
end

-- The graph of a model; a subclassed one, whose calls nobody knows, is one box.
function model_graph.of(model, options)
  if model._graph and model._inputs then
    local graph = graph_of(model, options)
    add_reader(model, graph, options)
    return graph
  end
  if not model.built then
    core.raise('model "%s" is not built, so there is nothing to draw yet: give it an Input, call '
      .. "it on data, or fit it", model.name)
  end
  return { nodes = { label(model, model._nodes or {}, options) }, edges = {} }
end

return model_graph
