-- k.config: the settings of a program, those that ops read (ops/config.lua) and those of the rest.

local core = require "lunula.core"
local verbosity = require "lunula.utils.verbosity"

local config = {
  enable_interactive_logging = verbosity.enable_interactive_logging,
  disable_interactive_logging = verbosity.disable_interactive_logging,
  is_interactive_logging_enabled = verbosity.is_interactive_logging_enabled,
}

for name, setting in pairs(require "lunula.ops.config") do config[name] = setting end

function config.backend() return "lunula" end

-- A policy is its name.
function config.dtype_policy() return "float32" end

function config.set_dtype_policy(policy)
  if type(policy) == "table" then policy = policy.name end
  if policy ~= "float32" then
    core.raise("set_dtype_policy: layers compute in float32, the policy %s is not supported; a "
      .. "model is saved in less by model:save(path, { dtype = \"float16\" })", tostring(policy))
  end
end

return config
