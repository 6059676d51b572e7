-- The network of train.c, compiled. The data are the host's, which trains it step by step.

local k = require "lunula"

k.set_random_seed(7)

local net = k.Sequential {
  k.Input { shape = { 2 } },
  k.layers.Dense { 24, activation = "relu" },
  k.layers.Dense { 24, activation = "relu" },
  k.layers.Dense { 1, activation = "sigmoid" },
}
net:compile {
  optimizer = k.optimizers.Adam(0.01), loss = "binary_crossentropy", metrics = { "accuracy" },
}

_G.net = net   -- the host finds it by this name
