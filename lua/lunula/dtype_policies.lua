-- keras.dtype_policies: names, of which float32 alone is here. A policy is what Keras's files write
-- for one, with the types beside it, and serves as the dtype of a layer.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"

local policies = {}

-- A name, a policy, or what a file has for it.
local function name_of(value)
  if type(value) == "table" and type(value.config) == "table" then return value.config.name end
  return value
end

local function policy(value)
  local name, _, why = kinds.policy.check(name_of(value))
  if not name then
    core.raise("%s", why or "a dtype policy is wanted, got " .. declare.show(value))
  end
  return {
    module = "keras", class_name = "DTypePolicy", config = { name = name },
    name = name, compute_dtype = name, variable_dtype = name,
  }
end

-- A policy as Keras describes one; float32 is all there is.
function policies.DTypePolicy(options)
  if type(options) == "table" and not options.config then options = options.name or options[1] end
  return policy(options == nil and "float32" or options)
end
policies.FloatDTypePolicy = policies.DTypePolicy

-- The policy of a name or of a description; float32 where none is said.
function policies.get(identifier)
  return policy(identifier == nil and "float32" or identifier)
end

-- The policy as plain data.
function policies.serialize(value)
  local made = policy(value)
  return { module = made.module, class_name = made.class_name, config = made.config }
end

policies.deserialize = policy

for name, why in pairs {
  DTypePolicyMap = "one policy, float32, is all there is to map to",
  QuantizedDTypePolicy = "weights are float32, there is no quantization",
  QuantizedFloat8DTypePolicy = "weights are float32, there is no quantization",
  AWQDTypePolicy = "weights are float32, there is no quantization",
  GPTQDTypePolicy = "weights are float32, there is no quantization",
  Int4DTypePolicy = "weights are float32, there is no quantization",
} do
  -- Not here, and it says so: float32 is the one policy, and weights are not quantized.
  policies[name] = function () core.raise("%s: %s", name, why) end
end

return policies
