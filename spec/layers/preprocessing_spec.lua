-- Layers of numbers, categories and strings, where Keras's numbers do not reach: adapting to
-- batches, models, Lua data, errors.

local core = require "lunula.core"
local k = require "lunula"
local ops = require "lunula.ops"
local check_layer = require "spec.support.check_layer"

local layers = k.layers

local function from(list)
  local i = 0
  return function ()
    i = i + 1
    return list[i]
  end
end

local function int64(values)
  return core.tensor(values, { dtype = "int64" })
end

describe("fingerprints", function ()
  it("are those of FarmHash and SipHash", function ()
    assert.are.equal(0x9ae16a3b2f90404f, ops.fingerprint(core.tensor ""):item())
    assert.are.equal(0xb3454265b6df75e3, ops.fingerprint(core.tensor "a"):item())
    local message = {}
    for i = 0, 14 do message[#message + 1] = string.char(i) end
    -- the example of the SipHash paper
    local key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 }
    assert.are.equal(0xa129ca6149be45e5,
      ops.fingerprint(core.tensor(table.concat(message)), key):item())
    assert.are.equal(6, ops.hash_bin(int64(-1), 9):item())
    assert.are.equal(8, ops.hash_bin(int64(-1), 9, true):item())
  end)
end)

describe("Rescaling", function ()
  it("takes scale and offset of every channel", function ()
    local rescaling = layers.Rescaling { { 1, 10 }, offset = { 0, 1 } }
    assert.near_all(rescaling { { 1, 2 }, { 3, 4 } }, { { 1, 21 }, { 3, 41 } })
    assert.are.same({ 1, 10 }, rescaling:get_config().scale)
    check_layer.any { layer = layers.Rescaling(1 / 255), input = ops.ones { 2, 3, 3, 1 },
      output = { 2, 3, 3, 1 }, weights = 0 }
  end)
end)

describe("Normalization", function ()
  local values = core.tensor { { 0, 7, 4 }, { 2, 9, 6 }, { 0, 7, 4 }, { 2, 9, 6 } }

  it("finds mean and variance", function ()
    local norm = layers.Normalization()
    norm:adapt(values)
    assert.near_all(norm { { 1, 8, 5 }, { 2, 7, 6 } }, { { 0, 0, 0 }, { 1, -1, 1 } })
    local back = layers.Normalization { invert = true }
    back:adapt(values:totable())
    assert.near_all(back { { 1, 2, 3 } }, { { 2, 10, 8 } })
  end)

  it("finds the same in batches", function ()
    local whole, list, iterator = layers.Normalization(), layers.Normalization(),
      layers.Normalization()
    local batches = {
      ops.slice(values, { 0, 0 }, { 1, 3 }), ops.slice(values, { 1, 0 }, { 3, 3 }),
    }
    whole:adapt(values)
    list:adapt(batches)
    iterator:adapt(from(batches))
    for _, norm in ipairs { list, iterator } do
      assert.near_all(norm.mean, whole.mean, 1e-6)
      assert.near_all(norm.variance, whole.variance, 1e-6)
    end
  end)

  it("keeps an unknown batch", function ()
    check_layer.any { layer = layers.Normalization { axis = { 1, 2 } },
      input = ops.ones { 2, 2, 3 }, output = { 2, 2, 3 }, weights = 3 }
    assert.are.same({ false, false, 3 },
      (layers.Normalization():compute_output_shape { false, false, 3 }))
  end)

  it("says what does not fit", function ()
    assert.error_at_line(function () layers.Normalization { mean = 1 } end,
      "give both mean and variance, or neither and adapt the layer")
    assert.error_at_line(function ()
      layers.Normalization { mean = { 1, 2 }, variance = 3 }
    end, "mean and variance must be numbers, or have a number for each place on axis {-1}")
    assert.error_at_line(function ()
      layers.Normalization { mean = 1, variance = 1 }:adapt(values)
    end, "mean and variance were given")
    local norm = layers.Normalization { name = "n" }
    norm:adapt(values)
    assert.error_at_line(function () norm:adapt { { 1, 2 } } end,
      'layer "n" (Normalization): adapt: data of shape (1, 2) do not fit a layer built for rank 2')
    assert.error_at_line(function () norm:adapt(from {}) end, "there are no data")
    assert.error_at_line(function () layers.Normalization():build { false, false } end,
      "axis 1 must have a known size")
  end)
end)

describe("Discretization", function ()
  it("puts values on a boundary into the bin above", function ()
    local bins = layers.Discretization { { 0, 1, 2 } }
    assert.near_all(bins { { -1.5, 1, 3.4, 0.5 } }, { { 0, 2, 3, 1 } })
    assert.are.equal("int32", bins({ { 1 } }).dtype)
    check_layer.any { layer = layers.Discretization { { 0.5 }, output_mode = "one_hot" },
      input = { { 0.2 }, { 0.7 } }, output = { 2, 2 }, weights = 0 }
  end)

  it("puts its boundaries at the quantiles", function ()
    local values = {}
    for i = 1, 1000 do values[i] = (i * 617 % 1000) / 1000 end
    local bins = layers.Discretization { num_bins = 4 }
    bins:adapt(core.tensor(values))
    assert.near_all(bins.bin_boundaries, { 0.25, 0.5, 0.75 }, 0.02)
    local halves = layers.Discretization { num_bins = 4, epsilon = 0.02 }
    halves:adapt(from { table.move(values, 1, 500, 1, {}), table.move(values, 501, 1000, 1, {}) })
    assert.near_all(halves.bin_boundaries, { 0.25, 0.5, 0.75 }, 0.04)
    local again = layers.Discretization.from_config(bins:get_config())
    assert.are.same(bins.bin_boundaries, again.bin_boundaries)
  end)

  it("says what it needs", function ()
    assert.error_at_line(function () layers.Discretization() end,
      "give either bin_boundaries, or num_bins and adapt the layer")
    assert.error_at_line(function () layers.Discretization { { 0 }, num_bins = 2 } end,
      "give either bin_boundaries, or num_bins")
    assert.error_at_line(function () layers.Discretization { { 2, 1 } } end,
      "bin_boundaries must rise, got {2, 1}")
    assert.error_at_line(function () layers.Discretization { num_bins = 2 } { { 1 } } end,
      "has no bins yet")
    assert.error_at_line(function () layers.Discretization { { 0 } }:adapt { 1 } end,
      "the bins were given by bin_boundaries")
    assert.error_at_line(function () layers.Discretization { { 0 }, sparse = true } end,
      "sparse: tensors are dense here")
  end)
end)

describe("CategoryEncoding", function ()
  it("leaves out what is no category", function ()
    local encoding = layers.CategoryEncoding { num_tokens = 3, output_mode = "one_hot" }
    assert.near_all(encoding { 0, 5, -1 }, { { 1, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 } })
    assert.near_all(layers.CategoryEncoding(2) { { 1, 7 } }, { { 0, 1 } })
  end)

  it("weighs counts", function ()
    local count = layers.CategoryEncoding { 3, "count" }
    assert.near_all(count({ { 0, 0, 2 } }, { count_weights = { { 0.5, 2, 3 } } }),
      { { 2.5, 0, 3 } })
    assert.error_at_line(function ()
      layers.CategoryEncoding(3)({ { 1 } }, { count_weights = { { 1 } } })
    end, 'count_weights needs output_mode "count", it is "multi_hot"')
    assert.error_at_line(function () layers.CategoryEncoding() end, "num_tokens is missing")
    check_layer.any { layer = count, input = core.tensor({ { 1, 2 } }, { dtype = "int32" }),
      output = { 1, 3 }, weights = 0 }
  end)
end)

describe("Hashing", function ()
  it("takes one value, a table, or a tensor", function ()
    local hashing = layers.Hashing(3)
    assert.are.equal(1, hashing("A"):item())
    assert.near_all(hashing { "A", "B" }, { 1, 0 })
    assert.near_all(hashing(int64 { 12, 7 }), hashing { "12", "7" })
    assert.near_all(hashing { { 12.9 } }, hashing { { "12" } })
    assert.are.equal("int64", hashing("A").dtype)
    assert.are.equal("int32", layers.Hashing { 3, dtype = "int32" } "A".dtype)
  end)

  it("looks at the integers of a model once per batch", function ()
    check_layer.any { layer = layers.Hashing { 5, output_mode = "one_hot" },
      input = int64 { { 3 }, { 9 } }, output = { 2, 5 }, weights = 0 }
    local x = k.Input { shape = { 2 }, dtype = "int64" }
    local model = k.Model { inputs = x, outputs = layers.Hashing(7)(x) }
    local values = int64 { { 3, 4 }, { 5, 1000 }, { -1, 0 } }
    assert.near_all(model:predict(values, { batch_size = 2, verbose = 0 }),
      layers.Hashing(7)(values), 0)
  end)

  it("says what it cannot hash", function ()
    local hashing = layers.Hashing { 3, name = "h" }
    assert.error_at_line(function () hashing { "a", 1 } end,
      'layer "h" (Hashing): a table of strings takes strings, got 1')
    assert.error_at_line(function () hashing { { "a" }, { "b", "c" } } end, "rows differ in length")
    assert.error_at_line(function () hashing { 0 / 0 } end, "takes integers")
    assert.error_at_line(function () layers.Hashing { 3, salt = { 1 } } end,
      "salt must be an integer or a list of two")
    assert.error_at_line(function () layers.Hashing { 3, dtype = "float32" } end,
      "dtype must be int32 or int64")
  end)
end)

describe("HashedCrossing", function ()
  it("works on the integers of a model", function ()
    local a, b = int64 { 1, 2, 3 }, int64 { 4, 5, 6 }
    local crossing = layers.HashedCrossing(1000)
    local spec = { shape = { false }, dtype = "int64" }
    local f = core.trace({ spec, spec }, function (x, y) return crossing { x, y } end)
    assert.near_all(f(a, b), crossing { a, b }, 0)
  end)

  it("says what it takes", function ()
    local crossing = layers.HashedCrossing { 5, name = "c" }
    assert.error_at_line(function () crossing { { "a" } } end,
      'layer "c" (HashedCrossing): takes a list of two or more tables or tensors')
    assert.error_at_line(function () crossing { { "a", "b" }, { "c" } } end,
      "takes tables of one shape, (), (batch) or (batch, 1), got (2,), (1,)")
  end)
end)

describe("IntegerLookup", function ()
  it("keeps a place for the mask and for unknown ones", function ()
    local lookup = layers.IntegerLookup { vocabulary = { 12, 36 }, mask_token = 0 }
    assert.near_all(lookup { { 12, 0, 5 } }, { { 2, 0, 1 } })
    assert.are.same({ 0, -1, 12, 36 }, lookup:get_vocabulary())
    assert.are.same({ 12, 36 }, lookup:get_vocabulary(false))
    assert.are.equal(4, lookup:vocabulary_size())
  end)

  it("goes back", function ()
    local lookup = layers.IntegerLookup { vocabulary = { 12, 36 }, invert = true }
    assert.near_all(lookup { 0, 1, 2, 9 }, { -1, 12, 36, -1 })
  end)

  it("works in a model", function ()
    local x = k.Input { shape = { 3 }, dtype = "int64" }
    local lookup = layers.IntegerLookup { vocabulary = { 5, 6, 7 } }
    local embedding = layers.Embedding { 4, 2 }
    local model = k.Model { inputs = x, outputs = embedding(lookup(x)) }
    local values = int64 { { 5, 6, 99 }, { 7, 7, 5 } }
    assert.near_all(model:predict(values, { verbose = 0 }), embedding(lookup(values)), 1e-6)
    check_layer.any { layer = layers.IntegerLookup { vocabulary = { 5 }, output_mode = "count" },
      input = values, output = { 2, 2 }, weights = 0 }
  end)

  it("learns a vocabulary in batches", function ()
    local lookup = layers.IntegerLookup()
    lookup:adapt(from { int64 { { 3, 5 }, { 3, 3 } }, int64 { { 5, 1 } } })
    assert.are.same({ -1, 3, 5, 1 }, lookup:get_vocabulary())
    local one = layers.IntegerLookup()
    one:adapt(from { { 3 }, { 4 } }, 1)
    assert.are.same({ -1, 3 }, one:get_vocabulary())
  end)

  it("spreads unknown ones by remainder or by hash", function ()
    local options = { vocabulary = { 1 }, num_oov_indices = 4 }
    assert.near_all(layers.IntegerLookup(options) { 8, 10, -3 }, { 0, 2, 1 })
    options.oov_method = "farmhash"
    assert.near_all(layers.IntegerLookup(options) { 8, 10 }, layers.Hashing(4) { 8, 10 })
    assert.error_at_line(function () layers.IntegerLookup { salt = 1 } end,
      'salt needs oov_method "farmhash"')
  end)

  it("says what is wrong with a vocabulary", function ()
    assert.error_at_line(function ()
      layers.IntegerLookup { vocabulary = { 1, 2, 1 }, name = "i" }
    end, 'layer "i" (IntegerLookup): vocabulary: 1 is there twice')
    assert.error_at_line(function () layers.IntegerLookup { vocabulary = { 1, 2.5 } } end,
      "takes integers, got 2.5")
    assert.error_at_line(function ()
      layers.IntegerLookup { vocabulary = { 1, 0 }, mask_token = 0 }
    end, "the mask token 0 is at place 2")
    assert.error_at_line(function ()
      layers.IntegerLookup { vocabulary = { 1, 2, 3 }, max_tokens = 3 }
    end, "3 tokens and 1 special ones are more than max_tokens, 3")
    assert.error_at_line(function () layers.IntegerLookup { max_tokens = 1 } end,
      "max_tokens must be an integer above 1")
    assert.error_at_line(function ()
      layers.IntegerLookup { vocabulary = { 1 }, num_oov_indices = 0 } { 7 }
    end, "7 is not in the vocabulary")
    assert.error_at_line(function () layers.IntegerLookup { output_mode = "count" } { { 1 } } end,
      "has no vocabulary yet")
    assert.error_at_line(function ()
      layers.IntegerLookup { vocabulary = { 1 } }:adapt { 1 }
    end, "cannot be adapted: its vocabulary was given")
    assert.error_at_line(function ()
      layers.IntegerLookup { vocabulary = { 1 }, output_mode = "tf_idf" }
    end, "idf_weights are missing")
    assert.error_at_line(function () layers.IntegerLookup { pad_to_max_tokens = true } end,
      "pad_to_max_tokens needs max_tokens")
    assert.error_at_line(function ()
      layers.IntegerLookup { invert = true, output_mode = "count" }
    end, 'invert needs output_mode "int"')
  end)
end)

describe("StringLookup", function ()
  it("goes there and back", function ()
    local there = layers.StringLookup { vocabulary = { "a", "b", "c" } }
    local back = layers.StringLookup { vocabulary = { "a", "b", "c" }, invert = true }
    assert.near_all(there { { "a", "c" }, { "z", "b" } }, { { 1, 3 }, { 0, 2 } })
    assert.are.same({ { "a", "c" }, { "[UNK]", "b" } },
      back(there { { "a", "c" }, { "z", "b" } }))
    assert.are.equal(2, there("b"):item())
  end)

  it("takes a vocabulary that has its special tokens in front", function ()
    local lookup = layers.StringLookup { vocabulary = { "", "[UNK]", "a" }, mask_token = "" }
    assert.are.same({ "", "[UNK]", "a" }, lookup:get_vocabulary())
    assert.near_all(lookup { "a", "" }, { 2, 0 })
  end)

  it("reads and writes files of tokens", function ()
    local folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir " .. folder)
    local path = folder .. "/vocabulary.txt"
    local learned = layers.StringLookup()
    learned:adapt { "b", "a", "b" }
    assert.is_true(learned:save_assets(folder))
    local again = layers.StringLookup()
    assert.is_true(again:load_assets(folder))
    assert.are.same({ "[UNK]", "b", "a" }, again:get_vocabulary())
    assert.are.same({ "[UNK]", "b", "a" },
      layers.StringLookup { vocabulary = path }:get_vocabulary())
    assert.is_nil(layers.StringLookup { vocabulary = path }:get_config().vocabulary)
    assert.error_at_line(function ()
      layers.StringLookup.from_config { vocabulary = path }
    end, "files are not read when a model is loaded")
    os.remove(path)
    os.execute(("ln -s /dev/full %s"):format(path))     -- a disk without room
    local full, cause = learned:save_assets(folder)
    assert.is_nil(full)
    assert.equal("No space left on device", cause)
    os.remove(path)
    os.remove(folder)
    assert.error_at_line(function () layers.StringLookup { vocabulary = path } end,
      "No such file or directory")
    local nothing, message = learned:save_assets(folder)
    assert.is_nil(nothing)
    assert.is_string(message)
  end)

  it("stands in a model whose input is strings", function ()
    local x = k.Input { shape = { 2 }, dtype = "string" }
    local function check(options, wanted)
      local lookup = layers.StringLookup(options)
      local model = k.Model { inputs = x, outputs = lookup(x) }
      assert.near_all(ops.cast(model:predict { { "a", "z" }, { "b", "m" } }, "float32"), wanted, 0)
      local texts = core.tensor { { "a", "z" }, { "b", "m" } }
      assert.near_all(ops.cast(lookup(texts), "float32"), wanted, 0)
      assert.near_all(ops.cast(lookup(texts:totable()), "float32"), wanted, 0)
    end
    check({ vocabulary = { "a", "b" } }, { { 1, 0 }, { 2, 0 } })
    check({ vocabulary = { "a", "b" }, mask_token = "m" }, { { 2, 1 }, { 3, 0 } })
    check({ vocabulary = { "a", "b" }, output_mode = "multi_hot" }, { { 1, 1, 0 }, { 1, 0, 1 } })
    check({ vocabulary = { "a", "b" }, num_oov_indices = 3 },
      { { 3, ops.hash_bin(ops.fingerprint(core.tensor "z"), 3):item() },
        { 4, ops.hash_bin(ops.fingerprint(core.tensor "m"), 3):item() } })
  end)

  it("says what it takes", function ()
    local lookup = layers.StringLookup { vocabulary = { "a" }, name = "s" }
    local x = k.Input { shape = { 1 } }
    assert.error_at_line(function () lookup(x) end, 'layer "s" (StringLookup): the layer takes '
      .. "strings, and the tensor (None, 1) holds numbers; a model has an input of strings by "
      .. 'Input{shape = {1}, dtype = "string"}')
    assert.error_at_line(function () lookup(core.tensor { 1 }) end, "the layer takes strings")
    assert.error_at_line(function () lookup { 1 } end, "takes strings, got 1")
    assert.error_at_line(function ()
      layers.StringLookup { vocabulary = { "a" }, invert = true } (x)
    end, "gives the tokens of numbers, which are strings, and a model gives numbers")
    local strict = layers.StringLookup { vocabulary = { "a" }, num_oov_indices = 0 }
    assert.error_at_line(function () strict { "b" } end, '"b" is not in the vocabulary; '
      .. "num_oov_indices=1 would give unknown tokens a number")
    local model = k.Sequential { k.Input { shape = { 1 }, dtype = "string" }, strict }
    assert.error_at_line(function () model:predict { { "a" }, { "b" } } end,
      '"b" is not in the vocabulary')
    assert.are.same({ false, 2, 3 }, (layers.StringLookup {
      vocabulary = { "a", "b" }, output_mode = "one_hot",
    }:compute_output_shape { false, 2 }))
  end)

  it("does not take an empty vocabulary", function ()
    assert.error_at_line(function () layers.StringLookup():set_vocabulary {} end,
      "vocabulary must be a list of tokens")
  end)
end)

describe("TextVectorization", function ()
  local texts = { "The quick brown fox.", "A fox!" }

  it("makes rows that a model can be given", function ()
    local vectorize = layers.TextVectorization { output_sequence_length = 4 }
    vectorize:adapt(texts)
    assert.are.same({ "", "[UNK]", "fox", "the", "quick", "brown", "a" },
      vectorize:get_vocabulary())
    local ids = vectorize(texts)
    assert.near_all(ids, { { 3, 4, 5, 2 }, { 6, 2, 0, 0 } }, 0)
    local model = k.Sequential {
      layers.Embedding { vectorize:vocabulary_size(), 3, mask_zero = true },
      layers.Flatten(), layers.Dense(1),
    }
    model:compile { optimizer = "sgd", loss = "mse" }
    model:fit(ids, { { 1 }, { 0 } }, { epochs = 1, verbose = 0 })
    assert.are.same({ 2, 1 }, model:predict(ids, { verbose = 0 }).shape)
  end)

  it("may be the first layer of a Sequential, which is then given texts", function ()
    local vectorize = layers.TextVectorization {
      vocabulary = { "fox", "a", "the" }, output_sequence_length = 3,
    }
    local rest = { layers.Embedding { 5, 2 }, layers.Flatten(), layers.Dense(1) }
    local model = k.Sequential { vectorize, table.unpack(rest) }
    model:compile { optimizer = "sgd", loss = "mse" }
    local history = model:fit(texts, { { 1 }, { 0 } }, {
      epochs = 2, verbose = 0, validation_data = { { "the fox" }, { { 1 } } },
    })
    assert.are.equal(2, #history.history.val_loss)
    local y = vectorize(texts)
    for _, layer in ipairs(rest) do y = layer(y) end
    assert.near_all(model:predict(texts, { verbose = 0 }), y, 1e-6)
    assert.near_all(model(texts), y, 1e-6)
    assert.near_all(model:predict_on_batch(texts), y, 1e-6)
    assert.are.equal(4, #model.layers)
    assert.are.equal(3, #model.weights)
    local again = k.Sequential.from_config(model:get_config())
    again:set_weights(model:get_weights())
    assert.near_all(again:predict(texts, { verbose = 0 }), y, 1e-6)
    assert.are.same({ false, 1 }, again.output_shape)
    model:summary { print_fn = function () end }
  end)

  it("stands first in a Sequential where a model can have no such layer", function ()
    local vectorize = layers.TextVectorization { vocabulary = { "fox", "a", "the" } }
    local model = k.Sequential { vectorize, layers.Embedding { 5, 2 },
      layers.GlobalAveragePooling1D(), layers.Dense(1) }
    local y = model:predict(texts, { verbose = 0 })
    assert.are.same({ 2, 1 }, y.shape)
    assert.near_all(model(texts), y, 1e-6)
    assert.near_all(model:predict(core.tensor(texts), { verbose = 0 }), y, 1e-6)
  end)

  it("counts words in a model", function ()
    local x = k.Input { shape = {}, dtype = "string" }
    local function check(options, wanted)
      options.vocabulary = { "fox", "a" }
      local vectorize = layers.TextVectorization(options)
      local model = k.Model { inputs = x, outputs = vectorize(x) }
      assert.near_all(ops.cast(model:predict(texts), "float32"), wanted, 1e-6)
      assert.near_all(ops.cast(vectorize(texts), "float32"), wanted, 1e-6)
    end
    check({ output_mode = "count" }, { { 3, 1, 0 }, { 0, 1, 1 } })
    check({ output_mode = "multi_hot" }, { { 1, 1, 0 }, { 0, 1, 1 } })
    check({ output_mode = "tf_idf", idf_weights = { 2, 3 } }, { { 7.5, 2, 0 }, { 0, 2, 3 } })
    check({ output_mode = "count", max_tokens = 5, pad_to_max_tokens = true },
      { { 3, 1, 0, 0, 0 }, { 0, 1, 1, 0, 0 } })
    check({ output_sequence_length = 3, ngrams = 2 }, { { 1, 1, 1 }, { 3, 2, 1 } })
  end)

  it("is asked anew when its vocabulary changes", function ()
    local vectorize = layers.TextVectorization { output_sequence_length = 2 }
    vectorize:adapt { "a fox" }
    local model = k.Sequential { k.Input { shape = {}, dtype = "string" }, vectorize }
    local asked = core.tensor { "fox", "dog" }
    for _ = 1, 3 do assert.near_all(model:predict(asked), { { 2, 0 }, { 1, 0 } }, 0) end
    vectorize:adapt { "dog" }
    for _ = 1, 3 do assert.near_all(model:predict(asked), { { 1, 0 }, { 2, 0 } }, 0) end
    vectorize:set_vocabulary { "x", "fox" }
    assert.near_all(model:predict(asked), { { 3, 0 }, { 1, 0 } }, 0)
    local count = layers.TextVectorization { output_mode = "tf_idf" }
    count:set_vocabulary({ "fox" }, { 2 })
    model = k.Sequential { k.Input { shape = {}, dtype = "string" }, count }
    for _ = 1, 3 do assert.near_all(model:predict(asked), { { 0, 2 }, { 2, 0 } }, 0) end
    count:set_vocabulary({ "dog" }, { 3 })
    assert.near_all(model:predict(asked), { { 3, 0 }, { 0, 3 } }, 0)
  end)

  it("says where it cannot stand", function ()
    local vectorize = layers.TextVectorization { vocabulary = { "a" }, name = "t" }
    assert.error_at_line(function ()
      k.Sequential { k.Input { shape = { 1 } }, vectorize }
    end, 'layer "t" (TextVectorization): the layer takes strings')
    local x = k.Input { shape = { 1 }, dtype = "string" }
    assert.error_at_line(function () vectorize(x) end,
      "in a model the length must be known: TextVectorization{output_sequence_length = 20}")
    local upper = layers.TextVectorization { vocabulary = { "A" }, standardize = string.upper }
    assert.error_at_line(function () upper(x) end, "takes texts apart by a Lua function")
    local model = k.Sequential { layers.Embedding { 3, 2 }, layers.Flatten() }
    assert.error_at_line(function () model:predict { "a" } end,
      "input 1 is strings, numbers are wanted")
    assert.error_at_line(function () model { "a" } end,
      "TextVectorization, StringLookup and Hashing make them of strings")
    assert.error_at_line(function () k.Sequential { vectorize }:predict { "a" } end,
      'has no layer after "t"')
  end)

  it("takes functions of a string", function ()
    local vectorize = layers.TextVectorization {
      standardize = string.upper, split = function (text)
        local words = {}
        for word in text:gmatch "[^-]+" do words[#words + 1] = word end
        return words
      end, vocabulary = { "A", "B" },
    }
    assert.near_all(vectorize { "a-b-c" }, { { 2, 3, 1 } })
    assert.error_at_line(function ()
      layers.TextVectorization { split = string.upper, vocabulary = { "A" } } { "a" }
    end, "split must be a function from a string to a list of strings, it returned \"A\"")
  end)

  it("takes one text", function ()
    local vectorize = layers.TextVectorization { vocabulary = { "fox" } }
    assert.near_all(vectorize "a fox", { 1, 2 })
    local count = layers.TextVectorization { vocabulary = { "fox" }, output_mode = "count" }
    assert.near_all(count "fox fox what", { 1, 2 })
  end)

  it("replaces what is no character", function ()
    local vectorize = layers.TextVectorization { split = "character", vocabulary = { "\u{FFFD}" } }
    assert.near_all(vectorize { "a\xff" }, { { 1, 2 } })
  end)

  it("keeps its settings in its config", function ()
    local vectorize = layers.TextVectorization {
      standardize = false, split = false, vocabulary = { "a b" }, ngrams = { 1, 2 },
    }
    local again = layers.TextVectorization.from_config(vectorize:get_config())
    assert.is_nil(again.standardize)
    assert.is_nil(again.split)
    assert.near_all(again { { "a b" } }, vectorize { { "a b" } })
    assert.are.same({ 1, 2 }, again.ngrams)
  end)

  it("tells its shapes", function ()
    local function shape(options)
      options.vocabulary = { "a", "b" }
      return (layers.TextVectorization(options):compute_output_shape { false })
    end
    assert.are.same({ false, false }, shape {})
    assert.are.same({ false, 5 }, shape { output_sequence_length = 5 })
    assert.are.same({ false, 3 }, shape { output_mode = "multi_hot" })
    assert.are.same({ false, 9 },
      shape { output_mode = "count", max_tokens = 9, pad_to_max_tokens = true })
  end)

  it("says what it takes", function ()
    local vectorize = layers.TextVectorization { vocabulary = { "a" }, name = "t" }
    assert.error_at_line(function () vectorize(k.Input { shape = { 1 } }) end,
      'layer "t" (TextVectorization): the layer takes strings')
    assert.error_at_line(function () vectorize { { "a", "b" } } end,
      "takes a list of texts, or a column of them; got a table of 1 rows and 2 columns")
    assert.error_at_line(function ()
      layers.TextVectorization { output_mode = "count", output_sequence_length = 3 }
    end, 'output_sequence_length is for output_mode "int", it is "count"')
    assert.error_at_line(function () layers.TextVectorization { ragged = true } end,
      "ragged=true cannot be had")
    assert.error_at_line(function () layers.TextVectorization { standardize = "upper" } end,
      "standardize must be")
  end)
end)

describe("adapt", function ()
  local numbers = core.tensor { { 1, 2 }, { 3, 4 }, { 5, 7 }, { 7, 9 } }
  local whole = core.tensor({ { 3, 5 }, { 3, 3 }, { 5, 1 }, { 3, 9 } }, { dtype = "int32" })
  local words = core.tensor { "b c", "a", "b c", "c c" }
  local function vocabulary(layer) return layer:get_vocabulary() end
  local cases = {
    { "Normalization", numbers, {}, function (layer)
      return { layer.mean:totable(), layer.variance:totable() }
    end },
    { "Discretization", numbers, { num_bins = 3 },
      function (layer) return layer.bin_boundaries end },
    { "IntegerLookup", whole, {}, vocabulary }, { "StringLookup", words, {}, vocabulary },
    { "TextVectorization", words, {}, vocabulary },
  }

  for _, case in ipairs(cases) do
    local name, data, options, learned = table.unpack(case)
    local function adapted(given, ...)
      local layer = layers[name](options)
      layer:adapt(given, ...)
      return learned(layer)
    end
    local function agree(wanted, got)
      if name == "Normalization" then return assert.near_all(got, wanted, 1e-6) end
      assert.same(wanted, got)
    end

    it("of " .. name .. " takes datasets batch by batch", function ()
      local wanted = adapted(data)
      local dataset = k.data.from(data):batch(3)
      agree(wanted, adapted(dataset))
      agree(wanted, adapted(dataset:as_iterator()))
      agree(wanted, adapted(function () return dataset:as_iterator() end))
      agree(wanted, adapted(k.data.from(data)))
      agree(wanted, adapted(k.data.from(data, ops.ones { 4 }):batch(2)))
      local Whole = k.utils.PyDataset "Whole" {
        len = function () return 1 end, get_item = function () return data end,
      }
      agree(wanted, adapted(Whole()))
      agree(wanted, adapted { data })
      local layer = layers[name](options)
      assert.error_at_line(function () layer:adapt(Whole) end,
        "class Whole is given where a dataset")
      assert.error_at_line(function () layer:adapt(dataset:repeat_()) end,
        "adapt: the dataset repeats without end; its take(n) has n elements")
    end)

    it("of " .. name .. " refuses what holds no data", function ()
      local layer = layers[name](options)
      assert.error_at_line(function () layer:adapt { a = 1 } end,
        "adapt takes a tensor, a table of values, a list of tensors, an iterator function or a "
        .. "dataset, got a table with names: {a=1}")
      assert.error_at_line(function () layer:adapt { getitem = print } end,
        'adapt: the table has a field "getitem", a function (did you mean "get_item"?)')
      assert.error_at_line(function () layer:adapt() end, "adapt: the data are missing")
      assert.error_at_line(function () layer:adapt { get_item = print } end,
        "the dataset must have a function len(self)")
    end)
  end

  it("takes no more than so many steps of a dataset", function ()
    local endless = k.data.from(whole):batch(1):repeat_()
    local layer = layers.IntegerLookup()
    layer:adapt(endless, 2)
    assert.same({ -1, 3, 5 }, layer:get_vocabulary())
    local named, texts = layers.IntegerLookup(), layers.TextVectorization()
    named:adapt(endless, { steps = 2 })
    assert.same({ -1, 3, 5 }, named:get_vocabulary())
    texts:adapt(k.data.from { "a", "b", "c" }, { steps = 1 })
    assert.same({ "", "[UNK]", "a" }, texts:get_vocabulary())
    assert.error_at_line(function () named:adapt(endless, { step = 2 }) end,
      'adapt: unknown option "step" (did you mean "steps"?)')
    local bins = layers.Discretization { num_bins = 2 }
    bins:adapt(endless, 1)
    assert.same({ 3 }, bins.bin_boundaries)
    assert.error_at_line(function () layer:adapt(endless, 0) end,
      "adapt: steps must be a whole number of at least 1, got 0")
  end)

  it("of Discretization refuses what lies in no bin", function ()
    local bins = layers.Discretization { num_bins = 2 }
    assert.error_at_line(function () bins:adapt { 1, 0 / 0, 2 } end,
      "adapt: number 2 of the data is NaN, which lies in no bin; leave such out")
  end)
end)
