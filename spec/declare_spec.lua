-- Declarations: calling forms, checks, configs, the registry. Errors at the user's line.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"

local Gadget = declare.class {
  kind = "gadget", name = "Gadget", doc = "for this spec",
  args = {
    { "units", kinds.positive, required = true },
    { "mode", kinds.one_of { "valid", "same" }, default = "valid" },
    { "use_bias", kinds.boolean, default = true },
    { "size", kinds.tuple_of(2), default = 1, alias = "kernel" },
    { "note", kinds.string },
    { "merge", kinds.string, default = "sum", none = true },
  },
}

describe("declare", function ()
  it("says how an argument is declared", function ()
    for _, row in ipairs { 3, { 3 }, {}, true } do
      assert.error_at_line(function ()
        declare.class { kind = "gadget", name = "BadArgs", args = { row } }
      end, 'BadArgs: an argument is declared as { "name", kind, default = … }')
    end
  end)

  it("sees what classes are given after objects were asked", function ()
    local Base = declare.class {
      kind = "gadget", name = "SeenBase", abstract = true,
      getters = { computed = function () return "computed" end },
      say = function () return "base" end,
    }
    local Child = declare.class { kind = "gadget", name = "SeenChild", parent = Base }
    local object = Child {}
    assert.equal("base", object:say())
    assert.is_nil(object.later)
    Base.say = function () return "other" end
    assert.equal("other", object:say())
    Child.say = function () return "child" end
    assert.equal("child", object:say())
    Child.say = nil
    assert.equal("other", object:say())
    Base.later = 1
    assert.equal(1, object.later)
    Child.later = false
    assert.is_false(object.later)
    assert.equal("computed", object.computed)
    object.later = 3
    assert.equal(3, object.later)
  end)

  it("names in Keras's snake case", function ()
    for name, wanted in pairs {
      Dense = "dense", PReLU = "p_re_lu", ReLU = "re_lu", LeakyReLU = "leaky_re_lu", ELU = "elu",
      Conv2D = "conv2d", Conv1DTranspose = "conv1d_transpose", MaxPooling2D = "max_pooling2d",
      UpSampling2D = "up_sampling2d", ZeroPadding2D = "zero_padding2d",
      ConvLSTM2D = "conv_lstm2d", SimpleRNN = "simple_rnn", RMSprop = "rm_sprop",
      LSTMCell = "lstm_cell", GRU = "gru", GroupedQueryAttention = "grouped_query_attention",
    } do
      assert.are.equal(wanted, declare.snake_case(name))
    end
  end)

  it("offers those names where Keras does, and nowhere else", function ()
    local k = require "lunula"
    assert.is_nil(k.optimizers.rm_sprop)
    assert.is_nil(k.callbacks.terminate_on_na_n)
    assert.is_nil(k.metrics.io_u)
    assert.is_function(k.losses.kl_divergence)
    assert.equal(k.initializers.GlorotUniform, k.initializers.glorot_uniform)
    for _, name in ipairs { "rmsprop", "RMSprop", "RMSPROP" } do
      assert.equal("RMSprop", declare.class_of(k.optimizers.get(name)).name)
    end
    assert.equal("kl_divergence", k.metrics.get("kl_divergence").name)
    assert.error_at_line(function () k.optimizers.get "rm_sprop" end,
      'unknown optimizer "rm_sprop" (did you mean "rmsprop"?)')
    assert.error_at_line(function () k.losses.get "k_l_divergence" end, "unknown loss")
    assert.error_at_line(function () k.activations.get "re_l_u" end, "unknown activation")
  end)

  describe("constructors", function ()
    it("take positional and named values in one table", function ()
      local g = Gadget { 64, "same", use_bias = false }
      assert.are.equal(64, g.units)
      assert.are.equal("same", g.mode)
      assert.is_false(g.use_bias)
      assert.are.same({ 1, 1 }, g.size)
    end)

    it("take values without a table", function ()
      assert.are.equal(64, Gadget(64).units)
      assert.are.equal("same", Gadget(64, "same").mode)
      assert.is_false(Gadget(64, { use_bias = false }).use_bias)
    end)

    it("know arguments by other names", function ()
      assert.are.same({ 2, 3 }, Gadget { 1, kernel = { 2, 3 } }.size)
    end)

    it("take 64.0 for 64", function ()
      assert.are.equal("integer", math.type(Gadget(128 / 2).units))
    end)

    it("read false as None, but for a boolean", function ()
      local g = Gadget { 1, note = false, use_bias = false }
      assert.is_nil(g.note)
      assert.is_false(g.use_bias)
    end)
  end)

  describe("errors", function ()
    it("of names in the place of a list", function ()
      local Listed = declare.class {
        kind = "gadget", name = "Listed",
        args = { { "numbers", kinds.list_of(kinds.number) }, { "shape", kinds.shape } },
      }
      assert.error_at_line(function () Listed { numbers = { a = 1 } } end,
        "Listed: numbers must be a list of numbers, got {a=1}")
      assert.error_at_line(function () Listed { shape = { a = 1 } } end,
        "Listed: shape must be a shape, as {28, 28, 1}")
      assert.same({}, Listed { numbers = {} }.numbers)
      assert.same({}, Listed { shape = table.pack() }.shape)
    end)

    it("name an unknown option and the nearest one", function ()
      assert.error_at_line(function () Gadget { 3, use_bais = true } end,
        'Gadget: unknown option "use_bais" (did you mean "use_bias"?)')
    end)

    it("say what an argument must be", function ()
      assert.error_at_line(function () Gadget { 64.5 } end,
        "Gadget: units must be a positive integer, got 64.5")
      assert.error_at_line(function () Gadget { 1, "vaild" } end,
        'Gadget: mode must be one of "valid", "same" (did you mean "valid"?), got "vaild"')
      assert.error_at_line(function () Gadget { 1, size = { 1, 2, 3 } } end,
        "Gadget: size must be a positive integer or a list of 2, got {1, 2, 3}")
      assert.error_at_line(function () Gadget { 1, use_bias = 0 } end,
        "Gadget: use_bias must be true or false, got 0")
    end)

    it("name a missing argument", function ()
      assert.error_at_line(function () Gadget { mode = "same" } end,
        "Gadget: units is missing (a positive integer)")
    end)

    it("refuse too many values, and one given twice", function ()
      assert.error_at_line(function () Gadget { 1, "same", true, 2, "a", "b", 6 } end,
        "Gadget takes at most 6 positional values, got 7")
      assert.error_at_line(function () Gadget { 1, units = 2 } end, "units is given twice")
    end)
  end)

  describe("configs", function ()
    it("hold every argument and make an equal object", function ()
      local g = Gadget { 64, size = { 2, 3 } }
      local config = g:get_config()
      assert.are.same({ units = 64, mode = "valid", use_bias = true, size = { 2, 3 },
        merge = "sum" }, config)
      assert.are.same(config, Gadget.from_config(config):get_config())
      assert.are.same({ "units", "mode", "use_bias", "size", "note", "merge" },
        getmetatable(config).__jsonorder)
    end)

    it("pass over unknown names that say nothing", function ()
      assert.are.equal(3, Gadget.from_config { units = 3, lora_rank = false }.units)
      assert.error_at_line(function () Gadget.from_config { units = 3, lora_rank = 2 } end,
        'unknown option "lora_rank" in the config')
    end)

    it("know None from what was never said", function ()
      for _, none in ipairs { false, core.None } do
        local config = Gadget { 3, merge = none } :get_config()
        assert.is_false(config.merge)
        assert.is_nil(Gadget.from_config(config).merge)
      end
      assert.are.equal(Gadget(3).merge, Gadget.from_config { units = 3 } .merge)
      local config = Gadget { 3, use_bias = core.None } :get_config()
      assert.are.equal(core.None, config.use_bias)
      assert.is_nil(Gadget.from_config(config).use_bias)
    end)

    it("refuse None where it cannot be", function ()
      for name, wanted in pairs { units = "a positive integer", size = "a positive integer or a "
        .. "list of 2", mode = 'one of "valid", "same"' } do
        for _, none in ipairs { false, core.None } do
          assert.error_at_line(function () Gadget { units = 1, [name] = none } end,
            ("Gadget: %s must be %s, got %s"):format(name, wanted, tostring(none)))
        end
      end
    end)

    it("do not share tables with the object", function ()
      local g = Gadget { 1, size = { 2, 3 } }
      g:get_config().size[1] = 9
      assert.are.equal(2, g.size[1])
    end)
  end)

  describe("the registry", function ()
    it("finds by any spelling, config, class and object", function ()
      assert.are.equal(0.01, declare.get("regularizer", "l2").l2)
      assert.are.equal(0.01, declare.get("regularizer", "L2").l2)
      local config = { class_name = "L2", config = { l2 = 0.5 } }
      assert.are.equal(0.5, declare.get("regularizer", config).l2)
      local regularizers = require "lunula.regularizers"
      local object = regularizers.L1(0.2)
      assert.are.equal(object, declare.get("regularizer", object))
      assert.are.equal(0.01, declare.get("regularizer", regularizers.L1).l1)
      local function custom() return 0 end
      assert.are.equal(custom, declare.get("regularizer", custom))
      assert.is_nil(declare.get("regularizer", nil))
    end)

    it("suggests the nearest name", function ()
      assert.error_at_line(function () declare.get("initializer", "glorat_uniform") end,
        'unknown initializer "glorat_uniform" (did you mean "glorot_uniform"?)')
    end)

    it("finds custom objects while they stand", function ()
      local function mine() return 0 end
      local found = declare.with_custom_objects({ mine = mine }, declare.get, "regularizer", "mine")
      assert.are.equal(mine, found)
      assert.has_error(function () declare.get("regularizer", "mine") end)
    end)
  end)

  describe("classes", function ()
    it("inherit arguments after their own, and methods", function ()
      local Base = declare.class {
        kind = "gadget", name = "BaseGadget",
        args = { { "decay", kinds.number }, { "name", kinds.string } },
        hello = function () return "hello" end,
      }
      local Derived = declare.class {
        name = "DerivedGadget", parent = Base, args = { { "rate", kinds.number, default = 0.1 } },
      }
      local g = Derived { 0.2, 0.3 }
      assert.are.equal(0.2, g.rate)
      assert.are.equal(0.3, g.decay)
      assert.are.equal("hello", g:hello())
      assert.is_true(declare.is(g, Base))
      assert.is_true(declare.is(g, "gadget"))
      assert.is_false(declare.is({}, "gadget"))
    end)

    it("print as the call that makes them", function ()
      local g = Gadget { 64, use_bias = false }
      assert.are.equal("Gadget{units=64, use_bias=false}", tostring(g))
    end)

    it("have a help text", function ()
      local text = declare.help(Gadget)
      assert.is_truthy(text:find("Gadget{units, mode, use_bias, size, note, merge}", 1, true))
      for _, line in ipairs { "a positive integer, required", "true or false or None, default true",
        "a string, default None", 'a string or None, default "sum"' } do
        assert.is_truthy(text:find(line, 1, true), line)
      end
    end)

    it("have arguments whose meaning is told once, for all or by the class", function ()
      local layers = require "lunula.layers"
      local kernel = declare.help(layers.Dense)
      assert.is_truthy(kernel:find("\n +how many outputs there are"), kernel)
      assert.is_truthy(kernel:find("what the kernel begins with", 1, true), kernel)
      assert.is_truthy(kernel:find("trainable", 1, true), kernel)
      local Told = declare.class {
        kind = "layer", name = "Told", args = { { "units", doc = "its own words" } },
      }
      assert.is_truthy(declare.help(Told):find("its own words", 1, true))
    end)
  end)
end)
