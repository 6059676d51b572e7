-- The calls of golden/ops_calls.txt in which we do not do as Keras on TensorFlow, by reason.

local reasons = {
  ["as NumPy"] = [[
median(A{inf, -inf, 0})
median(A{inf, -inf, 0}, {axis=-1})
median(A{inf, -inf, 0}, {axis=0, keepdims=true})
quantile(A{inf, -inf, 0}, 0.5)
unravel_index(J{{1, 2}, {3, 0}}, {2, 2, 3})
max(F{0, 3}, {axis=1})
roll(F{2, 3}, 1, {axis={0, 1}})
arange(5, 0)
arange(0, 5, -1)
arange(-3)
pad(F{2, 3}, {{1, 0}, {0, 2}}, {mode="edge"})
mod(J{5}, J{0})
floor_divide(J{5}, J{0})
pad(F{2, 3}, 1)
pad(F{2, 3}, {1, 2})
pad(F{2, 3}, {{1, 2}})
]],
  ["with what is left, which is nothing; or with one number as one"] = [[
split(F{2, 6}, J(2), {axis=1})
image.extract_patches(F{1, 4, 4, 2}, 7)
reshape(F{0, 3}, {0, -1})
]],
  -- Keras on PyTorch does as we do.
  ["as another backend"] = [[
argmax(A{nan, 1, -2})
argmax(A{nan, 1, -2}, {axis=0})
argmax(A{nan, 1, -2}, {axis=-1})
argmin(A{nan, 1, -2})
argmin(A{nan, 1, -2}, {axis=0})
argmin(A{nan, 1, -2}, {axis=-1})
stft(F{12}, 3, 1, 4, {window="hann", center=true})
stft(F{12}, 3, 1, 4, {window="hamming", center=true})
stft(F{12}, 3, 1, 4, {window="hann", center=false})
stft(F{12}, 3, 1, 4, {window="hamming", center=false})
stft(F{12}, 5, 3, 8, {window="hann", center=true})
stft(F{12}, 5, 3, 8, {window="hamming", center=true})
stft(F{12}, 5, 3, 8, {window="hann", center=false})
stft(F{12}, 5, 3, 8, {window="hamming", center=false})
argmax(A{1, nan, 3})
argmin(A{1, nan, 3})
clip(F{3}, 1, -1)
conv(F{1, 4, 2}, F{2, 2, 3}, {strides=2, dilation_rate=2})
diag(F{3, 3}, {k=5})
dot_product_attention(F{1, 2, 2, 2}, F{1, 3, 1, 2}, F{1, 3, 1, 2})
image.extract_patches(F{1, 2, 4, 4}, 2, {data_format="channels_first"})
image.extract_patches(F{1, 4, 4, 2}, {2, 2}, {dilation_rate=2, strides=2})
isclose(A{1, nan, inf, -inf}, A{1, nan, inf, -inf}, {equal_nan=true})
isclose(A{1, nan, inf, -inf}, A{1, nan, inf, inf})
norm(F{2, 3, 4})
power(J{2}, J{-1})
rot90(F{2, 3}, {k=2})
searchsorted(A{1, 2, 2, 5}, A(2.0), {side="left"})
searchsorted(A{1, 2, 2, 5}, A(2.0), {side="right"})
searchsorted(A{1, 2, 3}, F{2, 2})
searchsorted(A{2}, A(2.0), {side="left"})
searchsorted(A{2}, A(2.0), {side="right"})
ctc_decode(F{1, 8, 3, seed=4}, J{8}, {strategy="beam_search", top_paths=3, beam_width=4})
ctc_decode(F{2, 6, 5}, J{4, 2}, {strategy="beam_search", mask_index=4, beam_width=5, top_paths=4})
ctc_decode(F{2, 6, 5}, J{6, 6}, {strategy="beam_search", mask_index=4, beam_width=5, top_paths=4})
ctc_loss(J{{1, 2}, {3, 3}}, F{2, 5, 4}, J{2, 2}, J{5, 5}, {mask_index=3})
cdist(I{2, 2, low=-4, high=5}, I{2, 2, low=-4, high=5})
nanmedian(I{3, 4, low=-4, high=5}, {axis=0, keepdims=true})
saturate_cast(J{1, -300, 300}, "float32")
trapezoid(F{3, 4}, {axis=-2, dx=2.0})
segment_sum(F{4}, J{0, 1, 0, 2}, {num_segments=2})
segment_sum(F{4, 2}, J{0, -1, 0, 5}, {num_segments=3})
sparse_categorical_crossentropy(J{0, 1, 1}, A{{0.2, 0.3, 0.5}, {0.1, 0.1, 0.8}}, {axis=0})
vstack({F{2, 3}, F{3}})
vstack({F{3}, F{2}})
vstack({F{3}, F{3, seed=2}})
einsum("...ij,...jk", F{2, 3, 4}, F{2, 4, 5})
einsum("...,...", F{2, 3}, F{3})
einsum("...i,...i", F{2, 1, 3}, F{4, 3})
einsum("ij,ij->ij", F{2, 1}, F{2, 3})
einsum("ij,jk->ik", F{2, 1}, F{3, 4})
einsum("ji", F{2, 3})
]],
  ["in an order that nobody asked for, or with places in any"] = [[
argpartition(J{3, 1, 2}, 0, {axis=false})
top_k(F{2, 2, 4}, 2, {sorted=false})
top_k(F{3, 5}, 2, {sorted=false})
top_k(F{7}, 2, {sorted=false})
top_k(I{3, 5, low=-4, high=5}, 2, {sorted=false})
top_k(J{5, 5, 1, 5}, 2, {sorted=false})
]],
  -- Keras refuses these in a functional model, and we refuse them everywhere.
  ["as functional models"] = [[
average(F{2, 3}, {weights=A{1, 2, 3}})
average_pool(F{1, 4, 2}, 5)
depthwise_conv(F{1, 4, 2}, F{5, 2, 3})
expand_dims(F{2, 3}, {0, 0})
flipud(A(1.0))
max_pool(F{1, 4, 2}, 5)
]],
  -- TensorFlow moves the block or takes what cannot be meant.
  ["refused as a mistake"] = [[
bincount(J{1, 2}, {minlength=-1})
image.extract_patches(F{1, 4, 4, 2}, 2, {strides=0})
slice_update(F{3, 4}, {-1, 0}, F{1, 2, seed=3})
slice_update(F{3, 4}, {2, 3}, F{2, 2, seed=3})
]],
  ["ours: -2 is the size of axis 0, and 3.0 is the whole number 3"] = [[
eye(3.0)
reshape(F{2, 3}, {-2, 3})
]],
  ["not here"] = [[
moments(F{2, 3}, {axes={0}, synchronized=true})
]],
  -- Elimination ends in NaN where substitution meets an infinity.
  ["singular triangles are NaN"] = [[
solve_triangular(A{{1, 2}, {0, 0}}, A{1, 2})
]],
}

local differs = {}
for reason, lines in pairs(reasons) do
  for line in lines:gmatch "[^\n]+" do differs[line] = reason end
end
return differs
