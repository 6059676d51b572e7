-- k.datasets: what keras.datasets has, read from files of this machine.
--
--   local x_train, y_train, x_test, y_test = k.datasets.mnist.load_data()
--
-- Keras's two pairs come as four results.

local function images() return require "lunula.datasets.images" end
local function words() return require "lunula.datasets.words" end
local function housing() return require "lunula.datasets.housing" end

local homes = {
  mnist = images, fashion_mnist = images, cifar10 = images, cifar100 = images,
  imdb = words, reuters = words,
  boston_housing = housing, california_housing = housing,
}

return setmetatable({}, {
  __index = function(self, name)
    if not homes[name] then return nil end
    self[name] = homes[name]()[name]
    return self[name]
  end,
  __pairs = function (self)
    for name in pairs(homes) do local _ = self[name] end
    return next, self, nil
  end,
})
