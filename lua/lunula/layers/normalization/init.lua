return {
  batch_normalization = "BatchNormalization", group_normalization = "GroupNormalization",
  layer_normalization = "LayerNormalization", rms_normalization = "RMSNormalization",
  spectral_normalization = "SpectralNormalization", unit_normalization = "UnitNormalization",
}
