-- K: the function names of Keras 1 and 2, as scripts from those days use them. Most are today's ops
-- under the same name; those whose defaults or rules differ are written out by family in the files
-- beside this one. Also the settings floatx, epsilon and image_data_format.

local config = require "lunula.ops.config"
local ops = require "lunula.ops"

local K = {}

for _, name in ipairs { "floatx", "set_floatx", "epsilon", "set_epsilon", "image_data_format",
  "set_image_data_format" } do
  K[name] = config[name]
end

for name, value in pairs(require "lunula.types") do K[name] = value end

-- Same name, same rule.
for _, name in ipairs { "abs", "all", "any", "cast", "cos", "equal", "exp", "greater",
  "greater_equal", "less", "less_equal", "log", "log_softmax", "logsumexp", "max", "maximum",
  "mean", "min", "minimum", "not_equal", "one_hot", "ones_like", "prod", "round", "sigmoid",
  "sign", "sin", "softplus", "softsign", "square", "stack", "std", "stop_gradient", "sum", "tanh",
  "var", "zeros_like", "reshape", "repeat_elements", "map", "binary_crossentropy",
  "categorical_crossentropy", "sparse_categorical_crossentropy" } do
  K[name] = ops[name]
end

-- Other rules, by family.
for _, family in ipairs { "values", "facts", "elementwise", "axes", "shapes", "products",
  "windows", "losses", "random", "loops" } do
  for name, value in pairs(require("lunula.backend." .. family)) do K[name] = value end
end

return K
