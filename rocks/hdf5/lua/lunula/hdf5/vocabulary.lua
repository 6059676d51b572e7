-- Vocabularies that layers learned from data: a file of lines beside the weights, and among the
-- weights those of tf_idf.

local core = require "lunula.core"
local declare = require "lunula.declare"
local tree = require "lunula.hdf5.tree"
local weights = require "lunula.hdf5.weights"

local vocabulary = {}

-- visit(layer, path, file) for the layers with a vocabulary that is not in their config. A text
-- layer has it in a layer of its own, and Keras writes both. place: where the model lies, nil for
-- the root.
local function each(model, place, visit)
  tree.walk(model, function (layer, path)
    if declare.is(layer, "layer") and layer.set_vocabulary and not layer._vocabulary then
      local file = ("assets/%s/%s/vocabulary.txt"):format(place or "", path):gsub("//+", "/")
      visit(layer, path, file)
    end
  end)
end

-- {{name =, text =}, …}: the files of a model, or of a layer that lies at a place.
function vocabulary.assets(model, place)
  local list = {}
  each(model, place, function (layer, _, file)
    local tokens = layer:get_vocabulary()
    if #layer:get_vocabulary(false) == 0 then return end
    for i, token in ipairs(tokens) do
      tokens[i] = tostring(token)
      if tokens[i]:find "[\r\n]" then
        core.raise('layer "%s" (%s) has a word with the end of a line in it, %s, which has no '
          .. "place in a file of lines; a model that ends in .safetensors keeps it", layer.name,
          declare.class_of(layer).name, core.json_quote(tokens[i]))
      end
    end
    list[#list + 1] = { name = file, text = table.concat(tokens, "\n") }
  end)
  return list
end

-- The lines of a text; Keras writes no newline behind the last.
local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "(.-)\r?\n" do lines[#lines + 1] = line end
  return lines
end

local function tokens_of(load, layer, name, text)
  local tokens = lines_of(text)
  if declare.class_of(layer).name ~= "IntegerLookup" then return tokens end
  for i, line in ipairs(tokens) do
    tokens[i] = math.tointeger(line)
      or core.raise("%s: %s: line %d is no whole number", load.path, name, i)
  end
  return tokens
end

-- Notes in `load` the vocabularies of a model, or of a layer that lies at a place. text_of(name):
-- the file in the archive, or nil.
function vocabulary.read(load, model, root, text_of, place)
  each(model, place, function (layer, path, file)
    local text = text_of(file)
    if not text then return end
    local tokens = tokens_of(load, layer, file, text)
    local idf_weights = weights.lookup_values(root, path)
    load:later(function () layer:set_vocabulary(tokens, idf_weights) end)
  end)
end

return vocabulary
