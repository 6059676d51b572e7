return {
  adaptive_pooling = "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D "
    .. "AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D",
  global_pooling = "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D "
    .. "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GlobalAvgPool1D GlobalAvgPool2D "
    .. "GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D",
  pooling = "AveragePooling1D AveragePooling2D AveragePooling3D MaxPooling1D MaxPooling2D "
    .. "MaxPooling3D AvgPool1D AvgPool2D AvgPool3D MaxPool1D MaxPool2D MaxPool3D",
}
