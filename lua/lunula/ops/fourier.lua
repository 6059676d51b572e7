-- Fourier transforms and what is made of them. A complex tensor is two, real and imaginary part:
-- ops take them as a list and give them as two results. Along the last axis rows of C do the work.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.family "math"

-- ---- pairs ------------------------------------------------------------------------------------

local function pair(name, x)
  if #x ~= 2 then
    core.raise("%s: x is a list of two tensors, real and imaginary part, got %d", name, #x)
  end
  for _, part in ipairs(x) do
    if not tools.is_float(part) then
      core.raise("%s: real and imaginary part must be floats, got %s", name, part.dtype)
    end
  end
  return x[1], x[2]
end

op("view_as_complex", "x", "The real and the imaginary part that lie side by side in the last "
  .. "axis: two results.", function (x)
  if x.rank < 1 or (x.shape[x.rank] or 2) ~= 2 then
    core.raise("view_as_complex: the last axis has real and imaginary part, got %s",
      tools.shape_text(x.shape))
  end
  x = tools.with_size(tools.float(x), x.rank - 1, 2)
  return ops.unstack(x, 2, x.rank - 1)
end)

op("view_as_real", "x:tensors", "Real and imaginary part side by side in a new last axis.",
  function (x)
    return ops.stack({ pair("view_as_real", x) }, -1)
  end)

tools.op("polar", "abs_, angle", "The complex numbers of these sizes and angles, real and "
  .. "imaginary part: two results.", function (abs, angle)
  abs, angle = tools.float(abs), tools.float(angle)
  return abs * ops.cos(angle), abs * ops.sin(angle)
end, { file_class = "nn" })

-- ---- transforms -------------------------------------------------------------------------------

local function need_axes(name, x, n)
  if x.rank < n then
    core.raise("%s: x needs %d axes, its shape is %s", name, n, tools.shape_text(x.shape))
  end
end

op("fft", "x:tensors", "The Fourier transform along the last axis, of a pair: two results.",
  function (x)
    local real, imag = pair("fft", x)
    need_axes("fft", real, 1)
    return ops.dft(real, imag)
  end, { file_class = "math.FFT" })

local function both_axes(name, x, inverse)
  local real, imag = pair(name, x)
  need_axes(name, real, 2)
  real, imag = ops.dft(real, imag, inverse)
  real, imag = ops.dft(ops.swapaxes(real, -1, -2), ops.swapaxes(imag, -1, -2), inverse)
  return ops.swapaxes(real, -1, -2), ops.swapaxes(imag, -1, -2)
end

op("fft2", "x:tensors", "The Fourier transform along the last two axes, of a pair: two results.",
  function (x)
    return both_axes("fft2", x, false)
  end, { file_class = "math.FFT2" })

op("ifft2", "x:tensors", "The inverse of fft2, of a pair: two results.", function (x)
  local real, imag = both_axes("ifft2", x, true)
  local n = tools.size(real, real.rank - 2) * tools.size(real, real.rank - 1)
  if not tools.is_known(n) then n = ops.cast(n, "float32") end
  return real / n, imag / n
end, { file_class = "math.IFFT2" })

-- The first so many numbers of the last axis, with zeros behind them where there are fewer.
local function fitted(x, length)
  local axis = x.rank - 1
  local n = tools.size(x, axis)
  if tools.is_known(n) and tools.is_known(length) then
    if n == length then return x end
    if n > length then return tools.part(x, axis, 0, length) end
    return tools.pad(x, axis, 0, length - n, 0, length)
  end
  local kept = tools.part(x, axis, 0, tools.min(n, length))
  return tools.pad(kept, axis, 0, length - tools.min(n, length), 0,
    tools.is_known(length) and length or nil)
end

local function check_length(name, length)
  if length and length < 1 then
    core.raise("%s: fft_length must be 1 or more, got %d", name, length)
  end
end

op("rfft", "x, fft_length:int=nil", "The first half of the Fourier transform of real numbers, "
  .. "cut or filled with zeros to fft_length: real and imaginary part.", function (x, fft_length)
  check_length("rfft", fft_length)
  need_axes("rfft", x, 1)
  x = tools.float(x)
  return ops.rdft(fft_length and fitted(x, fft_length) or x)
end, { file_class = "math.RFFT" })

op("irfft", "x:tensors, fft_length:int=nil", "The real numbers, fft_length of them, whose "
  .. "transform's first half is given as a pair.", function (x, fft_length)
  check_length("irfft", fft_length)
  local real, imag = pair("irfft", x)
  need_axes("irfft", real, 1)
  if fft_length then
    local bins = fft_length // 2 + 1
    real, imag = fitted(real, bins), fitted(imag, bins)
  end
  return ops.irdft(real, imag, fft_length)
end, { file_class = "math.IRFFT" })

-- ---- windows ----------------------------------------------------------------------------------

local function count(name, x)
  if core.is_tensor(x) then x = x:item() end
  local n = math.tointeger(x)
  if not n or n < 0 or n > 1 << 16 then
    core.raise("%s: a number of points, at most %d, is wanted, got %s", name, 1 << 16, tostring(x))
  end
  return n
end

-- The sum of cosines that begins and ends a period, in float32, computed in double.
local function cosines(n, period, weights)
  local data = {}
  for i = 0, n - 1 do
    local y = 0
    for k, weight in ipairs(weights) do
      y = y + weight * math.cos(2 * math.pi * (k - 1) * i / period)
    end
    data[i + 1] = y
  end
  return data
end

local function window_op(name, doc, make)
  tools.op(name, "x:value", doc, function (x)
    local n = count(name, x)
    if n == 0 then return ops.zeros { 0 } end
    if n == 1 then return ops.ones { 1 } end
    return core.tensor(make(n), { dtype = "float32" })
  end, { file_class = "lunula" })
end

window_op("bartlett", "A triangle of x points.", function (n)
  local data = {}
  for i = 0, n - 1 do data[i + 1] = 1 - math.abs(2 * i / (n - 1) - 1) end
  return data
end)
window_op("hanning", "A cosine of x points, from 0 to 0.", function (n)
  return cosines(n, n - 1, { 0.5, -0.5 })
end)
window_op("hamming", "A cosine of x points, from 0.08 to 0.08.", function (n)
  return cosines(n, n - 1, { 0.54, -0.46 })
end)
window_op("blackman", "Two cosines of x points, from 0 to 0.", function (n)
  return cosines(n, n - 1, { 0.42, -0.5, 0.08 })
end)

-- The modified Bessel function of order 0.
local function bessel(x)
  local sum, term, k = 1, 1, 0
  while term > sum * 1e-17 do
    k = k + 1
    term = term * (x / (2 * k)) ^ 2
    sum = sum + term
  end
  return sum
end

tools.op("kaiser", "x:value, beta:value", "A window of x points that beta makes narrower.",
  function (x, beta)
    local n, data = count("kaiser", x), {}
    if core.is_placeholder(beta) then core.no_value "kaiser: what stands in it depends on beta" end
    if core.is_tensor(beta) then beta = ops.cast(beta, "float64"):item() end
    if math.abs(beta) > 600 then core.raise("kaiser: beta must be within 600, got %g", beta) end
    local whole = bessel(beta)
    for i = 0, (n - 1) // 2 do -- it is symmetric
      local at = n > 1 and 2 * i / (n - 1) - 1 or 0
      data[i + 1] = bessel(beta * math.sqrt(math.max(1 - at * at, 0))) / whole
    end
    for i = (n - 1) // 2 + 1, n - 1 do data[i + 1] = data[n - i] end
    return n == 0 and ops.zeros { 0 } or core.tensor(data, { dtype = "float32" })
  end, { file_class = "lunula" })

-- ---- sequences --------------------------------------------------------------------------------

-- Sizes before the last `n` axes.
local function leading(x, n)
  local sizes = {}
  for i = 1, x.rank - n do sizes[i] = tools.size(x, i - 1) end
  return sizes
end

local function with_lead(x, lead, more)
  local sizes = table.move(lead, 1, #lead, 1, {})
  for _, size in ipairs(more) do sizes[#sizes + 1] = size end
  return ops.reshape(x, sizes)
end

local function check_steps(name, length, stride)
  if length < 1 or stride < 1 then
    core.raise("%s: sequence_length and sequence_stride must be 1 or more, got %d and %d", name,
      length, stride)
  end
end

local function frames_of(x, length, stride)
  local lead = leading(x, 1)
  local rows = ops.reshape(x, { -1, tools.size(x, x.rank - 1), 1 })
  local frames = ops.patches(rows, { length }, { stride })
  return with_lead(frames, lead, { tools.size(frames, 1), length })
end

op("extract_sequences", "x, sequence_length:int, sequence_stride:int",
  "Pieces of the last axis, each sequence_stride behind the one before.",
  function (x, length, stride)
    check_steps("extract_sequences", length, stride)
    need_axes("extract_sequences", x, 1)
    return tools.like(frames_of(x, length, stride), x)
  end)

local periodic = { hann = { 0.5, -0.5 }, hamming = { 0.54, -0.46 } }

-- The window, with zeros around it up to fft_length; nil for none.
local function window_of(name, given, length, fft_length)
  if not given then return nil end
  local weights = periodic[given]
  if type(given) == "string" and not weights then
    core.raise("%s: window must be \"hann\", \"hamming\" or a tensor, got \"%s\"", name, given)
  end
  local w = weights and core.tensor(cosines(length, length, weights), { dtype = "float32" })
    or tools.float(tools.tensor(name, given))
  if w.rank ~= 1 or w.shape[1] ~= length then
    core.raise("%s: window has sequence_length = %d numbers, its shape is %s", name, length,
      tools.shape_text(w.shape))
  end
  local before = (fft_length - length) // 2
  return tools.pad(w, 0, before, fft_length - length - before, 0, fft_length)
end

local function check_stft(name, length, stride, fft_length)
  check_steps(name, length, stride)
  if fft_length < length then
    core.raise("%s: fft_length must be sequence_length or more, got %d < %d", name, fft_length,
      length)
  end
end

op("stft", "x, sequence_length:int, sequence_stride:int, fft_length:int, window:any?=\"hann\", "
  .. "center:bool=true", "The transforms of pieces of the last axis under a window: two results, "
  .. "(..., pieces, fft_length / 2 + 1).", function (x, length, stride, fft_length, window, center)
  check_stft("stft", length, stride, fft_length)
  need_axes("stft", x, 1)
  if not tools.is_float(x) then core.raise("stft: x must be a float, it is %s", x.dtype) end
  local w = window_of("stft", window, length, fft_length)
  if center then
    local time, half = x.shape[x.rank], fft_length // 2
    if time and time <= half then
      core.raise("stft: x has %d steps; to be mirrored at its ends it needs more than "
        .. "fft_length // 2 = %d (center = false mirrors nothing)", time, half)
    end
    local pads = {}
    for i = 1, x.rank do pads[i] = { 0, 0 } end
    pads[x.rank] = { half, half }
    x = ops.pad(x, pads, { mode = "reflect" })
  end
  local frames = frames_of(x, fft_length, stride)
  return ops.rdft(w and frames * w or frames)
end, { file_class = "math.STFT" })

-- The window that undoes another, where pieces overlap: over the sum of its squares.
local function inverse_window(w, stride)
  local data, sums = w:totable(), {}
  for i, x in ipairs(data) do sums[i % stride] = (sums[i % stride] or 0) + x * x end
  for i, x in ipairs(data) do
    local sum = sums[i % stride]
    data[i] = sum == 0 and 0 or x / sum
  end
  return core.tensor(data, { dtype = "float32" })
end

-- (..., pieces, n) added up, each `stride` behind the one before.
local function overlapped(frames, n, stride)
  local lead, pieces = leading(frames, 2), tools.size(frames, frames.rank - 2)
  local rows = ops.reshape(frames, { -1, pieces, n })
  local first = ops.reshape(tools.part(tools.part(rows, 1, 0, 1), 2, 0, 1), { -1, 1, 1 })
  local total = n + stride * (pieces - 1)
  local like = ops.broadcast_to(first, { tools.size(rows, 0), total, 1 })
  local y = ops.fold_patches(rows, like, { n }, { stride })
  return with_lead(y, lead, { total }), total
end

op("istft", "x:tensors, sequence_length:int, sequence_stride:int, fft_length:int, length:int=nil, "
  .. "window:any?=\"hann\", center:bool=true", "The numbers whose stft is given as a pair.",
  function (x, sequence_length, stride, fft_length, length, window, center)
    check_stft("istft", sequence_length, stride, fft_length)
    local real = pair("istft", x)
    need_axes("istft", real, 2)
    local w = window_of("istft", window, sequence_length, fft_length)
    local frames = ops.irfft(x, fft_length)
    if w then
      if core.is_symbolic(w) then
        core.raise("istft: the window's numbers must be known")
      end
      frames = frames * inverse_window(w, stride)
    end
    local y, total = overlapped(frames, fft_length, stride)
    local start = center and fft_length // 2 or 0
    local left = tools.max(total - start, 0)
    if length then
      left = tools.min(left, length)
    elseif center then
      left = tools.max(left - fft_length // 2, 0)
    end
    return tools.part(y, y.rank - 1, tools.min(start, total), left)
  end, { file_class = "math.ISTFT" })
