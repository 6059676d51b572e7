"""Cases of the convolutions; the three-dimensional depthwise one is in layers_legacy.py."""

import keras
from keras import layers as L

from .cases import cases_of, mask, x

FIRST = {"data_format": "channels_first"}

case = cases_of("Conv1D")
case("valid", lambda: L.Conv1D(4, 3), x(2, 7, 3))
case("same", lambda: L.Conv1D(3, 3, padding="same"), x(2, 6, 2))
case("same even kernel", lambda: L.Conv1D(3, 4, padding="same"), x(2, 5, 2))
case("same strides 2", lambda: L.Conv1D(3, 3, strides=2, padding="same"), x(2, 6, 2))
case("same strides 2 odd length", lambda: L.Conv1D(3, 3, strides=2, padding="same"), x(2, 7, 2))
case("same strides 3", lambda: L.Conv1D(2, 2, strides=3, padding="same"), x(2, 8, 2))
case("valid strides 3", lambda: L.Conv1D(2, 2, strides=3), x(2, 9, 3))
case("causal", lambda: L.Conv1D(3, 3, padding="causal"), x(2, 6, 2))
case("causal dilation", lambda: L.Conv1D(3, 2, padding="causal", dilation_rate=3), x(2, 7, 2))
case("causal strides", lambda: L.Conv1D(3, 3, padding="causal", strides=2), x(2, 7, 2))
case("valid dilation", lambda: L.Conv1D(3, 3, dilation_rate=2), x(2, 8, 2))
case("same dilation", lambda: L.Conv1D(2, 3, dilation_rate=2, padding="same"), x(2, 6, 3))
case("groups", lambda: L.Conv1D(6, 3, groups=3), x(2, 6, 6))
case("groups same relu", lambda: L.Conv1D(4, 2, groups=2, padding="same", activation="relu"),
     x(2, 5, 4))
case("no bias tanh", lambda: L.Conv1D(3, 3, use_bias=False, activation="tanh"), x(2, 5, 2))
case("one tap", lambda: L.Conv1D(5, 1), x(2, 4, 3))
case("kernel as long as the input", lambda: L.Conv1D(2, 5), x(3, 5, 2))
case("channels first", lambda: L.Conv1D(3, 3, padding="same", strides=2, **FIRST), x(2, 2, 6))
case("channels first causal", lambda: L.Conv1D(3, 2, padding="causal", dilation_rate=2,
                                               **FIRST), x(2, 3, 6))
case("channels first groups", lambda: L.Conv1D(4, 3, groups=2, **FIRST), x(2, 4, 6))
case("destroys a mask", lambda: L.Conv1D(2, 3, padding="same"), x(2, 4, 2),
     masks=mask("1110 1100"))

case = cases_of("Conv2D")
case("valid", lambda: L.Conv2D(3, 3), x(2, 5, 6, 2))
case("same", lambda: L.Conv2D(3, 3, padding="same"), x(2, 4, 5, 2))
case("same even kernel", lambda: L.Conv2D(2, (2, 4), padding="same"), x(2, 4, 5, 2))
case("valid strides", lambda: L.Conv2D(2, (3, 2), strides=(2, 1)), x(2, 7, 4, 2))
case("same strides", lambda: L.Conv2D(2, (3, 5), strides=(2, 3), padding="same"), x(2, 6, 8, 2))
case("same strides odd", lambda: L.Conv2D(2, 3, strides=2, padding="same"), x(2, 5, 7, 2))
case("strides over the kernel", lambda: L.Conv2D(2, 1, strides=2, padding="same"), x(2, 5, 4, 3))
case("valid dilation", lambda: L.Conv2D(2, (3, 2), dilation_rate=(2, 3)), x(2, 6, 6, 2))
case("same dilation", lambda: L.Conv2D(2, 3, dilation_rate=2, padding="same"), x(2, 5, 6, 2))
case("groups", lambda: L.Conv2D(6, 3, groups=2, padding="same"), x(2, 4, 3, 4))
case("groups as many as channels", lambda: L.Conv2D(6, (2, 3), groups=3), x(2, 4, 4, 3))
case("no bias relu", lambda: L.Conv2D(3, 3, use_bias=False, activation="relu"), x(2, 4, 4, 2))
case("sigmoid with regularizers", lambda: L.Conv2D(
    2, 2, activation="sigmoid", kernel_regularizer="l2", bias_regularizer="l1",
    activity_regularizer="l2"), x(2, 3, 4, 2))
case("one by one", lambda: L.Conv2D(5, 1), x(2, 3, 4, 3))
case("row kernel", lambda: L.Conv2D(2, (1, 5), padding="same"), x(2, 3, 7, 2))
case("one channel", lambda: L.Conv2D(1, 3), x(1, 5, 5, 1))
case("many channels", lambda: L.Conv2D(17, 3, padding="same"), x(1, 4, 5, 9))
case("channels first", lambda: L.Conv2D(3, (3, 2), **FIRST), x(2, 2, 5, 4))
case("channels first same strides", lambda: L.Conv2D(3, 3, strides=2, padding="same", **FIRST),
     x(2, 2, 5, 6))
case("channels first groups", lambda: L.Conv2D(4, 3, groups=2, padding="same", **FIRST),
     x(2, 4, 4, 3))
case("channels first dilation", lambda: L.Conv2D(2, 3, dilation_rate=(1, 2), **FIRST),
     x(2, 2, 4, 6))
case("constraint in the config", lambda: L.Conv2D(
    2, 2, kernel_constraint=keras.constraints.MaxNorm(2.0, axis=[0, 1, 2])), x(1, 3, 3, 2))

case = cases_of("Conv3D")
case("valid", lambda: L.Conv3D(2, 2), x(2, 3, 4, 3, 2))
case("same", lambda: L.Conv3D(2, (3, 2, 3), padding="same"), x(1, 3, 4, 3, 2))
case("same strides", lambda: L.Conv3D(2, 3, strides=2, padding="same"), x(1, 4, 5, 3, 2))
case("valid strides", lambda: L.Conv3D(2, (2, 1, 2), strides=(1, 2, 2)), x(1, 3, 5, 4, 2))
case("valid dilation", lambda: L.Conv3D(2, 2, dilation_rate=(2, 1, 2)), x(1, 4, 3, 4, 2))
case("same dilation", lambda: L.Conv3D(1, 3, dilation_rate=2, padding="same"), x(1, 4, 3, 3, 2))
case("groups", lambda: L.Conv3D(4, 2, groups=2), x(1, 3, 3, 3, 4))
case("no bias tanh", lambda: L.Conv3D(2, (1, 2, 2), use_bias=False, activation="tanh"),
     x(2, 2, 3, 3, 2))
case("channels first", lambda: L.Conv3D(2, 2, padding="same", **FIRST), x(1, 2, 3, 2, 3))
case("channels first strides", lambda: L.Conv3D(2, (2, 3, 2), strides=(2, 1, 2), **FIRST),
     x(1, 2, 4, 3, 4))

case = cases_of("Conv1DTranspose")
case("valid", lambda: L.Conv1DTranspose(3, 3), x(2, 4, 2))
case("same", lambda: L.Conv1DTranspose(3, 3, padding="same"), x(2, 4, 2))
case("valid strides 2", lambda: L.Conv1DTranspose(2, 3, strides=2), x(2, 4, 3))
case("same strides 2", lambda: L.Conv1DTranspose(2, 3, strides=2, padding="same"), x(2, 4, 3))
case("valid strides over the kernel", lambda: L.Conv1DTranspose(2, 2, strides=3), x(2, 3, 2))
case("same strides over the kernel", lambda: L.Conv1DTranspose(2, 2, strides=3, padding="same"),
     x(2, 3, 2), engine="tensorflow")
case("same even kernel", lambda: L.Conv1DTranspose(2, 4, strides=2, padding="same"), x(2, 4, 2))
case("valid output padding", lambda: L.Conv1DTranspose(2, 3, strides=2, output_padding=1),
     x(2, 3, 2))
case("same output padding 0", lambda: L.Conv1DTranspose(2, 3, strides=2, padding="same",
                                                        output_padding=0), x(2, 4, 2))
case("same output padding 1", lambda: L.Conv1DTranspose(2, 4, strides=3, padding="same",
                                                        output_padding=1), x(2, 4, 2))
case("dilation valid", lambda: L.Conv1DTranspose(2, 3, dilation_rate=2), x(2, 4, 2))
case("dilation same", lambda: L.Conv1DTranspose(2, 3, dilation_rate=2, padding="same"), x(2, 5, 2))
case("channels first", lambda: L.Conv1DTranspose(3, 3, strides=2, padding="same",
                                                 activation="relu", **FIRST), x(2, 2, 4))
case("no bias", lambda: L.Conv1DTranspose(2, 2, use_bias=False), x(2, 3, 3))

case = cases_of("Conv2DTranspose")
case("valid", lambda: L.Conv2DTranspose(2, 3), x(2, 3, 4, 2))
case("same", lambda: L.Conv2DTranspose(3, 3, padding="same"), x(2, 3, 4, 2))
case("valid strides", lambda: L.Conv2DTranspose(2, (3, 2), strides=(2, 3)), x(2, 3, 2, 2))
case("same strides", lambda: L.Conv2DTranspose(2, 3, strides=2, padding="same"), x(2, 3, 4, 2))
case("same strides uneven", lambda: L.Conv2DTranspose(2, (4, 5), strides=(2, 3), padding="same"),
     x(1, 3, 3, 2))
case("valid output padding", lambda: L.Conv2DTranspose(2, 3, strides=2, output_padding=(1, 0)),
     x(1, 3, 3, 2))
case("same output padding", lambda: L.Conv2DTranspose(2, 3, strides=(2, 3), padding="same",
                                                      output_padding=(0, 2)), x(1, 3, 3, 2))
case("dilation", lambda: L.Conv2DTranspose(2, (3, 2), dilation_rate=(2, 1)), x(1, 3, 4, 2))
case("no bias tanh", lambda: L.Conv2DTranspose(2, 2, strides=2, use_bias=False,
                                               activation="tanh"), x(2, 3, 2, 3))
case("channels first valid", lambda: L.Conv2DTranspose(3, 2, strides=2, **FIRST), x(2, 2, 3, 2))
case("channels first same", lambda: L.Conv2DTranspose(2, 3, strides=2, padding="same", **FIRST),
     x(2, 3, 3, 2))

case = cases_of("Conv3DTranspose")
case("valid", lambda: L.Conv3DTranspose(2, 2), x(1, 2, 3, 2, 2))
case("same", lambda: L.Conv3DTranspose(2, 3, padding="same"), x(1, 2, 3, 3, 2))
case("valid strides", lambda: L.Conv3DTranspose(2, (2, 1, 3), strides=(2, 2, 1)), x(1, 2, 2, 3, 2))
case("same strides", lambda: L.Conv3DTranspose(1, 3, strides=2, padding="same"), x(1, 2, 3, 2, 2))
case("output padding", lambda: L.Conv3DTranspose(1, 3, strides=2, padding="same",
                                                 output_padding=1), x(1, 2, 2, 3, 2))
case("dilation", lambda: L.Conv3DTranspose(1, 2, dilation_rate=2), x(1, 2, 3, 2, 2))
case("channels first", lambda: L.Conv3DTranspose(2, 2, strides=2, use_bias=False, **FIRST),
     x(1, 2, 2, 3, 2))

case = cases_of("DepthwiseConv1D")
case("valid", lambda: L.DepthwiseConv1D(3), x(2, 6, 3))
case("multiplier", lambda: L.DepthwiseConv1D(3, depth_multiplier=2), x(2, 6, 3))
case("same", lambda: L.DepthwiseConv1D(4, padding="same", depth_multiplier=3), x(2, 5, 2))
case("strides", lambda: L.DepthwiseConv1D(3, strides=2, padding="same"), x(2, 6, 3))
case("valid strides", lambda: L.DepthwiseConv1D(2, strides=2, activation="relu"), x(2, 7, 3))
case("dilation", lambda: L.DepthwiseConv1D(3, dilation_rate=2, depth_multiplier=2), x(2, 7, 2))
case("no bias", lambda: L.DepthwiseConv1D(2, use_bias=False, dilation_rate=2, padding="same"),
     x(2, 5, 3))
case("channels first", lambda: L.DepthwiseConv1D(3, depth_multiplier=2, padding="same", **FIRST),
     x(2, 3, 5))

case = cases_of("DepthwiseConv2D")
case("valid", lambda: L.DepthwiseConv2D(3), x(2, 5, 4, 3))
case("multiplier", lambda: L.DepthwiseConv2D((2, 3), depth_multiplier=2), x(2, 4, 4, 3))
case("same", lambda: L.DepthwiseConv2D(3, padding="same", depth_multiplier=2), x(2, 3, 4, 2))
case("same strides", lambda: L.DepthwiseConv2D(3, strides=2, padding="same"), x(2, 6, 5, 2))
case("valid strides", lambda: L.DepthwiseConv2D((2, 3), strides=2, depth_multiplier=2),
     x(1, 5, 6, 2))
case("dilation", lambda: L.DepthwiseConv2D(2, dilation_rate=(2, 3)), x(2, 4, 5, 2))
case("same dilation relu", lambda: L.DepthwiseConv2D(3, dilation_rate=2, padding="same",
                                                     activation="relu"), x(1, 5, 5, 3))
case("no bias", lambda: L.DepthwiseConv2D(2, use_bias=False, padding="same"), x(2, 3, 3, 2))
case("one channel", lambda: L.DepthwiseConv2D(3, depth_multiplier=4), x(1, 4, 4, 1))
case("channels first", lambda: L.DepthwiseConv2D(3, depth_multiplier=2, padding="same", **FIRST),
     x(2, 2, 4, 3))
case("channels first strides", lambda: L.DepthwiseConv2D(2, strides=2, **FIRST), x(2, 3, 4, 5))

case = cases_of("SeparableConv1D")
case("valid", lambda: L.SeparableConv1D(4, 3), x(2, 6, 3))
case("multiplier", lambda: L.SeparableConv1D(3, 3, depth_multiplier=2), x(2, 6, 2))
case("same strides", lambda: L.SeparableConv1D(3, 3, strides=2, padding="same"), x(2, 6, 2))
case("dilation", lambda: L.SeparableConv1D(2, 2, dilation_rate=3), x(2, 7, 3))
case("relu no bias", lambda: L.SeparableConv1D(3, 2, padding="same", use_bias=False,
                                               activation="relu"), x(2, 5, 2))
case("channels first", lambda: L.SeparableConv1D(3, 3, depth_multiplier=2, **FIRST), x(2, 2, 5))
case("regularized", lambda: L.SeparableConv1D(
    2, 2, depthwise_regularizer="l1", pointwise_regularizer="l2", bias_regularizer="l2"),
    x(2, 4, 2))

case = cases_of("SeparableConv2D")
case("valid", lambda: L.SeparableConv2D(4, 3), x(2, 5, 4, 3))
case("multiplier", lambda: L.SeparableConv2D(3, (2, 3), depth_multiplier=2), x(2, 4, 4, 2))
case("same", lambda: L.SeparableConv2D(3, 3, padding="same"), x(2, 3, 4, 2))
case("same strides", lambda: L.SeparableConv2D(2, 3, strides=2, padding="same",
                                               depth_multiplier=2), x(2, 5, 6, 2))
case("dilation", lambda: L.SeparableConv2D(2, 2, dilation_rate=2), x(2, 4, 5, 3))
case("tanh no bias", lambda: L.SeparableConv2D(3, 2, use_bias=False, activation="tanh"),
     x(2, 3, 4, 2))
case("channels first", lambda: L.SeparableConv2D(3, 3, depth_multiplier=2, padding="same",
                                                 **FIRST), x(2, 2, 4, 3))
case("channels first strides", lambda: L.SeparableConv2D(2, 2, strides=2, **FIRST),
     x(2, 3, 4, 5))
