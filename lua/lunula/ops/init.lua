-- ops: the rows of C and the composites of this folder, one catalogue. A family is loaded when one
-- of its composites is first asked for, all of them when the ops are listed.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

-- The composites of each file, among them those that complete a row of C.
local families = {
  { "math", "absolute true_divide fabs log2 log10 exp2 cbrt hypot logaddexp logaddexp2 "
    .. "divide_no_nan round fmod signbit heaviside clip deg2rad rad2deg sinc diff isposinf "
    .. "isneginf nan_to_num fmax fmin isclose where select erfc" },
  { "reduce", "max min prod cumsum amax amin any all count_nonzero allclose mean average var "
    .. "std ptp logsumexp cumprod nansum nanprod nanmax nanmin nanmean nanvar nanstd "
    .. "nanargmax nanargmin nancumsum nancumprod trapezoid" },
  { "shape", "expand_dims squeeze ravel swapaxes moveaxis slice repeat repeat_elements tile "
    .. "fliplr flipud roll rot90 pad" },
  { "join", "stack append hstack vstack dstack split array_split vsplit dsplit hsplit unstack" },
  { "fill", "full full_like zeros ones empty empty_like" },
  { "make", "copy arange linspace logspace eye identity tri tril triu diag diagflat diagonal trace "
    .. "vander one_hot multi_hot meshgrid geomspace" },
  { "index", "take take_along_axis slice_update scatter scatter_update segment_sum "
    .. "segment_max segment_min segment_prod searchsorted digitize isin in_top_k bincount "
    .. "unravel_index" },
  { "sort", "sort argsort argpartition top_k nonzero unique" },
  { "statistics", "quantile percentile median nanquantile nanpercentile nanmedian histogram "
    .. "corrcoef correlate cdist" },
  { "bits", "bitwise_invert left_shift right_shift lcm ldexp saturate_cast view real imag "
    .. "conjugate conj isreal angle" },
  { "get_item", "get_item" },
  { "einsum", "einsum" },
  { "linalg", "matmul dot vdot inner outer tensordot kron cross norm" },
  { "solve", "solve inv slogdet det solve_triangular cholesky cholesky_inverse lu_factor "
    .. "logdet qr" },
  { "decompose", "pinv matrix_rank lstsq" },
  { "fourier", "view_as_complex view_as_real polar fft fft2 ifft2 rfft irfft bartlett hanning "
    .. "hamming blackman kaiser extract_sequences stft istft" },
  { "blocks", "unfold fold space_to_depth depth_to_space psnr" },
  { "nn", "relu6 leaky_relu hard_sigmoid hard_silu hard_swish hard_tanh hard_shrink "
    .. "soft_shrink threshold sparse_sigmoid sparse_plus elu selu celu silu swish log_sigmoid "
    .. "softsign tanh_shrink squareplus softmax log_softmax glu sparsemax" },
  { "normalize", "moments normalize batch_normalization layer_normalization rms_normalization" },
  { "crossentropy", "categorical_crossentropy class_losses sparse_categorical_crossentropy "
    .. "binary_crossentropy" },
  { "attention", "dot_product_attention" },
  { "ctc", "ctc_loss ctc_decode" },
  { "conv", "conv depthwise_conv separable_conv conv_transpose max_pool average_pool "
    .. "adaptive_average_pool adaptive_max_pool" },
  { "image", "image.resize image.pad_images image.crop_images image.rgb_to_grayscale "
    .. "image.extract_patches image.rgb_to_hsv image.hsv_to_rgb image.extract_patches_3d "
    .. "image.gaussian_blur" },
  { "warp", "image.affine_transform image.perspective_transform image.elastic_transform" },
  { "sampling", "image.map_coordinates image.scale_and_translate image.sobel_edges image.ssim" },
  { "control", "cond switch while_loop fori_loop scan map vectorized_map custom_gradient "
    .. "associative_scan vectorize jvp" },
  { "einops", "rearrange" },
}

-- A file may ask for what it is about to define, and may be ended early, by a budget or for want of
-- memory.
local loading = {}

local function load(family)
  if loading[family] then return end
  loading[family] = true
  local ok, why = pcall(require, "lunula.ops." .. family)
  loading[family] = nil
  if not ok then error(why, 0) end
end

core.set_loader(function (wanted)
  if wanted then return load(wanted) end
  for _, family in ipairs(families) do load(family[1]) end
end)

for _, family in ipairs(families) do core.later(family[2], family[1]) end

local ops = core.ops

-- ---- the modules of Keras ----------------------------------------------------------------------

-- What Keras has in a module is what its files call by it. Functions that are no ops stand here.
local functions = {
  numpy = { array = true, ndim = true, size = true, bartlett = true, blackman = true,
    hamming = true, hanning = true, kaiser = true },
  image = { extract_patches_3d = true }, linalg = { eig = true },
  core = { convert_to_tensor = true, convert_to_numpy = true, dtype = true, is_tensor = true,
    shape = true },
}

local function module_of(row) return (row.file_class or "numpy"):match "^[^.]+" end

-- ops.image.resize is ops["image.resize"], which has no other name; ops.nn.relu is also ops.relu.
local function namespace(module)
  local prefix, own = module == "image" and "image." or "", functions[module] or {}
  return setmetatable({}, {
    __index = function (_, name)
      if type(name) ~= "string" then return nil end
      if own[name] then return ops[prefix .. name] end
      local row = core.catalogue(prefix .. name)
      return row and module_of(row) == module and ops[prefix .. name] or nil
    end,
    __pairs = function (self)
      for _ in pairs(ops) do end -- what is listed is loaded
      for name in pairs(own) do rawset(self, name, ops[prefix .. name]) end
      for _, row in ipairs(core.catalogue()) do
        if module_of(row) == module then
          rawset(self, row.name:sub(#prefix + 1), ops[row.name])
        end
      end
      return next, self
    end,
  })
end

for _, module in ipairs { "nn", "numpy", "linalg", "image", "core" } do
  ops[module] = namespace(module)
end

-- ---- facts about a tensor: plain values, not tensors ------------------------------------------

-- In a trace a size may not be known yet: then it is a scalar tensor.
ops.shape = tools.takes("ops.shape", "x", function (x)
  local sizes = x.shape
  for i, size in ipairs(sizes) do
    if not size and core.is_tensor(x) then sizes[i] = ops.dim(x, i - 1) end
  end
  return sizes
end)

-- The number of axes.
ops.ndim = tools.takes("ops.ndim", "x", function (x) return x.rank end)
-- How many numbers there are.
ops.size = tools.takes("ops.size", "x", function (x) return x.size end)
-- The type of the numbers, as "float32".
ops.dtype = tools.takes("ops.dtype", "x", function (x) return x.dtype end)
ops.is_tensor = core.is_tensor

-- Not here, and it says so: the eigenvalues of a general matrix are complex numbers. eigh takes
-- symmetric matrices.
ops.eig = tools.takes("ops.eig", "x", function ()
  core.raise("eig: eigenvalues of a general matrix are complex numbers, and there is no type for "
    .. "them: eigh takes symmetric matrices")
end)

local own_type = tools.takes("ops.convert_to_tensor", "x", function (x) return x end)

-- A tensor of a number, of nested tables or of a tensor, in that type if one is said.
local function to_tensor(x, dtype)
  if type(dtype) == "table" then dtype = dtype.dtype end
  if core.is_tensor(x) then return dtype and ops.cast(x, dtype) or x end
  return dtype and core.tensor(x, { dtype = dtype }) or own_type(x)
end
ops.convert_to_tensor, ops.array = to_tensor, to_tensor

-- ---- what cannot be had ------------------------------------------------------------------------

-- Not here, and it says so: there is no NumPy. t:totable() gives tables of numbers, t:tobytes()
-- the bytes, t:item() the number of a scalar.
function ops.convert_to_numpy()
  core.raise("convert_to_numpy: there is no NumPy here; t:totable() gives tables of numbers, "
    .. "t:tobytes() the bytes, t:item() the number of a scalar")
end

return ops
