-- The summary, character for character as Keras 3 prints it.
-- luacheck: no max line length

local k = require "lunula"
local layers = k.layers

local function text(model, options)
  options = options or {}
  local kept
  options.print_fn = function(line) kept = line end
  model:summary(options)
  return kept
end

local sequential = [[
Model: "seq"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓
┃ Layer (type)                         ┃ Output Shape                ┃         Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩
│ dense (Dense)                        │ (None, 4)                   │              36 │
├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤
│ batch_normalization                  │ (None, 4)                   │              16 │
│ (BatchNormalization)                 │                             │                 │
├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤
│ dropout (Dropout)                    │ (None, 4)                   │               0 │
├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤
│ dense_1 (Dense)                      │ (None, 1)                   │               5 │
└──────────────────────────────────────┴─────────────────────────────┴─────────────────┘
 Total params: 57 (228.00 B)
 Trainable params: 49 (196.00 B)
 Non-trainable params: 8 (32.00 B)]]

local functional = [[
Model: "func"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)                  ┃ Output Shape              ┃         Param # ┃ Connected to               ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
│ a (InputLayer)                │ (None, 4)                 │               0 │ -                          │
├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
│ b (InputLayer)                │ (None, 4)                 │               0 │ -                          │
├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
│ shared (Dense)                │ (None, 3)                 │              15 │ a[0][0], b[0][0]           │
├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
│ concatenate (Concatenate)     │ (None, 6)                 │               0 │ shared[0][0], shared[1][0] │
├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
│ o1 (Dense)                    │ (None, 1)                 │               7 │ concatenate[0][0]          │
├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
│ o2 (Dense)                    │ (None, 2)                 │              14 │ concatenate[0][0]          │
└───────────────────────────────┴───────────────────────────┴─────────────────┴────────────────────────────┘
 Total params: 36 (144.00 B)
 Trainable params: 36 (144.00 B)
 Non-trainable params: 0 (0.00 B)]]

describe("summary", function()
  it("prints a stack in three columns", function()
    local model = k.Sequential {
      k.Input { shape = { 8 } },
      layers.Dense { 4, name = "dense" },
      layers.BatchNormalization { name = "batch_normalization" },
      layers.Dropout { .5, name = "dropout" }, layers.Dense { 1, name = "dense_1" }, name = "seq",
    }
    assert.equal(sequential, text(model))
  end)

  it("prints connections where layers are shared", function()
    local a, b = k.Input { shape = { 4 }, name = "a" }, k.Input { shape = { 4 }, name = "b" }
    local shared = layers.Dense { 3, name = "shared" }
    local joined = layers.Concatenate { name = "concatenate" } { shared(a), shared(b) }
    local o1, o2 = layers.Dense { 1, name = "o1" } (joined),
      layers.Dense { 2, name = "o2" } (joined)
    assert.equal(functional, text(k.Model { inputs = { a, b }, outputs = { o1, o2 },
      name = "func" }))
  end)

  it("knows the shapes of layers that were only shown data", function()
    local Own = k.model "Own" {
      init = function(self) self.dense = layers.Dense { 2, name = "inside" } end,
      call = function(self, x) return self.dense(x) end,
    }
    local model = Own {}
    model:predict(k.ones { 3, 4 })
    assert.truthy(text(model):find("inside (Dense)                       │ (None, 2)", 1, true))
    assert.equal('Own "own" of 1 layer', tostring(model))
  end)

  it("says what is not built", function()
    local model = k.Sequential { layers.Dense(4), name = "later" }
    local shown = text(model)
    assert.truthy(shown:find("0 (unbuilt)", 1, true))
    assert.truthy(shown:find("?", 1, true))
  end)

  it("counts the optimizer once it has run", function()
    local model = k.Sequential { k.Input { shape = { 2 } }, layers.Dense(1), name = "m" }
    model:compile { optimizer = "adam", loss = "mse" }
    model:fit(k.zeros { 4, 2 }, k.zeros { 4, 1 }, { verbose = 0 })
    local shown = text(model)
    assert.truthy(shown:find("Total params: 11 (44.00 B)", 1, true))
    assert.truthy(shown:find("Optimizer params: 8 (32.00 B)", 1, true))
  end)

  it("shows a range of layers, and knows its options", function()
    local model = k.Sequential {
      k.Input { shape = { 2 } }, layers.Dense { 2, name = "one" }, layers.Dense { 2, name = "two" },
      layers.Dense { 2, name = "three" },
    }
    local shown = text(model, { layer_range = { "two", "three" } })
    assert.falsy(shown:find("one (Dense)", 1, true))
    assert.truthy(shown:find("two (Dense)", 1, true))
    assert.error_at_line(function()
      model:summary { line_lenght = 60 }
    end, 'did you mean "line_length"?')
    for line in text(model, { line_length = 60 }):gmatch "[┏┃┡│├└][^\n]*" do
      assert.equal(60, utf8.len(line))
    end
  end)

  it("shows frozen layers and nested models when asked", function()
    local inner = k.Sequential { k.Input { shape = { 2 } }, layers.Dense { 2, name = "deep" },
      name = "inner" }
    local model = k.Sequential { k.Input { shape = { 2 } }, inner,
      layers.Dense { 1, name = "top", trainable = false } }
    local shown = text(model, { show_trainable = true, expand_nested = true })
    assert.truthy(shown:find("   └ deep (Dense)", 1, true))
    assert.truthy(shown:find("Trainable", 1, true))
    assert.truthy(shown:find(" N ", 1, true))
  end)
end)
