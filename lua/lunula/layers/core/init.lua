return {
  activation = "Activation", dense = "Dense", embedding = "Embedding", identity = "Identity",
  input_layer = "InputLayer", lambda = "Lambda", masking = "Masking",
}
