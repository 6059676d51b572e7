-- Models that are loaded without their code: by the graph of the whole, or with graphs in the place
-- of Lambdas and of layers of users.

local core = require "lunula.core"
local k = require "lunula"
local nest = require "lunula.utils.nest"
local warn = require "lunula.utils.warn"
local own = require "spec.support.own_models"
local scratch = require "spec.support.scratch"

local layers, load = k.layers, k.models.load_model

-- Classes that the registry does not have: as in a process that never made them.
local Scale = k.layer "ScaleOfGraphs" {
  abstract = true,
  build = function (self, shape)
    self:add_weight { name = "factor", shape = { shape[#shape] }, initializer = "ones" }
    self:add_weight { name = "seen", shape = {}, initializer = "zeros", trainable = false }
  end,
  call = function (self, x, training)
    if training then self.seen:assign(self.seen + 1) end
    return x * self.factor + self.seen * .01
  end,
}

local Noisy = k.layer "NoisyOfGraphs" {
  abstract = true,
  call = function (_, x, training)
    return training and x + k.random.normal(k.ops.shape(x)) * .1 or x
  end,
}

local Net = k.model "NetOfGraphs" {
  abstract = true,
  init = function (self) self.dense = layers.Dense(2) end,
  call = function (self, x) return self.dense(x) * 2 end,
}

local function quietly(fn, ...)
  local said, sink = {}, warn.sink
  local _ <close> = setmetatable({}, { __close = function () warn.sink = sink end })
  warn.sink = function (text) said[#said + 1] = text end
  fn(...)
  return said
end

local function flat(...)
  local results, list = table.pack(...), {}
  for i = 1, results.n do nest.each(results[i], function (y) list[#list + 1] = y:tobytes() end) end
  return list
end

local function stack(...)
  local model = k.Sequential { k.Input { shape = { 3 } }, layers.Dense(4), ... }
  model:compile { optimizer = "adam", loss = "mse" }
  return model
end

local function same_weights(a, b)
  local others = b:get_weights()
  assert.equal(#others, #a:get_weights())
  for i, weight in ipairs(a:get_weights()) do
    assert(weight:tobytes() == others[i]:tobytes(), "weight " .. i)
  end
end

describe("an exported model", function ()
  teardown(scratch.clear)

  for _, form in ipairs(own) do
    it("predicts the same bits: " .. form.name, function ()
      quietly(function ()
        local path = scratch.path "exported.safetensors"
        local model, inputs = form.make(k, layers), own.inputs(k, form)
        local x = #inputs == 1 and inputs[1] or inputs
        if not model.built then model:predict(x, { batch_size = 2 }) end
        for _, layer in ipairs(model.layers) do
          if layer.stateful then layer:reset_state() end
        end
        model:export(path)
        local wanted = flat(model:predict(x, { batch_size = 2 }))
        assert.same(wanted, flat(load(path):predict(x, { batch_size = 2 })))
      end)
    end)
  end

  it("keeps names of inputs and outputs, and is saved again", function ()
    local path = scratch.path "named.safetensors"
    local a, b = k.Input { shape = { 2 }, name = "a" }, k.Input { shape = { 2 }, name = "b" }
    local sum = layers.Add { name = "sum" } { a, b }
    local model = k.Model { inputs = { a = a, b = b },
      outputs = { sum = sum, twice = layers.Lambda { function (x) return x * 2 end,
        name = "twice" } (sum) } }
    model:export(path)
    local copy = load(path)
    assert.same({ "a", "b" }, copy.input_names)
    assert.same({ "sum", "twice" }, copy.output_names)
    copy:save(path)
    local given = { a = k.ones { 1, 2 }, b = k.ones { 1, 2 } }
    local sums, twice = load(path):predict(given)
    assert.same({ { 2, 2 } }, sums:totable())
    assert.same({ { 4, 4 } }, twice:totable())
  end)

  it("has what it needs and no more", function ()
    local path = scratch.path "small.safetensors"
    local model = stack(layers.Dense(1))
    model:fit(k.ones { 4, 3 }, k.ones { 4, 1 }, { verbose = 0 })
    model:export(path, { test = k.ones { 2, 3 }, class_names = { "a" } })
    local reader <close> = core.file_read(path)
    assert.equal(6, #reader.names)
    assert.is_nil(reader.metadata.config)
    assert.truthy(load(path, { check = true }))
  end)

  it("is refused where there is no graph", function ()
    local path = scratch.path "refused.safetensors"
    assert.error_at_line(function () Net {}:export(path) end, "has not been built")
    local strings = k.Sequential { layers.TextVectorization { vocabulary = { "a" } },
      layers.Embedding { 3, 1 } }
    strings:predict { "a" }
    assert.error_at_line(function () strings:export(path) end, "reads strings")
    local hosted = stack(layers.Lambda { function (x) return x * x:get(1, 1) end, trace = false,
      name = "host", output_shape = { 4 } })
    assert.error_at_line(function () hosted:export(path) end,
      'layer "host" (Lambda): a step of Lua at')
    assert.error_at_line(function () stack():export(scratch.path "x.keras") end,
      "must end in .safetensors")
    assert.is_nil(core.file_kind(path))
  end)
end)

describe("a model whose code is not there", function ()
  teardown(scratch.clear)
  local path
  local x, y

  before_each(function ()
    path = scratch.path "model.safetensors"
    k.set_random_seed(4)
    x, y = k.random.normal { 16, 3 }, k.random.normal { 16, 4 }
  end)

  local options = { epochs = 2, batch_size = 4, verbose = 0 }

  -- Saves after two epochs and goes on, with the model and with what is loaded.
  local function check_going_on(model)
    model:fit(x, y, options)
    model:save(path)
    local copy = load(path)
    assert.same(flat(model:predict(x)), flat(copy:predict(x)))
    local more = { initial_epoch = 2, epochs = 4, batch_size = 4, verbose = 0 }
    model:fit(x, y, more)
    copy:fit(x, y, more)
    same_weights(model, copy)
    return copy
  end

  it("is predicted and trained on by graphs: a Lambda", function ()
    check_going_on(stack(layers.Lambda(function (h) return k.ops.tanh(h) * 2 end)))
  end)

  it("is predicted and trained on by graphs: a layer with weights", function ()
    local copy = check_going_on(stack(Scale { name = "scale" }))
    assert.equal("ScaleOfGraphs", copy:get_layer("scale").class_name)
    assert.same({ "factor", "seen" }, { copy:get_layer("scale").weights[1].name,
      copy:get_layer("scale").weights[2].name })
    copy:save(path)
    local again = load(path)
    same_weights(copy, again)
    assert.same(flat(copy:predict(x)), flat(again:predict(x)))
    assert.error_at_line(function () copy:save(scratch.path "x.keras") end,
      'layer "scale" (ScaleOfGraphs) was loaded as a graph')
    local known = load(path, { custom_objects = { ScaleOfGraphs = Scale } })
    assert.is_true(getmetatable(known:get_layer "scale").class == Scale)
    same_weights(copy, known)
  end)

  it("is predicted and trained on by graphs: a model within", function ()
    local inner = k.model "InnerOfGraphs" {
      abstract = true,
      init = function (self)
        self.a, self.norm = layers.Dense(4), layers.BatchNormalization {}
      end,
      call = function (self, h) return self.norm(self.a(h)) end,
    }
    check_going_on(stack(inner { name = "inner" }))
  end)

  it("is trained with the flag that its layers ask for", function ()
    local model = stack(Noisy {})
    model:save(path)
    local copy = load(path)
    assert.same(flat(model:predict(x)), flat(copy:predict(x)))
    local before = copy(x, { training = false })
    local first, second = copy(x, { training = true }), copy(x, { training = true })
    assert.not_same(flat(before), flat(first))
    assert.not_same(flat(second), flat(first))
    copy:fit(x, y, options)
  end)

  it("keeps masks that go through", function ()
    local model = k.Sequential { k.Input { shape = { 5 }, dtype = "int32" },
      layers.Embedding { 9, 4, mask_zero = true },
      layers.Lambda { function (h) return h * 2 end, mask = function (_, mask) return mask end },
      layers.LSTM(3) }
    model:save(path)
    local ids = k.tensor({ { 1, 2, 0, 0, 0 }, { 3, 4, 5, 6, 0 } }, { dtype = "int32" })
    assert.same(flat(model:predict(ids)), flat(load(path):predict(ids)))
  end)

  it("keeps what closures hold", function ()
    local factor = core.variable { value = k.tensor { 1, 2, 3, 4 }, name = "factor" }
    local large = k.random.normal { 4, 100 }
    local model = stack(layers.Lambda(function (h) return k.ops.matmul(h * factor, large) end))
    model:save(path)
    assert.same(flat(model:predict(x)), flat(load(path):predict(x)))
    assert.same(flat(model:predict(x)), flat(load(path, { compile = false }):predict(x)))
  end)

  it("is predicted by the graph of the whole, where a class is needed", function ()
    local model = Net {}
    model:compile { optimizer = "sgd", loss = "mse" }
    model:fit(x, k.ones { 16, 2 }, options)
    model:save(path)
    assert.same(flat(model:predict(x)), flat(load(path, { compile = false }):predict(x)))
    assert.error_at_line(function () load(path) end, 'unknown layer "NetOfGraphs"; classes of your '
      .. "own are given in custom_objects; with compile=false it is predicted by its graph")
    local copy = load(path, { custom_objects = { NetOfGraphs = Net } })
    same_weights(model, copy)
    copy:save(path)                                      -- its inputs are known from the file
    assert.same(flat(model:predict(x)), flat(load(path, { compile = false }):predict(x)))
  end)

  it("names the layer and what to give, where there is no graph", function ()
    local model = stack(layers.Lambda { function (h) return h * h:get(1, 1) end, trace = false,
      name = "host", output_shape = { 4 } })
    local said = quietly(function ()
      model:save(path)
      model:save(path)
    end)
    assert.equal(1, #said)
    assert.truthy(said[1]:find("is saved without its graph", 1, true))
    assert.error_at_line(function () load(path) end, 'layer "host" (Lambda): Lambda: function: no '
      .. 'function is known by the name "host"; pass it in custom_objects')
    assert.truthy(load(path, { custom_objects = { host = function (h) return h end } }))
  end)

  it("cannot be trained where a layer has rules that no graph tells", function ()
    local Bound = k.layer "BoundOfGraphs" {
      abstract = true,
      build = function (self, shape)
        self:add_weight { name = "w", shape = { shape[#shape] }, regularizer = "l2" }
      end,
      call = function (self, h) return h * self.w end,
    }
    local model = stack(Bound {})
    model:save(path)
    local copy = load(path)
    assert.same(flat(model:predict(x)), flat(copy:predict(x)))
    assert.error_at_line(function () copy:fit(x, y, options) end,
      "has no graph for training; give the class or the function in custom_objects")
  end)

  it("needs its code where a layer is called in several ways", function ()
    local twice = layers.Lambda { function (h) return h * 2 end, name = "twice" }
    local a, b = k.Input { shape = { 3 } }, k.Input { shape = { 4 } }
    local model = k.Model { inputs = { a, b }, outputs = { twice(a), twice(b) } }
    model:save(path)
    local first = load(path):predict { k.ones { 1, 3 }, k.ones { 1, 4 } }
    assert.same({ { 2, 2, 2 } }, first:totable())           -- the graph of the whole
    assert.equal("graph", load(path).layers[3].name:match "graph$")
  end)

  -- The file with something else said of its graphs.
  local function said_of_graphs(change)
    stack(layers.Lambda { function (h) return h * 2 end, name = "twice" }):save(path)
    local bytes = scratch.read "model.safetensors"
    local length = ("<I8"):unpack(bytes)
    local header = bytes:sub(9, 8 + length):gsub('("graphs":)"(.-[^\\])"', function (name, text)
      return name .. '"' .. change(text) .. '"'
    end)
    scratch.write("model.safetensors", ("<s8"):pack(header) .. bytes:sub(9 + length))
  end

  it("is refused when what is said of a graph is not so", function ()
    said_of_graphs(function (text)
      return (text:gsub([[(\"out_masks\": %[false)]], "%1, true"))
    end)
    assert.error_at_line(function () load(path) end,
      path .. ': a graph of layer "twice" gives other results than is said of it')
    said_of_graphs(function () return "[{}]" end)
    assert.error_at_line(function () load(path) end,
      path .. ": what is said of the graphs of layers is broken: it is no object")
  end)

  it("is refused when it is broken, whatever is broken", function ()
    stack(Scale { name = "scale" }, layers.Lambda(function (h) return h * 2 end)):save(path)
    local bytes = scratch.read "model.safetensors"
    local state = 7
    local function random(n)
      state = state * 6364136223846793005 + 1442695040888963407
      return (state >> 33) % n + 1
    end
    quietly(function ()
      for _ = 1, 300 do
        local at = random(#bytes)
        scratch.write("model.safetensors", bytes:sub(1, at - 1) .. string.char(random(256) - 1)
          .. bytes:sub(at + 1))
        local ok, result = pcall(load, path)
        assert.equal(ok and "table" or "string", type(result))
        if ok then pcall(result.predict, result, x) end
      end
    end)
  end)
end)
