-- What users read when they use a model wrongly: the message, at their own line.

local k = require "lunula"
local files = require "spec.support.files"
local lua = require "spec.support.lua"
local layers = k.layers

local function compiled()
  local model = k.Sequential { k.Input { shape = { 2 } }, layers.Dense(1), name = "m" }
  model:compile { optimizer = "sgd", loss = "mse" }
  return model
end

local x, y = k.ones { 4, 2 }, k.ones { 4, 1 }

describe("errors of models", function()
  it("come before compile", function()
    local model = k.Sequential { layers.Dense(1) }
    assert.error_at_line(function() model:fit(x, y) end, "must be compiled before fit")
    assert.error_at_line(function() model:evaluate(x, y) end, "must be compiled before evaluate")
    assert.error_at_line(function()
      model:train_on_batch(x, y)
    end, "must be compiled before train_on_batch")
    assert.error_at_line(function() k.Sequential {}:predict(x) end, "has no layers yet")
  end)

  it("name the nearest option", function()
    local model = compiled()
    assert.error_at_line(function()
      model:fit(x, y, { epoch = 1 })
    end, 'unknown option "epoch" (did you mean "epochs"?)')
    assert.error_at_line(function()
      model:compile { optimiser = "sgd" }
    end, 'did you mean "optimizer"?')
    assert.error_at_line(function()
      model:predict(x, { batchsize = 1 })
    end, 'did you mean "batch_size"?')
    assert.error_at_line(function()
      model:compile { loss = "mean_sqared_error" }
    end, 'did you mean "MeanSquaredError"?')
    assert.error_at_line(function() model:compile { optimizer = "adamm" } end, "unknown optimizer")
    assert.error_at_line(function()
      model:compile { metrics = { "acuracy" } }
    end, 'unknown metric "acuracy"')
  end)

  it("check numbers", function()
    local model = compiled()
    assert.error_at_line(function()
      model:fit(x, y, { epochs = 1.5 })
    end, "epochs must be a whole number")
    assert.error_at_line(function()
      model:fit(x, y, { batch_size = 0 })
    end, "batch_size must be a whole number")
    assert.error_at_line(function()
      model:fit(x, y, { verbose = 3 })
    end, 'verbose must be "auto", 0, 1 or 2')
    assert.error_at_line(function()
      model:fit(x, y, { validation_split = 1.2 })
    end, "validation_split must be")
    assert.error_at_line(function()
      model:fit(x, y, { validation_split = 0 / 0 })
    end, "validation_split must be")
  end)

  it("check shapes and counts", function()
    local model = compiled()
    assert.error_at_line(function()
      model:fit(k.ones { 4, 3 }, y)
    end, "expects shape (None, 2), got (None, 3)")
    assert.error_at_line(function()
      model:fit(x, k.ones { 3, 1 })
    end, "x has 4 samples but y has 3")
    assert.error_at_line(function() model:fit(x, k.ones { 4, 2 }) end, "targets have shape")
    assert.error_at_line(function() model:fit({ { 1, 2 }, { 3 } }, y) end)
    assert.error_at_line(function()
      model:fit(x, y, { sample_weight = k.ones { 3 } })
    end, "sample_weight has 3")
    assert.error_at_line(function()
      model:fit("x", y)
    end, "x must be a tensor or a table of numbers")
    assert.error_at_line(function()
      model:fit(x, y, { validation_data = x })
    end, "must be a list {x, y}")
    assert.error_at_line(function() model:fit(x) end, "has a loss but no target")
  end)

  it("leave the model as it was", function()
    local model = compiled()
    local before = model:get_weights()[1]:totable()
    pcall(function() model:fit(x, k.ones { 4, 2 }) end)
    pcall(function() model:compile { loss = "nothing" } end)
    assert.near_all(model:get_weights()[1], before)
    model:fit(x, y, { verbose = 0 })
    assert.equal("number", type(model:evaluate(x, y)))
  end)

  it("name the sample and the range of a class id", function()
    local model = k.Sequential {
      k.Input { shape = { 2 } }, layers.Dense { 3, activation = "softmax", name = "out" },
    }
    model:compile { optimizer = "sgd", loss = "sparse_categorical_crossentropy" }
    local before = model:get_weights()[1]:totable()
    assert.error_at_line(function() model:fit(x, k.tensor { 0, 1, 2, 3 }, { verbose = 0 }) end,
      'sample 4 has the class 3, but output "out" tells 3 classes apart: ids go from 0 to 2')
    assert.error_at_line(function() model:fit(x, k.tensor { 0, -1, 2, 2 }, { verbose = 0 }) end,
      "sample 2 has the class -1")
    assert.error_at_line(function() model:evaluate(x, k.tensor { 7, 1, 2, 2 }) end, "sample 1")
    assert.error_at_line(function()
      model:train_on_batch(x, k.tensor { 7, 1, 2, 2 })
    end, "sample 1")
    assert.near_all(model:get_weights()[1], before)
  end)

  it("tell one-hot targets from class ids", function()
    local model = k.Sequential { k.Input { shape = { 2 } },
      layers.Dense { 3, activation = "softmax" } }
    model:compile { loss = "sparse_categorical_crossentropy" }
    assert.error_at_line(function() model:fit(x, k.ones { 4, 3 }) end,
      "for one-hot targets use categorical_crossentropy")
    model:compile { loss = "categorical_crossentropy" }
    assert.error_at_line(function() model:fit(x, k.tensor { 0, 1, 2, 0 }) end,
      "for class ids use sparse_categorical_crossentropy")
  end)

  it("say what a closure did wrong", function()
    local model = k.Sequential { k.Input { shape = { 2 } }, layers.Dense(1) }
    local function fit_with(loss)
      model:compile { loss = loss }
      model:fit(x, y, { verbose = 0 })
    end
    local function message(loss) return tostring(select(2, pcall(fit_with, loss))) end
    assert.truthy(message(function() end):find("must return a tensor, got nil", 1, true))
    assert.truthy(message(function(_, p) return math.exp(p) end):find("k.ops.exp", 1, true))
    assert.truthy(message(function(_, p) return p:sum():item() end):find("run_eagerly", 1, true))
  end)

  -- What a script says that is interrupted in line 5.
  local function interrupted(line)
    local name = os.tmpname()
    files.write(name, ([[
package.path, package.cpath = %q, %q  local k = require "lunula"
local model = k.Sequential { k.Input { shape = { 2 } }, k.layers.Dense(1) }
model:compile { loss = "mse" }
local function interrupt() io.popen("kill -INT $PPID"):close() end
%s
print "not interrupted"
]]):format(package.path, package.cpath, line))
    local pipe = assert(io.popen(("export ASAN_OPTIONS=detect_leaks=0; %s %s 2>&1"):format(
      lua.command, name)))
    local said = pipe:read "a"
    pipe:close()
    os.remove(name)
    return said, name .. ":5: interrupted!"
  end

  it("tell where Ctrl-C found fit", function()
    local said, wanted = interrupted [[
model:fit(k.ones { 4, 2 }, k.ones { 4, 1 }, { epochs = 1000, verbose = 0,
  callbacks = { k.callbacks.LambdaCallback { on_epoch_begin = interrupt } } })]]
    wanted = wanted .. " The weights are those of the last finished batch"
    assert.truthy(said:find(wanted, 1, true), said)
    assert.falsy(said:find("traceback", 1, true), said)
  end)

  it("tell where Ctrl-C found evaluate and predict", function()
    for _, call in ipairs { "evaluate(k.ones { 99, 2 }, k.ones { 99, 1 }",
      "predict(k.ones { 99, 2 }" } do
      local hook = "on_" .. call:match "%l+"
      hook = hook:gsub("evaluate", "test") .. "_batch_begin"
      local said, wanted = interrupted("model:" .. call .. ", { callbacks = { { " .. hook
        .. " = interrupt } } })")
      assert.truthy(said:find(wanted, 1, true), said)
      assert.falsy(said:find("traceback", 1, true), said)
    end
  end)

  it("say what an unknown size is written as", function()
    assert.error_at_line(function() k.Input { shape = { nil, 3 } } end,
      "where a size is unknown, {false, 3}, got {nil, 3}")
  end)

  -- `#` of such a table is 0 in every Lua.
  it("count what is nil at the begin of a list", function()
    local holed = {}
    holed[2] = 3
    for call, text in pairs {
      [function() k.Input { shape = holed } end] = "got {nil, 3}",
      [function() layers.Conv2D { 1, kernel_size = holed } end] = "got {nil, 3}",
      [function() k.ops.zeros(holed) end] = 'argument "shape" must be sizes',
      [function() k.ops.sum(k.ones { 2, 3 }, holed) end] = 'argument "axis" must be',
      [function() k.tensor(holed) end] = "element [1] of the table is nil",
      [function() k.ops.stack(holed) end] = "x[1]: a tensor",
    } do
      assert.error_matches(call, text, 1, true)
    end
  end)

  it("say that a method was called with a dot", function()
    local model = k.Sequential { k.Input { shape = { 2 } }, layers.Dense(1) }
    local function said(name, ...)
      local given = table.pack(...)
      assert.error_at_line(function() model[name](table.unpack(given)) end,
        name .. " is a method")
    end
    said("compile", { loss = "mse" })
    model:compile { loss = "mse" }
    said("fit", x, y)
    said("evaluate", x, y)
    said("predict", x)
    model:predict(x)
    said("predict", x)
    said("predict_on_batch", x)
    said("train_on_batch", x, y)
    said "summary"
    said "pop"
    said "add"
    said("get_layer", 1)
    said "to_json"
    said "get_weights"
    said("set_weights", {})
  end)

  it("pass an error of the user's own code on", function()
    local model = k.Sequential { layers.Dense(1) }
    model:compile { optimizer = "sgd", loss = function() error "my own" end }
    local ok, message = pcall(function() model:fit(x, y, { verbose = 0 }) end)
    assert.falsy(ok)
    assert.truthy(tostring(message):find("my own", 1, true))
  end)
end)
