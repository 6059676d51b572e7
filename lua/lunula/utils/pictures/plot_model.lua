-- k.utils.plot_model and model_to_dot: what may be asked for, and which file ends how.

local core = require "lunula.core"
local declare = require "lunula.declare"
local options = require "lunula.utils.options"
local model_dot = require "lunula.utils.pictures.model_dot"
local model_graph = require "lunula.utils.pictures.model_graph"
local model_svg = require "lunula.utils.pictures.model_svg"
local svg = require "lunula.utils.pictures.svg"

local plot_model = {}

local flags = { "show_shapes", "show_dtype", "show_layer_names", "show_layer_activations",
  "show_trainable", "expand_nested" }
local known = { "to_file", "rankdir", "dpi", table.unpack(flags) }

local directions = { TB = true, BT = true, LR = true, RL = true }

local function read(name, model, given)
  if type(model) ~= "table" or type(model.tracked_layers) ~= "function"
    or model.layers == nil then
    core.raise("%s takes a model, got %s", name, declare.show(model))
  end
  local o = options.read(name, given, known)
  for _, flag in ipairs(flags) do
    if o[flag] ~= nil and type(o[flag]) ~= "boolean" then
      core.raise("%s: %s must be true or false, got %s", name, flag, declare.show(o[flag]))
    end
  end
  local direction = o.rankdir or "TB"
  if not directions[direction] then
    core.raise('%s: rankdir must be "TB", "BT", "LR" or "RL", got %s', name,
      declare.show(o.rankdir))
  end
  local dpi = options.number(name, "dpi", o.dpi) or 96
  if not (dpi > 0 and dpi < math.huge) then
    core.raise("%s: dpi must be positive, got %s", name, tostring(dpi))
  end
  return o, direction, dpi
end

-- The text of a model in the language of Graphviz.
function plot_model.model_to_dot(model, given)
  local o, direction, dpi = read("model_to_dot", model, given)
  return model_dot.text(model_graph.of(model, o), direction, dpi)
end

-- Has Graphviz draw the text.
local function run_dot(path, ending, text)
  if not os.execute "command -v dot >/dev/null 2>&1" then
    core.raise('plot_model: a file "%s" is drawn by Graphviz, whose program dot is not '
      .. 'installed; name the file "%s.svg", which needs nothing', path,
      path:sub(1, -#ending - 2))
  end
  local quoted = "'" .. path:gsub("'", "'\\''") .. "'"
  local pipe = assert(io.popen(("dot -T%s -o %s"):format(ending, quoted), "w"))
  pipe:write(text)
  if not pipe:close() then core.raise('plot_model: dot could not write "%s"', path) end
end

-- Draws the model into a file: .svg and .dot by ourselves, .png and .pdf through Graphviz. Returns
-- the path.
function plot_model.plot_model(model, path, given)
  if type(path) == "table" and given == nil then path, given = path.to_file, path end
  local o, direction, dpi = read("plot_model", model, given)
  path = path or o.to_file
  if type(path) ~= "string" then
    core.raise('plot_model takes the path of a file, as "model.svg", got %s', declare.show(path))
  end
  local ending = path:match "%.(%a+)$"
  ending = ending and ending:lower()
  if ending ~= "svg" and ending ~= "dot" and ending ~= "png" and ending ~= "pdf" then
    core.raise('plot_model writes .svg, .dot, .png and .pdf, which "%s" does not end in', path)
  end
  local graph = model_graph.of(model, o)
  if ending == "svg" then
    svg.write_file("plot_model", path, model_svg.text(graph, direction, dpi / 96))
  elseif ending == "dot" then
    svg.write_file("plot_model", path, model_dot.text(graph, direction, dpi))
  else
    run_dot(path, ending, model_dot.text(graph, direction, dpi))
  end
  return path
end

return plot_model
