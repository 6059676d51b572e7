-- Where types or numbers of results differ from the recorded ones, and why: op -> a pattern for the
-- keys of the cases, and the type that ours has; without one only the numbers differ. Layers stand
-- with the types of their inputs.

local cut = "Keras cuts what is normalized to whole numbers, -1, 0 or 1"

return {
  pad = { cases = "/[14]:", why = "each backend of Keras reads {1, 2} and symmetric borders in its "
    .. "own way; ours is NumPy's, whose numbers ops_spec has" },
  einsum = { cases = "/%d+:b+$", ours = "bool", why = "PyTorch sums some products of booleans as "
    .. "int64; ours follow Keras's rule for all" },
  batch_normalization = { cases = ":i", ours = "float32", why = "TensorFlow cuts each step to "
    .. "whole numbers, and nothing is normalized" },
  dot_product_attention = { cases = ":", ours = "float32", why = "weights as whole numbers are all "
    .. "0" },
  sparsemax = { cases = ":", ours = "float32", why = "Keras's result does not sum to 1; ours is "
    .. "the nearest point of the simplex" },
  log = { cases = "/2:f", why = "a denormal counts as 0" },
  scatter_update = { cases = "/5:bif", why = "ours are true where the factor is not 0" },
  svd = { cases = "/[123458]:f", why = "the signs of vectors are free: ours are LAPACK's" },
  eigh = { cases = "/%d:f", why = "the signs of vectors are free: ours are LAPACK's" },
  lu_factor = { cases = "/1:f", why = "TensorFlow tells the order of rows, ours are LAPACK's "
    .. "exchanges, as on other backends" },
  stft = { cases = "/2:f", why = "a window of odd length is not periodic on TensorFlow" },
  ctc_decode = { cases = "/[34]:b", why = "of equally probable labels ours are the first ones" },
  psnr = { cases = "/1:ii", why = "TensorFlow cuts the mean of squares to a whole number" },
  ["image.map_coordinates"] = { cases = "/[567]:", why = "TensorFlow reflects at another cell "
    .. "than Keras says, PyTorch rounds booleans" },
  ["image.sobel_edges"] = { cases = ":i", why = "PyTorch puts zeros around images, TensorFlow "
    .. "mirrors them" },
  ["image.resize"] = { cases = "/9:i", why = "a pixel lies between two whole numbers" },
  ["image.affine_transform"] = { cases = ":b", ours = "bool", why = "PyTorch cuts booleans between "
    .. "pixels, ours are true where any part is" },
  quantile = { cases = "/[25]:.i", why = "nothing is above more than all elements" },
  nanquantile = { cases = "/1:.i", why = "nothing is above more than all elements" },
  geomspace = { cases = "/2:b", why = "no multiple of 0 is anything else" },

  ["layer LayerNormalization int32"] = { ours = "float32", why = cut },
  ["layer LayerNormalization bool"] = { ours = "float32", why = cut },
  ["layer GroupNormalization int32"] = { ours = "float32", why = cut },
  ["layer GroupNormalization bool"] = { ours = "float32", why = cut },
  ["layer RMSNormalization int32"] = { ours = "float32", why = cut },
  ["layer RMSNormalization bool"] = { ours = "float32", why = cut },
}
