-- The part of a recorded graph between given inputs and outputs: nodes in running order, layers
-- in Keras's order.
--
-- Keras sorts layers by depth (the longest way to an output), then by first visit; get_weights,
-- summary and saved files follow that order, so it is kept to the letter.

local core = require "lunula.core"

local graph = {}

-- Depth-first from the outputs; source[kt] stands for the node of an input, which is where the
-- walk stops. Returns the nodes, producers first, and each layer's visit number.
local function walk(source, outputs)
  local order, done, visit, visits = {}, {}, {}, 0

  local function reach(kt, from)
    local node = source[kt] or kt.node
    if done[node] then return end
    done[node] = true
    if not visit[node.layer] then
      visits = visits + 1
      visit[node.layer] = visits
    end
    if node.is_input and not source[kt] then
      core.raise("the model's outputs depend on the input \"%s\" (through layer \"%s\"), "
        .. "which is not among its inputs", node.layer.name, from)
    end
    for _, input in ipairs(node.inputs) do reach(input, node.layer.name) end
    order[#order + 1] = node
  end

  for _, kt in ipairs(outputs) do reach(kt, kt.node.layer.name) end
  return order, visit
end

-- Longest distance of every layer to an output.
local function layer_depths(order, source)
  local of_node, of_layer = {}, {}
  for i = #order, 1, -1 do
    local node = order[i]
    local depth = math.max(of_node[node] or 0, of_layer[node.layer] or 0)
    of_node[node], of_layer[node.layer] = depth, depth
    for _, kt in ipairs(node.inputs) do
      local producer = source[kt] or kt.node
      of_node[producer] = math.max(depth + 1, of_node[producer] or 0)
    end
  end
  return of_layer
end

-- `sources` are the nodes that stand for `inputs`, one each. Returns { nodes = running order
-- without the sources, layers = Keras's order }.
function graph.between(inputs, sources, outputs)
  local source, is_source = {}, {}
  for i, kt in ipairs(inputs) do
    source[kt], is_source[sources[i]] = sources[i], true
  end
  local order, visit = walk(source, outputs)
  local depth = layer_depths(order, source)
  local layers, nodes = {}, {}
  local seen = {}
  local function add_layer(layer)
    if seen[layer] then return end
    seen[layer] = true
    layers[#layers + 1] = layer
  end
  for _, node in ipairs(order) do
    add_layer(node.layer)
    if not is_source[node] then nodes[#nodes + 1] = node end
  end
  for _, node in ipairs(sources) do       -- an input that no output needs
    if not visit[node.layer] then
      depth[node.layer], visit[node.layer] = 0, -1
      add_layer(node.layer)
    end
  end
  table.sort(layers, function(a, b)
    if depth[a] ~= depth[b] then return depth[a] > depth[b] end
    return visit[a] < visit[b]
  end)
  return { nodes = nodes, layers = layers }
end

return graph
