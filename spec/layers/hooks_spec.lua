-- What may stand in a declaration: hooks, fields and methods, and nothing that nobody reads.

local k = require "lunula"

local function identity(_, x) return x end

local function refuses(spec, text, door)
  assert.error_at_line(function () (door or k.layer) "Odd" (spec) end, text)
end

describe("a declaration", function ()
  it("refuses misspelt hooks", function ()
    refuses({ call = identity, biuld = identity },
      'layer "Odd" has a method "biuld"; did you mean "build"?')
    refuses({ call = identity, Build = identity }, 'did you mean "build"?')
    refuses({ call = identity, compute_ouput_shap = identity }, '"compute_output_shape"?')
    refuses({ call = identity, get_confg = identity }, 'did you mean "get_config"?')
    refuses({ call = identity, cal = identity }, 'did you mean "call"?')
    refuses({ call = identity, suports_masking = true }, '(did you mean "supports_masking"?)')
    refuses({ call = identity, iit = identity }, 'model "Odd" has a method "iit"', k.model)
    refuses({ call = identity, train_stp = identity }, 'did you mean "train_step"?', k.model)
  end)

  it("refuses hooks and methods that are no functions", function ()
    refuses({ call = identity, build = 3 }, 'layer "Odd": build must be a function, got 3')
    refuses({ call = "relu" }, 'call must be a function, got "relu"')
    refuses({ call = identity, get_weights = {} }, "get_weights must be a function")
    refuses({ call = identity, fit = 1 }, 'model "Odd": fit must be a function', k.model)
  end)

  it("refuses fields of the wrong type", function ()
    refuses({ call = identity, supports_masking = "yes" },
      'supports_masking must be a boolean, got "yes"')
    refuses({ call = identity, args = identity }, "args must be a table")
    refuses({ call = identity, state_size = identity }, "state_size must be a number or table")
  end)

  it("refuses values outside of args", function ()
    refuses({ call = identity, units = 4 }, 'layer "Odd": "units" is no hook and no field of a '
      .. "declaration; values of your own go into args")
    refuses({ call = identity, name = "odd" }, '"name" is no hook')
    refuses({ call = identity, sizes = {} }, 'model "Odd": "sizes" is no hook', k.model)
    refuses({ identity }, "is declared with named entries only")
    refuses(3, 'model "Odd" is declared with a table', k.model)
    refuses({ call = identity, parent = 3 }, "parent must be a layer class", k.model)
  end)

  it("refuses a declaration without a name", function ()
    assert.error_at_line(function () k.layer { call = identity } end,
      'k.layer takes a name first: k.layer "Name" {')
    assert.error_at_line(function () k.model { call = identity } end,
      'k.model takes a name first: k.model "Name" {')
  end)

  it("refuses what fit would not call", function ()
    refuses({ call = identity, make_train_function = identity },
      'model "Odd": make_train_function is not called: fit traces the model\'s steps by itself; '
      .. "declare train_step, which it calls", k.model)
    refuses({ parent = k.Model, call = identity, make_test_function = identity },
      "declare test_step, which it calls")
    refuses({ call = identity, layers = identity }, '"layers" is a computed field', k.model)
    refuses({ call = identity, metrics = 3 }, "metrics must be a function, got 3", k.model)
  end)

  it("takes methods, and inherits and replaces those of its parent", function ()
    local Coder = k.model "Coder" {
      init = function (self) self.inner, self.outer = k.layers.Dense(2), k.layers.Dense(3) end,
      encode = function (self, x) return self.inner(x) end,
      decode = function (self, z) return self.outer(z) end,
      tell = function () return "told" end,
      raw = function () end, prepared = function () end, drop = function () end,
      call = function (self, x) return self:decode(self:encode(x)) end,
      summary = function () return "short" end,
    }
    local coder = Coder {}
    assert.same({ 4, 3 }, coder:predict(k.ones { 4, 3 }).shape)
    assert.same({ 4, 2 }, coder:encode(k.ones { 4, 3 }).shape)
    assert.equal("short", coder:summary())
    assert.equal("told", coder:tell())
    local Cell = k.layer "MethodCell" {
      state_size = 2, output_size = 2, train_step = identity,
      call = function (_, x, states) return x, { states[1] } end,
      __tostring = function () return "me" end,
    }
    assert.equal("me", tostring(Cell()))
  end)
end)
