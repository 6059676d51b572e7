-- Spectrograms beyond Keras's numbers: training, errors.

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
  end)
end)
