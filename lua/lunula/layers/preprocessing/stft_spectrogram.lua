-- STFTSpectrogram: a signal as the strength of its frequencies over time, by convolutions whose
-- kernels are sines and cosines under a window. These are weights and can be trained.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local initializers = require "lunula.initializers"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local modes = kinds.one_of { "log", "magnitude", "psd", "real", "imag", "angle", "stft" }

local window = kinds.either(kinds.one_of { "hann", "hamming", "blackman", "bartlett", "boxcar" },
  kinds.list_of(kinds.number))

-- What every channel (batch, time, channels) has of each frequency: (batch, channels, frames,
-- frequencies).
local function filtered(self, x, kernel)
  local single = ops.reshape(ops.transpose(x, { 0, 2, 1 }), { -1, tools.size(x, 1), 1 })
  local y = ops.conv(single, kernel, self._step, self.padding, "channels_last")
  return ops.reshape(y, { tools.size(x, 0), tools.size(x, 2), tools.size(y, 1), self._frequencies })
end

-- Every frequency stands for its negative too, but the lowest and the highest.
local function both_sides(power, frequencies)
  local twice = {}
  for i = 1, frequencies do twice[i] = (i == 1 or i == frequencies) and 1 or 2 end
  return power * core.tensor(twice, { dtype = "float32" })
end

local function strength(self, real, imag)
  local power = real * real + imag * imag
  if self.mode == "psd" then return both_sides(power, self._frequencies) end
  local magnitude = ops.sqrt(ops.maximum(power, config.epsilon()))
  return self.mode == "magnitude" and magnitude or ops.log(ops.maximum(magnitude, config.epsilon()))
end

local function measured(self, x)
  local real = self.mode ~= "imag" and filtered(self, x, self.real_kernel)
  local imag = self.mode ~= "real" and filtered(self, x, self.imag_kernel)
  if not imag then return real end
  if not real then return imag end
  if self.mode == "angle" then return ops.arctan2(imag, real) end
  if self.mode == "stft" then return ops.concatenate({ real, imag }, 3) end
  return strength(self, real, imag)
end

-- (batch, channels, frames, frequencies) as the layer gives it.
local function arranged(self, y)
  local first = self.data_format == "channels_first"
  if self.expand_dims then return first and y or ops.transpose(y, { 0, 2, 3, 1 }) end
  local batch, frames, many = tools.size(y, 0), tools.size(y, 2), tools.size(y, 1) * y.shape[4]
  if first then return ops.reshape(ops.transpose(y, { 0, 1, 3, 2 }), { batch, many, frames }) end
  return ops.reshape(ops.transpose(y, { 0, 2, 1, 3 }), { batch, frames, many })
end

local function check_lengths(self)
  local length, step, fft_length = self.frame_length, self.frame_step, self.fft_length
  if step and step > length then
    core.raise("STFTSpectrogram: frame_step is frame_length or less, got %d > %d", step, length)
  elseif fft_length and fft_length < length then
    core.raise("STFTSpectrogram: fft_length is frame_length or more, got %d < %d", fft_length,
      length)
  end
end

return layer "STFTSpectrogram" {
  doc = "the frequencies of pieces of signals (batch, time, channels)",
  args = {
    { "mode", modes, default = "log" },
    { "frame_length", kinds.positive, default = 256 },
    { "frame_step", kinds.positive },
    { "fft_length", kinds.positive },
    { "window", window, default = "hann", none = true },
    { "periodic", kinds.boolean, default = false, none = false },
    { "scaling", kinds.one_of { "density", "spectrum" }, default = "density", none = true },
    { "padding", kinds.one_of { "valid", "same" }, default = "valid" },
    { "expand_dims", kinds.boolean, default = false },
    { "data_format", kinds.data_format },
  },
  init = function (self)
    check_lengths(self)
    local power = 1
    while power < self.frame_length do power = power * 2 end
    self._step = self.frame_step or math.max(self.frame_length // 2, 1)
    self._frequencies = (self.fft_length or power) // 2 + 1
  end,
  build = function (self)
    for _, side in ipairs { "real", "imag" } do
      if self.mode == side or self.mode ~= "real" and self.mode ~= "imag" then
        self:add_weight {
          name = side .. "_kernel", shape = { self.frame_length, 1, self._frequencies },
          initializer = initializers.STFT { side, window = self.window or core.None,
            scaling = self.scaling or core.None, periodic = self.periodic },
        }
      end
    end
  end,
  call = function (self, x)
    if x.rank ~= 3 then
      core.raise("takes signals (batch, time, channels), got shape %s", tools.shape_text(x.shape))
    elseif not tools.is_float(x) then
      core.raise("takes floats, got %s", x.dtype)
    end
    if self.data_format == "channels_first" then x = ops.transpose(x, { 0, 2, 1 }) end
    return arranged(self, measured(self, x))
  end,
}
