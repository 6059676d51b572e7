-- The kernels of a short-time Fourier transform, as weights of a convolution.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local initializer = require "lunula.initializers.initializer"

local function cosine_window(...)
  local terms = { ... }
  return function (x)
    local y = 0
    for i, term in ipairs(terms) do y = y + term * math.cos(2 * math.pi * (i - 1) * x) end
    return y
  end
end

-- A window as a function of the position from 0 to 1.
local windows = {
  hann = cosine_window(0.5, -0.5),
  hamming = cosine_window(0.54, -0.46),
  blackman = cosine_window(0.42, -0.5, 0.08),
  bartlett = function (x) return 1 - math.abs(2 * x - 1) end,
  boxcar = function () return 1 end,
}

local window_names = { "hann", "hamming", "blackman", "bartlett", "boxcar" }

local function window_values(self, length)
  local window = self.window
  if window == nil then return nil end
  if type(window) ~= "string" then
    if #window ~= length then
      core.raise("STFT: the window has %d values, the frame %d", #window, length)
    end
    return window
  end
  local shape, values = windows[window], {}
  local steps = math.max(self.periodic and length or length - 1, 1)
  for i = 1, length do values[i] = length == 1 and 1 or shape((i - 1) / steps) end
  return values
end

local function window_scale(self, values)
  if values == nil or self.scaling == nil then return 1 end
  local sum = 0
  for _, value in ipairs(values) do
    sum = sum + (self.scaling == "density" and value * value or math.abs(value))
  end
  return self.scaling == "density" and math.sqrt(sum) or sum
end

return { STFT = declare.class {
  name = "STFT", parent = initializer.Initializer,
  doc = "kernels (frame, 1, frequencies) whose convolution is a short-time Fourier transform",
  args = {
    { "side", kinds.one_of { "real", "imag" }, default = "real" },
    { "window", kinds.either(kinds.one_of(window_names), kinds.list_of(kinds.number)),
      default = "hann", none = true },
    { "scaling", kinds.one_of { "density", "spectrum" }, default = "density", none = true },
    { "periodic", kinds.boolean, default = false, none = false },
  },
  make = function (self, shape, dtype)
    if #shape ~= 3 or shape[2] ~= 1 then
      core.raise("STFT: the shape must be (frame, 1, frequencies), got %s", declare.show(shape))
    end
    local length, frequencies = shape[1], shape[3]
    local window = window_values(self, length)
    local scale = window_scale(self, window)
    local wave = self.side == "real" and math.cos or math.sin
    local cells = {}
    for t = 0, length - 1 do
      for f = 0, frequencies - 1 do
        local angle = -2 * math.pi * t * f / math.max(2 * (frequencies - 1), 1)
        cells[#cells + 1] = wave(angle) * (window and window[t + 1] or 1) / scale
      end
    end
    return core.tensor(cells, { shape = shape, dtype = dtype })
  end,
} }
