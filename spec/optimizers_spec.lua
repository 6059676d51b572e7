-- Optimizers and schedules: three steps with v = {1, -2}, g_t = {.1, -.2} t and lr .1, as
-- recorded from Keras.

local k = require "lunula"
local core = require "lunula.core"
local paths = require "lunula.utils.paths"

local o = k.optimizers

local function variable(value)
  return core.variable { value = k.tensor(value, { dtype = "float32" }), name = "v",
    trainable = true }
end

local function three_steps(optimizer, start, gradient)
  local v = variable(start or { 1, -2 })
  local g = k.tensor(gradient or { .1, -.2 })
  for step = 1, 3 do optimizer:apply({ g * step }, { v }) end
  return v.value
end

local golden = {
  { "SGD", {}, { .94, -1.88 } },
  { "SGD", { momentum = .9 }, { .9049, -1.8098 } },
  { "SGD", { momentum = .9, nesterov = true }, { .85441, -1.70882 } },
  { "RMSprop", {}, { .13901374, -1.138999 } },
  { "RMSprop", { momentum = .9, centered = true }, { -.7958587, -.20409715 } },
  { "Adam", {}, { .7076889, -1.7076863 } },
  { "AdamW", { weight_decay = .01 }, { .7049885, -1.7019888 } },
  { "Adamax", {}, { .75468075, -1.7546806 } },
  { "Nadam", {}, { .7067677, -1.7067674 } },
  { "Adagrad", {}, { .85697186, -1.7996632 } },
  { "Adadelta", { learning_rate = 1 }, { .99462396, -1.9946237 } },
  { "Ftrl", {}, { -.09649075, -.10935469 } },
  { "Ftrl", { l1_regularization_strength = .01, l2_regularization_strength = .01 },
    { -.09393428, -.10578099 } },
  { "Lion", {}, { .7, -1.7 } },
  { "Lamb", {}, { .5688064, -1.5688062 } },
  { "Adafactor", {}, { .56880623, -1.5688063 } },
  { "ScheduleFreeAdamW", {}, { .75593626, -1.7559363 } },
  { "SGD", { clipnorm = .1 }, { .9865836, -1.9731672 } },
  { "SGD", { clipvalue = .15 }, { .96, -1.955 } },
  { "SGD", { weight_decay = .1 }, { .91069806, -1.8213961 } },
  { "SGD", { global_clipnorm = .1 }, { .9865836, -1.9731672 } },
  { "SGD", { gradient_accumulation_steps = 2 }, { .985, -1.97 } },
}

describe("optimizers", function()
  for _, case in ipairs(golden) do
    local name, options, wanted = case[1], case[2], case[3]
    local words = {}
    for key, value in pairs(options) do words[#words + 1] = key .. "=" .. tostring(value) end
    table.sort(words)
    it(("step as Keras's %s{%s}"):format(name, table.concat(words, ", ")), function()
      options.learning_rate = options.learning_rate or .1
      assert.near_all(three_steps(o[name](options)), wanted, 2e-6)
    end)
  end

  it("step matrices as Keras's Adafactor and Muon", function()
    local start, gradient = { { 1, -2 }, { .5, 3 } }, { { .1, -.2 }, { .3, .05 } }
    assert.near_all(three_steps(o.Adafactor { .1 }, start, gradient),
      { { .73050153, -1.1732165 }, { -.09441768, 2.8480344 } }, 1e-5)
    assert.near_all(three_steps(o.Muon { .1 }, start, gradient),
      { { .96941346, -1.9410472 }, { .41179404, 2.9825404 } }, 1e-5)
  end)

  it("step as Lamb does from weights of 0, whose length tells nothing", function()
    local v = variable { 0, 0 }
    o.Lamb { .1 }:apply({ k.tensor { .1, -.2 } }, { v })
    assert.near_all(v.value, { -.1, .1 })
  end)

  it("keep matrices from Muon by what they are called", function()
    local function uses_adam(name, options)
      local v = core.variable { value = k.ones { 2, 2 }, name = name, trainable = true }
      local optimizer = o.Muon(options)
      optimizer:build { v }
      return optimizer.slot_of[v].velocity ~= nil
    end
    assert.is_true(uses_adam("Embedding_1/table", {}))
    assert.is_false(uses_adam("Embedding_1/table", { exclude_embeddings = false }))
    assert.is_false(uses_adam("dense/kernel", {}))
    assert.is_true(uses_adam("dense/kernel", { exclude_layers = { "^conv", "^dense/" } }))
    assert.is_true(uses_adam("dense_1/kernel", { exclude_layers = { "^(conv|dense)_\\d/" } }))
    assert.is_false(uses_adam("dense/kernel", { exclude_layers = { "^(conv|dense)_\\d/" } }))
  end)

  -- What Keras 3 does with the same model.
  it("keep matrices from Muon by the layers they stand in", function()
    local l = k.layers
    local model = k.Sequential { k.Input { shape = { 3 }, dtype = "int32" },
      l.Embedding { 5, 4, name = "words" }, l.Reshape { 12 }, l.Dense { 4, name = "my_embedding" },
      l.Reshape { 2, 2 }, l.LSTM { 2, name = "rnn" }, l.Dense { 2, name = "head" }, name = "net" }
    local function excluded(options)
      local optimizer, list = o.Muon(options), {}
      optimizer:build(model.trainable_weights)
      for _, v in ipairs(model.trainable_weights) do
        if v.rank == 2 and optimizer.slot_of[v].velocity then list[#list + 1] = paths.of(v) end
      end
      return table.concat(list, " ")
    end
    assert.equal("net/words/embeddings net/my_embedding/kernel", excluded {})
    assert.equal("net/words/embeddings net/my_embedding/kernel net/head/kernel",
      excluded { exclude_layers = { "words|head" } })
    assert.equal("", excluded { exclude_embeddings = false })
    local cells = { exclude_layers = { "lstm_cell/k", "^net/head/" }, exclude_embeddings = false }
    assert.equal("net/rnn/lstm_cell/kernel net/head/kernel", excluded(cells))
  end)

  it("warm up with ScheduleFreeAdamW, and change between its two places", function()
    local plain = three_steps(o.ScheduleFreeAdamW { learning_rate = .1 })
    local warm = o.ScheduleFreeAdamW { learning_rate = .1, warmup_steps = 1 }
    assert.near_all(three_steps(warm), plain, 0)
    local optimizer, v = o.ScheduleFreeAdamW { learning_rate = .1, warmup_steps = 4 },
      variable { 1, -2 }
    optimizer:apply({ k.tensor { .1, -.2 } }, { v })
    assert.near_all(v.value, { .975, -1.975 })      -- a quarter of the rate
    optimizer:apply({ k.tensor { .1, -.2 } }, { v })
    local y, z = v.value, optimizer.slot_of[v].z.value
    optimizer:swap_to_eval()
    assert.near_all(.9 * v.value + .1 * z, y)       -- y lies between x and z
    assert.is_true(math.abs((v.value - y)[1]) > 1e-4)
    optimizer:swap_to_train()
    assert.near_all(v.value, y)
  end)

  it("step the same inside a trace", function()
    for _, name in ipairs { "SGD", "Adam", "RMSprop", "Nadam", "Lamb", "Ftrl", "Adamax",
      "Adagrad", "Adadelta", "Lion", "Adafactor", "Muon", "ScheduleFreeAdamW" } do
      local eager = three_steps(o[name] { learning_rate = .1 })
      local optimizer, v = o[name] { learning_rate = .1 }, variable { 1, -2 }
      local f = core.trace({ { shape = { 2 }, dtype = "float32" } }, function(g)
        optimizer:apply({ g }, { v })
      end)
      for step = 1, 3 do f(k.tensor { .1, -.2 } * step) end
      assert.near_all(v.value, eager, 1e-6)
    end
  end)

  it("keep the learning rate in a variable that can be set between runs of a trace", function()
    local optimizer, v = o.SGD { learning_rate = .1 }, variable { 1, -2 }
    local f = core.trace({ { shape = { 2 }, dtype = "float32" } }, function(g)
      optimizer:apply({ g }, { v })
    end)
    f(k.tensor { 1, 1 })
    optimizer.learning_rate = 1
    assert.equal(1, optimizer.learning_rate)
    f(k.tensor { 1, 1 })
    assert.near_all(v.value, { -.1, -3.1 })
    assert.equal(2, optimizer.iterations)
  end)

  it("average weights", function()
    local optimizer, v = o.SGD { learning_rate = .1, use_ema = true, ema_momentum = .5 },
      variable { 1 }
    optimizer:apply({ k.tensor { 1 } }, { v })
    optimizer:apply({ k.tensor { 1 } }, { v })
    optimizer:finalize_variable_values { v }
    assert.near_all(v.value, { .85 })
  end)

  it("leave some weights without decay", function()
    local optimizer, v = o.SGD { learning_rate = .1, weight_decay = .5 }, variable { 1 }
    optimizer:exclude_from_weight_decay { var_names = { "^v$" } }
    optimizer:apply({ k.tensor { 0 } }, { v })
    assert.near_all(v.value, { 1 })
  end)

  it("order their variables as Keras's files do", function()
    local optimizer = o.Adam {}
    optimizer:build { variable { 1 }, variable { 2 } }
    local names = {}
    for i, each in ipairs(optimizer.variables) do names[i] = each.name:match "[^/]*$" end
    assert.same({ "iteration", "learning_rate", "v_momentum", "v_velocity", "v_momentum",
      "v_velocity" }, names)
  end)

  it("survive their config", function()
    local config = o.Adam { learning_rate = .25, beta_1 = .8, clipnorm = 1 }:get_config()
    assert.same(config, o.Adam.from_config(config):get_config())
    local scheduled = o.SGD { learning_rate = o.schedules.ExponentialDecay { .1, 10, .5 } }
    assert.same(scheduled:get_config(), o.deserialize(o.serialize(scheduled)):get_config())
  end)

  -- what is not finite never comes here: see spec/trainers/last_good_spec.lua
  it("clip all gradients together", function()
    local clip = require "lunula.optimizers.clip"
    local clipped = clip.all({ global_clipnorm = 5 }, { k.tensor { 6, 0 }, k.tensor { 8 } })
    assert.near_all(clipped[1], { 3, 0 })
    assert.near_all(clipped[2], { 4 })
  end)

  it("leave gradients that are short enough", function()
    local clip = require "lunula.optimizers.clip"
    for _, options in ipairs { { global_clipnorm = 5 }, { clipnorm = 3 }, { clipvalue = 2.5 } } do
      local clipped = clip.all(options, { k.tensor { 1.5 }, k.tensor { -2 } })
      assert.near_all(clipped[1], { 1.5 })
      assert.near_all(clipped[2], { -2 })
    end
  end)

  it("are told which weights these are by name", function()
    local optimizer, v = o.SGD {}, variable { 1 }
    assert.error_at_line(function() optimizer:exclude_from_weight_decay { var_name = { "v" } } end,
      'unknown option "var_name" (did you mean "var_names"?)')
    assert.error_at_line(function() optimizer:exclude_from_weight_decay(3) end,
      "the options must be a table, like {var_list=…}")
    assert.error_at_line(function() optimizer:exclude_from_weight_decay { var_names = "v" } end,
      'var_names must be a list of patterns of names, got "v"')
    assert.error_at_line(function() optimizer:exclude_from_weight_decay { var_names = { "(" } } end,
      'var_names must be a list of patterns of names, got "("')
    assert.error_at_line(function() optimizer:exclude_from_weight_decay { var_list = { v, 1 } } end,
      "var_list must be a list of variables, got 1")
  end)

  it("make variables from names, shapes and variables", function()
    local optimizer = o.SGD {}
    assert.error_at_line(function() optimizer:add_variable { 3 } end,
      "add_variable takes a name and a shape, got {3} and nil")
    assert.error_at_line(function() optimizer:add_variable_from_reference(3, "m") end,
      "add_variable_from_reference: a variable is wanted, got 3")
    assert.error_at_line(function() optimizer:assign(3, 4) end, "a variable is wanted, got 3")
  end)

  it("refuse what they cannot do", function()
    assert.error_at_line(function() o.SGD { learning_rat = 1 } end, 'did you mean "learning_rate"?')
    assert.error_at_line(function() o.SGD { clipnorm = 1, clipvalue = 1 } end, "only one of")
    assert.error_at_line(function() o.SGD { "fast" } end, "learning_rate must be")
    assert.error_at_line(function()
      o.SGD {}:apply({ false }, { variable { 1 } })
    end, "no gradient")
    local scheduled = o.SGD { learning_rate = o.schedules.ExponentialDecay { .1, 10, .5 } }
    assert.error_at_line(function() scheduled.learning_rate = 1 end, "follows a schedule")
  end)
end)

describe("schedules", function()
  local s = o.schedules
  local cases = {
    { s.ExponentialDecay { .1, 10, .5 }, { .1, .081225, .070711, .061557, .05, .043528, .032988 } },
    { s.ExponentialDecay { .1, 10, .5, true }, { .1, .1, .1, .1, .05, .05, .05 } },
    { s.PiecewiseConstantDecay { { 5, 10 }, { 1, .5, .1 } }, { 1, 1, 1, .5, .5, .1, .1 } },
    { s.PolynomialDecay { .1, 10, .01, 2 }, { .1, .0541, .0325, .0181, .01, .01, .01 } },
    { s.PolynomialDecay { .1, 10, .01, cycle = true }, { .1, .073, .055, .037, .01, .046, .028 } },
    { s.InverseTimeDecay { .1, 10, .5 }, { .1, .086957, .08, .074074, .066667, .0625, .055556 } },
    { s.CosineDecay { .1, 10, .1 }, { .1, .08145, .055, .02855, .01, .01, .01 } },
    { s.CosineDecay { 0, 10, warmup_target = .1, warmup_steps = 4 },
      { 0, .075, .097553, .079389, .034549, .009549, 0 } },
    { s.CosineDecayRestarts { .1, 5, 2, .5 },
      { .1, .034549, .05, .045225, .025, .010305, .024846 } },
  }
  for _, case in ipairs(cases) do
    it("follow Keras's " .. tostring(case[1]), function()
      local values = {}
      for i, step in ipairs { 0, 3, 5, 7, 10, 12, 16 } do values[i] = case[1](step):item() end
      assert.near_all(values, case[2], 2e-5)
    end)
  end

  it("drive an optimizer by its steps", function()
    local optimizer = o.SGD { learning_rate = s.PiecewiseConstantDecay { { 0 }, { 1, .5 } } }
    assert.near_all(optimizer.learning_rate, 1)
    local v = variable { 0 }
    for _ = 1, 3 do optimizer:apply({ k.tensor { -1 } }, { v }) end
    assert.near_all(v.value, { 2 })
    assert.near_all(optimizer.learning_rate, .5)
  end)
end)
