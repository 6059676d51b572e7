-- MelSpectrogram: a signal as the strength of its frequencies over time, in bands that are as wide
-- as the ear takes them (mel).

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local function mel(hertz) return 1127 * math.log(1 + hertz / 700) end

-- (frequencies, bands): each band rises to its middle and falls to the next one's, in mel. The
-- lowest frequency is in none.
local function bands(self)
  local count, frequencies = self.num_mel_bins, self.fft_length // 2 + 1
  local low, high = mel(self.min_freq), mel(self.max_freq)
  local width, cells = (high - low) / (count + 1), {}
  for i = 0, frequencies - 1 do
    local at = mel(self.sampling_rate / 2 * i / math.max(frequencies - 1, 1))
    for j = 1, count do
      local middle = low + width * j
      local share = math.min(at - middle + width, middle + width - at) / width
      cells[i * count + j] = i > 0 and math.max(share, 0) or 0
    end
  end
  return core.tensor(cells, { shape = { frequencies, count }, dtype = "float32" })
end

-- Strength as decibels, the loudest of all less top_db at least.
local function decibels(self, power)
  local function log(x) return ops.log10(x) * 10 end
  local reference = 10 * math.log(math.max(math.abs(self.ref_power), self.min_power), 10)
  local level = log(ops.maximum(power, self.min_power)) - reference
  return ops.maximum(level, ops.max(level) - self.top_db)
end

return layer "MelSpectrogram" {
  doc = "the strength of bands of frequencies in pieces of signals (time) or (batch, time)",
  args = {
    { "fft_length", kinds.positive, default = 2048 },
    { "sequence_stride", kinds.positive, default = 512 },
    { "sequence_length", kinds.positive },
    { "window", kinds.one_of { "hann", "hamming" }, default = "hann", none = true },
    { "sampling_rate", kinds.positive, default = 16000 },
    { "num_mel_bins", kinds.positive, default = 128 },
    { "min_freq", kinds.non_negative, default = 20.0 },
    { "max_freq", kinds.non_negative },
    { "power_to_db", kinds.boolean, default = true },
    { "top_db", kinds.number, default = 80.0 },
    { "mag_exp", kinds.number, default = 2.0 },
    { "min_power", kinds.number, default = 1e-10 },
    { "ref_power", kinds.number, default = 1.0 },
  },
  init = function (self)
    self.sequence_length = self.sequence_length or self.fft_length
    self.max_freq = self.max_freq or self.sampling_rate // 2
    if self.fft_length < self.sequence_length then
      core.raise("MelSpectrogram: fft_length is sequence_length or more, got %d < %d",
        self.fft_length, self.sequence_length)
    end
  end,
  call = function (self, x)
    if x.rank ~= 1 and x.rank ~= 2 then
      core.raise("takes signals (time) or (batch, time), got shape %s", tools.shape_text(x.shape))
    end
    local real, imag = ops.stft(tools.cast(x, "float32"), self.sequence_length,
      self.sequence_stride, self.fft_length, self.window or core.None, true)
    local power = (real * real + imag * imag) ^ (self.mag_exp / 2)
    self._bands = self._bands or core.untraced(function () return bands(self) end)
    local y = ops.matmul(power, self._bands)
    return ops.swapaxes(self.power_to_db and decibels(self, y) or y, -1, -2)
  end,
}
