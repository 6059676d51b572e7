-- What the call of a layer of the user's is given: its options, by the names of its parameters.

local core = require "lunula.core"
local k = require "lunula"
local layers, layer = k.layers, k.layer

local x = core.tensor({ { 1, 2, 3 }, { 4, 5, 6 } }, { dtype = "float32" })

-- A layer that notes what it was given.
local seen
local Noting = layer "NotingOptions" {
  supports_masking = true,
  call = function (_, y, training, mask)
    seen = { training = training, mask = mask }
    return y + 0
  end,
}

local stripped_call = load(string.dump(function (_, y, training)
  return training and y * 2 or y
end, true))

describe("a call gets its options by name:", function ()
  it("training and mask, wherever they stand", function ()
    Noting()(x)
    assert.same({ training = false }, seen)
    Noting()(x, { training = true, mask = { true, false } })
    assert.is_true(seen.training)
    assert.near_all(seen.mask, { true, false })
    local Turned = layer "TurnedOptions" {
      call = function (_, y, mask, training) return mask and y or training and y * 2 or y * 3 end,
    }
    assert.near_all(Turned()(x), x * 3)
    assert.near_all(Turned()(x, { training = true }), x * 2)
    assert.near_all(Turned()(x, { training = true, mask = { true, true } }), x)
  end)

  it("all of them, as options", function ()
    local All = layer "AllOptions" {
      call_args = { "by" },
      call = function (_, y, options) return y * options.by, options.training end,
    }
    local y, training = All()(x, { by = 3, training = true })
    assert.near_all(y, x * 3)
    assert.is_true(training)
  end)

  it("options of the layer's own, which need not be listed", function ()
    local Scaled = layer "ScaledBy" {
      call = function (_, y, by, training) return y * (by or 1) * (training and 10 or 1) end,
    }
    assert.same("by", Scaled.call_args[1])
    assert.near_all(Scaled()(x), x)
    assert.near_all(Scaled()(x, x), x * x)
    assert.near_all(Scaled()(x, { by = 2, training = true }), x * 20)
    assert.error_at_line(function () Scaled()(x, { bye = 2 }) end,
      'unknown option "bye" (did you mean "by"?)')
  end)

  it("nothing under a name that begins with _", function ()
    local Blind = layer "BlindOptions" {
      call = function (_, y, _unused, training) return y, _unused, training end, -- luacheck: ignore
    }
    local y, unused, training = Blind()(x, { training = true })
    assert.near_all(y, x)
    assert.is_nil(unused)
    assert.is_true(training)
    assert.error_at_line(function () Blind()(x, { _unused = 1 }) end, "unknown option")
  end)

  it("and dropout is off in predict, on in fit", function ()
    local calls = {}
    local Own = layer "OwnDropout" {
      call = function (_, y, training)
        calls[#calls + 1] = training
        if training then return k.random.dropout(y, 0.5) end
        return y
      end,
    }
    local input = k.Input { 3 }
    local model = k.Model { inputs = input, outputs = Own()(input) }
    assert.near_all(model:predict(x), x)
    local ones = k.Sequential { k.Input { 3 }, Own(), layers.Dense(1) }
    ones:compile { optimizer = "sgd", loss = "mse" }
    calls = {}
    ones:fit(x, k.zeros { 2, 1 }, { verbose = 0 })
    assert.same({ true }, calls)
    calls = {}
    ones:evaluate(x, k.zeros { 2, 1 })
    assert.same({ false }, calls)
  end)

  it("in the middle of layers that hold layers", function ()
    local Outer = layer "OuterOptions" {
      init = function (self) self.inner = Noting() end,
      call = function (self, y) return self.inner(y) end,
    }
    Outer()(x, { training = true })
    assert.is_true(seen.training)
    layers.TimeDistributed { Noting() } (k.ones { 2, 4, 3 }, { training = true })
    assert.is_true(seen.training)
    local Wrapped = layer "WrappedOptions" {
      parent = layers.Wrapper,
      call = function (self, y, training) return self.layer(y, { training = not training }) end,
    }
    Wrapped { Noting() } (x)
    assert.is_true(seen.training)
  end)

  it("in functional calls, where predict has its own word on training", function ()
    local input = k.Input { 3 }
    local Tripled = layer "TripledInTraining" {
      call = function (_, y, training, by) return y * (training and 3 or 1) + (by or 0) end,
    }
    local y = Tripled()(input, { training = true, by = input })
    local model = k.Model { inputs = input, outputs = y }
    assert.near_all(model(x), x * 4)
    assert.near_all(model:predict(x), x * 2)
    assert.near_all(k.Model { inputs = input, outputs = Tripled()(input) }:predict(x), x)
  end)

  it("in subclassed models", function ()
    local Net = k.model "NetOfOptions" {
      init = function (self) self.dense = layers.Dense(3) end,
      call = function (self, y, training)
        y = self.dense(y)
        return training and y * 0 or y
      end,
    }
    local net = Net {}
    assert.near_all(net:predict(x), net.dense(x))
    assert.near_all(net(x, { training = true }), k.zeros { 2, 3 })
  end)

  it("in cells, whose states come first", function ()
    local Cell = layer "CellOfOptions" {
      args = { "units" },
      init = function (self) self.state_size = self.units end,
      call = function (_, step, h, training)
        local y = h[1] + step * (training and 2 or 1)
        return y, { y }
      end,
    }
    local rnn = layers.RNN { Cell(3) }
    assert.near_all(rnn(k.ones { 1, 4, 3 }), { { 4, 4, 4 } })
    assert.near_all(rnn(k.ones { 1, 4, 3 }, { training = true }), { { 8, 8, 8 } })
  end)

  it("training of the coroutine that set it", function ()
    local Yielding = layer "YieldingCall" {
      init = function (self) self.inner = Noting() end,
      call = function (self, y)
        coroutine.yield()
        return self.inner(y)
      end,
    }
    local yielding, flags = Yielding(), {}
    local thread = coroutine.wrap(function ()
      yielding(x, { training = true })
      flags[1] = seen.training
    end)
    thread()
    Noting()(x)                        -- while the other one is in the middle of its call
    flags[2] = seen.training
    thread()
    assert.same({ true, false }, flags)
    local left = coroutine.create(function () yielding(x, { training = true }) end)
    coroutine.resume(left)
    Noting()(x)
    coroutine.close(left)              -- never comes back
    assert.is_false(seen.training)
    Noting()(x)
    assert.is_false(seen.training)
  end)

  it("training of the call in which a coroutine runs", function ()
    local flags = {}
    local Parts = layer "PartsByCoroutine" {
      init = function (self) self.inner = Noting() end,
      call = function (self, y)
        for part in coroutine.wrap(function ()
          for _ = 1, 2 do
            coroutine.yield(self.inner(y))
            flags[#flags + 1] = seen.training
          end
        end) do
          y = part
        end
        return self.inner(y)
      end,
    }
    local parts = Parts()
    coroutine.wrap(function () parts(x, { training = true }) end)()
    assert.same({ true, true }, flags)
    assert.is_true(seen.training)
    parts(x)
    assert.same({ true, true, false, false }, flags)
  end)

  it("of a child that calls its parent with them", function ()
    local Louder = layer "LouderDropout" {
      parent = layers.Dropout,
      call = function (self, y, options) return layers.Dropout.call(self, y, options) * 2 end,
    }
    assert.near_all(Louder(0.5)(x), x * 2)
  end)

  it("without the debug library too", function ()
    local kept = debug
    debug = nil                                                         -- luacheck: ignore
    local ok, problem = pcall(function ()
      local Bare = layer "BareOptions" { call = function (_, y, training) return y, training end }
      local y, training = Bare()(x)
      assert.near_all(y, x)
      assert.is_false(training)
      local f = layers.Lambda { function (z, mask) return mask and z * 2 or z end }
      assert.near_all(f(x), x)
    end)
    debug = kept                                                        -- luacheck: ignore
    assert.is_true(ok, problem)
  end)
end)

describe("a declaration says what cannot be given:", function ()
  it("a parameter that is nearly one of every call", function ()
    assert.error_at_line(function ()
      layer "Misspelt" { call = function (_, y, trainig) return trainig and y end }
    end, 'layer "Misspelt": call has a parameter "trainig"; did you mean "training"?')
    assert.error_at_line(function ()
      layer "Misspelt" { call = function (_, y, is_training) return is_training and y end }
    end, 'did you mean "training"?')
    local Listed = layer "ListedMasks" {
      call_args = { "masks" }, call = function (_, y, masks) return y, masks end,
    }
    assert.equal(3, (select(2, Listed()(x, { masks = 3 }))))
  end)

  it("a parameter that call_args does not list", function ()
    assert.error_at_line(function ()
      layer "Unlisted" { call_args = { "by" }, call = function (_, y, of) return y * of end }
    end, 'call has a parameter "of", which is not in call_args (by)')
  end)

  it("code without names, unless call_args gives them in order", function ()
    assert.error_at_line(function () layer "Stripped" { call = stripped_call } end,
      "some parameters of call have no names, because of `...` or because its code was stripped")
    local Told = layer "StrippedButTold" { call_args = { "training" }, call = stripped_call }
    assert.near_all(Told()(x), x)
    assert.near_all(Told()(x, { training = true }), x * 2)
  end)

  it("parameters behind three dots, unless call_args gives them in order", function ()
    local function wrapped(f) return function (...) return f(...) end end
    local function double(_, y, training) return training and y * 2 or y end
    assert.error_at_line(function () layer "Dotted" { call = wrapped(double) } end,
      'list those after the input: call_args = { "training" }')
    local Told = layer "DottedButTold" { call_args = { "training" }, call = wrapped(double) }
    assert.near_all(Told()(x), x)
    assert.near_all(Told()(x, { training = true }), x * 2)
    assert.error_at_line(function () layer "InC" { call = math.max } end, "list those after")
    local Both = layer "DottedBehindNames" {
      call_args = { "by", "training" }, call = function (_, y, by, ...) return y * by, ... end,
    }
    assert.is_true(select(2, Both()(x, { by = 2, training = true })))
  end)

  it("a call that returns nothing", function ()
    local Mute = layer "MuteLayer" { call = function (_, y) k.ops.relu(y) end }
    assert.error_at_line(function () Mute { name = "mute" } (x) end,
      'layer "mute" (MuteLayer): its call returned nothing; it must return its output')
    assert.error_at_line(function () Mute()(k.Input { 3 }) end, "its call returned nothing")
    local Nil = k.model "NilModel" { call = function () return nil end }
    assert.error_at_line(function () Nil {} :predict(x) end, "its call returned nil")
    assert.error_at_line(function () layers.Lambda(function () end)(x) end, "returned nothing")
  end)
end)
