return {
  elu = "ELU", leaky_relu = "LeakyReLU", prelu = "PReLU", relu = "ReLU", softmax = "Softmax",
}
