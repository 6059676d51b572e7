return {
  activity_regularization = "ActivityRegularization", alpha_dropout = "AlphaDropout",
  dropout = "Dropout", gaussian_dropout = "GaussianDropout", gaussian_noise = "GaussianNoise",
  spatial_dropout = "SpatialDropout1D SpatialDropout2D SpatialDropout3D",
}
