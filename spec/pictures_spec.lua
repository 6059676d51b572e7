-- k.utils.plot_model, plot_history and plot_images: what is in the files, where boxes and edges
-- lie, what is refused.

local k = require "lunula"
local layout = require "lunula.utils.pictures.layout"
local png = require "lunula.utils.pictures.png"
local files = require "spec.support.files"
local layers, utils = k.layers, k.utils

local path

before_each(function() path = os.tmpname() end)
after_each(function() os.remove(path) end)

-- The text of a file that `write` made, under a name of that ending.
local function written(ending, write)
  local name = path .. ending
  assert.equal(name, write(name))
  local bytes = files.read(name)
  os.remove(name)
  return bytes
end

local function draw(model, options)
  return written(".svg", function(name) return utils.plot_model(model, name, options) end)
end

local function count(text, pattern)
  return select(2, text:gsub(pattern, ""))
end

local function two_heads()
  local input = k.Input { shape = { 4 }, name = "begin" }
  local a = layers.Dense { 3, activation = "relu", name = "left" } (input)
  local b = layers.Dense { 3, name = "right", trainable = false } (input)
  local both = layers.concatenate { a, b }
  return k.Model { inputs = input, outputs = { layers.Dense { 1, name = "end<1>" } (both), a } }
end

-- Graphs made at random, whose drawings the laws below hold for.
local function random_graph(seed, count_of_nodes)
  math.randomseed(seed)
  local nodes, edges = {}, {}
  for i = 1, count_of_nodes do
    nodes[i] = { w = math.random(20, 160), h = math.random(20, 90) }
    for _ = 1, i > 1 and math.random(1, 3) or 0 do
      edges[#edges + 1] = { from = nodes[math.random(math.max(1, i - 12), i - 1)], to = nodes[i] }
    end
  end
  return nodes, edges
end

local ROOM <const> = 1e-6   -- what rounding may do

local function overlap(a, b)
  return math.abs(a.x - b.x) < (a.w + b.w) / 2 - ROOM
    and math.abs(a.y - b.y) < (a.h + b.h) / 2 - ROOM
end

-- Does the upright line from (x, y1) to (x, y2) go through the box?
local function is_hit(box, x, y1, y2)
  return math.abs(x - box.x) < box.w / 2 - ROOM and y1 < box.y + box.h / 2 - ROOM
    and y2 > box.y - box.h / 2 + ROOM
end

local function check_edge(edge, nodes)
  local x, y = edge.from.x, edge.start
  for i = 1, #edge.steps + 1 do
    local step = edge.steps[i]
    local stop = step and step[2] or edge.finish
    for _, box in ipairs(nodes) do
      if box ~= edge.from and box ~= edge.to then
        assert.falsy(is_hit(box, x, y, stop), "an edge runs through a box")
        -- Across the gaps no box stands.
        assert.falsy(step and box.y + box.h / 2 - ROOM > step[2]
          and box.y - box.h / 2 + ROOM < step[4])
      end
    end
    if step then x, y = step[3], step[4] end
  end
  assert.near_all(edge.to.x, x)
end

describe("a layered drawing", function()
  it("has no box upon another and no edge through one", function()
    for seed = 1, 12 do
      local nodes, edges = random_graph(seed, 6 + 4 * seed)
      local width, height = layout.arrange(nodes, edges)
      for i, a in ipairs(nodes) do
        for j = i + 1, #nodes do assert.falsy(overlap(a, nodes[j])) end
        assert.truthy(a.x - a.w / 2 > -1e-6 and a.x + a.w / 2 < width + 1e-6)
        assert.truthy(a.y - a.h / 2 > -1e-6 and a.y + a.h / 2 < height + 1e-6)
      end
      for _, edge in ipairs(edges) do
        assert.truthy(edge.from.y < edge.to.y)
        check_edge(edge, nodes)
      end
    end
  end)

  it("draws a tree and a ladder without a crossing, long edges straight", function()
    local nodes, edges = {}, {}
    for i = 1, 31 do
      nodes[i] = { w = 30, h = 20 }
      if i > 1 then edges[#edges + 1] = { from = nodes[i // 2], to = nodes[i] } end
    end
    local rows = require("lunula.utils.pictures.ranks").of(nodes, edges)
    local crossings = require "lunula.utils.pictures.crossings"
    for _, row in ipairs(rows) do
      for i = 1, #row // 3 do row[i], row[#row - i] = row[#row - i], row[i] end
    end
    crossings.reduce(rows)
    assert.equal(0, crossings.count(rows))
    local first, last = { w = 40, h = 20 }, { w = 40, h = 20 }
    local chain = { first, { w = 90, h = 20 }, { w = 90, h = 20 }, { w = 90, h = 20 }, last }
    local long = { from = first, to = last }
    edges = { long }
    for i = 2, #chain do edges[i] = { from = chain[i - 1], to = chain[i] } end
    layout.arrange(chain, edges)
    for i = 2, #long.steps - 1 do assert.near_all(long.steps[i][1], long.steps[i][3]) end
    assert.near_all(chain[2].x, chain[4].x)
  end)
end)

describe("plot_model", function()
  it("shows classes, and what else is asked for", function()
    local model = two_heads()
    local text = draw(model)
    assert.equal(5, count(text, "<text"))
    assert.truthy(text:find(">Concatenate<", 1, true))
    assert.falsy(text:find("left", 1, true))
    text = draw(model, { show_layer_names = true, show_shapes = true, show_dtype = true,
      show_layer_activations = true, show_trainable = true })
    for _, wanted in ipairs { ">begin (InputLayer)<", ">left (Dense)<", ">end&lt;1&gt; (Dense)<",
      ">2 × (None, 3)<", ">(None, 6)<", ">float32<", ">relu<", ">Yes<", ">No<" } do
      assert.truthy(text:find(wanted, 1, true), wanted)
    end
    assert.equal(5, count(text, "marker%-end"))   -- input to both, both to one, one to the end
  end)

  it("draws in four directions, at a size", function()
    local model = k.Sequential { k.Input { shape = { 2 } }, layers.Dense(1), layers.ReLU {} }
    local function size(options)
      local w, h = draw(model, options):match 'width="([%d.]+)" height="([%d.]+)"'
      return tonumber(w), tonumber(h)
    end
    local w, h = size()
    assert.truthy(h > w)
    assert.same({ w, h }, { size { rankdir = "BT" } })
    assert.same({ size { rankdir = "LR" } }, { size { rankdir = "RL" } })
    local wide, low = size { rankdir = "LR" }
    assert.truthy(wide > low)
    local large = size { dpi = 192 }
    assert.truthy(math.abs(large - 2 * w) < 0.2)
  end)

  it("opens nested models, each tensor at its own place", function()
    local function stack(name)
      return k.Sequential { k.Input { shape = { 3 } }, layers.Dense(3), name = name }
    end
    local x = k.Input { shape = { 3 } }
    local inner = k.Model { inputs = x, outputs = { stack "deepest" (x), layers.ReLU {} (x) },
      name = "middle" }
    local y = k.Input { shape = { 3 } }
    local a, b = inner(y)
    local model = k.Model { inputs = y, outputs = { layers.add { a, b }, layers.Dense(1)(a) } }
    local closed, open = draw(model), draw(model, { expand_nested = true, rankdir = "RL" })
    assert.falsy(closed:find(">middle<", 1, true))
    assert.truthy(closed:find(">Functional<", 1, true))
    assert.truthy(open:find(">middle<", 1, true) and open:find(">deepest<", 1, true))
    assert.truthy(open:find(">ReLU<", 1, true))
    local dot = utils.model_to_dot(model, { expand_nested = true })
    assert.equal(2, count(dot, "subgraph cluster_"))
    assert.equal(count(dot, "{"), count(dot, "}"))
  end)

  it("draws shared layers, circles, stacks, subclassed models and readers of strings", function()
    local shared = layers.Dense(2)
    local p, q = k.Input { shape = { 2 } }, k.Input { shape = { 2 } }
    local twins = k.Model { inputs = { p, q }, outputs = layers.add { shared(p), shared(q) } }
    assert.equal(1, count(draw(twins), ">Dense<"))
    local turning = layers.Dense(2)
    local again = k.Model { inputs = p, outputs = turning(turning(turning(p))) }
    assert.equal(3, count(draw(again), ">Dense<"))
    local Own = k.model "PicturesOwn" {
      init = function(self) self.dense = layers.Dense(1) end,
      call = function(self, x) return self.dense(x) end,
    }
    local own = Own {}
    assert.error_at_line(function()
      utils.plot_model(own, "m.svg")
    end, "is not built, so there is nothing to draw yet")
    own(k.ones { 1, 2 })
    assert.truthy(draw(own):find(">PicturesOwn<", 1, true))
    assert.error_at_line(function()
      utils.plot_model(k.Sequential { layers.Dense(1) }, "m.svg")
    end, "give it an Input")
    local reader = layers.TextVectorization { output_sequence_length = 3 }
    reader:adapt { "a b" }
    local model = k.Sequential { reader, layers.Embedding { 9, 2 }, layers.Flatten {} }
    model:predict { "a", "b c" }
    assert.truthy(draw(model):find(">TextVectorization<", 1, true))
  end)

  it("draws 450 layers in a row and long names", function()
    local x = k.Input { shape = { 2 } }
    local y = x
    for _ = 1, 150 do y = layers.add { y, layers.ReLU {} (layers.Dense { 2 } (y)) } end
    local began = os.clock()
    local text = draw(k.Model { inputs = x, outputs = y }, { show_shapes = true })
    assert.truthy(os.clock() - began < 5)
    assert.equal(150, count(text, ">ReLU<"))
    local long = k.Sequential { k.Input { shape = { 2 } },
      layers.Dense { 1, name = ("long"):rep(30) } }
    text = draw(long, { show_layer_names = true })
    assert.truthy(text:find("<title>" .. ("long"):rep(30) .. " (Dense)</title>", 1, true))
    assert.truthy(tonumber(text:match 'width="([%d.]+)"') < 500)
  end)

  it("writes the language of Graphviz", function()
    local dot = utils.model_to_dot(two_heads(), { show_shapes = true, rankdir = "LR", dpi = 72 })
    assert.truthy(dot:find("rankdir=LR, dpi=72", 1, true))
    assert.equal(5, count(dot, "%->"))
    assert.truthy(dot:find("2 × (None, 3)", 1, true))
    assert.equal(dot, (written(".dot", function(name)
      return utils.plot_model(two_heads(), name, { show_shapes = true, rankdir = "LR", dpi = 72 })
    end)))
  end)

  it("says what is wrong at the user's line", function()
    local model = two_heads()
    assert.error_at_line(function() utils.plot_model(3, "m.svg") end, "takes a model, got 3")
    assert.error_at_line(function() utils.plot_model(model) end, "takes the path of a file")
    assert.error_at_line(function() utils.plot_model(model, "m.gif") end,
      'writes .svg, .dot, .png and .pdf, which "m.gif" does not end in')
    assert.error_at_line(function() utils.plot_model(model, "m.svg", { show_shape = true }) end,
      'did you mean "show_shapes"?')
    assert.error_at_line(function()
      utils.plot_model(model, "m.svg", { rankdir = "left" })
    end, 'must be "TB", "BT"')
    assert.error_at_line(function()
      utils.plot_model(model, "m.svg", { expand_nested = 1 })
    end, "true or false, got 1")
    assert.error_at_line(function()
      utils.plot_model(model, "m.svg", { dpi = 0 })
    end, "dpi must be positive")
    assert.error_at_line(function() utils.plot_model(model, "/nowhere/at/all.svg") end,
      "cannot write /nowhere/at/all.svg")
  end)
end)

describe("plot_history", function()
  local function plot(history, options)
    return written(".svg", function(name) return utils.plot_history(history, name, options) end)
  end

  it("has a panel for every name, loss first", function()
    local text = plot { loss = { 1, .5, .25 }, val_loss = { 1, 0 / 0, .5 }, acc = { 0, .5, .75 } }
    assert.equal(2, count(text, "translate"))
    assert.truthy(text:find(">loss<", 1, true) < text:find(">acc<", 1, true))
    assert.truthy(text:find("validation 0.5", 1, true) and text:find("training 0.25", 1, true))
    assert.equal(8, count(text, "<circle"))   -- the one that is no number is left out
    assert.falsy(text:find("nan", 1, true))
    assert.equal(1, count(plot({ loss = { 1 }, acc = { 2 } }, { metrics = "acc" }), "translate"))
  end)

  it("takes what fit returned", function()
    local model = k.Sequential { k.Input { shape = { 1 } }, layers.Dense(1) }
    model:compile { loss = "mse" }
    local history = model:fit(k.ones { 4, 1 }, k.ones { 4, 1 }, { epochs = 3, verbose = 0 })
    assert.truthy(plot(history):find(">loss<", 1, true))
  end)

  it("refuses what is no history", function()
    local plots = utils.plot_history
    assert.error_at_line(function() plots({}, "h.svg") end, "takes what fit returned")
    assert.error_at_line(function() plots({ loss = { 1, "b" } }, "h.svg") end,
      'value 2 of "loss" is no number')
    assert.error_at_line(function() plots({ loss = { 1 } }, "h.svg", { metrics = { "x" } }) end,
      'there is no "x"')
    assert.error_at_line(function() plots({ loss = { 1 } }, "h.png") end, 'ends in ".svg"')
  end)
end)

describe("plot_images", function()
  -- The pixels of a PNG that stores them.
  local function pixels(bytes)
    local width, height = string.unpack(">I4I4", bytes, 17)
    local data = bytes:match "IDAT(.*)....\0\0\0\0IEND"
    local length = string.unpack("<I2", data, 4)
    return width, height, data:sub(8, 7 + length)
  end

  it("writes a grid as PNG", function()
    local x = k.tensor { { { 0, 255 }, { 128, 64 } }, { { 255, 255 }, { 0, 0 } } }
    local bytes = written(".png", function(name)
      return utils.plot_images(x, name, { scale = 1, cols = 2 })
    end)
    assert.equal("\x89PNG\r\n\x1a\n", bytes:sub(1, 8))
    local width, height, data = pixels(bytes)
    assert.same({ 8, 2 }, { width, height })
    assert.equal("\0\0\255\255\255\255\255\255\255\0\128\64\255\255\255\255\0\0", data)
  end)

  it("has the checksums of PNG and zlib", function()
    -- The least file there is: one black pixel, as every writer without compression makes it.
    assert.equal("89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
      .. "0000000d494441547801010200fdff0000000200017e050dd20000000049454e44ae426082",
      (png.encode(1, 1, 1, "\0"):gsub(".", function(c) return ("%02x"):format(c:byte()) end)))
    assert.equal("TWFueQ==", png.base64 "Many")
    assert.equal("TWFu", png.base64 "Man")
  end)

  it("writes pictures with labels as SVG", function()
    local x = k.random.uniform { 5, 4, 4, 3 }
    local text = written(".svg", function(name)
      return utils.plot_images(x, name, { labels = { "a", "<b>", 3 } })
    end)
    assert.equal(5, count(text, "<image"))
    assert.equal(3, count(text, "<text"))
    assert.truthy(text:find("&lt;b&gt;", 1, true))
  end)

  it("refuses what are no images", function()
    local plot = utils.plot_images
    assert.error_at_line(function() plot("x", "g.svg") end, "takes a tensor of images")
    assert.error_at_line(function() plot(k.ones { 2, 3 }, "g.svg") end, "got (2, 3)")
    assert.error_at_line(function() plot(k.ones { 2, 3, 3, 7 }, "g.svg") end, "1 to 4 channels")
    local x = k.ones { 2, 3, 3 }
    assert.error_at_line(function() plot(x, "g.jpg") end, "writes .svg and .png")
    assert.error_at_line(function() plot(x, "g.svg", { value_range = { 1, 0 } }) end,
      "value_range must be {black, white}")
    assert.error_at_line(function() plot(x, "g.png", { labels = { 1 } }) end, "labels need a file")
  end)
end)
