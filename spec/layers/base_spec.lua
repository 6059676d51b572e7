-- What every layer does: names, weights, freezing, losses, masks, checks; and layers of the user.

local core = require "lunula.core"
local layers = require "lunula.layers"
local layer = require "lunula.layers.base"
local names = require "lunula.layers.base.names"
local ops = require "lunula.ops"
local warn = require "lunula.utils.warn"

local function names_of(variables)
  local list = {}
  for i, variable in ipairs(variables) do list[i] = variable.name end
  return list
end

-- Runs f and returns the warnings it gave.
local function warnings(f)
  local texts, sink = {}, warn.sink
  warn.sink = function (text) texts[#texts + 1] = text end
  local ok, problem = pcall(f)
  warn.sink = sink
  if not ok then error(problem, 0) end
  return texts
end

local x = core.tensor { { 1, 2, 3 }, { 4, 5, 6 } }

describe("layers", function ()
  before_each(names.reset)

  it("get names that count", function ()
    assert.are.equal("dense", layers.Dense(1).name)
    assert.are.equal("dense_1", layers.Dense(1).name)
    assert.are.equal("batch_normalization", layers.BatchNormalization().name)
    assert.are.equal("mine", layers.Dense { 1, name = "mine" }.name)
    assert.are.equal("dense_2", layers.Dense(1).name)
    names.reset()
    assert.are.equal("dense", layers.Dense(1).name)
    assert.error_at_line(function () layers.Dense { 1, name = "a/b" } end, "without a slash")
  end)

  it("keep the slash of a name that a config holds", function ()
    local dense = layers.Dense.from_config { units = 1, name = "a/b" }
    assert.are.equal("a/b", dense.name)
    assert.are.equal("a/b", layers.deserialize(layers.serialize(dense)).name)
    local model = require("lunula").Sequential.from_config { name = "m/n", layers = {} }
    assert.are.equal("m/n", model.name)
  end)

  it("are built once, by the first call or by hand", function ()
    local dense = layers.Dense(4)
    assert.is_false(dense.built)
    dense(x)
    assert.is_true(dense.built)
    local kernel = dense.kernel
    dense(x)
    dense:build { false, 3 }
    assert.are.equal(kernel, dense.kernel)
    assert.are.equal(2, #dense.weights)
    local other = layers.Dense(4)
    other:build { false, 3 }
    assert.are.same({ 3, 4 }, other.kernel.shape)
    assert.are.equal(16, other:count_params())
    assert.is_true(layers.Flatten().built)
  end)

  it("leave nothing behind when building fails", function ()
    local fails = true
    local Fragile = layer "Fragile" {
      build = function (self, shape)
        self:add_weight { name = "a", shape = { shape[2] } }
        if fails then core.raise("not yet") end
      end,
      call = function (self, y) return y * self.a end,
    }
    local fragile = Fragile()
    assert.has_error(function () fragile(x) end)
    assert.are.equal(0, #fragile.weights)
    fails = false
    assert.are.same({ 2, 3 }, fragile(x).shape)
    assert.are.equal(1, #fragile.weights)
  end)

  it("find what belongs to a weight by its name", function ()
    local dense = layers.Dense {
      2, kernel_initializer = "ones", bias_initializer = "ones", kernel_regularizer = "l2",
      bias_constraint = "non_neg",
    }
    assert.near_all(dense(x), { { 7, 7 }, { 16, 16 } })
    local facts = require "lunula.layers.base.weights".facts
    local constraint_of = require "lunula.constraints.attached".of
    assert.are.equal(dense.kernel_regularizer, facts(dense.kernel).regularizer)
    assert.is_nil(constraint_of(dense.kernel))
    assert.are.equal(dense.bias_constraint, constraint_of(dense.bias))
  end)

  it("give and take weights", function ()
    local dense = layers.Dense(2)
    dense(x)
    dense:set_weights { { { 1, 0 }, { 0, 1 }, { 1, 1 } }, { 0.5, -0.5 } }
    assert.near_all(dense(x), { { 4.5, 4.5 }, { 10.5, 10.5 } })
    local values = dense:get_weights()
    assert.near_all(values[2], { 0.5, -0.5 })
    dense:set_weights { ops.zeros_like(values[1]), values[2] }
    assert.near_all(values[1], { { 1, 0 }, { 0, 1 }, { 1, 1 } })
    assert.error_at_line(function () dense:set_weights { values[1] } end,
      "set_weights: the layer has 2 weights (kernel (3, 2), bias (2,)), got 1")
    assert.error_at_line(function () dense:set_weights { values[2], values[1] } end,
      'set_weights: weight 1, "kernel", has shape (3, 2), got (2,)')
    assert.error_at_line(function () layers.Dense(2):set_weights { values[1] } end, "not built yet")
  end)

  it("take their first weights as an option", function ()
    local dense = layers.Dense { 1, weights = { { { 1 }, { 2 }, { 3 } }, { 4 } } }
    assert.near_all(dense(x), { { 18 }, { 36 } })
  end)

  it("count parameters only when built", function ()
    assert.error_at_line(function () layers.Dense { 2, name = "late" }:count_params() end,
      'count_params: layer "late" is not built')
    assert.are.equal(0, layers.Flatten():count_params())
  end)

  describe("of the user", function ()
    local Scale = layer "Scale" {
      doc = "x * scale",
      args = { { "factor", "number", default = 2 }, "note" },
      build = function (self, shape)
        self:add_weight { name = "scale", shape = { shape[#shape] }, initializer = "ones" }
        self:add_weight { name = "steps", shape = {}, initializer = "zeros", trainable = false }
      end,
      call = function (self, y, ctx)
        if ctx.training then self.steps:assign(self.steps + 1) end
        return y * self.scale * self.factor
      end,
    }

    local Block = layer "Block" {
      args = { { "units", "positive" } },
      init = function (self)
        self.second = Scale()
        self.list = { layers.Dense(self.units), extra = Scale { 3 } }
        self.second = Scale { 1 }
      end,
      build = function (self) self:add_weight { name = "own", shape = { 1 } } end,
      call = function (self, y)
        return self.list.extra(self.list[1](self.second(y))) + self.own
      end,
    }

    it("are declared like ours", function ()
      local scale = Scale { 5, name = "s" }
      assert.near_all(scale(x), { { 5, 10, 15 }, { 20, 25, 30 } })
      assert.are.same({ "scale", "steps" }, names_of(scale.weights))
      assert.are.same({ "scale" }, names_of(scale.trainable_weights))
      assert.are.same({ "steps" }, names_of(scale.non_trainable_weights))
      local config = scale:get_config()
      assert.are.same({ name = "s", trainable = true, dtype = "float32", factor = 5 }, config)
      assert.are.same(config, Scale.from_config(config):get_config())
      assert.are.same({ false, 7 }, Scale():compute_output_shape { false, 7 } )
    end)

    it("know whether it is training, also inside others", function ()
      local Outer = layer "Outer" {
        init = function (self) self.inner = Scale() end,
        call = function (self, y) return self.inner(y) end,
      }
      local outer = Outer()
      outer(x)
      assert.near_all(outer.inner.steps, 0)
      outer(x, { training = true })
      outer(x, { training = true })
      assert.near_all(outer.inner.steps, 2)
      outer(x, { training = false })
      assert.near_all(outer.inner.steps, 2)
    end)

    it("own the layers in their fields, in order of assignment", function ()
      local block = Block { 4 }
      block(x)
      assert.are.same({ "own", "scale", "steps", "kernel", "bias", "scale", "steps" },
        names_of(block.weights))
      assert.are.equal(7, #block:get_weights())
    end)

    it("freeze what is inside", function ()
      local block = Block { 4 }
      block(x)
      block.trainable = false
      assert.are.equal(0, #block.trainable_weights)
      assert.are.equal(7, #block.non_trainable_weights)
      assert.is_false(block.list[1].trainable)
      assert.is_false(block.list[1].kernel.trainable)
      block.trainable = true
      assert.are.same({ "own", "scale", "kernel", "bias", "scale" },
        names_of(block.trainable_weights))
      assert.are.same({ "own", "scale", "steps", "kernel", "bias", "scale", "steps" },
        names_of(block.weights))
    end)

    it("may be frozen before they are built", function ()
      local dense = layers.Dense { 2, trainable = false }
      dense(x)
      assert.are.equal(0, #dense.trainable_weights)
      assert.is_false(dense.kernel.trainable)
    end)

    it("may inherit", function ()
      local Doubled = layer "Doubled" {
        parent = layers.Dense,
        build = function (self, shape)
          layers.Dense.build(self, shape)
          self:add_weight { name = "twice", shape = { 1 }, initializer = "ones" }
        end,
        call = function (self, y) return layers.Dense.call(self, y) * (self.twice + 1) end,
      }
      local doubled = Doubled { 2, "relu", kernel_initializer = "ones", use_bias = false }
      assert.near_all(doubled(x), { { 12, 12 }, { 30, 30 } })
      assert.are.same({ "kernel", "twice" }, names_of(doubled.weights))
    end)

    it("give several results, and take several tensors", function ()
      local Split = layer "Split" {
        call = function (_, pair, ctx) return pair[1] + pair[2], pair[1] * ctx.by end,
        call_args = { "by" },
      }
      local a, b = Split() ({ x, x }, { by = 3 })
      assert.near_all(a, x * 2)
      assert.near_all(b, x * 3)
      local _, c = Split() ({ x, x }, x)
      assert.near_all(c, x * x)
      local Both = layer "Both" { call = function (_, pair) return pair[1], pair end }
      local first, rest = Both():compute_output_shape { { false, 3 }, { false, 4 } }
      assert.are.same({ false, 3 }, first)
      assert.are.same({ { false, 3 }, { false, 4 } }, rest)
    end)

    it("may add weights as in Keras 2", function ()
      local Old = layer "Old" {
        build = function (self, shape)
          self.w = self:add_weight("kernel", { shape[2], 1 }, { initializer = "ones" })
          self.b = self:add_variable { name = "b", shape = {}, initializer = "zeros" }
          self.built = true
        end,
        call = function (self, y) return ops.matmul(y, self.w) + self.b end,
      }
      local old = Old()
      assert.near_all(old(x), { { 6 }, { 15 } })
      assert.are.same({ "kernel", "b" }, names_of(old.weights))
    end)

    it("own variables that they keep without add_weight", function ()
      local Own = layer "Own" {
        init = function (self)
          self.shift = core.variable { value = core.tensor { 1, 2, 3 }, name = "shift" }
        end,
        call = function (self, y) return y + self.shift end,
      }
      local own = Own()
      assert.near_all(own(x), { { 2, 4, 6 }, { 5, 7, 9 } })
      assert.are.same({ "shift" }, names_of(own.trainable_weights))
    end)

    it("need a call", function ()
      assert.error_at_line(function () layer "Empty" { doc = "nothing" } end,
        'layer "Empty": a layer needs call = function (self, x)')
    end)

    it("cannot take the names of computed fields", function ()
      assert.error_at_line(function ()
        layer "Odd" { call = function (_, y) return y end, losses = {} }
      end, '"losses" is a computed field')
      assert.error_at_line(function () Scale().losses = {} end, "computed and cannot be assigned")
    end)

    it("make weights only while they are built", function ()
      assert.error_at_line(function ()
        local Late = layer "Late" {
          call = function (self, y) return y * self:add_weight { name = "w", shape = { 3 } } end,
        }
        Late()(x)
      end, 'layer "late" (Late): add_weight: the layer is built already')
    end)
  end)

  describe("check their input", function ()
    it("for rank and features", function ()
      local dense = layers.Dense { 2, name = "d" }
      assert.error_at_line(function () dense(core.tensor { 1, 2 }) end,
        'layer "d" (Dense): takes an input of rank 2 or more, got shape (2,)')
      dense(x)
      assert.error_at_line(function () dense(core.tensor { { 1, 2 } }) end,
        "built for size 3 on axis -1, called on shape (1, 2)")
    end)

    it("for being tensors", function ()
      assert.error_at_line(function () layers.Dense(2)("hello") end, 'called on "hello"')
      assert.error_at_line(function () layers.Dense(2)(nil) end, "called without an input")
      assert.error_at_line(function () layers.Dense(2)({ x, x }) end, "takes one tensor")
    end)

    it("and make tensors of tables and integers", function ()
      local dense = layers.Dense { 1, kernel_initializer = "ones" }
      assert.near_all(dense { { 1, 2, 3 } }, { { 6 } })
      assert.near_all(dense(core.tensor({ { 1, 2, 3 } }, { dtype = "int32" })), { { 6 } })
      assert.are.equal("int32", layers.Flatten()(core.tensor({ { 1 } }, { dtype = "int32" })).dtype)
    end)

    it("and the options of the call", function ()
      assert.error_at_line(function () layers.Dense(2)(x, { trainin = true }) end,
        'unknown option "trainin" (did you mean "training"?)')
      assert.error_at_line(function () layers.Dense(2)(x, { training = 1 }) end,
        "training must be true or false, got 1")
      assert.error_at_line(function () layers.Dense(2)(x, x) end, "takes one input")
    end)

    it("and name unknown options of the constructor", function ()
      assert.error_at_line(function () layers.Dense { 64, activaton = "relu" } end,
        'Dense: unknown option "activaton" (did you mean "activation"?)')
      assert.error_at_line(function () layers.Dense { 64, activation = "rleu" } end,
        'Dense: activation: unknown activation "rleu" (did you mean "relu"?)')
      assert.error_at_line(function () layers.Dense { 64, dtype = "mixed_float16" } end,
        'the policy "mixed_float16" is not supported')
      assert.error_at_line(function () layers.Dense { 64, lora_rank = 4 } end, "not supported")
    end)

    it("and need known sizes for weights", function ()
      assert.error_at_line(function () layers.Dense { 2, name = "d" } :build { false, false } end,
        'weight "kernel" needs known sizes, its shape would be (None, 2)')
    end)
  end)

  describe("losses", function ()
    it("come from regularizers of trainable weights", function ()
      local dense = layers.Dense {
        2, kernel_initializer = "ones", kernel_regularizer = "l2", bias_regularizer = "l1",
      }
      dense(x)
      assert.are.equal(2, #dense.losses)
      assert.near_all(dense.losses[1], 0.06)
      dense.trainable = false
      assert.are.equal(0, #dense.losses)
    end)

    it("come from activity, divided by the batch", function ()
      local dense = layers.Dense { 1, kernel_initializer = "ones", activity_regularizer = "l1" }
      dense(x)
      dense(x)
      assert.are.equal(1, #dense.losses)
      assert.near_all(dense.losses[1], 0.01 * 21 / 2)
    end)

    it("of a layer inside are gone when a call adds none", function ()
      local adds = true
      local Adder = layer "ForgetfulAdder" {
        call = function (self, y)
          if adds then self:add_loss(1) end
          return y
        end,
      }
      local outer = require "lunula".Sequential { layers.Flatten {}, Adder {}, Adder {} }
      outer(x)   -- builds it by a call of its own
      for _ = 1, 2 do
        outer(x)
        assert.equal(2, #outer.losses)
      end
      adds = false
      outer(x)
      assert.equal(0, #outer.losses)
    end)

    it("come from add_loss, also of layers inside", function ()
      local Penalty = layer "Penalty" {
        call = function (self, y)
          self:add_loss(ops.sum(y))
          return y
        end,
      }
      local Outer = layer "OuterPenalty" {
        init = function (self) self.inner = Penalty() end,
        call = function (self, y)
          self:add_loss(1)
          return self.inner(y)
        end,
      }
      local outer = Outer()
      for _ = 1, 2 do
        outer(x)
        assert.are.equal(2, #outer.losses)
        assert.near_all(outer.losses[1], 1)
        assert.near_all(outer.losses[2], 21)
      end
    end)
  end)

  describe("masks", function ()
    local steps = core.tensor { { { 1, 1 }, { 0, 0 }, { 2, 0 } } }

    it("travel through layers that support them", function ()
      local y = layers.Masking()(steps)
      assert.near_all(y.mask, { { true, false, true } })
      assert.near_all(layers.Dense(3)(y).mask, y.mask)
      assert.near_all(layers.Activation("relu")(y).mask, y.mask)
      assert.is_nil(steps.mask)
    end)

    it("end in the others, with one warning", function ()
      local y = layers.Masking()(steps)
      local flatten = layers.Flatten { name = "f" }
      local texts = warnings(function ()
        assert.is_nil(flatten(y).mask)
        flatten(y)
      end)
      assert.are.equal(1, #texts)
      assert.is_truthy(texts[1]:find('layer "f" (Flatten) does not support masking', 1, true))
      assert.is_truthy(texts[1]:find("base_spec.lua", 1, true))
    end)

    it("are seen by call, and may be given", function ()
      local seen
      local Look = layer "Look" {
        supports_masking = true,
        call = function (_, y, ctx)
          seen = ctx.mask
          return core.is_tensor(y) and y + 0 or y[1] + y[2]
        end,
      }
      Look()(layers.Masking()(steps))
      assert.near_all(seen, { { true, false, true } })
      local y = Look()(steps, { mask = { { false, true, true } } })
      assert.near_all(seen, { { false, true, true } })
      assert.near_all(y.mask, seen)
      Look()({ steps, layers.Masking()(steps) })
      assert.is_false(seen[1])
      assert.near_all(seen[2], { { true, false, true } })
    end)
  end)

  describe("in models", function ()
    local Input = require "lunula.models".Input

    it("know what they were called on", function ()
      local a, b = Input { 3, name = "a" }, Input { 3, name = "b" }
      local dense = layers.Dense(4)
      local y, z = dense(a), dense(b)
      assert.are.equal(a, dense.input)
      assert.are.equal(y, dense.output)
      assert.are.equal(b, dense:get_input_at(1))
      assert.are.equal(z, dense:get_output_at(1))
      assert.are.same({ false, 3 }, dense.input_shape)
      assert.are.same({ false, 4 }, dense:get_output_shape_at(1))
      assert.error_at_line(function () print(dense:get_input_at(2)) end,
        "has 2 nodes, counted from 0; there is no node 2")
      assert.are.same({ { false, 3 }, { false, 3 } }, (function ()
        local add = layers.Add()
        add { a, b }
        return add.input_shape
      end)())
    end)

    it("may have inputs of different shapes", function ()
      local flatten = layers.Flatten { name = "f" }
      flatten(Input { 3, 4 })
      flatten(Input { 5, 6 })
      assert.error_at_line(function () print(flatten.input_shape) end,
        'The layer "f" has multiple inbound nodes with different input shapes. '
          .. "Use `get_input_shape_at(node_index)` instead.")
      assert.are.same({ false, 5, 6 }, flatten:get_input_shape_at(1))
    end)

    it("carry masks from layer to layer", function ()
      local embedding = layers.Embedding { 5, 2, mask_zero = true }
      local dense = layers.Dense(3)
      dense(embedding(Input { shape = { 4 }, dtype = "int32" }))
      assert.are.same({ false, 4 }, dense.output_mask.dims)
      assert.is_nil(layers.Dense(1)(Input { 3 }).mask)
    end)

    it("report errors at the line of the call", function ()
      local x3 = Input { 3 }
      assert.error_at_line(function () layers.Permute { 2, 1, name = "p" } (x3) end,
        'layer "p" (Permute): takes an input of rank 3, got shape (None, 3)')
    end)
  end)

  describe("without a place in a model", function ()
    it("have no input", function ()
      local dense = layers.Dense { 1, name = "lonely" }
      assert.error_at_line(function () print(dense.input) end,
        'The layer "lonely" has never been called')
      assert.error_at_line(function () print(dense:get_output_at(0)) end, "never been called")
    end)

    it("know their shapes from the first call", function ()
      local dense = layers.Dense(4)
      dense(x)
      assert.are.same({ 2, 3 }, dense.input_shape)
      assert.are.same({ 2, 4 }, dense.output_shape)
    end)
  end)

  it("print as the call that makes them", function ()
    assert.are.equal('Dense{units=4, activation="relu", name="d"}',
      tostring(layers.Dense { 4, "relu", name = "d" }))
  end)

  it("are serialized and found by class name", function ()
    local record = layers.serialize(layers.Dense { 4, "relu", name = "d" })
    assert.are.equal("keras.layers", record.module)
    assert.are.equal("Dense", record.class_name)
    local copy = layers.deserialize(record)
    assert.are.same(record.config, copy:get_config())
    local short = layers.deserialize { class_name = "Dense", config = { units = 3 } }
    assert.are.equal(3, short.units)
    assert.error_at_line(function () layers.deserialize { class_name = "Dnse", config = {} } end,
      'unknown layer "Dnse" (did you mean "Dense"?)')
  end)

  it("know the shape that Keras 2 gave to a first layer", function ()
    assert.are.same({ false, 8 }, layers.Dense { 1, input_dim = 8 }.batch_input_shape)
    local flatten = layers.Flatten { input_shape = { 28, 28 } }
    assert.are.same({ false, 28, 28 }, flatten.batch_input_shape)
    assert.are.same({ 32, 8 }, layers.Dense { 1, batch_input_shape = { 32, 8 } }.batch_input_shape)
    assert.are.same({ false, 10 }, layers.Embedding { 5, 3, input_length = 10 }.batch_input_shape)
    local lengths = layers.Embedding { 5, 3, input_length = { false, 6 } }
    assert.are.same({ false, false, 6 }, lengths.batch_input_shape)
    assert.is_nil(layers.Dense(1).batch_input_shape)
  end)

  it("that do not exist are named with the nearest one", function ()
    assert.error_at_line(function () layers.Dens(3)(x) end,
      'there is no layer "Dens" (did you mean "Dense"?)')
  end)

  it("of merging are functions too", function ()
    assert.near_all(layers.add { x, x }, x * 2)
    assert.are.same({ 2, 6 }, layers.concatenate({ x, x }).shape)
    assert.are.same({ 4, 3 }, layers.concatenate({ x, x }, 0).shape)
    assert.are.same({ 4, 3 }, layers.concatenate({ x, x }, { axis = 0 }).shape)
  end)
end)
