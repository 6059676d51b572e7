-- Decompositions and Fourier transforms: what is refused, at the user's line, and that transforms
-- do not depend on how many threads or rows there are.

local k = require "lunula"
local core = require "lunula.core"
local harness = require "spec.support.ops_harness"
local ops = k.ops

local square = k.tensor { { 2, 1 }, { 1, 3 } }

describe("what is refused", function ()
  for name, case in pairs {
    eig = { function () ops.eig(square) end, "eig: eigenvalues of a general matrix" },
    svd = { function () ops.svd(k.tensor { 1, 2 }) end, "svd: x has matrices" },
    eigh = { function () ops.eigh(k.zeros { 2, 3 }) end, "eigh: square matrices are needed" },
    lstsq = { function () ops.lstsq(square, k.tensor { 1, 2, 3 }) end, "lstsq: a is a matrix" },
    pair = { function () ops.fft { square } end, "fft: x is a list of two tensors" },
    parts = { function () ops.fft { square, k.zeros { 2, 3 } } end, "the real part is %(2, 2%)" },
    window = { function () ops.stft(k.zeros { 9 }, 4, 2, 4, { window = "flat" }) end,
      "stft: window must be \"hann\", \"hamming\" or a tensor" },
    mirrored = { function () ops.stft(k.zeros { 4 }, 4, 2, 8) end,
      "stft: x has 4 steps; to be mirrored at its ends it needs more than fft_length // 2 = 4" },
    length = { function () ops.stft(k.zeros { 9 }, 4, 2, 2) end,
      "stft: fft_length must be sequence_length or more" },
    blocks = { function () ops.space_to_depth(k.zeros { 1, 3, 4, 1 }, 2) end,
      "space_to_depth: the size of axis 1 must be a multiple of 2" },
    rows = { function ()
      harness.op "rdft_back"(k.zeros { 2, 3 }, k.zeros { 2, 3 }, k.zeros { 5, 4 })
    end, "a spectrum of %(2, 3%) for rows of %(5, 4%)" },
    fold = { function () ops.fold(k.zeros { 1, 4, 3 }, 4, 2) end, "fold: 9 windows fit the size" },
    gradient = { function ()
      k.value_and_grad(function (x) return ops.sum((ops.svd(x))) end)(k.ones { 3, 2 })
    end, "say full_matrices=false" },
  } do
    it(name, function ()
      local line = debug.getinfo(case[1], "S").linedefined
      local ok, message = pcall(case[1])
      assert.is_false(ok)
      assert.matches(case[2], message)
      local told = tonumber(message:match "fourier_spec.lua:(%d+):")
      assert.is_true(told and told >= line and told <= line + 2, message)
    end)
  end
end)

describe("Fourier transforms of rows", function ()
  for _, n in ipairs { 12, 300, 514, 1031 } do
    it(("of %d: one row as among many, and back"):format(n), function ()
      local x = k.random.normal({ 40, n }, { seed = 7 })
      local before = core.threads()
      core.threads(1)
      local re, im = ops.rfft(x)
      core.threads(3)
      local re3, im3 = ops.rfft(x)
      core.threads(before)
      local one, imag = ops.rfft(x[18])
      assert.equal(re:tobytes(), re3:tobytes())
      assert.equal(im:tobytes(), im3:tobytes())
      assert.equal(one:tobytes(), re[18]:tobytes())
      assert.equal(imag:tobytes(), im[18]:tobytes())
      local again = ops.irfft({ re, im }, n)
      assert.is_true(ops.max(ops.abs(again - x)):item() < 1e-5)
    end)
  end
end)
