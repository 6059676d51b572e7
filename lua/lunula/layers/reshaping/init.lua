return {
  cropping = "Cropping1D Cropping2D Cropping3D", flatten = "Flatten", permute = "Permute",
  repeat_vector = "RepeatVector", reshape = "Reshape",
  up_sampling = "UpSampling1D UpSampling2D UpSampling3D",
  zero_padding = "ZeroPadding1D ZeroPadding2D ZeroPadding3D",
}
