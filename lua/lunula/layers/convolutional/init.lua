return {
  conv = "Conv1D Conv2D Conv3D Convolution1D Convolution2D Convolution3D",
  conv_transpose = "Conv1DTranspose Conv2DTranspose Conv3DTranspose Convolution1DTranspose "
    .. "Convolution2DTranspose Convolution3DTranspose",
  depthwise_conv = "DepthwiseConv1D DepthwiseConv2D DepthwiseConv3D",
  locally_connected = "LocallyConnected1D LocallyConnected2D",
  separable_conv = "SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D",
}
