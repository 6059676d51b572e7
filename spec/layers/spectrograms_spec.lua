-- Spectrograms and pipelines beyond Keras's numbers: training, tables, errors.

local k = require "lunula"
local ops = require "lunula.ops"

local layers = k.layers

-- A tone of 100 Hz, sampled 800 times a second.
local tone = ops.sin(ops.arange(0, 400, 1, "float32") * (2 * math.pi * 100 / 800))

describe("STFTSpectrogram", function ()
  it("is loudest at the frequency of a tone", function ()
    local y = layers.STFTSpectrogram { "psd", 64 } (ops.reshape(tone, { 1, 400, 1 }))
    assert.same({ 1, 11, 33 }, y.shape)
    assert.near_all(ops.argmax(y, -1), ops.full({ 1, 11 }, 8), 0)     -- 8 of 64 turns: 100 Hz
  end)

  it("has kernels that are trained", function ()
    local model = k.Sequential {
      k.Input { 32, 1 }, layers.STFTSpectrogram { "magnitude", 8 }, layers.Flatten(),
      layers.Dense(1),
    }
    model:compile { optimizer = "sgd", loss = "mse" }
    local before = model.layers[1]:get_weights()[1]
    before = before + 0
    model:fit(k.random.uniform { 16, 32, 1 }, k.ones { 16, 1 }, { verbose = 0 })
    local change = ops.max(ops.abs(model.layers[1]:get_weights()[1] - before)):item()
    assert.is_true(change > 0)
    assert.equal(0, #layers.STFTSpectrogram { trainable = false }.trainable_weights)
  end)

  it("says what it takes", function ()
    assert.error_at_line(function () layers.STFTSpectrogram { frame_step = 300 } end,
      "STFTSpectrogram: frame_step is frame_length or less, got 300 > 256")
    assert.error_at_line(function () layers.STFTSpectrogram { fft_length = 128 } end,
      "STFTSpectrogram: fft_length is frame_length or more, got 128 < 256")
    assert.error_at_line(function () layers.STFTSpectrogram()(tone) end,
      "takes signals (batch, time, channels), got shape (400,)")
  end)
end)

describe("MelSpectrogram", function ()
  it("is loudest in the band of a tone", function ()
    local mel = layers.MelSpectrogram {
      fft_length = 64, sequence_stride = 32, sampling_rate = 800, num_mel_bins = 10,
    }
    local y = mel(tone)
    assert.same({ 10, 13 }, y.shape)
    local function scale(hertz) return 1127 * math.log(1 + hertz / 700) end
    local band = (scale(100) - scale(20)) / ((scale(400) - scale(20)) / 11)
    local loudest = ops.argmax(ops.slice(y, { 0, 3 }, { 10, 6 }), 0)
    assert.near_all(loudest, ops.full({ 6 }, math.floor(band + 0.5) - 1), 0)
    assert.near_all(ops.max(y) - ops.min(y), 80, 1e-3)
  end)

  it("says what it takes", function ()
    assert.error_at_line(function () layers.MelSpectrogram { 16, sequence_length = 20 } end,
      "MelSpectrogram: fft_length is sequence_length or more, got 16 < 20")
    assert.error_at_line(function () layers.MelSpectrogram()(ops.ones { 1, 2, 3 }) end,
      "takes signals (time) or (batch, time), got shape (1, 2, 3)")
    assert.error_at_line(function () layers.MelSpectrogram()(ops.ones { 100 }) end,
      "stft: x has 100 steps; to be mirrored at its ends it needs more than fft_length // 2 = 1024")
    assert.error_at_line(function () layers.MelSpectrogram { window = "flat" } end,
      'MelSpectrogram: window must be one of "hann", "hamming", got "flat"')
  end)
end)

describe("Pipeline", function ()
  it("hands tables on, in training unless told otherwise", function ()
    local line = layers.Pipeline { {
      layers.RandomInvert { factor = { 1, 1 } }, layers.CenterCrop { 2, 2 },
    } }
    local x = ops.ones { 1, 4, 4, 1 }
    local y = line { images = x, labels = ops.ones { 1 } }
    assert.near_all(y.images, ops.full({ 1, 2, 2, 1 }, 254), 0)
    assert.near_all(y.labels, { 1 }, 0)
    assert.near_all(line(x, { training = false }), ops.ones { 1, 2, 2, 1 }, 0)
  end)

  it("is a layer of a model, with the weights of its layers", function ()
    local line = layers.Pipeline { { layers.Rescaling(0.5), layers.Dense(3) } }
    local model = k.Sequential { k.Input { 2 }, line, layers.Dense(1) }
    assert.equal(4, #model.trainable_weights)
    local copy = k.models.model_from_json(model:to_json())
    copy:set_weights(model:get_weights())
    local x = k.random.uniform { 3, 2 }
    assert.near_all(copy(x), model(x), 1e-6)
  end)

  it("takes layers alone", function ()
    assert.error_at_line(function () layers.Pipeline { { layers.Rescaling(1), 3 } } end,
      "layers must be")
  end)
end)
