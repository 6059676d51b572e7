-- A convolutional autoencoder that takes the noise out of digits. Its pictures are drawn into
-- autoencoder.svg of the folder for temporary files: noisy ones above, cleaned ones below.
--
--   lua5.4 examples/autoencoder.lua

local k = require "lunula"
local layers = k.layers

local folder = debug.getinfo(1, "S").source:match "^@(.*/)" or "./"
local digits = dofile(folder .. "digits.lua")

k.set_random_seed(3)

local function with_noise(x)
  return k.ops.clip(x + k.random.normal(x.shape, 0, 0.3), 0, 1)
end

local x_train, x_test = digits(2000), digits(200)
local noisy_train, noisy_test = with_noise(x_train), with_noise(x_test)

local input = k.Input { shape = { 12, 12, 1 } }
local x = layers.Conv2D { 24, 3, activation = "relu", padding = "same" } (input)
x = layers.MaxPooling2D { 2, padding = "same" } (x)
x = layers.Conv2D { 24, 3, activation = "relu", padding = "same" } (x)
x = layers.Conv2DTranspose { 24, 3, strides = 2, activation = "relu", padding = "same" } (x)
x = layers.Conv2D { 1, 3, activation = "sigmoid", padding = "same" } (x)

local autoencoder = k.Model { inputs = input, outputs = x, name = "autoencoder" }
autoencoder:compile { optimizer = "adam", loss = "binary_crossentropy" }
autoencoder:fit(noisy_train, x_train, { epochs = 10, batch_size = 32, shuffle = true,
  validation_data = { noisy_test, x_test } })

local cleaned = autoencoder:predict(noisy_test)
local function error_of(y) return k.ops.mean((y - x_test) ^ 2):item() end
local before, after = error_of(noisy_test), error_of(cleaned)
print(("mean squared error: noisy %.4f, cleaned %.4f"):format(before, after))

local first = { 0, 0, 0, 0 }
local some = { 8, 12, 12, 1 }
local path = (os.getenv "TMPDIR" or "/tmp") .. "/autoencoder.svg"
k.utils.plot_images(k.ops.concatenate({ noisy_test:slice(first, some), cleaned:slice(first, some) },
  0), path, { cols = 8 })
print("drawn into " .. path)
assert(after < before * 0.6, "the error should be well below what it was")

return after / before
