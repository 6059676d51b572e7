return {
  batch_normalization = "BatchNormalization", layer_normalization = "LayerNormalization",
}
