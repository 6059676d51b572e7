return {
  activation = "Activation", dense = "Dense", einsum_dense = "EinsumDense",
  embedding = "Embedding", identity = "Identity", input_layer = "InputLayer", lambda = "Lambda",
  masking = "Masking", reversible_embedding = "ReversibleEmbedding", wrapper = "Wrapper",
}
